"""From rules to SQL: who meets them, passes every gate, and has not been awarded.

With counting.py, which answers one condition, this is the only interpreter of the language. `winners` is what
awarding inserts; preview, progress and explanation are the same statements with another end or a narrower
Scope. Rules of one plain condition share a statement with those of its shape; any other rule has its own.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from django.db import connection

from achievements.conditions.counted import EVERYBODY, Counting, Scope, given_back
from achievements.conditions.counting import COLUMNS, Won, enough, evidence, reached, shape_of, so_far
from achievements.conditions.language import Condition, Group, Rule, Subject
from achievements.models import Achievement, EarnedAchievement
from tms.models import Organization, User
from tms.sql import Sql, Steps, in_list, join, json_object, relation, sql, table, unsought, value

if TYPE_CHECKING:
    from collections.abc import Hashable

__all__ = [
    "EVERYBODY",
    "GATES",
    "ActiveRule",
    "Scope",
    "apart",
    "countings_of",
    "lacking",
    "may_earn",
    "progress",
    "standing",
    "statements",
    "winners",
]


MOST_JOINED = 20
# What a learner must pass besides the rule, over a (the achievement), person and home (her organization).
# The achievement's own switch and its organization's are read before any statement (ActiveRule).
GATES = {
    "organization": "home.enable_achievements",
    "participation": "(person.participate_in_achievements AND person.opted_out_at IS NULL)",
    "reach": "(person.organization_id = a.organization_id"
    " OR (a.is_global AND home.participate_in_global_achievements))",
}


@dataclass(frozen=True, slots=True)
class ActiveRule:
    """An achievement with its rule. `outsiders`: ticked courses exist through which others may earn it.
    `given_back`: awards of it may exist that were withdrawn and stand in nobody's way."""

    achievement: Achievement
    rule: Rule
    outsiders: bool = False
    given_back: bool = False

    @property
    def reads_awards(self) -> bool:
        return any(condition.subject is Subject.ACHIEVEMENT for condition in self.rule.leaves())

    def counts(self, other: ActiveRule) -> bool:
        """Whether an award of another rule may help to meet this one."""
        pk = other.achievement.pk
        return pk != self.achievement.pk and any(
            leaf.subject is Subject.ACHIEVEMENT
            and (not leaf.achievement_ids or pk in leaf.achievement_ids)
            and pk not in leaf.exclude_achievement_ids
            and (not leaf.points or other.achievement.points > 0)
            for leaf in self.rule.leaves()
        )

    @property
    def names_courses(self) -> bool:
        return self.rule.names_courses

    @property
    def parts(self) -> tuple[Condition | Group, ...]:
        """What must all hold. No database joins very many: those are one group."""
        parts = self.rule.conditions
        return parts if len(parts) <= MOST_JOINED else (Group(least=len(parts), parts=parts),)

    @property
    def kinds_of_learners(self) -> tuple[bool, ...]:
        """Whether they are outsiders."""
        return (False, True) if self.outsiders and self.names_courses else (False,)

    @property
    def is_limited(self) -> bool:
        """Learners compete for it, so all who may earn it now are looked at together."""
        return self.achievement.frequency_type != Achievement.FrequencyType.PER_USER

    @property
    def is_contested(self) -> bool:
        """Learners compete for it by their awards, so all of those must be there before anybody wins."""
        return self.is_limited and self.reads_awards

    @property
    def is_earned_once(self) -> bool:
        """By insiders, whenever they meet it, once: who would earn it is told without the moment."""
        may_repeat = self.is_limited or self.is_renewable or self.times > 1
        return not (may_repeat or (self.outsiders and self.names_courses))

    @property
    def is_daily(self) -> bool:
        return self.achievement.frequency_type == Achievement.FrequencyType.PER_DAY

    @property
    def is_renewable(self) -> bool:
        """Earned anew when its badge has expired: always the next occurrence, by later records."""
        return self.achievement.is_renewable

    @property
    def times(self) -> int:
        return 1 if self.is_limited else self.achievement.frequency


def statements(rules: Sequence[ActiveRule]) -> Iterator[list[ActiveRule]]:
    """The rules in groups, each evaluated by one statement."""
    shared: dict[Hashable, list[ActiveRule]] = {}
    for active in rules:
        shape = _shared_shape(active)
        if shape is None:
            yield [active]
        else:
            shared.setdefault(shape, []).append(active)
    yield from shared.values()


