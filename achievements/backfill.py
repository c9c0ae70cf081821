"""A rule looks at everybody there is: as a run that can be watched, paused, resumed, and undone.

Runs begin by themselves when a rule is new, enabled, edited or has failed for a batch (the mark
`Achievement.full_run_due_at`), or by hand with another choice of who is told. `award_due` leads them through
the passes of achievements.evaluation, a chunk of learners a transaction, the cursor moving with it: whatever
dies, whenever, the next call goes on where the last commit was. Who earns what, and how it is announced, is
decided there.

Who is told: `silent`, no message of ours, and the provider is asked for none. `summary`, the default, one
message for each learner however much the run gave; the provider, whose mail carries the link to accept, tells
about badges as always. `normal`, as if everything had been earned just now. Whoever is told how, badges of a
run are sent after those that are earned meanwhile.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.db import IntegrityError, OperationalError, transaction
from django.db.models import Count, Exists, F, Max, OuterRef, Q, QuerySet, Subquery
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from achievements import evaluation
from achievements.conditions.query import EVERYBODY, Scope
from achievements.evaluation import Report, active_rules, passes
from achievements.lock import one_at_a_time
from achievements.models import Achievement, Backfill, EarnedAchievement
from achievements.progress.looks import ask
from achievements.references import problem_of
from badges.ending import Ended, require_reason, revoke_all
from badges.issuing import problem_of_silence
from badges.lifecycle import move_all
from badges.models import IssuedBadge
from badges.status import Status
from tms import audit
from tms.access import Action, require
from tms.errors import Conflict, DomainError, NotFound
from tms.hint import hint
from tms.models import Notification, User

if TYPE_CHECKING:
    from achievements.conditions.query import ActiveRule

log = logging.getLogger(__name__)
State = Backfill.State
ADVANCE = "achievements.award_changes"
UNSENT = (Status.QUEUED, Status.HELD, Status.FAILED)
ATTEMPTS_TO_UNDO = 3
PAUSE_AFTER_ERROR = timedelta(minutes=10)


# --- What people do -----------------------------------------------------------------------------------------


def start(
    achievement: Achievement,
    *,
    notification: Backfill.Notification = Backfill.Notification.SUMMARY,
    actor: User | None = None,
) -> Backfill:
    """Look at everybody from the beginning, telling them so; next: award_due, within seconds.

    One that is open starts anew with this choice, running; what it has awarded stays its own. In the
    transaction that saves an achievement, this decides for the run that the saving asks for.
    Raises Conflict("not_active") when nobody could earn the achievement anyway, and DomainError("not_silent")
    when its badge's provider would tell people of a run that is to be silent.
    """
    require(actor, Action.MANAGE, achievement)
    now = timezone.now()
    with transaction.atomic():
        # The achievement before the backfill, as award_due writes them: nobody waits in a circle.
        Achievement.objects.filter(pk=achievement.pk).update(full_run_due_at=now)
        stored = Achievement.objects.select_related("organization", "badge__badge_provider").get(
            pk=achievement.pk
        )
        _require_active(stored)
        if notification == Backfill.Notification.SILENT:
            _require_silence(stored)
        chosen = {"notification": notification, "requested_by": actor, "state": State.RUNNING}
        beginning = {**chosen, **_beginning(), "asked_at": now, "rule_version": stored.rule_version}
        open_ones = Backfill.objects.open().filter(achievement=stored)
        if not open_ones.update(**beginning):
            try:
                with transaction.atomic():
                    Backfill.objects.create(achievement=stored, **beginning)
            except IntegrityError:  # the mark of an earlier saving has just been answered
                open_ones.update(**beginning)
        hint(ADVANCE)
        started = open_ones.get()
        _record(audit.Act.BACKFILL, started, actor=actor)
        return started


def pause(backfill: Backfill, *, actor: User | None = None) -> Backfill:
    """Look at nobody further until it is resumed; the chunk in progress ends."""
    require(actor, Action.MANAGE, backfill.achievement)
    with transaction.atomic():
        paused = _switch(backfill, State.RUNNING, State.PAUSED)
        _record(audit.Act.PAUSE, paused, actor=actor)
    return paused


def resume(backfill: Backfill, *, actor: User | None = None) -> Backfill:
    """Go on where it was paused; next: award_due."""
    require(actor, Action.MANAGE, backfill.achievement)
    with transaction.atomic():
        resumed = _switch(backfill, State.PAUSED, State.RUNNING)
        _record(audit.Act.RESUME, resumed, actor=actor)
    hint(ADVANCE)
    return resumed


def _record(
    act: audit.Act, backfill: Backfill, *, actor: User | None, reason: str = "", count: int = 1
) -> None:
    audit.record(act, backfill, kind=audit.Kind.BACKFILL, actor=actor, reason=reason, count=count)


def latest(achievement: Achievement) -> Backfill:
    """The run that people mean when they name the achievement."""
    found = Backfill.objects.filter(achievement=achievement).select_related("achievement").first()
    if found is None:
        raise NotFound("not_found", _("%(achievement)s has no backfill.") % {"achievement": achievement})
    return found


@dataclass(frozen=True, slots=True, kw_only=True)
class Undone:
    """What an undoing came to. `kept` are the awards that stay because their badge has been sent; `revoking`
    and `awaited` are the badges that are taken back although they have (badges.ending.Ended)."""

    backfill: Backfill
    withdrawn: int
    cancelled: int
    kept: int = 0
    revoking: int = 0
    awaited: int = 0

    @property
    def sentence(self) -> str:
        withdrawn = ngettext(
            "%(count)d award was withdrawn.", "%(count)d awards were withdrawn.", self.withdrawn
        ) % {"count": self.withdrawn}
        cancelled = ngettext(
            "%(count)d badge that had not been sent was cancelled.",
            "%(count)d badges that had not been sent were cancelled.",
            self.cancelled,
        ) % {"count": self.cancelled}
        kept = ngettext(
            "%(count)d award stays, since its badge has been sent already; revoke that by itself.",
            "%(count)d awards stay, since their badges have been sent already; revoke those by themselves.",
            self.kept,
        ) % {"count": self.kept}
        told = [withdrawn]
        told += [cancelled] if self.cancelled else []
        told += [kept] if self.kept else []
        return " ".join([*told, Ended(revoking=self.revoking, awaited=self.awaited).sentence]).strip()


def undo(
    backfill: Backfill, *, reason: str, revoke_issued: bool = False, actor: User | None = None
) -> Undone:
    """Take back what the run gave as far as nothing has been sent, and end it; all or nothing.

    With `revoke_issued` what has been sent is revoked at the provider, too, and its awards are withdrawn.
    That can be asked for afterwards as well, when the run has been undone without.

    What it gave includes what followed from that in the same pass (achievements over points and
    achievements). A badge that something else led to as well stays. The withdrawn rows stay too, so that the
    rule gives nobody the same again; once it is edited they stand in nobody's way. Nobody else gets anything
    from it by a look at everybody until the rule is edited or another backfill is started; whoever makes
    progress still earns it, unless it is disabled.
    """
    require(actor, Action.MANAGE, backfill.achievement)
    require_reason(reason)
    for _attempt in range(ATTEMPTS_TO_UNDO - 1):
        try:
            return _undo(backfill, reason=reason, revoke_issued=revoke_issued, actor=actor)
        except OperationalError:
            # Workers settle several of these badges at once, and each of us may have waited for the other.
            log.warning("Undoing backfill %s is tried again", backfill.pk, exc_info=True)
    return _undo(backfill, reason=reason, revoke_issued=revoke_issued, actor=actor)


def _undo(backfill: Backfill, *, reason: str, revoke_issued: bool, actor: User | None) -> Undone:
    with transaction.atomic():
        one_at_a_time()
        backfill = Backfill.objects.select_related("achievement").get(pk=backfill.pk)
        if backfill.state == State.UNDONE and not revoke_issued:
            raise _conflict(backfill)
        if revoke_issued:
            ended = revoke_all(_led_to(backfill), reason=reason, actor=actor, undoes=True)
        else:
            ended = Ended(cancelled=_cancel_unsent(backfill, reason=reason, actor=actor))
        withdrawn, kept = _withdraw(backfill, all_of_it=revoke_issued)
        _untell(backfill)
        answered = Achievement.objects.filter(full_run_due_at__lte=backfill.asked_at)
        answered.filter(pk=backfill.achievement_id).update(full_run_due_at=None)
        backfill.state, backfill.withdrawn = State.UNDONE, backfill.withdrawn + withdrawn
        backfill.undone_at, backfill.undone_by, backfill.undo_reason = timezone.now(), actor, reason
        backfill.save(update_fields=["state", "withdrawn", "undone_at", "undone_by", "undo_reason"])
        _record(audit.Act.UNDO, backfill, actor=actor, reason=reason, count=withdrawn)
        ask(list(backfill.awards.order_by("learner_id").values_list("learner_id", flat=True).distinct()))
    return Undone(backfill=backfill, withdrawn=withdrawn, kept=kept, **asdict(ended))


def _require_active(achievement: Achievement) -> None:
    if not achievement.organization.enable_achievements:
        message = _("The organization of %(achievement)s has not enabled achievements.")
    elif not achievement.enabled or not achievement.conditions:
        message = _("%(achievement)s is not enabled.")
    elif achievement.gone:
        raise Conflict("not_active", problem_of(achievement))
    elif achievement.paused_at:
        message = _("The rule of %(achievement)s failed too often and is paused; save it to try again.")
    else:
        return
    raise Conflict("not_active", message % {"achievement": achievement})


def _require_silence(achievement: Achievement) -> None:
    """Otherwise each of its badges would fail by itself, later."""
    badge = achievement.badge
    if badge and (problem := problem_of_silence(badge)):
        raise DomainError("not_silent", problem, fields={"notification": [problem]})


def _switch(backfill: Backfill, before: Backfill.State, after: Backfill.State) -> Backfill:
    moved = Backfill.objects.filter(pk=backfill.pk, state=before).update(state=after)
    backfill.refresh_from_db()
    if not moved:
        raise _conflict(backfill)
    return backfill


def _conflict(backfill: Backfill) -> Conflict:
    message = _("This cannot be done to a backfill that is: %(state)s.")
    return Conflict("wrong_state", message % {"state": backfill.get_state_display()})


# --- What the schedule does ---------------------------------------------------------------------------------


def award_due(*, chunks: int | None = None) -> Report:
    """Evaluate, over everybody, the rules that are new, edited, enabled, asked for, or failed for a batch.

    Up to so many chunks of learners, or until no run can go on; the next call goes on where this one stopped.
    One whose rule has just failed rests for a while and then tries the same chunk again.
    """
    report, done = Report(), 0
    while settings.BADGES_ENABLED and done != chunks:
        _answer_requests()
        part = _next_chunk()
        if part is None:
            break
        report += part
        done += 1
    return report


def _beginning() -> dict[str, Any]:
    return {"cursor": 0, "looked_at": 0, "learners": User.objects.count(), "finished_at": None}


def _rested(prefix: str = "") -> Q:
    """Not paused by the system, and not failed a moment ago."""
    failed_at = f"{prefix}last_error_at"
    limit = timezone.now() - PAUSE_AFTER_ERROR
    rested = Q(**{f"{failed_at}__isnull": True}) | Q(**{f"{failed_at}__lt": limit})
    return rested & Q(**{f"{prefix}paused_at__isnull": True})


def _unanswered() -> QuerySet[Achievement]:
    """Achievements that ask for a look at everybody, later than any open run was asked for."""
    answer = Backfill.objects.open().filter(
        achievement=OuterRef("pk"), asked_at__gte=OuterRef("full_run_due_at")
    )
    return Achievement.objects.filter(_rested(), ~Exists(answer), full_run_due_at__isnull=False)


def _answer_requests() -> None:
    """A run for every achievement that asks for one; one that is open starts anew, as it was chosen."""
    if not _unanswered().exists():
        return
    with transaction.atomic():
        one_at_a_time()
        asking = list(_unanswered())
        request = Achievement.objects.filter(pk=OuterRef("achievement"))
        beginning = _beginning()
        Backfill.objects.open().filter(achievement__in=asking).update(
            **beginning,
            asked_at=Subquery(request.values("full_run_due_at")[:1]),
            rule_version=Subquery(request.values("rule_version")[:1]),
        )
        Backfill.objects.bulk_create(
            [
                Backfill(
                    achievement=achievement,
                    asked_at=asked_at,
                    rule_version=achievement.rule_version,
                    **beginning,
                )
                for achievement in asking
                if (asked_at := achievement.full_run_due_at)
            ],
            ignore_conflicts=True,
        )


def _runnable() -> QuerySet[Backfill]:
    return Backfill.objects.filter(_rested("achievement__"), state=State.RUNNING)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Chunk:
    """The runs that look at the same learners next, and these: so many, up to the id `last`. Without a scope
    nobody is left to look at."""

    runs: list[Backfill]
    scope: Scope | None = None
    last: int = 0
    size: int = 0


def _next_chunk() -> Report | None:
    """Move the run that is furthest behind, with all that stand beside it, by a chunk; None if none is on."""
    with transaction.atomic():
        one_at_a_time()
        runs, rules = list(_runnable()), active_rules()
        if not runs:
            return None
        chunk = _chunk_of(runs, rules)
        if chunk.scope is None:
            report = _decide_contests(chunk.runs, rules)
            _finish(chunk.runs)
            return report
        report = evaluation.award(
            _rules_of(chunk.runs, rules),
            scope=chunk.scope,
            competing=chunk.scope if chunk.scope is EVERYBODY else None,
            all_rules=rules,
            backfills=chunk.runs,
        )
        report.learners = chunk.size
        _move(chunk, failed=report.failed)
    return report


def _chunk_of(runs: Sequence[Backfill], rules: Sequence[ActiveRule]) -> _Chunk:
    """Runs catch up with those ahead of them and then share their scans; at the end they finish together.

    A rule for which learners compete has one chunk: everybody, looked at when all others are through, and
    last of all where learners compete by their awards. A rule that is no longer active has none.
    """
    active = {rule.achievement.pk: rule for rule in rules}
    everybody = User.objects.aggregate(last=Max("pk"), size=Count("pk"))

    def turn(run: Backfill) -> tuple[bool, bool, bool, int, int]:
        rule = active.get(run.achievement_id)
        is_through = rule is None or run.cursor >= (everybody["last"] or 0)
        is_limited, is_contested = bool(rule and rule.is_limited), bool(rule and rule.is_contested)
        return is_through, is_contested, is_limited, run.cursor, run.pk

    lead = min(runs, key=turn)
    if turn(lead)[0]:
        return _Chunk(runs=[run for run in runs if run.notification == lead.notification])
    if active[lead.achievement_id].is_limited:
        return _Chunk(runs=[lead], scope=EVERYBODY, **everybody)
    others = [
        run for run in runs if run.achievement_id in active and not active[run.achievement_id].is_limited
    ]
    together = [run for run in others if (run.cursor, run.notification) == (lead.cursor, lead.notification)]
    goal = min((run.cursor for run in others if run.cursor > lead.cursor), default=everybody["last"])
    ahead = User.objects.filter(pk__gt=lead.cursor, pk__lte=goal).order_by("pk")
    found = ahead[: passes.CHUNK].aggregate(last=Max("pk"), size=Count("pk"))
    last = found["last"] or goal  # nobody is there any more
    return _Chunk(runs=together, scope=Scope(first=lead.cursor + 1, last=last), last=last, size=found["size"])


def _rules_of(runs: Sequence[Backfill], rules: Sequence[ActiveRule]) -> list[ActiveRule]:
    achievements = {run.achievement_id for run in runs}
    return [rule for rule in rules if rule.achievement.pk in achievements]


def _decide_contests(runs: Sequence[Backfill], rules: Sequence[ActiveRule]) -> Report:
    """Let those who gained by these runs compete where awards decide, now that the awards of all are there.

    A contest that is to look at everybody itself waits for that.
    """
    contested = [rule for rule in rules if rule.is_contested and not rule.achievement.full_run_due_at]
    gained = EarnedAchievement.objects.filter(backfill__in=runs, withdrawn_at=None)
    learners = list(gained.order_by().values_list("learner", flat=True).distinct()) if contested else []
    if not learners:
        return Report()
    competing = Scope(learners=learners)
    return evaluation.award(contested, scope=competing, competing=competing, all_rules=rules, backfills=runs)


def _move(chunk: _Chunk, *, failed: set[int]) -> None:
    """Move the cursors. A rule that failed stays where it is: what it asks for is to go on from there."""
    moved = [run.pk for run in chunk.runs if run.achievement_id not in failed]
    stuck = [run.pk for run in chunk.runs if run.achievement_id in failed]
    Backfill.objects.filter(pk__in=moved).update(cursor=chunk.last, looked_at=F("looked_at") + chunk.size)
    if stuck:
        request = Achievement.objects.filter(pk=OuterRef("achievement")).values("last_error_at")
        Backfill.objects.filter(pk__in=stuck).update(asked_at=Subquery(request[:1]))


def _finish(runs: Sequence[Backfill]) -> None:
    """What was asked later, by an edit during the run, stays asked."""
    ids = [run.pk for run in runs]
    answered = Backfill.objects.filter(
        pk__in=ids, achievement=OuterRef("pk"), asked_at__gte=OuterRef("full_run_due_at")
    )
    Achievement.objects.filter(Exists(answered)).update(
        full_run_due_at=None, last_error="", last_error_at=None, failed_runs=0
    )
    Backfill.objects.filter(pk__in=ids, state=State.RUNNING).update(
        state=State.DONE, finished_at=timezone.now(), learners=F("looked_at")
    )


# --- Undoing ------------------------------------------------------------------------------------------------


def _standing(backfill: Backfill) -> QuerySet[EarnedAchievement]:
    return EarnedAchievement.objects.filter(backfill=backfill, withdrawn_at__isnull=True)


def _led_to(backfill: Backfill) -> QuerySet[IssuedBadge]:
    """The issued badges that are there because of this run alone: not by hand, and nobody else's award."""
    own = _standing(backfill).filter(issued_badge=OuterRef("pk"))
    others = EarnedAchievement.objects.filter(issued_badge=OuterRef("pk"), withdrawn_at__isnull=True)
    return IssuedBadge.objects.filter(
        Exists(own), ~Exists(others.exclude(backfill=backfill)), source_kind=IssuedBadge.Source.ACHIEVEMENT
    )


