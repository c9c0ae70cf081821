"""Recording the intent to issue: by hand for people, set-based for achievements.

Nothing here speaks to a provider; a row is written and badges.delivery finds it (next: delivery.deliver).
"""

from __future__ import annotations

import logging
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import TYPE_CHECKING, Any

from django.db import transaction
from django.db.models import F, OuterRef, Q, QuerySet, Subquery
from django.db.models.expressions import RawSQL
from django.utils import timezone
from django.utils.translation import gettext as _

from badges import events
from badges.acts import managed, record_many, record_one
from badges.evidence import to_keep
from badges.expiry import ended_at
from badges.lifecycle import BATCH, Move, move_all, move_each
from badges.models import Badge, IssuedBadge
from badges.refusals import Among, Key, Reason, already, obstacle, recipient_problem, refusals_of
from badges.sharing.choices import carry_over
from badges.status import LIVE, Status
from providers.base import Ability, Evidence, NotPublished, OutcomeUnknown
from providers.registry import abilities_of, adapter_class
from tms import audit
from tms.access import Action, require
from tms.errors import Conflict, DomainError
from tms.hint import hint
from tms.models import User
from tms.sql import (
    Sql,
    between,
    column_kinds,
    fetch,
    next_id,
    records,
    relation,
    sql,
    table,
    unsought,
    value,
)

if TYPE_CHECKING:
    from django.dispatch import Signal

