"""The spelling of conditions: text, or the stored canonical form, becomes typed conditions and back.

This is the only module that knows subjects and keys by name. What may be written is in three tables, KEYS,
SUBJECTS and CLASHES; a new subject or key is a row there and a field of Condition. How text is cut into
values is the affair of text.py. Whether ids exist, and what conditions find in records, is not known here.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Set
from dataclasses import dataclass, field
from difflib import get_close_matches
from enum import Enum, IntEnum, auto
from typing import Any

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


class Subject(IntEnum):
    LAB = 0
    COURSE = 10
    COURSE_TAG = 20
    ACHIEVEMENT = 40


@dataclass(frozen=True, slots=True, kw_only=True)
class Condition:
    """What is counted, and how much of it is needed. Conditions that mean the same are equal.

    To that end the defaults are filled in and everything that says nothing is left out: ids are sorted and
    unique, and 0 is absent. An absent count becomes 1 where other ids are given, and for achievement ids it
    becomes all of them, each once. Beside points a count of 1 says nothing. So `count` is None only where
    points are asked (and where nothing at all is asked, which cannot be read).
    """

    subject: Subject
    count: int | None = None
    distinct: bool = False
    single_day: bool = False
    complete: bool = False
    passed: bool = False
    min_minutes: int | None = None
    lab_ids: tuple[int, ...] = ()
    course_ids: tuple[int, ...] = ()
    tag_ids: tuple[int, ...] = ()
    achievement_ids: tuple[int, ...] = ()
    points: int | None = None

    def __post_init__(self) -> None:
        for key in KEYS.values():
            value = getattr(self, key.field)
            if key.shape is Shape.IDS:
                self._become(key, tuple(sorted(set(value))))
            elif key.shape is Shape.NUMBER:
                self._become(key, value or None)
        if self.points:
            self._become(KEYS["Count"], None if self.count == 1 else self.count)
        elif self.count is None and self.achievement_ids:
            self._become(KEYS["Count"], len(self.achievement_ids))
            self._become(KEYS["Distinct"], True)
        elif self.count is None and (self.lab_ids or self.course_ids or self.tag_ids):
            self._become(KEYS["Count"], 1)

    def _become(self, key: Key, value: object) -> None:
        object.__setattr__(self, key.field, value)

    @property
    def needed(self) -> int:
        """How many records, or different items if distinct. Not used where points are asked."""
        return self.count or 1


@dataclass(frozen=True, slots=True)
class Rule:
    """Conditions that must all hold. What was remarked while reading is not part of what the rule says."""

    conditions: tuple[Condition, ...]
    hints: tuple[Remark, ...] = field(default=(), compare=False)
    notices: tuple[Remark, ...] = field(default=(), compare=False)


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


def read(text: str) -> Rule:
    """The rule that an administrator typed. Raises ConditionError and nothing else, and takes linear time.

    No text, or an empty list, is the rule without conditions; the caller decides whether it may be saved.
    """
    report = Report(text)
    tree: Array | None = None
    conditions: tuple[Condition, ...] = ()
    try:
        tree = parse(text, report)
        conditions = _read_conditions(tree, report)
    except Stop:
        pass
    if report.errors:
        raise ConditionError(in_text_order(report.errors), corrected=_corrected(tree, report))
    return Rule(conditions, in_text_order(report.hints), in_text_order(report.notices))


def canonical(rule: Rule) -> list[dict[str, Any]]:
    """The form that is stored: keys in the order of KEYS, ids sorted and unique, defaults left out.

    Rules whose conditions mean the same, in the same order, have equal forms: Condition fills in an absent
    Count, and the number is always written, so that the stored rule does not depend on what absence means.
    Subject is always written.
    """
    return [_canonical_condition(condition) for condition in rule.conditions]


def from_canonical(value: Iterable[Mapping[str, Any]]) -> Rule:
    """The rule that was stored, without its remarks. Raises KeyError where canonical() gave no such form."""
    return Rule(tuple(_stored_condition(stored) for stored in value))


def dump(rule: Rule) -> str:
    """The canonical form as text, a line for each condition.

    read() gives the same rule back, unless the text, with everything written out, has outgrown MAX_BYTES.
    """
    return f"[{_NEXT_LINE.join(json.dumps(condition) for condition in canonical(rule))}]"


def referenced_ids(rule: Rule) -> dict[str, frozenset[int]]:
    """Every key that holds ids → the ids that the rule names with it, for the caller to see if they exist."""
    return {
        key.name: frozenset(
            number for condition in rule.conditions for number in getattr(condition, key.field)
        )
        for key in KEYS.values()
        if key.shape is Shape.IDS
    }


def unknown_ids(text: str, missing: Mapping[str, Set[int]]) -> ConditionError:
    """The error to raise where ids of referenced_ids(read(text)) do not exist, with their places in the text.

    `missing` has the shape of referenced_ids().
    """
    report = Report(text)
    try:
        for index, node in enumerate(parse(text, report).items):
            for member in node.members if isinstance(node, Object) else ():
                _report_unknown_ids(member, missing, report=report, condition=index)
    except Stop:
        pass  # As many errors as anybody reads are reported.
    return ConditionError(in_text_order(report.errors))


# ── what may be written ──────────────────────────────────────────────────────────────────────────────────


class Shape(Enum):
    SUBJECT = auto()
    NUMBER = auto()  # 0 and absent are the same
    SWITCH = auto()
    IDS = auto()


@dataclass(frozen=True, slots=True)
class Key:
    """`asks`: without any such key a condition would hold for everybody. `only`: why others lack it."""

    name: str
    field: str
    shape: Shape
    asks: bool = False
    only: str | Promise = ""


@dataclass(frozen=True, slots=True)
class SubjectRow:
    """`names`: all are read, the first is shown. `counted`: the key with the ids of what is counted."""

    names: tuple[str, ...]
    keys: tuple[str, ...]
    counted: str


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
    Key("Count", "count", Shape.NUMBER, asks=True),
    Key("Points", "points", Shape.NUMBER, asks=True, only=gettext_lazy("Only achievements carry points.")),
    Key("LabProfileIds", "lab_ids", Shape.IDS, asks=True),
    Key("CourseIds", "course_ids", Shape.IDS, asks=True),
    Key("CourseTagIds", "tag_ids", Shape.IDS, asks=True),
    Key("AchievementIds", "achievement_ids", Shape.IDS, asks=True),
    Key(
        "MinMinutesSpent", "min_minutes", Shape.NUMBER, only=gettext_lazy("Only labs measure the time spent.")
    ),
    Key("Distinct", "distinct", Shape.SWITCH),
    Key("SingleDay", "single_day", Shape.SWITCH),
    Key("Complete", "complete", Shape.SWITCH, only=gettext_lazy("An earned achievement is always complete.")),
    Key("Passed", "passed", Shape.SWITCH, only=gettext_lazy("Only exam labs are passed or failed.")),
)

COMMON_KEYS = ("Subject", "Count", "Distinct", "SingleDay")

SUBJECTS = {
    Subject.LAB: SubjectRow(
        names=("Lab",),
        keys=("LabProfileIds", "MinMinutesSpent", "Complete", "Passed"),
        counted="LabProfileIds",
    ),
    Subject.COURSE: SubjectRow(names=("Course",), keys=("CourseIds", "Complete"), counted="CourseIds"),
    Subject.COURSE_TAG: SubjectRow(
        names=("Course Tag",), keys=("CourseIds", "CourseTagIds", "Complete"), counted="CourseIds"
    ),
    Subject.ACHIEVEMENT: SubjectRow(
        names=("User Achievement", "Achievement"), keys=("Points", "AchievementIds"), counted="AchievementIds"
    ),
}

CLASHES = (
    Clash("Points", "Count", gettext_lazy("To ask for both, write two conditions.")),
    Clash("Points", "Distinct", gettext_lazy("An achievement earned twice gives its points twice.")),
    Clash("Points", "SingleDay", gettext_lazy("Points are added up over all days.")),
)

_NEXT_LINE = ",\n "
_KEY_OF_FOLDED = {name.casefold(): key for name, key in KEYS.items()}


def _squeezed(name: str) -> str:
    return "".join(char for char in name.casefold() if char.isalnum())


def _folded_name(name: str) -> str:
    return "".join(name.casefold().split())


_SUBJECT_OF_NAME = {_folded_name(name): subject for subject, row in SUBJECTS.items() for name in row.names}
_KEY_NAME_OF_SQUEEZED = {_squeezed(name): name for name in KEYS}


def _label(subject: Subject) -> str:
    return f"{subject.value} ({SUBJECTS[subject].names[0]})"


def _subject_labels(subjects: Iterable[Subject]) -> str:
    return ", ".join(_label(subject) for subject in subjects)


def _keys_of(subject: Subject | None) -> tuple[str, ...]:
    """All keys, where the subject could not be read."""
    return (
        tuple(KEYS)
        if subject is None
        else tuple(name for name in KEYS if name in COMMON_KEYS or name in SUBJECTS[subject].keys)
    )


def _nearest_key(name: str) -> str | None:
    """The key that was probably meant: one or two letters wrong, or some left out (LabIds, Minutes)."""
    squeezed = _squeezed(name[:41])
    if not 4 <= len(squeezed) <= 40:
        return None
    close = get_close_matches(squeezed, _KEY_NAME_OF_SQUEEZED, n=1, cutoff=0.75)
    if close:
        return _KEY_NAME_OF_SQUEEZED[close[0]]
    return next((known for key, known in _KEY_NAME_OF_SQUEEZED.items() if _is_shortened(squeezed, key)), None)


def _is_shortened(name: str, key: str) -> bool:
    letters = iter(key)
    return all(letter in letters for letter in name)


# ── the stored form ──────────────────────────────────────────────────────────────────────────────────────


def _canonical_condition(condition: Condition) -> dict[str, Any]:
    stored: dict[str, Any] = {}
    for key in KEYS.values():
        value = getattr(condition, key.field)
        if key.shape is Shape.SUBJECT:
            stored[key.name] = int(value)
        elif value:
            stored[key.name] = list(value) if key.shape is Shape.IDS else value
    return stored


def _stored_condition(stored: Mapping[str, Any]) -> Condition:
    fields = {KEYS[name].field: value for name, value in stored.items()}
    return Condition(subject=Subject(fields.pop("subject")), **fields)


# ── from the tree of values ──────────────────────────────────────────────────────────────────────────────


def _corrected(tree: Array | None, report: Report) -> str | None:
    if tree is None or not report.is_repaired:
        return None
    text = write_rows(tree)
    return text if len(text.encode()) <= MAX_BYTES else None


def _report_unknown_ids(
    member: Member, missing: Mapping[str, Set[int]], *, report: Report, condition: int
) -> None:
    key = _KEY_OF_FOLDED.get(member.key.casefold())
    if key is None or key.name not in missing:
        return
    message = _("%(key)s names %(id)d, which does not exist or is not yours to use.")
    for index, node in enumerate(member.value.items if isinstance(member.value, Array) else (member.value,)):
        if isinstance(node, Scalar) and node.value in missing[key.name]:
            pointer = pointer_to(condition, key.name, index)
            report.error(
                "unknown_id", message % {"key": key.name, "id": node.value}, at=node.at, pointer=pointer
            )


def _read_conditions(tree: Array, report: Report) -> tuple[Condition, ...]:
    if len(tree.items) > MAX_CONDITIONS:
        message = _("This rule has %(count)d conditions; at most %(limit)d are read.")
        numbers = {"count": len(tree.items), "limit": MAX_CONDITIONS}
        at, pointer = tree.items[MAX_CONDITIONS].at, pointer_to(MAX_CONDITIONS)
        report.error("too_many_conditions", message % numbers, at=at, pointer=pointer)
    is_whole = report.is_repaired
    conditions: list[Condition] = []
    ids_named = 0
    for index, node in enumerate(tree.items[:MAX_CONDITIONS]):
        condition = _read_condition(node, report=report, pointer=pointer_to(index), is_whole=is_whole)
        if condition is None:
            continue
        conditions.append(condition)
        ids_before, ids_named = ids_named, ids_named + _count_ids(condition)
        if ids_before <= MAX_IDS < ids_named:
            message = _("With this condition the rule names more than %(limit)d ids.") % {"limit": MAX_IDS}
            report.error("too_many_ids", message, at=node.at, pointer=pointer_to(index))
    return tuple(conditions)


def _read_condition(node: Node, *, report: Report, pointer: str, is_whole: bool) -> Condition | None:
    if isinstance(node, Object):
        return _ConditionReader(node, report=report, pointer=pointer).read(is_whole=is_whole)
    message = _('A condition is an object such as {"Subject": 0, "Count": 1}; found %(found)s.')
    report.error("not_a_condition", message % {"found": _found(node)}, at=node.at, pointer=pointer)
    return None


class _ConditionReader:
    """Reads one condition and reports everything that is wrong or doubtful about it."""

    def __init__(self, node: Object, *, report: Report, pointer: str) -> None:
        self.node = node
        self.report = report
        self.pointer = pointer
        self.members: dict[
            str, Member
        ] = {}  # by the known spelling of their keys; those with null are absent

    def read(self, *, is_whole: bool) -> Condition | None:
        """`is_whole`: nothing of the text is lost, so that what is absent was not written either."""
        errors_before = len(self.report.errors)
        strangers = self.collect_members()
        subject = self.read_subject()
        for member in strangers:
            self.refuse_unknown_key(member, subject)
        if subject is not None:
            self.refuse_keys_of_others(subject)
        fields: dict[str, Any] = {
            KEYS[name].field: self.read_value(KEYS[name], member.value)
            for name, member in self.members.items()
            if name != "Subject"
        }
        if subject is None or not is_whole or len(self.report.errors) > errors_before:
            return None
        condition = Condition(subject=subject, **fields)
        self.refuse_clashes(condition)
        self.refuse_what_asks_nothing(condition)
        if len(self.report.errors) > errors_before:
            return None
        self.give_hints(condition, is_count_asked=bool(fields.get("count")))
        return condition

    # keys

    def collect_members(self) -> list[Member]:
        """Fills `members` and returns those whose keys are not known."""
        strangers: list[Member] = []
        seen: set[str] = set()
        for member in self.node.members:
            key = _KEY_OF_FOLDED.get(member.key.casefold())
            if member.key.casefold() in seen:
                message = _("%(key)s is written twice in this condition.") % {"key": shown(member.key)}
                self.error("duplicate_key", message, at=member.at, key=key.name if key else member.key)
            elif key is None:
                strangers.append(member)
            elif not (isinstance(member.value, Scalar) and member.value.value is None):
                self.members[key.name] = member
            seen.add(member.key.casefold())
        return strangers

    def refuse_unknown_key(self, member: Member, subject: Subject | None) -> None:
        found, nearest = shown(member.key), _nearest_key(member.key)
        names = {"key": found, "nearest": nearest, "keys": ", ".join(_keys_of(subject))}
        if nearest:
            message = _("%(key)s: did you mean %(nearest)s? Known here are %(keys)s.")
        else:
            message = _("%(key)s is not a known key. Known here are %(keys)s.")
        self.error("unknown_key", message % names, at=member.at, key=member.key)

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

    def read_value(self, key: Key, node: Node) -> int | bool | tuple[int, ...] | None:
        if key.shape is Shape.SWITCH:
            return self.read_switch(key, node)
        if key.shape is Shape.IDS:
            return self.read_ids(key, node)
        return self.read_number(key.name, node, least=0)

    def read_switch(self, key: Key, node: Node) -> bool | None:
        if isinstance(node, Scalar) and isinstance(node.value, bool):
            return node.value
        message = _("%(key)s must be true or false, without quotes; found %(found)s.")
        self.error("wrong_type", message % {"key": key.name, "found": _found(node)}, at=node.at, key=key.name)
        return None

    def read_ids(self, key: Key, node: Node) -> tuple[int, ...]:
        if isinstance(node, Array):
            numbers = [
                self.read_number(key.name, item, index, least=1) for index, item in enumerate(node.items)
            ]
            return tuple(number for number in numbers if number is not None)
        number = self.read_number(key.name, node, least=1)
        if number is None:
            return ()
        message = _("%(key)s is a single id without brackets: it is read as [%(id)d].")
        names = {"key": key.name, "id": number}
        self.report.notice("single_id", message % names, at=node.at, pointer=self.pointer_of(key.name))
        return (number,)

    def read_number(self, key: str, node: Node, *index: int, least: int) -> int | None:
        number = _whole_number(node)
        if number is not None and least <= number <= MAX_NUMBER:
            return number
        message = _(
            "%(key)s takes whole numbers from %(least)d to %(most)d, without quotes or decimals; "
            "found %(found)s."
        )
        names = {"key": key, "least": least, "most": MAX_NUMBER, "found": _found(node)}
        code = "wrong_type" if number is None else "out_of_range"
        self.error(code, message % names, at=node.at, key=key, index=index)
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
        asking = [name for name in _keys_of(condition.subject) if KEYS[name].asks]
        if any(getattr(condition, KEYS[name].field) for name in asking):
            return
        message = _(
            "This condition asks for nothing, so it would hold for everybody. "
            "Give one of %(keys)s, such as Count:1."
        )
        self.error("asks_nothing", message % {"keys": ", ".join(asking)}, at=self.node.at)

    def give_hints(self, condition: Condition, *, is_count_asked: bool) -> None:
        if condition.subject is Subject.COURSE_TAG and condition.course_ids:
            message = (
                _("A course counts only if it is one of CourseIds and also has one of CourseTagIds.")
                if condition.tag_ids
                else _("CourseIds are read as courses here too, as if Subject were 10.")
            )
            self.hint("course_ids_with_tag_subject", message, key="CourseIds")
        if condition.points:
            return
        if is_count_asked:
            self.give_hints_about_count(condition)
        elif not condition.achievement_ids:
            message = _("Count is absent and read as 1: any one of what is named is enough.")
            self.hint("count_absent", message, key="Count")

    def give_hints_about_count(self, condition: Condition) -> None:
        named = len(getattr(condition, KEYS[SUBJECTS[condition.subject].counted].field))
        numbers = {"count": condition.needed, "named": named}
        if 0 < named < condition.needed and condition.distinct:
            message = _(
                "Nobody can meet this: Count asks for %(count)d different ones, but %(named)d are named."
            )
            self.hint("never_met", message % numbers, key="Count")
        elif 1 < named == condition.needed and not condition.distinct:
            message = _(
                "One of them, %(count)d times, is enough, since Distinct is not asked. "
                "For all of them add Distinct:true."
            )
            self.hint("count_equals_ids", message % numbers, key="Count")
        elif condition.needed < named:
            message = ngettext(
                "Any one of the %(named)d that are named is enough.",
                "%(count)d of the %(named)d that are named are enough.",
                condition.needed,
            )
            advice = _("For all of them write Count:%(named)d and Distinct:true.")
            self.hint("count_below_ids", f"{message} {advice}" % numbers, key="Count")

    # places

    def pointer_of(self, key: str | None, index: tuple[int, ...] = ()) -> str:
        return self.pointer if key is None else self.pointer + pointer_to(key, *index)

    def place_of(self, key: str) -> int:
        """Where the key stands, or the whole condition if it is absent."""
        return self.members[key].at if key in self.members else self.node.at

    def error(
        self, code: str, message: str, *, at: int, key: str | None = None, index: tuple[int, ...] = ()
    ) -> None:
        self.report.error(code, message, at=at, pointer=self.pointer_of(key, index))

    def hint(self, code: str, message: str, *, key: str) -> None:
        pointer = self.pointer_of(key if key in self.members else None)
        self.report.hint(code, message, at=self.place_of(key), pointer=pointer)


def _count_ids(condition: Condition) -> int:
    return sum(len(getattr(condition, key.field)) for key in KEYS.values() if key.shape is Shape.IDS)


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
