"""Where an account's API URL may lead, and the addresses that each kind of provider documents.

What the text of an address tells is refused when it is saved. Where its name leads is known only at the
moment of a connection, and is checked at each (providers.connections).
"""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import ip_address
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from django.conf import settings
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from providers.connections import host_port, is_allowed, is_public
from providers.models import BadgeProvider

if TYPE_CHECKING:
    from django.utils.functional import _StrPromise

Kind = BadgeProvider.Kind
# Ends of names that no public server answers for.
LOCAL_ENDS = (".localhost", ".local", ".internal", ".lan", ".home.arpa")


@dataclass(frozen=True, slots=True)
class Address:
    label: _StrPromise
    url: str


# Credly: docs/web_service_api. Accredible: its API reference, which names the EU's and the sandbox beside it.
DOCUMENTED: dict[str, tuple[Address, ...]] = {
    Kind.CREDLY: (
        Address(gettext_lazy("production"), "https://api.credly.com/v1"),
        Address(gettext_lazy("sandbox"), "https://sandbox-api.credly.com/v1"),
    ),
    Kind.ACCREDIBLE: (
        Address(gettext_lazy("production"), "https://api.accredible.com/v1"),
        Address(gettext_lazy("production, EU"), "https://eu.api.accredible.com/v1"),
        Address(gettext_lazy("sandbox"), "https://sandbox.api.accredible.com/v1"),
    ),
}


@dataclass(frozen=True, slots=True)
class Suggestion:
    kind: str
    label: str
    url: str


def suggestions() -> list[Suggestion]:
    """What to offer as an API URL: the documented addresses, and the hosts that the operator named."""
    found = [
        Suggestion(kind, f"{Kind(kind).label}, {address.label}", address.url)
        for kind, addresses in DOCUMENTED.items()
        for address in addresses
    ]
    for place in settings.PROVIDER_ALLOWED_HOSTS:
        found += [
            Suggestion(kind, _("Sandbox of this site"), f"http://{place.lower()}/v1") for kind in DOCUMENTED
        ]
    return found


def problem_of(api_url: str) -> str:
    """Why no request would ever be sent there, in a sentence; empty when nothing speaks against it."""
    try:
        parts = urlsplit(api_url)
        port = parts.port or {"https": 443, "http": 80}[parts.scheme]
    except (ValueError, KeyError):
        return _("This is not a web address.")
    host = (parts.hostname or "").rstrip(".")
    if "@" in parts.netloc:
        return _("The API URL must hold no name or password: the token has a field of its own.")
    if parts.query or parts.fragment:
        return _("The API URL must end before “?” and “#”: paths are added to it.")
    place = host_port(host, port)
    if is_allowed(place) or (parts.scheme == "https" and _may_be_public(host)):
        return ""
    if parts.scheme != "https":
        sentence = _("The API URL must begin with https: %(host)s is not one of PROVIDER_ALLOWED_HOSTS.")
    else:
        sentence = _("%(host)s is not on the public internet and not one of PROVIDER_ALLOWED_HOSTS.")
    return sentence % {"host": place}


def _may_be_public(host: str) -> bool:
    try:
        ip_address(host)
    except ValueError:
        return "." in host and not f".{host}".endswith(LOCAL_ENDS)
    return is_public(host)
