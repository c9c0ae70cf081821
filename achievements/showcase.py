"""What a member has to show on her profile: so many medals, and how much more there is.

A medal is a badge, or a trophy for an achievement that led to none. What she features comes first; what she
hides is on no profile, not even as she sees it herself, so that she sees what others see. This reads as much
as is shown and counts the rest, however much somebody has earned. Who may see the profile is the business of
tms.members.visibility; all of it, with what is still to come, is on the page of achievements.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from django.db.models import Count, Exists, OuterRef, Q, Sum

from achievements.models import EarnedAchievement
from achievements.rewards import on_display
from badges.models import IssuedBadge
from badges.sharing.order import shown_to_others

if TYPE_CHECKING:
    from django.db.models import QuerySet

    from badges.models import BadgePresentation
    from tms.models import User


@dataclass(frozen=True, slots=True, kw_only=True)
class Medal:
    """`image` and `hue` draw a badge; a trophy tells its `points`."""

    name: str
    earned_at: datetime
    is_trophy: bool = False
    is_featured: bool = False
    image: str = ""
    hue: int = 0
    points: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Showcase:
    medals: list[Medal]
    total: int
    points: int

    @property
    def more(self) -> int:
        return self.total - len(self.medals)


def showcase_of(member: User, *, most: int) -> Showcase:
    """Featured first, then the newest; four queries, and at most twice `most` rows."""
    held = on_display(IssuedBadge.objects.filter(learner=member))
    trophies = _trophies(member, badges=held)
    badges = shown_to_others(held)
    medals = [
        *(_of_badge(row) for row in badges.select_related("badge")[:most]),
        *(_of_trophy(row) for row in trophies.select_related("achievement")[:most]),
    ]
    medals.sort(key=lambda medal: (medal.is_featured, medal.earned_at), reverse=True)
    earned = _earned(member).aggregate(
        points=Sum("points"), trophies=Count("pk", filter=Q(pk__in=trophies.order_by().values("pk")))
    )
    return Showcase(
        medals=medals[:most],
        total=badges.count() + earned["trophies"],
        points=earned["points"] or 0,
    )


def _earned(member: User) -> QuerySet[EarnedAchievement]:
    return EarnedAchievement.objects.filter(learner=member, withdrawn_at__isnull=True)


def _trophies(member: User, *, badges: QuerySet[IssuedBadge]) -> QuerySet[EarnedAchievement]:
    """The latest of each achievement that leads to none of these badges, the newest first."""
    newer = _earned(member).filter(achievement=OuterRef("achievement"), occurrence__gt=OuterRef("occurrence"))
    shown = badges.filter(badge=OuterRef("achievement__badge"))
    return _earned(member).exclude(Exists(newer)).exclude(Exists(shown)).order_by("-earned_at", "-id")


def _of_badge(row: IssuedBadge) -> Medal:
    chosen: BadgePresentation | None = getattr(row, "presentation", None)
    return Medal(
        name=row.badge.name_here,
        earned_at=row.earned_at,
        is_featured=bool(chosen and chosen.is_featured),
        image=row.badge.image_url,
        hue=row.badge_id,
    )


def _of_trophy(row: EarnedAchievement) -> Medal:
    return Medal(name=row.achievement.name_here, earned_at=row.earned_at, is_trophy=True, points=row.points)
