"""Achievements earned and badges issued, day by day."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.db.models import Count, Q
from django.db.models.functions import TruncDate
from django.urls import reverse
from django.utils.http import urlencode
from django.utils.translation import gettext as _

from achievements.models import Achievement, EarnedAchievement
from badges import addresses
from badges.lately import issued_lately, last_days
from tms.access import Action
from tms.models import User
from tms.plot import Plot, Series, plot

if TYPE_CHECKING:
    from datetime import date

    from django.db.models import QuerySet


def awards_over_time(viewer: User) -> Plot:
    first, last = last_days()
    earned = _earned(viewer, first=first, last=last)
    issued = issued_lately(viewer).annotate(day=TruncDate("issued_at"))
    return plot(
        Series(
            name="earned",
            label=_("Achievements earned"),
            counts=dict(earned.values_list("earned_day").annotate(Count("pk"))),
            url=_earned_url(first=first, last=last),
        ),
        Series(
            name="issued",
            label=_("Badges issued"),
            counts=dict(issued.values_list("day").annotate(Count("pk"))),
            url=addresses.issued_between(first=first, last=last),
        ),
        first=first,
        last=last,
    )


def _earned(viewer: User, *, first: date, last: date) -> QuerySet[EarnedAchievement]:
    """What the list in the back office shows, by look-ups that keep learners out of it while they can."""
    seen = Q(achievement__in=Achievement.objects.for_user(viewer, Action.SEE)) | Q(
        learner__in=User.objects.for_user(viewer, Action.SEE)
    )
    rows = EarnedAchievement.objects.filter(seen, withdrawn_at__isnull=True, earned_day__range=(first, last))
    return rows.order_by()


def _earned_url(*, first: date, last: date) -> str:
    asked = {"earned_day__gte": str(first), "earned_day__lte": str(last), "withdrawn_at__isnull": "True"}
    return f"{reverse('admin:achievements_earnedachievement_changelist')}?{urlencode(asked)}"
