"""The instructor's pages: the classes one teaches, and their rosters."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.core.paginator import Paginator
from django.shortcuts import render
from django.views.decorators.http import require_safe

from rosters.classes import When, found
from rosters.frame import frame, open_class
from rosters.roster import enrollments_of

if TYPE_CHECKING:
    from django.http import HttpResponse

    from tms.pages import SignedIn

CLASSES_ON_A_PAGE = 25


@require_safe
def classes(request: SignedIn) -> HttpResponse:
    """The classes whose roster a person may open."""
    asked = request.GET.get("when", "")
    when = When(asked) if asked in When.values else When.ALL
    text = request.GET.get("q", "").strip()
    rows = found(request.user, when=when, text=text)
    page = Paginator(rows, CLASSES_ON_A_PAGE).get_page(request.GET.get("page"))
    context = {"page": page, "when": when, "choices": When, "q": text}
    return render(request, "rosters/classes.html", context)


@require_safe
def roster(request: SignedIn, pk: int) -> HttpResponse:
    training_class = open_class(request.user, pk)
    context = {
        **frame(training_class, viewer=request.user),
        "enrollments": enrollments_of(training_class, viewer=request.user),
    }
    return render(request, "rosters/roster.html", context)
