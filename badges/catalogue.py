"""The badges there are: one for each template of each account. Synchronization will live here too."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.db import transaction
from django.utils.translation import gettext as _

from badges.models import Badge
from tms.access import Action, require
from tms.errors import DomainError
from tms.hint import hint

if TYPE_CHECKING:
    from tms.models import User


def save_badge(badge: Badge, *, actor: User | None = None) -> Badge:
    """Store a badge. Activating it issues what was earned meanwhile: the hint leads to a look at all awards.

    A badge that was issued keeps its account and template: the provider knows it by them.
    """
    with transaction.atomic():
        before = Badge.objects.select_for_update().filter(pk=badge.pk).first()
        require(actor, Action.MANAGE, badge.organization)
        if before:
            require(actor, Action.MANAGE, before)
            _keep_template(before, badge)
        if badge.is_active and not badge.badge_provider.is_enabled:
            message = _("The badge provider %(name)s is disabled.") % {"name": badge.badge_provider}
            raise DomainError("provider_disabled", message, fields={"is_active": [message]})
        _check_available(badge)
        badge.full_clean()
        badge.save()
        if badge.is_active and not (before and before.is_active):
            hint("badges.sweep")
            hint("achievements.issue_earned")
    return badge


def _check_available(badge: Badge) -> None:
    """An organization's own accounts, and those made available to it."""
    provider = badge.badge_provider
    if provider.organization_id == badge.organization_id:
        return
    if provider.available_to.filter(pk=badge.organization_id).exists():
        return
    message = _("The badge provider %(name)s is not available to this organization.") % {"name": provider}
    raise DomainError("provider_not_available", message, fields={"badge_provider": [message]})


def _keep_template(before: Badge, badge: Badge) -> None:
    changed = (before.badge_provider_id, before.template_id) != (badge.badge_provider_id, badge.template_id)
    if changed and before.issued_badges.exists():
        message = _("This badge has been issued, so its provider and template stay as they are.")
        raise DomainError("badge_issued", message, fields={"template_id": [message]})
