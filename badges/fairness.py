"""Whose turn it is: the order in which waiting rows are taken, fair and cheap however long the queue is.

What waits forms lines, one for each badge and priority. Only their heads are read, and taken in turns: the
better priority first, and within it the first row of each organization at each account, then the second of
each, and so on. So forty thousand rows of one organization delay a single one of another by one row.

Only what may be called is looked at (providers.turns). Rows are locked here, and marked by badges.lifecycle.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db import connection

from badges.models import Badge, IssuedBadge
from badges.status import Status
from providers.turns import Allowance
from tms.sql import Sql, fetch, relation, sql, table, value


@dataclass(frozen=True, slots=True)
class Line:
    """Something of this badge and priority is due."""

    badge: int
    priority: int
    account: int
    organization: int

    @property
    def share(self) -> tuple[int, int, int]:
        """Lines that take turns as one: an organization's at an account, of one priority."""
        return self.priority, self.account, self.organization


def lines(status: Status, *, now: datetime) -> list[Line]:
    """Every line with something due. One statement, which steps along an index from line to line."""
    statement = sql(
        """
        WITH RECURSIVE head(id) AS (
            SELECT (
                SELECT id FROM {} WHERE status = {} ORDER BY badge_id, priority, due_at, id LIMIT 1
            )
            UNION ALL
            SELECT (
                SELECT id FROM {} AS next
                WHERE next.status = {} AND (next.badge_id, next.priority) > (this.badge_id, this.priority)
                ORDER BY next.badge_id, next.priority, next.due_at, next.id LIMIT 1
            )
            FROM head JOIN {} AS this ON this.id = head.id
        )
        SELECT first.badge_id, first.priority, badge.badge_provider_id, badge.organization_id
        FROM head
        JOIN {} AS first ON first.id = head.id
        JOIN {} AS badge ON badge.id = first.badge_id
        WHERE first.due_at <= {} AND {}
        """,
        table(IssuedBadge),
        value(status.value),
        table(IssuedBadge),
        value(status.value),
        table(IssuedBadge),
        table(IssuedBadge),
        table(Badge),
        value(now),
        # What may be at the provider already is looked for whatever became of its badge.
        Sql("badge.is_active" if status == Status.QUEUED else "TRUE"),
    )
    return [Line(*row) for row in fetch(statement)]


def heads(
    lines: Sequence[Line],
    *,
    status: Status,
    allowed: Mapping[int, Allowance],
    limit: int,
    now: datetime,
) -> list[tuple[int, int]]:
    """(id, account) of the rows whose turn it is, locked, in their order. Rows that others hold are skipped.

    One statement, and only in a transaction.
    """
    chosen = _in_turn([line for line in lines if line.account in allowed], limit=limit)
    if not chosen:
        return []
    statement = sql(
        """
        SELECT id, account_id FROM (
            SELECT *, row_number() OVER (PARTITION BY host ORDER BY priority, turn, due_at, id) AS at_host
            FROM (
                SELECT *, row_number() OVER (
                    PARTITION BY account_id ORDER BY priority, turn, due_at, id
                ) AS at_account
                FROM (
                    SELECT head.id, head.due_at, line.*, row_number() OVER (
                        PARTITION BY line.account_id, line.organization_id, line.priority
                        ORDER BY head.due_at, head.id
                    ) AS turn
                    FROM {} AS line {}
                ) AS in_line
            ) AS in_account
            WHERE at_account <= calls
        ) AS in_host
        WHERE at_host <= calls_of_host
        ORDER BY priority, turn, due_at, id
        LIMIT {}
        """,
        _given(chosen, allowed=allowed, limit=limit),
        _first_of_each_line(status, limit=limit, now=now),
        value(limit),
    )
    return [(pk, account) for pk, account in fetch(statement)]


def _in_turn(lines: Sequence[Line], *, limit: int) -> list[Line]:
    """Lines for as many shares as there are places, of the best priorities; among equals the dice decide.

    Where more wait than there are places, an order of any other kind would serve the same ones each time.
    """
    shares = list(dict.fromkeys(line.share for line in lines))
    random.shuffle(shares)
    shares.sort(key=lambda share: share[0])
    served = set(shares[:limit])
    return [line for line in lines if line.share in served]


def _depths(lines: Sequence[Line], *, limit: int) -> list[int]:
    """How far each line is read: its part of an even share of the places, as if its priority had them all.

    Where others turn out shorter than that, the next claim gives it what is left.
    """
    sharers = Counter(share[0] for share in {line.share for line in lines})
    parts = Counter(line.share for line in lines)
    return [-(-limit // (sharers[line.priority] * parts[line.share])) for line in lines]


def _given(lines: Sequence[Line], *, allowed: Mapping[int, Allowance], limit: int) -> Sql:
    """A host is told by a number: one of its own where accounts share it, else the account's."""
    hosts = sorted({allowance.host for allowance in allowed.values() if allowance.host})
    rows = []
    for line, depth in zip(lines, _depths(lines, limit=limit), strict=True):
        allowance = allowed[line.account]
        host = -1 - hosts.index(allowance.host) if allowance.host else line.account
        of_host = allowance.calls_of_host if allowance.host else allowance.calls
        of_line = (line.badge, line.priority, depth, line.account, line.organization)
        rows.append((*of_line, allowance.calls, host, of_host))
    names = ("badge_id", "priority", "depth", "account_id", "organization_id")
    return relation((*names, "calls", "host", "calls_of_host"), rows)


def _first_of_each_line(status: Status, *, limit: int, now: datetime) -> Sql:
    """`head`: the first due rows of each line, that nobody works on and nobody wants back or erased."""
    postgresql = connection.vendor == "postgresql"
    sends = status == Status.QUEUED
    unwanted = "waiting.revoke_asked_at IS NULL AND waiting.erasure_due_at IS NULL"
    free = unwanted if sends else "COALESCE(waiting.lease_until <= {}, TRUE)"
    first = sql(
        f"""
        SELECT {"waiting.id, waiting.due_at" if postgresql else "waiting.id"} FROM {{}} AS waiting
        WHERE waiting.status = {{}} AND waiting.badge_id = line.badge_id
          AND waiting.priority = line.priority AND waiting.due_at <= {{}} AND {free}
        ORDER BY waiting.due_at, waiting.id LIMIT {{}}
        """,  # noqa: S608 - constants
        table(IssuedBadge),
        value(status.value),
        value(now),
        *([] if sends else [value(now)]),
        # SQLite lets no column say how many; it reads further, and counts the turns alike.
        Sql("line.depth") if postgresql else value(limit),
    )
    if postgresql:
        return sql("CROSS JOIN LATERAL ({} FOR UPDATE OF waiting SKIP LOCKED) AS head", first)
    # SQLite knows no LATERAL, and has one writer, which needs no lock.
    return sql("JOIN {} AS head ON head.id IN ({})", table(IssuedBadge), first)
