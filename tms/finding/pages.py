"""The Find pages over HTTP: the page itself, its choosers and its saved searches.

An app describes its pages in a module `finds` (FINDS) and gives each an address by `page_of`. Choosers and
saved searches have one address each for all of them.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from django.http import (
    FileResponse,
    Http404,
    HttpResponse,
    HttpResponseBase,
    QueryDict,
    StreamingHttpResponse,
)
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.timezone import localdate
from django.views.decorators.http import require_http_methods, require_POST, require_safe
from django_htmx.http import reswap, retarget, trigger_client_event

from tms.access import may
from tms.contributions import contributed
from tms.errors import DomainError
from tms.finding import saved
from tms.finding.chooser import choose, ids_of
from tms.finding.export import CHUNK, MOST_IN_EXCEL, csv_lines, excel_file
from tms.finding.filters import Chosen
from tms.finding.listing import Question
from tms.finding.search import PAGE_SIZES, FindPage, Search, read
from tms.time_zone import in_readers_zone

if TYPE_CHECKING:
    from django.db.models import QuerySet

    from tms.models import User
    from tms.pages import SignedIn

SHOWN_EVERYWHERE = 5
# A print is read by people.
MOST_IN_PRINT = 1_000
EXCEL = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"


def page_of(page: FindPage) -> Callable[[SignedIn], HttpResponseBase]:
    """The view of a Find page."""

    @require_safe
    def view(request: SignedIn) -> HttpResponseBase:
        _open(page, request.user)
        given = request.GET
        if not given:
            default = saved.searches_of(request.user, page.name).filter(is_default=True).first()
            if default:
                return redirect(f"{request.path}?{default.query}")
            given = QueryDict(page.preset)
        search = read(page, given, viewer=request.user)
        form = given.get("format")
        if form == "csv":
            return _csv(search)
        if form == "xlsx" and search.found.count <= MOST_IN_EXCEL:
            return _excel(search)
        if form == "print":
            return _print(request, search)
        context = _context(request, search, is_too_much=form == "xlsx")
        response = render(request, "finding/page.html", context)
        if request.headers.get("HX-Request") == "true":
            response["HX-Push-Url"] = f"{request.path}?{search.query.urlencode()}"
        return response

    return view


@require_http_methods(["GET", "HEAD", "POST"])
def choose_for_filter(request: SignedIn, page: str, name: str) -> HttpResponse:
    """The dialog of a filter. What is chosen in it takes the place of what the filter's row showed."""
    found = _page_named(page, request.user)
    each = found.filter(name)
    if not isinstance(each, Chosen):
        raise Http404
    answer = choose(request, each.chooser(request.user), chosen=ids_of(request.GET.getlist(name)))
    if isinstance(answer, HttpResponse):
        return answer
    given = QueryDict(mutable=True)
    given.setlist(name, [str(pk) for pk in answer.chosen] or [""])
    asked = each.read(given, viewer=request.user)
    response = render(request, "finding/filters/_chosen.html", {"asked": asked})
    response = reswap(retarget(response, f"#filter-{name}-chosen"), "innerHTML")
    return trigger_client_event(response, "close-dialog", after="swap")


@require_http_methods(["GET", "HEAD", "POST"])
def saved_searches(request: SignedIn, page: str) -> HttpResponse:
    """The dialog **Open**: the searches that are kept; POST makes one the default or removes it."""
    found = _page_named(page, request.user)
    if request.method == "POST":
        for pk in ids_of(request.POST.getlist("remove")):
            saved.remove_search(request.user, page=page, pk=pk)
        if "default" in request.POST:
            wanted = ids_of(request.POST.getlist("default"))
            saved.make_default(request.user, page=page, pk=wanted[0] if wanted else None)
    context = {
        "page": found,
        "searches": saved.searches_of(request.user, page),
        "url": reverse(found.url_name),
    }
    return render(request, "finding/_open.html", context)


@require_POST
def save_search(request: SignedIn, page: str) -> HttpResponse:
    """Keep the search of the page, as the dialog **Save** was filled in."""
    found = _page_named(page, request.user)
    given = request.POST
    search = read(found, QueryDict(given.get("query", "")), viewer=request.user)
    context: dict[str, Any] = {"page": found, "query": search.query.urlencode(), "given": given}
    try:
        kept = saved.save_search(
            request.user,
            page=page,
            name=given.get("name", ""),
            query=search.query.urlencode(),
            is_default="is_default" in given,
            overwrite="overwrite" in given,
        )
    except DomainError as error:
        context |= {"problem": error.message, "exists": error.code == saved.EXISTS}
        return render(request, "finding/_save.html", context)
    return render(request, "finding/_save.html", context | {"kept": kept})


