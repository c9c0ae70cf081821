"""From an intent to the provider and back: claim, send, settle. The only caller of an adapter.

The shape is the same everywhere: a row is claimed in a short transaction, HTTP happens with no transaction
open, the outcome is settled by comparing the claim. The main thread owns the database; the threads of the
pool only speak HTTP, so a slow provider costs a thread and no connection.

A crash before sending, while sending, or before settling leaves a row in `sending`; when its lease has
passed, `release_stuck` calls it unknown, and `reconcile` looks at the provider before anything is resent.
"""

from __future__ import annotations

import logging
import random
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from queue import SimpleQueue
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from django.conf import settings
from django.db import transaction
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext as _

from badges import events, lifecycle
from badges.ending import fulfil_wishes
from badges.evidence import with_evidence
from badges.expiry import agreed_expiry, expire_due, expiry_of, is_prolonged, supersede, to_renew
from badges.issuing import DELIVER, RECONCILE, announce, recipient_problem, requeue_cured
from badges.lifecycle import Move, claim, claim_open, move, move_all, move_each, postpone
from badges.models import IssuedBadge
from badges.status import (
    HELD_ACCOUNT_DISABLED,
    HELD_ACCOUNT_PAUSED,
    HELD_BADGE_INACTIVE,
    Status,
)
from providers import accounts
from providers.base import (
    Ability,
    Evidence,
    IssueRequest,
    Misconfigured,
    OutcomeUnknown,
    ProviderBadge,
    ProviderError,
    Rejected,
    Standing,
    Transient,
)
from providers.registry import adapter_for
from tms.hint import hint

if TYPE_CHECKING:
    from datetime import datetime

log = logging.getLogger(__name__)

# A badge goes out within the hour of its provider's return; a provider that is gone for a day is given up.
LONGEST_PAUSE = 30 * 60.0
MAX_ATTEMPTS = MAX_LOOKUPS = 72
LOOKUPS_BEFORE_RESENDING = 2
MOST_AHEAD = 8  # rows claimed ahead for each connection; what a crash leaves claimed is looked up first
STANDING_TO_STATUS = {Standing.ACCEPTED: Status.ACCEPTED, Standing.REJECTED: Status.REJECTED}


@dataclass(frozen=True, slots=True)
class NotSent:
    """The worker woke after its lease: somebody else may hold the row, so nothing was sent."""


@dataclass(frozen=True, slots=True)
class TooLate:
    """It would have expired before anybody had it, so nothing was sent."""

    expires_at: datetime


Answer = ProviderBadge | list[ProviderBadge] | ProviderError | NotSent | TooLate
Answered = tuple[IssuedBadge, Answer]
Take = Callable[[int], list[IssuedBadge]]
Work = Callable[[IssuedBadge], Answer]
Settle = Callable[[Sequence[Answered]], None]


def deliver(*, connections: int | None = None) -> int:
    """Send everything that is due now, then what is to be revoked; how many exchanges there were.

    `connections` exchanges run at once (default DELIVERY_CONNECTIONS).
    """
    if not settings.BADGES_ENABLED:
        return 0
    size = connections or settings.DELIVERY_CONNECTIONS
    sent = _exchange(_next, work=_send, settle=settle, connections=size)
    return sent + _exchange(
        partial(claim_open, Status.REVOKING), work=_revoke, settle=_settle_revocations, connections=size
    )


def _next(limit: int) -> list[IssuedBadge]:
    return with_evidence(claim(limit))


def reconcile(*, connections: int | None = None) -> int:
    """Ask the provider about every row whose outcome is unknown; how many were asked about."""
    if not settings.BADGES_ENABLED:
        return 0
    size = connections or settings.DELIVERY_CONNECTIONS
    return _exchange(
        partial(claim_open, Status.UNKNOWN), work=_find, settle=_settle_lookups, connections=size
    )


def _exchange(take: Take, *, work: Work, settle: Settle, connections: int) -> int:
    """Claim, work in the pool and settle here, until nothing is due and nothing is under way.

    So much is claimed ahead that the pool never waits for the database: a row for each connection, and of a
    provider that answers faster than answers are settled twice what the last settling took. Either way a
    row waits for one exchange or so, and a lease covers that and the exchange itself, because an exchange
    ends within a third of it (providers.http).
    """
    count = running = 0
    ahead = connections
    answers: SimpleQueue[Answered] = SimpleQueue()
    with ThreadPoolExecutor(connections, thread_name_prefix="provider") as pool:
        while True:
            if running <= connections + ahead // 2:
                for row in take(connections + ahead - running):
                    pool.submit(_answer, work, row, to=answers)
                    running += 1
            if not running:
                return count
            arrived = _all_of(answers)
            _settle_all(settle, arrived)
            running -= len(arrived)
            count += len(arrived)
            ahead = min(max(connections, 2 * len(arrived)), MOST_AHEAD * connections)


