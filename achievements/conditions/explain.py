"""The rule as a sentence: what a learner has to do, in plain words of the reader's language.

A condition becomes a head (“Complete 3 different courses tagged “Cloud””) and the clauses that narrow it.
Each is one whole message (messages.py); only names (names.py), numbers and dates are put in. Groups are told
as an outline, for pages, or in one line. The text ends without a full stop and holds no HTML. What a rule
means is the affair of query.py, and how far a learner has come is not known here.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import TYPE_CHECKING, Any

from django.utils.formats import date_format, number_format
from django.utils.translation import gettext as _

from achievements.conditions.language import (
    DEFAULT_STREAK,
    Condition,
    Group,
    Rule,
    Subject,
    from_canonical,
)
from achievements.conditions.messages import (
    AND,
    ANY_KIND,
    ANY_SCORE,
    AT_LEAST,
    DAYS_ACTIVE,
    DAYS_DONE,
    DEEDS,
    EXCLUDING,
    HEADS,
    HOURS,
    KINDS,
    MIN_SCORE,
    MIN_TIME,
    MINUTES,
    NAMED_BY,
    NAMED_KINDS,
    ONLY,
    OR,
    POINTS,
    POINTS_OF,
    SESSIONS,
    TIMES,
    WITH_OTHERS,
    WITHIN,
    Enumeration,
    Kind,
    named_items,
)
from achievements.conditions.names import Names, first_of, names_of, quoted

if TYPE_CHECKING:
    from django.utils.functional import _StrOrPromise as Text

__all__ = [
    "Outline",
    "in_words",
    "outline",
    "outlines",
    "sentence",
    "sentences",
    "stored_rule",
]


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
    return is_of_items and (c.count or 1) > 1 and not c.distinct and len(named_items(c)) != 1


# ── the head ─────────────────────────────────────────────────────────────────────────────────────────────


def _head(c: Condition, names: Names) -> str:
    form, number, how = _form(c)
    field = NAMED_BY[_row(c)]
    return form % {
        **_number(number),
        **_list(c, field, names, how=how),
        "total": _written(len(named_items(c))),
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
    return heads.all if c.needed == len(named_items(c)) else heads.some, c.needed, AND


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


def _list(c: Condition, field: str, names: Names, *, how: Enumeration = OR) -> dict[str, Any]:
    items = getattr(c, field)
    first = first_of(items)
    texts = list(map(_deed, first)) if field == "kinds" else names.shown(field, first)
    return {"names": _enumerated(texts, left_out=len(items) - len(first), how=how), "named": len(items)}


def _deed(kind: str) -> str:
    return quoted(str(DEEDS.get(kind, kind)))


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
