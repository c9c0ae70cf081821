"""Taking an act by hand back, as one.

What is unsent is cancelled, what the provider has is revoked, and what is under way follows when its outcome
is known (badges.ending). Only what the act itself brought about: never a badge that it found there already,
here or at the provider, nor one that a later act has asked for again, nor one that has been earned as well.
Afterwards it is as if nobody had asked: whoever earns the badge gets it.

Whether a badge has been earned is known to the apps above: each offers, as EARNED in its module `earned`, a
condition on issued badges that is true of those.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING

from django.db.models import Exists, OuterRef, QuerySet
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext as _

from badges.acts import managed
from badges.ending import TO_END, Ended, foresee, require_reason, revoke_all
from badges.models import ActOutcome, IssuedBadge, IssuingAct
from badges.results import ACCEPTED
from tms import audit
from tms.access import Action, require
from tms.contributions import contributed
from tms.errors import Conflict

if TYPE_CHECKING:
    from tms.models import User


def undo(act: IssuingAct, *, reason: str, actor: User | None) -> Ended:
    """Take back all that an act brought about; the reason reaches earners where the provider tells it.

    Raises Conflict where nothing is left to take back, as after the first time. Whatever stayed, because the
    machine went down in between or the provider refused, is taken back by undoing it again.
    """
    require(actor, Action.MANAGE, act)
    require_reason(reason)
    rows = brought_about(act)
    if not rows.filter(status__in=TO_END).exists():
        raise _nothing_left(act)
    IssuingAct.objects.filter(pk=act.pk, undone_at=None).update(
        undone_at=timezone.now(), undone_by=actor, undo_reason=reason.strip()
    )
    ended = revoke_all(managed(rows, actor=actor), reason=reason.strip(), actor=actor, undoes=True)
    audit.record(
        audit.Act.UNDO,
        act,
        kind=audit.Kind.ISSUING_ACT,
        actor=actor,
        reason=reason.strip(),
        count=ended.total,
    )
    act.refresh_from_db()
    return ended


def foresee_undoing(act: IssuingAct) -> Ended:
    """What undoing it would come to now; a total of 0 is nothing to undo."""
    return foresee(brought_about(act))


def undoable(acts: Collection[IssuingAct], *, user: User) -> set[int]:
    """The ids of those of some acts of which this person may take something back; one query for all."""
    there = _brought_about().filter(act=OuterRef("pk"), issued_badge__status__in=TO_END)
    reached = IssuingAct.objects.for_user(user, Action.MANAGE).filter(pk__in=[act.pk for act in acts])
    return set(reached.filter(Exists(there)).order_by().values_list("pk", flat=True)) if acts else set()


def brought_about(act: IssuingAct) -> QuerySet[IssuedBadge]:
    """The badges that are there because of this act alone.

    What an act by hand wrote belongs to the last act that asked for it; a failed row of anything else stays
    what it was, whoever tried it again.
    """
    return IssuedBadge.objects.filter(pk__in=_brought_about().filter(act=act).values("issued_badge"))


def _brought_about() -> QuerySet[ActOutcome]:
    """The outcomes of any acts behind which stands a badge that is there because of that act alone."""
    of_same = ActOutcome.objects.filter(issued_badge=OuterRef("issued_badge"), code=ACCEPTED)
    theirs = IssuedBadge.objects.filter(
        *(~condition for condition in contributed("earned")), pk=OuterRef("issued_badge"), already_there=""
    )
    return ActOutcome.objects.filter(
        Exists(theirs),
        Exists(of_same.filter(is_retry=False)),
        ~Exists(of_same.filter(act__gt=OuterRef("act"), act__undone_at=None)),
        code=ACCEPTED,
    )


def _nothing_left(act: IssuingAct) -> Conflict:
    stored = IssuingAct.objects.select_related("undone_by").get(pk=act.pk)
    if stored.undone_at is None:
        return Conflict("nothing_to_undo", _("Nothing that this act issued is left to be taken back."))
    when = date_format(timezone.localtime(stored.undone_at), "DATETIME_FORMAT")
    if stored.undone_by is None:
        return Conflict("already_undone", _("On %(when)s this was taken back.") % {"when": when})
    return Conflict(
        "already_undone",
        _("On %(when)s this was taken back by %(who)s.") % {"when": when, "who": stored.undone_by},
    )
