"""When a badge ends by itself, and how one that is earned anew takes the place of one that has ended.

The end is chosen for one badge, or follows from the badge's number of days, or is the provider's own: its
template's, told when it has issued. Days are calendar days of the badge's organization.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from django.utils import timezone
from django.utils.translation import gettext as _

from badges.lifecycle import Move, move_all, move_each
from badges.models import IssuedBadge
from badges.status import TIMED_OUT, Status
from providers.reading import plausible
from tms.sql import Sql

if TYPE_CHECKING:
    from providers.base import ProviderBadge

# A provider that knows dates alone tells the one that it was given at another hour, or in another zone.
ROUNDING = timedelta(days=1)


def expiry_of(row: IssuedBadge) -> datetime | None:
    """The moment at which it is to end, at the hour at which it was earned; None: as the provider says."""
    if row.expires_at or row.badge.expires_after_days is None:
        return row.expires_at
    earned_at = row.earned_at.astimezone(ZoneInfo(row.badge.organization.time_zone))
    try:
        return earned_at + timedelta(days=row.badge.expires_after_days)
    except OverflowError:  # beyond the calendar
        return None


def agreed_expiry(row: IssuedBadge, there: ProviderBadge) -> datetime | None:
    """The end of a badge that the provider has: what it says, or our own more exact moment of the same."""
    asked, told = expiry_of(row), plausible(there.expires_at)
    if asked and told and abs(asked - told) <= ROUNDING:
        return asked
    return told or asked


def ended_at(issued: str) -> Sql:
    """When the issued badge of this name expired, also if another has taken its place since; else null."""
    ended = ", ".join(f"'{status.value}'" for status in TIMED_OUT)
    return Sql(
        f"CASE WHEN {issued}.status IN ({ended}) THEN COALESCE({issued}.expires_at, {issued}.earned_at) END"
    )


def expire_due(*, now: datetime | None = None) -> int:
    """End what is past its time; how many. Whoever may earn it anew is evaluated again (badges.lifecycle)."""
    due = IssuedBadge.objects.filter(expires_at__lte=now or timezone.now())
    return sum(
        move_all(
            due,
            from_status=status,
            to_status=Status.EXPIRED,
            reason=_("Its time is over."),
            correction_due_at=None,
        )
        for status in (Status.ISSUED, Status.ACCEPTED)
    )


def to_renew(row: IssuedBadge) -> str:
    """The expired badge at the provider whose place this one takes; empty where there is none."""
    return row.replaces.external_uuid if row.replaces else ""


def is_prolonged(row: IssuedBadge, there: ProviderBadge) -> bool:
    """Whether the badge at the provider is the one that `row` renews, and ends later than that did."""
    past = row.replaces
    if past is None or past.external_uuid != there.external_id or there.expires_at is None:
        return False
    return past.expires_at is None or there.expires_at > past.expires_at


def supersede(renewed: Sequence[tuple[IssuedBadge, ProviderBadge]]) -> None:
    """End the predecessors of badges that the provider put in their place, before these are linked to it.

    A vendor that prolongs a badge in place leaves its id to the successor: one row stands for one id.
    """
    steps = []
    for row, there in renewed:
        past = row.replaces
        if past is None or not past.external_uuid:
            continue
        if past.external_uuid in {there.external_id, there.replaces_id}:
            is_prolonged = past.external_uuid == there.external_id
            steps.append(
                Move(
                    issued_badge_id=past.pk,
                    from_status=Status.EXPIRED,
                    to_status=Status.SUPERSEDED,
                    reason=_("Renewed."),
                    data={"external_uuid": past.external_uuid, "renewed_by": row.pk},
                    changes={"external_uuid": "" if is_prolonged else past.external_uuid},
                )
            )
    move_each(steps)
