"""Pages speak the reader's own language, and messages that of whoever gets them.

Signed in, it is the one that the account names (`User.language`); without any, and for strangers, the one
that was chosen in this browser, below any page, or that it asks for (Django's LocaleMiddleware).
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.utils import translation

if TYPE_CHECKING:
    from tms.models import User


def choices() -> list[tuple[str, str]]:
    """The languages there are, each by its own name for itself."""
    return list(settings.LANGUAGES)


def language_of(user: User) -> str:
    """The one to write to this person in; a language that is no longer offered counts for none."""
    return _chosen(user) or settings.LANGUAGE_CODE


def speaking_to(user: User) -> AbstractContextManager[object]:
    """Texts that are made inside are in the language of this person."""
    return translation.override(language_of(user))


def _chosen(user: User) -> str:
    return user.language if user.language in dict(settings.LANGUAGES) else ""


class LanguageMiddleware:
    """Comes after the one that knows who is signed in."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        language = _chosen(request.user) if request.user.is_authenticated else ""
        if not language:
            return self.get_response(request)
        with translation.override(language):
            request.LANGUAGE_CODE = language
            response = self.get_response(request)
        response.headers.setdefault("Content-Language", language)
        return response
