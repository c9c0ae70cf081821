"""The instructor's pages, the classes one teaches and their rosters; and course assignments."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpResponse, StreamingHttpResponse
from django.shortcuts import redirect, render
from django.utils.cache import patch_vary_headers
from django.utils.text import slugify
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_http_methods, require_safe

from rosters import export, saving
from rosters.assignment import open_assignment
from rosters.classes import When, found
from rosters.frame import frame, open_class
from rosters.held import watched
from rosters.roster import enrollments_of, sees_colleagues_alone
from rosters.saving import Saved
from rosters.table import (
    COLUMNS,
    COMPLETION_FILTERS,
    ENROLLMENT_FILTERS,
    Asked,
    Table,
    choose_columns,
    counters,
    usual_columns,
)
from tms.finding.chooser import ids_of
from tms.models import Class, Enrollment
from tms.time_zone import in_readers_zone

if TYPE_CHECKING:
    from django.http.response import HttpResponseBase

    from tms.pages import SignedIn

CLASSES_ON_A_PAGE = 25
CHOSEN_COLUMNS = "roster_columns"
MOST_WATCHED = 100


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


@require_http_methods(["GET", "HEAD", "POST"])
def roster(request: SignedIn, pk: int) -> HttpResponse:
    """The students of a class. A POST says what became of some of them."""
    training_class = open_class(request.user, pk)
    if request.method != "POST":
        return _roster(request, training_class, saved=Saved())
    decided = saving.read(request.POST)
    saved = saving.save(training_class, decided, actor=request.user)
    if saved.count:
        text = ngettext(
            "%(count)d completion status was saved.", "%(count)d completion statuses were saved.", saved.count
        )
        messages.success(request, text % {"count": saved.count})
    if saved.refused:
        return _roster(request, training_class, saved=saved)
    return redirect(request.get_full_path())


def _roster(request: SignedIn, training_class: Class, *, saved: Saved) -> HttpResponse:
    table = _table(request, training_class)
    context: dict[str, Any] = {
        **frame(training_class, viewer=request.user),
        "table": table,
        "counters": counters(training_class, viewer=request.user),
        "colleagues_alone": sees_colleagues_alone(training_class, viewer=request.user),
        "viewer": request.user,
        "saved": saved,
        "edits": [
            (row, saved.refused.get(row.enrollment.pk), saved.chosen.get(row.enrollment.pk))
            for row in table.rows
        ],
        "columns": COLUMNS,
        "enrollment_filters": ENROLLMENT_FILTERS,
        "completion_filters": COMPLETION_FILTERS,
        "completions": Enrollment.Completion.choices,
    }
    return render(request, "rosters/roster.html", context)


def _table(request: SignedIn, training_class: Class) -> Table:
    chosen = choose_columns(request.GET, request.session.get(CHOSEN_COLUMNS))
    if "columns_chosen" in request.GET:
        request.session[CHOSEN_COLUMNS] = chosen
    return Table(
        training_class=training_class,
        viewer=request.user,
        asked=Asked.of(request.GET),
        columns=usual_columns(training_class, viewer=request.user) if chosen is None else chosen,
    )


@require_safe
def roster_export(request: SignedIn, pk: int) -> HttpResponseBase:
    """The rows and columns that the page shows, of all its pages."""
    training_class = open_class(request.user, pk)
    table = _table(request, training_class)
    name = f"{slugify(training_class.name) or training_class.pk}-{slugify(_('Roster'))}.csv"
    return StreamingHttpResponse(
        in_readers_zone(export.lines(table)),
        content_type="text/csv; charset=utf-8",
        headers={"Content-Disposition": f'attachment; filename="{name}"'},
    )


@require_safe
def roster_badges_now(request: SignedIn, pk: int) -> HttpResponse:
    """What the badges of the rows that a page shows have become; nothing when that is as it was."""
    training_class = open_class(request.user, pk)
    wanted = ids_of(request.GET.get("rows", "").split(","))[:MOST_WATCHED]
    enrollments = enrollments_of(training_class, viewer=request.user).filter(pk__in=wanted)
    live = watched(enrollments, training_class=training_class, viewer=request.user)
    if live.is_moving and live.fingerprint == request.GET.get("seen"):
        return HttpResponse(status=204)  # nothing new: htmx leaves the page as it is and asks again
    return render(request, "rosters/_live_news.html", {"url": request.path, "live": live})


@require_safe
def course_assignment(request: SignedIn, pk: int) -> HttpResponse:
    """A learner's own, or as administrators see it. While a badge is under way, a part of it asks again."""
    shown = open_assignment(request.user, pk)
    context = {"shown": shown, "assignment": shown.assignment, "learner": shown.learner}
    if request.headers.get("HX-Request") != "true":
        response = render(request, "rosters/assignment.html", context)
    elif shown.live.is_moving and request.GET.get("seen") == shown.live.fingerprint:
        response = HttpResponse(status=204)  # nothing new: htmx leaves the page as it is and asks again
    else:
        response = render(request, "rosters/_assignment_badges.html", context)
    patch_vary_headers(response, ["HX-Request"])
    return response
