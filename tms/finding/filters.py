"""The rows of a search: what may be asked of a list, and with which words.

Each filter reads parameters that begin with its name, so that an address tells a whole search and any page
can link to one: `/issued-badges/?badge=7&status=failed`. What cannot be understood is never left out of a
search silently: it has a `problem`, which stands beside the row, and nothing is found.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from calendar import monthrange
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import date, datetime, time, timedelta
from typing import TYPE_CHECKING, Any, ClassVar

from django.db.models import Q, QuerySet
from django.utils import timezone
from django.utils.dateparse import parse_date
from django.utils.formats import date_format, number_format
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from tms.access import organization_tree
from tms.finding.chooser import Chooser, ids_of

if TYPE_CHECKING:
    from django.http import QueryDict
    from django.utils.functional import _StrPromise

    from tms.finding.listing import Listing
    from tms.models import User

NOT = "not"
# More than anybody chooses for one filter.
MOST_CHOSEN = 100


@dataclass(frozen=True, kw_only=True)
class Asked:
    """One row of a search. `shown` is what its template shows of what was given, `sentence` says it."""

    filter: Filter
    condition: Q = field(default_factory=Q)
    shown: dict[str, Any] = field(default_factory=dict)
    sentence: str = ""
    problem: str = ""


@dataclass(frozen=True, kw_only=True)
class Filter(ABC):
    """Something that may be asked of a list. `name` is also what links to the list may give."""

    name: str
    label: _StrPromise | str
    template: ClassVar[str]

    @property
    def more(self) -> tuple[str, ...]:
        """What it reads besides the parameter of its name."""
        return ()

    @property
    def parameters(self) -> tuple[str, ...]:
        return (self.name, *self.more)

    def is_in(self, given: QueryDict) -> bool:
        return self.name in given

    @abstractmethod
    def read(self, given: QueryDict, *, viewer: User) -> Asked: ...


@dataclass(frozen=True, kw_only=True)
class Text(Filter):
    """Does or does not start with, or contain. `fields` are look-ups, any of which will do."""

    fields: tuple[str, ...]
    template = "finding/filters/_text.html"

    DOES: ClassVar = {"": gettext_lazy("Does"), NOT: gettext_lazy("Does not")}
    HOW: ClassVar = {"contain": gettext_lazy("Contain"), "start": gettext_lazy("Start With")}

    @property
    def more(self) -> tuple[str, ...]:
        return (f"{self.name}-does", f"{self.name}-how")

    def read(self, given: QueryDict, *, viewer: User) -> Asked:
        text = " ".join(given.get(self.name, "").replace("\0", "").split())
        does = _one_of(self.DOES, given.get(f"{self.name}-does"))
        how = _one_of(self.HOW, given.get(f"{self.name}-how"))
        condition = Q()
        if text:
            look_up = "istartswith" if how == "start" else "icontains"
            for each in self.fields:
                condition |= Q(**{f"{each}__{look_up}": text})
            condition = ~condition if does == NOT else condition
        sentence = f"{self.DOES[does]} {self.HOW[how]} “{text}”" if text else ""
        shown = {"text": text, "does": does, "how": how}
        return Asked(filter=self, condition=condition, shown=shown, sentence=sentence)


@dataclass(frozen=True, kw_only=True)
class YesNo(Filter):
    """Is, is not, or is or is not. `condition` is what is so where it is; the label is the predicate."""

    condition: Q
    template = "finding/filters/_yes_no.html"

    IS: ClassVar = {
        "is": gettext_lazy("Is"),
        NOT: gettext_lazy("Is Not"),
        "either": gettext_lazy("Is or Is Not"),
    }

    def read(self, given: QueryDict, *, viewer: User) -> Asked:
        answer = _one_of(self.IS, given.get(self.name))
        condition = {"is": self.condition, NOT: ~self.condition, "either": Q()}[answer]
        return Asked(
            filter=self, condition=condition, shown={"answer": answer}, sentence=str(self.IS[answer])
        )


@dataclass(frozen=True, kw_only=True)
class Choice(Filter):
    """Is or is not one of a few fixed values; several may be ticked. `condition` is what holds of them."""

    choices: tuple[tuple[Any, _StrPromise | str], ...]
    condition: Callable[[list[str]], Q]
    template = "finding/filters/_choice.html"

    IS: ClassVar = {"": gettext_lazy("Is"), NOT: gettext_lazy("Is Not")}

    @property
    def more(self) -> tuple[str, ...]:
        return (f"{self.name}-is",)

    def read(self, given: QueryDict, *, viewer: User) -> Asked:
        values = [value for value in given.getlist(self.name) if value]
        answer = _one_of(self.IS, given.get(f"{self.name}-is"))
        shown = {"values": values, "answer": answer}
        labels = {str(value): str(label) for value, label in self.choices}
        unknown = [value for value in values if value not in labels]
        if unknown:
            problem = _("“%(found)s” is none of: %(allowed)s.") % {
                "found": unknown[0],
                "allowed": ", ".join(labels.values()),
            }
            return Asked(filter=self, shown=shown, problem=problem)
        condition = self.condition(values) if values else Q()
        words = ", ".join(labels[value] for value in values)
        return Asked(
            filter=self,
            condition=~condition if values and answer == NOT else condition,
            shown=shown,
            sentence=f"{self.IS[answer]} {words}" if values else "",
        )


@dataclass(frozen=True, kw_only=True)
class Chosen(Filter):
    """About rows that somebody chooses in a dialog. `rows` are those that a viewer may name."""

    rows: Callable[[User], QuerySet[Any]]
    listing: Listing
    title: _StrPromise | str

    def chosen(self, given: QueryDict, *, viewer: User) -> tuple[list[Any], str]:
        """The rows that an address names, and what is wrong with what it names."""
        texts = [text for text in given.getlist(self.name) if text]
        ids = ids_of(texts)[:MOST_CHOSEN]
        known = {row.pk: row for row in self.rows(viewer).filter(pk__in=ids)} if ids else {}
        lost = [text for text in texts if not known.keys() & ids_of([text])]
        problem = _("“%(found)s” is not here (any more).") % {"found": lost[0]} if lost else ""
        return [known[pk] for pk in dict.fromkeys(ids) if pk in known], problem

    def chooser(self, viewer: User) -> Chooser:
        return Chooser(
            title=self.title, confirm=_("OK"), listing=self.listing, rows=self.rows(viewer), many=True
        )


@dataclass(frozen=True, kw_only=True)
class Reference(Chosen):
    """Is or is not one of those chosen. `condition` is what holds of their ids. Where not `many` it is the
    one that was chosen last."""

    condition: Callable[[list[int]], Q]
    many: bool = True
    template = "finding/filters/_reference.html"

    IS: ClassVar = Choice.IS

    @property
    def more(self) -> tuple[str, ...]:
        return (f"{self.name}-is",) if self.many else ()

    def chooser(self, viewer: User) -> Chooser:
        return replace(super().chooser(viewer), many=self.many)

    def read(self, given: QueryDict, *, viewer: User) -> Asked:
        answer = _one_of(self.IS, given.get(f"{self.name}-is"))
        if not self.many:
            answer = ""
        chosen, problem = self.chosen(given, viewer=viewer)
        ids = [row.pk for row in chosen]
        condition = self.condition(ids) if ids else Q()
        names = ", ".join(map(str, chosen))
        return Asked(
            filter=self,
            condition=~condition if ids and answer == NOT else condition,
            shown={"chosen": chosen, "answer": answer},
            sentence=f"{self.IS[answer]} {names}" if ids else "",
            problem=problem,
        )


@dataclass(frozen=True, kw_only=True)
class BelongsTo(Chosen):
    """Belongs to the organizations that were chosen, with those below them if so ticked.

    `field` leads to the organization's id.
    """

    field: str
    template = "finding/filters/_belongs_to.html"

    @property
    def more(self) -> tuple[str, ...]:
        return (f"{self.name}-children",)

    def read(self, given: QueryDict, *, viewer: User) -> Asked:
        chosen, problem = self.chosen(given, viewer=viewer)
        with_children = f"{self.name}-children" in given
        condition = Q()
        for organization in chosen:
            if with_children:
                condition |= Q(**{f"{self.field}__in": organization_tree(organization.pk)})
            else:
                condition |= Q(**{self.field: organization.pk})
        sentence = _("Belongs to %(names)s") % {"names": ", ".join(map(str, chosen))} if chosen else ""
        if sentence and with_children:
            sentence += " " + _("(Include Children)")
        shown = {"chosen": chosen, "with_children": with_children}
        return Asked(filter=self, condition=condition, shown=shown, sentence=sentence, problem=problem)


@dataclass(frozen=True, kw_only=True)
class Moment(Filter):
    """When something was or will be, in the reader's days. `nullable`: it may not have been at all."""

    field: str
    nullable: bool = False
    template = "finding/filters/_moment.html"

    WITHIN: ClassVar = "within"
    WHEN: ClassVar = {
        "within": gettext_lazy("Within Last"),
        "between": gettext_lazy("Between"),
        "past": gettext_lazy("In the past"),
        "future": gettext_lazy("In the future"),
        "anytime": gettext_lazy("Anytime"),
        "never": gettext_lazy("Never"),
    }
    UNITS: ClassVar = {
        "hours": gettext_lazy("Hours"),
        "days": gettext_lazy("Days"),
        "weeks": gettext_lazy("Weeks"),
        "months": gettext_lazy("Months"),
    }
    MOST: ClassVar = 10_000

    @property
    def more(self) -> tuple[str, ...]:
        return tuple(f"{self.name}-{part}" for part in ("n", "unit", "from", "to"))

    @property
    def choices(self) -> dict[str, _StrPromise]:
        return {word: label for word, label in self.WHEN.items() if word != "never" or self.nullable}

    def read(self, given: QueryDict, *, viewer: User) -> Asked:
        when = _one_of(self.choices, given.get(self.name))
        number, unit = given.get(f"{self.name}-n", ""), _one_of(self.UNITS, given.get(f"{self.name}-unit"))
        first, last = given.get(f"{self.name}-from", ""), given.get(f"{self.name}-to", "")
        shown = {"when": when, "n": number, "unit": unit, "from": first, "to": last}
        try:
            condition, sentence = self._condition(when, number=number, unit=unit, first=first, last=last)
        except ValueError as error:
            return Asked(filter=self, shown=shown, problem=str(error))
        return Asked(filter=self, condition=condition, shown=shown, sentence=sentence)

    def _condition(self, when: str, *, number: str, unit: str, first: str, last: str) -> tuple[Q, str]:
        """Raises ValueError with a sentence."""
        now, word = timezone.now(), str(self.WHEN[when])
        if when == "within" and number:
            since = _before(now, _whole(number, most=self.MOST), unit)
            return self._between(since, now), f"{word} {number} {self.UNITS[unit]}"
        if when == "between" and (first or last):
            begin, end = _day(first), _day(last)
            if begin and end and begin > end:
                raise ValueError(_("The first day comes after the last."))
            days = (date_format(day, "DATE_FORMAT") if day else "…" for day in (begin, end))
            words = f"{word} {' – '.join(days)}"
            from_day = _midnight(begin) if begin else None
            to_day = _midnight(end, days=1) if end else None
            return self._between(from_day, to_day), words
        if when == "past":
            return self._between(None, now), word
        if when == "future":
            return self._between(now, None), word
        if when == "never":
            return Q(**{f"{self.field}__isnull": True}), word
        return Q(), ""

    def _between(self, begin: datetime | None, end: datetime | None) -> Q:
        condition = Q()
        if begin:
            condition &= Q(**{f"{self.field}__gte": begin})
        if end:
            condition &= Q(**{f"{self.field}__lt": end})
        return condition