def _shared_shape(active: ActiveRule) -> Hashable | None:
    only = active.rule.conditions[0]
    if len(active.rule.conditions) > 1 or isinstance(only, Group) or active.outsiders:
        return None
    if active.is_limited or active.is_renewable:
        return None
    return shape_of(_counting(active, only))


def _counting(active: ActiveRule, condition: Condition, *, outside: bool = False) -> Counting:
    achievement = active.achievement
    return Counting(
        key=achievement.pk,
        condition=condition,
        achievement_id=achievement.pk,
        organization_id=achievement.organization_id,
        zone=achievement.organization.time_zone,
        times=active.times,
        outside=outside,
        unused=active.is_daily,
        renewed=active.is_renewable,
    )


def winners(rules: Sequence[ActiveRule], *, scope: Scope = EVERYBODY) -> Sql:
    """achievement_id, occurrence, learner_id, moment, day, last_id, snapshot: a row for every award due.

    Two kinds of learners may earn: insiders by all their records, outsiders only by records of ticked
    courses of the achievement's organization. The gates are read live. `rules` is a group of `statements`.
    """
    if len(rules) > 1:
        countings = [_counting(active, _only(active)) for active in rules]
        told = [(Won("c0"), countings)]
        met = sql("({}) AS c0", reached(countings, scope=scope))
        near = sql("{} AND {}", _stands(rules), scope.bounds("held.learner_id"))
        return _gated(rules[0], met, ["c0"], told, stands=near, outside=False)
    [active] = rules
    return join(" UNION ALL ", [found for _outside, found in apart(active, scope=scope)])


def apart(active: ActiveRule, *, scope: Scope) -> list[tuple[bool, Sql]]:
    """`winners` of one rule, insiders and outsiders (True) apart."""
    return [(kind, _met(active, scope=scope, outside=kind)) for kind in active.kinds_of_learners]


def _stands(rules: Sequence[ActiveRule]) -> Sql:
    """Whether the award `held` keeps its learner from another. Where none was ever given back the table is
    not asked, so that an index alone can answer."""
    return sql("NOT {}", given_back("held")) if any(rule.given_back for rule in rules) else Sql("TRUE")


def lacking(groups: Sequence[Sequence[ActiveRule]], *, scope: Scope) -> Sql:
    """place, learner_id: of each group of `statements`, by its place, who has enough for one of its rules and
    no award of it, whatever the gates say.

    Of all who meet a rule most have its award, so this cheap look comes before the one for moments. It is a
    difference of sets: whatever the planner believes of their sizes, each is read once, and so are the rows
    that several groups count.
    """
    steps = Steps("common")
    countings = [[_counting(active, _only(active)) for active in group] for group in groups]
    places = [(counting.key, place) for place, group in enumerate(countings) for counting in group]
    met = [
        sql("SELECT key, learner_id FROM ({}) AS met", enough(group, scope=scope, common=steps))
        for group in countings
    ]
    return steps.end(
        """
        SELECT DISTINCT listed.place, lacking.learner_id FROM (
            SELECT key, learner_id FROM ({}) AS every
            EXCEPT
            SELECT held.achievement_id, held.learner_id FROM {} AS held
            WHERE held.occurrence = 1 AND {} AND {} AND {}
        ) AS lacking
        JOIN {} AS listed ON listed.key = lacking.key
        """,
        join(" UNION ALL ", met),
        table(EarnedAchievement),
        # By the learners, who are few, and not by the achievements, whose awards are of everybody.
        in_list(unsought("held.achievement_id"), [key for key, _place in places]),
        scope.clause("held.learner_id"),
        _stands([active for group in groups for active in group]),
        relation(("key", "place"), places),
    )


def standing(active: ActiveRule, *, scope: Scope = EVERYBODY) -> Sql:
    """learner_id, a column for each of GATES (1 where it is passed), held: of all who meet the rule by any of
    their records, whether they may earn it or not. When they met it is not asked."""
    columns = ", ".join(f"CASE WHEN {gate} THEN 1 ELSE 0 END AS {name}" for name, gate in GATES.items())
    return sql(
        f"""
        SELECT c0.learner_id AS learner_id, {columns}, CASE WHEN EXISTS (
                   SELECT 1 FROM {{}} AS held WHERE held.learner_id = c0.learner_id
                      AND held.achievement_id = {{}} AND held.occurrence = 1 AND {{}}
               ) THEN 1 ELSE 0 END AS held
        FROM ({{}}) AS c0
        JOIN {{}} AS a ON a.id = {{}}
        JOIN {{}} AS person ON person.id = c0.learner_id
        JOIN {{}} AS home ON home.id = person.organization_id
        """,
        table(EarnedAchievement),
        value(active.achievement.pk),
        _stands([active]),
        _meeting(active, scope=scope),
        table(Achievement),
        value(active.achievement.pk),
        table(User),
        table(Organization),
    )


