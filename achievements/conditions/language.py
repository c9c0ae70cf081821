"""The spelling of conditions: text, or the stored canonical form, becomes typed conditions and back.

This is the only module that knows subjects and keys by name. What may be written is in four tables, KEYS,
SUBJECTS, CLASHES and GROUPS; a new subject or key is a row there and a field of Condition. How text is cut
into values is the affair of text.py. Whether ids exist, and what conditions find in records, is not known
here. reference.md is the manual.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence, Set
from contextlib import suppress
from dataclasses import dataclass, field, fields
from datetime import UTC, date, datetime, time, timedelta
from difflib import get_close_matches
from enum import Enum, IntEnum, auto
from typing import Any, NamedTuple

from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from achievements.conditions.text import (
    MAX_BYTES,
    Array,
    Member,
    Node,
    Object,
    Remark,
    Report,
    Scalar,
    Stop,
    in_text_order,
    parse,
    pointer_to,
    shown,
    write_rows,
)

__all__ = [
    "LANGUAGE_VERSION",
    "Condition",
    "ConditionError",
    "Group",
    "Hint",
    "Remark",
    "Rule",
    "Subject",
    "canonical",
    "dump",
    "from_canonical",
    "read",
    "referenced_ids",
    "unknown_ids",
]

LANGUAGE_VERSION = 1

MAX_NUMBER = 2**31
MAX_CONDITIONS = 200
MAX_IDS = 10_000
MAX_KIND = 60  # as facts keep it
# A typing mistake is likelier than a rule about such years, and no zone or window leads beyond the calendar.
YEARS = range(1900, 3000)

# What the product records itself. An integration may send any other.
KINDS = (
    "profile_picture_added",
    "bio_completed",
    "social_link_added",
    "profile_completed",
    "lesson_completed",
    "module_completed",
    "post_published",
    "comment_added",
    "reaction_received",
    "learner_helped",
    "session",
)
KINDS_IN_COURSES = frozenset({"lesson_completed", "module_completed"})
DEFAULT_STREAK = ("session",)


class Subject(IntEnum):
    LAB = 0
    COURSE = 10
    COURSE_TAG = 20
    SUBSCRIPTION = 30
    ACHIEVEMENT = 40
    ACTIVITY = 50
    STREAK = 60


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


class ConditionError(Exception):
    """The text is not a rule. `remarks` holds the errors in text order; after MAX_ERRORS reading stopped.

    `corrected` is the text as it was probably meant, where only brackets, braces, colons or commas were
    wrong. It can be read.
    """

    def __init__(self, remarks: tuple[Remark, ...], *, corrected: str | None = None) -> None:
        super().__init__(remarks)
        self.remarks = remarks
        self.corrected = corrected

    def __str__(self) -> str:
        place = _("Line %(line)d, column %(column)d: %(message)s")
        lines = [
            place % {"line": remark.line, "column": remark.column, "message": remark.message}
            for remark in self.remarks
        ]
        if self.corrected is not None:
            lines.append(_("Did you mean: %(text)s") % {"text": self.corrected})
        return "\n".join(lines)


class Hint(NamedTuple):
    """Something doubtful about one condition; it is told where the key stands."""

    code: str
    message: str
    key: str


def _nothing(_condition: Condition) -> Iterable[Hint]:
    return ()


def read(text: str, *, about: Callable[[Condition], Iterable[Hint]] = _nothing) -> Rule:
    """The rule that an administrator typed. Raises ConditionError and nothing else, and takes linear time.

    No text, or an empty list, is the rule without conditions; the caller decides whether it may be saved.
    `about`: what the caller has to say besides about a condition, knowing what its ids stand for.
    """
    report = Report(text)
    tree: Array | None = None
    conditions: tuple[Condition | Group, ...] = ()
    try:
        tree = parse(text, report)
        conditions = _RuleReader(report, about=about).read_list(tree.items)
    except Stop:
        pass
    if report.errors:
        raise ConditionError(in_text_order(report.errors), corrected=_corrected(tree, report))
    return Rule(conditions, in_text_order(report.hints), in_text_order(report.notices))


def canonical(rule: Rule) -> list[dict[str, Any]]:
    """The form that is stored: keys in the order of KEYS, ids sorted and unique, defaults left out.

    Rules whose conditions mean the same, in the same order, have equal forms: Condition fills in an absent
    Count, and the number is always written, so that the stored rule does not depend on what absence means.
    Subject is always written. Groups stay as they are nested, but AtLeast is written only where it says more
    than Any or All; of a single condition all three say the same, and Any is written.
    """
    return [_canonical_part(part) for part in rule.conditions]


def from_canonical(value: Iterable[Mapping[str, Any]]) -> Rule:
    """The rule that was stored, without its remarks. Raises KeyError or ValueError where canonical() gave no
    such form.
    """
    return Rule(_stored_parts(value))


def dump(rule: Rule) -> str:
    """The canonical form as text, a line for each condition or group of the list.

    read() gives the same rule back, unless the text, with everything written out, has outgrown MAX_BYTES.
    """
    return f"[{_NEXT_LINE.join(json.dumps(part) for part in canonical(rule))}]"


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


def unknown_ids(text: str, missing: Mapping[str, Set[int]]) -> ConditionError:
    """The error to raise where ids of referenced_ids(read(text)) do not exist, with their places in the text.

    `missing` has the shape of referenced_ids().
    """
    report = Report(text)
    with suppress(Stop):  # As many errors as anybody reads are reported.
        _report_unknown_ids(parse(text, report).items, missing, report=report)
    return ConditionError(in_text_order(report.errors))


# ── what may be written ──────────────────────────────────────────────────────────────────────────────────


class Shape(Enum):
    SUBJECT = auto()
    NUMBER = auto()  # 0 and absent are the same
    SIZE = auto()  # a number, but 0 makes no sense
    PERCENT = auto()  # 0 says something
    SWITCH = auto()
    IDS = auto()
    KINDS = auto()
    MOMENT = auto()


LISTS = frozenset({Shape.IDS, Shape.KINDS})
LIMITS = {Shape.NUMBER: (0, MAX_NUMBER), Shape.SIZE: (1, MAX_NUMBER), Shape.PERCENT: (0, 100)}


@dataclass(frozen=True, slots=True)
class Key:
    """`only`: why other subjects lack it. `excludes`: the key from whose ids it takes some away."""

    name: str
    field: str
    shape: Shape
    only: str | Promise = ""
    excludes: str = ""


@dataclass(frozen=True, slots=True)
class SubjectRow:
    """`names`: all are read, the first is shown. `counted`: the key with the ids of what is counted."""

    names: tuple[str, ...]
    keys: frozenset[str]
    counted: str = ""


@dataclass(frozen=True, slots=True)
class Clash:
    """Two keys that one condition cannot have both."""

    one: str
    other: str
    why: str | Promise


def _by_name(*keys: Key) -> dict[str, Key]:
    return {key.name: key for key in keys}


KEYS = _by_name(
    Key("Subject", "subject", Shape.SUBJECT),
    Key("Count", "count", Shape.NUMBER, gettext_lazy("A streak is as long as its Days.")),
    Key("Points", "points", Shape.NUMBER, gettext_lazy("Only achievements carry points.")),
    Key("Minutes", "minutes", Shape.NUMBER, gettext_lazy("A streak is as long as its Days.")),
    Key("Days", "days", Shape.NUMBER, gettext_lazy("Only streaks are measured in days.")),
    Key("LabProfileIds", "lab_ids", Shape.IDS),
    Key("ExcludeLabProfileIds", "exclude_lab_ids", Shape.IDS, excludes="LabProfileIds"),
    Key("CourseIds", "course_ids", Shape.IDS),
    Key("ExcludeCourseIds", "exclude_course_ids", Shape.IDS, excludes="CourseIds"),
    Key("CourseTagIds", "tag_ids", Shape.IDS),
    Key("ExcludeCourseTagIds", "exclude_tag_ids", Shape.IDS, excludes="CourseTagIds"),
    Key("ClubIds", "club_ids", Shape.IDS),
    Key("ExcludeClubIds", "exclude_club_ids", Shape.IDS, excludes="ClubIds"),
    Key("AchievementIds", "achievement_ids", Shape.IDS),
    Key("ExcludeAchievementIds", "exclude_achievement_ids", Shape.IDS, excludes="AchievementIds"),
    Key("Kinds", "kinds", Shape.KINDS, gettext_lazy("Only activities are of a kind.")),
    Key("MinMinutesSpent", "min_minutes", Shape.NUMBER, gettext_lazy("Only labs measure the time spent.")),
    Key("MinScorePercent", "min_score", Shape.PERCENT, gettext_lazy("Only exam labs have a score.")),
    Key(
        "Distinct",
        "distinct",
        Shape.SWITCH,
        gettext_lazy("Only labs, courses and achievements can be the same again."),
    ),
    Key(
        "DistinctPeople",
        "distinct_people",
        Shape.SWITCH,
        gettext_lazy("Only activities involve other people."),
    ),
    Key("SingleDay", "single_day", Shape.SWITCH, gettext_lazy("A streak takes one day after the other.")),
    Key("WithinDays", "within_days", Shape.SIZE, gettext_lazy("A streak takes one day after the other.")),
    Key("After", "after", Shape.MOMENT, gettext_lazy("A streak counts whenever it was.")),
    Key("Before", "before", Shape.MOMENT, gettext_lazy("A streak counts whenever it was.")),
    Key(
        "Complete",
        "complete",
        Shape.SWITCH,
        gettext_lazy("Only labs and courses are launched first and completed later."),
    ),
    Key("Passed", "passed", Shape.SWITCH, gettext_lazy("Only exam labs are passed or failed.")),
)

AMOUNTS = ("Count", "Points", "Minutes", "Days")
COUNTING = frozenset({"Subject", "Count", "Minutes", "SingleDay", "WithinDays", "After", "Before"})

SUBJECTS = {
    Subject.LAB: SubjectRow(
        names=("Lab",),
        keys=COUNTING
        | {"LabProfileIds", "ExcludeLabProfileIds", "MinMinutesSpent", "MinScorePercent"}
        | {"Distinct", "Complete", "Passed"},
        counted="LabProfileIds",
    ),
    Subject.COURSE: SubjectRow(
        names=("Course",),
        keys=COUNTING | {"CourseIds", "ExcludeCourseIds", "Distinct", "Complete"},
        counted="CourseIds",
    ),
    Subject.COURSE_TAG: SubjectRow(
        names=("Course Tag",),
        keys=COUNTING
        | {"CourseIds", "ExcludeCourseIds", "CourseTagIds", "ExcludeCourseTagIds"}
        | {"Distinct", "Complete"},
        counted="CourseIds",
    ),
    Subject.SUBSCRIPTION: SubjectRow(
        names=("Subscription",), keys=COUNTING | {"ClubIds", "ExcludeClubIds", "Distinct", "Complete"}
    ),
    Subject.ACHIEVEMENT: SubjectRow(
        names=("User Achievement", "Achievement"),
        keys=COUNTING | {"Points", "AchievementIds", "ExcludeAchievementIds", "Distinct"},
        counted="AchievementIds",
    ),
    Subject.ACTIVITY: SubjectRow(
        names=("Activity",),
        keys=COUNTING | {"Kinds", "CourseIds", "ExcludeCourseIds", "DistinctPeople"},
    ),
    Subject.STREAK: SubjectRow(names=("Streak",), keys=frozenset({"Subject", "Days", "Kinds"})),
}

_SPELLING_OF_KINDS = gettext_lazy("kinds are lower-case words joined by underscores.")
_TWO_CONDITIONS = gettext_lazy("To ask for both, write two conditions.")
_POINTS_OF_ALL_DAYS = gettext_lazy("Points are added up over all days.")

CLASHES = (
    Clash("Points", "Count", _TWO_CONDITIONS),
    Clash("Points", "Minutes", _TWO_CONDITIONS),
    Clash("Points", "Distinct", gettext_lazy("An achievement earned twice gives its points twice.")),
    Clash("Points", "SingleDay", _POINTS_OF_ALL_DAYS),
    Clash("Points", "WithinDays", _POINTS_OF_ALL_DAYS),
    Clash("Minutes", "Count", _TWO_CONDITIONS),
)

# The keys of each sort of group; the last holds the list.
GROUPS = (("Any",), ("All",), ("AtLeast", "Of"))
GROUP_KEYS = tuple(name for keys in GROUPS for name in keys)

# How kinds are spelled that somebody can send (tms.models.Activity).
_SENDABLE = re.compile(r"[a-z][a-z0-9]*(?:_[a-z0-9]+)*")

_NEXT_LINE = ",\n "
_NAME_OF_FOLDED = {name.casefold(): name for name in (*KEYS, *GROUP_KEYS)}
_DEFAULTS = {row.name: row.default for row in fields(Condition)}

# ISO 8601 in its extended form, or with a space for the T; T and Z in capitals.
_ISO_MOMENT = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}"
    r"(?P<time>[T ][0-9]{2}:[0-9]{2}(?::[0-9]{2}(?:[.,][0-9]{1,9})?)?(?:Z|[+-][0-9]{2}(?::?[0-9]{2})?)?)?"
)


def _squeezed(name: str) -> str:
    return "".join(char for char in name.casefold() if char.isalnum())


def _folded_name(name: str) -> str:
    return "".join(name.casefold().split())


_SUBJECT_OF_NAME = {_folded_name(name): subject for subject, row in SUBJECTS.items() for name in row.names}
_KEY_NAME_OF_SQUEEZED = {_squeezed(name): name for name in _NAME_OF_FOLDED.values()}


def _label(subject: Subject) -> str:
    return f"{subject.value} ({SUBJECTS[subject].names[0]})"


def _subject_labels(subjects: Iterable[Subject]) -> str:
    return ", ".join(_label(subject) for subject in subjects)


def _keys_of(subject: Subject | None) -> tuple[str, ...]:
    """All keys, where the subject could not be read."""
    return tuple(name for name in KEYS if subject is None or name in SUBJECTS[subject].keys)


def _nearest_key(name: str, *, rather: Sequence[str]) -> str | None:
    """The key that was probably meant: one or two letters wrong, or some left out (LabIds, Score).

    Where letters are left out many keys may have been meant: one of those that are allowed `rather` is.
    """
    squeezed = _squeezed(name[:41])
    if not 4 <= len(squeezed) <= 40:
        return None
    candidates = (
        _closest(squeezed, cutoff=0.85),
        _longer(squeezed, rather),
        _closest(squeezed, cutoff=0.75),
        _longer(squeezed, KEYS),
    )
    return next(filter(None, candidates), None)


def _closest(squeezed: str, *, cutoff: float) -> str | None:
    close = get_close_matches(squeezed, _KEY_NAME_OF_SQUEEZED, n=1, cutoff=cutoff)
    return _KEY_NAME_OF_SQUEEZED[close[0]] if close else None


def _longer(squeezed: str, names: Iterable[str]) -> str | None:
    return next((name for name in names if _is_shortened(squeezed, _squeezed(name))), None)


def _is_shortened(name: str, key: str) -> bool:
    letters = iter(key)
    return all(letter in letters for letter in name)


# ── the stored form ──────────────────────────────────────────────────────────────────────────────────────


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


def _canonical_part(part: Condition | Group) -> dict[str, Any]:
    return _canonical_group(part) if isinstance(part, Group) else _canonical_condition(part)


def _canonical_group(group: Group) -> dict[str, Any]:
    parts = [_canonical_part(part) for part in group.parts]
    if group.least == 1:
        return {"Any": parts}
    if group.least == len(parts):
        return {"All": parts}
    return {"AtLeast": group.least, "Of": parts}


def _canonical_condition(condition: Condition) -> dict[str, Any]:
    stored: dict[str, Any] = {}
    for key in KEYS.values():
        value = getattr(condition, key.field)
        if value != _DEFAULTS[key.field]:
            stored[key.name] = _canonical_value(value)
    return stored


def _canonical_value(value: object) -> object:
    if isinstance(value, Subject):
        return int(value)
    if isinstance(value, tuple):
        return list(value)
    if isinstance(value, date):
        return value.isoformat().replace("+00:00", "Z")
    return value


def _stored_parts(value: Iterable[Mapping[str, Any]]) -> tuple[Condition | Group, ...]:
    return tuple(_stored_part(stored) for stored in value)


def _stored_part(stored: Mapping[str, Any]) -> Condition | Group:
    if "Any" in stored:
        return Group(least=1, parts=_stored_parts(stored["Any"]))
    if "All" in stored:
        return Group(least=len(stored["All"]), parts=_stored_parts(stored["All"]))
    if "AtLeast" in stored:
        return Group(least=stored["AtLeast"], parts=_stored_parts(stored["Of"]))
    values = {KEYS[name].field: _stored_value(KEYS[name].shape, value) for name, value in stored.items()}
    return Condition(subject=Subject(values.pop("subject")), **values)


def _stored_value(shape: Shape, value: Any) -> Any:
    return _moment(value) if shape is Shape.MOMENT else value


def _moment(text: str) -> date | datetime:
    """Raises ValueError where this is neither a date nor a time, OverflowError where the calendar ends."""
    text = text.strip().upper()
    match = _ISO_MOMENT.fullmatch(text)
    if match is None:
        raise ValueError(text)
    if not match["time"]:
        return date.fromisoformat(text)
    moment = datetime.fromisoformat(text)
    return moment.astimezone(UTC) if moment.tzinfo else moment


def _is_over_before_it_starts(after: date | datetime, before: date | datetime) -> bool:
    """Sure of it only a day later where one of them is in a zone that is not known here."""
    start = after if isinstance(after, datetime) else datetime.combine(after, time.min)
    end = before if isinstance(before, datetime) else datetime.combine(before, time.max)
    if (start.tzinfo is None) == (end.tzinfo is None):
        return end < start
    return end.replace(tzinfo=None) + timedelta(days=1) < start.replace(tzinfo=None)


# ── from the tree of values ──────────────────────────────────────────────────────────────────────────────


def _corrected(tree: Array | None, report: Report) -> str | None:
    if tree is None or not report.is_repaired:
        return None
    text = write_rows(tree)
    return text if len(text.encode()) <= MAX_BYTES else None


def _report_unknown_ids(
    nodes: Iterable[Node], missing: Mapping[str, Set[int]], *, report: Report, pointer: str = ""
) -> None:
    message = _("%(key)s names %(id)d, which does not exist or is not yours to use.")
    for index, node in enumerate(nodes):
        for member in node.members if isinstance(node, Object) else ():
            name = _NAME_OF_FOLDED.get(member.key.casefold(), "")
            items = member.value.items if isinstance(member.value, Array) else (member.value,)
            place = pointer + pointer_to(index, name)
            if name in GROUP_KEYS:
                _report_unknown_ids(items, missing, report=report, pointer=place)
            for position, item in enumerate(items if name in missing else ()):
                if isinstance(item, Scalar) and item.value in missing[name]:
                    numbers = {"key": name, "id": item.value}
                    report.error(
                        "unknown_id", message % numbers, at=item.at, pointer=place + pointer_to(position)
                    )


class _RuleReader:
    """Reads lists of conditions and groups, and watches over how much one rule may hold."""

    def __init__(self, report: Report, *, about: Callable[[Condition], Iterable[Hint]]) -> None:
        self.report = report
        self.about = about
        # Nothing of the text is lost, so that what is absent was not written either.
        self.is_whole = report.is_repaired
        self.conditions_read = 0
        self.ids_named = 0

    def read_list(self, nodes: Sequence[Node], *, pointer: str = "") -> tuple[Condition | Group, ...]:
        parts = [
            self.read_part(node, pointer=pointer + pointer_to(index)) for index, node in enumerate(nodes)
        ]
        return tuple(part for part in parts if part is not None)

    def read_part(self, node: Node, *, pointer: str) -> Condition | Group | None:
        if not isinstance(node, Object):
            message = _('A condition is an object such as {"Subject": 0, "Count": 1}; found %(found)s.')
            self.report.error(
                "not_a_condition", message % {"found": _found(node)}, at=node.at, pointer=pointer
            )
            return None
        if _is_group(node):
            return _GroupReader(node, report=self.report, pointer=pointer).read(self)
        return self.read_condition(node, pointer=pointer)

    def read_condition(self, node: Object, *, pointer: str) -> Condition | None:
        self.conditions_read += 1
        if self.conditions_read > MAX_CONDITIONS:
            message = _("With this condition the rule has more than %(limit)d; no more are read.")
            limit = {"limit": MAX_CONDITIONS}
            self.report.error("too_many_conditions", message % limit, at=node.at, pointer=pointer)
            raise Stop
        reader = _ConditionReader(node, report=self.report, pointer=pointer)
        condition = reader.read(is_whole=self.is_whole)
        if condition is not None:
            self.count_ids(condition, at=node.at, pointer=pointer)
            for hint in self.about(condition):
                reader.hint(hint.code, hint.message, key=hint.key)
        return condition

    def count_ids(self, condition: Condition, *, at: int, pointer: str) -> None:
        before = self.ids_named
        self.ids_named += sum(
            len(getattr(condition, key.field)) for key in KEYS.values() if key.shape is Shape.IDS
        )
        if before <= MAX_IDS < self.ids_named:
            message = _("With this condition the rule names more than %(limit)d ids.") % {"limit": MAX_IDS}
            self.report.error("too_many_ids", message, at=at, pointer=pointer)


class _ObjectReader:
    """What reading a condition and reading a group have in common: known keys and places."""

    def __init__(self, node: Object, *, report: Report, pointer: str) -> None:
        self.node = node
        self.report = report
        self.pointer = pointer
        # By the known spelling of their keys, in text order; those with null are absent.
        self.members: dict[str, Member] = {}
        self.strangers: list[Member] = []
        self.errors_before = len(report.errors)
        self.collect_members()

    def collect_members(self) -> None:
        seen: set[str] = set()
        for member in self.node.members:
            name = _NAME_OF_FOLDED.get(member.key.casefold())
            if member.key.casefold() in seen:
                message = _("%(key)s is written twice between these braces.") % {"key": shown(member.key)}
                self.error("duplicate_key", message, at=member.at, key=name or member.key)
            elif name is None:
                self.strangers.append(member)
            elif not _is_null(member.value):
                self.members[name] = member
            seen.add(member.key.casefold())

    def refuse_strangers(self, known: Sequence[str]) -> None:
        for member in self.strangers:
            found, nearest = shown(member.key), _nearest_key(member.key, rather=known)
            names = {"key": found, "nearest": nearest, "keys": ", ".join(known)}
            if nearest:
                message = _("%(key)s: did you mean %(nearest)s? Known here are %(keys)s.")
            else:
                message = _("%(key)s is not a known key. Known here are %(keys)s.")
            self.error("unknown_key", message % names, at=member.at, key=member.key)

    def read_number(
        self, key: str, node: Node, *index: int, least: int, most: int = MAX_NUMBER
    ) -> int | None:
        number = _whole_number(node)
        if number is not None and least <= number <= most:
            return number
        message = _(
            "%(key)s takes whole numbers from %(least)d to %(most)d, without quotes or decimals; "
            "found %(found)s."
        )
        names = {"key": key, "least": least, "most": most, "found": _found(node)}
        code = "wrong_type" if number is None else "out_of_range"
        self.error(code, message % names, at=node.at, key=key, index=index)
        return None

    # places

    def has_errors(self) -> bool:
        return len(self.report.errors) > self.errors_before

    def pointer_of(self, key: str | None, index: tuple[int, ...] = ()) -> str:
        return self.pointer if key is None else self.pointer + pointer_to(key, *index)

    def place_of(self, key: str) -> int:
        """Where the key stands, or the whole object if it is absent."""
        return self.members[key].at if key in self.members else self.node.at

    def error(
        self, code: str, message: str, *, at: int, key: str | None = None, index: tuple[int, ...] = ()
    ) -> None:
        self.report.error(code, message, at=at, pointer=self.pointer_of(key, index))

    def hint(self, code: str, message: str, *, key: str) -> None:
        pointer = self.pointer_of(key if key in self.members else None)
        self.report.hint(code, message, at=self.place_of(key), pointer=pointer)


class _GroupReader(_ObjectReader):
    """Reads one group and, through the reader of the rule, what is in it."""

    def read(self, rule: _RuleReader) -> Group | None:
        keys = self.keys_of_group()
        self.refuse_strangers(GROUP_KEYS)
        self.refuse_keys_beside(keys)
        if rule.is_whole and not self.strangers:
            self.refuse_what_is_incomplete(keys)
        parts = self.read_parts(keys[-1], rule)
        least = self.read_least(keys[0], parts)
        if least is None or not rule.is_whole or self.has_errors():
            return None
        if least > len(parts):
            message = _("Nobody can meet this: AtLeast asks for %(least)d of %(parts)d.")
            self.hint("never_met", message % {"least": least, "parts": len(parts)}, key="AtLeast")
        return Group(least=least, parts=parts)

    def keys_of_group(self) -> tuple[str, ...]:
        """Those of the sort of group that comes first in the text."""
        first = next(name for name in self.members if name in GROUP_KEYS)
        return next(keys for keys in GROUPS if first in keys)

    def refuse_keys_beside(self, keys: tuple[str, ...]) -> None:
        for name, member in self.members.items():
            if name not in keys:
                message = (
                    _("%(key)s cannot stand beside %(group)s: each group needs braces of its own.")
                    if name in GROUP_KEYS
                    else _(
                        "%(key)s cannot stand beside %(group)s: write it into the conditions of the group."
                    )
                )
                names = {"key": name, "group": keys[0]}
                self.error("beside_group", message % names, at=member.at, key=name)

    def refuse_what_is_incomplete(self, keys: tuple[str, ...]) -> None:
        for name in keys:
            if name not in self.members:
                message = _("This group lacks %(key)s. Write {AtLeast:2, Of:[ … ]}.") % {"key": name}
                self.error("incomplete_group", message, at=self.node.at)

    def read_parts(self, key: str, rule: _RuleReader) -> tuple[Condition | Group, ...]:
        if key not in self.members:
            return ()
        node = self.members[key].value
        if not isinstance(node, Array):
            message = _("%(key)s takes a list of conditions in square brackets, [ … ]; found %(found)s.")
            self.error("wrong_type", message % {"key": key, "found": _found(node)}, at=node.at, key=key)
            return ()
        if rule.is_whole and not node.items:
            message = _("There is no condition in this group.")
            self.error("empty_group", message, at=node.at, key=key)
        return rule.read_list(node.items, pointer=self.pointer_of(key))

    def read_least(self, key: str, parts: Sequence[Condition | Group]) -> int | None:
        if key == "AtLeast":
            return self.read_number(key, self.members[key].value, least=1) if key in self.members else None
        return len(parts) if key == "All" else 1


class _ConditionReader(_ObjectReader):
    """Reads one condition and reports everything that is wrong or doubtful about it."""

    def read(self, *, is_whole: bool) -> Condition | None:
        """`is_whole`: nothing of the text is lost, so that what is absent was not written either."""
        subject = self.read_subject()
        self.refuse_strangers(_keys_of(subject))
        if subject is not None:
            self.refuse_keys_of_others(subject)
        values: dict[str, Any] = {
            KEYS[name].field: self.read_value(KEYS[name], member.value)
            for name, member in self.members.items()
            if name != "Subject"
        }
        if subject is None or not is_whole or self.has_errors():
            return None
        condition = Condition(subject=subject, **values)
        self.refuse_clashes(condition)
        self.refuse_what_asks_nothing(condition)
        if self.has_errors():
            return None
        self.give_hints(condition, typed=values)
        return condition

    # keys

    def refuse_keys_of_others(self, subject: Subject) -> None:
        allowed = _keys_of(subject)
        for name, member in self.members.items():
            if name in allowed:
                continue
            owners = _subject_labels(owner for owner, row in SUBJECTS.items() if name in row.keys)
            names = {"key": name, "owners": owners, "subject": _label(subject), "keys": ", ".join(allowed)}
            if "Subject" in self.members:
                message = _("%(key)s belongs to Subject %(owners)s, not to Subject %(subject)s.")
            else:
                message = _("%(key)s belongs to Subject %(owners)s. Without a Subject this is %(subject)s.")
            sentences = (message, str(KEYS[name].only), _("Allowed here are %(keys)s."))
            self.error("foreign_key", " ".join(filter(None, sentences)) % names, at=member.at, key=name)

    # values

    def read_subject(self) -> Subject | None:
        """Absent is Lab, as documented. None, with an error, where it cannot be read."""
        member = self.members.get("Subject")
        if member is None:
            return Subject.LAB
        node = member.value
        if isinstance(node, Scalar) and isinstance(node.value, str):
            subject = _SUBJECT_OF_NAME.get(_folded_name(node.value))
        else:
            number = _whole_number(node)
            subject = next((known for known in SUBJECTS if known == number), None)
        if subject is None:
            self.refuse_subject(node)
        return subject

    def refuse_subject(self, node: Node) -> None:
        names = {"found": _found(node), "subjects": _subject_labels(SUBJECTS)}
        if _whole_number(node) is not None or _is_name(node):
            message = _("Subject %(found)s is not known: known subjects are %(subjects)s.")
            self.error("unknown_subject", message % names, at=node.at, key="Subject")
        else:
            message = _(
                "Subject takes one of these numbers, without quotes, or names: %(subjects)s; found %(found)s."
            )
            self.error("wrong_type", message % names, at=node.at, key="Subject")

    def read_value(self, key: Key, node: Node) -> object:
        match key.shape:
            case Shape.SWITCH:
                return self.read_switch(key.name, node)
            case Shape.IDS | Shape.KINDS:
                return self.read_items(key, node)
            case Shape.MOMENT:
                return self.read_moment(key.name, node)
            case _:
                least, most = LIMITS[key.shape]
                return self.read_number(key.name, node, least=least, most=most)

    def read_switch(self, key: str, node: Node) -> bool | None:
        if isinstance(node, Scalar) and isinstance(node.value, bool):
            return node.value
        message = _("%(key)s must be true or false, without quotes; found %(found)s.")
        self.error("wrong_type", message % {"key": key, "found": _found(node)}, at=node.at, key=key)
        return None

    def read_items(self, key: Key, node: Node) -> tuple[int | str, ...]:
        if isinstance(node, Array):
            items = [self.read_item(key, item, index) for index, item in enumerate(node.items)]
            return tuple(item for item in items if item is not None)
        item = self.read_item(key, node)
        if item is None:
            return ()
        code = "single_id" if key.shape is Shape.IDS else "single_kind"
        message = _("%(key)s is a single value without brackets: it is read as [%(item)s].")
        names = {"key": key.name, "item": item}
        self.report.notice(code, message % names, at=node.at, pointer=self.pointer_of(key.name))
        return (item,)

    def read_item(self, key: Key, node: Node, *index: int) -> int | str | None:
        if key.shape is Shape.IDS:
            return self.read_number(key.name, node, *index, least=1)
        kind = _kind(node)
        if kind is None:
            message = _(
                "%(key)s takes words without spaces, such as session or lesson_completed; found %(found)s."
            )
            names = {"key": key.name, "found": _found(node)}
            self.error("wrong_type", message % names, at=node.at, key=key.name, index=index)
        return kind

    def read_moment(self, key: str, node: Node) -> date | datetime | None:
        moment: date | datetime | None = None
        if isinstance(node, Scalar) and isinstance(node.value, str):
            with suppress(ValueError, OverflowError):
                moment = _moment(node.value)
        if moment is not None and moment.year in YEARS:
            return moment
        message = _(
            "%(key)s takes a date such as 2030-12-31, or a time such as 2030-12-31T18:00 or "
            "2030-12-31T18:00+02:00, from %(first)d to %(last)d; found %(found)s."
        )
        names = {"key": key, "first": YEARS[0], "last": YEARS[-1], "found": _found(node)}
        code = "wrong_type" if moment is None else "out_of_range"
        self.error(code, message % names, at=node.at, key=key)
        return None

    # the condition as a whole

    def refuse_clashes(self, condition: Condition) -> None:
        for clash in CLASHES:
            one, other = (getattr(condition, KEYS[name].field) for name in (clash.one, clash.other))
            if one and other:
                message = _("%(one)s and %(other)s cannot stand in one condition. %(why)s")
                names = {"one": clash.one, "other": clash.other, "why": clash.why}
                self.error("clash", message % names, at=self.place_of(clash.other), key=clash.other)

    def refuse_what_asks_nothing(self, condition: Condition) -> None:
        amounts = [name for name in _keys_of(condition.subject) if name in AMOUNTS]
        if any(getattr(condition, KEYS[name].field) for name in amounts):
            return
        message = _(
            "This condition asks for nothing, so it would hold for everybody. "
            "Say how much is needed, with %(keys)s, such as %(key)s:1."
        )
        names = {"keys": ", ".join(amounts), "key": amounts[0]}
        self.error("asks_nothing", message % names, at=self.node.at)

    # hints

    def give_hints(self, condition: Condition, *, typed: Mapping[str, Any]) -> None:
        """`typed`: the fields as they were written, before the defaults were filled in."""
        self.give_hints_about_courses(condition)
        self.give_hint_about_kinds(condition)
        reasons = list(_why_never_met(condition))
        for key, why in reasons:
            self.hint("never_met", _("Nobody can meet this: %(why)s") % {"why": why}, key=key)
        if typed.get("distinct") and condition.minutes:
            message = _("Distinct says nothing here: Minutes are added up over everything that counts.")
            self.hint("distinct_with_minutes", message, key="Distinct")
        elif typed.get("count") and condition.count and not reasons:
            self.give_hints_about_count(condition, count=condition.count)
        elif condition.count and not typed.get("count") and not condition.achievement_ids:
            message = _("Count is absent and read as 1: any one that fits is enough.")
            self.hint("count_absent", message, key="Count")

    def give_hints_about_courses(self, condition: Condition) -> None:
        if not condition.course_ids:
            return
        if condition.subject is Subject.COURSE_TAG:
            message = (
                _("A course counts only if it is one of CourseIds and also has one of CourseTagIds.")
                if condition.tag_ids
                else _("CourseIds are read as courses here too, as if Subject were 10.")
            )
            self.hint("course_ids_with_tag_subject", message, key="CourseIds")
        elif condition.kinds and set(condition.kinds) <= set(KINDS) - KINDS_IN_COURSES:
            message = _("Only %(kinds)s belong to a course; Kinds names none of these.")
            kinds = {"kinds": ", ".join(sorted(KINDS_IN_COURSES))}
            self.hint("course_ids_without_lessons", message % kinds, key="CourseIds")

    def give_hint_about_kinds(self, condition: Condition) -> None:
        """One hint at most: looking for the nearest kind takes time."""
        impossible = _impossible_kinds(condition)
        if impossible and len(impossible) < len(condition.kinds):
            message = _("%(kind)s can be sent by nobody: %(spelling)s")
            names = {"kind": shown(impossible[0]), "spelling": _SPELLING_OF_KINDS}
            self.hint("impossible_kind", message % names, key="Kinds")
            return
        kind = next((kind for kind in condition.kinds if kind not in KINDS), None)
        if kind is None or impossible:
            return
        nearest = get_close_matches(kind, KINDS, n=1)
        message = (
            _("%(kind)s counts only if an integration sends it. Did you mean %(nearest)s?")
            if nearest
            else _("%(kind)s counts only if an integration sends it. Our own kinds are %(kinds)s.")
        )
        names = {"kind": shown(kind), "nearest": nearest[0] if nearest else "", "kinds": ", ".join(KINDS)}
        self.hint("unfamiliar_kind", message % names, key="Kinds")

    def give_hints_about_count(self, condition: Condition, *, count: int) -> None:
        named = len(_ids_counted(condition))
        numbers = {"count": count, "named": named}
        if 1 < named == count and not condition.distinct:
            message = _(
                "One of them, %(count)d times, is enough, since Distinct is not asked. "
                "For all of them add Distinct:true."
            )
            self.hint("count_equals_ids", message % numbers, key="Count")
        elif count < named:
            message = ngettext(
                "Any one of the %(named)d that are named is enough.",
                "%(count)d of the %(named)d that are named are enough.",
                count,
            )
            advice = _("For all of them write Count:%(named)d and Distinct:true.")
            self.hint("count_below_ids", f"{message} {advice}" % numbers, key="Count")


def _why_never_met(condition: Condition) -> Iterator[tuple[str, str]]:
    """The key at fault, and the reason; only what the text alone shows."""
    for key in KEYS.values():
        named = getattr(condition, KEYS[key.excludes].field) if key.excludes else ()
        if named and set(named) <= set(getattr(condition, key.field)):
            yield key.name, _("it excludes everything that %(key)s names.") % {"key": key.excludes}
    named, count = len(_ids_counted(condition)), condition.count or 1
    if condition.distinct and 0 < named < count:
        numbers = {"count": count, "named": named}
        yield "Count", _("Count asks for %(count)d different ones, but %(named)d are named.") % numbers
    if condition.kinds and len(_impossible_kinds(condition)) == len(condition.kinds):
        yield "Kinds", str(_SPELLING_OF_KINDS)
    if condition.after and condition.before and _is_over_before_it_starts(condition.after, condition.before):
        yield "Before", _("Before is earlier than After.")
    if condition.minutes and condition.subject is not Subject.LAB:
        yield "Minutes", _("only labs measure the time spent.")


def _impossible_kinds(condition: Condition) -> list[str]:
    """Those that no integration can send."""
    return [kind for kind in condition.kinds if not _SENDABLE.fullmatch(kind)]


def _ids_counted(condition: Condition) -> set[int]:
    """The ids of what is counted that are named and not excluded."""
    counted = SUBJECTS[condition.subject].counted
    if not counted:
        return set()
    taken_away = next(key for key in KEYS.values() if key.excludes == counted)
    return set(getattr(condition, KEYS[counted].field)) - set(getattr(condition, taken_away.field))


def _is_group(node: Object) -> bool:
    return any(
        _NAME_OF_FOLDED.get(member.key.casefold()) in GROUP_KEYS and not _is_null(member.value)
        for member in node.members
    )


def _is_null(node: Node) -> bool:
    return isinstance(node, Scalar) and node.value is None


def _kind(node: Node) -> str | None:
    if not isinstance(node, Scalar) or not isinstance(node.value, str) or not (node.quoted or _is_name(node)):
        return None
    kind = node.value.strip().lower()
    return kind if 0 < len(kind) <= MAX_KIND and kind.isprintable() and " " not in kind else None


def _whole_number(node: Node) -> int | None:
    if not isinstance(node, Scalar) or node.quoted or isinstance(node.value, bool):
        return None
    return node.value if isinstance(node.value, int) else None


def _is_name(node: Node) -> bool:
    return isinstance(node, Scalar) and isinstance(node.value, str) and node.value.strip()[:1].isalpha()


def _found(node: Node) -> str:
    if isinstance(node, Array):
        return _("a list")
    if isinstance(node, Object):
        return _("an object in braces")
    return shown(node.raw)