def _cancel_unsent(backfill: Backfill, *, reason: str, actor: User | None) -> int:
    """A row that a worker is just taking counts as sent."""
    return sum(
        move_all(
            _led_to(backfill),
            from_status=status,
            to_status=Status.CANCELLED,
            reason=reason,
            actor=actor,
            ended_reason=reason,
            was_undone=True,
        )
        for status in UNSENT
    )


def _withdraw(backfill: Backfill, *, all_of_it: bool) -> tuple[int, int]:
    """How many awards were withdrawn, and how many stay because their badge has been sent."""
    if all_of_it:
        return _standing(backfill).update(withdrawn_at=timezone.now()), 0
    sent = _led_to(backfill).exclude(status=Status.CANCELLED).values("pk")
    kept = list(_standing(backfill).filter(issued_badge__in=sent).values_list("pk", flat=True))
    withdrawn = _standing(backfill).exclude(pk__in=kept).update(withdrawn_at=timezone.now())
    return withdrawn, len(kept)


def _untell(backfill: Backfill) -> None:
    """Take messages that have not left about awards that are no more out of the outbox."""
    awards = EarnedAchievement.objects.filter(backfill=backfill)
    unsent = Notification.objects.filter(sent_at__isnull=True)
    unsent.filter(
        kind=Notification.Kind.ACHIEVEMENT_EARNED, key__in=awards.exclude(withdrawn_at=None).values("pk")
    ).delete()
    summaries = unsent.filter(kind=Notification.Kind.ACHIEVEMENTS_EARNED_SUMMARY, key=backfill.pk)
    summaries.exclude(user__in=awards.filter(withdrawn_at=None).values("learner")).delete()
