"""Which accounts may be called now, and how often: asked before work is claimed (badges.lifecycle).

An account is not called while it is disabled, paused by a person or by a refusal (providers.accounts), asked
to wait by its provider or above its rate (providers.limits), or given up for the moment (providers.breaker).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from django.db.models import Q
from django.utils import timezone

from providers import breaker, limits
from providers.limits import Limit
from providers.models import BadgeProvider


@dataclass(frozen=True, slots=True)
class Allowance:
    """`calls` of one account, of which it shares `calls_of_host` with all accounts of the same `host`."""

    calls: int
    host: str = ""
    calls_of_host: int = 0


@dataclass(slots=True)
class Turns:
    """What may be called now, by account. It is taken already: `settle` gives back what was not used."""

    allowed: dict[int, Allowance] = field(default_factory=dict)
    _taken: list[tuple[Limit, int, frozenset[int]]] = field(default_factory=list)
    _probes: list[BadgeProvider] = field(default_factory=list)

    def settle(self, used: Mapping[int, int]) -> None:
        """`used`: the calls that will be made, by account."""
        for limit, turns, accounts in self._taken:
            limits.give_back(limit, turns - sum(used.get(account, 0) for account in accounts))
        for provider in self._probes:
            if not used.get(provider.pk):
                breaker.give_back(provider)


def take(wanted: Mapping[int, int], *, now: datetime | None = None) -> Turns:
    """Take turns for up to so many calls of each account; an account that may not be called is missing.

    One statement, and two more for each limit and each account whose break is over.
    """
    now = now or timezone.now()
    turns = Turns()
    calls: dict[int, int] = {}
    of_host: dict[Limit, set[int]] = {}
    for provider in _callable(wanted, now=now):
        most = wanted[provider.pk]
        if provider.broken_until is not None:
            most = 1 if most and breaker.may_probe(provider) else 0
            if most:
                turns._probes.append(provider)
        own = limits.limit_of_account(provider)
        if own and most:
            most = limits.take(own, most, now=now)
            turns._taken.append((own, most, frozenset([provider.pk])))
        if most:
            calls[provider.pk] = most
            if host := limits.limit_of_host(provider):
                of_host.setdefault(host, set()).add(provider.pk)
    turns.allowed = {account: Allowance(most) for account, most in calls.items()}
    for host, accounts in of_host.items():
        free = limits.take(host, sum(calls[account] for account in accounts), now=now)
        turns._taken.append((host, free, frozenset(accounts)))
        for account in accounts:
            if free:
                turns.allowed[account] = Allowance(calls[account], host.place, free)
            else:
                del turns.allowed[account]
    return turns


def _callable(wanted: Mapping[int, int], *, now: datetime) -> list[BadgeProvider]:
    rested = Q(closed_until__isnull=True) | Q(closed_until__lte=now)
    whole = Q(broken_until__isnull=True) | Q(broken_until__lte=now)
    rows = BadgeProvider.objects.filter(rested, whole, pk__in=wanted, is_enabled=True, paused_at=None)
    return list(rows.only("kind", "api_url", "calls_per_minute", "broken_until"))
