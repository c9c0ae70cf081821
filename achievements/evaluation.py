"""From changed learners to earned achievements to intents to issue.

Everything here is set-based and safe to repeat: an award is unique, an intent is unique, and what asked for
the work (a ProgressChange, a mark on an achievement) is deleted in the transaction that did it. One
evaluation runs at a time: a rule over points must see every award before it, also those of the other worker.
A look of single rules at everybody is a Backfill, which achievements.backfill leads through these passes.
Next: achievements.intents.issue_new.
"""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Callable, Iterator, Sequence, Set
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, time, timedelta
from time import perf_counter
from zoneinfo import ZoneInfo

from django.conf import settings
from django.db import DatabaseError, transaction
from django.db.models import Max, Min, Q, Value
from django.db.models.functions import Coalesce, Greatest
from django.utils import timezone
from django.utils.translation import gettext as _

from achievements.conditions import language
from achievements.conditions.counted import given_back
from achievements.conditions.daily import daily_winners, find_crossed, pause_of
from achievements.conditions.query import EVERYBODY, ActiveRule, Scope, lacking, statements, winners
from achievements.intents import issue_new
from achievements.lock import one_at_a_time
from achievements.models import Achievement, Backfill, EarnedAchievement, RuleRun
from achievements.paused import tell_paused
from achievements.progress.looks import ask
from achievements.references import pause_where_gone
from badges.models import Badge, IssuedBadge
from tms.models import Course, Notification, ProgressChange, User
from tms.sql import (
    Sql,
    execute,
    fetch,
    in_list,
    moment_of,
    next_id,
    plan_for_sets,
    sql,
    table,
    time_limit,
    value,
)

log = logging.getLogger(__name__)

# label, done, total: told after every chunk of a long run.
Progress = Callable[[str, int, int], None]

CHUNK = 5_000
# A planner that saw the tables of awards and intents empty reads all that goes in again for each row of it.
FIRST_CHUNK = 250
PAUSE_AFTER_ERROR = timedelta(minutes=10)
MOST_FAILURES = 5


@dataclass(slots=True)
class Report:
    """What a pass did: learners looked at, awards and intents written, rules that failed."""

    learners: int = 0
    awards: int = 0
    intents: int = 0
    failed: set[int] = field(default_factory=set)

    def __iadd__(self, other: Report) -> Report:
        self.learners += other.learners
        self.awards += other.awards
        self.intents += other.intents
        self.failed |= other.failed
        return self


@dataclass(frozen=True, slots=True, kw_only=True)
class _Pass:
    """What one pass has in common: its moment, its report, whether every rule is to be logged, and the
    backfills that its awards belong to (none: whatever is awarded is live)."""

    now: datetime
    report: Report
    full: bool
    backfills: Sequence[Backfill]

    @property
    def notification(self) -> str:
        return self.backfills[0].notification if self.backfills else Backfill.Notification.NORMAL


def award_changes() -> Report:
    """Evaluate every active rule for the learners who changed, in chunks, until no change waits.

    A rule that learners compete for by their awards is decided with the last chunk, when the awards of all
    are there. Until then the changes of the chunks before are kept: should the process die, they are
    evaluated again.
    """
    report = Report()
    if not settings.BADGES_ENABLED:
        return report
    pause_where_gone()
    kept: list[int] = []
    while True:
        with transaction.atomic():
            one_at_a_time()
            ahead = ProgressChange.objects.filter(pk__gt=kept[-1]) if kept else ProgressChange.objects.all()
            changes = list(ahead.order_by("pk").values_list("pk", "learner_id")[:CHUNK])
            if not (changes or kept):
                break
            rules = _open_rules()
            is_last = len(changes) < CHUNK
            decidable = [rule for rule in rules if is_last or not rule.is_contested]
            learners = sorted({learner_id for _pk, learner_id in changes})
            report += award(decidable, scope=Scope(learners=learners), competing=Scope(changed=True))
            report.learners += len(learners)
            kept += [pk for pk, _learner in changes]
            if len(decidable) == len(rules):
                ProgressChange.objects.filter(pk__in=kept).delete()
                kept = []
    return report


