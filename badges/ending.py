"""How a decision ends an issued badge: cancelled before it is sent, revoked when the provider has it.

Whoever wants many badges to be taken back is heard at once and for all of them: the wish is written on every
row before anything moves. What waits is then cancelled, what the provider has is revoked there (next:
badges.delivery), and what is being sent at that moment follows as soon as its outcome is known. So nothing
slips through, whoever dies in between.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import TYPE_CHECKING

from django.db import transaction
from django.db.models import Count, Q, QuerySet
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from badges.acts import aim, batches, managed, record_many, record_one
from badges.hints import DELIVER, RECONCILE
from badges.lifecycle import Move, move, move_all, note
from badges.models import IssuedBadge
from badges.retrying import MAY_EXIST, renewed
from badges.status import ENDED, LIVE, Status
from badges.typed import require_fit
from providers.base import Ability
from providers.models import BadgeProvider
from providers.registry import abilities_of
from tms import audit
from tms.access import Action, require
from tms.errors import Conflict, DomainError
from tms.hint import hint
from tms.models import User

if TYPE_CHECKING:
    from typing import Any

UNSENT = (Status.QUEUED, Status.HELD, Status.FAILED)
UNDER_WAY = (Status.SENDING, Status.UNKNOWN)
AT_REST = (Status.ISSUED, Status.ACCEPTED, Status.REJECTED)
TO_END = [status for status in LIVE if status != Status.REVOKING]
NO_WISH: dict[str, Any] = {"revoke_asked_at": None, "revoke_asked_by": None}


@dataclass(frozen=True, slots=True, kw_only=True)
class Ended:
    """What an act on many badges came to. `awaited`: being sent or looked for, revoked when that is known."""

    cancelled: int = 0
    revoking: int = 0
    awaited: int = 0

    def __add__(self, other: Ended) -> Ended:
        return Ended(
            cancelled=self.cancelled + other.cancelled,
            revoking=self.revoking + other.revoking,
            awaited=self.awaited + other.awaited,
        )

    @property
    def total(self) -> int:
        return self.cancelled + self.revoking + self.awaited

    @property
    def sentence(self) -> str:
        told = []
        if self.revoking:
            text = ngettext("%d badge is being revoked.", "%d badges are being revoked.", self.revoking)
            told.append(text % self.revoking)
        if self.cancelled:
            text = ngettext(
                "%d badge that had not been sent was cancelled.",
                "%d badges that had not been sent were cancelled.",
                self.cancelled,
            )
            told.append(text % self.cancelled)
        if self.awaited:
            text = ngettext(
                "%d badge is under way and is taken back as soon as its outcome is known.",
                "%d badges are under way and are taken back as soon as their outcome is known.",
                self.awaited,
            )
            told.append(text % self.awaited)
        return " ".join(told)


# --- Before it is sent --------------------------------------------------------------------------------------


def cancel(issued_badge: IssuedBadge, *, reason: str, actor: User | None) -> IssuedBadge:
    """Give up a badge that has not been sent. What is at the provider is revoked instead."""
    require(actor, Action.MANAGE, issued_badge)
    for status in UNSENT:
        step = Move(
            issued_badge_id=issued_badge.pk,
            from_status=status,
            to_status=Status.CANCELLED,
            reason=reason,
            changes={"ended_reason": reason},
        )
        if move(step, actor=actor):
            issued_badge.refresh_from_db()
            record_one(audit.Act.CANCEL, issued_badge, actor=actor, reason=reason)
            return issued_badge
    issued_badge.refresh_from_db()
    raise Conflict(
        "not_cancellable",
        _("Only what has not been sent can be cancelled; this one is: %(status)s.")
        % {"status": issued_badge.issued_status},
    )


def cancel_all(rows: QuerySet[IssuedBadge], *, reason: str, actor: User | None) -> int:
    """Give up whatever of a query has not been sent and the actor manages; how many that were."""
    rows = managed(rows, actor=actor)
    at = aim(rows.filter(status__in=UNSENT), actor=actor)
    count = sum(
        move_all(
            rows,
            from_status=status,
            to_status=Status.CANCELLED,
            reason=reason,
            actor=actor,
            ended_reason=reason,
        )
        for status in UNSENT
    )
    record_many(audit.Act.CANCEL, count, at=at, actor=actor, reason=reason)
    return count


# --- When the provider has it, or may -----------------------------------------------------------------------


def revoke(issued_badge: IssuedBadge, *, reason: str, actor: User | None) -> IssuedBadge:
    """Take a badge back at the provider, at once or as soon as it is known to be there; delivery does it.

    The reason reaches the earner where the provider tells it (Ability.TELL_REASON).
    """
    require(actor, Action.MANAGE, issued_badge)
    require_reason(reason)
    rows = IssuedBadge.objects.filter(pk=issued_badge.pk)
    with transaction.atomic():
        is_wished = _wish(rows.filter(status__in=[*AT_REST, *UNDER_WAY]), reason=reason, actor=actor)
        if is_wished:
            record_one(audit.Act.REVOKE, issued_badge, actor=actor, reason=reason)
    if not is_wished:
        issued_badge.refresh_from_db()
        raise Conflict(
            "not_issued",
            _("Only an issued badge can be revoked; this one is: %(status)s.")
            % {"status": issued_badge.issued_status},
        )
    _fulfil_asked(rows, actor=actor)
    issued_badge.refresh_from_db()
    return issued_badge


def revoke_all(
    rows: QuerySet[IssuedBadge], *, reason: str, actor: User | None, undoes: bool = False
) -> Ended:
    """Take back whatever of a query the actor manages, as one act with one reason: cancel what is unsent,
    revoke what the provider has, and wait for what is under way. What has ended stays as it is.

    `undoes`: what led to them is taken back by somebody who may do that, and so are they; they stand in the
    way of none that is earned under another rule.
    """
    require_reason(reason)
    reached = rows if undoes else managed(rows, actor=actor)
    ended = Ended()
    to_end = reached.filter(status__in=TO_END)
    at = aim(to_end, actor=actor)
    for ids in batches(to_end):
        _wish_each(to_end, ids, reason=reason, actor=actor, **({"was_undone": True} if undoes else {}))
        ended += _fulfil_asked(IssuedBadge.objects.filter(pk__in=ids), actor=actor)
    if not undoes:  # which is an act of its own, and says so
        record_many(audit.Act.REVOKE, ended.total, at=at, actor=actor, reason=reason)
    return ended


def foresee(rows: QuerySet[IssuedBadge]) -> Ended:
    """What revoke_all would come to now."""
    counts = dict(rows.order_by().values_list("status").annotate(Count("pk")))

    def number(statuses: Collection[Status]) -> int:
        return sum(counts.get(status, 0) for status in statuses)

    return Ended(cancelled=number(UNSENT), revoking=number(AT_REST), awaited=number(UNDER_WAY))


def silent_about_reasons(rows: QuerySet[IssuedBadge]) -> list[str]:
    """The providers of these badges that tell no earner why a badge was revoked."""
    kinds = rows.order_by().values_list("badge__badge_provider__kind", flat=True).distinct()
    return sorted(BadgeProvider.Kind(kind).label for kind in kinds if not tells_reason(kind))


def tells_reason(kind: str) -> bool:
    """Whether a kind of provider tells earners why their badge was revoked."""
    return Ability.TELL_REASON in abilities_of(kind)


def require_reason(reason: str) -> None:
    """Raise DomainError("reason_required") for an empty one, and another for one that is not kept."""
    require_fit(reason, field="reason")
    if not reason.strip():
        message = _("A reason is required: it is kept, and told to the earner where the provider does so.")
        raise DomainError("reason_required", message, fields={"reason": [message]})


def _wish(rows: QuerySet[IssuedBadge], *, reason: str, actor: User | None, **more: Any) -> int:
    return rows.update(revoke_asked_at=timezone.now(), revoke_asked_by=actor, ended_reason=reason, **more)


def _wish_each(
    rows: QuerySet[IssuedBadge], ids: Collection[int], *, reason: str, actor: User | None, **more: Any
) -> None:
    """Together where nobody holds the row; the others each alone, since whoever waits for one row while
    holding others may be waited for. What is no longer among the rows once it is held stays as it is."""

    def wish(some: Collection[int], *, waits: bool) -> set[int]:
        with transaction.atomic():
            chosen = IssuedBadge.objects.filter(pk__in=some)
            locked = chosen.select_for_update(skip_locked=not waits, of=("self",))
            held = set(locked.values_list("pk", flat=True))
            still = list(rows.filter(pk__in=held).values_list("pk", flat=True))
            _wish(IssuedBadge.objects.filter(pk__in=still), reason=reason, actor=actor, **more)
        return held

    for pk in set(ids) - wish(ids, waits=False):
        wish([pk], waits=True)


def _fulfil_asked(rows: QuerySet[IssuedBadge], *, actor: User | None) -> Ended:
    """As fulfil_wishes, for rows that were asked for just now; those that must wait say so."""
    ended = fulfil_wishes(rows)
    waiting = rows.filter(revoke_asked_at__isnull=False)
    note(waiting, reason=_("To be revoked as soon as its outcome is known."), actor=actor)
    return ended


def fulfil_wishes(rows: QuerySet[IssuedBadge] | None = None) -> Ended:
    """Take back what somebody wants back, as far as its state allows by now: of these rows, or of all.

    What may be at the provider although it failed is looked for there before it is given up.
    """
    chosen = IssuedBadge.objects.all() if rows is None else rows
    wished = chosen.filter(revoke_asked_at__isnull=False)
    acts = list(wished.order_by().values_list("revoke_asked_by", "ended_reason").distinct())
    actors = User.objects.in_bulk({actor_id for actor_id, _reason in acts if actor_id})
    ended = Ended()
    for actor_id, reason in acts:
        of_act = wished.filter(revoke_asked_by=actor_id, ended_reason=reason)
        ended += _fulfil(of_act, reason=reason, actor=actors.get(actor_id))
    wished.filter(status__in=ENDED).update(**NO_WISH)
    return ended


def _fulfil(wished: QuerySet[IssuedBadge], *, reason: str, actor: User | None) -> Ended:
    def moved(chosen: QuerySet[IssuedBadge], before: Status, after: Status, **changes: Any) -> int:
        return move_all(chosen, from_status=before, to_status=after, reason=reason, actor=actor, **changes)

    lost = Q(status=Status.FAILED, failure_code__in=MAY_EXIST)
    sought = moved(wished.filter(lost), Status.FAILED, Status.UNKNOWN, **renewed())
    unsent = wished.exclude(lost)
    cancelled = sum(moved(unsent, status, Status.CANCELLED, **NO_WISH) for status in UNSENT)
    asked = {**NO_WISH, "due_at": timezone.now(), "attempts": 0}
    asked |= {"correction_due_at": None}
    revoking = sum(moved(wished, status, Status.REVOKING, **asked) for status in AT_REST)
    if revoking:
        hint(DELIVER)
    if sought:
        hint(RECONCILE)
    return Ended(cancelled=cancelled, revoking=revoking, awaited=wished.exclude(status__in=ENDED).count())
