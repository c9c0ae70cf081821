"""The collections of what is taught."""

from __future__ import annotations

from rest_framework.test import APIClient

from tests.api.conftest import World
from tests.factories import CourseAssignmentFactory, CourseFactory, CourseTagFactory, LabFactory
from tms.models import Course, CourseTag, ProgressChange


def test_a_course_is_created_with_its_tags_and_labs(world: World, administrator: APIClient) -> None:
    tag = CourseTagFactory.create(organization=world.north, external_id="cloud")
    lab = LabFactory.create(organization=world.branch)

    answer = administrator.post(
        "/api/v1/courses/",
        {
            "name": "Azure",
            "organization": "ext:north",
            "content_provider": "House",
            "publishing_group": "Everybody",
            "tags": ["ext:cloud"],
            "labs": [lab.pk],
        },
    )

    course = Course.objects.get()
    assert answer.status_code == 201
    assert (answer.json()["tags"], answer.json()["labs"]) == ([tag.pk], [lab.pk])
    assert (course.tags.get(), course.labs.get()) == (tag, lab)


def test_lists_replace_what_was_there_and_what_is_not_given_stays(
    world: World, administrator: APIClient
) -> None:
    first, second = CourseTagFactory.create_batch(2, organization=world.north)
    lab = LabFactory.create(organization=world.north)
    course = CourseFactory.create(organization=world.north, tags=[first])
    course.labs.set([lab])

    answer = administrator.patch(f"/api/v1/courses/{course.pk}/", {"tags": [second.pk]})

    assert (answer.json()["tags"], answer.json()["labs"]) == ([second.pk], [lab.pk])
    assert administrator.patch(f"/api/v1/courses/{course.pk}/", {"labs": []}).json()["labs"] == []


def test_tagging_a_course_looks_again_at_those_who_took_it(world: World, administrator: APIClient) -> None:
    assignment = CourseAssignmentFactory.create(user=world.learner)
    tag = CourseTagFactory.create(organization=world.north)
    ProgressChange.objects.all().delete()

    administrator.patch(f"/api/v1/courses/{assignment.course_id}/", {"tags": [tag.pk]})

    assert ProgressChange.objects.get().learner_id == world.learner.pk


def test_a_tag_is_created(world: World, administrator: APIClient) -> None:
    answer = administrator.post("/api/v1/course-tags/", {"name": "Cloud", "organization": world.north.pk})

    assert answer.status_code == 201
    assert CourseTag.objects.get().name == "Cloud"
