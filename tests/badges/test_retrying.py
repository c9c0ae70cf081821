"""Sending again what has failed: by an act, by a retry, or because its cause is gone."""

from __future__ import annotations

import threading
from datetime import timedelta

import pytest
from django.db import connections
from django.utils import timezone

from badges.issuing import issue
from badges.models import IssuedBadge, IssuingEvent
from badges.retrying import requeue_cured, retry
from badges.status import Status
from tests.badges.conftest import stored, timeline
from tests.factories import PAST, AdministratorFactory, BadgeFactory, IssuedBadgeFactory, UserFactory
from tms.errors import Conflict, NotFound

S = Status
pytestmark = pytest.mark.django_db


@pytest.fixture
def badge():
    return BadgeFactory()


def failed(badge, learner, **given):
    return IssuedBadgeFactory(
        badge=badge,
        learner=learner,
        **{
            "status": S.FAILED,
            "failure_code": "rejected",
            "failure_message": "Refused.",
            "provider_message": "No.",
            "attempts": 9,
            "lookups_missed": 1,
            "lookups_failed": 3,
            "priority": IssuedBadge.Priority.BACKFILL,
            "due_at": PAST,
            **given,
        },
    )


def assert_is_like_new(row, *, status):
    after = stored(row)
    assert after.status == status
    assert (after.attempts, after.lookups_missed, after.lookups_failed) == (0, 0, 0)
    assert (after.failure_code, after.failure_message, after.provider_message) == ("", "", "")
    assert after.recipient_email == after.learner.email
    assert timezone.now() - after.due_at < timedelta(minutes=1)


def test_the_manual_act_sends_a_failed_badge_again_to_the_address_of_today(badge, admin, ada):
    row = failed(badge, ada, recipient_email="old@example.org")
    (outcome,) = issue(badge, [ada], actor=admin, source=IssuedBadge.Source.ROSTER, reason="Try again.")
    assert (outcome.code, outcome.issued_badge) == ("queued", row)
    assert outcome.message == "On its way to ada@example.org."
    assert outcome.issued_badge.status == S.QUEUED
    assert_is_like_new(row, status=S.QUEUED)
    assert stored(row).priority == IssuedBadge.Priority.MANUAL
    event = row.events.get()
    assert (event.actor, event.reason) == (admin, "Try again.")


def test_a_retry_sends_again_and_says_who_asked(badge, admin, ada):
    row = failed(badge, ada)
    assert retry(row, actor=admin).status == S.QUEUED
    assert_is_like_new(row, status=S.QUEUED)
    assert row.events.get().actor == admin


def test_what_may_be_at_the_provider_is_looked_up_before_it_is_sent_again(badge, ada):
    other = UserFactory(organization=badge.organization)
    rows = [failed(badge, learner, failure_code="outcome_unknown") for learner in (ada, other)]
    retry(rows[0], actor=None)
    issue(badge, [other], actor=None, source=IssuedBadge.Source.ROSTER)
    for row in rows:
        assert_is_like_new(row, status=S.UNKNOWN)


def test_a_retry_goes_by_what_is_stored_not_by_what_was_read_before(badge, ada):
    row = failed(badge, ada)
    IssuedBadge.objects.update(failure_code="outcome_unknown")
    assert retry(row, actor=None).status == S.UNKNOWN


@pytest.mark.parametrize("status", sorted(set(S) - {S.FAILED}))
def test_only_a_failed_badge_is_sent_again(badge, ada, status):
    row = IssuedBadgeFactory(badge=badge, learner=ada, status=status)
    with pytest.raises(Conflict) as refused:
        retry(row, actor=None)
    assert refused.value.code == "not_failed"
    assert str(stored(row).issued_status) in refused.value.message
    assert not IssuingEvent.objects.exists()


def test_what_is_cured_is_queued_again_and_the_rest_is_left(badge):
    def learner(**given):
        return UserFactory(organization=badge.organization, **given)

    corrected = failed(badge, learner(), failure_code="invalid_email", recipient_email="bad")
    named = failed(badge, learner(), failure_code="no_name")
    still_bad = failed(badge, learner(email="worse"), failure_code="invalid_email", recipient_email="bad")
    untouched = failed(badge, learner(email="bad"), failure_code="invalid_email")
    nameless = failed(badge, learner(last_name=" "), failure_code="no_name")
    refused = failed(badge, learner(), recipient_email="bad")
    assert requeue_cured() == 2
    for row in (corrected, named):
        assert_is_like_new(row, status=S.QUEUED)
        assert stored(row).priority == IssuedBadge.Priority.BACKFILL
    assert {stored(row).status for row in (still_bad, untouched, nameless, refused)} == {S.FAILED}


def test_retrying_is_for_administrators_of_the_badge(badge, ada):
    # Whoever administers the learner alone sees the badge and cannot touch it.
    elsewhere = UserFactory()
    for actor in (ada, AdministratorFactory(), AdministratorFactory(organization=elsewhere.organization)):
        row = IssuedBadgeFactory(badge=BadgeFactory(), learner=elsewhere, status=S.FAILED)
        with pytest.raises(NotFound):
            retry(row, actor=actor)
        assert stored(row).status == S.FAILED


@pytest.mark.services
@pytest.mark.django_db(transaction=True)
def test_two_who_retry_at_the_same_time_send_once(badge):
    row = IssuedBadgeFactory(badge=badge, status=S.FAILED, failure_code="rejected")
    told: list[str] = []
    start = threading.Barrier(2)

    def work():
        start.wait()
        try:
            retry(row, actor=None)
            told.append("retried")
        except Conflict as conflict:
            told.append(conflict.message)
        finally:
            connections.close_all()

    threads = [threading.Thread(target=work) for _number in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(told) == ["Only a failed badge can be sent again; this one is: Waiting.", "retried"]
    assert timeline(row) == ["failed → queued"]
