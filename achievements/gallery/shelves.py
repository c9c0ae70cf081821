"""The achievements within reach in their categories, each earned, in progress or locked.

Four queries, whatever their number. Somebody who may see the learner's page and nothing more sees what is
earned, and neither how far she is with the rest nor that there is a rest.
"""

from __future__ import annotations

import hashlib
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property
from typing import TYPE_CHECKING

from django.utils.translation import gettext_lazy as _

from achievements import categories
from achievements.models import Begun, EarnedAchievement
from achievements.progress.looks import Known, look
from achievements.progress.standing import Standing, standing_of
from achievements.reach import takes_part, within_reach

if TYPE_CHECKING:
    from datetime import datetime

    from django.utils.functional import _StrPromise

    from achievements.models import Achievement
    from tms.models import User

# As many of a category are shown before somebody asks for all of them.
OPENED = 9


class State(StrEnum):
    EARNED = "earned"
    BEGUN = "begun"
    LOCKED = "locked"

    @property
    def label(self) -> _StrPromise:
        return _LABELS[self]


_LABELS = {State.EARNED: _("Earned"), State.BEGUN: _("In progress"), State.LOCKED: _("Locked")}
_ORDER = {State.BEGUN: 0, State.EARNED: 1, State.LOCKED: 2}


@dataclass(frozen=True)
class Entry:
    """An achievement as this learner has it. `points` and `earned_at` are those of the latest award."""

    achievement: Achievement
    state: State
    points: int
    standing: Standing
    earned_at: datetime | None = None
    times: int = 0

    @property
    def category(self) -> str:
        return self.achievement.category.strip()


@dataclass(frozen=True)
class Shelf:
    """A category: `entries` are those that are shown, `count` is of how many."""

    category: str
    earned: int
    total: int
    count: int
    entries: Sequence[Entry]

    @property
    def title(self) -> str:
        return categories.title_of(self.category)

    @property
    def left_out(self) -> int:
        return self.count - len(self.entries)


@dataclass(frozen=True)
class Gallery:
    """`is_full`: the viewer sees more than what is earned. `known`: as of when progress is."""

    learner: User
    is_full: bool
    entries: Sequence[Entry]
    known: Known | None
    # What somebody asked for: a state or everything, and the category of which all are shown.
    show: State | None = None
    opened: str | None = None

    @cached_property
    def counts(self) -> Mapping[State, int]:
        return Counter(entry.state for entry in self.entries)

    @property
    def earned(self) -> int:
        return self.counts[State.EARNED]

    @property
    def points(self) -> int:
        return sum(entry.points for entry in self.entries if entry.state is State.EARNED)

    @property
    def tabs(self) -> list[tuple[str, str, int, bool]]:
        """name, label, count, whether it is chosen"""
        every = ("all", str(_("All")), len(self.entries), self.show is None)
        return [
            every,
            *(
                (state.value, str(state.label), self.counts[state], self.show is state)
                for state in (State.EARNED, State.BEGUN, State.LOCKED)
            ),
        ]

    @cached_property
    def shelves(self) -> list[Shelf]:
        by_category: dict[str, list[Entry]] = defaultdict(list)
        for entry in self.entries:
            by_category[entry.category].append(entry)
        return [self._shelf(name, by_category[name]) for name in categories.in_order(by_category)]

    def _shelf(self, category: str, entries: Sequence[Entry]) -> Shelf:
        chosen = sorted((entry for entry in entries if self.show in {None, entry.state}), key=_rank)
        shown = chosen if self.opened == category else chosen[:OPENED]
        earned = sum(entry.state is State.EARNED for entry in entries)
        return Shelf(category, earned, len(entries), len(chosen), shown)

    @property
    def is_moving(self) -> bool:
        return self.known is not None and self.known.is_moving

    @property
    def fingerprint(self) -> str:
        """Changes when anything that is shown would."""
        parts = [
            *(
                f"{each.achievement.pk}:{each.state}:{each.standing.have}:{each.times}"
                for each in self.entries
            ),
            str(self.known),
        ]
        return hashlib.sha256("|".join(parts).encode()).hexdigest()[:16]


def _rank(entry: Entry) -> tuple[int, int, float, str]:
    """What is nearest, then what was earned last, then the rest by name."""
    earned = -entry.earned_at.timestamp() if entry.earned_at else 0.0
    return _ORDER[entry.state], -entry.standing.percent, earned, entry.achievement.name_here.casefold()


def gallery(learner: User, *, is_full: bool, show: State | None = None, opened: str | None = None) -> Gallery:
    """Of somebody who takes no part nothing is shown, whatever she once earned."""
    if not takes_part(learner):
        return Gallery(learner, is_full, [], None)
    earned = _earned(learner, is_full=is_full)
    known = look(learner) if is_full else None
    entries = [_entry(rows[0].achievement, rows, None) for rows in earned.values()]
    if is_full:
        begun = {row.achievement_id: row for row in Begun.objects.filter(learner=learner)}
        entries += [
            _entry(achievement, (), begun.get(achievement.pk))
            for achievement in within_reach(learner)
            if achievement.pk not in earned
        ]
    return Gallery(learner, is_full, entries, known, show=show if is_full else None, opened=opened)


def _earned(learner: User, *, is_full: bool) -> Mapping[int, list[EarnedAchievement]]:
    """By achievement, the latest award first; to others nothing whose badge she hides."""
    rows = EarnedAchievement.objects.filter(learner=learner, withdrawn_at__isnull=True)
    if not is_full:
        rows = rows.exclude(issued_badge__presentation__is_hidden=True)
    found: dict[int, list[EarnedAchievement]] = defaultdict(list)
    for row in (
        rows.select_related("achievement")
        .only(
            "learner_id",
            "earned_at",
            "points",
            "achievement__name",
            "achievement__description",
            "achievement__translations",
            "achievement__category",
            "achievement__conditions",
            "achievement__rule_version",
        )
        .order_by("-earned_at", "-id")
    ):
        found[row.achievement_id].append(row)
    return found


def _entry(achievement: Achievement, awards: Sequence[EarnedAchievement], begun: Begun | None) -> Entry:
    standing = standing_of(achievement, begun)
    if awards:
        points, earned_at = sum(award.points for award in awards), awards[0].earned_at
        return Entry(achievement, State.EARNED, points, standing, earned_at=earned_at, times=len(awards))
    state = State.BEGUN if any(standing.have) else State.LOCKED
    return Entry(achievement, state, achievement.points, standing)
