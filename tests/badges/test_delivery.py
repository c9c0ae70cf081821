"""From a waiting row to the provider and back, mostly over real HTTP with the sandbox in its own process."""

from __future__ import annotations

import threading
import time
from datetime import datetime, timedelta
from typing import Any

import pytest
import responses
from django.db import connections
from django.utils import timezone

from badges import lifecycle, lookups, outcomes, sending, sweeping
from badges.catalogue import save_badge
from badges.delivery import deliver
from badges.ending import cancel, revoke
from badges.events import badge_issued
from badges.exchange import NotSent
from badges.lifecycle import claim
from badges.lookups import reconcile
from badges.models import IssuedBadge, IssuingEvent
from badges.retrying import retry
from badges.status import Status
from badges.sweeping import sweep
from providers import accounts
from providers.accredible import Accredible
from providers.base import Misconfigured, OutcomeUnknown, ProviderBadge, Rejected, Standing, Transient
from providers.credly import Credly
from providers.models import BadgeProvider
from tests.badges.conftest import stored, timeline
from tests.factories import PAST, BadgeFactory, BadgeProviderFactory, IssuedBadgeFactory, UserFactory
from tests.providers.conftest import ARCHIVED, CANARY, ORGANIZATION, REPEATABLE
from tms import gates
from tms.models import User

S = Status
pytestmark = pytest.mark.django_db
ISSUED = ["queued → sending", "sending → issued"]


def waiting(badge, **given):
    return IssuedBadgeFactory(badge=badge, **given)


def requests(sandbox) -> dict[str, int]:
    """Method and status → how often."""
    counts: dict[str, int] = sandbox.received()["counts"]["requests"]
    return counts


def posts(sandbox) -> int:
    return sum(number for name, number in requests(sandbox).items() if name.startswith("POST"))


def look_twice(later) -> None:
    """At once, and again after the pause that a refusal is given for a search that lags."""
    reconcile()
    with later(seconds=11):
        reconcile()


@pytest.fixture
def instead(monkeypatch):
    """Have the adapter's verb do something else; the function is given the real one and its arguments."""

    def replace(verb, act):
        real = getattr(Credly, verb)
        monkeypatch.setattr(Credly, verb, lambda *args, **named: act(real, *args, **named))

    return replace


# --- It works -----------------------------------------------------------------------------------------------


def test_a_waiting_badge_is_issued_with_exactly_one_request(sandbox, badge):
    row = waiting(badge, learner__first_name="Ada ", learner__last_name=" Lovelace")
    assert deliver() == 1
    after = stored(row)
    (there,) = sandbox.badges()
    assert (after.status, after.external_uuid, after.external_state) == (S.ISSUED, there["id"], "pending")
    assert after.accept_url
    assert after.issued_at - timezone.now() < timedelta(minutes=1)
    assert (after.claim_token, after.failure_code) == (None, "")
    assert timeline(row) == ISSUED
    assert requests(sandbox) == {"POST 201": 1}
    assert deliver() == 0
    assert requests(sandbox) == {"POST 201": 1}


def test_the_provider_is_told_who_what_and_when_it_was_earned(sandbox, badge):
    badge.organization.time_zone = "America/Chicago"
    badge.organization.save()
    learner = UserFactory(organization=badge.organization, email="ada@example.org", last_name="Lovelace")
    row = waiting(badge, learner=learner, earned_at=PAST, suppress_notification=True)
    deliver()
    (sent,) = sandbox.badges()
    assert sent["recipient_email"] == row.recipient_email == "ada@example.org"
    assert (sent["issued_to_first_name"], sent["issued_to_last_name"]) == ("Ada", "Lovelace")
    assert sent["issuer_earner_id"] == str(learner.earner_id)
    assert sent["badge_template_id"] == badge.template_id
    assert sent["suppress_badge_notification_email"] is True
    body = next(line["body"] for line in sandbox.received()["requests"])
    assert "2026-03-02 03:00:00 -0600" in body
    assert datetime.fromisoformat(sent["issued_at"]) == PAST


def test_the_reply_that_is_kept_names_nobody(badge):
    row = waiting(badge)
    deliver()
    kept = str(row.events.get(to_status=S.ISSUED).data)
    assert badge.template_id in kept
    assert row.learner.email not in kept
    assert row.learner.last_name not in kept
    assert CANARY not in kept


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


