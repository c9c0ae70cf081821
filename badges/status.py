"""The states of an issued badge, the moves between them, and what each is called on a page."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.db import models
from django.utils.translation import gettext_lazy as _
from django.utils.translation import gettext_noop

if TYPE_CHECKING:
    from django.utils.functional import _StrPromise


class Status(models.TextChoices):
    QUEUED = "queued", _("Waiting")
    HELD = "held", _("Held")
    SENDING = "sending", _("Sending")
    UNKNOWN = "unknown", _("Checking")
    FAILED = "failed", _("Failed")
    ISSUED = "issued", _("Issued")
    ACCEPTED = "accepted", _("Accepted")
    REJECTED = "rejected", _("Rejected by earner")
    REVOKING = "revoking", _("Being revoked")
    REVOKED = "revoked", _("Revoked")
    EXPIRED = "expired", _("Expired")
    SUPERSEDED = "superseded", _("Replaced")
    CANCELLED = "cancelled", _("Cancelled")
    REMOVED = "removed", _("Removed at provider")


S = Status
_ENDS = frozenset({S.REVOKING, S.EXPIRED, S.SUPERSEDED, S.REMOVED, S.REVOKED})
MOVES: dict[Status, frozenset[Status]] = {
    S.QUEUED: frozenset({S.SENDING, S.CANCELLED, S.HELD}),
    S.HELD: frozenset({S.QUEUED, S.CANCELLED}),
    # QUEUED again: a transient failure. HELD: the account itself was refused. EXPIRED: it came too late.
    S.SENDING: frozenset({S.ISSUED, S.QUEUED, S.HELD, S.FAILED, S.UNKNOWN, S.EXPIRED}),
    S.UNKNOWN: frozenset({S.ISSUED, S.QUEUED, S.FAILED}),
    # UNKNOWN: the retry of a row that may be at the provider starts by looking.
    S.FAILED: frozenset({S.QUEUED, S.UNKNOWN, S.CANCELLED}),
    # REVOKED without our asking: the provider's side did it.
    S.ISSUED: frozenset({S.ACCEPTED, S.REJECTED, *_ENDS}),
    # ISSUED: what was put in its place at the provider waits to be accepted again.
    S.ACCEPTED: frozenset({S.ISSUED, S.REJECTED, *_ENDS}),
    S.REJECTED: frozenset({S.ACCEPTED, *_ENDS}),
    S.REVOKING: frozenset({S.REVOKED, S.ISSUED, S.REMOVED}),
    S.CANCELLED: frozenset(),
    # What has ended may still be at the provider, and be erased there.
    S.REVOKED: frozenset({S.REMOVED}),
    # SUPERSEDED: renewed, and the provider put the new one in its place.
    S.EXPIRED: frozenset({S.SUPERSEDED, S.REMOVED}),
    S.SUPERSEDED: frozenset({S.REMOVED}),
    S.REMOVED: frozenset(),
}

# In none of these does a row stand in the way of another of the same badge and learner.
ENDED = [S.CANCELLED, S.REVOKED, S.EXPIRED, S.SUPERSEDED, S.REMOVED]
LIVE = [status for status in Status if status not in ENDED]
# Its time is over; another may have taken its place since.
TIMED_OUT = [S.EXPIRED, S.SUPERSEDED]
# What a learner may show to others as hers; what has expired says so.
PRESENTABLE = [S.ISSUED, S.ACCEPTED, S.EXPIRED]
# What the provider has: the learner holds it, or may.
AT_PROVIDER = [S.ISSUED, S.ACCEPTED, S.REJECTED, S.REVOKING]


def label(
    status: Status,
    *,
    provider: str,
    hold_reason: str,
    external_state: str,
    attempts: int,
    obstacle: str = "",
) -> _StrPromise | str:
    """The **Issued Status** that people read. `obstacle`: why the account is not called now."""
    if status == Status.QUEUED:
        hold_reason = obstacle
    # A reason is stored as English and translated here, for whoever reads it.
    if status in {Status.QUEUED, Status.HELD} and hold_reason:
        text: _StrPromise | str = _("Waiting: {reason}").format(reason=_(hold_reason))
    elif status == Status.UNKNOWN:
        text = _("Checking with {provider}").format(provider=provider)
    elif status == Status.ISSUED and external_state == "pending":
        text = _("Issued – pending acceptance")
    else:
        text = status.label
    if status in {Status.UNKNOWN, Status.REVOKING} and obstacle:
        text = _("{status}: {reason}").format(status=text, reason=_(obstacle))
    if attempts > 0 and status in {Status.QUEUED, Status.SENDING, Status.UNKNOWN, Status.FAILED}:
        return _("{status} (attempt {number})").format(status=text, number=attempts)
    return text


HELD_BADGE_INACTIVE = gettext_noop("the badge is not active")
HELD_ACCOUNT_DISABLED = gettext_noop("the badge provider is disabled")
HELD_ACCOUNT_PAUSED = gettext_noop("the badge provider is paused")
ACCOUNT_SILENT = gettext_noop("the badge provider does not answer")
ACCOUNT_CLOSED = gettext_noop("the badge provider asked us to wait")

# Kept as English on a record, and translated for whoever reads it.
HAD_ALREADY = gettext_noop("The provider had it already.")
