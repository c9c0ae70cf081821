"""What any page that shows an act by hand offers with it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.http import require_http_methods

from badges.ending import silent_about_reasons
from badges.models import IssuingAct
from badges.undoing import brought_about, foresee_undoing, undo
from tms.access import Action
from tms.errors import DomainError

if TYPE_CHECKING:
    from tms.pages import SignedIn


@require_http_methods(["GET", "HEAD", "POST"])
def undo_act(request: SignedIn, pk: int) -> HttpResponse:
    """The dialog that says what taking an act back comes to, for any page that includes badges/_undo.html.
    A POST does it, and returns to that page."""
    act = get_object_or_404(IssuingAct.objects.for_user(request.user, Action.MANAGE), pk=pk)
    if request.method == "POST":
        return _undo(request, act)
    context = {
        "act": act,
        "undoing": foresee_undoing(act),
        "silent": silent_about_reasons(brought_about(act)),
        "next": request.GET.get("next", ""),
    }
    return render(request, "badges/_undo_dialog.html", context)


def _undo(request: SignedIn, act: IssuingAct) -> HttpResponse:
    try:
        ended = undo(act, reason=request.POST.get("reason", ""), actor=request.user)
    except DomainError as refusal:
        messages.error(request, refusal.message)
    else:
        messages.success(request, ended.sentence)
    back = request.POST.get("next", "")
    is_ours = url_has_allowed_host_and_scheme(back, {request.get_host()}, require_https=request.is_secure())
    return redirect(back if is_ours else "dashboard")
