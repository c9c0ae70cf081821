"""Taking an act by hand back: all that it brought about, and nothing else."""

from __future__ import annotations

from importlib import import_module
from uuid import uuid4

import pytest
from django.apps import apps
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from achievements.backfill import award_due
from achievements.models import EarnedAchievement
from badges import ending
from badges.acts import batches
from badges.by_hand import issue_by_hand
from badges.delivery import deliver
from badges.ending import Ended
from badges.lookups import reconcile
from badges.models import ActOutcome, IssuedBadge, IssuingAct
from badges.results import results_of
from badges.status import Status
from badges.sweeping import sweep
from badges.undoing import foresee_undoing, undo, undoable
from tests.badges.conftest import stored
from tests.factories import (
    PAST,
    AchievementFactory,
    AdministratorFactory,
    BadgeFactory,
    IssuedBadgeFactory,
    LabInstanceFactory,
    OrganizationFactory,
    UserFactory,
)
from tests.providers.conftest import ORGANIZATION, REPEATABLE
from tms.errors import Conflict, DomainError, NotFound

S = Status
pytestmark = pytest.mark.django_db


@pytest.fixture
def badge():
    return BadgeFactory()


def act_for(badge, learners, *, actor=None) -> IssuingAct:
    return issue_by_hand([badge], learners, actor=actor, source=IssuedBadge.Source.ROSTER, token=uuid4())


def learners_of(badge, number):
    return UserFactory.create_batch(number, organization=badge.organization)


def now_in(act, *statuses) -> list[IssuedBadge]:
    """The badges of an act, one in each status."""
    rows = [result.issued_badge for result in results_of(act).all]
    for row, status in zip(rows, statuses, strict=True):
        IssuedBadge.objects.filter(pk=row.pk).update(status=status)
    return rows


def test_what_is_unsent_is_cancelled_what_is_there_revoked_and_the_rest_follows(badge, admin):
    act = act_for(badge, learners_of(badge, 4), actor=admin)
    rows = now_in(act, S.QUEUED, S.FAILED, S.ACCEPTED, S.SENDING)
    assert foresee_undoing(act) == Ended(cancelled=2, revoking=1, awaited=1)
    ended = undo(act, reason=" The wrong class ", actor=admin)
    assert ended == Ended(cancelled=2, revoking=1, awaited=1)
    assert [stored(row).status for row in rows] == [S.CANCELLED, S.CANCELLED, S.REVOKING, S.SENDING]
    assert {stored(row).ended_reason for row in rows} == {"The wrong class"}
    assert stored(rows[3]).revoke_asked_by == admin
    assert (act.undone_by, act.undo_reason) == (admin, "The wrong class")
    assert (timezone.now() - act.undone_at).total_seconds() < 60


def test_the_badge_that_was_under_way_is_revoked_when_the_provider_has_it(sandbox, account):
    badge = BadgeFactory(organization=account.organization, badge_provider=account)
    act = act_for(badge, learners_of(badge, 1))
    (row,) = now_in(act, S.SENDING)
    undo(act, reason="By mistake", actor=None)
    IssuedBadge.objects.update(status=S.ISSUED, external_uuid="x-1")
    sweep()
    assert stored(row).status == S.REVOKING


def test_what_the_provider_has_is_revoked_there(sandbox, badge_there):
    act = act_for(badge_there, learners_of(badge_there, 2))
    deliver()
    undo(act, reason="By mistake", actor=None)
    deliver()
    assert {row["state"] for row in sandbox.badges()} == {"revoked"}
    assert [result.state for result in results_of(act).all] == ["revoked", "revoked"]


def test_what_is_found_there_already_while_the_act_is_undone_stays(badge, admin, monkeypatch):
    act = act_for(badge, learners_of(badge, 2), actor=admin)
    adopted, other = now_in(act, S.UNKNOWN, S.ISSUED)

    def adopt_meanwhile(rows):
        for ids in batches(rows):
            IssuedBadge.objects.filter(pk=adopted.pk).update(status=S.ISSUED, already_there="Is taken")
            yield ids

    monkeypatch.setattr(ending, "batches", adopt_meanwhile)
    assert undo(act, reason="By mistake", actor=admin) == Ended(revoking=1)
    assert [stored(row).status for row in (adopted, other)] == [S.ISSUED, S.REVOKING]


@pytest.fixture
def badge_there(account):
    return BadgeFactory(organization=account.organization, badge_provider=account, template_id=REPEATABLE)


