"""The rule as a sentence: what a learner has to do, in plain words of the reader's language.

A condition becomes a head (“Complete 3 different courses tagged “Cloud””) and the clauses that narrow it.
Each is one whole message from the tables below, so that every language may order its words as it likes; only
names, numbers and dates are put in. Groups are told as an outline, for pages, or in one line. The text ends
without a full stop and holds no HTML. What a rule means is the affair of query.py, and how far a learner has
come is not known here.
"""

from __future__ import annotations

import unicodedata
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import TYPE_CHECKING, Any

from django.db.models import Value
from django.utils.formats import date_format, number_format
from django.utils.translation import get_language_bidi, gettext_lazy, ngettext_lazy, pgettext_lazy
from django.utils.translation import gettext as _

from achievements.conditions.language import (
    DEFAULT_STREAK,
    KEYS,
    Condition,
    Group,
    Rule,
    Subject,
    from_canonical,
)
from achievements.conditions.things import NAMED_BY_FIELD, THINGS
from tms.models import Translated, named

if TYPE_CHECKING:
    from django.db.models import QuerySet
    from django.utils.functional import _StrOrPromise as Text

__all__ = [
    "Names",
    "Outline",
    "in_words",
    "names_of",
    "outline",
    "outlines",
    "sentence",
    "sentences",
    "stored_rule",
]

# A list of more names than this shows the first few and how many more there are.
MOST_NAMED = 5
NAMED_OF_MANY = 4


@dataclass(frozen=True, slots=True)
class Outline:
    """What a rule, or a part of it, asks: a sentence, or what introduces its parts."""

    text: str
    parts: tuple[Outline, ...] = ()

    @property
    def sentence(self) -> str:
        """The same in one line."""
        return self._line(nested=False)

    def _line(self, *, nested: bool) -> str:
        if not self.parts:
            return self.text
        parts, *others = (part._line(nested=True) for part in self.parts)
        for other in others:
            parts = _("%(parts)s; %(next)s") % {"parts": parts, "next": other}
        line = _("%(heading)s: %(parts)s") % {"heading": self.text, "parts": parts}
        return _("(%(group)s)") % {"group": line} if nested else line


def outlines(stored: Iterable[Any]) -> list[Outline]:
    """What each rule in its stored form asks. The names take two queries at most."""
    rules = [stored_rule(form) for form in stored]
    names = names_of(rules)
    return [outline(rule, names) for rule in rules]


def in_words(stored: Iterable[Any]) -> list[str]:
    """The same, each in one line."""
    return [found.sentence for found in outlines(stored)]


def stored_rule(stored: Any) -> Rule:
    """The rule that was stored, or the one without conditions where that form cannot be read any more."""
    try:
        return from_canonical(stored)
    except (KeyError, TypeError, ValueError):
        return Rule(())


def outline(rule: Rule, names: Names) -> Outline:
    """All that the rule asks; no text for a rule without conditions."""
    if not rule.conditions:
        return Outline("")
    return _told(Group(least=len(rule.conditions), parts=rule.conditions), names)


def sentence(rule: Rule, names: Names) -> str:
    """All that the rule asks, in one line; empty for a rule without conditions."""
    return outline(rule, names).sentence


def sentences(rule: Rule, names: Names) -> list[str]:
    """What must hold, a line for each condition or group of the list."""
    return [_told(part, names).sentence for part in rule.conditions]


# ── names ────────────────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True)
class Names:
    """Key that names things → id → name, for the ids that sentences of certain rules show."""

    found: Mapping[str, Mapping[int, str]]

    def shown(self, field: str, ids: Iterable[int]) -> list[str]:
        known = self.found.get(NAMED_BY_FIELD[field], {})
        return [
            _quoted(known[id_]) if id_ in known else _("no. %(id)s (deleted)") % {"id": id_} for id_ in ids
        ]


