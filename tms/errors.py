"""What a person or a program is told when something cannot be done."""

from __future__ import annotations

from typing import Any


class DomainError(Exception):
    """A refusal with a stable `code` for programs, a sentence for people and `data` for both.

    `fields` maps a field name to its messages where one input is at fault. Refusals inside a batch are
    values, not exceptions (see badges.issuing.Outcome).
    """

    http_status = 400

    def __init__(
        self,
        code: str,
        message: object,
        *,
        fields: dict[str, list[Any]] | None = None,
        data: dict[str, Any] | None = None,
    ) -> None:
        super().__init__(str(message))
        self.code = code
        self.message = str(message)
        self.fields = fields or {}
        self.data = data or {}


class NotFound(DomainError):
    """Also raised for what exists but is another organization's: its existence is not told."""

    http_status = 404


class NotPermitted(DomainError):
    http_status = 403


class Conflict(DomainError):
    """The thing is no longer in the state that the request assumed."""

    http_status = 409


class Unanswered(DomainError):
    """Another system that had to be asked refused, or did not answer."""

    http_status = 502
