"""The Find pages over a large site: a million issued badges, a hundred thousand people.

Each page is asked as its reader asks it: opened, by each of its filters, sorted by each of its columns both
ways, and by the search box; the administrator's home is asked with them. Of a hundred answers five may be
slower than 300 ms, and none may take more than twelve queries. Times are of the whole answer, made by one
process that also plays the browser, as the 95th percentile of all and of each page. Beside them stands what
the page costs on a site with a thousandth of the rows, as a ratio.

    python -m benchmarks.pages [--rounds N]
"""

from __future__ import annotations

import argparse
import random
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import islice
from time import perf_counter
from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from badges.models import Badge, IssuedBadge
from badges.status import Status
from benchmarks import history, machine
from benchmarks.database import own_database
from providers.models import BadgeProvider
from tms.access import Role
from tms.contributions import contributed
from tms.finding.filters import BelongsTo, Choice, Moment, Number, Reference, Text, YesNo
from tms.models import Organization, RoleAssignment, User

if TYPE_CHECKING:
    from tms.finding.filters import Filter
    from tms.finding.search import FindPage

SEED = 20_260_302
BADGES = 200
SMALL, LARGE = (100, 1_000), (100_000, 1_000_000)  # people, issued badges
LIMIT_MS, MOST_QUERIES = 300, 12
HOME = "home"
FIRST = datetime(2026, 1, 1, tzinfo=UTC)
STATUSES = {
    Status.ACCEPTED: 70,
    Status.ISSUED: 22,
    Status.REVOKED: 3,
    Status.FAILED: 2,
    Status.EXPIRED: 2,
    Status.QUEUED: 1,
}
ISSUED = (
    "badge_id",
    "learner_id",
    "status",
    "hold_reason",
    "source_kind",
    "source_key",
    "reason",
    "priority",
    "suppress_notification",
    "earned_at",
    "evidence",
    "recipient_email",
    "created_at",
    "issued_at",
    "external_uuid",
    "external_state",
    "external_url",
    "accept_url",
    "attempts",
    "lookups_missed",
    "lookups_failed",
    "correction_problem",
    "ended_reason",
    "failure_code",
    "failure_message",
    "provider_message",
)


@dataclass(slots=True)
class Asked:
    """One thing asked of one page, and what each answer took."""

    page: str
    address: str
    milliseconds: list[float] = field(default_factory=list)
    queries: int = 0


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.pages", description=__doc__)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("--rounds", type=int, default=5)
    rounds = parser.parse_args().rounds
    settings.ALLOWED_HOSTS = ["testserver"]
    settings.WHITENOISE_AUTOREFRESH = True
    taken = {}
    for people, issued in (SMALL, LARGE):
        with own_database("benchmark_pages"):
            if issued == LARGE[1]:
                print(machine.facts(), flush=True)
            taken[issued] = _measure(people=people, issued=issued, rounds=rounds)
    _tell(small=taken[SMALL[1]], large=taken[LARGE[1]])


def _measure(*, people: int, issued: int, rounds: int) -> dict[tuple[str, str], Asked]:
    viewer = _fill(people=people, issued=issued)
    client = Client()
    client.force_login(viewer)
    client.get("/")
    everything = {
        (page.name, query): Asked(page.name, f"{reverse(page.url_name)}?{query}")
        for page in _pages()
        for query in _questions(page)
    }
    everything[HOME, ""] = Asked(HOME, reverse("dashboard"))
    for _number in range(rounds):
        for asked in everything.values():
            started = perf_counter()
            answer = client.get(asked.address)
            asked.milliseconds.append((perf_counter() - started) * 1_000)
            if answer.status_code != 200:
                raise SystemExit(f"{asked.address} answers {answer.status_code}.")
    for asked in everything.values():
        with CaptureQueriesContext(connection) as seen:
            client.get(asked.address)
        asked.queries = len(seen)
    return everything


def _pages() -> list[FindPage]:
    return list(contributed("finds"))


def _questions(page: FindPage) -> Iterator[str]:
    yield page.preset or "asked=1"
    yield "asked=1&search=learner7"
    yield "asked=1&page=20"
    for each in page.offered:
        yield from _of_filter(each)
    for column in page.listing.columns:
        if column.order_by:
            yield f"asked=1&column={column.name}&sort={column.name}"
            yield f"asked=1&column={column.name}&sort=-{column.name}"


