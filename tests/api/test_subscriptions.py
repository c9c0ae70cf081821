"""The collections of what was bought, and the training that is taken through it."""

from __future__ import annotations

import pytest
from rest_framework.test import APIClient

from tests.api.conftest import World
from tests.factories import (
    ClassFactory,
    CourseFactory,
    LearningPathFactory,
    SubscriptionFactory,
    SubscriptionProfileFactory,
)
from tms.models import LearningPath, LearningRecord, ProgressChange, Subscription, SubscriptionProfile


def test_a_profile_is_made_of_courses(world: World, administrator: APIClient) -> None:
    courses = CourseFactory.create_batch(2, organization=world.north)

    made = administrator.post(
        "/api/v1/subscription-profiles/",
        {
            "external_id": "cloud",
            "name": "Cloud",
            "organization": "ext:north",
            "courses": [course.pk for course in courses],
        },
    )
    fewer = administrator.patch("/api/v1/subscription-profiles/ext:cloud/", {"courses": [courses[1].pk]})

    profile = SubscriptionProfile.objects.get()
    assert (made.status_code, fewer.status_code) == (201, 200)
    assert fewer.json() == {
        "id": profile.pk,
        "external_id": "cloud",
        "name": "Cloud",
        "organization": world.north.pk,
        "courses": [courses[1].pk],
    }


def test_other_courses_of_a_profile_concern_its_holders(world: World, administrator: APIClient) -> None:
    profile = SubscriptionProfileFactory.create(organization=world.north)
    SubscriptionFactory.create(user=world.learner, subscription_profile=profile)
    course = CourseFactory.create(organization=world.north)

    administrator.patch(f"/api/v1/subscription-profiles/{profile.pk}/", {"courses": [course.pk]})

    assert [change.learner for change in ProgressChange.objects.all()] == [world.learner]


def test_a_subscription_is_given_and_prolonged(world: World, administrator: APIClient) -> None:
    profile = SubscriptionProfileFactory.create(organization=world.north, external_id="cloud")

    made = administrator.post(
        "/api/v1/subscriptions/",
        {
            "external_id": "s-1",
            "user": "ext:u-ada",
            "subscription_profile": "ext:cloud",
            "starts_at": "2026-01-01T00:00:00Z",
            "expires_at": "2026-06-30T00:00:00Z",
        },
    )
    longer = administrator.patch("/api/v1/subscriptions/ext:s-1/", {"expires_at": None})

    assert (made.status_code, longer.status_code) == (201, 200)
    assert longer.json() == {
        "id": Subscription.objects.get().pk,
        "external_id": "s-1",
        "user": world.learner.pk,
        "subscription_profile": profile.pk,
        "starts_at": "2026-01-01T00:00:00Z",
        "expires_at": None,
    }
    assert ProgressChange.objects.filter(learner=world.learner).exists()


@pytest.mark.parametrize(
    ("edit", "field"),
    [({"user": "ext:u-other"}, "user"), ({"starts_at": "2026-03-02"}, "starts_at")],
)
def test_an_edit_of_a_subscription_that_makes_no_sense_names_its_field(
    world: World, administrator: APIClient, edit: dict[str, str], field: str
) -> None:
    SubscriptionFactory.create(user=world.learner, external_id="s-1")
    world.administrator.external_id = "u-other"
    world.administrator.save()

    answer = administrator.patch("/api/v1/subscriptions/ext:s-1/", edit)

    assert answer.status_code == 400
    assert list(answer.json()["fields"]) == [field]


def test_learners_see_their_own_subscriptions_and_no_others(world: World, learner: APIClient) -> None:
    mine = SubscriptionFactory.create(user=world.learner)
    SubscriptionFactory.create(user=world.administrator)

    listed = learner.get("/api/v1/subscriptions/").json()["results"]

    assert [row["id"] for row in listed] == [mine.pk]


def test_a_learning_path_keeps_its_order(world: World, administrator: APIClient) -> None:
    courses = CourseFactory.create_batch(3, organization=world.north)
    profile = SubscriptionProfileFactory.create(organization=world.north, courses=courses)
    order = [courses[2].pk, courses[0].pk, courses[1].pk]

    made = administrator.post(
        "/api/v1/learning-paths/",
        {
            "external_id": "path",
            "name": "Path",
            "organization": "ext:north",
            "subscription_profile": profile.pk,
            "courses": order,
        },
    )
    renamed = administrator.patch("/api/v1/learning-paths/ext:path/", {"name": "The path"})

    assert made.status_code == 201
    assert made.json()["courses"] == order
    assert renamed.json() == {
        "id": LearningPath.objects.get().pk,
        "external_id": "path",
        "name": "The path",
        "organization": world.north.pk,
        "subscription_profile": profile.pk,
        "is_enabled": True,
        "courses": order,
    }


def test_a_learning_path_has_courses_of_its_profile_only(world: World, administrator: APIClient) -> None:
    path = LearningPathFactory.create(subscription_profile__organization=world.north)
    stranger = CourseFactory.create(organization=world.north, name="Elsewhere")

    answer = administrator.patch(f"/api/v1/learning-paths/{path.pk}/", {"courses": [stranger.pk]})

    assert answer.status_code == 400
    assert "Elsewhere" in answer.json()["fields"]["courses"][0]
    assert not path.courses.exists()


def test_paths_are_found_by_a_course_in_them(world: World, administrator: APIClient) -> None:
    course = CourseFactory.create(organization=world.north)
    path = LearningPathFactory.create(subscription_profile__organization=world.north, courses=[course])
    LearningPathFactory.create(subscription_profile__organization=world.north)

    answer = administrator.get(f"/api/v1/learning-paths/?courses={course.pk}")

    assert [row["id"] for row in answer.json()["results"]] == [path.pk]


def test_training_names_the_subscription_it_is_taken_through(world: World, administrator: APIClient) -> None:
    subscription = SubscriptionFactory.create(user=world.learner, external_id="s-1")
    course = CourseFactory.create(organization=world.north, external_id="c-1")
    ClassFactory.create(course=course, external_id="k-1")

    assigned = administrator.post(
        "/api/v1/course-assignments/",
        {
            "user": "ext:u-ada",
            "course": "ext:c-1",
            "started_at": "2026-03-02T09:00:00Z",
            "subscription": "ext:s-1",
            "from_on_demand": True,
        },
    )
    enrolled = administrator.post(
        "/api/v1/enrollments/",
        {
            "user": "ext:u-ada",
            "class": "ext:k-1",
            "enrolled_at": "2026-03-02T09:00:00Z",
            "subscription": subscription.pk,
        },
    )

    assert (assigned.status_code, enrolled.status_code) == (201, 201)
    assert assigned.json()["subscription"] == enrolled.json()["subscription"] == subscription.pk
    assert {record.subscription for record in LearningRecord.objects.all()} == {subscription}
    found = administrator.get("/api/v1/course-assignments/?subscription=ext:s-1").json()
    assert [row["id"] for row in found["results"]] == [assigned.json()["id"]]


def test_nobody_is_assigned_a_course_through_anothers_subscription(
    world: World, administrator: APIClient
) -> None:
    SubscriptionFactory.create(user=world.administrator, external_id="s-1")
    course = CourseFactory.create(organization=world.north)

    answer = administrator.post(
        "/api/v1/course-assignments/",
        {
            "user": "ext:u-ada",
            "course": course.pk,
            "started_at": "2026-03-02T09:00:00Z",
            "subscription": "ext:s-1",
        },
    )

    assert answer.status_code == 400
    assert answer.json()["fields"] == {"subscription": ["This subscription is another student's."]}
