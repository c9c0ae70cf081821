"""The page of a transcript: a learner's own, and the same for those who administer her."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.http import HttpResponse
from django.shortcuts import render
from django.utils.cache import patch_vary_headers
from django.views.decorators.http import require_safe

from rosters.transcript import ON_A_PAGE, PARTS, open_transcript

if TYPE_CHECKING:
    from tms.pages import SignedIn

MOST_WATCHED = len(PARTS) * ON_A_PAGE + 1


@require_safe
def transcript(request: SignedIn, pk: int) -> HttpResponse:
    """While a badge is under way, its rows are asked for again."""
    shown = open_transcript(request.user, pk, asked=request.GET)
    if request.headers.get("HX-Request") != "true":
        response = render(request, "rosters/transcript.html", {"shown": shown, "learner": shown.learner})
    else:
        live = shown.live_of(request.GET.get("rows", "").split(",")[:MOST_WATCHED])
        if live.is_moving and request.GET.get("seen") == live.fingerprint:
            response = HttpResponse(status=204)  # nothing new: htmx leaves the page as it is and asks again
        else:
            response = render(request, "rosters/_live_news.html", {"url": request.path, "live": live})
    patch_vary_headers(response, ["HX-Request"])
    return response
