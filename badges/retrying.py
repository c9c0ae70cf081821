"""Sending again what has failed: one badge, many, or whatever has been cured since.

What may be at the provider is looked up before anything is sent (badges.lookups).
"""

from __future__ import annotations

from typing import Any

from django.db import transaction
from django.db.models import F, OuterRef, Q, QuerySet, Subquery
from django.utils import timezone
from django.utils.translation import gettext as _

from badges.acts import aim, managed, record_many, record_one
from badges.hints import DELIVER, RECONCILE
from badges.lifecycle import BATCH, move_all
from badges.models import IssuedBadge
from badges.refusals import recipient_problem
from badges.status import Status
from providers.base import NotPublished, OutcomeUnknown
from tms import audit
from tms.access import Action, require
from tms.errors import Conflict
from tms.hint import hint
from tms.models import User

# The codes of failures after which the provider may have the badge all the same.
MAY_EXIST = (OutcomeUnknown.code, NotPublished.code)


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
    at = aim(rows.filter(status=Status.FAILED), actor=actor)
    count = _requeue(rows, actor=actor)
    record_many(audit.Act.RETRY, count, at=at, actor=actor)
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
