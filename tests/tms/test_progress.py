"""The writers of facts: each writes the fact, its record and a change, or nothing."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest
from django.core.exceptions import ValidationError
from django.db import connection, transaction
from django.db.models import ProtectedError
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.django import TestCase

from tests.factories import (
    PAST,
    ClassFactory,
    CourseAssignmentFactory,
    CourseFactory,
    EnrollmentFactory,
    LabFactory,
    LabInstanceFactory,
    OrganizationFactory,
    UserFactory,
)
from tms import progress, records
from tms.errors import Conflict, DomainError
from tms.models import Class, CourseAssignment, Enrollment, LabInstance, LearningRecord, ProgressChange, User

pytestmark = pytest.mark.django_db


@pytest.fixture
def learner():
    return UserFactory()


@pytest.fixture
def changed():
    """The learners who may earn more since the last time this was asked."""

    def ask() -> set[int]:
        found = set(ProgressChange.objects.values_list("learner", flat=True))
        ProgressChange.objects.all().delete()
        return found

    return ask


def records_of(*facts) -> set[LearningRecord]:
    """What these facts have in the transcript; a launch also writes the session of its day, which is not meant."""
    found: set[LearningRecord] = set()
    for fact in facts:
        source, _relations = records.SOURCES[type(fact)]
        found |= set(LearningRecord.objects.filter(source_kind=source, source_id=fact.pk))
    return found


def record(fact) -> LearningRecord:
    (found,) = records_of(fact)
    return found


# --- Together or not at all ---------------------------------------------------------------------------------


def test_a_fact_its_record_and_the_change_are_written_together(learner, changed):
    for factory in (LabInstanceFactory, EnrollmentFactory, CourseAssignmentFactory):
        fact = factory(user=learner)
        assert record(fact).learner == learner
        assert changed() == {learner.pk}


def test_rolling_back_takes_all_of_it_back(learner):
    with pytest.raises(ZeroDivisionError), transaction.atomic():
        LabInstanceFactory(user=learner)
        raise ZeroDivisionError
    assert not LabInstance.objects.exists()
    assert not LearningRecord.objects.exists()
    assert not ProgressChange.objects.exists()


def test_what_cannot_be_recorded_is_not_stored(learner, monkeypatch):
    def fail(_facts):
        raise ZeroDivisionError

    monkeypatch.setattr(records, "write", fail)
    with pytest.raises(ZeroDivisionError):
        LabInstanceFactory(user=learner)
    assert not LabInstance.objects.exists()
    assert not ProgressChange.objects.exists()


@pytest.mark.parametrize(
    ("given", "field"),
    [
        ({"minutes": -1}, "Minutes cannot be negative."),
        ({"score_percent": 101}, "A score lies between 0 and 100 percent."),
        ({"status": "broken"}, "is not a valid choice"),
    ],
)
def test_what_is_not_valid_is_refused(learner, given, field):
    with pytest.raises(ValidationError, match=field):
        LabInstanceFactory(user=learner, **given)
    assert not LabInstance.objects.exists()


@pytest.mark.parametrize(
    ("given", "field"),
    [
        ({"minutes": 1e18}, "minutes"),
        ({"started_at": datetime(9999, 12, 31, tzinfo=UTC)}, "started_at"),
        ({"completed_at": datetime(1, 1, 1, tzinfo=UTC)}, "completed_at"),
    ],
)
def test_what_no_rule_could_reckon_with_is_not_stored(learner, given, field):
    launch = LabInstance(user=learner, lab=LabFactory(), **{"started_at": PAST, **given})
    with pytest.raises(ValidationError) as refusal:
        progress.save(launch)
    assert set(refusal.value.message_dict) == {field}
    assert not LabInstance.objects.exists()


def test_a_lab_is_taken_one_way(learner):
    with pytest.raises(ValidationError, match="not both"):
        LabInstanceFactory(
            user=learner,
            course_assignment=CourseAssignmentFactory(user=learner),
            enrollment=EnrollmentFactory(user=learner),
        )


def test_a_student_is_in_a_class_once(learner):
    enrollment = EnrollmentFactory(user=learner)
    with pytest.raises(ValidationError, match="already in this class"):
        EnrollmentFactory(user=learner, training_class=enrollment.training_class)


@pytest.mark.parametrize("name", ["content_provider", "publishing_group"])
def test_a_course_that_is_not_ready_cannot_be_set_up_for_training(learner, name):
    course = CourseFactory(organization=learner.organization, **{name: ""})
    with pytest.raises(ValidationError, match="content provider and a publishing group"):
        CourseAssignmentFactory(user=learner, course=course)
    new = Class(
        name="Class",
        course=course,
        organization=course.organization,
        starts_at=PAST,
        ends_at=PAST + timedelta(days=1),
    )
    with pytest.raises(ValidationError, match="content provider and a publishing group"):
        progress.save_class(new)
    assert not Class.objects.exists()
    assert not CourseAssignment.objects.exists()


def test_the_default_expiry_is_half_a_year_for_new_assignments_alone(learner):
    assignment = CourseAssignmentFactory(user=learner)
    assert assignment.expires_at == PAST + timedelta(days=180)
    assignment.expires_at = None
    progress.save(assignment)
    assert CourseAssignment.objects.get().expires_at is None
    told = CourseAssignmentFactory(user=learner, expires_at=PAST + timedelta(days=3))
    assert told.expires_at == PAST + timedelta(days=3)


# --- Corrections --------------------------------------------------------------------------------------------


def test_an_edit_corrects_the_record_and_says_that_the_learner_changed(learner, changed):
    launch = LabInstanceFactory(user=learner)
    changed()
    other = LabFactory(organization=learner.organization)
    launch.lab, launch.minutes = other, 77
    progress.save(launch)
    assert (record(launch).lab, record(launch).minutes) == (other, 77)
    assert changed() == {learner.pk}
    launch.status = LabInstance.Status.CANCELLED
    progress.save(launch)
    assert not records_of(launch)
    launch.status = LabInstance.Status.INCOMPLETE
    progress.save(launch)
    assert record(launch).lab == other


def test_deleting_takes_the_record_along_and_says_so(learner, changed):
    launch, kept = LabInstanceFactory.create_batch(2, user=learner)
    enrollment = EnrollmentFactory(user=learner)
    changed()
    progress.delete(launch)
    launches = LearningRecord.objects.filter(source_kind=LearningRecord.Source.LAB_INSTANCE)
    assert set(launches) == records_of(kept)
    assert records_of(enrollment)
    assert list(LabInstance.objects.all()) == [kept]
    assert changed() == {learner.pk}


def test_what_other_facts_rest_on_cannot_be_deleted(learner):
    assignment = CourseAssignmentFactory(user=learner)
    LabInstanceFactory(user=learner, course_assignment=assignment)
    with pytest.raises(ProtectedError):
        progress.delete(assignment)
    assert record(assignment)


def test_an_assignment_of_another_course_takes_its_labs_along(learner):
    assignment = CourseAssignmentFactory(user=learner)
    launch = LabInstanceFactory(user=learner, course_assignment=assignment)
    assignment.course = CourseFactory(organization=learner.organization)
    progress.save(assignment)
    assert record(launch).course == record(assignment).course == assignment.course
    assert list(records.rebuild(check=True)) == []


def test_an_enrollment_moved_to_another_class_takes_its_labs_along(learner):
    enrollment = EnrollmentFactory(user=learner)
    launch = LabInstanceFactory(user=learner, enrollment=enrollment)
    enrollment.training_class = ClassFactory()
    progress.store([enrollment])
    assert record(launch).course == record(enrollment).course == enrollment.training_class.course
    assert list(records.rebuild(check=True)) == []


# --- Zones --------------------------------------------------------------------------------------------------

LATE = datetime(2026, 3, 2, 23, 30, tzinfo=UTC)


def test_a_moment_keeps_the_zone_it_happened_in(learner):
    learner.time_zone = "Europe/Berlin"
    learner.save()
    launch = LabInstanceFactory(user=learner, started_at=LATE)
    assert record(launch).started_day == date(2026, 3, 3)
    learner.time_zone = "America/Chicago"
    learner.save()
    launch = progress.complete_lab(launch, at=LATE + timedelta(hours=1), minutes=5)
    assert (record(launch).started_day, record(launch).completed_day) == (date(2026, 3, 3), date(2026, 3, 2))
    assert list(records.rebuild(check=True)) == []
    launch.minutes = 6
    learner.time_zone = "Asia/Tokyo"
    learner.save()
    progress.save(LabInstance.objects.get())
    assert (record(launch).started_day, record(launch).completed_day) == (date(2026, 3, 3), date(2026, 3, 2))


def test_a_moment_that_is_corrected_lies_in_the_zone_of_today(learner):
    launch = LabInstanceFactory(user=learner, started_at=LATE)
    assert record(launch).started_day == date(2026, 3, 2)
    learner.time_zone = "Asia/Tokyo"
    learner.save()
    launch = LabInstance.objects.get()
    launch.started_at += timedelta(minutes=1)
    progress.save(launch)
    assert record(launch).started_day == date(2026, 3, 3)


# --- Completing ---------------------------------------------------------------------------------------------


def test_completing_a_lab_records_when_and_how_well(learner, changed):
    launch = LabInstanceFactory(user=learner)
    changed()
    done = progress.complete_lab(launch, at=PAST, minutes=30, passed=False, score_percent=12.5)
    assert (done.status, done.completed_at) == (LabInstance.Status.COMPLETE, PAST)
    assert (record(launch).minutes, record(launch).passed, record(launch).score) == (30, False, 12.5)
    assert changed() == {learner.pk}


def test_completing_a_lab_again_keeps_the_first_moment_unless_another_is_given(learner):
    launch = LabInstanceFactory(user=learner)
    progress.complete_lab(launch, at=PAST, passed=True)
    again = progress.complete_lab(launch)
    assert (again.completed_at, again.passed) == (PAST, True)
    later = PAST + timedelta(hours=1)
    assert progress.complete_lab(launch, at=later).completed_at == later
    assert record(launch).completed_at == later


def test_completing_a_lab_happens_now_when_nothing_is_said(learner):
    before = timezone.now()
    assert before <= progress.complete_lab(LabInstanceFactory(user=learner)).completed_at <= timezone.now()


@pytest.mark.parametrize("status", LabInstance.NOT_LAUNCHED)
def test_a_lab_that_never_started_cannot_be_completed(learner, status):
    launch = LabInstanceFactory(user=learner, status=status)
    with pytest.raises(Conflict) as refused:
        progress.complete_lab(launch)
    assert refused.value.code == "not_launched"
    assert str(LabInstance.Status(status).label) in refused.value.message
    assert LabInstance.objects.get().status == status


def test_a_launch_with_a_completion_moment_is_complete_and_the_other_way_round(learner):
    assert LabInstanceFactory(user=learner, completed_at=PAST).status == LabInstance.Status.COMPLETE
    assert LabInstanceFactory(user=learner, status=LabInstance.Status.COMPLETE).completed_at is not None


def test_completing_an_assignment(learner):
    assignment = CourseAssignmentFactory(user=learner)
    at = PAST + timedelta(days=2)
    assert progress.complete_assignment(assignment, at=at).completed_at == at
    assert progress.complete_assignment(assignment).completed_at == at
    assert record(assignment).completed_at == at


def test_an_assignment_completed_after_its_expiry_is_completed_but_does_not_count(learner):
    assignment = CourseAssignmentFactory(user=learner, expires_at=PAST + timedelta(days=1))
    done = progress.complete_assignment(assignment, at=PAST + timedelta(days=2))
    assert done.completed_at == PAST + timedelta(days=2)
    assert record(assignment).completed_at is None
    done.expires_at = PAST + timedelta(days=3)
    progress.save(done)
    assert record(assignment).completed_at == PAST + timedelta(days=2)


def test_a_cancelled_assignment_cannot_be_completed(learner):
    assignment = CourseAssignmentFactory(user=learner, status=CourseAssignment.Status.CANCELLED)
    with pytest.raises(Conflict) as refused:
        progress.complete_assignment(assignment)
    assert refused.value.code == "cancelled"


def test_a_completion_status_is_set_and_taken_back(learner, changed):
    enrollment = EnrollmentFactory(user=learner)
    changed()
    progress.set_completion_status(enrollment, "complete", at=PAST + timedelta(days=4))
    assert record(enrollment).completed_at == PAST + timedelta(days=4)
    assert changed() == {learner.pk}
    progress.set_completion_status(enrollment, "complete")
    assert record(enrollment).completed_at == PAST + timedelta(days=4)
    taken_back = progress.set_completion_status(enrollment, "incomplete")
    assert (taken_back.completed_at, record(enrollment).completed_at) == (None, None)
    progress.set_completion_status(enrollment, "no_show")
    assert not records_of(enrollment)


def test_an_unknown_completion_status_is_refused_with_those_there_are(learner):
    with pytest.raises(DomainError) as refused:
        progress.set_completion_status(EnrollmentFactory(user=learner), "finished")
    assert refused.value.code == "completion_status"
    assert "finished" in refused.value.message
    assert "no_show" in refused.value.message


@pytest.mark.parametrize("status", sorted(set(Enrollment.Status) - {Enrollment.Status.ENROLLED}))
def test_only_enrolled_students_have_a_completion_status(learner, status):
    enrollment = EnrollmentFactory(user=learner, status=status)
    with pytest.raises(Conflict) as refused:
        progress.set_completion_status(enrollment, "complete")
    assert refused.value.code == "not_enrolled"
    enrollment.completion_status = Enrollment.Completion.ATTENDING
    with pytest.raises(ValidationError, match="Only Enrolled students"):
        progress.save(enrollment)


def decide(enrollments, **decided):
    """`decided`: the last names of some of the students → (seen, chosen)."""
    pks = {enrollment.user.last_name: enrollment.pk for enrollment in enrollments}
    refused = progress.set_completion_statuses(
        Enrollment.objects.all(), {pks[name]: progress.Decided(*pair) for name, pair in decided.items()}
    )
    return {name: refused[pks[name]].code for name in decided if pks[name] in refused}


@pytest.fixture
def students():
    training_class = ClassFactory()
    return [
        EnrollmentFactory(user__last_name=name, training_class=training_class)
        for name in ("ada", "bob", "eve")
    ]


def test_many_completion_statuses_are_set_at_once_as_each_would_be_alone(students, changed):
    changed()
    assert decide(students, ada=("unknown", "complete"), bob=("unknown", "no_show")) == {}
    ada, bob, eve = (Enrollment.objects.get(pk=row.pk) for row in students)
    assert (ada.completion_status, bob.completion_status, eve.completion_status) == (
        "complete",
        "no_show",
        "unknown",
    )
    assert record(ada).completed_at == ada.completed_at
    assert ada.completed_zone == "UTC"
    assert not records_of(bob)
    assert changed() == {ada.user_id, bob.user_id}


def test_of_two_who_decide_differently_the_second_is_told_and_the_others_are_saved(students, changed):
    assert decide(students, ada=("unknown", "failed")) == {}
    changed()
    assert decide(students, ada=("unknown", "complete"), bob=("unknown", "complete")) == {
        "ada": "changed_meanwhile"
    }
    assert Enrollment.objects.get(user__last_name="ada").completion_status == "failed"
    assert Enrollment.objects.get(user__last_name="bob").completion_status == "complete"
    assert decide(students, ada=("failed", "complete")) == {}
    assert Enrollment.objects.get(user__last_name="ada").completion_status == "complete"


def test_who_decides_what_was_decided_already_changes_nothing(students, changed):
    decide(students, ada=("unknown", "complete"))
    before = Enrollment.objects.get(user__last_name="ada").completed_at
    changed()
    assert decide(students, ada=("unknown", "complete")) == {}
    assert Enrollment.objects.get(user__last_name="ada").completed_at == before
    assert changed() == set()


def test_of_many_completion_statuses_each_is_refused_alone(students):
    Enrollment.objects.filter(user__last_name="ada").update(status="audit")
    refused = decide(
        students, ada=("unknown", "complete"), bob=("unknown", "finished"), eve=("unknown", "complete")
    )
    assert refused == {"ada": "not_enrolled", "bob": "completion_status"}
    assert list(Enrollment.objects.filter(completion_status="complete")) == [students[2]]


def test_of_many_completion_statuses_those_out_of_reach_are_not_found(students):
    refused = progress.set_completion_statuses(
        Enrollment.objects.exclude(pk=students[0].pk),
        {row.pk: progress.Decided("unknown", "complete") for row in students},
    )
    assert {pk: error.code for pk, error in refused.items()} == {students[0].pk: "not_found"}
    assert Enrollment.objects.filter(completion_status="complete").count() == 2


def test_the_number_of_queries_does_not_grow_with_the_completion_statuses(students):
    with CaptureQueriesContext(connection) as one:
        decide(students, ada=("unknown", "complete"))
    with CaptureQueriesContext(connection) as three:
        decide(students, ada=("complete", "failed"), bob=("unknown", "failed"), eve=("unknown", "failed"))
    assert len(three) == len(one)


# --- Classes ------------------------------------------------------------------------------------------------


@pytest.fixture
def taught(changed):
    """A class with two students, one of whom took a lab in it; a student of another class looks on."""
    enrollment = EnrollmentFactory(completion_status=Enrollment.Completion.COMPLETE)
    training_class = enrollment.training_class
    other = EnrollmentFactory(training_class=training_class)
    launch = LabInstanceFactory(user=enrollment.user, enrollment=enrollment)
    EnrollmentFactory()
    changed()
    return training_class, [enrollment, other], launch


def test_cancelling_a_class_takes_its_enrolments_out_and_holding_it_after_all_brings_them_back(
    taught, changed
):
    training_class, enrollments, launch = taught
    learners = {enrollment.user_id for enrollment in enrollments}
    training_class.status = Class.Status.CANCELLED
    progress.save_class(training_class)
    assert not records_of(*enrollments)
    assert records_of(launch)
    assert changed() == learners
    assert list(records.rebuild(check=True)) == []
    training_class.status = Class.Status.GUARANTEED
    progress.save_class(training_class)
    assert [record(enrollment).completed_at is None for enrollment in enrollments] == [False, True]
    assert changed() == learners


def test_another_course_for_a_class_is_another_course_for_everything_in_it(taught, changed):
    training_class, enrollments, launch = taught
    training_class.course = CourseFactory(organization=training_class.organization)
    progress.save_class(training_class)
    assert {record(fact).course for fact in [*enrollments, launch]} == {training_class.course}
    assert changed() == {enrollment.user_id for enrollment in enrollments}
    assert list(records.rebuild(check=True)) == []


def test_any_other_edit_of_a_class_concerns_nobody(taught, changed):
    training_class, _enrollments, _launch = taught
    training_class.name = "Renamed"
    progress.save_class(training_class)
    assert (Class.objects.get(pk=training_class.pk).name, changed()) == ("Renamed", set())


def test_a_class_ends_after_it_starts():
    training_class = ClassFactory()
    training_class.ends_at = training_class.starts_at - timedelta(seconds=1)
    with pytest.raises(ValidationError, match="ends after it starts"):
        progress.save_class(training_class)


# --- In bulk ------------------------------------------------------------------------------------------------


def test_facts_are_stored_in_bulk_in_a_few_statements(django_assert_max_num_queries, changed):
    organization = OrganizationFactory()
    lab = LabFactory(organization=organization)
    learners = UserFactory.create_batch(30, organization=organization)
    launches = [LabInstance(user=learner, lab=lab, started_at=PAST) for learner in learners]
    for launch in launches:
        progress.prepare(launch, before=None)
    with django_assert_max_num_queries(12):
        progress.store(launches)
    assert len(records_of(*launches)) == 30
    assert changed() == {learner.pk for learner in learners}
    for launch in launches:
        launch.minutes = 9
    new = LabInstance(user=learners[0], lab=lab, started_at=PAST)
    progress.prepare(new, before=None)
    progress.store([*launches, new])
    assert LearningRecord.objects.filter(minutes=9).count() == 30
    assert len(records_of(*launches, new)) == 31
    progress.store([])
    assert list(records.rebuild(check=True)) == []


def test_changes_are_written_from_a_query_without_reading_it(django_assert_num_queries, changed):
    organization = OrganizationFactory()
    learners = UserFactory.create_batch(3, organization=organization)
    UserFactory()
    LabInstanceFactory.create_batch(2, user=learners[0])
    changed()
    before = timezone.now()
    with django_assert_num_queries(1):
        progress.changed(organization.users.order_by("email"))
    assert all(before <= change.at <= timezone.now() for change in ProgressChange.objects.all())
    assert changed() == {learner.pk for learner in learners}
    with django_assert_num_queries(1):
        progress.changed(User.objects.filter(learning_records__learner=learners[0]))
    assert ProgressChange.objects.count() == 1


# --- Whatever happens ---------------------------------------------------------------------------------------

HOURS = st.integers(0, 2000)


class AnySequenceOfWrites(TestCase):
    @given(
        acts=st.lists(
            st.one_of(
                st.tuples(st.just("launch"), st.sampled_from(sorted(LabInstance.Status)), HOURS),
                st.tuples(st.just("enroll"), st.sampled_from(sorted(Enrollment.Status)), HOURS),
                st.tuples(st.just("assign"), st.sampled_from(sorted(CourseAssignment.Status)), HOURS),
                st.tuples(st.just("complete"), st.just(""), HOURS),
                st.tuples(st.just("class"), st.sampled_from(sorted(Class.Status)), HOURS),
                st.tuples(st.just("move"), st.sampled_from(["Asia/Tokyo", "America/Chicago"]), HOURS),
                st.tuples(st.just("delete"), st.just(""), HOURS),
            ),
            max_size=12,
        )
    )
    def test_leaves_the_records_that_the_facts_say(self, acts):
        learner = UserFactory()
        facts: list = []
        for kind, value, hours in acts:
            at = PAST + timedelta(hours=hours)
            if kind == "launch":
                facts.append(LabInstanceFactory(user=learner, status=value, started_at=at))
            elif kind == "enroll":
                facts.append(EnrollmentFactory(user=learner, status=value, enrolled_at=at))
            elif kind == "assign":
                facts.append(CourseAssignmentFactory(user=learner, status=value, started_at=at))
            elif kind == "move":
                learner.time_zone = value
                learner.save()
            elif facts:
                self._act_on(facts, hours % len(facts), kind=kind, value=value, at=at)
            assert list(records.rebuild(check=True)) == []

    def _act_on(self, facts, position, *, kind, value, at):
        fact = facts[position]
        if kind == "delete":
            progress.delete(facts.pop(position))
        elif kind == "class" and isinstance(fact, Enrollment):
            fact.training_class.status = value
            progress.save_class(fact.training_class)
        elif kind == "complete":
            try:
                self._complete(fact, at=at)
            except Conflict:
                assert records.record_of(fact) is None or fact.status == Enrollment.Status.AUDIT

    def _complete(self, fact, *, at):
        if isinstance(fact, LabInstance):
            progress.complete_lab(fact, at=at)
        elif isinstance(fact, Enrollment):
            progress.set_completion_status(fact, "complete", at=at)
        else:
            progress.complete_assignment(fact, at=at)
