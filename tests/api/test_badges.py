"""The collections of badges and issued badges."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from rest_framework.test import APIClient

from badges.models import Badge, IssuedBadge, IssuingEvent
from badges.status import Status
from providers.models import BadgeProvider
from tests.api.conftest import World
from tests.factories import (
    PAST,
    AdministratorFactory,
    BadgeFactory,
    BadgeProviderFactory,
    IssuedBadgeFactory,
    UserFactory,
)
from tests.providers.paper import on_paper, template_id


@pytest.fixture
def badge(world: World) -> Badge:
    made: Badge = BadgeFactory.create(organization=world.north, external_id="b-azure")
    return made


def test_a_badge_is_created_active_for_a_provider(world: World, administrator: APIClient) -> None:
    provider = BadgeProviderFactory.create(organization=world.north, external_id="p-1")

    answer = administrator.post(
        "/api/v1/badges/",
        {
            "external_id": "b-1",
            "name": "Azure",
            "organization": "ext:north",
            "badge_provider": "ext:p-1",
            "template_id": "22222222-2222-4222-8222-222222222222",
            "enable_manual_issuance": True,
            "is_active": True,
        },
    )

    badge = Badge.objects.get()
    assert answer.status_code == 201
    assert (badge.badge_provider, badge.is_active) == (provider, True)


def new_badge(provider: BadgeProvider, **given: object) -> dict[str, object]:
    return {
        "name": "Azure",
        "organization": "ext:north",
        "badge_provider": provider.pk,
        "template_id": template_id("Azure"),
        **given,
    }


def test_activating_asks_the_provider_about_a_template_that_nobody_saw(
    world: World, administrator: APIClient
) -> None:
    provider = BadgeProviderFactory.create(organization=world.north)
    with on_paper("Azure") as paper:
        inactive = administrator.post("/api/v1/badges/", new_badge(provider)).json()
        assert (paper.asked, inactive["is_active"], inactive["template_state"]) == ([], False, "unseen")
        address = f"/api/v1/badges/{inactive['id']}/"
        paper.change("Azure", state="archived")
        refused = administrator.patch(address, {"is_active": True})
        paper.change("Azure", state="active")
        active = administrator.patch(address, {"is_active": True})
        administrator.patch(address, {"name": "Renamed"})

    assert (refused.status_code, refused.json()["code"]) == (400, "template_not_live")
    assert list(refused.json()["fields"]) == ["is_active"]
    assert (active.status_code, active.json()["template_state"]) == (200, "live")
    assert len(paper.asked) == 2


def test_a_badge_of_no_template_is_not_made_active(world: World, administrator: APIClient) -> None:
    provider = BadgeProviderFactory.create(organization=world.north)
    with on_paper():
        answer = administrator.post("/api/v1/badges/", new_badge(provider, is_active=True))

    assert (answer.status_code, answer.json()["code"]) == (400, "template_not_live")
    assert not Badge.objects.exists()


def test_a_body_that_is_refused_asks_nobody(world: World, administrator: APIClient) -> None:
    stranger = BadgeProviderFactory.create(organization=world.south)
    with on_paper() as paper:
        answer = administrator.post("/api/v1/badges/", new_badge(stranger, is_active=True))

    assert (answer.status_code, list(answer.json()["fields"])) == (400, ["badge_provider"])
    assert paper.asked == []


def test_a_badge_is_made_available_to_branches(world: World, administrator: APIClient, badge: Badge) -> None:
    shared = administrator.patch("/api/v1/badges/ext:b-azure/", {"available_to": ["ext:branch"]})

    assert (shared.status_code, shared.json()["available_to"]) == (200, [world.branch.pk])
    assert list(badge.available_to.all()) == [world.branch]


def test_what_the_provider_told_can_only_be_read(administrator: APIClient, badge: Badge) -> None:
    answer = administrator.patch("/api/v1/badges/ext:b-azure/", {"template_state": "live"})

    assert answer.json()["fields"] == {"template_state": ["This field can only be read."]}


def test_an_issued_badge_keeps_its_template(administrator: APIClient, badge: Badge) -> None:
    IssuedBadgeFactory.create(badge=badge)

    answer = administrator.patch("/api/v1/badges/ext:b-azure/", {"template_id": "another"})

    assert answer.status_code == 400
    assert list(answer.json()["fields"]) == ["template_id"]


def test_issuing_answers_for_each_user(world: World, administrator: APIClient, badge: Badge) -> None:
    has_it = UserFactory.create(organization=world.north)
    known = IssuedBadgeFactory.create(badge=badge, learner=has_it)
    nameless = UserFactory.create(organization=world.north, first_name="", last_name="")

    answer = administrator.post(
        "/api/v1/issued-badges/",
        {
            "badge": "ext:b-azure",
            "users": ["ext:u-ada", has_it.pk, nameless.pk, world.learner.pk],
            "reason": "Winners",
        },
    )

    issued = IssuedBadge.objects.get(learner=world.learner)
    outcomes = answer.json()
    assert answer.status_code == 200
    assert [(row["user"], row["code"], row["issued_badge"]) for row in outcomes] == [
        (world.learner.pk, "queued", issued.pk),
        (has_it.pk, "already_issued", known.pk),
        (nameless.pk, "no_name", None),
    ]
    assert all(row["message"] for row in outcomes)
    assert (issued.source_kind, issued.reason, issued.issued_by) == (
        IssuedBadge.Source.API,
        "Winners",
        world.administrator,
    )
    assert issued.status == Status.QUEUED


def test_a_badge_not_meant_for_the_hand_is_refused_for_everybody(
    world: World, administrator: APIClient
) -> None:
    badge = BadgeFactory.create(organization=world.north, enable_manual_issuance=False)

    answer = administrator.post("/api/v1/issued-badges/", {"badge": badge.pk, "users": [world.learner.pk]})

    assert answer.status_code == 200
    assert [row["code"] for row in answer.json()] == ["not_manual"]
    assert not IssuedBadge.objects.exists()


def test_users_out_of_reach_are_refused_like_ones_that_do_not_exist_and_nothing_is_issued(
    world: World, administrator: APIClient, badge: Badge
) -> None:
    answer = administrator.post(
        "/api/v1/issued-badges/",
        {"badge": badge.pk, "users": ["ext:u-ada", "ext:u-stranger", "ext:u-none"]},
    )

    assert answer.status_code == 400
    assert answer.json()["fields"] == {"users": ["No user ext:u-stranger.", "No user ext:u-none."]}
    assert not IssuedBadge.objects.exists()


def test_anothers_badge_is_not_there(world: World, administrator: APIClient) -> None:
    badge = BadgeFactory.create(organization=world.south)

    answer = administrator.post("/api/v1/issued-badges/", {"badge": badge.pk, "users": [world.learner.pk]})

    assert answer.json()["fields"] == {"badge": [f"No badge {badge.pk}."]}


@pytest.mark.parametrize("users", [[], None, "ext:u-ada"])
def test_issuing_needs_somebody(administrator: APIClient, badge: Badge, users: object) -> None:
    answer = administrator.post("/api/v1/issued-badges/", {"badge": badge.pk, "users": users})

    assert answer.status_code == 400
    assert list(answer.json()["fields"]) == ["users"]


def test_naming_more_users_asks_no_more_queries_for_them(
    world: World, administrator: APIClient, badge: Badge
) -> None:
    def queries(count: int) -> int:
        people = UserFactory.create_batch(count, organization=world.north, first_name="")
        body = {"badge": badge.pk, "users": [person.pk for person in people]}
        with CaptureQueriesContext(connection) as captured:
            assert administrator.post("/api/v1/issued-badges/", body).status_code == 200
        return len(captured)

    assert queries(3) == queries(10)


def test_an_issued_badge_is_shown_with_its_failure(administrator: APIClient, badge: Badge) -> None:
    failed = IssuedBadgeFactory.create(
        badge=badge,
        status=Status.FAILED,
        attempts=2,
        failure_code="rejected",
        failure_message="The provider refused it.",
        provider_message="Template is archived.",
    )

    answer = administrator.get(f"/api/v1/issued-badges/{failed.pk}/").json()

    created_at = answer.pop("created_at")
    assert created_at.endswith("Z")
    assert answer == {
        "id": failed.pk,
        "badge": badge.pk,
        "user": failed.learner_id,
        "status": "failed",
        "issued_status": "Failed (attempt 2)",
        "external_uuid": "",
        "external_state": "",
        "external_url": "",
        "accept_url": "",
        "public_url": None,
        "source": "api",
        "source_key": "",
        "issued_by": None,
        "reason": "",
        "evidence": [],
        "earned_at": PAST.isoformat().replace("+00:00", "Z"),
        "issued_at": None,
        "expires_at": None,
        "replaces": None,
        "attempts": 2,
        "asked": [],
        "correction_problem": "",
        "ended_reason": "",
        "tells_reason": True,
        "failure": {
            "code": "rejected",
            "message": "The provider refused it.",
            "provider_message": "Template is archived.",
        },
    }


def test_a_badge_at_the_provider_has_no_failure(administrator: APIClient, badge: Badge) -> None:
    issued = IssuedBadgeFactory.create(
        badge=badge, status=Status.ISSUED, external_uuid="33333333", external_state="pending", issued_at=PAST
    )

    answer = administrator.get("/api/v1/issued-badges/?external_uuid=33333333").json()["results"]

    assert [row["id"] for row in answer] == [issued.pk]
    assert answer[0]["failure"] is None
    assert answer[0]["issued_status"] == "Issued – pending acceptance"


def test_a_failed_badge_is_sent_again(world: World, administrator: APIClient, badge: Badge) -> None:
    failed = IssuedBadgeFactory.create(badge=badge, status=Status.FAILED, failure_code="rejected")

    answer = administrator.post(f"/api/v1/issued-badges/{failed.pk}/retry/")
    again = administrator.post(f"/api/v1/issued-badges/{failed.pk}/retry/")

    assert answer.status_code == 200
    assert (answer.json()["status"], answer.json()["failure"]) == ("queued", None)
    assert again.status_code == 409
    assert again.json()["code"] == "not_failed"
    assert IssuingEvent.objects.get().actor == world.administrator


def test_a_badge_is_revoked_with_a_reason(administrator: APIClient, badge: Badge) -> None:
    issued = IssuedBadgeFactory.create(badge=badge, status=Status.ACCEPTED)
    address = f"/api/v1/issued-badges/{issued.pk}/revoke/"

    silent = administrator.post(address)
    blank = administrator.post(address, {"reason": " "})
    answer = administrator.post(address, {"reason": "Issued by mistake"})
    again = administrator.post(address, {"reason": "Issued by mistake"})

    assert (silent.status_code, blank.status_code) == (400, 400)
    assert list(silent.json()["fields"]) == list(blank.json()["fields"]) == ["reason"]
    assert (answer.status_code, answer.json()["status"]) == (200, "revoking")
    assert (again.status_code, again.json()["code"]) == (409, "not_issued")


@pytest.mark.parametrize("verb", ["retry", "cancel", "revoke", "erase"])
def test_who_sees_a_badge_of_another_organization_on_an_own_learner_changes_nothing_about_it(
    world: World, administrator: APIClient, verb: str
) -> None:
    theirs = IssuedBadgeFactory.create(
        badge__organization=world.south, learner=world.learner, status=Status.FAILED
    )

    assert administrator.get(f"/api/v1/issued-badges/{theirs.pk}/").status_code == 200
    answer = administrator.post(f"/api/v1/issued-badges/{theirs.pk}/{verb}/", {"reason": "Mine"})

    theirs.refresh_from_db()
    assert answer.status_code == 404
    assert theirs.status == Status.FAILED


def test_learners_see_their_own_issued_badges_and_change_none(
    world: World, learner: APIClient, badge: Badge
) -> None:
    mine = IssuedBadgeFactory.create(badge=badge, learner=world.learner, status=Status.FAILED)
    IssuedBadgeFactory.create(badge=badge)

    listed = learner.get("/api/v1/issued-badges/").json()["results"]

    assert [row["id"] for row in listed] == [mine.pk]
    assert learner.post(f"/api/v1/issued-badges/{mine.pk}/retry/").status_code == 403
    body = {"badge": badge.pk, "users": [world.learner.pk]}
    assert learner.post("/api/v1/issued-badges/", body).status_code == 403


def test_an_administrator_of_a_branch_does_not_issue_what_belongs_above(
    world: World, badge: Badge, signed_in: Callable[[Any], APIClient]
) -> None:
    below = signed_in(AdministratorFactory.create(organization=world.branch))
    person = UserFactory.create(organization=world.branch)

    answer = below.post("/api/v1/issued-badges/", {"badge": badge.pk, "users": [person.pk]})

    assert answer.status_code == 400
    assert answer.json()["fields"] == {"badge": [f"No badge {badge.pk}."]}
