"""How often a password may be guessed: so often for one account from one place, and for it from all places.

Counted in the cache, which the processes share where it is Redis. While that is away nobody is kept out: a
password that is long enough is what protects an account, and this what keeps guessing slow.
"""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Iterator
from contextlib import suppress
from ipaddress import IPv6Address, ip_address, ip_network
from typing import TYPE_CHECKING, Any

from django import forms
from django.conf import settings
from django.contrib.auth.forms import AuthenticationForm
from django.core.cache import cache
from django.utils.translation import ngettext

from tms.models import normalize_email

if TYPE_CHECKING:
    from django.http import HttpRequest

log = logging.getLogger(__name__)

MINUTES = 15
SECONDS = MINUTES * 60
FROM_ONE_PLACE = 10
FROM_ALL_PLACES = 100


class SignInForm(AuthenticationForm):
    """The stock form, which asks no password of an account that has been guessed at too often."""

    def clean(self) -> dict[str, Any]:
        email = self.cleaned_data.get("username")
        if not (email and self.cleaned_data.get("password") and self.request):
            return super().clean()
        counters = dict(_counters(email, place_of(self.request)))
        if not _count(counters):
            log.warning("Too many wrong passwords from %s", place_of(self.request))
            raise forms.ValidationError(
                ngettext(
                    "Too many wrong passwords. Try again in %(count)d minute.",
                    "Too many wrong passwords. Try again in %(count)d minutes.",
                    MINUTES,
                )
                % {"count": MINUTES},
                code="too_many",
            )
        cleaned = super().clean()
        _forget(counters)
        return cleaned


def place_of(request: HttpRequest) -> str:
    """The visitor's address, or its network where one has many; what the proxy saw, if there is one."""
    written: str = request.META.get("REMOTE_ADDR", "")
    if settings.BEHIND_PROXY:
        # Earlier ones are what the visitor says.
        written = request.headers.get("X-Forwarded-For", written).rpartition(",")[2].strip()
    try:
        address = ip_address(written)
    except ValueError:
        return written
    return str(ip_network((address, 64), strict=False)) if isinstance(address, IPv6Address) else str(address)


def _counters(email: str, place: str) -> Iterator[tuple[str, int]]:
    """Key and limit. The address itself is in no key: a cache is read by more people than a database."""
    account = normalize_email(email)
    for name, most in ((f"{account} {place}", FROM_ONE_PLACE), (account, FROM_ALL_PLACES)):
        yield f"guessed:{hashlib.sha256(name.encode(errors='replace')).hexdigest()}", most


def _count(counters: dict[str, int]) -> bool:
    """Count an attempt before it is made, so that many at once are counted as well; whether it may be."""
    try:
        return all(_counted(key) <= most for key, most in counters.items())
    except Exception:
        log.exception("Attempts to sign in cannot be counted")
        return True


def _counted(key: str) -> int:
    cache.add(key, 0, SECONDS)
    try:
        return int(cache.incr(key))
    except ValueError:  # its time ended in between
        return 1


def _forget(counters: dict[str, int]) -> None:
    """The right password ends the count of its place, and is no guess at the account."""
    ours, of_all = counters
    try:
        cache.delete(ours)
        with suppress(ValueError):  # its time has ended
            cache.decr(of_all)
    except Exception:
        log.exception("Attempts to sign in cannot be counted")
