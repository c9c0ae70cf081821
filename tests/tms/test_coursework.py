"""Lessons, modules, percent complete and the end of an assignment, as they follow from what was done."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.db.models import ProtectedError

from tests.factories import (
    PAST,
    ActivityResultFactory,
    ClassFactory,
    CourseActivityFactory,
    CourseAssignmentFactory,
    CourseFactory,
    CourseSectionFactory,
    EnrollmentFactory,
    LabFactory,
    LabInstanceFactory,
    UserFactory,
)
from tms import content, coursework, progress, records
from tms.models import (
    Activity,
    ActivityResult,
    Class,
    Course,
    CourseActivity,
    CourseAssignment,
    Enrollment,
    LearningRecord,
    ProgressChange,
    User,
)

pytestmark = pytest.mark.django_db

Kind = CourseActivity.Kind


def later(hours: int) -> datetime:
    return PAST + timedelta(hours=hours)


def course_of(*sections: list[Any]) -> tuple[Course, list[list[CourseActivity]]]:
    """A course with these sections; each activity is a kind, or (kind, "optional")."""
    course: Course = CourseFactory()
    made = []
    for kinds in sections:
        section = CourseSectionFactory(course=course)
        made.append(
            [
                CourseActivityFactory(
                    section=section,
                    kind=kind[0] if isinstance(kind, tuple) else kind,
                    is_required=not isinstance(kind, tuple),
                    lab=LabFactory(organization=course.organization) if kind == Kind.LAB else None,
                )
                for kind in kinds
            ]
        )
    return course, made


def lessons_of(user: User) -> list[tuple[str, datetime]]:
    """(kind, moment) of the finished lessons and modules, in the order of their moments."""
    found = Activity.objects.filter(user=user, kind__in=["lesson_completed", "module_completed"])
    return list(found.order_by("occurred_at", "kind").values_list("kind", "occurred_at"))


def percent(taking: Any) -> int | None:
    rows: Any = type(taking).objects.all()
    found: int | None = coursework.with_percent_complete(rows).get(pk=taking.pk).percent_complete  # type: ignore[attr-defined]
    return found


def finish(activity: CourseActivity, assignment: CourseAssignment, *, at: datetime) -> ActivityResult:
    result: ActivityResult = ActivityResultFactory(
        course_activity=activity,
        course_assignment=assignment,
        launched_at=at - timedelta(minutes=10),
        completed_at=at,
    )
    return result


def fresh(assignment: CourseAssignment) -> CourseAssignment:
    return CourseAssignment.objects.get(pk=assignment.pk)


# --- What finishes a lesson ---------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", [Kind.VIDEO, Kind.EXTERNAL_LINK, Kind.DOCUMENT])
def test_what_reports_nothing_back_is_finished_by_its_launch(kind: CourseActivity.Kind) -> None:
    course, [[activity]] = course_of([kind])
    assignment = CourseAssignmentFactory(course=course)

    ActivityResultFactory(course_activity=activity, course_assignment=assignment, launched_at=PAST)

    assert lessons_of(assignment.user) == [("lesson_completed", PAST), ("module_completed", PAST)]
    assert fresh(assignment).completed_at == PAST
    assert percent(assignment) == 100


@pytest.mark.parametrize("kind", [Kind.SCORM, Kind.LTI, Kind.ASSESSMENT])
def test_what_reports_back_is_finished_when_it_is_completed(kind: CourseActivity.Kind) -> None:
    course, [[activity]] = course_of([kind])
    assignment = CourseAssignmentFactory(course=course)
    result = ActivityResultFactory(course_activity=activity, course_assignment=assignment)
    assert lessons_of(assignment.user) == []
    assert percent(assignment) == 0

    progress.complete_activity(result, at=later(1))

    assert lessons_of(assignment.user) == [("lesson_completed", later(1)), ("module_completed", later(1))]
    assert fresh(assignment).completed_at == later(1)


def test_labs_feed_their_activity_by_themselves() -> None:
    course, [[activity]] = course_of([Kind.LAB])
    assignment = CourseAssignmentFactory(course=course)

    launch = LabInstanceFactory(user=assignment.user, lab=activity.lab, course_assignment=assignment)
    result = ActivityResult.objects.get()
    assert (result.course_activity, result.user) == (activity, assignment.user)
    assert (result.launched_at, result.completed_at) == (PAST, None)
    assert percent(assignment) == 0

    progress.complete_lab(launch, at=later(2))

    assert ActivityResult.objects.get().completed_at == later(2)
    assert fresh(assignment).completed_at == later(2)


def test_of_several_launches_the_first_completion_counts() -> None:
    course, [[activity]] = course_of([Kind.LAB])
    assignment = CourseAssignmentFactory(course=course)
    for hours in (5, 3, 7):
        LabInstanceFactory(
            user=assignment.user,
            lab=activity.lab,
            course_assignment=assignment,
            started_at=later(hours - 1),
            completed_at=later(hours),
        )

    result = ActivityResult.objects.get()
    assert (result.launched_at, result.completed_at) == (later(2), later(3))
    assert lessons_of(assignment.user) == [("lesson_completed", later(3)), ("module_completed", later(3))]


def test_labs_that_are_no_part_of_the_course_or_of_the_assignment_feed_nothing() -> None:
    course, [[activity]] = course_of([Kind.LAB])
    assignment = CourseAssignmentFactory(course=course)

    LabInstanceFactory(user=assignment.user, lab=activity.lab)
    LabInstanceFactory(user=assignment.user, course_assignment=assignment)

    assert not ActivityResult.objects.exists()


def test_the_result_of_a_lab_is_not_entered_by_hand() -> None:
    course, [[activity]] = course_of([Kind.LAB])

    with pytest.raises(ValidationError, match="follows from its lab instances"):
        ActivityResultFactory(
            course_activity=activity, course_assignment=CourseAssignmentFactory(course=course)
        )


def test_an_activity_of_another_course_has_no_result_here() -> None:
    with pytest.raises(ValidationError, match="another course"):
        ActivityResultFactory(course_assignment=CourseAssignmentFactory())


def test_a_result_is_taken_one_way() -> None:
    with pytest.raises(ValidationError, match="not both"):
        ActivityResultFactory(course_assignment=None)


def test_a_launch_is_a_session() -> None:
    result = ActivityResultFactory()

    assert Activity.objects.filter(user=result.user, kind="session", occurred_at=PAST).exists()


# --- Percent, modules, the end ------------------------------------------------------------------------------


def test_percent_counts_required_activities_only_and_is_rounded_down() -> None:
    course, [activities] = course_of([Kind.SCORM, Kind.SCORM, Kind.SCORM, (Kind.SCORM, "optional")])
    assignment = CourseAssignmentFactory(course=course)
    found = []
    for hours, activity in enumerate([activities[3], *activities[:3]]):
        finish(activity, assignment, at=later(hours))
        found.append(percent(assignment))

    assert found == [0, 33, 66, 100]


def test_a_course_without_required_activities_has_no_percent_and_never_ends_by_itself() -> None:
    course, [[activity]] = course_of([(Kind.SCORM, "optional")])
    assignment = CourseAssignmentFactory(course=course)

    finish(activity, assignment, at=later(1))

    assert percent(assignment) is None
    assert fresh(assignment).completed_at is None
    assert lessons_of(assignment.user) == [("lesson_completed", later(1)), ("module_completed", later(1))]


def test_a_module_ends_with_its_last_required_lesson_and_a_course_with_its_last_module() -> None:
    course, [[first, second, bonus], [third]] = course_of(
        [Kind.SCORM, Kind.LTI, (Kind.VIDEO, "optional")], [Kind.ASSESSMENT]
    )
    assignment = CourseAssignmentFactory(course=course)
    finish(second, assignment, at=later(4))
    finish(third, assignment, at=later(1))
    assert fresh(assignment).completed_at is None

    finish(first, assignment, at=later(2))  # reported last, done before the second

    assert lessons_of(assignment.user) == [
        ("lesson_completed", later(1)),
        ("module_completed", later(1)),
        ("lesson_completed", later(2)),
        ("lesson_completed", later(4)),
        ("module_completed", later(4)),
    ]
    assert fresh(assignment).completed_at == later(4)
    assert not ActivityResult.objects.filter(course_activity=bonus).exists()


def test_everything_is_written_once_however_often_it_is_reported() -> None:
    course, [[activity]] = course_of([Kind.SCORM])
    assignment = CourseAssignmentFactory(course=course)
    result = finish(activity, assignment, at=later(1))

    for _number in range(2):
        progress.complete_activity(result)

    assert len(lessons_of(assignment.user)) == 2
    assert list(records.rebuild(check=True)) == []


def test_who_takes_a_course_again_finishes_its_lessons_again() -> None:
    course, [[activity]] = course_of([Kind.SCORM])
    learner = UserFactory()

    for hours in (1, 2):
        finish(activity, CourseAssignmentFactory(user=learner, course=course), at=later(hours))

    assert [kind for kind, _at in lessons_of(learner)].count("lesson_completed") == 2


def test_lessons_reach_the_transcript_with_their_course_and_the_learners_day() -> None:
    course, [[activity]] = course_of([Kind.SCORM])
    learner = UserFactory(time_zone="Pacific/Kiritimati")
    assignment = CourseAssignmentFactory(user=learner, course=course)
    ProgressChange.objects.all().delete()

    finish(activity, assignment, at=later(2))

    record = LearningRecord.objects.get(kind="lesson_completed")
    assert (record.learner, record.course, record.subject) == (learner, course, 50)
    assert (record.started_at, str(record.started_day)) == (later(2), "2026-03-03")
    assert set(ProgressChange.objects.values_list("learner", flat=True)) == {learner.pk}


def test_an_assignment_that_somebody_completed_keeps_that_moment() -> None:
    course, [[activity]] = course_of([Kind.SCORM])
    assignment = CourseAssignmentFactory(course=course)
    progress.complete_assignment(assignment, at=later(9))

    finish(activity, assignment, at=later(1))

    assert fresh(assignment).completed_at == later(9)
    assert not fresh(assignment).completed_by_itself


def test_finishing_after_the_expiry_is_recorded_and_does_not_count() -> None:
    course, [[activity]] = course_of([Kind.SCORM])
    assignment = CourseAssignmentFactory(course=course, expires_at=later(1))

    finish(activity, assignment, at=later(2))

    assert fresh(assignment).completed_at == later(2)
    assert LearningRecord.objects.get(source_kind=3).completed_at is None


def test_the_completion_of_an_enrolment_stays_the_instructors() -> None:
    course, [[activity]] = course_of([Kind.LAB])
    enrollment = EnrollmentFactory(training_class=ClassFactory(course=course))

    LabInstanceFactory(user=enrollment.user, lab=activity.lab, enrollment=enrollment, completed_at=later(1))

    enrollment.refresh_from_db()
    assert percent(enrollment) == 100
    assert lessons_of(enrollment.user) == [("lesson_completed", later(1)), ("module_completed", later(1))]
    assert enrollment.completion_status == Enrollment.Completion.UNKNOWN


# --- Corrections --------------------------------------------------------------------------------------------


def test_a_completion_that_is_corrected_moves_what_follows_from_it() -> None:
    course, [[activity]] = course_of([Kind.LAB])
    assignment = CourseAssignmentFactory(course=course)
    launch = LabInstanceFactory(
        user=assignment.user, lab=activity.lab, course_assignment=assignment, completed_at=later(5)
    )

    progress.complete_lab(launch, at=later(2))

    assert lessons_of(assignment.user) == [("lesson_completed", later(2)), ("module_completed", later(2))]
    assert fresh(assignment).completed_at == later(2)
    assert list(records.rebuild(check=True)) == []


def test_a_completion_that_never_was_takes_everything_back() -> None:
    course, [[activity]] = course_of([Kind.LAB])
    assignment = CourseAssignmentFactory(course=course)
    launch = LabInstanceFactory(
        user=assignment.user, lab=activity.lab, course_assignment=assignment, completed_at=later(5)
    )

    progress.delete(launch)

    assert lessons_of(assignment.user) == []
    assert not ActivityResult.objects.exists()
    assert fresh(assignment).completed_at is None
    assert LearningRecord.objects.get(source_kind=3).completed_at is None
    assert list(records.rebuild(check=True)) == []


def test_a_result_entered_by_mistake_is_deleted_with_its_lesson() -> None:
    course, [[first, second]] = course_of([Kind.SCORM, Kind.SCORM])
    assignment = CourseAssignmentFactory(course=course)
    finish(first, assignment, at=later(1))
    mistaken = finish(second, assignment, at=later(2))

    progress.delete(mistaken)

    assert lessons_of(assignment.user) == [("lesson_completed", later(1))]
    assert fresh(assignment).completed_at is None


def test_a_lab_moved_to_another_assignment_is_gone_from_the_first() -> None:
    course, [[activity]] = course_of([Kind.LAB])
    learner = UserFactory()
    first, second = (CourseAssignmentFactory(user=learner, course=course) for _number in range(2))
    launch = LabInstanceFactory(
        user=learner, lab=activity.lab, course_assignment=first, completed_at=later(1)
    )

    launch.course_assignment = second
    progress.save(launch)

    assert (percent(first), percent(second)) == (0, 100)
    assert (fresh(first).completed_at, fresh(second).completed_at) == (None, later(1))
    assert len(lessons_of(learner)) == 2


def test_a_cancelled_assignment_has_no_lessons_until_it_is_active_again() -> None:
    course, [[activity]] = course_of([Kind.SCORM])
    assignment = CourseAssignmentFactory(course=course)
    finish(activity, assignment, at=later(1))

    found = []
    for status in (CourseAssignment.Status.CANCELLED, CourseAssignment.Status.ACTIVE):
        changed = fresh(assignment)
        changed.status = status
        progress.save(changed)
        found.append((len(lessons_of(assignment.user)), fresh(assignment).completed_at))

    assert found == [(0, None), (2, later(1))]
    assert list(records.rebuild(check=True)) == []


def test_the_lessons_of_a_cancelled_class_do_not_count() -> None:
    course, [[activity]] = course_of([Kind.SCORM])
    enrollment = EnrollmentFactory(training_class=ClassFactory(course=course))
    ActivityResultFactory(
        course_activity=activity, course_assignment=None, enrollment=enrollment, completed_at=later(1)
    )

    training_class = enrollment.training_class
    training_class.status = Class.Status.CANCELLED
    progress.save_class(training_class)

    assert lessons_of(enrollment.user) == []


def test_a_completion_taken_back_by_hand_returns_while_everything_is_finished() -> None:
    course, [[activity]] = course_of([Kind.SCORM])
    assignment = CourseAssignmentFactory(course=course)
    finish(activity, assignment, at=later(1))

    edited = fresh(assignment)
    edited.completed_at = None
    progress.save(edited)

    assert fresh(assignment).completed_at == later(1)


# --- The content changes ------------------------------------------------------------------------------------


def test_a_lab_that_joins_the_course_counts_what_was_launched_before() -> None:
    course, [[activity]] = course_of([Kind.SCORM])
    lab = LabFactory()
    assignment = CourseAssignmentFactory(course=course)
    LabInstanceFactory(user=assignment.user, lab=lab, course_assignment=assignment, completed_at=later(3))
    ProgressChange.objects.all().delete()

    CourseActivityFactory(section=activity.section, kind=Kind.LAB, lab=lab)

    assert lessons_of(assignment.user) == [("lesson_completed", later(3))]
    assert percent(assignment) == 50
    assert ProgressChange.objects.filter(learner=assignment.user).exists()


def test_who_had_finished_all_the_others_is_complete_when_the_last_is_no_longer_required() -> None:
    course, [[first, second]] = course_of([Kind.SCORM, Kind.SCORM])
    assignment = CourseAssignmentFactory(course=course)
    finish(first, assignment, at=later(1))

    second.is_required = False
    content.save_activity(second)

    assert fresh(assignment).completed_at == later(1)
    assert lessons_of(assignment.user) == [("lesson_completed", later(1)), ("module_completed", later(1))]


def test_more_content_takes_nothing_back() -> None:
    course, [[activity]] = course_of([Kind.SCORM])
    assignment = CourseAssignmentFactory(course=course)
    finish(activity, assignment, at=later(1))

    added = CourseActivityFactory(section=activity.section)
    assert lessons_of(assignment.user) == [("lesson_completed", later(1)), ("module_completed", later(1))]
    assert (percent(assignment), fresh(assignment).completed_at) == (50, later(1))

    finish(added, assignment, at=later(8))
    assert lessons_of(assignment.user)[:2] == [("lesson_completed", later(1)), ("module_completed", later(1))]
    assert fresh(assignment).completed_at == later(1)


def test_a_section_moved_to_another_course_takes_its_lessons_out_of_the_percent() -> None:
    course, [[first], [second]] = course_of([Kind.SCORM], [Kind.SCORM])
    assignment = CourseAssignmentFactory(course=course)
    finish(first, assignment, at=later(1))

    second.section.course = CourseFactory()
    content.save_section(second.section)

    assert percent(assignment) == 100
    assert fresh(assignment).completed_at == later(1)


def test_what_somebody_has_a_result_of_cannot_be_deleted() -> None:
    result = ActivityResultFactory()

    with pytest.raises(ProtectedError):
        result.course_activity.delete()


@pytest.mark.parametrize("kind", Kind)
def test_a_lab_activity_names_its_lab_and_no_other_does(kind: CourseActivity.Kind) -> None:
    wrong = None if kind == Kind.LAB else LabFactory()

    with pytest.raises(ValidationError, match="names its lab"):
        CourseActivityFactory(kind=kind, lab=wrong)


# --- In bulk ------------------------------------------------------------------------------------------------


def test_many_launches_are_followed_in_as_many_statements_as_few(django_assert_max_num_queries: Any) -> None:
    course, [[activity]] = course_of([Kind.LAB])
    launches = []
    for assignment in CourseAssignmentFactory.create_batch(20, course=course):
        launch = LabInstanceFactory.build(
            user=assignment.user, lab=activity.lab, course_assignment=assignment, completed_at=later(1)
        )
        progress.prepare(launch, before=None)
        launches.append(launch)

    with django_assert_max_num_queries(32):
        progress.store(launches)

    assert CourseAssignment.objects.filter(completed_at=later(1)).count() == 20
    assert Activity.objects.filter(kind="module_completed").count() == 20
    assert list(records.rebuild(check=True)) == []
