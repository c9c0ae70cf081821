"""The OpenAPI description and its page."""

from __future__ import annotations

import re
from typing import Any

import pytest
from django.core.cache import caches
from django.test import Client
from drf_spectacular.drainage import GENERATOR_STATS
from drf_spectacular.validation import validate_schema
from drf_spectacular.views import SpectacularAPIView

from config.api import router
from tests.factories import UserFactory

pytestmark = pytest.mark.django_db

COLLECTIONS = {prefix for prefix, _viewset, _basename in router.registry}


@pytest.fixture(scope="module")
def schema(module_db: None) -> dict[str, Any]:
    caches["process"].clear()
    GENERATOR_STATS.reset()
    answer = Client().get("/api/schema/", headers={"Accept": "application/vnd.oai.openapi+json"})
    assert answer.status_code == 200
    described: dict[str, Any] = answer.json()
    return described


def test_the_description_is_valid_and_made_without_a_warning(schema: dict[str, Any]) -> None:
    validate_schema(schema)
    assert not GENERATOR_STATS


def test_the_description_is_made_once_for_everybody(
    schema: dict[str, Any], client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(SpectacularAPIView, "_get_schema_response", None)
    client.force_login(UserFactory())

    answer = client.get("/api/schema/", headers={"Accept": "application/vnd.oai.openapi+json"})

    assert answer.json() == schema


def test_every_collection_and_verb_is_described(schema: dict[str, Any]) -> None:
    paths = set(schema["paths"])

    assert {f"/api/v1/{collection}/" for collection in COLLECTIONS} <= paths
    assert {
        "/api/v1/lab-instances/{id}/complete/",
        "/api/v1/course-assignments/{id}/complete/",
        "/api/v1/enrollments/{id}/completion-status/",
        "/api/v1/badge-providers/{id}/check/",
        "/api/v1/badge-providers/{id}/sync/",
        "/api/v1/issued-badges/{id}/retry/",
        "/api/v1/issued-badges/{id}/revoke/",
        "/api/v1/issued-badges/{id}/cancel/",
        "/api/v1/issued-badges/{id}/correct/",
        "/api/v1/issued-badges/{id}/erase/",
        "/api/v1/issued-badges/revoke/",
        "/api/v1/users/{id}/achievements/",
        "/api/v1/backfills/preview/",
        "/api/v1/backfills/{id}/pause/",
        "/api/v1/backfills/{id}/resume/",
        "/api/v1/backfills/{id}/undo/",
    } <= paths


def test_every_operation_tells_the_shape_of_its_errors(schema: dict[str, Any]) -> None:
    for address, operations in schema["paths"].items():
        for method, operation in operations.items():
            for status in ("400", "401", "403", *(["404"] if "{id}" in address else [])):
                content = operation["responses"][status]["content"]["application/json"]
                assert content["schema"] == {"$ref": "#/components/schemas/Error"}, (method, address)
    assert set(schema["components"]["schemas"]["Error"]["required"]) == {"code", "message"}


def test_a_reference_is_sent_as_either_and_shown_as_an_id(schema: dict[str, Any]) -> None:
    components = schema["components"]["schemas"]

    sent = components["LabInstanceRequest"]["properties"]["lab"]
    shown = components["LabInstance"]["properties"]["lab"]

    assert [kind["type"] for kind in sent["oneOf"]] == ["integer", "string"]
    assert shown["type"] == "integer"


def test_a_token_is_sent_and_never_shown(schema: dict[str, Any]) -> None:
    components = schema["components"]["schemas"]

    assert "token" in components["BadgeProviderRequest"]["properties"]
    assert "token" not in components["BadgeProvider"]["properties"]


def test_the_page_keeps_to_the_strict_policy(db: None, client: Client) -> None:
    answer = client.get("/api/docs/")
    html = answer.content.decode()

    assert answer.status_code == 200
    assert "script-src 'self';" in f"{answer['Content-Security-Policy']};"
    assert "<style" not in html
    assert " style=" not in html
    scripts = re.findall(r"<script([^>]*)>(.*?)</script>", html, re.DOTALL)
    assert scripts
    assert all("src=" in attributes and not text.strip() for attributes, text in scripts)
    sources = re.findall(r'(?:src|href)="([^"]+)"', html)
    assert all(source.startswith(("/static/", "/api/docs/")) for source in sources)


def test_the_page_starts_with_the_address_of_the_description(db: None, client: Client) -> None:
    html = client.get("/api/docs/").content.decode()
    [script] = re.findall(r'src="(/api/docs/[^"]*)"', html)

    answer = client.get(script)

    assert answer["Content-Type"].startswith("application/javascript")
    assert "/api/schema/" in answer.content.decode()