log = logging.getLogger(__name__)
DELIVER = "badges.deliver"
RECONCILE = "badges.reconcile"
# The codes of failures after which the provider may have the badge all the same.
MAY_EXIST = (OutcomeUnknown.code, NotPublished.code)


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What became of one (badge, learner) of an act: accepted and on its way, or refused with a reason.

    `is_retry`: its row was there before, and had failed.
    """

    badge: Badge
    learner: User
    issued_badge: IssuedBadge | None
    code: str
    message: str
    is_retry: bool = False

    @property
    def accepted(self) -> bool:
        return self.code == "queued"


@dataclass(frozen=True, slots=True, kw_only=True)
class Pair:
    """One badge for one learner, as somebody asks for it by hand.

    `issued_at` is now and `expires_at` as the badge says unless they are given; `evidence` is shown by the
    provider, `reason` is kept.
    """

    badge: Badge
    learner: User
    reason: str = ""
    issued_at: datetime | None = None
    expires_at: datetime | None = None
    evidence: Sequence[Evidence] = ()

    @property
    def key(self) -> tuple[int, int]:
        return self.badge.pk, self.learner.pk


def issue(
    badge: Badge,
    learners: Sequence[User],
    *,
    actor: User | None,
    source: str,
    source_key: str = "",
    reason: str = "",
    issued_at: datetime | None = None,
    expires_at: datetime | None = None,
    evidence: Sequence[Evidence] = (),
) -> list[Outcome]:
    """Issue one badge by hand to many, as `issue_pairs` does.

    Raises NotFound when the actor does not reach the badge.
    """
    require(actor, Action.ISSUE, badge)
    asked = [
        Pair(
            badge=badge,
            learner=learner,
            reason=reason,
            issued_at=issued_at,
            expires_at=expires_at,
            evidence=evidence,
        )
        for learner in learners
    ]
    return issue_pairs(asked, actor=actor, source=source, source_key=source_key)


def issue_pairs(
    asked: Sequence[Pair],
    *,
    actor: User | None,
    source: str,
    source_key: str = "",
    among: Among | None = None,
) -> list[Outcome]:
    """Issue many badges by hand to many. Each pair is accepted or refused alone; none stops the others.

    Outcomes come in the order of the pairs; of those that name the same badge and learner, the first counts.
    A failed row of ours is tried again by this act. What the actor does not reach, or the place does not
    hold, is refused as `not_permitted`. The number of queries does not depend on that of the pairs. Raises
    DomainError for dates and evidence that no provider takes.
    """
    pairs: dict[Key, Pair] = {}
    for pair in asked:
        pairs.setdefault(pair.key, pair)
    now = timezone.now()
    kept = _checked(pairs, now=now)
    with transaction.atomic():
        existing = _by_pair(_rows(pairs).filter(status__in=LIVE), pairs)
        refusals = refusals_of(pairs, existing, actor=actor, among=among)
        failed = {key: row for key, row in existing.items() if key not in refusals}
        refusals |= _held_by_others(failed)
        failed = {key: row for key, row in failed.items() if key not in refusals}
        accepted = {key: pair for key, pair in pairs.items() if key not in refusals}
        origin = {"source_kind": source, "source_key": source_key}
        retried = _try_again(failed, pairs, kept, origin=origin, actor=actor, now=now)
        fresh = {key: pair for key, pair in accepted.items() if key not in failed}
        new = set(_record_pairs(fresh, kept, actor=actor, source=source, source_key=source_key, now=now))
        rows = _by_pair(_rows(accepted), accepted)
    return [
        _refused(pair.badge, pair.learner, existing.get(key), *refusals[key])
        if key in refusals
        else _accepted(pair.badge, pair.learner, rows[key], new=new, retried=retried)
        for key, pair in pairs.items()
    ]


def foresee(asked: Sequence[Pair], *, actor: User | None, among: Among | None = None) -> dict[Key, Reason]:
    """(badge, learner) → code and sentence of what `issue_pairs` would refuse now. Nothing is written."""
    pairs = {pair.key: pair for pair in asked}
    existing = _by_pair(_rows(pairs).filter(status__in=LIVE), pairs)
    return refusals_of(pairs, existing, actor=actor, among=among)


def _checked(pairs: dict[Key, Pair], *, now: datetime) -> dict[Key, Any]:
    """The evidence of each pair as a row keeps it. Raises DomainError for what no provider takes."""
    kept: dict[Key, Any] = {}
    known: dict[tuple[Evidence, ...], list[dict[str, str]]] = {}
    for key, pair in pairs.items():
        _check_expiry(pair.badge, issued_at=pair.issued_at or now, expires_at=pair.expires_at)
        given = tuple(pair.evidence)
        if given not in known:
            known[given] = to_keep(given)
        kept[key] = known[given]
    return kept


def _check_expiry(badge: Badge, *, issued_at: datetime, expires_at: datetime | None) -> None:
    if expires_at is None:
        return
    provider = badge.badge_provider
    if Ability.EXPIRE not in abilities_of(provider.kind):
        message = _("%(provider)s knows no expiry of a single badge.") % {
            "provider": provider.get_kind_display()
        }
    elif expires_at <= max(issued_at, timezone.now()):
        message = _("It must lie in the future, and after the date of issue.")
    else:
        return
    raise DomainError("expires_at", message, fields={"expires_at": [message]})


def _rows(keys: Collection[Key]) -> QuerySet[IssuedBadge]:
    """What these learners have of these badges, the latest last."""
    statement = sql(
        """
        SELECT known.id FROM {} AS asked
        JOIN {} AS known ON known.badge_id = asked.badge_id AND known.learner_id = asked.learner_id
        """,
        relation(("badge_id", "learner_id"), list(keys)),
        table(IssuedBadge),
    )
    found = IssuedBadge.objects.filter(pk__in=RawSQL(statement.text, statement.parameters))  # noqa: S611
    return found.select_related("issued_by").order_by("pk")


def _by_pair(rows: QuerySet[IssuedBadge], pairs: Mapping[Key, Pair]) -> dict[Key, IssuedBadge]:
    """Each with the badge that is in memory already, and with it its account."""
    found = {}
    for row in rows:
        key = row.badge_id, row.learner_id
        row.badge = pairs[key].badge
        found[key] = row
    return found


def _held_by_others(failed: dict[Key, IssuedBadge]) -> dict[Key, Reason]:
    """Hold failed rows until the end of the transaction; those that somebody else holds, with what is told.

    Nobody is waited for: an act holds many rows, and whoever waits for one while holding others may be
    waited for. Rows that are not written are not held, for workers are settling them.
    """
    if not failed:
        return {}
    rows = _rows(failed).filter(status=Status.FAILED)
    free = rows.select_for_update(skip_locked=True, of=("self",), no_key=True)
    held = set(free.values_list("badge_id", "learner_id"))
    message = _("Somebody else is changing this badge at this moment. Try again.")
    return {key: ("being_changed", message) for key in failed if key not in held}


def _try_again(
    failed: dict[Key, IssuedBadge],
    pairs: dict[Key, Pair],
    kept: dict[Key, Any],
    *,
    origin: dict[str, Any],
    actor: User | None,
    now: datetime,
) -> set[int]:
    """Send failed rows again, with what was given now; their ids.

    What an achievement led to stays that achievement's, and is dated as it was earned.
    """
    steps = []
    for key, row in failed.items():
        pair = pairs[key]
        again = renewed() | {"recipient_email": pair.learner.email, "due_at": now}
        again |= {"issued_by_id": actor and actor.pk, "reason": pair.reason}
        given = {"expires_at": pair.expires_at, "evidence": kept[key]}
        if row.source_kind != IssuedBadge.Source.ACHIEVEMENT:
            again |= origin
            given["earned_at"] = pair.issued_at
        steps.append(
            Move(
                issued_badge_id=row.pk,
                from_status=Status.FAILED,
                to_status=Status.UNKNOWN if row.failure_code in MAY_EXIST else Status.QUEUED,
                reason=pair.reason,
                changes=again
                | {"priority": IssuedBadge.Priority.MANUAL.value}
                | {name: item for name, item in given.items() if item},
            )
        )
    moved = move_each(steps, actor=actor)
    goes_to = {step.to_status for step in steps}
    if Status.UNKNOWN in goes_to:
        hint(RECONCILE)
    if Status.QUEUED in goes_to:
        hint(DELIVER)
    return moved


def _record_pairs(
    pairs: dict[Key, Pair],
    kept: dict[Key, Any],
    *,
    actor: User | None,
    source: str,
    source_key: str,
    now: datetime,
) -> list[int]:
    columns = ("badge_id", "learner_id", "earned_at", "expires_at", "reason", "evidence")
    asked = [
        {
            "badge_id": pair.badge.pk,
            "learner_id": pair.learner.pk,
            "earned_at": pair.issued_at or now,
            "expires_at": pair.expires_at,
            "reason": pair.reason,
            "evidence": kept[key],
        }
        for key, pair in pairs.items()
    ]
    if not asked:
        return []
    return _record(
        sql(
            f"SELECT {', '.join(columns)}, {{}} AS source_key FROM {{}}",
            value(source_key),
            records(asked, kinds=column_kinds(IssuedBadge, columns)),
        ),
        priority=IssuedBadge.Priority.MANUAL,
        source_kind=source,
        issued_by=actor,
        reason=Sql("earned.reason"),
        expires_at=Sql("earned.expires_at"),
        evidence=Sql("earned.evidence"),
    )


def issue_anew(lost: IssuedBadge, *, reason: str, actor: User | None) -> IssuedBadge:
    """Ask once more for a badge that the provider has lost, as it was asked for then; to today's address.

    `lost` has ended. Whether the badge is set up to be issued by hand is not asked, for it had been issued.
    Raises DomainError for what stands in the way.
    """
    require(actor, Action.ISSUE, lost.badge)
    problem = obstacle(lost.badge) or recipient_problem(lost.learner, email=lost.learner.email)
    if problem:
        raise DomainError(*problem)
    again = Pair(
        badge=lost.badge,
        learner=lost.learner,
        reason=reason,
        issued_at=lost.earned_at,
        expires_at=lost.expires_at,
    )
    with transaction.atomic():
        new = _record_pairs(
            {again.key: again},
            {again.key: lost.evidence},
            actor=actor,
            source=lost.source_kind,
            source_key=lost.source_key,
            now=timezone.now(),
        )
    rows = _rows([again.key]).select_related("badge__badge_provider")
    if not new:
        existing = rows.filter(status__in=LIVE).last()
        raise Conflict("already_issued", already(existing) if existing else _("Try again."))
    return rows.get(pk=new[0])


def problem_of_silence(badge: Badge) -> str:
    """Why this badge cannot be issued without the provider's mail, in a sentence; empty when it can."""
    provider = badge.badge_provider
    adapter = adapter_class(provider.kind)
    if adapter is None or Ability.SUPPRESS in adapter.abilities:
        return ""
    return _(
        "%(provider)s tells every earner of a new badge and cannot be asked not to, so that “%(badge)s” "
        "cannot be issued silently."
    ) % {"provider": provider.get_kind_display(), "badge": badge}


