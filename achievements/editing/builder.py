"""The visual builder: a rule as rows of a form, and the rows of a form as a rule's text.

Its state is the canonical form, in which a value may still be whatever somebody typed. Nothing is judged
here: rows become text, and what conditions.language says of that text is shown at the row that its pointer
leads to. So there is one spelling and one set of errors, however a rule was made.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, pgettext_lazy

from achievements.conditions import language
from achievements.conditions.language import (
    GROUPS,
    KEYS,
    KINDS,
    SUBJECTS,
    ConditionError,
    Key,
    Shape,
    Subject,
)
from achievements.conditions.text import MAX_DEPTH
from achievements.conditions.things import REFERENCED
from tms.models import Activity

if TYPE_CHECKING:
    from django.http import QueryDict
    from django.utils.functional import _StrPromise

    from achievements.conditions.language import Remark, Rule

# A condition or a group as language.canonical writes it.
Part = dict[str, Any]
Path = tuple[int, ...]

# More than people put together by hand, and as many fields as a form may have.
MOST_CONDITIONS = 30
MOST_NAMED = 300

_FIELD = re.compile(r"rule\.((?:[0-9]{1,3}\.)+)([A-Za-z]+)")
_PLACE = re.compile(r"(?:[0-9]{1,3}(?:\.[0-9]{1,3})*)?")
_LISTS = tuple(keys[-1] for keys in GROUPS)
_AT_LEAST, _OF = GROUPS[-1]
_BETWEEN_IDS = "-"  # needs no escaping in an address


# ── rows → text ──────────────────────────────────────────────────────────────────────────────────────────


def parts_of_form(data: QueryDict) -> list[Part]:
    """The rows that a form sent. What a row's subject does not know is left out: it may just have changed."""
    rows: dict[Path, dict[str, list[str]]] = {}
    for name in data:
        field = _FIELD.fullmatch(name)
        if field and field[1].count(".") <= MAX_DEPTH:
            path = tuple(int(step) for step in field[1].split(".")[:-1])
            rows.setdefault(path, {})[field[2]] = data.getlist(name)
    return _parts_below(rows, ())


def _parts_below(rows: Mapping[Path, Mapping[str, Sequence[str]]], above: Path) -> list[Part]:
    inside = sorted(path for path in rows if path[:-1] == above)
    return [_part(rows, path) for path in inside]


def _part(rows: Mapping[Path, Mapping[str, Sequence[str]]], path: Path) -> Part:
    typed = rows[path]
    group = (typed.get("group") or [""])[0]
    if group in _LISTS:
        least = _value(Shape.SIZE, typed.get(_AT_LEAST, [])) if group == _OF else None
        return {**({} if least is None else {_AT_LEAST: least}), group: _parts_below(rows, path)}
    subject = _subject(typed.get("Subject", []))
    part: Part = {"Subject": int(subject)}
    for key in _keys_of(subject):
        value = _value(key.shape, typed.get(key.name, []))
        if value is not None:
            part[key.name] = value
    return part


def _subject(typed: Sequence[str]) -> Subject:
    known = {str(int(subject)): subject for subject in Subject}
    return known.get(typed[0] if typed else "", Subject.LAB)


def _keys_of(subject: Subject) -> list[Key]:
    return [key for key in KEYS.values() if key.name in SUBJECTS[subject].keys and key.name != "Subject"]


def _value(shape: Shape, typed: Sequence[str]) -> Any:
    """None where nothing was said. What is no number stays as typed, for the reader to say so."""
    match shape:
        case Shape.SWITCH:
            return True if any(typed) else None
        case Shape.IDS:
            ids = [int(part) for text in typed for part in re.findall(r"[0-9]{1,18}", text)]
            return ids or None
        case Shape.KINDS:
            return [word for text in typed for word in text.split()] or None
        case Shape.MOMENT:
            return typed[0].strip() or None if typed else None
        case _:
            text = typed[0].strip() if typed else ""
            return int(text) if re.fullmatch(r"-?[0-9]{1,18}", text) else text or None


