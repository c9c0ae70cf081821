"""Connections to providers, shared between accounts so that one that hangs holds up no other.

So many exchanges run at once, of one account or of several. Accounts whose exchanges take long lose their
claim on the common places: theirs are lent to the others, while they keep up to as many of their own, which
costs threads and nothing else. So a provider that does not answer slows the others down for PATIENCE, and a
slow one that does answer is slowed down by nobody.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass, field
from heapq import heappop, heappush
from itertools import count
from queue import Empty, SimpleQueue
from time import monotonic
from typing import Generic, Self, TypeVar

from badges.models import IssuedBadge

PATIENCE = 1.0
TICK = 0.5
# So long results wait for others: writing several down together costs little more than writing one.
LINGER = 0.05
THREADS_PER_CONNECTION = 4

Done = TypeVar("Done")


@dataclass(slots=True)
class _Account(Generic[Done]):
    """`waiting` is a heap by priority and arrival; `running` tells since when, the longest first."""

    latest: deque[Done]
    waiting: list[tuple[int, int, IssuedBadge]] = field(default_factory=list)
    running: dict[int, float] = field(default_factory=dict)
    is_stopped: bool = False
    stopped_by: Done | None = None

    @property
    def held(self) -> int:
        return len(self.waiting) + len(self.running)

    @property
    def is_slow(self) -> bool:
        since = next(iter(self.running.values()), None)
        return since is not None and monotonic() - since > PATIENCE


class Pool(Generic[Done]):
    """Threads that work on rows. One other thread, its owner, gives the rows and takes the results.

    `work` turns a row into a result and raises nothing. When `stops` says so of an account's latest results
    (`remembered`, at the most), what waits of it is not worked on: `set_aside` makes those results, and until
    the owner has seen the last of these and calls `resume` nothing of the account is begun.
    """

    def __init__(
        self,
        work: Callable[[IssuedBadge], Done],
        *,
        connections: int,
        set_aside: Callable[[IssuedBadge], Done],
        stops: Callable[[Sequence[Done]], bool],
        remembered: int,
    ) -> None:
        self._work, self._set_aside, self._stops = work, set_aside, stops
        self._connections, self._remembered = connections, remembered
        self._accounts: dict[int, _Account[Done]] = {}
        self._arrivals = count()
        self._results: SimpleQueue[Done] = SimpleQueue()
        self._open = 0  # rows whose results the owner has not seen
        self._threads: list[threading.Thread] = []
        self._idle = 0
        self._is_closing = False
        self._changed = threading.Condition()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        """Wait for what is under way; what has not been begun is left, and its lease ends."""
        with self._changed:
            self._is_closing = True
            self._changed.notify_all()
        for thread in self._threads:
            thread.join()

    # --- For the owner ------------------------------------------------------------------------------------

    @property
    def is_empty(self) -> bool:
        """Nothing is to be waited for."""
        return self._open == 0

    @property
    def held(self) -> int:
        """Rows that wait or are worked on, but for those of slow accounts."""
        with self._changed:
            return sum(account.held for account in self._accounts.values() if not account.is_slow)

    def room(self) -> dict[int, int]:
        """How many more rows some accounts may get: none that is stopped, and to a slow one nothing ahead."""
        with self._changed:
            limited = {pk: account for pk, account in self._accounts.items() if account.is_slow}
            room = {pk: max(self._connections - account.held, 0) for pk, account in limited.items()}
            return room | {pk: 0 for pk, account in self._accounts.items() if account.is_stopped}

    def give(self, rows: Iterable[IssuedBadge]) -> None:
        with self._changed:
            for row in rows:
                self._open += 1
                account = self._account(row)
                heappush(account.waiting, (row.priority, next(self._arrivals), row))
                if account.is_stopped:
                    self._empty(account)
            self._wake()

    def arrived(self) -> list[Done]:
        """The next results: waits up to a TICK for one, then a LINGER for others while any are to come."""
        results: list[Done] = []
        try:
            results.append(self._results.get(timeout=TICK))
            ends_at = monotonic() + LINGER
            while len(results) < self._open:
                results.append(self._results.get(timeout=max(ends_at - monotonic(), 0)))
        except Empty:
            pass
        self._open -= len(results)
        with self._changed:
            # Time alone may have made an account slow, and so its places free for others.
            self._wake()
        return results

    def stop(self, accounts: Collection[int]) -> None:
        """Begin nothing more of these accounts before `resume`, and set aside what waits."""
        with self._changed:
            for pk in accounts:
                if account := self._accounts.get(pk):
                    account.is_stopped = True
                    self._empty(account)

    def resume(self, seen: Sequence[Done]) -> None:
        """The owner has acted on these results, so accounts that they stopped may go on if it claims them."""
        known = {id(result) for result in seen}
        with self._changed:
            for account in self._accounts.values():
                if account.is_stopped and (account.stopped_by is None or id(account.stopped_by) in known):
                    account.is_stopped, account.stopped_by = False, None
                    account.latest.clear()

    # --- In the threads; the lock is held in all but the first --------------------------------------------

    def _serve(self) -> None:
        while (row := self._next()) is not None:
            result = self._work(row)
            with self._changed:
                self._finish(self._account(row), row, result)

    def _next(self) -> IssuedBadge | None:
        with self._changed:
            while not self._is_closing:
                if account := self._in_turn():
                    self._idle -= 1
                    _priority, _arrival, row = heappop(account.waiting)
                    account.running[row.pk] = monotonic()
                    return row
                self._changed.wait()
            return None

    def _in_turn(self) -> _Account[Done] | None:
        """Whose row is begun next: the best priority's, then that of the account that has the least."""
        is_full = self._prompt() >= self._connections
        able = (
            account
            for account in self._accounts.values()
            if self._places(account) and (account.is_slow or not is_full)
        )
        return min(
            able,
            key=lambda account: (account.waiting[0][0], len(account.running), account.waiting[0][1]),
            default=None,
        )

    def _finish(self, account: _Account[Done], row: IssuedBadge, result: Done) -> None:
        self._idle += 1
        del account.running[row.pk]
        account.latest.append(result)
        self._results.put(result)
        if not account.is_stopped and self._stops(account.latest):
            account.is_stopped, account.stopped_by = True, result
            self._empty(account)
        self._wake(but=1)  # the thread that is here

    def _account(self, row: IssuedBadge) -> _Account[Done]:
        pk = row.badge.badge_provider_id
        if pk not in self._accounts:
            self._accounts[pk] = _Account(deque(maxlen=self._remembered))
        return self._accounts[pk]

    def _empty(self, account: _Account[Done]) -> None:
        while account.waiting:
            self._results.put(self._set_aside(heappop(account.waiting)[2]))

    def _prompt(self) -> int:
        return sum(len(account.running) for account in self._accounts.values() if not account.is_slow)

    def _places(self, account: _Account[Done]) -> int:
        """How many of its waiting rows its own connections allow to begin."""
        return (
            0 if account.is_stopped else min(len(account.waiting), self._connections - len(account.running))
        )

    def _wake(self, *, but: int = 0) -> None:
        """Let as many threads look for a row as there are to begin, new ones where too few are idle.

        `but`: so many of them look anyway.
        """
        shared = sum(self._places(account) for account in self._accounts.values() if not account.is_slow)
        own = sum(self._places(account) for account in self._accounts.values() if account.is_slow)
        wanted = own + min(shared, max(self._connections - self._prompt(), 0))
        self._changed.notify(max(wanted - but, 0))
        most = THREADS_PER_CONNECTION * self._connections
        while self._idle < wanted and len(self._threads) < most and not self._is_closing:
            self._idle += 1
            thread = threading.Thread(target=self._serve, name=f"provider-{len(self._threads)}")
            self._threads.append(thread)
            thread.start()