@pytest.mark.django_db(transaction=True)
def test_listeners_hear_of_an_issued_badge_after_it_is_stored(badge):
    heard: list[tuple[str, str]] = []

    def listener(issued_badge: IssuedBadge, **_more: Any) -> None:
        assert stored(issued_badge).status == S.ISSUED
        heard.append((issued_badge.external_uuid, issued_badge.external_state))

    def failing(**_more: Any) -> None:
        raise RuntimeError("A listener's own trouble.")

    badge_issued.connect(failing)
    badge_issued.connect(listener)
    try:
        row = waiting(badge)
        deliver()
    finally:
        badge_issued.disconnect(failing)
        badge_issued.disconnect(listener)
    assert heard == [(stored(row).external_uuid, "pending")]


def test_a_provider_that_says_accepted_at_once_is_believed(badge, instead):
    row = waiting(badge)
    instead(
        "issue",
        lambda real, *args: ProviderBadge(
            external_id="x-1", state="accepted", standing=Standing.ACCEPTED, url="https://x.example"
        ),
    )
    deliver()
    assert (stored(row).status, stored(row).external_url) == (S.ACCEPTED, "https://x.example")
    assert timeline(row) == [*ISSUED, "issued → accepted"]


# --- Refusals -----------------------------------------------------------------------------------------------


def test_a_duplicate_is_found_by_looking_and_adopted(sandbox, badge):
    row = waiting(badge)
    sandbox.call("POST", f"/v1/organizations/{ORGANIZATION}/badges", _as_somebody_else_would(row))
    (there,) = sandbox.badges()
    deliver()
    assert timeline(row) == ["queued → sending", "sending → unknown", "unknown → issued"]
    assert (stored(row).status, stored(row).external_uuid) == (S.ISSUED, there["id"])
    assert stored(row).failure_code == ""
    assert stored(row).already_there == "This person has this badge already, pending or accepted."
    assert posts(sandbox) == 2  # theirs, and ours that was refused


def test_a_duplicate_that_a_search_shows_late_is_adopted_and_not_called_failed(sandbox, badge, later):
    row = waiting(badge)
    sandbox.call("POST", f"/v1/organizations/{ORGANIZATION}/badges", _as_somebody_else_would(row))
    (there,) = sandbox.badges()
    sandbox.order(search_lag=3600)
    deliver()
    reconcile()
    assert (stored(row).status, stored(row).lookups_missed) == (S.UNKNOWN, 1)
    assert reconcile() == 0
    sandbox.order()
    with later(seconds=11):
        reconcile()
    assert (stored(row).status, stored(row).external_uuid) == (S.ISSUED, there["id"])


def _as_somebody_else_would(row):
    return {
        "recipient_email": row.recipient_email,
        "issued_to_first_name": "Ada",
        "issued_to_last_name": "Lovelace",
        "badge_template_id": row.badge.template_id,
        "issued_at": "2026-01-01 00:00:00 +0000",
    }


def test_a_badge_that_was_there_before_ours_was_asked_for_says_so(badge, instead):
    row = stored(waiting(badge))
    old = ProviderBadge(
        external_id="x-1",
        state="pending",
        standing=Standing.PENDING,
        created_at=row.created_at - timedelta(days=9),
    )
    instead("issue", lambda real, *args: _raise(Rejected("Refused.", status=422)))
    instead("find", lambda real, *args: [old])
    deliver()
    reconcile()
    assert row.events.get(to_status=S.ISSUED).reason == "The provider had it already."
    assert stored(row).already_there == "The provider had it already."


def test_what_our_own_lost_request_left_at_the_provider_was_not_there_already(sandbox, badge, later):
    """The first answer is lost, a search shows nothing yet, and the second request is refused."""
    row = waiting(badge)
    sandbox.order(lost_response=1, times=1)
    deliver()
    sandbox.order(search_lag=3600)
    with later(seconds=5):
        reconcile()
    with later(lease=1, seconds=10):
        reconcile()
        deliver()
        assert (stored(row).status, stored(row).attempts) == (S.UNKNOWN, 2)
    sandbox.order()
    with later(lease=1, seconds=21):
        reconcile()
    assert (stored(row).status, stored(row).already_there) == (S.ISSUED, "")
    assert row.events.get(to_status=S.ISSUED).reason == "Found at the provider."


