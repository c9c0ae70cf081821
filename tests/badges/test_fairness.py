"""The order in which rows are taken: priorities first, then turns between organizations and accounts."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta

import pytest
from django.utils import timezone

from badges import fairness
from badges.lifecycle import claim, claim_open
from badges.models import IssuedBadge
from badges.status import Status
from tests.factories import BadgeFactory, BadgeProviderFactory, IssuedBadgeFactory, OrganizationFactory

pytestmark = pytest.mark.django_db
P = IssuedBadge.Priority
LONG_AGO = timezone.now() - timedelta(days=1)


def waiting(badge, number=1, *, minutes=0, **given):
    due_at = given.pop("due_at", timezone.now() - timedelta(minutes=minutes))
    return [IssuedBadgeFactory(badge=badge, due_at=due_at, **given) for _number in range(number)]


def owners(rows) -> Counter[int]:
    return Counter(row.badge.organization_id for row in rows)


def test_a_single_row_comes_in_the_first_round_behind_a_long_line():
    waiting(BadgeFactory(), 30, minutes=90)
    (single,) = waiting(BadgeFactory())
    assert single.pk in {row.pk for row in claim(2)}


def test_two_organizations_share_an_account_evenly_whatever_the_number_of_their_badges():
    account = BadgeProviderFactory()
    few, many = OrganizationFactory(), OrganizationFactory()
    waiting(BadgeFactory(organization=few, badge_provider=account), 10)
    for _number in range(4):
        waiting(BadgeFactory(organization=many, badge_provider=account), 10, minutes=60)
    assert owners(claim(8)) == {few.pk: 4, many.pk: 4}


def test_what_one_cannot_use_of_its_share_the_others_have_with_the_next_claim():
    short, long = BadgeFactory(), BadgeFactory()
    waiting(short, 2), waiting(long, 20)
    first = claim(10)
    assert owners([*first, *claim(10 - len(first))]) == {short.organization_id: 2, long.organization_id: 8}


def test_priorities_hold_across_organizations():
    first, second = BadgeFactory(), BadgeFactory()
    waiting(first, 3, priority=P.BACKFILL, minutes=90)
    waiting(first, 2, priority=P.MANUAL)
    waiting(second, 2, priority=P.LIVE)
    taken = [P(row.priority) for row in claim(5)]
    assert taken == [P.MANUAL, P.MANUAL, P.LIVE, P.LIVE, P.BACKFILL]


def test_within_an_organization_what_was_due_first_comes_first_across_its_badges():
    account = BadgeProviderFactory()
    one, other = (
        BadgeFactory(organization=account.organization, badge_provider=account) for _number in range(2)
    )
    due = [(other, 40), (one, 30), (one, 20), (other, 10)]
    rows = [waiting(badge, minutes=minutes)[0].pk for badge, minutes in reversed(due)]
    assert [row.pk for row in claim(10)] == rows[::-1]


def test_where_more_wait_than_there_are_places_everybody_is_served_within_a_few_rounds():
    """Twelve long lines, all older than the single row, and three places in a round."""
    for _number in range(12):
        waiting(BadgeFactory(), 40, due_at=LONG_AGO)
    (single,) = waiting(BadgeFactory())
    served: list[int] = []
    # Three in thirteen each time: sixty rounds without it happen once in some million runs.
    while single.pk not in served and len(served) < 3 * 60:
        served += [row.pk for row in claim(3)]
    assert single.pk in served


def test_no_account_gets_more_than_its_room():
    full, free, other = BadgeFactory(), BadgeFactory(), BadgeFactory()
    for badge in (full, free, other):
        waiting(badge, 6)
    room = {full.badge_provider_id: 0, free.badge_provider_id: 2}
    assert owners(claim(20, room=room)) == {free.organization_id: 2, other.organization_id: 6}


def test_open_rows_are_taken_in_turns_as_well():
    long, short = BadgeFactory(), BadgeFactory()
    waiting(long, 10, status=Status.UNKNOWN, minutes=60)
    (single,) = waiting(short, status=Status.UNKNOWN)
    taken = claim_open(Status.UNKNOWN, 3)
    assert single.pk in {row.pk for row in taken}
    assert len(taken) == 3
    assert claim_open(Status.REVOKING, 3) == []


def test_a_line_whose_first_row_is_in_other_hands_is_read_further():
    """The look-up of the first takes its time, and the others are not kept waiting."""
    badge = BadgeFactory()
    held, *rest = waiting(badge, 3, status=Status.UNKNOWN, due_at=LONG_AGO)
    assert [row.pk for row in claim_open(Status.UNKNOWN, 1)] == [held.pk]
    assert [row.pk for row in claim_open(Status.UNKNOWN, 5)] == [row.pk for row in rest]


def test_statements_do_not_grow_with_lines_and_rows(django_assert_num_queries):
    for number in (1, 12):
        for _number in range(number):
            waiting(BadgeFactory(), number)
        with django_assert_num_queries(9):
            assert len(claim(200)) == number * number


def test_only_lines_with_something_due_are_read():
    now = timezone.now()
    due, later, inactive = BadgeFactory(), BadgeFactory(), BadgeFactory(is_active=False)
    waiting(due, 2, minutes=1), waiting(inactive, minutes=1)
    waiting(later, due_at=now + timedelta(minutes=1))
    assert [line.badge for line in fairness.lines(Status.QUEUED, now=now)] == [due.pk]
