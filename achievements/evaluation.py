"""From changed learners to earned achievements to intents to issue.

Everything here is set-based and safe to repeat: an award is unique, an intent is unique, and what asked for
the work (a ProgressChange, a mark on an achievement) is deleted in the transaction that did it. One
evaluation runs at a time: a rule over points must see every award before it, also those of the other worker.
Next: badges.issuing.issue_earned.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from django.conf import settings
from django.db import DatabaseError, connection, transaction
from django.db.models import Max, Min, Q
from django.utils import timezone
from django.utils.translation import gettext as _

from achievements.conditions import language
from achievements.conditions.query import Scope, winners
from achievements.models import Achievement, EarnedAchievement
from badges.issuing import issue_earned as record_intents
from badges.models import Badge, IssuedBadge
from tms.models import Notification, ProgressChange, User
from tms.sql import Sql, execute, fetch, in_list, sql, table, value

log = logging.getLogger(__name__)

# label, done, total: told after every chunk of a long run.
Progress = Callable[[str, int, int], None]

CHUNK = 5_000
PAUSE_AFTER_ERROR = timedelta(minutes=10)
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


@dataclass(frozen=True, slots=True)
class ActiveRule:
    achievement: Achievement
    rule: language.Rule

    @property
    def reads_awards(self) -> bool:
        return any(c.subject is language.Subject.ACHIEVEMENT for c in self.rule.conditions)


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
            report += _award(active_rules(), scope=Scope(learners=learners))
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
        Achievement.objects.filter(rested, full_run_due_at__isnull=False).values_list("pk", "full_run_due_at")
    )
    if due:
        report = award_full(only=set(due))
    for pk, since in due.items():
        if pk not in report.failed:
            # An edit during the run has asked again, later than this: it stays due.
            Achievement.objects.filter(pk=pk, full_run_due_at=since).update(
                full_run_due_at=None, last_error="", last_error_at=None
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
            report += _award(chosen, scope=scope, all_rules=rules)
        if progress:
            progress(_("learners"), number * CHUNK, len(chunks) * CHUNK)
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
    """Enabled achievements of organizations that have achievements enabled, with their rules."""
    enabled = Achievement.objects.filter(enabled=True, organization__enable_achievements=True).exclude(
        conditions=[]
    )
    return [
        ActiveRule(achievement, language.from_canonical(achievement.conditions))
        for achievement in enabled.order_by("pk")
    ]


def _award(
    rules: Sequence[ActiveRule], *, scope: Scope, all_rules: Sequence[ActiveRule] | None = None
) -> Report:
    """One pass over a set of learners, in the caller's transaction.

    Rules over records run once; rules over awards run until nothing new is earned (the least fixpoint:
    awards only add), and only for the learners who earned something.
    """
    report = Report()
    now = timezone.now()
    new: list[int] = []
    for active in rules:
        new += _award_rule(active, scope=scope, now=now, report=report)
    over_awards = [active for active in (all_rules or rules) if active.reads_awards]
    fresh = new
    while fresh and over_awards:
        again = Scope(learners=_learners_of(fresh))
        fresh = []
        for active in over_awards:
            fresh += _award_rule(active, scope=again, now=now, report=report)
        new += fresh
    if new:
        report.awards = len(new)
        report.intents = _issue(in_list("award.id", new), now=now)
        _notify(new, now=now)
    return report


def _award_rule(active: ActiveRule, *, scope: Scope, now: datetime, report: Report) -> list[int]:
    """Insert the new awards of one rule; their ids. A rule that fails is marked and stops no other."""
    achievement = active.achievement
    if achievement.pk in report.failed:
        return []
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
        SELECT won.learner_id, {{}}, 1, won.moment, {day}, {{}}, {{}}, won.snapshot, {{}}
        FROM ({{}}) AS won
        WHERE TRUE
        ON CONFLICT DO NOTHING
        RETURNING id
        """,
        table(EarnedAchievement),
        value(achievement.pk),
        value(achievement.points),
        value(achievement.rule_version),
        value(now),
        winners(achievement, active.rule, scope=scope),
    )
    try:
        with transaction.atomic():
            return [row[0] for row in fetch(statement)]
    except DatabaseError as error:
        log.exception("The rule of achievement %s failed", achievement.pk)
        report.failed.add(achievement.pk)
        Achievement.objects.filter(pk=achievement.pk).update(
            full_run_due_at=now, last_error=str(error), last_error_at=now
        )
        return []


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
