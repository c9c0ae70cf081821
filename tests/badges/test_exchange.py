"""What one answer teaches about its account, and that no row, account or database stops the others."""

from __future__ import annotations

import time
from datetime import timedelta
from email.utils import format_datetime
from threading import Event

import pytest
from django.db import OperationalError
from django.utils import timezone

from badges import delivery, exchange, hints, lookups, pool, sending, sweeping
from badges.delivery import deliver
from badges.lifecycle import claim
from badges.lookups import reconcile
from badges.models import IssuedBadge
from badges.sending import settle
from badges.status import Status
from badges.sweeping import sweep
from providers import accounts, breaker, limits
from providers.accredible import Accredible
from providers.base import Misconfigured, OutcomeUnknown, ProviderBadge, Rejected, Standing
from providers.credly import Credly
from providers.models import BadgeProvider, CallRate
from providers.secrets import EncryptedTextField
from tests.badges.conftest import requests, stored, timeline
from tests.factories import BadgeFactory, BadgeProviderFactory, IssuedBadgeFactory
from tests.providers.conftest import CANARY, GROUP, ISSUER, ORGANIZATION, REPEATABLE

pytestmark = pytest.mark.django_db
S = Status


def waiting(badge, number=1, **given):
    return [IssuedBadgeFactory(badge=badge, **given) for _number in range(number)]


def statuses(rows) -> list[str]:
    return [stored(row).status for row in rows]


def badge_of(account, template_id=REPEATABLE):
    return BadgeFactory(organization=account.organization, badge_provider=account, template_id=template_id)


@pytest.fixture
def accredible(sandbox) -> BadgeProvider:
    found: BadgeProvider = BadgeProviderFactory(
        kind=BadgeProvider.Kind.ACCREDIBLE,
        api_url=f"{sandbox.url}/v1",
        provider_organization_id=ISSUER,
        token=CANARY,
    )
    return found


@pytest.fixture
def another_account(sandbox) -> BadgeProvider:
    """Of another organization of ours, at the same place."""
    found: BadgeProvider = BadgeProviderFactory(
        api_url=f"{sandbox.url}/v1", provider_organization_id=ORGANIZATION, token=CANARY
    )
    return found


# --- Asked to wait ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("is_date", [False, True], ids=["seconds", "date"])
def test_who_is_asked_to_wait_for_one_row_leaves_the_others_of_the_account_alone(
    sandbox, badge, another_account, later, is_date
):
    at = timezone.now() + timedelta(seconds=120)
    sandbox.order(status=429, retry_after=format_datetime(at, usegmt=True) if is_date else "120", times=1)
    rows = waiting(badge, 6, due_at=timezone.now() - timedelta(hours=1))
    deliver(connections=1)
    assert requests(sandbox) == {"POST 429": 1}
    assert sorted(stored(row).attempts for row in rows) == [0, 0, 0, 0, 0, 1]
    assert {str(stored(row).issued_status).split(" (")[0] for row in rows} == {
        "Waiting: the badge provider asked us to wait"
    }
    others = waiting(badge_of(another_account), 2)
    deliver()
    assert statuses(others) == [S.ISSUED] * 2
    with later(seconds=110):
        assert deliver() == 0
    with later(seconds=125):
        deliver()
    assert statuses(rows) == [S.ISSUED] * 6


def test_where_the_host_counts_one_refusal_stops_all_accounts_there(sandbox, accredible, later):
    sibling = BadgeProviderFactory(
        kind=accredible.kind, api_url=sandbox.url, provider_organization_id=ISSUER, token=CANARY
    )
    sandbox.order(status=429, retry_after="60", times=1)
    rows = [*waiting(badge_of(accredible, GROUP), 3), *waiting(badge_of(sibling, GROUP), 3)]
    deliver(connections=1)
    # The other account's may have been under way.
    assert sum(requests(sandbox).values()) <= 3
    assert statuses(rows).count(S.QUEUED) >= 4
    assert deliver() == 0
    with later(seconds=65):
        deliver()
    assert statuses(rows) == [S.ISSUED] * 6


def test_a_provider_that_counts_never_sees_more_than_its_limit(sandbox, badge, settings):
    """It would answer 429 to the seventeenth call of a minute."""
    sandbox.order(limit=16, limit_seconds=60)
    BadgeProvider.objects.update(calls_per_minute=16)
    rows = waiting(badge, 4)
    deliver()
    assert requests(sandbox) == {"POST 201": 1}
    assert sorted(statuses(rows)) == [S.ISSUED, *[S.QUEUED] * 3]