def _raise(error):
    raise error


def test_a_true_refusal_fails_with_the_providers_own_words(sandbox, account, later):
    badge = BadgeFactory(
        organization=account.organization, badge_provider=account, template_id=ARCHIVED, name="Old"
    )
    row = waiting(badge)
    deliver()
    look_twice(later)
    after = stored(row)
    assert (after.status, after.failure_code) == (S.FAILED, "rejected")
    assert after.provider_message == "The badge template is not active."
    assert row.events.last().reason == after.failure_message != ""
    assert posts(sandbox) == 1


@responses.activate
def test_no_wording_makes_a_refusal_a_duplicate(later):
    account = BadgeProviderFactory(provider_organization_id=ORGANIZATION)
    row = waiting(BadgeFactory(organization=account.organization, badge_provider=account))
    address = f"{account.api_url}/organizations/{ORGANIZATION}/badges"
    words = "Validation failed: Issuer earner already has this badge, Recipient email already has this badge"
    responses.post(address, status=422, json={"data": {"message": words}, "metadata": None})
    responses.get(address, json={"data": [], "metadata": {}})
    deliver()
    look_twice(later)
    assert (stored(row).status, stored(row).provider_message) == (S.FAILED, words)


def test_an_unknown_organization_fails_the_row_and_not_the_account(sandbox, account, badge):
    BadgeProvider.objects.update(provider_organization_id="11111111-0000-4000-8000-000000000000")
    row = waiting(badge)
    deliver()
    assert (stored(row).status, stored(row).failure_code) == (S.FAILED, "rejected")
    assert BadgeProvider.objects.get().is_usable
    assert requests(sandbox) == {"POST 404": 1}


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


def test_an_address_corrected_before_the_first_attempt_is_the_one_used(sandbox, badge):
    row = waiting(badge, learner__email="not-an-address")
    learner = User.objects.get(pk=row.learner_id)
    learner.email = "ada@example.org"
    gates.save_user(learner)
    deliver()
    sweep()
    deliver()
    assert stored(row).status == S.ISSUED
    assert [there["recipient_email"] for there in sandbox.badges()] == ["ada@example.org"]
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


# --- The account --------------------------------------------------------------------------------------------


def test_a_refused_account_is_paused_and_everything_of_it_waits_until_it_works_again(sandbox, account, badge):
    accounts.save_provider(account, new_token="revoked-yesterday")
    elsewhere = BadgeFactory()
    rows = [waiting(badge) for _number in range(3)]
    deliver(connections=1)
    sweep()
    account.refresh_from_db()
    assert account.paused_at is not None
    assert account.pause_reason == "The authorization token is missing or unknown."
    for row in rows:
        after = stored(row)
        assert (after.status, after.attempts) == (S.HELD, 0)
        assert str(after.issued_status) == "Waiting: the badge provider is paused"
    assert not waiting(elsewhere).hold_reason
    asked = posts(sandbox)
    assert asked <= 2  # the first refusal, and one that was under way
    deliver()
    assert posts(sandbox) == asked

    accounts.save_provider(account, new_token=CANARY)
    sweep()
    assert {stored(row).status for row in rows} == {S.QUEUED}
    deliver()
    assert {stored(row).status for row in rows} == {S.ISSUED}
    assert len(sandbox.badges()) == 3


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


def test_a_kind_that_cannot_issue_yet_pauses_its_account_instead_of_failing_badges():
    account = BadgeProviderFactory(kind=BadgeProvider.Kind.OPEN_BADGES)
    row = waiting(BadgeFactory(organization=account.organization, badge_provider=account))
    deliver()
    account.refresh_from_db()
    assert (stored(row).status, account.is_usable) == (S.HELD, False)
    assert account.pause_reason == "Open Badges cannot issue yet."


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


# --- Nothing left this machine, or not now ------------------------------------------------------------------


