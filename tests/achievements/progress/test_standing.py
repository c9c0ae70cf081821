"""What pages show of stored progress."""

from __future__ import annotations

import pytest

from achievements import backfill, evaluation
from achievements.authoring import save_achievement
from achievements.conditions.names import names_of
from achievements.models import Achievement, Begun
from achievements.progress.looks import look
from achievements.progress.standing import nearest, standing_of
from achievements.progress.working_out import work_out
from tests.factories import AchievementFactory, LabInstanceFactory, UserFactory

pytestmark = pytest.mark.django_db


@pytest.fixture
def learner():
    return UserFactory()


def rule(learner, text, **given):
    return AchievementFactory(organization=learner.organization, conditions_text=text, **given)


def settle(learner):
    look(learner)
    evaluation.award_changes()
    work_out()


def told(achievement, *have, version=None):
    begun = Begun(rule_version=version or achievement.rule_version, percent=50, have=list(have))
    return standing_of(achievement, begun)


def test_one_condition_is_told_by_its_number_and_never_as_more_than_it_needs(learner):
    achievement = rule(learner, "[{Subject:0, Count:4}]")
    assert told(achievement, 3).in_words == "3 of 4"
    assert told(achievement, 9).in_words == "4 of 4"
    assert standing_of(achievement, None).in_words == "0 of 4"


def test_several_are_told_by_how_many_are_met(learner):
    achievement = rule(learner, "[{Subject:0, Count:4}, {Any:[{Subject:60, Days:5}, {Subject:10, Count:1}]}]")
    assert told(achievement, 4, 1, 0).in_words == "1 of 2 conditions"
    assert told(achievement, 1, 1, 1).in_words == "1 of 2 conditions"


def test_condition_by_condition_with_what_groups_hold(learner):
    achievement = rule(
        learner,
        "[{Subject:0, Count:4}, {AtLeast:2, Of:[{Subject:60, Days:5}, {Subject:10, Count:1}, {Subject:0, Count:2}]}]",
    )
    standing = told(achievement, 4, 2, 1, 0)
    whole, group = standing.lines(names_of([standing.rule]))
    assert (whole.text, whole.is_met, whole.have, whole.need) == (
        "Launch 4 labs (the same one may count again)",
        True,
        4,
        4,
    )
    assert (group.text, group.is_met, group.have, group.need) == ("At least 2 of these", False, 1, 2)
    assert [(part.text, part.is_met, part.have) for part in group.parts] == [
        ("Be active on 5 days in a row", False, 2),
        ("Be enrolled in or assigned to a course", True, 1),
        ("Launch 2 labs (the same one may count again)", False, 0),
    ]


def test_numbers_of_another_version_of_the_rule_are_not_told(learner):
    achievement = rule(learner, "[{Subject:0, Count:4}]")
    achievement.conditions_text = "[{Subject:0, Count:8}]"
    save_achievement(achievement)
    assert told(achievement, 3, version=1).have == (0,)
    assert told(achievement, 3, version=2).have == (3,)


def test_the_nearest_come_first(learner, django_assert_max_num_queries):
    for need in (9, 4, 20, 5, 1):
        rule(learner, f"[{{Subject:0, Count:{need}}}]", name=f"Of {need}")
    LabInstanceFactory.create_batch(3, user=learner)
    settle(learner)
    with django_assert_max_num_queries(1):
        near = nearest(learner)
    assert [each.achievement.name for each in near] == ["Of 4", "Of 5", "Of 9"]
    assert near[0].standing.percent == 75


def test_what_is_out_of_reach_now_is_not_near(learner):
    achievement = rule(learner, "[{Subject:0, Count:4}]")
    LabInstanceFactory(user=learner)
    settle(learner)
    achievement.enabled = False
    save_achievement(achievement)
    assert nearest(learner) == []


def test_what_others_have_taken_for_good_is_not_near(learner):
    contest = {"frequency_type": Achievement.FrequencyType.PER_ACHIEVEMENT, "frequency": 2}
    rule(learner, "[{Subject:0, Count:2}]", name="First two of all", **contest)
    rule(learner, "[{Subject:0, Count:3}]", name="Whoever does it")
    LabInstanceFactory(user=learner)
    LabInstanceFactory.create_batch(2, user=UserFactory(organization=learner.organization))
    settle(learner)
    backfill.award_due()
    assert [each.achievement.name for each in nearest(learner)] == ["First two of all", "Whoever does it"]

    LabInstanceFactory.create_batch(2, user=UserFactory(organization=learner.organization))
    settle(learner)
    backfill.award_due()

    assert [each.achievement.name for each in nearest(learner)] == ["Whoever does it"]
