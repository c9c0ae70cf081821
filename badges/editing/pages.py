"""Pages that make and change a badge, and the dialogs of their form."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.contrib import messages
from django.http import Http404, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_http_methods
from django_htmx.http import trigger_client_event

from badges.activation import could_not_ask
from badges.catalogue import accounts_for, untouched
from badges.editing.choosers import accounts_chooser, templates_chooser
from badges.editing.forms import BadgeForm
from badges.models import Badge
from tms.access import Action, may
from tms.edit_page import EditPage
from tms.finding.chooser import choose, ids_of

if TYPE_CHECKING:
    from providers.models import BadgeProvider
    from tms.models import User
    from tms.pages import SignedIn

PAGE = EditPage(
    template="badges/editing/edit.html",
    create=gettext_lazy("Create Badge"),
    edit=gettext_lazy("Edit Badge"),
    plural=gettext_lazy("Find Badges"),
    found="find-badges",
    profile="badge",
)


@require_http_methods(["GET", "HEAD", "POST"])
def create_badge(request: SignedIn) -> HttpResponse:
    """What a synchronization brought becomes a badge by this form as well, though it has a row already."""
    _require_manager(request.user)
    waiting = _waiting(request) if request.method == "POST" else None
    return _edit(request, waiting or Badge(), is_new=True)


@require_http_methods(["GET", "HEAD", "POST"])
def edit_badge(request: SignedIn, pk: int) -> HttpResponse:
    rows = Badge.objects.for_user(request.user, Action.MANAGE)
    badge = get_object_or_404(rows.select_related("organization", "badge_provider"), pk=pk)
    return _edit(request, badge, is_new=False)


def _require_manager(user: User) -> None:
    if not may(user, Action.MANAGE):
        raise Http404


def _waiting(request: SignedIn) -> Badge | None:
    account = ids_of([request.POST.get("badge_provider", "")])
    template_id = request.POST.get("template_id", "").replace("\0", "").strip()
    return untouched(request.user).filter(badge_provider__in=account, template_id=template_id).first()


def _edit(request: SignedIn, badge: Badge, *, is_new: bool) -> HttpResponse:
    name, was_active = badge.name, badge.is_active
    given = {"badge_provider": request.GET.get("badge_provider")} if is_new and not badge.pk else {}
    form = BadgeForm(request.POST or None, instance=badge, user=request.user, initial=given)
    if request.method == "POST" and form.save_badge():
        messages.success(request, _("%(name)s was saved.") % {"name": badge})
        if badge.is_active and not was_active:
            messages.info(request, _("It is active: what was earned meanwhile is issued."))
        if form.seen and form.seen.problem:
            messages.warning(request, could_not_ask(form.seen))
        return redirect("badge", badge.pk)
    return PAGE.show(request, form, row=badge, name=name, is_new=is_new, badge=badge)


@require_http_methods(["GET", "HEAD", "POST"])
def choose_badge_provider(request: SignedIn) -> HttpResponse:
    """The dialog **Choose Badge Provider**. The page is told what was chosen, and shows it."""
    _require_manager(request.user)
    chosen = ids_of([request.GET.get("badge_provider", "")])
    answer = choose(request, accounts_chooser(request.user), chosen=chosen)
    if isinstance(answer, HttpResponse):
        return answer
    account = accounts_for(request.user).filter(pk__in=answer.chosen).first()
    told = {"id": account.pk, "name": account.name} if account else None
    return _told("badge-provider-chosen", told)


@require_http_methods(["GET", "HEAD", "POST"])
def choose_template(request: SignedIn) -> HttpResponse:
    """The dialog **Synchronized Templates** of one account."""
    _require_manager(request.user)
    chooser = templates_chooser(request.user, _account(request))
    answer = choose(request, chooser)
    if isinstance(answer, HttpResponse):
        return answer
    badge = chooser.rows.filter(pk__in=answer.chosen).first()
    texts = ("template_id", "name", "description", "image_url")
    return _told("template-chosen", {name: getattr(badge, name) for name in texts} if badge else None)


def _account(request: SignedIn) -> BadgeProvider | None:
    given = request.POST if request.method == "POST" else request.GET
    return accounts_for(request.user).filter(pk__in=ids_of([given.get("badge_provider", "")])).first()


def _told(event: str, detail: dict[str, object] | None) -> HttpResponse:
    response = HttpResponse(status=204)
    if detail:
        trigger_client_event(response, event, detail)
    return trigger_client_event(response, "close-dialog")
