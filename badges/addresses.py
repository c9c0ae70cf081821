"""Where lists of badges and of issued badges are found, narrowed to what a page is about."""

from __future__ import annotations

from datetime import date

from django.urls import reverse
from django.utils.http import urlencode


def issued_badges(**asked: str | int) -> str:
    """Find Issued Badges, with the parameters of its filters."""
    return f"{reverse('find-issued-badges')}?{urlencode(asked)}"


def badges(**asked: str | int) -> str:
    """Find Badges, with the parameters of its filters."""
    return f"{reverse('find-badges')}?{urlencode(asked)}"


def issued_between(*, first: date, last: date, **asked: str | int) -> str:
    """Find Issued Badges: those issued on these days of the reader, both included."""
    days = {"issued": "between", "issued-from": first.isoformat(), "issued-to": last.isoformat()}
    return issued_badges(**days, **asked)
