"""From typed conditions to SQL: the only interpreter of the language.

`winners` gives the statement that finds who meets a rule, when, and by which records. Awarding inserts what
it yields; one learner is the same statement with a narrower Scope. Each condition becomes a subquery with
the columns learner_id, moment and records (a JSON list of ids), at most one row for each learner; the
conditions are joined on the learner, and the rule was met at the latest of their moments.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from django.db import connection

from achievements.conditions.language import Condition, Rule, Subject
from achievements.models import EarnedAchievement
from tms.models import Course, LearningRecord, Organization, User
from tms.sql import Sql, in_list, join, json_array, json_list, json_object, latest, sql, table, value

if TYPE_CHECKING:
    from achievements.models import Achievement

TAGGED = Course.tags.through


@dataclass(frozen=True, slots=True, kw_only=True)
class Scope:
    """Which learners to look at: those listed, those of a range of ids, or everybody."""

    learners: Sequence[int] | None = None
    first: int | None = None
    last: int | None = None

    def clause(self, column: str) -> Sql:
        if self.learners is not None:
            return in_list(column, self.learners)
        if self.first is not None and self.last is not None:
            return sql(column + " BETWEEN {} AND {}", value(self.first), value(self.last))
        return Sql("TRUE")


EVERYBODY = Scope()


def winners(achievement: Achievement, rule: Rule, *, scope: Scope = EVERYBODY) -> Sql:
    """Who meets the rule, passes every gate and has not been awarded: learner_id, moment, snapshot, zone.

    Two kinds of learners may earn: insiders by all their records, outsiders only by records of ticked
    courses of the achievement's organization. The gates are read live.
    """
    kinds = [_met(achievement, rule, scope=scope, outside=False)]
    if names_courses(rule):
        kinds.append(_met(achievement, rule, scope=scope, outside=True))
    return join(" UNION ALL ", kinds)


def names_courses(rule: Rule) -> bool:
    return any(condition.course_ids or condition.tag_ids for condition in rule.conditions)


def _met(achievement: Achievement, rule: Rule, *, scope: Scope, outside: bool) -> Sql:
    parts = [
        _condition(achievement, condition, scope=scope, outside=outside) for condition in rule.conditions
    ]
    names = [f"c{number}" for number in range(len(parts))]
    joined = sql("({}) AS c0", parts[0])
    for name, part in zip(names[1:], parts[1:], strict=True):
        joined += sql(f" JOIN ({{}}) AS {name} ON {name}.learner_id = c0.learner_id", part)
    moment = latest([f"{name}.moment" for name in names])
    snapshot = json_object(
        "'conditions', "
        + json_list(
            json_object(f"'needed', {_needed(condition)}, 'have', {name}.have, 'records', {_json(name)}")
            for name, condition in zip(names, rule.conditions, strict=True)
        )
    )
    return sql(
        f"""
        SELECT c0.learner_id AS learner_id, {moment} AS moment, {snapshot} AS snapshot,
               COALESCE(NULLIF(person.time_zone, ''), home.time_zone) AS zone
        FROM {{}}
        JOIN {{}} AS person ON person.id = c0.learner_id
        JOIN {{}} AS home ON home.id = person.organization_id
        WHERE {{}}
          AND NOT EXISTS (
              SELECT 1 FROM {{}} AS held
              WHERE held.learner_id = c0.learner_id AND held.achievement_id = {{}} AND held.occurrence = 1
          )
        """,
        joined,
        table(User),
        table(Organization),
        _gates(achievement, outside=outside),
        table(EarnedAchievement),
        value(achievement.pk),
    )


def _json(name: str) -> str:
    # SQLite forgets that a text is JSON when it leaves a subquery.
    return f"json({name}.records)" if connection.vendor == "sqlite" else f"{name}.records"


def _needed(condition: Condition) -> int:
    return condition.points or condition.needed


def _gates(achievement: Achievement, *, outside: bool) -> Sql:
    inside = sql("person.organization_id = {}", value(achievement.organization_id))
    if achievement.is_global:
        inside = sql("({} OR home.participate_in_global_achievements)", inside)
    return sql(
        "home.enable_achievements AND person.participate_in_achievements"
        " AND person.opted_out_at IS NULL AND {}",
        sql("NOT {}", inside) if outside else inside,
    )


def _condition(achievement: Achievement, condition: Condition, *, scope: Scope, outside: bool) -> Sql:
    if condition.subject is Subject.ACHIEVEMENT:
        counted = _awards(achievement, condition, scope=scope)
        return _enough_points(condition, counted) if condition.points else _enough(condition, counted)
    return _enough(condition, _records(achievement, condition, scope=scope, outside=outside))


def _records(achievement: Achievement, condition: Condition, *, scope: Scope, outside: bool) -> Sql:
    """The learning records that count: learner_id, id, item, moment, day."""
    subject = (
        LearningRecord.Subject.LAB if condition.subject is Subject.LAB else LearningRecord.Subject.COURSE
    )
    item = "lab_id" if condition.subject is Subject.LAB else "course_id"
    moment, day, held = _moment(condition)
    tests = [Sql(f"r.subject = {int(subject)}"), scope.clause("r.learner_id")]
    tests += [Sql(test) for test in held]
    if condition.lab_ids:
        tests.append(in_list("r.lab_id", condition.lab_ids))
    if condition.course_ids:
        tests.append(in_list("r.course_id", condition.course_ids))
    if condition.tag_ids:
        tests.append(
            sql(
                "r.course_id IN (SELECT tagged.course_id FROM {} AS tagged WHERE {})",
                table(TAGGED),
                in_list("tagged.coursetag_id", condition.tag_ids),
            )
        )
    if condition.min_minutes:
        tests.append(sql("r.minutes >= {}", value(condition.min_minutes)))
    if outside:
        tests.append(
            sql(
                "r.course_id IN (SELECT ticked.id FROM {} AS ticked WHERE ticked.organization_id = {}"
                " AND ticked.achievements_for_outside_organizations)",
                table(Course),
                value(achievement.organization_id),
            )
        )
    return sql(
        f"SELECT r.learner_id, r.id, r.{item} AS item, {moment} AS moment, {day} AS day"
        " FROM {} AS r WHERE {}",
        table(LearningRecord),
        join(" AND ", tests),
    )


def _moment(condition: Condition) -> tuple[str, str, list[str]]:
    """The moment and the local day of a record, and what must hold for it to count.

    A result (passed, minutes) of a launch that was never completed is known when its minutes are over.
    """
    held = ["r.passed"] if condition.passed else []
    if condition.complete:
        return "r.completed_at", "r.completed_day", [*held, "r.completed_at IS NOT NULL"]
    if condition.passed or condition.min_minutes:
        return (
            f"COALESCE(r.completed_at, {_minutes_later()})",
            "COALESCE(r.completed_day, r.started_day)",
            held,
        )
    return "r.started_at", "r.started_day", held


def _minutes_later() -> str:
    if connection.vendor == "postgresql":
        return "r.started_at + COALESCE(r.minutes, 0) * INTERVAL '1 minute'"
    return "strftime('%%Y-%%m-%%d %%H:%%M:%%f', r.started_at, (COALESCE(r.minutes, 0) * 60) || ' seconds')"


def _awards(achievement: Achievement, condition: Condition, *, scope: Scope) -> Sql:
    """The awards that count, in the columns of _records and with points; never the achievement's own."""
    tests = [
        Sql("e.withdrawn_at IS NULL"),
        scope.clause("e.learner_id"),
        sql("e.achievement_id <> {}", value(achievement.pk)),
    ]
    if condition.achievement_ids:
        tests.append(in_list("e.achievement_id", condition.achievement_ids))
    return sql(
        "SELECT e.learner_id, e.id, e.achievement_id AS item, e.earned_at AS moment, e.earned_day AS day,"
        " e.points AS points FROM {} AS e WHERE {}",
        table(EarnedAchievement),
        join(" AND ", tests),
    )


