"""Acts by hand over the API: what was asked for at once, what became of it, and taking it back."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from rest_framework.test import APIClient

from badges.models import Badge, IssuedBadge, IssuingAct
from badges.status import Status
from tests.api.conftest import World, client_of
from tests.factories import AdministratorFactory, BadgeFactory, IssuedBadgeFactory, UserFactory

ADDRESS = "/api/v1/issuing-acts/"


@pytest.fixture
def badge(world: World) -> Badge:
    made: Badge = BadgeFactory.create(organization=world.north, external_id="b-azure")
    return made


def issue(client: APIClient, badge: Badge, *users: Any, **more: Any) -> Any:
    body = {"badge": badge.pk, "users": [user.pk for user in users], **more}
    return client.post("/api/v1/issued-badges/", body)


def test_issuing_tells_the_act_and_the_act_tells_each_pair(
    world: World, administrator: APIClient, badge: Badge
) -> None:
    has = UserFactory.create(organization=world.north)
    IssuedBadgeFactory.create(badge=badge, learner=has, status=Status.ISSUED)
    outcomes = issue(administrator, badge, world.learner, has, reason="Hackathon").json()
    assert [outcome["code"] for outcome in outcomes] == ["queued", "already_issued"]
    [number] = {outcome["act"] for outcome in outcomes}
    act = administrator.get(f"{ADDRESS}{number}/").json()
    assert (act["actor"], act["organization"], act["source"], act["reason"]) == (
        world.administrator.pk,
        world.north.pk,
        "api",
        "Hackathon",
    )
    assert act["counts"] == {
        "total": 2,
        "under_way": 1,
        "issued": 0,
        "failed": 1,
        "cancelled": 0,
        "revoking": 0,
        "revoked": 0,
        "failures": 1,
    }
    assert [(pair["user"], pair["state"], pair["row"]) for pair in act["outcomes"]] == [
        (world.learner.pk, "under_way", 1),
        (has.pk, "failed", 2),
    ]
    assert act["outcomes"][1]["message"] == outcomes[1]["message"]


def test_a_request_that_is_sent_again_with_its_token_is_the_same_act(
    world: World, administrator: APIClient, badge: Badge
) -> None:
    token = str(uuid4())
    first = issue(administrator, badge, world.learner, token=token).json()
    assert issue(administrator, badge, world.learner, token=token).json() == first
    assert IssuingAct.objects.count() == 1
    colleague = client_of(AdministratorFactory.create(organization=world.north))
    assert issue(colleague, badge, world.learner, token=token).status_code == 404
    other = issue(administrator, badge, UserFactory.create(organization=world.north), token=token)
    assert (other.status_code, other.json()["code"]) == (409, "other_act")


def test_an_act_is_taken_back_with_a_reason(world: World, administrator: APIClient, badge: Badge) -> None:
    [outcome] = issue(administrator, badge, world.learner).json()
    address = f"{ADDRESS}{outcome['act']}/undo/"
    assert administrator.post(address, {}).status_code == 400
    answer = administrator.post(address, {"reason": "By mistake"})
    assert answer.json()["cancelled"] == 1
    assert IssuedBadge.objects.get().status == Status.CANCELLED
    act = administrator.get(f"{ADDRESS}{outcome['act']}/").json()
    assert (act["undone_by"], act["undo_reason"]) == (world.administrator.pk, "By mistake")
    assert act["outcomes"][0]["state"] == "cancelled"
    again = administrator.post(address, {"reason": "By mistake"})
    assert (again.status_code, again.json()["code"]) == (409, "already_undone")


def test_everybody_lists_their_own_acts_and_administrators_those_of_their_organization(
    world: World, administrator: APIClient, learner: APIClient, badge: Badge
) -> None:
    issue(administrator, badge, world.learner)
    assert administrator.get(ADDRESS, {"source": "api"}).json()["count"] == 1
    assert administrator.get(ADDRESS, {"source": "roster"}).json()["count"] == 0
    assert learner.get(ADDRESS).json()["count"] == 0
    IssuingAct.objects.update(actor=world.learner)
    assert learner.get(ADDRESS).json()["count"] == 1


def test_a_list_and_an_act_ask_as_much_for_many_as_for_few(
    world: World, administrator: APIClient, badge: Badge
) -> None:
    counts = []
    for number in (1, 12):
        for _act in range(number):
            [outcome, *_more] = issue(
                administrator, badge, *UserFactory.create_batch(number, organization=world.north)
            ).json()
        with CaptureQueriesContext(connection) as listed:
            administrator.get(ADDRESS)
        with CaptureQueriesContext(connection) as shown:
            administrator.get(f"{ADDRESS}{outcome['act']}/")
        counts.append((len(listed), len(shown)))
    assert counts[0] == counts[1]
