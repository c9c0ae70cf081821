"""Everything that is sent is read as UTF-8, as JSON and the forms of the pages are.

A header may claim another charset, and Django would read with any codec that Python knows, also with those
that are none of text: whoever names one would be answered 500.
"""

from __future__ import annotations

from collections.abc import Callable

from django.conf import settings
from django.http import HttpRequest, HttpResponse


class CharsetMiddleware:
    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        request.encoding = settings.DEFAULT_CHARSET
        return self.get_response(request)
