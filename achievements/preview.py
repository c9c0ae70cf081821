"""What saving an achievement, or looking at everybody again, would do before it is done.

A draft is really saved, evaluated by the statements of the real run, and rolled back: preview and award
cannot disagree, and nothing stays behind. For an edit the count is who gains, since nobody ever loses.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import TYPE_CHECKING

from django.conf import settings
from django.db import transaction
from django.utils.translation import gettext as _

from achievements.authoring import save_achievement
from achievements.conditions.language import Remark
from achievements.conditions.query import EVERYBODY, GATES, Scope, may_earn, standing, winners
from achievements.evaluation import active_rule
from achievements.intents import owed
from achievements.models import Backfill
from achievements.references import gone, told
from badges.intents import never_had
from badges.issuing import problem_of_silence
from tms.access import Action, require
from tms.models import User
from tms.sql import Sql, fetch, json_array, moment_of, plan_for_sets, sql, table, value

if TYPE_CHECKING:
    from achievements.conditions.query import ActiveRule
    from achievements.models import Achievement

SAMPLE = 10
# Seconds that one call of a provider takes, by experience; accounts have no rate of their own yet.
SECONDS_PER_CALL = 0.5


@dataclass(frozen=True, slots=True, kw_only=True)
class Gain:
    learner_id: int
    name: str
    occurrence: int
    earned_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Preview:
    """`awards` to be made at once, to `learners`; some as `sample`. `blocked`: by gate, who meets
    the rule and is held back (one learner may stand at several gates). `messages`: how many of ours learners
    get. `seconds`: how long the provider's `calls` take at this site's pace. `owed`: how many have earned it
    before and would be issued its badge now, some as `owed_sample`; their calls are among `calls`."""

    awards: int
    learners: int
    sample: tuple[Gain, ...]
    blocked: dict[str, int]
    waiting_for: tuple[str, ...]
    messages: int
    calls: int
    seconds: float
    hints: tuple[Remark, ...] = field(default=())
    owed: int = 0
    owed_sample: tuple[Gain, ...] = ()


def preview(draft: Achievement, *, actor: User | None = None) -> Preview:
    """Who would earn `draft` if it were saved as it stands; raises what saving would raise.

    A disabled draft, or one of an organization without achievements, is previewed as if it were on: what
    still stands in the way is told in `waiting_for`. What saving starts sums up for each learner.
    """
    waiting_for = tuple(_obstacles(draft))
    with transaction.atomic():
        pk, enabled, version = draft.pk, draft.enabled, draft.rule_version
        rule = save_achievement(draft, actor=actor)
        active = active_rule(draft)
        found = _foresee(
            active,
            notification=Backfill.Notification.SUMMARY,
            waiting_for=waiting_for,
            hints=(*rule.hints, *rule.notices),
        )
        found = _with_owed(found, draft)
        transaction.set_rollback(True)
    draft.pk, draft.enabled, draft.rule_version = pk, enabled, version
    draft._state.adding = pk is None
    return found


def _with_owed(found: Preview, stored: Achievement) -> Preview:
    """Those who have earned it wait only for its badge."""
    statement = sql("SELECT COUNT(*) FROM ({}) AS owed", owed(stored))
    [(count,)] = fetch(statement) if stored.badge_id else [(0,)]
    if not count:
        return found
    rows = fetch(
        sql(
            """
            SELECT owed.learner_id, person.first_name, person.last_name, owed.earned_at
            FROM ({}) AS owed JOIN {} AS person ON person.id = owed.learner_id
            ORDER BY owed.earned_at DESC, owed.learner_id DESC LIMIT {}
            """,
            owed(stored),
            table(User),
            value(SAMPLE),
        )
    )
    sample = tuple(
        Gain(learner_id=pk, name=f"{first} {last}".strip(), occurrence=1, earned_at=moment_of(moment))
        for pk, first, last, moment in rows
    )
    calls = found.calls + count
    return replace(found, owed=count, owed_sample=sample, calls=calls, seconds=_seconds(calls))


def preview_backfill(
    achievement: Achievement,
    *,
    notification: Backfill.Notification = Backfill.Notification.SUMMARY,
    actor: User | None = None,
) -> Preview:
    """Who would earn an achievement by a backfill, its rule being taken as it is stored."""
    require(actor, Action.MANAGE, achievement)
    active, waiting_for = active_rule(achievement), _obstacles(achievement)
    if missing := gone({achievement.pk: active.rule}):
        waiting_for.append(told(missing[achievement.pk]))
    elif achievement.paused_at:
        waiting_for.append(_("Its rule failed too often and is paused; save it to try again."))
    if notification == Backfill.Notification.SILENT and achievement.badge:
        waiting_for += filter(None, [problem_of_silence(achievement.badge)])
    return _foresee(active, notification=notification, waiting_for=tuple(waiting_for))


def _obstacles(draft: Achievement) -> list[str]:
    found = []
    if not draft.enabled:
        found.append(_("The achievement is not enabled."))
    if not draft.organization.enable_achievements:
        found.append(_("Its organization has not enabled achievements."))
    if draft.badge and not draft.badge.is_active:
        found.append(_("Its badge is not active, so nothing is issued yet."))
    return found


def _foresee(
    active: ActiveRule,
    *,
    notification: Backfill.Notification,
    waiting_for: tuple[str, ...],
    hints: Sequence[Remark] = (),
) -> Preview:
    if not active.rule.conditions:
        return Preview(
            awards=0,
            learners=0,
            sample=(),
            blocked={},
            waiting_for=waiting_for,
            messages=0,
            calls=0,
            seconds=0,
        )
    with transaction.atomic():
        plan_for_sets(in_order=True)
        found = _gained(active) if active.is_earned_once else _won(active)
    awards, learners = found.awards, found.learners
    if active.achievement.frequency_type == "per_achievement":
        awards = learners = min(learners, active.achievement.frequency)
    messages = {Backfill.Notification.SILENT: 0, Backfill.Notification.SUMMARY: learners}
    calls = found.calls if awards else 0
    return Preview(
        awards=awards,
        learners=learners,
        sample=found.sample,
        blocked=found.blocked,
        waiting_for=waiting_for,
        messages=messages.get(notification, awards),
        calls=calls,
        seconds=_seconds(calls),
        hints=tuple(hints),
    )


def _seconds(calls: int) -> float:
    return calls * SECONDS_PER_CALL / settings.DELIVERY_CONNECTIONS


@dataclass(frozen=True, slots=True, kw_only=True)
class _Found:
    awards: int
    learners: int
    calls: int
    blocked: dict[str, int]
    sample: tuple[Gain, ...]


def _gained(active: ActiveRule) -> _Found:
    """In one look at everybody, and without the moments of any but the sample's."""
    counts = ", ".join(f"(SELECT COUNT(*) FROM met WHERE {name} = 0 AND held = 0)" for name in GATES)
    statement = sql(
        f"""
        WITH met AS MATERIALIZED ({{}}),
             gaining AS (SELECT learner_id FROM met WHERE {may_earn()})
        SELECT (SELECT COUNT(*) FROM gaining), {{}}, {counts},
               (SELECT {json_array("learner_id")}
                FROM (SELECT learner_id FROM gaining ORDER BY learner_id LIMIT {{}}) AS few)
        """,
        standing(active),
        _calls(active, Sql("SELECT learner_id, CURRENT_TIMESTAMP AS moment FROM gaining")),
        value(SAMPLE),
    )
    [(learners, calls, *blocked, few)] = fetch(statement)
    ids = json.loads(few) if isinstance(few, str) else few
    return _Found(
        awards=learners,
        learners=learners,
        calls=calls,
        blocked={name: int(number) for name, number in zip(GATES, blocked, strict=True)},
        sample=_sample(active, scope=Scope(learners=ids)) if ids else (),
    )


