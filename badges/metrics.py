"""Figures about issuing for monitoring."""

from __future__ import annotations

from django.db.models import Count, Min

from badges.models import IssuedBadge
from badges.status import Status
from tms.metrics import Metric, age_in_seconds


def _by_status() -> list[tuple[dict[str, str], float]]:
    counts = dict(IssuedBadge.objects.order_by().values_list("status").annotate(Count("pk")))
    return [({"status": status.value}, counts.get(status.value, 0)) for status in Status]


def _oldest_waiting() -> list[tuple[dict[str, str], float]]:
    oldest = IssuedBadge.objects.filter(status=Status.QUEUED).aggregate(at=Min("created_at"))["at"]
    return [({}, age_in_seconds(oldest))]


METRICS = (
    Metric(name="badges_issued_badges", help="Issued badges by status.", read=_by_status),
    Metric(
        name="badges_oldest_waiting_seconds",
        help="Age of the oldest badge that waits to be sent.",
        read=_oldest_waiting,
    ),
)
