"""Erasing badges at the provider, with what they tell about the person: for privacy, and for good.

To revoke is to say in public that a badge does not count; to erase leaves nothing, and the page that a
learner had published is gone at once. The record here stays, as removed. What is under way is erased as soon
as the provider has it: the wish waits on the row, and badges.errands carries it out. Should it turn out that
the provider never had it, nothing is sent there any more.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.db import transaction
from django.db.models import Q, QuerySet
from django.utils import timezone
from django.utils.translation import gettext as _

from badges.acts import Asked, aim, batches, managed, record_many, refuse, status_of_one
from badges.corrections import ERRANDS
from badges.ending import UNSENT, require_reason
from badges.hints import RECONCILE
from badges.lifecycle import move_all, note
from badges.models import BadgePresentation, IssuedBadge
from badges.retrying import MAY_EXIST, renewed
from badges.status import Status
from providers.base import Ability
from providers.models import BadgeProvider
from providers.registry import abilities_of
from tms import audit
from tms.access import Action, require
from tms.hint import hint

if TYPE_CHECKING:
    from tms.models import User

ERASABLE = (
    Status.ISSUED,
    Status.ACCEPTED,
    Status.REJECTED,
    Status.REVOKED,
    Status.EXPIRED,
    Status.SUPERSEDED,
)
UNDER_WAY = (Status.SENDING, Status.UNKNOWN, Status.REVOKING)
_LOST = Q(status=Status.FAILED, failure_code__in=MAY_EXIST)


def erase(issued_badge: IssuedBadge, *, reason: str, actor: User | None) -> IssuedBadge:
    """Erase one badge at the provider, soon.

    Raises Conflict where it has nothing of this record, and DomainError where it offers no way to erase.
    """
    require(actor, Action.MANAGE, issued_badge)
    done = erase_all(IssuedBadge.objects.filter(pk=issued_badge.pk), reason=reason, actor=actor)
    for refused in done.refused:
        raise refused.as_error()
    issued_badge.refresh_from_db()
    return issued_badge


def erase_all(rows: QuerySet[IssuedBadge], *, reason: str, actor: User | None) -> Asked:
    """Ask for whatever of a query the actor manages to be erased, as one act (next: badges.errands)."""
    require_reason(reason)
    rows = managed(rows, actor=actor)
    at = aim(rows, actor=actor)
    there = rows.filter(is_there())
    done = _refuse_absent(rows.exclude(pk__in=there.values("pk")))
    for kind in there.order_by().values_list("badge__badge_provider__kind", flat=True).distinct():
        of_kind = there.filter(badge__badge_provider__kind=kind)
        if Ability.DELETE in abilities_of(kind):
            done += _ask(of_kind, reason=reason, actor=actor)
        else:
            done += _refuse_kind(of_kind, provider=BadgeProvider.Kind(kind).label)
    if done.asked:
        hint(ERRANDS)
        record_many(audit.Act.ERASE, done.asked, at=at, actor=actor, reason=reason)
    return done


def give_up_unsent() -> int:
    """Cancel what was under way when its erasure was asked for and did not reach the provider; how many.

    What may be there although it failed is looked for before it is given up.
    """
    wished = IssuedBadge.objects.filter(erasure_due_at__isnull=False)
    sought = {name: value for name, value in renewed().items() if name != "recipient_email"}
    if move_all(
        wished.filter(_LOST),
        from_status=Status.FAILED,
        to_status=Status.UNKNOWN,
        reason=_("To be erased, should the provider have it."),
        **sought,
    ):
        hint(RECONCILE)
    reason = _("The provider never had it, and it was to be erased.")
    return sum(
        move_all(
            wished.exclude(_LOST),
            from_status=status,
            to_status=Status.CANCELLED,
            reason=reason,
            erasure_due_at=None,
        )
        for status in UNSENT
    )


def is_there() -> Q:
    """What a provider has something of, or may have soon."""
    return Q(status__in=UNDER_WAY) | _LOST | (Q(status__in=ERASABLE) & ~Q(external_uuid=""))


def _refuse_absent(rows: QuerySet[IssuedBadge]) -> Asked:
    status = status_of_one(rows)
    text = _("The provider has nothing of this badge; it is: %(status)s.") % {"status": status}
    if not status:
        text = _("The provider has nothing of these badges.")
    return refuse(rows, "not_at_provider", text, is_state=True)


def _refuse_kind(rows: QuerySet[IssuedBadge], *, provider: str) -> Asked:
    text = _("%(provider)s offers no way to erase a badge. Revoke it, and ask there for the rest.")
    return refuse(rows, "not_erasable", text % {"provider": provider})


def _ask(rows: QuerySet[IssuedBadge], *, reason: str, actor: User | None) -> Asked:
    told = _("To be erased at the provider: %(reason)s") % {"reason": reason}
    asked = 0
    for ids in batches(rows):
        chosen = IssuedBadge.objects.filter(is_there(), pk__in=ids)
        with transaction.atomic():
            asked += chosen.update(erasure_due_at=timezone.now(), ended_reason=reason)
            BadgePresentation.objects.filter(issued_badge__in=ids).exclude(
                issued_badge__erasure_due_at=None
            ).delete()
            note(chosen, reason=told, actor=actor)
    return Asked(asked=asked)
