"""What goes in and out of the sandbox, whichever vendor it plays."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

JSON = "application/json"


@dataclass(frozen=True, kw_only=True)
class Request:
    """`base_url` is how the client names us, `public_url` how a person's browser does."""

    method: str
    path: str
    query: Mapping[str, str]
    authorization: str
    content_type: str
    body: bytes
    base_url: str
    public_url: str

    def json_object(self) -> dict[str, Any]:
        """The body; raises Refusal, in the same shape for both vendors, since neither documents its own."""
        if self.content_type.partition(";")[0].strip().lower() != JSON:
            raise Refusal(refuse(415, "The body must be JSON, and Content-Type must say so."))
        try:
            given = json.loads(self.body)
        except (ValueError, RecursionError):
            raise Refusal(refuse(400, "The body is not JSON.")) from None
        if not isinstance(given, dict):
            raise Refusal(refuse(400, "The body is not a JSON object."))
        return given


@dataclass(frozen=True)
class Answer:
    status: int
    body: bytes
    content_type: str = f"{JSON}; charset=utf-8"
    headers: Mapping[str, str] = field(default_factory=dict)


class Refusal(Exception):
    """An answer that ends what was under way."""

    def __init__(self, answer: Answer) -> None:
        super().__init__(answer.status)
        self.answer = answer


def as_json(status: int, value: Any) -> Answer:
    return Answer(status, json.dumps(value, separators=(",", ":")).encode())


def refuse(status: int, message: str) -> Answer:
    """Credly's shape of a refusal, which is also the sandbox's own."""
    return as_json(status, {"data": {"message": message}, "metadata": None})
