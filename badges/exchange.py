"""Speaking to providers about many rows at once: claim, work in threads, learn, settle.

The main thread owns the database; the threads only speak HTTP, so a slow provider costs a thread and no
database connection, and no transaction is open during HTTP. What one answer says of its whole account, or of
its provider's limit, holds for every row from then on, whatever the row was claimed for (badges.asking). What
to ask and what an answer means for its row is in badges.delivery and its neighbours.
"""

from __future__ import annotations

import logging
import math
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from time import monotonic
from typing import Protocol

from django.db import InterfaceError, OperationalError, connection, transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from badges import lifecycle
from badges.asking import Heard, Unexpected, learn
from badges.models import IssuedBadge
from badges.pool import LINGER, Pool
from providers import breaker
from providers.base import ProviderBadge, ProviderError
from providers.connections import clock

log = logging.getLogger(__name__)

AHEAD_SECONDS = 0.3
MOST_AHEAD = 64  # rows claimed ahead for each connection; what a crash leaves claimed is looked up first
# How long the database may be away for its restart before answers in hand are given up, and looked up later.
RETURNS_WITHIN = (0.0, 0.5, 1.5, 3.0, 5.0)


@dataclass(frozen=True, slots=True)
class NotSent:
    """Nothing was sent: the worker woke after its lease, or the account was stopped before the row's turn."""

    reason: str


@dataclass(frozen=True, slots=True)
class TooLate:
    """It would have expired before anybody had it, so nothing was sent."""

    expires_at: datetime


Answer = ProviderBadge | list[ProviderBadge] | ProviderError | NotSent | TooLate
Answered = tuple[IssuedBadge, Answer]
Work = Callable[[IssuedBadge], Answer]
Settle = Callable[[Sequence[Answered]], None]


class Take(Protocol):
    """Claim up to `limit` rows, and no more than `room` of those accounts that it names."""

    def __call__(self, limit: int, *, room: dict[int, int]) -> list[IssuedBadge]: ...


@dataclass(frozen=True, slots=True)
class Exchanged:
    """`calls`: how many requests it took."""

    row: IssuedBadge
    answer: Answer
    calls: int = 0


def exchange(take: Take, *, work: Work, settle: Settle, connections: int, seconds: float = math.inf) -> int:
    """Claim, work and settle until nothing is due and nothing is under way; how many exchanges there were.

    After `seconds` nothing more is claimed. So much is claimed ahead that the pool never waits for the
    database: a row for each connection, and where that is sooner done the work of AHEAD_SECONDS, for to claim
    many rows costs little more than to claim few. Either way a row waits for one exchange or so, and a lease
    covers that and the exchange itself, because an exchange ends within a third of it (providers.http).
    """
    settled_at = monotonic()
    ends_at = settled_at + seconds
    ahead, count = connections, 0
    with Pool(
        partial(_exchange, work),
        connections=connections,
        set_aside=_unsent,
        stops=_stops,
        remembered=breaker.THRESHOLD,
    ) as pool:
        while True:
            if monotonic() < ends_at and pool.held <= connections + ahead // 2:
                pool.give(_taken(take, pool, limit=connections + ahead - pool.held))
            if pool.is_empty:
                return count
            arrived = pool.arrived()
            pool.stop(_learned(arrived))
            _settle_all(settle, [(exchanged.row, exchanged.answer) for exchanged in arrived])
            pool.resume(arrived)
            count += len(arrived)
            if arrived:
                took, settled_at = max(monotonic() - settled_at, LINGER), monotonic()
                soon_done = round(len(arrived) * AHEAD_SECONDS / took)
                ahead = min(max(connections, soon_done), MOST_AHEAD * connections)


def _taken(take: Take, pool: Pool[Exchanged], *, limit: int) -> list[IssuedBadge]:
    """What is claimed; nothing while the database is away, as long as there are answers to wait for: they are
    written down whatever happens here."""
    try:
        return take(limit, room=pool.room())
    except Exception:
        if pool.is_empty:
            raise
        log.exception("Nothing can be claimed")
        _drop_lost_connection()
        return []