def names_of(rules: Iterable[Rule]) -> Names:
    """The names that sentence() needs for these rules: a query for achievements, and one for all the rest."""
    wanted: dict[str, set[int]] = {}
    for rule in rules:
        for condition in rule.leaves():
            for field, key in NAMED_BY_FIELD.items():
                wanted.setdefault(key, set()).update(_first(getattr(condition, field)))
    found: dict[str, dict[int, str]] = defaultdict(dict)
    plain = []
    for key, ids in wanted.items():
        model = THINGS[key]
        if ids and issubclass(model, Translated):
            found[key] = _names_by_language(model, ids)
        elif ids:
            plain.append(_names(key, ids))
    if plain:
        first, *others = plain
        for key, pk, name in first.union(*others, all=True) if others else first:
            found[key][pk] = name
    return Names(found)


def _names(key: str, ids: set[int]) -> QuerySet[Any, tuple[str, int, str]]:
    """key, id, name"""
    rows = THINGS[key]._default_manager.filter(pk__in=ids).order_by()
    return rows.values_list(Value(key), "pk", "name")


def _names_by_language(model: type[Translated], ids: set[int]) -> dict[int, str]:
    rows: QuerySet[Any] = model._default_manager.filter(pk__in=ids)
    found = rows.values_list("pk", "name", "translations")
    return {pk: named(translations, "name", otherwise=name) for pk, name, translations in found}


def _first(items: Sequence[Any]) -> Sequence[Any]:
    return items if len(items) <= MOST_NAMED else items[:NAMED_OF_MANY]


def _quoted(name: str) -> str:
    """A name that runs against the direction of the text is isolated: it would turn its neighbours round."""
    against = {"L"} if get_language_bidi() else {"R", "AL"}
    if any(unicodedata.bidirectional(letter) in against for letter in name):
        name = f"\u2068{name}\u2069"
    return _("“%(name)s”") % {"name": name}


# ── what is said ─────────────────────────────────────────────────────────────────────────────────────────

# In every message %(count)s is a number as it is written, and `number` the same one for choosing the plural;
# `named` is how many things are named, for choosing the plural by them.


@dataclass(frozen=True, slots=True)
class Excluded:
    """The clause that leaves out things, and how these are enumerated."""

    text: Text
    how: Enumeration


@dataclass(frozen=True, slots=True, kw_only=True)
class Heads:
    """How to ask for items.

    any: so many of whatever there is, the same ones or others · different: so many different ones ·
    named: one of a list, so many times · all: each of a list · some: so many different ones of a list.
    """

    any: Text
    different: Text
    named: Text = ""
    all: Text = ""
    some: Text = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Amount:
    """How to ask for time: in anything, or in what is named."""

    named: Text
    any: Text = ""


@dataclass(frozen=True, slots=True)
class Kind:
    """How to ask for activities of a kind; with others: each with somebody else."""

    done: Text
    with_others: Text | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Clause:
    """What must hold for the one record that is asked, for each of several, or each time."""

    one: Text
    each: Text
    each_time: Text

    def of(self, c: Condition) -> Text:
        if c.count == 1:
            return self.one
        return self.each_time if _is_asked_by_times(c) else self.each


@dataclass(frozen=True, slots=True)
class Enumeration:
    """`last` ends a list, `more` one that was cut short."""

    last: Text
    more: Text


OR = Enumeration(
    last=gettext_lazy("%(list)s or %(next)s"),
    more=ngettext_lazy("%(list)s or %(count)s more", "%(list)s or %(count)s more", "number"),
)
AND = Enumeration(
    last=gettext_lazy("%(list)s and %(next)s"),
    more=ngettext_lazy("%(list)s and %(count)s more", "%(list)s and %(count)s more", "number"),
)

EXCLUDED = {
    "LabProfileIds": Excluded(
        ngettext_lazy("not counting the lab %(names)s", "not counting the labs %(names)s", "named"), AND
    ),
    "CourseIds": Excluded(
        ngettext_lazy("not counting the course %(names)s", "not counting the courses %(names)s", "named"),
        AND,
    ),
    "CourseTagIds": Excluded(gettext_lazy("not counting courses tagged %(names)s"), OR),
    "ClubIds": Excluded(
        ngettext_lazy(
            "not counting the subscription %(names)s", "not counting the subscriptions %(names)s", "named"
        ),
        AND,
    ),
    "AchievementIds": Excluded(
        ngettext_lazy(
            "not counting the achievement %(names)s", "not counting the achievements %(names)s", "named"
        ),
        AND,
    ),
}
EXCLUDING = {key.field: EXCLUDED[key.excludes] for key in KEYS.values() if key.excludes}

