"""Pages show times in the reader's own zone."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import tzinfo
from zoneinfo import available_timezones

from django.http import HttpRequest, HttpResponse
from django.utils import timezone


class LocalTimeMiddleware:
    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if not request.user.is_authenticated:
            return self.get_response(request)
        with timezone.override(request.user.zone):
            return self.get_response(request)


def in_readers_zone(lines: Iterator[str]) -> Iterator[str]:
    """The same lines, for a file that is sent while it is made: that goes on when the middleware is left."""
    return _made_in(timezone.get_current_timezone(), lines)


def _made_in(zone: tzinfo, lines: Iterator[str]) -> Iterator[str]:
    while True:
        with timezone.override(zone):
            line = next(lines, None)
        if line is None:
            return
        yield line


def choices(*, empty: str = "") -> list[tuple[str, str]]:
    """Every zone for a list to choose from; `empty` is what none is called, where that may be chosen."""
    return [*([("", empty)] if empty else []), *((name, name) for name in sorted(available_timezones()))]
