"""From a fact to its record: what counts, for which item, when and on which day."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.factories import (
    PAST,
    ClassFactory,
    CourseAssignmentFactory,
    CourseFactory,
    EnrollmentFactory,
    LabInstanceFactory,
    UserFactory,
)
from tms import records
from tms.models import Class, CourseAssignment, Enrollment, LabInstance, LearningRecord

pytestmark = pytest.mark.django_db
Subject = LearningRecord.Subject


def record(fact) -> LearningRecord | None:
    source, _relations = records.SOURCES[type(fact)]
    return LearningRecord.objects.filter(source_kind=source, source_id=fact.pk).first()


def holds(fact) -> bool:
    """Counts as started, not as completed."""
    found = record(fact)
    return found is not None and found.completed_at is None


def completed(fact) -> bool:
    found = record(fact)
    return found is not None and found.completed_at is not None


# --- Labs ---------------------------------------------------------------------------------------------------


def test_a_launch_is_recorded_with_everything_that_conditions_read():
    launch = LabInstanceFactory(
        completed_at=PAST + timedelta(hours=1), minutes=42.5, passed=True, score_percent=88
    )
    found = record(launch)
    assert (found.learner, found.subject, found.lab, found.course) == (
        launch.user,
        Subject.LAB,
        launch.lab,
        None,
    )
    assert (found.started_at, found.completed_at) == (PAST, PAST + timedelta(hours=1))
    assert (found.started_day, found.completed_day) == (date(2026, 3, 2), date(2026, 3, 2))
    assert (found.minutes, found.passed, found.score) == (42.5, True, 88)


@pytest.mark.parametrize("status", sorted(LabInstance.Status))
def test_a_launch_counts_unless_the_lab_never_came_up(status):
    launch = LabInstanceFactory(status=status)
    never = {
        LabInstance.Status.SCHEDULED,
        LabInstance.Status.CANCELLED,
        LabInstance.Status.NOT_STARTED,
        LabInstance.Status.STORAGE_PROVISIONING_FAILED,
        LabInstance.Status.LAB_CREATION_FAILED,
    }
    assert (record(launch) is None) == (status in never)


def test_a_lab_knows_the_course_it_was_taken_through():
    learner = UserFactory()
    assignment = CourseAssignmentFactory(user=learner)
    enrollment = EnrollmentFactory(user=learner)
    assert record(LabInstanceFactory(user=learner, course_assignment=assignment)).course == assignment.course
    through_class = LabInstanceFactory(user=learner, enrollment=enrollment)
    assert record(through_class).course == enrollment.training_class.course


# --- Enrolments ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("status", sorted(Enrollment.Status))
def test_only_enrolled_and_audit_count(status):
    enrollment = EnrollmentFactory(status=status)
    if status in {Enrollment.Status.ENROLLED, Enrollment.Status.AUDIT}:
        found = record(enrollment)
        assert (found.subject, found.course) == (Subject.COURSE, enrollment.training_class.course)
        assert (found.learner, found.started_at, found.lab) == (enrollment.user, PAST, None)
        assert holds(enrollment)
    else:
        assert record(enrollment) is None


@pytest.mark.parametrize("completion", sorted(Enrollment.Completion))
def test_complete_completes_and_no_show_does_not_even_count_as_held(completion):
    enrollment = EnrollmentFactory(completion_status=completion)
    assert completed(enrollment) == (completion == Enrollment.Completion.COMPLETE)
    assert (record(enrollment) is None) == (completion == Enrollment.Completion.NO_SHOW)


@pytest.mark.parametrize("status", sorted(Class.Status))
def test_none_of_a_class_that_does_not_take_place_counts(status):
    enrollment = EnrollmentFactory(training_class=ClassFactory(status=status))
    assert (record(enrollment) is None) == (status in {Class.Status.CANCELLED, Class.Status.DENIED})


# --- Assignments --------------------------------------------------------------------------------------------


def test_an_assignment_counts_as_held_then_as_completed():
    assignment = CourseAssignmentFactory()
    assert holds(assignment)
    done = CourseAssignmentFactory(completed_at=PAST + timedelta(days=3))
    found = record(done)
    assert (found.subject, found.course, found.learner) == (Subject.COURSE, done.course, done.user)
    assert (found.completed_at, found.completed_day) == (PAST + timedelta(days=3), date(2026, 3, 5))


def test_a_cancelled_assignment_never_counts():
    done = {"completed_at": PAST + timedelta(days=1)}
    assert record(CourseAssignmentFactory(status=CourseAssignment.Status.CANCELLED)) is None
    assert record(CourseAssignmentFactory(status=CourseAssignment.Status.CANCELLED, **done)) is None


@pytest.mark.parametrize(("late", "counts"), [(-1, True), (0, True), (1, False)])
def test_completion_after_the_expiry_does_not_count_but_the_assignment_is_held(late, counts):
    expires_at = PAST + timedelta(days=30)
    assignment = CourseAssignmentFactory(
        expires_at=expires_at, completed_at=expires_at + timedelta(seconds=late)
    )
    assert completed(assignment) == counts
    assert record(assignment) is not None


# --- Days ---------------------------------------------------------------------------------------------------


def test_the_day_is_the_learners_own():
    east = UserFactory(time_zone="Pacific/Kiritimati")
    west = UserFactory(time_zone="Pacific/Pago_Pago")
    moment = datetime(2026, 3, 2, 10, 30, tzinfo=UTC)
    assert record(LabInstanceFactory(user=east, started_at=moment)).started_day == date(2026, 3, 3)
    assert record(LabInstanceFactory(user=west, started_at=moment)).started_day == date(2026, 3, 1)


def test_a_learner_without_a_zone_lives_in_the_organizations():
    learner = UserFactory(organization__time_zone="Asia/Tokyo")
    launch = LabInstanceFactory(
        user=learner,
        started_at=datetime(2026, 3, 2, 14, 59, tzinfo=UTC),
        completed_at=datetime(2026, 3, 2, 15, 1, tzinfo=UTC),
    )
    assert record(launch).started_day == date(2026, 3, 2)
    assert record(launch).completed_day == date(2026, 3, 3)


@given(
    moment=st.datetimes(min_value=datetime(2000, 1, 1), max_value=datetime(2040, 1, 1)),
    zone=st.sampled_from(
        ["UTC", "Europe/Berlin", "America/St_Johns", "Asia/Kathmandu", "Pacific/Apia", "Australia/Lord_Howe"]
    ),
)
def test_a_local_day_is_what_the_wall_calendar_shows(moment, zone):
    shown = moment.replace(tzinfo=UTC).astimezone(ZoneInfo(zone))
    assert records.local_day(moment.replace(tzinfo=UTC), zone) == date(shown.year, shown.month, shown.day)


# --- Rebuilding ---------------------------------------------------------------------------------------------


@pytest.fixture
def world():
    learner = UserFactory()
    course = CourseFactory(organization=learner.organization)
    return [
        CourseAssignmentFactory(user=learner, course=course),
        CourseAssignmentFactory(user=learner, status=CourseAssignment.Status.CANCELLED),
        EnrollmentFactory(user=learner, completion_status=Enrollment.Completion.COMPLETE),
        EnrollmentFactory(user=learner, status=Enrollment.Status.REQUESTED),
        *(LabInstanceFactory(user=learner, minutes=number) for number in range(5)),
        LabInstanceFactory(user=learner, status=LabInstance.Status.CANCELLED),
    ]


def everything():
    return list(LearningRecord.objects.order_by("source_kind", "source_id").values(*records._FIELDS))


def test_rebuilding_what_is_right_tells_nothing_and_changes_nothing(world):
    before = everything()
    assert sum(record(fact) is not None for fact in world) == 7
    assert list(records.rebuild(check=True)) == []
    assert list(records.rebuild()) == []
    assert everything() == before
    assert records.fact_count() >= len(world)


@pytest.mark.parametrize("chunk", [1, 2, 1000])
def test_rebuilding_tells_and_mends_what_is_missing_surplus_or_different(world, monkeypatch, chunk):
    monkeypatch.setattr(records, "CHUNK", chunk)
    before = everything()
    launches = LearningRecord.objects.filter(source_kind=LearningRecord.Source.LAB_INSTANCE).order_by("pk")
    missing, different, *_rest = launches
    launches.filter(pk=missing.pk).delete()
    launches.filter(pk=different.pk).update(minutes=999, passed=True)
    orphan = LearningRecord.objects.create(
        learner=different.learner,
        subject=Subject.LAB,
        started_at=PAST,
        started_day=PAST.date(),
        source_kind=LearningRecord.Source.COURSE_ASSIGNMENT,
        source_id=10**6,
    )
    not_counting = world[-1]
    LearningRecord.objects.create(
        learner=different.learner,
        subject=Subject.LAB,
        started_at=PAST,
        started_day=PAST.date(),
        source_kind=LearningRecord.Source.LAB_INSTANCE,
        source_id=not_counting.pk,
    )
    expected = {
        ("lab_instance", missing.source_id, "missing"),
        ("lab_instance", different.source_id, "different"),
        ("lab_instance", not_counting.pk, "surplus"),
        ("course_assignment", orphan.source_id, "surplus"),
    }
    told = list(records.rebuild(check=True))
    assert {(row.source, row.source_id, row.what) for row in told} == expected
    change = next(row for row in told if row.what == "different")
    assert (change.stored["minutes"], change.expected["minutes"]) == (999, different.minutes)
    assert everything() != before
    assert {(row.source, row.source_id, row.what) for row in records.rebuild()} == expected
    assert everything() == before
    assert list(records.rebuild(check=True)) == []
