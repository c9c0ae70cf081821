"""The collection of users."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest
from django.utils import timezone
from rest_framework.test import APIClient

from tests.api.conftest import World
from tests.factories import AdministratorFactory, UserFactory
from tms import gates
from tms.access import Role
from tms.models import ProgressChange, RoleAssignment, User


def test_a_user_is_created_without_a_password(world: World, administrator: APIClient) -> None:
    body = {
        "external_id": "u-grace",
        "email": " Grace@Example.ORG ",
        "first_name": "Grace",
        "last_name": "Hopper",
        "organization": "ext:north",
    }

    answer = administrator.post("/api/v1/users/", body)

    grace = User.objects.get(external_id="u-grace")
    assert answer.status_code == 201
    assert answer.json() == {
        "id": grace.pk,
        "external_id": "u-grace",
        "email": "grace@example.org",
        "first_name": "Grace",
        "last_name": "Hopper",
        "organization": world.north.pk,
        "time_zone": "",
        "language": "",
        "participate_in_achievements": True,
        "opted_out_at": None,
        "roles": [],
        "is_disabled": False,
        "closed_at": None,
    }
    assert not grace.has_usable_password()


def test_an_address_in_use_is_refused(world: World, administrator: APIClient) -> None:
    body = {"email": world.stranger.email.upper(), "organization": "ext:north"}

    answer = administrator.post("/api/v1/users/", body)

    assert answer.status_code == 400
    assert answer.json()["fields"] == {"email": ["Another user has this e-mail address."]}


@pytest.mark.parametrize("organization", [None, "", "ext:south"])
def test_a_user_belongs_to_an_organization_of_the_asker(
    world: World, administrator: APIClient, organization: object
) -> None:
    answer = administrator.post("/api/v1/users/", {"email": "new@example.org", "organization": organization})

    assert answer.status_code == 400
    assert list(answer.json()["fields"]) == ["organization"]


def test_moving_to_another_organization_looks_again_at_what_was_done(
    world: World, administrator: APIClient
) -> None:
    answer = administrator.patch("/api/v1/users/ext:u-ada/", {"organization": "ext:branch"})

    assert answer.json()["organization"] == world.branch.pk
    assert ProgressChange.objects.filter(learner=world.learner).exists()


def test_a_disabled_user_does_not_get_in(world: World, administrator: APIClient, learner: APIClient) -> None:
    answer = administrator.patch("/api/v1/users/ext:u-ada/", {"is_disabled": True})

    assert answer.json()["is_disabled"] is True
    assert learner.get("/api/v1/users/").status_code == 401


def test_who_opted_out_is_not_opted_in_by_somebody_else(world: World, administrator: APIClient) -> None:
    gates.opt_out(world.learner)

    answer = administrator.patch("/api/v1/users/ext:u-ada/", {"participate_in_achievements": True})

    world.learner.refresh_from_db()
    assert answer.status_code == 400
    assert list(answer.json()["fields"]) == ["participate_in_achievements"]
    assert not world.learner.participate_in_achievements


def test_learners_see_themselves_and_nobody_else(world: World, learner: APIClient) -> None:
    listed = learner.get("/api/v1/users/").json()["results"]

    assert [row["id"] for row in listed] == [world.learner.pk]
    assert learner.get("/api/v1/users/ext:u-ada/").status_code == 200
    assert learner.get(f"/api/v1/users/{world.administrator.pk}/").status_code == 404


def test_the_login_of_a_superuser_is_not_in_an_administrators_hands(
    world: World, administrator: APIClient
) -> None:
    root = UserFactory.create(is_superuser=True, organization=world.north, email="root@example.org")

    answer = administrator.patch(f"/api/v1/users/{root.pk}/", {"email": "mine@example.org"})

    root.refresh_from_db()
    assert answer.status_code == 404
    assert root.email == "root@example.org"


def test_roles_given_become_the_roles_in_force(world: World, administrator: APIClient) -> None:
    given = administrator.patch("/api/v1/users/ext:u-ada/", {"roles": ["instructor", "administrator"]})
    taken = administrator.patch("/api/v1/users/ext:u-ada/", {"roles": ["instructor"]})

    assert given.json()["roles"] == ["administrator", "instructor"]
    assert taken.json()["roles"] == ["instructor"]
    assert list(world.learner.role_assignments.values_list("role", flat=True)) == ["instructor"]


def test_a_role_that_stays_keeps_its_dates_and_one_that_ended_is_renewed(
    world: World, administrator: APIClient
) -> None:
    now = timezone.now()
    until = now + timedelta(days=9)
    RoleAssignment.objects.create(user=world.learner, role=Role.INSTRUCTOR, ends_at=until)
    RoleAssignment.objects.create(user=world.learner, role=Role.CONTRACT_INSTRUCTOR, ends_at=now)
    before = administrator.get("/api/v1/users/ext:u-ada/").json()["roles"]

    after = administrator.patch(
        "/api/v1/users/ext:u-ada/", {"roles": ["instructor", "contract_instructor"]}
    ).json()["roles"]

    assert before == ["instructor"]
    assert after == ["contract_instructor", "instructor"]
    assert world.learner.role_assignments.get(role=Role.INSTRUCTOR).ends_at == until
    assert world.learner.role_assignments.get(role=Role.CONTRACT_INSTRUCTOR).ends_at is None


def test_the_supplemental_role_is_passed_on_only_by_who_has_it(
    world: World, administrator: APIClient, signed_in: Callable[[User], APIClient]
) -> None:
    roles = [Role.ADMINISTRATOR, Role.GLOBAL_ACHIEVEMENTS]
    holder = signed_in(AdministratorFactory.create(organization=world.north, roles=roles))

    refused = administrator.patch("/api/v1/users/ext:u-ada/", {"roles": ["global_achievements"]})
    assert refused.status_code == 403
    assert not world.learner.role_assignments.exists()

    given = holder.patch("/api/v1/users/ext:u-ada/", {"roles": ["global_achievements"]})
    assert given.json()["roles"] == ["global_achievements"]

    kept = administrator.patch("/api/v1/users/ext:u-ada/", {"roles": []})
    assert kept.status_code == 403
    assert world.learner.role_assignments.count() == 1


def test_an_account_is_closed_for_good(world: World, administrator: APIClient, learner: APIClient) -> None:
    asked = administrator.post("/api/v1/users/ext:u-ada/close/", {})
    assert (asked.status_code, list(asked.json()["fields"])) == (400, ["reason"])

    answer = administrator.post("/api/v1/users/ext:u-ada/close/", {"reason": "Asked for in writing"})

    shown = answer.json()
    assert answer.status_code == 200
    assert (shown["id"], shown["external_id"], shown["is_disabled"]) == (world.learner.pk, None, True)
    assert shown["closed_at"]
    assert learner.get("/api/v1/users/").status_code == 401
    assert administrator.get("/api/v1/users/ext:u-ada/").status_code == 404
    again = administrator.patch(f"/api/v1/users/{world.learner.pk}/", {"first_name": "Ada"})
    assert (again.status_code, again.json()["code"]) == (409, "account_closed")
