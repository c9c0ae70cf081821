"""How far learners are with a rule, from 0 to 1, also where it is not met: a use of the one compilation.

Each condition gives the share of what it needs, at most all of it; a group the mean of as many of its parts
as it asks for, those that are furthest; the rule the mean of all its parts. Whoever has nothing is not in it.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from achievements.conditions.counting import so_far
from achievements.conditions.language import Condition, Group
from achievements.conditions.query import countings_of
from tms.sql import Sql, join, sql

if TYPE_CHECKING:
    from achievements.conditions.counted import Counting, Scope
    from achievements.conditions.query import ActiveRule


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
