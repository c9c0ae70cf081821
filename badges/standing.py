"""Where the provider's word about a badge takes its record here.

Webhooks, polls, comparisons and a person who asks again all end here, so that they agree. The provider's word
moves a record onward only: what has ended stays ended, and what the provider cannot know of is left alone.
Where word and record do not fit together, nothing is moved and `agree` says so (next: badges.differences).
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from functools import partial
from typing import TYPE_CHECKING, Any

from django.db import transaction
from django.utils import timezone

from badges import events
from badges.events import announce
from badges.expiry import ROUNDING, agreed_expiry, supersede
from badges.lifecycle import Move, move, move_each, note
from badges.models import IssuedBadge
from badges.notices import tell_issued
from badges.retrying import MAY_EXIST
from badges.status import AT_PROVIDER, MOVES, Status
from providers.base import ProviderBadge, Standing
from providers.reading import plausible

if TYPE_CHECKING:
    from tms.models import User

Pair = tuple[IssuedBadge, ProviderBadge]

_DESTINATIONS = {
    Standing.ACCEPTED: Status.ACCEPTED,
    Standing.REJECTED: Status.REJECTED,
    Standing.REVOKED: Status.REVOKED,
    Standing.EXPIRED: Status.EXPIRED,
}
_FITTING = {
    Status.ISSUED: {Standing.PENDING, Standing.HELD},
    Status.ACCEPTED: {Standing.ACCEPTED, Standing.HELD},
    Status.REJECTED: {Standing.REJECTED},
}
_TAKEN_BACK = {Status.REVOKED, Status.CANCELLED, Status.REMOVED}


def destination(row: IssuedBadge, there: ProviderBadge) -> Status | None:
    """The status that the provider's word moves the record to; None where it moves nothing."""
    status = Status(row.status)
    onward = _DESTINATIONS.get(there.standing)
    return onward if onward in MOVES[status] and status in AT_PROVIDER else None


def agree(row: IssuedBadge, there: ProviderBadge) -> bool:
    """Whether the record tells the same as the provider. A state that we do not know agrees with anything."""
    if there.standing == Standing.OTHER:
        return True
    status = Status(row.status)
    if status in _FITTING:
        return there.standing in _FITTING[status]
    if status in _TAKEN_BACK:
        return not there.is_live
    if status == Status.EXPIRED:
        # Ended by our own rule where the provider's badge has no end: what each of them says is true.
        ends_later = there.expires_at is not None and there.expires_at > timezone.now()
        return not (there.is_live and ends_later)
    return True


def follow(pairs: Sequence[Pair], *, reason: str, actor: User | None = None) -> set[int]:
    """Bring records to where the provider says they are; the ids of those that moved.

    Each pair is a record and the badge it stands for. What people are shown besides the status (the external
    state, the links, the end) is brought up to date for all of them. A row that somebody else moved meanwhile
    is left.
    """
    steps, changed = [], []
    for row, there in pairs:
        told = {**shown(row, there), "expires_at": _end(row, there)}
        onward = destination(row, there)
        if onward:
            steps.append(_step(row, onward, reason=reason, data=there.raw, changes=told))
        elif any(getattr(row, name) != value for name, value in told.items()):
            for name, value in told.items():
                setattr(row, name, value)
            changed.append(row)
    with transaction.atomic():
        moved = move_each(steps, actor=actor) if steps else set()
        IssuedBadge.objects.bulk_update(changed, [*_SHOWN, "expires_at"], batch_size=250)
    return moved


def link(pairs: Sequence[Pair], *, reason: str, actor: User | None = None) -> set[int]:
    """Let records of which nobody knew whether the provider has the badge stand for one that it has.

    They are those that are being looked up, and failed ones; the ids of those that moved. From there on each
    follows the provider's word.
    """
    if not pairs:
        return set()
    with transaction.atomic():
        supersede(pairs)
        failed = [_step(row, Status.UNKNOWN, reason=reason) for row, _there in pairs if _has_failed(row)]
        move_each(failed, actor=actor)
        linked = move_each([_linking(row, there, reason=reason) for row, there in pairs], actor=actor)
        onward = [
            Move(issued_badge_id=row.pk, from_status=Status.ISSUED, to_status=to_status, reason=reason)
            for row, there in pairs
            if row.pk in linked and (to_status := _DESTINATIONS.get(there.standing))
        ]
        move_each(onward, actor=actor)
        tell_issued([row for row, _there in pairs if row.pk in linked])
        transaction.on_commit(partial(announce, events.badge_issued, sorted(linked)), robust=True)
    return linked


def replace(pairs: Sequence[Pair], *, reason: str) -> set[int]:
    """Let records stand for the badges that the provider has put in the place of theirs; which did.

    One that was accepted may wait to be accepted again.
    """
    done = set()
    for row, there in pairs:
        rows = IssuedBadge.objects.filter(pk=row.pk, status=row.status, external_uuid=there.replaces_id)
        told = {**shown(row, there), "external_uuid": there.external_id}
        waits_again = row.status == Status.ACCEPTED and there.standing == Standing.PENDING
        with transaction.atomic():
            if not rows.update(**told):
                continue
            if waits_again:
                move(_step(row, Status.ISSUED, reason=reason, data=there.raw))
            else:
                note(IssuedBadge.objects.filter(pk=row.pk), reason=reason, actor=None)
        done.add(row.pk)
    return done


def may_be_there(row: IssuedBadge) -> bool:
    """Whether nobody knows if the provider has the badge of this record."""
    if row.external_uuid:
        return False
    return row.status == Status.UNKNOWN or (_has_failed(row) and row.failure_code in MAY_EXIST)


def _has_failed(row: IssuedBadge) -> bool:
    return row.status == Status.FAILED


_SHOWN = ("external_state", "external_url", "accept_url")
STATE_LENGTH, URL_LENGTH = 40, 500


def shown(row: IssuedBadge, there: ProviderBadge) -> dict[str, Any]:
    """What is shown of the provider's side. A page that was public once is kept when it is not told again.

    A provider's text of any length must not keep the rest from being stored.
    """
    return {
        "external_state": there.state[:STATE_LENGTH],
        "external_url": _link(there.url) or row.external_url,
        "accept_url": _link(there.accept_url),
    }


def _end(row: IssuedBadge, there: ProviderBadge) -> datetime | None:
    """When it ends, as the provider says now. What it does not tell stays, and so does the day of an end."""
    told = plausible(there.expires_at)
    if told is None or row.status not in AT_PROVIDER:
        return row.expires_at
    is_the_same = row.expires_at is not None and abs(row.expires_at - told) <= ROUNDING
    return row.expires_at if is_the_same else told


def _link(url: str) -> str:
    return url if len(url) <= URL_LENGTH else ""


def _linking(row: IssuedBadge, there: ProviderBadge, *, reason: str) -> Move:
    found = {
        **shown(row, there),
        "external_uuid": there.external_id,
        "issued_at": timezone.now(),
        "expires_at": agreed_expiry(row, there),
        "failure_code": "",
        "failure_message": "",
        "provider_message": "",
    }
    return Move(
        issued_badge_id=row.pk,
        from_status=Status.UNKNOWN,
        to_status=Status.ISSUED,
        reason=reason,
        data=there.raw,
        changes=found,
    )


def _step(row: IssuedBadge, to_status: Status, *, reason: str, **more: Any) -> Move:
    return Move(
        issued_badge_id=row.pk,
        from_status=Status(row.status),
        to_status=to_status,
        reason=reason,
        **more,
    )
