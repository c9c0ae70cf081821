"""A search on a Find page: what its address asks, and what is found.

An address says all of it (filters, columns, order, page), so that a search can be linked to, kept
(tms.finding.saved), printed and exported (tms.finding.export). Interfaces show it by tms.finding.pages.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

from django.http import QueryDict

from tms.access import Action
from tms.contributions import contributed
from tms.finding.listing import Column, Found, Listing, Question, find

if TYPE_CHECKING:
    from django.db.models import QuerySet
    from django.utils.functional import _StrPromise

    from tms.finding.filters import Asked, Filter
    from tms.models import User

PAGE_SIZES = (25, 50, 100, 250)


@dataclass(frozen=True, kw_only=True)
class FindPage:
    """What can be looked for on one page. Its address is called "find-" and its `name`.

    `rows` are those that a viewer may see, with what its columns need; `shown` the columns at first, `opened`
    the filters that stand open before any is added, and `preset` the query of a page that was asked nothing.
    Apps above add to `filters` in a module that `more_filters` names. `actions` is a template of what
    stands beside the title, and `row_actions` of what can be done with a row; `bulk` of what can be done with
    the rows that are ticked, sent to the address called `bulk_url`. `is_everywhere`: the search of the whole
    site looks here too.
    """

    name: str
    title: _StrPromise | str
    listing: Listing
    rows: Callable[[User], QuerySet[Any]]
    filters: tuple[Filter, ...]
    shown: tuple[str, ...]
    opened: tuple[str, ...] = ()
    preset: str = ""
    action: Action = Action.SEE
    empty: _StrPromise | str = ""
    icon: str = "search"
    more_filters: str = ""
    actions: str = ""
    row_actions: str = ""
    bulk: str = ""
    bulk_url: str = ""
    is_everywhere: bool = True

    @property
    def url_name(self) -> str:
        return f"find-{self.name}"

    @cached_property
    def offered(self) -> tuple[Filter, ...]:
        """Its filters in the order of their names, with those of the apps above."""
        return (*self.filters, *(contributed(self.more_filters) if self.more_filters else ()))

    def filter(self, name: str) -> Filter | None:
        return next((each for each in self.offered if each.name == name), None)


@dataclass(frozen=True, kw_only=True)
class Search:
    """What somebody asked of a page. `query` says it in an address, with nothing that says nothing."""

    page: FindPage
    viewer: User
    asked: tuple[Asked, ...]
    columns: tuple[Column, ...]
    size: int
    question: Question
    query: QueryDict

    @property
    def addable(self) -> list[Filter]:
        """The filters that are not asked, by name."""
        taken = {each.filter.name for each in self.asked}
        left = [each for each in self.page.offered if each.name not in taken]
        return sorted(left, key=lambda each: str(each.label).casefold())

    @property
    def problems(self) -> list[Asked]:
        return [each for each in self.asked if each.problem]

    @property
    def sentences(self) -> list[tuple[str, str]]:
        """What is asked, as label and words: for the head of a print."""
        return [(str(each.filter.label), each.sentence) for each in self.asked if each.sentence]

    @property
    def is_narrowed(self) -> bool:
        return bool(self.question.search or self.sentences or self.problems)

    @property
    def column_names(self) -> set[str]:
        return {column.name for column in self.columns}

    @property
    def column_groups(self) -> list[tuple[str, list[Column]]]:
        """All columns under their headings, in the order of the listing."""
        groups: dict[str, list[Column]] = {}
        for column in self.page.listing.columns:
            groups.setdefault(str(column.group), []).append(column)
        return list(groups.items())

    @cached_property
    def found(self) -> Found:
        """Nothing where something asked cannot be understood: less than asked would be more than wanted."""
        rows = self.page.rows(self.viewer)
        for each in self.asked:
            rows = rows.filter(each.condition)
        if self.problems:
            rows = rows.none()
        listing = replace(self.page.listing, columns=self.columns, page_size=self.size)
        return find(listing, rows, self.question)


def read(page: FindPage, given: QueryDict, *, viewer: User) -> Search:
    """The search that an address or a form gives. `add` and `remove` name filters to open and to take off."""
    asked = tuple(each.read(given, viewer=viewer) for each in _filters(page, given))
    columns = _columns(page, given)
    size = next((each for each in PAGE_SIZES if str(each) == given.get("per")), page.listing.page_size)
    question = Question.of(given)
    query = _query(page, given, asked=asked, columns=columns, size=size, question=question)
    return Search(
        page=page,
        viewer=viewer,
        asked=asked,
        columns=columns,
        size=size,
        question=question,
        query=query,
    )


def _filters(page: FindPage, given: QueryDict) -> Iterator[Filter]:
    """Those of a form that was sent, or those that a page opens with, and those that are added."""
    added, removed = given.getlist("add"), given.getlist("remove")
    is_first = not any(each.is_in(given) for each in page.offered) and "asked" not in given
    for each in page.offered:
        is_open = each.is_in(given) or each.name in added or (is_first and each.name in page.opened)
        if is_open and each.name not in removed and "remove_all" not in given:
            yield each


def _columns(page: FindPage, given: QueryDict) -> tuple[Column, ...]:
    """In the order of the listing. None would be no list: then those at first."""
    names = given.getlist("column")
    known = [column for column in page.listing.columns if column.name in names]
    return tuple(known or [column for column in page.listing.columns if column.name in page.shown])


def _query(
    page: FindPage,
    given: QueryDict,
    *,
    asked: tuple[Asked, ...],
    columns: tuple[Column, ...],
    size: int,
    question: Question,
) -> QueryDict:
    query = QueryDict(mutable=True)
    for each in asked:
        query.setlist(each.filter.name, given.getlist(each.filter.name) or [""])
        for name in each.filter.more:
            if given.getlist(name):
                query.setlist(name, given.getlist(name))
    if not asked:
        query["asked"] = "1"
    names = tuple(column.name for column in columns)
    if set(names) != set(page.shown):
        query.setlist("column", list(names))
    if size != page.listing.page_size:
        query["per"] = str(size)
    if question.search:
        query["search"] = question.search
    if question.sort:
        query["sort"] = question.sort
    return query