def _meeting(active: ActiveRule, *, scope: Scope) -> Sql:
    """learner_id of all who meet the rule, each once."""
    parts = active.rule.conditions
    if any(isinstance(part, Group) for part in parts):
        joined = _joined(active, scope=scope, outside=False)
        return sql("SELECT c0.learner_id FROM {} WHERE c0.occurrence = 1", joined)
    met = [
        enough([replace(_counting(active, part), times=1)], scope=scope)
        for part in parts
        if isinstance(part, Condition)
    ]
    return join(" INTERSECT ", [sql("SELECT learner_id FROM ({}) AS met", one) for one in met])


def may_earn() -> str:
    """Of a row of `standing`: every gate is open and the award is not held."""
    return " AND ".join([*(f"{name} = 1" for name in GATES), "held = 0"])


def _only(active: ActiveRule) -> Condition:
    only = active.rule.conditions[0]
    if isinstance(only, Group):
        raise TypeError("a group shares no statement")
    return only


def _met(active: ActiveRule, *, scope: Scope, outside: bool) -> Sql:
    names = _names(active)
    told = [
        (won, [_counting(active, leaf, outside=outside)])
        for name, part in zip(names, active.parts, strict=True)
        for won, leaf in _leaves(name, part)
    ]
    met = _joined(active, scope=scope, outside=outside)
    stands = sql("{} AND {}", _stands([active]), scope.bounds("held.learner_id"))
    return _gated(active, met, names, told, stands=stands, outside=outside)


def _names(active: ActiveRule) -> list[str]:
    return [f"c{number}" for number in range(len(active.parts))]


def _joined(active: ActiveRule, *, scope: Scope, outside: bool) -> Sql:
    """Who meets every part, joined as c0, c1 …"""
    names, parts = _names(active), active.parts
    joined = sql("({}) AS c0", _part(active, parts[0], scope=scope, outside=outside))
    for name, part in zip(names[1:], parts[1:], strict=True):
        joined += sql(
            f" JOIN ({{}}) AS {name} ON {name}.learner_id = c0.learner_id"
            f" AND {name}.occurrence = c0.occurrence",
            _part(active, part, scope=scope, outside=outside),
        )
    return joined


def _leaves(name: str, part: Condition | Group) -> Iterator[tuple[Won, Condition]]:
    """The conditions of a part, with where each was met: inside a group, up to the group's moment."""
    if isinstance(part, Condition):
        yield Won(name), part
        return
    for inner in part.parts:
        for _won, leaf in _leaves(name, inner):
            yield Won(name, whole=False), leaf


def _part(active: ActiveRule, part: Condition | Group, *, scope: Scope, outside: bool) -> Sql:
    if isinstance(part, Condition):
        return reached([_counting(active, part, outside=outside)], scope=scope)
    steps = Steps()
    found = _group(steps, active, part, scope=scope, outside=outside)
    return steps.end(f"SELECT {COLUMNS} FROM {{}}", found)


def _group(steps: Steps, active: ActiveRule, group: Group, *, scope: Scope, outside: bool) -> Sql:
    """The learners for whom at least so many parts hold, at the moment of the last that was needed."""
    parts = []
    for part in group.parts:
        if isinstance(part, Condition):
            found = steps.add("{}", reached([_counting(active, part, outside=outside)], scope=scope))
        else:
            found = _group(steps, active, part, scope=scope, outside=outside)
        parts.append(sql(f"SELECT {COLUMNS} FROM {{}}", found))
    every = steps.add("{}", join(" UNION ALL ", parts))
    placed = steps.add(
        "SELECT every.*, ROW_NUMBER() OVER ("
        "PARTITION BY learner_id, occurrence ORDER BY moment, last_id) AS place FROM {} AS every",
        every,
    )
    return steps.add(f"SELECT {COLUMNS} FROM {{}} WHERE place = {group.least}", placed)


def countings_of(active: ActiveRule, *, outside: bool = False, held: bool = False) -> list[Counting]:
    """What counts for each condition of the rule, in text order."""
    countings = [_counting(active, leaf, outside=outside) for leaf in active.rule.leaves()]
    return [replace(counting, renewed=False) for counting in countings] if held else countings


