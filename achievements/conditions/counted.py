"""The rows that one condition counts: learning records or awards, with the moment at which each counted.

    learner_id, id, item, moment, day and, where sums are asked, amount

This module knows what counts and when; how many are needed, and of whom it is asked, is counting.py's affair.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from django.db import connection

from achievements.conditions.language import Condition, Subject
from achievements.models import Achievement, Backfill, EarnedAchievement
from badges.expiry import ended_at
from badges.models import IssuedBadge
from tms.models import Course, LearningRecord, ProgressChange, Subscription
from tms.sql import Sql, between, in_list, join, sql, table, value

TAGGED = Course.tags.through


@dataclass(frozen=True, slots=True, kw_only=True)
class Scope:
    """Which learners to look at: those listed, those of a range of ids, the one that an expression names,
    all who have a change waiting, or everybody. `among` narrows any of these to the learner_id of a query."""

    learners: Sequence[int] | None = None
    first: int | None = None
    last: int | None = None
    expression: str = ""
    changed: bool = False
    among: Sql | None = None

    @property
    def size(self) -> int:
        """How many learners were asked about, where the scope itself says so; a range counts its ids."""
        if self.learners is not None:
            return len(self.learners)
        if self.first is not None and self.last is not None:
            return self.last - self.first + 1
        return 0

    @property
    def is_empty(self) -> bool:
        return self.learners is not None and not self.learners

    def clause(self, column: str) -> Sql:
        if self.among is not None:
            wide = replace(self, among=None).clause(column)
            return sql(
                f"{{}} AND {column} IN (SELECT short.learner_id FROM ({{}}) AS short)", wide, self.among
            )
        if self.changed:
            return sql(column + " IN (SELECT change.learner_id FROM {} AS change)", table(ProgressChange))
        if self.expression:
            return Sql(f"{column} = {self.expression}")
        if self.learners is not None:
            return in_list(column, self.learners)
        if self.first is not None and self.last is not None:
            return between(column, range(self.first, self.last + 1))
        return Sql("TRUE")

    def bounds(self, column: str) -> Sql:
        """The range of ids again, where it is known, for rows that are reached by a join: a planner that
        merges or hashes them then reads those of these learners and not all there are. Never the list, which
        an index would go through for each row."""
        if self.learners:
            return between(column, range(min(self.learners), max(self.learners) + 1))
        if self.first is not None and self.last is not None:
            return between(column, range(self.first, self.last + 1))
        return Sql("TRUE")


EVERYBODY = Scope()


@dataclass(frozen=True, slots=True, kw_only=True)
class Counting:
    """One condition to be counted for one achievement. `key` tells it apart within a statement.

    `times` is how often the achievement may be earned; `outside` restricts the records to ticked courses of
    the achievement's organization; `unused` to those after the learner's last award of it; `renewed` to those
    after the end of its badge, and to none while there is no such end.
    """

    key: int
    condition: Condition
    achievement_id: int
    organization_id: int
    zone: str
    times: int = 1
    outside: bool = False
    unused: bool = False
    renewed: bool = False


def counted(counting: Counting, *, scope: Scope, listed: bool = True, shared: bool = False) -> Sql:
    """The rows that count. `listed` false leaves the list of ids to a join with those of each counting.

    An achievement never counts itself; where several share a statement (`shared`), only learners who lack
    it are asked about, which comes to the same.
    """
    if counting.condition.subject is Subject.ACHIEVEMENT:
        return _counted_awards(counting, scope=scope, listed=listed, shared=shared)
    return _counted_records(counting, scope=scope, listed=listed)


def _counted_records(counting: Counting, *, scope: Scope, listed: bool) -> Sql:
    c = counting.condition
    moment, day, tests = _moment(c)
    held = [Sql(f"r.subject = {int(_record_subject(c))}"), scope.clause("r.learner_id"), *tests]
    if listed:
        held += _listed(c)
    held += _narrowed(c, moment=moment, zone=counting.zone)
    if c.subject is Subject.SUBSCRIPTION:
        held.append(_subscribed(c, moment=moment))
    if counting.unused:
        held.append(_unused(counting, moment=moment))
    if counting.renewed:
        held.append(_renewed(counting, moment=moment))
    if counting.outside:
        held.append(
            sql(
                "r.course_id IN (SELECT ticked.id FROM {} AS ticked WHERE ticked.organization_id = {}"
                " AND ticked.achievements_for_outside_organizations)",
                table(Course),
                value(counting.organization_id),
            )
        )
    columns = f"r.learner_id, r.id, {_item(c)} AS item, {moment} AS moment, {day} AS day"
    if c.minutes:
        columns += ", COALESCE(r.minutes, 0) AS amount"
    if c.subject is Subject.STREAK:
        columns += ", r.utc_offset"
    return sql(f"SELECT {columns} FROM {{}} AS r WHERE {{}}", table(LearningRecord), join(" AND ", held))


def _record_subject(c: Condition) -> int:
    if c.subject is Subject.LAB:
        return LearningRecord.Subject.LAB
    if c.subject in {Subject.ACTIVITY, Subject.STREAK}:
        return LearningRecord.Subject.ACTIVITY
    return LearningRecord.Subject.COURSE


def _item(c: Condition) -> str:
    if c.subject is Subject.LAB:
        return "r.lab_id"
    return "r.other_id" if c.distinct_people else "r.course_id"


def _moment(c: Condition) -> tuple[str, str, list[Sql]]:
    """The moment and the local day of a record, and what must hold for it to count.

    A result (passed, score, minutes) of a launch that was never completed is known when its minutes are over.
    """
    tests = []
    if c.passed:
        tests.append(Sql("r.passed"))
    if c.min_score is not None:
        tests.append(sql("r.score >= {}", value(c.min_score)))
    if c.min_minutes:
        tests.append(sql("r.minutes >= {}", value(c.min_minutes)))
    if c.complete:
        return "r.completed_at", "r.completed_day", [*tests, Sql("r.completed_at IS NOT NULL")]
    if tests:
        return (
            f"COALESCE(r.completed_at, {_minutes_later()})",
            "COALESCE(r.completed_day, r.started_day)",
            tests,
        )
    return "r.started_at", "r.started_day", tests


def _minutes_later() -> str:
    if connection.vendor == "postgresql":
        return "r.started_at + COALESCE(r.minutes, 0) * INTERVAL '1 minute'"
    # Django's own function for SQLite, to the microsecond; strftime rounds to a thousandth.
    microseconds = "CAST(ROUND(COALESCE(r.minutes, 0) * 60000000) AS INTEGER)"
    return f"django_format_dtdelta('+', r.started_at, {microseconds})"


def _listed(c: Condition) -> list[Sql]:
    tests = []
    if c.lab_ids:
        tests.append(in_list("r.lab_id", c.lab_ids))
    if c.course_ids:
        tests.append(in_list("r.course_id", c.course_ids))
    if c.tag_ids:
        tests.append(sql("r.course_id IN ({})", _courses_of(c.tag_ids)))
    return tests


def _courses_of(tags: Sequence[int]) -> Sql:
    return sql(
        "SELECT tagged.course_id FROM {} AS tagged WHERE {}",
        table(TAGGED),
        in_list("tagged.coursetag_id", tags),
    )


def _narrowed(c: Condition, *, moment: str, zone: str) -> list[Sql]:
    """Exclusions, kinds, people and the window of time."""
    tests = []
    if c.kinds or c.subject is Subject.STREAK:
        tests.append(_among("r.kind", c.kinds or ("session",)))
    if c.distinct_people:
        tests.append(Sql("r.other_id IS NOT NULL AND r.other_id <> r.learner_id"))
    for column, ids in (("r.lab_id", c.exclude_lab_ids), ("r.course_id", c.exclude_course_ids)):
        if ids:
            tests.append(sql(f"({column} IS NULL OR NOT {{}})", in_list(column, ids)))
    if c.exclude_tag_ids:
        tests.append(sql("r.course_id NOT IN ({})", _courses_of(c.exclude_tag_ids)))
    if c.after:
        tests.append(sql(f"{moment} >= {{}}", value(_start(c.after, zone))))
    if c.before:
        operator = "<=" if isinstance(c.before, datetime) else "<"
        limit = c.before if isinstance(c.before, datetime) else c.before + timedelta(days=1)
        tests.append(sql(f"{moment} {operator} {{}}", value(_start(limit, zone))))
    return tests


def _among(column: str, words: Sequence[str]) -> Sql:
    return sql(f"{column} IN ({{}})", join(", ", [value(word) for word in words]))


def _start(limit: date | datetime, zone: str) -> datetime:
    """The instant at which a date begins, or of a time, in the zone of the achievement's organization."""
    if not isinstance(limit, datetime):
        limit = datetime.combine(limit, time.min)
    return limit if limit.tzinfo else limit.replace(tzinfo=ZoneInfo(zone))


