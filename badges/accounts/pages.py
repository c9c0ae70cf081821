"""Pages of an account that need its badges: its profile, and its synchronization.

A synchronization is seen before it is made: what it would change is a record of its own, as what it changed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from badges import addresses, comparison
from badges.accounts.profile import profile_of, profiled
from badges.models import Synchronization
from badges.synchronization import PATIENCE, described, summary, synchronize
from providers.editing.pages import managed
from tms.access import Action
from tms.errors import DomainError

if TYPE_CHECKING:
    from tms.pages import SignedIn


@require_safe
def badge_provider(request: SignedIn, pk: int) -> HttpResponse:
    provider = get_object_or_404(profiled(request.user), pk=pk)
    context = {
        "provider": provider,
        "profile": profile_of(provider, viewer=request.user),
        "badges_url": addresses.badges(provider=provider.pk),
    }
    return render(request, "badges/accounts/profile.html", context)


@require_POST
def sync_badge_provider(request: SignedIn, pk: int) -> HttpResponse:
    """A dry run unless the form says `sync`; either is shown by its record."""
    provider = managed(request.user, pk)
    dry_run = "sync" not in request.POST
    try:
        record = synchronize(provider, actor=request.user, dry_run=dry_run, seconds=PATIENCE)
    except DomainError as refusal:
        messages.error(request, refusal.message)
        return redirect("badge-provider", provider.pk)
    return redirect("synchronization", provider.pk, record.pk)


@require_safe
def synchronization(request: SignedIn, pk: int, record_pk: int) -> HttpResponse:
    rows = Synchronization.objects.for_user(request.user, Action.SEE).filter(badge_provider=pk)
    record = get_object_or_404(rows.select_related("badge_provider", "actor"), pk=record_pk)
    newer = rows.filter(pk__gt=record.pk, is_dry_run=False, problem="").exists()
    context = {
        "record": record,
        "provider": record.badge_provider,
        "sentence": summary(record),
        "changes": described(record),
        # What has been synchronized since tells nothing of what a sync would change now.
        "may_sync": record.badge_provider.is_enabled and not (record.is_dry_run and newer),
        "is_old": record.is_dry_run and newer,
    }
    return render(request, "badges/accounts/synchronization.html", context)


@require_POST
def compare_badge_provider(request: SignedIn, pk: int) -> HttpResponse:
    provider = managed(request.user, pk)
    try:
        comparison.ask(provider, actor=request.user)
    except DomainError as refusal:
        messages.error(request, refusal.message)
    else:
        messages.success(request, _("%(name)s is compared now.") % {"name": provider})
    return redirect("badge-provider", provider.pk)
