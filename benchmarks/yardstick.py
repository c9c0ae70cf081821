"""What there is to reach: the same rules as hand-written SQL over narrow tables of its own.

No language, no gates, no evidence; only who earned what and when. It writes what the product has to write: an
award, an intent to issue and a message, in tables with the product's columns, keys and indexes. Rules of one
shape share a statement, but for sets of labs or courses, which are joined one by one in a full run. `firsts`,
who finished an item and when first, is kept beside the records and never paid for here, except by the records
that are new.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

from django.db import connection, transaction

from benchmarks.rules import Asked, Shape

CHUNK = 25_000
# A planner that saw the tables of awards empty reads what goes in again for each row of it.
FIRST_CHUNK = 250
# Courses and labs in one space of numbers: a course's is its id and this.
COURSE = 100_000
SETTINGS = {
    "work_mem": "'64MB'",
    "jit": "off",
    "random_page_cost": "1.1",
    "max_parallel_workers_per_gather": "0",
}

TABLES = """
CREATE SCHEMA yardstick;
CREATE TABLE yardstick.completions (
    id bigint PRIMARY KEY, user_id int NOT NULL, kind smallint NOT NULL, object_id int NOT NULL,
    completed_at timestamptz, passed boolean NOT NULL
);
CREATE TABLE yardstick.firsts (
    user_id int NOT NULL, object_id int NOT NULL, kind smallint NOT NULL, first_at timestamptz NOT NULL
);
CREATE TABLE yardstick.awards (LIKE achievements_earnedachievement INCLUDING ALL);
CREATE TABLE yardstick.intents (LIKE badges_issuedbadge INCLUDING ALL);
CREATE TABLE yardstick.messages (LIKE tms_notification INCLUDING ALL);
ALTER TABLE yardstick.awards ADD FOREIGN KEY (learner_id) REFERENCES tms_user DEFERRABLE INITIALLY DEFERRED,
    ADD FOREIGN KEY (achievement_id) REFERENCES achievements_achievement DEFERRABLE INITIALLY DEFERRED;
ALTER TABLE yardstick.intents ADD FOREIGN KEY (learner_id) REFERENCES tms_user DEFERRABLE INITIALLY DEFERRED,
    ADD FOREIGN KEY (badge_id) REFERENCES badges_badge DEFERRABLE INITIALLY DEFERRED;
ALTER TABLE yardstick.messages ADD FOREIGN KEY (user_id) REFERENCES tms_user DEFERRABLE INITIALLY DEFERRED;
CREATE TABLE yardstick.rules (
    id int PRIMARY KEY, shape text NOT NULL, kind smallint NOT NULL, needed int NOT NULL, points int NOT NULL
);
CREATE TABLE yardstick.rule_objects (rule_id int NOT NULL, object_id int NOT NULL);
CREATE TABLE yardstick.rule_tags (rule_id int NOT NULL, tag_id int NOT NULL);
CREATE TABLE yardstick.object_tags (object_id int NOT NULL, tag_id int NOT NULL);
"""

# Finished items of kind 0 (labs and exams) and 10 (courses).
FILL = f"""
INSERT INTO yardstick.completions
    SELECT id, learner_id, subject, coalesce(lab_id, course_id + {COURSE}), completed_at,
           completed_at IS NOT NULL
    FROM tms_learningrecord ORDER BY id;
INSERT INTO yardstick.firsts
    SELECT user_id, object_id, min(kind), min(completed_at) FROM yardstick.completions WHERE passed
    GROUP BY user_id, object_id;
