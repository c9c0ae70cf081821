"""What is told of accounts night after night is kept for some time, and not for ever.

Only what no decision rests on: synchronizations, comparisons, and events of providers that were processed.
The timelines of issued badges and the differences that people decided are kept. The lists that badges are
issued from name people, also those who get nothing: what became of each pair is kept without the list. What
a learner chose to show of a badge goes with the badge, and an address with the account that was closed.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from django.db.models import Max, Q
from django.utils import timezone
from django.utils.translation import gettext as _

from badges.ending import cancel_all
from badges.erasing import UNDER_WAY
from badges.models import (
    BadgePresentation,
    Comparison,
    IssuedBadge,
    IssuingList,
    ProviderEvent,
    Synchronization,
)
from badges.status import Status
from tms import forgetting

if TYPE_CHECKING:
    from django.db.models import QuerySet

# Half a year: much longer than a provider goes on to repeat an event (Credly: 25 days).
KEPT = timedelta(days=180)
UNCONFIRMED = timedelta(days=7)  # of a list that nobody has confirmed
GONE = (Status.CANCELLED, Status.REMOVED)


def forget(*, now: datetime | None = None) -> int:
    """Delete what is older than KEPT, but for the latest of each account, and what lists say; how much.

    Of synchronizations the latest that changed something or could have stays, and the latest trial as well.
    """
    now = now or timezone.now()
    before = now - KEPT
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
    unconfirmed = IssuingList.objects.filter(act=None, created_at__lt=now - UNCONFIRMED)
    chosen.append((unconfirmed, []))
    # What a learner chose about a badge that never was, or is gone at the provider.
    chosen.append((BadgePresentation.objects.filter(issued_badge__status__in=GONE), []))
    said = IssuingList.objects.filter(act__created_at__lt=before).exclude(text="")
    of_closed = IssuedBadge.objects.filter(learner__closed_at__isnull=False)
    cancel_all(of_closed.filter(erasure_due_at=None), reason=_("The account was closed."), actor=None)
    deleted = sum(_delete(old, latest_of=latest_of) for old, latest_of in chosen)
    deleted += forget_closed(of_closed)
    return deleted + said.update(text="", refusals=[])


def forget_closed(rows: QuerySet[IssuedBadge]) -> int:
    """Empty what badges of closed accounts still say of a person, but for those that a provider has yet to
    erase, or may come to have; how many there were."""
    return (
        rows.filter(erasure_due_at=None)
        .exclude(Q(status__in=UNDER_WAY) | Q(recipient_email="", evidence=[]))
        .update(recipient_email="", evidence=[], accept_url="", correction_due_at=None)
    )


def _delete(old: QuerySet[Any], *, latest_of: list[QuerySet[Any]]) -> int:
    kept: set[int] = set()
    for rows in latest_of:
        latest = rows.order_by().values("badge_provider").annotate(latest=Max("pk"))
        kept.update(latest.values_list("latest", flat=True))
    return forgetting.delete(old.exclude(pk__in=kept))