def _enough(condition: Condition, counted: Sql) -> Sql:
    """The first `needed` of what counts (different items if distinct, within one day if asked)."""
    group = "learner_id, day" if condition.single_day else "learner_id"
    if condition.distinct:
        counted = sql(
            f"""
            SELECT learner_id, id, item, moment, day FROM (
                SELECT learner_id, id, item, moment, day,
                       ROW_NUMBER() OVER (PARTITION BY {group}, item ORDER BY moment, id) AS turn
                FROM ({{}}) AS counted
            ) AS items WHERE turn = 1
            """,
            counted,
        )
    reached = sql(
        f"""
        SELECT learner_id, {"day," if condition.single_day else ""} MAX(moment) AS moment,
               COUNT(*) AS have, {json_array("id")} AS records
        FROM (
            SELECT learner_id, id, moment, day,
                   ROW_NUMBER() OVER (PARTITION BY {group} ORDER BY moment, id) AS number
            FROM ({{}}) AS counted
        ) AS numbered
        WHERE number <= {condition.needed}
        GROUP BY {group} HAVING COUNT(*) = {condition.needed}
        """,
        counted,
    )
    if not condition.single_day:
        return reached
    return sql(
        """
        SELECT learner_id, moment, have, records FROM (
            SELECT learner_id, moment, have, records,
                   ROW_NUMBER() OVER (PARTITION BY learner_id ORDER BY day) AS turn
            FROM ({}) AS days
        ) AS ordered WHERE turn = 1
        """,
        reached,
    )


def _enough_points(condition: Condition, awards: Sql) -> Sql:
    """The awards up to the one whose points cross the threshold."""
    return sql(
        f"""
        SELECT learner_id, MAX(moment) AS moment, SUM(points) AS have, {json_array("id")} AS records
        FROM (
            SELECT learner_id, id, moment, points,
                   SUM(points) OVER (
                       PARTITION BY learner_id ORDER BY moment, id ROWS UNBOUNDED PRECEDING
                   ) AS total
            FROM ({{}}) AS counted
        ) AS running
        WHERE total - points < {condition.points}
        GROUP BY learner_id HAVING SUM(points) >= {condition.points}
        """,
        awards,
    )
