"""Writing today's name or address to badges that the provider has: a person's act, never by itself.

A badge is a document about a moment, so nobody's badge changes because somebody edited an account here. Where
an administrator asks for it, the correction waits on the row and badges.errands carries it out. What a
provider cannot do is refused with a sentence that says what to do instead, before anything is asked of it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.db import transaction
from django.db.models import F, QuerySet
from django.utils import timezone
from django.utils.translation import gettext as _

from badges.acts import Asked, aim, batches, managed, record_many, refuse, status_of_one
from badges.lifecycle import note
from badges.models import IssuedBadge
from badges.status import Status
from providers.base import Ability
from providers.models import BadgeProvider
from providers.registry import abilities_of
from tms import audit
from tms.access import Action, require
from tms.hint import hint

if TYPE_CHECKING:
    from tms.models import User

ERRANDS = "badges.errands"
CORRECTABLE = (Status.ISSUED, Status.ACCEPTED)


def correct(issued_badge: IssuedBadge, *, email: bool | None = None, actor: User | None) -> IssuedBadge:
    """Write the learner's name of today to the badge at the provider and, where `email` is true, the address.

    By default the address goes along if it is another one than the badge went to. Raises Conflict where there
    is nothing to correct now, and DomainError for what the provider cannot do.
    """
    require(actor, Action.MANAGE, issued_badge)
    if email is None:
        email = issued_badge.recipient_email != issued_badge.learner.email
    done = correct_all(IssuedBadge.objects.filter(pk=issued_badge.pk), email=email, actor=actor)
    for refused in done.refused:
        raise refused.as_error()
    issued_badge.refresh_from_db()
    return issued_badge


def correct_all(rows: QuerySet[IssuedBadge], *, email: bool, actor: User | None) -> Asked:
    """Ask for the correction of whatever of a query the actor manages, as one act (next: badges.errands)."""
    rows = managed(rows, actor=actor)
    at = aim(rows, actor=actor)
    there = rows.filter(status__in=CORRECTABLE).exclude(external_uuid="")
    done = _refuse_absent(rows.exclude(pk__in=there.values("pk")))
    for kind in there.order_by().values_list("badge__badge_provider__kind", flat=True).distinct():
        of_kind = there.filter(badge__badge_provider__kind=kind)
        done += _correct_kind(of_kind, kind=BadgeProvider.Kind(kind), email=email, actor=actor)
    if done.asked:
        hint(ERRANDS)
        record_many(audit.Act.CORRECT, done.asked, at=at, actor=actor)
    return done


def _refuse_absent(rows: QuerySet[IssuedBadge]) -> Asked:
    status = status_of_one(rows)
    text = _("Only an issued badge can be corrected; this one is: %(status)s.") % {"status": status}
    if not status:
        text = _("Only issued badges can be corrected.")
    return refuse(rows, "not_issued", text, is_state=True)


def _correct_kind(
    rows: QuerySet[IssuedBadge], *, kind: BadgeProvider.Kind, email: bool, actor: User | None
) -> Asked:
    abilities = abilities_of(kind)
    if Ability.CORRECT_NAME not in abilities:
        text = _(
            "%(provider)s cannot change a badge that is issued. Revoke it and issue it again, which goes out"
            " with the name and to the address of today."
        )
        return refuse(rows, "not_correctable", text % {"provider": kind.label})
    if not email or Ability.CORRECT_EMAIL in abilities:
        return _ask(rows, email=email, actor=actor)
    text = _(
        "%(provider)s keeps the address that a badge was issued to. Correct the name alone, and let the"
        " learner add the new address to the account there; or revoke the badge and issue it again, which"
        " goes to the address of today."
    )
    elsewhere = rows.exclude(recipient_email=F("learner__email"))
    kept = refuse(elsewhere, "email_not_correctable", text % {"provider": kind.label})
    return kept + _ask(rows.filter(recipient_email=F("learner__email")), email=False, actor=actor)


def _ask(rows: QuerySet[IssuedBadge], *, email: bool, actor: User | None) -> Asked:
    reason = _("To be corrected: name and address.") if email else _("To be corrected: the name.")
    asked = 0
    for ids in batches(rows):
        chosen = IssuedBadge.objects.filter(pk__in=ids, status__in=CORRECTABLE)
        with transaction.atomic():
            asked += chosen.update(
                correction_due_at=timezone.now(),
                correction_includes_email=email,
                correction_problem="",
                attempts=0,
            )
            note(chosen, reason=reason, actor=actor)
    return Asked(asked=asked)
