"""The rows that say that a badge is to be issued, written for many at once by one statement."""

from __future__ import annotations

from datetime import datetime
from functools import partial

from django.db import transaction
from django.utils import timezone

from badges import events
from badges.expiry import ended_at
from badges.hints import DELIVER
from badges.models import IssuedBadge
from badges.sharing.choices import carry_over
from tms.hint import hint
from tms.models import User
from tms.sql import Sql, between, fetch, next_id, sql, table, unsought, value


def record(
    select: Sql,
    *,
    priority: IssuedBadge.Priority,
    source_kind: str,
    now: datetime | None = None,
    issued_by: User | None = None,
    silent: bool = False,
    reason: Sql | None = None,
    expires_at: Sql | None = None,
    evidence: Sql | None = None,
    new_id: Sql | None = None,
) -> list[int]:
    """Write intents; the ids of those that are new (next: delivery.deliver).

    `select` yields badge_id, learner_id, earned_at and source_key, and whatever else the expressions name as
    columns of `earned`. Whoever has a live row already is passed over: the constraint decides, also between
    two who ask at once. Everybody writes in the same order, so that nobody waits for another in a circle.
    What has expired is replaced by the new one.
    """
    now = now or timezone.now()
    statement = sql(
        """
        INSERT INTO {} (
            id, badge_id, learner_id, status, hold_reason, source_kind, source_key, issued_by_id, reason,
            priority, suppress_notification, earned_at, recipient_email, created_at, due_at, external_uuid,
            external_state, external_url, accept_url, attempts, lookups_missed, lookups_failed,
            ended_reason, failure_code, failure_message, provider_message, correction_problem, expires_at,
            evidence, replaces_id
        )
        SELECT {}, earned.badge_id, earned.learner_id, 'queued', '', {}, earned.source_key, {}, {},
               {}, {}, earned.earned_at, person.email, {}, {}, '', '', '', '', 0, 0, 0,
               '', '', '', '', '', {}, {}, (
                   SELECT MAX(past.id) FROM {} AS past
                   WHERE past.badge_id = earned.badge_id AND past.learner_id = earned.learner_id
                     AND past.status = 'expired'
               )
        FROM ({}) AS earned
        JOIN {} AS person ON person.id = earned.learner_id
        WHERE person.closed_at IS NULL
        ORDER BY earned.badge_id, earned.learner_id, earned.earned_at
        ON CONFLICT DO NOTHING
        RETURNING id, replaces_id
        """,
        table(IssuedBadge),
        new_id or next_id(IssuedBadge),
        value(source_kind),
        value(issued_by and issued_by.pk),
        reason or value(""),
        value(int(priority)),
        value(silent),
        value(now),
        value(now),
        expires_at or value(None),
        evidence or value("[]"),
        table(IssuedBadge),
        select,
        table(User),
    )
    recorded = fetch(statement)
    new = [pk for pk, _replaces in recorded]
    if renewals := [pk for pk, replaces in recorded if replaces]:
        carry_over(renewals)
    if new:
        transaction.on_commit(partial(events.announce, events.badge_awarded, new), robust=True)
        hint(DELIVER)
    return new


def never_had(pairs: Sql, *, learners: range | None = None) -> Sql:
    """Of rows with badge_id, learner_id, earned_at and renews, those for which no badge of ours was ever on
    its way, but for one that was cancelled when the awards that led to it were taken back, and for one that
    had expired when what `renews` it was earned. No others than `learners` are read of, where it is given."""
    return sql(
        """
        SELECT pair.* FROM ({}) AS pair
        WHERE NOT EXISTS (
            SELECT 1 FROM {} AS known
            WHERE known.learner_id = pair.learner_id AND known.badge_id = pair.badge_id
              AND NOT known.was_undone AND {}
              AND NOT (pair.renews AND COALESCE({} < pair.earned_at, FALSE))
        )
        """,
        pairs,
        table(IssuedBadge),
        Sql("TRUE") if learners is None else between(unsought("known.learner_id"), learners),
        ended_at("known"),
    )
