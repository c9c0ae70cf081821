"""What follows from time or from a cured cause rather than from an answer: found by looking at all rows.

A sweep is what makes hints dispensable: whatever a lost one should have started is started by the next.
"""

from __future__ import annotations

import logging
import math
from collections.abc import Callable
from datetime import datetime
from functools import partial

from django.conf import settings
from django.db.models import Q
from django.utils import timezone

from badges.ending import fulfil_wishes
from badges.erasing import give_up_unsent
from badges.expiry import expire_due
from badges.hints import DELIVER
from badges.lifecycle import move_all
from badges.lookups import reconcile
from badges.models import IssuedBadge
from badges.retrying import requeue_cured
from badges.status import HELD_ACCOUNT_DISABLED, HELD_ACCOUNT_PAUSED, HELD_BADGE_INACTIVE, Status
from providers.base import OutcomeUnknown
from tms.hint import hint

log = logging.getLogger(__name__)


def sweep(*, now: datetime | None = None, seconds: float = math.inf) -> dict[str, int]:
    """Everything that follows from time or from a cured cause rather than from an answer; how much of each.

    A step that fails is missing from the counts and stops no other. `seconds`: as for `reconcile`.
    """
    if not settings.BADGES_ENABLED:
        return {}
    steps: dict[str, Callable[[], int]] = {
        "stuck": partial(release_stuck, now=now),
        "taken back": lambda: fulfil_wishes().total,
        "given up": give_up_unsent,
        "expired": partial(expire_due, now=now),
        "held": hold_blocked,
        "released": release_held,
        "cured": requeue_cured,
        "looked up": partial(reconcile, seconds=seconds),
    }
    counts: dict[str, int] = {}
    for name, step in steps.items():
        try:
            counts[name] = step()
        except Exception:
            log.exception("The sweep failed at: %s", name)
    if counts.get("released") or counts.get("cured"):
        hint(DELIVER)
    return counts


def failures() -> list[IssuedBadge]:
    """What failed and waits for a person."""
    failed = IssuedBadge.objects.filter(status=Status.FAILED)
    return list(failed.select_related("badge__badge_provider", "learner").order_by("pk"))


def release_stuck(*, now: datetime | None = None) -> int:
    """Rows whose worker never came back: nobody knows whether the provider has them."""
    now = now or timezone.now()
    return move_all(
        IssuedBadge.objects.filter(lease_until__lt=now),
        from_status=Status.SENDING,
        to_status=Status.UNKNOWN,
        reason="The worker did not come back within its lease.",
        due_at=now,
        failure_code=OutcomeUnknown.code,
    )


_ACTIVE = Q(badge__is_active=True)
_ENABLED = Q(badge__badge_provider__is_enabled=True)
_BLOCKED = (
    (HELD_BADGE_INACTIVE, ~_ACTIVE),
    (HELD_ACCOUNT_DISABLED, _ACTIVE & ~_ENABLED),
    (HELD_ACCOUNT_PAUSED, _ACTIVE & _ENABLED & Q(badge__badge_provider__paused_at__isnull=False)),
)


def hold_blocked() -> int:
    """Waiting rows that cannot be sent say why, instead of waiting silently; how many are new among them."""
    held = 0
    for reason, cause in _BLOCKED:
        rows = IssuedBadge.objects.filter(cause)
        held += move_all(
            rows, from_status=Status.QUEUED, to_status=Status.HELD, reason=reason, hold_reason=reason
        )
        # One cause may have taken the place of another.
        rows.filter(status=Status.HELD).exclude(hold_reason=reason).update(hold_reason=reason)
    return held


def release_held() -> int:
    """Held rows whose cause is gone wait in the queue again."""
    blocked = Q()
    for _reason, cause in _BLOCKED:
        blocked |= cause
    return move_all(
        IssuedBadge.objects.exclude(blocked),
        from_status=Status.HELD,
        to_status=Status.QUEUED,
        reason="The cause is gone.",
        hold_reason="",
        due_at=timezone.now(),
        failure_code="",
        failure_message="",
        provider_message="",
    )
