"""What is doubtful about a condition that can be read, as far as the text alone shows it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from difflib import get_close_matches
from typing import Any, NamedTuple

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from achievements.conditions.language.moments import is_over_before_it_starts
from achievements.conditions.language.rules import Condition
from achievements.conditions.language.words import (
    KEYS,
    KINDS,
    KINDS_IN_COURSES,
    SENDABLE,
    SPELLING_OF_KINDS,
    SUBJECTS,
    Subject,
)
from achievements.conditions.text import shown


class Hint(NamedTuple):
    """Something doubtful about one condition; it is told where the key stands."""

    code: str
    message: str
    key: str


def doubts_about(condition: Condition, *, typed: Mapping[str, Any]) -> Iterator[Hint]:
    """`typed`: the fields as they were written, before the defaults were filled in."""
    yield from _about_courses(condition)
    yield from _about_kinds(condition)
    reasons = list(_why_never_met(condition))
    for key, why in reasons:
        yield Hint("never_met", _("Nobody can meet this: %(why)s") % {"why": why}, key)
    if typed.get("distinct") and condition.minutes:
        message = _("Distinct says nothing here: Minutes are added up over everything that counts.")
        yield Hint("distinct_with_minutes", message, "Distinct")
    elif typed.get("count") and condition.count and not reasons:
        yield from _about_count(condition, count=condition.count)
    elif condition.count and not typed.get("count") and not condition.achievement_ids:
        message = _("Count is absent and read as 1: any one that fits is enough.")
        yield Hint("count_absent", message, "Count")


def _about_courses(condition: Condition) -> Iterator[Hint]:
    if not condition.course_ids:
        return
    if condition.subject is Subject.COURSE_TAG:
        message = (
            _("A course counts only if it is one of CourseIds and also has one of CourseTagIds.")
            if condition.tag_ids
            else _("CourseIds are read as courses here too, as if Subject were 10.")
        )
        yield Hint("course_ids_with_tag_subject", message, "CourseIds")
    elif condition.kinds and set(condition.kinds) <= set(KINDS) - KINDS_IN_COURSES:
        message = _("Only %(kinds)s belong to a course; Kinds names none of these.")
        kinds = {"kinds": ", ".join(sorted(KINDS_IN_COURSES))}
        yield Hint("course_ids_without_lessons", message % kinds, "CourseIds")


def _about_kinds(condition: Condition) -> Iterator[Hint]:
    """One hint at most: looking for the nearest kind takes time."""
    impossible = _impossible_kinds(condition)
    if impossible and len(impossible) < len(condition.kinds):
        message = _("%(kind)s can be sent by nobody: %(spelling)s")
        names = {"kind": shown(impossible[0]), "spelling": SPELLING_OF_KINDS}
        yield Hint("impossible_kind", message % names, "Kinds")
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
    yield Hint("unfamiliar_kind", message % names, "Kinds")


def _about_count(condition: Condition, *, count: int) -> Iterator[Hint]:
    named = len(_ids_counted(condition))
    numbers = {"count": count, "named": named}
    if 1 < named == count and not condition.distinct:
        message = _(
            "One of them, %(count)d times, is enough, since Distinct is not asked. "
            "For all of them add Distinct:true."
        )
        yield Hint("count_equals_ids", message % numbers, "Count")
    elif count < named:
        message = ngettext(
            "Any one of the %(named)d that are named is enough.",
            "%(count)d of the %(named)d that are named are enough.",
            count,
        )
        advice = _("For all of them write Count:%(named)d and Distinct:true.")
        yield Hint("count_below_ids", f"{message} {advice}" % numbers, "Count")


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
        yield "Kinds", str(SPELLING_OF_KINDS)
    if condition.after and condition.before and is_over_before_it_starts(condition.after, condition.before):
        yield "Before", _("Before is earlier than After.")
    if condition.minutes and condition.subject is not Subject.LAB:
        yield "Minutes", _("only labs measure the time spent.")


def _impossible_kinds(condition: Condition) -> list[str]:
    """Those that no integration can send."""
    return [kind for kind in condition.kinds if not SENDABLE.fullmatch(kind)]


def _ids_counted(condition: Condition) -> set[int]:
    """The ids of what is counted that are named and not excluded."""
    counted = SUBJECTS[condition.subject].counted
    if not counted:
        return set()
    taken_away = next(key for key in KEYS.values() if key.excludes == counted)
    return set(getattr(condition, KEYS[counted].field)) - set(getattr(condition, taken_away.field))