def text_of(parts: Sequence[Part]) -> str:
    """The rule as text: in the printer's spelling, or as it stands where it is no rule yet."""
    if not parts:
        return ""
    lines = ",\n ".join(json.dumps(part, ensure_ascii=False) for part in parts)
    written = f"[{lines}]"
    try:
        return language.dump(language.read(written))
    except ConditionError:
        return written


# ── changing rows ────────────────────────────────────────────────────────────────────────────────────────


def _fresh() -> Part:
    return {"Subject": int(Subject.COURSE), "Count": 1, "Complete": True}


def change(parts: list[Part], *, do: str) -> str:
    """Add or remove a row, as a button of the builder asks; the id of the row to go on at, if there is one.

    `do` is a verb and where: `add 0.1`, `group 0`, `remove 2.0`; `show 1` changes nothing. So does what
    cannot be done.
    """
    verb, _space, place = do.partition(" ")
    if not _PLACE.fullmatch(place):
        return ""
    path = tuple(int(step) for step in place.split(".") if step)
    if verb in {"add", "group"}:
        inside = _list_at(parts, path)
        if inside is None:
            return ""
        inside.append(_fresh() if verb == "add" else {GROUPS[0][0]: [_fresh(), _fresh()]})
        return row_id((*path, len(inside) - 1))
    inside = _list_at(parts, path[:-1])
    if verb == "remove" and path and inside is not None and path[-1] < len(inside):
        del inside[path[-1]]
        left = len(inside)
        return row_id((*path[:-1], min(path[-1], left - 1))) if left else ""
    return row_id(path) if verb == "show" and path else ""


def _list_at(parts: list[Part], path: Path) -> list[Part] | None:
    """The rows inside the group at `path`; the rule's own where there is none."""
    inside = parts
    for step in path:
        group = inside[step] if step < len(inside) else {}
        found = next((group[name] for name in _LISTS if name in group), None)
        if found is None:
            return None
        inside = found
    return inside


# ── what is shown ────────────────────────────────────────────────────────────────────────────────────────

# What is counted, as the first words of a row.
COUNTED: dict[Subject, _StrPromise] = {
    Subject.LAB: gettext_lazy("Labs"),
    Subject.COURSE: gettext_lazy("Courses"),
    Subject.COURSE_TAG: gettext_lazy("Courses with a tag"),
    Subject.SUBSCRIPTION: gettext_lazy("Courses through a subscription"),
    Subject.ACHIEVEMENT: gettext_lazy("Achievements"),
    Subject.ACTIVITY: gettext_lazy("Activities"),
    Subject.STREAK: gettext_lazy("Days in a row"),
}
SUBJECT_ORDER = (
    Subject.COURSE,
    Subject.COURSE_TAG,
    Subject.SUBSCRIPTION,
    Subject.LAB,
    Subject.ACHIEVEMENT,
    Subject.ACTIVITY,
    Subject.STREAK,
)

