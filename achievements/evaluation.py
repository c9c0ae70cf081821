"""From changed learners to earned achievements to intents to issue.

Everything here is set-based and safe to repeat: an award is unique, an intent is unique, and what asked for
the work (a ProgressChange, a mark on an achievement) is deleted in the transaction that did it. One
evaluation runs at a time: a rule over points must see every award before it, also those of the other worker.
Next: badges.issuing.issue_earned.
"""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, time, timedelta
from time import perf_counter
from zoneinfo import ZoneInfo

from django.conf import settings
from django.db import DatabaseError, connection, transaction
from django.db.models import Max, Min, Q, QuerySet
from django.utils import timezone
from django.utils.translation import gettext as _

from achievements.conditions import language
from achievements.conditions.query import EVERYBODY, ActiveRule, Scope, next_free, statements, winners
from achievements.models import Achievement, EarnedAchievement, RuleRun
from badges.issuing import issue_earned as record_intents
from badges.models import Badge, IssuedBadge
from tms.models import Course, Notification, ProgressChange, User
from tms.sql import Sql, execute, fetch, in_list, sql, table, time_limit, value

log = logging.getLogger(__name__)

# label, done, total: told after every chunk of a long run.
Progress = Callable[[str, int, int], None]

CHUNK = 5_000
PAUSE_AFTER_ERROR = timedelta(minutes=10)
MOST_FAILURES = 5
_LOCK = 7_202_601  # any number that no other advisory lock of this database uses


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


def award_changes() -> Report:
    """Evaluate every active rule for the learners who changed, in chunks, until no change waits."""
    report = Report()
    while settings.BADGES_ENABLED:
        with transaction.atomic():
            _one_at_a_time()
            changes = list(ProgressChange.objects.order_by("pk").values_list("pk", "learner_id")[:CHUNK])
            if not changes:
                break
            learners = sorted({learner_id for _pk, learner_id in changes})
            report += _award(active_rules(), scope=Scope(learners=learners), competing=Scope(changed=True))
            report.learners += len(learners)
            ProgressChange.objects.filter(pk__in=[pk for pk, _learner in changes]).delete()
    return report


def award_due() -> Report:
    """Evaluate, over everybody, the rules that are new, edited, enabled, or failed for a batch."""
    report = Report()
    if not settings.BADGES_ENABLED:
        return report
    rested = Q(last_error_at__isnull=True) | Q(last_error_at__lt=timezone.now() - PAUSE_AFTER_ERROR)
    due = dict(
        Achievement.objects.filter(rested, full_run_due_at__isnull=False, paused_at__isnull=True).values_list(
            "pk", "full_run_due_at"
        )
    )
    if due:
        report = award_full(only=set(due))
    for pk, since in due.items():
        if pk not in report.failed:
            # An edit during the run has asked again, later than this: it stays due.
            Achievement.objects.filter(pk=pk, full_run_due_at=since).update(
                full_run_due_at=None, last_error="", last_error_at=None, failed_runs=0
            )
    return report


def award_full(*, only: set[int] | None = None, progress: Progress | None = None) -> Report:
    """Evaluate active rules (those of `only`, or all) over every learner, a chunk a transaction."""
    report = Report()
    if not settings.BADGES_ENABLED:
        return report
    chunks = list(_chunks())
    for number, scope in enumerate(chunks, start=1):
        with transaction.atomic():
            _one_at_a_time()
            rules = active_rules()
            chosen = rules if only is None else [rule for rule in rules if rule.achievement.pk in only]
            report += _award(chosen, scope=scope, all_rules=rules, competing=None)
        if progress:
            progress(_("learners"), number * CHUNK, len(chunks) * CHUNK)
    with transaction.atomic():
        _one_at_a_time()
        rules = active_rules()
        limited = [
            rule for rule in rules if rule.is_limited and (only is None or rule.achievement.pk in only)
        ]
        report += _award(limited, scope=EVERYBODY, all_rules=rules, competing=EVERYBODY)
    report.learners = User.objects.count()
    return report


def failing_rules() -> list[Achievement]:
    """The achievements whose rule failed when it was last evaluated, and waits to be tried again."""
    return list(Achievement.objects.filter(full_run_due_at__isnull=False).exclude(last_error=""))


def _chunks() -> Iterator[Scope]:
    bounds = User.objects.aggregate(first=Min("pk"), last=Max("pk"))
    if bounds["first"] is None:
        return
    for first in range(bounds["first"], bounds["last"] + 1, CHUNK):
        yield Scope(first=first, last=first + CHUNK - 1)


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
    ticked = set(_ticked().values_list("organization_id", flat=True).distinct())
    return [_active(achievement, outsiders=achievement.organization_id in ticked) for achievement in enabled]


def active_rule(achievement: Achievement) -> ActiveRule:
    """One achievement's rule as if it were active: for looking ahead and for explaining."""
    ticked = _ticked().filter(organization_id=achievement.organization_id)
    return _active(achievement, outsiders=ticked.exists())


