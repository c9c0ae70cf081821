"""Tell an organization's webhook URL what happened, as Credly does: a small JSON, until exactly 200."""

from __future__ import annotations

import heapq
import json
import threading
import time
from collections import deque
from dataclasses import dataclass, field
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from providers.sandbox.store import now

if TYPE_CHECKING:
    from providers.sandbox.store import Event, Organization, Store

# How long the other side may take: "a short time", as Credly says.
PATIENCE = 5.0
LONGEST_PAUSE = 3600.0
GIVEN_UP_AFTER = 25 * 24 * 3600.0
REMEMBERED = 200


@dataclass(order=True)
class Message:
    due: float
    event: Event = field(compare=False)
    attempts: int = field(default=0, compare=False)
    first: float = field(default_factory=time.monotonic, compare=False)


class Messenger(threading.Thread):
    """One message after the other. What was not told when the process ended is told after its next start."""

    def __init__(self, store: Store) -> None:
        super().__init__(name="webhooks", daemon=True)
        self.attempts: deque[dict[str, Any]] = deque(maxlen=REMEMBERED)
        self._store = store
        self._waiting: list[Message] = []
        self._changed = threading.Condition()
        store.on_event = self.note
        for event in store.untold():
            self.note(event)

    def note(self, event: Event) -> None:
        if not self._store.organizations[event.organization_id].webhook_url:
            return
        with self._changed:
            heapq.heappush(self._waiting, Message(time.monotonic(), event))
            self._changed.notify()

    def forget_all(self) -> None:
        with self._changed:
            self._waiting.clear()
            self.attempts.clear()

    def run(self) -> None:
        while True:
            self._tell(self._next())

    def _next(self) -> Message:
        with self._changed:
            while True:
                pause = self._waiting[0].due - time.monotonic() if self._waiting else None
                if pause is not None and pause <= 0:
                    return heapq.heappop(self._waiting)
                self._changed.wait(pause)

    def _tell(self, message: Message) -> None:
        event = message.event
        organization = self._store.organizations.get(event.organization_id)
        if organization is None or not organization.webhook_url:
            return
        status = _post(organization.webhook_url, _payload(event))
        message.attempts += 1
        self.attempts.appendleft(
            {"at": now(), "event_id": event.id, "event_type": event.event_type, "status": status}
        )
        if status == 200:
            self._store.note_told(event)
        elif time.monotonic() - message.first < GIVEN_UP_AFTER:
            self._wait(message, organization)

    def _wait(self, message: Message, organization: Organization) -> None:
        pause = organization.webhook_retry_seconds * 2 ** min(message.attempts - 1, 20)
        message.due = time.monotonic() + min(pause, LONGEST_PAUSE)
        with self._changed:
            heapq.heappush(self._waiting, message)


def _payload(event: Event) -> dict[str, str]:
    return {
        "id": event.id,
        "organization_id": event.organization_id,
        "event_type": event.event_type,
        "occurred_at": event.occurred_at,
    }


def _post(url: str, payload: dict[str, str]) -> int:
    """The status, or 0 when there was none. A redirect is not followed: it is not 200."""
    parts = urlsplit(url)
    kind = HTTPSConnection if parts.scheme == "https" else HTTPConnection
    connection = kind(parts.hostname or "", parts.port, timeout=PATIENCE)
    try:
        path = parts.path + (f"?{parts.query}" if parts.query else "")
        headers = {"Content-Type": "application/json", "User-Agent": "sandbox"}
        connection.request("POST", path or "/", body=json.dumps(payload), headers=headers)
        return connection.getresponse().status
    except (OSError, HTTPException):
        return 0
    finally:
        connection.close()
