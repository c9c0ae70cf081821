"""From an intent to the provider and back: claim, send, settle. The only caller of an adapter.

The shape is the same everywhere (badges.exchange): a row is claimed in a short transaction, HTTP happens with
no transaction open, the outcome is settled by comparing the claim.

A crash before sending, while sending, or before settling leaves a row in `sending`; when its lease has
passed, `release_stuck` calls it unknown, and the provider is looked at before anything is resent.

Taking back, looking up and sending go side by side over the same connections: none of them waits for another,
neither behind an account that hangs nor behind a long queue.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from itertools import cycle
from time import monotonic

from django.conf import settings
from django.utils import timezone

from badges.exchange import Answer, Answered, NotSent, exchange
from badges.hints import DELIVER
from badges.lifecycle import claim_open, postpone
from badges.lookups import find, settle_lookups
from badges.models import IssuedBadge
from badges.outcomes import backoff, step
from badges.sending import next_to_send, request_for, send, settle
from badges.status import Status
from providers.base import ProviderBadge, Rejected, Standing
from providers.registry import adapter_for
from tms.hint import hint

# So long a task claims before it leaves the worker to other tasks: evaluation waits in the same line.
TASK_SECONDS = 20.0
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
                rows += next_to_send(left, room=free)
                continue
            found = claim_open(kind, math.ceil(left / 2), room=free)
            self.ask_at[kind] = 0.0 if found else monotonic() + ASK_AGAIN_SECONDS
            rows += found
        return rows


def _work(row: IssuedBadge) -> Answer:
    if row.status == Status.REVOKING:
        return _revoke(row)
    return find(row) if row.status == Status.UNKNOWN else send(row)


def _settle(answers: Sequence[Answered]) -> None:
    for status, settle_these in (
        (Status.REVOKING, _settle_revocations),
        (Status.UNKNOWN, settle_lookups),
        (Status.SENDING, settle),
    ):
        if these := [(row, answer) for row, answer in answers if row.status == status]:
            settle_these(these)


def _revoke(row: IssuedBadge) -> Answer:
    adapter = adapter_for(row.badge.badge_provider)
    try:
        return adapter.revoke(row.external_uuid, reason=row.ended_reason)
    except Rejected as refusal:
        # It may be refused because an earlier request, whose answer was lost, did it: told apart by looking.
        there = {found.external_id: found for found in adapter.find(request_for(row))}
        found = there.get(row.external_uuid)
        return found if found and found.standing == Standing.REVOKED else refusal


def _settle_revocations(answers: Sequence[Answered]) -> None:
    for row, answer in answers:
        _settle_revocation(row, answer)


def _settle_revocation(row: IssuedBadge, answer: Answer) -> None:
    if isinstance(answer, ProviderBadge):
        step(row, Status.REVOKED, from_status=Status.REVOKING, external_state=answer.state)
    elif isinstance(answer, Rejected):
        step(row, Status.ISSUED, from_status=Status.REVOKING, error=answer, ended_reason="")
    elif isinstance(answer, NotSent):
        postpone(row, due_at=timezone.now())
    else:
        # Taking back twice does no harm, so an unknown outcome is simply tried again.
        postpone(row, due_at=timezone.now() + backoff(row.attempts + 1), attempts=row.attempts + 1)
