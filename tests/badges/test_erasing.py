"""Badges and what they tell about a person, erased at the provider."""

from __future__ import annotations

import pytest

from badges import errands
from badges.delivery import deliver
from badges.ending import revoke
from badges.erasing import erase, erase_all
from badges.lifecycle import Move, claim, claim_errands, move
from badges.models import IssuedBadge
from badges.sending import request_for, settle
from badges.status import Status
from badges.sweeping import sweep
from providers.base import (
    Misconfigured,
    OutcomeUnknown,
    ProviderBadge,
    Rejected,
    Standing,
    Transient,
)
from providers.credly import Credly
from tests.badges.conftest import stored
from tests.factories import AdministratorFactory, BadgeFactory, IssuedBadgeFactory, UserFactory
from tms.errors import Conflict, DomainError, NotFound
from tms.models import User

S = Status
THERE = (S.ISSUED, S.ACCEPTED, S.REJECTED, S.REVOKED, S.EXPIRED, S.SUPERSEDED)
UNDER_WAY = (S.SENDING, S.UNKNOWN, S.REVOKING)
REASON = "She asked for it."
pytestmark = pytest.mark.django_db


@pytest.mark.parametrize("vendor", ["credly", "accredible"])
def test_an_erased_badge_is_gone_there_and_removed_here(sandbox, badge, accredible_badge, vendor):
    of_badge = badge if vendor == "credly" else accredible_badge
    row = IssuedBadgeFactory(badge=of_badge)
    deliver()
    admin = AdministratorFactory(organization=of_badge.organization)
    erase(row, reason=REASON, actor=admin)
    assert errands.run() == 1
    after = stored(row)
    assert (after.status, after.erasure_due_at) == (S.REMOVED, None)
    assert (after.external_state, after.external_url, after.accept_url) == ("", "", "")
    assert after.external_uuid
    assert sandbox.received()["badges" if vendor == "credly" else "credentials"] == []
    asked, done = row.events.order_by("-pk")[:2][::-1]
    assert (asked.actor, asked.reason) == (admin, f"To be erased at the provider: {REASON}")
    assert done.reason == "Erased at the provider."
    assert errands.run() == 0


@pytest.mark.parametrize("status", THERE)
def test_whatever_the_provider_may_still_have_can_be_erased(sandbox, badge, status):
    row = IssuedBadgeFactory(badge=badge, status=status, external_uuid="gone-already")
    erase(row, reason=REASON, actor=None)
    errands.run()
    assert stored(row).status == S.REMOVED


@pytest.mark.parametrize("status", sorted(set(S) - {*THERE, *UNDER_WAY}))
def test_what_the_provider_never_had_is_not(status):
    row = IssuedBadgeFactory(status=status)
    with pytest.raises(Conflict) as refused:
        erase(row, reason=REASON, actor=None)
    assert refused.value.code == "not_at_provider"
    assert stored(row).erasure_due_at is None


def test_what_is_being_sent_is_erased_when_the_provider_has_it(sandbox, badge):
    row = IssuedBadgeFactory(badge=badge)
    [claimed] = claim(1)
    erase(row, reason=REASON, actor=None)
    assert errands.run() == 0
    settle([(claimed, Credly(badge.badge_provider.account).issue(request_for(claimed)))])
    assert errands.run() == 1
    assert (stored(row).status, sandbox.badges()) == (S.REMOVED, [])


@pytest.mark.parametrize(
    "outcome",
    [Transient("Not now."), Rejected("No."), Misconfigured("Whose account?")],
    ids=["comes back", "is refused", "is held"],
)
def test_what_was_to_be_erased_and_never_reached_the_provider_is_not_sent(sandbox, badge, outcome, later):
    row = IssuedBadgeFactory(badge=badge)
    [claimed] = claim(1)
    erase(row, reason=REASON, actor=None)
    settle([(claimed, outcome)])
    with later(seconds=3600):
        deliver()
        sweep()
    after = stored(row)
    assert (after.status, after.erasure_due_at) == (S.CANCELLED, None)
    assert row.events.last().reason == "The provider never had it, and it was to be erased."
    assert sandbox.badges() == []


