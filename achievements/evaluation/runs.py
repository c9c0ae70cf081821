"""Running rules, one statement for all of one shape: within its time, logged, and none stopping another."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Iterator, Sequence, Set
from dataclasses import dataclass
from datetime import datetime
from time import perf_counter

from django.conf import settings
from django.db import DatabaseError, transaction
from django.db.models import Value
from django.db.models.functions import Coalesce, Greatest
from django.utils import timezone

from achievements.conditions.query import ActiveRule, Scope, lacking, statements
from achievements.evaluation.passes import Pass
from achievements.evaluation.writing import insert
from achievements.models import Achievement, RuleRun
from achievements.paused import tell_paused
from tms.sql import fetch, time_limit

log = logging.getLogger(__name__)

MOST_FAILURES = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """One statement: the rules it was for, and the id and the achievement of each award that it made."""

    group: Sequence[ActiveRule]
    started: datetime
    seconds: float
    looked_at: int
    full: bool
    made: list[tuple[int, int]]


def run_rules(rules: Sequence[ActiveRule], *, scope: Scope, this: Pass) -> Iterator[Run]:
    """Run these rules, each group within its time. One that fails is run again rule by rule."""
    sound = [active for active in rules if active.achievement.pk not in this.report.failed]
    groups = list(statements(sound))
    short = _short(groups, scope=scope)
    for group, narrowed in zip(groups, short, strict=True):
        started, clock = timezone.now(), perf_counter()
        try:
            with transaction.atomic(), time_limit(settings.EVALUATION_SECONDS):
                made = insert(group, scope=narrowed, this=this)
        except DatabaseError as error:
            if len(group) > 1:
                log.warning(
                    "%d rules of one shape failed together and run one by one", len(group), exc_info=True
                )
                for active in group:
                    yield from run_rules([active], scope=scope, this=this)
            else:
                mark_failed(group[0], error, this=this)
        else:
            yield Run(
                group=group,
                started=started,
                seconds=perf_counter() - clock,
                looked_at=scope.size,
                full=this.full,
                made=made,
            )


def _short(groups: Sequence[Sequence[ActiveRule]], *, scope: Scope) -> list[Scope]:
    """For each group the learners to look at: of several rules, those who have enough for one and lack it.

    Asked before, and for all groups at once, so that the planner knows how few they are. When that fails,
    every group looks at all, and the one that it failed for will fail alone.
    """
    shared = [place for place, group in enumerate(groups) if len(group) > 1]
    short: dict[int, list[int]] = {place: [] for place in shared}
    if shared:
        try:
            with transaction.atomic(), time_limit(settings.EVALUATION_SECONDS):
                found = fetch(lacking([groups[place] for place in shared], scope=scope))
        except DatabaseError:
            log.warning("Nobody could be asked who lacks what; all are looked at", exc_info=True)
            return [scope] * len(groups)
        for place, learner_id in found:
            short[shared[place]].append(learner_id)
    return [Scope(learners=short[place]) if place in short else scope for place in range(len(groups))]


def keep(runs: Sequence[Run], *, dropped: Set[int] = frozenset()) -> list[int]:
    """The awards of these runs but those dropped. What each rule did is logged."""
    logged = []
    for run in runs:
        awarded = Counter(achievement_id for pk, achievement_id in run.made if pk not in dropped)
        logged += [
            RuleRun(
                achievement=active.achievement,
                started_at=run.started,
                seconds=run.seconds,
                shared_by=len(run.group),
                looked_at=run.looked_at,
                awarded=awarded[active.achievement.pk],
            )
            for active in run.group
            if run.full or awarded[active.achievement.pk]
        ]
    RuleRun.objects.bulk_create(logged)
    return [pk for run in runs for pk, _achievement_id in run.made if pk not in dropped]


def mark_failed(active: ActiveRule, error: DatabaseError, *, this: Pass) -> None:
    """One bad rule stops no other: it is tried again later, and pauses when it has failed too often."""
    pk, now = active.achievement.pk, this.now
    log.error("The rule of achievement %s failed: %s", pk, error)
    this.report.failed.add(pk)
    failed_runs = active.achievement.failed_runs + 1
    Achievement.objects.filter(pk=pk).update(
        # An edit since the pass began has asked later than this.
        full_run_due_at=Greatest(Coalesce("full_run_due_at", Value(now)), Value(now)),
        last_error=str(error),
        last_error_at=now,
        failed_runs=failed_runs,
        paused_at=now if failed_runs >= MOST_FAILURES else None,
    )
    if failed_runs >= MOST_FAILURES:
        tell_paused([pk], at=now)
    RuleRun.objects.create(
        achievement_id=pk, started_at=now, seconds=0, looked_at=0, awarded=0, error=str(error)
    )