@require_safe
def search_everywhere(request: SignedIn) -> HttpResponse:
    """The first of what each Find page has for some words; the rest is on those pages."""
    pages = [page for page in contributed("finds") if may(request.user, page.action)]
    if not pages:
        raise Http404
    words = Question.of({"search": request.GET.get("q", "")}).search
    hits = []
    if words:
        asked = QueryDict(mutable=True)
        asked.update({"search": words, "asked": "1"})
        for page in pages:
            search = read(page, asked, viewer=request.user)
            lines = search.found.first(SHOWN_EVERYWHERE + 1) if page.is_everywhere else []
            if lines:
                hits.append(
                    {
                        "page": page,
                        "url": f"{reverse(page.url_name)}?{asked.urlencode()}",
                        "lines": lines[:SHOWN_EVERYWHERE],
                        "has_more": len(lines) > SHOWN_EVERYWHERE,
                    }
                )
    return render(request, "finding/everywhere.html", {"q": words, "hits": hits})


def chosen_rows(request: SignedIn, page: FindPage) -> QuerySet[Any]:
    """The rows that a form of a Find page is about: those ticked or, with `all`, all that are found."""
    if "all" in request.POST:
        found = read(page, QueryDict(request.POST.get("query", "")), viewer=request.user).found.rows
        return found.order_by()
    return page.rows(request.user).filter(pk__in=ids_of(request.POST.getlist("chosen")))


def export_chosen(request: SignedIn, page: FindPage, *, form: str) -> HttpResponseBase:
    """The same rows as a file (csv, xlsx), with the columns and in the order of the search around them."""
    given = QueryDict(request.POST.get("query", ""))
    search = read(page, given, viewer=request.user)
    if "all" not in request.POST:
        ticked = page.rows(request.user).filter(pk__in=ids_of(request.POST.getlist("chosen")))
        search = replace(search, asked=(), page=replace(page, rows=lambda viewer: ticked))
    if form == "xlsx" and search.found.count <= MOST_IN_EXCEL:
        return _excel(search)
    return _csv(search)


def _open(page: FindPage, viewer: User) -> None:
    if not may(viewer, page.action):
        raise Http404


def _page_named(name: str, viewer: User) -> FindPage:
    page: FindPage | None = next((each for each in contributed("finds") if each.name == name), None)
    if page is None:
        raise Http404
    _open(page, viewer)
    return page


def _context(request: SignedIn, search: Search, *, is_too_much: bool) -> dict[str, Any]:
    return {
        "page": search.page,
        "search": search,
        "found": search.found,
        "added": request.GET.getlist("add"),
        "sizes": PAGE_SIZES,
        "query": search.query.urlencode(),
        "is_too_much": is_too_much,
        "most_in_excel": MOST_IN_EXCEL,
    }


def _print(request: SignedIn, search: Search) -> HttpResponse:
    question = replace(search.question, page="1")
    sheet = replace(search, size=MOST_IN_PRINT, question=question)
    context = {"page": sheet.page, "search": sheet, "found": sheet.found, "most": MOST_IN_PRINT}
    return render(request, "finding/print.html", context)


def _csv(search: Search) -> HttpResponseBase:
    rows = search.found.rows.iterator(chunk_size=CHUNK)
    lines = in_readers_zone(csv_lines(search.columns, rows))
    headers = {"Content-Disposition": f'attachment; filename="{_file_name(search)}.csv"'}
    return StreamingHttpResponse(lines, content_type="text/csv; charset=utf-8", headers=headers)


def _excel(search: Search) -> HttpResponseBase:
    rows = search.found.rows.iterator(chunk_size=CHUNK)
    file = excel_file(str(search.page.title), search.columns, rows)
    return FileResponse(file, as_attachment=True, filename=f"{_file_name(search)}.xlsx", content_type=EXCEL)


def _file_name(search: Search) -> str:
    return f"{search.page.name}-{localdate().isoformat()}"