def _open_rules() -> list[ActiveRule]:
    """Those that changed learners may earn now. A contest that is to look at everybody waits for that: else
    those who have just moved would win before the earliest is known."""
    return [rule for rule in active_rules() if not (rule.is_limited and rule.achievement.full_run_due_at)]


def award_full(*, only: set[int] | None = None, progress: Progress | None = None) -> Report:
    """Evaluate active rules (those of `only`, or all) over every learner, a chunk a transaction.

    What a backfill is open for, or was undone for, is left to it: nobody is told here what was to be silent.
    """
    report = Report()
    if not settings.BADGES_ENABLED:
        return report
    pause_where_gone()
    chunks = list(_chunks())
    done, total = 0, sum(scope.size for scope in chunks)
    for scope in chunks:
        with transaction.atomic():
            one_at_a_time()
            rules = active_rules()
            report += award(_chosen(rules, only), scope=scope, all_rules=rules, competing=None)
        done += scope.size
        if progress:
            progress(_("learners"), done, total)
    with transaction.atomic():
        one_at_a_time()
        rules = active_rules()
        limited = [rule for rule in _chosen(rules, only) if rule.is_limited]
        report += award(limited, scope=EVERYBODY, all_rules=rules, competing=EVERYBODY)
    report.learners = User.objects.count()
    return report


def _chosen(rules: Sequence[ActiveRule], only: set[int] | None) -> list[ActiveRule]:
    if only is not None:
        return [rule for rule in rules if rule.achievement.pk in only]
    left_alone = Backfill.objects.left_alone()
    return [rule for rule in rules if rule.achievement.pk not in left_alone]


def failing_rules() -> list[Achievement]:
    """The achievements whose rule failed when it was last evaluated, and waits to be tried again, or names
    what is gone."""
    failed = Q(full_run_due_at__isnull=False) & ~Q(last_error="")
    return list(Achievement.objects.filter(failed | ~Q(gone={})))


def _chunks() -> Iterator[Scope]:
    bounds = User.objects.aggregate(first=Min("pk"), last=Max("pk"))
    if bounds["first"] is None:
        return
    first, size = bounds["first"], min(FIRST_CHUNK, CHUNK)
    while first <= bounds["last"]:
        yield Scope(first=first, last=first + size - 1)
        first, size = first + size, CHUNK


def active_rules() -> list[ActiveRule]:
    """Enabled achievements of organizations that have achievements enabled, with their rules; none paused."""
    enabled = (
        Achievement.objects.filter(
            enabled=True, paused_at__isnull=True, organization__enable_achievements=True
        )
        .exclude(conditions=[])
        .select_related("organization")
        .order_by("pk")
    )
    return _active(list(enabled))


def active_rule(achievement: Achievement) -> ActiveRule:
    """One achievement's rule as if it were active: for looking ahead and for explaining."""
    [active] = _active([achievement])
    return active


def _active(achievements: Sequence[Achievement]) -> list[ActiveRule]:
    """The rules, with what about others bears on them; two queries."""
    ticked = Course.objects.filter(achievements_for_outside_organizations=True)
    open_to_others = set(ticked.values_list("organization_id", flat=True).distinct())
    something_undone = Backfill.objects.undone().exists()
    rules = []
    for achievement in achievements:
        rule = language.from_canonical(achievement.conditions)
        active = ActiveRule(achievement, rule, outsiders=achievement.organization_id in open_to_others)
        # Withdrawn awards stand in nobody's way after an edit: of this rule, or of one it follows from.
        may_be_free = active.reads_awards or achievement.rule_version > 1
        rules.append(replace(active, given_back=something_undone and may_be_free))
    return rules


