"""What is told of one achievement besides its own fields."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from django.db.models import Count, Max, Q, Sum

from achievements.conditions.explain import outline, stored_rule
from achievements.conditions.names import names_of
from achievements.models import Backfill, EarnedAchievement, RuleRun
from achievements.references import problem_of
from badges.models import IssuedBadge
from badges.status import Status

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from achievements.conditions.explain import Outline
    from achievements.models import Achievement

RUNS = 10
BACKFILLS = 5
HAVING = (Status.ISSUED, Status.ACCEPTED, Status.REJECTED)
UNDER_WAY = (Status.QUEUED, Status.HELD, Status.SENDING, Status.UNKNOWN)


@dataclass(frozen=True, kw_only=True)
class Profile:
    """`earned` counts the awards that stand, of `learners`; `issued`, `under_way` and `failed` the badges
    that they led to. `last_earned` is when the newest was earned."""

    rule: Outline
    problem: str
    earned: int
    learners: int
    points: int
    last_earned: datetime | None
    issued: int
    under_way: int
    failed: int
    runs: Sequence[RuleRun]
    backfills: Sequence[Backfill]


def profile_of(achievement: Achievement) -> Profile:
    """Over everybody who earned it: whoever sees an achievement sees all awards of it."""
    standing = EarnedAchievement.objects.filter(achievement=achievement, withdrawn_at__isnull=True)
    counts = standing.order_by().aggregate(
        earned=Count("pk"),
        learners=Count("learner", distinct=True),
        points=Sum("points"),
        last=Max("earned_at"),
    )
    led_to = IssuedBadge.objects.filter(
        pk__in=standing.filter(issued_badge__isnull=False).order_by().values("issued_badge")
    )
    badges = led_to.order_by().aggregate(
        issued=Count("pk", filter=Q(status__in=HAVING)),
        under_way=Count("pk", filter=Q(status__in=UNDER_WAY)),
        failed=Count("pk", filter=Q(status=Status.FAILED)),
    )
    rule = stored_rule(achievement.conditions)
    backfills = Backfill.objects.filter(achievement=achievement)
    return Profile(
        rule=outline(rule, names_of([rule])),
        problem=problem_of(achievement),
        earned=counts["earned"],
        learners=counts["learners"],
        points=counts["points"] or 0,
        last_earned=counts["last"],
        runs=list(RuleRun.objects.filter(achievement=achievement)[:RUNS]),
        backfills=list(backfills.select_related("requested_by", "undone_by", "achievement")[:BACKFILLS]),
        **badges,
    )
