"""The page of one issued badge, what is done to it there, and what is done to many on Find Issued Badges."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.contrib import messages
from django.http import Http404, HttpResponse, HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_POST, require_safe
from django_htmx.http import HttpResponseClientRedirect

from badges.ending import require_reason
from badges.finds import ISSUED_PAGE
from badges.issued import many
from badges.issued.record import Record
from badges.issued.verbs import VERBS
from badges.models import IssuedBadge
from tms.access import Action, may
from tms.errors import DomainError, NotFound
from tms.finding.chooser import ids_of
from tms.finding.pages import chosen_rows, export_chosen

if TYPE_CHECKING:
    from django.db.models import QuerySet

    from badges.issued.verbs import Verb
    from tms.models import User
    from tms.pages import SignedIn

FORMS = ("csv", "xlsx")


def _rows(viewer: User, action: Action) -> QuerySet[IssuedBadge]:
    rows = IssuedBadge.objects.for_user(viewer, action).select_related(
        "badge__badge_provider",
        "badge__organization",
        "learner__organization",
        "issued_by",
        "replaces__badge",
        "replaces__learner",
        "revoke_asked_by",
        "presentation",
    )
    return rows.defer(
        "badge__template_data", "badge__badge_provider__token", "badge__badge_provider__webhook_secret"
    )


@require_safe
def issued_badge(request: SignedIn, pk: int) -> HttpResponse:
    """While it is under way the page asks again for its own middle."""
    row = get_object_or_404(_rows(request.user, Action.SEE), pk=pk)
    record = Record(row=row, viewer=request.user)
    if request.GET.get("seen") == record.fingerprint:
        return HttpResponse(status=204)  # nothing new: htmx leaves the page as it is and asks again
    return render(request, "badges/issued/record.html", {"record": record, "row": row})


@require_http_methods(["GET", "HEAD", "POST"])
def act_on_issued_badge(request: SignedIn, pk: int, verb: str) -> HttpResponse:
    """The dialog that says what it comes to; a POST does it, and shows the dialog again if it is refused."""
    row = get_object_or_404(_rows(request.user, Action.MANAGE), pk=pk)
    if verb not in VERBS:
        raise Http404
    chosen = VERBS[verb]
    if request.method == "POST":
        return _act(request, row, chosen)
    return _dialog(request, chosen, row=row)


def _act(request: SignedIn, row: IssuedBadge, verb: Verb) -> HttpResponse:
    reason = request.POST.get("reason", "")
    try:
        if verb.asks_reason:
            require_reason(reason)
        verb.one(row, reason.strip(), request.user)
    except NotFound:
        raise Http404 from None
    except DomainError as refusal:
        if verb.asks_reason and request.headers.get("HX-Request") == "true":
            return _dialog(request, verb, row=row, problem=refusal.message)
        messages.error(request, refusal.message)
    else:
        messages.success(request, str(verb.done))
    return _go(request, reverse("issued-badge", args=[row.pk]))


def _go(request: SignedIn, url: str) -> HttpResponse:
    if request.headers.get("HX-Request") == "true":
        return HttpResponseClientRedirect(url)
    return redirect(url)


def _dialog(request: SignedIn, verb: Verb, **more: Any) -> HttpResponse:
    """As a dialog; without script, on a page of its own."""
    is_part = request.headers.get("HX-Request") == "true"
    template = "badges/issued/_act.html" if is_part else "badges/issued/act.html"
    return render(request, template, {"verb": verb, "given": request.POST, **more})


@require_POST
def act_on_issued_badges(request: SignedIn) -> HttpResponseBase:
    """Something for the badges that a form of Find Issued Badges is about (tms.finding.pages.chosen_rows):
    a file of them, or a verb. That asks first where it is final or about more than what was ticked."""
    if not may(request.user, ISSUED_PAGE.action):
        raise Http404
    act = request.POST.get("act", "")
    back = f"{reverse(ISSUED_PAGE.url_name)}?{request.POST.get('query', '')}"
    if act in FORMS:
        return export_chosen(request, ISSUED_PAGE, form=act)
    if not act:
        return _go(request, back)
    verb = VERBS.get(act)
    if verb is None or verb.many is None or not may(request.user, Action.MANAGE):
        raise Http404
    rows = IssuedBadge.objects.for_user(request.user, Action.SEE).filter(
        pk__in=chosen_rows(request, ISSUED_PAGE).values("pk")
    )
    # What a search finds is what it found when it was asked about, and nothing that came later.
    until = ids_of([request.POST.get("until", "")]) or list(
        rows.order_by("-pk").values_list("pk", flat=True)[:1]
    )
    rows = rows.filter(pk__lte=until[0] if until else 0)
    foreseen = many.foresee(verb, rows, actor=request.user)
    if not foreseen.chosen:
        messages.warning(request, many.nothing())
        return _go(request, back)
    problem = ""
    if "confirm" in request.POST or not (verb.asks_reason or "all" in request.POST):
        try:
            result = many.act(verb, rows, reason=request.POST.get("reason", ""), actor=request.user)
        except DomainError as refusal:
            problem = refusal.message
        else:
            _tell(request, result)
            return _go(request, back)
    more = {
        "foreseen": foreseen,
        "chosen": ids_of(request.POST.getlist("chosen")),
        "until": until,
        "problem": problem,
        "back": back,
    }
    return _dialog(request, verb, **more)


def _tell(request: SignedIn, result: many.Result) -> None:
    if result.count:
        messages.success(request, result.sentence)
    for sentence in result.left:
        messages.warning(request, sentence)
