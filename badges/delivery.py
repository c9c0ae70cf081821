"""From an intent to the provider and back: claim, send, settle. The only caller of an adapter.

The shape is the same everywhere (badges.exchange): a row is claimed in a short transaction, HTTP happens with
no transaction open, the outcome is settled by comparing the claim.

A crash before sending, while sending, or before settling leaves a row in `sending`; when its lease has
passed, `release_stuck` calls it unknown, and the provider is looked at before anything is resent.

Taking back, looking up and sending go side by side over the same connections: none of them waits for another,
neither behind an account that hangs nor behind a long queue.
"""

from __future__ import annotations

import logging
import math
import random
from collections import Counter
from collections.abc import Callable, Sequence
from datetime import timedelta
from functools import partial
from itertools import cycle
from time import monotonic
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from django.conf import settings
from django.db import transaction
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext as _

from badges import events, lifecycle
from badges.ending import fulfil_wishes
from badges.erasing import give_up_unsent
from badges.evidence import with_evidence
from badges.exchange import Answer, Answered, NotSent, TooLate, exchange
from badges.expiry import agreed_expiry, expire_due, expiry_of, is_prolonged, supersede, to_renew
from badges.issuing import DELIVER, RECONCILE, announce, requeue_cured
from badges.lifecycle import Move, claim, claim_open, move, move_all, move_each, postpone
from badges.models import IssuedBadge
from badges.notices import tell_issued
from badges.refusals import recipient_problem
from badges.standing import shown
from badges.status import (
    HAD_ALREADY,
    HELD_ACCOUNT_DISABLED,
    HELD_ACCOUNT_PAUSED,
    HELD_BADGE_INACTIVE,
    Status,
)
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
LONGEST_PAUSE = 20  # leases: half an hour
MAX_ATTEMPTS = MAX_LOOKUPS = 72
LOOKUPS_BEFORE_RESENDING = 2
# So long a task claims before it leaves the worker to other tasks: evaluation waits in the same line.
TASK_SECONDS = 20.0
SPARED: dict[str, Any] = {
    "revoke_asked_at": None,
    "revoke_asked_by_id": None,
    "ended_reason": "",
    "was_undone": False,
}
STANDING_TO_STATUS = {Standing.ACCEPTED: Status.ACCEPTED, Standing.REJECTED: Status.REJECTED}
ASK_AGAIN_SECONDS = 1.0
_KINDS = (Status.REVOKING, Status.UNKNOWN, Status.QUEUED)


def deliver(*, connections: int | None = None, seconds: float = math.inf) -> int:
    """Take back, look up and send everything that is due; how many exchanges there were.

    `connections` exchanges run at once (default DELIVERY_CONNECTIONS). After `seconds` a hint lets another
    delivery go on with the rest, so that none keeps a worker from its other work.
    """
    if not settings.BADGES_ENABLED:
        return 0
    started = monotonic()
    count = exchange(
        _Taking(),
        work=_work,
        settle=_settle,
        connections=connections or settings.DELIVERY_CONNECTIONS,
        seconds=seconds,
    )
    if monotonic() - started >= seconds:
        hint(DELIVER)
    return count


class _Taking:
    """Claims what is due of each kind, for one exchange.

    The kinds take turns at being the first, who gets the calls that an account may make now, so that a long
    queue of one keeps no other from them; and what is open gets half of the places at most, so that something
    is sent whatever there is to look up. While there is something to send, what there was nothing of is asked
    about again only a second later.
    """

    # Goes on from one exchange to the next.
    orders = cycle([_KINDS, (*_KINDS[1:], _KINDS[0]), (_KINDS[2], *_KINDS[:2])])

    def __init__(self) -> None:
        self.ask_at = dict.fromkeys(_KINDS, 0.0)

    def __call__(self, limit: int, *, room: dict[int, int]) -> list[IssuedBadge]:
        kinds, now = next(self.orders), monotonic()
        rows = self._due([kind for kind in kinds if now >= self.ask_at[kind]], limit, room=room)
        return rows or self._due([kind for kind in kinds if now < self.ask_at[kind]], limit, room=room)

    def _due(self, kinds: Sequence[Status], limit: int, *, room: dict[int, int]) -> list[IssuedBadge]:
        rows: list[IssuedBadge] = []
        for kind in kinds:
            if not (left := limit - len(rows)):
                break
            taken = Counter(row.badge.badge_provider_id for row in rows)
            free = {account: max(most - taken[account], 0) for account, most in room.items()}
            if kind == Status.QUEUED:
                rows += _next_to_send(left, room=free)
                continue
            found = claim_open(kind, math.ceil(left / 2), room=free)
            self.ask_at[kind] = 0.0 if found else monotonic() + ASK_AGAIN_SECONDS
            rows += found
        return rows


def _work(row: IssuedBadge) -> Answer:
    if row.status == Status.REVOKING:
        return _revoke(row)
    return _find(row) if row.status == Status.UNKNOWN else _send(row)


def _settle(answers: Sequence[Answered]) -> None:
    for status, settle_these in (
        (Status.REVOKING, _settle_revocations),
        (Status.UNKNOWN, _settle_lookups),
        (Status.SENDING, settle),
    ):
        if these := [(row, answer) for row, answer in answers if row.status == status]:
            settle_these(these)


def _next_to_send(limit: int, *, room: dict[int, int]) -> list[IssuedBadge]:
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
        _step(row, Status.FAILED, error=_unsendable(error))
        return False
    return True


