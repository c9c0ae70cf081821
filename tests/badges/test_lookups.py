"""Nothing is sent twice: what may be at the provider is looked for, over real HTTP with the sandbox."""

from __future__ import annotations

from datetime import timedelta

import pytest
import responses

from badges import lookups, outcomes
from badges.delivery import deliver
from badges.lookups import reconcile
from badges.models import IssuedBadge
from badges.retrying import retry
from badges.status import Status
from providers import accounts
from providers.accredible import Accredible
from providers.base import OutcomeUnknown, ProviderBadge, Rejected, Standing
from providers.models import BadgeProvider
from tests.badges.conftest import fail, posts, requests, stored, timeline, waiting
from tests.factories import BadgeFactory, BadgeProviderFactory, UserFactory
from tests.providers.conftest import ARCHIVED, CANARY, ORGANIZATION, REPEATABLE
from tms import gates

S = Status
pytestmark = pytest.mark.django_db


def look_twice(later) -> None:
    """At once, and again after the pause that a refusal is given for a search that lags."""
    reconcile()
    with later(seconds=11):
        reconcile()


def _as_somebody_else_would(row):
    return {
        "recipient_email": row.recipient_email,
        "issued_to_first_name": "Ada",
        "issued_to_last_name": "Lovelace",
        "badge_template_id": row.badge.template_id,
        "issued_at": "2026-01-01 00:00:00 +0000",
    }


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


def test_a_badge_that_was_there_before_ours_was_asked_for_says_so(badge, instead):
    row = stored(waiting(badge))
    old = ProviderBadge(
        external_id="x-1",
        state="pending",
        standing=Standing.PENDING,
        created_at=row.created_at - timedelta(days=9),
    )
    instead("issue", lambda real, *args: fail(Rejected("Refused.", status=422)))
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
    instead("issue", lambda real, *args: fail(OutcomeUnknown("500")))
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
    instead("issue", lambda real, *args: fail(Rejected("Refused.", status=422)))
    instead(
        "find",
        lambda real, *args: [ProviderBadge(external_id="x-1", state="revoked", standing=Standing.REVOKED)],
    )
    deliver()
    look_twice(later)
    assert stored(row).status == S.FAILED


def test_an_answer_to_a_look_up_that_cannot_be_stored_counts_as_a_failed_one(badge, instead, later):
    row = waiting(badge)
    bad = ProviderBadge(external_id="x", state="pending", standing=Standing.PENDING, raw={"no": object()})
    instead("issue", lambda real, *args: fail(OutcomeUnknown("Lost.")))
    instead("find", lambda real, *args: [bad])
    deliver()
    with later(seconds=5):
        reconcile()
    assert (stored(row).status, stored(row).lookups_failed) == (S.UNKNOWN, 1)
    assert stored(row).claim_token is None
