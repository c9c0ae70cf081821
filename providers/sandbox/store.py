"""What the sandbox knows: accounts, templates, what it issued, what happened and the requests it received.

Everything but accounts and templates is a line of a file, appended before the answer goes out, so a process
that is killed and started again remembers all that it promised. Accounts and templates come with every start;
what was changed about them meanwhile is a line as well.
"""

from __future__ import annotations

import json
import os
import threading
import uuid
from collections import Counter, deque
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path

LIVE = frozenset({"pending", "accepted"})
RECENT = 200
FIRST_NUMBER = 10_000_001

Vendor = Literal["credly", "accredible"]


def now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds")


def _new_id() -> str:
    return str(uuid.uuid4())


@dataclass
class Badge:
    """An issued badge of Credly; the fields have Credly's names."""

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
    replaces_badge_id: str | None = None
    replacement_badge_id: str | None = None
    state: str = "pending"
    id: str = field(default_factory=_new_id)
    created_at: str = field(default_factory=now)
    state_updated_at: str = ""

    def __post_init__(self) -> None:
        self.state_updated_at = self.state_updated_at or self.created_at

    @property
    def issued_to(self) -> str:
        names = (self.issued_to_first_name, self.issued_to_middle_name, self.issued_to_last_name)
        return " ".join(name for name in names if name)

    @property
    def issued_on(self) -> str:
        return self.issued_at[:10]

    @property
    def is_live(self) -> bool:
        return self.state in LIVE and not self.replacement_badge_id


@dataclass
class Credential:
    """A credential of Accredible; the fields have the names of its search."""

    organization_id: str
    group_id: str
    recipient_name: str
    recipient_email: str
    issued_on: str
    recipient_id: str | None = None
    recipient_meta_data: dict[str, Any] | None = None
    license_id: str | None = None
    name: str = ""
    description: str = ""
    expired_on: str | None = None
    approve: bool = True
    complete: bool = True
    private: bool = False
    custom_attributes: dict[str, Any] | None = None
    evidence_items: list[Any] = field(default_factory=list)
    references: list[Any] = field(default_factory=list)
    meta_data: dict[str, Any] | None = None
    id: str = ""
    uuid: str = field(default_factory=_new_id)
    created_at: str = field(default_factory=now)
    updated_at: str = ""
    published_on: str | None = None

    def __post_init__(self) -> None:
        self.updated_at = self.updated_at or self.created_at

    @property
    def state(self) -> str:
        if self.expired_on and self.expired_on <= datetime.now(UTC).date().isoformat():
            return "expired"
        return "published" if self.approve else "unpublished"


@dataclass(kw_only=True)
class Organization:
    """An account. `credits` is how many credentials it may still publish; None: any number."""

    id: str
    name: str
    token: str = field(repr=False)
    vendor: Vendor = "credly"
    credits: int | None = None
    webhook_url: str = ""
    webhook_since: str = ""
    webhook_retry_seconds: float = 5.0
    token_expires_at: str | None = None

    def described(self) -> dict[str, Any]:
        return {name: value for name, value in vars(self).items() if name != "token"}


# What may be changed about an account while the sandbox runs.
SETTINGS = ("credits", "webhook_url", "webhook_since", "webhook_retry_seconds", "token_expires_at")


@dataclass(frozen=True)
class Event:
    """Something that happened at Credly; the fields have its names, and `subject_id` is what it is about."""

    organization_id: str
    event_type: str
    subject_id: str
    id: str = field(default_factory=_new_id)
    occurred_at: str = field(default_factory=now)


class Duplicate(Exception):
    """This person has this template already, or may still accept it."""


