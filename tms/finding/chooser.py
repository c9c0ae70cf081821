"""Choosing one or many of what is listed, in a dialog: search, sort, turn pages; what was chosen is kept.

The dialog has one address, below that of its page. GET opens it, POST with `confirm` ends it, and every other
POST asks for another page of it. What is chosen travels along each time, in the body, since an address could
not hold it. It is looked up among what may be chosen in the end: whatever else is sent is as if it were not
there.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from tms.finding.listing import Found, Listing, Question, find, matching

if TYPE_CHECKING:
    from django.db.models import QuerySet
    from django.utils.functional import _StrPromise

# More than any list that people put together by hand.
MOST = 10_000


@dataclass(frozen=True, kw_only=True)
class Locked:
    """A filter that is always set, as it is told: "Organization", "Is Northwind Academy"."""

    label: _StrPromise | str
    condition: _StrPromise | str


@dataclass(frozen=True, kw_only=True)
class Chooser:
    """A dialog: what it is called, what it offers, and what its button says.

    `rows` are those that may be chosen, already narrowed by what `locked` tells. `fields` is a template of
    further fields of the form, and reads what it shows from `given`.
    """

    title: _StrPromise | str
    confirm: _StrPromise | str
    listing: Listing
    rows: QuerySet[Any]
    locked: tuple[Locked, ...] = ()
    many: bool = False
    empty: _StrPromise | str = ""
    fields: str = ""
    given: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Choice:
    """What a dialog came back with: `chosen` are ids, in the order in which the listing has them at first."""

    chosen: tuple[int, ...]


def choose(request: HttpRequest, chooser: Chooser, *, chosen: Collection[int] = ()) -> HttpResponse | Choice:
    """Show the dialog, or another page of it, or tell what was chosen once it is confirmed.

    `chosen` is what is chosen when it opens.
    """
    if request.method != "POST":
        return _shown(request, chooser, Question(), chosen=set(chosen), template="finding/_chooser.html")
    ids = _sent(request, chooser)
    if "confirm" in request.POST:
        return Choice(chosen=tuple(_known(chooser, ids)))
    question = Question.of(request.POST)
    if chooser.many and "all" in request.POST:
        asked = matching(chooser.listing, question.search, model=chooser.rows.model)
        ids |= set(chooser.rows.filter(asked).order_by().values_list("pk", flat=True)[:MOST])
    elif "none" in request.POST:
        ids = set()
    return _shown(request, chooser, question, chosen=ids, template="finding/_chooser_found.html")


def _shown(
    request: HttpRequest, chooser: Chooser, question: Question, *, chosen: set[int], template: str
) -> HttpResponse:
    found: Found = find(chooser.listing, chooser.rows, question)
    kept = chosen - {line.row.pk for line in found.lines}
    return render(
        request,
        template,
        {
            "chooser": chooser,
            "found": found,
            "chosen": chosen,
            "kept": ",".join(map(str, sorted(kept))),
            "kept_count": len(kept),
            "most": MOST,
            "url": request.path,
        },
    )


def _sent(request: HttpRequest, chooser: Chooser) -> set[int]:
    """Those ticked on the page that was shown, and those chosen on others."""
    ticked = set(ids_of(request.POST.getlist("chosen")))
    if ticked and not chooser.many:
        return {max(ticked)}
    return ticked | set(ids_of(request.POST.get("kept", "").split(",")))


def ids_of(texts: Iterable[str]) -> list[int]:
    """Those of what a form or an address sends that can be ids."""
    return [int(text) for text in texts if text.isascii() and text.isdigit() and len(text) < 19][:MOST]


def _known(chooser: Chooser, ids: set[int]) -> Iterable[int]:
    """In one query, whatever number is chosen: large lists of parameters have limits of their own."""
    ordered = chooser.rows.order_by(*chooser.listing.order_by, "pk")
    if len(ids) <= chooser.listing.page_size:
        return ordered.filter(pk__in=ids).values_list("pk", flat=True)
    return [pk for pk in ordered.values_list("pk", flat=True) if pk in ids]
