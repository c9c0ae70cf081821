"""What becomes of rows by time, or by a cause that is gone, over real HTTP with the sandbox."""

from __future__ import annotations

import pytest

from badges import sending
from badges.catalogue import save_badge
from badges.delivery import deliver
from badges.ending import cancel
from badges.lifecycle import claim
from badges.status import Status
from badges.sweeping import sweep
from providers import accounts
from providers.credly import Credly
from tests.badges.conftest import posts, stored, timeline, waiting
from tests.factories import BadgeFactory
from tests.providers.conftest import REPEATABLE
from tms import gates
from tms.models import User

S = Status
pytestmark = pytest.mark.django_db
ISSUED = ["queued → sending", "sending → issued"]


def test_a_bad_address_fails_without_asking_and_is_sent_when_it_is_corrected(sandbox, badge):
    row = waiting(badge, learner__email="not-an-address")
    deliver()
    assert (stored(row).status, stored(row).failure_code) == (S.FAILED, "invalid_email")
    sweep()
    assert stored(row).status == S.FAILED
    learner = User.objects.get(pk=row.learner_id)
    learner.email = "  Ada@Example.org "
    gates.save_user(learner)
    sweep()
    assert (stored(row).status, stored(row).recipient_email) == (S.QUEUED, "ada@example.org")
    deliver()
    assert [there["recipient_email"] for there in sandbox.badges()] == ["ada@example.org"]
    assert stored(row).status == S.ISSUED
    assert posts(sandbox) == 1


def test_a_name_that_is_missing_fails_and_is_sent_when_it_is_given(sandbox, badge):
    row = waiting(badge, learner__first_name=" ")
    deliver()
    assert (stored(row).status, stored(row).failure_code) == (S.FAILED, "no_name")
    sweep()
    assert stored(row).status == S.FAILED
    learner = User.objects.get(pk=row.learner_id)
    learner.first_name = "Ada"
    gates.save_user(learner)
    sweep()
    deliver()
    assert stored(row).status == S.ISSUED


def test_resuming_an_account_sends_what_was_held(account, badge):
    accounts.pause(account, reason="For the test.")
    row = waiting(badge)
    sweep()
    assert stored(row).status == S.HELD
    accounts.resume(account)
    sweep()
    deliver()
    assert stored(row).status == S.ISSUED
    assert timeline(row) == ["queued → held", "held → queued", *ISSUED]


def test_what_waits_says_the_cause_of_today(account, badge):
    badge.is_active = False
    save_badge(badge)
    row = waiting(badge)
    sweep()
    deliver()
    assert str(stored(row).issued_status) == "Waiting: the badge is not active"
    accounts.pause(account, reason="For the test.")
    sweep()
    assert str(stored(row).issued_status) == "Waiting: the badge is not active"
    badge.is_active = True
    save_badge(badge)
    sweep()
    assert str(stored(row).issued_status) == "Waiting: the badge provider is paused"
    account.refresh_from_db()
    account.is_enabled = False
    accounts.save_provider(account)
    sweep()
    assert str(stored(row).issued_status) == "Waiting: the badge provider is disabled"
    account.is_enabled = True
    accounts.save_provider(account)
    sweep()
    deliver()
    assert stored(row).status == S.ISSUED
    assert timeline(row) == ["queued → held", "held → queued", *ISSUED]


def test_a_held_badge_can_be_given_up(account, badge):
    accounts.pause(account, reason="For the test.")
    row = waiting(badge)
    sweep()
    cancel(row, reason="Left the company.", actor=None)
    accounts.resume(account)
    sweep()
    deliver()
    assert stored(row).status == S.CANCELLED


def test_a_row_whose_worker_died_is_looked_up_before_it_is_sent_again(sandbox, badge, later):
    row = waiting(badge)
    claim(1)
    assert deliver() == 0
    sweep()
    assert stored(row).status == S.SENDING
    with later(lease=1.1):
        sweep()
        assert (stored(row).status, stored(row).lookups_missed) == (S.UNKNOWN, 1)
    assert posts(sandbox) == 0
    with later(lease=2.5):
        sweep()
        deliver()
    assert stored(row).status == S.ISSUED
    assert posts(sandbox) == 1
    assert timeline(row) == ["queued → sending", "sending → unknown", "unknown → queued", *ISSUED]


def test_a_row_whose_worker_died_after_sending_is_not_sent_again(sandbox, account, later):
    badge = BadgeFactory(organization=account.organization, badge_provider=account, template_id=REPEATABLE)
    row = waiting(badge)
    (claimed,) = claim(1)
    Credly(account.account).issue(sending.request_for(claimed))
    with later(lease=1.1):
        sweep()
    (there,) = sandbox.badges()
    assert (stored(row).status, stored(row).external_uuid) == (S.ISSUED, there["id"])
    assert posts(sandbox) == 1


def test_the_sweep_counts_what_it_did(account, badge, later):
    accounts.pause(account, reason="For the test.")
    waiting(badge)
    assert sweep() == {
        "stuck": 0,
        "taken back": 0,
        "given up": 0,
        "expired": 0,
        "held": 1,
        "released": 0,
        "cured": 0,
        "looked up": 0,
    }
    accounts.resume(account)
    assert sweep() == {
        "stuck": 0,
        "taken back": 0,
        "given up": 0,
        "expired": 0,
        "held": 0,
        "released": 1,
        "cured": 0,
        "looked up": 0,
    }
