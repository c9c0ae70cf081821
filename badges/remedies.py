"""What a person can do about a difference: a sentence that says so, and the acts.

Each act ends the difference, in the same transaction as what it changes. Those that give something up look at
the provider first, since a difference is as old as the comparison that found it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.db import IntegrityError, transaction
from django.utils import timezone
from django.utils.dateparse import parse_datetime
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from badges import corrections, differences, issuing
from badges.acts import record_one
from badges.lifecycle import Move, move
from badges.models import Difference, IssuedBadge
from badges.reflection import look, reflect, refresh
from badges.standing import link
from badges.status import LIVE, MOVES, Status
from providers.base import ProviderBadge, Standing
from tms import audit
from tms.access import Action, reachable, require
from tms.errors import Conflict, DomainError

if TYPE_CHECKING:
    from django.db.models import QuerySet
    from django.utils.functional import _StrPromise

    from tms.models import User

Kind = Difference.Kind

_REMEDIES: dict[Kind, _StrPromise] = {
    Kind.MISSING: gettext_lazy(
        "The provider no longer has it. Mark it as removed, or issue it again if that was a mistake."
    ),
    Kind.UNEXPECTED: gettext_lazy(
        "It was issued at the provider itself. Adopt it, so that it is shown here and not issued twice."
    ),
    Kind.STATE: gettext_lazy(
        "Refresh it. If both still disagree, settle it in the provider's own pages: nothing here moves it."
    ),
    Kind.PERSON: gettext_lazy(
        "Compare the addresses. If the one here is right, correct the badge; if the badge is somebody "
        "else's, revoke it in the provider's own pages."
    ),
    Kind.TWICE: gettext_lazy(
        "The learner has this badge twice. Revoke one of the two in the provider's own pages."
    ),
}
_NOBODY = gettext_lazy(
    "It was issued at the provider itself, to an address that is nobody's here. Add that user to adopt it, "
    "or revoke it there."
)
_BACK_AGAIN = gettext_lazy(
    "It has ended here and is still valid at the provider. Revoke it in the provider's own pages."
)
_TAKEN_BACK = frozenset({Status.REVOKED.value, Status.CANCELLED.value, Status.REMOVED.value})


def remedy(difference: Difference) -> str:
    """What ends the difference, for whoever reads it."""
    kind = Kind(difference.kind)
    if kind == Kind.UNEXPECTED and difference.learner_id is None:
        return str(_NOBODY)
    if kind == Kind.STATE and difference.details.get("status") in _TAKEN_BACK:
        return str(_BACK_AGAIN)
    return str(_REMEDIES[kind])


# --- Acts ---------------------------------------------------------------------------------------------------


def adopt(difference: Difference, *, actor: User | None) -> IssuedBadge:
    """Take a badge that was issued at the provider itself for one issued here; its record from now on.

    As it was when the difference was seen last; what has changed since, the next event or comparison tells.
    """
    difference = _open(difference, Kind.UNEXPECTED, actor=actor)
    there = _as_seen(difference)
    try:
        with transaction.atomic():
            row = _record_for(difference, there, actor=actor)
            if not link([(row, there)], reason=_("Adopted: issued at the provider itself."), actor=actor):
                raise _overtaken()
            _end(difference, decision=_("Adopted."), actor=actor)
            record_one(audit.Act.ADOPT, row, actor=actor)
    except IntegrityError:  # another record stands for it since this moment
        raise _overtaken() from None
    row.refresh_from_db()
    return row


def _record_for(difference: Difference, there: ProviderBadge, *, actor: User | None) -> IssuedBadge:
    """A failed record of the learner's that the badge makes good, or a new one that looks for its badge."""
    badge, learner = difference.badge, difference.learner
    if badge is None or learner is None:
        raise Conflict("unknown_learner", _("Nobody here has the address of this badge."))
    live = IssuedBadge.objects.filter(badge=badge, learner=learner, status__in=LIVE)
    row = live.select_for_update().first()
    if row is None:
        return IssuedBadge.objects.create(
            badge=badge,
            learner=learner,
            status=Status.UNKNOWN,
            source_kind=IssuedBadge.Source.BACK_OFFICE,
            issued_by=actor,
            recipient_email=learner.email,
            earned_at=there.created_at or difference.found_at,
        )
    if row.status != Status.FAILED:
        raise Conflict(
            "already_issued",
            _("The learner has this badge from here; it is: %(status)s.") % {"status": row.issued_status},
        )
    return row


def _as_seen(difference: Difference) -> ProviderBadge:
    told = difference.details
    return ProviderBadge(
        external_id=difference.external_uuid,
        state=str(told.get("state", "")),
        standing=Standing(told.get("standing", Standing.OTHER)),
        url=str(told.get("url", "")),
        accept_url=str(told.get("accept_url", "")),
        created_at=parse_datetime(told.get("created_at") or ""),
        expires_at=parse_datetime(told.get("expires_at") or ""),
    )


