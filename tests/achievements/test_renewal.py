"""A badge that has expired is earned anew, if its achievement says so, by what is done after that."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone

from achievements import evaluation, intents
from achievements.authoring import save_achievement
from achievements.explanation import explain
from achievements.models import EarnedAchievement
from achievements.preview import preview
from badges.delivery import deliver
from badges.ending import revoke
from badges.issuing import issue
from badges.models import IssuedBadge
from badges.status import Status
from badges.sweeping import sweep
from tests.badges.conftest import account, badge, later, sandbox
from tests.factories import AchievementFactory, LabFactory, LabInstanceFactory, UserFactory
from tms.errors import DomainError
from tms.models import Notification

__all__ = ["account", "badge", "later", "sandbox"]
S = Status
DAY = 24 * 3600
pytestmark = pytest.mark.django_db


@pytest.fixture
def achievement(badge):
    """Of a badge that ends after a year."""
    badge.expires_after_days = 365
    badge.save()
    badge.organization.enable_achievements = True
    badge.organization.save()
    return AchievementFactory(
        organization=badge.organization,
        badge=badge,
        is_renewable=True,
        points=10,
        conditions_text="[{Subject:0, Count:1, Complete:True}]",
    )


@pytest.fixture
def learner(badge):
    return UserFactory(organization=badge.organization, participate_in_achievements=True)


def completes_a_lab(learner, *, days_ago):
    moment = timezone.now() - timedelta(days=days_ago)
    return LabInstanceFactory(
        user=learner,
        lab=LabFactory(organization=learner.organization),
        started_at=moment,
        completed_at=moment,
    )


def everything_runs():
    """What workers do within a minute."""
    sweep()
    evaluation.award_changes()
    intents.issue_due()
    deliver()


def earned() -> list[int]:
    return list(EarnedAchievement.objects.order_by("occurrence").values_list("occurrence", flat=True))


def badges() -> list[str]:
    return list(IssuedBadge.objects.order_by("pk").values_list("status", flat=True))


@pytest.fixture
def certified(achievement, learner):
    """She has earned it three hundred days ago, and has the badge."""
    record = completes_a_lab(learner, days_ago=300)
    everything_runs()
    assert (earned(), badges()) == ([1], [S.ISSUED])
    return record


def test_what_is_done_after_the_end_renews_achievement_and_badge(
    sandbox, certified, achievement, learner, later
):
    with later(seconds=70 * DAY):
        everything_runs()
        assert (earned(), badges()) == ([1], [S.EXPIRED])
        record = completes_a_lab(learner, days_ago=1)
        everything_runs()
        assert earned() == [1, 2]
        first, second = IssuedBadge.objects.order_by("pk")
        award = EarnedAchievement.objects.get(occurrence=2)
        assert (award.earned_at, award.issued_badge, award.points) == (record.completed_at, second, 10)
        assert EarnedAchievement.objects.get(occurrence=1).issued_badge == first
        assert (second.earned_at, second.source_key) == (record.completed_at, str(award.pk))
        assert (second.replaces, second.expires_at) == (first, record.completed_at + timedelta(days=365))
        assert Notification.objects.filter(kind="achievement_earned").count() == 2
        # And so on.
        assert second.status == S.ISSUED
        completes_a_lab(learner, days_ago=0)
        everything_runs()
        assert earned() == [1, 2]
    with later(seconds=500 * DAY):
        everything_runs()
        assert IssuedBadge.objects.get(pk=second.pk).status == S.EXPIRED
        completes_a_lab(learner, days_ago=0)
        everything_runs()
        assert earned() == [1, 2, 3]
        assert IssuedBadge.objects.latest("pk").replaces == second


def test_what_was_done_while_the_badge_was_valid_renews_nothing(certified, learner, later):
    completes_a_lab(learner, days_ago=200)
    everything_runs()
    with later(seconds=70 * DAY):
        everything_runs()
        evaluation.award_full()
        everything_runs()
        assert (earned(), badges()) == ([1], [S.EXPIRED])


def test_what_was_done_between_the_end_and_the_sweep_renews_it(certified, learner, later):
    with later(seconds=70 * DAY):
        completes_a_lab(learner, days_ago=2)
        evaluation.award_changes()
        assert earned() == [1]
        everything_runs()
        everything_runs()
        assert earned() == [1, 2]
        assert badges()[1] == S.ISSUED


def test_an_achievement_that_is_not_renewable_is_earned_once(certified, achievement, learner, later):
    achievement.is_renewable = False
    save_achievement(achievement)
    with later(seconds=70 * DAY):
        everything_runs()
        completes_a_lab(learner, days_ago=1)
        everything_runs()
        evaluation.award_full()
        intents.issue_earned()
        assert (earned(), badges()) == ([1], [S.EXPIRED])
        # Later decided otherwise, it looks at everybody.
        achievement.is_renewable = True
        save_achievement(achievement)
        evaluation.award_full()
        assert (earned(), badges()) == ([1, 2], [S.EXPIRED, S.QUEUED])


def test_a_revoked_badge_is_not_earned_anew(certified, learner, later):
    revoke(IssuedBadge.objects.get(), reason="In error.", actor=None)
    everything_runs()
    with later(seconds=70 * DAY):
        completes_a_lab(learner, days_ago=1)
        everything_runs()
        evaluation.award_full()
        assert (earned(), badges()) == ([1], [S.REVOKED])


def test_a_badge_issued_by_hand_after_the_end_is_the_one_that_is_renewed(
    certified, achievement, learner, later
):
    with later(seconds=70 * DAY):
        everything_runs()
        issue(achievement.badge, [learner], actor=None, source=IssuedBadge.Source.ROSTER)
        everything_runs()
        completes_a_lab(learner, days_ago=0)
        everything_runs()
        assert earned() == [1, 2]
        assert len(badges()) == 2
        by_hand = IssuedBadge.objects.latest("pk")
        assert EarnedAchievement.objects.get(occurrence=2).issued_badge == by_hand


def test_a_renewal_waits_for_a_badge_that_is_not_active(certified, achievement, learner, later):
    badge = achievement.badge
    with later(seconds=70 * DAY):
        everything_runs()
        type(badge).objects.update(is_active=False)
        completes_a_lab(learner, days_ago=1)
        everything_runs()
        assert (earned(), badges()) == ([1, 2], [S.EXPIRED])
        completes_a_lab(learner, days_ago=0)
        everything_runs()
        assert earned() == [1, 2]
        type(badge).objects.update(is_active=True)
        assert intents.issue_earned() == 1
        assert EarnedAchievement.objects.get(occurrence=2).issued_badge == IssuedBadge.objects.latest("pk")
        assert intents.issue_earned() == 0


def test_who_qualified_long_ago_and_again_lately_gets_the_badge_of_today(sandbox, achievement, learner):
    """The first one would have expired before it was sent, so only the second goes out."""
    completes_a_lab(learner, days_ago=800)
    lately = completes_a_lab(learner, days_ago=10)
    everything_runs()
    assert (earned(), badges()) == ([1], [S.EXPIRED])
    everything_runs()
    assert (earned(), badges()) == ([1, 2], [S.EXPIRED, S.ISSUED])
    assert EarnedAchievement.objects.get(occurrence=2).earned_at == lately.completed_at
    [there] = sandbox.badges()
    assert there["recipient_email"] == learner.email


def test_every_condition_is_met_anew(achievement, learner, later):
    labs = LabFactory.create_batch(2, organization=learner.organization)
    ids = ", ".join(str(lab.pk) for lab in labs)
    achievement.conditions_text = f"[{{Subject:0, LabProfileIds:[{ids}], Count:2, Distinct:True}}]"
    save_achievement(achievement)

    def launches(lab, *, days_ago):
        LabInstanceFactory(user=learner, lab=lab, started_at=timezone.now() - timedelta(days=days_ago))

    for lab in labs:
        launches(lab, days_ago=300)
    everything_runs()
    with later(seconds=70 * DAY):
        everything_runs()
        launches(labs[0], days_ago=2)
        everything_runs()
        assert earned() == [1]
        launches(labs[1], days_ago=1)
        everything_runs()
        assert earned() == [1, 2]


def test_one_learners_end_renews_nobody_elses(certified, achievement, learner, later):
    other = UserFactory(organization=learner.organization, participate_in_achievements=True)
    with later(seconds=60 * DAY):
        completes_a_lab(other, days_ago=1)
        everything_runs()
    with later(seconds=70 * DAY):
        everything_runs()
        completes_a_lab(other, days_ago=1)
        completes_a_lab(learner, days_ago=1)
        everything_runs()
        awards = EarnedAchievement.objects.values_list("learner", "occurrence").order_by("pk")
        assert list(awards) == [(learner.pk, 1), (other.pk, 1), (learner.pk, 2)]


def test_a_preview_counts_renewals(certified, achievement, learner, later):
    with later(seconds=70 * DAY):
        everything_runs()
        assert preview(achievement).awards == 0
        completes_a_lab(learner, days_ago=1)
        found = preview(achievement)
        assert (found.awards, found.calls) == (1, 1)


def test_an_explanation_tells_what_it_was_earned_by_and_what_renewing_takes(
    certified, achievement, learner, later
):
    [condition] = explain(achievement, learner).conditions
    assert [proof.what for proof in condition.evidence] == [certified.lab.name]
    with later(seconds=70 * DAY):
        everything_runs()
        explained = explain(achievement, learner)
        assert explained.summary.endswith("Its badge has expired, and can be earned anew.")
        [condition] = explained.conditions
        assert (condition.have, condition.needed) == (0, 1)


@pytest.mark.parametrize(("frequency", "kind"), [(2, "per_user"), (1, "per_day"), (1, "per_achievement")])
def test_what_is_renewable_is_earned_once_at_a_time(achievement, frequency, kind):
    achievement.frequency, achievement.frequency_type = frequency, kind
    with pytest.raises(DomainError) as refused:
        save_achievement(achievement)
    assert list(refused.value.fields) == ["is_renewable"]