def test_a_provider_that_asks_us_to_wait_is_asked_again_when_it_said(sandbox, badge, later):
    row = waiting(badge)
    sandbox.order(status=429, retry_after="120", times=1)
    before = timezone.now()
    deliver()
    after = stored(row)
    assert (after.status, after.attempts, after.failure_code) == (S.QUEUED, 1, "provider_busy")
    assert timedelta(seconds=119) < after.due_at - before < timedelta(seconds=130)
    with later(seconds=100):
        assert deliver() == 0
    with later(seconds=130):
        deliver()
    assert (stored(row).status, stored(row).failure_code) == (S.ISSUED, "")
    assert requests(sandbox) == {"POST 429": 1, "POST 201": 1}


def test_a_provider_that_is_not_there_is_tried_again_after_a_pause(sandbox, badge, later):
    row = waiting(badge)
    sandbox.kill()
    deliver()
    after = stored(row)
    assert (after.status, after.attempts, after.failure_code) == (S.QUEUED, 1, "provider_busy")
    assert after.due_at > timezone.now()
    assert timeline(row) == ["queued → sending", "sending → queued"]
    sandbox.start()
    with later(seconds=3):
        deliver()
    assert stored(row).status == S.ISSUED


def test_pauses_grow_but_a_badge_is_sent_within_the_hour_of_the_providers_return(badge, instead, later):
    row = waiting(badge)
    instead("issue", lambda real, *args: _raise(Transient("Not there.")))
    pauses = []
    with later(seconds=0) as clock:
        while stored(row).status == S.QUEUED:
            before = timezone.now()
            deliver()
            pauses.append(max(stored(row).due_at - before, timedelta()))
            clock.move_to(stored(row).due_at + timedelta(seconds=1))
    assert pauses[0] <= timedelta(seconds=4)  # two, and what a busy machine takes to say so
    assert max(pauses) <= timedelta(hours=1)
    assert timedelta(hours=12) < sum(pauses, timedelta()) < timedelta(hours=48)
    after = stored(row)
    assert (after.status, after.failure_code) == (S.FAILED, "provider_busy")


# --- Nobody knows -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("fault", ["lost_response", "cut", "garble"])
def test_an_answer_that_never_came_is_looked_up_and_nothing_is_sent_twice(sandbox, account, later, fault):
    """With a template that allows duplicates, so that only the look-up stands in between."""
    badge = BadgeFactory(organization=account.organization, badge_provider=account, template_id=REPEATABLE)
    row = waiting(badge)
    sandbox.order(**{fault: 1}, times=1)
    deliver()
    assert (stored(row).status, stored(row).failure_code) == (S.UNKNOWN, "outcome_unknown")
    assert str(stored(row).issued_status) == "Checking with Credly (attempt 1)"
    deliver()
    with later(seconds=5):
        reconcile()
    (there,) = sandbox.badges()
    assert (stored(row).status, stored(row).external_uuid) == (S.ISSUED, there["id"])
    assert timeline(row) == ["queued → sending", "sending → unknown", "unknown → issued"]
    assert posts(sandbox) == 1


def test_a_provider_that_hangs_is_given_up_within_a_third_of_the_lease(sandbox, badge, settings, later):
    settings.ISSUE_LEASE_SECONDS = 4
    row = waiting(badge)
    sandbox.order(hang=1, times=1)
    started = time.monotonic()
    deliver()
    assert time.monotonic() - started < 4
    assert stored(row).status == S.UNKNOWN


def test_not_found_twice_and_a_lease_apart_is_sent_again(sandbox, badge, later):
    row = waiting(badge)
    sandbox.order(status=503, times=1)
    deliver()
    assert stored(row).status == S.UNKNOWN
    with later(seconds=5):
        reconcile()
        assert (stored(row).status, stored(row).lookups_missed) == (S.UNKNOWN, 1)
        assert reconcile() == 0
    with later(lease=0.9):
        assert reconcile() == 0
    with later(lease=1, seconds=10):
        assert reconcile() == 1
        assert (stored(row).status, stored(row).lookups_missed) == (S.QUEUED, 0)
        assert posts(sandbox) == 1
        deliver()
    assert stored(row).status == S.ISSUED
    assert requests(sandbox)["POST 201"] == 1


def test_a_search_that_lags_does_not_lead_to_a_second_badge(sandbox, account, later):
    badge = BadgeFactory(organization=account.organization, badge_provider=account, template_id=REPEATABLE)
    row = waiting(badge)
    sandbox.order(lost_response=1, times=1)
    deliver()
    sandbox.order(search_lag=3600)
    with later(seconds=5):
        reconcile()
    assert stored(row).lookups_missed == 1
    sandbox.order()
    with later(lease=1, seconds=10):
        reconcile()
    assert stored(row).status == S.ISSUED
    assert posts(sandbox) == 1