def mark_removed(difference: Difference, *, actor: User | None) -> IssuedBadge:
    """Let a record end whose badge the provider no longer has; asks the provider first."""
    row = _gone_for_certain(difference, actor=actor)
    with transaction.atomic():
        _remove(row, difference, decision=_("Marked as removed."), actor=actor)
    row.refresh_from_db()
    return row


def issue_again(difference: Difference, *, reason: str, actor: User | None) -> IssuedBadge:
    """Issue a badge anew that the provider no longer has; the new record. Asks the provider first.

    Refused, with everything as it was, where nobody can get the badge now.
    """
    row = _gone_for_certain(difference, actor=actor)
    with transaction.atomic():
        _remove(row, difference, decision=_("Issued again."), actor=actor)
        return issuing.issue_anew(row, reason=reason, actor=actor)


def _gone_for_certain(difference: Difference, *, actor: User | None) -> IssuedBadge:
    difference = _open(difference, Kind.MISSING, actor=actor)
    rows = IssuedBadge.objects.select_related("badge__badge_provider", "badge__organization", "learner")
    row = rows.get(differences=difference)
    told = look(row)
    if row.external_uuid in {there.external_id for there in told}:
        provider = row.badge.badge_provider
        reflect(provider, told, reason=_("Read again at the provider."), actor=actor)
        raise Conflict(
            "still_there", _("%(provider)s has it after all.") % {"provider": provider.get_kind_display()}
        )
    return row


def _remove(row: IssuedBadge, difference: Difference, *, decision: str, actor: User | None) -> None:
    step = Move(
        issued_badge_id=row.pk,
        from_status=Status(row.status),
        to_status=Status.REMOVED,
        reason=_("The provider no longer has it."),
    )
    if Status.REMOVED not in MOVES[step.from_status] or not move(step, actor=actor):
        raise _overtaken()
    _end(difference, decision=decision, actor=actor)
    record_one(audit.Act.REMOVE, row, actor=actor, reason=decision)


def look_again(difference: Difference, *, actor: User | None) -> Difference:
    """Refresh the record that the difference is about; the difference as it is then, perhaps resolved."""
    require(actor, Action.MANAGE, difference)
    if difference.issued_badge is None:
        raise _other_remedy(difference)
    refresh(difference.issued_badge, actor=actor)
    difference.refresh_from_db()
    return difference


def correct(difference: Difference, *, actor: User | None) -> IssuedBadge:
    """Have the learner's name and address of today written to the badge (next: badges.errands).

    The difference ends when the provider tells the new address. Refused where the vendor cannot do it.
    """
    difference = _open(difference, Kind.PERSON, actor=actor)
    if difference.issued_badge is None:
        raise _other_remedy(difference)
    return corrections.correct(difference.issued_badge, email=True, actor=actor)


def ignore(rows: QuerySet[Difference], *, reason: str, actor: User | None) -> int:
    """No longer show differences; how many. They stay, and end by themselves when both sides agree."""
    if not reason.strip():
        message = _("A reason is required: it is shown to whoever wonders.")
        raise DomainError("reason_required", message, fields={"reason": [message]})
    if actor is not None:
        rows = rows.filter(reachable(Difference, actor, Action.MANAGE))
    rows, reason = differences.waiting(rows), reason.strip()
    with transaction.atomic():
        owners = audit.owners_of(rows, actor=actor)
        count = rows.update(ignored_at=timezone.now(), decision=reason, decided_by=actor)
        audit.record_many(
            audit.Act.IGNORE,
            kind=audit.Kind.DIFFERENCE,
            count=count,
            owners=owners,
            actor=actor,
            reason=reason,
        )
    return count


def _open(difference: Difference, kind: Kind, *, actor: User | None) -> Difference:
    """The difference as it is now; Conflict where there is nothing of this kind to do any more."""
    require(actor, Action.MANAGE, difference)
    found = Difference.objects.select_related("badge", "learner").get(pk=difference.pk)
    if found.resolved_at:
        raise Conflict("resolved", _("This difference is resolved: %(how)s") % {"how": found.decision})
    if found.kind != kind:
        raise _other_remedy(found)
    return found


def _end(difference: Difference, *, decision: str, actor: User | None) -> None:
    differences.resolve(Difference.objects.filter(pk=difference.pk), decision=decision, actor=actor)


def _other_remedy(difference: Difference) -> Conflict:
    return Conflict("other_remedy", _("This does not help here. %(remedy)s") % {"remedy": remedy(difference)})


def _overtaken() -> Conflict:
    return Conflict("conflict", _("Something else changed at the same moment. Try again."))
