"""Strategies of rules: JSON as administrators write it, with the keys of things in the place of ids."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any

from hypothesis import strategies as st

KINDS = ("session", "post_published", "lesson_completed", "learner_helped")


@dataclass(frozen=True, kw_only=True)
class Vocabulary:
    """What a rule may speak of.

    `only_plain`: as asked for more than one award of a learner. `dated_awards`: it may also ask when awards
    were earned, which depends on what was known at the time. `minutes`: it may ask for minutes in all, which
    are dated by launches that were not over then.
    """

    labs: Sequence[str]
    courses: Sequence[str]
    tags: Sequence[str]
    clubs: Sequence[str]
    achievements: Sequence[str]
    days: Sequence[date]
    subjects: Sequence[int] = field(default=(0, 10, 20, 30, 40, 50, 60))
    only_plain: bool = False
    dated_awards: bool = True
    minutes: bool = True


@st.composite
def rules(draw: st.DrawFn, words: Vocabulary) -> list[dict[str, Any]]:
    parts = 1 if draw(st.integers(0, 4)) < 4 else 2
    return [draw(_parts(words)) for _ in range(parts)]


def render(rule: Sequence[dict[str, Any]], *, ids: Mapping[str, int]) -> str:
    """The text that an administrator would type."""
    return json.dumps([_with_ids(part, ids) for part in rule])


def _with_ids(part: dict[str, Any], ids: Mapping[str, int]) -> dict[str, Any]:
    written: dict[str, Any] = {}
    for key, value in part.items():
        if key.endswith("Ids"):
            written[key] = [ids[name] for name in value]
        elif key in {"Any", "All", "Of"}:
            written[key] = [_with_ids(inner, ids) for inner in value]
        else:
            written[key] = value
    return written


@st.composite
def _parts(draw: st.DrawFn, words: Vocabulary, depth: int = 0) -> dict[str, Any]:
    if words.only_plain or depth == 2 or draw(st.integers(0, 3)) < 3:
        return draw(_conditions(words))
    inner = draw(st.lists(_parts(words, depth + 1), min_size=1, max_size=3))
    group = draw(st.sampled_from(["Any", "All", "AtLeast"]))
    if group == "AtLeast":
        return {"AtLeast": draw(st.integers(1, len(inner))), "Of": inner}
    return {group: inner}


@st.composite
def _conditions(draw: st.DrawFn, words: Vocabulary) -> dict[str, Any]:
    subject = draw(st.sampled_from(words.subjects))
    if subject == 60 and words.only_plain:
        subject = 50
    condition: dict[str, Any] = {"Subject": subject} if subject or draw(st.booleans()) else {}
    {0: _lab, 10: _course, 20: _tag, 30: _club, 40: _award, 50: _activity, 60: _streak}[subject](
        draw, condition, words
    )
    if subject == 60:
        return condition
    _amount(draw, condition)
    if subject != 40 or words.dated_awards:
        if not words.only_plain:
            _windows(draw, condition)
        _times_between(draw, condition, words)
    return condition


def _seldom(draw: st.DrawFn) -> bool:
    return draw(st.integers(0, 5)) == 5


def _ids(draw: st.DrawFn, condition: dict[str, Any], key: str, things: Sequence[str]) -> None:
    if things and draw(st.integers(0, 2)) == 2:
        condition[key] = draw(st.lists(st.sampled_from(things), min_size=1, max_size=3, unique=True))
    if things and _seldom(draw):
        condition[f"Exclude{key}"] = [draw(st.sampled_from(things))]


def _lab(draw: st.DrawFn, condition: dict[str, Any], words: Vocabulary) -> None:
    _ids(draw, condition, "LabProfileIds", words.labs)
    for key in ("Complete", "Passed"):
        if _seldom(draw):
            condition[key] = True
    if _seldom(draw):
        condition["MinMinutesSpent"] = draw(st.sampled_from([1, 30, 45]))
    if _seldom(draw):
        condition["MinScorePercent"] = draw(st.sampled_from([0, 50, 80, 100]))
    if words.minutes and _seldom(draw):
        condition["Minutes"] = draw(st.sampled_from([1, 30, 60, 91]))


def _course(draw: st.DrawFn, condition: dict[str, Any], words: Vocabulary) -> None:
    _ids(draw, condition, "CourseIds", words.courses)
    _complete(draw, condition)


def _tag(draw: st.DrawFn, condition: dict[str, Any], words: Vocabulary) -> None:
    _ids(draw, condition, "CourseTagIds", words.tags)
    if _seldom(draw):
        _ids(draw, condition, "CourseIds", words.courses)
    _complete(draw, condition)


def _club(draw: st.DrawFn, condition: dict[str, Any], words: Vocabulary) -> None:
    _ids(draw, condition, "ClubIds", words.clubs)
    _complete(draw, condition)


def _complete(draw: st.DrawFn, condition: dict[str, Any]) -> None:
    if draw(st.booleans()):
        condition["Complete"] = draw(st.booleans())


def _award(draw: st.DrawFn, condition: dict[str, Any], words: Vocabulary) -> None:
    _ids(draw, condition, "AchievementIds", words.achievements)
    if draw(st.booleans()):
        condition["Points"] = draw(st.sampled_from([1, 10, 15, 20, 25, 100]))


def _activity(draw: st.DrawFn, condition: dict[str, Any], words: Vocabulary) -> None:
    _kinds(draw, condition)
    if _seldom(draw):
        _ids(draw, condition, "CourseIds", words.courses)
    if _seldom(draw):
        condition["DistinctPeople"] = True


def _streak(draw: st.DrawFn, condition: dict[str, Any], words: Vocabulary) -> None:
    _kinds(draw, condition)
    condition["Days"] = draw(st.sampled_from([2, 1, 3, 4]))


def _kinds(draw: st.DrawFn, condition: dict[str, Any]) -> None:
    if draw(st.booleans()):
        condition["Kinds"] = draw(st.lists(st.sampled_from(KINDS), min_size=1, max_size=2, unique=True))


def _amount(draw: st.DrawFn, condition: dict[str, Any]) -> None:
    """How many; left out sometimes where something else says that something is asked."""
    if condition.get("Points") or condition.get("Minutes"):
        return
    is_asked = any(key.endswith("Ids") or key == "Kinds" for key in condition)
    if not (is_asked and _seldom(draw)):
        condition["Count"] = draw(st.sampled_from([1, 2, 2, 3]))
    if condition.get("Subject") != 50 and draw(st.booleans()):
        condition["Distinct"] = draw(st.booleans())


def _windows(draw: st.DrawFn, condition: dict[str, Any]) -> None:
    if condition.get("Points"):
        return
    if _seldom(draw):
        condition["SingleDay"] = True
    if _seldom(draw):
        condition["WithinDays"] = draw(st.integers(1, 4))


def _times_between(draw: st.DrawFn, condition: dict[str, Any], words: Vocabulary) -> None:
    for key in ("After", "Before"):
        if _seldom(draw):
            condition[key] = draw(_times(words))


@st.composite
def _times(draw: st.DrawFn, words: Vocabulary) -> str:
    day = draw(st.sampled_from(words.days))
    if draw(st.booleans()):
        return day.isoformat()
    clock = datetime(day.year, day.month, day.day) + draw(
        st.sampled_from(
            [timedelta(), timedelta(hours=2, minutes=30), timedelta(hours=10), timedelta(hours=23)]
        )
    )
    return clock.isoformat(timespec="minutes") + draw(st.sampled_from(["", "Z", "+14:00", "-10:00"]))
