"""Why a learner has an achievement, or why not yet: condition by condition, from what is stored.

For the learner herself. Administrators have the page that looks up the truth as it is now
(achievements.explanation).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from django.utils.translation import gettext as _

from achievements.conditions.names import names_of
from achievements.evaluation import active_rule, places_taken
from achievements.explanation import first_free_day, is_inside, told_to_wait
from achievements.models import Achievement, Begun, EarnedAchievement
from achievements.progress.looks import look
from achievements.progress.standing import standing_of
from achievements.reach import reached_by, reaches, takes_part
from tms.models import Activity

if TYPE_CHECKING:
    from datetime import datetime

    from achievements.progress.looks import Known
    from achievements.progress.standing import Line, Standing
    from tms.models import User

Kind = Activity.Kind
ON_PROFILE = {
    Kind.PROFILE_PICTURE_ADDED,
    Kind.BIO_COMPLETED,
    Kind.SOCIAL_LINK_ADDED,
    Kind.PROFILE_COMPLETED,
}


@dataclass(frozen=True)
class Why:
    achievement: Achievement
    lines: Sequence[Line]
    known: Known
    # Latest first.
    earned: Sequence[datetime]
    # What stands in the way besides the conditions.
    obstacles: Sequence[str]
    # Whether something is missing that she does on her profile.
    asks_for_profile: bool = False

    @property
    def summary(self) -> str:
        if self.earned:
            return _("Earned.")
        if self.obstacles:
            return " ".join(self.obstacles)
        met, needed = sum(line.is_met for line in self.lines), len(self.lines)
        if self.known.as_of is None:
            return _("We are working it out.")
        if met < needed == 1:
            [line] = self.lines
            return _("Not yet: %(have)d of %(need)d.") % {"have": line.have, "need": line.need}
        if met < needed:
            return _("Met so far: %(met)d of %(all)d.") % {"met": met, "all": needed}
        return _("Everything holds; it is on its way.")


def why(pk: int, learner: User) -> Why | None:
    """None of what is not within her reach; ten queries at most."""
    if not takes_part(learner):
        return None
    achievement = reached_by(learner).filter(pk=pk).select_related("organization").first()
    if achievement is None or not reaches(achievement, learner):
        return None
    known = look(learner)
    standing = standing_of(achievement, Begun.objects.filter(learner=learner, achievement=pk).first())
    awards = EarnedAchievement.objects.filter(learner=learner, achievement=pk, withdrawn_at__isnull=True)
    earned = list(awards.order_by("-earned_at").values_list("earned_at", flat=True))
    lines = standing.lines(names_of([standing.rule]))
    return Why(
        achievement=achievement,
        lines=lines,
        known=known,
        earned=earned,
        obstacles=[] if earned else _obstacles(achievement, learner, lines),
        asks_for_profile=not earned and _asks_for_profile(standing),
    )


def _asks_for_profile(standing: Standing) -> bool:
    leaves = zip(standing.rule.leaves(), standing.have, strict=True)
    return any(have < leaf.needed and ON_PROFILE.intersection(leaf.kinds) for leaf, have in leaves)


def _obstacles(achievement: Achievement, learner: User, lines: Sequence[Line]) -> list[str]:
    if achievement.paused_at:
        return [_("It cannot be earned at the moment; your training organization knows.")]
    kinds = Achievement.FrequencyType
    if achievement.frequency_type == kinds.PER_ACHIEVEMENT:
        taken, _last = places_taken(achievement)
        if taken >= achievement.frequency:
            return [_("All places are taken.")]
    if achievement.frequency_type == kinds.PER_DAY and all(line.is_met for line in lines):
        outside = not is_inside(achievement, learner)
        if day := first_free_day(active_rule(achievement), learner, outside=outside):
            return [told_to_wait(day)]
    return []