def test_what_the_act_found_there_already_stays(badge, admin):
    has, had_there, new = learners_of(badge, 3)
    before = IssuedBadgeFactory(badge=badge, learner=has, status=S.ISSUED)
    act = act_for(badge, [has, had_there, new], actor=admin)
    adopted = IssuedBadge.objects.get(learner=had_there)
    IssuedBadge.objects.filter(pk=adopted.pk).update(status=S.ISSUED, already_there="Is taken")
    assert undo(act, reason="By mistake", actor=admin) == Ended(cancelled=1)
    assert [stored(row).status for row in (before, adopted)] == [S.ISSUED, S.ISSUED]


def test_what_is_found_there_already_after_the_act_was_undone_stays_too(sandbox, account, badge_there):
    act = act_for(badge_there, learners_of(badge_there, 1))
    (row,) = now_in(act, S.UNKNOWN)
    undo(act, reason="By mistake", actor=None)
    assert stored(row).revoke_asked_at
    body = {
        "recipient_email": row.recipient_email,
        "issued_to_first_name": "Ada",
        "issued_to_last_name": "Lovelace",
        "badge_template_id": badge_there.template_id,
        "issued_at": "2026-01-01 00:00:00 +0000",
    }
    sandbox.call("POST", f"/v1/organizations/{ORGANIZATION}/badges", body)
    IssuedBadge.objects.update(failure_code="rejected", provider_message="Is taken", attempts=1)
    reconcile()
    sweep()
    after = stored(row)
    assert (after.status, after.already_there, after.revoke_asked_at) == (S.ISSUED, "Is taken", None)
    assert not after.was_undone


def test_a_badge_that_a_later_act_asked_for_again_is_that_acts(badge, admin):
    (ada,) = learners_of(badge, 1)
    first = act_for(badge, [ada], actor=admin)
    (row,) = now_in(first, S.FAILED)
    second = act_for(badge, [ada], actor=admin)
    with pytest.raises(Conflict) as conflict:
        undo(first, reason="By mistake", actor=admin)
    assert conflict.value.code == "nothing_to_undo"
    assert undo(second, reason="By mistake", actor=admin) == Ended(cancelled=1)
    assert stored(row).status == S.CANCELLED


def test_an_act_is_undone_once_and_whoever_comes_second_is_told_of_the_first(badge, admin):
    act = act_for(badge, learners_of(badge, 1), actor=admin)
    undo(act, reason="By mistake", actor=admin)
    other = AdministratorFactory(organization=badge.organization)
    with pytest.raises(Conflict) as conflict:
        undo(act, reason="Me too", actor=other)
    assert conflict.value.code == "already_undone"
    assert "by Grace Hopper" in conflict.value.message
    act.refresh_from_db()
    assert (act.undone_by, act.undo_reason) == (admin, "By mistake")


def test_what_the_provider_would_not_revoke_can_be_undone_again(badge, admin):
    act = act_for(badge, learners_of(badge, 1), actor=admin)
    (row,) = now_in(act, S.ISSUED)
    undo(act, reason="By mistake", actor=admin)
    IssuedBadge.objects.update(status=S.ISSUED, failure_code="rejected")
    assert undo(act, reason="Please", actor=admin) == Ended(revoking=1)
    act.refresh_from_db()
    assert (stored(row).status, act.undo_reason) == (S.REVOKING, "By mistake")


@pytest.mark.parametrize(
    ("reason", "code"),
    [("  ", "reason_required"), ("\0", "text_not_kept"), ("x" * 2_001, "text_not_kept")],
)
def test_a_reason_is_required_and_nothing_moves_without_one(badge, admin, reason, code):
    act = act_for(badge, learners_of(badge, 1), actor=admin)
    with pytest.raises(DomainError) as refusal:
        undo(act, reason=reason, actor=admin)
    assert (refusal.value.code, list(refusal.value.fields)) == (code, ["reason"])
    act.refresh_from_db()
    assert (act.undone_at, IssuedBadge.objects.get().status) == (None, S.QUEUED)


