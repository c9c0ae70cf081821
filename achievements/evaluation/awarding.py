"""Who is looked at by which rules, in what order, and what follows from a new award."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace

from django.conf import settings
from django.db import transaction
from django.db.models import Max, Min, Q
from django.utils import timezone
from django.utils.translation import gettext as _

from achievements.conditions.query import EVERYBODY, ActiveRule, Scope
from achievements.evaluation import passes
from achievements.evaluation.passes import Pass, Report
from achievements.evaluation.rules import active_rules
from achievements.evaluation.runs import Run, keep, run_rules
from achievements.intents import issue_new
from achievements.lock import one_at_a_time
from achievements.models import Achievement, Backfill, EarnedAchievement
from achievements.progress.looks import ask
from achievements.references import pause_where_gone
from badges.models import IssuedBadge
from tms.models import Notification, ProgressChange, User
from tms.sql import execute, fetch, in_list, plan_for_sets, sql, table, value

# label, done, total: told after every chunk of a long run.
Progress = Callable[[str, int, int], None]

# A planner that saw the tables of awards and intents empty reads all that goes in again for each row of it.
FIRST_CHUNK = 250


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
            changes = list(ahead.order_by("pk").values_list("pk", "learner_id")[: passes.CHUNK])
            if not (changes or kept):
                break
            rules = _open_rules()
            is_last = len(changes) < passes.CHUNK
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
    first, size = bounds["first"], min(FIRST_CHUNK, passes.CHUNK)
    while first <= bounds["last"]:
        yield Scope(first=first, last=first + size - 1)
        first, size = first + size, passes.CHUNK


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
    this = Pass(now=timezone.now(), report=Report(), full=all_rules is not None, backfills=backfills)
    following = replace(this, full=False)
    over_awards = [rule for rule in all_rules or rules if rule.reads_awards and not rule.is_limited]
    everybody_may = [rule for rule in rules if not rule.is_limited]
    new = _award_rules([rule for rule in everybody_may if not rule.reads_awards], scope=scope, this=this)
    if competing is not None:
        over_records = [rule for rule in rules if rule.is_limited and not rule.is_contested]
        new += _award_rules(over_records, scope=competing, this=this)
    asked = [rule for rule in everybody_may if rule.reads_awards]
    others = [rule for rule in over_awards if rule not in asked]
    runs = [*run_rules(asked, scope=scope, this=this), *_runs_for(new, others, this=following)]
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


def _award_rules(rules: Sequence[ActiveRule], *, scope: Scope, this: Pass) -> list[int]:
    """Insert the new awards of these rules; their ids."""
    return keep(list(run_rules(rules, scope=scope, this=this)))


def _award_earliest_first(runs: Sequence[Run], rules: Sequence[ActiveRule], *, this: Pass) -> list[int]:
    """What these runs over awards made, and what all such rules make of that, until it is nothing new.

    An award that another rule counts may bring forward the moment of what its learner got later in the same
    round: that is dropped, and made anew by the next round. Where no rule counts what another gives, one
    round is all.
    """
    counted = {rule.achievement.pk for rule in rules if any(other.counts(rule) for other in rules)}
    new: list[int] = []
    while made := [pair for run in runs for pair in run.made]:
        leading = [pk for pk, achievement_id in made if achievement_id in counted]
        new += keep(runs, dropped=_drop_later([pk for pk, _achievement_id in made], leading=leading))
        runs = _runs_for(leading, rules, this=this)
    keep(runs)
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


def _runs_for(awards: Sequence[int], rules: Sequence[ActiveRule], *, this: Pass) -> list[Run]:
    """Runs of these rules for those who got these awards."""
    if not (awards and rules):
        return []
    return list(run_rules(rules, scope=Scope(learners=_learners_of(awards)), this=this))


def _learners_of(awards: Sequence[int]) -> list[int]:
    rows = fetch(
        sql("SELECT DISTINCT learner_id FROM {} WHERE {}", table(EarnedAchievement), in_list("id", awards))
    )
    return [row[0] for row in rows]


def _notify(awards: Sequence[int], *, this: Pass) -> None:
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
