"""How far learners are with a rule, from 0 to 1, also where it is not met: a use of the one compilation.

Each condition gives the share of what it needs, at most all of it; a group the mean of as many of its parts
as it asks for, those that are furthest; the rule the mean of all its parts. Whoever has nothing is not in it.

`shares` answers in the database, for one rule. `tallies` gives the numbers themselves, of many rules with few
statements, and `how_far` makes the same of them.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from achievements.conditions.counting import shape_of, so_far, so_far_each
from achievements.conditions.language import Condition, Group, Rule
from achievements.conditions.query import countings_of
from tms.sql import Sql, join, sql

if TYPE_CHECKING:
    from achievements.conditions.counted import Counting, Scope
    from achievements.conditions.query import ActiveRule

# How many conditions that count each in its own way go into one statement.
MOST_TOGETHER = 20


def shares(active: ActiveRule, *, scope: Scope, outside: bool = False) -> Sql:
    """learner_id, share, met: how far each learner is, and how many of the rule's parts are met."""
    countings = iter(countings_of(active, outside=outside))
    parts = [_share(part, countings, scope=scope) for part in active.rule.conditions]
    return sql(
        f"""
        SELECT learner_id, SUM(share) / {len(parts)} AS share,
               SUM(CASE WHEN share >= 1 THEN 1 ELSE 0 END) AS met
        FROM ({{}}) AS parts GROUP BY learner_id
        """,
        join(" UNION ALL ", parts),
    )


def _share(part: Condition | Group, countings: Iterator[Counting], *, scope: Scope) -> Sql:
    """learner_id, share of one part. `countings`: of its conditions and those that follow, in text order."""
    if isinstance(part, Condition):
        return sql(
            f"""
            SELECT learner_id, CASE WHEN have >= {part.needed} THEN 1.0
                                    ELSE have * 1.0 / {part.needed} END AS share
            FROM ({{}}) AS counted WHERE have > 0
            """,
            so_far(next(countings), scope=scope),
        )
    inner = [_share(each, countings, scope=scope) for each in part.parts]
    return sql(
        f"""
        SELECT learner_id, SUM(share) / {part.least} AS share FROM (
            SELECT learner_id, share,
                   ROW_NUMBER() OVER (PARTITION BY learner_id ORDER BY share DESC) AS place
            FROM ({{}}) AS parts
        ) AS ranked WHERE place <= {part.least} GROUP BY learner_id
        """,
        join(" UNION ALL ", inner),
    )


# ── of many rules at once ────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True)
class Tally:
    """A statement that gives place, learner_id, have. The number of one place is that of all its `twins`,
    which count the same; nobody is in it who has nothing."""

    statement: Sql
    twins: dict[int, list[int]]

    @property
    def places(self) -> Iterator[int]:
        for places in self.twins.values():
            yield from places


def tallies(countings: Sequence[Counting], *, scope: Scope) -> Iterator[Tally]:
    """How much the learners of a scope have for each of these, told by its place among them.

    Of a scope in which somebody has an award of a rule that counts awards, the numbers of that rule are not
    for him: where several share a statement, an achievement counts itself.
    """
    shared: dict[Hashable, list[Counting]] = {}
    alone: dict[Hashable, tuple[Sql, list[int]]] = {}
    for place, each in enumerate(countings):
        counting = replace(each, key=place)
        shape = None if counting.renewed else shape_of(counting)
        if shape is not None:
            shared.setdefault(shape, []).append(counting)
            continue
        statement = so_far(counting, scope=scope)
        known = (statement.text, repr(statement.parameters))
        alone.setdefault(known, (statement, []))[1].append(place)
    for group in shared.values():
        statement = so_far_each(group, scope=scope)
        yield Tally(statement, {counting.key: [counting.key] for counting in group})
    singles = list(alone.values())
    for start in range(0, len(singles), MOST_TOGETHER):
        bundle = singles[start : start + MOST_TOGETHER]
        parts = [
            sql(f"SELECT {places[0]} AS place, learner_id, have FROM ({{}}) AS one", statement)
            for statement, places in bundle
        ]
        yield Tally(join(" UNION ALL ", parts), {places[0]: places for _statement, places in bundle})


def how_far(rule: Rule, have: Iterable[int]) -> tuple[float, int]:
    """The share of the rule, from 0 to 1, and how many of its parts are met. `have`: of its conditions, in
    text order."""
    numbers = iter(have)
    parts = [_share_of(part, numbers) for part in rule.conditions]
    return (sum(parts) / len(parts) if parts else 0.0), sum(part >= 1 for part in parts)


def _share_of(part: Condition | Group, have: Iterator[int]) -> float:
    if isinstance(part, Condition):
        return min(1.0, next(have) / part.needed)
    inner = sorted((_share_of(each, have) for each in part.parts), reverse=True)
    return sum(inner[: part.least]) / part.least
