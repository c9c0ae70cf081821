"""The way in for integrations of profiles and communities."""

from __future__ import annotations

import pytest
from rest_framework.test import APIClient

from tests.api.conftest import World
from tests.factories import PAST, ActivityFactory, CourseFactory, LabInstanceFactory
from tms.models import Activity, LearningRecord, ProgressChange


def test_an_activity_is_sent_in_and_evaluated(world: World, administrator: APIClient) -> None:
    course = CourseFactory.create(organization=world.north)

    answer = administrator.post(
        "/api/v1/activities/",
        {
            "external_id": "answer-512",
            "user": "ext:u-ada",
            "kind": "learner_helped",
            "occurred_at": "2026-03-02T09:00:00Z",
            "course": course.pk,
            "other_user": world.administrator.pk,
        },
    )

    assert answer.status_code == 201
    assert answer.json() == {
        "id": Activity.objects.get().pk,
        "external_id": "answer-512",
        "user": world.learner.pk,
        "kind": "learner_helped",
        "occurred_at": "2026-03-02T09:00:00Z",
        "course": course.pk,
        "other_user": world.administrator.pk,
    }
    record = LearningRecord.objects.get()
    assert (record.learner, record.other, record.kind) == (
        world.learner,
        world.administrator,
        "learner_helped",
    )
    assert ProgressChange.objects.filter(learner=world.learner).exists()


def test_the_same_activity_is_not_stored_twice(world: World, administrator: APIClient) -> None:
    body = {
        "external_id": "post-1",
        "user": "ext:u-ada",
        "kind": "post_published",
        "occurred_at": "2026-03-02T09:00:00Z",
    }

    answers = [administrator.post("/api/v1/activities/", body).status_code for _number in range(2)]

    assert answers == [201, 400]
    assert Activity.objects.count() == 1


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"kind": "Post Published"}, "kind"),
        ({"kind": None}, "kind"),
        ({"occurred_at": "2026-03-02T09:00:00"}, "occurred_at"),
        ({"user": "ext:u-stranger"}, "user"),
        ({"other_user": "ext:u-stranger"}, "other_user"),
        ({"occasion": "2026-03-02"}, "occasion"),
    ],
)
def test_an_activity_that_makes_no_sense_names_its_field(
    world: World, administrator: APIClient, body: dict[str, str | None], field: str
) -> None:
    sound = {"user": "ext:u-ada", "kind": "post_published", "occurred_at": "2026-03-02T09:00:00Z"}

    answer = administrator.post("/api/v1/activities/", {**sound, **body})

    assert answer.status_code == 400
    assert list(answer.json()["fields"]) == [field]
    assert not Activity.objects.exists()


def test_what_the_system_wrote_itself_is_not_changed(world: World, administrator: APIClient) -> None:
    LabInstanceFactory.create(user=world.learner, started_at=PAST)
    session = Activity.objects.get()

    answer = administrator.patch(f"/api/v1/activities/{session.pk}/", {"kind": "post_published"})

    assert answer.status_code == 409
    assert answer.json()["code"] == "derived"
    assert Activity.objects.get().kind == "session"


def test_activities_are_found_by_kind_and_moment(world: World, administrator: APIClient) -> None:
    wanted = ActivityFactory.create(user=world.learner, kind="post_published", occurred_at=PAST)
    ActivityFactory.create(user=world.learner, kind="comment_added", occurred_at=PAST)
    ActivityFactory.create(user=world.learner, occurred_at=PAST.replace(year=2025))

    answer = administrator.get(
        "/api/v1/activities/?kind=post_published&occurred_at_after=2026-01-01T00:00:00Z"
    )

    assert [row["id"] for row in answer.json()["results"]] == [wanted.pk]


def test_learners_send_in_nothing_and_see_their_own(world: World, learner: APIClient) -> None:
    mine = ActivityFactory.create(user=world.learner)
    ActivityFactory.create(user=world.administrator)

    listed = learner.get("/api/v1/activities/").json()["results"]

    assert [row["id"] for row in listed] == [mine.pk]
    assert learner.post("/api/v1/activities/", {}).status_code == 403
