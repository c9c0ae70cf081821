"""What is listed, what somebody asked of it, and one page of the answer.

Which rows a person may see is not decided here: the queryset says.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from operator import attrgetter
from typing import TYPE_CHECKING, Any

from django.core.paginator import Page, Paginator
from django.db.models import F, Q, QuerySet
from django.utils.formats import date_format, localize
from django.utils.functional import cached_property
from django.utils.timezone import localtime
from django.utils.translation import gettext as _

if TYPE_CHECKING:
    from django.db.models import Model
    from django.utils.functional import _StrPromise

DOWN = "-"
# More words than anybody types; each costs a comparison with every searched column.
WORDS = 8
# Nobody turns so many pages, and to count a million rows takes longer than to show those asked for.
MOST_COUNTED = 100_000


@dataclass(frozen=True, kw_only=True)
class Column:
    """`name` is its word in addresses, and `value` what a cell says as text, wherever it goes.

    `order_by` are the fields that it sorts by; without them it does not. `template` shows the cell with
    more than text: it is given the `row`. `prepare` adds to the rows what only this column needs; `group` is
    the heading under which people choose it. `sorts_many`: an index has the rows in its order.
    """

    name: str
    label: _StrPromise
    value: Callable[[Any], object]
    order_by: tuple[str, ...] = ()
    template: str = ""
    prepare: Callable[[QuerySet[Any]], QuerySet[Any]] | None = None
    group: _StrPromise | str = ""
    sorts_many: bool = False


def plain(
    field: str,
    label: _StrPromise,
    *,
    name: str = "",
    then: tuple[str, ...] = (),
    group: _StrPromise | str = "",
    sorts_many: bool = False,
) -> Column:
    """A column that says what a field holds and sorts by it, and `then` by others; called as the field is."""
    return Column(
        name=name or field,
        label=label,
        value=attrgetter(field),
        order_by=(field, *then),
        group=group,
        sorts_many=sorts_many or field == "pk",
    )


@dataclass(frozen=True, kw_only=True)
class Listing:
    """`searched` are the look-ups of the search box; `order_by` is the order until somebody sorts."""

    columns: tuple[Column, ...]
    searched: tuple[str, ...]
    order_by: tuple[str, ...]
    page_size: int = 50

    def column(self, name: str) -> Column | None:
        return next((column for column in self.columns if column.name == name), None)


@dataclass(frozen=True, kw_only=True)
class Question:
    """What somebody asked for. `sort` is a column's name, after a minus where it goes down."""

    search: str = ""
    sort: str = ""
    page: str = "1"

    @classmethod
    def of(cls, given: Mapping[str, Any]) -> Question:
        return cls(
            search=" ".join(str(given.get("search", "")).replace("\0", "").split()),
            sort=str(given.get("sort", "")),
            page=str(given.get("page", "1")),
        )


@dataclass(frozen=True, kw_only=True)
class Header:
    """The head of a column. `sort` is what a click on it asks for; `direction` how it is sorted now."""

    label: _StrPromise
    sort: str = ""
    direction: str = ""


@dataclass(frozen=True, kw_only=True)
class Cell:
    label: _StrPromise
    value: object
    template: str

    @property
    def text(self) -> str:
        """As a page shows it, in the reader's language and zone."""
        if self.value is None:
            return ""
        if isinstance(self.value, bool):
            return _("Yes") if self.value else _("No")
        if isinstance(self.value, datetime):
            return date_format(localtime(self.value), "SHORT_DATETIME_FORMAT")
        return str(localize(self.value))


@dataclass(frozen=True, kw_only=True)
class Line:
    """A row as it is shown."""

    row: Any
    cells: tuple[Cell, ...]


class _Pages(Paginator):  # type: ignore[type-arg]
    """Those of the first MOST_COUNTED rows; `has_more` tells that there are others."""

    object_list: QuerySet[Any]

    @cached_property
    def counted(self) -> int:
        return self.object_list.order_by().values("pk")[: MOST_COUNTED + 1].count()

    @property
    def count(self) -> int:
        return min(self.counted, MOST_COUNTED)

    @property
    def has_more(self) -> bool:
        return self.counted > MOST_COUNTED