# (what is counted, Complete, Passed)
HEADS = {
    (Subject.LAB, False, False): Heads(
        any=ngettext_lazy("Launch a lab", "Launch %(count)s labs", "number"),
        different=ngettext_lazy(
            "Launch %(count)s different lab", "Launch %(count)s different labs", "number"
        ),
        named=ngettext_lazy(
            "Launch the lab %(names)s", "Launch the lab %(names)s %(count)s times in all", "number"
        ),
        all=gettext_lazy("Launch the labs %(names)s"),
        some=ngettext_lazy(
            "Launch %(count)s of %(total)s lab (%(names)s)",
            "Launch %(count)s of %(total)s labs (%(names)s)",
            "named",
        ),
    ),
    (Subject.LAB, True, False): Heads(
        any=ngettext_lazy("Complete a lab", "Complete %(count)s labs", "number"),
        different=ngettext_lazy(
            "Complete %(count)s different lab", "Complete %(count)s different labs", "number"
        ),
        named=ngettext_lazy(
            "Complete the lab %(names)s", "Complete the lab %(names)s %(count)s times in all", "number"
        ),
        all=gettext_lazy("Complete the labs %(names)s"),
        some=ngettext_lazy(
            "Complete %(count)s of %(total)s lab (%(names)s)",
            "Complete %(count)s of %(total)s labs (%(names)s)",
            "named",
        ),
    ),
    (Subject.LAB, False, True): Heads(
        any=ngettext_lazy("Pass an exam", "Pass %(count)s exams", "number"),
        different=ngettext_lazy("Pass %(count)s different exam", "Pass %(count)s different exams", "number"),
        named=ngettext_lazy(
            "Pass the exam %(names)s", "Pass the exam %(names)s %(count)s times in all", "number"
        ),
        all=gettext_lazy("Pass the exams %(names)s"),
        some=ngettext_lazy(
            "Pass %(count)s of %(total)s exam (%(names)s)",
            "Pass %(count)s of %(total)s exams (%(names)s)",
            "named",
        ),
    ),
    (Subject.LAB, True, True): Heads(
        any=ngettext_lazy("Complete and pass an exam", "Complete and pass %(count)s exams", "number"),
        different=ngettext_lazy(
            "Complete and pass %(count)s different exam",
            "Complete and pass %(count)s different exams",
            "number",
        ),
        named=ngettext_lazy(
            "Complete and pass the exam %(names)s",
            "Complete and pass the exam %(names)s %(count)s times in all",
            "number",
        ),
        all=gettext_lazy("Complete and pass the exams %(names)s"),
        some=ngettext_lazy(
            "Complete and pass %(count)s of %(total)s exam (%(names)s)",
            "Complete and pass %(count)s of %(total)s exams (%(names)s)",
            "named",
        ),
    ),
    (Subject.COURSE, False, False): Heads(
        any=ngettext_lazy(
            "Be enrolled in or assigned to a course",
            "Be enrolled in or assigned to %(count)s courses",
            "number",
        ),
        different=ngettext_lazy(
            "Be enrolled in or assigned to %(count)s different course",
            "Be enrolled in or assigned to %(count)s different courses",
            "number",
        ),
        named=ngettext_lazy(
            "Be enrolled in or assigned to the course %(names)s",
            "Be enrolled in or assigned to the course %(names)s %(count)s times in all",
            "number",
        ),
        all=gettext_lazy("Be enrolled in or assigned to the courses %(names)s"),
        some=ngettext_lazy(
            "Be enrolled in or assigned to %(count)s of %(total)s course (%(names)s)",
            "Be enrolled in or assigned to %(count)s of %(total)s courses (%(names)s)",
            "named",
        ),
    ),
    (Subject.COURSE, True, False): Heads(
        any=ngettext_lazy("Complete a course", "Complete %(count)s courses", "number"),
        different=ngettext_lazy(
            "Complete %(count)s different course", "Complete %(count)s different courses", "number"
        ),
        named=ngettext_lazy(
            "Complete the course %(names)s", "Complete the course %(names)s %(count)s times in all", "number"
        ),
        all=gettext_lazy("Complete the courses %(names)s"),
        some=ngettext_lazy(
            "Complete %(count)s of %(total)s course (%(names)s)",
            "Complete %(count)s of %(total)s courses (%(names)s)",
            "named",
        ),
    ),
    (Subject.COURSE_TAG, False, False): Heads(
        any=ngettext_lazy(
            "Be enrolled in or assigned to a course tagged %(names)s",
            "Be enrolled in or assigned to %(count)s courses tagged %(names)s",
            "number",
        ),
        different=ngettext_lazy(
            "Be enrolled in or assigned to %(count)s different course tagged %(names)s",
            "Be enrolled in or assigned to %(count)s different courses tagged %(names)s",
            "number",
        ),
    ),
    (Subject.COURSE_TAG, True, False): Heads(
        any=ngettext_lazy(
            "Complete a course tagged %(names)s", "Complete %(count)s courses tagged %(names)s", "number"
        ),
        different=ngettext_lazy(
            "Complete %(count)s different course tagged %(names)s",
            "Complete %(count)s different courses tagged %(names)s",
            "number",
        ),
    ),
    (Subject.ACHIEVEMENT, False, False): Heads(
        any=ngettext_lazy("Earn an achievement", "Earn %(count)s achievements", "number"),
        different=ngettext_lazy(
            "Earn %(count)s different achievement", "Earn %(count)s different achievements", "number"
        ),
        named=ngettext_lazy(
            "Earn the achievement %(names)s",
            "Earn the achievement %(names)s %(count)s times in all",
            "number",
        ),
        all=gettext_lazy("Earn the achievements %(names)s"),
        some=ngettext_lazy(
            "Earn %(count)s of %(total)s achievement (%(names)s)",
            "Earn %(count)s of %(total)s achievements (%(names)s)",
            "named",
        ),
    ),
}
# The same keys → which of the items count where their time is asked.
ONLY = {
    (Subject.LAB, True, False): gettext_lazy("counting only labs that you complete"),
    (Subject.LAB, False, True): gettext_lazy("counting only exams that you pass"),
    (Subject.LAB, True, True): gettext_lazy("counting only exams that you complete and pass"),
    (Subject.COURSE, True, False): gettext_lazy("counting only courses that you complete"),
    (Subject.COURSE_TAG, True, False): gettext_lazy("counting only courses that you complete"),
}

