"""What is told of accounts night after night is kept for some time, and not for ever.

Only what no decision rests on: synchronizations, comparisons, and events of providers that were processed.
The timelines of issued badges and the differences that people decided are kept.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from django.db.models import Max, Q
from django.utils import timezone

from badges.models import Comparison, ProviderEvent, Synchronization

if TYPE_CHECKING:
    from django.db.models import QuerySet

# Half a year: much longer than a provider goes on to repeat an event (Credly: 25 days).
KEPT = timedelta(days=180)
BATCH = 1_000
MOST = 50_000  # of each kind in one night


def forget(*, now: datetime | None = None) -> int:
    """Delete what is older than KEPT, but for the latest of each account; how much.

    Of synchronizations the latest that changed something or could have stays, and the latest trial as well.
    """
    before = (now or timezone.now()) - KEPT
    written = Q(is_dry_run=False, problem="")
    chosen: list[tuple[QuerySet[Any], list[QuerySet[Any]]]] = [
        (
            Synchronization.objects.filter(at__lt=before),
            [Synchronization.objects.filter(written), Synchronization.objects.exclude(written)],
        ),
        (
            Comparison.objects.filter(finished_at__lt=before),
            [Comparison.objects.filter(finished_at__isnull=False)],
        ),
        (
            ProviderEvent.objects.filter(processed_at__lt=before),
            [ProviderEvent.objects.filter(processed_at__isnull=False)],
        ),
    ]
    return sum(_delete(old, latest_of=latest_of) for old, latest_of in chosen)


def _delete(old: QuerySet[Any], *, latest_of: list[QuerySet[Any]]) -> int:
    kept: set[int] = set()
    for rows in latest_of:
        latest = rows.order_by().values("badge_provider").annotate(latest=Max("pk"))
        kept.update(latest.values_list("latest", flat=True))
    deleted = 0
    while deleted < MOST and (
        ids := list(old.exclude(pk__in=kept).order_by("pk").values_list("pk", flat=True)[:BATCH])
    ):
        deleted += old.filter(pk__in=ids).delete()[0]
    return deleted
