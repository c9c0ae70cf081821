"""The only writer of an issued badge's status: compare, swap, and write the event, in one transaction.

Two workers may hold the same row in memory; the one whose expectation still matches the database wins, the
other is told False and does nothing. See badges.status for the moves there are.
"""

from __future__ import annotations

import logging
import random
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from math import ceil
from typing import Any
from uuid import UUID, uuid4

from django.conf import settings
from django.db import DatabaseError, connection, models, transaction
from django.db.models import F
from django.utils import timezone
from django.utils.translation import gettext as _

from badges import fairness
from badges.models import Badge, IssuedBadge, IssuingEvent
from badges.notices import tell_moves
from badges.status import MOVES, Status
from providers.base import OutcomeUnknown
from providers.turns import Turns
from providers.turns import take as take_turns
from tms.models import User
from tms.progress import changed
from tms.sql import column_kinds, execute, fetch, records, sql, table, value

log = logging.getLogger(__name__)
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
    _require_move(step.from_status, step.to_status)
    rows = IssuedBadge.objects.filter(pk=step.issued_badge_id, status=step.from_status)
    if step.claim:
        rows = rows.filter(claim_token=step.claim)
    with transaction.atomic():
        if not rows.update(status=step.to_status, **{**UNCLAIMED, **step.changes}):
            return False
        _log([step], actor=actor)
    return True


def move_each(steps: Sequence[Move], *, actor: User | None = None) -> set[int]:
    """Take one step each of many issued badges, as `move` does; the ids of those that moved.

    Steps that change the same columns share two statements, whatever their number. The changes are values:
    an expression of the ORM has no place in them.
    """
    if not steps:
        return set()
    alike: dict[tuple[str, ...], list[Move]] = {}
    for step in steps:
        _require_move(step.from_status, step.to_status)
        alike.setdefault(tuple(step.changes), []).append(step)
    moved: set[int] = set()
    with transaction.atomic():
        for names, group in alike.items():
            swapped = _swap(group, names)
            _log([step for step in group if step.issued_badge_id in swapped], actor=actor)
            moved |= swapped
    return moved


def _require_move(from_status: Status, to_status: Status) -> None:
    if to_status not in MOVES[from_status]:
        raise ValueError(f"{from_status} does not go to {to_status}.")


def _swap(steps: Sequence[Move], names: Sequence[str]) -> set[int]:
    """Write those rows that are still as expected, `names` being the columns that change; their ids."""
    fields = {name: _field(IssuedBadge, name) for name in ("id", "status", "claim_token", *names)}
    kinds = {name: str(field.db_type(connection)) for name, field in fields.items()}
    expected: list[dict[str, Any]] = []
    for step in steps:
        known = {"id": step.issued_badge_id, "status": step.from_status, "claim_token": step.claim}
        row = {**known, **step.changes}
        stored = {name: _stored(field, row[name]) for name, field in fields.items()}
        expected.append({**stored, "to_status": step.to_status})
    new = {"status": "given.to_status", "claim_token": "NULL", "lease_until": "NULL"}
    new |= {name: f"given.{name}" for name in names}
    held = table(IssuedBadge).text
    statement = sql(
        f"""
        UPDATE {held} SET {", ".join(f"{name} = {source}" for name, source in new.items())}
        FROM {{}}
        WHERE {held}.id = given.id AND {held}.status = given.status
          AND (given.claim_token IS NULL OR {held}.claim_token = given.claim_token)
        RETURNING {held}.id
        """,  # noqa: S608 - the names are those of model fields
        records(expected, kinds={**kinds, "to_status": kinds["status"]}),
    )
    return {pk for (pk,) in fetch(statement)}


def _stored(column: models.Field[Any, Any], given: Any) -> Any:
    """As its column keeps a value: texts and numbers as they are, and what is JSON travels as JSON."""
    if given is None or isinstance(given, str | int) or isinstance(column, models.JSONField):
        return given
    return column.get_db_prep_save(given, connection)


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
    _require_move(from_status, to_status)
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
            steps = [
                Move(issued_badge_id=pk, from_status=from_status, to_status=to_status, reason=reason)
                for pk in ids
            ]
            _log(steps, actor=actor)
        moved += len(ids)
        if len(ids) < BATCH:
            return moved