def _subscribed(c: Condition, *, moment: str) -> Sql:
    tests = [
        Sql("s.id = r.subscription_id"),
        Sql(f"s.starts_at <= {moment} AND (s.expires_at IS NULL OR s.expires_at >= {moment})"),
    ]
    if c.club_ids:
        tests.append(in_list("s.subscription_profile_id", c.club_ids))
    if c.exclude_club_ids:
        tests.append(sql("NOT {}", in_list("s.subscription_profile_id", c.exclude_club_ids)))
    return sql("EXISTS (SELECT 1 FROM {} AS s WHERE {})", table(Subscription), join(" AND ", tests))


def _unused(counting: Counting, *, moment: str) -> Sql:
    return sql(
        f"NOT EXISTS (SELECT 1 FROM {{}} AS used WHERE used.learner_id = r.learner_id"
        f" AND used.achievement_id = {{}} AND used.earned_at >= {moment} AND NOT {{}})",
        table(EarnedAchievement),
        value(counting.achievement_id),
        given_back("used"),
    )


def _renewed(counting: Counting, *, moment: str) -> Sql:
    """After the badge of each earlier award has expired, if there is any."""
    return sql(
        f"""
        NOT EXISTS (
            SELECT 1 FROM {{}} AS used
            LEFT JOIN {{}} AS issued ON issued.id = used.issued_badge_id
            WHERE used.learner_id = r.learner_id AND used.achievement_id = {{}} AND NOT {{}}
              AND NOT COALESCE({{}} < {moment}, FALSE)
        )
        """,
        table(EarnedAchievement),
        table(IssuedBadge),
        value(counting.achievement_id),
        given_back("used"),
        ended_at("issued"),
    )


