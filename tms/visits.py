"""The first page that somebody opens on a local day is a session (tms.sessions)."""

from __future__ import annotations

from collections.abc import Callable

from django.http import HttpRequest, HttpResponse
from django.utils import timezone

from tms import progress

# In the browser's session: the last day that was noted, so that the day's other pages cost no query.
NOTED = "visit_noted"


class VisitMiddleware:
    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if request.user.is_authenticated:
            today = timezone.localdate(timezone=request.user.zone).isoformat()
            if request.session.get(NOTED) != today:
                progress.visit(request.user)
                request.session[NOTED] = today
        return self.get_response(request)
