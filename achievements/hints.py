"""What a rule names, as those see it who are to earn it: what they do not reach, and what cannot count.

Hints stop nobody. What the text alone shows is told by conditions.language; what does not exist at all is
refused (authoring) or pauses the rule (references).
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

from django.db.models import Exists, OuterRef
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from achievements.conditions import language
from achievements.conditions.explain import stored_rule
from achievements.conditions.language import KEYS, ConditionError, Hint, Rule, Shape, Subject
from achievements.models import Achievement, EarnedAchievement
from tms.models import Course, CourseTag, Lab, LearningRecord, Organization, Subscription, SubscriptionProfile

if TYPE_CHECKING:
    from achievements.conditions.language import Condition, Remark

# The fields of a condition that name things → their keys; what is excluded need not be reached.
NAMING = {key.field: key.name for key in KEYS.values() if key.shape is Shape.IDS and not key.excludes}
MOST_TOLD = 5


def rules_with_hints(achievements: Sequence[Achievement]) -> list[Rule | ConditionError]:
    """The rule of each text with its notices and all its hints, or why it cannot be read.

    The number of queries does not depend on how many there are.
    """
    rules = [_read(achievement) for achievement in achievements]
    known = _look_up(
        [(one, rule) for one, rule in zip(achievements, rules, strict=True) if isinstance(rule, Rule)]
    )
    return [
        language.read(achievement.conditions_text, about=known.hints_for(achievement))
        if isinstance(rule, Rule)
        else rule
        for achievement, rule in zip(achievements, rules, strict=True)
    ]


def rule_with_hints(achievement: Achievement) -> Rule:
    """The same of one achievement; raises ConditionError where its text cannot be read."""
    [found] = rules_with_hints([achievement])
    if isinstance(found, ConditionError):
        raise found
    return found


def remarks(achievements: Sequence[Achievement]) -> list[tuple[Remark, ...]]:
    """All that is to be told of each rule: notices and hints, or errors where it cannot be read any more."""
    return [
        (*found.notices, *found.hints) if isinstance(found, Rule) else found.remarks
        for found in rules_with_hints(achievements)
    ]


def _read(achievement: Achievement) -> Rule | ConditionError:
    try:
        return language.read(achievement.conditions_text)
    except ConditionError as error:  # a text that was stored when the language was another
        return error


# ── what is known of the things that are named ───────────────────────────────────────────────────────────


class _Thing(NamedTuple):
    """`is_fit`: an exam lab, a course that can be set up, a tag that is in use, an enabled achievement."""

    name: str
    organization_id: int
    is_fit: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class _Known:
    """`things`: by the key that names them. `homes`: the names of the organizations that the rules are for;
    `above`: each with those above it. `taken`: the key, the organization and the thing, where a learner of
    that organization has to do with it. `open_to`: pairs of an organization and an achievement of another
    that its learners can earn."""

    things: Mapping[str, Mapping[int, _Thing]]
    homes: Mapping[int, str]
    above: Mapping[int, Collection[int]]
    taken: Collection[tuple[str, int, int]]
    open_to: Collection[tuple[int, int]]

    def hints_for(self, achievement: Achievement) -> Callable[[Condition], Iterable[Hint]]:
        return lambda condition: self._hints(achievement, condition)

    def _hints(self, achievement: Achievement, condition: Condition) -> Iterator[Hint]:
        for field, key in NAMING.items():
            ids = [pk for pk in getattr(condition, field) if pk in self.things.get(key, {})]
            if far := [pk for pk in ids if not self._is_reached(key, pk, achievement)]:
                yield self._out_of_reach(key, far, achievement)
            unfit = [pk for pk in ids if not self.things[key][pk].is_fit]
            if unfit and (key != "LabProfileIds" or _asks_for_results(condition)):
                yield self._unfit(key, unfit)

    def _is_reached(self, key: str, pk: int, achievement: Achievement) -> bool:
        owner, home = self.things[key][pk].organization_id, achievement.organization_id
        if achievement.is_global or owner == home or key == "CourseTagIds" or (key, home, pk) in self.taken:
            return True
        return (home, pk) in self.open_to if key == "AchievementIds" else owner in self.above[home]

    def _out_of_reach(self, key: str, ids: Sequence[int], achievement: Achievement) -> Hint:
        if key == "AchievementIds":
            message = ngettext(
                "%(things)s belongs to another organization: learners of %(organization)s cannot earn it.",
                "%(things)s belong to other organizations: learners of %(organization)s cannot earn them.",
                len(ids),
            )
        else:
            message = ngettext(
                "%(things)s belongs to another organization, and no learner of %(organization)s has ever"
                " taken it. What others did counts only if the achievement is global.",
                "%(things)s belong to other organizations, and no learner of %(organization)s has ever"
                " taken them. What others did counts only if the achievement is global.",
                len(ids),
            )
        names = {"things": self._told(key, ids), "organization": self.homes[achievement.organization_id]}
        return Hint("out_of_reach", message % names, key)

    def _unfit(self, key: str, ids: Sequence[int]) -> Hint:
        number = len(ids)
        code, message = {
            "LabProfileIds": (
                "not_an_exam",
                ngettext(
                    "%(things)s is no exam: it is neither passed nor scored.",
                    "%(things)s are no exams: they are neither passed nor scored.",
                    number,
                ),
            ),
            "CourseIds": (
                "not_schedulable",
                ngettext(
                    "%(things)s cannot be set up for training: it needs a content provider and a publishing"
                    " group.",
                    "%(things)s cannot be set up for training: they need a content provider and a publishing"
                    " group.",
                    number,
                ),
            ),
            "CourseTagIds": (
                "unused_tag",
                ngettext("No course has the tag %(things)s.", "No course has the tags %(things)s.", number),
            ),
            "AchievementIds": (
                "not_enabled",
                ngettext(
                    "%(things)s is not enabled: only those who have earned it already meet this.",
                    "%(things)s are not enabled: only those who have earned them already meet this.",
                    number,
                ),
            ),
        }[key]
        return Hint(code, message % {"things": self._told(key, ids)}, key)

    def _told(self, key: str, ids: Sequence[int]) -> str:
        listed = ", ".join(
            _("“%(name)s” (%(id)d)") % {"name": self.things[key][pk].name, "id": pk} for pk in ids[:MOST_TOLD]
        )
        more = len(ids) - MOST_TOLD
        if more <= 0:
            return listed
        return ngettext("%(list)s and %(count)d more", "%(list)s and %(count)d more", more) % {
            "list": listed,
            "count": more,
        }


def _asks_for_results(condition: Condition) -> bool:
    return condition.subject is Subject.LAB and (condition.passed or condition.min_score is not None)


# ── looking it up ────────────────────────────────────────────────────────────────────────────────────────


def _look_up(rules: Iterable[tuple[Achievement, Rule]]) -> _Known:
    named: dict[str, set[int]] = {}
    homes: dict[str, set[int]] = {}
    for achievement, rule in rules:
        for key, ids in language.referenced_ids(rule).items():
            if key in NAMING.values():
                named.setdefault(key, set()).update(ids)
                homes.setdefault(key, set()).add(achievement.organization_id)
    things = {key: _THINGS[key](ids) for key, ids in named.items()}
    organizations = Organization.objects.in_bulk({home for found in homes.values() for home in found})
    foreign = {
        key: [pk for pk, thing in found.items() if homes[key] != {thing.organization_id}]
        for key, found in things.items()
    }
    return _Known(
        things=things,
        homes={pk: organization.name for pk, organization in organizations.items()},
        above=_above(organizations) if organizations else {},
        taken={pair for key, ids in foreign.items() if ids for pair in _taken(key, ids, homes[key])},
        open_to=_open_to(foreign.get("AchievementIds", []), homes.get("AchievementIds", set())),
    )


def _labs(ids: set[int]) -> dict[int, _Thing]:
    labs = Lab.objects.filter(pk__in=ids)
    return {lab.pk: _Thing(lab.name, lab.organization_id, lab.is_exam) for lab in labs}


def _courses(ids: set[int]) -> dict[int, _Thing]:
    return {
        course.pk: _Thing(course.name, course.organization_id, course.can_be_scheduled)
        for course in Course.objects.filter(pk__in=ids)
    }


def _tags(ids: set[int]) -> dict[int, _Thing]:
    in_use = Exists(Course.objects.filter(tags=OuterRef("pk")))
    tags = CourseTag.objects.filter(pk__in=ids).annotate(in_use=in_use)
    return {tag.pk: _Thing(tag.name, tag.organization_id, tag.in_use) for tag in tags}


def _profiles(ids: set[int]) -> dict[int, _Thing]:
    profiles = SubscriptionProfile.objects.filter(pk__in=ids)
    return {profile.pk: _Thing(profile.name, profile.organization_id) for profile in profiles}


def _achievements(ids: set[int]) -> dict[int, _Thing]:
    rows = Achievement.objects.filter(pk__in=ids).only("name", "organization", "enabled")
    return {row.pk: _Thing(row.name, row.organization_id, row.enabled) for row in rows}


_THINGS: dict[str, Callable[[set[int]], dict[int, _Thing]]] = {
    "LabProfileIds": _labs,
    "CourseIds": _courses,
    "CourseTagIds": _tags,
    "ClubIds": _profiles,
    "AchievementIds": _achievements,
}


def _above(organizations: Collection[int]) -> dict[int, set[int]]:
    """Each of these organizations → itself and those above it, whose content it may use."""
    parents = dict(Organization.objects.values_list("pk", "parent"))
    lines: dict[int, set[int]] = {}
    for home in organizations:
        line: list[int | None] = [home]
        while (last := line[-1]) is not None and (parent := parents.get(last)) not in line:
            line.append(parent)
        lines[home] = {pk for pk in line if pk is not None}
    return lines


def _taken(key: str, ids: Collection[int], homes: set[int]) -> set[tuple[str, int, int]]:
    """Where learners of these organizations have to do with these things."""
    rows: dict[str, tuple[Any, str, str]] = {
        "LabProfileIds": (LearningRecord, "learner__organization", "lab"),
        "CourseIds": (LearningRecord, "learner__organization", "course"),
        "ClubIds": (Subscription, "user__organization", "subscription_profile"),
        "AchievementIds": (EarnedAchievement, "learner__organization", "achievement"),
    }
    if key not in rows:
        return set()
    model, home, thing = rows[key]
    found = model._default_manager.filter(**{f"{thing}__in": ids, f"{home}__in": homes})
    return {(key, *pair) for pair in found.order_by().values_list(home, thing).distinct()}


def _open_to(ids: Sequence[int], homes: set[int]) -> set[tuple[int, int]]:
    """The organization and the achievement of another, where its learners can earn it: it is global there,
    or names courses of an organization that has opened some to others."""
    if not ids:
        return set()
    takers = Organization.objects.filter(pk__in=homes, participate_in_global_achievements=True)
    taking_part = set(takers.values_list("pk", flat=True))
    opened = Exists(
        Course.objects.filter(
            organization=OuterRef("organization"), achievements_for_outside_organizations=True
        )
    )
    rows = Achievement.objects.filter(pk__in=ids).annotate(opened=opened)
    return {
        (home, row.pk)
        for row in rows
        for home in homes
        if (row.is_global and home in taking_part)
        or (row.opened and stored_rule(row.conditions).names_courses)
    }