def progress(active: ActiveRule, learner_id: int, *, outside: bool = False, held: bool = False) -> Sql:
    """place, have, moment, records: one row for each condition of the rule, in text order, for one learner.

    `moment` is when the condition was met, null where it is not; `records` are the ids that met it. Of a
    renewable achievement that is `held` they are those that it was earned by, else those that will renew it.
    """
    only = Scope(learners=[learner_id])
    lines = []
    for place, counting in enumerate(countings_of(active, outside=outside, held=held)):
        lines.append(
            sql(
                f"""
                SELECT {place} AS place, COALESCE(MAX(h.have), 0) AS have, MAX(c0.moment) AS moment,
                       MAX(CAST({{}} AS TEXT)) AS records
                FROM (SELECT 1 AS one) AS always
                LEFT JOIN ({{}}) AS h ON TRUE
                LEFT JOIN ({{}}) AS c0 ON c0.occurrence = 1
                """,
                evidence([counting], won=Won("c0")),
                so_far(counting, scope=only),
                reached([counting], scope=only),
            )
        )
    return join(" UNION ALL ", lines)


def _gated(
    active: ActiveRule,
    met: Sql,
    names: Sequence[str],
    told: Sequence[tuple[Won, list[Counting]]],
    *,
    stands: Sql,
    outside: bool,
) -> Sql:
    """Those of `met`, the joined rows of `names`, who pass every gate and lack the award.

    The snapshot stands in the outermost select list, so that its subqueries run for new awards only.
    """
    # Earned daily, or renewed, it is earned again by records not used before: always the next occurrence.
    occurrence = (
        f"(SELECT COUNT(*) + 1 FROM {table(EarnedAchievement).text} AS had"
        " WHERE had.learner_id = c0.learner_id AND had.achievement_id = c0.key)"
        if active.is_daily or active.is_renewable
        else "c0.occurrence"
    )
    inside = f"NOT ({GATES['reach']})" if outside else GATES["reach"]
    return sql(
        f"""
        SELECT c0.key AS achievement_id, {occurrence} AS occurrence, c0.learner_id AS learner_id,
               {_of_latest(names, "moment")} AS moment, {_of_latest(names, "day")} AS day,
               {_of_latest(names, "last_id")} AS last_id, {{}} AS snapshot
        FROM {{}}
        JOIN {{}} AS a ON a.id = c0.key
        JOIN {{}} AS person ON person.id = c0.learner_id
        JOIN {{}} AS home ON home.id = person.organization_id
        WHERE {GATES["organization"]} AND {GATES["participation"]} AND {inside}
          AND NOT EXISTS (
              SELECT 1 FROM {{}} AS held
              WHERE held.learner_id = c0.learner_id AND held.achievement_id = c0.key
                AND held.occurrence = {occurrence} AND {{}}
          )
        """,
        _snapshot(told),
        met,
        table(Achievement),
        table(User),
        table(Organization),
        table(EarnedAchievement),
        stands,
    )


def _of_latest(names: Sequence[str], column: str) -> str:
    """The column of that one of these joined rows which came last, ties broken by the record."""
    *others, last = names
    if not others:
        return f"{last}.{column}"
    place = "({0}.moment, {0}.last_id)".format
    whens = (
        f"WHEN {' AND '.join(f'{place(name)} >= {place(other)}' for other in names if other != name)}"
        f" THEN {name}.{column}"
        for name in others
    )
    return f"CASE {' '.join(whens)} ELSE {last}.{column} END"


def _snapshot(told: Sequence[tuple[Won, list[Counting]]]) -> Sql:
    """{"conditions": [{"needed", "have", "records"}]}, the conditions in text order.

    Written as text: no function takes as many arguments as a rule may have conditions.
    """
    lines = []
    for won, countings in told:
        needed = won.needed(countings[0])
        numbers = f"'needed', {needed}, " + (f"'have', {won.name}.have, " if won.whole else "")
        line = sql(json_object(f"{numbers}'records', {_as_json('{}')}"), evidence(countings, won=won))
        lines.append(sql("CAST({} AS TEXT)", line))
    whole = sql("""'{{"conditions": [' || {} || ']}}'""", join(" || ', ' || ", lines))
    return sql("CAST({} AS JSONB)", whole) if connection.vendor == "postgresql" else whole


def _as_json(expression: str) -> str:
    # SQLite forgets that a text is JSON when it leaves a subquery.
    return f"json({expression})" if connection.vendor == "sqlite" else expression