def _ticked() -> QuerySet[Course]:
    return Course.objects.filter(achievements_for_outside_organizations=True)


def _active(achievement: Achievement, *, outsiders: bool) -> ActiveRule:
    return ActiveRule(achievement, language.from_canonical(achievement.conditions), outsiders=outsiders)


def _award(
    rules: Sequence[ActiveRule],
    *,
    scope: Scope,
    competing: Scope | None,
    all_rules: Sequence[ActiveRule] | None = None,
) -> Report:
    """One pass over a set of learners, in the caller's transaction.

    Rules for which learners compete look at `competing`, not at one chunk, since the earliest of all wins;
    without it they are left out.

    Rules over records run once; rules over awards run until nothing new is earned (the least fixpoint:
    awards only add), and only for the learners who earned something.
    """
    report = Report()
    now = timezone.now()
    full = all_rules is not None
    alone = [rule for rule in rules if not rule.is_limited]
    new = _award_rules(alone, scope=scope, now=now, report=report, full=full)
    if competing is not None:
        limited = [rule for rule in rules if rule.is_limited]
        new += _award_rules(limited, scope=competing, now=now, report=report, full=full)
    over_awards = [active for active in (all_rules or rules) if active.reads_awards]
    fresh = new
    while fresh and over_awards:
        again = Scope(learners=_learners_of(fresh))
        fresh = _award_rules(over_awards, scope=again, now=now, report=report)
        new += fresh
    if new:
        report.awards = len(new)
        report.intents = _issue(in_list("award.id", new), now=now)
        _notify(new, now=now)
    return report


def _award_rules(
    rules: Sequence[ActiveRule], *, scope: Scope, now: datetime, report: Report, full: bool = False
) -> list[int]:
    """Insert the new awards of these rules; their ids. A group that fails is run again rule by rule."""
    new: list[int] = []
    sound = [active for active in rules if active.achievement.pk not in report.failed]
    for group in statements(sound):
        try:
            new += _run(group, scope=scope, now=now, full=full)
        except DatabaseError as error:
            if len(group) > 1:
                for active in group:
                    new += _award_rules([active], scope=scope, now=now, report=report, full=full)
            else:
                _mark_failed(group[0], error, now=now, report=report)
    return new


def _run(group: Sequence[ActiveRule], *, scope: Scope, now: datetime, full: bool) -> list[int]:
    """Evaluate one group within its time, and log what each of its rules did."""
    started, clock = timezone.now(), perf_counter()
    with transaction.atomic(), time_limit(settings.EVALUATION_SECONDS):
        new = _insert(group, scope=scope, now=now)
    seconds = perf_counter() - clock
    awarded = Counter(achievement_id for _pk, achievement_id in new)
    RuleRun.objects.bulk_create(
        RuleRun(
            achievement=active.achievement,
            started_at=started,
            seconds=seconds,
            shared_by=len(group),
            looked_at=scope.size,
            awarded=awarded[active.achievement.pk],
        )
        for active in group
        if full or awarded[active.achievement.pk]
    )
    return [pk for pk, _achievement_id in new]


def _mark_failed(active: ActiveRule, error: DatabaseError, *, now: datetime, report: Report) -> None:
    """One bad rule stops no other: it is tried again later, and pauses when it has failed too often."""
    pk = active.achievement.pk
    log.error("The rule of achievement %s failed: %s", pk, error)
    report.failed.add(pk)
    failed_runs = active.achievement.failed_runs + 1
    Achievement.objects.filter(pk=pk).update(
        full_run_due_at=now,
        last_error=str(error),
        last_error_at=now,
        failed_runs=failed_runs,
        paused_at=now if failed_runs >= MOST_FAILURES else None,
    )
    RuleRun.objects.create(
        achievement_id=pk, started_at=now, seconds=0, looked_at=0, awarded=0, error=str(error)
    )


def _insert(group: Sequence[ActiveRule], *, scope: Scope, now: datetime) -> list[tuple[int, int]]:
    """Insert what a group of `statements` wins now: the id and the achievement of each new award."""
    active, found = group[0], winners(group, scope=scope)
    if not active.is_limited:
        return _write(found, now=now)
    if active.is_daily:
        return _insert_daily(active, found, now=now)
    achievement = active.achievement
    left = achievement.frequency - EarnedAchievement.objects.filter(achievement=achievement).count()
    return _write(_earliest(found, left), now=now) if left > 0 else []


def _earliest(found: Sql, count: int) -> Sql:
    return sql("SELECT * FROM ({}) AS every ORDER BY moment, last_id LIMIT {}", found, value(count))


