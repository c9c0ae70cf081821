"""Recording the intent to issue: by hand for people, set-based for achievements.

Nothing here speaks to a provider; a row is written and badges.delivery finds it (next: delivery.deliver).
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from operator import attrgetter
from typing import TYPE_CHECKING, Any

from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.db import transaction
from django.db.models import F, Q
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.utils.translation import pgettext

from badges import events
from badges.lifecycle import Move, move
from badges.models import Badge, IssuedBadge
from badges.status import AT_PROVIDER, LIVE, Status
from providers.base import OutcomeUnknown
from tms.access import Action, require
from tms.errors import Conflict, DomainError
from tms.hint import hint
from tms.models import User
from tms.sql import Sql, fetch, sql, table, value

if TYPE_CHECKING:
    from django.dispatch import Signal

log = logging.getLogger(__name__)
DELIVER = "badges.deliver"


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
) -> list[Outcome]:
    """Issue one badge by hand to many. Each learner is accepted or refused alone; none stops the others.

    Outcomes come in the order of the learners. A failed row of ours is tried again by this act. Raises
    NotFound when the actor does not reach the badge; a learner out of reach is refused as `not_permitted`.
    """
    require(actor, Action.ISSUE, badge)
    learners = list({learner.pk: learner for learner in learners}.values())
    outcomes: dict[int, Outcome] = {}
    with transaction.atomic():
        # The latest row first: rows that ended do not stand in the way of a new act by hand.
        existing = {
            row.learner_id: row
            for row in IssuedBadge.objects.filter(badge=badge, learner__in=learners, status__in=LIVE)
            .select_related("issued_by", "badge__badge_provider")
            .select_for_update(of=("self",))
        }
        reachable = _reachable(learners, actor=actor)
        # Everybody writes in the same order; otherwise two acts for one class could wait for each other.
        for learner in sorted(learners, key=attrgetter("pk")):
            refusal = _refusal(badge, learner, existing.get(learner.pk), may_reach=learner.pk in reachable)
            if refusal:
                code, message = refusal
                outcomes[learner.pk] = Outcome(
                    badge=badge,
                    learner=learner,
                    issued_badge=existing.get(learner.pk),
                    code=code,
                    message=message,
                )
                continue
            outcomes[learner.pk] = _accept(
                badge,
                learner,
                existing.get(learner.pk),
                actor=actor,
                source_kind=source,
                source_key=source_key,
                reason=reason,
                earned_at=issued_at or timezone.now(),
            )
        if any(outcome.accepted for outcome in outcomes.values()):
            hint(DELIVER)
    return [outcomes[learner.pk] for learner in learners]


def _reachable(learners: Sequence[User], *, actor: User | None) -> set[int]:
    if actor is None:
        return {learner.pk for learner in learners}
    ids = [learner.pk for learner in learners]
    return set(User.objects.for_user(actor, Action.ISSUE).filter(pk__in=ids).values_list("pk", flat=True))


def _refusal(
    badge: Badge, learner: User, existing: IssuedBadge | None, *, may_reach: bool
) -> tuple[str, str] | None:
    """The code and sentence of the first reason not to issue, or None."""
    if not may_reach:
        return "not_permitted", _("You cannot issue badges to this learner.")
    if not badge.enable_manual_issuance:
        return "not_manual", _("This badge is not set up to be issued by hand.")
    if not badge.is_active:
        return "inactive_badge", _("This badge is not active.")
    if not badge.badge_provider.is_enabled:
        return "not_available", _("The badge provider of this badge is disabled.")
    if existing and existing.status != Status.FAILED:
        return "already_issued", _already(existing)
    return recipient_problem(learner)


def recipient_problem(learner: User) -> tuple[str, str] | None:
    """Why no provider would take this person as a recipient."""
    try:
        validate_email(learner.email)
    except ValidationError:
        return "invalid_email", _("The e-mail address %(email)s must follow valid e-mail guidelines.") % {
            "email": learner.email or "–"
        }
    if not (learner.first_name.strip() and learner.last_name.strip()):
        return "no_name", _("The provider needs a first and a last name.")
    return None


def _already(existing: IssuedBadge) -> str:
    moment = date_format(timezone.localtime(existing.issued_at or existing.created_at), "DATETIME_FORMAT")
    if existing.issued_by:
        who = existing.issued_by.get_full_name() or existing.issued_by.email
    else:
        who = pgettext("who issued a badge", "an achievement")
    if existing.status in AT_PROVIDER or existing.status == Status.ACCEPTED:
        return _("This learner already has this badge: issued by %(who)s on %(when)s.") % {
            "who": who,
            "when": moment,
        }
    return _("This badge is already on its way (%(status)s): asked for by %(who)s on %(when)s.") % {
        "status": existing.issued_status,
        "who": who,
        "when": moment,
    }


def _accept(badge: Badge, learner: User, failed: IssuedBadge | None, **intent: Any) -> Outcome:
    actor: User | None = intent.pop("actor")
    message = _("On its way to %(email)s.") % {"email": learner.email}
    if failed:
        retried = _requeue(failed, actor=actor, reason=intent["reason"])
        return Outcome(badge=badge, learner=learner, issued_badge=retried, code="queued", message=message)
    row, created = IssuedBadge.objects.get_or_create(
        badge=badge,
        learner=learner,
        status__in=LIVE,
        defaults={
            "status": Status.QUEUED,
            "issued_by": actor,
            "recipient_email": learner.email,
            "priority": IssuedBadge.Priority.MANUAL,
            **intent,
        },
    )
    if not created:
        # Somebody else was faster by the width of this transaction; the constraint decided.
        return Outcome(
            badge=badge, learner=learner, issued_badge=row, code="already_issued", message=_already(row)
        )
    transaction.on_commit(partial(announce, events.badge_awarded, [row.pk]), robust=True)
    return Outcome(badge=badge, learner=learner, issued_badge=row, code="queued", message=message)


def issue_earned(select: Sql, *, now: datetime, backfill: bool = False) -> int:
    """Issue badges for many at once, inside the caller's transaction; how many intents were new.

    `select` yields badge_id, learner_id, earned_at, source_key. Whoever ever had the badge from us keeps
    what there is: after a revoke or a cancel nothing issues it again by itself. Rows are written whatever
    the learner's address looks like; delivery refuses a bad one on the row, where people see it. They are
    written in the order that `issue` keeps too, so that neither waits for the other in a circle.
    """
    statement = sql(
        """
        INSERT INTO {} (
            badge_id, learner_id, status, hold_reason, source_kind, source_key, reason, priority,
            suppress_notification, earned_at, recipient_email, created_at, external_uuid, external_state,
            external_url, accept_url, due_at, attempts, lookups_missed, lookups_failed, ended_reason,
            failure_code, failure_message, provider_message
        )
        SELECT earned.badge_id, earned.learner_id, 'queued', '', 'achievement', earned.source_key, '', {},
               {}, earned.earned_at, person.email, {}, '', '', '', '', {}, 0, 0, 0, '', '', '', ''
        FROM ({}) AS earned
        JOIN {} AS person ON person.id = earned.learner_id
        WHERE NOT EXISTS (
            SELECT 1 FROM {} AS known
            WHERE known.learner_id = earned.learner_id AND known.badge_id = earned.badge_id
        )
        ORDER BY earned.badge_id, earned.learner_id
        ON CONFLICT DO NOTHING
        RETURNING id
        """,
        table(IssuedBadge),
        value(int(IssuedBadge.Priority.BACKFILL if backfill else IssuedBadge.Priority.LIVE)),
        value(backfill),
        value(now),
        value(now),
        select,
        table(User),
        table(IssuedBadge),
    )
    ids = [row[0] for row in fetch(statement)]
    if ids:
        transaction.on_commit(partial(announce, events.badge_awarded, ids), robust=True)
        hint(DELIVER)
    return len(ids)


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
    row = _requeue(issued_badge, actor=actor, reason="")
    hint(DELIVER)
    return row


def _requeue(issued_badge: IssuedBadge, *, actor: User | None, reason: str) -> IssuedBadge:
    # A row that may be at the provider is looked up before anything is sent again.
    may_exist = issued_badge.failure_code == OutcomeUnknown.code
    step = Move(
        issued_badge_id=issued_badge.pk,
        from_status=Status.FAILED,
        to_status=Status.UNKNOWN if may_exist else Status.QUEUED,
        reason=reason,
        changes=renewed(email=issued_badge.learner.email, priority=IssuedBadge.Priority.MANUAL),
    )
    if not move(step, actor=actor):
        issued_badge.refresh_from_db()
        raise Conflict(
            "not_failed",
            _("Only a failed badge can be sent again; this one is: %(status)s.")
            % {"status": issued_badge.issued_status},
        )
    issued_badge.refresh_from_db()
    return issued_badge


def renewed(*, email: str, priority: int) -> dict[str, Any]:
    """What a failed row forgets when it is queued again. Attempts stay: they are history."""
    return {
        "recipient_email": email,
        "priority": priority,
        "due_at": timezone.now(),
        "lookups_missed": 0,
        "lookups_failed": 0,
        "failure_code": "",
        "failure_message": "",
        "provider_message": "",
    }


def requeue_cured() -> int:
    """Queue again what failed for a bad address or name that has been corrected since; how many."""
    moved = 0
    corrected = Q(failure_code="invalid_email") & ~Q(recipient_email=F("learner__email"))
    named = Q(failure_code="no_name") & ~Q(learner__first_name="") & ~Q(learner__last_name="")
    failed = IssuedBadge.objects.filter(corrected | named, status=Status.FAILED)
    for row in failed.select_related("learner").iterator(chunk_size=500):
        if recipient_problem(row.learner):
            continue
        step = Move(
            issued_badge_id=row.pk,
            from_status=Status.FAILED,
            to_status=Status.QUEUED,
            reason="The learner's address or name was corrected.",
            changes=renewed(email=row.learner.email, priority=row.priority),
        )
        moved += move(step)
    return moved


def cancel(issued_badge: IssuedBadge, *, reason: str, actor: User | None) -> IssuedBadge:
    """Give up a badge that has not been sent. What is at the provider is revoked instead."""
    require(actor, Action.MANAGE, issued_badge)
    for status in (Status.QUEUED, Status.HELD, Status.FAILED):
        step = Move(
            issued_badge_id=issued_badge.pk,
            from_status=status,
            to_status=Status.CANCELLED,
            reason=reason,
            changes={"ended_reason": reason},
        )
        if move(step, actor=actor):
            issued_badge.refresh_from_db()
            return issued_badge
    issued_badge.refresh_from_db()
    raise Conflict(
        "not_cancellable",
        _("Only what has not been sent can be cancelled; this one is: %(status)s.")
        % {"status": issued_badge.issued_status},
    )


def revoke(issued_badge: IssuedBadge, *, reason: str, actor: User | None) -> IssuedBadge:
    """Ask the provider to take a badge back; delivery does it. The reason reaches the earner."""
    require(actor, Action.MANAGE, issued_badge)
    if not reason.strip():
        message = _("A reason is required: the earner is told it.")
        raise DomainError("reason_required", message, fields={"reason": [message]})
    for status in (Status.ISSUED, Status.ACCEPTED, Status.REJECTED):
        step = Move(
            issued_badge_id=issued_badge.pk,
            from_status=status,
            to_status=Status.REVOKING,
            reason=reason,
            changes={"due_at": timezone.now(), "attempts": 0, "ended_reason": reason},
        )
        if move(step, actor=actor):
            issued_badge.refresh_from_db()
            hint(DELIVER)
            return issued_badge
    issued_badge.refresh_from_db()
    raise Conflict(
        "not_issued",
        _("Only an issued badge can be revoked; this one is: %(status)s.")
        % {"status": issued_badge.issued_status},
    )
