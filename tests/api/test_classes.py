"""The collections of instructor-led training."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from rest_framework.test import APIClient

from tests.api.conftest import World
from tests.factories import ClassFactory, CourseFactory, EnrollmentFactory, UserFactory
from tms.models import Class, Enrollment, LearningRecord, ProgressChange


def test_a_class_is_created_with_its_instructors(world: World, administrator: APIClient) -> None:
    course = CourseFactory.create(organization=world.north, external_id="c-azure")
    grace = UserFactory.create(organization=world.branch, external_id="u-grace")

    answer = administrator.post(
        "/api/v1/classes/",
        {
            "external_id": "spring",
            "name": "Spring",
            "course": "ext:c-azure",
            "organization": "ext:north",
            "starts_at": "2026-03-02T09:00:00Z",
            "ends_at": "2026-03-06T16:00:00Z",
            "instructors": ["ext:u-grace"],
        },
    )

    spring = Class.objects.get()
    assert answer.status_code == 201
    assert (spring.course, spring.status) == (course, Class.Status.SCHEDULED)
    assert spring.instructors.get() == grace
    assert answer.json()["instructors"] == [grace.pk]


def test_cancelling_a_class_takes_its_enrollments_out_of_what_counts(
    world: World, administrator: APIClient
) -> None:
    enrollment = EnrollmentFactory.create(user=world.learner)
    assert LearningRecord.objects.exists()

    address = f"/api/v1/classes/{enrollment.training_class_id}/"
    answer = administrator.patch(address, {"status": "cancelled"})

    assert answer.json()["status"] == "cancelled"
    assert not LearningRecord.objects.exists()


def test_a_class_does_not_end_before_it_starts(world: World, administrator: APIClient) -> None:
    training_class = ClassFactory.create(course__organization=world.north)

    answer = administrator.patch(f"/api/v1/classes/{training_class.pk}/", {"ends_at": "2020-01-01T00:00:00Z"})

    assert answer.status_code == 400
    assert answer.json()["message"] == "A class ends after it starts."


def test_enrolling_writes_the_record_and_the_change(world: World, administrator: APIClient) -> None:
    training_class = ClassFactory.create(course__organization=world.north, external_id="spring")

    answer = administrator.post(
        "/api/v1/enrollments/",
        {"user": "ext:u-ada", "class": "ext:spring", "enrolled_at": "2026-03-02T09:00:00Z"},
    )

    enrollment = Enrollment.objects.get()
    assert answer.status_code == 201
    assert answer.json() == {
        "id": enrollment.pk,
        "external_id": None,
        "user": world.learner.pk,
        "class": training_class.pk,
        "status": "enrolled",
        "completion_status": "unknown",
        "enrolled_at": "2026-03-02T09:00:00Z",
        "completed_at": None,
        "subscription": None,
        "percent_complete": None,
    }
    assert LearningRecord.objects.get().learner == world.learner
    assert ProgressChange.objects.filter(learner=world.learner).exists()


def test_a_refusal_names_the_field_as_the_api_does(world: World, administrator: APIClient) -> None:
    enrollment = EnrollmentFactory.create(user=world.learner)

    answer = administrator.patch(f"/api/v1/enrollments/{enrollment.pk}/", {"class": None})

    assert answer.status_code == 400
    assert list(answer.json()["fields"]) == ["class"]


def test_nobody_is_enrolled_twice(world: World, administrator: APIClient) -> None:
    enrollment = EnrollmentFactory.create(user=world.learner)
    body = {
        "user": world.learner.pk,
        "class": enrollment.training_class_id,
        "enrolled_at": "2026-03-02T09:00:00Z",
    }

    answer = administrator.post("/api/v1/enrollments/", body)

    assert answer.status_code == 400
    assert answer.json()["message"] == "This student is already in this class."


def test_a_completion_status_is_set_at_its_moment(world: World, administrator: APIClient) -> None:
    enrollment = EnrollmentFactory.create(user=world.learner, external_id="e-1")

    answer = administrator.post(
        "/api/v1/enrollments/ext:e-1/completion-status/",
        {"completion_status": "complete", "at": "2026-03-06T16:00:00Z"},
    )

    enrollment.refresh_from_db()
    assert answer.status_code == 200
    assert answer.json()["completed_at"] == "2026-03-06T16:00:00Z"
    assert enrollment.completion_status == Enrollment.Completion.COMPLETE
    assert LearningRecord.objects.get().completed_at == datetime(2026, 3, 6, 16, tzinfo=UTC)


def test_only_the_enrolled_have_a_completion_status(world: World, administrator: APIClient) -> None:
    audit = EnrollmentFactory.create(user=world.learner, status=Enrollment.Status.AUDIT)

    answer = administrator.post(
        f"/api/v1/enrollments/{audit.pk}/completion-status/", {"completion_status": "complete"}
    )

    audit.refresh_from_db()
    assert answer.status_code == 409
    assert answer.json()["code"] == "not_enrolled"
    assert audit.completion_status == Enrollment.Completion.UNKNOWN


@pytest.mark.parametrize("status", [None, "", "finished", 7])
def test_a_completion_status_is_one_of_six(world: World, administrator: APIClient, status: object) -> None:
    enrollment = EnrollmentFactory.create(user=world.learner)

    answer = administrator.post(
        f"/api/v1/enrollments/{enrollment.pk}/completion-status/", {"completion_status": status}
    )

    assert answer.status_code == 400
    assert list(answer.json()["fields"]) == ["completion_status"]


def test_an_enrollment_in_anothers_class_is_seen_and_not_written(
    world: World, administrator: APIClient
) -> None:
    theirs = ClassFactory.create(course__organization=world.south)
    enrollment = EnrollmentFactory.create(user=world.learner, training_class=theirs)
    address = f"/api/v1/enrollments/{enrollment.pk}/"

    assert administrator.get(address).status_code == 200
    assert administrator.patch(address, {"status": "cancelled"}).status_code == 404
    verb = administrator.post(f"{address}completion-status/", {"completion_status": "complete"})
    assert verb.status_code == 404