def _answer(work: Work, row: IssuedBadge, *, to: SimpleQueue[Answered]) -> None:
    to.put((row, _guarded(work, row)))


def _all_of(answers: SimpleQueue[Answered]) -> list[Answered]:
    """What has arrived by now, and at least one."""
    arrived = [answers.get()]
    while not answers.empty():
        arrived.append(answers.get())
    return arrived


def _settle_all(settle: Settle, answers: Sequence[Answered]) -> None:
    """Together, for a commit costs more than a row; where that fails each alone, and none stops another."""
    try:
        with transaction.atomic():
            settle(answers)
    except Exception:
        log.exception("%s answers cannot be settled together", len(answers))
        for row, answer in answers:
            _settle_alone(settle, row, answer)


def _settle_alone(settle: Settle, row: IssuedBadge, answer: Answer) -> None:
    """An answer that cannot be written down is as good as none; should that fail too, the lease ends it."""
    for told in (answer, OutcomeUnknown(_("The provider's answer could not be stored."))):
        try:
            with transaction.atomic():
                settle([(row, told)])
        except Exception:
            log.exception("Issued badge %s cannot be settled", row.pk)
        else:
            return


def _guarded(work: Work, row: IssuedBadge) -> Answer:
    """The adapter's answer or error as a value; the last moment at which a lost lease is noticed."""
    exchange = lifecycle.lease() / 3
    if row.lease_until is None or timezone.now() + exchange > row.lease_until:
        return NotSent()
    try:
        return work(row)
    except ProviderError as error:
        return error
    except Exception as error:
        log.exception("Unexpected failure for issued badge %s", row.pk)
        return OutcomeUnknown(type(error).__name__)


def _send(row: IssuedBadge) -> Answer:
    problem = recipient_problem(row.learner, email=row.recipient_email)
    if problem:
        code, message = problem
        return Rejected(message, code=code)
    request = request_for(row)
    if request.expires_at and request.expires_at <= timezone.now():
        return TooLate(request.expires_at)
    adapter = adapter_for(row.badge.badge_provider)
    expired = to_renew(row)
    if expired and Ability.RENEW in adapter.abilities:
        return adapter.renew(expired, request)
    return adapter.issue(request)


def _find(row: IssuedBadge) -> Answer:
    return adapter_for(row.badge.badge_provider).find(request_for(row))


def _revoke(row: IssuedBadge) -> Answer:
    adapter = adapter_for(row.badge.badge_provider)
    try:
        return adapter.revoke(row.external_uuid, reason=row.ended_reason)
    except Rejected as refusal:
        # It may be refused because an earlier request, whose answer was lost, did it: told apart by looking.
        there = {found.external_id: found for found in adapter.find(request_for(row))}
        found = there.get(row.external_uuid)
        return found if found and found.standing == Standing.REVOKED else refusal


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
    )


def settle(answers: Sequence[Answered]) -> None:
    """Write down what became of sent rows: those that were issued all at once, and every other by itself."""
    _issued([(row, answer) for row, answer in answers if isinstance(answer, ProviderBadge)])
    for row, answer in answers:
        if not isinstance(answer, ProviderBadge):
            _not_issued(row, answer)


def _not_issued(row: IssuedBadge, answer: Answer) -> None:
    """Every class of error has one way to go (providers.base)."""
    if isinstance(answer, NotSent):
        reason = "The worker woke too late to send."
        _step(row, Status.QUEUED, reason=reason, attempts=row.attempts - 1)
    elif isinstance(answer, TooLate):
        reason = _("It would have expired before it was sent.")
        _step(row, Status.EXPIRED, reason=reason, expires_at=answer.expires_at)
    elif isinstance(answer, Transient):
        _postponed_or_failed(row, answer)
    elif isinstance(answer, Misconfigured):
        _account_refused(row, answer)
    elif isinstance(answer, Rejected) and answer.status == 422:
        # A duplicate looks like any other refusal, and is told apart by looking, never by wording.
        _step(row, Status.UNKNOWN, error=answer, due_at=timezone.now())
        hint(RECONCILE)
    elif isinstance(answer, Rejected):
        _step(row, Status.FAILED, error=answer)
    elif isinstance(answer, ProviderError):
        _step(row, Status.UNKNOWN, error=answer, due_at=timezone.now() + _first_look())
    else:
        raise TypeError(f"{answer!r} settles nothing")