LABELS: dict[str, _StrPromise] = {
    "Count": gettext_lazy("How many"),
    "Points": gettext_lazy("or points"),
    "Minutes": gettext_lazy("Minutes in all, in place of a number"),
    "Days": pgettext_lazy("length of a streak", "How many days"),
    "LabProfileIds": gettext_lazy("Which labs"),
    "ExcludeLabProfileIds": gettext_lazy("Not counting these labs"),
    "CourseIds": gettext_lazy("Which courses"),
    "ExcludeCourseIds": gettext_lazy("Not counting these courses"),
    "CourseTagIds": gettext_lazy("Tagged with any of"),
    "ExcludeCourseTagIds": gettext_lazy("Not counting courses tagged"),
    "ClubIds": gettext_lazy("Which subscriptions"),
    "ExcludeClubIds": gettext_lazy("Not counting these subscriptions"),
    "AchievementIds": gettext_lazy("Which achievements"),
    "ExcludeAchievementIds": gettext_lazy("Not counting these achievements"),
    "Kinds": gettext_lazy("Which activities"),
    "MinMinutesSpent": gettext_lazy("Minutes spent in each, at least"),
    "MinScorePercent": gettext_lazy("Score in percent, at least"),
    "Distinct": gettext_lazy("Different ones"),
    "DistinctPeople": gettext_lazy("Each with somebody else"),
    "SingleDay": gettext_lazy("Within a single day"),
    "WithinDays": gettext_lazy("Within days"),
    "After": gettext_lazy("From (date)"),
    "Before": gettext_lazy("Until (date)"),
    "Complete": gettext_lazy("Completed"),
    "Passed": gettext_lazy("Passed"),
}
# What a key names, on the button that chooses it.
CHOOSE: dict[str, _StrPromise] = {
    "LabProfileIds": gettext_lazy("Choose Labs"),
    "CourseIds": gettext_lazy("Choose Courses"),
    "CourseTagIds": gettext_lazy("Choose Course Tags"),
    "ClubIds": gettext_lazy("Choose Subscriptions"),
    "AchievementIds": gettext_lazy("Choose Achievements"),
}
ANY_OF: dict[str, _StrPromise] = {
    "LabProfileIds": gettext_lazy("Any lab"),
    "CourseIds": gettext_lazy("Any course"),
    "CourseTagIds": gettext_lazy("Any course, tagged or not"),
    "ClubIds": gettext_lazy("Any subscription"),
    "AchievementIds": gettext_lazy("Any achievement"),
}
# What is asked in most rules stands in the row itself; the rest is folded away until it is used.
_ALWAYS = {
    "Count",
    "Points",
    "Days",
    "Kinds",
    "Complete",
    "Passed",
    "Distinct",
    "WithinDays",
    "DistinctPeople",
}
_NAMED_FIRST = {
    Subject.LAB: "LabProfileIds",
    Subject.COURSE: "CourseIds",
    Subject.COURSE_TAG: "CourseTagIds",
    Subject.SUBSCRIPTION: "ClubIds",
    Subject.ACHIEVEMENT: "AchievementIds",
}
_SHAPES = {
    Shape.NUMBER: "number",
    Shape.SIZE: "number",
    Shape.PERCENT: "number",
    Shape.SWITCH: "switch",
    Shape.IDS: "ids",
    Shape.KINDS: "kinds",
    Shape.MOMENT: "moment",
}
_ORDER = ("number", "switch", "ids", "kinds", "moment")
_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")


@dataclass(frozen=True, kw_only=True)
class Thing:
    """Something that a row names; one that its reader may not know has no name."""

    id: int
    name: str


@dataclass(frozen=True, kw_only=True)
class Choice:
    value: str
    label: _StrPromise | str
    is_chosen: bool


@dataclass(frozen=True, kw_only=True)
class Said:
    """What is remarked at a field. A hint stops nobody from saving."""

    message: str
    is_hint: bool = False


@dataclass(frozen=True, kw_only=True)
class Control:
    """A field of a row. `shape` names its template; `text` is what it sends."""

    key: str
    path: str
    label: _StrPromise | str
    shape: str
    text: str = ""
    choices: tuple[Choice, ...] = ()
    things: tuple[Thing, ...] = ()
    remarks: tuple[Said, ...] = ()

    @property
    def name(self) -> str:
        return f"rule.{self.path}.{self.key}"

    @property
    def id(self) -> str:
        return self.name.replace(".", "-")

    @property
    def template(self) -> str:
        return f"achievements/editing/_{self.shape}.html"

    @property
    def is_day(self) -> bool:
        """A date, or nothing yet: the browser's own way to choose one fits."""
        return not self.text or bool(_DAY.fullmatch(self.text))

    @property
    def choose(self) -> _StrPromise:
        return CHOOSE[self.kind]

    @property
    def any_of(self) -> _StrPromise | str:
        return "" if KEYS[self.key].excludes else ANY_OF[self.kind]

    @property
    def kind(self) -> str:
        """The key that names such things, also for what excludes them."""
        return KEYS[self.key].excludes or self.key


