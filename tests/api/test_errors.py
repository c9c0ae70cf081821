"""Every error of the API has one shape."""

from __future__ import annotations

from unittest.mock import patch

import pytest
from django.db import IntegrityError
from django.test import Client, RequestFactory
from rest_framework.test import APIClient

from config.api_errors import server_error
from tests.api.conftest import World
from tests.factories import LabFactory
from tms import gates
from tms.models import Course


def test_nobody_is_told_how_to_sign_in(db: None, client: Client) -> None:
    answer = client.get("/api/v1/labs/")

    assert answer.status_code == 401
    assert answer.json()["code"] == "not_authenticated"
    assert answer["WWW-Authenticate"] == "Token"


def test_a_wrong_token_is_refused(db: None, client: Client) -> None:
    answer = client.get("/api/v1/labs/", headers={"Authorization": "Token nonsense"})

    assert answer.status_code == 401
    assert answer.json()["code"] == "authentication_failed"


def test_a_learner_is_told_that_her_role_does_not_allow_it(learner: APIClient) -> None:
    answer = learner.post("/api/v1/labs/", {"name": "Mine"})

    assert answer.status_code == 403
    assert answer.json()["code"] == "not_permitted"


def test_a_session_without_the_token_of_its_forms_writes_nothing(world: World) -> None:
    client = Client(enforce_csrf_checks=True)
    client.force_login(world.administrator)

    answer = client.post("/api/v1/labs/", {"name": "Forged"}, content_type="application/json")

    assert answer.status_code == 403
    assert answer.json()["code"] == "not_permitted"


def test_unreadable_json_is_answered_with_its_place(administrator: APIClient) -> None:
    answer = administrator.post(
        "/api/v1/labs/", data='{"name": "Azure",\n "organization" 7}', content_type="application/json"
    )

    assert answer.status_code == 400
    assert answer.json() == {
        "code": "parse_error",
        "message": "The JSON cannot be read at line 2, column 17: Expecting ':' delimiter.",
        "data": {"line": 2, "column": 17},
    }


@pytest.mark.parametrize("body", [b'{"name": NaN}', b'{"name": "\xff"}', b"[" * 100_000])
def test_json_that_only_some_readers_take_is_unreadable_too(administrator: APIClient, body: bytes) -> None:
    answer = administrator.post("/api/v1/labs/", data=body, content_type="application/json")

    assert answer.status_code == 400
    assert answer.json()["code"] == "parse_error"


def test_another_media_type_is_refused(administrator: APIClient) -> None:
    answer = administrator.post("/api/v1/labs/", data="name=Azure", content_type="text/csv")

    assert answer.status_code == 415
    assert answer.json()["code"] == "unsupported_media_type"


def test_a_page_that_does_not_exist_is_not_found(administrator: APIClient) -> None:
    answer = administrator.get("/api/v1/labs/?page=99")

    assert answer.status_code == 404
    assert answer.json()["code"] == "not_found"


@pytest.mark.parametrize("address", ["/api/", "/api/v2/labs/", "/api/v1/lab/", "/api/v1/labs/1/launch/"])
@pytest.mark.parametrize("method", ["get", "post", "delete"])
def test_an_unknown_address_is_not_found(db: None, client: Client, address: str, method: str) -> None:
    answer = getattr(client, method)(address)

    assert answer.status_code == 404
    assert answer.json() == {"code": "not_found", "message": f"There is nothing at {address}."}


def test_a_forgotten_slash_is_told(db: None, client: Client) -> None:
    answer = client.post("/api/v1/labs")

    assert answer.status_code == 404
    assert "ends with a slash" in answer.json()["message"]


def test_rules_between_fields_are_told_without_a_field(world: World, administrator: APIClient) -> None:
    lab = LabFactory.create(organization=world.north)
    body = {
        "user": world.learner.pk,
        "lab": lab.pk,
        "started_at": "2026-03-02T09:00:00Z",
        "score_percent": 101,
    }

    answer = administrator.post("/api/v1/lab-instances/", body)

    assert answer.status_code == 400
    assert answer.json() == {
        "code": "invalid",
        "message": "A score lies between 0 and 100 percent.",
    }


def test_a_row_that_changed_in_between_is_a_conflict(world: World, administrator: APIClient) -> None:
    def overtaken(course: Course, **_more: object) -> None:
        raise IntegrityError("UNIQUE constraint failed: tms_course.external_id")

    with patch.object(gates, "save_course", overtaken):
        answer = administrator.post("/api/v1/courses/", {"name": "Azure", "organization": "ext:north"})

    assert answer.status_code == 409
    assert answer.json()["code"] == "conflict"


@pytest.mark.parametrize(
    ("address", "content_type"), [("/api/v1/labs/", "application/json"), ("/", "text/html")]
)
def test_an_unforeseen_error_keeps_the_shape_for_those_who_asked_the_api(
    rf: RequestFactory, address: str, content_type: str
) -> None:
    answer = server_error(rf.get(address))

    assert answer.status_code == 500
    assert answer["Content-Type"].startswith(content_type)