@dataclass(frozen=True, kw_only=True)
class Found:
    """One page of what was found, in two queries: how many there are, and those that are shown.

    More than are counted are shown in an order that an index has: to sort a million rows takes longer than
    anybody waits, and whoever wants to read them narrows the search first.
    """

    listing: Listing
    question: Question
    rows: QuerySet[Any]

    @cached_property
    def page(self) -> Page[Any]:
        return self._pages.get_page(self.question.page)

    @cached_property
    def _pages(self) -> _Pages:
        pages = _Pages(self.rows, self.listing.page_size)
        if not self._sorts_by(_sorted_by(self.listing, self.question), pages):
            pages.object_list = self.rows.order_by(*_order(self.listing, replace(self.question, sort="")))
        return pages

    @staticmethod
    def _sorts_by(column: Column | None, pages: _Pages) -> bool:
        return column is None or column.sorts_many or not pages.has_more

    @property
    def count(self) -> int:
        return self._pages.count

    @property
    def has_more(self) -> bool:
        """There are more than `count`, which stopped counting."""
        return self._pages.has_more

    @cached_property
    def lines(self) -> list[Line]:
        return [Line(row=row, cells=tuple(self._cells(row))) for row in self.page.object_list]

    def first(self, number: int) -> list[Line]:
        """The first so many, in one query: how many there are is not counted."""
        return [Line(row=row, cells=tuple(self._cells(row))) for row in self.rows[:number]]

    def _cells(self, row: Any) -> Iterator[Cell]:
        for column in self.listing.columns:
            yield Cell(label=column.label, value=column.value(row), template=column.template)

    @property
    def headers(self) -> list[Header]:
        return [self._header(column) for column in self.listing.columns]

    def _header(self, column: Column) -> Header:
        if not column.order_by or not self._sorts_by(column, self._pages):
            return Header(label=column.label)
        if self.question.sort == column.name:
            return Header(label=column.label, sort=DOWN + column.name, direction="ascending")
        if self.question.sort == DOWN + column.name:
            return Header(label=column.label, sort=column.name, direction="descending")
        return Header(label=column.label, sort=column.name)


def find(listing: Listing, rows: QuerySet[Any], question: Question) -> Found:
    """What of `rows` somebody asked for. A sort that the listing does not know is none."""
    column = _sorted_by(listing, question)
    if column is None or not column.order_by:
        question = replace(question, sort="")
    for each in listing.columns:
        rows = each.prepare(rows) if each.prepare else rows
    found = rows.filter(matching(listing, question.search, model=rows.model))
    return Found(listing=listing, question=question, rows=found.order_by(*_order(listing, question)))


def matching(listing: Listing, search: str, *, model: type[Model]) -> Q:
    """Every word somewhere in what is searched; two words may be in two columns."""
    asked = Q()
    for word in search.split()[:WORDS]:
        asked &= _holding(word, listing.searched, model=model)
    return asked


def _holding(word: str, look_ups: Iterable[str], *, model: type[Model]) -> Q:
    """What a row leads to is searched by itself: there are fewer people and badges than issued badges."""
    found, beyond = Q(), defaultdict[str, list[str]](list)
    for look_up in look_ups:
        first, _separator, rest = look_up.partition("__")
        if rest:
            beyond[first].append(rest)
        else:
            found |= Q(**{f"{look_up}__icontains": word})
    for name, rest_of_them in beyond.items():
        related: Any = model._meta.get_field(name).related_model
        held = related._base_manager.filter(_holding(word, rest_of_them, model=related))
        found |= Q(**{f"{name}__in": held.values("pk")})
    return found


def _sorted_by(listing: Listing, question: Question) -> Column | None:
    return listing.column(question.sort.removeprefix(DOWN))


def _order(listing: Listing, question: Question) -> list[Any]:
    """The key at last, or a row could be on two pages and another on none; an index is read one way only."""
    column = _sorted_by(listing, question)
    if column is None:
        return [*listing.order_by, "-pk" if listing.order_by[0].startswith(DOWN) else "pk"]
    if question.sort.startswith(DOWN):
        return [*(F(name).desc() for name in column.order_by), "-pk"]
    return [*(F(name).asc() for name in column.order_by), "pk"]
