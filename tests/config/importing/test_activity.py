"""enrollments.csv, course_assignments.csv, lab_instances.csv and activities.csv, with their transcript."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from config.importing import sheet
from config.importing.activity import LabInstances
from tests.config.importing.conftest import Folder, dump
from tests.factories import CourseActivityFactory
from tms import progress, records
from tms.models import (
    Activity,
    CourseAssignment,
    Enrollment,
    Lab,
    LabInstance,
    LearningRecord,
    ProgressChange,
    User,
)

pytestmark = pytest.mark.django_db


def record(fact: Any) -> LearningRecord:
    source, _relations = records.SOURCES[type(fact)]
    return LearningRecord.objects.get(source_kind=source, source_id=fact.pk)


def test_a_launch_is_stored_with_its_record(folder: Folder) -> None:
    folder.run()

    launch = LabInstance.objects.get(external_id="li-1")
    assert (launch.status, launch.minutes, launch.passed, launch.score_percent) == (
        LabInstance.Status.COMPLETE,
        85.5,
        True,
        92.5,
    )
    assert record(launch).course == CourseAssignment.objects.get(external_id="ca-1").course
    assert record(launch).passed


def test_days_are_those_of_the_learner(folder: Folder) -> None:
    folder.run()

    in_tokyo = LabInstance.objects.get(external_id="li-2")
    assert in_tokyo.started_zone == "Asia/Tokyo"
    assert record(in_tokyo).started_day == date(2026, 4, 7)


def test_a_failed_launch_never_counts(folder: Folder) -> None:
    folder.run()

    failed = LabInstance.objects.get(external_id="li-3")
    assert failed.status == LabInstance.Status.LAB_CREATION_FAILED
    assert not LearningRecord.objects.filter(source_id=failed.pk, source_kind=1).exists()


def test_the_transcript_is_what_a_rebuild_would_make(folder: Folder) -> None:
    folder.run()

    assert list(records.rebuild(check=True)) == []


def test_an_assignment_without_an_expiry_has_the_usual_one(folder: Folder) -> None:
    folder.run()

    first, second = CourseAssignment.objects.order_by("external_id")
    assert first.expires_at == first.started_at + progress.DEFAULT_ASSIGNMENT
    assert (first.status, first.from_on_demand) == (CourseAssignment.Status.ACTIVE, True)
    assert second.expires_at == datetime(2026, 12, 31, tzinfo=UTC)
    assert second.status == CourseAssignment.Status.CANCELLED


def test_an_empty_cell_takes_a_moment_back_but_not_one_that_the_system_filled_in(folder: Folder) -> None:
    folder.run()
    expiry = CourseAssignment.objects.get(external_id="ca-1").expires_at
    finished = LabInstance.objects.get(external_id="li-4").completed_at
    folder.replace("course_assignments", "2026-01-09T08:00:00Z,,2026-02-01T00:00:00Z", ",,")

    folder.run()

    assignment = CourseAssignment.objects.get(external_id="ca-1")
    assert (assignment.completed_at, assignment.target_completion) == (None, None)
    assert assignment.expires_at == expiry
    assert record(assignment).completed_at is None
    assert finished is not None
    assert LabInstance.objects.get(external_id="li-4").completed_at == finished


def test_a_completion_that_the_file_does_not_know_of_stays_where_it_says_nothing(folder: Folder) -> None:
    folder.run()
    progress.complete_lab(LabInstance.objects.get(external_id="li-2"), minutes=7)

    report = folder.run()

    assert report.counts["lab_instances"].unchanged == 4
    assert LabInstance.objects.get(external_id="li-2").completed_at is not None


@pytest.mark.parametrize("status", ["Audit", "Cancelled", "Wait-Listed"])
def test_only_enrolled_students_have_a_completion_status(folder: Folder, status: str) -> None:
    folder.replace("enrollments", "class-1,Enrolled,Complete", f"class-1,{status},Complete")

    problem = folder.problem()

    assert (problem.file, problem.line, problem.column) == ("enrollments.csv", 2, "completion_status")
    assert status in problem.message
    assert Enrollment.objects.count() == 3


def test_leaving_a_class_ends_a_completion_that_the_file_does_not_speak_of(folder: Folder) -> None:
    folder.run()
    folder.keep_only("enrollments")
    folder.write(
        "enrollments",
        """
        external_id,user,class,status,enrolled_at
        e-1,u-1,class-1,cancelled,2026-02-01T10:00:00Z
        """,
    )

    assert folder.problems() == []

    enrollment = Enrollment.objects.get(external_id="e-1")
    assert (enrollment.completion_status, enrollment.completed_at) == (Enrollment.Completion.UNKNOWN, None)
    assert not LearningRecord.objects.filter(source_id=enrollment.pk, source_kind=2).exists()


def test_a_student_is_in_a_class_once(folder: Folder) -> None:
    folder.add(
        "enrollments",
        "e-8,u-3,class-1,enrolled,,2026-02-02T10:00:00Z,,",
        "e-9,u-3,class-1,enrolled,,2026-02-02T10:00:00Z,,",
    )
    folder.run()
    folder.add("enrollments", "e-10,u-3,class-1,enrolled,,2026-02-02T10:00:00Z,,")

    problems = folder.problems()

    assert [(problem.line, problem.column) for problem in problems] == [(7, "class"), (8, "class")]
    assert (
        Enrollment.objects.filter(user__external_id="u-3", training_class__external_id="class-1").count() == 1
    )


def test_a_lab_is_taken_one_way(folder: Folder) -> None:
    folder.add("lab_instances", "li-9,u-1,lab-1,ca-1,e-1,2026-01-07T08:00:00Z,,,,,")

    problem = folder.problem()

    assert (problem.line, problem.column) == (6, "enrollment")
    assert "not both" in problem.message


def test_what_only_the_database_notices_costs_its_row_alone(
    folder: Folder, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder.add("lab_instances", "li-9,u-1,lab-1,ca-1,e-1,2026-01-07T08:00:00Z,,,,,")
    folder.add("lab_instances", "li-10,u-1,lab-1,ca-1,,2026-01-07T08:00:00Z,,,,,")
    monkeypatch.setattr(LabInstances, "check", lambda self, drafts: None)

    report = folder.run()

    assert [(problem.line, problem.message) for problem in report.problems] == [
        (6, "A lab is taken through an assignment or an enrollment, not both.")
    ]
    assert set(LabInstance.objects.values_list("external_id", flat=True)) == {
        "li-1",
        "li-2",
        "li-3",
        "li-4",
        "li-10",
    }
    assert list(records.rebuild(check=True)) == []


def many_launches(folder: Folder, count: int, *, minutes: int) -> None:
    lines = [
        f"many-{number},u-{number % 3 + 1},lab-{number % 2 + 1},,,2026-01-07T08:00:00Z,,{minutes},,,"
        for number in range(count)
    ]
    header = "external_id,user,lab,course_assignment,enrollment,started_at,completed_at,minutes,passed,score_percent,status"
    folder.write("lab_instances", "\n".join([header, *lines]))


def test_statements_grow_with_batches_and_not_with_rows(
    folder: Folder, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder.run()
    folder.keep_only("lab_instances")

    def statements(*, rows: int, batch: int, minutes: int) -> int:
        monkeypatch.setattr(LabInstances, "batch", batch)
        many_launches(folder, rows, minutes=minutes)
        with CaptureQueriesContext(connection) as captured:
            report = folder.run()
        assert report.problems == []
        return len(captured)

    # Few enough rows that SQLite's limit of parameters splits no statement.
    created = statements(rows=10, batch=10, minutes=1)
    updated = statements(rows=10, batch=10, minutes=2)
    unchanged = statements(rows=10, batch=10, minutes=2)
    LabInstance.objects.filter(external_id__startswith="many").delete()
    Activity.objects.all().delete()

    assert statements(rows=30, batch=30, minutes=1) == created
    assert statements(rows=30, batch=30, minutes=2) == updated
    assert statements(rows=30, batch=30, minutes=2) == unchanged
    assert statements(rows=30, batch=10, minutes=3) == 3 * updated
    assert created < 14


def test_rows_are_landed_batch_by_batch(folder: Folder, monkeypatch: pytest.MonkeyPatch) -> None:
    folder.run()
    folder.keep_only("lab_instances")
    many_launches(folder, 2_500, minutes=1)
    sizes: list[int] = []
    store = progress.store

    def counting(facts: list[Any]) -> None:
        sizes.append(len(facts))
        store(facts)

    monkeypatch.setattr(progress, "store", counting)

    assert folder.run().counts["lab_instances"].created == 2_500
    assert sizes == [sheet.BATCH, sheet.BATCH, 500]
    assert ProgressChange.objects.filter(learner__external_id="u-1").count() >= 3


def test_an_import_of_thousands_of_rows_again_changes_nothing(folder: Folder) -> None:
    many_launches(folder, 2_500, minutes=1)
    folder.run()
    before = dump()

    report = folder.run()

    assert report.counts["lab_instances"].unchanged == 2_500
    assert dump() == before


def test_an_activity_is_stored_with_its_record(folder: Folder) -> None:
    folder.run()

    helped, lesson, own = (Activity.objects.get(external_id=f"act-{number}") for number in (1, 2, 3))
    assert (helped.user.external_id, helped.other_user) == ("u-1", User.objects.get(external_id="u-2"))
    assert lesson.course == CourseAssignment.objects.get(external_id="ca-1").course
    assert own.kind == "podcast_recorded"
    assert (record(helped).subject, record(helped).kind) == (50, "learner_helped")
    assert record(helped).other == helped.other_user
    # Half past eleven at night in London is the next day in Tokyo.
    assert (record(helped).started_day, record(lesson).started_day) == (date(2026, 1, 8), date(2026, 1, 9))


@pytest.mark.parametrize(
    ("old", "new", "column"),
    [
        ("podcast_recorded", "Podcast recorded", "kind"),
        ("podcast_recorded", "", "kind"),
        ("act-3,u-2", "act-3,u-9", "user"),
        ("2026-01-09T10:00:00+09:00", "2026-01-09T10:00:00", "occurred_at"),
        ("+09:00,,", "+09:00,course-9,", "course"),
        ("+09:00,,", "+09:00,,u-9", "other_user"),
    ],
)
def test_an_activity_that_makes_no_sense_is_told(folder: Folder, old: str, new: str, column: str) -> None:
    folder.replace("activities", old, new)

    problem = folder.problem()

    assert (problem.file, problem.line, problem.column) == ("activities.csv", 4, column)
    assert Activity.objects.filter(external_id__startswith="act-").count() == 2


def test_an_assignment_that_ended_by_itself_is_not_opened_again_by_a_file_that_does_not_know(
    folder: Folder,
) -> None:
    folder.replace("course_assignments", "2026-01-09T08:00:00Z,,2026-02-01T00:00:00Z", ",,")
    folder.run()
    assignment = CourseAssignment.objects.get(external_id="ca-1")
    CourseActivityFactory(
        section__course=assignment.course, kind="lab", lab=Lab.objects.get(external_id="lab-2")
    )
    assignment.refresh_from_db()
    finished = assignment.completed_at
    before = dump()

    report = folder.run()

    assert finished == datetime(2026, 1, 6, 9, 30, tzinfo=UTC)
    assert report.counts["course_assignments"].unchanged == 2
    assert dump() == before
