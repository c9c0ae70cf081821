"""Writing awards: who won, the earliest first, within the places that are left."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

from achievements.conditions.counted import given_back
from achievements.conditions.daily import daily_winners, find_crossed, pause_of
from achievements.conditions.query import ActiveRule, Scope, winners
from achievements.evaluation.passes import Pass
from achievements.models import Achievement, Backfill, EarnedAchievement
from badges.models import Badge, IssuedBadge
from tms.sql import Sql, fetch, in_list, moment_of, next_id, sql, table, value


def insert(group: Sequence[ActiveRule], *, scope: Scope, this: Pass) -> list[tuple[int, int]]:
    """Insert what a group of `statements` wins now: the id and the achievement of each new award."""
    if scope.is_empty:
        return []
    active, found = group[0], winners(group, scope=scope)
    if not active.is_limited:
        return _write(found, this=this)
    if active.is_daily:
        return _insert_daily(active, found, this=this)
    taken, _last = places_taken(active.achievement)
    left = active.achievement.frequency - taken
    return _write(_earliest(found, left), this=this) if left > 0 else []


def places_taken(achievement: Achievement) -> tuple[int, datetime | None]:
    """How many learners hold what others compete for, and the moment of the latest award."""
    [(count, last)] = fetch(
        sql(
            "SELECT COUNT(DISTINCT award.learner_id), MAX(award.earned_at) FROM {} AS award"
            " WHERE award.achievement_id = {} AND NOT {}",
            table(EarnedAchievement),
            value(achievement.pk),
            given_back("award"),
        )
    )
    return count, moment_of(last) if last else None


def _earliest(found: Sql, count: int) -> Sql:
    return sql("SELECT * FROM ({}) AS every ORDER BY moment, last_id LIMIT {}", found, value(count))


def _insert_daily(active: ActiveRule, found: Sql, *, this: Pass) -> list[tuple[int, int]]:
    """One learner, then nobody for `frequency` calendar days of the achievement's organization.

    Who competes is asked once, and then they alone until none of them wins: those who did may win again.
    """
    crossed = fetch(sql("SELECT won.learner_id FROM ({}) AS won", found))
    competitors = Scope(learners=[learner_id for (learner_id,) in crossed])
    new: list[tuple[int, int]] = []
    while competitors.learners:
        find_crossed(active, scope=competitors)
        winning = daily_winners(active, scope=competitors, free_from=free_from(active))
        won = _write(winning, this=this)
        if not won:
            break
        new += won
    return new


def free_from(active: ActiveRule) -> datetime:
    """The beginning of the first day after the last award on which somebody may earn it."""
    _count, last = places_taken(active.achievement)
    if last is None:
        return datetime(1900, 1, 1, tzinfo=UTC)
    zone = ZoneInfo(active.achievement.organization.time_zone)
    free_day = last.astimezone(zone).date() + timedelta(days=pause_of(active))
    return datetime.combine(free_day, time.min, zone)


def _write(found: Sql, *, this: Pass) -> list[tuple[int, int]]:
    """Insert awards; one that was withdrawn and stands in nobody's way is made anew in its place.

    Where a badge may be issued, the award is written with the id that its intent will have (`_issue`): to
    link them afterwards would write every award twice, with all of its indexes.
    """
    statement = sql(
        """
        INSERT INTO {} (
            learner_id, achievement_id, occurrence, earned_at, earned_day, points, rule_version, snapshot,
            created_at, backfill_id, issued_badge_id
        )
        SELECT won.learner_id, won.achievement_id, won.occurrence, won.moment, won.day, achievement.points,
               achievement.rule_version, won.snapshot, {}, {},
               CASE WHEN badge.is_active AND NOT achievement.is_renewable THEN {} END
        FROM ({}) AS won
        JOIN {} AS achievement ON achievement.id = won.achievement_id
        LEFT JOIN {} AS badge ON badge.id = achievement.badge_id
        WHERE TRUE
        ON CONFLICT (learner_id, achievement_id, occurrence) DO UPDATE SET
            earned_at = excluded.earned_at, earned_day = excluded.earned_day, points = excluded.points,
            rule_version = excluded.rule_version, snapshot = excluded.snapshot,
            created_at = excluded.created_at, backfill_id = excluded.backfill_id,
            issued_badge_id = excluded.issued_badge_id, withdrawn_at = NULL
        WHERE {}.withdrawn_at IS NOT NULL
        RETURNING id, achievement_id
        """,
        table(EarnedAchievement),
        value(this.now),
        _backfill_of_won(this),
        next_id(IssuedBadge),
        found,
        table(Achievement),
        table(Badge),
        table(EarnedAchievement),
    )
    return [(pk, achievement_id) for pk, achievement_id in fetch(statement)]


def _backfill_of_won(this: Pass) -> Sql:
    """The backfill of the rule or, where one award led to another, the last that gave the learner one."""
    if not this.backfills:
        return Sql("NULL")
    ids = [backfill.pk for backfill in this.backfills]
    return sql(
        """
        COALESCE(
            (SELECT run.id FROM {} AS run WHERE run.achievement_id = won.achievement_id AND {}),
            (SELECT MAX(cause.backfill_id) FROM {} AS cause WHERE cause.learner_id = won.learner_id AND {})
        )
        """,
        table(Backfill),
        in_list("run.id", ids),
        table(EarnedAchievement),
        in_list("cause.backfill_id", ids),
    )
