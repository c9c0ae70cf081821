"""How fast accounts and hosts are called, and that what one worker learns holds for all."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone
from hypothesis import given
from hypothesis import strategies as st

from badges.lifecycle import claim
from badges.models import IssuedBadge
from badges.status import Status
from providers import limits, turns
from providers.limits import Limit
from providers.models import BadgeProvider, CallRate
from tests.factories import BadgeFactory, BadgeProviderFactory, IssuedBadgeFactory

pytestmark = pytest.mark.django_db
ACCREDIBLE = BadgeProvider.Kind.ACCREDIBLE
NOW = timezone.now()


def waiting(provider, number=1):
    badge = BadgeFactory(organization=provider.organization, badge_provider=provider)
    return [IssuedBadgeFactory(badge=badge) for _number in range(number)]


# --- The rate -----------------------------------------------------------------------------------------------


@given(
    per_minute=st.integers(1, 1000),
    rests=st.lists(st.integers(0, 90_000), min_size=1, max_size=40),
)
def test_no_minute_sees_more_calls_than_the_limit_and_no_half_more_than_half(per_minute, rests):
    """Whoever asks at whatever moments, always for as much as there is; the algorithm alone, without a row."""
    limit = Limit("here", per_minute)
    free_at, now, calls = NOW, NOW, []
    for rest in rests:
        now += timedelta(milliseconds=rest)
        free = limit.free(free_at, now=now)
        free_at = max(free_at, now) + free * limit.interval
        calls += [now] * free
    for seconds, most in ((60, per_minute), (30, max(per_minute / 2, 1))):
        for start in calls:
            end = start + timedelta(seconds=seconds)
            assert sum(start <= call < end for call in calls) <= most


def test_turns_come_back_with_time_and_never_more_than_a_burst():
    limit = Limit("here", 400)
    assert limits.take(limit, 1000, now=NOW) == limit.burst == 25
    assert limits.take(limit, 1000, now=NOW) == 0
    assert limits.take(limit, 1000, now=NOW + limit.interval) == 1
    later = NOW + timedelta(seconds=2)
    assert limits.take(limit, 3, now=later) == 3
    assert limits.take(limit, 1000, now=NOW + timedelta(hours=1)) == limit.burst
    assert CallRate.objects.count() == 1


def test_what_was_not_used_is_free_again():
    limit = Limit("here", 160)
    assert limits.take(limit, 10, now=NOW) == 10
    limits.give_back(limit, 4)
    assert limits.take(limit, 10, now=NOW) == 4


def test_a_clock_that_ran_ahead_for_a_moment_stops_nobody_until_it_would_be_right():
    limit = Limit("here", 160)
    now = timezone.now()
    assert limits.take(limit, 10, now=now + timedelta(days=365)) == 10
    assert limits.take(limit, 10, now=now) == 0
    assert limits.take(limit, 10, now=now + limits.FURTHEST + timedelta(minutes=1)) == 10


def test_of_two_who_take_at_once_the_slower_one_counts_the_other(monkeypatch):
    """Between reading and writing somebody else takes turns: the comparison fails and is made anew."""
    limit = Limit("here", 160)
    limits.take(limit, 1, now=NOW)
    real, meanwhile = limits.CallRate.objects.filter, [6]

    def read_then_be_overtaken(**given):
        rows = real(**given)
        if "free_at" in given and meanwhile:
            assert limits.take(limit, meanwhile.pop(), now=NOW) == 6
        return rows

    monkeypatch.setattr(limits.CallRate.objects, "filter", read_then_be_overtaken)
    assert limits.take(limit, 10, now=NOW) == 3


def test_an_account_has_the_limit_of_its_host_and_a_smaller_one_of_its_own():
    def described(**given):
        return [
            (limit.place.split()[0], limit.per_minute)
            for limit in limits.limits_of(BadgeProviderFactory(**given))
        ]

    assert described() == []
    assert described(calls_per_minute=60) == [("account", 60)]
    assert described(kind=ACCREDIBLE) == [("host", 400)]
    assert described(kind=ACCREDIBLE, calls_per_minute=60) == [("host", 400), ("account", 60)]
    assert described(kind=ACCREDIBLE, calls_per_minute=500) == [("host", 400)]


# --- Claims -------------------------------------------------------------------------------------------------


def test_rows_without_a_turn_stay_queued_and_others_are_claimed():
    slow = BadgeProviderFactory(calls_per_minute=32)
    waiting(slow, 5)
    others = waiting(BadgeProviderFactory(), 3)
    claimed = claim(20)
    assert [row.badge.badge_provider for row in claimed].count(slow) == 2
    assert {row.pk for row in others} < {row.pk for row in claimed}
    assert IssuedBadge.objects.filter(status=Status.QUEUED, attempts=0, claim_token=None).count() == 3
    assert claim(20) == []
    interval = Limit("", 32).interval
    assert len(claim(20, now=timezone.now() + interval)) == 1


def test_accounts_of_one_host_share_its_limit_however_it_is_spelled(monkeypatch):
    monkeypatch.setattr("providers.accredible.Accredible.calls_per_minute", 64)
    for url in ("https://api.accredible.com/v1", "https://API.accredible.com/"):
        waiting(BadgeProviderFactory(kind=ACCREDIBLE, api_url=url), 5)
    elsewhere = BadgeProviderFactory(kind=ACCREDIBLE, api_url="https://eu.api.accredible.com")
    waiting(elsewhere, 5)
    claimed = claim(20)
    assert len(claimed) == 8
    assert len({row.badge.badge_provider_id for row in claimed}) == 3
    assert [row.badge.badge_provider for row in claimed].count(elsewhere) == 4


def test_turns_that_found_nothing_to_do_are_given_back():
    """Its only row is one that another worker holds."""
    account = BadgeProviderFactory(calls_per_minute=16)
    taken = turns.take({account.pk: 5})
    assert taken.allowed[account.pk].calls == 1
    taken.settle({})
    (row,) = waiting(account)
    assert [claimed.pk for claimed in claim(5)] == [row.pk]


def test_calls_beyond_the_first_are_counted_afterwards():
    account = BadgeProviderFactory(calls_per_minute=160)
    waiting(account, 12)
    limits.charge(account, 7)
    assert len(claim(20)) == 3
    limits.charge(BadgeProviderFactory(), 100)
    assert CallRate.objects.count() == 1


# --- Asked to wait ------------------------------------------------------------------------------------------


def test_an_account_that_is_asked_to_wait_is_left_alone_until_then():
    account, other = BadgeProviderFactory(), BadgeProviderFactory()
    waiting(account, 2), waiting(other)
    limits.close(account, seconds=120)
    assert [row.badge.badge_provider for row in claim(5)] == [other]
    assert claim(5, now=timezone.now() + timedelta(seconds=110)) == []
    assert len(claim(5, now=timezone.now() + timedelta(seconds=121))) == 2


def test_where_the_host_counts_all_its_accounts_wait():
    first, second, elsewhere = (
        BadgeProviderFactory(kind=ACCREDIBLE, api_url=f"https://{host}accredible.com/v1")
        for host in ("api.", "API.", "eu.api.")
    )
    for account in (first, second, elsewhere):
        waiting(account)
    assert limits.close(first, seconds=None) == {first.pk, second.pk}
    assert [row.badge.badge_provider for row in claim(5)] == [elsewhere]


def test_a_shorter_wait_ends_no_longer_one():
    account = BadgeProviderFactory()
    limits.close(account, seconds=3600)
    limits.close(account, seconds=0)
    account.refresh_from_db()
    assert account.closed_until > timezone.now() + timedelta(seconds=3500)


# --- Foresight ----------------------------------------------------------------------------------------------


def test_the_time_that_many_calls_take_follows_the_slowest_limit(settings):
    settings.DELIVERY_CONNECTIONS = 8
    assert limits.seconds_for(BadgeProviderFactory(), 1600) == 1600 * limits.SECONDS_PER_CALL / 8
    slow = BadgeProviderFactory(kind=ACCREDIBLE, calls_per_minute=60)
    assert limits.seconds_for(slow, 600) == pytest.approx(600, rel=0.1)
    accredible = BadgeProviderFactory(kind=ACCREDIBLE)
    assert limits.seconds_for(accredible, 40_000) == pytest.approx(40_000 / 400 * 60, rel=0.15)
    assert limits.seconds_for(slow, 0) == 0
