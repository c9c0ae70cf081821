"""Per Day: one learner, then nobody for some days, as many of them at once as one statement can tell.

    crossed   who meets the rule by records not used before, and when (`find_crossed`)
    chances   the moments at which each of them could earn it: then, or by any later record that counts
    firsts    the earliest chance of every day, as the achievement's organization counts days
    taken     the days that are taken when each is followed by so many that are not

Whoever has just won needs new records for the next time, and what those are only the rule can tell. So a
statement tells no further than the day on which the first learner would win again, unless the rule asks for a
single record and nothing else: then every later record is a new chance.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from django.db import connection

from achievements.conditions.counted import EVERYBODY, Scope, counted
from achievements.conditions.query import apart, countings_of
from tms.sql import Sql, execute, join, sql, value

if TYPE_CHECKING:
    from datetime import datetime

    from achievements.conditions.language import Condition
    from achievements.conditions.query import ActiveRule

# A longer pause would lead beyond the calendar and changes nothing.
MOST_DAYS = 36_500


def pause_of(active: ActiveRule) -> int:
    """Days from one award to the next."""
    return min(active.achievement.frequency, MOST_DAYS)


def daily_winners(active: ActiveRule, *, scope: Scope, free_from: datetime) -> Sql:
    """As `winners` of a Per Day rule, no two of them within its days; `free_from` begins one of its days.

    Reads what `find_crossed` has found, and in the same transaction.
    """
    singly = _is_met_by_each_record(active)
    occurrence = "won.occurrence + chosen.times - 1" if singly else "won.occurrence"
    snapshot = _snapshot_of_one("chosen.id") if singly else Sql("won.snapshot")
    is_told = (
        "TRUE"
        if singly
        else "NOT EXISTS (SELECT 1 FROM chosen AS again"
        " WHERE again.times > 1 AND again.owners_day <= chosen.owners_day)"
    )
    told = replace(scope, among=Sql("SELECT chosen.learner_id FROM chosen"))
    if connection.vendor == "sqlite":
        # It writes a step out wherever it is named, which is once for every condition, and has a limit.
        told = scope
    # What is told to be kept would else be evaluated again for every row that it is joined to.
    return sql(
        f"""
        WITH RECURSIVE chances AS ({{}}),
        dated AS (
            SELECT chance.*, {_day("chance.moment")} AS owners_day FROM chances AS chance
            WHERE chance.moment >= {{}}
        ),
        firsts AS MATERIALIZED (
            SELECT * FROM (
                SELECT dated.*, ROW_NUMBER() OVER (
                    PARTITION BY owners_day ORDER BY moment, id, learner_id
                ) AS place
                FROM dated
            ) AS placed WHERE place = 1
        ),
        taken AS (
            SELECT MIN(owners_day) AS owners_day FROM firsts
            UNION ALL
            SELECT (SELECT MIN(free.owners_day) FROM firsts AS free
                    WHERE free.owners_day >= {_later("taken.owners_day", pause_of(active))})
            FROM taken WHERE taken.owners_day IS NOT NULL
        ),
        chosen AS MATERIALIZED (
            SELECT f.*, ROW_NUMBER() OVER (PARTITION BY f.learner_id ORDER BY f.owners_day) AS times
            FROM firsts AS f JOIN taken ON taken.owners_day = f.owners_day
        ),
        won AS MATERIALIZED ({{}})
        SELECT won.achievement_id, {occurrence} AS occurrence, won.learner_id, chosen.moment, chosen.day,
               chosen.id AS last_id, {{}} AS snapshot
        FROM won JOIN chosen ON chosen.learner_id = won.learner_id
        WHERE {is_told}
        """,
        _chances(active, scope=scope),
        value(active.achievement.organization.time_zone),
        value(free_from),
        join(" UNION ALL ", [found for _outside, found in apart(active, scope=told)]),
        snapshot,
    )


def find_crossed(active: ActiveRule, *, scope: Scope) -> None:
    """Put who crossed, and when, into a table of this transaction: it is named once for every condition."""
    execute(Sql("DROP TABLE IF EXISTS crossed"))
    kinds = [
        sql(f"SELECT {int(outside)} AS outside, learner_id, moment, day, last_id FROM ({{}}) AS found", found)
        for outside, found in apart(active, scope=scope)
    ]
    lasts = " ON COMMIT DROP" if connection.vendor == "postgresql" else ""
    execute(sql(f"CREATE TEMPORARY TABLE crossed{lasts} AS {{}}", join(" UNION ALL ", kinds)))


def _chances(active: ActiveRule, *, scope: Scope) -> Sql:
    """learner_id, moment, day, id. Whatever comes after the crossing has not been used for an award."""
    chances = [Sql("SELECT learner_id, moment, day, last_id AS id FROM crossed")]
    for outside, _found in apart(active, scope=scope):
        chances += [
            sql(
                f"""
                SELECT later.learner_id, later.moment, later.day, later.id
                FROM crossed JOIN ({{}}) AS later
                  ON later.learner_id = crossed.learner_id AND later.moment > crossed.moment
                WHERE crossed.outside = {int(outside)}
                """,
                counted(replace(counting, unused=False), scope=EVERYBODY),
            )
            for counting in countings_of(active, outside=outside)
        ]
    return join(" UNION ALL ", chances)


def _is_met_by_each_record(active: ActiveRule) -> bool:
    leaves = list(active.rule.leaves())
    return len(leaves) == 1 and _asks_for_one(leaves[0])


def _asks_for_one(c: Condition) -> bool:
    return c.needed == 1 and not (c.points or c.minutes or c.days)


def _snapshot_of_one(record: str) -> Sql:
    head, tail = '{"conditions": [{"needed": 1, "have": 1, "records": [', "]}]}"
    text = f"'{head}' || {record} || '{tail}'"
    return Sql(f"CAST({text} AS JSONB)" if connection.vendor == "postgresql" else text)


def _day(moment: str) -> str:
    """The day of a moment in a zone that is a parameter."""
    if connection.vendor == "postgresql":
        return f"({moment} AT TIME ZONE {{}})::date"
    return f"django_datetime_cast_date({moment}, {{}}, 'UTC')"


def _later(day: str, days: int) -> str:
    return f"{day} + {days}" if connection.vendor == "postgresql" else f"date({day}, '+{days} days')"
