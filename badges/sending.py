"""Asking a provider to issue a badge, and what each kind of answer means for its row.

Whatever may have been carried out is never sent again before it was looked for (badges.lookups).
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from datetime import timedelta
from zoneinfo import ZoneInfo

from django.utils import timezone
from django.utils.translation import gettext as _

from badges import lifecycle
from badges.evidence import with_evidence
from badges.exchange import Answer, Answered, NotSent, TooLate
from badges.expiry import expiry_of, to_renew
from badges.hints import RECONCILE, SWEEP
from badges.lifecycle import claim
from badges.models import IssuedBadge
from badges.outcomes import MAX_ATTEMPTS, backoff, issued, step
from badges.refusals import recipient_problem
from badges.status import HELD_ACCOUNT_PAUSED, Status
from providers.base import (
    Ability,
    Evidence,
    IssueRequest,
    Misconfigured,
    ProviderBadge,
    ProviderError,
    Rejected,
    Transient,
)
from providers.registry import adapter_for
from tms.hint import hint

log = logging.getLogger(__name__)


def next_to_send(limit: int, *, room: dict[int, int]) -> list[IssuedBadge]:
    rows = claim(limit, room=room)
    try:
        return with_evidence(rows)
    except Exception:
        log.exception("The evidence of %s badges cannot be read", len(rows))
        return [row for row in rows if _has_its_evidence(row)]


def _has_its_evidence(row: IssuedBadge) -> bool:
    """Alone, so that whatever is wrong with one row's evidence is only that row's."""
    try:
        with_evidence([row])
    except Exception as error:
        log.exception("The evidence of issued badge %s cannot be read", row.pk)
        step(row, Status.FAILED, error=_unsendable(error))
        return False
    return True


def send(row: IssuedBadge) -> Answer:
    problem = recipient_problem(row.learner, email=row.recipient_email)
    if problem:
        code, message = problem
        return Rejected(message, code=code)
    try:
        request = request_for(row)
    except Exception as error:
        log.exception("No request can be made of issued badge %s", row.pk)
        return _unsendable(error)
    if request.expires_at and request.expires_at <= timezone.now():
        return TooLate(request.expires_at)
    adapter = adapter_for(row.badge.badge_provider)
    expired = to_renew(row)
    if expired and Ability.RENEW in adapter.abilities:
        return adapter.renew(expired, request)
    return adapter.issue(request)


def _unsendable(error: Exception) -> Rejected:
    message = _("No request can be made of what is stored: %(error)s.") % {"error": type(error).__name__}
    return Rejected(message, code="unsendable")


def request_for(row: IssuedBadge) -> IssueRequest:
    zone = ZoneInfo(row.badge.organization.time_zone)
    expires_at = expiry_of(row)
    return IssueRequest(
        reference=str(row.reference),
        earner_id=str(row.learner.earner_id),
        template_id=row.badge.template_id,
        email=row.recipient_email,
        first_name=row.learner.first_name.strip(),
        last_name=row.learner.last_name.strip(),
        issued_at=row.earned_at.astimezone(zone),
        expires_at=expires_at.astimezone(zone) if expires_at else None,
        evidence=tuple(Evidence(**item) for item in row.evidence),
        suppress_notification=row.suppress_notification,
        language=row.learner.language,
    )


def settle(answers: Sequence[Answered]) -> None:
    """Write down what became of sent rows: those that were issued all at once, and every other by itself."""
    issued([(row, answer) for row, answer in answers if isinstance(answer, ProviderBadge)])
    for row, answer in answers:
        if not isinstance(answer, ProviderBadge):
            _not_issued(row, answer)


def _not_issued(row: IssuedBadge, answer: Answer) -> None:
    """Every class of error has one way to go (providers.base)."""
    if isinstance(answer, NotSent):
        step(row, Status.QUEUED, reason=answer.reason, attempts=row.attempts - 1)
    elif isinstance(answer, TooLate):
        reason = _("It would have expired before it was sent.")
        step(row, Status.EXPIRED, reason=reason, expires_at=answer.expires_at)
    elif isinstance(answer, Transient):
        _postponed_or_failed(row, answer)
    elif isinstance(answer, Misconfigured):
        _account_refused(row, answer)
    elif isinstance(answer, Rejected) and answer.status == 422:
        # A duplicate looks like any other refusal, and is told apart by looking, never by wording.
        step(row, Status.UNKNOWN, error=answer, due_at=timezone.now())
        hint(RECONCILE)
    elif isinstance(answer, Rejected):
        step(row, Status.FAILED, error=answer)
    elif isinstance(answer, ProviderError):
        step(row, Status.UNKNOWN, error=answer, due_at=timezone.now() + _first_look())
    else:
        raise TypeError(f"{answer!r} settles nothing")


def _postponed_or_failed(row: IssuedBadge, error: Transient) -> None:
    if row.attempts >= MAX_ATTEMPTS:
        step(row, Status.FAILED, error=error)
        return
    pause = timedelta(seconds=error.retry_after) if error.retry_after else backoff(row.attempts)
    step(row, Status.QUEUED, error=error, due_at=timezone.now() + pause)


def _account_refused(row: IssuedBadge, error: Misconfigured) -> None:
    """The row goes back uncounted; the account is paused (badges.exchange)."""
    step(row, Status.HELD, error=error, hold_reason=HELD_ACCOUNT_PAUSED, attempts=max(row.attempts - 1, 0))
    hint(SWEEP)


def _first_look() -> timedelta:
    """Long enough for a provider's search to show what it has just stored."""
    return min(timedelta(seconds=2), lifecycle.lease() / 10)