def test_only_who_administers_the_organization_takes_back_not_even_who_issued(badge):
    instructor = UserFactory(organization=badge.organization)
    act = act_for(badge, learners_of(badge, 1))
    IssuingAct.objects.update(actor=instructor)
    child = OrganizationFactory(parent=badge.organization)
    for person in (instructor, AdministratorFactory(), AdministratorFactory(organization=child)):
        with pytest.raises(NotFound):
            undo(act, reason="By mistake", actor=person)
    parent = OrganizationFactory()
    badge.organization.parent = parent
    badge.organization.save()
    assert undo(act, reason="By mistake", actor=AdministratorFactory(organization=parent)).cancelled == 1


def test_a_failed_badge_that_was_earned_is_tried_again_and_not_taken_back(badge, admin):
    ada, bob = learners_of(badge, 2)
    earn(ada, badge)
    IssuedBadge.objects.update(status=S.FAILED, failure_code="rejected")
    act = act_for(badge, [ada, bob], actor=admin)
    EarnedAchievement.objects.update(withdrawn_at=timezone.now())  # whatever has become of the award
    rows = now_in(act, S.ISSUED, S.ISSUED)
    assert foresee_undoing(act) == Ended(revoking=1)
    assert undo(act, reason="By mistake", actor=admin) == Ended(revoking=1)
    assert [stored(row).status for row in rows] == [S.ISSUED, S.REVOKING]


def test_outcomes_of_acts_before_it_was_kept_are_told_by_the_age_of_their_rows(badge, admin):
    ada, bob = learners_of(badge, 2)
    IssuedBadgeFactory(badge=badge, learner=ada, status=S.FAILED, created_at=PAST)
    act_for(badge, [ada, bob], actor=admin)
    ActOutcome.objects.update(is_retry=False)
    import_module("badges.migrations.0014_retries_of_acts").tell_retries(apps, None)
    assert dict(ActOutcome.objects.values_list("learner", "is_retry")) == {ada.pk: True, bob.pk: False}


def test_a_badge_that_is_earned_while_the_act_stands_is_not_taken_back(badge, admin):
    ada, bob = learners_of(badge, 2)
    act = act_for(badge, [ada, bob], actor=admin)
    earn(ada, badge)
    assert EarnedAchievement.objects.get().issued_badge.learner == ada
    assert undo(act, reason="By mistake", actor=admin) == Ended(cancelled=1)
    assert IssuedBadge.objects.get(learner=ada).status == S.QUEUED
    EarnedAchievement.objects.update(withdrawn_at=timezone.now())
    assert undo(act, reason="By mistake", actor=admin) == Ended(cancelled=1)


def test_after_undoing_the_badge_can_be_issued_by_hand_and_be_earned(badge, admin):
    ada, bob = learners_of(badge, 2)
    undo(act_for(badge, [ada, bob], actor=admin), reason="By mistake", actor=admin)
    earn(bob, badge)
    assert [row.status for row in IssuedBadge.objects.filter(learner=bob).order_by("pk")] == [
        S.CANCELLED,
        S.QUEUED,
    ]
    (result,) = results_of(act_for(badge, [ada], actor=admin)).all
    assert result.is_under_way


def earn(learner, badge):
    LabInstanceFactory(user=learner)
    AchievementFactory(organization=badge.organization, badge=badge)
    award_due()


def test_which_of_several_acts_can_be_taken_back_is_known_at_once(badge, admin, django_assert_num_queries):
    learners = learners_of(badge, 4)
    acts = [act_for(badge, [learner], actor=admin) for learner in learners]
    for act, status in zip(acts, (S.QUEUED, S.ISSUED, S.CANCELLED, S.REVOKING), strict=True):
        now_in(act, status)
    acts.append(act_for(badge, learners[1:2], actor=admin))  # who has it already
    acts.append(act_for(BadgeFactory(), UserFactory.create_batch(1)))  # of somebody else
    with django_assert_num_queries(1):
        found = undoable(acts, user=admin)
    assert found == {acts[0].pk, acts[1].pk}
    assert [foresee_undoing(act).total for act in acts[:5]] == [1, 1, 0, 0, 0]
    assert undoable(acts, user=learners[0]) == set()
    assert undoable([], user=admin) == set()


def test_undoing_asks_as_much_for_many_as_for_few(badge, admin):
    counts = []
    for number in (3, 30):
        act = act_for(badge, learners_of(badge, number), actor=admin)
        now_in(act, *(status for status in (S.QUEUED, S.ISSUED, S.FAILED) for _ in range(number // 3)))
        with CaptureQueriesContext(connection) as asked:
            undo(act, reason="By mistake", actor=admin)
        counts.append(len(asked))
    assert counts[0] == counts[1]