def _refused(badge: Badge, learner: User, row: IssuedBadge | None, code: str, message: str) -> Outcome:
    return Outcome(badge=badge, learner=learner, issued_badge=row, code=code, message=message)


def _accepted(badge: Badge, learner: User, row: IssuedBadge, *, new: set[int], retried: set[int]) -> Outcome:
    if row.pk not in new and row.pk not in retried:
        # Somebody else was faster by the width of this transaction; the constraint decided.
        return _refused(badge, learner, row, "already_issued", already(row))
    message = _("On its way to %(email)s.") % {"email": row.recipient_email}
    return Outcome(
        badge=badge,
        learner=learner,
        issued_badge=row,
        code="queued",
        message=message,
        is_retry=row.pk in retried,
    )


def issue_earned(
    select: Sql,
    *,
    now: datetime,
    learners: range | None = None,
    backfill: bool = False,
    silent: bool = False,
) -> list[int]:
    """Issue badges for many at once, inside the caller's transaction; the ids of the intents that are new.

    `select` yields what `_record` and `never_had` read, perhaps of `learners` in a range of ids, and
    `reserved`, the id that is kept for the intent, or null (tms.sql.next_id). Whoever ever had the badge from
    us keeps what there is: after a revoke or a cancel nothing issues it again by itself. Rows are written
    whatever the learner's address looks like; delivery refuses a bad one on the row, where people see it.
    Those of a `backfill` are sent after all others; a `silent` one asks the provider for no mail.
    """
    return _record(
        never_had(select, learners=learners),
        now=now,
        priority=IssuedBadge.Priority.BACKFILL if backfill else IssuedBadge.Priority.LIVE,
        source_kind=IssuedBadge.Source.ACHIEVEMENT,
        silent=silent,
        new_id=sql("COALESCE(earned.reserved, {})", next_id(IssuedBadge)),
    )