POINTS = ngettext_lazy("Collect %(count)s point", "Collect %(count)s points", "number")
POINTS_OF = ngettext_lazy("from the achievement %(names)s", "from the achievements %(names)s", "named")
TIMES = {
    Subject.LAB: Amount(
        any=gettext_lazy("Spend %(time)s in labs"),
        named=ngettext_lazy(
            "Spend %(time)s in the lab %(names)s", "Spend %(time)s in the labs %(names)s", "named"
        ),
    ),
    Subject.COURSE: Amount(
        any=gettext_lazy("Spend %(time)s in courses"),
        named=ngettext_lazy(
            "Spend %(time)s in the course %(names)s", "Spend %(time)s in the courses %(names)s", "named"
        ),
    ),
    Subject.COURSE_TAG: Amount(named=gettext_lazy("Spend %(time)s in courses tagged %(names)s")),
    Subject.ACHIEVEMENT: Amount(
        any=gettext_lazy("Spend %(time)s earning achievements"),
        named=ngettext_lazy(
            "Spend %(time)s earning the achievement %(names)s",
            "Spend %(time)s earning the achievements %(names)s",
            "named",
        ),
    ),
    Subject.ACTIVITY: Amount(
        any=gettext_lazy("Spend %(time)s on activities"), named=gettext_lazy("Spend %(time)s on %(names)s")
    ),
}
# Objects of the verb “spend”, also after “at least”.
HOURS = ngettext_lazy("%(count)s hour", "%(count)s hours", "number")
MINUTES = ngettext_lazy("%(count)s minute", "%(count)s minutes", "number")

