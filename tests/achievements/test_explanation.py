"""Why, and why not yet."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from achievements import backfill, evaluation
from achievements.explanation import explain
from tests.factories import (
    AchievementFactory,
    AdministratorFactory,
    CourseAssignmentFactory,
    CourseFactory,
    LabFactory,
    LabInstanceFactory,
    OrganizationFactory,
    UserFactory,
)
from tms import gates
from tms.errors import NotFound

pytestmark = pytest.mark.django_db


def at(day: int) -> datetime:
    return datetime(2026, 3, day, 9, tzinfo=UTC)


@pytest.fixture
def organization():
    return OrganizationFactory(name="Academy")


@pytest.fixture
def ada(organization):
    return UserFactory(organization=organization, first_name="Ada", last_name="Love")


def test_it_counts_what_is_there_and_what_is_needed(organization, ada):
    achievement = AchievementFactory(organization=organization, conditions_text="[{Subject:0, Count:3}]")
    for day in (1, 2):
        LabInstanceFactory(user=ada, started_at=at(day))
    found = explain(achievement, ada)
    assert not found.is_earned
    [condition] = found.conditions
    assert (condition.have, condition.needed, condition.met_at) == (2, 3, None)
    assert found.summary == "Not yet: 0 of 1 condition is met."


def test_it_names_what_met_a_condition_and_when(organization, ada):
    lab, exam = LabFactory(organization=organization, name="Alpha"), LabFactory(organization=organization)
    achievement = AchievementFactory(
        organization=organization,
        conditions_text=f"[{{Subject:0, Count:2}}, {{Subject:0, LabProfileIds:[{exam.pk}], Passed:true}}]",
    )
    for day in (1, 2, 3):
        LabInstanceFactory(user=ada, lab=lab, started_at=at(day))
    launches, passed = explain(achievement, ada).conditions
    assert (launches.have, launches.met_at) == (3, at(2))
    assert [(record.what, record.at) for record in launches.evidence] == [("Alpha", at(1)), ("Alpha", at(2))]
    assert (passed.have, passed.met_at, passed.evidence) == (0, None, ())


def test_distinct_items_and_single_days_are_counted_as_the_rule_counts_them(organization, ada):
    lab = LabFactory(organization=organization)
    different = AchievementFactory(
        organization=organization, conditions_text="[{Subject:0, Count:3, Distinct:true}]"
    )
    one_day = AchievementFactory(
        organization=organization, conditions_text="[{Subject:0, Count:3, SingleDay:true}]"
    )
    for day in (1, 1, 2):
        LabInstanceFactory(user=ada, lab=lab, started_at=at(day))
    assert explain(different, ada).conditions[0].have == 1
    assert explain(one_day, ada).conditions[0].have == 2


def test_points_are_told_with_the_achievements_they_come_from(organization, ada):
    AchievementFactory(organization=organization, name="First", points=30)
    achievement = AchievementFactory(organization=organization, conditions_text="[{Subject:40, Points:20}]")
    LabInstanceFactory(user=ada, started_at=at(1))
    evaluation.award_changes()
    found = explain(achievement, ada)
    assert found.is_earned
    assert found.conditions[0].have == 30
    assert [item.what for item in found.conditions[0].evidence] == ["First"]


def test_every_part_of_a_group_is_told(organization, ada):
    achievement = AchievementFactory(
        organization=organization,
        conditions_text='[{"Any": [{Subject:0, Count:5}, {Subject:10, Count:1}]}]',
    )
    LabInstanceFactory(user=ada, started_at=at(1))
    labs, courses = explain(achievement, ada).conditions
    assert (labs.have, labs.needed, courses.have, courses.needed) == (1, 5, 0, 1)


def test_of_a_group_as_much_must_hold_as_it_asks(organization, ada):
    LabInstanceFactory(user=ada, started_at=at(1))
    for text, summary in (
        ("[{Any:[{Count:1}, {Subject:10, Count:1}]}]", "Everything holds; it is awarded"),
        ("[{All:[{Count:1}, {Subject:10, Count:1}]}]", "Not yet: 0 of 1 condition is met."),
        (
            "[{Count:1}, {AtLeast:2, Of:[{Any:[{Count:9}, {Count:1}]}, {Count:2}, {Count:1}]}]",
            "Everything holds",
        ),
        (
            "[{Count:1}, {AtLeast:2, Of:[{Count:9}, {Count:2}, {Count:1}]}]",
            "Not yet: 1 of 2 conditions are met.",
        ),
    ):
        achievement = AchievementFactory(organization=organization, conditions_text=text)
        assert explain(achievement, ada).summary.startswith(summary)


def test_evidence_is_dated_by_the_moment_that_counts(organization, ada):
    LabInstanceFactory(user=ada, started_at=at(1), completed_at=at(4), passed=True, minutes=30)
    LabInstanceFactory(user=ada, started_at=at(6), passed=True, minutes=30)
    half_an_hour = timedelta(minutes=30)
    for asked, moments in (
        ("Count:2", [at(1), at(6)]),
        ("Count:2, Passed:true", [at(4), at(6) + half_an_hour]),
    ):
        achievement = AchievementFactory(organization=organization, conditions_text=f"[{{{asked}}}]")
        [condition] = explain(achievement, ada).conditions
        assert [proof.at for proof in condition.evidence] == moments
        assert condition.met_at == moments[-1]


class TestContests:
    @pytest.fixture
    def bob(self, organization):
        return UserFactory(organization=organization)

    def test_the_places_are_a_gate(self, organization, ada, bob):
        achievement = AchievementFactory(
            organization=organization, frequency=2, frequency_type="per_achievement"
        )
        for learner in (bob, UserFactory(organization=organization)):
            LabInstanceFactory(user=learner, started_at=at(1))
            [gate] = [gate for gate in explain(achievement, ada).gates if gate.code == "places"]
            assert gate.open
            evaluation.award_changes()
            backfill.award_due()
        LabInstanceFactory(user=ada, started_at=at(2))
        found = explain(achievement, ada)
        assert found.summary == "All 2 places are taken."
        assert [gate.code for gate in found.gates if not gate.open] == ["places"]
        assert "places" not in {gate.code for gate in explain(achievement, bob).gates}

    def test_a_day_that_is_taken_is_told_with_the_next_one_that_is_free(self, organization, ada, bob):
        achievement = AchievementFactory(organization=organization, frequency=3, frequency_type="per_day")
        LabInstanceFactory(user=bob, started_at=at(1))
        LabInstanceFactory(user=ada, started_at=at(2))
        evaluation.award_changes()
        backfill.award_due()
        assert explain(achievement, ada).summary == (
            "Everything holds, but it is somebody else's until March 4, 2026: what counts from then on earns it."
        )
        LabInstanceFactory(user=ada, started_at=at(4))
        assert explain(achievement, ada).summary.startswith("Everything holds; it is awarded")
        evaluation.award_changes()
        assert explain(achievement, ada).is_earned


@pytest.mark.parametrize(
    ("close", "code"),
    [
        (lambda achievement, ada: gates.opt_out(ada), "participation"),
        (lambda achievement, ada: type(achievement).objects.update(enabled=False), "enabled"),
    ],
)
def test_a_closed_gate_is_the_answer(organization, ada, close, code):
    achievement = AchievementFactory(organization=organization)
    LabInstanceFactory(user=ada)
    close(achievement, ada)
    achievement.refresh_from_db()
    ada.refresh_from_db()
    found = explain(achievement, ada)
    [closed] = [gate for gate in found.gates if not gate.open]
    assert closed.code == code
    assert found.summary == closed.sentence


def test_another_organization_is_out_of_reach_until_a_course_is_ticked(organization):
    course = CourseFactory(organization=organization)
    achievement = AchievementFactory(
        organization=organization, conditions_text=f"[{{Subject:10, CourseIds:[{course.pk}]}}]"
    )
    stranger = UserFactory(organization=OrganizationFactory(name="Elsewhere"))
    CourseAssignmentFactory(user=stranger, course=course)
    assert [gate.code for gate in explain(achievement, stranger).gates if not gate.open] == ["reach"]
    course.achievements_for_outside_organizations = True
    gates.save_course(course)
    found = explain(achievement, stranger)
    assert found.through_ticked_courses
    assert all(gate.open for gate in found.gates)
    assert found.conditions[0].have == 1


def test_what_it_says_is_what_awarding_does(organization, ada):
    """Everything holds exactly when the next evaluation awards it."""
    achievement = AchievementFactory(organization=organization, conditions_text="[{Subject:0, Count:2}]")
    for day in (1, 2):
        before = explain(achievement, ada)
        evaluation.award_changes()
        awarded = achievement.earned.filter(learner=ada).exists()
        holds = all(gate.open for gate in before.gates) and all(c.met_at for c in before.conditions)
        assert holds is awarded
        LabInstanceFactory(user=ada, started_at=at(day))
    assert explain(achievement, ada).conditions[0].met_at == at(2)
    evaluation.award_changes()
    assert achievement.earned.get(learner=ada).earned_at == at(2)


def test_a_withdrawn_award_is_none(organization, ada):
    achievement = AchievementFactory(organization=organization)
    LabInstanceFactory(user=ada, started_at=at(1))
    evaluation.award_changes()
    achievement.earned.update(withdrawn_at=at(2))
    assert not explain(achievement, ada).is_earned


def test_strangers_are_told_nothing(organization, ada):
    achievement = AchievementFactory(organization=organization)
    with pytest.raises(NotFound):
        explain(achievement, ada, actor=AdministratorFactory())
    assert explain(achievement, ada, actor=ada)


def test_queries_do_not_grow_with_conditions_or_records(organization, ada):
    counts = []
    for size in (1, 6):
        text = "[" + ",".join("{Subject:0, Count:2}" for _ in range(size)) + "]"
        achievement = AchievementFactory(organization=organization, conditions_text=text)
        for day in range(1, size + 2):
            LabInstanceFactory(user=ada, started_at=at(day))
        with CaptureQueriesContext(connection) as queries:
            explain(achievement, ada)
        counts.append(len(queries))
    assert counts[0] == counts[1]
