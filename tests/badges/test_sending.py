"""What is sent, and what each kind of answer makes of its row, mostly over real HTTP with the sandbox."""

from __future__ import annotations

import time
from datetime import datetime, timedelta
from typing import Any

import pytest
import responses
from django.utils import timezone

from badges import sending, sweeping
from badges.delivery import deliver
from badges.events import badge_issued
from badges.exchange import NotSent
from badges.lifecycle import claim
from badges.models import IssuedBadge
from badges.status import Status
from badges.sweeping import sweep
from providers import accounts
from providers.base import Misconfigured, ProviderBadge, Rejected, Standing, Transient
from providers.models import BadgeProvider
from tests.badges.conftest import fail, posts, requests, stored, timeline, waiting
from tests.factories import PAST, BadgeFactory, BadgeProviderFactory, UserFactory
from tests.providers.conftest import CANARY, ORGANIZATION
from tms import gates
from tms.models import User

S = Status
pytestmark = pytest.mark.django_db
ISSUED = ["queued → sending", "sending → issued"]


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


def test_an_unknown_organization_fails_the_row_and_not_the_account(sandbox, account, badge):
    BadgeProvider.objects.update(provider_organization_id="11111111-0000-4000-8000-000000000000")
    row = waiting(badge)
    deliver()
    assert (stored(row).status, stored(row).failure_code) == (S.FAILED, "rejected")
    assert BadgeProvider.objects.get().is_usable
    assert requests(sandbox) == {"POST 404": 1}


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


def test_a_kind_that_cannot_issue_yet_pauses_its_account_instead_of_failing_badges():
    account = BadgeProviderFactory(kind=BadgeProvider.Kind.OPEN_BADGES)
    row = waiting(BadgeFactory(organization=account.organization, badge_provider=account))
    deliver()
    account.refresh_from_db()
    assert (stored(row).status, account.is_usable) == (S.HELD, False)
    assert account.pause_reason == "Open Badges cannot issue yet."


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
    instead("issue", lambda real, *args: fail(Transient("Not there.")))
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


def test_a_provider_that_hangs_is_given_up_within_a_third_of_the_lease(sandbox, badge, settings, later):
    settings.ISSUE_LEASE_SECONDS = 4
    row = waiting(badge)
    sandbox.order(hang=1, times=1)
    started = time.monotonic()
    deliver()
    assert time.monotonic() - started < 4
    assert stored(row).status == S.UNKNOWN


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


def test_an_error_that_no_rule_knows_is_not_settled_as_something_else(badge):
    row = waiting(badge)
    (claimed,) = claim(1)
    with pytest.raises(TypeError):
        sending.settle([(claimed, "what?")])  # type: ignore[list-item]
    assert stored(row).status == S.SENDING
    sending.settle([(claimed, Misconfigured("No.", status=403))])
    assert stored(row).status == S.HELD
