"""What the outcomes of sending, looking up and taking back have in common: the steps that rows take.

A step is taken by comparing the claim, so that of two who hold a row in memory one counts (badges.lifecycle).
"""

from __future__ import annotations

import logging
import random
from collections.abc import Sequence
from datetime import timedelta
from functools import partial
from typing import Any

from django.db import transaction
from django.utils import timezone

from badges import events, lifecycle
from badges.expiry import agreed_expiry, supersede
from badges.lifecycle import Move, move, move_each
from badges.models import IssuedBadge
from badges.notices import tell_issued
from badges.standing import shown
from badges.status import Status
from providers.base import ProviderBadge, ProviderError, Standing

log = logging.getLogger(__name__)

# A badge goes out within the hour of its provider's return; a provider that is gone for a day is given up.
LONGEST_PAUSE = 20  # leases: half an hour
MAX_ATTEMPTS = 72
STANDING_TO_STATUS = {Standing.ACCEPTED: Status.ACCEPTED, Standing.REJECTED: Status.REJECTED}


def issued(
    found: Sequence[tuple[IssuedBadge, ProviderBadge]],
    *,
    from_status: Status = Status.SENDING,
    reason: str = "",
    **more: Any,
) -> None:
    """Settle rows whose badges the provider has, all at once. `more`: what else changes of each."""
    now = timezone.now()
    supersede(found)
    steps = [
        Move(
            issued_badge_id=row.pk,
            from_status=from_status,
            to_status=Status.ISSUED,
            claim=row.claim_token,
            reason=reason,
            data=there.raw,
            changes={
                "issued_at": now,
                "expires_at": agreed_expiry(row, there),
                "external_uuid": there.external_id,
                **shown(row, there),
                "failure_code": "",
                "failure_message": "",
                "provider_message": "",
                **more,
            },
        )
        for row, there in found
    ]
    moved = move_each(steps)
    onward = [
        Move(issued_badge_id=row.pk, from_status=Status.ISSUED, to_status=STANDING_TO_STATUS[there.standing])
        for row, there in found
        if row.pk in moved and there.standing in STANDING_TO_STATUS
    ]
    move_each(onward)
    tell_issued([row for row, _there in found if row.pk in moved])
    for row, _there in found:
        if row.pk not in moved:
            log.warning("Issued badge %s was settled by somebody else.", row.pk)
    transaction.on_commit(partial(events.announce, events.badge_issued, sorted(moved)), robust=True)


def step(
    row: IssuedBadge,
    to_status: Status,
    *,
    from_status: Status = Status.SENDING,
    error: ProviderError | None = None,
    reason: str = "",
    keep_failure: bool = False,
    **changes: Any,
) -> None:
    """Settle one row that is claimed. An `error` is kept as its failure, and its words are the reason unless
    there is another; `keep_failure`: those of the failure before."""
    if error:
        changes = {
            "failure_code": error.code,
            "failure_message": error.message,
            "provider_message": error.provider_message,
            **changes,
        }
    move(
        Move(
            issued_badge_id=row.pk,
            from_status=from_status,
            to_status=to_status,
            claim=row.claim_token,
            reason=reason or (error.message if error else row.failure_message if keep_failure else ""),
            data=error.reply if error else {},
            changes=changes,
        )
    )


def backoff(attempts: int) -> timedelta:
    """Doubling from two seconds, with jitter so that rows do not come back together."""
    longest = LONGEST_PAUSE * lifecycle.lease().total_seconds()
    seconds = min(2.0 ** min(attempts, 16), longest)
    return timedelta(seconds=seconds * random.uniform(0.5, 1.0))  # noqa: S311 - jitter, not a secret