def never_had(pairs: Sql, *, learners: range | None = None) -> Sql:
    """Of rows with badge_id, learner_id, earned_at and renews, those for which no badge of ours was ever on
    its way, but for one that was cancelled when the awards that led to it were taken back, and for one that
    had expired when what `renews` it was earned. No others than `learners` are read of, where it is given."""
    return sql(
        """
        SELECT pair.* FROM ({}) AS pair
        WHERE NOT EXISTS (
            SELECT 1 FROM {} AS known
            WHERE known.learner_id = pair.learner_id AND known.badge_id = pair.badge_id
              AND NOT known.was_undone AND {}
              AND NOT (pair.renews AND COALESCE({} < pair.earned_at, FALSE))
        )
        """,
        pairs,
        table(IssuedBadge),
        Sql("TRUE") if learners is None else between(unsought("known.learner_id"), learners),
        ended_at("known"),
    )


def _record(
    select: Sql,
    *,
    priority: IssuedBadge.Priority,
    source_kind: str,
    now: datetime | None = None,
    issued_by: User | None = None,
    silent: bool = False,
    reason: Sql | None = None,
    expires_at: Sql | None = None,
    evidence: Sql | None = None,
    new_id: Sql | None = None,
) -> list[int]:
    """Write intents; the ids of those that are new (next: delivery.deliver).

    `select` yields badge_id, learner_id, earned_at and source_key, and whatever else the expressions name as
    columns of `earned`. Whoever has a live row already is passed over: the constraint decides, also between
    two who ask at once. Everybody writes in the same order, so that nobody waits for another in a circle.
    What has expired is replaced by the new one.
    """
    now = now or timezone.now()
    statement = sql(
        """
        INSERT INTO {} (
            id, badge_id, learner_id, status, hold_reason, source_kind, source_key, issued_by_id, reason,
            priority, suppress_notification, earned_at, recipient_email, created_at, due_at, external_uuid,
            external_state, external_url, accept_url, attempts, lookups_missed, lookups_failed,
            ended_reason, failure_code, failure_message, provider_message, correction_problem, expires_at,
            evidence, replaces_id
        )
        SELECT {}, earned.badge_id, earned.learner_id, 'queued', '', {}, earned.source_key, {}, {},
               {}, {}, earned.earned_at, person.email, {}, {}, '', '', '', '', 0, 0, 0,
               '', '', '', '', '', {}, {}, (
                   SELECT MAX(past.id) FROM {} AS past
                   WHERE past.badge_id = earned.badge_id AND past.learner_id = earned.learner_id
                     AND past.status = 'expired'
               )
        FROM ({}) AS earned
        JOIN {} AS person ON person.id = earned.learner_id
        WHERE person.closed_at IS NULL
        ORDER BY earned.badge_id, earned.learner_id, earned.earned_at
        ON CONFLICT DO NOTHING
        RETURNING id, replaces_id
        """,
        table(IssuedBadge),
        new_id or next_id(IssuedBadge),
        value(source_kind),
        value(issued_by and issued_by.pk),
        reason or value(""),
        value(int(priority)),
        value(silent),
        value(now),
        value(now),
        expires_at or value(None),
        evidence or value("[]"),
        table(IssuedBadge),
        select,
        table(User),
    )
    recorded = fetch(statement)
    new = [pk for pk, _replaces in recorded]
    if renewals := [pk for pk, replaces in recorded if replaces]:
        carry_over(renewals)
    if new:
        transaction.on_commit(partial(announce, events.badge_awarded, new), robust=True)
        hint(DELIVER)
    return new