def award(
    rules: Sequence[ActiveRule],
    *,
    scope: Scope,
    competing: Scope | None,
    all_rules: Sequence[ActiveRule] | None = None,
    backfills: Sequence[Backfill] = (),
) -> Report:
    """One pass over a set of learners, in the caller's transaction and under `one_at_a_time`.

    Rules for which learners compete look at `competing`, not at one chunk, since the earliest of all wins;
    without it they are left out. `backfills`, all of one choice of notification, are those that the pass is
    made for: its awards belong to them and count for them.

    Rules over records run once; rules over awards run until nothing new is earned (the least fixpoint:
    awards only add), and only for the learners who earned something. Those over awards for which learners
    compete come after all that, since nothing is taken back. At the end it is asked how far those are now who
    have changed or earned something (progress.looks).
    """
    plan_for_sets()
    this = _Pass(now=timezone.now(), report=Report(), full=all_rules is not None, backfills=backfills)
    following = replace(this, full=False)
    over_awards = [rule for rule in all_rules or rules if rule.reads_awards and not rule.is_limited]
    everybody_may = [rule for rule in rules if not rule.is_limited]
    new = _award_rules([rule for rule in everybody_may if not rule.reads_awards], scope=scope, this=this)
    if competing is not None:
        over_records = [rule for rule in rules if rule.is_limited and not rule.is_contested]
        new += _award_rules(over_records, scope=competing, this=this)
    asked = [rule for rule in everybody_may if rule.reads_awards]
    others = [rule for rule in over_awards if rule not in asked]
    runs = [*_runs(asked, scope=scope, this=this), *_runs_for(new, others, this=following)]
    new += _award_earliest_first(runs, over_awards, this=following)
    if competing is not None:
        contested = [rule for rule in rules if rule.is_contested]
        fresh = _award_rules(contested, scope=competing, this=this)
        while fresh:
            fresh += _award_earliest_first(
                _runs_for(fresh, over_awards, this=following), over_awards, this=following
            )
            new += fresh
            fresh = _award_rules(contested, scope=Scope(learners=_learners_of(fresh)), this=following)
    earners = _learners_of(new) if new else []
    if new:
        this.report.awards = len(new)
        this.report.intents = issue_new(
            new,
            learners=earners,
            now=this.now,
            backfill=bool(backfills),
            silent=this.notification == Backfill.Notification.SILENT,
        )
        _notify(new, this=this)
        if backfills:
            _tally(new)
    # Of a range of everybody only those who earned something: nothing else has changed.
    ask([*(scope.learners or ()), *earners])
    return this.report


@dataclass(frozen=True, slots=True, kw_only=True)
class _Run:
    """One statement: the rules it was for, and the id and the achievement of each award that it made."""

    group: Sequence[ActiveRule]
    started: datetime
    seconds: float
    looked_at: int
    full: bool
    made: list[tuple[int, int]]


def _award_rules(rules: Sequence[ActiveRule], *, scope: Scope, this: _Pass) -> list[int]:
    """Insert the new awards of these rules; their ids."""
    return _kept(list(_runs(rules, scope=scope, this=this)))


def _award_earliest_first(runs: Sequence[_Run], rules: Sequence[ActiveRule], *, this: _Pass) -> list[int]:
    """What these runs over awards made, and what all such rules make of that, until it is nothing new.

    An award that another rule counts may bring forward the moment of what its learner got later in the same
    round: that is dropped, and made anew by the next round. Where no rule counts what another gives, one
    round is all.
    """
    counted = {rule.achievement.pk for rule in rules if any(other.counts(rule) for other in rules)}
    new: list[int] = []
    while made := [pair for run in runs for pair in run.made]:
        leading = [pk for pk, achievement_id in made if achievement_id in counted]
        new += _kept(runs, dropped=_drop_later([pk for pk, _achievement_id in made], leading=leading))
        runs = list(_runs(rules, scope=Scope(learners=_learners_of(leading)), this=this)) if leading else []
    _kept(runs)
    return new


def _drop_later(awards: Sequence[int], *, leading: Sequence[int]) -> set[int]:
    """Delete those of these awards that are later than their learner's earliest leading one."""
    if not leading:
        return set()
    return {
        pk
        for (pk,) in fetch(
            sql(
                """
                WITH first AS (
                    SELECT learner_id, MIN(earned_at) AS earned_at FROM {} WHERE {} GROUP BY learner_id
                )
                DELETE FROM {} WHERE id IN (
                    SELECT award.id FROM {} AS award JOIN first ON first.learner_id = award.learner_id
                    WHERE award.earned_at > first.earned_at AND {}
                )
                RETURNING id
                """,
                table(EarnedAchievement),
                in_list("id", leading),
                table(EarnedAchievement),
                table(EarnedAchievement),
                in_list("award.id", awards),
            )
        )
    }


