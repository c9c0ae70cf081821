"""What is asked of a provider about badges that it has: to correct one, to erase one.

Each waits on its row, and goes the way of everything else: claimed in a short transaction, asked with none
open, settled by comparing. To ask twice does no harm, since the vendors' adapters see to that, so what is not
answered is simply asked again.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from badges.corrections import CORRECTABLE
from badges.erasing import ERASABLE
from badges.evidence import with_evidence
from badges.exchange import Answer, Answered, NotSent, exchange
from badges.expiry import agreed_expiry
from badges.lifecycle import UNCLAIMED, Move, claim_errands, move, note
from badges.models import IssuedBadge
from badges.outcomes import MAX_ATTEMPTS, backoff
from badges.refusals import recipient_problem
from badges.sending import request_for
from badges.standing import shown
from badges.status import MOVES, Status
from providers.base import ProviderBadge, ProviderError, Rejected, Standing
from providers.registry import adapter_for

if TYPE_CHECKING:
    from django.db.models import QuerySet

    from providers.base import IssueRequest


def run(*, connections: int | None = None, seconds: float = math.inf) -> int:
    """Carry out whatever is due; how many exchanges there were. After `seconds` of either nothing more is
    begun."""
    if not settings.BADGES_ENABLED:
        return 0
    size = connections or settings.DELIVERY_CONNECTIONS
    corrected = exchange(
        _next_to_correct, work=_correct, settle=_settle_corrections, connections=size, seconds=seconds
    )
    return corrected + exchange(
        partial(claim_errands, "erasure_due_at", ERASABLE),
        work=_erase,
        settle=_settle_erasures,
        connections=size,
        seconds=seconds,
    )


# --- Corrections --------------------------------------------------------------------------------------------


def _next_to_correct(limit: int, *, room: dict[int, int]) -> list[IssuedBadge]:
    return with_evidence(claim_errands("correction_due_at", CORRECTABLE, limit, room=room))


def _as_of_today(row: IssuedBadge) -> IssueRequest:
    request = request_for(row)
    return replace(request, email=row.learner.email) if row.correction_includes_email else request


def _correct(row: IssuedBadge) -> Answer:
    request = _as_of_today(row)
    if problem := recipient_problem(row.learner, email=request.email):
        code, message = problem
        return Rejected(message, code=code)
    return adapter_for(row.badge.badge_provider).correct(row.external_uuid, request)


def _settle_corrections(answers: Sequence[Answered]) -> None:
    for row, answer in answers:
        if isinstance(answer, ProviderBadge):
            _corrected(row, answer)
        elif isinstance(answer, Rejected) or _is_hopeless(row, answer):
            _not_corrected(row, answer)
        else:
            _later(row, answer, due="correction_due_at")


def _corrected(row: IssuedBadge, there: ProviderBadge) -> None:
    """Known by the badge that was corrected rather than by the claim: what the provider did is done, whoever
    moved the row meanwhile. Another correction that was asked for meanwhile still waits."""
    ids = {row.external_uuid, there.external_id}
    rows = IssuedBadge.objects.filter(pk=row.pk, external_uuid__in=ids)
    with transaction.atomic():
        _as_claimed(rows, row).update(
            correction_due_at=None, correction_includes_email=False, correction_problem=""
        )
        rows.update(
            external_uuid=there.external_id,
            recipient_email=_as_of_today(row).email,
            expires_at=agreed_expiry(row, there),
            **shown(row, there),
            **UNCLAIMED,
        )
        if there.external_id == row.external_uuid:
            reason = _("Corrected at the provider.")
        else:
            reason = _("Corrected at the provider: %(new)s is in the place of %(old)s.") % {
                "new": there.external_id,
                "old": row.external_uuid,
            }
        note(IssuedBadge.objects.filter(pk=row.pk), reason=reason, actor=None, data=there.raw)
        onward = {Standing.PENDING: Status.ISSUED, Standing.ACCEPTED: Status.ACCEPTED}.get(there.standing)
        if onward in MOVES[Status(row.status)]:
            # What was put in the place of an accepted badge may wait to be accepted again.
            move(Move(issued_badge_id=row.pk, from_status=Status(row.status), to_status=onward))


def _as_claimed(rows: QuerySet[IssuedBadge], row: IssuedBadge) -> QuerySet[IssuedBadge]:
    """Unless its correction was asked for once more while this one was under way."""
    return rows.filter(correction_due_at=row.correction_due_at)


def _not_corrected(row: IssuedBadge, answer: Answer) -> None:
    error = answer if isinstance(answer, ProviderError) else ProviderError("")
    told = [error.message, error.provider_message]
    problem = " ".join(dict.fromkeys(filter(None, told)))
    ended = {"correction_due_at": None, "correction_includes_email": False, "correction_problem": problem}
    if _as_claimed(_held(row), row).update(**UNCLAIMED, **ended):
        reason = _("Not corrected: %(problem)s") % {"problem": problem}
        note(IssuedBadge.objects.filter(pk=row.pk), reason=reason, actor=None, data=error.reply)
    else:
        _let_go(row)


# --- Erasures -----------------------------------------------------------------------------------------------


def _erase(row: IssuedBadge) -> Answer:
    adapter_for(row.badge.badge_provider).delete(row.external_uuid)
    return []  # what is there now


def _settle_erasures(answers: Sequence[Answered]) -> None:
    for row, answer in answers:
        if isinstance(answer, list):
            _erased(row)
        elif isinstance(answer, Rejected) or _is_hopeless(row, answer):
            _not_erased(row, answer)
        else:
            _later(row, answer, due="erasure_due_at")


def _erased(row: IssuedBadge) -> None:
    """Whatever somebody did to the row meanwhile, its badge is gone."""
    step = Move(
        issued_badge_id=row.pk,
        from_status=Status(row.status),
        to_status=Status.REMOVED,
        reason=_("Erased at the provider."),
        changes={
            "erasure_due_at": None,
            "correction_due_at": None,
            "external_state": "",
            "external_url": "",
            "accept_url": "",
        },
    )
    move(step)


def _not_erased(row: IssuedBadge, answer: Answer) -> None:
    error = answer if isinstance(answer, ProviderError) else ProviderError("")
    if _let_go(row, erasure_due_at=None):
        told = " ".join(filter(None, [error.message, error.provider_message]))
        reason = _("Not erased: %(problem)s") % {"problem": told}
        note(IssuedBadge.objects.filter(pk=row.pk), reason=reason, actor=None, data=error.reply)


# --- Both ---------------------------------------------------------------------------------------------------


def _is_hopeless(row: IssuedBadge, answer: Answer) -> bool:
    return isinstance(answer, ProviderError) and row.attempts + 1 >= MAX_ATTEMPTS


def _later(row: IssuedBadge, answer: Answer, *, due: str) -> None:
    """To be asked again: nothing was sent, or nobody knows what became of it."""
    if isinstance(answer, NotSent):
        _let_go(row)
        return
    pause = getattr(answer, "retry_after", None)
    attempts = row.attempts + 1
    wait = timedelta(seconds=pause) if pause else backoff(attempts)
    _let_go(row, attempts=attempts, **{due: timezone.now() + wait})


def _let_go(row: IssuedBadge, **changes: Any) -> bool:
    return bool(_held(row).update(**UNCLAIMED, **changes))


def _held(row: IssuedBadge) -> QuerySet[IssuedBadge]:
    return IssuedBadge.objects.filter(pk=row.pk, claim_token=row.claim_token)
