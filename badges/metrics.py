"""Figures about issuing for monitoring."""

from __future__ import annotations

from django.db.models import Count, Min

from badges.comparison import comparable
from badges.differences import waiting
from badges.models import Difference, IssuedBadge, ProviderEvent
from badges.status import Status
from tms.metrics import Metric, age_in_seconds


def _by_status() -> list[tuple[dict[str, str], float]]:
    counts = dict(IssuedBadge.objects.order_by().values_list("status").annotate(Count("pk")))
    return [({"status": status.value}, counts.get(status.value, 0)) for status in Status]


def _oldest_waiting() -> list[tuple[dict[str, str], float]]:
    oldest = IssuedBadge.objects.filter(status=Status.QUEUED).aggregate(at=Min("created_at"))["at"]
    return [({}, age_in_seconds(oldest))]


def _differences() -> list[tuple[dict[str, str], float]]:
    rows = waiting(Difference.objects.all()).order_by().values_list("kind")
    counts = dict(rows.annotate(Count("pk")))
    return [({"kind": kind.value}, counts.get(kind.value, 0)) for kind in Difference.Kind]


def _oldest_event() -> list[tuple[dict[str, str], float]]:
    oldest = ProviderEvent.objects.filter(processed_at=None).aggregate(at=Min("received_at"))["at"]
    return [({}, age_in_seconds(oldest))]


def _events_given_up() -> list[tuple[dict[str, str], float]]:
    return [({}, ProviderEvent.objects.filter(outcome=ProviderEvent.Outcome.GIVEN_UP).count())]


def _oldest_comparison() -> list[tuple[dict[str, str], float]]:
    oldest = comparable().aggregate(at=Min("compared_at"))["at"]
    return [({}, age_in_seconds(oldest))]


METRICS = (
    Metric(name="badges_issued_badges", help="Issued badges by status.", read=_by_status),
    Metric(
        name="badges_oldest_waiting_seconds",
        help="Age of the oldest badge that waits to be sent.",
        read=_oldest_waiting,
    ),
    Metric(
        name="badges_differences",
        help="Open differences between providers and our records, but for ignored ones, by kind.",
        read=_differences,
    ),
    Metric(
        name="badges_oldest_provider_event_seconds",
        help="Age of the oldest event of a provider that has not been processed.",
        read=_oldest_event,
    ),
    Metric(
        name="badges_provider_events_given_up",
        help="Events that could not be read back from their provider.",
        read=_events_given_up,
    ),
    Metric(
        name="badges_oldest_comparison_seconds",
        help="How long ago the account was compared that has waited longest.",
        read=_oldest_comparison,
    ),
)
