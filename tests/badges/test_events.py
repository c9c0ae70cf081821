"""The public signals: what those who embed us hear, when, and what their own mistakes cannot do."""

from __future__ import annotations

import logging

import pytest
from django.db import transaction
from django.utils import timezone

from badges.events import badge_awarded, badge_issued
from badges.issuing import issue, issue_earned
from badges.models import IssuedBadge
from badges.status import Status
from tests.factories import PAST, BadgeFactory, IssuedBadgeFactory, UserFactory
from tms.models import User
from tms.sql import sql, table, value

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def badge():
    return BadgeFactory()


@pytest.fixture
def heard():
    """(signal, learner) of everything that was announced; the row is read as a listener would."""
    found: list[tuple[str, str]] = []

    def awarded(sender, issued_badge, **_more):
        assert sender is IssuedBadge
        assert IssuedBadge.objects.filter(pk=issued_badge.pk, status=Status.QUEUED).exists()
        found.append(("awarded", issued_badge.learner.email))

    def issued(issued_badge, **_more):
        found.append(("issued", issued_badge.learner.email))

    badge_awarded.connect(awarded)
    badge_issued.connect(issued)
    yield found
    badge_awarded.disconnect(awarded)
    badge_issued.disconnect(issued)


def by_hand(badge, *learners):
    return issue(badge, learners, actor=None, source=IssuedBadge.Source.API)


def earned(badge):
    """Everybody of the organization earned it."""
    return sql(
        "SELECT {} AS badge_id, id AS learner_id, {} AS earned_at, '' AS source_key, FALSE AS renews,"
        " CAST(NULL AS BIGINT) AS reserved FROM {}"
        " WHERE organization_id = {}",
        value(badge.pk),
        value(PAST),
        table(User),
        value(badge.organization_id),
    )


def test_an_intent_is_announced_once_it_is_committed_and_not_before(badge, heard):
    learner = UserFactory(organization=badge.organization)
    with transaction.atomic():
        by_hand(badge, learner)
        assert heard == []
    assert heard == [("awarded", learner.email)]


def test_nothing_is_announced_of_what_was_rolled_back_or_refused(badge, heard):
    learner = UserFactory(organization=badge.organization)
    with pytest.raises(ZeroDivisionError), transaction.atomic():
        by_hand(badge, learner)
        raise ZeroDivisionError
    by_hand(badge, UserFactory(organization=badge.organization, email="bad"))
    assert heard == []


def test_each_of_many_is_announced_and_only_the_new(badge, heard):
    learners = User.objects.bulk_create(UserFactory.build_batch(501, organization=badge.organization))
    by_hand(badge, learners[0])
    heard.clear()
    with transaction.atomic():
        assert len(issue_earned(earned(badge), now=timezone.now())) == 500
    assert sorted(heard) == sorted(("awarded", learner.email) for learner in learners[1:])


def test_a_retry_is_no_new_award(badge, heard):
    row = IssuedBadgeFactory(badge=badge, status=Status.FAILED)
    by_hand(badge, row.learner)
    assert heard == []


def test_a_listener_that_fails_is_logged_and_stops_neither_the_others_nor_the_act(badge, heard, caplog):
    def failing(**_more):
        raise RuntimeError("A listener's own trouble.")

    learners = UserFactory.create_batch(2, organization=badge.organization)
    badge_awarded.connect(failing)
    try:
        with caplog.at_level(logging.ERROR):
            outcomes = by_hand(badge, *learners)
    finally:
        badge_awarded.disconnect(failing)
    assert [outcome.code for outcome in outcomes] == ["queued", "queued"]
    assert len(heard) == 2
    assert "A listener's own trouble." in caplog.text


def test_nothing_is_read_when_nobody_listens(badge, django_assert_num_queries):
    UserFactory(organization=badge.organization)
    with django_assert_num_queries(1):
        issue_earned(earned(badge), now=timezone.now())