def given_back(award: str) -> Sql:
    """Whether the award of this name was withdrawn when a backfill was undone, and the rule has been edited
    since, its own or the one that the backfill was for. Such an award stands in nobody's way."""
    return sql(
        f"""
        ({award}.withdrawn_at IS NOT NULL AND EXISTS (
            SELECT 1 FROM {{}} AS run
            JOIN {{}} AS cause ON cause.id = run.achievement_id
            JOIN {{}} AS own ON own.id = {award}.achievement_id
            WHERE run.id = {award}.backfill_id
              AND (run.rule_version < cause.rule_version
                   OR (own.id <> cause.id AND {award}.rule_version < own.rule_version))
        ))
        """,
        table(Backfill),
        table(Achievement),
        table(Achievement),
    )


def _counted_awards(counting: Counting, *, scope: Scope, listed: bool, shared: bool) -> Sql:
    """Awards that were not withdrawn; an achievement never counts itself."""
    c = counting.condition
    tests = [Sql("r.withdrawn_at IS NULL"), scope.clause("r.learner_id")]
    if counting.outside:
        tests.append(Sql("FALSE"))  # an award is no record of a ticked course
    if not shared:
        tests.append(sql("r.achievement_id <> {}", value(counting.achievement_id)))
    if listed and c.achievement_ids:
        tests.append(in_list("r.achievement_id", c.achievement_ids))
    if c.exclude_achievement_ids:
        tests.append(sql("NOT {}", in_list("r.achievement_id", c.exclude_achievement_ids)))
    if counting.unused:
        tests.append(_unused(counting, moment="r.earned_at"))
    if counting.renewed:
        tests.append(_renewed(counting, moment="r.earned_at"))
    tests += _narrowed(_only_window(c), moment="r.earned_at", zone=counting.zone)
    return sql(
        "SELECT r.learner_id, r.id, r.achievement_id AS item, r.earned_at AS moment, r.earned_day AS day,"
        " r.points AS amount FROM {} AS r WHERE {}",
        table(EarnedAchievement),
        join(" AND ", tests),
    )


def _only_window(c: Condition) -> Condition:
    return Condition(subject=c.subject, after=c.after, before=c.before, points=c.points or 1)
