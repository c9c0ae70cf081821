"""When a person sits down to learn: at usual hours, in the local time zone, one thing at a time."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from random import Random
from typing import NamedTuple
from zoneinfo import ZoneInfo

from config.demo.year import DAY

EARLIEST_HOUR, LATEST_HOUR = 6.5, 23.5
# Hour at which people like to start: before work, at work, after lunch, after dinner.
HABITS, HABIT_SHARES = (7.5, 9.5, 14.0, 19.5), (2, 5, 3, 3)
WORKS_ON_A_FREE_DAY = 0.2
WORKS_IN_THE_HOLIDAYS = 0.15


class Session(NamedTuple):
    started_at: datetime
    ended_at: datetime

    @property
    def minutes(self) -> float:
        return (self.ended_at - self.started_at).total_seconds() / 60


@dataclass(eq=False, kw_only=True)
class Diary:
    """Sessions never overlap, and those that chance arranges stay within `last_day`.

    `taken` are days given to a class, `habit` the hour at which this person likes to start (0: by chance).
    """

    rng: Random
    zone: ZoneInfo
    weekend: tuple[int, int]
    last_day: date
    habit: float = 0
    taken: set[date] = field(default_factory=set)
    _free_from: dict[date, datetime] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.habit = self.habit or self.rng.choices(HABITS, HABIT_SHARES)[0]

    def study_day(self, earliest: date) -> date | None:
        """The first day from `earliest` on when this person learns; None when that is after the last day."""
        day = earliest
        while day <= self.last_day:
            if self._learns_on(day):
                return day
            day += DAY
        return None

    def sit(self, day: date, *, minutes: float) -> Session | None:
        """The next free time of that length on `day`, or on a later study day; None when there is none."""
        found: date | None = day
        while found and not self._fits(found, minutes=minutes):
            found = self.study_day(found + DAY)
        return self.sit_on(found, minutes=minutes) if found else None

    def sit_on(self, day: date, *, minutes: float) -> Session:
        """The next free time on that very day, however late it gets."""
        begin = self._begin(day)
        end = begin + timedelta(seconds=round(minutes * 60))
        self._free_from[day] = end + timedelta(seconds=self.rng.randint(4 * 60, 35 * 60))
        return Session(begin.replace(tzinfo=self.zone), end.replace(tzinfo=self.zone))

    def _fits(self, day: date, *, minutes: float) -> bool:
        if day in self.taken:
            return False
        return self._begin(day) + timedelta(minutes=minutes) <= at_hour(day, LATEST_HOUR)

    def _begin(self, day: date) -> datetime:
        if day not in self._free_from:
            self._free_from[day] = at_hour(day, max(EARLIEST_HOUR, self.rng.gauss(self.habit, 1.1)))
        return self._free_from[day]

    def _learns_on(self, day: date) -> bool:
        if day in self.taken:
            return False
        if (day.month, day.day) >= (12, 23) or (day.month, day.day) <= (1, 2):
            return self.rng.random() < WORKS_IN_THE_HOLIDAYS
        return day.weekday() not in self.weekend or self.rng.random() < WORKS_ON_A_FREE_DAY


def at_hour(day: date, hour: float) -> datetime:
    """That hour of that day on the wall clock, to the second and without a zone."""
    return datetime.combine(day, time()) + timedelta(seconds=round(hour * 3600))
