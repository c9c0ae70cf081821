"""One act by hand on a class: what has become of it by now."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.http import HttpResponse
from django.shortcuts import get_object_or_404, render
from django.utils.cache import patch_vary_headers
from django.views.decorators.http import require_safe

from badges.undoing import undoable
from rosters.acts import Watched, acts_on_roster
from rosters.frame import frame, open_class
from tms.access import Action
from tms.models import Class

if TYPE_CHECKING:
    from tms.pages import SignedIn


@require_safe
def issuing_act(request: SignedIn, pk: int, act_pk: int) -> HttpResponse:
    """The page that watches an act, and can be left and come back to."""
    training_class = open_class(request.user, pk)
    act = get_object_or_404(acts_on_roster(training_class, viewer=request.user), pk=act_pk)
    watched = Watched(act=act, training_class=training_class, viewer=request.user, asked=request.GET)
    is_part = request.headers.get("HX-Request") == "true"
    if is_part and request.GET.get("seen") == watched.fingerprint:
        response = HttpResponse(status=204)  # nothing new: htmx leaves the page as it is and asks again
    elif is_part:
        is_news = request.GET.get("said") != str(watched.quarters) or not watched.is_moving
        context = {**_shown(watched), "is_news": is_news}
        response = render(request, "rosters/_act_results.html", context)
    else:
        around = frame(training_class, viewer=request.user)
        may_undo = act.pk in undoable([act], user=request.user)
        context = {**around, **_shown(watched), "may_undo": may_undo}
        response = render(request, "rosters/issuing_act.html", context)
    patch_vary_headers(response, ["HX-Request"])
    return response


def _shown(watched: Watched) -> dict[str, Any]:
    training_class = watched.training_class
    administered = Class.objects.for_user(watched.viewer, Action.MANAGE).filter(pk=training_class.pk)
    return {
        "training_class": training_class,
        "act": watched.act,
        "watched": watched,
        "may_edit": administered.exists(),
    }
