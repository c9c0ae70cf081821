"""The awards that led to an issued badge (badges.origins)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.utils.translation import gettext_lazy as _

from achievements.models import EarnedAchievement
from badges.origins import MOST, Origin
from tms.access import Action

if TYPE_CHECKING:
    from badges.models import IssuedBadge
    from badges.origins import Read
    from tms.models import User


def _awards(row: IssuedBadge, viewer: User) -> list[Origin]:
    """Also those that came later and found the badge issued."""
    awards = EarnedAchievement.objects.for_user(viewer, Action.SEE).filter(issued_badge=row)
    return [
        Origin(
            kind=_("Achievement"),
            name=award.achievement.name,
            url_name="achievement",
            key=award.achievement_id,
            at=award.earned_at,
            explained_by="explain-progress",
            explained=row.learner_id,
        )
        for award in awards.select_related("achievement").order_by("earned_at", "pk")[:MOST]
    ]


ORIGINS: tuple[Read, ...] = (_awards,)
