"""Recording the intent to issue: by hand for people, set-based for achievements.

Nothing here speaks to a provider; a row is written and badges.delivery finds it (next: delivery.deliver).
"""

from __future__ import annotations

import json
import logging
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import TYPE_CHECKING, Any

from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.db import transaction
from django.db.models import F, OuterRef, Q, QuerySet, Subquery
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.utils.translation import pgettext

from badges import events
from badges.acts import managed
from badges.evidence import to_keep
from badges.expiry import ended_at
from badges.lifecycle import BATCH, move_all
from badges.models import Badge, IssuedBadge
from badges.status import AT_PROVIDER, LIVE, Status
from providers.base import Ability, Evidence, NotPublished, OutcomeUnknown
from providers.registry import abilities_of
from tms.access import Action, require
from tms.errors import Conflict, DomainError
from tms.hint import hint
from tms.models import User
from tms.sql import Sql, fetch, in_list, sql, table, value

if TYPE_CHECKING:
    from django.dispatch import Signal

log = logging.getLogger(__name__)
DELIVER = "badges.deliver"
RECONCILE = "badges.reconcile"
# The codes of failures after which the provider may have the badge all the same.
MAY_EXIST = (OutcomeUnknown.code, NotPublished.code)


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What became of one (badge, learner) of an act: accepted and on its way, or refused with a reason."""

    badge: Badge
    learner: User
    issued_badge: IssuedBadge | None
    code: str
    message: str

    @property
    def accepted(self) -> bool:
        return self.code == "queued"


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
    """Issue one badge by hand to many. Each learner is accepted or refused alone; none stops the others.

    Outcomes come in the order of the learners. A failed row of ours is tried again by this act. `issued_at`
    is now and `expires_at` as the badge says unless they are given; `evidence` is shown by the provider.
    Raises NotFound when the actor does not reach the badge, and DomainError for what is wrong for everybody;
    a learner out of reach is refused as `not_permitted`.
    """
    require(actor, Action.ISSUE, badge)
    issued_at = issued_at or timezone.now()
    _check_expiry(badge, issued_at=issued_at, expires_at=expires_at)
    kept = to_keep(evidence)
    people = {learner.pk: learner for learner in learners}
    with transaction.atomic():
        live = _rows(badge, people).filter(status__in=LIVE).select_for_update(of=("self",))
        existing = {row.learner_id: row for row in live}
        refusals = _refusals(badge, people, existing, actor=actor)
        accepted = people.keys() - refusals.keys()
        failed = [existing[pk].pk for pk in accepted if pk in existing]
        given = {"expires_at": expires_at, "evidence": kept}
        again = {name: value for name, value in given.items() if value}
        _requeue(
            IssuedBadge.objects.filter(pk__in=failed),
            actor=actor,
            reason=reason,
            priority=IssuedBadge.Priority.MANUAL,
            **again,
        )
        new = _record(
            _of_today(badge, accepted - existing.keys(), at=issued_at, source_key=source_key),
            priority=IssuedBadge.Priority.MANUAL,
            source_kind=source,
            issued_by=actor,
            reason=reason,
            expires_at=expires_at,
            evidence=kept,
        )
        rows = {row.learner_id: row for row in _rows(badge, accepted)}
    written = {*failed, *new}
    return [
        _refused(badge, learner, existing.get(pk), *refusals[pk])
        if pk in refusals
        else _accepted(badge, learner, rows[pk], is_ours=rows[pk].pk in written)
        for pk, learner in people.items()
    ]


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


def _rows(badge: Badge, learners: Collection[int]) -> QuerySet[IssuedBadge]:
    """What these learners have of the badge, the latest last."""
    rows = IssuedBadge.objects.filter(badge=badge, learner__in=learners)
    return rows.select_related("issued_by", "badge__badge_provider").order_by("pk")


def _refusals(
    badge: Badge, people: dict[int, User], existing: dict[int, IssuedBadge], *, actor: User | None
) -> dict[int, tuple[str, str]]:
    """learner → code and sentence of the first reason not to issue, where there is one."""
    reached: Collection[int] = people.keys()
    if actor is not None:
        reachable = User.objects.for_user(actor, Action.ISSUE).filter(pk__in=people)
        reached = set(reachable.values_list("pk", flat=True))
    found = {
        pk: _refusal(badge, learner, existing.get(pk), may_reach=pk in reached)
        for pk, learner in people.items()
    }
    return {pk: refusal for pk, refusal in found.items() if refusal}


def _refusal(
    badge: Badge, learner: User, existing: IssuedBadge | None, *, may_reach: bool
) -> tuple[str, str] | None:
    if not may_reach:
        return "not_permitted", _("You cannot issue badges to this learner.")
    if not badge.enable_manual_issuance:
        return "not_manual", _("This badge is not set up to be issued by hand.")
    if obstacle := _obstacle(badge):
        return obstacle
    if existing and existing.status != Status.FAILED:
        return "already_issued", _already(existing)
    return recipient_problem(learner, email=learner.email)


def _obstacle(badge: Badge) -> tuple[str, str] | None:
    """Why nobody can get this badge now."""
    if not badge.is_active:
        return "inactive_badge", _("This badge is not active.")
    if not badge.badge_provider.is_enabled:
        return "not_available", _("The badge provider of this badge is disabled.")
    return None


def issue_anew(lost: IssuedBadge, *, reason: str, actor: User | None) -> IssuedBadge:
    """Ask once more for a badge that the provider has lost, as it was asked for then; to today's address.

    `lost` has ended. Whether the badge is set up to be issued by hand is not asked, for it had been issued.
    Raises DomainError for what stands in the way.
    """
    require(actor, Action.ISSUE, lost.badge)
    obstacle = _obstacle(lost.badge) or recipient_problem(lost.learner, email=lost.learner.email)
    if obstacle:
        raise DomainError(*obstacle)
    with transaction.atomic():
        new = _record(
            _of_today(lost.badge, [lost.learner_id], at=lost.earned_at, source_key=lost.source_key),
            priority=IssuedBadge.Priority.MANUAL,
            source_kind=lost.source_kind,
            issued_by=actor,
            reason=reason,
            expires_at=lost.expires_at,
            evidence=lost.evidence,
        )
    rows = _rows(lost.badge, [lost.learner_id])
    if not new:
        existing = rows.filter(status__in=LIVE).last()
        raise Conflict("already_issued", _already(existing) if existing else _("Try again."))
    return rows.get(pk=new[0])


def recipient_problem(learner: User, *, email: str) -> tuple[str, str] | None:
    """Why no provider would take this person, at this address, as a recipient."""
    try:
        validate_email(email)
    except ValidationError:
        return "invalid_email", _("The e-mail address %(email)s must follow valid e-mail guidelines.") % {
            "email": email or "–"
        }
    if not (learner.first_name.strip() and learner.last_name.strip()):
        return "no_name", _("The provider needs a first and a last name.")
    return None


def _refused(badge: Badge, learner: User, row: IssuedBadge | None, code: str, message: str) -> Outcome:
    return Outcome(badge=badge, learner=learner, issued_badge=row, code=code, message=message)


def _accepted(badge: Badge, learner: User, row: IssuedBadge, *, is_ours: bool) -> Outcome:
    if not is_ours:
        # Somebody else was faster by the width of this transaction; the constraint decided.
        return _refused(badge, learner, row, "already_issued", _already(row))
    message = _("On its way to %(email)s.") % {"email": row.recipient_email}
    return Outcome(badge=badge, learner=learner, issued_badge=row, code="queued", message=message)


def _already(existing: IssuedBadge) -> str:
    moment = date_format(timezone.localtime(existing.issued_at or existing.created_at), "DATETIME_FORMAT")
    if existing.issued_by:
        who = str(existing.issued_by)
    elif existing.source_kind == IssuedBadge.Source.ACHIEVEMENT:
        who = pgettext("who issued a badge", "an achievement")
    else:
        who = pgettext("who issued a badge", "the system")
    if existing.status in AT_PROVIDER:
        return _("This learner already has this badge: issued on %(when)s by %(who)s.") % {
            "who": who,
            "when": moment,
        }
    return _("This badge is already on its way (%(status)s): asked for on %(when)s by %(who)s.") % {
        "status": existing.issued_status,
        "who": who,
        "when": moment,
    }


def _of_today(badge: Badge, learners: Collection[int], *, at: datetime, source_key: str) -> Sql:
    """The intents of an act by hand, for `_record`."""
    return sql(
        """
        SELECT {} AS badge_id, person.id AS learner_id, {} AS earned_at, {} AS source_key
        FROM {} AS person WHERE {}
        """,
        value(badge.pk),
        value(at),
        value(source_key),
        table(User),
        in_list("person.id", list(learners)),
    )


def issue_earned(select: Sql, *, now: datetime, backfill: bool = False, silent: bool = False) -> int:
    """Issue badges for many at once, inside the caller's transaction; how many intents were new.

    `select` yields what `_record` and `never_had` read. Whoever ever had the badge from us keeps what there
    is: after a revoke or a cancel nothing issues it again by itself. Rows are written whatever the learner's
    address looks like; delivery refuses a bad one on the row, where people see it. Those of a `backfill` are
    sent after all others; a `silent` one asks the provider for no mail.
    """
    new = _record(
        never_had(select),
        now=now,
        priority=IssuedBadge.Priority.BACKFILL if backfill else IssuedBadge.Priority.LIVE,
        source_kind=IssuedBadge.Source.ACHIEVEMENT,
        silent=silent,
    )
    return len(new)


def never_had(pairs: Sql) -> Sql:
    """Of rows with badge_id, learner_id, earned_at and renews, those for which no badge of ours was ever on
    its way, but for one that was cancelled when the awards that led to it were taken back, and for one that
    had expired when what `renews` it was earned."""
    return sql(
        """
        SELECT pair.* FROM ({}) AS pair
        WHERE NOT EXISTS (
            SELECT 1 FROM {} AS known
            WHERE known.learner_id = pair.learner_id AND known.badge_id = pair.badge_id
              AND NOT known.was_undone
              AND NOT (pair.renews AND COALESCE({} < pair.earned_at, FALSE))
        )
        """,
        pairs,
        table(IssuedBadge),
        ended_at("known"),
    )


def _record(
    select: Sql,
    *,
    priority: IssuedBadge.Priority,
    source_kind: str,
    now: datetime | None = None,
    issued_by: User | None = None,
    reason: str = "",
    silent: bool = False,
    expires_at: datetime | None = None,
    evidence: Sequence[dict[str, str]] = (),
) -> list[int]:
    """Write intents; the ids of those that are new (next: delivery.deliver).

    `select` yields badge_id, learner_id, earned_at and source_key. Whoever has a live row already is passed
    over: the constraint decides, also between two who ask at once. Everybody writes in the same order, so
    that nobody waits for another in a circle. What has expired is replaced by the new one.
    """
    now = now or timezone.now()
    statement = sql(
        """
        INSERT INTO {} (
            badge_id, learner_id, status, hold_reason, source_kind, source_key, issued_by_id, reason,
            priority, suppress_notification, earned_at, recipient_email, created_at, due_at, external_uuid,
            external_state, external_url, accept_url, attempts, lookups_missed, lookups_failed,
            ended_reason, failure_code, failure_message, provider_message, correction_problem, expires_at,
            evidence, replaces_id
        )
        SELECT earned.badge_id, earned.learner_id, 'queued', '', {}, earned.source_key, {}, {},
               {}, {}, earned.earned_at, person.email, {}, {}, '', '', '', '', 0, 0, 0,
               '', '', '', '', '', {}, {}, (
                   SELECT MAX(past.id) FROM {} AS past
                   WHERE past.badge_id = earned.badge_id AND past.learner_id = earned.learner_id
                     AND past.status = 'expired'
               )
        FROM ({}) AS earned
        JOIN {} AS person ON person.id = earned.learner_id
        WHERE TRUE
        ORDER BY earned.badge_id, earned.learner_id, earned.earned_at
        ON CONFLICT DO NOTHING
        RETURNING id
        """,
        table(IssuedBadge),
        value(source_kind),
        value(issued_by and issued_by.pk),
        value(reason),
        value(int(priority)),
        value(silent),
        value(now),
        value(now),
        value(expires_at),
        value(json.dumps(list(evidence))),
        table(IssuedBadge),
        select,
        table(User),
    )
    new = [row[0] for row in fetch(statement)]
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
    return row


def retry_all(rows: QuerySet[IssuedBadge], *, actor: User | None) -> int:
    """Send again whatever of a query has failed and the actor manages, each in its old place; how many."""
    return _requeue(managed(rows, actor=actor), actor=actor)


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
