"""Leaving an account alone while nobody answers there.

After THRESHOLD failures in a row that say "nobody is there" (no connection, no answer, 5xx), the account is
not called until `broken_until`. Then one call is let through, the probe: a compare-and-swap of that moment
decides who makes it. Whatever answer it brings ends the break; without one the next break is twice as long,
up to minutes, so that a provider's return is noticed soon and its outage costs next to nothing.

What waits meanwhile stays in the queue: nothing is tried, so no attempt is counted.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from itertools import takewhile
from operator import not_

from django.conf import settings
from django.db.models import F
from django.utils import timezone

from providers.models import BadgeProvider

THRESHOLD = 5
DOUBLINGS = 5


def break_after(failures: int) -> timedelta:
    """A quarter of a minute at first and eight minutes at most, with a lease of a minute and a half."""
    first = timedelta(seconds=settings.ISSUE_LEASE_SECONDS) / 6
    return first * 2.0 ** min(max(failures - THRESHOLD, 0), DOUBLINGS)


def may_probe(provider: BadgeProvider) -> bool:
    """Take the one call that an account is tried with when its break is over; False: somebody else has it.

    The probe holds for a lease. Should its caller die, the next one may try then.
    """
    until = timezone.now() + timedelta(seconds=settings.ISSUE_LEASE_SECONDS)
    rows = BadgeProvider.objects.filter(pk=provider.pk, broken_until=provider.broken_until)
    if not rows.update(broken_until=until):
        return False
    provider.broken_until = until
    return True


def give_back(provider: BadgeProvider) -> None:
    """A probe was not made: the next one need not wait for it."""
    rows = BadgeProvider.objects.filter(pk=provider.pk, broken_until=provider.broken_until)
    rows.update(broken_until=timezone.now())


def record(provider: BadgeProvider, answered: Sequence[bool]) -> bool:
    """Learn from calls of an account, in the order of their ends; whether it is left alone now.

    `provider` is as it was when the calls were allowed: with `broken_until` set they were the probe.
    """
    rows = BadgeProvider.objects.filter(pk=provider.pk)
    silent = len(list(takewhile(not_, reversed(answered))))
    if silent < len(answered):
        rows.exclude(failures_in_a_row=0, broken_until=None).update(failures_in_a_row=0, broken_until=None)
    elif provider.broken_until is not None:
        return _lengthen(provider)
    if not silent:
        return False
    closed = rows.filter(broken_until=None)
    closed.update(failures_in_a_row=F("failures_in_a_row") + silent)
    closed.filter(failures_in_a_row__gte=THRESHOLD).update(
        failures_in_a_row=THRESHOLD, broken_until=timezone.now() + break_after(THRESHOLD)
    )
    return rows.filter(broken_until__isnull=False).exists()


def _lengthen(provider: BadgeProvider) -> bool:
    """The probe failed. Nothing is written when somebody else has made one meanwhile."""
    failures = provider.failures_in_a_row + 1
    rows = BadgeProvider.objects.filter(pk=provider.pk, broken_until=provider.broken_until)
    rows.update(failures_in_a_row=failures, broken_until=timezone.now() + break_after(failures))
    return True
