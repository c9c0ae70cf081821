"""Places shared between accounts: in whose turn they are used, and what becomes of what waits."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Event, Lock
from typing import Any

import pytest

from badges import pool
from badges.models import Badge, IssuedBadge
from badges.pool import Pool

CONNECTIONS = 3


def row(pk: int, *, account: int = 1, priority: int = 10) -> IssuedBadge:
    return IssuedBadge(pk=pk, badge=Badge(badge_provider_id=account), priority=priority)


@contextmanager
def working(
    work: Callable[[IssuedBadge], Any], *, stops: Any = lambda latest: False, connections: int = CONNECTIONS
) -> Iterator[Pool[Any]]:
    with Pool(
        work,
        connections=connections,
        set_aside=lambda item: ("set aside", item.pk),
        stops=stops,
        remembered=3,
    ) as made:
        yield made


def results(made: Pool[Any]) -> list[Any]:
    found: list[Any] = []
    while not made.is_empty:
        found += made.arrived()
    return found


def until(holds: Callable[[], bool]) -> None:
    ends_at = time.monotonic() + 10
    while not holds():
        assert time.monotonic() < ends_at
        time.sleep(0.002)


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pool, "PATIENCE", 0.05)
    monkeypatch.setattr(pool, "TICK", 0.02)


def test_so_many_work_at_once_and_never_more():
    most, now, lock = [0], [0], Lock()

    def work(item: IssuedBadge) -> int:
        with lock:
            now[0] += 1
            most[0] = max(most[0], now[0])
        time.sleep(0.005)
        with lock:
            now[0] -= 1
        return int(item.pk)

    with working(work) as made:
        made.give(row(pk, account=pk % 5) for pk in range(40))
        assert sorted(results(made)) == list(range(40))
    assert most == [CONNECTIONS]


def test_one_account_alone_has_all_places():
    reached = Event()
    running: list[int] = []

    def work(item: IssuedBadge) -> int:
        running.append(item.pk)
        if len(running) == CONNECTIONS:
            reached.set()
        assert reached.wait(timeout=10)
        return int(item.pk)

    with working(work) as made:
        made.give(row(pk) for pk in range(CONNECTIONS))
        assert len(results(made)) == CONNECTIONS


def test_better_priorities_begin_first_and_then_the_account_that_has_least():
    order: list[int] = []
    started, go_on = Event(), Event()

    def work(item: IssuedBadge) -> int:
        if item.pk == 0:
            started.set()
            assert go_on.wait(timeout=10)
        order.append(item.pk)
        return int(item.pk)

    with working(work, connections=1) as made:
        made.give([row(0)])
        started.wait(timeout=10)
        made.give([row(1, priority=20), row(2, priority=10), row(3, priority=10, account=2)])
        made.give([row(4, priority=0, account=3)])
        go_on.set()
        results(made)
    assert order == [0, 4, 2, 3, 1]


def test_places_of_an_account_that_hangs_are_lent_to_the_others(impatient: None):
    through = Event()
    done: list[int] = []

    def work(item: IssuedBadge) -> int:
        if item.badge.badge_provider_id == 1:
            assert through.wait(timeout=10)
        else:
            done.append(item.pk)
            if len(done) == 20:
                through.set()
        return int(item.pk)

    with working(work) as made:
        made.give(row(pk) for pk in range(10))
        until(lambda: made.held == 0)
        assert made.room() == {1: 0}
        made.give(row(pk, account=2) for pk in range(100, 120))
        assert len(results(made)) == 30


def test_a_slow_account_keeps_its_own_places_and_no_more(impatient: None):
    most: Counter[int] = Counter()
    now: Counter[int] = Counter()
    lock = Lock()
    all_taken = (Event(), Event())

    def work(item: IssuedBadge) -> int:
        account = item.badge.badge_provider_id
        with lock:
            now[account] += 1
            most[account] = max(most[account], now[account])
            if now[account] == CONNECTIONS:
                all_taken[account].set()
        assert all_taken[account].wait(timeout=10)
        time.sleep(0.02)  # time for one too many to begin
        with lock:
            now[account] -= 1
        return int(item.pk)

    with working(work) as made:
        made.give(row(pk, account=pk % 2) for pk in range(24))
        assert len(results(made)) == 24
    assert set(most.values()) == {CONNECTIONS}


def test_what_waits_of_a_stopped_account_is_set_aside_until_its_owner_has_seen_why():
    def work(item: IssuedBadge) -> tuple[str, int]:
        return "done", item.pk

    with working(work, stops=lambda latest: latest[-1] == ("done", 1), connections=1) as made:
        made.give(row(pk) for pk in range(5))
        until(lambda: made.room() == {1: 0})
        found = made.arrived()
        while len(found) < 5:
            found += made.arrived()
        assert found == [("done", 0), ("done", 1), *[("set aside", pk) for pk in (2, 3, 4)]]
        made.resume(found[:1])
        made.give([row(5)])
        assert results(made) == [("set aside", 5)]
        made.resume(found)
        made.give([row(6)])
        assert results(made) == [("done", 6)]


def test_the_owner_may_stop_an_account_for_what_another_one_learned():
    started, go_on = Event(), Event()

    def work(item: IssuedBadge) -> tuple[str, int]:
        started.set()
        assert go_on.wait(timeout=10)
        return "done", item.pk

    with working(work, connections=1) as made:
        made.give([row(1), row(2), row(3, account=2)])
        started.wait(timeout=10)
        made.stop({1, 99})
        go_on.set()
        assert sorted(results(made)) == [("done", 1), ("done", 3), ("set aside", 2)]


def test_the_end_waits_for_what_is_under_way_and_begins_nothing_more():
    begun: list[int] = []
    started = Event()

    def work(item: IssuedBadge) -> int:
        begun.append(item.pk)
        started.set()
        time.sleep(0.05)
        return int(item.pk)

    with pytest.raises(ZeroDivisionError), working(work, connections=1) as made:
        made.give(row(pk) for pk in range(10))
        started.wait(timeout=10)
        raise ZeroDivisionError
    assert begun == [0]
    time.sleep(0.1)
    assert begun == [0]
