"""What may be written: the subjects, keys and groups, and how their names are recognized.

A new subject or key is a row of a table here and a field of Condition.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from enum import Enum, IntEnum, auto

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy

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
SENDABLE = re.compile(r"[a-z][a-z0-9]*(?:_[a-z0-9]+)*")
SPELLING_OF_KINDS = gettext_lazy("kinds are lower-case words joined by underscores.")

NAME_OF_FOLDED = {name.casefold(): name for name in (*KEYS, *GROUP_KEYS)}


def _squeezed(name: str) -> str:
    return "".join(char for char in name.casefold() if char.isalnum())


def folded_name(name: str) -> str:
    return "".join(name.casefold().split())


SUBJECT_OF_NAME = {folded_name(name): subject for subject, row in SUBJECTS.items() for name in row.names}
_KEY_NAME_OF_SQUEEZED = {_squeezed(name): name for name in NAME_OF_FOLDED.values()}


def label(subject: Subject) -> str:
    return f"{subject.value} ({SUBJECTS[subject].names[0]})"


def subject_labels(subjects: Iterable[Subject]) -> str:
    return ", ".join(label(subject) for subject in subjects)


def keys_of(subject: Subject | None) -> tuple[str, ...]:
    """All keys, where the subject could not be read."""
    return tuple(name for name in KEYS if subject is None or name in SUBJECTS[subject].keys)


def nearest_key(name: str, *, rather: Sequence[str]) -> str | None:
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
