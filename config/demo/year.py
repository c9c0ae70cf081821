"""The year that is told: the dice, what has been written so far, and the days it may reach."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date, timedelta
from random import Random
from typing import TypeVar

from config.demo.entities import Demo

T = TypeVar("T")

DAY = timedelta(days=1)
WEEK = timedelta(days=7)


@dataclass(eq=False, kw_only=True)
class Year:
    rng: Random
    today: date
    demo: Demo = field(default_factory=Demo)

    @property
    def first_day(self) -> date:
        return self.last_day - 365 * DAY

    @property
    def last_day(self) -> date:
        """The day before yesterday, so that no evening, in whatever zone, reaches into today."""
        return self.today - 2 * DAY

    @property
    def this_monday(self) -> date:
        return self.today - self.today.weekday() * DAY

    def draw(self, items: Iterable[tuple[T, float]], *, count: int) -> list[T]:
        """`count` different items, or all there are, each as likely as its weight (0: never)."""
        keyed = [(self.rng.random() ** (1 / weight), item) for item, weight in items if weight > 0]
        keyed.sort(key=lambda pair: pair[0], reverse=True)
        return [item for _key, item in keyed[:count]]


def zipf(size: int) -> list[float]:
    """Weights for things in order of popularity."""
    return [1 / (rank + 4) for rank in range(size)]
