"""Exactly once, whatever breaks: many issues through a provider that fails, by workers that die.

Two accounts of each vendor at the sandbox, which fails 30 % of the calls in every way it can, is slow to show
in its searches what it has, asks to wait, refuses an account for a while, and is killed and started again.
Real Celery workers with beat, on a PostgreSQL and a Redis of their own, are killed with SIGKILL every few
seconds and stopped beyond their lease. PostgreSQL and Redis crash once each. Then all that ceases, the work
drains, and what the sandbox recorded is held against our rows (benchmarks.verdict).

The end is 0 when every intent is issued once, or failed for a reason that the sandbox's record tells as well.

python -m benchmarks.fault_campaign [--issues 10000] [--seed N] [--minutes 10] [--lease 9] [--workers 3]
"""

from __future__ import annotations

import argparse
import os
import random
import shutil
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from tempfile import mkdtemp

from django.conf import settings
from django.core.management import call_command
from django.db import DatabaseError, connection
from django.db.models import Count

from badges.models import IssuedBadge, IssuingEvent
from badges.status import Status
from benchmarks import machine
from benchmarks.accounts import badge_at, intents_for
from benchmarks.database import analyze, work_on
from benchmarks.servers import Servers, missing, own_servers
from benchmarks.verdict import LAST, Record, Verdict, judge
from providers import accounts
from providers.models import BadgeProvider
from tests.providers.conftest import CANARY, SandboxProcess
from tests.services.crew import Beat, Crew
from tms.models import User

Kind = BadgeProvider.Kind
SHARE = 0.30  # of the calls fail
REFUSED = 0.03  # of the calls, in that share, with one of these
REFUSALS = (400, 404, 408, 409, 410, 422)
LATENCY_MS = 30
NAMELESS = 5  # learners of each account, whom no provider would take
SEED = 20_260_302
TICK = 0.25
STARTED_WITHIN = 120.0
LAST_WORDS = 1_000
STUCK_AFTER = 40  # leases: twice the longest pause between two tries of one badge
ENDED = (Status.ISSUED, Status.FAILED)


@dataclass(frozen=True, slots=True)
class Place:
    """An account at the sandbox. `is_strict`: the provider itself refuses a second badge of one person."""

    kind: Kind
    account: str
    template: str
    token: str
    is_strict: bool
    share: int  # of a hundred issues
    host: str = "127.0.0.1"

    @property
    def row(self) -> dict[str, object]:
        return {
            "id": self.template,
            "organization_id": self.account,
            "provider": self.kind.value,
            "name": f"Campaign {self.template}",
            "allow_duplicate_badges": not self.is_strict,
        }


# Accredible takes 400 calls a minute from one address, look-ups included: most issues are Credly's, and each
# of Accredible's accounts has an address of its own.
PLACES = (
    Place(Kind.CREDLY, "ca000000-0000-4000-8000-00000000000a", "c1", CANARY, is_strict=False, share=46),
    Place(Kind.CREDLY, "ca000000-0000-4000-8000-00000000000b", "c2", CANARY, is_strict=True, share=46),
    Place(Kind.ACCREDIBLE, "4711", "7301", "first-key", is_strict=False, share=4),
    Place(Kind.ACCREDIBLE, "4712", "7302", "second-key", is_strict=True, share=4, host="localhost"),
)


def main() -> int:
    options = _options()
    if lacking := missing():
        raise SystemExit(
            f"Servers of its own are needed, and these programs are not here: {', '.join(lacking)}"
        )
    folder = Path(mkdtemp(prefix="campaign-"))
    with own_servers() as servers, _sandbox(folder) as sandbox:
        work_on(servers.postgresql.url)
        call_command("migrate", verbosity=0)
        print(machine.facts())
        intents = _intents(sandbox, issues=options.issues)
        campaign = Campaign(servers, sandbox, folder=folder, options=options)
        campaign.run()
        sandbox.stop()
        record = Record.read(sandbox.data, until=campaign.calm_since)
        verdict = judge(record, intents=intents)
        _print(campaign, record, verdict)
        connection.close()
    if verdict.holds:
        shutil.rmtree(folder)
        return 0
    print(f"What was logged is in {folder}.")
    return 1


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.fault_campaign", description=__doc__)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("--issues", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=SEED)
    parser.add_argument("--minutes", type=float, default=10.0, help="the most that the faults last")
    parser.add_argument("--lease", type=float, default=9.0, help="ISSUE_LEASE_SECONDS of the workers")
    parser.add_argument("--workers", type=int, default=3)
    return parser.parse_args()


@contextmanager
def _sandbox(folder: Path) -> Iterator[SandboxProcess]:
    sandbox = SandboxProcess(folder, templates=[place.row for place in PLACES])
    keys = [f"{place.account}={place.token}" for place in PLACES if place.kind == Kind.ACCREDIBLE]
    sandbox.always = [option for key in keys for option in ("--accredible", key)]
    try:
        sandbox.start()
        yield sandbox
    finally:
        sandbox.close()


