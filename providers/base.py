"""The vocabulary between us and any badge provider: requests, results and the four ways to fail.

An adapter turns these words into one vendor's HTTP and back. It holds no state of ours, opens no
transaction and decides nothing about retries: badges.delivery does, from the class of the error.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """How to reach one organization's account at a provider. `token` is in clear here and only here."""

    api_url: str
    organization_id: str
    token: str = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class IssueRequest:
    """One badge for one person, in our words.

    `earner_id` is the stable id of the learner and `reference` that of our intent: whichever of them a
    provider stores is what a look-up finds the badge by. `issued_at` is aware, in the organization's zone.
    """

    reference: str
    earner_id: str
    template_id: str
    email: str
    first_name: str
    last_name: str
    issued_at: datetime
    suppress_notification: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class ProviderBadge:
    """A badge as the provider tells it. `raw` is the reply, redacted, with the fields we do not know."""

    external_id: str
    state: str
    url: str = ""
    accept_url: str = ""
    template_id: str = ""
    email: str = ""
    created_at: datetime | None = None
    raw: dict[str, Any] = field(default_factory=dict)

    @property
    def is_live(self) -> bool:
        """Held by the earner or waiting for the earner; a revoked or rejected one is neither."""
        return self.state in {"pending", "accepted"}


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


class ProviderError(Exception):
    """A call that did not end in success.

    `code` is stable, for programs; `provider_message` the provider's own sentence, if any; `reply` the
    redacted answer for the timeline.
    """

    code: str = "provider_error"

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


class Misconfigured(ProviderError):
    """The account itself does not work (401, 403): every other request of it would fail too."""

    code = "account_refused"


class OutcomeUnknown(ProviderError):
    """The request may have been carried out: time-out, 5xx, connection lost, unreadable answer.

    Never repeat it before `find` has looked.
    """

    code = "outcome_unknown"


class Adapter(Protocol):
    """One vendor. Every method may raise any of the four errors and nothing else."""

    def __init__(self, account: Account) -> None: ...

    def issue(self, request: IssueRequest) -> ProviderBadge:
        """Exactly one HTTP request that makes the badge."""

    def find(self, request: IssueRequest) -> list[ProviderBadge]:
        """The badges of this template that this earner has at the provider, in any state."""

    def revoke(self, external_id: str, *, reason: str) -> ProviderBadge:
        """Take the badge back, telling the earner `reason`."""

    def templates(self) -> Iterator[Template]:
        """Every active template of the account, page by page."""

    def check(self) -> str:
        """Prove that address, organization and token fit together; returns the organization's name there."""
