"""Writing to learners once more about badges that wait for them: the provider's mail may have gone astray.

No provider sends its own message again when asked to. Ours tells which badge there is and leads to where it
is accepted; the provider is asked for nothing.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from typing import TYPE_CHECKING

from django.db import transaction
from django.utils.translation import gettext as _

from badges.acts import Asked, Refused, aim, batches, managed, record_many
from badges.lifecycle import note
from badges.models import IssuedBadge
from badges.status import Status
from tms import audit
from tms.access import Action, require
from tms.models import Notification
from tms.notifying.gathering import obstacle_for
from tms.notifying.resending import on_their_way, write_again
from tms.notifying.topics import Group

if TYPE_CHECKING:
    from collections.abc import Sequence

    from django.db.models import QuerySet

    from tms.models import User

REMINDABLE = (Status.ISSUED,)
Kind = Notification.Kind
ON_ITS_WAY = "on_its_way"


def remind(issued_badge: IssuedBadge, *, actor: User | None) -> IssuedBadge:
    """Raises Conflict where there is nothing to remind of or a mail is on its way, and DomainError where this
    person gets no such mail."""
    require(actor, Action.MANAGE, issued_badge)
    done = remind_all(IssuedBadge.objects.filter(pk=issued_badge.pk), actor=actor)
    for refused in done.refused:
        raise refused.as_error()
    if not done.asked:
        message = _("The learner is written to about an issued badge; this one is: %(status)s.")
        text = message % {"status": issued_badge.issued_status}
        raise Refused(count=1, code="not_issued", message=text, is_state=True).as_error()
    return issued_badge


def remind_all(rows: QuerySet[IssuedBadge], *, actor: User | None) -> Asked:
    """One mail for each learner of a query, about the badges that the actor manages (next: tms.notifying)."""
    rows = managed(rows, actor=actor).filter(status__in=REMINDABLE)
    at = aim(rows, actor=actor)
    done = Asked()
    for ids in batches(rows):
        with transaction.atomic():
            done += _remind(ids, actor=actor)
    if done.asked:
        record_many(audit.Act.RESEND, done.asked, at=at, actor=actor)
    return done


def _remind(ids: Sequence[int], *, actor: User | None) -> Asked:
    # Held, so that a second click finds the mail of the first.
    held = IssuedBadge.objects.filter(pk__in=ids, status__in=REMINDABLE).select_for_update(of=("self",))
    found = list(held.select_related("learner__organization", "learner__mail_choices").order_by("pk"))
    waiting = on_their_way((Kind.BADGE_TO_ACCEPT, Kind.BADGE_ISSUED), ids)
    refused: Counter[str] = Counter()
    by_learner: dict[int, list[IssuedBadge]] = defaultdict(list)
    for row in found:
        why = ON_ITS_WAY if row.pk in waiting else obstacle_for(row.learner, Group.BADGES)
        if why:
            refused[why] += 1
        else:
            by_learner[row.learner_id].append(row)
    write_again({learner: [(_kind(row), row.pk) for row in rows] for learner, rows in by_learner.items()})
    fit = [row.pk for rows in by_learner.values() for row in rows]
    note(IssuedBadge.objects.filter(pk__in=fit), reason=_("The learner was written to again."), actor=actor)
    return Asked(asked=len(fit), refused=tuple(_refused(why, count) for why, count in refused.items()))


def _kind(row: IssuedBadge) -> Notification.Kind:
    return Kind.BADGE_TO_ACCEPT if row.external_state == "pending" else Kind.BADGE_ISSUED


def _refused(why: str, count: int) -> Refused:
    if why == ON_ITS_WAY:
        message = _("A mail about it is on its way.")
        return Refused(count=count, code=ON_ITS_WAY, message=message, is_state=True)
    return Refused(count=count, code="no_mail", message=f"{Notification.Unmailed(why).label}.")
