"""What led to an issued badge, as its page tells it.

A record names its source by a kind and a key, so each app offers, as ORIGINS in its module `origins`, how to
read what it knows: `(issued badge, viewer) → what led to it`, with nothing that the viewer may not see.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from django.utils.translation import gettext_lazy as _

from badges.models import IssuedBadge, IssuingList
from tms.access import Action
from tms.contributions import contributed

if TYPE_CHECKING:
    from datetime import datetime

    from django.utils.functional import _StrPromise

    from tms.models import User

MOST = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class Origin:
    """One thing that led to it. `url_name` and `key` are its page, if this site has one. `explained_by` is a
    page that says why, given `explained`."""

    kind: _StrPromise | str
    name: str
    url_name: str
    key: int
    at: datetime | None = None
    explained_by: str = ""
    explained: int = 0


Read = Callable[[IssuedBadge, "User"], list[Origin]]


def origins_of(row: IssuedBadge, *, viewer: User) -> list[Origin]:
    """Empty where the source is nothing that has a page, or where it is gone or not the viewer's to see."""
    return [origin for read in contributed("origins") for origin in read(row, viewer)]


def _list(row: IssuedBadge, viewer: User) -> list[Origin]:
    if row.source_kind != IssuedBadge.Source.LIST or not row.source_key.isdecimal():
        return []
    lists = IssuingList.objects.for_user(viewer, Action.SEE_OWN).filter(pk=int(row.source_key))
    return [
        Origin(kind=_("List"), name=str(found), url_name="issuing-list", key=found.pk, at=found.created_at)
        for found in lists
    ]


ORIGINS: tuple[Read, ...] = (_list,)