class Store:
    """`on_event` is called for every event, after the lock is released."""

    def __init__(
        self, path: Path, *, organizations: Iterable[Organization], templates: Iterable[dict[str, Any]]
    ) -> None:
        self.organizations = {organization.id: organization for organization in organizations}
        self.templates: dict[str, dict[str, Any]] = {row["id"]: row for row in templates}
        self.on_event: Callable[[Event], None] = lambda event: None
        self._path = path
        self._lock = threading.Lock()
        self._given = json.dumps([list(self.templates.values()), self._settings()])
        self._clear()
        path.parent.mkdir(parents=True, exist_ok=True)
        self._load(path)
        # Unbuffered: one line is one write, and what was written survives the end of the process.
        self._file = path.open("ab", buffering=0)

    def _clear(self) -> None:
        self.badges: dict[str, Badge] = {}
        self.credentials: dict[str, Credential] = {}
        self.events: dict[str, Event] = {}
        self.told: set[str] = set()
        self.answered: Counter[str] = Counter()
        self.recent: deque[dict[str, Any]] = deque(maxlen=RECENT)
        self._users: dict[str, str] = {}
        self._by_person: dict[str, list[Badge]] = {}
        self._by_recipient: dict[str, list[Credential]] = {}
        self._next_number = FIRST_NUMBER

    # --- Credly's badges --------------------------------------------------------------------------------

    def add(self, badge: Badge) -> None:
        """Issue; raises Duplicate. When this returns the badge is in the file."""
        allows_more = self.templates[badge.badge_template_id].get("allow_duplicate_badges") is True
        event = Event(badge.organization_id, "badge.created", badge.id)
        with self._lock:
            if not allows_more and self._is_held(badge):
                raise Duplicate
            self._write(("badge", vars(badge)), ("event", vars(event)))
            self._remember(badge)
            self.events[event.id] = event
        self.on_event(event)

    def move(self, badge: Badge, state: str, *, unless: frozenset[str], reason: str | None = None) -> bool:
        """Change the state; False when the badge is in one of `unless`."""
        event = Event(badge.organization_id, "badge.state.changed", badge.id)
        with self._lock:
            if badge.state in unless:
                return False
            self._update(badge, event, state=state, state_updated_at=now(), revocation_reason=reason)
        self.on_event(event)
        return True

    def replace(self, old: Badge, new: Badge) -> bool:
        """Put one badge in another's place; False when another has taken it already."""
        event = Event(new.organization_id, "badge.created", new.id)
        with self._lock:
            if old.replacement_badge_id:
                return False
            self._write(("badge", vars(new)))
            self._remember(new)
            self._update(old, event, replacement_badge_id=new.id)
        self.on_event(event)
        return True

    def delete(self, badge: Badge) -> bool:
        event = Event(badge.organization_id, "badge.deleted", badge.id)
        with self._lock:
            if badge.id not in self.badges:
                return False
            self._write(("deleted", {"id": badge.id}), ("event", vars(event)))
            self._forget(badge.id)
            self.events[event.id] = event
        self.on_event(event)
        return True

    # --- Accredible's credentials -----------------------------------------------------------------------

    def add_credential(self, credential: Credential) -> None:
        """Store, and publish as far as the credits go; raises Duplicate."""
        allows_more = self.templates[credential.group_id].get("allow_duplicate_badges") is True
        with self._lock:
            if not allows_more and self._is_received(credential):
                raise Duplicate
            credential.id = str(self._next_number)
            lines = self._pay(credential) if credential.approve else []
            self._write(("credential", vars(credential)), *lines)
            self._remember_credential(credential)

    def change_credential(self, identity: str, **changes: Any) -> Credential | None:
        """Write new values; publishing takes a credit the first time, and does nothing without one."""
        with self._lock:
            credential = self.credentials.get(identity)
            if credential is None:
                return None
            changed = Credential(**{**vars(credential), **changes, "updated_at": now()})
            pays = changed.approve and not credential.approve and not changed.published_on
            lines = self._pay(changed) if pays else []
            self._write(("credential", vars(changed)), *lines)
            self._remember_credential(changed)
            return changed

    def delete_credential(self, identity: str) -> bool:
        with self._lock:
            if identity not in self.credentials:
                return False
            self._write(("deleted", {"id": identity}))
            self._forget(identity)
            return True

    def credential(self, identity: str, *, organization_id: str) -> Credential | None:
        """By Accredible's id, or by the issuer's own, of which the newest counts."""
        found = self.credentials.get(identity)
        candidates = [found] if found else self.of_recipient("license_id", identity)
        ours = [item for item in candidates if item.organization_id == organization_id]
        return max(ours, key=lambda item: int(item.id), default=None)

    # --- Who has what -----------------------------------------------------------------------------------

    def of_email(self, email: str) -> list[Badge]:
        return list(self._by_person.get(_email_key(email), ()))

    def of_user(self, email: str) -> list[Badge]:
        """Those of all addresses of the person who has this one."""
        emails = self.addresses_of(email)
        return [badge for address in emails for badge in self.of_email(address)]

    def of_earner(self, earner_id: str) -> list[Badge]:
        return list(self._by_person.get(_earner_key(earner_id), ()))

    def of_recipient(self, name: str, value: str) -> list[Credential]:
        """`name` is recipient_email, recipient_id or license_id."""
        return list(self._by_recipient.get(_recipient_key(name, value), ()))

    def addresses_of(self, email: str) -> list[str]:
        key = email.strip().lower()
        user = self._users.get(key)
        return [address for address, name in self._users.items() if name == user] if user else [key]

    def newest(self) -> list[Badge | Credential]:
        with self._lock:
            items: list[Badge | Credential] = [*self.badges.values(), *self.credentials.values()]
        items.reverse()  # of those of one moment, too, the newest comes first
        return sorted(items, key=lambda item: item.created_at, reverse=True)

    # --- Requests, events and settings ------------------------------------------------------------------

    def received(self, line: dict[str, Any]) -> None:
        with self._lock:
            self._write(("request", line))
            self._count(line)

    def note_told(self, event: Event) -> None:
        """The webhook took the event."""
        with self._lock:
            self._write(("told", {"id": event.id}))
            self.told.add(event.id)

    def untold(self) -> list[Event]:
        """What happened since there is a webhook, and was not taken by it."""
        with self._lock:
            return [
                event
                for event in self.events.values()
                if event.id not in self.told
                and (organization := self.organizations.get(event.organization_id))
                and organization.webhook_url
                and event.occurred_at >= organization.webhook_since
            ]

    def set(self, organization: Organization, **settings: Any) -> None:
        if "webhook_url" in settings:
            settings["webhook_since"] = now()
        with self._lock:
            self._write(("setting", {"organization_id": organization.id, **settings}))
            vars(organization).update(settings)

    def save_template(self, row: dict[str, Any]) -> None:
        """Make or change a template."""
        kind = "badge_template.changed" if row["id"] in self.templates else "badge_template.created"
        event = Event(row["organization_id"], kind, row["id"])
        with self._lock:
            self._write(("template", row), ("event", vars(event)))
            self.templates[row["id"]] = {**self.templates.get(row["id"], {}), **row}
            self.events[event.id] = event
        self.on_event(event)

    def join(self, emails: list[str]) -> None:
        """From now on these are addresses of one person."""
        with self._lock:
            self._write(("person", {"emails": emails}))
            self._join(emails)

    def forget_all(self) -> None:
        """As on the first start."""
        with self._lock:
            self._file.truncate(0)
            templates, settings = json.loads(self._given)
            self.templates = {row["id"]: row for row in templates}
            for identity, values in settings.items():
                vars(self.organizations[identity]).update(values)
            self._clear()

    def counts(self) -> dict[str, Any]:
        with self._lock:
            badges, credentials = list(self.badges.values()), list(self.credentials.values())
            answered, events = dict(self.answered), len(self.events)
        states = [badge.state for badge in badges] + [credential.state for credential in credentials]
        return {
            "badges": len(badges),
            "credentials": len(credentials),
            "by_state": dict(Counter(states)),
            "by_template": dict(
                Counter(badge.badge_template_id for badge in badges)
                + Counter(credential.group_id for credential in credentials)
            ),
            "requests": answered,
            "events": events,
        }

    def summary(self) -> dict[str, Any]:
        counts = self.counts()
        with self._lock:
            badges = list(self.badges.values())
            credentials = sorted(self.credentials.values(), key=lambda item: int(item.id))
            recent = list(self.recent)
        return {
            "badges": [vars(badge) for badge in badges],
            "credentials": [vars(credential) for credential in credentials],
            "counts": counts,
            "duplicates": _duplicates(badges, credentials),
            "requests": recent,
        }

    def close(self) -> None:
        """Wait for the write that is under way, and allow no other."""
        self._lock.acquire()
        self._file.close()

    # --- Inside the lock --------------------------------------------------------------------------------

    def _is_held(self, badge: Badge) -> bool:
        return any(
            other.badge_template_id == badge.badge_template_id and other.is_live
            for key in self._person(badge)
            for other in self._by_person.get(key, ())
        )

    def _is_received(self, credential: Credential) -> bool:
        key = _recipient_key("recipient_email", credential.recipient_email)
        return any(other.group_id == credential.group_id for other in self._by_recipient.get(key, ()))

    def _person(self, badge: Badge) -> list[str]:
        """The keys under which one of the same person's badges may be."""
        keys = [_email_key(email) for email in self.addresses_of(badge.recipient_email)]
        return [*keys, _earner_key(badge.issuer_earner_id)] if badge.issuer_earner_id else keys

    def _remember(self, badge: Badge) -> None:
        self.badges[badge.id] = badge
        for key in _keys(badge):
            self._by_person.setdefault(key, []).append(badge)

    def _remember_credential(self, credential: Credential) -> None:
        """In the place of an older form of it."""
        self._forget(credential.id)
        self.credentials[credential.id] = credential
        for key in _credential_keys(credential):
            self._by_recipient.setdefault(key, []).append(credential)
        self._next_number = max(self._next_number, int(credential.id) + 1)

    def _forget(self, identity: str) -> None:
        if badge := self.badges.pop(identity, None):
            for key in _keys(badge):
                self._by_person[key].remove(badge)
        elif credential := self.credentials.pop(identity, None):
            for key in _credential_keys(credential):
                self._by_recipient[key].remove(credential)

    def _update(self, badge: Badge, event: Event, **changes: Any) -> None:
        self._write(("badge", {**vars(badge), **changes}), ("event", vars(event)))
        vars(badge).update(changes)
        self.events[event.id] = event

    def _pay(self, credential: Credential) -> list[tuple[str, dict[str, Any]]]:
        """Publish for a credit, or leave it unpublished; the lines that say what is left."""
        organization = self.organizations[credential.organization_id]
        if organization.credits == 0:
            credential.approve = False
            return []
        credential.published_on = now()
        if organization.credits is None:
            return []
        organization.credits -= 1
        return [("setting", {"organization_id": organization.id, "credits": organization.credits})]

    def _join(self, emails: list[str]) -> None:
        name = emails[0].strip().lower()
        for email in emails:
            self._users[email.strip().lower()] = name

    def _count(self, line: dict[str, Any]) -> None:
        self.answered[f"{line['method']} {line['status']}"] += 1
        self.recent.appendleft(line)

    def _settings(self) -> dict[str, dict[str, Any]]:
        return {
            identity: {name: getattr(organization, name) for name in SETTINGS}
            for identity, organization in self.organizations.items()
        }

    # --- The file ---------------------------------------------------------------------------------------

    def _write(self, *lines: tuple[str, dict[str, Any]]) -> None:
        """All of them in one write, so that none is there without the others."""
        text = "\n".join(json.dumps({"kind": kind, **row}) for kind, row in lines)
        self._file.write(text.encode() + b"\n")

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
        match row.pop("kind"):
            case "request":
                self._count(row)
            case "badge" if row["id"] in self.badges:
                vars(self.badges[row["id"]]).update(row)
            case "badge":
                self._remember(Badge(**row))
            case "credential":
                self._remember_credential(Credential(**row))
            case "deleted":
                self._forget(row["id"])
            case "event":
                self.events[row["id"]] = Event(**row)
            case "told":
                self.told.add(row["id"])
            case "template":
                self.templates[row["id"]] = {**self.templates.get(row["id"], {}), **row}
            case "person":
                self._join(row["emails"])
            case "setting":
                # The account may have left with this start.
                if organization := self.organizations.get(row.pop("organization_id")):
                    vars(organization).update(row)


