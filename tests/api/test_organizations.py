"""The collection of organizations."""

from __future__ import annotations

from rest_framework.test import APIClient

from tests.api.conftest import World
from tests.factories import UserFactory
from tms.models import Organization, ProgressChange


def test_a_new_organization_starts_with_its_parents_preferences(
    world: World, administrator: APIClient
) -> None:
    answer = administrator.post(
        "/api/v1/organizations/", {"name": "Team", "external_id": "team", "parent": "ext:branch"}
    )

    team = Organization.objects.get(external_id="team")
    assert answer.status_code == 201
    assert team.parent == world.branch
    assert answer.json()["enable_achievements"] is team.enable_achievements is True


def test_what_is_given_of_a_child_wins_over_its_parent(world: World, administrator: APIClient) -> None:
    answer = administrator.post(
        "/api/v1/organizations/",
        {
            "name": "Team",
            "parent": "ext:branch",
            "enable_achievements": False,
            "participate_in_global_achievements": True,
        },
    )

    team = Organization.objects.get(name="Team")
    assert answer.status_code == 201
    assert (team.enable_achievements, team.participate_in_global_achievements) == (False, True)
    assert answer.json()["enable_achievements"] is False


def test_only_a_superuser_plants_or_uproots_a_tree(
    world: World, administrator: APIClient, superuser: APIClient
) -> None:
    body = {"name": "East"}

    assert list(administrator.post("/api/v1/organizations/", body).json()["fields"]) == ["parent"]
    assert administrator.patch("/api/v1/organizations/ext:branch/", {"parent": None}).status_code == 400
    assert administrator.patch("/api/v1/organizations/ext:branch/", {"name": "Twig"}).status_code == 200
    assert superuser.post("/api/v1/organizations/", body).status_code == 201
    world.branch.refresh_from_db()
    assert world.branch.parent == world.north


def test_an_organization_is_not_put_below_itself(world: World, administrator: APIClient) -> None:
    answer = administrator.patch("/api/v1/organizations/ext:north/", {"parent": "ext:branch"})

    assert answer.status_code == 400
    assert answer.json()["code"] == "organization_loop"
    assert list(answer.json()["fields"]) == ["parent"]


def test_enabling_achievements_looks_again_at_its_learners(world: World, administrator: APIClient) -> None:
    Organization.objects.filter(pk=world.branch.pk).update(enable_achievements=False)
    learner = UserFactory.create(organization=world.branch)

    answer = administrator.patch("/api/v1/organizations/ext:branch/", {"enable_achievements": True})

    assert answer.json()["enable_achievements"] is True
    assert ProgressChange.objects.filter(learner=learner).exists()


def test_a_time_zone_has_a_name_that_exists(world: World, administrator: APIClient) -> None:
    answer = administrator.patch("/api/v1/organizations/ext:branch/", {"time_zone": "Mars/Olympus"})

    assert answer.status_code == 400
    assert "Europe/Berlin" in answer.json()["fields"]["time_zone"][0]
