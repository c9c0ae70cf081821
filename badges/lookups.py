"""Looking at the provider for badges of which nobody knows whether it has them, before anything is resent."""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import timedelta
from functools import partial
from typing import Any

from django.conf import settings
from django.utils import timezone

from badges import lifecycle
from badges.exchange import Answer, Answered, NotSent, exchange
from badges.expiry import is_prolonged, to_renew
from badges.hints import DELIVER, RECONCILE
from badges.lifecycle import claim_open, postpone
from badges.models import IssuedBadge
from badges.outcomes import MAX_ATTEMPTS, backoff, issued, step
from badges.sending import request_for
from badges.status import HAD_ALREADY, Status
from providers.base import OutcomeUnknown, ProviderBadge, ProviderError, Rejected, Standing
from providers.registry import adapter_for
from tms.hint import hint

MAX_LOOKUPS = MAX_ATTEMPTS
LOOKUPS_BEFORE_RESENDING = 2
SPARED: dict[str, Any] = {
    "revoke_asked_at": None,
    "revoke_asked_by_id": None,
    "ended_reason": "",
    "was_undone": False,
}


def reconcile(*, connections: int | None = None, seconds: float = math.inf) -> int:
    """Ask the provider about every row whose outcome is unknown, and do nothing else; how many were asked
    about."""
    if not settings.BADGES_ENABLED:
        return 0
    return exchange(
        partial(claim_open, Status.UNKNOWN),
        work=find,
        settle=settle_lookups,
        connections=connections or settings.DELIVERY_CONNECTIONS,
        seconds=seconds,
    )


def find(row: IssuedBadge) -> Answer:
    """Look for it; what an earlier look found stored and held back is let go (Adapter.publish)."""
    adapter = adapter_for(row.badge.badge_provider)
    if row.external_uuid:
        return adapter.publish(row.external_uuid)
    return adapter.find(request_for(row))


def settle_lookups(answers: Sequence[Answered]) -> None:
    """One after the other: what one row is linked to is no longer free for the next."""
    for row, answer in answers:
        _settle_lookup(row, answer)


def _settle_lookup(row: IssuedBadge, answer: Answer) -> None:
    if isinstance(answer, ProviderBadge):
        issued([(row, answer)], from_status=Status.UNKNOWN, reason="Published at the provider.")
    elif isinstance(answer, Rejected) and row.external_uuid:
        # What was to be published is gone, or may not be: looked for anew, and not for ever.
        _lookup_failed(row, answer, external_uuid="", lookups_missed=0)
    elif not isinstance(answer, list):
        _lookup_failed(row, answer)
    elif found := _ours(row, answer):
        reason, words = _adoption(row, found)
        spared = SPARED if words and _is_undone(row) else {}
        issued([(row, found)], from_status=Status.UNKNOWN, reason=reason, already_there=words, **spared)
    elif withheld := _withheld(row, answer):
        postpone(row, due_at=timezone.now(), external_uuid=withheld.external_id)
        hint(RECONCILE)
    else:
        _not_found(row)


def _not_found(row: IssuedBadge) -> None:
    """Not found twice: send again, as long as there is hope.

    The looks are a lease apart, for the sender may still have been at work and a search may lag. What was
    refused (422) is there already or was never made: the second look comes sooner, and when it finds nothing
    the refusal was a true one, shown in the provider's words.
    """
    was_refused = row.failure_code == Rejected.code
    missed = row.lookups_missed + 1
    if missed < LOOKUPS_BEFORE_RESENDING:
        pause = lifecycle.lease() / 9 if was_refused else lifecycle.lease()
        postpone(row, due_at=timezone.now() + pause, lookups_missed=missed)
    elif was_refused:
        step(row, Status.FAILED, from_status=Status.UNKNOWN, keep_failure=True)
    elif row.attempts < MAX_ATTEMPTS:
        step(
            row,
            Status.QUEUED,
            from_status=Status.UNKNOWN,
            reason="Not found at the provider twice.",
            due_at=timezone.now(),
            lookups_missed=0,
        )
        hint(DELIVER)
    else:
        reason = "Sent again and again, and never found at the provider."
        step(row, Status.FAILED, from_status=Status.UNKNOWN, reason=reason, failure_code=OutcomeUnknown.code)


def _lookup_failed(row: IssuedBadge, answer: Answer, **changes: Any) -> None:
    if isinstance(answer, NotSent):
        postpone(row, due_at=timezone.now())
        return
    failed = row.lookups_failed + 1
    if failed >= MAX_LOOKUPS and isinstance(answer, ProviderError):
        changes |= {"failure_code": OutcomeUnknown.code}
        step(row, Status.FAILED, from_status=Status.UNKNOWN, error=answer, **changes)
        return
    postpone(row, due_at=timezone.now() + backoff(failed), lookups_failed=failed, **changes)


def _ours(row: IssuedBadge, candidates: list[ProviderBadge]) -> ProviderBadge | None:
    """The live badge at the provider that no other row of ours stands for, the newest first.

    Other rows are those of accounts at the same host: elsewhere the same id is another badge.
    One that has expired here and is live there was prolonged by a renewal of ours whose answer was lost.
    """
    live = [candidate for candidate in candidates if candidate.is_live]
    if not live:
        return None
    rows = IssuedBadge.objects.filter(badge__badge_provider__in=row.badge.badge_provider.neighbours())
    linked = set(
        rows.filter(external_uuid__in=[candidate.external_id for candidate in live])
        .exclude(pk__in=[row.pk, row.replaces_id or row.pk])
        .values_list("external_uuid", flat=True)
    )
    free = [
        candidate
        for candidate in live
        if candidate.external_id not in linked
        and (candidate.external_id != to_renew(row) or is_prolonged(row, candidate))
    ]
    oldest = timezone.now() - timedelta(days=36_500)
    return max(free, key=lambda candidate: candidate.created_at or oldest, default=None)


def _withheld(row: IssuedBadge, candidates: list[ProviderBadge]) -> ProviderBadge | None:
    """What came of this very intent and nobody has: the provider stored it and did not publish it.

    Told by our reference alone: what somebody else holds back is not ours to publish.
    """
    ours = (found for found in candidates if found.reference == str(row.reference))
    return next((found for found in ours if found.standing == Standing.WITHHELD), None)


def _adoption(row: IssuedBadge, found: ProviderBadge) -> tuple[str, str]:
    """Why a badge that we found, rather than were told of, is this row's; and if it was there before we
    asked, the words for that, the provider's first."""
    older = found.created_at is not None and found.created_at < row.created_at - timedelta(minutes=1)
    refused_at_once = row.failure_code == Rejected.code and row.attempts <= 1
    if not (older or refused_at_once):
        return "Found at the provider.", ""
    return HAD_ALREADY, row.provider_message or HAD_ALREADY


def _is_undone(row: IssuedBadge) -> bool:
    """Whether it is to be taken back with the act that asked for it. What was there before the act is not
    that act's to take back."""
    asked = row.outcomes.filter(code="queued")
    return asked.filter(act__undone_at__isnull=False).exists()
