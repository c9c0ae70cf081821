"""What the provider is told of what stands behind a badge."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from achievements import evaluation
from achievements.backfill import award_due
from achievements.evidence import LENGTH, behind
from achievements.models import EarnedAchievement
from badges.delivery import deliver
from badges.evidence import with_evidence
from badges.models import IssuedBadge
from providers.base import Evidence
from tests.badges.conftest import account, badge, sandbox
from tests.factories import (
    PAST,
    AchievementFactory,
    ActivityFactory,
    CourseAssignmentFactory,
    CourseFactory,
    IssuedBadgeFactory,
    LabFactory,
    LabInstanceFactory,
    OrganizationFactory,
    UserFactory,
)
from tms.models import LearningRecord

__all__ = ["account", "badge", "sandbox"]
pytestmark = pytest.mark.django_db


@pytest.fixture
def organization():
    return OrganizationFactory(time_zone="UTC")


@pytest.fixture
def ada(organization):
    return UserFactory(
        organization=organization, first_name="Ada", last_name="Lovelace", email="ada@example.org"
    )


def award(learner, conditions: str, *, name: str = "Explorer") -> EarnedAchievement:
    achievement = AchievementFactory(organization=learner.organization, name=name, conditions_text=conditions)
    award_due()
    found: EarnedAchievement = achievement.earned.get(learner=learner)
    return found


def told(*awards: EarnedAchievement) -> list[str]:
    found = behind({str(award.pk) for award in awards})
    return [found[str(award.pk)].description for award in awards]


def test_it_names_the_achievement_and_what_met_its_rule(organization, ada):
    lab = LabFactory(organization=organization, name="Intro to Azure")
    LabInstanceFactory(user=ada, lab=lab, started_at=PAST, completed_at=PAST + timedelta(days=1))
    earned = award(ada, "[{Subject:0, Count:1, Complete:True}]")
    assert behind([str(earned.pk)]) == {
        str(earned.pk): Evidence(
            name="Explorer", description="Completed the lab Intro to Azure on March 3, 2026."
        )
    }


def test_each_kind_of_record_has_its_sentence(organization, ada):
    lab = LabFactory(organization=organization, name="Exam 1", is_exam=True)
    LabInstanceFactory(user=ada, lab=lab, started_at=PAST, completed_at=PAST, passed=True)
    CourseAssignmentFactory(
        user=ada, course=CourseFactory(organization=organization, name="Clouds"), started_at=PAST
    )
    ActivityFactory(user=ada, kind="post_published", occurred_at=PAST)
    first = award(
        ada,
        "[{Subject:0, Count:1, Passed:True}, {Subject:10, Count:1}, {Subject:50, Kinds:['post_published']}]",
        name="All-rounder",
    )
    second = award(ada, f"[{{Subject:40, AchievementIds:[{first.achievement_id}]}}]", name="Star")
    assert told(first, second) == [
        "Passed Exam 1 on March 2, 2026. Began the course Clouds on March 2, 2026."
        " Post published on March 2, 2026.",
        "Earned the achievement All-rounder on March 2, 2026.",
    ]


def test_of_many_the_last_few_are_named_and_the_rest_counted(organization, ada):
    for number in range(6):
        lab = LabFactory(organization=organization, name=f"Lab {number}")
        LabInstanceFactory(user=ada, lab=lab, started_at=PAST + timedelta(days=number))
    [sentence] = told(award(ada, "[{Subject:0, Count:5, Distinct:True}]"))
    assert sentence == (
        "Launched the lab Lab 2 on March 4, 2026. Launched the lab Lab 3 on March 5, 2026."
        " Launched the lab Lab 4 on March 6, 2026. And 2 more."
    )


def test_it_tells_nothing_about_the_learner_and_not_too_much(organization, ada):
    other = UserFactory(organization=organization, first_name="Grace", last_name="Hopper")
    for number in range(3):
        lab = LabFactory(organization=organization, name=f"{number} " + "long name " * 19)
        LabInstanceFactory(user=ada, lab=lab, started_at=PAST, minutes=61.5)
    ActivityFactory(user=ada, kind="learner_helped", occurred_at=PAST, other_user=other)
    [text] = told(award(ada, "[{Subject:50, Kinds:['learner_helped']}, {Subject:0, Count:3, Distinct:True}]"))
    assert len(text) == LENGTH
    assert "Learner helped on March 2, 2026." in text
    for secret in ("Ada", "Lovelace", "ada@", "Grace", "Hopper", "61"):
        assert secret not in text


def test_what_is_gone_is_left_out(organization, ada):
    LabInstanceFactory(user=ada, started_at=PAST)
    earned = award(ada, "[{Subject:0, Count:1}]")
    LearningRecord.objects.all().delete()
    assert told(earned) == [""]
    assert behind(["", "0", "class-7"]) == {}


def test_many_take_as_many_statements_as_one(organization):
    def statements(count: int) -> int:
        learners = UserFactory.create_batch(count, organization=organization)
        for learner in learners:
            LabInstanceFactory(user=learner, started_at=PAST)
        achievement = AchievementFactory(organization=organization)
        award_due()
        keys = [str(pk) for pk in achievement.earned.values_list("pk", flat=True)]
        with CaptureQueriesContext(connection) as captured:
            assert len(behind(keys)) >= count
        return len(captured)

    assert statements(1) == statements(8) <= 3


def test_rows_with_evidence_of_their_own_keep_it(organization, ada):
    LabInstanceFactory(user=ada, started_at=PAST)
    earned = award(ada, "[{Subject:0, Count:1}]")
    own = [{"name": "Talk", "description": "", "url": ""}]
    key = str(earned.pk)
    by_hand, led = (
        IssuedBadgeFactory(source_kind=IssuedBadge.Source.ACHIEVEMENT, source_key=key, evidence=given)
        for given in (own, [])
    )
    roster = IssuedBadgeFactory(source_kind=IssuedBadge.Source.ROSTER, source_key=key)
    with_evidence([by_hand, led, roster])
    assert by_hand.evidence == own
    assert led.evidence == [{"name": "Explorer", "description": told(earned)[0], "url": ""}]
    assert roster.evidence == []
    led.refresh_from_db()
    assert led.evidence == []


def test_the_provider_is_told(sandbox, badge):
    badge.organization.enable_achievements = True
    badge.organization.save()
    learner = UserFactory(organization=badge.organization)
    AchievementFactory(organization=badge.organization, badge=badge, name="Explorer")
    award_due()
    lab = LabFactory(organization=badge.organization, name="Intro")
    LabInstanceFactory(user=learner, lab=lab, started_at=PAST)
    evaluation.award_changes()
    deliver()
    [there] = sandbox.badges()
    [evidence] = there["evidence"]
    assert (evidence["title"], evidence["description"]) == (
        "Explorer",
        "Launched the lab Intro on March 2, 2026.",
    )
