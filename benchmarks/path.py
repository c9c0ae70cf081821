"""The path of a badge at speed: records in → badges at the provider.

A is the product: training records are stored with their changes, evaluated, and every badge is claimed,
sent and settled, with all rows durable in PostgreSQL. B is a bare loop of `requests` with as many
connections, which keeps nothing. Both speak HTTP to a fresh sandbox process each time and take turns, after
one walk that is not counted and gives the database its statistics; medians are compared. One process takes
all steps one after the other here, while production evaluates and delivers at the same time. Delivery alone,
with many connections and slow providers, is measured by benchmarks.issuing.

    python -m benchmarks.path [--records N] [--connections N] [--latency-ms N] [--rounds N]
"""

from __future__ import annotations

import argparse
import random
from dataclasses import dataclass
from datetime import UTC, datetime
from statistics import median
from time import perf_counter

from django.conf import settings

from achievements.authoring import save_achievement
from achievements.backfill import award_due
from achievements.evaluation import award_changes
from achievements.models import Achievement
from badges.delivery import deliver
from badges.models import Badge, IssuedBadge
from badges.status import Status
from benchmarks import bare, machine
from benchmarks.accounts import badge_at
from benchmarks.database import analyze, own_database
from benchmarks.sandbox import Sandbox, fresh_sandbox
from tms import progress
from tms.models import Lab, LabInstance, User

SEED = 20_260_302
FIRST_DAY = datetime(2026, 3, 2, 9, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Path:
    """Seconds of each step for one set of records."""

    record: float
    evaluate: float
    deliver: float

    @property
    def total(self) -> float:
        return self.record + self.evaluate + self.deliver


def main() -> None:
    options = _options()
    with own_database("benchmark_path"):
        print(machine.facts())
        print(
            f"{options.records} records, {options.connections} connections, provider's latency "
            f"{options.latency_ms:g} ms, {options.rounds} rounds of each; badges per second:\n"
        )
        print(f"{'round':>6} {'product':>8} {'bare':>8} {'ratio':>6}")
        with fresh_sandbox(latency_ms=0) as sandbox:
            _walk(sandbox, number=-1, options=options)
        analyze()
        paths: list[Path] = []
        loops: list[float] = []
        for number in range(options.rounds):
            with fresh_sandbox(latency_ms=options.latency_ms) as sandbox:
                paths.append(_walk(sandbox, number=number, options=options))
                sandbox.require(options.records)
            with fresh_sandbox(latency_ms=options.latency_ms) as sandbox:
                loops.append(bare.seconds(sandbox, badges=options.records, connections=options.connections))
                sandbox.require(options.records)
            print(_line(number + 1, options.records, paths[-1].total, loops[-1]), flush=True)
        _conclude(paths, loops, options=options)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.path", description=(__doc__ or "").split("\n")[0]
    )
    parser.add_argument("--records", type=int, default=2_000)
    parser.add_argument("--connections", type=int, default=settings.DELIVERY_CONNECTIONS)
    parser.add_argument("--latency-ms", type=float, default=0, help="the provider's, before every answer")
    parser.add_argument("--rounds", type=int, default=5)
    return parser.parse_args()


def _walk(sandbox: Sandbox, *, number: int, options: argparse.Namespace) -> Path:
    """One lab finished by each of so many learners, up to the last badge at the provider."""
    settings.PROVIDER_ALLOWED_HOSTS = [sandbox.host_port]
    badge = _prepare(sandbox, number=number, records=options.records)
    launches = _launches(badge, number=number)

    started = perf_counter()
    for launch in launches:
        progress.prepare(launch, before=None)
    progress.store(launches)
    recorded = perf_counter()
    award_changes()
    evaluated = perf_counter()
    deliver(connections=options.connections)
    delivered = perf_counter()

    issued = IssuedBadge.objects.filter(badge=badge, status=Status.ISSUED).exclude(external_uuid="").count()
    if issued != options.records:
        raise SystemExit(f"{issued} of {options.records} badges are issued.")
    return Path(recorded - started, evaluated - recorded, delivered - evaluated)


def _prepare(sandbox: Sandbox, *, number: int, records: int) -> Badge:
    """Learners, a badge and a rule of their own for each round; over everybody the rule has run already."""
    Achievement.objects.update(enabled=False)
    badge = badge_at(sandbox.url, learners=records)
    save_achievement(
        Achievement(
            name="Finish a lab",
            organization=badge.organization,
            badge=badge,
            conditions_text="[{Subject:0, Count:1, Complete:True}]",
        )
    )
    award_due()
    return badge


def _launches(badge: Badge, *, number: int) -> list[LabInstance]:
    dice = random.Random(SEED + number)
    labs = Lab.objects.bulk_create(
        Lab(name=f"Lab {lab}", organization=badge.organization) for lab in range(20)
    )
    learners = list(User.objects.filter(organization=badge.organization).select_related("organization"))
    dice.shuffle(learners)
    return [
        LabInstance(user=learner, lab=dice.choice(labs), started_at=FIRST_DAY, completed_at=FIRST_DAY)
        for learner in learners
    ]


def _line(title: object, records: int, path: float, loop: float) -> str:
    return f"{title:>6} {records / path:>8.0f} {records / loop:>8.0f} {loop / path:>6.0%}"


def _conclude(paths: list[Path], loops: list[float], *, options: argparse.Namespace) -> None:
    """The ratios are medians of those of neighbouring rounds, which saw the machine in the same mood."""
    print(_line("median", options.records, median(path.total for path in paths), median(loops)))
    print(f"\n{'step':>9} {'seconds':>8} {'a second':>9} {'of bare loop':>13}")
    for name in ("record", "evaluate", "deliver", "total"):
        step = median(getattr(path, name) for path in paths)
        ratio = median(loop / getattr(path, name) for path, loop in zip(paths, loops, strict=True))
        print(f"{name:>9} {step:>8.2f} {options.records / step:>9.0f} {ratio:>13.0%}")
    print(f"\nPeak memory of this process, both sides together: {machine.peak_mb():.0f} MB.")


if __name__ == "__main__":
    main()
