"""The rule that was met for a badge, in words, for the page that its holder publishes (badges.sharing)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from achievements.conditions.explain import Outline, outlines
from achievements.evidence import with_conditions
from achievements.models import EarnedAchievement

if TYPE_CHECKING:
    from badges.models import IssuedBadge
    from badges.sharing.criteria import Read


def _rule_met(row: IssuedBadge) -> Outline | None:
    """Of the first award that stands: what was asked then, also where the rule has changed since."""
    awards = with_conditions(EarnedAchievement.objects.filter(issued_badge=row, withdrawn_at=None))
    award = awards.order_by("earned_at", "pk").first()
    if award is None:
        return None
    [told] = outlines([award.conditions])  # type: ignore[attr-defined]
    return told if told.text else None


CRITERIA: tuple[Read, ...] = (_rule_met,)
