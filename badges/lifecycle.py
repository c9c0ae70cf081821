"""The only writer of an issued badge's status: compare, swap, and write the event, in one transaction.

Two workers may hold the same row in memory; the one whose expectation still matches the database wins, the
other is told False and does nothing. See badges.status for the moves there are.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any
from uuid import UUID, uuid4

from django.conf import settings
from django.db import models, transaction
from django.db.models import F
from django.utils import timezone

from badges.models import IssuedBadge, IssuingEvent
from badges.status import MOVES, Status

if TYPE_CHECKING:
    from tms.models import User

# Settled rows carry no claim: whoever wakes late finds its token gone.
UNCLAIMED: dict[str, Any] = {"claim_token": None, "lease_until": None}
BATCH = 1_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Move:
    """One step of one issued badge. `claim` is the token under which the caller holds it, if it does."""

    issued_badge_id: int
    from_status: Status
    to_status: Status
    claim: UUID | None = None
    reason: str = ""
    data: dict[str, Any] = field(default_factory=dict)
    changes: dict[str, Any] = field(default_factory=dict)


def move(step: Move, *, actor: User | None = None) -> bool:
    """Take one step; False when the row is no longer where the caller thought, and nothing is written."""
    if step.to_status not in MOVES[step.from_status]:
        raise ValueError(f"{step.from_status} does not go to {step.to_status}.")
    rows = IssuedBadge.objects.filter(pk=step.issued_badge_id, status=step.from_status)
    if step.claim:
        rows = rows.filter(claim_token=step.claim)
    with transaction.atomic():
        if not rows.update(status=step.to_status, **{**UNCLAIMED, **step.changes}):
            return False
        IssuingEvent.objects.create(
            issued_badge_id=step.issued_badge_id,
            from_status=step.from_status,
            to_status=step.to_status,
            actor=actor,
            reason=step.reason,
            data=step.data,
        )
    return True


def move_all(
    rows: models.QuerySet[IssuedBadge],
    *,
    from_status: Status,
    to_status: Status,
    reason: str = "",
    actor: User | None = None,
    **changes: Any,
) -> int:
    """Move every row of a query that still has `from_status`, a batch a transaction; how many moved."""
    if to_status not in MOVES[from_status]:
        raise ValueError(f"{from_status} does not go to {to_status}.")
    moved = 0
    while True:
        with transaction.atomic():
            ids = list(
                rows.filter(status=from_status)
                .select_for_update(skip_locked=True, of=("self",))
                .order_by("pk")
                .values_list("pk", flat=True)[:BATCH]
            )
            IssuedBadge.objects.filter(pk__in=ids, status=from_status).update(
                status=to_status, **{**UNCLAIMED, **changes}
            )
            _log(ids, from_status=from_status, to_status=to_status, reason=reason, actor=actor)
        moved += len(ids)
        if len(ids) < BATCH:
            return moved


def claim(limit: int, *, now: datetime | None = None) -> list[IssuedBadge]:
    """Take up to `limit` due rows for sending, best priority first, under one token and one lease.

    Rows of an inactive badge or an unusable account are left alone (badges.delivery.hold_blocked).
    """
    now = now or timezone.now()
    token = uuid4()
    with transaction.atomic():
        due = (
            IssuedBadge.objects.filter(
                status=Status.QUEUED,
                due_at__lte=now,
                badge__is_active=True,
                badge__badge_provider__is_enabled=True,
                badge__badge_provider__paused_at__isnull=True,
            )
            .order_by("priority", "due_at", "pk")
            .select_for_update(skip_locked=True, of=("self",))
        )
        ids = list(due.values_list("pk", flat=True)[:limit])
        if not ids:
            return []
        IssuedBadge.objects.filter(pk__in=ids, status=Status.QUEUED).update(
            status=Status.SENDING, attempts=F("attempts") + 1, **_claimed(token, now)
        )
        _log(ids, from_status=Status.QUEUED, to_status=Status.SENDING)
    return _held_by(token)


def claim_open(status: Status, limit: int, *, now: datetime | None = None) -> list[IssuedBadge]:
    """Take due rows that stay in their status while somebody works on them: unknown, revoking."""
    now = now or timezone.now()
    token = uuid4()
    with transaction.atomic():
        due = (
            IssuedBadge.objects.filter(
                status=status,
                due_at__lte=now,
                badge__badge_provider__is_enabled=True,
                badge__badge_provider__paused_at__isnull=True,
            )
            .exclude(lease_until__gt=now)
            .order_by("due_at", "pk")
            .select_for_update(skip_locked=True, of=("self",))
        )
        ids = list(due.values_list("pk", flat=True)[:limit])
        IssuedBadge.objects.filter(pk__in=ids, status=status).update(**_claimed(token, now))
    return _held_by(token)


def postpone(row: IssuedBadge, *, due_at: datetime, **changes: Any) -> bool:
    """Let go of a claimed row that keeps its status, until `due_at`."""
    held = IssuedBadge.objects.filter(pk=row.pk, status=row.status, claim_token=row.claim_token)
    return bool(held.update(due_at=due_at, **{**UNCLAIMED, **changes}))


def lease() -> timedelta:
    return timedelta(seconds=settings.ISSUE_LEASE_SECONDS)


def _claimed(token: UUID, now: datetime) -> dict[str, Any]:
    return {"claim_token": token, "lease_until": now + lease()}


def _held_by(token: UUID) -> list[IssuedBadge]:
    return list(
        IssuedBadge.objects.filter(claim_token=token)
        .select_related("badge__badge_provider", "badge__organization", "learner")
        .order_by("priority", "due_at", "pk")
    )


def _log(
    ids: Sequence[int] | Iterable[int],
    *,
    from_status: Status,
    to_status: Status,
    reason: str = "",
    actor: User | None = None,
) -> None:
    IssuingEvent.objects.bulk_create(
        IssuingEvent(
            issued_badge_id=pk, from_status=from_status, to_status=to_status, reason=reason, actor=actor
        )
        for pk in ids
    )
