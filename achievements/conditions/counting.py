"""Counting: from one condition to who reached it, when, and by which records.

Every condition is answered in three steps, each a subquery of the next:

    counted    the rows that count, learning records or awards (counted.py)
    numbered   each learner's rows in the order of their moments: 1, 2, 3 …, with the running sum of amounts
    reached    where a threshold was met: key, occurrence, learner_id, moment, day, last_id, since, needed,
               have

`enough`, `so_far` and `so_far_each` answer the question without the moment. Conditions that count the same
way share one statement, whatever their thresholds and lists of ids (`shape_of`): the learners' records are
then read once, however many rules there are. How conditions combine into a rule, and who may earn, is the
affair of query.py.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass

from django.db import connection

from achievements.conditions.counted import EVERYBODY, TAGGED, Counting, Scope, counted
from achievements.conditions.language import Condition, Subject
from tms.sql import Sql, Steps, join, json_array, relation, sql, table

COLUMNS = "key, occurrence, learner_id, moment, day, last_id, since, needed, have"
# How many record ids the snapshot of one condition keeps; the number itself is kept whole.
MOST_KEPT = 1_000


@dataclass(frozen=True, slots=True)
class Won:
    """A row of `reached` in the statement around, by its name there. `whole` false: a group in which this
    condition is one of several, so that only the moment is known by which it may have been met."""

    name: str
    whole: bool = True

    def needed(self, counting: Counting) -> str:
        return f"{self.name}.needed" if self.whole else str(counting.condition.needed)


def shape_of(counting: Counting) -> Hashable | None:
    """What countings of one statement have in common; None for one that needs a statement of its own.

    Shared are the plain kinds: any item, a list of items, or the courses of tags, by number or by points.
    """
    c = counting.condition
    restricted = [bool(ids) for ids in (c.lab_ids, c.course_ids, c.tag_ids, c.achievement_ids)]
    alone = (
        c.subject in {Subject.SUBSCRIPTION, Subject.ACTIVITY, Subject.STREAK}
        or sum(restricted) > 1
        or c.within_days
        or c.minutes
        or _is_narrowed(c)
        or counting.times > 1
        or counting.outside
        or counting.unused
        or (c.points and c.achievement_ids)
    )
    if alone:
        return None
    subject = Subject.COURSE if c.subject is Subject.COURSE_TAG else c.subject
    return (
        subject,
        c.distinct,
        c.single_day,
        c.complete,
        c.passed,
        c.min_minutes,
        c.min_score,
        bool(c.points),
        *restricted,
    )


def reached(countings: Sequence[Counting], *, scope: Scope = EVERYBODY) -> Sql:
    """The rows of COLUMNS of one counting, or of several of one shape (then perhaps with `records`).

    At most one row for each key, occurrence and learner. `moment`, `day` and `last_id` are those of the row
    that met the threshold, `since` is the first day of the day or window it was met in (else null).
    """
    first = countings[0]
    if first.condition.subject is Subject.STREAK:
        return _streak(first, scope=scope)
    if first.condition.points or first.condition.minutes:
        return _summed(countings, scope=scope)
    return _numbered(countings, scope=scope)


def evidence(countings: Sequence[Counting], *, won: Won) -> Sql:
    """A JSON list of the ids that met the threshold, as a scalar subquery beside the row `won`."""
    if gives_records(countings):
        return Sql(f"{won.name}.records")
    first = countings[0]
    condition = first.condition
    steps = Steps()
    shared = len(countings) > 1
    only = Scope(expression=f"{won.name}.learner_id")
    rows = steps.add("{}", counted(first, scope=only, listed=not shared, shared=shared))
    # Compared as a pair, so that an index ends the search.
    tests = [
        Sql(f"(c.moment, c.id) <= ({won.name}.moment, {won.name}.last_id)")
        if won.whole
        else Sql(f"c.moment <= {won.name}.moment")
    ]
    if shared and (items := _items(countings)):
        tests.append(
            sql(
                f"c.item IN (SELECT i.item FROM {{}} AS i WHERE i.key = {won.name}.key)",
                steps.add("SELECT * FROM {} AS listed", items),
            )
        )
    if won.whole and _is_windowed(condition):
        last_day = _days_later(f"{won.name}.since", _span(condition) - 1)
        tests.append(Sql(f"c.day BETWEEN {won.name}.since AND {last_day}"))
    if won.whole and condition.subject is Subject.STREAK:
        tests.append(Sql(f"c.day >= {won.name}.since"))
    chosen = steps.add("SELECT c.id, c.item, c.moment FROM {} AS c WHERE {}", rows, join(" AND ", tests))
    if condition.distinct or condition.distinct_people:
        chosen = firsts(steps, chosen, partition="item")
    if won.whole and first.times == 1 and not _is_open(condition):
        # Up to the moment there are exactly as many as are needed.
        kept = steps.add("SELECT id FROM {} ORDER BY moment, id", chosen)
    else:
        most = str(MOST_KEPT) if _is_open(condition) else won.needed(first)
        ranked = steps.add(
            "SELECT id, ROW_NUMBER() OVER (ORDER BY moment DESC, id DESC) AS back FROM {}", chosen
        )
        kept = steps.add(f"SELECT id FROM {{}} WHERE back <= {most} ORDER BY back DESC", ranked)
    return sql("({})", steps.end(f"SELECT {json_array('id')} FROM {{}}", kept))


def _is_open(c: Condition) -> bool:
    """How many rows met it is not known from what is needed."""
    return _is_summed(c) or c.subject is Subject.STREAK


# ── numbered and reached ─────────────────────────────────────────────────────────────────────────────────


def _numbered(countings: Sequence[Counting], *, scope: Scope) -> Sql:
    """The n-th row of each learner (of different items if distinct, within one day or window if asked)."""
    c = countings[0].condition
    steps = Steps()
    rows, keyed = _rows(steps, countings, scope=scope)
    group = ", ".join(["learner_id"] + ["key"] * keyed + ["since"] * _is_windowed(c))
    numbered = steps.add(
        f"SELECT given.*, ROW_NUMBER() OVER (PARTITION BY {group} ORDER BY moment, id) AS number"
        " FROM {} AS given",
        rows,
    )
    if keyed:
        reaching = steps.add(
            "SELECT n.*, 1 AS occurrence, needed AS have FROM {} AS n WHERE number = needed", numbered
        )
    else:
        reaching = steps.add(
            "SELECT t.key, t.occurrence, t.needed, t.needed AS have, n.*"
            " FROM {} AS n JOIN {} AS t ON t.nth = n.number",
            numbered,
            _thresholds(countings),
        )
    return _end(steps, reaching, numbered, group=group, countings=countings)


def _end(steps: Steps, reaching: Sql, numbered: Sql, *, group: str, countings: Sequence[Counting]) -> Sql:
    """Rows that reach a threshold as `reached` gives them: the first for each learner, of the days or windows
    in which she did. Their `group` of numbered rows is collected once, however many thresholds it reaches."""
    if _is_windowed(countings[0].condition):
        partition = "key, occurrence, learner_id"
        reaching = firsts(steps, reaching, partition=partition, order="moment, id, since")
    columns = "key, occurrence, learner_id, moment, day, id AS last_id, since, needed, have"
    if not gives_records(countings):
        return steps.end(f"SELECT {columns} FROM {{}} AS n", reaching)
    collected = steps.add(
        f"SELECT {group}, ARRAY_AGG(id ORDER BY number) AS ids FROM {{}} AS n GROUP BY {group}", numbered
    )
    records = "TO_JSONB(ids[1:number]) AS records"
    return steps.end(
        f"SELECT {columns}, {records} FROM {{}} AS n JOIN {{}} AS collected USING ({group})",
        reaching,
        collected,
    )


def gives_records(countings: Sequence[Counting]) -> bool:
    """Whether `reached` gives the ids that met the threshold, as `records`, since it passes them anyway.

    SQLite cannot collect in an order, and looks for them award by award (`evidence`).
    """
    return len(countings) > 1 and connection.vendor == "postgresql"


def _thresholds(countings: Sequence[Counting]) -> Sql:
    """key, occurrence, needed, nth: the k-th time needs k times as much."""
    return relation(
        ("key", "occurrence", "needed", "nth"),
        [
            (counting.key, k, counting.condition.needed, counting.condition.needed * k)
            for counting in countings
            for k in range(1, counting.times + 1)
        ],
    )


def _rows(steps: Steps, countings: Sequence[Counting], *, scope: Scope) -> tuple[Sql, bool]:
    """The rows to number, with `since`, and whether they carry the `key` and `needed` of a counting."""
    first = countings[0]
    c = first.condition
    items = _items(countings) if len(countings) > 1 else None
    rows = _in_windows(steps, c, counted(first, scope=scope, listed=items is None, shared=len(countings) > 1))
    if items is not None:
        items = steps.add("SELECT * FROM {} AS listed", items)
        rows = steps.add("SELECT * FROM {} AS w WHERE w.item IN (SELECT item FROM {})", rows, items)
    if c.distinct or c.distinct_people:
        windowed = ", since" if _is_windowed(c) else ""
        rows = firsts(steps, rows, partition=f"learner_id, item{windowed}")
    if items is None:
        return rows, False
    keyed = "SELECT i.key, i.needed, r.* FROM {} AS r JOIN {} AS i ON i.item = r.item"
    return steps.add(keyed, rows, items), True


def _items(countings: Sequence[Counting]) -> Sql | None:
    """key, item, needed of countings that share a statement, in parentheses; None where any item counts."""
    c = countings[0].condition
    if c.tag_ids:
        triples = [(counting, tag) for counting in countings for tag in counting.condition.tag_ids]
        return sql(
            "(SELECT DISTINCT g.key, tagged.course_id AS item, g.needed FROM {} AS g"
            " JOIN {} AS tagged ON tagged.coursetag_id = g.tag)",
            _listed_by_key("tag", triples),
            table(TAGGED),
        )
    triples = [
        (counting, item)
        for counting in countings
        for item in (
            *counting.condition.lab_ids,
            *counting.condition.course_ids,
            *counting.condition.achievement_ids,
        )
    ]
    return _listed_by_key("item", triples) if triples else None


def _listed_by_key(name: str, listed: Sequence[tuple[Counting, int]]) -> Sql:
    rows = [(counting.key, item, counting.condition.needed) for counting, item in listed]
    return relation(("key", name, "needed"), rows)


def firsts(steps: Steps, rows: Sql, *, partition: str, order: str = "moment, id") -> Sql:
    """The first row of each partition."""
    if connection.vendor == "postgresql":
        # The same without numbers, and the planner knows better how many there will be.
        return steps.add(
            f"SELECT DISTINCT ON ({partition}) given.* FROM {{}} AS given ORDER BY {partition}, {order}", rows
        )
    turn = "turn_of_" + partition.replace(", ", "_")
    turns = steps.add(
        f"SELECT given.*, ROW_NUMBER() OVER (PARTITION BY {partition} ORDER BY {order}) AS {turn}"
        " FROM {} AS given",
        rows,
    )
    return steps.add(f"SELECT * FROM {{}} WHERE {turn} = 1", turns)


def _in_windows(steps: Steps, c: Condition, rows: Sql) -> Sql:
    """Each row once for every window it lies in; a window begins with a day on which something counts."""
    rows = steps.add("{}", rows)
    if not _is_windowed(c):
        return steps.add("SELECT plain.*, CAST(NULL AS DATE) AS since FROM {} AS plain", rows)
    if _span(c) == 1:
        return steps.add("SELECT dated.*, day AS since FROM {} AS dated", rows)
    beginnings = steps.add("SELECT DISTINCT learner_id, day FROM {}", rows)
    return steps.add(
        f"""
        SELECT inside.*, beginning.day AS since FROM {{}} AS beginning
        JOIN {{}} AS inside ON inside.learner_id = beginning.learner_id
         AND inside.day BETWEEN beginning.day AND {_days_later("beginning.day", _span(c) - 1)}
        """,
        beginnings,
        rows,
    )


def _days_later(day: str, days: int) -> str:
    if connection.vendor == "postgresql":
        return f"({day} + {days})"
    return f"date({day}, '+{days} days')"


def _is_windowed(c: Condition) -> bool:
    return c.single_day or bool(c.within_days)


def _span(c: Condition) -> int:
    """Days of a window; a longer one than a century would lead beyond the calendar and changes nothing."""
    return 1 if c.single_day else min(c.within_days or 1, 36_500)


def _is_summed(c: Condition) -> bool:
    return bool(c.points or c.minutes)


def _is_narrowed(c: Condition) -> bool:
    """By exclusions or a window of time."""
    return bool(
        c.exclude_lab_ids
        or c.exclude_course_ids
        or c.exclude_tag_ids
        or c.exclude_club_ids
        or c.exclude_achievement_ids
        or c.after
        or c.before
    )


def _summed(countings: Sequence[Counting], *, scope: Scope) -> Sql:
    """The row whose amount (points, minutes) makes the sum reach what is asked."""
    first = countings[0]
    c = first.condition
    steps = Steps()
    rows = _in_windows(steps, c, counted(first, scope=scope, shared=len(countings) > 1))
    group = ", ".join(["learner_id"] + ["since"] * _is_windowed(c))
    totals = steps.add(
        "SELECT learner_id, id, moment, day, since, amount, SUM(amount) OVER in_turn AS total,"
        " ROW_NUMBER() OVER in_turn AS number FROM {} AS given"
        f" WINDOW in_turn AS (PARTITION BY {group} ORDER BY moment, id ROWS UNBOUNDED PRECEDING)",
        rows,
    )
    reaching = steps.add(
        "SELECT t.key, t.occurrence, t.needed, n.total AS have, n.*"
        " FROM {} AS n JOIN {} AS t ON n.total >= t.nth AND n.total - n.amount < t.nth",
        totals,
        _thresholds(countings),
    )
    return _end(steps, reaching, totals, group=group, countings=countings)


def enough(countings: Sequence[Counting], *, scope: Scope = EVERYBODY, common: Steps | None = None) -> Sql:
    """key, learner_id: who has as much as is needed, of one counting or of several that share a statement.

    Without moments, so that nothing is put in order: the cheap half of `reached`. What is counted becomes a
    step of a statement around, `common` to all that count the same.
    """
    first = countings[0]
    c = first.condition
    steps = Steps()
    shared = len(countings) > 1
    items = _items(countings) if shared else None
    if items is None:
        least = min(counting.condition.needed for counting in countings)
        have = steps.add("{}", so_far(first, scope=scope, least=least, shared=shared, common=common))
        met = "SELECT t.key, n.learner_id FROM {} AS n JOIN {} AS t ON n.have >= t.nth"
        return steps.end(met, have, _thresholds(countings))
    items = steps.add("SELECT * FROM {} AS listed", items)
    day = ", day" * c.single_day
    rows = steps.add(
        f"SELECT {'DISTINCT ' * c.distinct}learner_id, item{day} FROM ({{}}) AS r"
        " WHERE r.item IN (SELECT item FROM {})",
        _in_common(common, counted(first, scope=scope, listed=False, shared=True)),
        items,
    )
    return steps.end(
        f"""
        SELECT i.key, r.learner_id FROM {{}} AS r JOIN {{}} AS i ON i.item = r.item
        GROUP BY i.key, i.needed, r.learner_id{day} HAVING COUNT(*) >= i.needed
        """,
        rows,
        items,
    )


def _in_common(common: Steps | None, rows: Sql) -> Sql:
    return sql("SELECT * FROM {}", common.add("{}", rows)) if common else rows


def so_far(
    counting: Counting, *, scope: Scope, least: int = 0, shared: bool = False, common: Steps | None = None
) -> Sql:
    """learner_id, have: how much of what the condition needs each learner has, within its best day or window.

    Nobody without anything is in it, nor need anybody be who has less than `least`. For amounts it is the
    sum, for streaks the longest one.
    """
    c = counting.condition
    steps = Steps()
    if c.subject is Subject.STREAK:
        runs = _runs(steps, counting, scope=scope)
        return steps.end("SELECT learner_id, MAX(length) AS have FROM {} GROUP BY learner_id", runs)
    number = "COUNT(*)"
    if _is_summed(c):
        number = "SUM(amount)"
    elif c.distinct or c.distinct_people:
        number = "COUNT(DISTINCT COALESCE(item, 0))"
    rows = _in_common(common, counted(counting, scope=scope, shared=shared))
    if not _is_windowed(c):
        return sql(f"SELECT learner_id, {number} AS have FROM ({{}}) AS r GROUP BY learner_id", rows)
    rows = _in_windows(steps, c, rows)
    each = steps.add(
        f"SELECT learner_id, {number} AS number FROM {{}} GROUP BY learner_id, since"
        f" HAVING {number} >= {least}",
        rows,
    )
    return steps.end("SELECT learner_id, MAX(number) AS have FROM {} GROUP BY learner_id", each)


def so_far_each(countings: Sequence[Counting], *, scope: Scope) -> Sql:
    """key, learner_id, have: as `so_far`, of several countings of one shape, whose items are read once."""
    first = countings[0]
    c = first.condition
    items = _items(countings)
    if items is None:
        have = so_far(first, scope=scope, shared=True)
        keys = relation(("key",), [(counting.key,) for counting in countings])
        return sql("SELECT t.key, n.learner_id, n.have FROM ({}) AS n CROSS JOIN {} AS t", have, keys)
    steps = Steps()
    items = steps.add("SELECT * FROM {} AS listed", items)
    day = ", day" * c.single_day
    rows = steps.add(
        f"SELECT {'DISTINCT ' * c.distinct}learner_id, item{day} FROM ({{}}) AS r"
        " WHERE r.item IN (SELECT item FROM {})",
        counted(first, scope=scope, listed=False, shared=True),
        items,
    )
    numbers = steps.add(
        f"SELECT i.key, r.learner_id, COUNT(*) AS have FROM {{}} AS r JOIN {{}} AS i ON i.item = r.item"
        f" GROUP BY i.key, r.learner_id{day}",
        rows,
        items,
    )
    return steps.end(
        "SELECT key, learner_id, MAX(have) AS have FROM {} AS every GROUP BY key, learner_id", numbers
    )


def _streak(counting: Counting, *, scope: Scope) -> Sql:
    """The n-th of n consecutive local days on which something counts."""
    days = counting.condition.needed
    steps = Steps()
    held = steps.add(
        f"""
        SELECT {counting.key} AS key, 1 AS occurrence, learner_id, latest AS moment, day, id AS last_id,
               since, {days} AS needed, {days} AS have,
               ROW_NUMBER() OVER (PARTITION BY learner_id ORDER BY latest, day) AS place
        FROM {{}} WHERE length = {days}
        """,
        _runs(steps, counting, scope=scope),
    )
    return steps.end(f"SELECT {COLUMNS} FROM {{}} WHERE place = 1", held)


def _runs(steps: Steps, counting: Counting, *, scope: Scope) -> Sql:
    """Each active day with the run of days that it ends: its length (no more than is needed), its first day,
    and the moment by which all of its days had something.

    One missing date is bridged only where the zone's offset differs between its neighbours: somebody who
    crosses the date line loses a day and not the streak.
    """
    gap = "day - previous" if connection.vendor == "postgresql" else "julianday(day) - julianday(previous)"
    by_day = "PARTITION BY learner_id ORDER BY day"
    rows = steps.add(
        "SELECT given.*, FIRST_VALUE(utc_offset) OVER ("
        "PARTITION BY learner_id, day ORDER BY moment DESC, id DESC) AS last_offset FROM ({}) AS given",
        counted(counting, scope=scope),
    )
    active = steps.add(
        f"SELECT active.*, LAG(day) OVER ({by_day}) AS previous,"
        f" LAG(last_offset) OVER ({by_day}) AS previous_offset FROM {{}} AS active",
        firsts(steps, rows, partition="learner_id, day"),
    )
    begun = steps.add(
        f"""
        SELECT dated.*, CASE WHEN previous IS NULL THEN 1 WHEN {gap} = 1 THEN 0
               WHEN {gap} = 2 AND utc_offset <> previous_offset THEN 0 ELSE 1 END AS begins
        FROM {{}} AS dated
        """,
        active,
    )
    runs = steps.add(
        f"SELECT begun.*, SUM(begins) OVER ({by_day} ROWS UNBOUNDED PRECEDING) AS run FROM {{}} AS begun",
        begun,
    )
    return steps.add(
        f"""
        SELECT runs.*, COUNT(*) OVER lasting AS length, MAX(moment) OVER lasting AS latest,
               MIN(day) OVER lasting AS since
        FROM {{}} AS runs
        WINDOW lasting AS (
            PARTITION BY learner_id, run ORDER BY day
            ROWS BETWEEN {counting.condition.needed - 1} PRECEDING AND CURRENT ROW
        )
        """,
        runs,
    )
