"""Rules at scale: two hundred rules over a history, everybody at once and only those who changed.

The product evaluates the rules that administrators write, with its gates, evidence, intents and messages.
The yardstick is hand-written SQL over narrow tables (benchmarks.yardstick). Both work in one database, take
turns, and must find the same: each award, and the moment it was earned. Medians are compared.

    python -m benchmarks.evaluation [--size 1m] [--size 10m] [--rounds N] [--first-rounds N] [--keep]
                                    [--sqlite]

Two sizes show the growth. --first-rounds says how often the first run is repeated, which takes longest;
--keep leaves the database for the next run, --sqlite also runs the product alone on SQLite, at the smaller
size. A server as a site of that size has it: python -m benchmarks.servers.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import random
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from time import perf_counter, process_time
from urllib.parse import urlsplit, urlunsplit

from django.db import connection

from achievements.authoring import save_achievement
from achievements.evaluation import award_changes, award_full
from achievements.explanation import explain
from achievements.models import Achievement, EarnedAchievement
from achievements.preview import preview
from badges.models import Badge, IssuedBadge
from benchmarks import history, machine
from benchmarks.backends import busy_seconds, watched
from benchmarks.history import SIZES, Size
from benchmarks.rules import Asked, rules
from benchmarks.yardstick import Yardstick
from providers.models import BadgeProvider
from tms.models import LearningRecord, Notification, Organization, ProgressChange, User

CHANGES = (10_000, 100_000)
# The open rival's cost of one event with 200 badges, measured on a machine like this; see the README.
RIVAL_SECONDS = 0.470
FIRST, FULL = "first run, awards and intents written", "everybody, nothing new"


@dataclass(slots=True)
class Case:
    """Seconds of each round, on the clock and of the processor, and what it took."""

    name: str
    product: list[float] = field(default_factory=list)
    yardstick: list[float] = field(default_factory=list)
    product_busy: list[float] = field(default_factory=list)
    yardstick_busy: list[float] = field(default_factory=list)
    statements: int = 0
    backends_mb: float = 0
    process_mb: float = 0

    @property
    def ratio(self) -> float:
        return median(self.product) / median(self.yardstick) if self.yardstick else math.nan

    @property
    def busy_ratio(self) -> float:
        """Of processor time, this process and the database's together: what others do on the machine matters
        less to it."""
        return median(self.product_busy) / median(self.yardstick_busy) if self.yardstick_busy else math.nan


Cases = dict[str, Case]


def main() -> None:
    options = _options()
    found: dict[str, Cases] = {}
    for name in options.size or ["1m"]:
        with _database(name, keep=options.keep) as is_new:
            if not found:
                print(_machine(), flush=True)
            found[name] = _measure(name, is_new=is_new, options=options)
    _tell_growth(found)
    if options.json:
        medians = {size: {c.name: median(c.product) for c in cases.values()} for size, cases in found.items()}
        Path(options.json).write_text(json.dumps(medians))
    if options.sqlite:
        _tell_sqlite(found, options=options)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.evaluation", description=(__doc__ or "").split("\n")[0]
    )
    parser.add_argument("--size", action="append", choices=SIZES, help="records; may be given twice")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--first-rounds", type=int, help="rounds of the first run (default: as of all)")
    parser.add_argument("--keep", action="store_true", help="keep the database, and use one that was kept")
    parser.add_argument("--sqlite", action="store_true", help="the product alone on SQLite, too")
    parser.add_argument("--json", help="a file for the medians of the product")
    return parser.parse_args()


def _machine() -> str:
    return machine.facts() if connection.vendor == "postgresql" else "SQLite, the product alone"


@contextmanager
def _database(size: str, *, keep: bool) -> Iterator[bool]:
    """A database of its own; whether it has yet to be filled."""
    before = connection.settings_dict["NAME"]
    if connection.vendor == "postgresql":
        connection.settings_dict["TEST"]["NAME"] = f"benchmark_evaluation_{size}"
    connection.creation.create_test_db(verbosity=0, autoclobber=True, serialize=False, keepdb=keep)
    try:
        yield not LearningRecord.objects.exists()
    finally:
        if not keep:
            connection.creation.destroy_test_db(before, verbosity=0)
        connection.close()
        connection.settings_dict["NAME"] = before


def _measure(name: str, *, is_new: bool, options: argparse.Namespace) -> Cases:
    size = SIZES[name]
    print(f"\n{size.records:,} records of {size.learners:,} learners, {options.rounds} rounds", flush=True)
    if is_new:
        _fill(name)
    asked = _achievements()
    yardstick = None
    if connection.vendor == "postgresql":
        yardstick = Yardstick(asked, size.learners)
        yardstick.prepare()
    cases: Cases = {}
    first_rounds = options.first_rounds or options.rounds
    _measure_everybody(cases, yardstick, rounds=options.rounds, first_rounds=first_rounds)
    if yardstick:
        _compare(asked)
    for count in CHANGES:
        if count < size.records:
            _measure_changes(cases, yardstick, size=size, count=count, rounds=options.rounds)
    if yardstick:
        _compare(asked)
        _measure_looks(asked, size=size)
    return cases


def _fill(name: str) -> None:
    """In another process, so that this one's memory is the evaluation's."""
    started = perf_counter()
    environment = dict(os.environ)
    if connection.vendor == "postgresql":
        address = urlsplit(environment["DATABASE_URL"])
        environment["DATABASE_URL"] = urlunsplit(
            address._replace(path=f"/{connection.settings_dict['NAME']}")
        )
        subprocess.run([sys.executable, "-m", "benchmarks.history", name], env=environment, check=True)
    else:
        history.fill(SIZES[name])
    print(f"filled in {perf_counter() - started:.0f} s", flush=True)


def _achievements() -> dict[int, Asked]:
    """An achievement with a badge of its own for each rule; those of a kept database are used again."""
    listed = list(rules())
    known = list(Achievement.objects.order_by("pk").values_list("pk", flat=True))
    if not known:
        organization = Organization.objects.get()
        account = BadgeProvider.objects.create(name="Benchmark", organization=organization)
        known = [
            _save(rule, number=number, organization=organization, account=account)
            for number, rule in enumerate(listed, start=1)
        ]
    return dict(zip(known, listed, strict=True))


def _save(rule: Asked, *, number: int, organization: Organization, account: BadgeProvider) -> int:
    badge = Badge.objects.create(
        name=f"Badge {number}",
        organization=organization,
        badge_provider=account,
        template_id=str(number),
        is_active=True,
    )
    achievement = Achievement(
        name=f"Achievement {number}",
        organization=organization,
        badge=badge,
        points=rule.given,
        conditions_text=rule.text,
    )
    save_achievement(achievement)
    return int(achievement.pk)


def _measure_everybody(cases: Cases, yardstick: Yardstick | None, *, rounds: int, first_rounds: int) -> None:
    """Every rule is evaluated over everybody, before anything is awarded and after."""
    first, full = cases.setdefault(FIRST, Case(FIRST)), cases.setdefault(FULL, Case(FULL))
    for _number in range(first_rounds):
        _forget(yardstick)
        _product(first, award_full)
        if yardstick:
            _yardstick(first, yardstick.full)
    _print(first)
    _tidy(yardstick)
    for _number in range(rounds):
        _product(full, award_full)
        if yardstick:
            _yardstick(full, yardstick.full)
    _print(full)


def _measure_changes(
    cases: Cases, yardstick: Yardstick | None, *, size: Size, count: int, rounds: int
) -> None:
    name = f"{count:,} changed records"
    case = cases.setdefault(name, Case(name))
    batches = LearningRecord.objects.filter(source_id__gt=size.records).order_by("-source_id")
    last = batches.values_list("source_id", flat=True).first() or 0
    start = max(0, (last - size.records) // 1_000_000 + 1)
    for number in range(start, start + rounds):
        history.add(size, count=count, number=number)
        after = yardstick.take() if yardstick else 0
        _product(case, award_changes)
        if yardstick:
            _yardstick(case, lambda after=after: yardstick.changed(after=after))
    _print(case)
    each = median(case.product) / count
    print(f"{'':38} {each * 1e6:.0f} µs each; the open rival's 470 ms are {RIVAL_SECONDS / each:,.0f} times")


def _measure_looks(asked: dict[int, Asked], *, size: Size) -> None:
    """What people wait for: one rule looked ahead of for everybody, one learner explained."""
    one_of_each = {rule.shape: pk for pk, rule in asked.items()}
    dice = random.Random(size.records)
    for shape, pk in one_of_each.items():
        draft = Achievement.objects.select_related("organization", "badge").get(pk=pk)
        foreseen = _seconds(lambda draft=draft: preview(draft))
        told = []
        for learner in User.objects.filter(pk__in=dice.sample(range(1, size.learners + 1), 20)):
            told.append(_seconds(lambda learner=learner, draft=draft: explain(draft, learner)))
        print(
            f"{shape.value:38} preview {foreseen:8.2f} s   explain {median(told) * 1e3:5.1f} ms,"
            f" at most {max(told) * 1e3:.1f} ms",
            flush=True,
        )


def _product(case: Case, run: Callable[[], object]) -> None:
    count = 0

    def counting(execute, sql, parameters, many, context):  # type: ignore[no-untyped-def]
        nonlocal count
        count += 1
        return execute(sql, parameters, many, context)

    machine.forget_peak()
    with watched(str(connection.settings_dict["NAME"])) as peak, connection.execute_wrapper(counting):
        before = _busy()
        case.product.append(_seconds(run))
        case.product_busy.append(_busy() - before)
    case.statements = count
    case.backends_mb = max(case.backends_mb, peak.mb)
    case.process_mb = max(case.process_mb, machine.peak_mb())


def _yardstick(case: Case, run: Callable[[], object]) -> None:
    before = _busy()
    case.yardstick.append(_seconds(run))
    case.yardstick_busy.append(_busy() - before)


def _busy() -> float:
    """Seconds of processor that this process and the one that answers its connection have had."""
    if connection.vendor != "postgresql":
        return process_time()
    return process_time() + busy_seconds(connection.connection.info.backend_pid)


def _seconds(run: Callable[[], object]) -> float:
    started = perf_counter()
    run()
    return perf_counter() - started


def _forget(yardstick: Yardstick | None) -> None:
    """As on the first day."""
    ProgressChange.objects.all().delete()
    with connection.cursor() as cursor:
        if yardstick is None:
            for model in (EarnedAchievement, IssuedBadge, Notification):
                model._default_manager.all().delete()
            return
        tables = ", ".join(model._meta.db_table for model in (EarnedAchievement, IssuedBadge, Notification))
        cursor.execute(f"TRUNCATE {tables} CASCADE")
    yardstick.forget()
    _tidy(yardstick)


def _tidy(yardstick: Yardstick | None) -> None:
    if yardstick:
        history.tidy(EarnedAchievement, IssuedBadge, Notification, ProgressChange, Achievement, Badge)
        yardstick.tidy()


def _compare(asked: dict[int, Asked]) -> None:
    """Both sides know every award of the other, and the moment of each."""
    with connection.cursor() as cursor:
        cursor.execute(
            """
            SELECT coalesce(theirs.achievement_id, ours.achievement_id), count(*), count(ours.id),
                   count(theirs.id),
                   count(*) FILTER (WHERE ours.earned_at IS DISTINCT FROM theirs.earned_at)
            FROM achievements_earnedachievement AS ours
            FULL JOIN yardstick.awards AS theirs
              ON theirs.learner_id = ours.learner_id AND theirs.achievement_id = ours.achievement_id
            GROUP BY 1
            """
        )
        rows = cursor.fetchall()
        cursor.execute("SELECT count(*) FROM yardstick.intents")
        (intents,) = cursor.fetchone()
    wrong = [row for row in rows if row[4]]
    if wrong:
        lines = [f"{asked[row[0]].text}: {row[2]} here, {row[3]} there, {row[4]} differ" for row in wrong]
        raise SystemExit("Product and yardstick disagree.\n" + "\n".join(lines))
    if intents != IssuedBadge.objects.count():
        raise SystemExit(f"{IssuedBadge.objects.count()} intents here, {intents} there.")
    total = sum(row[1] for row in rows)
    print(f"both sides agree on {total:,} awards of {len(rows)} rules, and on the moment of each", flush=True)


def _print(case: Case) -> None:
    line = f"{case.name:38} product {median(case.product):8.2f} s"
    if case.yardstick:
        line += f"   yardstick {median(case.yardstick):8.2f} s   ratio {case.ratio:5.2f}"
        line += f" ({case.busy_ratio:.2f} of the processor)"
    memory = f"process {case.process_mb:.0f} MB, backends {case.backends_mb:.0f} MB"
    print(f"{line}   {case.statements} statements, {memory}", flush=True)


def _tell_growth(found: dict[str, Cases]) -> None:
    """How the seconds grow with the history; 1 is in proportion."""
    if len(found) < 2:
        return
    print()
    small, large = sorted(found, key=lambda name: SIZES[name].records)[-2:]
    times = SIZES[large].records / SIZES[small].records
    for name in found[small].keys() & found[large].keys():
        more = median(found[large][name].product) / median(found[small][name].product)
        exponent = math.log(more, times)
        print(f"{name:38} {large} takes {more:.2f} times as long as {small}: exponent {exponent:.2f}")


def _tell_sqlite(found: dict[str, Cases], *, options: argparse.Namespace) -> None:
    with TemporaryDirectory() as folder:
        medians = Path(folder) / "medians.json"
        environment = os.environ | {"DATABASE_URL": "", "DATA_DIR": folder}
        command = [sys.executable, "-m", "benchmarks.evaluation", "--json", str(medians)]
        command += ["--rounds", str(options.rounds)]
        command += ["--first-rounds", str(options.first_rounds or options.rounds)]
        smallest = min(found, key=lambda name: SIZES[name].records)
        command += ["--size", smallest]
        subprocess.run(command, env=environment, check=True)
        alone = json.loads(medians.read_text())
    print()
    for case in found[smallest].values():
        ratio = alone[smallest][case.name] / median(case.product)
        print(f"{case.name:38} SQLite takes {ratio:.2f} times as long as PostgreSQL at {smallest}")


if __name__ == "__main__":
    main()