KINDS = {
    "profile_picture_added": Kind(
        ngettext_lazy("Add a profile picture", "Add a profile picture %(count)s times", "number")
    ),
    "bio_completed": Kind(ngettext_lazy("Complete your bio", "Complete your bio %(count)s times", "number")),
    "social_link_added": Kind(ngettext_lazy("Add a social link", "Add %(count)s social links", "number")),
    "profile_completed": Kind(
        ngettext_lazy("Complete your profile", "Complete your profile %(count)s times", "number")
    ),
    "lesson_completed": Kind(ngettext_lazy("Complete a lesson", "Complete %(count)s lessons", "number")),
    "module_completed": Kind(ngettext_lazy("Complete a module", "Complete %(count)s modules", "number")),
    "post_published": Kind(ngettext_lazy("Publish a post", "Publish %(count)s posts", "number")),
    "comment_added": Kind(ngettext_lazy("Write a comment", "Write %(count)s comments", "number")),
    "reaction_received": Kind(
        ngettext_lazy("Receive a reaction", "Receive %(count)s reactions", "number"),
        ngettext_lazy(
            "Receive a reaction from another person",
            "Receive reactions from %(count)s different people",
            "number",
        ),
    ),
    "learner_helped": Kind(
        ngettext_lazy("Help a learner", "Help learners %(count)s times", "number"),
        ngettext_lazy("Help another person", "Help %(count)s different people", "number"),
    ),
    "session": Kind(ngettext_lazy("Be active on one day", "Be active on %(count)s days", "number")),
}
# What an activity is called where it is one of several, in quotes.
DEEDS = {
    "profile_picture_added": pgettext_lazy("deed", "Add a profile picture"),
    "bio_completed": pgettext_lazy("deed", "Complete your bio"),
    "social_link_added": pgettext_lazy("deed", "Add a social link"),
    "profile_completed": pgettext_lazy("deed", "Complete your profile"),
    "lesson_completed": pgettext_lazy("deed", "Complete a lesson"),
    "module_completed": pgettext_lazy("deed", "Complete a module"),
    "post_published": pgettext_lazy("deed", "Publish a post"),
    "comment_added": pgettext_lazy("deed", "Write a comment"),
    "reaction_received": pgettext_lazy("deed", "Receive a reaction"),
    "learner_helped": pgettext_lazy("deed", "Help a learner"),
    "session": pgettext_lazy("deed", "Be active on one day"),
}
ANY_KIND = Kind(ngettext_lazy("Be active in any way", "Be active in any way %(count)s times", "number"))
NAMED_KINDS = Kind(ngettext_lazy("Do %(names)s", "Do %(names)s %(count)s times in all", "number"))
# Of one day, since a session is a day on which a learner was there.
SESSIONS = ngettext_lazy("Sign in %(count)s time", "Sign in %(count)s times", "number")
DAYS_ACTIVE = ngettext_lazy("Be active on %(count)s day", "Be active on %(count)s days in a row", "number")
DAYS_DONE = ngettext_lazy(
    "Do %(names)s on %(count)s day", "Do %(names)s on %(count)s days in a row", "number"
)

# The fields of a condition that its head names; a condition on tags may name courses instead.
NAMED_BY = {
    Subject.LAB: "lab_ids",
    Subject.COURSE: "course_ids",
    Subject.COURSE_TAG: "tag_ids",
    Subject.ACHIEVEMENT: "achievement_ids",
    Subject.ACTIVITY: "kinds",
    Subject.STREAK: "kinds",
}

WITH_OTHERS = Clause(
    one=gettext_lazy("involving another person"),
    each=gettext_lazy("each time involving a different person"),
    each_time=gettext_lazy("each time involving a different person"),
)
MIN_SCORE = Clause(
    one=gettext_lazy("with a score of at least %(count)s%%"),
    each=gettext_lazy("each with a score of at least %(count)s%%"),
    each_time=gettext_lazy("each time with a score of at least %(count)s%%"),
)
ANY_SCORE = Clause(
    one=gettext_lazy("with any score"),
    each=gettext_lazy("each with any score"),
    each_time=gettext_lazy("each time with any score"),
)
MIN_TIME = Clause(
    one=gettext_lazy("spending at least %(time)s in it"),
    each=gettext_lazy("spending at least %(time)s in each"),
    each_time=gettext_lazy("spending at least %(time)s in it each time"),
)
WITHIN = ngettext_lazy("within %(count)s day", "within %(count)s days", "number")

