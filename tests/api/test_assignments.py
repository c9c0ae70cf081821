"""The collections of self-paced training."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from rest_framework.test import APIClient

from tests.api.conftest import World
from tests.factories import PAST, CourseAssignmentFactory, CourseFactory, LabFactory, LabInstanceFactory
from tms.models import CourseAssignment, LabInstance, LearningRecord, ProgressChange


def test_a_launch_is_recorded_and_completed(world: World, administrator: APIClient) -> None:
    lab = LabFactory.create(organization=world.north, external_id="azure-101")
    started = administrator.post(
        "/api/v1/lab-instances/",
        {
            "external_id": "launch-1",
            "user": "ext:u-ada",
            "lab": "ext:azure-101",
            "started_at": "2026-03-02T09:00:00Z",
        },
    )
    done = administrator.post(
        "/api/v1/lab-instances/ext:launch-1/complete/",
        {"at": "2026-03-02T10:15:00Z", "minutes": 72.5, "passed": True, "score_percent": 88},
    )

    launch = LabInstance.objects.get()
    assert (started.status_code, done.status_code) == (201, 200)
    assert started.json()["status"] == "incomplete"
    assert done.json() == {
        "id": launch.pk,
        "external_id": "launch-1",
        "user": world.learner.pk,
        "lab": lab.pk,
        "course_assignment": None,
        "enrollment": None,
        "status": "complete",
        "started_at": "2026-03-02T09:00:00Z",
        "completed_at": "2026-03-02T10:15:00Z",
        "minutes": 72.5,
        "passed": True,
        "score_percent": 88.0,
    }
    record = LearningRecord.objects.get(lab=lab)
    assert (record.learner, record.lab, record.passed) == (world.learner, lab, True)
    assert record.completed_at == datetime(2026, 3, 2, 10, 15, tzinfo=UTC)
    assert ProgressChange.objects.filter(learner=world.learner).count() == 2


def test_completing_needs_no_body_and_may_be_repeated(world: World, administrator: APIClient) -> None:
    launch = LabInstanceFactory.create(user=world.learner)
    address = f"/api/v1/lab-instances/{launch.pk}/complete/"

    first = administrator.post(address)
    again = administrator.post(address, {})

    assert (first.status_code, again.status_code) == (200, 200)
    assert first.json()["completed_at"] == again.json()["completed_at"]


def test_a_lab_that_never_started_is_not_completed(world: World, administrator: APIClient) -> None:
    launch = LabInstanceFactory.create(user=world.learner, status=LabInstance.Status.LAB_CREATION_FAILED)

    answer = administrator.post(f"/api/v1/lab-instances/{launch.pk}/complete/")

    launch.refresh_from_db()
    assert answer.status_code == 409
    assert answer.json()["code"] == "not_launched"
    assert launch.completed_at is None


@pytest.mark.parametrize(
    "body", [{"score_percent": 101}, {"minutes": -1}, {"passed": "maybe"}, {"at": "2026-03-02"}]
)
def test_a_completion_that_makes_no_sense_changes_nothing(
    world: World, administrator: APIClient, body: dict[str, object]
) -> None:
    launch = LabInstanceFactory.create(user=world.learner)

    answer = administrator.post(f"/api/v1/lab-instances/{launch.pk}/complete/", body)

    launch.refresh_from_db()
    assert answer.status_code == 400
    assert list(answer.json()["fields"]) == list(body)
    assert launch.status == LabInstance.Status.INCOMPLETE


def test_a_lab_is_taken_through_an_assignment(world: World, administrator: APIClient) -> None:
    assignment = CourseAssignmentFactory.create(user=world.learner, external_id="ca-1")
    lab = LabFactory.create(organization=world.north)

    administrator.post(
        "/api/v1/lab-instances/",
        {
            "user": world.learner.pk,
            "lab": lab.pk,
            "course_assignment": "ext:ca-1",
            "started_at": "2026-03-02T09:00:00Z",
        },
    )

    assert LabInstance.objects.get().course_assignment == assignment
    assert LearningRecord.objects.get(lab=lab).course == assignment.course


def test_a_launch_of_anothers_learner_is_not_there(world: World, administrator: APIClient) -> None:
    launch = LabInstanceFactory.create(user=world.stranger)

    answer = administrator.post(f"/api/v1/lab-instances/{launch.pk}/complete/")

    launch.refresh_from_db()
    assert answer.status_code == 404
    assert launch.completed_at is None


def test_learners_see_their_own_launches_and_complete_none(world: World, learner: APIClient) -> None:
    mine = LabInstanceFactory.create(user=world.learner)
    other = LabInstanceFactory.create(user=world.administrator)

    listed = learner.get("/api/v1/lab-instances/").json()["results"]

    assert [row["id"] for row in listed] == [mine.pk]
    assert learner.get(f"/api/v1/lab-instances/{other.pk}/").status_code == 404
    assert learner.post(f"/api/v1/lab-instances/{mine.pk}/complete/").status_code == 403
    mine.refresh_from_db()
    assert mine.completed_at is None


def test_an_assignment_expires_after_half_a_year_unless_told(world: World, administrator: APIClient) -> None:
    course = CourseFactory.create(organization=world.north)
    body = {"user": "ext:u-ada", "course": course.pk, "started_at": "2026-03-02T09:00:00Z"}

    answer = administrator.post("/api/v1/course-assignments/", body)

    assert answer.status_code == 201
    assert CourseAssignment.objects.get().expires_at == PAST + timedelta(days=180)


def test_an_assignment_is_completed(world: World, administrator: APIClient) -> None:
    assignment = CourseAssignmentFactory.create(user=world.learner)

    answer = administrator.post(
        f"/api/v1/course-assignments/{assignment.pk}/complete/", {"at": "2026-04-01T12:00:00Z"}
    )

    assert answer.status_code == 200
    assert answer.json()["completed_at"] == "2026-04-01T12:00:00Z"
    assert LearningRecord.objects.get().completed_at == datetime(2026, 4, 1, 12, tzinfo=UTC)


def test_a_cancelled_assignment_is_not_completed(world: World, administrator: APIClient) -> None:
    assignment = CourseAssignmentFactory.create(user=world.learner, status=CourseAssignment.Status.CANCELLED)

    answer = administrator.post(f"/api/v1/course-assignments/{assignment.pk}/complete/")

    assert answer.status_code == 409
    assert answer.json()["code"] == "cancelled"
