"""One shape for every error of the API: {"code", "message", "fields"?, "data"?}."""

from __future__ import annotations

import json
import logging
from functools import singledispatch
from typing import TYPE_CHECKING, Any

from django.core.exceptions import NON_FIELD_ERRORS, PermissionDenied, ValidationError
from django.db import IntegrityError
from django.http import Http404, JsonResponse
from django.utils.translation import gettext as _
from django.views import defaults
from rest_framework import exceptions, permissions
from rest_framework.response import Response
from rest_framework.settings import api_settings
from rest_framework.views import APIView, set_rollback

from tms.errors import Conflict, DomainError, NotFound, NotPermitted

if TYPE_CHECKING:
    from django.http import HttpRequest, HttpResponse
    from rest_framework.request import Request

log = logging.getLogger(__name__)

# Errors of the whole request rather than of a field, as Django, DRF and we call them.
WHOLE = (NON_FIELD_ERRORS, api_settings.NON_FIELD_ERRORS_KEY, "")


def handle(error: Exception, context: dict[str, Any]) -> Response | None:
    """DRF's exception handler. None lets an unforeseen error become a 500 and reach the log."""
    response = answer(error)
    if response is not None:
        set_rollback()
    return response


@singledispatch
def answer(error: Exception) -> Response | None:
    return None


@answer.register
def _domain(error: DomainError) -> Response:
    return _shaped(error.code, error.message, status=error.http_status, fields=error.fields, data=error.data)


@answer.register
def _not_found(error: Http404) -> Response:
    return _domain(NotFound("not_found", _("Not found.")))


@answer.register
def _not_permitted(error: PermissionDenied | exceptions.PermissionDenied) -> Response:
    return _domain(NotPermitted("not_permitted", getattr(error, "detail", _("You may not do this."))))


@answer.register
def _invalid_row(error: ValidationError) -> Response:
    return _invalid(error.message_dict if hasattr(error, "error_dict") else error.messages)


@answer.register
def _invalid_body(error: exceptions.ValidationError) -> Response:
    return _invalid(error.detail)


@answer.register
def _refused(error: exceptions.APIException) -> Response:
    """Not signed in, no such method, no such media type and the like: the code is DRF's."""
    headers = {}
    if challenge := getattr(error, "auth_header", None):
        headers["WWW-Authenticate"] = challenge
    if wait := getattr(error, "wait", None):
        headers["Retry-After"] = str(int(wait))
    return _shaped(str(error.get_codes()), str(error.detail), status=error.status_code, headers=headers)


@answer.register
def _unreadable(error: exceptions.ParseError) -> Response:
    place = error.__context__
    if not isinstance(place, json.JSONDecodeError):
        return _shaped("parse_error", str(error.detail), status=400)
    message = _("The JSON cannot be read at line %(line)d, column %(column)d: %(reason)s.") % {
        "line": place.lineno,
        "column": place.colno,
        "reason": place.msg,
    }
    return _shaped("parse_error", message, status=400, data={"line": place.lineno, "column": place.colno})


@answer.register
def _too_deep(error: RecursionError) -> Response:
    """Of the JSON reader: nothing of ours recurses."""
    return _shaped("parse_error", _("The JSON is nested too deeply."), status=400)


@answer.register
def _overtaken(error: IntegrityError) -> Response:
    """Everything is checked before it is stored, so something else came between."""
    log.warning("A row changed while it was being stored.", exc_info=error)
    return _domain(Conflict("conflict", _("Something else changed at the same moment. Try again.")))


def _shaped(
    code: str,
    message: str,
    *,
    status: int,
    fields: dict[str, Any] | None = None,
    data: dict[str, Any] | None = None,
    headers: dict[str, str] | None = None,
) -> Response:
    body: dict[str, Any] = {"code": code, "message": _encodable(message)}
    if fields:
        body["fields"] = {_encodable(name): [*map(_encodable, told)] for name, told in fields.items()}
    if data:
        body["data"] = data
    return Response(body, status=status, headers=headers)


def _encodable(text: object) -> str:
    """It may repeat what was sent, and half a surrogate pair, which JSON can name, has no encoding."""
    return str(text).encode(errors="replace").decode()


def _invalid(detail: Any) -> Response:
    """The message says everything that is wrong, so that a log line with it alone is enough."""
    found = dict(_flat("", detail))
    fields = {name: messages for name, messages in found.items() if name not in WHOLE}
    sentences = [text for name in WHOLE for text in found.get(name, ())]
    sentences += [f"{name}: {' '.join(messages)}" for name, messages in fields.items()]
    message = " ".join(sentences) or _("The request is not right.")
    return _shaped("invalid", message, status=400, fields=fields)


def _flat(name: str, detail: Any) -> list[tuple[str, list[str]]]:
    """Nested errors as (dotted name, messages)."""
    if isinstance(detail, dict):
        parts = detail.items()
    elif isinstance(detail, list) and any(isinstance(item, dict | list) for item in detail):
        parts = {index: item for index, item in enumerate(detail) if item}.items()
    else:
        return [(name, [str(text) for text in (detail if isinstance(detail, list) else [detail])])]
    return [pair for key, value in parts for pair in _flat(f"{name}.{key}" if name else str(key), value)]


class NoSuchAddress(APIView):
    """Everything below the API's address that is none of its own."""

    permission_classes = (permissions.AllowAny,)
    schema = None

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        message = _("There is nothing at %(path)s.") % {"path": request.path}
        if not request.path.endswith("/"):
            message += " " + _("Every address of the API ends with a slash.")
        raise NotFound("not_found", message)


def server_error(request: HttpRequest) -> HttpResponse:
    """Django's handler of unforeseen errors, in the same shape for those who asked the API."""
    if not request.path.startswith("/api/"):
        return defaults.server_error(request)
    message = _("Something went wrong on our side. It has been written to the log.")
    return JsonResponse({"code": "server_error", "message": message}, status=500)
