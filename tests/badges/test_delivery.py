"""Claiming, exchanging and settling, and taking back, over real HTTP with the sandbox in its own process."""

from __future__ import annotations

import threading

import pytest
from django.db import connections
from django.utils import timezone

from badges import lifecycle, sending
from badges.delivery import deliver
from badges.ending import revoke
from badges.lifecycle import claim
from badges.lookups import reconcile
from badges.models import IssuedBadge, IssuingEvent
from badges.status import Status
from badges.sweeping import sweep
from providers import accounts
from providers.base import ProviderBadge, Standing
from tests.badges.conftest import fail, posts, requests, stored, timeline, waiting
from tests.factories import PAST
from tests.providers.conftest import CANARY

S = Status
pytestmark = pytest.mark.django_db
ISSUED = ["queued → sending", "sending → issued"]


def issued(badge, **given):
    row = waiting(badge, **given)
    deliver()
    return stored(row)


def test_many_badges_go_over_several_connections_each_once(sandbox, badge):
    rows = [waiting(badge) for _number in range(40)]
    assert deliver(connections=4) == 40
    there = {row["recipient_email"]: row["id"] for row in sandbox.badges()}
    assert {row.learner.email: stored(row).external_uuid for row in rows} == there
    assert requests(sandbox) == {"POST 201": 40}


@pytest.mark.django_db(transaction=True)
def test_no_transaction_is_open_during_the_exchange(badge, instead):
    row = waiting(badge)
    owner = connections["default"]
    seen: list[tuple[bool, str, bool]] = []

    def act(real, *args):
        in_thread = connections["default"]
        seen.append((owner.in_atomic_block, threading.current_thread().name, in_thread.in_atomic_block))
        connections.close_all()
        return real(*args)

    instead("issue", act)
    deliver()
    ((in_transaction, thread, thread_in_transaction),) = seen
    assert not in_transaction
    assert not thread_in_transaction
    assert thread.startswith("provider")
    assert stored(row).status == S.ISSUED


def test_a_worker_that_wakes_late_sends_nothing(sandbox, badge, monkeypatch):
    """It slept through most of the lease after the claim: the row goes back, uncounted, and is sent anew."""
    claimed_at = [timezone.now() - 0.8 * lifecycle.lease()]
    monkeypatch.setattr(
        sending, "claim", lambda limit, room: claim(limit, now=claimed_at.pop() if claimed_at else None)
    )
    row = waiting(badge, due_at=PAST)
    deliver()
    assert stored(row).status == S.ISSUED
    assert timeline(row) == ["queued → sending", "sending → queued", *ISSUED]
    assert stored(row).attempts == 1
    assert posts(sandbox) == 1


def test_a_row_that_cannot_be_settled_stops_no_other_and_is_looked_up(sandbox, badge, instead, later):
    poisoned = waiting(badge, due_at=PAST)

    def act(real, adapter, request):
        answer = real(adapter, request)
        if request.earner_id == str(poisoned.learner.earner_id):
            return ProviderBadge(
                external_id=answer.external_id,
                state="pending",
                standing=Standing.PENDING,
                raw={"no": object()},
            )
        return answer

    instead("issue", act)
    others = [waiting(badge) for _number in range(6)]
    deliver(connections=2)
    assert {stored(row).status for row in others} == {S.ISSUED}
    assert stored(poisoned).status == S.UNKNOWN
    with later(seconds=5):
        reconcile()
    assert stored(poisoned).status == S.ISSUED
    assert posts(sandbox) == 7


def test_an_adapter_that_breaks_leaves_an_unknown_outcome(badge, instead):
    row = waiting(badge)
    instead("issue", lambda real, *args: fail(ZeroDivisionError()))
    deliver()
    assert (stored(row).status, stored(row).failure_message) == (
        S.UNKNOWN,
        "Unexpected error: ZeroDivisionError",
    )


def test_a_revoked_badge_is_taken_back_at_the_provider(sandbox, badge):
    row = issued(badge)
    revoke(row, reason="Issued in error.", actor=None)
    assert stored(row).status == S.REVOKING
    deliver()
    after = stored(row)
    assert (after.status, after.external_state) == (S.REVOKED, "revoked")
    (there,) = sandbox.badges()
    assert (there["state"], there["revocation_reason"]) == ("revoked", "Issued in error.")
    assert timeline(row) == [*ISSUED, "issued → revoking", "revoking → revoked"]


@pytest.mark.parametrize("fault", [{"lost_response": 1}, {"status": 503}, {"garble": 1}])
def test_taking_back_is_repeated_until_the_provider_has_done_it(sandbox, badge, later, fault):
    row = issued(badge)
    sandbox.order(**fault, times=1)
    revoke(row, reason="Issued in error.", actor=None)
    deliver()
    assert stored(row).status == S.REVOKING
    with later(seconds=5):
        deliver()
    assert (stored(row).status, stored(row).external_state) == (S.REVOKED, "revoked")


def test_a_refusal_to_take_back_returns_the_badge_and_says_why(badge):
    row = issued(badge)
    IssuedBadge.objects.filter(pk=row.pk).update(external_uuid="unknown-there")
    revoke(row, reason="Issued in error.", actor=None)
    deliver()
    after = stored(row)
    assert (after.status, after.provider_message) == (S.ISSUED, "There is no such badge.")
    assert after.ended_reason == ""
    assert row.events.last().to_status == S.ISSUED


def test_a_refused_account_pauses_when_taking_back_learns_of_it(account, badge, later):
    row = issued(badge)
    accounts.save_provider(account, new_token="revoked-yesterday")
    revoke(row, reason="Issued in error.", actor=None)
    deliver()
    account.refresh_from_db()
    assert (stored(row).status, account.is_usable) == (S.REVOKING, False)
    accounts.save_provider(account, new_token=CANARY)
    with later(seconds=10):
        deliver()
    assert stored(row).status == S.REVOKED


def test_nothing_is_sent_while_badges_are_switched_off_and_all_of_it_afterwards(
    sandbox, badge, settings, later
):
    settings.BADGES_ENABLED = False
    row = waiting(badge)
    unknown = waiting(badge, status=S.UNKNOWN)
    with later(lease=2):
        assert (deliver(), reconcile(), sweep()) == (0, 0, {})
    assert (stored(row).status, stored(unknown).status) == (S.QUEUED, S.UNKNOWN)
    assert requests(sandbox) == {}
    assert not IssuingEvent.objects.exists()
    settings.BADGES_ENABLED = True
    deliver()
    assert stored(row).status == S.ISSUED
