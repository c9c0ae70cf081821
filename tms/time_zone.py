"""Pages show times in the reader's own zone."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import tzinfo
from typing import Any
from zoneinfo import available_timezones

from django import forms
from django.forms.utils import flatatt
from django.http import HttpRequest, HttpResponse
from django.utils import timezone, translation
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString, mark_safe


class LocalTimeMiddleware:
    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if not request.user.is_authenticated:
            return self.get_response(request)
        with timezone.override(request.user.zone):
            return self.get_response(request)


def in_readers_zone(lines: Iterator[str]) -> Iterator[str]:
    """The same lines, for a file that is sent while it is made: that goes on when the middleware is left.
    They are in the reader's language, too (tms.language)."""
    return _made_in(timezone.get_current_timezone(), translation.get_language(), lines)


def _made_in(zone: tzinfo, language: str | None, lines: Iterator[str]) -> Iterator[str]:
    while True:
        with timezone.override(zone), translation.override(language):
            line = next(lines, None)
        if line is None:
            return
        yield line


def choices(*, empty: str = "") -> list[tuple[str, str]]:
    """Every zone for a list to choose from; `empty` is what none is called, where that may be chosen."""
    return [*([("", empty)] if empty else []), *((name, name) for name in sorted(available_timezones()))]


class ZoneSelect(forms.Select):
    """Written in one go: six hundred options take the templates of a form half of a page's time."""

    def __init__(self, *, empty: str = "") -> None:
        super().__init__(choices=choices(empty=empty))

    def render(self, name: str, value: Any, attrs: Any = None, renderer: Any = None) -> SafeString:
        attributes = self.build_attrs(self.attrs, {"name": name, **(attrs or {})})
        chosen = str(value or "")
        options = format_html_join(
            "",
            '<option value="{}"{}>{}</option>',
            ((zone, _SELECTED if zone == chosen else "", label) for zone, label in self.choices),
        )
        return format_html("<select{}>{}</select>", flatatt(attributes), options)


_SELECTED = mark_safe(" selected")
