"""Delivery by itself: how near it comes to what connections and latency allow, and what it does to others.

throughput   badges a second for 8, 32 and 64 connections at 0, 100 and 300 ms, claims and results durable;
             as shares of connections ÷ latency and, without latency, of a bare loop of `requests` sessions
             that keeps nothing, which takes turns with the product
claims       the time of one claim of 64 rows while a hundred thousand are queued
outage       the time of one account's badges while another account does nothing, works, or hangs
evaluation   the time of an evaluation beside a process that delivers, to a provider that is slow or dead
memory       the most that a process with 64 connections holds while it delivers

python -m benchmarks.issuing [throughput] [claims] [outage] [evaluation] [memory] [--rounds N]
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from statistics import median
from time import perf_counter, process_time
from urllib.parse import urlsplit

from django.conf import settings
from django.db import connection
from django.db.models import Max
from django.utils import timezone

from achievements.authoring import save_achievement
from achievements.backfill import award_due
from achievements.evaluation import award_changes
from achievements.models import Achievement
from badges import lifecycle
from badges.delivery import deliver
from badges.models import Badge, IssuedBadge, IssuingEvent
from badges.status import Status
from benchmarks import bare, machine
from benchmarks.accounts import EARNED, badge_at, intents_for
from benchmarks.backends import busy_seconds
from benchmarks.database import analyze, own_database
from benchmarks.sandbox import ROOT, Sandbox, fresh_sandbox
from providers.models import BadgeProvider
from tms import progress
from tms.models import Lab, LabInstance, User

CONNECTIONS = (8, 32, 64)
LATENCIES = (0, 100, 300)
SECONDS = 6  # of work at the limit, for each figure with a latency
WITHOUT_LATENCY = 3_000
QUEUED = 100_000
LINES = 60


def main() -> None:
    options = _options()
    with own_database("benchmark_issuing"):
        print(machine.facts())
        with fresh_sandbox() as sandbox:
            _delivered(sandbox, badges=500, connections=8)
        analyze()
        for name in options.parts or PARTS:
            print(f"\n{name}", flush=True)
            PARTS[name](options.rounds)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.issuing", description=__doc__)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("parts", nargs="*", choices=[*PARTS, []], metavar="part")
    parser.add_argument("--rounds", type=int, default=3)
    return parser.parse_args()


# --- Throughput ---------------------------------------------------------------------------------------------


def throughput(rounds: int) -> None:
    print(
        f"{'latency ms':>10} {'connections':>11} {'a second':>9} {'limit':>7} {'bare loop':>9} {'share':>6}"
    )
    for latency in LATENCIES:
        for connections in CONNECTIONS:
            if latency:
                _against_the_limit(latency, connections, rounds=rounds)
            else:
                _against_the_bare_loop(connections, rounds=rounds)


def _against_the_limit(latency: int, connections: int, *, rounds: int) -> None:
    limit = connections * 1000 / latency
    badges = round(limit * SECONDS)
    speeds = []
    for _round in range(rounds):
        with fresh_sandbox(latency_ms=latency) as sandbox:
            speeds.append(badges / _delivered(sandbox, badges=badges, connections=connections))
    speed = median(speeds)
    print(
        f"{latency:>10} {connections:>11} {speed:>9.0f} {limit:>7.0f} {'':>9} {speed / limit:>6.0%}",
        flush=True,
    )


def _against_the_bare_loop(connections: int, *, rounds: int) -> None:
    """The share is the median of those of neighbouring runs, which saw the machine in the same mood."""
    pairs = []
    for _round in range(rounds):
        with fresh_sandbox() as sandbox:
            seconds = _delivered(sandbox, badges=WITHOUT_LATENCY, connections=connections)
        with fresh_sandbox() as sandbox:
            loop = bare.seconds(sandbox, badges=WITHOUT_LATENCY, connections=connections)
            sandbox.require(WITHOUT_LATENCY)
        pairs.append((seconds, loop))
    speed = WITHOUT_LATENCY / median(seconds for seconds, _loop in pairs)
    of_loop = WITHOUT_LATENCY / median(loop for _seconds, loop in pairs)
    share = median(loop / seconds for seconds, loop in pairs)
    print(f"{0:>10} {connections:>11} {speed:>9.0f} {'':>7} {of_loop:>9.0f} {share:>6.0%}", flush=True)


def _delivered(sandbox: Sandbox, *, badges: int, connections: int) -> float:
    """Seconds from the first claim to the last result."""
    settings.PROVIDER_ALLOWED_HOSTS = [sandbox.host_port]
    badge = badge_at(sandbox.url, learners=badges)
    intents_for(badge)
    started = perf_counter()
    deliver(connections=connections)
    seconds = perf_counter() - started
    issued = IssuedBadge.objects.filter(badge=badge, status=Status.ISSUED).exclude(external_uuid="").count()
    if issued != badges:
        raise SystemExit(f"{issued} of {badges} badges are issued.")
    sandbox.require(badges)
    _retire(badge)
    return seconds


def _retire(badge: Badge) -> None:
    """One badge of a template at an account: the next account starts with a template of the same name."""
    Badge.objects.filter(pk=badge.pk).update(template_id=f"used {badge.pk}")


# --- Claims -------------------------------------------------------------------------------------------------


def claims(rounds: int) -> None:
    """Half of the queue is one organization's."""
    badges = [badge_at("https://nowhere.example", learners=QUEUED // 2)]
    intents_for(badges[0])
    for _number in range(LINES - 1):
        badges.append(badge_at("https://nowhere.example", learners=QUEUED // 2 // (LINES - 1)))
        intents_for(badges[-1])
    analyze()
    times = []
    busy = _busy()
    for _number in range(20 * rounds):
        started = perf_counter()
        claimed = lifecycle.claim(64)
        times.append((perf_counter() - started) * 1000)
        assert len({row.badge_id for row in claimed}) == LINES
    busy = (_busy() - busy) / len(times) * 1000
    times.sort()
    queued = IssuedBadge.objects.filter(status=Status.QUEUED).count()
    print(
        f"64 of {queued} rows in {LINES} lines: median {median(times):.1f} ms, "
        f"95 of 100 under {times[len(times) * 95 // 100]:.1f} ms; "
        f"{busy:.1f} ms of the processor, the database's included"
    )
    IssuingEvent.objects.all().delete()
    IssuedBadge.objects.filter(badge__in=badges).delete()


# --- One account's outage -----------------------------------------------------------------------------------


def outage(rounds: int, *, badges: int = 800, connections: int = 8) -> None:
    """The other account has as much to send. Its time does not count; ours ends with our last badge."""
    print(f"{'the other account':>18} {'seconds':>8} {'ratio':>6}")
    names = ("has nothing", "works", "hangs", "refuses connections")
    seconds: dict[str, list[float]] = {name: [] for name in names}
    for _round in range(rounds):
        for name in names:
            seconds[name].append(_beside_another(name, badges=badges, connections=connections))
    for name in names:
        ratio = median(
            here / there for here, there in zip(seconds[name], seconds["has nothing"], strict=True)
        )
        print(f"{name:>18} {median(seconds[name]):>8.2f} {ratio:>6.2f}")
    shared = median(hung / worked for hung, worked in zip(seconds["hangs"], seconds["works"], strict=True))
    print(f"Beside one that hangs it takes {shared:.2f} times as long as beside one that works.")


def _beside_another(other: str, *, badges: int, connections: int) -> float:
    with fresh_sandbox(latency_ms=100) as ours, fresh_sandbox(latency_ms=100) as theirs:
        settings.PROVIDER_ALLOWED_HOSTS = [ours.host_port, theirs.host_port, "127.0.0.1:9"]
        theirs.order(**{"latency_ms": 100, **({"hang": 1} if other == "hangs" else {})})
        url = "http://127.0.0.1:9" if other == "refuses connections" else theirs.url
        mine, its = badge_at(ours.url, learners=badges), badge_at(url, learners=badges)
        intents_for(mine)
        if other != "has nothing":
            intents_for(its)
        lease, settings.ISSUE_LEASE_SECONDS = settings.ISSUE_LEASE_SECONDS, 30.0
        started = timezone.now()
        try:
            deliver(connections=connections, seconds=badges / connections)
        finally:
            settings.ISSUE_LEASE_SECONDS = lease
        done = IssuedBadge.objects.filter(badge=mine, status=Status.ISSUED)
        assert done.count() == badges, "ours are to be issued"
        last = done.aggregate(at=Max("issued_at"))["at"]
        for badge in (mine, its):
            IssuingEvent.objects.filter(issued_badge__badge=badge).delete()
            IssuedBadge.objects.filter(badge=badge).delete()
            _retire(badge)
        return float((last - started).total_seconds())


# --- Evaluation beside delivery -----------------------------------------------------------------------------


def evaluation(rounds: int, *, learners: int = 10_000) -> None:
    """On the clock, and of the processor, which tells a crowded machine from work that was slowed down."""
    print(f"{'the provider':>14} {'seconds':>8} {'ratio':>6} {'processor':>10} {'ratio':>6}")
    names = ("not called", "answers late", "hangs")
    found: dict[str, list[tuple[float, float]]] = {name: [] for name in names}
    for _learners in range(0, 70_000, learners):
        # On a small site the database plans another way, from one run to the next.
        with fresh_sandbox() as sandbox:
            _evaluated(sandbox, is_delivered=False, learners=learners)
    for round_ in range(rounds):
        # Each of them comes first in its turn: what is stored grows.
        for name in (*names[round_ % 3 :], *names[: round_ % 3]):
            with fresh_sandbox(latency_ms=300) as sandbox:
                if name == "hangs":
                    sandbox.order(hang=1)
                is_delivered = name != "not called"
                found[name].append(_evaluated(sandbox, is_delivered=is_delivered, learners=learners))
    for name in names:
        columns = []
        for here, there in zip(
            zip(*found[name], strict=True), zip(*found["not called"], strict=True), strict=True
        ):
            columns += [median(here), median(a / b for a, b in zip(here, there, strict=True))]
        print(f"{name:>14} {columns[0]:>8.2f} {columns[1]:>6.2f} {columns[2]:>10.2f} {columns[3]:>6.2f}")


def _evaluated(sandbox: Sandbox, *, is_delivered: bool, learners: int) -> tuple[float, float]:
    """Seconds to evaluate so many changes, while another process sends what was earned before."""
    busy = badge_at(sandbox.url, learners=2_000)
    badge = badge_at("https://nowhere.example", learners=learners)
    intents_for(busy)
    Achievement.objects.update(enabled=False)
    save_achievement(
        Achievement(
            name="Finish a lab",
            organization=badge.organization,
            badge=badge,
            conditions_text="[{Subject:0, Count:1, Complete:True}]",
        )
    )
    award_due()
    BadgeProvider.objects.filter(pk=badge.badge_provider_id).update(is_enabled=False)
    lab = Lab.objects.create(name="Lab", organization=badge.organization)
    launches = [
        LabInstance(user=learner, lab=lab, started_at=EARNED, completed_at=EARNED)
        for learner in User.objects.filter(organization=badge.organization).select_related("organization")
    ]
    for launch in launches:
        progress.prepare(launch, before=None)
    progress.store(launches)
    analyze()
    try:
        if not is_delivered:
            return _award()
        with _deliverer(sandbox, connections=settings.DELIVERY_CONNECTIONS):
            _until_sending(busy)
            return _award()
    finally:
        IssuingEvent.objects.filter(issued_badge__badge=busy).delete()
        IssuedBadge.objects.filter(badge=busy).delete()
        _retire(busy)


def _award() -> tuple[float, float]:
    started, busy = perf_counter(), _busy()
    award_changes()
    return perf_counter() - started, _busy() - busy


def _busy() -> float:
    """Processor time of this process and of its database backend."""
    assert connection.connection
    return process_time() + busy_seconds(connection.connection.info.backend_pid)


def _until_sending(badge: Badge) -> None:
    ends_at = perf_counter() + 30
    while not IssuedBadge.objects.filter(badge=badge, attempts__gt=0).exists():
        if perf_counter() > ends_at:
            raise SystemExit("The other process sends nothing.")


@contextmanager
def _deliverer(sandbox: Sandbox, *, connections: int) -> Iterator[subprocess.Popen[str]]:
    """A process that delivers from this database until it is ended."""
    name = connection.settings_dict["NAME"]
    environment = {
        **os.environ,
        "DATABASE_URL": urlsplit(settings.DATABASE_URL)._replace(path=f"/{name}").geturl(),
    }
    command = [
        sys.executable,
        "-m",
        "benchmarks.deliverer",
        sandbox.host_port,
        f"--connections={connections}",
    ]
    with subprocess.Popen(command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, text=True) as process:
        try:
            yield process
        finally:
            process.terminate()


# --- Memory -------------------------------------------------------------------------------------------------


def memory(rounds: int) -> None:
    """Of a process of its own, at the end of a few thousand badges."""
    with fresh_sandbox(latency_ms=100) as sandbox:
        badge = badge_at(sandbox.url, learners=4_000)
        intents_for(badge)
        with _deliverer(sandbox, connections=64) as process:
            assert process.stdout
            for line in process.stdout:
                count, peak = line.split()
                if int(count):
                    print(f"64 connections, {count} badges: {peak} MB")
                    break
        _retire(badge)


PARTS = {
    "throughput": throughput,
    "claims": claims,
    "outage": outage,
    "evaluation": evaluation,
    "memory": memory,
}

if __name__ == "__main__":
    main()