def _email_key(email: str) -> str:
    return f"email {email.strip().lower()}"


def _earner_key(earner_id: str) -> str:
    return f"earner {earner_id}"


def _keys(badge: Badge) -> list[str]:
    keys = [_email_key(badge.recipient_email)]
    return [*keys, _earner_key(badge.issuer_earner_id)] if badge.issuer_earner_id else keys


def _recipient_key(name: str, value: str) -> str:
    return f"{name} {value.strip().lower() if name == 'recipient_email' else value}"


def _credential_keys(credential: Credential) -> list[str]:
    named = {name: getattr(credential, name) for name in ("recipient_email", "recipient_id", "license_id")}
    return [_recipient_key(name, value) for name, value in named.items() if value]


def _duplicates(badges: list[Badge], credentials: list[Credential]) -> list[list[str]]:
    """Ids of the live badges that one person has of one template, where there are several."""
    groups: dict[tuple[str, str], list[str]] = {}
    for badge in badges:
        if badge.is_live:
            for key in _keys(badge):
                groups.setdefault((badge.badge_template_id, key), []).append(badge.id)
    for credential in credentials:
        if credential.state == "published":
            key = credential.recipient_email.strip().lower()
            groups.setdefault((credential.group_id, key), []).append(credential.id)
    return sorted({tuple(ids): list(ids) for ids in groups.values() if len(ids) > 1}.values())


def as_day(text: str) -> date:
    """YYYY-MM-DD, or DD/MM/YYYY as Accredible took it formerly; ValueError for anything else."""
    for form in ("%Y-%m-%d", "%d/%m/%Y"):
        try:
            return datetime.strptime(text, form).date()
        except ValueError:
            continue
    raise ValueError(f"{text!r} is not a day like 2026-03-02.")
