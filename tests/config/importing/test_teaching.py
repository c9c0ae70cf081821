"""course_tags.csv, labs.csv, courses.csv and classes.csv, and the numbers that rows bring along."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from tests.config.importing.conftest import Folder
from tests.factories import LabFactory
from tms.models import Class, Course, CourseTag, Lab, LearningRecord, Organization, ProgressChange

pytestmark = pytest.mark.django_db


def external_ids(rows: object) -> set[str]:
    return set(rows.values_list("external_id", flat=True))  # type: ignore[attr-defined]


def learners_to_evaluate() -> set[str | None]:
    return {change.learner.external_id for change in ProgressChange.objects.all()}


def test_a_course_has_the_tags_and_labs_of_the_file(folder: Folder) -> None:
    folder.run()

    course = Course.objects.get(external_id="course-1")
    assert (course.content_provider, course.publishing_group) == ("House", "Everybody")
    assert course.achievements_for_outside_organizations
    assert external_ids(course.tags) == {"tag-1", "tag-2"}
    assert external_ids(course.labs) == {"lab-1", "lab-2"}
    assert not Course.objects.get(external_id="course-2").can_be_scheduled


def test_lists_of_a_course_follow_the_file(folder: Folder) -> None:
    folder.run()
    folder.replace("courses", "tag-1;tag-2,lab-1;lab-2", "tag-2,")

    assert folder.run().counts["courses"].updated == 1

    course = Course.objects.get(external_id="course-1")
    assert external_ids(course.tags) == {"tag-2"}
    assert external_ids(course.labs) == set()


def test_tagging_a_course_is_a_change_for_those_who_took_it(folder: Folder) -> None:
    folder.replace("courses", "tag-1;tag-2", "tag-1")
    folder.run()
    ProgressChange.objects.all().delete()
    folder.replace("courses", "tag-1,", "tag-1;tag-2,")

    folder.run()

    assert learners_to_evaluate() == {"u-1", "u-2", "u-3"}


def test_an_unknown_tag_of_a_list_is_told(folder: Folder) -> None:
    folder.replace("courses", "tag-1;tag-2", "tag-1;tag-9;tag-2")
    folder.keep_only("organizations", "course_tags", "labs", "courses")

    problem = folder.problem()

    assert (problem.file, problem.line, problem.column) == ("courses.csv", 2, "tags")
    assert "“tag-9”" in problem.message


def test_a_class_is_stored_with_its_instructors(folder: Folder) -> None:
    folder.run()

    march, april = Class.objects.order_by("starts_at")
    assert (march.status, march.minimum, march.maximum) == (Class.Status.GUARANTEED, 4, 12)
    assert march.starts_at == datetime(2026, 3, 2, 8, tzinfo=UTC)
    assert external_ids(march.instructors) == {"u-3"}
    assert (april.status, april.minimum, april.maximum) == (Class.Status.SCHEDULED, 0, None)
    assert external_ids(april.instructors) == set()


def test_cancelling_a_class_takes_its_enrolments_out_of_the_transcript(folder: Folder) -> None:
    folder.run()
    assert LearningRecord.objects.filter(source_kind=LearningRecord.Source.ENROLLMENT).count() == 2
    folder.replace("classes", "Guaranteed to run,4,12,u-3", "Canceled,4,12,u-1")

    assert folder.run().counts["classes"].updated == 1

    assert LearningRecord.objects.filter(source_kind=LearningRecord.Source.ENROLLMENT).count() == 1
    assert external_ids(Class.objects.get(external_id="class-1").instructors) == {"u-1"}


def test_training_cannot_be_set_up_for_a_course_without_provider_or_publishing_group(folder: Folder) -> None:
    folder.add("classes", "class-9,May,course-2,academy,2026-05-04T09:00:00Z,2026-05-08T09:00:00Z,,,,")
    folder.add("course_assignments", "ca-9,u-1,course-2,2026-05-04T09:00:00Z,,,,,,")

    problems = folder.problems()

    assert [(problem.file, problem.line, problem.column) for problem in problems] == [
        ("classes.csv", 4, "course"),
        ("course_assignments.csv", 4, "course"),
    ]
    assert all("Draft" in problem.message for problem in problems)


def test_what_was_set_up_stays_when_its_course_is_no_longer_published(folder: Folder) -> None:
    folder.run()
    folder.replace("courses", "House,Everybody", "House,")
    folder.replace("classes", "March", "March again")

    report = folder.run()

    assert report.problems == []
    assert report.counts["classes"].updated == 1


def test_a_class_that_ends_before_it_starts_is_refused(folder: Folder) -> None:
    folder.keep_only("organizations", "course_tags", "labs", "courses", "users", "classes")
    folder.add("classes", "class-9,May,course-1,academy,2026-05-08T09:00:00Z,2026-05-04T09:00:00Z,,,,")

    problem = folder.problem()

    assert (problem.line, problem.column) == (4, "ends_at")


def test_a_row_keeps_the_number_that_it_brings(folder: Folder) -> None:
    folder.run()

    assert CourseTag.objects.get(external_id="tag-1").pk == 59
    assert Lab.objects.get(external_id="lab-2").pk == 12345
    assert Course.objects.get(external_id="course-1").pk == 2345


def test_the_next_row_gets_a_number_above_those_that_were_brought(folder: Folder) -> None:
    folder.run()

    made_by_hand = LabFactory(organization=Organization.objects.get(external_id="academy"))

    assert Lab.objects.get(external_id="lab-1").pk > 12345  # though it stands above in the file
    assert made_by_hand.pk > Lab.objects.get(external_id="lab-1").pk


def test_a_number_belongs_to_one_row(folder: Folder) -> None:
    LabFactory(pk=700)
    folder.keep_only("organizations", "labs")
    folder.add(
        "labs",
        "12345,lab-3,Twice in the file,academy,",
        "700,lab-4,Taken by hand,academy,",
        "701,lab-5,Free,academy,",
    )

    report = folder.run()

    assert [(problem.line, problem.column) for problem in report.problems] == [(4, "id"), (5, "id")]
    assert "taken by “lab-2”" in report.problems[0].message
    assert "no external ID" in report.problems[1].message
    assert Lab.objects.get(external_id="lab-5").pk == 701


def test_a_stored_row_does_not_change_its_number(folder: Folder) -> None:
    folder.run()
    folder.keep_only("organizations", "labs")
    folder.replace("labs", "12345", "12346")

    problem = folder.problem()

    assert (problem.line, problem.column) == (3, "id")
    assert "12346" in problem.message
    assert "12345" in problem.message
    assert Lab.objects.get(external_id="lab-2").pk == 12345


@pytest.mark.parametrize("number", ["0", "-5", "2147483648", "x", "1.0"])
def test_a_number_that_no_condition_could_name_is_refused(folder: Folder, number: str) -> None:
    folder.keep_only("organizations", "labs")
    folder.replace("labs", "12345", number)

    problem = folder.problem()

    assert (problem.line, problem.column) == (3, "id")
    assert "from 1 to 2147483647" in problem.message
