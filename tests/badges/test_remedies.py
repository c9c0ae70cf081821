"""What people do about a difference, over real HTTP."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone

from badges.comparison import compare
from badges.delivery import deliver
from badges.issuing import issue as issue_by_hand
from badges.models import Difference, IssuedBadge
from badges.remedies import adopt, correct, ignore, issue_again, mark_removed, remedy
from badges.status import Status
from tests.badges.conftest import stored, timeline
from tests.badges.stories import act, issue, issue_there
from tests.factories import PAST, AdministratorFactory, BadgeFactory, IssuedBadgeFactory, UserFactory
from tms.errors import Conflict, DomainError, NotFound
from tms.models import AuditEntry

S = Status
Kind = Difference.Kind
pytestmark = pytest.mark.django_db


@pytest.fixture
def administrator(account):
    return AdministratorFactory(organization=account.organization)


@pytest.fixture
def unexpected(sandbox, account, badge):
    """A badge that somebody issued at the provider itself, for a learner of ours."""
    learner = UserFactory(organization=badge.organization)
    issue_there(sandbox, badge, email=learner.email)
    compare(account)
    return Difference.objects.get(kind=Kind.UNEXPECTED)


@pytest.fixture
def missing(sandbox, account, badge):
    """A badge of ours that somebody deleted at the provider."""
    row = issue(badge)
    IssuedBadge.objects.update(issued_at=PAST)
    act(sandbox, row.external_uuid, "delete")
    compare(account)
    return Difference.objects.get(kind=Kind.MISSING)


def after(difference):
    return Difference.objects.get(pk=difference.pk)


# --- Adopting -----------------------------------------------------------------------------------------------


def test_adopting_makes_a_record_of_a_badge_issued_there(account, badge, unexpected, administrator):
    row = adopt(unexpected, actor=administrator)
    assert (row.status, row.external_uuid) == (S.ISSUED, unexpected.external_uuid)
    assert (row.badge, row.learner) == (badge, unexpected.learner)
    assert (row.issued_by, row.source_kind) == (administrator, IssuedBadge.Source.BACK_OFFICE)
    assert row.accept_url
    assert timeline(row) == ["unknown → issued"]
    ended = after(unexpected)
    assert (ended.decision, ended.decided_by) == ("Adopted.", administrator)
    assert ended.resolved_at is not None
    assert [(entry.act, entry.key) for entry in AuditEntry.objects.all()] == [("adopt", row.pk)]
    run = compare(account)
    assert (run.matched, run.differences) == (1, 0)


def test_what_was_adopted_is_not_issued_again(sandbox, badge, unexpected, administrator):
    adopt(unexpected, actor=administrator)
    (outcome,) = issue_by_hand(badge, [unexpected.learner], actor=None, source=IssuedBadge.Source.API)
    assert outcome.code == "already_issued"
    assert len(sandbox.badges()) == 1


def test_adopting_makes_a_failed_record_good(account, badge, unexpected, administrator):
    failed = IssuedBadgeFactory(
        badge=badge, learner=unexpected.learner, status=S.FAILED, failure_code="rejected"
    )
    row = adopt(unexpected, actor=administrator)
    assert row == failed
    assert (row.status, row.failure_code) == (S.ISSUED, "")
    assert timeline(row) == ["failed → unknown", "unknown → issued"]


def test_a_badge_on_its_way_to_the_learner_is_not_adopted_besides(badge, unexpected, administrator):
    waiting = IssuedBadgeFactory(badge=badge, learner=unexpected.learner)
    with pytest.raises(Conflict) as refusal:
        adopt(unexpected, actor=administrator)
    assert refusal.value.code == "already_issued"
    assert (stored(waiting).status, IssuedBadge.objects.count()) == (S.QUEUED, 1)
    assert after(unexpected).resolved_at is None


def test_adopting_twice_makes_one_record(unexpected, administrator):
    adopt(unexpected, actor=administrator)
    with pytest.raises(Conflict) as refusal:
        adopt(unexpected, actor=administrator)
    assert refusal.value.code == "resolved"
    assert IssuedBadge.objects.count() == 1


def test_a_badge_of_nobody_here_cannot_be_adopted_until_the_person_is_there(
    sandbox, account, badge, administrator
):
    issue_there(sandbox, badge, email="grace@example.org")
    compare(account)
    difference = Difference.objects.get()
    assert "nobody's here" in remedy(difference)
    with pytest.raises(Conflict) as refusal:
        adopt(difference, actor=administrator)
    assert refusal.value.code == "unknown_learner"
    learner = UserFactory(organization=badge.organization, email="grace@example.org")
    compare(account)
    assert adopt(difference, actor=administrator).learner == learner


def test_two_who_adopt_one_badge_for_two_people_make_one_record(badge, unexpected, administrator):
    """The constraint decides, as between two processes."""
    taken = IssuedBadgeFactory(badge=badge, status=S.REVOKED, external_uuid=unexpected.external_uuid)
    with pytest.raises(Conflict):
        adopt(unexpected, actor=administrator)
    assert set(IssuedBadge.objects.all()) == {taken}


# --- What is gone -------------------------------------------------------------------------------------------


def test_a_record_whose_badge_is_gone_is_marked_as_removed(account, missing, administrator):
    row = mark_removed(missing, actor=administrator)
    assert row.status == S.REMOVED
    assert row.events.last().actor == administrator
    assert after(missing).decision == "Marked as removed."
    assert compare(account).differences == 0


def test_issuing_again_makes_a_new_record_and_a_new_badge(sandbox, badge, missing, administrator):
    old = missing.issued_badge
    new = issue_again(missing, reason="Deleted by mistake", actor=administrator)
    assert stored(old).status == S.REMOVED
    assert (new.learner, new.badge, new.earned_at) == (old.learner, badge, old.earned_at)
    deliver()
    (there,) = sandbox.badges()
    assert (stored(new).status, stored(new).external_uuid) == (S.ISSUED, there["id"])
    assert after(missing).decision == "Issued again."


def test_what_nobody_issues_by_hand_is_issued_again_too(badge, missing, administrator):
    badge.enable_manual_issuance = False
    badge.save()
    lost = missing.issued_badge
    IssuedBadge.objects.filter(pk=lost.pk).update(
        source_kind=IssuedBadge.Source.ACHIEVEMENT, source_key="7", expires_at=timezone.now() + timedelta(9)
    )
    lost = stored(lost)
    new = issue_again(missing, reason="Deleted by mistake", actor=administrator)
    assert (new.status, new.source_kind, new.source_key) == (S.QUEUED, lost.source_kind, "7")
    assert (new.expires_at, new.issued_by) == (lost.expires_at, administrator)


def test_a_badge_at_a_wrong_address_is_corrected(sandbox, account, badge, administrator):
    """As far as the provider can do it: Credly cannot, and says what to do instead."""
    row = issue(badge)
    IssuedBadge.objects.update(recipient_email="new@example.org")
    compare(account)
    difference = Difference.objects.get()
    assert (difference.kind, "correct the badge" in remedy(difference)) == (Kind.PERSON, True)
    with pytest.raises(DomainError) as refusal:
        correct(difference, actor=administrator)
    assert refusal.value.message
    assert stored(row).correction_due_at is None


def test_issuing_again_is_all_or_nothing(badge, missing, administrator):
    badge.is_active = False
    badge.save()
    with pytest.raises(DomainError) as refusal:
        issue_again(missing, reason="Deleted by mistake", actor=administrator)
    assert refusal.value.code == "inactive_badge"
    assert stored(missing.issued_badge).status == S.ISSUED
    assert after(missing).resolved_at is None


@pytest.mark.parametrize(
    "act_on", [mark_removed, lambda row, actor: issue_again(row, reason="?", actor=actor)]
)
def test_what_is_there_after_all_is_not_given_up(sandbox, account, badge, administrator, act_on):
    row = issue(badge)
    difference = Difference.objects.create(
        badge_provider=account,
        kind=Kind.MISSING,
        issued_badge=row,
        badge=badge,
        learner=row.learner,
        external_uuid=row.external_uuid,
    )
    act(sandbox, row.external_uuid, "accept")
    with pytest.raises(Conflict) as refusal:
        act_on(difference, actor=administrator)
    assert refusal.value.code == "still_there"
    assert stored(row).status == S.ACCEPTED
    assert after(difference).resolved_at is not None
    assert len(sandbox.badges()) == 1


# --- Ignoring -----------------------------------------------------------------------------------------------


def test_what_is_ignored_stays_ignored_until_both_agree(sandbox, account, unexpected, administrator):
    everything = Difference.objects.all()
    assert ignore(everything, reason="A speaker's badge", actor=administrator) == 1
    assert compare(account).differences == 0
    ignored = after(unexpected)
    assert (ignored.resolved_at, ignored.decision) == (None, "A speaker's badge")
    assert ignored.decided_by == administrator
    entry = AuditEntry.objects.get()
    assert (entry.act, entry.kind, entry.reason) == ("ignore", "difference", "A speaker's badge")
    assert Difference.objects.count() == 1
    act(sandbox, unexpected.external_uuid, "revoke")
    compare(account)
    assert after(unexpected).resolved_at is not None
    assert after(unexpected).decision == "A speaker's badge"


def test_ignoring_needs_a_reason(unexpected):
    with pytest.raises(DomainError) as refusal:
        ignore(Difference.objects.all(), reason="  ", actor=None)
    assert refusal.value.code == "reason_required"


# --- Who and what -------------------------------------------------------------------------------------------


def test_a_remedy_is_for_its_own_kind_of_difference(unexpected, missing, administrator):
    with pytest.raises(Conflict) as refusal:
        mark_removed(unexpected, actor=administrator)
    assert refusal.value.code == "other_remedy"
    with pytest.raises(Conflict):
        adopt(missing, actor=administrator)


def test_strangers_can_do_nothing_about_a_difference(unexpected, missing):
    stranger = AdministratorFactory()
    for verb in (
        lambda: adopt(unexpected, actor=stranger),
        lambda: mark_removed(missing, actor=stranger),
        lambda: issue_again(missing, reason="x", actor=stranger),
    ):
        with pytest.raises(NotFound):
            verb()
    assert ignore(Difference.objects.all(), reason="Not mine", actor=stranger) == 0


@pytest.mark.parametrize("kind", Kind)
def test_every_kind_of_difference_has_a_remedy(kind):
    difference = Difference(kind=kind, found_at=timezone.now())
    assert remedy(difference).endswith(".")
    ended = Difference(kind=Kind.STATE, details={"status": "revoked"}, badge=BadgeFactory())
    assert "Revoke it" in remedy(ended)
