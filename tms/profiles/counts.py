"""What the apps above know of a user or an organization: numbers on its profile, each leading to its list.

They offer it by convention (tms.contributions): as PERSON_COUNTS in a module `person_counts`, as
ORGANIZATION_COUNTS in a module `organization_counts`; each a function of the row and who looks at it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tms.contributions import contributed

if TYPE_CHECKING:
    from django.utils.functional import _StrPromise

    from tms.models import Organization, User


@dataclass(frozen=True, kw_only=True)
class Line:
    """`url` is empty where the reader may not see what is counted; `status` gives it the look of one."""

    label: _StrPromise | str
    count: int
    url: str = ""
    status: str = ""


@dataclass(frozen=True, kw_only=True)
class Counts:
    """`name` is unique on the page. `empty` is said where there are no lines."""

    name: str
    title: _StrPromise | str
    lines: Sequence[Line]
    empty: _StrPromise | str = ""


def counts_of(row: User | Organization, *, topic: str, viewer: User) -> list[Counts]:
    """In a number of queries that does not grow with what is counted."""
    return [counts for read in contributed(topic) if (counts := read(row, viewer)) is not None]
