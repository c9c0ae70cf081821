"""Several lists on one page, each with pages of its own (templates/rosters/_pages.html)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Generic, TypeVar
from urllib.parse import urlencode

from django.db.models import Model

if TYPE_CHECKING:
    from django.core.paginator import Page
    from django.http import QueryDict

RowT = TypeVar("RowT", bound=Model)


@dataclass(frozen=True)
class Part(Generic[RowT]):
    """One of the lists: what is shown, and the addresses of what comes before and after.

    `asked` are the pages that somebody turned to, by the names of the lists; `beside` are all these names.
    """

    name: str
    page: Page[RowT]
    asked: QueryDict
    beside: Sequence[str]

    @property
    def earlier(self) -> str:
        return self._turned(self.page.previous_page_number()) if self.page.has_previous() else ""

    @property
    def later(self) -> str:
        return self._turned(self.page.next_page_number()) if self.page.has_next() else ""

    def _turned(self, number: int) -> str:
        others = {name: self.asked[name] for name in self.beside if name in self.asked}
        return f"?{urlencode({**others, self.name: number})}#{self.name}"
