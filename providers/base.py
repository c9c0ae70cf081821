"""The vocabulary between us and any badge provider: requests, results and the four ways to fail.

An adapter turns these words into one vendor's HTTP and back. It holds no state of ours, opens no
transaction and decides nothing about retries: badges.sending does, from the class of the error.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Any, ClassVar, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime


class Ability(StrEnum):
    """What a vendor's documented interface can do besides issuing, finding and taking back.

    What is not among an adapter's `abilities` is refused with a sentence before any call, never imitated.
    """

    CORRECT_NAME = "correct_name"
    CORRECT_EMAIL = "correct_email"
    DELETE = "delete"
    EXPIRE = "expire"  # an expiry of one badge's own
    RENEW = "renew"  # make a badge that has expired valid again
    TELL_REASON = "tell_reason"  # the reason of a revocation reaches the earner
    SUPPRESS = "suppress"  # issue without the provider's mail
    EVENTS = "events"  # tells what happened: events to receive or to poll
    CHANGES = "changes"  # lists the badges that changed since a moment


class Standing(StrEnum):
    """What a provider's word for a badge's state means to us."""

    PENDING = "pending"  # waits for the earner to accept
    ACCEPTED = "accepted"
    HELD = "held"  # the earner has it, where nothing is to be accepted
    REJECTED = "rejected"
    REVOKED = "revoked"
    EXPIRED = "expired"
    WITHHELD = "withheld"  # stored and not published, so that nobody has it
    OTHER = "other"


class RevokeBy(StrEnum):
    """How to take back where the vendor has no verb for it."""

    EXPIRE = "expire"
    UNPUBLISH = "unpublish"
    DELETE = "delete"


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """How to reach one organization's account at a provider. `token` is in clear here and only here."""

    api_url: str
    organization_id: str
    token: str = field(repr=False)
    revoke_by: RevokeBy = RevokeBy.EXPIRE


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """What stands behind a badge: at least a name or an address."""

    name: str = ""
    description: str = ""
    url: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class IssueRequest:
    """One badge for one person, in our words.

    `earner_id` is the stable id of the learner and `reference` that of our intent: whichever of them a
    provider stores is what a look-up finds the badge by. `issued_at` is aware, in the organization's zone.
    `language` is the learner's own (a code of Django's), empty where none is known.
    """

    reference: str
    earner_id: str
    template_id: str
    email: str
    first_name: str
    last_name: str
    issued_at: datetime
    expires_at: datetime | None = None
    evidence: tuple[Evidence, ...] = ()
    suppress_notification: bool = False
    language: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ProviderBadge:
    """A badge as the provider tells it. `raw` is the reply, redacted, with the fields we do not know.

    `state` is the provider's own word, shown as the external state; `standing` is what it means. `earner_id`
    and `reference` are ours, where the provider gives them back.
    """

    external_id: str
    state: str
    standing: Standing
    url: str = ""
    accept_url: str = ""
    template_id: str = ""
    email: str = ""
    earner_id: str = ""
    reference: str = ""
    replaces_id: str = ""
    created_at: datetime | None = None
    expires_at: datetime | None = None
    raw: dict[str, Any] = field(default_factory=dict)

    @property
    def is_live(self) -> bool:
        """Held by the earner or waiting for the earner; a revoked or rejected one is neither."""
        return self.standing in {Standing.PENDING, Standing.ACCEPTED, Standing.HELD}


@dataclass(frozen=True, slots=True, kw_only=True)
class Template:
    external_id: str
    name: str
    description: str = ""
    image_url: str = ""
    url: str = ""
    state: str = "active"
    allows_duplicates: bool = False
    raw: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """Something that happened at the provider, read back with our own token.

    At most one of `badge` and `template` is told; `kind` is the provider's own word.
    """

    external_id: str
    kind: str
    occurred_at: datetime | None = None
    badge: ProviderBadge | None = None
    template: Template | None = None
    raw: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Checked:
    """An account that works. `name` is the organization's there; `token_expires_at` where it is told."""

    name: str
    token_expires_at: datetime | None = None


