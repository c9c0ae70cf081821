"""Where providers post what happened. Anybody can send anything here, so little is done and nothing believed.

The secret in the address is looked up before the body is read, and what is stored is only a hint: it is read
back from the provider before anything follows from it (next: badges.provider_events).
"""

from __future__ import annotations

import json
import logging
from typing import TYPE_CHECKING, Any, NoReturn

from django.contrib.auth.decorators import login_not_required
from django.http import Http404, HttpResponse, HttpResponseNotAllowed, JsonResponse
from django.http.request import UnreadablePostError
from django.utils.translation import gettext as _
from django.views.decorators.csrf import csrf_exempt

from badges import provider_events
from badges.provider_events import KIND_LENGTH
from badges.reflection import ID_LENGTH
from providers import http
from providers.credly import DIALECT
from providers.models import BadgeProvider
from providers.reading import moment, plausible, storable, text
from tms.errors import DomainError

if TYPE_CHECKING:
    from django.http import HttpRequest

log = logging.getLogger(__name__)

# An event of Credly's names what happened in some hundred bytes.
BODY_BYTES = 64 * 1024


class Unreadable(DomainError):
    """What was posted is no event."""


class TooLong(DomainError):
    http_status = 413


@csrf_exempt
@login_not_required
def credly(request: HttpRequest, secret: str) -> HttpResponse:
    """Exactly 200 for every event of an account, known or repeated or not: anything else is sent again for
    weeks (Credly's documentation)."""
    if request.method != "POST":
        return _unlogged(HttpResponseNotAllowed(["POST"]))
    try:
        return _received(request, secret)
    except Http404:
        raise
    except Exception:
        log.exception("An event that was posted cannot be stored; it is sent again")
        return _unlogged(HttpResponse(status=503))


def _received(request: HttpRequest, secret: str) -> HttpResponse:
    provider = provider_events.account_of(BadgeProvider.Kind.CREDLY, secret)
    if provider is None:
        raise Http404
    try:
        event = _read(request)
    except DomainError as error:
        log.warning("%s was told no event: %s", provider, error.message)
        told = {"code": error.code, "message": error.message}
        return _unlogged(JsonResponse(told, status=error.http_status))
    told = storable(http.redact(event, account=provider.account, dialect=DIALECT))
    provider_events.receive(
        provider,
        text(told, "id"),
        kind=text(told, "event_type")[:KIND_LENGTH],
        occurred_at=plausible(moment(told, "occurred_at")),
        organization_id=text(told, "organization_id"),
        told=told,
    )
    return HttpResponse(status=200)


def _unlogged(answer: HttpResponse) -> HttpResponse:
    """Django would log the address of what is not answered well, and the secret is in it."""
    answer._has_been_logged = True  # type: ignore[attr-defined]
    return answer


def _read(request: HttpRequest) -> dict[str, Any]:
    """The event as it was sent. Raises a DomainError that says what is wrong with it."""
    try:
        body = request.read(BODY_BYTES + 1)
    except UnreadablePostError:
        raise Unreadable("unreadable", _("The body broke off.")) from None
    if len(body) > BODY_BYTES:
        raise TooLong("too_long", _("An event has at most %(bytes)d bytes.") % {"bytes": BODY_BYTES})
    try:
        event = json.loads(body, parse_constant=_refuse)
    except (ValueError, RecursionError) as error:
        raise Unreadable("unreadable", _("The body is not JSON: %(reason)s.") % {"reason": error}) from None
    if not isinstance(event, dict):
        raise Unreadable("unreadable", _("The body is not a JSON object."))
    if not 0 < len(text(event, "id")) <= ID_LENGTH:
        raise Unreadable(
            "unreadable", _("“id” must name the event, in at most %(most)d characters.") % {"most": ID_LENGTH}
        )
    return event


def _refuse(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is not JSON")