AT_LEAST = ngettext_lazy("At least %(count)s of these", "At least %(count)s of these", "number")


# ── parts and groups ─────────────────────────────────────────────────────────────────────────────────────


def _told(part: Condition | Group, names: Names) -> Outline:
    if isinstance(part, Condition):
        return Outline(_condition(part, names))
    if part.least == len(part.parts) == 1:
        return _told(part.parts[0], names)
    return Outline(_heading(part), tuple(_told(inner, names) for inner in part.parts))


def _heading(group: Group) -> str:
    if group.least == len(group.parts):
        return _("All of these")
    if group.least == 1:
        return _("Any of these")
    return AT_LEAST % _number(group.least)


def _condition(c: Condition, names: Names) -> str:
    """What narrows the head itself follows it at once; what is said besides is set off by commas."""
    text = _head(c, names)
    for clause in _close_clauses(c, names):
        text = _("%(sentence)s %(clause)s") % {"sentence": text, "clause": clause}
    for clause in _further_clauses(c, names):
        text = _("%(sentence)s, %(clause)s") % {"sentence": text, "clause": clause}
    if _may_repeat(c):
        return _("%(sentence)s (the same one may count again)") % {"sentence": text}
    return text


def _may_repeat(c: Condition) -> bool:
    is_of_items = c.subject not in {Subject.ACTIVITY, Subject.STREAK}
    return is_of_items and (c.count or 1) > 1 and not c.distinct and len(_ids(c)) != 1


# ── the head ─────────────────────────────────────────────────────────────────────────────────────────────


def _head(c: Condition, names: Names) -> str:
    form, number, how = _form(c)
    field = NAMED_BY[_row(c)]
    return form % {
        **_number(number),
        **_list(c, field, names, how=how),
        "total": _written(len(_ids(c))),
        "time": _time(c.minutes or 0),
    }


def _form(c: Condition) -> tuple[Text, int, Enumeration]:
    """The message, the number in it, and how its names are enumerated."""
    row = _row(c)
    is_named = bool(getattr(c, NAMED_BY[row]))
    if c.points:
        return POINTS, c.points, OR
    if c.minutes:
        how = OR if row in {Subject.COURSE_TAG, Subject.ACTIVITY} else AND
        return TIMES[row].named if is_named else TIMES[row].any, c.minutes, how
    if c.subject is Subject.STREAK:
        return DAYS_ACTIVE if c.kinds == DEFAULT_STREAK else DAYS_DONE, c.needed, OR
    if c.subject is Subject.ACTIVITY:
        if c.kinds == DEFAULT_STREAK and c.needed > 1 and _span(c) == 1:
            return SESSIONS, c.needed, OR
        kind = _kind(c)
        return (c.distinct_people and kind.with_others) or kind.done, c.needed, OR
    return _form_of_items(c, row=row, is_named=is_named)


def _form_of_items(c: Condition, *, row: Subject, is_named: bool) -> tuple[Text, int, Enumeration]:
    heads = HEADS[row, c.complete, c.passed]
    are_different = c.distinct and c.needed > 1
    if row is Subject.COURSE_TAG or not is_named:
        return heads.different if are_different else heads.any, c.needed, OR
    if not are_different:
        return heads.named, c.needed, OR
    return heads.all if c.needed == len(_ids(c)) else heads.some, c.needed, AND


def _kind(c: Condition) -> Kind:
    if not c.kinds:
        return ANY_KIND
    return KINDS.get(c.kinds[0], NAMED_KINDS) if len(c.kinds) == 1 else NAMED_KINDS


def _row(c: Condition) -> Subject:
    """What is counted. That is courses for subscriptions, and for tags unless these alone name them."""
    if c.subject is Subject.SUBSCRIPTION:
        return Subject.COURSE
    if c.subject is Subject.COURSE_TAG and (c.course_ids or not c.tag_ids):
        return Subject.COURSE
    return c.subject


# ── the clauses ──────────────────────────────────────────────────────────────────────────────────────────


