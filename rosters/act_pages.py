"""One act by hand on a class: what has become of it by now, and taking it back as a whole."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.contrib import messages
from django.http import Http404, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.cache import patch_vary_headers
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from badges.undoing import undo
from rosters.acts import acts_on_roster, watch
from rosters.frame import frame, open_class
from tms.access import Action
from tms.errors import DomainError, NotFound
from tms.models import Class

if TYPE_CHECKING:
    from tms.pages import SignedIn


@require_safe
def issuing_act(request: SignedIn, pk: int, act_pk: int) -> HttpResponse:
    """The page that watches an act, and can be left and come back to."""
    training_class = open_class(request.user, pk)
    act = get_object_or_404(acts_on_roster(training_class, viewer=request.user), pk=act_pk)
    watched = watch(act, training_class, viewer=request.user, asked=request.GET)
    context: dict[str, Any] = {"training_class": training_class, "act": act, "watched": watched}
    context["may_edit"] = Class.objects.for_user(request.user, Action.MANAGE).filter(pk=pk).exists()
    if request.headers.get("HX-Request") != "true":
        around = frame(training_class, viewer=request.user)
        response = render(request, "rosters/issuing_act.html", {**around, **context})
    elif request.GET.get("seen") == watched.fingerprint:
        response = HttpResponse(status=204)  # nothing new: htmx leaves the page as it is and asks again
    else:
        context["is_news"] = request.GET.get("said") != str(watched.quarters) or not watched.is_moving
        response = render(request, "rosters/_act_results.html", context)
    patch_vary_headers(response, ["HX-Request"])
    return response


@require_POST
def undo_act(request: SignedIn, pk: int, act_pk: int) -> HttpResponse:
    """Take back all that the act brought about. Only who administers the class may."""
    training_class = open_class(request.user, pk)
    act = get_object_or_404(acts_on_roster(training_class, viewer=request.user), pk=act_pk)
    try:
        undo(act, actor=request.user, reason=request.POST.get("reason", ""))
    except NotFound as problem:
        raise Http404 from problem
    except DomainError as problem:
        messages.error(request, problem.message)
    else:
        messages.success(request, _("Undone: what was not sent yet is cancelled, the rest is being revoked."))
    return redirect("issuing-act", pk, act_pk)