@dataclass(frozen=True, kw_only=True)
class ConditionRow:
    path: str
    subject: Control
    main: tuple[Control, ...]
    more: tuple[Control, ...]
    remarks: tuple[Said, ...]

    @property
    def id(self) -> str:
        return row_id(_steps(self.path))

    @property
    def is_more_open(self) -> bool:
        return any(control.text or control.things or control.remarks for control in self.more)


@dataclass(frozen=True, kw_only=True)
class GroupRow:
    path: str
    kinds: tuple[Choice, ...]
    least: Control | None
    rows: tuple[ConditionRow | GroupRow, ...]
    remarks: tuple[Said, ...]

    @property
    def id(self) -> str:
        return row_id(_steps(self.path))

    @property
    def may_hold_groups(self) -> bool:
        return len(_steps(self.path)) < MAX_DEPTH - 1


def row_id(path: Path) -> str:
    return "-".join(("row", *map(str, path)))


def _steps(path: str) -> Path:
    return tuple(int(step) for step in path.split("."))


def can_show(rule: Rule) -> bool:
    """A rule that is too long for rows is left to its text."""
    conditions = list(rule.leaves())
    return len(conditions) <= MOST_CONDITIONS and _count_ids(parts_of(rule)) <= MOST_NAMED


def parts_of(rule: Rule) -> list[Part]:
    return language.canonical(rule)


def _count_ids(parts: Iterable[Part]) -> int:
    return sum(len(ids) for found in named(parts).values() for ids in found)


def named(parts: Iterable[Part]) -> dict[str, list[list[int]]]:
    """The key that names such things → the lists of ids of all rows."""
    found: dict[str, list[list[int]]] = {}
    for part in parts:
        inside = next((part[name] for name in _LISTS if name in part), None)
        own = named(inside) if inside is not None else _named_by(part)
        for key, lists in own.items():
            found.setdefault(key, []).extend(lists)
    return found


def _named_by(part: Part) -> dict[str, list[list[int]]]:
    found: dict[str, list[list[int]]] = {}
    for name in REFERENCED:
        if part.get(name):
            found.setdefault(KEYS[name].excludes or name, []).append(part[name])
    return found


Names = Mapping[str, Mapping[int, str]]


def rows_of(
    parts: Sequence[Part], *, names: Names, errors: Iterable[Remark] = (), hints: Iterable[Remark] = ()
) -> tuple[ConditionRow | GroupRow, ...]:
    """The rows of a rule, each with what is remarked about it. `names`: of the things that may be told."""
    told: dict[tuple[Path, str], list[Said]] = {}
    for remarks, is_hint in ((errors, False), (hints, True)):
        for remark in remarks:
            said = Said(message=remark.message, is_hint=is_hint)
            told.setdefault(_place_of(remark.pointer), []).append(said)
    return _rows(parts, (), names=names, told=told)


def _place_of(pointer: str) -> tuple[Path, str]:
    """The row and the key that a JSON pointer leads to."""
    path: list[int] = []
    key = ""
    for step in pointer.split("/")[1:]:
        if step.isdecimal() and not key:
            path.append(int(step))
        elif step not in _LISTS:
            key = key or step
    return tuple(path), key


Told = Mapping[tuple[Path, str], Sequence[Said]]


def _rows(
    parts: Sequence[Part], above: Path, *, names: Names, told: Told
) -> tuple[ConditionRow | GroupRow, ...]:
    return tuple(_row(part, (*above, place), names=names, told=told) for place, part in enumerate(parts))


