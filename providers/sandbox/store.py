"""What the sandbox knows: accounts, templates, the badges it issued and the requests it received.

Badges and requests are lines of a file, appended before the answer goes out, so a process that is killed
and started again remembers all that it promised. Accounts and templates come with every start.
"""

from __future__ import annotations

import json
import os
import threading
import uuid
from collections import Counter, deque
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

LIVE = frozenset({"pending", "accepted"})
RECENT = 200


def now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds")


@dataclass
class Badge:
    """An issued badge; the fields have Credly's names."""

    organization_id: str
    badge_template_id: str
    recipient_email: str
    issued_to_first_name: str
    issued_to_last_name: str
    issued_at: str
    issued_to_middle_name: str | None = None
    issuer_earner_id: str | None = None
    locale: str = "en"
    expires_at: str | None = None
    evidence: list[Any] = field(default_factory=list)
    suppress_badge_notification_email: bool = False
    revocation_reason: str | None = None
    state: str = "pending"
    id: str = field(default_factory=lambda: str(uuid.uuid4()))
    created_at: str = field(default_factory=now)
    state_updated_at: str = ""

    def __post_init__(self) -> None:
        self.state_updated_at = self.state_updated_at or self.created_at

    @property
    def issued_to(self) -> str:
        names = (self.issued_to_first_name, self.issued_to_middle_name, self.issued_to_last_name)
        return " ".join(name for name in names if name)


@dataclass(frozen=True, kw_only=True)
class Organization:
    id: str
    name: str
    token: str = field(repr=False)


class Duplicate(Exception):
    """The earner holds this template already, or may still accept it."""


class Store:
    def __init__(
        self, path: Path, *, organizations: Iterable[Organization], templates: Iterable[dict[str, Any]]
    ) -> None:
        self.organizations = {organization.id: organization for organization in organizations}
        self.templates: dict[str, dict[str, Any]] = {row["id"]: row for row in templates}
        self.badges: dict[str, Badge] = {}
        self.answered: Counter[str] = Counter()
        self.recent: deque[dict[str, Any]] = deque(maxlen=RECENT)
        self._by_person: dict[str, list[Badge]] = {}
        self._lock = threading.Lock()
        path.parent.mkdir(parents=True, exist_ok=True)
        self._load(path)
        # Unbuffered: one line is one write, and what was written survives the end of the process.
        self._file = path.open("ab", buffering=0)

    def add(self, badge: Badge) -> None:
        """Issue; raises Duplicate. When this returns the badge is in the file."""
        allows_more = self.templates[badge.badge_template_id].get("allow_duplicate_badges") is True
        with self._lock:
            if not allows_more and self._is_held(badge):
                raise Duplicate
            self._write("badge", vars(badge))
            self._remember(badge)

    def move(self, badge: Badge, state: str, *, unless: frozenset[str], reason: str | None = None) -> bool:
        """Change the state; False when the badge is in one of `unless`."""
        with self._lock:
            if badge.state in unless:
                return False
            changed = {**vars(badge), "state": state, "state_updated_at": now(), "revocation_reason": reason}
            self._write("badge", changed)
            vars(badge).update(changed)
            return True

    def received(self, line: dict[str, Any]) -> None:
        with self._lock:
            self._write("request", line)
            self._count(line)

    def of_email(self, email: str) -> list[Badge]:
        return list(self._by_person.get(_email_key(email), ()))

    def of_earner(self, earner_id: str) -> list[Badge]:
        return list(self._by_person.get(_earner_key(earner_id), ()))

    def newest(self) -> list[Badge]:
        with self._lock:
            return list(self.badges.values())[::-1]

    def counts(self) -> dict[str, Any]:
        with self._lock:
            badges, answered = list(self.badges.values()), dict(self.answered)
        return {
            "badges": len(badges),
            "by_state": dict(Counter(badge.state for badge in badges)),
            "by_template": dict(Counter(badge.badge_template_id for badge in badges)),
            "requests": answered,
        }

    def summary(self) -> dict[str, Any]:
        counts = self.counts()
        with self._lock:
            badges, recent = list(self.badges.values()), list(self.recent)
        return {
            "badges": [vars(badge) for badge in badges],
            "counts": counts,
            "duplicates": _duplicates(badges),
            "requests": recent,
        }

    def close(self) -> None:
        """Wait for the write that is under way, and allow no other."""
        self._lock.acquire()
        self._file.close()

    def _is_held(self, badge: Badge) -> bool:
        return any(
            other.badge_template_id == badge.badge_template_id and other.state in LIVE
            for key in _person(badge)
            for other in self._by_person.get(key, ())
        )

    def _remember(self, badge: Badge) -> None:
        self.badges[badge.id] = badge
        for key in _person(badge):
            self._by_person.setdefault(key, []).append(badge)

    def _count(self, line: dict[str, Any]) -> None:
        self.answered[f"{line['method']} {line['status']}"] += 1
        self.recent.appendleft(line)

    def _write(self, kind: str, row: dict[str, Any]) -> None:
        self._file.write(json.dumps({"kind": kind, **row}).encode() + b"\n")

    def _load(self, path: Path) -> None:
        if not path.exists():
            return
        whole = 0
        with path.open("rb") as file:
            for line in file:
                # A line without its end was being written when the process was killed: nobody had an answer.
                if not line.endswith(b"\n"):
                    break
                whole += len(line)
                self._replay(json.loads(line))
        os.truncate(path, whole)

    def _replay(self, row: dict[str, Any]) -> None:
        if row.pop("kind") == "request":
            self._count(row)
        elif row["id"] in self.badges:
            vars(self.badges[row["id"]]).update(row)
        else:
            self._remember(Badge(**row))


def _email_key(email: str) -> str:
    return f"email {email.strip().lower()}"


def _earner_key(earner_id: str) -> str:
    return f"earner {earner_id}"


def _person(badge: Badge) -> list[str]:
    keys = [_email_key(badge.recipient_email)]
    return [*keys, _earner_key(badge.issuer_earner_id)] if badge.issuer_earner_id else keys


def _duplicates(badges: list[Badge]) -> list[list[str]]:
    """Ids of the live badges that one person has of one template, where there are several."""
    groups: dict[tuple[str, str], list[str]] = {}
    for badge in badges:
        if badge.state in LIVE:
            for key in _person(badge):
                groups.setdefault((badge.badge_template_id, key), []).append(badge.id)
    return sorted({tuple(ids): list(ids) for ids in groups.values() if len(ids) > 1}.values())