def _of_filter(each: Filter) -> Iterator[str]:
    name = each.name
    match each:
        case Text():
            yield f"{name}=learner77"
            yield f"{name}=a&{name}-how=start"
            yield f"{name}=learner77&{name}-does=not"
        case YesNo():
            yield f"{name}=is"
            yield f"{name}=not"
        case Choice():
            for value, _label in each.choices[:8]:
                yield f"{name}={value}"
            yield f"{name}={each.choices[0][0]}&{name}-is=not"
        case BelongsTo():
            yield f"{name}=1"
            yield f"{name}=1&{name}-children=1"
        case Reference():
            yield f"{name}=1"
            yield f"{name}=1&{name}-is=not"
        case Moment():
            yield f"{name}=within&{name}-n=3&{name}-unit=months"
            yield f"{name}=between&{name}-from=2026-02-01&{name}-to=2026-02-02"
            yield f"{name}=past"
            yield f"{name}=future"
        case Number():
            yield f"{name}=1&{name}-to=3"


def _fill(*, people: int, issued: int) -> User:
    """One organization with everything in it, and the administrator who looks at it."""
    organization = Organization.objects.create(pk=1, name="Benchmark", enable_achievements=True)
    account = BadgeProvider.objects.create(pk=1, name="Benchmark", organization=organization)
    badges = [
        Badge(
            pk=number,
            name=f"Badge {number}",
            organization=organization,
            badge_provider=account,
            template_id=str(number),
            is_active=True,
        )
        for number in range(1, BADGES + 1)
    ]
    Badge.objects.bulk_create(badges)
    size = history.Size(issued, people)
    with history.unchecked():
        history.copy(User, history.USER, history.people(size))
        history.copy(IssuedBadge, ISSUED, _issued(people=people, issued=issued))
    with connection.cursor() as cursor:
        cursor.execute("SELECT setval(pg_get_serial_sequence('tms_user', 'id'), %s)", [people])
        cursor.execute("VACUUM ANALYZE")
    viewer = User.objects.create_user("administrator@example.org", organization=organization)
    RoleAssignment.objects.create(user=viewer, role=Role.ADMINISTRATOR)
    return viewer


def _issued(*, people: int, issued: int) -> Iterator[tuple[Any, ...]]:
    dice = random.Random(SEED)
    pairs = ((badge, learner) for learner in range(1, people + 1) for badge in _some(dice))
    statuses = dice.choices(list(STATUSES), weights=list(STATUSES.values()), k=issued)
    step = timedelta(days=300) / issued
    for number, (badge, learner) in enumerate(islice(pairs, issued)):
        status, moment = statuses[number], FIRST + step * number
        is_there = status not in {Status.FAILED, Status.QUEUED}
        yield (
            badge,
            learner,
            status.value,
            "",
            IssuedBadge.Source.ACHIEVEMENT.value,
            "",
            "",
            IssuedBadge.Priority.LIVE.value,
            False,
            moment - timedelta(hours=1),
            "[]",
            f"learner{learner}@example.org",
            moment,
            moment if is_there else None,
            f"external-{number}" if is_there else "",
            status.value if is_there else "",
            "",
            "",
            int(status != Status.QUEUED),
            0,
            0,
            "",
            "",
            "refused" if status == Status.FAILED else "",
            "The provider refused it." if status == Status.FAILED else "",
            "",
        )


def _some(dice: random.Random) -> list[int]:
    """Ten badges of one person."""
    return dice.sample(range(1, BADGES + 1), 10)


def _tell(*, small: dict[tuple[str, str], Asked], large: dict[tuple[str, str], Asked]) -> None:
    for name in dict.fromkeys(page for page, _query in large):
        of_page = [asked for asked in large.values() if asked.page == name]
        times = [each for asked in of_page for each in asked.milliseconds]
        before = [each for asked in small.values() if asked.page == name for each in asked.milliseconds]
        print(
            f"{name:20} {len(of_page):4} questions   95th percentile {_percentile(times, 95):6.0f} ms   "
            f"slowest {max(times):6.0f} ms   at most {max(asked.queries for asked in of_page):2} queries   "
            f"{_percentile(times, 95) / _percentile(before, 95):5.1f} times that of a small site"
        )
    times = [each for asked in large.values() for each in asked.milliseconds]
    print(f"{'all':20} {len(large):4} questions   95th percentile {_percentile(times, 95):6.0f} ms")
    print("\nThe slowest")
    for asked in sorted(large.values(), key=lambda asked: -min(asked.milliseconds))[:12]:
        print(f"{min(asked.milliseconds):6.0f} ms  {asked.address}")
    slow = [asked for asked in large.values() if _percentile(asked.milliseconds, 95) > LIMIT_MS]
    many = [asked for asked in large.values() if asked.queries > MOST_QUERIES]
    print(f"\n{len(slow)} of {len(large)} questions take more than {LIMIT_MS} ms")
    print(f"{len(many)} of {len(large)} questions take more than {MOST_QUERIES} queries")


def _percentile(times: list[float], percent: int) -> float:
    ordered = sorted(times)
    return ordered[min(len(ordered) - 1, len(ordered) * percent // 100)]


if __name__ == "__main__":
    main()