def test_the_further_calls_of_a_look_up_count_as_well(sandbox, badge):
    """Credly is searched twice, by address and by earner."""
    BadgeProvider.objects.update(calls_per_minute=16)
    waiting(badge, status=S.UNKNOWN)
    before = timezone.now()
    reconcile()
    (rate,) = CallRate.objects.all()
    limit = limits.limit_of_account(badge.badge_provider.__class__.objects.get())
    assert limit is not None
    assert requests(sandbox) == {"GET 200": 2}
    assert rate.free_at >= before + 2 * limit.interval


def test_words_that_no_database_takes_stop_no_other_account(sandbox, badge, monkeypatch):
    """The refusal comes first, and its words are to be written down."""
    refused = BadgeProviderFactory()
    (bad,) = waiting(badge_of(refused), priority=0)
    real = Credly.issue

    def issue(adapter, request):
        if adapter._account.api_url == refused.api_url:
            raise Misconfigured("No.", status=401, provider_message="half \ud800 a character")
        return real(adapter, request)

    monkeypatch.setattr(Credly, "issue", issue)
    rows = waiting(badge, 3)
    deliver(connections=1)
    assert statuses(rows) == [S.ISSUED] * 3
    assert stored(bad).status == S.UNKNOWN


# --- Nobody there -------------------------------------------------------------------------------------------


def test_an_account_at_which_nobody_answers_is_left_alone_and_tried_with_one_call(
    sandbox, account, badge, later
):
    rows = waiting(badge, 12)
    sandbox.kill()
    deliver(connections=1)
    tried = IssuedBadge.objects.filter(attempts__gt=0)
    assert tried.count() == breaker.THRESHOLD
    untried = IssuedBadge.objects.filter(attempts=0).first()
    assert untried is not None
    assert str(untried.issued_status) == "Waiting: the badge provider does not answer"
    assert untried.status == S.QUEUED
    with later(seconds=10):
        assert deliver() == 0
    with later(seconds=16):
        assert deliver() == 1
        assert deliver() == 0
    assert sum(IssuedBadge.objects.values_list("attempts", flat=True)) == breaker.THRESHOLD + 1
    sandbox.start()
    with later(seconds=60):
        deliver()
    assert statuses(rows) == [S.ISSUED] * 12
    account.refresh_from_db()
    assert (account.broken_until, account.failures_in_a_row) == (None, 0)
    assert len(sandbox.badges()) == 12


def test_outages_are_noticed_by_looking_up_as_well_and_end_with_any_answer(sandbox, account, badge, later):
    rows = waiting(badge, breaker.THRESHOLD, status=S.UNKNOWN)
    sandbox.order(status=503)
    reconcile()
    account.refresh_from_db()
    assert account.broken_until is not None
    assert {str(stored(row).issued_status) for row in rows} == {
        "Checking with Credly: the badge provider does not answer"
    }
    sandbox.order()
    waiting(badge)
    with later(seconds=16):
        assert deliver() == 1 + breaker.THRESHOLD
    assert requests(sandbox)["POST 201"] == 1


def test_rows_that_are_refused_here_say_nothing_of_the_provider(account, badge):
    for number in range(12):
        waiting(badge, learner__email=f"not-an-address-{number}")
    deliver(connections=1)
    assert IssuedBadge.objects.filter(status=S.FAILED, failure_code="invalid_email").count() == 12
    account.refresh_from_db()
    assert (account.failures_in_a_row, account.broken_until) == (0, None)


def test_a_probe_that_never_reached_the_provider_leaves_the_next_one_free(sandbox, account, badge, later):
    assert breaker.record(account, [False] * breaker.THRESHOLD)
    (bad,) = waiting(badge, learner__email="not-an-address", priority=0)
    (good,) = waiting(badge)
    with later(seconds=16):
        deliver()
    assert (stored(bad).status, stored(good).status) == (S.FAILED, S.ISSUED)