CREATE INDEX ON yardstick.completions (user_id, completed_at) INCLUDE (kind, object_id, passed);
CREATE UNIQUE INDEX ON yardstick.firsts (user_id, object_id) INCLUDE (kind, first_at);
CREATE INDEX ON yardstick.firsts (object_id, user_id) INCLUDE (first_at);
CREATE INDEX ON yardstick.rule_objects (object_id);
CREATE INDEX ON yardstick.object_tags (object_id, tag_id);
INSERT INTO yardstick.object_tags SELECT course_id + {COURSE}, coursetag_id FROM tms_course_tags;
"""
NAMES = (
    "completions",
    "firsts",
    "awards",
    "intents",
    "messages",
    "rules",
    "rule_objects",
    "rule_tags",
    "object_tags",
)

# Each yields user_id, rule_id, earned_at. {users} narrows a row to a chunk or to the learners who changed.
SHAPES = {
    Shape.COUNT: """
        SELECT n.user_id, r.id AS rule_id, n.completed_at AS earned_at
        FROM (
            SELECT c.user_id, c.kind, c.completed_at,
                   row_number() OVER (PARTITION BY c.user_id, c.kind ORDER BY c.completed_at) AS nth
            FROM yardstick.completions c WHERE c.passed AND {users:c}
        ) n
        JOIN yardstick.rules r ON r.shape = 'count' AND r.kind = n.kind AND r.needed = n.nth
    """,
    Shape.TAG: """
        SELECT n.user_id, r.id, n.first_at
        FROM (
            SELECT f.user_id, t.tag_id, f.first_at,
                   row_number() OVER (PARTITION BY f.user_id, t.tag_id ORDER BY f.first_at) AS nth
            FROM yardstick.firsts f JOIN yardstick.object_tags t USING (object_id)
            WHERE f.kind = 10 AND {users:f}
        ) n
        JOIN yardstick.rule_tags g ON g.tag_id = n.tag_id
        JOIN yardstick.rules r ON r.id = g.rule_id AND r.needed = n.nth
    """,
    Shape.DAY: """
        SELECT n.user_id, r.id, min(n.completed_at)
        FROM (
            SELECT c.user_id, c.completed_at,
                   row_number() OVER (PARTITION BY c.user_id, c.day ORDER BY c.completed_at) AS nth
            FROM (
                SELECT c.user_id, c.completed_at, (c.completed_at AT TIME ZONE 'UTC')::date AS day
                FROM yardstick.completions c WHERE c.passed AND c.kind = 0 AND {users:c}
            ) c {days}
        ) n
        JOIN yardstick.rules r ON r.shape = 'in one day' AND r.needed = n.nth
        GROUP BY n.user_id, r.id
    """,
    Shape.EXAM: """
        SELECT f.user_id, o.rule_id, f.first_at
        FROM yardstick.rule_objects o
        JOIN yardstick.rules r ON r.id = o.rule_id AND r.shape = 'exam passed'
        JOIN yardstick.firsts f USING (object_id)
        WHERE {users:f}
    """,
    Shape.POINTS: """
        SELECT n.user_id, r.id, n.earned_at
        FROM (
            SELECT a.learner_id AS user_id, a.earned_at, a.points,
                   sum(a.points) OVER (PARTITION BY a.learner_id ORDER BY a.earned_at, a.id) AS total
            FROM yardstick.awards a
            WHERE a.points > 0 AND {learners:a}
        ) n
        JOIN yardstick.rules r ON r.shape = 'points' AND n.total >= r.needed AND n.total - n.points < r.needed
    """,
}
# A set of four, all at once for few learners; `one_of` is the better form over everybody.
SETS = """
    SELECT f.user_id, o.rule_id, max(f.first_at)
    FROM yardstick.firsts f
    JOIN yardstick.rule_objects o USING (object_id)
    JOIN yardstick.rules r ON r.id = o.rule_id AND r.shape = 'all of four'
    WHERE {users:f}
    GROUP BY f.user_id, o.rule_id HAVING count(*) = 4
