"""Who looks is kept up to date, and nobody else is asked about."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from achievements import backfill, evaluation
from achievements.authoring import save_achievement
from achievements.models import Look
from achievements.progress import looks
from achievements.progress.looks import Known, look
from achievements.progress.working_out import work_out
from tests.factories import (
    AchievementFactory,
    CourseFactory,
    LabInstanceFactory,
    OrganizationFactory,
    UserFactory,
)

pytestmark = pytest.mark.django_db


@pytest.fixture
def learner():
    return UserFactory()


def is_due(learner) -> bool:
    row = Look.objects.get(learner=learner)
    return row.asked > row.answered


def looked(learner):
    """Somebody has looked, and everything is answered."""
    look(learner)
    work_out()
    return learner


def past(learner, **ago):
    """As if the look, or the answer, had been so long ago."""
    then = {name: timezone.now() - before for name, before in ago.items()}
    Look.objects.filter(learner=learner).update(**then)


def test_the_first_look_asks_and_is_answered(learner):
    assert look(learner) == Known(None, is_moving=True)
    assert is_due(learner)

    assert work_out() == 1

    known = look(learner)
    assert known.as_of is not None
    assert not known.is_moving
    assert work_out() == 0


def test_a_look_writes_nothing_while_all_is_known(learner):
    looked(learner)
    with CaptureQueriesContext(connection) as queries:
        look(learner)
    assert [query["sql"][:6] for query in queries] == ["SELECT"]


def test_a_fact_asks_in_the_pass_that_evaluates_it(learner):
    looked(learner)
    LabInstanceFactory(user=learner)

    assert look(learner).is_moving, "it waits for its evaluation"
    evaluation.award_changes()
    assert is_due(learner)
    work_out()
    assert not look(learner).is_moving


def test_nobody_is_asked_about_at_whom_nobody_has_looked_lately(learner):
    stranger = UserFactory(organization=learner.organization)
    past(looked(learner), looked_at=looks.LATELY + timedelta(days=1))
    for person in (learner, stranger):
        LabInstanceFactory(user=person)
    evaluation.award_changes()

    assert not is_due(learner)
    assert not Look.objects.filter(learner=stranger).exists()
    assert look(learner).is_moving, "who comes back asks"
    assert is_due(learner)


def test_what_is_old_is_not_trusted(learner):
    past(looked(learner), as_of=looks.TRUSTED + timedelta(minutes=1))
    assert look(learner).is_moving
    assert is_due(learner)


def test_asking_twice_is_answered_once(learner):
    looked(learner)
    past(learner, as_of=looks.TRUSTED * 2)
    look(learner)
    look(learner)
    assert Look.objects.get(learner=learner).asked == 2


def test_an_award_of_a_backfill_asks(learner):
    LabInstanceFactory(user=learner)
    evaluation.award_changes()
    looked(learner)
    AchievementFactory(organization=learner.organization)
    work_out()

    assert backfill.award_due().awards == 1
    assert is_due(learner)


def test_taking_a_backfill_back_asks(learner):
    LabInstanceFactory(user=learner)
    achievement = AchievementFactory(organization=learner.organization)
    backfill.award_due()
    looked(learner)
    work_out()

    backfill.undo(backfill.latest(achievement), reason="Wrong")
    assert is_due(learner)


class TestRules:
    def save(self, achievement, **changes):
        for name, value in changes.items():
            setattr(achievement, name, value)
        save_achievement(achievement)

    def test_a_rule_that_is_new_edited_or_enabled_asks_about_its_own(self, learner):
        other = looked(UserFactory())
        looked(learner)
        achievement = AchievementFactory(organization=learner.organization)
        assert is_due(learner)
        for changes in (
            {"conditions_text": "[{Subject:0, Count:7}]"},
            {"enabled": False},
            {"enabled": True},
        ):
            work_out()
            self.save(achievement, **changes)
            assert is_due(learner) == achievement.enabled
        assert not is_due(other)

    def test_a_new_name_asks_nobody(self, learner):
        achievement = AchievementFactory(organization=learner.organization)
        looked(learner)
        self.save(achievement, name="Another", points=70)
        assert not is_due(learner)

    @pytest.mark.parametrize("takes_part", [True, False])
    def test_a_global_one_asks_about_all_who_take_global_ones(self, learner, takes_part):
        home = OrganizationFactory(participate_in_global_achievements=takes_part)
        abroad = looked(UserFactory(organization=home))
        AchievementFactory(organization=learner.organization, is_global=True)
        assert is_due(abroad) == takes_part

    @pytest.mark.parametrize("ticked", [True, False])
    def test_one_of_an_open_course_asks_about_everybody(self, learner, ticked):
        course = CourseFactory(
            organization=learner.organization, achievements_for_outside_organizations=ticked
        )
        abroad = looked(UserFactory())
        AchievementFactory(
            organization=learner.organization,
            conditions_text=f"[{{Subject:10, Count:1, CourseIds:[{course.pk}]}}]",
        )
        assert is_due(abroad) == ticked


def test_a_pass_over_thousands_asks_with_one_statement(learner, django_assert_num_queries):
    looked(learner)
    with django_assert_num_queries(1):
        looks.ask(list(range(learner.pk, learner.pk + 5_000)))
    assert is_due(learner)
    with django_assert_num_queries(0):
        looks.ask([])
