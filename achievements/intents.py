"""From awards to badges: an intent for each badge and learner, and a link from each award to its badge.

Called by evaluation for what has just been earned, and by a sweep for whatever was earned before its badge
could be issued. Next: badges.issuing.issue_earned.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from achievements.lock import one_at_a_time
from achievements.models import Achievement, Backfill, EarnedAchievement
from badges.expiry import ended_at
from badges.intents import never_had
from badges.issuing import issue_earned as record_intents
from badges.models import Badge, IssuedBadge
from tms.sql import Sql, execute, fetch, in_list, not_in_list, sql, table, value


def issue_due() -> int:
    """Issue the badges of achievements whose badge was linked or changed; how many intents were new."""
    count = 0
    if not settings.BADGES_ENABLED:
        return count
    due = Achievement.objects.filter(issuing_due_at__isnull=False).values_list("pk", "issuing_due_at")
    for pk, since in list(due):
        with transaction.atomic():
            one_at_a_time()
            count += _issue_late(sql("award.achievement_id = {}", value(pk)))
            Achievement.objects.filter(pk=pk, issuing_due_at=since).update(issuing_due_at=None)
    return count


def issue_earned() -> int:
    """Earned × active badge × nothing issued, for everybody: a badge activated, an intent somehow missing."""
    if not settings.BADGES_ENABLED:
        return 0
    with transaction.atomic():
        one_at_a_time()
        return _issue_late(Sql("TRUE"))


def _issue_late(which: Sql) -> int:
    """What could not be issued when it was earned, as it would have been then. Of several awards that lead to
    one badge, a live one comes before those of backfills, and a silent one last."""
    silent = sql(
        "EXISTS (SELECT 1 FROM {} AS run WHERE run.id = award.backfill_id AND run.notification = {})",
        table(Backfill),
        value(Backfill.Notification.SILENT.value),
    )
    now = timezone.now()
    live = sql("{} AND award.backfill_id IS NULL", which)
    loud = sql("{} AND award.backfill_id IS NOT NULL AND NOT {}", which, silent)
    return (
        _issue(live, now=now)
        + _issue(loud, now=now, backfill=True)
        + _issue(sql("{} AND {}", which, silent), now=now, backfill=True, silent=True)
    )


def issue_new(
    awards: Sequence[int],
    *,
    learners: Sequence[int],
    now: datetime,
    backfill: bool = False,
    silent: bool = False,
) -> int:
    """Issue the badges of awards that this transaction made for these learners; how many intents were new.

    They carry the id that their intent takes. Where it takes another's, or there had been one before, they
    are linked to that.
    """
    which = in_list("award.id", awards)
    earned = _earned(which, reserved=Sql("MIN(award.issued_badge_id)"))
    new = record_intents(
        earned,
        now=now,
        learners=range(min(learners), max(learners) + 1),
        backfill=backfill,
        silent=silent,
    )
    in_vain = not_in_list("award.issued_badge_id", list(new))
    _link(sql("{} AND {}", which, in_vain))
    return len(new)


def _issue(which: Sql, *, now: datetime, backfill: bool = False, silent: bool = False) -> int:
    """Write the intents of a set of awards, then link each award that is not linked yet."""
    new = record_intents(_lacking(which), now=now, backfill=backfill, silent=silent)
    _link(sql("award.issued_badge_id IS NULL AND {}", which))
    return len(new)


def owed(achievement: Achievement) -> Sql:
    """learner_id and earned_at of those who have earned an achievement, as it is stored, and whom issue_due
    would issue its badge."""
    return never_had(_lacking(sql("award.achievement_id = {}", value(achievement.pk))))


def _lacking(which: Sql) -> Sql:
    """The badges of those of a set of awards that did not lead to it."""
    lacking = sql(
        "NOT EXISTS (SELECT 1 FROM {} AS led"
        " WHERE led.id = award.issued_badge_id AND led.badge_id = achievement.badge_id)",
        table(IssuedBadge),
    )
    return _earned(sql("{} AND {}", lacking, which), reserved=Sql("CAST(NULL AS BIGINT)"))


def count_awaiting(badge: Badge) -> int:
    """How many learners have earned a badge that is not active, and get it when it is."""
    which = sql("achievement.badge_id = {}", value(badge.pk))
    earned = _earned(which, reserved=Sql("CAST(NULL AS BIGINT)"), only_active=False)
    [(count,)] = fetch(sql("SELECT COUNT(DISTINCT learner_id) FROM ({}) AS awaiting", never_had(earned)))
    return int(count)


def _earned(which: Sql, *, reserved: Sql, only_active: bool = True) -> Sql:
    """What badges.issuing issues for a set of awards: a row for each badge and learner."""
    return sql(
        """
        SELECT achievement.badge_id AS badge_id, award.learner_id AS learner_id,
               achievement.is_renewable AS renews, MIN(award.earned_at) AS earned_at,
               CAST(MIN(award.id) AS VARCHAR(60)) AS source_key, {} AS reserved
        FROM {} AS award
        JOIN {} AS achievement ON achievement.id = award.achievement_id
        JOIN {} AS badge ON badge.id = achievement.badge_id
        WHERE {} AND award.withdrawn_at IS NULL AND {}
        GROUP BY achievement.badge_id, award.learner_id, achievement.is_renewable
        """,
        reserved,
        table(EarnedAchievement),
        table(Achievement),
        table(Badge),
        Sql("badge.is_active") if only_active else Sql("TRUE"),
        which,
    )


def _link(which: Sql) -> None:
    """Link a set of awards to the badges that they led to, or to none.

    What renews a badge is not linked to the one that had expired before.
    """
    execute(
        sql(
            """
            UPDATE {} AS award SET issued_badge_id = led.issued_badge_id
            FROM (
                SELECT award.id, MAX(issued.id) AS issued_badge_id
                FROM {} AS award
                JOIN {} AS achievement ON achievement.id = award.achievement_id
                LEFT JOIN {} AS issued
                  ON issued.badge_id = achievement.badge_id AND issued.learner_id = award.learner_id
                 AND NOT issued.was_undone
                 AND NOT (achievement.is_renewable AND COALESCE({} < award.earned_at, FALSE))
                WHERE achievement.badge_id IS NOT NULL AND award.withdrawn_at IS NULL AND {}
                GROUP BY award.id
            ) AS led
            WHERE award.id = led.id AND COALESCE(award.issued_badge_id, 0) <> COALESCE(led.issued_badge_id, 0)
            """,
            table(EarnedAchievement),
            table(EarnedAchievement),
            table(Achievement),
            table(IssuedBadge),
            ended_at("issued"),
            which,
        )
    )
