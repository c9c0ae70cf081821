"""What courses are made of, and how learners get through it."""

from __future__ import annotations

from typing import Any

import pytest
from rest_framework.test import APIClient

from tests.api.conftest import World
from tests.factories import (
    PAST,
    ActivityResultFactory,
    CourseActivityFactory,
    CourseAssignmentFactory,
    CourseFactory,
    LabFactory,
    LabInstanceFactory,
)
from tms.models import ActivityResult, CourseActivity, CourseSection


def test_a_course_is_built_and_finished(world: World, administrator: APIClient) -> None:
    """Two lessons, a lab and a SCORM package: the assignment completes when both are done."""
    lab = LabFactory.create(organization=world.north, external_id="lab")
    CourseFactory.create(organization=world.north, external_id="course")

    def post(collection: str, **body: Any) -> Any:
        answer = administrator.post(f"/api/v1/{collection}/", body)
        assert answer.status_code in {200, 201}, answer.json()
        return answer.json()

    def percent() -> Any:
        shown = administrator.get("/api/v1/course-assignments/ext:ca/").json()
        return shown["percent_complete"], shown["completed_at"]

    post("course-sections", external_id="one", course="ext:course", name="One")
    post("course-activities", external_id="a", section="ext:one", name="A", kind="lab", lab="ext:lab")
    post("course-activities", external_id="b", section="ext:one", name="B", kind="scorm", position=2)
    post(
        "course-assignments",
        external_id="ca",
        user="ext:u-ada",
        course="ext:course",
        started_at="2026-03-02T08:00:00Z",
    )
    assert percent() == (0, None)

    post(
        "lab-instances",
        external_id="li",
        user="ext:u-ada",
        lab="ext:lab",
        course_assignment="ext:ca",
        started_at="2026-03-02T09:00:00Z",
    )
    post("lab-instances/ext:li/complete", at="2026-03-02T10:00:00Z")
    assert percent() == (50, None)

    result = post(
        "activity-results",
        external_id="r",
        course_activity="ext:b",
        course_assignment="ext:ca",
        launched_at="2026-03-02T11:00:00Z",
    )
    done = post("activity-results/ext:r/complete", at="2026-03-02T12:00:00Z")

    assert result["user"] == world.learner.pk
    assert done["completed_at"] == "2026-03-02T12:00:00Z"
    assert percent() == (100, "2026-03-02T12:00:00Z")
    assert lab.course_activities.get().section == CourseSection.objects.get()


def test_completing_an_assignment_or_setting_a_status_shows_the_percent_too(
    world: World, administrator: APIClient
) -> None:
    activity = CourseActivityFactory.create(section__course__organization=world.north)
    assignment = CourseAssignmentFactory.create(user=world.learner, course=activity.section.course)

    answer = administrator.post(f"/api/v1/course-assignments/{assignment.pk}/complete/")

    assert answer.json()["percent_complete"] == 0
    assert answer.json()["completed_at"] is not None


def test_a_course_without_activities_has_no_percent(world: World, administrator: APIClient) -> None:
    assignment = CourseAssignmentFactory.create(user=world.learner)

    answer = administrator.get(f"/api/v1/course-assignments/{assignment.pk}/")

    assert answer.json()["percent_complete"] is None


@pytest.mark.parametrize(
    "body", [{"kind": "lab"}, {"kind": "video", "lab": "ext:lab"}, {"kind": "game"}, {"position": -1}]
)
def test_an_activity_that_makes_no_sense_is_refused(
    world: World, administrator: APIClient, body: dict[str, Any]
) -> None:
    LabFactory.create(organization=world.north, external_id="lab")
    CourseActivityFactory.create(section__course__organization=world.north, section__external_id="one")
    sound = {"section": "ext:one", "name": "B", "kind": "scorm"}

    answer = administrator.post("/api/v1/course-activities/", {**sound, **body})

    assert answer.status_code == 400
    assert CourseActivity.objects.count() == 1


def test_what_is_no_longer_required_completes_who_had_done_the_rest(
    world: World, administrator: APIClient
) -> None:
    done, rest = CourseActivityFactory.create_batch(2, section__course__organization=world.north)
    rest.section = done.section
    rest.save()
    assignment = CourseAssignmentFactory.create(user=world.learner, course=done.section.course)
    ActivityResultFactory.create(course_activity=done, course_assignment=assignment, completed_at=PAST)

    answer = administrator.patch(f"/api/v1/course-activities/{rest.pk}/", {"is_required": False})

    assignment.refresh_from_db()
    assert answer.status_code == 200
    assert assignment.completed_at == PAST


@pytest.mark.parametrize("through", [{}, {"course_assignment": "ext:ca", "enrollment": "ext:e"}])
def test_a_result_is_taken_one_way(world: World, administrator: APIClient, through: dict[str, str]) -> None:
    activity = CourseActivityFactory.create(section__course__organization=world.north, external_id="a")
    CourseAssignmentFactory.create(user=world.learner, course=activity.section.course, external_id="ca")

    answer = administrator.post(
        "/api/v1/activity-results/",
        {"course_activity": "ext:a", "launched_at": "2026-03-02T11:00:00Z", **through},
    )

    assert answer.status_code == 400
    assert not ActivityResult.objects.exists()


def test_an_activity_has_one_result_in_an_assignment(world: World, administrator: APIClient) -> None:
    result = ActivityResultFactory.create(course_assignment__user=world.learner)
    result.course_activity.section.course.organization = world.north
    result.course_activity.section.course.save()

    answer = administrator.post(
        "/api/v1/activity-results/",
        {
            "course_activity": result.course_activity_id,
            "course_assignment": result.course_assignment_id,
            "launched_at": "2026-03-02T11:00:00Z",
        },
    )

    assert answer.status_code == 400
    assert ActivityResult.objects.count() == 1


def test_the_result_of_a_lab_is_not_completed_by_hand(world: World, administrator: APIClient) -> None:
    lab = LabFactory.create(organization=world.north)
    activity = CourseActivityFactory.create(
        section__course__organization=world.north, kind=CourseActivity.Kind.LAB, lab=lab
    )
    assignment = CourseAssignmentFactory.create(user=world.learner, course=activity.section.course)
    LabInstanceFactory.create(user=world.learner, lab=lab, course_assignment=assignment)
    result = ActivityResult.objects.get()

    answer = administrator.post(f"/api/v1/activity-results/{result.pk}/complete/")

    result.refresh_from_db()
    assert answer.status_code == 400
    assert answer.json()["fields"] == {
        "course_activity": ["The result of a lab follows from its lab instances."]
    }
    assert result.completed_at is None
