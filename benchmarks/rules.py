"""Two hundred rules of six shapes: as an administrator writes them, and as numbers for the yardstick."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

from benchmarks.history import EXAMS, LABS, TAGS

SEED = 20_260_303


class Shape(StrEnum):
    COUNT = "count"
    ALL_OF = "all of four"
    TAG = "distinct in a tag"
    DAY = "in one day"
    EXAM = "exam passed"
    POINTS = "points"


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """A rule: so many (`needed`) of these labs, courses or tags (`ids`; empty: any); or so many points.

    `given` are the points of the achievement itself. Those that ask for points give none, so that their
    order says nothing.
    """

    shape: Shape
    needed: int
    is_lab: bool = True
    ids: tuple[int, ...] = ()
    given: int = 0

    @property
    def text(self) -> str:
        listed = ", ".join(map(str, self.ids))
        kind = "Lab" if self.is_lab else "Course"
        key = "LabProfileIds" if self.is_lab else "CourseIds"
        return {
            Shape.COUNT: f"[{{Subject: {kind}, Count: {self.needed}, Complete: true}}]",
            Shape.ALL_OF: f"[{{Subject: {kind}, Count: {self.needed}, Distinct: true, Complete: true, "
            f"{key}: [{listed}]}}]",
            Shape.TAG: f"[{{Subject: 20, CourseTagIds: [{listed}], Count: {self.needed}, Distinct: true, "
            "Complete: true}]",
            Shape.DAY: f"[{{Subject: {kind}, Count: {self.needed}, SingleDay: true, Complete: true}}]",
            Shape.EXAM: f"[{{Subject: {kind}, LabProfileIds: [{listed}], Passed: true}}]",
            Shape.POINTS: f"[{{Subject: 40, Points: {self.needed}}}]",
        }[self.shape]


def rules() -> Iterator[Asked]:
    dice = random.Random(SEED)
    for step in range(15):
        yield Asked(shape=Shape.COUNT, needed=5 + 6 * step, given=10 + 5 * step)
        yield Asked(shape=Shape.COUNT, needed=2 + 2 * step, is_lab=False, given=10 + 5 * step)
    for number in range(80):
        # Sets of what many do: popularity falls with the id.
        is_lab = number % 2 == 0
        among = range(1, 41 if is_lab else 21)
        ids = tuple(sorted(dice.sample(among, 4)))
        yield Asked(shape=Shape.ALL_OF, needed=4, is_lab=is_lab, ids=ids, given=50)
    for number, tag in enumerate(dice.sample(range(1, TAGS + 1), 40)):
        yield Asked(shape=Shape.TAG, needed=1 + number % 4, is_lab=False, ids=(tag,), given=20)
    for number in range(15):
        yield Asked(shape=Shape.DAY, needed=3 + number % 6, given=15)
    for exam in dice.sample(range(LABS + 1, LABS + EXAMS + 1), 20):
        yield Asked(shape=Shape.EXAM, needed=1, ids=(exam,), given=30)
    for step in range(15):
        yield Asked(shape=Shape.POINTS, needed=50 + 50 * step)