@pytest.mark.parametrize("asked", ["while it is sent", "after it failed"])
def test_what_is_lost_and_is_to_be_erased_is_looked_for_first(sandbox, badge, asked):
    """At the address that it was sent to, whatever the learner's is today."""
    row = IssuedBadgeFactory(badge=badge)
    [claimed] = claim(1)
    if asked == "while it is sent":
        erase(row, reason=REASON, actor=None)
    Credly(badge.badge_provider.account).issue(request_for(claimed))
    IssuedBadge.objects.update(status=S.FAILED, failure_code=OutcomeUnknown.code, claim_token=None)
    if asked == "after it failed":
        erase(row, reason=REASON, actor=None)
    User.objects.filter(pk=row.learner_id).update(email="today@example.org")
    sweep()
    assert stored(row).recipient_email == row.recipient_email
    errands.run()
    assert (stored(row).status, sandbox.badges()) == (S.REMOVED, [])


def test_a_revocation_comes_first(sandbox, badge):
    row = IssuedBadgeFactory(badge=badge)
    deliver()
    revoke(row, reason="In error.", actor=None)
    erase(row, reason=REASON, actor=None)
    assert errands.run() == 0
    deliver()
    assert errands.run() == 1
    assert stored(row).status == S.REMOVED


def test_a_provider_without_a_way_to_erase_is_not_asked(badge, monkeypatch):
    row = IssuedBadgeFactory(badge=badge)
    deliver()
    monkeypatch.setattr(Credly, "abilities", Credly.abilities - {"delete"})
    with pytest.raises(DomainError) as refused:
        erase(row, reason=REASON, actor=None)
    assert refused.value.code == "not_erasable"
    assert stored(row).erasure_due_at is None


def test_erasing_needs_a_reason_and_an_administrator_of_the_badge():
    learner = UserFactory()
    row = IssuedBadgeFactory(badge=BadgeFactory(), learner=learner, status=S.ISSUED, external_uuid="x-1")
    with pytest.raises(DomainError):
        erase(row, reason=" ", actor=None)
    for actor in (learner, AdministratorFactory(), AdministratorFactory(organization=learner.organization)):
        with pytest.raises(NotFound):
            erase(row, reason=REASON, actor=actor)
        assert erase_all(IssuedBadge.objects.all(), reason=REASON, actor=actor).asked == 0
    assert stored(row).erasure_due_at is None


def test_an_erasure_whose_answer_was_lost_is_repeated(sandbox, badge, later):
    row = IssuedBadgeFactory(badge=badge)
    deliver()
    erase(row, reason=REASON, actor=None)
    sandbox.order(lost_response=1, times=1)
    errands.run()
    assert stored(row).status == S.ISSUED
    with later(seconds=10):
        errands.run()
    assert (stored(row).status, sandbox.badges()) == (S.REMOVED, [])


def test_a_refused_erasure_is_told_in_the_timeline(badge, monkeypatch):
    row = IssuedBadgeFactory(badge=badge)
    deliver()
    erase(row, reason=REASON, actor=None)

    def refuse(adapter, external_id):
        raise Rejected("Refused.", provider_message="This token may not delete.", status=403)

    monkeypatch.setattr(Credly, "delete", refuse)
    errands.run()
    after = stored(row)
    assert (after.status, after.erasure_due_at, after.claim_token) == (S.ISSUED, None, None)
    assert row.events.last().reason == "Not erased: Refused. This token may not delete."


def test_a_row_that_moved_while_its_badge_was_erased_ends_with_the_next_errand(sandbox, badge):
    row = IssuedBadgeFactory(badge=badge)
    deliver()
    erase(row, reason=REASON, actor=None)
    [claimed] = claim_errands("erasure_due_at", [S.ISSUED], 1)
    Credly(badge.badge_provider.account).delete(claimed.external_uuid)
    move(Move(issued_badge_id=row.pk, from_status=S.ISSUED, to_status=S.ACCEPTED))
    errands._settle_erasures([(claimed, [])])
    assert stored(row).status == S.ACCEPTED
    errands.run()
    assert stored(row).status == S.REMOVED


def test_an_unknown_outcome_is_told_apart_from_a_refusal(badge, monkeypatch):
    row = IssuedBadgeFactory(badge=badge)
    deliver()
    erase(row, reason=REASON, actor=None)

    def lost(adapter, external_id):
        raise OutcomeUnknown("?")

    monkeypatch.setattr(Credly, "delete", lost)
    errands.run()
    after = stored(row)
    assert (after.status, after.attempts) == (S.ISSUED, 2)  # one to issue, one of this
    assert after.erasure_due_at


def test_an_answer_that_is_late_settles_nothing_that_others_settled(badge):
    row = IssuedBadgeFactory(badge=badge)
    deliver()
    there = ProviderBadge(external_id="other", state="pending", standing=Standing.PENDING)
    IssuedBadge.objects.update(external_uuid="moved-on")
    errands._settle_corrections([(row, there)])
    assert stored(row).external_uuid == "moved-on"
