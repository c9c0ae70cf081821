"""What rewards add to the search for users (tms.finds)."""

from __future__ import annotations

from django.db.models import Exists, OuterRef, Q
from django.utils.translation import gettext_lazy as _

from achievements.listing import CHOOSE_ACHIEVEMENTS, achievements
from achievements.models import EarnedAchievement
from tms.finding.filters import Reference


def _has_earned(ids: list[int]) -> Q:
    earned = EarnedAchievement.objects.filter(
        learner=OuterRef("pk"), achievement__in=ids, withdrawn_at__isnull=True
    )
    return Q(Exists(earned))


USER_FILTERS = (
    Reference(
        name="achievement",
        label=_("Achievement"),
        rows=achievements,
        listing=CHOOSE_ACHIEVEMENTS,
        title=_("Choose Achievement"),
        condition=_has_earned,
    ),
)
