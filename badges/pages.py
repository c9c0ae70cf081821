"""What any page that shows an act by hand offers with it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render, resolve_url
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.http import require_http_methods
from django_htmx.http import HttpResponseClientRedirect

from badges.ending import silent_about_reasons
from badges.models import IssuingAct
from badges.results import outcomes_of, told
from badges.undoing import brought_about, foresee_undoing, undo
from tms.access import Action
from tms.errors import DomainError

if TYPE_CHECKING:
    from django.http import QueryDict

    from tms.pages import SignedIn


@require_http_methods(["GET", "HEAD", "POST"])
def undo_act(request: SignedIn, pk: int) -> HttpResponse:
    """The dialog that says what taking an act back comes to, for any page that includes badges/_undo.html.
    A POST does it and returns to that page; where it is refused, the dialog stays as it was filled in."""
    act = get_object_or_404(IssuingAct.objects.for_user(request.user, Action.MANAGE), pk=pk)
    if request.method == "POST":
        return _undo(request, act)
    return _dialog(request, act, given=request.GET)


def _dialog(
    request: SignedIn, act: IssuingAct, *, given: QueryDict, refusal: DomainError | None = None
) -> HttpResponse:
    pairs = told(outcomes_of(act)[:2])
    context = {
        "act": act,
        "only": pairs[0] if len(pairs) == 1 else None,
        "undoing": foresee_undoing(act),
        "silent": silent_about_reasons(brought_about(act)),
        "next": given.get("next", ""),
        "reason": given.get("reason", ""),
        "refusal": refusal,
    }
    return render(request, "badges/_undo_dialog.html", context)


def _undo(request: SignedIn, act: IssuingAct) -> HttpResponse:
    is_in_dialog = request.headers.get("HX-Request") == "true"
    try:
        ended = undo(act, reason=request.POST.get("reason", ""), actor=request.user)
    except DomainError as refusal:
        if is_in_dialog:
            return _dialog(request, act, given=request.POST, refusal=refusal)
        messages.error(request, refusal.message)
    else:
        messages.success(request, ended.sentence)
    back = request.POST.get("next", "")
    is_ours = url_has_allowed_host_and_scheme(back, {request.get_host()}, require_https=request.is_secure())
    page = resolve_url(back if is_ours else "dashboard")
    return HttpResponseClientRedirect(page) if is_in_dialog else redirect(page)
