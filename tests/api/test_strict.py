"""What a body may hold."""

from __future__ import annotations

import json
from typing import Any

import pytest
from rest_framework.test import APIClient

from achievements.models import Achievement
from tests.api.conftest import World
from tests.factories import LabFactory, LabInstanceFactory
from tms.models import LabInstance


def launch(world: World, **changes: Any) -> dict[str, Any]:
    lab = LabFactory.create(organization=world.north)
    return {"user": world.learner.pk, "lab": lab.pk, "started_at": "2026-03-02T09:00:00Z", **changes}


def test_a_moment_is_shown_in_utc_whatever_zone_it_was_given_in(
    world: World, administrator: APIClient
) -> None:
    answer = administrator.post(
        "/api/v1/lab-instances/", launch(world, started_at="2026-03-02T10:00:00+01:00")
    )

    assert answer.json()["started_at"] == "2026-03-02T09:00:00Z"


@pytest.mark.parametrize(
    "moment",
    [
        "2026-03-02T09:00:00",
        "2026-03-02",
        "yesterday",
        1_772_442_000,
        True,
        "0001-01-01T00:00:00+14:00",
        "1899-12-31T23:59:59Z",
        "3000-01-01T00:00:00Z",
        "9999-12-31T23:59:59-14:00",
    ],
)
def test_a_moment_without_zone_or_out_of_all_reason_is_refused(
    world: World, administrator: APIClient, moment: object
) -> None:
    answer = administrator.post("/api/v1/lab-instances/", launch(world, started_at=moment))

    assert answer.status_code == 400
    assert list(answer.json()["fields"]) == ["started_at"]
    assert not LabInstance.objects.exists()


@pytest.mark.parametrize("minutes", ["1e400", "-1e400", "1e308", "2147483648", "true", '"many"', "-1"])
def test_minutes_are_a_number(world: World, administrator: APIClient, minutes: str) -> None:
    body = json.dumps(launch(world, minutes=0)).replace('"minutes": 0', f'"minutes": {minutes}')

    answer = administrator.post("/api/v1/lab-instances/", data=body, content_type="application/json")

    assert answer.status_code == 400
    assert "inutes" in answer.json()["message"]
    assert not LabInstance.objects.exists()


@pytest.mark.parametrize("points", [2**31, 10**18, 10**30])
def test_a_number_is_such_as_every_database_keeps(
    world: World, administrator: APIClient, points: int
) -> None:
    body = {"name": "Explorer", "organization": "ext:north", "points": points, "enabled": False}

    answer = administrator.post("/api/v1/achievements/", body)

    assert answer.status_code == 400
    assert list(answer.json()["fields"]) == ["points"]


def test_text_that_no_database_can_store_is_refused(world: World, administrator: APIClient) -> None:
    for name in ("a\0b", "\ud800"):
        body = json.dumps({"name": name, "organization": "ext:north"})
        answer = administrator.post("/api/v1/labs/", data=body, content_type="application/json")
        assert answer.status_code == 400
        assert list(answer.json()["fields"]) == ["name"]


@pytest.mark.parametrize("text", ["a\0b", "\ud800"])
def test_names_in_other_languages_can_be_stored_too(
    world: World, administrator: APIClient, text: str
) -> None:
    body = {"name": "Explorer", "organization": "ext:north", "translations": {"de": {"name": text}}}

    answer = administrator.post("/api/v1/achievements/", json.dumps(body), content_type="application/json")

    assert answer.status_code == 400
    assert list(answer.json()["fields"]) == ["translations"]
    assert not Achievement.objects.exists()


@pytest.mark.parametrize(
    "body",
    [{"\ud800": 1}, {"frequency_type": "\ud800"}, {"translations": {"\ud800": {}}}],
)
def test_a_refusal_can_be_read_though_it_repeats_what_cannot(
    administrator: APIClient, body: dict[str, Any]
) -> None:
    for address in ("/api/v1/achievements/", "/api/v1/achievements/preview/"):
        answer = administrator.post(address, json.dumps(body), content_type="application/json")
        assert answer.status_code == 400
        assert "?" in answer.json()["message"]


@pytest.mark.parametrize("body", ["[]", '"text"', "17", "null"])
def test_a_body_is_an_object(world: World, administrator: APIClient, body: str) -> None:
    answer = administrator.post("/api/v1/labs/", data=body, content_type="application/json")

    assert answer.status_code == 400
    assert answer.json()["code"] == "invalid"


def test_a_verb_refuses_fields_that_are_not_its_own(world: World, administrator: APIClient) -> None:
    running = LabInstanceFactory.create(user=world.learner)

    answer = administrator.post(f"/api/v1/lab-instances/{running.pk}/complete/", {"score": 80})

    running.refresh_from_db()
    assert answer.status_code == 400
    assert answer.json()["fields"] == {"score": ["There is no such field here."]}
    assert running.completed_at is None