def note(
    rows: models.QuerySet[IssuedBadge],
    *,
    reason: str,
    actor: User | None,
    data: dict[str, Any] | None = None,
) -> None:
    """Write in their timelines what somebody asked for, or what came of it, where nothing moves."""
    steps = [
        Move(
            issued_badge_id=pk,
            from_status=Status(status),
            to_status=Status(status),
            reason=reason,
            data=data or {},
        )
        for pk, status in rows.order_by("pk").values_list("pk", "status")
    ]
    _log(steps, actor=actor)


def claim(
    limit: int, *, room: Mapping[int, int] | None = None, now: datetime | None = None
) -> list[IssuedBadge]:
    """Take up to `limit` due rows for sending under one token and one lease, in fair order (badges.fairness).

    `room`: the most for some accounts, by id. Rows of an inactive badge or an unusable account are left alone
    (badges.sweeping.hold_blocked), those of an account that may not be called now as well (providers.turns),
    and those that somebody wants to be taken back (badges.ending.fulfil_wishes).
    """
    return _take(Status.QUEUED, limit, room=room or {}, now=now or timezone.now())


def claim_open(
    status: Status, limit: int, *, room: Mapping[int, int] | None = None, now: datetime | None = None
) -> list[IssuedBadge]:
    """As `claim`, for rows that stay in their status while somebody works on them: unknown, revoking."""
    return _take(status, limit, room=room or {}, now=now or timezone.now())


def _take(status: Status, limit: int, *, room: Mapping[int, int], now: datetime) -> list[IssuedBadge]:
    lines = fairness.lines(status, now=now) if limit > 0 else []
    wanted = {line.account: min(limit, room.get(line.account, limit)) for line in lines}
    if not wanted:
        return []
    token = uuid4()
    turns = take_turns(wanted, now=now)
    with transaction.atomic():
        heads = fairness.heads(lines, status=status, allowed=turns.allowed, limit=limit, now=now)
        _hold([pk for pk, _account in heads], token=token, now=now, status=status)
    turns.settle(Counter(account for _pk, account in heads))
    return _held([pk for pk, _account in heads], token=token)


def claim_errands(
    column: str,
    statuses: Sequence[Status],
    limit: int,
    *,
    room: Mapping[int, int] | None = None,
    now: datetime | None = None,
) -> list[IssuedBadge]:
    """As `claim_open`, for what is asked about badges that the provider has: rows of these statuses whose
    `column` has come due (badges.errands), of each account as many as of any other, the longest due first."""
    now = now or timezone.now()
    due = IssuedBadge.objects.filter(**{f"{column}__lte": now}, status__in=statuses)
    due = due.exclude(lease_until__gt=now)
    accounts = due.order_by().values_list("badge__badge_provider", flat=True).distinct()
    most = {account: min(limit, (room or {}).get(account, limit)) for account in accounts}
    wanted = {account: calls for account, calls in most.items() if calls > 0}
    if not wanted:
        return []
    token, turns = uuid4(), take_turns(wanted, now=now)
    with transaction.atomic():
        chosen = _allowed(_heads_of_each(due.order_by(column, "pk"), limit, turns=turns), turns=turns)
        _hold([pk for pk, _account in chosen], token=token, now=now, status=Status.ISSUED)
    turns.settle(Counter(account for _pk, account in chosen))
    return _held([pk for pk, _account in chosen], token=token)


def _heads_of_each(
    due: models.QuerySet[IssuedBadge], limit: int, *, turns: Turns
) -> Iterator[tuple[int, int]]:
    """(id, account) of the first of each account, locked. Where more accounts wait than there are places the
    dice decide."""
    share = ceil(limit / max(len(turns.allowed), 1))
    for account in random.sample(list(turns.allowed), min(limit, len(turns.allowed))):
        rows = due.filter(badge__badge_provider=account).values_list("pk", "badge__badge_provider")
        yield from rows.select_for_update(skip_locked=True, of=("self",))[:share]