class ProviderError(Exception):
    """A call that did not end in success.

    `code` is stable, for programs; `provider_message` the provider's own sentence, if any; `reply` the
    redacted answer for the timeline. `is_account_wide`: every other call of the account would end like this,
    so that the account pauses.
    """

    code: str = "provider_error"
    is_account_wide: bool = False

    def __init__(
        self,
        message: str,
        *,
        code: str = "",
        provider_message: str = "",
        status: int | None = None,
        reply: dict[str, Any] | None = None,
    ) -> None:
        super().__init__(message)
        self.code = code or type(self).code
        self.message = message
        self.provider_message = provider_message
        self.status = status
        self.reply = reply or {}


class Transient(ProviderError):
    """Nothing was done and the same request may succeed later: 429, or no connection was made.

    `retry_after` is in seconds, when the provider said so.
    """

    code = "provider_busy"

    def __init__(self, message: str, *, retry_after: float | None = None, **details: Any) -> None:
        super().__init__(message, **details)
        self.retry_after = retry_after


class Rejected(ProviderError):
    """Understood and refused: validation, an unknown template, a duplicate. Repeating it changes nothing."""

    code = "rejected"


class NotSupported(Rejected):
    """The vendor has no such thing (see Ability). Nothing was sent."""

    code = "not_supported"


class Misconfigured(ProviderError):
    """The account itself does not work (401, 403): every other request of it would fail too."""

    code = "account_refused"
    is_account_wide = True


class OutcomeUnknown(ProviderError):
    """The request may have been carried out: time-out, 5xx, connection lost, unreadable answer.

    Never repeat it before `find` has looked.
    """

    code = "outcome_unknown"


class NotPublished(OutcomeUnknown):
    """Stored at the provider and not published, as when the account has no credits left.

    The badge is there, so it is not made again: a look-up finds it WITHHELD, and `publish` finishes it.
    """

    code = "not_published"
    is_account_wide = True


class Adapter(Protocol):
    """One vendor. Every method may raise any of the four errors and nothing else.

    A method outside `abilities` raises NotSupported.
    """

    abilities: ClassVar[frozenset[Ability]]
    # The documented limit, which all accounts share that call from one address; None where there is none.
    calls_per_minute: ClassVar[int | None]

    def __init__(self, account: Account) -> None: ...

    def issue(self, request: IssueRequest) -> ProviderBadge:
        """Exactly one HTTP request that makes the badge."""

    def find(self, request: IssueRequest) -> list[ProviderBadge]:
        """The badges of this template that this earner has at the provider, in any state."""

    def publish(self, external_id: str) -> ProviderBadge:
        """Let the earner have what the provider stored and held back (WITHHELD)."""

    def revoke(self, external_id: str, *, reason: str) -> ProviderBadge:
        """Take the badge back, telling the earner `reason` where the vendor can (TELL_REASON).

        The answer is REVOKED. A later look finds it REVOKED or, where the vendor has no verb for it
        (RevokeBy), EXPIRED, WITHHELD or not at all: in any case not live.
        """

    def correct(self, external_id: str, request: IssueRequest) -> ProviderBadge:
        """Write the names, the address and the expiry of `request` to a badge that is there.

        The vendor may do so by a new badge in the old one's place: `external_id` of the answer counts.
        """

    def renew(self, external_id: str, request: IssueRequest) -> ProviderBadge:
        """Let what `request` says take the place of a badge that has expired (RENEW).

        As with `correct`, `external_id` of the answer counts: it is new, or the vendor prolonged the old one.
        """

    def delete(self, external_id: str) -> None:
        """Erase the badge and what it tells about the person. Gone already is as good."""

    def templates(self) -> Iterator[Template]:
        """Every active template of the account, page by page."""

    def template(self, external_id: str) -> Template | None:
        """One template in any state; None when the account has none of this id."""

    def badges(self, *, changed_since: datetime | None = None) -> Iterator[ProviderBadge]:
        """Every badge of the account, page by page, or those changed since then (CHANGES)."""

    def events(self, *, since: datetime | None = None) -> Iterator[Event]:
        """What happened since then, newest last (EVENTS). An event told twice has the same id."""

    def event(self, external_id: str) -> Event:
        """One event, read back by the id that a webhook named (EVENTS)."""

    def check(self) -> Checked:
        """Prove that address, organization and token fit together."""