def _runs_for(awards: Sequence[int], rules: Sequence[ActiveRule], *, this: _Pass) -> list[_Run]:
    """Runs of these rules for those who got these awards."""
    if not (awards and rules):
        return []
    return list(_runs(rules, scope=Scope(learners=_learners_of(awards)), this=this))


def _runs(rules: Sequence[ActiveRule], *, scope: Scope, this: _Pass) -> Iterator[_Run]:
    """Run these rules, each group within its time. One that fails is run again rule by rule."""
    sound = [active for active in rules if active.achievement.pk not in this.report.failed]
    groups = list(statements(sound))
    short = _short(groups, scope=scope)
    for group, narrowed in zip(groups, short, strict=True):
        started, clock = timezone.now(), perf_counter()
        try:
            with transaction.atomic(), time_limit(settings.EVALUATION_SECONDS):
                made = _insert(group, scope=narrowed, this=this)
        except DatabaseError as error:
            if len(group) > 1:
                log.warning(
                    "%d rules of one shape failed together and run one by one", len(group), exc_info=True
                )
                for active in group:
                    yield from _runs([active], scope=scope, this=this)
            else:
                _mark_failed(group[0], error, this=this)
        else:
            yield _Run(
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


def _kept(runs: Sequence[_Run], *, dropped: Set[int] = frozenset()) -> list[int]:
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


def _mark_failed(active: ActiveRule, error: DatabaseError, *, this: _Pass) -> None:
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


def _insert(group: Sequence[ActiveRule], *, scope: Scope, this: _Pass) -> list[tuple[int, int]]:
    """Insert what a group of `statements` wins now: the id and the achievement of each new award."""
    if scope.is_empty:
        return []
    active, found = group[0], winners(group, scope=scope)
    if not active.is_limited:
        return _write(found, this=this)
    if active.is_daily:
        return _insert_daily(active, found, this=this)
    taken, _last = places_taken(active.achievement)
    left = active.achievement.frequency - taken
    return _write(_earliest(found, left), this=this) if left > 0 else []


def places_taken(achievement: Achievement) -> tuple[int, datetime | None]:
    """How many learners hold what others compete for, and the moment of the latest award."""
    [(count, last)] = fetch(
        sql(
            "SELECT COUNT(DISTINCT award.learner_id), MAX(award.earned_at) FROM {} AS award"
            " WHERE award.achievement_id = {} AND NOT {}",
            table(EarnedAchievement),
            value(achievement.pk),
            given_back("award"),
        )
    )
    return count, moment_of(last) if last else None


def _earliest(found: Sql, count: int) -> Sql:
    return sql("SELECT * FROM ({}) AS every ORDER BY moment, last_id LIMIT {}", found, value(count))


def _insert_daily(active: ActiveRule, found: Sql, *, this: _Pass) -> list[tuple[int, int]]:
    """One learner, then nobody for `frequency` calendar days of the achievement's organization.

    Who competes is asked once, and then they alone until none of them wins: those who did may win again.
    """
    crossed = fetch(sql("SELECT won.learner_id FROM ({}) AS won", found))
    competitors = Scope(learners=[learner_id for (learner_id,) in crossed])
    new: list[tuple[int, int]] = []
    while competitors.learners:
        find_crossed(active, scope=competitors)
        winning = daily_winners(active, scope=competitors, free_from=free_from(active))
        won = _write(winning, this=this)
        if not won:
            break
        new += won
    return new


def free_from(active: ActiveRule) -> datetime:
    """The beginning of the first day after the last award on which somebody may earn it."""
    _count, last = places_taken(active.achievement)
    if last is None:
        return datetime(1900, 1, 1, tzinfo=UTC)
    zone = ZoneInfo(active.achievement.organization.time_zone)
    free_day = last.astimezone(zone).date() + timedelta(days=pause_of(active))
    return datetime.combine(free_day, time.min, zone)


def _write(found: Sql, *, this: _Pass) -> list[tuple[int, int]]:
    """Insert awards; one that was withdrawn and stands in nobody's way is made anew in its place.

    Where a badge may be issued, the award is written with the id that its intent will have (`_issue`): to
    link them afterwards would write every award twice, with all of its indexes.
    """
    statement = sql(
        """
        INSERT INTO {} (
            learner_id, achievement_id, occurrence, earned_at, earned_day, points, rule_version, snapshot,
            created_at, backfill_id, issued_badge_id
        )
        SELECT won.learner_id, won.achievement_id, won.occurrence, won.moment, won.day, achievement.points,
               achievement.rule_version, won.snapshot, {}, {},
               CASE WHEN badge.is_active AND NOT achievement.is_renewable THEN {} END
        FROM ({}) AS won
        JOIN {} AS achievement ON achievement.id = won.achievement_id
        LEFT JOIN {} AS badge ON badge.id = achievement.badge_id
        WHERE TRUE
        ON CONFLICT (learner_id, achievement_id, occurrence) DO UPDATE SET
            earned_at = excluded.earned_at, earned_day = excluded.earned_day, points = excluded.points,
            rule_version = excluded.rule_version, snapshot = excluded.snapshot,
            created_at = excluded.created_at, backfill_id = excluded.backfill_id,
            issued_badge_id = excluded.issued_badge_id, withdrawn_at = NULL
        WHERE {}.withdrawn_at IS NOT NULL
        RETURNING id, achievement_id
        """,
        table(EarnedAchievement),
        value(this.now),
        _backfill_of_won(this),
        next_id(IssuedBadge),
        found,
        table(Achievement),
        table(Badge),
        table(EarnedAchievement),
    )
    return [(pk, achievement_id) for pk, achievement_id in fetch(statement)]


def _backfill_of_won(this: _Pass) -> Sql:
    """The backfill of the rule or, where one award led to another, the last that gave the learner one."""
    if not this.backfills:
        return Sql("NULL")
    ids = [backfill.pk for backfill in this.backfills]
    return sql(
        """
        COALESCE(
            (SELECT run.id FROM {} AS run WHERE run.achievement_id = won.achievement_id AND {}),
            (SELECT MAX(cause.backfill_id) FROM {} AS cause WHERE cause.learner_id = won.learner_id AND {})
        )
        """,
        table(Backfill),
        in_list("run.id", ids),
        table(EarnedAchievement),
        in_list("cause.backfill_id", ids),
    )


def _learners_of(awards: Sequence[int]) -> list[int]:
    rows = fetch(
        sql("SELECT DISTINCT learner_id FROM {} WHERE {}", table(EarnedAchievement), in_list("id", awards))
    )
    return [row[0] for row in rows]


def _notify(awards: Sequence[int], *, this: _Pass) -> None:
    """Rows of the outbox; the mail itself is somebody else's work.

    One for every award; one for each learner of a backfill that is summed up, with the backfill's id as its
    key; none of a silent one.
    """
    if this.notification == Backfill.Notification.SILENT:
        return
    kinds = Notification.Kind
    is_summary = this.notification == Backfill.Notification.SUMMARY
    kind = kinds.ACHIEVEMENTS_EARNED_SUMMARY if is_summary else kinds.ACHIEVEMENT_EARNED
    execute(
        sql(
            f"INSERT INTO {{}} (user_id, kind, key, created_at)"
            f" SELECT DISTINCT award.learner_id, {{}}, award.{'backfill_id' if is_summary else 'id'}, {{}}"
            " FROM {} AS award WHERE {} ON CONFLICT DO NOTHING",
            table(Notification),
            value(kind.value),
            value(this.now),
            table(EarnedAchievement),
            in_list("award.id", awards),
        )
    )


def _tally(awards: Sequence[int]) -> None:
    """Count new awards, and the intents that they led to, for the backfills that they belong to."""
    execute(
        sql(
            """
            UPDATE {} AS run SET awarded = run.awarded + new.awards, intents = run.intents + new.intents
            FROM (
                SELECT award.backfill_id, COUNT(*) AS awards, COUNT(issued.id) AS intents
                FROM {} AS award
                LEFT JOIN {} AS issued ON issued.id = award.issued_badge_id
                      AND issued.source_kind = {} AND issued.source_key = CAST(award.id AS VARCHAR(60))
                WHERE {}
                GROUP BY award.backfill_id
            ) AS new
            WHERE run.id = new.backfill_id
            """,
            table(Backfill),
            table(EarnedAchievement),
            table(IssuedBadge),
            value(IssuedBadge.Source.ACHIEVEMENT.value),
            in_list("award.id", awards),
        )
    )
