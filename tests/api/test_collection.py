"""What every collection does alike, shown at collections that are simple."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from rest_framework.test import APIClient

from achievements import backfill
from achievements.models import EarnedAchievement
from tests.api.conftest import World
from tests.factories import (
    PAST,
    AchievementFactory,
    ActivityFactory,
    ActivityResultFactory,
    AdministratorFactory,
    BadgeFactory,
    BadgeProviderFactory,
    ClassFactory,
    CourseActivityFactory,
    CourseAssignmentFactory,
    CourseFactory,
    CourseSectionFactory,
    CourseTagFactory,
    EnrollmentFactory,
    IssuedBadgeFactory,
    LabFactory,
    LabInstanceFactory,
    LearningPathFactory,
    OrganizationFactory,
    SubscriptionFactory,
    SubscriptionProfileFactory,
    UserFactory,
)
from tms.models import Course, Lab, Organization


def earn(learner: Any, achievement: Any) -> EarnedAchievement:
    return EarnedAchievement.objects.create(
        learner=learner,
        achievement=achievement,
        earned_at=PAST,
        earned_day=PAST.date(),
        points=achievement.points,
        rule_version=1,
    )


def course_with_everything(north: Organization) -> Course:
    course: Course = CourseFactory.create(
        organization=north, tags=CourseTagFactory.create_batch(2, organization=north)
    )
    course.labs.set(LabFactory.create_batch(2, organization=north))
    return course


def class_with_instructors(north: Organization) -> Any:
    training_class = ClassFactory.create(course__organization=north)
    training_class.instructors.set(UserFactory.create_batch(2, organization=north))
    return training_class


def profile_with_courses(north: Organization) -> Any:
    courses = CourseFactory.create_batch(2, organization=north)
    return SubscriptionProfileFactory.create(organization=north, courses=courses)


def learner_of(north: Organization) -> Any:
    return UserFactory.create(organization=north)


# collection → how to make one more row of it in an organization
ROWS: dict[str, Callable[[Organization], Any]] = {
    "organizations": lambda north: OrganizationFactory.create(parent=north),
    "users": lambda north: AdministratorFactory.create(organization=north),
    "course-tags": lambda north: CourseTagFactory.create(organization=north),
    "labs": lambda north: LabFactory.create(organization=north),
    "courses": course_with_everything,
    "classes": class_with_instructors,
    "enrollments": lambda north: EnrollmentFactory.create(user=learner_of(north)),
    "course-assignments": lambda north: CourseAssignmentFactory.create(user=learner_of(north)),
    "lab-instances": lambda north: LabInstanceFactory.create(user=learner_of(north)),
    "course-sections": lambda north: CourseSectionFactory.create(course__organization=north),
    "course-activities": lambda north: CourseActivityFactory.create(section__course__organization=north),
    "activity-results": lambda north: ActivityResultFactory.create(course_assignment__user=learner_of(north)),
    "activities": lambda north: ActivityFactory.create(user=learner_of(north)),
    "subscription-profiles": profile_with_courses,
    "subscriptions": lambda north: SubscriptionFactory.create(user=learner_of(north)),
    "learning-paths": lambda north: LearningPathFactory.create(
        subscription_profile=profile_with_courses(north)
    ),
    "badge-providers": lambda north: BadgeProviderFactory.create(organization=north),
    "badges": lambda north: BadgeFactory.create(organization=north),
    "achievements": lambda north: AchievementFactory.create(organization=north),
    "backfills": lambda north: backfill.start(AchievementFactory.create(organization=north)),
    "earned-achievements": lambda north: earn(
        learner_of(north), AchievementFactory.create(organization=north)
    ),
    "issued-badges": lambda north: IssuedBadgeFactory.create(
        badge__organization=north, failure_code="rejected"
    ),
}


@pytest.mark.parametrize("collection", ROWS)
def test_a_longer_list_asks_no_more_queries(world: World, administrator: APIClient, collection: str) -> None:
    def queries() -> int:
        with CaptureQueriesContext(connection) as captured:
            answer = administrator.get(f"/api/v1/{collection}/")
        assert answer.status_code == 200
        return len(captured)

    make = ROWS[collection]
    for _number in range(3):
        make(world.north)
    few = queries()
    for _number in range(7):
        make(world.north)

    assert queries() == few


@pytest.mark.parametrize("collection", ROWS)
def test_a_list_is_ordered_by_id_and_holds_own_and_lower_organizations_only(
    world: World, administrator: APIClient, collection: str
) -> None:
    make = ROWS[collection]
    ours = [make(world.north).pk, make(world.branch).pk]
    theirs = make(world.south).pk

    answer = administrator.get(f"/api/v1/{collection}/")
    ids = [row["id"] for row in answer.json()["results"]]

    assert ids == sorted(ids)
    assert set(ours) <= set(ids)
    assert theirs not in ids


@pytest.mark.parametrize("collection", ROWS)
def test_the_pages_of_a_list_hold_every_row_once(world: World, superuser: APIClient, collection: str) -> None:
    made = {ROWS[collection](world.north).pk for _number in range(3)}

    ids: list[int] = []
    address = f"/api/v1/{collection}/?page_size=2"
    while address:
        page = superuser.get(address).json()
        assert len(page["results"]) <= 2
        ids += [row["id"] for row in page["results"]]
        address = page["next"]

    assert len(ids) == len(set(ids)) == page["count"]
    assert made <= set(ids)


@pytest.mark.parametrize("size", ["abc", "0", "-1", "1.5", "", "²"])
def test_a_size_of_pages_that_is_none_is_refused(administrator: APIClient, size: str) -> None:
    answer = administrator.get("/api/v1/labs/", {"page_size": size})

    assert answer.status_code == 400
    assert answer.json()["fields"] == {"page_size": [f"A whole number from 1 to 500, not “{size}”."]}


def test_no_page_is_longer_than_the_most(administrator: APIClient) -> None:
    assert administrator.get("/api/v1/labs/", {"page_size": "9" * 5_000}).status_code == 200


def test_creating_answers_with_the_row_and_its_address(world: World, administrator: APIClient) -> None:
    answer = administrator.post(
        "/api/v1/labs/", {"external_id": "azure-101", "name": "Azure 101", "organization": "ext:north"}
    )

    lab = Lab.objects.get()
    assert answer.status_code == 201
    assert answer.json() == {
        "id": lab.pk,
        "external_id": "azure-101",
        "name": "Azure 101",
        "organization": world.north.pk,
        "is_exam": False,
    }
    assert administrator.get(answer["Location"]).json() == answer.json()


def test_changing_writes_only_what_is_given(world: World, administrator: APIClient) -> None:
    lab = LabFactory.create(organization=world.north, name="Before", is_exam=True)

    answer = administrator.patch(f"/api/v1/labs/{lab.pk}/", {"name": "After"})

    lab.refresh_from_db()
    assert answer.status_code == 200
    assert (lab.name, lab.is_exam) == ("After", True)


@pytest.mark.parametrize("organization", ["ext:south", "ext:none"])
def test_a_row_is_not_moved_where_its_writer_may_not_write(
    world: World, administrator: APIClient, organization: str
) -> None:
    lab = LabFactory.create(organization=world.north)

    answer = administrator.patch(f"/api/v1/labs/{lab.pk}/", {"organization": organization})

    lab.refresh_from_db()
    assert answer.status_code == 400
    assert answer.json()["fields"] == {"organization": [f"No organization {organization}."]}
    assert lab.organization == world.north


def test_a_row_moves_within_the_reach_of_its_writer(world: World, administrator: APIClient) -> None:
    lab = LabFactory.create(organization=world.north)

    answer = administrator.patch(f"/api/v1/labs/{lab.pk}/", {"organization": "ext:branch"})

    lab.refresh_from_db()
    assert answer.status_code == 200
    assert lab.organization == world.branch


def test_the_administrator_of_a_branch_does_not_reach_what_is_above(
    world: World, signed_in: Callable[[Any], APIClient]
) -> None:
    below = signed_in(AdministratorFactory.create(organization=world.branch))
    lab = LabFactory.create(organization=world.north)

    assert below.get(f"/api/v1/labs/{lab.pk}/").status_code == 404
    assert below.patch(f"/api/v1/labs/{lab.pk}/", {"name": "Mine"}).status_code == 404
    assert below.get("/api/v1/labs/").json()["results"] == []


def test_unknown_and_read_only_fields_are_refused_together_with_what_else_is_wrong(
    world: World, administrator: APIClient
) -> None:
    answer = administrator.post("/api/v1/labs/", {"id": 7, "nmae": "Azure", "organization": "ext:north"})

    assert answer.status_code == 400
    assert answer.json() == {
        "code": "invalid",
        "message": "id: This field can only be read. nmae: There is no such field here. "
        "name: This field is required.",
        "fields": {
            "id": ["This field can only be read."],
            "nmae": ["There is no such field here."],
            "name": ["This field is required."],
        },
    }
    assert not Lab.objects.exists()


def test_an_external_id_that_is_taken_is_refused_by_name(world: World, administrator: APIClient) -> None:
    LabFactory.create(organization=world.north, external_id="azure-101")

    answer = administrator.post(
        "/api/v1/labs/", {"external_id": "azure-101", "name": "Again", "organization": "ext:north"}
    )

    assert answer.status_code == 400
    assert list(answer.json()["fields"]) == ["external_id"]


def test_an_empty_external_id_is_none(world: World, administrator: APIClient) -> None:
    for name in ("One", "Two"):
        answer = administrator.post(
            "/api/v1/labs/", {"external_id": "", "name": name, "organization": "ext:north"}
        )
        assert answer.status_code == 201
        assert answer.json()["external_id"] is None


@pytest.mark.parametrize("method", ["put", "delete"])
def test_rows_are_neither_replaced_nor_deleted(world: World, administrator: APIClient, method: str) -> None:
    lab = LabFactory.create(organization=world.north)

    answer = getattr(administrator, method)(f"/api/v1/labs/{lab.pk}/", {})

    assert answer.status_code == 405
    assert answer.json()["code"] == "method_not_allowed"
    assert "PATCH" in answer["Allow"]
    assert Lab.objects.filter(pk=lab.pk).exists()