def announce(signal: Signal, ids: Sequence[int]) -> None:
    """Tell the public signal's listeners of these rows; nothing is read when nobody listens."""
    if not signal.has_listeners(IssuedBadge):
        return
    for start in range(0, len(ids), 500):
        rows = IssuedBadge.objects.filter(pk__in=ids[start : start + 500])
        for row in rows.select_related("badge__badge_provider", "learner"):
            for receiver, answer in signal.send_robust(sender=IssuedBadge, issued_badge=row):
                if isinstance(answer, Exception):
                    log.error("%r failed for issued badge %s", receiver, row.pk, exc_info=answer)


def retry(issued_badge: IssuedBadge, *, actor: User | None) -> IssuedBadge:
    """Send a failed badge again, to the learner's address of today."""
    require(actor, Action.MANAGE, issued_badge)
    with transaction.atomic():
        row = IssuedBadge.objects.select_for_update().get(pk=issued_badge.pk)
        rows = IssuedBadge.objects.filter(pk=row.pk)
        if not _requeue(rows, actor=actor, priority=IssuedBadge.Priority.MANUAL):
            raise Conflict(
                "not_failed",
                _("Only a failed badge can be sent again; this one is: %(status)s.")
                % {"status": row.issued_status},
            )
        row.refresh_from_db()
        record_one(audit.Act.RETRY, row, actor=actor)
    return row


def retry_all(rows: QuerySet[IssuedBadge], *, actor: User | None) -> int:
    """Send again whatever of a query has failed and the actor manages, each in its old place; how many."""
    rows = managed(rows, actor=actor)
    owners = audit.owners_of(rows.filter(status=Status.FAILED), actor=actor)
    count = _requeue(rows, actor=actor)
    record_many(audit.Act.RETRY, count, owners=owners, actor=actor)
    return count


def _requeue(
    rows: QuerySet[IssuedBadge], *, actor: User | None = None, reason: str = "", **changes: Any
) -> int:
    """Send failed rows again; how many. What may be at the provider is looked up before anything is sent."""
    may_exist = Q(failure_code__in=MAY_EXIST)
    counts = {
        to_status: move_all(
            chosen,
            from_status=Status.FAILED,
            to_status=to_status,
            actor=actor,
            reason=reason,
            **renewed(),
            **changes,
        )
        for to_status, chosen in (
            (Status.UNKNOWN, rows.filter(may_exist)),
            (Status.QUEUED, rows.exclude(may_exist)),
        )
    }
    if counts[Status.UNKNOWN]:
        hint(RECONCILE)
    if counts[Status.QUEUED]:
        hint(DELIVER)
    return sum(counts.values())


def renewed() -> dict[str, Any]:
    """What a failed row becomes when it is sent again: as new, and for the learner's address of today."""
    address = User.objects.filter(pk=OuterRef("learner")).values("email")
    return {
        "recipient_email": Subquery(address),
        "due_at": timezone.now(),
        "attempts": 0,
        "lookups_missed": 0,
        "lookups_failed": 0,
        "failure_code": "",
        "failure_message": "",
        "provider_message": "",
    }


def requeue_cured() -> int:
    """Queue again what failed for a bad address or name that has been corrected since; how many."""
    corrected = Q(failure_code="invalid_email") & ~Q(recipient_email=F("learner__email"))
    named = Q(failure_code="no_name") & ~Q(learner__first_name="") & ~Q(learner__last_name="")
    failed = IssuedBadge.objects.filter(corrected | named, status=Status.FAILED).select_related("learner")
    cured = [
        row.pk
        for row in failed.iterator(chunk_size=500)
        if not recipient_problem(row.learner, email=row.learner.email)
    ]
    reason = _("The learner's address or name was corrected.")
    return sum(
        _requeue(IssuedBadge.objects.filter(pk__in=cured[start : start + BATCH]), reason=reason)
        for start in range(0, len(cured), BATCH)
    )