def _won(active: ActiveRule) -> _Found:
    """By the statement that awards it, where how often or when it is met decides who may earn it."""
    won = winners([active])
    counts = ", ".join(f"(SELECT COUNT(*) FROM met WHERE {name} = 0 AND held = 0)" for name in GATES)
    statement = sql(
        f"""
        WITH won AS MATERIALIZED (SELECT learner_id, moment FROM ({{}}) AS every),
             met AS MATERIALIZED ({{}})
        SELECT (SELECT COUNT(*) FROM won), (SELECT COUNT(DISTINCT learner_id) FROM won), {{}}, {counts}
        """,
        won,
        standing(active),
        _calls(active, Sql("SELECT learner_id, moment FROM won")),
    )
    [(awards, learners, calls, *blocked)] = fetch(statement)
    return _Found(
        awards=awards,
        learners=learners,
        calls=calls,
        blocked={name: int(number) for name, number in zip(GATES, blocked, strict=True)},
        sample=_sample(active, scope=EVERYBODY) if awards else (),
    )


def _sample(active: ActiveRule, *, scope: Scope) -> tuple[Gain, ...]:
    rows = fetch(
        sql(
            """
            SELECT won.learner_id, person.first_name, person.last_name, won.occurrence, won.moment
            FROM ({}) AS won JOIN {} AS person ON person.id = won.learner_id
            ORDER BY won.moment DESC, won.last_id DESC LIMIT {}
            """,
            winners([active], scope=scope),
            table(User),
            value(SAMPLE),
        )
    )
    return tuple(
        Gain(
            learner_id=pk,
            name=f"{first} {last}".strip(),
            occurrence=occurrence,
            earned_at=moment_of(moment),
        )
        for pk, first, last, occurrence, moment in rows
    )


def _calls(active: ActiveRule, gaining: Sql) -> Sql:
    """How many badges the provider is asked for: those of learners and moments who never had it."""
    badge = active.achievement.badge
    if badge is None or not badge.is_active:
        return Sql("0")
    pairs = sql(
        """
        SELECT learner_id, {} AS badge_id, MIN(moment) AS earned_at, {} AS renews
        FROM ({}) AS gained GROUP BY learner_id
        """,
        value(badge.pk),
        value(active.is_renewable),
        gaining,
    )
    return sql("(SELECT COUNT(*) FROM ({}) AS calls)", never_had(pairs))
