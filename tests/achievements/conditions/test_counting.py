"""Counting where rules share a statement, and where kinds of conditions meet in one."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from achievements import evaluation
from achievements.conditions.query import EVERYBODY, lacking, statements
from achievements.evaluation import active_rule
from achievements.models import EarnedAchievement
from tests.factories import (
    AchievementFactory,
    CourseAssignmentFactory,
    CourseFactory,
    CourseTagFactory,
    LabFactory,
    LabInstanceFactory,
    OrganizationFactory,
    UserFactory,
)
from tms.models import LearningRecord
from tms.sql import table

pytestmark = pytest.mark.django_db


def day(number, hour=9):
    return datetime(2026, 3, number, hour, tzinfo=UTC)


def evidence(achievement):
    """The ids that are kept as evidence, of the one condition of the one award."""
    [condition] = EarnedAchievement.objects.get(achievement=achievement).snapshot["conditions"]
    return condition["records"]


@pytest.fixture
def org():
    return OrganizationFactory()


@pytest.fixture
def ada(org):
    return UserFactory(organization=org)


def record_of(fact):
    return fact.user.learning_records.get(source_id=fact.pk, subject=10 if hasattr(fact, "course") else 0).pk


def test_rules_of_one_shape_keep_each_its_own_records(org, ada):
    labs = [LabFactory(organization=org) for _ in range(4)]
    rules = [
        AchievementFactory(
            organization=org,
            conditions_text=f"[{{LabProfileIds:[{first.pk},{second.pk}], Count:2, Distinct:true}}]",
        )
        for first, second in (labs[:2], labs[2:])
    ]
    launches = [LabInstanceFactory(user=ada, lab=lab, started_at=day(n)) for n, lab in enumerate(labs, 1)]
    again = LabInstanceFactory(user=ada, lab=labs[0], started_at=day(9))
    evaluation.award_changes()
    records = [record_of(launch) for launch in launches]
    assert [evidence(rule) for rule in rules] == [records[:2], records[2:]]
    assert record_of(again) not in records


def test_rules_about_tags_keep_each_its_own_records(org, ada):
    tags = [CourseTagFactory(organization=org) for _ in range(2)]
    rules = [
        AchievementFactory(organization=org, conditions_text=f"[{{Subject:20, CourseTagIds:[{tag.pk}]}}]")
        for tag in tags
    ]
    assignments = [
        CourseAssignmentFactory(
            user=ada, course=CourseFactory(organization=org, tags=[tag]), started_at=day(n)
        )
        for n, tag in enumerate(tags, 1)
    ]
    evaluation.award_changes()
    assert [evidence(rule) for rule in rules] == [[record_of(assignment)] for assignment in assignments]


def test_rules_of_one_day_share_a_statement_and_find_each_its_own_day(org, ada):
    two, three = (
        AchievementFactory(organization=org, conditions_text=f"[{{Count:{n}, SingleDay:true}}]")
        for n in (2, 3)
    )
    launches = [
        LabInstanceFactory(user=ada, started_at=moment)
        for moment in (day(1), day(2, 8), day(2, 9), day(3, 8), day(3, 9), day(3, 10))
    ]
    evaluation.award_changes()
    earned = dict(EarnedAchievement.objects.values_list("achievement", "earned_at"))
    assert earned == {two.pk: day(2, 9), three.pk: day(3, 10)}
    records = [record_of(launch) for launch in launches]
    assert (evidence(two), evidence(three)) == (records[1:3], records[3:])


def test_records_that_several_shapes_of_rules_count_are_read_once_to_see_who_lacks_what(org):
    """By number, from a list, and in one day: of completed labs all the same."""
    lab = LabFactory(organization=org)
    texts = ["Count:{n}", "Count:{n}, SingleDay:true", f"Count:{{n}}, LabProfileIds:[{lab.pk}]"]
    rules = [
        active_rule(
            AchievementFactory(organization=org, conditions_text=f"[{{{text.format(n=n)}, Complete:true}}]")
        )
        for text in texts
        for n in (1, 2)
    ]
    groups = list(statements(rules))
    assert len(groups) == len(texts)
    asked = lacking(groups, scope=EVERYBODY).text
    assert asked.count(f"FROM {table(LearningRecord).text}") == 1
    assert asked.count(f"FROM {table(EarnedAchievement).text}") == 1


def test_of_two_moments_at_once_the_first_record_counts(org, ada):
    achievement = AchievementFactory(organization=org, conditions_text="[{Count:1}]")
    launches = [LabInstanceFactory(user=ada, started_at=day(1)) for _ in range(2)]
    evaluation.award_changes()
    assert evidence(achievement) == [record_of(launches[0])]


def test_a_group_takes_conditions_with_and_without_a_day(org, ada):
    achievement = AchievementFactory(
        organization=org, conditions_text="[{Any:[{Count:5}, {Count:2, SingleDay:true}]}]"
    )
    for hour in (8, 9):
        LabInstanceFactory(user=ada, started_at=day(1, hour))
    evaluation.award_changes()
    assert EarnedAchievement.objects.get(achievement=achievement).earned_at == day(1, 9)