def _row(part: Part, path: Path, *, names: Names, told: Told) -> ConditionRow | GroupRow:
    kind = next((name for name in _LISTS if name in part), None)
    if kind is not None:
        return _group_row(part, path, kind=kind, names=names, told=told)
    subject = Subject(part["Subject"])
    first: list[Control] = []
    rest: list[Control] = []
    for key in _keys_of(subject):
        control = _control(key, part, path, subject=subject, names=names, told=told)
        is_main = key.name in _ALWAYS or key.name == _NAMED_FIRST.get(subject)
        (first if is_main else rest).append(control)
    known = {key.name for key in _keys_of(subject)}
    strangers = [
        line for (place, key), lines in told.items() if place == path and key not in known for line in lines
    ]
    return ConditionRow(
        path=_joined(path),
        subject=_subject_control(subject, path),
        main=_in_order(first),
        more=_in_order(rest),
        remarks=tuple(strangers),
    )


def _in_order(controls: Sequence[Control]) -> tuple[Control, ...]:
    return tuple(sorted(controls, key=lambda control: _ORDER.index(control.shape)))


def _joined(path: Path) -> str:
    return ".".join(map(str, path))


def _group_row(part: Part, path: Path, *, kind: str, names: Names, told: Told) -> GroupRow:
    any_, all_, some = _LISTS
    labels = {any_: _("Any of these"), all_: _("All of these"), some: _("At least so many of these")}
    least = None
    if kind == _OF:
        least = Control(
            key=_AT_LEAST,
            path=_joined(path),
            label=_("How many of them"),
            shape="number",
            text=str(part.get(_AT_LEAST, "")),
            remarks=tuple(told.get((path, _AT_LEAST), ())),
        )
    return GroupRow(
        path=_joined(path),
        kinds=tuple(
            Choice(value=name, label=label, is_chosen=name == kind) for name, label in labels.items()
        ),
        least=least,
        rows=_rows(part[kind], path, names=names, told=told),
        remarks=tuple(told.get((path, ""), ())),
    )


def _subject_control(subject: Subject, path: Path) -> Control:
    choices = tuple(
        Choice(value=str(int(one)), label=COUNTED[one], is_chosen=one is subject) for one in SUBJECT_ORDER
    )
    return Control(
        key="Subject", path=_joined(path), label=_("What counts"), shape="subject", choices=choices
    )


def _control(key: Key, part: Part, path: Path, *, subject: Subject, names: Names, told: Told) -> Control:
    value = part.get(key.name)
    label: Any = LABELS[key.name]
    if key.name == "Count" and subject is Subject.ACTIVITY:
        label = _("How many times")
    return Control(
        key=key.name,
        path=_joined(path),
        label=label,
        shape=_SHAPES[key.shape],
        text=_text(key.shape, value),
        choices=tuple(_kinds(value or ())) if key.shape is Shape.KINDS else (),
        things=tuple(_things(key, value or (), names)) if key.shape is Shape.IDS else (),
        remarks=tuple(told.get((path, key.name), ())),
    )


def _text(shape: Shape, value: Any) -> str:
    if value is None:
        return ""
    if shape is Shape.IDS:
        return _BETWEEN_IDS.join(map(str, value))
    if shape is Shape.KINDS:
        return " ".join(kind for kind in value if kind not in KINDS)
    return "yes" if value is True else str(value)


def _kinds(chosen: Sequence[str]) -> Iterator[Choice]:
    labels = dict(Activity.Kind.choices)
    for kind in KINDS:
        yield Choice(value=kind, label=labels.get(kind, kind), is_chosen=kind in chosen)


def _things(key: Key, ids: Sequence[int], names: Names) -> Iterator[Thing]:
    known = names.get(key.excludes or key.name, {})
    for pk in ids:
        yield Thing(id=pk, name=known.get(pk, ""))


def ids_control(key: str, path: str, ids: Sequence[int], names: Names) -> Control:
    """The field of a list of things by itself, after they were chosen in a dialog."""
    return Control(
        key=key,
        path=path,
        label=LABELS[key],
        shape="ids",
        text=_text(Shape.IDS, ids),
        things=tuple(_things(KEYS[key], ids, names)),
    )