def _allowed(heads: Iterable[tuple[int, int]], *, turns: Turns) -> list[tuple[int, int]]:
    """As many of each account, and of all accounts at one host, as may be called."""
    chosen: list[tuple[int, int]] = []
    calls: Counter[int | str] = Counter()
    for pk, account in heads:
        allowance = turns.allowed[account]
        host_is_full = bool(allowance.host) and calls[allowance.host] >= allowance.calls_of_host
        if calls[account] < allowance.calls and not host_is_full:
            chosen.append((pk, account))
            calls.update([account, allowance.host])
    return chosen


def _hold(ids: Sequence[int], *, token: UUID, now: datetime, status: Status) -> None:
    claimed: dict[str, Any] = {"claim_token": token, "lease_until": now + lease()}
    if status == Status.QUEUED:
        claimed |= {"status": Status.SENDING, "attempts": F("attempts") + 1}
        steps = [Move(issued_badge_id=pk, from_status=status, to_status=Status.SENDING) for pk in ids]
        _log(steps, actor=None)
    if ids:
        IssuedBadge.objects.filter(pk__in=ids).update(**claimed)


def _held(ids: Sequence[int], *, token: UUID) -> list[IssuedBadge]:
    """What is still held under the token, with all that an exchange needs to know, in the order of the ids.

    A row that cannot be read would stop all others for ever: it is set aside, and says why.
    """
    # Many rows share a badge, and to decrypt its account's token takes longer than to read a row.
    badges = models.Prefetch("badge", Badge.objects.select_related("badge_provider", "organization"))
    rows = IssuedBadge.objects.filter(pk__in=ids, claim_token=token)
    try:
        found = {row.pk: row for row in rows.select_related("learner", "replaces").prefetch_related(badges)}
    except DatabaseError:
        raise
    except Exception as error:
        if len(ids) > 1:
            return [row for pk in ids for row in _held([pk], token=token)]
        log.exception("Issued badge %s cannot be read", ids[0])
        _set_aside(rows, error=error)
        return []
    return [found[pk] for pk in ids if pk in found]


def _set_aside(rows: models.QuerySet[IssuedBadge], *, error: Exception) -> None:
    reason = _("It cannot be read from the database: %(error)s.") % {"error": type(error).__name__}
    for pk, status, token in rows.values_list("pk", "status", "claim_token"):
        if Status.FAILED not in MOVES[Status(status)]:
            rows.filter(pk=pk).update(due_at=timezone.now() + timedelta(days=1), **UNCLAIMED)
            continue
        # What may be at the provider stays that, so that whoever tries it again looks for it first.
        code = OutcomeUnknown.code if status == Status.UNKNOWN else "unreadable"
        changes = {"failure_code": code, "failure_message": reason, "provider_message": ""}
        move(
            Move(
                issued_badge_id=pk,
                from_status=Status(status),
                to_status=Status.FAILED,
                claim=token,
                reason=reason,
                changes=changes,
            )
        )


def postpone(row: IssuedBadge, *, due_at: datetime, **changes: Any) -> bool:
    """Let go of a claimed row that keeps its status, until `due_at`."""
    held = IssuedBadge.objects.filter(pk=row.pk, status=row.status, claim_token=row.claim_token)
    return bool(held.update(due_at=due_at, **{**UNCLAIMED, **changes}))


def lease() -> timedelta:
    return timedelta(seconds=settings.ISSUE_LEASE_SECONDS)


def _log(steps: Sequence[Move], *, actor: User | None) -> None:
    if not steps:
        return
    names = ("issued_badge_id", "from_status", "to_status", "reason", "data")
    columns = ", ".join(names)
    statement = sql(
        f"INSERT INTO {{}} ({columns}, actor_id) SELECT {columns}, {{}} FROM {{}}",  # noqa: S608 - as above
        table(IssuingEvent),
        value(actor.pk if actor else None),
        records(
            [{name: getattr(step, name) for name in names} for step in steps],
            kinds=column_kinds(IssuingEvent, names),
        ),
    )
    execute(statement)
    tell_moves(steps)
    if expired := [step.issued_badge_id for step in steps if step.to_status == Status.EXPIRED]:
        # Whoever may earn it anew is evaluated again, also for what has been done meanwhile.
        changed(User.objects.filter(issued_badges__in=expired))


def _field(model: type[models.Model], name: str) -> models.Field[Any, Any]:
    return next(field for field in model._meta.concrete_fields if name in {field.name, field.attname})