def _issued(
    found: Sequence[tuple[IssuedBadge, ProviderBadge]],
    *,
    from_status: Status = Status.SENDING,
    reason: str = "",
) -> None:
    now = timezone.now()
    supersede(found)
    steps = [
        Move(
            issued_badge_id=row.pk,
            from_status=from_status,
            to_status=Status.ISSUED,
            claim=row.claim_token,
            reason=reason,
            data=there.raw,
            changes={
                "issued_at": now,
                "expires_at": agreed_expiry(row, there),
                "external_uuid": there.external_id,
                "external_state": there.state,
                "external_url": there.url,
                "accept_url": there.accept_url,
                "failure_code": "",
                "failure_message": "",
                "provider_message": "",
            },
        )
        for row, there in found
    ]
    moved = move_each(steps)
    onward = [
        Move(issued_badge_id=row.pk, from_status=Status.ISSUED, to_status=STANDING_TO_STATUS[there.standing])
        for row, there in found
        if row.pk in moved and there.standing in STANDING_TO_STATUS
    ]
    move_each(onward)
    for row, _there in found:
        if row.pk not in moved:
            log.warning("Issued badge %s was settled by somebody else.", row.pk)
    transaction.on_commit(partial(announce, events.badge_issued, sorted(moved)), robust=True)


def _postponed_or_failed(row: IssuedBadge, error: Transient) -> None:
    if row.attempts >= MAX_ATTEMPTS:
        _step(row, Status.FAILED, error=error)
        return
    pause = timedelta(seconds=error.retry_after) if error.retry_after else _backoff(row.attempts)
    _step(row, Status.QUEUED, error=error, due_at=timezone.now() + pause)


def _account_refused(row: IssuedBadge, error: Misconfigured) -> None:
    """The row goes back uncounted and the account stops, so that nothing else fails for the same cause."""
    accounts.pause(row.badge.badge_provider_id, reason=error.provider_message or error.message)
    _step(row, Status.HELD, error=error, hold_reason=HELD_ACCOUNT_PAUSED, attempts=max(row.attempts - 1, 0))
    hint("badges.sweep")


def _settle_lookups(answers: Sequence[Answered]) -> None:
    """One after the other: what one row is linked to is no longer free for the next."""
    for row, answer in answers:
        _settle_lookup(row, answer)


def _settle_lookup(row: IssuedBadge, answer: Answer) -> None:
    if not isinstance(answer, list):
        _lookup_failed(row, answer)
    elif found := _ours(row, answer):
        _issued([(row, found)], from_status=Status.UNKNOWN, reason=_adoption(row, found))
    elif row.failure_code == Rejected.code:
        # Refused with 422 and not there: a true refusal, shown in the provider's words.
        _step(row, Status.FAILED, from_status=Status.UNKNOWN, keep_failure=True)
    else:
        _not_found(row)


