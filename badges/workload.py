"""What an account has to do: what waits for it, what failed, and when it issued last."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING

from django.db.models import Count

from badges.models import IssuedBadge, IssuingEvent
from badges.status import Status

if TYPE_CHECKING:
    from providers.models import BadgeProvider

# Each group has an index of its own (badges.models.issued_badges), which one statement for all would not use.
GROUPS = (
    (Status.QUEUED,),
    (Status.HELD, Status.SENDING, Status.UNKNOWN, Status.REVOKING),
    (Status.FAILED,),
)
# The latest rows are not always issued in the order of their ids.
LOOKED_AT = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class Workload:
    """`failure` is what was told when the latest of those that failed did."""

    counts: dict[Status, int] = field(default_factory=dict)
    issued_at: datetime | None = None
    failed_at: datetime | None = None
    failure: str = ""


def workload_of(provider: BadgeProvider) -> Workload:
    """At most five queries, of which none reads what was issued long ago unless there is nothing newer."""
    rows = IssuedBadge.objects.filter(badge__badge_provider=provider)
    counts: dict[Status, int] = {}
    for group in GROUPS:
        found = rows.filter(status__in=group).order_by().values_list("status").annotate(Count("pk"))
        counts |= {Status(status): count for status, count in found}
    issued = rows.filter(issued_at__isnull=False).order_by("-pk").values_list("issued_at", flat=True)
    failed = IssuingEvent.objects.filter(
        to_status=Status.FAILED, issued_badge__status=Status.FAILED, issued_badge__in=rows
    )
    latest = (
        failed.select_related("issued_badge").order_by("-pk").first() if Status.FAILED in counts else None
    )
    return Workload(
        counts=counts,
        issued_at=max(filter(None, issued[:LOOKED_AT]), default=None),
        failed_at=latest.at if latest else None,
        failure=(latest.issued_badge.provider_message or latest.issued_badge.failure_message)
        if latest
        else "",
    )
