"""A rule: conditions and groups of them, as values. Conditions that mean the same are equal."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from typing import Any

from achievements.conditions.language.words import DEFAULT_STREAK, KEYS, LISTS, Shape, Subject
from achievements.conditions.text import Remark


@dataclass(frozen=True, slots=True, kw_only=True)
class Condition:
    """What is counted, and how much of it is needed. Conditions that mean the same are equal.

    To that end the defaults are filled in and everything that says nothing is left out: ids and kinds are
    sorted and unique, and 0 is absent, but for `min_score`, where it asks for some score. An absent count
    becomes 1 where ids, exclusions or kinds are given, and for achievement ids it becomes all of them, each
    once. Beside points, minutes or days a count of 1 says nothing; so `count` is None only where one of
    those is asked (and where nothing at all is asked, which cannot be read). Beside minutes distinct says
    nothing either. A streak without kinds is one of sessions.

    A date is inclusive. It belongs to the zone of the achievement's organization, and so does a time without
    an offset; one with an offset is kept in UTC.
    """

    subject: Subject
    count: int | None = None
    distinct: bool = False
    distinct_people: bool = False
    single_day: bool = False
    within_days: int | None = None
    after: date | datetime | None = None
    before: date | datetime | None = None
    complete: bool = False
    passed: bool = False
    min_minutes: int | None = None
    min_score: int | None = None
    lab_ids: tuple[int, ...] = ()
    course_ids: tuple[int, ...] = ()
    tag_ids: tuple[int, ...] = ()
    club_ids: tuple[int, ...] = ()
    achievement_ids: tuple[int, ...] = ()
    exclude_lab_ids: tuple[int, ...] = ()
    exclude_course_ids: tuple[int, ...] = ()
    exclude_tag_ids: tuple[int, ...] = ()
    exclude_club_ids: tuple[int, ...] = ()
    exclude_achievement_ids: tuple[int, ...] = ()
    kinds: tuple[str, ...] = ()
    points: int | None = None
    minutes: int | None = None
    days: int | None = None

    def __post_init__(self) -> None:
        for key in KEYS.values():
            self._become(key.name, _normal(key.shape, getattr(self, key.field)))
        if self.subject is Subject.STREAK:
            self._become("Kinds", self.kinds or DEFAULT_STREAK)
        if self.points or self.minutes or self.days:
            self._become("Count", None if self.count == 1 else self.count)
            self._become("Distinct", self.distinct and not self.minutes)
        elif self.count is None and self.achievement_ids:
            self._become("Count", len(self.achievement_ids))
            self._become("Distinct", True)
        elif self.count is None and self.subject is not Subject.STREAK and self._is_narrowed:
            self._become("Count", 1)

    def _become(self, name: str, value: object) -> None:
        object.__setattr__(self, KEYS[name].field, value)

    @property
    def _is_narrowed(self) -> bool:
        return any(getattr(self, key.field) for key in KEYS.values() if key.shape in LISTS)

    @property
    def needed(self) -> int:
        """How many points, minutes or days where those are asked, and else how many records: different items
        if distinct, different people if distinct_people.
        """
        return self.points or self.minutes or self.days or self.count or 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """At least so many of the parts must hold: 1 of them is Any, as many as there are is All."""

    least: int
    parts: tuple[Condition | Group, ...]


@dataclass(frozen=True, slots=True)
class Rule:
    """Conditions and groups that must all hold. What was remarked while reading it is not part of it."""

    conditions: tuple[Condition | Group, ...]
    hints: tuple[Remark, ...] = field(default=(), compare=False)
    notices: tuple[Remark, ...] = field(default=(), compare=False)

    def leaves(self) -> Iterator[Condition]:
        """Every condition in text order, also those inside groups."""
        return _leaves(self.conditions)

    @property
    def names_courses(self) -> bool:
        """By ids, tags or subscriptions; exclusions do not name."""
        return any(c.course_ids or c.tag_ids or c.club_ids for c in self.leaves())


def _leaves(parts: Iterable[Condition | Group]) -> Iterator[Condition]:
    for part in parts:
        if isinstance(part, Group):
            yield from _leaves(part.parts)
        else:
            yield part


def referenced_ids(rule: Rule) -> dict[str, frozenset[int]]:
    """The keys that name or exclude something → the ids, for the caller to see if they exist.

    Keys are spelled as in KEYS; those that the rule does not use are left out.
    """
    found: dict[str, set[int]] = {}
    for condition in rule.leaves():
        for key in KEYS.values():
            if key.shape is Shape.IDS and (ids := getattr(condition, key.field)):
                found.setdefault(key.name, set()).update(ids)
    return {name: frozenset(ids) for name, ids in found.items()}


def _normal(shape: Shape, value: Any) -> Any:
    """One value for all that mean the same."""
    if shape is Shape.IDS:
        return tuple(sorted(set(value)))
    if shape is Shape.KINDS:
        return tuple(sorted({kind.lower() for kind in value}))
    if shape is Shape.NUMBER:
        return value or None
    if isinstance(value, datetime) and value.tzinfo:
        return value.astimezone(UTC)
    return value