def test_a_look_up_that_fails_is_repeated_and_does_not_count_as_not_found(sandbox, badge, later):
    row = waiting(badge)
    sandbox.order(lost_response=1, times=1)
    deliver()
    sandbox.order(status=500)
    with later(seconds=5):
        reconcile()
    after = stored(row)
    assert (after.status, after.lookups_missed, after.lookups_failed) == (S.UNKNOWN, 0, 1)
    sandbox.order()
    with later(seconds=60):
        reconcile()
    assert stored(row).status == S.ISSUED


def test_look_ups_that_fail_for_a_day_are_given_up_and_a_retry_looks_first(sandbox, account, later):
    badge = BadgeFactory(organization=account.organization, badge_provider=account, template_id=REPEATABLE)
    row = waiting(badge)
    sandbox.order(lost_response=1, times=1)
    deliver()
    IssuedBadge.objects.update(lookups_failed=lookups.MAX_LOOKUPS - 1)
    sandbox.order(status=500)
    with later(seconds=5):
        reconcile()
    assert (stored(row).status, stored(row).failure_code) == (S.FAILED, "outcome_unknown")
    sandbox.order()
    retry(row, actor=None)
    assert stored(row).status == S.UNKNOWN
    reconcile()
    assert stored(row).status == S.ISSUED
    assert posts(sandbox) == 1


def test_a_badge_whose_sending_never_succeeds_is_given_up_at_last(badge, instead, later):
    """The provider fails on this one request and answers every search: that must not go round for ever."""
    row = waiting(badge)
    instead("issue", lambda real, *args: _raise(OutcomeUnknown("500")))
    instead("find", lambda real, *args: [])
    IssuedBadge.objects.update(attempts=outcomes.MAX_ATTEMPTS - 1)
    deliver()
    with later(seconds=5):
        reconcile()
    with later(lease=2):
        reconcile()
    assert (stored(row).status, stored(row).failure_code) == (S.FAILED, "outcome_unknown")


def test_a_refused_account_pauses_also_when_a_look_up_learns_of_it(sandbox, account, badge, later):
    row = waiting(badge)
    sandbox.order(lost_response=1, times=1)
    deliver()
    accounts.save_provider(account, new_token="revoked-yesterday")
    with later(seconds=5):
        reconcile()
    account.refresh_from_db()
    assert (stored(row).status, account.is_usable) == (S.UNKNOWN, False)
    with later(seconds=60):
        assert reconcile() == 0
    accounts.save_provider(account, new_token=CANARY)
    with later(seconds=60):
        reconcile()
    assert stored(row).status == S.ISSUED


def test_what_another_row_of_ours_stands_for_is_not_taken(sandbox, badge, later):
    """Ada leaves her address to Bob: the provider refuses his badge as hers, and it stays hers."""
    ada = UserFactory(organization=badge.organization, email="office@example.org")
    hers = waiting(badge, learner=ada)
    deliver()
    ada.email = "ada@example.org"
    gates.save_user(ada)
    his = waiting(badge, learner=UserFactory(organization=badge.organization, email="office@example.org"))
    deliver()
    look_twice(later)
    assert stored(his).status == S.FAILED
    assert stored(his).external_uuid == ""
    assert stored(his).provider_message == "This person has this badge already, pending or accepted."
    assert stored(hers).status == S.ISSUED


@pytest.mark.parametrize(
    ("url", "status"),
    [("https://eu.api.accredible.com/v1", S.ISSUED), ("https://API.accredible.com", S.UNKNOWN)],
    ids=["another host", "the same host"],
)
def test_an_id_means_one_badge_at_one_host_and_another_badge_elsewhere(monkeypatch, url, status):
    """Accredible numbers its credentials; two hosts of it use the same numbers for different ones."""
    kind = BadgeProvider.Kind.ACCREDIBLE
    here = BadgeProviderFactory(kind=kind, api_url="https://api.accredible.com/v1")
    there = BadgeProviderFactory(kind=kind, api_url=url)
    waiting(BadgeFactory(badge_provider=here), status=S.ISSUED, external_uuid="10000001")
    row = waiting(BadgeFactory(badge_provider=there), status=S.UNKNOWN)
    found = ProviderBadge(external_id="10000001", state="published", standing=Standing.HELD)
    monkeypatch.setattr(Accredible, "find", lambda adapter, request: [found])
    reconcile()
    assert stored(row).status == status


