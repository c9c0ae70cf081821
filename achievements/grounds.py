"""Which learning records the badges of a learner rest on: those that met the rules of its awards.

Pages of an app that cannot import this one ask for it as `grounds` (tms.contributions). It says nothing of
what somebody may see: whoever asks shows only badges and facts within reach.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from typing import TYPE_CHECKING

from achievements.evidence import proofs_of, with_conditions
from achievements.models import EarnedAchievement

if TYPE_CHECKING:
    from tms.models import User


def records_behind(learner: User) -> Mapping[int, set[int]]:
    """issued badge → ids of learning records, in one query. What rests on other awards alone has none."""
    awards = EarnedAchievement.objects.filter(
        learner=learner, issued_badge__isnull=False, withdrawn_at__isnull=True
    )
    found: dict[int, set[int]] = defaultdict(set)
    for award in with_conditions(awards):
        for ids, are_awards in proofs_of(award):
            if award.issued_badge_id and not are_awards:
                found[award.issued_badge_id].update(ids)
    return found


GROUNDS = (records_behind,)