"""
# `intent` is the columns of an intent that have no value of their own here, with what stands for nothing.
WRITE = """
WITH new AS (
    INSERT INTO yardstick.awards
        (learner_id, achievement_id, occurrence, earned_at, earned_day, points, rule_version, snapshot)
    SELECT e.user_id, e.rule_id, 1, e.earned_at, e.earned_at::date, g.points, 1, '{{}}'
    FROM ({earned}) AS e (user_id, rule_id, earned_at)
    JOIN yardstick.rules g ON g.id = e.rule_id
    WHERE NOT EXISTS (
        SELECT FROM yardstick.awards a
        WHERE a.learner_id = e.user_id AND a.achievement_id = e.rule_id AND a.occurrence = 1 AND {held}
    )
    ON CONFLICT DO NOTHING RETURNING id, learner_id, achievement_id, earned_at
), told AS (
    INSERT INTO yardstick.messages (user_id, kind, key, created_at)
    SELECT learner_id, 'achievement_earned', id, now() FROM new
)
INSERT INTO yardstick.intents
    (badge_id, learner_id, status, source_kind, source_key, priority, earned_at, recipient_email, {names})
SELECT achievement.badge_id, new.learner_id, 'queued', 'achievement', new.id::text, 10, new.earned_at,
       person.email, {nothing}
FROM new
JOIN achievements_achievement AS achievement ON achievement.id = new.achievement_id
JOIN tms_user AS person ON person.id = new.learner_id
"""
GIVEN = {"badge_id", "learner_id", "status", "source_kind", "source_key", "priority", "earned_at"}
GIVEN |= {"recipient_email"}
NOTHING = {
    "boolean": "false",
    "character varying": "''",
    "text": "''",
    "jsonb": "'[]'",
    "timestamp with time zone": "now()",
}
TOUCH = """
CREATE TEMPORARY TABLE touched ON COMMIT DROP AS
    SELECT user_id, kind, object_id, completed_at, (completed_at AT TIME ZONE 'UTC')::date AS day
    FROM yardstick.completions WHERE passed AND id > {after};
ANALYZE touched;
CREATE TEMPORARY TABLE touched_users ON COMMIT DROP AS SELECT DISTINCT user_id FROM touched;
ANALYZE touched_users;
INSERT INTO yardstick.firsts
    SELECT user_id, object_id, min(kind), min(completed_at) FROM touched GROUP BY user_id, object_id
    ON CONFLICT (user_id, object_id) DO UPDATE SET first_at = excluded.first_at
    WHERE excluded.first_at < firsts.first_at;
