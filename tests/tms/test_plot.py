"""Numbers by day as bars."""

from __future__ import annotations

from datetime import date, timedelta
from itertools import pairwise

import pytest

from tms.plot import HEIGHT, WIDTH, Series, plot

FIRST = date(2026, 3, 1)


def test_bars_stand_side_by_side_in_the_room_of_their_day_and_are_as_high_as_they_count() -> None:
    days = [FIRST + timedelta(days=number) for number in range(4)]
    earned = Series(name="earned", label="Earned", counts={days[0]: 50, days[1]: 25, days[3]: 1})
    issued = Series(name="issued", label="Issued", counts={days[1]: 5, FIRST - timedelta(days=1): 900})

    found = plot(earned, issued, first=days[0], last=days[-1])

    assert found.top == 50
    assert [day.counts for day in found.days] == [(50, 0), (25, 5), (0, 0), (1, 0)]
    bars = [[(bar.name, float(bar.height)) for bar in day.bars] for day in found.days]
    assert bars == [
        [("earned", HEIGHT)],
        [("earned", HEIGHT / 2), ("issued", HEIGHT / 10)],
        [],
        [("earned", 4)],
    ]
    room = WIDTH / 4
    for number, day in enumerate(found.days):
        edges = [(float(bar.x), float(bar.x) + float(bar.width)) for bar in day.bars]
        assert all(room * number < left < right < room * (number + 1) for left, right in edges)
        assert all(one[1] <= other[0] + 0.1 for one, other in pairwise(edges))
        assert all(float(bar.y) + float(bar.height) == HEIGHT for bar in day.bars)


@pytest.mark.parametrize(
    ("most", "top"), [(0, 1), (1, 1), (2, 2), (3, 5), (7, 10), (11, 20), (21, 50), (51, 100), (700, 1000)]
)
def test_the_upper_edge_is_a_round_number(most: int, top: int) -> None:
    found = plot(Series(name="earned", label="Earned", counts={FIRST: most}), first=FIRST, last=FIRST)

    assert found.top == top
    assert found.is_empty == (most == 0)
