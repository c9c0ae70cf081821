"""Who looks at how far a learner is, and what makes the stored numbers out of date.

A page never works anything out. It notes that somebody looks (`look`), shows what is stored, and asks again
until the worker has answered. What changes somebody's progress asks in its own transaction (`ask`), for
those alone at whom somebody has looked lately: one UPDATE, whatever the number of learners.

What that costs where 40,000 learners meet 800 rules (PostgreSQL, on two busy cores): a pass over 5,000
changed learners asks in 15 ms where nobody looks, and in 70 ms where all of them do; saving a rule that
reaches all 40,000, of whom everybody has looked lately, takes 1.5 s. Who stops looking costs nothing after
thirty days.
Next: achievements.progress.working_out.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from django.db import connection
from django.db.models import Exists, F, OuterRef
from django.utils import timezone

from achievements.models import Look
from tms.hint import hint
from tms.models import Course, Organization, ProgressChange, User
from tms.sql import Sql, execute, in_list, sql, table, value

if TYPE_CHECKING:
    from collections.abc import Sequence

    from achievements.conditions.language import Rule
    from achievements.models import Achievement

WORK_OUT = "achievements.work_out_progress"
# For whom the numbers are kept up to date; others wait a moment when they look again.
LATELY = timedelta(days=30)
# A look is noted once in so long.
NOTED = timedelta(hours=1)
# Whatever nobody asked about, such as a record that was taken away by hand, is right again after that.
TRUSTED = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Known:
    """As of when the stored numbers are, if there are any, and whether newer ones are on their way."""

    as_of: datetime | None
    is_moving: bool


def look(learner: User) -> Known:
    """Somebody looks now: what is out of date is worked out, within seconds. One query, and two where that
    has to be written down."""
    now = timezone.now()
    waits = Exists(ProgressChange.objects.filter(learner=OuterRef("pk")))
    row = User.objects.filter(pk=learner.pk).values_list(
        "look__looked_at", "look__as_of", "look__asked", "look__answered", waits
    )
    looked_at, as_of, asked, answered, is_changing = row.get()
    if looked_at is None:
        Look.objects.bulk_create([Look(learner=learner, looked_at=now)], ignore_conflicts=True)
        hint(WORK_OUT)
        return Known(None, is_moving=True)
    is_due = asked > answered
    # Who was not looked at for long was not asked about either.
    is_stale = as_of is None or now - as_of > TRUSTED or now - looked_at > LATELY
    if is_stale and not is_due:
        Look.objects.filter(pk=learner.pk).update(looked_at=now, asked=F("asked") + 1)
        hint(WORK_OUT)
    elif now - looked_at > NOTED:
        Look.objects.filter(pk=learner.pk).update(looked_at=now)
    return Known(as_of, is_moving=is_due or is_stale or is_changing)


def ask(learners: Sequence[int]) -> None:
    """These learners have done or earned something. Last in its transaction: pages write the same rows."""
    if learners:
        _ask(in_list("look.learner_id", learners))


def ask_about(achievement: Achievement, rule: Rule) -> None:
    """The rule is another, or reaches others: all whom it may reach, in the transaction that says so."""
    if not achievement.enabled:
        return  # it is no longer shown; what is stored about it is in nobody's way
    ticked = Course.objects.filter(
        organization=achievement.organization_id, achievements_for_outside_organizations=True
    )
    if rule.names_courses and ticked.exists():
        _ask(Sql("TRUE"))
        return
    _ask(
        sql(
            f"""
            look.learner_id IN (
                SELECT person.id FROM {{}} AS person JOIN {{}} AS home ON home.id = person.organization_id
                WHERE home.id = {{}} {"OR home.participate_in_global_achievements" * achievement.is_global}
            )
            """,
            table(User),
            table(Organization),
            value(achievement.organization_id),
        )
    )


def _ask(which: Sql) -> None:
    # In one order, so that whoever asks about the same learners, or answers, never waits in a circle.
    held = "ORDER BY look.learner_id FOR UPDATE" if connection.vendor == "postgresql" else ""
    statement = sql(
        f"""
        UPDATE {{}} SET asked = asked + 1 WHERE learner_id IN (
            SELECT look.learner_id FROM {{}} AS look WHERE look.looked_at >= {{}} AND {{}} {held}
        )
        """,
        table(Look),
        table(Look),
        value(timezone.now() - LATELY),
        which,
    )
    if execute(statement):
        hint(WORK_OUT)
