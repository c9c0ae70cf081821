"""One shape for every error of the API: {"code", "message", "fields"?, "data"?}."""

from __future__ import annotations

from typing import Any

from django.core.exceptions import PermissionDenied, ValidationError
from django.http import Http404
from django.utils.translation import gettext as _
from rest_framework import exceptions
from rest_framework.response import Response
from rest_framework.views import set_rollback

from tms.errors import DomainError


def handle(error: Exception, context: dict[str, Any]) -> Response | None:
    """DRF's exception handler. None lets an unforeseen error become a 500 and reach the log."""
    answer = _answer(error)
    if answer is not None:
        set_rollback()
    return answer


def _answer(error: Exception) -> Response | None:
    if isinstance(error, DomainError):
        body: dict[str, Any] = {"code": error.code, "message": error.message}
        if error.fields:
            body["fields"] = error.fields
        if error.data:
            body["data"] = error.data
        return Response(body, status=error.http_status)
    if isinstance(error, Http404):
        return Response({"code": "not_found", "message": _("Not found.")}, status=404)
    if isinstance(error, PermissionDenied):
        return Response({"code": "not_permitted", "message": _("You may not do this.")}, status=403)
    if isinstance(error, ValidationError):
        return _invalid(error.message_dict if hasattr(error, "error_dict") else {"": error.messages})
    if isinstance(error, exceptions.ValidationError):
        return _invalid(error.detail)
    if isinstance(error, exceptions.APIException):
        headers = {}
        if getattr(error, "auth_header", None):
            headers["WWW-Authenticate"] = error.auth_header  # type: ignore[attr-defined]
        if getattr(error, "wait", None):
            headers["Retry-After"] = str(int(error.wait))  # type: ignore[attr-defined]
        body = {"code": error.get_codes(), "message": str(error.detail)}
        return Response(body, status=error.status_code, headers=headers)
    return None


def _invalid(detail: Any) -> Response:
    fields = detail if isinstance(detail, dict) else {"": detail}
    names = ", ".join(name for name in fields if name)
    message = (
        _("Some fields are not right: %(names)s.") % {"names": names}
        if names
        else _("The request is not right.")
    )
    return Response({"code": "invalid", "message": message, "fields": fields}, status=400)