# --- In the threads -----------------------------------------------------------------------------------------


def _exchange(work: Work, row: IssuedBadge) -> Exchanged:
    """The answer or error as a value; the last moment at which a lost lease is noticed.

    No request of it begins later than its lease ends, even if this thread sleeps in the next line: then
    somebody else may hold the row.
    """
    at = monotonic()
    left = (row.lease_until - timezone.now()).total_seconds() if row.lease_until else 0.0
    if left < lifecycle.lease().total_seconds() / 3:
        return Exchanged(row, NotSent("The worker woke too late to send."))
    clock.not_after, before = at + left, clock.calls
    return Exchanged(row, _guarded(work, row), calls=clock.calls - before)


def _guarded(work: Work, row: IssuedBadge) -> Answer:
    try:
        return work(row)
    except ProviderError as error:
        return error
    except BaseException as error:  # a thread that ends without an answer would be waited for
        log.exception("Unexpected failure for issued badge %s", row.pk)
        return Unexpected(_("Unexpected error: %(error)s") % {"error": type(error).__name__})
    finally:
        clock.not_after = math.inf


def _unsent(row: IssuedBadge) -> Exchanged:
    return Exchanged(row, NotSent("The account was stopped before its turn."))


def _heard(exchanged: Exchanged) -> Heard:
    return Heard(exchanged.answer, calls=exchanged.calls)


def _stops(exchanged: Sequence[Exchanged]) -> bool:
    """Whether the latest answers of an account say that no other row of it should be sent now."""
    latest = _heard(exchanged[-1])
    if latest.stops_account or latest.is_somebody_there is not False:
        return latest.stops_account
    silent = [_heard(one).is_somebody_there is False for one in exchanged]
    return len(silent) >= breaker.THRESHOLD and all(silent)


# --- What was learned of accounts ---------------------------------------------------------------------------


def _learned(arrived: Iterable[Exchanged]) -> set[int]:
    """Write down what answers say of their accounts; those that are to be left alone now, by id.

    What a batch says is advice: should it not be written, the next answers say it again, and those of this
    batch are settled all the same.
    """
    groups: dict[tuple[int, datetime | None], list[Exchanged]] = {}
    for exchanged in arrived:
        provider = exchanged.row.badge.badge_provider
        groups.setdefault((provider.pk, provider.broken_until), []).append(exchanged)
    stopped: set[int] = set()
    for group in groups.values():
        try:
            stopped |= learn(group[0].row.badge.badge_provider, [_heard(exchanged) for exchanged in group])
        except Exception:
            log.exception("What an account's answers say cannot be stored")
    return stopped


# --- Settling -----------------------------------------------------------------------------------------------


def _settle_all(settle: Settle, answers: Sequence[Answered]) -> None:
    """Together, for a commit costs more than a row; where that fails each alone, and none stops another.

    A database that restarts is waited for: what is known by now need not be looked up.
    """
    if not answers:
        return
    for pause in RETURNS_WITHIN:
        time.sleep(pause)
        try:
            with transaction.atomic():
                settle(answers)
        except (OperationalError, InterfaceError) as error:
            log.warning("%s answers cannot be settled yet: %s", len(answers), error)
            _drop_lost_connection()
        except Exception:
            log.exception("%s answers cannot be settled together", len(answers))
            break
        else:
            return
    for row, answer in answers:
        _settle_alone(settle, row, answer)


def _settle_alone(settle: Settle, row: IssuedBadge, answer: Answer) -> None:
    """An answer that cannot be written down is as good as none; should that fail too, the lease ends it."""
    for told in (answer, Unexpected(_("The provider's answer could not be stored."))):
        try:
            with transaction.atomic():
                settle([(row, told)])
        except Exception:
            log.exception("Issued badge %s cannot be settled", row.pk)
        else:
            return


def _drop_lost_connection() -> None:
    """So that the next statement opens another; never inside a transaction of the caller's."""
    if not connection.in_atomic_block:
        connection.close_if_unusable_or_obsolete()