def _insert_daily(active: ActiveRule, found: Sql, *, now: datetime) -> list[tuple[int, int]]:
    """One learner, then nobody for `frequency` calendar days of the achievement's organization.

    A statement for each award, since each changes who may earn the next.
    """
    zone = ZoneInfo(active.achievement.organization.time_zone)
    earned = EarnedAchievement.objects.filter(achievement=active.achievement)
    new: list[tuple[int, int]] = []
    while True:
        last = earned.aggregate(last=Max("earned_at"))["last"]
        free_from = datetime.min.replace(year=1900, tzinfo=UTC)
        if last:
            free_day = last.astimezone(zone).date() + timedelta(days=active.achievement.frequency)
            free_from = datetime.combine(free_day, time.min, zone)
        won = _write(_earliest(next_free(active, found, free_from=free_from), 1), now=now)
        if not won:
            return new
        new += won


def _write(found: Sql, *, now: datetime) -> list[tuple[int, int]]:
    day = (
        "(won.moment AT TIME ZONE won.zone)::date"
        if connection.vendor == "postgresql"
        else "django_datetime_cast_date(won.moment, 'UTC', won.zone)"
    )
    statement = sql(
        f"""
        INSERT INTO {{}} (
            learner_id, achievement_id, occurrence, earned_at, earned_day, points, rule_version, snapshot,
            created_at
        )
        SELECT won.learner_id, won.achievement_id, won.occurrence, won.moment, {day}, achievement.points,
               achievement.rule_version, won.snapshot, {{}}
        FROM ({{}}) AS won
        JOIN {{}} AS achievement ON achievement.id = won.achievement_id
        WHERE TRUE
        ON CONFLICT DO NOTHING
        RETURNING id, achievement_id
        """,
        table(EarnedAchievement),
        value(now),
        found,
        table(Achievement),
    )
    return [(pk, achievement_id) for pk, achievement_id in fetch(statement)]


def _learners_of(awards: Sequence[int]) -> list[int]:
    rows = fetch(
        sql("SELECT DISTINCT learner_id FROM {} WHERE {}", table(EarnedAchievement), in_list("id", awards))
    )
    return [row[0] for row in rows]


def issue_due() -> int:
    """Issue the badges of achievements whose badge was linked or changed; how many intents were new."""
    count = 0
    if not settings.BADGES_ENABLED:
        return count
    due = Achievement.objects.filter(issuing_due_at__isnull=False).values_list("pk", "issuing_due_at")
    for pk, since in list(due):
        with transaction.atomic():
            _one_at_a_time()
            count += _issue(sql("award.achievement_id = {}", value(pk)), now=timezone.now())
            Achievement.objects.filter(pk=pk, issuing_due_at=since).update(issuing_due_at=None)
    return count


def issue_earned() -> int:
    """Earned × active badge × nothing issued, for everybody: a badge activated, an intent somehow missing."""
    if not settings.BADGES_ENABLED:
        return 0
    with transaction.atomic():
        _one_at_a_time()
        return _issue(Sql("TRUE"), now=timezone.now())


def _issue(which: Sql, *, now: datetime) -> int:
    """Write the intents of a set of awards, then link each award to the badge it led to."""
    earned = sql(
        """
        SELECT achievement.badge_id AS badge_id, award.learner_id AS learner_id,
               MIN(award.earned_at) AS earned_at, CAST(MIN(award.id) AS VARCHAR(60)) AS source_key
        FROM {} AS award
        JOIN {} AS achievement ON achievement.id = award.achievement_id
        JOIN {} AS badge ON badge.id = achievement.badge_id
        WHERE badge.is_active AND award.withdrawn_at IS NULL AND {}
        GROUP BY achievement.badge_id, award.learner_id
        """,
        table(EarnedAchievement),
        table(Achievement),
        table(Badge),
        which,
    )
    intents = record_intents(earned, now=now)
    execute(
        sql(
            """
            UPDATE {} AS award SET issued_badge_id = issued.id
            FROM {} AS achievement, {} AS issued
            WHERE achievement.id = award.achievement_id
              AND issued.badge_id = achievement.badge_id AND issued.learner_id = award.learner_id
              AND award.issued_badge_id IS NULL AND {}
              AND NOT EXISTS (
                  SELECT 1 FROM {} AS newer
                  WHERE newer.learner_id = issued.learner_id AND newer.badge_id = issued.badge_id
                    AND newer.id > issued.id
              )
            """,
            table(EarnedAchievement),
            table(Achievement),
            table(IssuedBadge),
            which,
            table(IssuedBadge),
        )
    )
    return intents


def _notify(awards: Sequence[int], *, now: datetime) -> None:
    """A row of the outbox for every award; the mail itself is somebody else's work."""
    execute(
        sql(
            "INSERT INTO {} (user_id, kind, key, created_at) SELECT award.learner_id, {}, award.id, {}"
            " FROM {} AS award WHERE {} ON CONFLICT DO NOTHING",
            table(Notification),
            value(Notification.Kind.ACHIEVEMENT_EARNED.value),
            value(now),
            table(EarnedAchievement),
            in_list("award.id", awards),
        )
    )


def _one_at_a_time() -> None:
    """Held until the transaction ends. On SQLite the transaction itself is the lock."""
    if connection.vendor == "postgresql":
        execute(sql("SELECT pg_advisory_xact_lock({})", value(_LOCK)))
