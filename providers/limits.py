"""How fast providers may be called, agreed among all workers by rows of the database (CallRate).

A vendor's documented limit counts every call from one address, so it is kept for the host, whichever account
calls; an account may have a smaller limit of its own. Whoever wants to call takes turns first, and what got
no turn stays where it is: nobody waits here.

Each place remembers one moment, `free_at`, which every call moves onward by the same interval; how far it may
lie ahead of now is the burst (the generic cell rate algorithm). One compare-and-swap UPDATE takes any number
of turns, and no lock outlives it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial

from django.conf import settings
from django.db.models import Q
from django.utils import timezone

from providers.models import BadgeProvider, CallRate
from providers.registry import adapter_class

# Accredible counts in periods of half a minute, and nobody documents a longer one.
UNTOLD_PAUSE = 30.0
SHORTEST_PAUSE = 1.0
BURSTS = 16  # a burst is this part of a minute's calls
# What an exchange takes with nothing in its way, for foresight only.
SECONDS_PER_CALL = 0.5
ATTEMPTS = 5
LONG_AGO = datetime(2000, 1, 1, tzinfo=UTC)
# No vendor counts for longer. What lies further ahead was written by a clock that was wrong.
FURTHEST = timedelta(minutes=15)


@dataclass(frozen=True, slots=True)
class Limit:
    """At most `per_minute` calls in any minute, and half of them in any half, as Accredible counts."""

    place: str
    per_minute: int

    @property
    def burst(self) -> int:
        """So many at once after a rest."""
        return max(1, self.per_minute // BURSTS)

    @property
    def interval(self) -> timedelta:
        """Between calls that come one after the other. A burst and what follows it stay below the limit."""
        return timedelta(minutes=1) / (self.per_minute - 2 * (self.burst - 1))

    def free(self, free_at: datetime, *, now: datetime) -> int:
        """How many turns there are now."""
        return max(0, (now + self.burst * self.interval - max(free_at, now)) // self.interval)


def limit_of_host(provider: BadgeProvider) -> Limit | None:
    """What the vendor documents for all calls from one address."""
    adapter = adapter_class(provider.kind)
    if adapter is None or not adapter.calls_per_minute:
        return None
    return Limit(f"host {provider.host}", adapter.calls_per_minute)


def limit_of_account(provider: BadgeProvider) -> Limit | None:
    """The account's own, where it has one that is smaller than its host's."""
    of_host = limit_of_host(provider)
    if not provider.calls_per_minute or (of_host and provider.calls_per_minute >= of_host.per_minute):
        return None
    return Limit(f"account {provider.pk}", provider.calls_per_minute)


def limits_of(provider: BadgeProvider) -> list[Limit]:
    return [limit for limit in (limit_of_host(provider), limit_of_account(provider)) if limit]


def take(limit: Limit, most: int, *, now: datetime | None = None) -> int:
    """Take up to `most` turns; how many were free. What is not used is given back (`give_back`)."""
    now = now or timezone.now()

    def taken(free_at: datetime) -> int:
        return min(most, limit.free(free_at, now=now))

    before = _shift(limit, lambda free_at: max(free_at, now) + taken(free_at) * limit.interval)
    return 0 if before is None else taken(before)


def give_back(limit: Limit, turns: int) -> None:
    """Turns that were taken and not used."""
    if turns:
        _shift(limit, lambda free_at: free_at - turns * limit.interval)


def charge(provider: BadgeProvider, calls: int) -> None:
    """Count calls that were made without a turn, such as the further pages of a search."""
    if not calls:
        return
    now = timezone.now()
    for limit in limits_of(provider):
        _shift(limit, partial(_after, calls * limit.interval, now))


def _after(cost: timedelta, now: datetime, free_at: datetime) -> datetime:
    return max(free_at, now) + cost


def _shift(limit: Limit, onward: Callable[[datetime], datetime]) -> datetime | None:
    """Move `free_at` by compare-and-swap; where it was, or None when others were faster time and again."""
    for _attempt in range(ATTEMPTS):
        free_at = CallRate.objects.filter(place=limit.place).values_list("free_at", flat=True).first()
        if free_at is None:
            first = CallRate(place=limit.place, free_at=LONG_AGO)
            CallRate.objects.bulk_create([first], ignore_conflicts=True)
            continue
        believed = min(free_at, timezone.now() + FURTHEST)
        to = onward(believed)
        if to == free_at or CallRate.objects.filter(place=limit.place, free_at=free_at).update(free_at=to):
            return believed
    return None


def close(provider: BadgeProvider, *, seconds: float | None) -> set[int]:
    """The provider asks us to wait (429): until then nobody calls what the limit holds for; those accounts.

    That is the host, with all its accounts, where the vendor counts by address, else the account alone.
    Without `seconds` (Retry-After) the wait is half a minute.
    """
    pause = UNTOLD_PAUSE if seconds is None else max(seconds, SHORTEST_PAUSE)
    until = timezone.now() + timedelta(seconds=pause)
    earlier = Q(closed_until__isnull=True) | Q(closed_until__lt=until)
    concerned = provider.neighbours() if limit_of_host(provider) else {provider.pk}
    BadgeProvider.objects.filter(earlier, pk__in=concerned).update(closed_until=until)
    return concerned


def seconds_for(provider: BadgeProvider, calls: int) -> float:
    """How long so many calls of an account take when it has its connections and its host to itself."""
    at_once = calls * SECONDS_PER_CALL / settings.DELIVERY_CONNECTIONS
    in_turn = [max(calls - limit.burst, 0) * limit.interval.total_seconds() for limit in limits_of(provider)]
    return max(at_once, *in_turn, 0.0)
