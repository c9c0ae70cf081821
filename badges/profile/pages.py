"""The page of a badge, and what it does: turning the badge on, with what that comes to, and off."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from badges import addresses
from badges.activation import could_not_ask, foresee
from badges.catalogue import set_active
from badges.models import Badge
from badges.profile.facts import facts_of
from providers.models import BadgeProvider
from tms.access import Action
from tms.errors import DomainError

if TYPE_CHECKING:
    from tms.pages import SignedIn


@require_safe
def badge(request: SignedIn, pk: int) -> HttpResponse:
    rows = Badge.objects.for_user(request.user, Action.SEE)
    found = get_object_or_404(rows.select_related("organization", "badge_provider"), pk=pk)
    provider = found.badge_provider
    context = {
        "badge": found,
        "facts": facts_of(found, viewer=request.user),
        "issued_url": addresses.issued_badges(badge=found.pk),
        # An account of the organization above may be used and not seen.
        "sees_provider": BadgeProvider.objects.for_user(request.user, Action.SEE)
        .filter(pk=provider.pk)
        .exists(),
    }
    return render(request, "badges/profile/badge.html", context)


def _managed(request: SignedIn, pk: int) -> Badge:
    rows = Badge.objects.for_user(request.user, Action.MANAGE)
    return get_object_or_404(rows.select_related("badge_provider"), pk=pk)


@require_http_methods(["GET", "HEAD", "POST"])
def activate_badge(request: SignedIn, pk: int) -> HttpResponse:
    """The dialog that says what activating it will issue; a POST does it."""
    found = _managed(request, pk)
    if request.method != "POST":
        context = {"badge": found, "foreseen": foresee(found)}
        return render(request, "badges/profile/_activate.html", context)
    try:
        seen = set_active(found, active=True, actor=request.user)
    except DomainError as refusal:
        messages.error(request, refusal.message)
    else:
        messages.success(
            request, _("%(name)s is active. What was earned meanwhile is issued.") % {"name": found}
        )
        if seen and seen.problem:
            messages.warning(request, could_not_ask(seen))
    return redirect("badge", found.pk)


@require_POST
def deactivate_badge(request: SignedIn, pk: int) -> HttpResponse:
    found = _managed(request, pk)
    set_active(found, active=False, actor=request.user)
    messages.success(
        request, _("%(name)s is no longer active. What is earned from now on waits.") % {"name": found}
    )
    return redirect("badge", found.pk)
