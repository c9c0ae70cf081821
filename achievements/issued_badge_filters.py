"""What rewards add to the search for issued badges (badges.finds)."""

from __future__ import annotations

from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from achievements.listing import CHOOSE_ACHIEVEMENTS, achievements
from achievements.models import EarnedAchievement
from tms.finding.filters import Reference


def _earned_by(ids: list[int]) -> Q:
    linked = EarnedAchievement.objects.filter(achievement__in=ids, issued_badge__isnull=False)
    return Q(pk__in=linked.values("issued_badge"))


ISSUED_BADGE_FILTERS = (
    Reference(
        name="achievement",
        label=_("Achievement"),
        rows=achievements,
        listing=CHOOSE_ACHIEVEMENTS,
        title=_("Choose Achievement"),
        condition=_earned_by,
    ),
)
