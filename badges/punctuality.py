"""How the hour is kept: how long it takes from completing the task to the badge at its provider.

What is asked is bounded: the latest badges of a few days, and those that wait.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from statistics import quantiles
from typing import TYPE_CHECKING

from django.db.models import F

from badges.models import IssuedBadge
from tms.access import Action
from tms.models import ProgressChange, User

if TYPE_CHECKING:
    from collections.abc import Sequence

    from django.db.models import QuerySet

PROMISED = timedelta(hours=1)
WINDOW = timedelta(days=7)
LATE = timedelta(days=1)
# The latest are enough to tell a median and a 95th percentile, and are read in one go.
SAMPLE = 2_000


def not_evaluated_since(viewer: User) -> datetime | None:
    """Since when somebody whom `viewer` sees may have earned more, and was not looked at."""
    learners = User.objects.for_user(viewer, Action.SEE)
    changes = ProgressChange.objects.filter(learner__in=learners).order_by("pk")
    return changes.values_list("at", flat=True).first()


@dataclass(frozen=True, slots=True, kw_only=True)
class Punctuality:
    """Of `count` badges; `kept` of them were there within the hour."""

    count: int
    kept: int
    median: timedelta
    most: timedelta

    @property
    def share(self) -> float:
        return 100 * self.kept / self.count


def punctuality(rows: QuerySet[IssuedBadge], *, now: datetime) -> Punctuality | None:
    """Of those of `rows` that were earned and issued within the window; None where there are none.

    No question of the hour are badges by hand, and those for what was done a day or more before anybody could
    have issued them: a new rule, a badge linked afterwards, imported records.
    """
    since = now - WINDOW
    lately = rows.filter(earned_at__gte=F("created_at") - LATE).filter(
        source_kind=IssuedBadge.Source.ACHIEVEMENT,
        priority=IssuedBadge.Priority.LIVE,
        issued_at__gte=since,
        earned_at__gte=since,
        created_at__gte=since,  # as it follows; here is the index
    )
    moments = lately.order_by("-created_at", "-pk").values_list("earned_at", "issued_at")[:SAMPLE]
    return _told([max(issued - earned, timedelta()) for earned, issued in moments if issued])


def _told(lags: Sequence[timedelta]) -> Punctuality | None:
    if not lags:
        return None
    seconds = [lag.total_seconds() for lag in lags]
    cuts = quantiles(seconds, n=20, method="inclusive") if len(seconds) > 1 else seconds * 19
    return Punctuality(
        count=len(lags),
        kept=sum(lag <= PROMISED for lag in lags),
        median=timedelta(seconds=round(cuts[9])),
        most=timedelta(seconds=round(cuts[18])),
    )
