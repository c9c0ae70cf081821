"""Numbers by day as bars: where each stands in a drawing that the page draws itself, without any script.

The drawing is stretched to the room it is given, so it holds no text; what it shows is told beside it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from django.utils.functional import _StrPromise

WIDTH, HEIGHT = 1000, 200
# The parts of a day's room that its bars take.
FILLED = 0.7


@dataclass(frozen=True, kw_only=True)
class Series:
    """`name` gives it its color; `url` lists what is counted."""

    name: str
    label: _StrPromise | str
    counts: Mapping[date, int]
    url: str = ""

    @property
    def total(self) -> int:
        return sum(self.counts.values())


@dataclass(frozen=True, kw_only=True)
class Bar:
    """In the units of the drawing, as text that no language rewrites."""

    name: str
    x: str
    y: str
    width: str
    height: str


@dataclass(frozen=True, kw_only=True)
class Day:
    day: date
    counts: tuple[int, ...]
    bars: tuple[Bar, ...]


@dataclass(frozen=True, kw_only=True)
class Plot:
    """`top` is the number at the upper edge."""

    days: Sequence[Day]
    series: Sequence[Series]
    top: int

    @property
    def is_empty(self) -> bool:
        return not any(series.total for series in self.series)

    @property
    def view_box(self) -> str:
        return f"0 0 {WIDTH} {HEIGHT}"


def plot(*series: Series, first: date, last: date) -> Plot:
    """The days from the first to the last, both with their bars."""
    days = [first + timedelta(days=number) for number in range((last - first).days + 1)]
    top = _rounded_up(max((each.counts.get(day, 0) for each in series for day in days), default=0))
    room = WIDTH / len(days)
    width = room * FILLED / len(series)
    drawn = []
    for number, day in enumerate(days):
        counts = tuple(each.counts.get(day, 0) for each in series)
        start = room * number + room * (1 - FILLED) / 2
        bars = tuple(
            _bar(each.name, x=start + width * place, width=width, part=count / top)
            for place, (each, count) in enumerate(zip(series, counts, strict=True))
            if count
        )
        drawn.append(Day(day=day, counts=counts, bars=bars))
    return Plot(days=drawn, series=series, top=top)


def _bar(name: str, *, x: float, width: float, part: float) -> Bar:
    # What there is at all is seen, however small it is beside the largest.
    height = max(HEIGHT * part, 2)
    return Bar(
        name=name, x=f"{x:.1f}", y=f"{HEIGHT - height:.1f}", width=f"{width:.1f}", height=f"{height:.1f}"
    )


def _rounded_up(number: int) -> int:
    """The next of 1, 2, 5, 10, 20, 50 …"""
    step = 1
    while step * 5 < number:
        step *= 10
    return next(step * factor for factor in (1, 2, 5) if step * factor >= number)
