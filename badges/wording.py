"""What a learner is told about a badge of hers: one sentence, and where to go next.

Written so that it also reads well over her shoulder: an administrator sees the same page.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext_lazy as _

from badges.status import HELD_BADGE_INACTIVE, Status

if TYPE_CHECKING:
    from django.utils.functional import _StrPromise

    from badges.models import IssuedBadge


@dataclass(frozen=True, slots=True)
class Told:
    """`url` may be empty, and its label is then of no use. `is_step`: the learner should follow it."""

    sentence: str
    url: str
    url_label: str
    is_step: bool


_ON_ITS_WAY = _("On its way to %(email)s.")
_HELD_ACCOUNT = _("It is sent as soon as the account at %(provider)s works again.")
_HELD_INACTIVE = _("It is sent as soon as the badge is active.")
_TO_ACCEPT = _("%(provider)s has written to %(email)s. Accept the badge to share it.")
_TO_SHARE = _("It went to %(email)s and is ready to share.")
_TAKEN_BACK = _("Taken back: %(reason)s")
_EXPIRED = _("It was valid until %(day)s. The training organization can tell whether it can be renewed.")
_ACCEPT = _("Accept at %(provider)s")
_SEE = _("See it at %(provider)s")

_SENTENCES: dict[Status, _StrPromise] = {
    Status.QUEUED: _ON_ITS_WAY,
    Status.SENDING: _ON_ITS_WAY,
    Status.UNKNOWN: _ON_ITS_WAY,
    Status.HELD: _HELD_ACCOUNT,
    Status.FAILED: _(
        "It could not be sent to %(email)s. The training organization sees why, and can send it again."
    ),
    Status.ISSUED: _TO_SHARE,
    Status.ACCEPTED: _TO_SHARE,
    Status.REJECTED: _("Declined at %(provider)s. It can still be accepted there."),
    Status.REVOKING: _("It is being taken back."),
    Status.REVOKED: _("Taken back. The training organization can tell why."),
    Status.EXPIRED: _("No longer valid. The training organization can tell whether it can be renewed."),
    Status.SUPERSEDED: _("Replaced by a newer badge."),
    Status.CANCELLED: _("It was not sent."),
    Status.REMOVED: _("%(provider)s no longer has it."),
}


def told(issued: IssuedBadge) -> Told:
    status = Status(issued.status)
    facts = {
        "provider": issued.badge.badge_provider.get_kind_display(),
        "email": issued.recipient_email,
        "reason": issued.ended_reason,
    }
    sentence = _SENTENCES[status]
    to_accept = status == Status.ISSUED and issued.external_state == "pending"
    if to_accept:
        sentence = _TO_ACCEPT
    elif status == Status.HELD and issued.hold_reason == HELD_BADGE_INACTIVE:
        sentence = _HELD_INACTIVE
    elif status == Status.REVOKED and issued.ended_reason:
        sentence = _TAKEN_BACK
    elif status == Status.EXPIRED and issued.expires_at:
        sentence = _EXPIRED
        facts["day"] = date_format(timezone.localtime(issued.expires_at))
    url, label = "", _SEE
    if to_accept or status == Status.REJECTED:
        url, label = issued.accept_url, _ACCEPT
    elif status in {Status.ISSUED, Status.ACCEPTED}:
        url = issued.external_url
    return Told(str(sentence % facts), url, str(label % facts), is_step=to_accept)