def test_a_badge_that_was_taken_back_at_the_provider_is_not_taken_for_ours(badge, instead, later):
    row = waiting(badge)
    instead("issue", lambda real, *args: _raise(Rejected("Refused.", status=422)))
    instead(
        "find",
        lambda real, *args: [ProviderBadge(external_id="x-1", state="revoked", standing=Standing.REVOKED)],
    )
    deliver()
    look_twice(later)
    assert stored(row).status == S.FAILED


# --- Workers that die or wake late --------------------------------------------------------------------------


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


@pytest.mark.parametrize(
    "answer",
    [
        ProviderBadge(external_id="late", state="pending", standing=Standing.PENDING),
        Transient("Late."),
        Rejected("Late."),
        Rejected("Late.", status=422),
        NotSent("Late."),
    ],
    ids=lambda answer: type(answer).__name__,
)
def test_a_worker_that_wakes_late_settles_nothing(badge, later, answer):
    row = waiting(badge)
    (claimed,) = claim(1)
    with later(lease=1.1):
        sweeping.release_stuck()
        sending.settle([(claimed, answer)])
    after = stored(row)
    assert (after.status, after.external_uuid) == (S.UNKNOWN, "")
    assert timeline(row) == ["queued → sending", "sending → unknown"]


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


# --- One row's trouble is its own ---------------------------------------------------------------------------


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


@responses.activate
@pytest.mark.parametrize(
    "told",
    [
        r'"badge_template": {"name": "NUL \u0000 and half \ud800 a character", "\u0000": [NaN, 1e999]}',
        r'"accept_badge_url": "https://www.credly.com/go/' + "x" * 600 + '"',
        r'"state": "' + "pending " * 20 + '"',
    ],
    ids=["characters", "address", "state"],
)
def test_whatever_else_an_answer_says_the_badge_that_it_names_is_issued(told):
    account = BadgeProviderFactory(provider_organization_id=ORGANIZATION)
    row = waiting(BadgeFactory(organization=account.organization, badge_provider=account))
    address = f"{account.api_url}/organizations/{ORGANIZATION}/badges"
    responses.post(address, status=201, body='{"data": {"id": "b-1", "state": "pending", ' + told + "}}")
    deliver()
    assert (stored(row).status, stored(row).external_uuid) == (S.ISSUED, "b-1")
    assert len(responses.calls) == 1


def test_an_adapter_that_breaks_leaves_an_unknown_outcome(badge, instead):
    row = waiting(badge)
    instead("issue", lambda real, *args: _raise(ZeroDivisionError()))
    deliver()
    assert (stored(row).status, stored(row).failure_message) == (
        S.UNKNOWN,
        "Unexpected error: ZeroDivisionError",
    )


def test_an_answer_to_a_look_up_that_cannot_be_stored_counts_as_a_failed_one(badge, instead, later):
    row = waiting(badge)
    bad = ProviderBadge(external_id="x", state="pending", standing=Standing.PENDING, raw={"no": object()})
    instead("issue", lambda real, *args: _raise(OutcomeUnknown("Lost.")))
    instead("find", lambda real, *args: [bad])
    deliver()
    with later(seconds=5):
        reconcile()
    assert (stored(row).status, stored(row).lookups_failed) == (S.UNKNOWN, 1)
    assert stored(row).claim_token is None


# --- Taking back --------------------------------------------------------------------------------------------


def issued(badge, **given):
    row = waiting(badge, **given)
    deliver()
    return stored(row)


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


# --- The switch ---------------------------------------------------------------------------------------------


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


def test_an_error_that_no_rule_knows_is_not_settled_as_something_else(badge):
    row = waiting(badge)
    (claimed,) = claim(1)
    with pytest.raises(TypeError):
        sending.settle([(claimed, "what?")])  # type: ignore[list-item]
    assert stored(row).status == S.SENDING
    sending.settle([(claimed, Misconfigured("No.", status=403))])
    assert stored(row).status == S.HELD