def test_one_row_that_always_fails_there_stops_no_other(sandbox, badge, monkeypatch, later):
    """The provider breaks on this one request only, and answers every look-up."""
    (bad,) = waiting(badge, due_at=timezone.now() - timedelta(days=1))
    real = Credly.issue

    def issue(adapter, request):
        if request.reference == str(bad.reference):
            raise OutcomeUnknown("500", status=500)
        return real(adapter, request)

    monkeypatch.setattr(Credly, "issue", issue)
    rows = waiting(badge, 12)
    for _number in range(3):
        deliver(connections=1)
        sweep()
    assert statuses(rows) == [S.ISSUED] * 12
    assert stored(bad).status == S.UNKNOWN


# --- Hanging accounts ---------------------------------------------------------------------------------------


def test_an_account_that_hangs_keeps_no_other_waiting(sandbox, another_account, monkeypatch):
    """Its calls hang until all the others are through: were they to wait for it, this would never end."""
    monkeypatch.setattr(pool, "PATIENCE", 0.05)
    monkeypatch.setattr(pool, "TICK", 0.05)
    hanging = BadgeProviderFactory()
    stuck = waiting(badge_of(hanging), 10, priority=0)
    rows = waiting(badge_of(another_account), 10)
    through = Event()
    real = Credly.issue

    def issue(adapter, request):
        if adapter._account.api_url == hanging.api_url:
            assert through.wait(timeout=20)
            raise OutcomeUnknown("It hung.")
        answer = real(adapter, request)
        if sum(name == "POST 201" and number for name, number in requests(sandbox).items()) == len(rows):
            through.set()
        return answer

    monkeypatch.setattr(Credly, "issue", issue)
    deliver(connections=2)
    assert through.is_set()
    assert statuses(rows) == [S.ISSUED] * 10
    assert set(statuses(stuck)) == {S.UNKNOWN}


def test_taking_back_at_an_account_that_hangs_keeps_no_other_from_sending(
    sandbox, another_account, monkeypatch
):
    monkeypatch.setattr(pool, "PATIENCE", 0.05)
    monkeypatch.setattr(pool, "TICK", 0.05)
    hanging = BadgeProviderFactory()
    stuck = waiting(badge_of(hanging), 3, status=S.REVOKING)
    (row,) = waiting(badge_of(another_account))
    through, in_time = Event(), []
    real = Credly.issue

    def issue(adapter, request):
        answer = real(adapter, request)
        through.set()
        return answer

    def revoke(adapter, external_id, *, reason):
        in_time.append(through.wait(timeout=10))
        raise OutcomeUnknown("It hung.")

    monkeypatch.setattr(Credly, "issue", issue)
    monkeypatch.setattr(Credly, "revoke", revoke)
    deliver(connections=2)
    assert (stored(row).status, set(in_time)) == (S.ISSUED, {True})
    assert set(statuses(stuck)) == {S.REVOKING}


# --- Side by side -------------------------------------------------------------------------------------------


def test_neither_look_ups_nor_sending_keep_the_other_from_the_calls_an_account_may_make(
    sandbox, badge, later
):
    """One call a minute, and a queue of each kind that is never done."""
    BadgeProvider.objects.update(calls_per_minute=1)
    unknown = waiting(badge, 5, status=S.UNKNOWN, due_at=timezone.now() - timedelta(days=1))
    queued = waiting(badge, 5, due_at=timezone.now() - timedelta(days=1))
    for minute in range(12):
        with later(seconds=600 * minute):
            assert deliver(connections=1) <= 1
    assert IssuedBadge.objects.filter(pk__in=[row.pk for row in unknown], lookups_missed__gt=0).exists()
    assert S.ISSUED in statuses(queued)


def test_what_may_be_at_the_provider_is_looked_for_while_a_long_queue_is_sent(sandbox, badge, monkeypatch):
    (lost,) = waiting(badge, status=S.UNKNOWN)
    waiting(badge, 40, due_at=timezone.now() - timedelta(days=1))
    looked_after = []
    real = Credly.find

    def find(adapter, request):
        looked_after.append(sum(number for name, number in requests(sandbox).items() if "POST" in name))
        return real(adapter, request)

    monkeypatch.setattr(Credly, "find", find)
    deliver(connections=2)
    assert looked_after[0] < 40
    assert stored(lost).lookups_missed == 1


# --- Poisoned rows ------------------------------------------------------------------------------------------


