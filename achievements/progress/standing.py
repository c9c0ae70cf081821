"""What pages show of stored progress: how much there is of what an achievement needs."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from django.db.models import Count, Exists, F, OuterRef, Q, Subquery
from django.db.models.functions import Coalesce
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from achievements.conditions.explain import outline, stored_rule
from achievements.conditions.language import Condition, Group, Rule
from achievements.conditions.names import Names
from achievements.conditions.partial import how_far
from achievements.models import Achievement, Begun, EarnedAchievement
from achievements.reach import reached_by, reaches

if TYPE_CHECKING:
    from tms.models import User

NEAREST = 3


@dataclass(frozen=True)
class Standing:
    """How far somebody is with a rule. `have`: of each of its conditions, in text order."""

    rule: Rule
    have: tuple[int, ...]
    percent: int

    @property
    def in_words(self) -> str:
        """Of a rule of one condition how much there is; of others how many of its parts are met."""
        parts = self.rule.conditions
        if len(parts) == 1 and isinstance(parts[0], Condition):
            need = parts[0].needed
            return _("%(have)s of %(need)s") % {"have": min(self.have[0], need), "need": need}
        _share, met = how_far(self.rule, self.have)
        text = ngettext("%(met)d of %(all)d condition", "%(met)d of %(all)d conditions", len(parts))
        return text % {"met": met, "all": len(parts)}

    def lines(self, names: Names) -> list[Line]:
        """Condition by condition, groups with what they hold."""
        have = iter(self.have)
        return [_line(part, have, names) for part in self.rule.conditions]


@dataclass(frozen=True)
class Line:
    """A condition with how much there is of it, or a group with its parts."""

    text: str
    is_met: bool
    have: int = 0
    need: int = 0
    parts: Sequence[Line] = ()

    @property
    def least(self) -> str:
        """Of a group, what is met of it."""
        met = sum(part.is_met for part in self.parts)
        return _("%(have)s of %(need)s") % {"have": met, "need": self.need}


def _line(part: Condition | Group, have: Iterator[int], names: Names) -> Line:
    text = outline(Rule((part,)), names).text
    if isinstance(part, Condition):
        number, need = next(have), part.needed
        return Line(text, number >= need, min(number, need), need)
    parts = [_line(each, have, names) for each in part.parts]
    if part.least == len(parts) == 1:
        return parts[0]
    met = sum(each.is_met for each in parts)
    return Line(text, met >= part.least, met, part.least, parts)


def standing_of(achievement: Achievement, begun: Begun | None) -> Standing:
    """What is stored about the rule as it is now; nothing where that was another version."""
    rule = stored_rule(achievement.conditions)
    leaves = sum(1 for _leaf in rule.leaves())
    if begun is None or begun.rule_version != achievement.rule_version or len(begun.have) != leaves:
        return Standing(rule, (0,) * leaves, 0)
    return Standing(rule, tuple(begun.have), begun.percent)


@dataclass(frozen=True)
class Near:
    """An achievement that is not earned yet, and how far it is."""

    achievement: Achievement
    standing: Standing


def nearest(learner: User, *, count: int = NEAREST) -> list[Near]:
    """Those of which the least is missing, but for those that others have taken for good; one query."""
    found: list[Near] = []
    for begun in _begun(learner):
        if reaches(begun.achievement, learner):
            found.append(Near(begun.achievement, standing_of(begun.achievement, begun)))
        if len(found) == count:
            break
    return found


def _begun(learner: User) -> Iterator[Begun]:
    """By how near they are, of the rules as they are now."""
    earned = EarnedAchievement.objects.filter(
        learner=learner, achievement=OuterRef("achievement"), withdrawn_at__isnull=True
    )
    rows = Begun.objects.filter(
        ~Exists(earned),
        _has_places_left(),
        learner=learner,
        achievement__in=reached_by(learner).order_by().values("pk"),
        rule_version=F("achievement__rule_version"),
    )
    return rows.select_related("achievement").order_by("-percent", "achievement__name", "pk").iterator(20)


def _has_places_left() -> Q:
    """Where so many learners in all can earn it."""
    awards = EarnedAchievement.objects.filter(
        achievement=OuterRef("achievement"), withdrawn_at__isnull=True
    ).order_by()
    taken = awards.values("achievement").annotate(learners=Count("learner", distinct=True)).values("learners")
    is_contest = Q(achievement__frequency_type=Achievement.FrequencyType.PER_ACHIEVEMENT)
    return ~is_contest | Q(achievement__frequency__gt=Coalesce(Subquery(taken), 0))
