"""Filters of lists."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from rest_framework.test import APIClient

from tests.api.conftest import World
from tests.factories import (
    PAST,
    AchievementFactory,
    CourseFactory,
    CourseTagFactory,
    EnrollmentFactory,
    LabFactory,
    LabInstanceFactory,
    UserFactory,
)
from tms.access import Role
from tms.models import Enrollment, RoleAssignment


def ids(client: APIClient, address: str) -> list[int]:
    answer = client.get(f"/api/v1/{address}")
    assert answer.status_code == 200, answer.json()
    return [row["id"] for row in answer.json()["results"]]


def test_by_a_reference_in_either_spelling(world: World, administrator: APIClient) -> None:
    mine = LabInstanceFactory.create(user=world.learner)
    LabInstanceFactory.create(user=UserFactory.create(organization=world.north))

    assert ids(administrator, f"lab-instances/?user={world.learner.pk}") == [mine.pk]
    assert ids(administrator, "lab-instances/?user=ext:u-ada") == [mine.pk]
    assert ids(administrator, "lab-instances/?user=ext:nobody") == []


def test_a_filter_by_a_row_out_of_reach_finds_nothing(world: World, administrator: APIClient) -> None:
    theirs = LabFactory.create(organization=world.south)
    LabInstanceFactory.create(user=world.stranger, lab=theirs)

    assert ids(administrator, f"lab-instances/?lab={theirs.pk}") == []
    assert ids(administrator, "labs/?organization=ext:south") == []


def test_by_a_field_that_is_called_differently_inside(world: World, administrator: APIClient) -> None:
    enrollment = EnrollmentFactory.create(user=world.learner)
    EnrollmentFactory.create(user=world.learner)
    disabled = UserFactory.create(organization=world.north, is_active=False)

    assert ids(administrator, f"enrollments/?class={enrollment.training_class_id}") == [enrollment.pk]
    assert ids(administrator, "users/?is_disabled=true") == [disabled.pk]
    assert disabled.pk not in ids(administrator, "users/?is_disabled=false")


def test_by_the_row_itself(world: World, administrator: APIClient) -> None:
    lab = LabFactory.create(organization=world.north, external_id="azure-101")
    LabFactory.create(organization=world.north)
    theirs = LabFactory.create(organization=world.south)

    assert (
        ids(administrator, f"labs/?id={lab.pk}") == ids(administrator, "labs/?id=ext:azure-101") == [lab.pk]
    )
    assert ids(administrator, f"labs/?id={theirs.pk}") == []


def test_by_a_role_that_is_in_force(world: World, administrator: APIClient) -> None:
    roles = RoleAssignment.objects
    roles.create(user=world.learner, role=Role.INSTRUCTOR)
    roles.create(user=UserFactory.create(organization=world.north), role=Role.INSTRUCTOR, ends_at=PAST)

    assert ids(administrator, "users/?roles=instructor") == [world.learner.pk]
    assert administrator.get("/api/v1/users/?roles=boss").status_code == 400


def test_by_member_of_a_list(world: World, administrator: APIClient) -> None:
    tag = CourseTagFactory.create(organization=world.north, external_id="cloud")
    course = CourseFactory.create(organization=world.north, tags=[tag])
    CourseFactory.create(organization=world.north)

    assert ids(administrator, "courses/?tags=ext:cloud") == [course.pk]


def test_by_status_text_and_truth(world: World, administrator: APIClient) -> None:
    audit = EnrollmentFactory.create(user=world.learner, status=Enrollment.Status.AUDIT)
    EnrollmentFactory.create(user=world.learner)
    exam = LabFactory.create(organization=world.north, is_exam=True, external_id="exam")
    plain = LabFactory.create(organization=world.north)

    assert ids(administrator, "enrollments/?status=audit") == [audit.pk]
    assert ids(administrator, "labs/?is_exam=true") == [exam.pk]
    assert ids(administrator, "labs/?is_exam=false") == [plain.pk]
    assert ids(administrator, "labs/?external_id=exam") == [exam.pk]


def test_by_range_of_time_and_number(world: World, administrator: APIClient) -> None:
    early = LabInstanceFactory.create(user=world.learner, minutes=10)
    late = LabInstanceFactory.create(user=world.learner, started_at=PAST + timedelta(days=1), minutes=90)

    assert ids(administrator, "lab-instances/?started_at_after=2026-03-03T00:00:00Z") == [late.pk]
    assert ids(administrator, "lab-instances/?started_at_before=2026-03-03T00:00:00Z") == [early.pk]
    assert ids(administrator, "lab-instances/?minutes_min=10.5") == [late.pk]
    assert ids(administrator, "lab-instances/?minutes_max=10.5&minutes_min=1") == [early.pk]


def test_numbers_beyond_any_column_find_what_they_say(world: World, administrator: APIClient) -> None:
    achievement = AchievementFactory.create(organization=world.north)

    assert ids(administrator, "achievements/?points_max=1e300") == [achievement.pk]
    assert ids(administrator, "achievements/?points_min=1e300") == []


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("usr=1", "usr"),
        ("started_at=2026-03-02T00:00:00Z", "started_at"),
        ("started_at_after=soon", "started_at"),
        ("started_at_after=0001-01-01T00:00:00%2B14:00", "started_at"),
        ("started_at_before=9999-12-31T23:59:59-14:00", "started_at"),
        ("user=nobody", "user"),
        ("status=finished", "status"),
        ("passed=perhaps", "passed"),
        ("minutes_min=1e999999999", "minutes"),
        ("external_id=%00", "external_id"),
    ],
)
def test_a_filter_that_does_not_exist_or_fit_is_refused_rather_than_ignored(
    world: World, administrator: APIClient, query: str, field: str
) -> None:
    answer = administrator.get(f"/api/v1/lab-instances/?{query}")

    assert answer.status_code == 400
    assert list(answer.json()["fields"]) == [field]


def test_what_cannot_be_read_cannot_be_searched(administrator: APIClient) -> None:
    answer = administrator.get("/api/v1/badge-providers/?token=x")

    assert answer.json()["fields"] == {"token": ["There is no such filter."]}


def test_filters_hold_together(world: World, administrator: APIClient) -> None:
    wanted: dict[str, Any] = {"user": world.learner, "passed": True}
    passed = LabInstanceFactory.create(**wanted)
    LabInstanceFactory.create(**{**wanted, "passed": False})
    LabInstanceFactory.create(user=UserFactory.create(organization=world.north), passed=True)

    assert ids(administrator, "lab-instances/?user=ext:u-ada&passed=true") == [passed.pk]
