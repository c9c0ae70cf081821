"""The collection of badge providers."""

from __future__ import annotations

from django.utils import timezone
from rest_framework.test import APIClient

from providers.models import BadgeProvider
from tests.api.conftest import World
from tests.factories import BadgeProviderFactory

ACCOUNT = {
    "external_id": "p-credly",
    "name": "Credly",
    "organization": "ext:north",
    "type": "credly",
    "provider_organization_id": "11111111-1111-4111-8111-111111111111",
    "api_url": "https://sandbox-api.credly.com/v1",
    "token": "very-secret",
}


def test_a_token_is_stored_and_never_shown(world: World, administrator: APIClient) -> None:
    created = administrator.post("/api/v1/badge-providers/", ACCOUNT)
    listed = administrator.get("/api/v1/badge-providers/")

    assert created.status_code == 201
    assert BadgeProvider.objects.get().token == "very-secret"
    assert "token" not in created.json()
    assert "very-secret" not in created.content.decode() + listed.content.decode()
    assert created.json()["type"] == "credly"


def test_a_change_without_token_keeps_it(world: World, administrator: APIClient) -> None:
    provider = BadgeProviderFactory.create(organization=world.north, token="kept")

    administrator.patch(f"/api/v1/badge-providers/{provider.pk}/", {"name": "Renamed"})

    provider.refresh_from_db()
    assert (provider.name, provider.token) == ("Renamed", "kept")


def test_a_new_token_ends_a_pause(world: World, administrator: APIClient) -> None:
    provider = BadgeProviderFactory.create(
        organization=world.north, paused_at=timezone.now(), pause_reason="401"
    )
    address = f"/api/v1/badge-providers/{provider.pk}/"
    paused = administrator.get(address).json()

    resumed = administrator.patch(address, {"token": "new"}).json()

    assert (paused["paused_at"] is None, paused["pause_reason"]) == (False, "401")
    assert (resumed["paused_at"], resumed["pause_reason"]) == (None, "")
    provider.refresh_from_db()
    assert provider.token == "new"


def test_an_account_that_cannot_work_is_refused_by_field(world: World, administrator: APIClient) -> None:
    body = {name: value for name, value in ACCOUNT.items() if name not in {"api_url", "token"}}

    answer = administrator.post("/api/v1/badge-providers/", body)

    assert answer.status_code == 400
    assert answer.json()["code"] == "incomplete_account"
    assert set(answer.json()["fields"]) == {"api_url", "token"}
    assert not BadgeProvider.objects.exists()