def _close_clauses(c: Condition, names: Names) -> Iterator[str]:
    if c.points and c.achievement_ids:
        yield POINTS_OF % _list(c, "achievement_ids", names, how=AND)
    if c.course_ids and c.subject is Subject.ACTIVITY:
        yield _("in the course %(names)s") % _list(c, "course_ids", names)
    if c.club_ids:
        yield _("taken through the subscription %(names)s") % _list(c, "club_ids", names)
    elif c.subject is Subject.SUBSCRIPTION:
        yield _("taken through a subscription")
    if c.count == 1:
        yield from _scored(c)
    yield from _when(c)


def _further_clauses(c: Condition, names: Names) -> Iterator[str]:
    if c.course_ids and c.tag_ids:
        yield _("only where tagged %(names)s") % _list(c, "tag_ids", names)
    if c.count != 1:
        yield from _scored(c)
    if c.min_minutes:
        yield MIN_TIME.of(c) % {"time": _time(c.min_minutes)}
    if c.minutes and (only := ONLY.get((_row(c), c.complete, c.passed))):
        yield str(only)
    if c.distinct_people and c.minutes:
        yield _("counting only what involves another person")
    elif c.distinct_people and not _kind(c).with_others:
        yield str(WITH_OTHERS.of(c))
    for field, excluded in EXCLUDING.items():
        if getattr(c, field):
            yield excluded.text % _list(c, field, names, how=excluded.how)


def _scored(c: Condition) -> Iterator[str]:
    if c.min_score:
        yield MIN_SCORE.of(c) % _number(c.min_score)
    elif c.min_score is not None:
        yield str(ANY_SCORE.of(c))


def _when(c: Condition) -> Iterator[str]:
    """Of a single record no span is told: it is always on one day."""
    span = _span(c)
    if span and c.count != 1:
        yield _("on a single day") if span == 1 else WITHIN % _number(span)
    moments = {"first": _moment(c.after), "last": _moment(c.before)}
    if c.after and c.before:
        yield _("between %(first)s and %(last)s") % moments
    elif c.after:
        yield _("on or after %(first)s") % moments
    elif c.before:
        yield _("by %(last)s") % moments


def _span(c: Condition) -> int | None:
    return 1 if c.single_day else c.within_days


# ── lists, numbers and moments ───────────────────────────────────────────────────────────────────────────


def _ids(c: Condition) -> Sequence[int]:
    """The items that are named, where items are counted."""
    return c.lab_ids or c.course_ids or c.achievement_ids


def _is_asked_by_times(c: Condition) -> bool:
    """Whether the head says “so many times” of what it names."""
    return bool(_ids(c)) and not (c.distinct and c.needed > 1)


def _list(c: Condition, field: str, names: Names, *, how: Enumeration = OR) -> dict[str, Any]:
    items = getattr(c, field)
    first = _first(items)
    texts = list(map(_deed, first)) if field == "kinds" else names.shown(field, first)
    return {"names": _enumerated(texts, left_out=len(items) - len(first), how=how), "named": len(items)}


def _deed(kind: str) -> str:
    return _quoted(str(DEEDS.get(kind, kind)))


def _enumerated(texts: Sequence[str], *, left_out: int, how: Enumeration) -> str:
    if not texts:
        return ""
    listed, *others = texts
    last = others.pop() if others and not left_out else None
    for other in others:
        listed = _("%(list)s, %(next)s") % {"list": listed, "next": other}
    if left_out:
        return how.more % {**_number(left_out), "list": listed}
    return listed if last is None else how.last % {"list": listed, "next": last}


def _number(number: int) -> dict[str, Any]:
    return {"number": number, "count": _written(number)}


def _written(number: int) -> str:
    return number_format(number, force_grouping=True)


def _time(minutes: int) -> str:
    hours, rest = divmod(minutes, 60)
    return MINUTES % _number(minutes) if rest else HOURS % _number(hours)


def _moment(limit: date | datetime | None) -> str:
    """To the minute. Like the rule itself it names a zone only for times that were given with an offset."""
    if not isinstance(limit, datetime):
        return date_format(limit) if limit else ""
    text = date_format(limit, "DATETIME_FORMAT")
    return _("%(moment)s UTC") % {"moment": text} if limit.tzinfo else text
