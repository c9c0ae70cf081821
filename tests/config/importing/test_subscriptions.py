"""subscription_profiles.csv, subscriptions.csv, learning_paths.csv, and training taken through them."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from config.importing.subscriptions import Subscriptions
from tests.config.importing.conftest import Folder
from tms.models import (
    CourseAssignment,
    Enrollment,
    LearningPath,
    LearningRecord,
    ProgressChange,
    Subscription,
    SubscriptionProfile,
)

pytestmark = pytest.mark.django_db


def learners_to_evaluate() -> set[str | None]:
    return {change.learner.external_id for change in ProgressChange.objects.all()}


def path_of(external_id: str) -> list[str | None]:
    path = LearningPath.objects.get(external_id=external_id)
    return [step.course.external_id for step in path.steps.all()]


def test_a_profile_keeps_its_number_and_has_the_courses_of_the_file(folder: Folder) -> None:
    folder.run()

    numbered = SubscriptionProfile.objects.get(external_id="profile-1")
    other = SubscriptionProfile.objects.get(external_id="profile-2")
    assert numbered.pk == 551
    assert other.pk > 551
    assert {course.external_id for course in numbered.courses.all()} == {"course-1", "course-2"}
    assert not other.courses.exists()


def test_a_subscription_runs_from_its_start_for_ever_unless_told(folder: Folder) -> None:
    folder.run()

    first, second = Subscription.objects.order_by("external_id")
    assert first.expires_at == datetime(2026, 12, 31, 23, 59, 59, tzinfo=UTC)
    assert second.expires_at is None
    assert first.subscription_profile == second.subscription_profile


def test_the_courses_of_a_path_stand_in_the_order_of_the_cell(folder: Folder) -> None:
    folder.run()
    assert path_of("path-1") == ["course-2", "course-1"]
    folder.replace("learning_paths", "course-2;course-1", "course-1;course-2")

    report = folder.run()

    assert path_of("path-1") == ["course-1", "course-2"]
    assert (report.counts["learning_paths"].updated, report.counts["learning_paths"].unchanged) == (1, 1)


def test_a_path_has_courses_of_its_profile_only(folder: Folder) -> None:
    folder.replace("learning_paths", "path-2,The short way,academy,profile-1,", "path-2,The short way,academy,profile-2,course-1")  # fmt: skip

    problem = folder.problem()

    assert (problem.file, problem.line, problem.column) == ("learning_paths.csv", 3, "courses")
    assert "Foundations" in problem.message
    assert not LearningPath.objects.filter(external_id="path-2").exists()


def test_training_names_the_subscription_it_was_taken_through(folder: Folder) -> None:
    folder.run()

    subscription = Subscription.objects.get(external_id="s-1")
    assignment = CourseAssignment.objects.get(external_id="ca-1")
    assert (assignment.subscription, assignment.from_on_demand) == (subscription, True)
    assert Enrollment.objects.get(external_id="e-1").subscription == subscription
    taken_through = LearningRecord.objects.filter(subscription=subscription)
    assert taken_through.count() == 2


def test_an_empty_cell_takes_the_subscription_away_and_no_column_says_nothing(folder: Folder) -> None:
    folder.run()
    folder.keep_only("enrollments")
    folder.write(
        "enrollments",
        """
        external_id,user,class,status,enrolled_at
        e-1,u-1,class-1,enrolled,2026-02-01T10:00:00Z
        """,
    )
    folder.run()
    assert Enrollment.objects.get(external_id="e-1").subscription is not None

    folder.write(
        "enrollments",
        """
        external_id,user,class,status,enrolled_at,subscription
        e-1,u-1,class-1,enrolled,2026-02-01T10:00:00Z,
        """,
    )
    folder.run()

    assert Enrollment.objects.get(external_id="e-1").subscription is None
    assert not LearningRecord.objects.filter(source_kind=2, subscription__isnull=False).exists()


@pytest.mark.parametrize(
    ("file", "row"),
    [
        ("enrollments", "2026-02-01T10:00:00Z,2026-03-06T16:00:00Z,s-"),
        ("course_assignments", "2026-02-01T00:00:00Z,Active,s-"),
    ],
)
def test_nobody_learns_through_anothers_subscription(folder: Folder, file: str, row: str) -> None:
    folder.replace(file, f"{row}1", f"{row}2")

    problems = [problem for problem in folder.problems() if problem.file == f"{file}.csv"]

    assert [(problem.line, problem.column) for problem in problems] == [(2, "subscription")]
    assert "another student" in problems[0].message


@pytest.mark.parametrize(
    ("old", "new", "column"),
    [
        ("s-2,u-2", "s-2,u-9", "user"),
        ("s-2,u-2,profile-1", "s-2,u-2,profile-9", "subscription_profile"),
        ("2026-12-31T23:59:59Z", "2025-12-31T23:59:59Z", "expires_at"),
        ("2026-12-31T23:59:59Z", "soon", "expires_at"),
    ],
)
def test_a_subscription_that_makes_no_sense_is_told(folder: Folder, old: str, new: str, column: str) -> None:
    folder.keep_only("organizations", "users", "course_tags", "labs", "courses", "subscription_profiles", "subscriptions")  # fmt: skip
    folder.replace("subscriptions", old, new)

    problem = folder.problem()

    assert (problem.file, problem.column) == ("subscriptions.csv", column)
    assert Subscription.objects.count() == 1


def test_a_subscription_stays_with_its_student(folder: Folder) -> None:
    folder.run()
    folder.replace("subscriptions", "s-2,u-2", "s-2,u-3")

    problem = folder.problem()

    assert (problem.file, problem.line, problem.column) == ("subscriptions.csv", 3, "user")
    assert Subscription.objects.get(external_id="s-2").user.external_id == "u-2"


def test_another_period_concerns_the_holder_and_another_list_of_courses_all_holders(folder: Folder) -> None:
    folder.run()
    ProgressChange.objects.all().delete()
    folder.replace("subscriptions", "2026-12-31T23:59:59Z", "2027-12-31T23:59:59Z")
    folder.run()
    assert learners_to_evaluate() == {"u-1"}

    folder.replace("subscription_profiles", "course-1;course-2", "course-2")
    folder.run()
    assert learners_to_evaluate() == {"u-1", "u-2"}


def test_subscriptions_land_in_batches(folder: Folder, monkeypatch: pytest.MonkeyPatch) -> None:
    folder.run()
    folder.keep_only("subscriptions")

    def statements(*, rows: int, day: int) -> int:
        monkeypatch.setattr(Subscriptions, "batch", rows)
        lines = [
            f"many-{number},u-{number % 3 + 1},profile-1,2026-01-{day:02}T00:00:00Z,"
            for number in range(rows)
        ]
        header = "external_id,user,subscription_profile,starts_at,expires_at"
        folder.write("subscriptions", "\n".join([header, *lines]))
        with CaptureQueriesContext(connection) as captured:
            assert folder.problems() == []
        return len(captured)

    created, updated = statements(rows=10, day=1), statements(rows=10, day=2)
    Subscription.objects.filter(external_id__startswith="many").delete()

    assert (statements(rows=30, day=1), statements(rows=30, day=2)) == (created, updated)