def test_a_row_of_which_no_request_can_be_made_fails_and_says_so(sandbox, account):
    other = BadgeFactory(badge_provider=account, template_id=REPEATABLE)
    (bad,) = waiting(other, evidence=[{"unknown": "field"}])
    (good,) = waiting(other)
    deliver()
    after = stored(bad)
    assert (after.status, after.failure_code) == (S.FAILED, "unsendable")
    assert after.failure_message == "No request can be made of what is stored: TypeError."
    assert stored(good).status == S.ISSUED
    assert requests(sandbox) == {"POST 201": 1}


def test_a_row_that_cannot_be_read_fails_and_stops_no_other(sandbox, badge, monkeypatch):
    broken = BadgeProviderFactory(token="unreadable")
    (bad,) = waiting(badge_of(broken), priority=0)
    (lost,) = waiting(badge_of(broken, "another"), status=S.UNKNOWN)
    rows = waiting(badge, 3)
    real = EncryptedTextField.from_db_value

    def read(self, value, expression, connection):
        if real(self, value, expression, connection) == "unreadable":
            raise UnicodeDecodeError("utf-8", b"", 0, 1, "why")
        return real(self, value, expression, connection)

    monkeypatch.setattr(EncryptedTextField, "from_db_value", read)
    deliver()
    reconcile()
    assert statuses(rows) == [S.ISSUED] * 3
    # What may be at the provider is looked for before it is sent again.
    for row, code in ((bad, "unreadable"), (lost, OutcomeUnknown.code)):
        after = stored(row)
        assert (after.status, after.failure_code) == (S.FAILED, code)
        assert after.failure_message == "It cannot be read from the database: UnicodeDecodeError."
        assert after.claim_token is None


@pytest.mark.parametrize(
    "error", [SystemExit(), MemoryError(), KeyError("x")], ids=lambda e: type(e).__name__
)
def test_whatever_an_adapter_raises_leaves_an_unknown_outcome(sandbox, badge, monkeypatch, error):
    (row,) = waiting(badge)

    def issue(adapter, request):
        raise error

    monkeypatch.setattr(Credly, "issue", issue)
    assert deliver() == 1
    after = stored(row)
    assert (after.status, after.failure_message) == (
        S.UNKNOWN,
        f"Unexpected error: {type(error).__name__}",
    )


def test_evidence_that_cannot_be_read_fails_its_row_alone(sandbox, badge, monkeypatch):
    bad, good = waiting(badge, 2)
    real = sending.with_evidence

    def read(rows):
        if any(row.pk == bad.pk for row in rows):
            raise LookupError
        return real(rows)

    monkeypatch.setattr(sending, "with_evidence", read)
    deliver()
    assert (stored(bad).status, stored(bad).failure_code) == (S.FAILED, "unsendable")
    assert stored(good).status == S.ISSUED


def test_a_step_of_the_sweep_that_fails_stops_no_other(sandbox, account, badge, monkeypatch, later):
    (row,) = waiting(badge)
    claim(1)

    def fail():
        raise ZeroDivisionError

    monkeypatch.setattr(sweeping, "hold_blocked", fail)
    with later(lease=1.1):
        counts = sweep()
    assert counts["stuck"] == counts["looked up"] == 1
    assert "held" not in counts
    assert stored(row).status == S.UNKNOWN


# --- Stored and not published -------------------------------------------------------------------------------


def test_what_was_stored_without_credits_is_published_after_the_resume_and_never_made_twice(
    sandbox, accredible, later
):
    sandbox.set_account(ISSUER, credits=0)
    badge = badge_of(accredible, GROUP)
    first, second = waiting(badge, 2)
    deliver(connections=1)
    accredible.refresh_from_db()
    assert accredible.paused_at is not None
    assert sorted(statuses([first, second])) == [S.QUEUED, S.UNKNOWN]
    row = IssuedBadge.objects.get(status=S.UNKNOWN)
    assert str(row.issued_status) == "Checking with Accredible: the badge provider is paused (attempt 1)"
    with later(seconds=60):
        assert (deliver(), reconcile()) == (0, 0)
    sandbox.set_account(ISSUER, credits=10)
    accounts.resume(accredible)
    with later(seconds=60):
        reconcile()
        sweep()
        deliver()
    assert statuses([first, second]) == [S.ISSUED] * 2
    assert timeline(row) == ["queued → sending", "sending → unknown", "unknown → issued"]
    assert sandbox.received()["duplicates"] == []
    assert len(sandbox.received()["credentials"]) == 2


