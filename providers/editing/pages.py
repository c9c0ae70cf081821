"""Pages that make and change an account, and what its profile does to it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.contrib import messages
from django.http import Http404, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods, require_POST

from providers import accounts, health
from providers.editing.forms import BadgeProviderForm
from providers.models import BadgeProvider
from tms.access import Action, may
from tms.edit_page import EditPage
from tms.errors import DomainError

if TYPE_CHECKING:
    from tms.models import User
    from tms.pages import SignedIn

PROFILE = "badge-provider"  # badges.accounts, above this app
PAGE = EditPage(
    template="providers/edit.html",
    create=gettext_lazy("Create Badge Provider"),
    edit=gettext_lazy("Edit Badge Provider"),
    plural=gettext_lazy("Find Badge Providers"),
    found="find-badge-providers",
    profile=PROFILE,
)


def managed(user: User, pk: int) -> BadgeProvider:
    rows = BadgeProvider.objects.for_user(user, Action.MANAGE)
    return get_object_or_404(rows.select_related("organization"), pk=pk)


@sensitive_post_parameters("new_token")
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def create_badge_provider(request: SignedIn) -> HttpResponse:
    if not may(request.user, Action.MANAGE):
        raise Http404
    return _edit(request, BadgeProvider())


@sensitive_post_parameters("new_token")
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def edit_badge_provider(request: SignedIn, pk: int) -> HttpResponse:
    return _edit(request, managed(request.user, pk))


def _edit(request: SignedIn, provider: BadgeProvider) -> HttpResponse:
    is_new = provider.pk is None
    name = provider.name
    form = BadgeProviderForm(request.POST or None, instance=provider, user=request.user)
    if request.method == "POST" and form.save_account():
        messages.success(request, _("%(name)s was saved.") % {"name": provider})
        if provider.is_to_be_checked:
            _check(request, provider)
        return redirect(PROFILE, provider.pk)
    return PAGE.show(request, form, row=provider, name=name, is_new=is_new, provider=provider)


@require_POST
def check_badge_provider(request: SignedIn, pk: int) -> HttpResponse:
    provider = managed(request.user, pk)
    _check(request, provider)
    return redirect(PROFILE, provider.pk)


def _check(request: SignedIn, provider: BadgeProvider) -> None:
    """Ask the provider, and tell what it said. No transaction may be open."""
    checkup = health.check(provider, actor=request.user)
    messages.add_message(request, messages.SUCCESS if checkup.works else messages.ERROR, checkup.sentence)


@require_POST
def pause_badge_provider(request: SignedIn, pk: int) -> HttpResponse:
    provider = managed(request.user, pk)
    try:
        accounts.pause_by_hand(provider, reason=request.POST.get("reason", ""), actor=request.user)
    except DomainError as refusal:
        messages.error(request, refusal.message)
    else:
        messages.success(request, _("%(name)s is paused: nothing is sent through it.") % {"name": provider})
    return redirect(PROFILE, provider.pk)


@require_POST
def resume_badge_provider(request: SignedIn, pk: int) -> HttpResponse:
    provider = managed(request.user, pk)
    accounts.resume(provider, actor=request.user)
    messages.success(request, _("%(name)s goes on: what waited for it is sent.") % {"name": provider})
    return redirect(PROFILE, provider.pk)


@require_POST
def renew_webhook_address(request: SignedIn, pk: int) -> HttpResponse:
    provider = managed(request.user, pk)
    try:
        accounts.renew_webhook_address(provider, actor=request.user)
    except DomainError as refusal:
        messages.error(request, refusal.message)
    else:
        messages.success(
            request,
            _("%(name)s has a new webhook address. The old one is no longer answered: tell the provider.")
            % {"name": provider},
        )
    return redirect(PROFILE, provider.pk)