def _not_found(row: IssuedBadge) -> None:
    """Not found twice, at least a lease apart: send again, as long as there is hope."""
    missed = row.lookups_missed + 1
    if missed < LOOKUPS_BEFORE_RESENDING:
        postpone(row, due_at=timezone.now() + lifecycle.lease(), lookups_missed=missed)
    elif row.attempts < MAX_ATTEMPTS:
        _step(
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
        _step(row, Status.FAILED, from_status=Status.UNKNOWN, reason=reason, failure_code=OutcomeUnknown.code)


def _lookup_failed(row: IssuedBadge, answer: Answer) -> None:
    if isinstance(answer, Misconfigured):
        accounts.pause(row.badge.badge_provider_id, reason=answer.provider_message or answer.message)
    failed = row.lookups_failed + 1
    if failed >= MAX_LOOKUPS and isinstance(answer, ProviderError):
        _step(row, Status.FAILED, from_status=Status.UNKNOWN, error=answer, failure_code=OutcomeUnknown.code)
        return
    postpone(row, due_at=timezone.now() + _backoff(failed), lookups_failed=failed)


def _ours(row: IssuedBadge, candidates: list[ProviderBadge]) -> ProviderBadge | None:
    """The live badge at the provider that no other row of ours stands for, the newest first.

    One that has expired here and is live there was prolonged by a renewal of ours whose answer was lost.
    """
    live = [candidate for candidate in candidates if candidate.is_live]
    linked = set(
        IssuedBadge.objects.filter(external_uuid__in=[candidate.external_id for candidate in live])
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


def _adoption(row: IssuedBadge, found: ProviderBadge) -> str:
    """Why a badge that we found, rather than were told of, is this row's."""
    older = found.created_at is not None and found.created_at < row.created_at - timedelta(minutes=1)
    return "The provider had it already." if older else "Found at the provider."


def _settle_revocations(answers: Sequence[Answered]) -> None:
    for row, answer in answers:
        _settle_revocation(row, answer)


def _settle_revocation(row: IssuedBadge, answer: Answer) -> None:
    if isinstance(answer, ProviderBadge):
        _step(row, Status.REVOKED, from_status=Status.REVOKING, external_state=answer.state)
    elif isinstance(answer, Rejected):
        _step(row, Status.ISSUED, from_status=Status.REVOKING, error=answer, ended_reason="")
    else:
        if isinstance(answer, Misconfigured):
            accounts.pause(row.badge.badge_provider_id, reason=answer.provider_message or answer.message)
        # Taking back twice does no harm, so an unknown outcome is simply tried again.
        postpone(row, due_at=timezone.now() + _backoff(row.attempts + 1), attempts=row.attempts + 1)


def _step(
    row: IssuedBadge,
    to_status: Status,
    *,
    from_status: Status = Status.SENDING,
    error: ProviderError | None = None,
    reason: str = "",
    keep_failure: bool = False,
    **changes: Any,
) -> None:
    if error:
        changes = {
            "failure_code": error.code,
            "failure_message": error.message,
            "provider_message": error.provider_message,
            **changes,
        }
    move(
        Move(
            issued_badge_id=row.pk,
            from_status=from_status,
            to_status=to_status,
            claim=row.claim_token,
            reason=reason or (error.message if error else row.failure_message if keep_failure else ""),
            data=error.reply if error else {},
            changes=changes,
        )
    )


def _backoff(attempts: int) -> timedelta:
    """Doubling from two seconds, with jitter so that rows do not come back together."""
    seconds = min(2.0 ** min(attempts, 16), LONGEST_PAUSE)
    return timedelta(seconds=seconds * random.uniform(0.5, 1.0))  # noqa: S311 - jitter, not a secret


def _first_look() -> timedelta:
    """Long enough for a provider's search to show what it has just stored."""
    return min(timedelta(seconds=2), lifecycle.lease() / 10)


def sweep(*, now: datetime | None = None) -> dict[str, int]:
    """Everything that follows from time or from a cured cause rather than from an answer."""
    if not settings.BADGES_ENABLED:
        return {}
    counts = {
        "stuck": release_stuck(now=now),
        "taken back": fulfil_wishes().total,
        "expired": expire_due(now=now),
        "held": hold_blocked(),
        "released": release_held(),
        "cured": requeue_cured(),
        "looked up": reconcile(),
    }
    if counts["released"] or counts["cured"]:
        hint(DELIVER)
    return counts


def failures() -> list[IssuedBadge]:
    """What failed and waits for a person."""
    failed = IssuedBadge.objects.filter(status=Status.FAILED)
    return list(failed.select_related("badge__badge_provider", "learner").order_by("pk"))


def release_stuck(*, now: datetime | None = None) -> int:
    """Rows whose worker never came back: nobody knows whether the provider has them."""
    now = now or timezone.now()
    return move_all(
        IssuedBadge.objects.filter(lease_until__lt=now),
        from_status=Status.SENDING,
        to_status=Status.UNKNOWN,
        reason="The worker did not come back within its lease.",
        due_at=now,
        failure_code=OutcomeUnknown.code,
    )


_ACTIVE = Q(badge__is_active=True)
_ENABLED = Q(badge__badge_provider__is_enabled=True)
_BLOCKED = (
    (HELD_BADGE_INACTIVE, ~_ACTIVE),
    (HELD_ACCOUNT_DISABLED, _ACTIVE & ~_ENABLED),
    (HELD_ACCOUNT_PAUSED, _ACTIVE & _ENABLED & Q(badge__badge_provider__paused_at__isnull=False)),
)


def hold_blocked() -> int:
    """Waiting rows that cannot be sent say why, instead of waiting silently; how many are new among them."""
    held = 0
    for reason, cause in _BLOCKED:
        rows = IssuedBadge.objects.filter(cause)
        held += move_all(
            rows, from_status=Status.QUEUED, to_status=Status.HELD, reason=reason, hold_reason=reason
        )
        # One cause may have taken the place of another.
        rows.filter(status=Status.HELD).exclude(hold_reason=reason).update(hold_reason=reason)
    return held


def release_held() -> int:
    """Held rows whose cause is gone wait in the queue again."""
    blocked = Q()
    for _reason, cause in _BLOCKED:
        blocked |= cause
    return move_all(
        IssuedBadge.objects.exclude(blocked),
        from_status=Status.HELD,
        to_status=Status.QUEUED,
        reason="The cause is gone.",
        hold_reason="",
        due_at=timezone.now(),
        failure_code="",
        failure_message="",
        provider_message="",
    )