def test_what_cannot_be_published_is_not_asked_for_without_end(sandbox, accredible, monkeypatch, later):
    """It is there, unpublished, and this key may not change it."""
    (row,) = waiting(badge_of(accredible, GROUP), status=S.UNKNOWN)
    ours = ProviderBadge(
        external_id="9", state="unpublished", standing=Standing.WITHHELD, reference=str(row.reference)
    )
    asked = []

    def refuse(adapter, external_id):
        asked.append(external_id)
        if len(asked) > 5:
            raise SystemExit  # so that this test ends
        raise Rejected("No.", status=403, provider_message="This key may not.")

    monkeypatch.setattr(Accredible, "find", lambda adapter, request: [ours])
    monkeypatch.setattr(Accredible, "publish", refuse)
    reconcile()
    assert asked == ["9"]
    assert (stored(row).external_uuid, stored(row).lookups_failed) == ("", 1)
    IssuedBadge.objects.update(lookups_failed=lookups.MAX_LOOKUPS - 1, external_uuid="9")
    with later(seconds=60):
        reconcile()
    after = stored(row)
    assert (after.status, after.failure_code) == (S.FAILED, OutcomeUnknown.code)
    assert after.provider_message == "This key may not."


def test_what_somebody_else_holds_back_is_not_published(sandbox, accredible, monkeypatch):
    (row,) = waiting(badge_of(accredible, GROUP), status=S.UNKNOWN)
    theirs = ProviderBadge(
        external_id="9", state="unpublished", standing=Standing.WITHHELD, reference="theirs"
    )
    monkeypatch.setattr(Accredible, "find", lambda adapter, request: [theirs])
    reconcile()
    assert (stored(row).external_uuid, stored(row).lookups_missed) == ("", 1)


# --- Late workers, long work and a database that goes away --------------------------------------------------


def test_no_request_begins_after_the_lease_even_if_the_worker_slept_after_its_last_look(
    sandbox, badge, settings, monkeypatch
):
    settings.ISSUE_LEASE_SECONDS = 0.5
    (row,) = waiting(badge)
    real = Credly.issue

    def wake_late(adapter, request):
        time.sleep(0.6)
        return real(adapter, request)

    monkeypatch.setattr(Credly, "issue", wake_late)
    deliver()
    assert requests(sandbox) == {}
    assert stored(row).status == S.UNKNOWN


def test_a_delivery_leaves_its_worker_after_a_while_and_another_one_goes_on(sandbox, badge, monkeypatch):
    asked: list[str] = []
    monkeypatch.setattr(delivery, "hint", asked.append)
    rows = waiting(badge, 3)
    assert deliver(seconds=0) == 0
    assert asked == [hints.DELIVER]
    assert statuses(rows) == [S.QUEUED] * 3
    assert deliver(seconds=60) == 3
    assert asked == [hints.DELIVER]


def test_of_a_slow_provider_no_more_is_claimed_than_its_connections_do_next(sandbox, badge, monkeypatch):
    waiting(badge, 8)
    claim, real, limits = sending.claim, Credly.issue, []

    def slowly(adapter, request):
        time.sleep(0.7)
        return real(adapter, request)

    monkeypatch.setattr(sending, "claim", lambda limit, room: limits.append(limit) or claim(limit, room=room))
    monkeypatch.setattr(Credly, "issue", slowly)
    assert deliver(connections=2) == 8
    assert max(limits) == 4


def test_of_a_prompt_provider_many_are_claimed_at_once(sandbox, badge, monkeypatch):
    rows = waiting(badge, 60)
    claim, limits = sending.claim, []
    monkeypatch.setattr(sending, "claim", lambda limit, room: limits.append(limit) or claim(limit, room=room))
    deliver(connections=2)
    assert statuses(rows) == [S.ISSUED] * 60
    assert max(limits) > 4


def test_answers_in_hand_are_kept_while_the_database_restarts(sandbox, badge, monkeypatch):
    (row,) = waiting(badge)
    monkeypatch.setattr(exchange, "RETURNS_WITHIN", (0.0, 0.01, 0.01))
    away = [OperationalError("starting up"), OperationalError("starting up")]

    def settle_when_back(answers):
        if away:
            raise away.pop()
        settle(answers)

    monkeypatch.setattr(delivery, "settle", settle_when_back)
    deliver()
    assert stored(row).status == S.ISSUED
    assert timeline(row) == ["queued → sending", "sending → issued"]