@dataclass(frozen=True, kw_only=True)
class Number(Filter):
    """At least, at most, or both."""

    field: str
    template = "finding/filters/_number.html"

    MOST: ClassVar = 2_000_000_000

    @property
    def more(self) -> tuple[str, ...]:
        return (f"{self.name}-to",)

    def read(self, given: QueryDict, *, viewer: User) -> Asked:
        least, most = given.get(self.name, "").strip(), given.get(f"{self.name}-to", "").strip()
        shown = {"least": least, "most": most}
        condition = Q()
        try:
            if least:
                condition &= Q(**{f"{self.field}__gte": _whole(least, most=self.MOST)})
            if most:
                condition &= Q(**{f"{self.field}__lte": _whole(most, most=self.MOST)})
        except ValueError as error:
            return Asked(filter=self, shown=shown, problem=str(error))
        words = [
            _("at least %(number)s") % {"number": least} if least else "",
            _("at most %(number)s") % {"number": most} if most else "",
        ]
        sentence = ", ".join(word for word in words if word)
        return Asked(filter=self, condition=condition, shown=shown, sentence=sentence)


def _one_of(words: dict[str, Any], given: str | None) -> str:
    """An operator; the first where it is another."""
    return given if given in words else next(iter(words))


def _whole(text: str, *, most: int) -> int:
    if not (text.isascii() and text.isdigit() and len(text) < 12 and int(text) <= most):
        raise ValueError(
            _("“%(found)s” is not a whole number from 0 to %(most)s.")
            % {"found": text, "most": number_format(most, force_grouping=True)}
        )
    return int(text)


def _day(text: str) -> date | None:
    if not text:
        return None
    try:
        day = parse_date(text)
    except ValueError:
        day = None
    if day is None or not 1000 <= day.year < 9999:
        raise ValueError(_("“%(found)s” is not a day, as in 2026-05-31.") % {"found": text})
    return day


def _midnight(day: date, *, days: int = 0) -> datetime:
    """The start of a day of the reader, or of the one so many days later."""
    return datetime.combine(day + timedelta(days=days), time.min, tzinfo=timezone.get_current_timezone())


def _before(moment: datetime, number: int, unit: str) -> datetime:
    """So much earlier, and no earlier than a database can tell."""
    if unit == "months":
        months = moment.year * 12 + moment.month - 1 - number
        year, month = divmod(months, 12)
        if year < 1000:
            return datetime(1000, 1, 1, tzinfo=moment.tzinfo)
        day = min(moment.day, monthrange(year, month + 1)[1])
        return moment.replace(year=year, month=month + 1, day=day)
    return moment - timedelta(**{unit: number})
