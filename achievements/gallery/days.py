"""The days on which a learner was there: eight weeks of them, as her own clocks counted them."""

from __future__ import annotations

from collections.abc import Sequence, Set
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import groupby
from typing import TYPE_CHECKING

from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from achievements.conditions.language import Subject

if TYPE_CHECKING:
    from collections.abc import Iterable

    from achievements.gallery.shelves import Entry
    from tms.models import User

WEEKS = 8
DAY = timedelta(days=1)


@dataclass(frozen=True)
class Day:
    date: date
    is_active: bool
    is_to_come: bool


@dataclass(frozen=True)
class Calendar:
    """Weeks from Monday to Sunday, the running one last."""

    today: date
    active: Set[date]

    @property
    def weeks(self) -> list[list[Day]]:
        first = first_day(self.today)
        days = [first + DAY * n for n in range(WEEKS * 7)]
        each = [Day(day, day in self.active, day > self.today) for day in days]
        return [each[start : start + 7] for start in range(0, len(each), 7)]

    @property
    def current(self) -> int:
        """Days in a row up to today, or to yesterday while today is still young."""
        last = self.today if self.today in self.active else self.today - DAY
        length = 0
        while last - DAY * length in self.active:
            length += 1
        return length

    @property
    def longest(self) -> int:
        shifted = ((day - DAY * n, day) for n, day in enumerate(sorted(self.active)))
        return max((len(list(run)) for _first, run in groupby(shifted, key=lambda pair: pair[0])), default=0)

    @property
    def in_words(self) -> str:
        """What the picture shows, for whoever does not see it."""
        active = len(self.active)
        text = ngettext(
            "Active on %(count)d day since %(day)s.", "Active on %(count)d days since %(day)s.", active
        )
        return text % {"count": active, "day": date_format(first_day(self.today))}

    @property
    def streak_in_words(self) -> str:
        if not self.current:
            return _("Today a new streak can begin.")
        return ngettext("%(count)d day in a row", "%(count)d days in a row", self.current) % {
            "count": self.current
        }


def first_day(today: date) -> date:
    return today - DAY * (today.weekday() + 7 * (WEEKS - 1))


def today_of(learner: User) -> date:
    return timezone.localdate(timezone=learner.zone)


def asks_for_days(entries: Iterable[Entry]) -> bool:
    return any(leaf.subject is Subject.STREAK for entry in entries for leaf in entry.standing.rule.leaves())


def calendar(days: Sequence[date], *, today: date) -> Calendar:
    first = first_day(today)
    return Calendar(today, {day for day in days if first <= day <= today})
