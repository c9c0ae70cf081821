"""Eight weeks of days, as the learner's own clocks counted them."""

from __future__ import annotations

from datetime import date, timedelta

import pytest

from achievements.gallery.days import calendar, first_day

WEDNESDAY = date(2026, 6, 17)
DAY = timedelta(days=1)


def days_before(*numbers):
    return [WEDNESDAY - DAY * number for number in numbers]


def test_weeks_go_from_monday_to_sunday_and_the_running_one_is_the_last():
    weeks = calendar([], today=WEDNESDAY).weeks
    assert (len(weeks), {len(week) for week in weeks}) == (8, {7})
    assert {week[0].date.weekday() for week in weeks} == {0}
    assert weeks[-1][0].date == date(2026, 6, 15)
    assert [day.is_to_come for day in weeks[-1]] == [False, False, False, True, True, True, True]


@pytest.mark.parametrize(
    ("active", "current", "longest"),
    [
        ([], 0, 0),
        ([0], 1, 1),
        ([1], 1, 1),
        ([2], 0, 1),
        ([0, 1, 2], 3, 3),
        ([1, 2, 4, 5, 6, 7], 2, 4),
        ([0, 1, 3], 2, 2),
    ],
)
def test_streaks(active, current, longest):
    found = calendar(days_before(*active), today=WEDNESDAY)
    assert (found.current, found.longest) == (current, longest)


def test_days_before_the_first_week_and_after_today_are_left_out():
    days = [first_day(WEDNESDAY) - DAY, first_day(WEDNESDAY), WEDNESDAY + DAY]
    found = calendar(days, today=WEDNESDAY)
    assert found.active == {first_day(WEDNESDAY)}
    assert found.in_words == "Active on 1 day since April 27, 2026."
