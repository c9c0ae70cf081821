"""An account at which nobody answers is left alone, tried with one call, and used again when it answers."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone

from badges.lifecycle import claim, lease
from badges.models import IssuedBadge
from badges.status import Status
from providers import breaker
from providers.models import BadgeProvider
from tests.factories import BadgeFactory, BadgeProviderFactory, IssuedBadgeFactory

pytestmark = pytest.mark.django_db


@pytest.fixture
def account() -> BadgeProvider:
    found: BadgeProvider = BadgeProviderFactory()
    return found


def stored(account: BadgeProvider) -> BadgeProvider:
    return BadgeProvider.objects.get(pk=account.pk)


def broken(account: BadgeProvider, *, since: timedelta = timedelta(0)) -> BadgeProvider:
    assert breaker.record(account, [False] * breaker.THRESHOLD)
    BadgeProvider.objects.update(broken_until=timezone.now() - since)
    return stored(account)


def test_failures_in_a_row_end_in_a_break_and_any_answer_between_them_does_not(account):
    assert not breaker.record(account, [False] * 4)
    assert not breaker.record(account, [True, False, False])
    assert stored(account).failures_in_a_row == 2
    assert not breaker.record(account, [False, False])
    assert breaker.record(account, [False])
    left = stored(account)
    assert left.broken_until is not None
    assert timedelta(0) < left.broken_until - timezone.now() <= breaker.break_after(breaker.THRESHOLD)


def test_what_was_under_way_when_the_break_began_makes_it_no_longer(account):
    breaker.record(account, [False] * 5)
    before = stored(account).broken_until
    assert breaker.record(account, [False] * 20)
    assert stored(account).broken_until == before
    assert stored(account).failures_in_a_row == breaker.THRESHOLD


def test_an_answer_to_what_was_under_way_ends_the_break(account):
    breaker.record(account, [False] * 5)
    assert not breaker.record(account, [True])
    assert (stored(account).broken_until, stored(account).failures_in_a_row) == (None, 0)


def test_the_account_is_left_alone_and_then_tried_with_one_row(account):
    badge = BadgeFactory(organization=account.organization, badge_provider=account)
    for _number in range(5):
        IssuedBadgeFactory(badge=badge)
    breaker.record(account, [False] * 5)
    assert claim(5) == []
    assert IssuedBadge.objects.filter(status=Status.QUEUED, attempts=0).count() == 5
    over = timezone.now() + breaker.break_after(breaker.THRESHOLD)
    (probe,) = claim(5, now=over)
    assert probe.badge.badge_provider.broken_until is not None
    assert claim(5, now=over) == []


def test_of_two_workers_one_makes_the_probe(account):
    """Both have read the account when its break was over."""
    first, second = broken(account), stored(account)
    assert breaker.may_probe(first)
    assert not breaker.may_probe(second)


def test_a_probe_whose_worker_died_is_followed_by_another_after_a_lease(account):
    badge = BadgeFactory(organization=account.organization, badge_provider=account)
    for _number in range(2):
        IssuedBadgeFactory(badge=badge)
    broken(account)
    now = timezone.now()
    assert len(claim(5, now=now)) == 1
    assert claim(5, now=now + lease() / 2) == []
    assert len(claim(5, now=now + lease() + timedelta(seconds=1))) == 1


def test_a_probe_that_was_not_needed_leaves_the_next_one_free(account):
    tried = broken(account)
    assert breaker.may_probe(tried)
    breaker.give_back(tried)
    assert stored(account).broken_until <= timezone.now()


def test_breaks_grow_up_to_minutes_as_long_as_probes_fail_and_one_answer_ends_them(account):
    lengths = []
    for _number in range(10):
        probe = broken(account) if not lengths else stored(account)
        assert breaker.may_probe(probe)
        assert breaker.record(stored(account), [False])
        left = stored(account).broken_until - timezone.now()
        lengths.append(timedelta(seconds=round(left.total_seconds())))
    assert lengths == sorted(lengths)
    assert timedelta(seconds=20) < lengths[0] < timedelta(seconds=40)
    assert timedelta(minutes=7) < lengths[-1] < timedelta(minutes=10)
    assert breaker.may_probe(stored(account))
    assert not breaker.record(stored(account), [True])
    assert (stored(account).broken_until, stored(account).failures_in_a_row) == (None, 0)


def test_a_probe_that_ends_late_does_not_speak_for_the_next_one(account):
    late = broken(account)
    breaker.may_probe(late)
    BadgeProvider.objects.update(broken_until=timezone.now())
    current = stored(account)
    breaker.may_probe(current)
    breaker.record(late, [False])
    assert stored(account).broken_until == current.broken_until
