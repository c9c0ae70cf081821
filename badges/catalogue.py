"""The badges there are: one for each template of each account, made by hand here or by synchronization."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from django.db import transaction
from django.db.models import Exists, OuterRef, Q, QuerySet
from django.db.models.fields.json import KT
from django.utils.translation import gettext as _

from badges import activation
from badges.activation import (
    Look,
    hold_waiting,
    is_same_template,
    require_enabled_account,
    require_live_template,
)
from badges.hints import SWEEP
from badges.models import Badge, IssuedBadge
from providers.availability import make_available
from providers.models import BadgeProvider
from tms import audit
from tms.access import Action, require
from tms.errors import DomainError
from tms.hint import hint
from tms.models import Organization

if TYPE_CHECKING:
    from tms.models import User

# What only a look at the provider tells (badges.synchronization writes it, too).
SEEN = ("template_state", "template_url", "template_data", "allows_duplicates", "synchronized_at")


def save_badge(
    badge: Badge,
    *,
    seen: Look | None = None,
    available_to: Iterable[Organization] | None = None,
    actor: User | None = None,
) -> Badge:
    """Store a badge. Activating it issues what was earned meanwhile: the hint leads to a look at all awards.

    `seen` is what the provider said of the template just before (activation.look), so that no request is
    made in here. A badge that was issued keeps its account and template: the provider knows it by them.
    """
    badge.template_id = badge.template_id.strip()
    with transaction.atomic():
        before = Badge.objects.select_for_update().filter(pk=badge.pk).first()
        require(actor, Action.MANAGE, badge.organization)
        if before:
            require(actor, Action.MANAGE, before)
            _keep_template(before, badge)
        _keep_what_was_seen(before, badge)
        if seen and seen.state and seen.is_of(badge):
            badge.template_state = seen.state
        was_active = before is not None and before.is_active and is_same_template(before, badge)
        if badge.is_active:
            require_enabled_account(badge)
        if badge.is_active and not was_active:
            require_live_template(badge, seen=seen)
        _check_available(badge)
        badge.full_clean()
        badge.save()
        given = {} if available_to is None else make_available(badge, available_to, actor=actor)
        audit.record_saved(before, badge, kind=audit.Kind.BADGE, actor=actor, more=given)
        if badge.is_active and not was_active:
            hint(SWEEP)
            hint("achievements.issue_earned")
        if before and before.is_active and not badge.is_active:
            hold_waiting([badge.pk], actor=actor)
    return badge


def set_active(badge: Badge, *, active: bool, actor: User | None) -> Look | None:
    """Activate or deactivate a badge that is stored; what the provider was found to say, if it was asked.

    No transaction may be open. Raises DomainError where the badge cannot be active.
    """
    require(actor, Action.MANAGE, badge)
    badge.is_active = active
    seen = activation.look(badge) if activation.needs_look(badge) else None
    save_badge(badge, seen=seen, actor=actor)
    return seen


def accounts_for(user: User) -> QuerySet[BadgeProvider]:
    """Accounts that `user` may make badges with: her own, and those made available to what she manages."""
    own = BadgeProvider.objects.for_user(user, Action.SEE)
    shared = BadgeProvider.objects.filter(available_to__in=Organization.objects.for_user(user, Action.MANAGE))
    return BadgeProvider.objects.filter(Q(pk__in=own.values("pk")) | Q(pk__in=shared.values("pk")))


def untouched(user: User) -> QuerySet[Badge]:
    """Badges that synchronization made and nobody has taken up: inactive, as their templates are, and neither
    issued nor shared."""
    rows = Badge.objects.for_user(user, Action.MANAGE).filter(
        is_active=False,
        enable_manual_issuance=False,
        template_state=Badge.TemplateState.LIVE,
        available_to=None,
        name=KT("template_data__name"),
    )
    return rows.exclude(Exists(IssuedBadge.objects.filter(badge=OuterRef("pk"))))


def _keep_what_was_seen(before: Badge | None, badge: Badge) -> None:
    """It may have been written since this form was opened; of another template nothing has been seen yet."""
    source = before if before and is_same_template(before, badge) else Badge()
    for name in SEEN:
        setattr(badge, name, getattr(source, name))


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
    changed = not is_same_template(before, badge)
    if changed and before.issued_badges.exists():
        message = _("This badge has been issued, so its provider and template stay as they are.")
        raise DomainError("badge_issued", message, fields={"template_id": [message]})