"""


@dataclass(frozen=True, slots=True)
class Yardstick:
    """Its tables lie in a schema of their own, in the product's database."""

    asked: dict[int, Asked]
    learners: int

    def prepare(self) -> None:
        with connection.cursor() as cursor:
            cursor.execute("DROP SCHEMA IF EXISTS yardstick CASCADE")
            cursor.execute(TABLES)
            cursor.execute(FILL)
            for pk, rule in self.asked.items():
                kind = 0 if rule.is_lab else 10
                row = (pk, rule.shape.value, kind, rule.needed, rule.given)
                cursor.execute("INSERT INTO yardstick.rules VALUES (%s, %s, %s, %s, %s)", row)
                if rule.shape is Shape.TAG:
                    cursor.execute("INSERT INTO yardstick.rule_tags VALUES (%s, %s)", (pk, rule.ids[0]))
                elif rule.ids:
                    for number in _objects(rule):
                        cursor.execute("INSERT INTO yardstick.rule_objects VALUES (%s, %s)", (pk, number))
        self.tidy()

    def tidy(self) -> None:
        with connection.cursor() as cursor:
            for name in NAMES:
                cursor.execute(f"VACUUM (ANALYZE) yardstick.{name}")

    def forget(self) -> None:
        with connection.cursor() as cursor:
            cursor.execute("TRUNCATE yardstick.awards, yardstick.intents, yardstick.messages")

    def full(self) -> None:
        first, size = 1, FIRST_CHUNK
        while first <= self.learners:
            chunk = f"BETWEEN {first} AND {first + size - 1}"
            first, size = first + size, CHUNK
            with transaction.atomic(), connection.cursor() as cursor:
                _settle()
                for shape in (Shape.COUNT, Shape.TAG, Shape.DAY, Shape.EXAM):
                    cursor.execute(_write(SHAPES[shape], users=chunk))
                for pk, rule in self.asked.items():
                    if rule.shape is Shape.ALL_OF:
                        cursor.execute(_write(one_of(pk, _objects(rule)), users=chunk))
                cursor.execute(_write(SHAPES[Shape.POINTS], users=chunk))

    def take(self) -> int:
        """Copy the records that are new; the number before them. Not a part of what is timed."""
        with connection.cursor() as cursor:
            cursor.execute("SELECT max(id) FROM yardstick.completions")
            (before,) = cursor.fetchone()
            cursor.execute(
                f"""
                INSERT INTO yardstick.completions
                SELECT id, learner_id, subject, coalesce(lab_id, course_id + {COURSE}), completed_at,
                       completed_at IS NOT NULL
                FROM tms_learningrecord WHERE id > {before}
                """
            )
        return int(before)

    def changed(self, *, after: int) -> None:
        users = "IN (SELECT user_id FROM touched_users)"
        days = "WHERE (c.user_id, c.day) IN (SELECT user_id, day FROM touched)"
        with transaction.atomic(), connection.cursor() as cursor:
            _settle()
            cursor.execute(TOUCH.format(after=after))
            for shape in (Shape.COUNT, Shape.TAG, Shape.DAY, Shape.EXAM):
                cursor.execute(_write(SHAPES[shape], users=users, days=days))
            cursor.execute(_write(SETS, users=users))
            cursor.execute(_write(SHAPES[Shape.POINTS], users=users))


def one_of(rule: int, objects: Sequence[int]) -> str:
    """A set as a join of its items with each other."""
    first, *others = objects
    joined = "".join(
        f" JOIN yardstick.firsts f{place} ON f{place}.user_id = f0.user_id AND f{place}.object_id = {number}"
        for place, number in enumerate(others, start=1)
    )
    moments = ", ".join(f"f{place}.first_at" for place in range(len(objects)))
    return (
        f"SELECT f0.user_id, {rule}, greatest({moments}) FROM yardstick.firsts f0{joined}"
        f" WHERE f0.object_id = {first} AND {{users:f0}}"
    )


def _objects(rule: Asked) -> list[int]:
    return [number if rule.is_lab else number + COURSE for number in rule.ids]


class _Row(str):
    """`{users:c}` in a template becomes the condition of the column of the row that is called c there."""

    def __format__(self, row: str) -> str:
        return row + "." + self


def _write(shape: str, *, users: str, days: str = "") -> str:
    named, learners = _Row(f"user_id {users}"), _Row(f"learner_id {users}")
    # Each chunk reads its own awards only.
    held = format(learners, "a") if "BETWEEN" in users else "TRUE"
    nothing = _nothing()
    return WRITE.format(
        earned=shape.format(users=named, learners=learners, days=days),
        held=held,
        names=", ".join(nothing),
        nothing=", ".join(nothing.values()),
    )


@cache
def _nothing() -> dict[str, str]:
    """The columns of an intent that must hold something and say nothing."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT column_name, data_type FROM information_schema.columns"
            " WHERE table_schema = 'public' AND table_name = 'badges_issuedbadge'"
            " AND is_nullable = 'NO' AND column_default IS NULL AND is_identity = 'NO' ORDER BY 1"
        )
        columns = {name: NOTHING.get(kind, "0") for name, kind in cursor.fetchall()}
    return {name: value for name, value in columns.items() if name not in GIVEN}


def _settle() -> None:
    with connection.cursor() as cursor:
        for name, setting in SETTINGS.items():
            cursor.execute(f"SET LOCAL {name} = {setting}")