def reconcile(*, connections: int | None = None, seconds: float = math.inf) -> int:
    """Ask the provider about every row whose outcome is unknown, and do nothing else; how many were asked
    about."""
    if not settings.BADGES_ENABLED:
        return 0
    return exchange(
        partial(claim_open, Status.UNKNOWN),
        work=_find,
        settle=_settle_lookups,
        connections=connections or settings.DELIVERY_CONNECTIONS,
        seconds=seconds,
    )


def _send(row: IssuedBadge) -> Answer:
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


def _find(row: IssuedBadge) -> Answer:
    """Look for it; what an earlier look found stored and held back is let go (Adapter.publish)."""
    adapter = adapter_for(row.badge.badge_provider)
    if row.external_uuid:
        return adapter.publish(row.external_uuid)
    return adapter.find(request_for(row))


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
        language=row.learner.language,
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
        _step(row, Status.QUEUED, reason=answer.reason, attempts=row.attempts - 1)
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
    **more: Any,
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
                **shown(row, there),
                "failure_code": "",
                "failure_message": "",
                "provider_message": "",
                **more,
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
    tell_issued([row for row, _there in found if row.pk in moved])
    for row, _there in found:
        if row.pk not in moved:
            log.warning("Issued badge %s was settled by somebody else.", row.pk)
    transaction.on_commit(partial(announce, events.badge_issued, sorted(moved)), robust=True)


def _postponed_or_failed(row: IssuedBadge, error: Transient) -> None:
    if row.attempts >= MAX_ATTEMPTS:
        _step(row, Status.FAILED, error=error)
        return
    pause = timedelta(seconds=error.retry_after) if error.retry_after else backoff(row.attempts)
    _step(row, Status.QUEUED, error=error, due_at=timezone.now() + pause)


def _account_refused(row: IssuedBadge, error: Misconfigured) -> None:
    """The row goes back uncounted; the account is paused (badges.exchange)."""
    _step(row, Status.HELD, error=error, hold_reason=HELD_ACCOUNT_PAUSED, attempts=max(row.attempts - 1, 0))
    hint("badges.sweep")


def _settle_lookups(answers: Sequence[Answered]) -> None:
    """One after the other: what one row is linked to is no longer free for the next."""
    for row, answer in answers:
        _settle_lookup(row, answer)


def _settle_lookup(row: IssuedBadge, answer: Answer) -> None:
    if isinstance(answer, ProviderBadge):
        _issued([(row, answer)], from_status=Status.UNKNOWN, reason="Published at the provider.")
    elif isinstance(answer, Rejected) and row.external_uuid:
        # What was to be published is gone, or may not be: looked for anew, and not for ever.
        _lookup_failed(row, answer, external_uuid="", lookups_missed=0)
    elif not isinstance(answer, list):
        _lookup_failed(row, answer)
    elif found := _ours(row, answer):
        reason, words = _adoption(row, found)
        spared = SPARED if words and _is_undone(row) else {}
        _issued([(row, found)], from_status=Status.UNKNOWN, reason=reason, already_there=words, **spared)
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
        _step(row, Status.FAILED, from_status=Status.UNKNOWN, keep_failure=True)
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


def _lookup_failed(row: IssuedBadge, answer: Answer, **changes: Any) -> None:
    if isinstance(answer, NotSent):
        postpone(row, due_at=timezone.now())
        return
    failed = row.lookups_failed + 1
    if failed >= MAX_LOOKUPS and isinstance(answer, ProviderError):
        changes |= {"failure_code": OutcomeUnknown.code}
        _step(row, Status.FAILED, from_status=Status.UNKNOWN, error=answer, **changes)
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


def _settle_revocations(answers: Sequence[Answered]) -> None:
    for row, answer in answers:
        _settle_revocation(row, answer)


def _settle_revocation(row: IssuedBadge, answer: Answer) -> None:
    if isinstance(answer, ProviderBadge):
        _step(row, Status.REVOKED, from_status=Status.REVOKING, external_state=answer.state)
    elif isinstance(answer, Rejected):
        _step(row, Status.ISSUED, from_status=Status.REVOKING, error=answer, ended_reason="")
    elif isinstance(answer, NotSent):
        postpone(row, due_at=timezone.now())
    else:
        # Taking back twice does no harm, so an unknown outcome is simply tried again.
        postpone(row, due_at=timezone.now() + backoff(row.attempts + 1), attempts=row.attempts + 1)


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


def backoff(attempts: int) -> timedelta:
    """Doubling from two seconds, with jitter so that rows do not come back together."""
    longest = LONGEST_PAUSE * lifecycle.lease().total_seconds()
    seconds = min(2.0 ** min(attempts, 16), longest)
    return timedelta(seconds=seconds * random.uniform(0.5, 1.0))  # noqa: S311 - jitter, not a secret


def _first_look() -> timedelta:
    """Long enough for a provider's search to show what it has just stored."""
    return min(timedelta(seconds=2), lifecycle.lease() / 10)


def sweep(*, now: datetime | None = None, seconds: float = math.inf) -> dict[str, int]:
    """Everything that follows from time or from a cured cause rather than from an answer; how much of each.

    A step that fails is missing from the counts and stops no other. `seconds`: as for `reconcile`.
    """
    if not settings.BADGES_ENABLED:
        return {}
    steps: dict[str, Callable[[], int]] = {
        "stuck": partial(release_stuck, now=now),
        "taken back": lambda: fulfil_wishes().total,
        "given up": give_up_unsent,
        "expired": partial(expire_due, now=now),
        "held": hold_blocked,
        "released": release_held,
        "cured": requeue_cured,
        "looked up": partial(reconcile, seconds=seconds),
    }
    counts: dict[str, int] = {}
    for name, step in steps.items():
        try:
            counts[name] = step()
        except Exception:
            log.exception("The sweep failed at: %s", name)
    if counts.get("released") or counts.get("cured"):
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
