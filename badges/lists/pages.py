"""Pages of a list: paste or upload it, correct its columns, see every row judged, confirm, watch."""

from __future__ import annotations

from dataclasses import astuple
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import Http404, HttpResponse, StreamingHttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.utils.cache import patch_vary_headers
from django.utils.text import slugify
from django.views.decorators.http import require_http_methods, require_safe

from badges.lists.acting import change, checked, fingerprint, issue_list, keep, lists_of, result_file
from badges.lists.forms import Columns, Start
from badges.lists.reading import EXAMPLE, read
from badges.results import failing, outcomes_of, succeeding, tallies, tally, told
from badges.undoing import undoable
from tms.access import Action, may
from tms.errors import DomainError
from tms.models import User
from tms.time_zone import in_readers_zone

if TYPE_CHECKING:
    from badges.lists.checking import Checked
    from badges.models import IssuingAct, IssuingList
    from badges.results import Tally
    from tms.pages import SignedIn

ON_A_PAGE = 25
RECENT = 10
# Of failures and of rows that were not used; all are in the result file.
MOST_TOLD = 100
WHILE_SENDING, WHILE_WAITING = 2, 15  # seconds
PATIENCE = timedelta(minutes=3)


def _may_issue(user: User) -> None:
    """Whoever issues from no list is told of none."""
    if not may(user, Action.ISSUE):
        raise Http404


@require_http_methods(["GET", "HEAD", "POST"])
def start(request: SignedIn) -> HttpResponse:
    """Where a list begins, and where earlier ones are found. A POST keeps it and goes on to its check."""
    _may_issue(request.user)
    form = Start(request.POST or None, request.FILES or None, user=request.user)
    if request.method == "POST" and form.is_valid():
        file = form.cleaned_data["file"]
        try:
            kept = keep(
                form.cleaned_data["text"],
                actor=request.user,
                file_name=file.name if file else "",
                **form.given(),
            )
        except DomainError as refusal:
            form.add_error("text", refusal.message)
        else:
            return redirect("issuing-list", kept.pk)
    recent = list(lists_of(request.user)[:RECENT])
    counted = tallies([kept.act for kept in recent if kept.act])
    rows = [(kept, counted.get(kept.act_id) if kept.act_id else None) for kept in recent]
    context = {"form": form, "recent": rows, "example": EXAMPLE}
    return render(request, "badges/lists/start.html", context)


@require_http_methods(["GET", "HEAD", "POST"])
def one_list(request: SignedIn, pk: int) -> HttpResponse:
    """A list: its check until it is confirmed, then what has become of it. A POST changes or confirms it."""
    _may_issue(request.user)
    if request.method == "POST":
        return _changed(request, get_object_or_404(lists_of(request.user).filter(actor=request.user), pk=pk))
    kept = get_object_or_404(lists_of(request.user), pk=pk)
    return _result(request, kept, kept.act) if kept.act else _check(request, kept)


def _changed(request: SignedIn, kept: IssuingList) -> HttpResponse:
    if kept.act is None and request.POST.get("do") == "issue":
        try:
            issue_list(kept, actor=request.user, seen=request.POST.get("seen", ""))
        except DomainError as refusal:
            messages.error(request, refusal.message)
    elif kept.act is None:
        form = Columns(request.POST, names=read(kept.text).names, user=request.user)
        if not form.is_valid():
            return _check(request, kept, form=form)
        change(kept, mapping=form.mapping(), **form.given())
    return redirect("issuing-list", kept.pk)


def _check(request: SignedIn, kept: IssuingList, *, form: Columns | None = None) -> HttpResponse:
    table = read(kept.text)
    asked = {"badge": kept.badge_id, "issued_at": kept.issued_at, "note": kept.note}
    form = form or Columns(
        initial={**asked, **Columns.as_kept(kept.mapping)}, names=table.names, user=request.user
    )
    rows: Checked | None = None
    context: dict[str, Any] = {"list": kept, "form": form, "table": table, "seen": fingerprint(kept)}
    try:
        rows = checked(kept, actor=request.user)
    except DomainError as refusal:
        context["refusal"] = refusal.message
    if rows is not None:
        shows_ready = request.GET.get("show", "" if rows.problems else "ready") == "ready"
        lines = rows.ready if shows_ready else rows.problems
        page = Paginator(lines, ON_A_PAGE).get_page(request.GET.get("page"))
        context |= {"rows": rows, "page": page, "shows_ready": shows_ready}
    return render(request, "badges/lists/check.html", context)


def _result(request: SignedIn, kept: IssuingList, act: IssuingAct) -> HttpResponse:
    counts = tally(act)
    interval = _interval(act, counts)
    seen = ".".join(map(str, (*astuple(counts), interval)))
    is_part = request.headers.get("HX-Request") == "true"
    if is_part and request.GET.get("seen") == seen:
        response = HttpResponse(status=204)  # nothing new: htmx leaves the page as it is and asks again
    else:
        outcomes = outcomes_of(act)
        failed = failing(outcomes)
        issued = Paginator(succeeding(outcomes), ON_A_PAGE).get_page(request.GET.get("page"))
        context = {
            "list": kept,
            "act": act,
            "counts": counts,
            "seen": seen,
            "interval": interval,
            "failures": told(failed[:MOST_TOLD]),
            "more_failures": max(counts.failures - MOST_TOLD, 0),
            "page": issued,
            "successes": told(issued.object_list),
            "unused": kept.refusals[:MOST_TOLD],
            "more_unused": max(len(kept.refusals) - MOST_TOLD, 0),
            "may_undo": act.pk in undoable([act], user=request.user),
            "is_part": is_part,
        }
        response = render(request, f"badges/lists/{'_result' if is_part else 'result'}.html", context)
    patch_vary_headers(response, ["HX-Request"])
    return response


def _interval(act: IssuingAct, counts: Tally) -> int:
    """Seconds until the page asks again: many where what is left is held, or the page has waited for long."""
    is_still = counts.under_way == counts.held and not counts.revoking
    asked_at = act.undone_at or act.created_at
    is_waiting = is_still or timezone.now() - asked_at > PATIENCE
    return WHILE_WAITING if is_waiting else WHILE_SENDING


@require_safe
def download(request: SignedIn, pk: int) -> StreamingHttpResponse:
    """Every row with what became of it, for a spreadsheet."""
    _may_issue(request.user)
    with_text = lists_of(request.user).filter(act__isnull=False).exclude(text="")
    kept = get_object_or_404(with_text, pk=pk)
    name = slugify(kept.file_name.rpartition(".")[0]) or f"list-{kept.pk}"
    return StreamingHttpResponse(
        in_readers_zone(result_file(kept)),
        content_type="text/csv; charset=utf-8",
        headers={"Content-Disposition": f'attachment; filename="{name}-result.csv"'},
    )