def _intents(sandbox: SandboxProcess, *, issues: int) -> int:
    for place in PLACES:
        badge = badge_at(
            f"http://{place.host}:{sandbox.port}",
            learners=issues * place.share // 100,
            kind=place.kind,
            account=place.account,
            template=place.template,
            token=place.token,
        )
        learners = User.objects.filter(organization=badge.organization).order_by("pk")
        nameless = learners.values_list("pk", flat=True)[:NAMELESS]
        User.objects.filter(pk__in=list(nameless)).update(first_name="")
        intents_for(badge)
    analyze()
    return IssuedBadge.objects.count()


# --- What happens -------------------------------------------------------------------------------------------


@dataclass(slots=True)
class Misfortune:
    """`act` is done again and again, after pauses of between half and one and a half times `every`."""

    every: float
    act: Callable[[], None]
    due_at: float = 0.0


@dataclass(slots=True)
class Campaign:
    servers: Servers
    sandbox: SandboxProcess
    folder: Path
    options: argparse.Namespace
    happened: Counter[str] = field(default_factory=Counter)
    seconds: dict[str, float] = field(default_factory=dict)
    calm_since: datetime = LAST
    _dice: random.Random = field(default_factory=random.Random)
    _workers: list[Crew] = field(default_factory=list)
    _crews: list[Crew] = field(default_factory=list)  # the workers and beat
    _stopped: Crew | None = None
    _goes_on_at: float = 0.0
    _weather: int = 0
    _told_at: float = 0.0
    _left: int = 0

    def run(self) -> None:
        self._dice.seed(self.options.seed)
        environment = self._environment()
        self._workers = [
            Crew(folder=self.folder, environment=environment, name=f"worker{number}", with_beat=False)
            for number in range(self.options.workers)
        ]
        self._crews = [*self._workers, Beat(folder=self.folder, environment=environment)]
        try:
            self._storm()
            self._calm()
        finally:
            for crew in self._crews:
                crew.kill()

    def _environment(self) -> dict[str, str]:
        return {
            **os.environ,
            "DEBUG": "on",
            "EMBEDDED_WORKER": "off",
            "LOG_LEVEL": "WARNING",
            "DATABASE_URL": self.servers.postgresql.url,
            "REDIS_URL": self.servers.redis.url,
            "CELERY_BROKER_URL": self.servers.redis.url,
            "SECRET_KEY": settings.SECRET_KEY,
            "FIELD_ENCRYPTION_KEYS": ",".join(settings.FIELD_ENCRYPTION_KEYS),
            "PROVIDER_ALLOWED_HOSTS": f"127.0.0.1:{self.sandbox.port},localhost:{self.sandbox.port}",
            "ISSUE_LEASE_SECONDS": str(self.options.lease),
            "SWEEP_SECONDS": "1",
            "DELIVERY_CONNECTIONS": "8",
        }

    def _storm(self) -> None:
        """Until nearly all is done or the time is over. Each server crashes once, at a third and at two."""
        self._change_weather()
        for crew in self._crews:
            crew.start()
        self._until_they_work()
        started, length = time.monotonic(), self.options.minutes * 60
        total = self._open()
        crashes = [
            ("crash of PostgreSQL", self.servers.postgresql.crash, 1 / 3),
            ("crash of Redis", self.servers.redis.crash, 2 / 3),
        ]
        misfortunes = [
            Misfortune(4.0, self._kill),
            Misfortune(self.options.lease * 2, self._stop),
            Misfortune(5.0, self._change_weather),
            Misfortune(min(60.0, length / 4), self._restart_sandbox),
        ]
        for misfortune in misfortunes:
            self._put_off(misfortune)
        while ((left := self._open()) > total // 50 and time.monotonic() < started + length) or crashes:
            now = time.monotonic()
            if crashes and max(1 - left / total, (now - started) / length) >= crashes[0][2]:
                name, crash, _share = crashes.pop(0)
                crash()
                self.happened[name] += 1
            for misfortune in misfortunes:
                if misfortune.due_at <= now:
                    misfortune.act()
                    self._put_off(misfortune)
            if self._stopped and self._goes_on_at <= now:
                self._go_on()
            self._supervise()
            time.sleep(TICK)
        self.seconds["with faults"] = time.monotonic() - started

    def _until_they_work(self) -> None:
        """What breaks before that breaks nothing."""
        ends_at = time.monotonic() + STARTED_WITHIN
        while not IssuingEvent.objects.exists():
            if time.monotonic() > ends_at:
                raise SystemExit(f"No worker did anything within {STARTED_WITHIN:.0f} s: see {self.folder}.")
            time.sleep(TICK)

    def _calm(self) -> None:
        """Faults cease, and everything that waits comes to its end."""
        started = time.monotonic()
        self._go_on()
        self.sandbox.order(latency_ms=LATENCY_MS)
        self.calm_since = datetime.now(UTC)
        fewest, fewest_at = self._open(), started
        while (left := self._open()) and time.monotonic() - fewest_at < STUCK_AFTER * self.options.lease:
            if left < fewest:
                fewest, fewest_at = left, time.monotonic()
            self._resume()
            self._supervise()
            time.sleep(TICK)
        self.seconds["draining"] = time.monotonic() - started

    def _put_off(self, misfortune: Misfortune) -> None:
        misfortune.due_at = time.monotonic() + misfortune.every * self._dice.uniform(0.5, 1.5)

    def _kill(self) -> None:
        """One process that works, or all of a worker, or beat."""
        crew = self._dice.choice([crew for crew in self._crews if crew is not self._stopped])
        if self._dice.random() < 0.5 and crew.kill_one():
            self.happened["process of a worker killed with SIGKILL"] += 1
            return
        crew.kill()
        crew.start()
        name = "worker" if crew in self._workers else "beat"
        self.happened[f"whole {name} killed with SIGKILL"] += 1

    def _supervise(self) -> None:
        """As whatever runs workers in production starts those again that have ended."""
        for crew in self._crews:
            if crew.has_ended:
                print(f"ended by itself, and started again: {crew.log()[-LAST_WORDS:]}", flush=True)
                crew.kill()
                crew.start()
                self.happened["worker or beat ended by itself"] += 1

    def _stop(self) -> None:
        if self._stopped is None:
            self._stopped = self._dice.choice(self._workers)
            self._stopped.stop()
            self._goes_on_at = time.monotonic() + self.options.lease * 1.3
            self.happened["worker stopped beyond its lease"] += 1

    def _go_on(self) -> None:
        if self._stopped:
            self._stopped.go_on()
            self._stopped = None

    def _restart_sandbox(self) -> None:
        self.sandbox.kill()
        time.sleep(self._dice.uniform(0.5, 2.0))
        self.sandbox.start()
        self._change_weather()
        self.happened["provider killed and started again"] += 1

    def _change_weather(self) -> None:
        """Other dice and another refusal; an account has a rate limit now and then, or is refused."""
        weather = {
            "chaos": SHARE - REFUSED,
            "status": self._dice.choice(REFUSALS),
            "status_rate": REFUSED / (1 - SHARE + REFUSED),
            "seed": self._dice.randrange(2**32),
            "latency_ms": LATENCY_MS,
            "search_lag": self.options.lease / 3,
        }
        self.sandbox.order(**weather)
        self._resume()
        place = self._dice.choice(PLACES)
        self._weather += 1
        if self._weather % 3 == 1:
            limit = {"limit": 20, "limit_seconds": 2, "retry_after": self._dice.choice(["1", "date:1"])}
            self.sandbox.order(account=place.account, **weather, **limit)
            self.happened["account above a rate limit"] += 1
        elif self._weather % 12 == 3:
            self.sandbox.order(account=place.account, status=401)
            self.happened["account refused"] += 1

    def _resume(self) -> None:
        """What a person does who reads that an account is paused, and has mended it."""
        with suppress(DatabaseError):
            for provider in BadgeProvider.objects.filter(paused_at__isnull=False):
                accounts.resume(provider)
                self.happened["account resumed by a person"] += 1

    def _open(self) -> int:
        """Intents that have not come to their end, as far as the database can tell now."""
        try:
            counts = dict(IssuedBadge.objects.order_by().values_list("status").annotate(Count("pk")))
        except DatabaseError:
            connection.close()
            return self._left
        if time.monotonic() > self._told_at + 15:
            self._told_at = time.monotonic()
            print(", ".join(f"{status} {count}" for status, count in sorted(counts.items())), flush=True)
        self._left = sum(count for status, count in counts.items() if status not in ENDED)
        return self._left


# --- What came of it ----------------------------------------------------------------------------------------


def _print(campaign: Campaign, record: Record, verdict: Verdict) -> None:
    for title, counts in (
        ("What happened", campaign.happened),
        ("What the sandbox did to requests", record.faults),
    ):
        print(f"\n{title}")
        for name, count in sorted(counts.items()):
            print(f"{count:>8} {name}")
    moves = IssuingEvent.objects.order_by().values_list("from_status", "to_status").annotate(Count("pk"))
    requests = record.requests.total()
    print(
        f"\n{record.requests['issue']} requests to issue, {record.requests['look']} to look; "
        f"{record.faults.total() / requests:.0%} of them failed, until faults ceased"
    )
    for place in PLACES:
        if place.kind == Kind.ACCREDIBLE:
            most = record.most_in_a_minute(place.account)
            print(f"{most} requests in a minute at the most to {place.account}; 400 are allowed")
    print("moves:", ", ".join(f"{a} → {b} {n}" for a, b, n in sorted(moves)))
    print("; ".join(f"{seconds:.0f} s {name}" for name, seconds in campaign.seconds.items()))
    print(f"\n{'intents':>8} {'issued':>8} {'failed':>8} {'duplicates':>11} {'lost':>6} {'unexplained':>12}")
    print(
        f"{verdict.intents:>8} {verdict.issued:>8} {verdict.failed:>8} {verdict.duplicates:>11} "
        f"{len(verdict.lost):>6} {len(verdict.unexplained):>12}"
    )
    for reason, count in sorted(verdict.reasons.items()):
        print(f"{count:>8} failed: {reason}")
    for line in [*verdict.lost[:20], *verdict.unexplained[:20]]:
        print(line)


if __name__ == "__main__":
    sys.exit(main())
