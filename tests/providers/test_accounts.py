"""The life of an account: saved and resumed by people, paused by the system."""

from __future__ import annotations

from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.db import connection

from providers import accounts
from providers.accounts import save_provider
from providers.models import BadgeProvider
from tests.factories import AdministratorFactory, BadgeProviderFactory, OrganizationFactory, UserFactory
from tms.errors import DomainError, NotFound

pytestmark = pytest.mark.django_db


@pytest.fixture
def hints(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    sent: list[str] = []
    monkeypatch.setattr("providers.accounts.hint", sent.append)
    return sent


def draft(**given: Any) -> BadgeProvider:
    facts = {
        "name": "Our Credly",
        "organization": OrganizationFactory(),
        "api_url": "https://api.credly.com/v1",
        "provider_organization_id": "org-1",
    }
    return BadgeProvider(**{**facts, **given})


def stored() -> BadgeProvider:
    return BadgeProvider.objects.get()


def paused(**given: Any) -> BadgeProvider:
    account: BadgeProvider = BadgeProviderFactory(**given)
    assert accounts.pause(account.pk, reason="Refused.")
    return BadgeProvider.objects.get(pk=account.pk)


def test_an_account_is_stored_with_its_token(hints: list[str]) -> None:
    save_provider(draft(), new_token="  secret-1\n")
    assert (stored().name, stored().account.token) == ("Our Credly", "secret-1")
    assert hints == ["badges.sweep"]


def test_the_token_changes_only_when_a_new_one_is_given() -> None:
    save_provider(draft(), new_token="secret-1")
    account = stored()
    account.token, account.name = "", "Renamed"
    save_provider(account)
    assert (stored().name, stored().token) == ("Renamed", "secret-1")
    save_provider(stored(), new_token="")
    assert stored().token == "secret-1"
    save_provider(stored(), new_token="secret-2")
    assert stored().token == "secret-2"


@pytest.mark.parametrize(
    ("missing", "token"), [("api_url", "t"), ("provider_organization_id", "t"), ("token", None)]
)
def test_an_enabled_account_needs_address_organization_and_token(missing: str, token: str | None) -> None:
    given = {missing: ""} if missing != "token" else {}
    with pytest.raises(DomainError) as refused:
        save_provider(draft(**given), new_token=token)
    assert (refused.value.code, list(refused.value.fields)) == ("incomplete_account", [missing])
    assert not BadgeProvider.objects.exists()
    save_provider(draft(**given, is_enabled=False), new_token=token)
    assert not stored().is_usable


def test_an_open_badges_account_needs_nobody_elses_address() -> None:
    save_provider(draft(kind=BadgeProvider.Kind.OPEN_BADGES, api_url="", provider_organization_id=""))
    assert stored().is_usable


def test_what_is_not_an_address_is_refused() -> None:
    with pytest.raises(ValidationError, match="valid URL"):
        save_provider(draft(api_url="credly"), new_token="t")


def test_pausing_keeps_the_first_reason_and_moment() -> None:
    account = BadgeProviderFactory()
    assert accounts.pause(account.pk, reason="First.")
    since = stored().paused_at
    assert since is not None
    assert not accounts.pause(account.pk, reason="Second.")
    assert (stored().pause_reason, stored().paused_at) == ("First.", since)
    assert not stored().is_usable


def test_resuming_ends_a_pause_and_looks_for_what_was_held(hints: list[str]) -> None:
    accounts.resume(paused())
    assert (stored().paused_at, stored().pause_reason) == (None, "")
    assert stored().is_usable
    assert hints == ["badges.sweep"]


@pytest.mark.parametrize(
    "change",
    [
        {"api_url": "https://sandbox-api.credly.com/v2"},
        {"provider_organization_id": "another"},
        {"kind": BadgeProvider.Kind.ACCREDIBLE},
        {"new_token": "another"},
    ],
    ids=lambda change: next(iter(change)),
)
def test_what_may_cure_the_cause_ends_a_pause(change: dict[str, str]) -> None:
    account = paused()
    new_token = change.pop("new_token", None)
    for name, value in change.items():
        setattr(account, name, value)
    save_provider(account, new_token=new_token)
    assert stored().is_usable


def test_disabling_and_enabling_ends_a_pause() -> None:
    account = paused()
    account.is_enabled = False
    save_provider(account)
    account.is_enabled = True
    save_provider(account)
    assert stored().is_usable


def test_any_other_edit_leaves_a_pause_as_it_is() -> None:
    account = paused()
    account.name = "Renamed"
    save_provider(account)
    save_provider(account, new_token=account.token)
    assert (stored().name, stored().pause_reason, stored().is_usable) == ("Renamed", "Refused.", False)


def test_an_edit_does_not_lift_a_pause_that_came_after_the_form_was_opened() -> None:
    BadgeProviderFactory()
    opened = stored()
    accounts.pause(opened.pk, reason="Refused.")
    opened.name = "Renamed"
    save_provider(opened)
    assert (stored().name, stored().pause_reason, stored().is_usable) == ("Renamed", "Refused.", False)


def test_only_administrators_of_the_organization_touch_an_account() -> None:
    account = paused(name="Before")
    account.name = "After"
    stranger = AdministratorFactory()
    learner = UserFactory(organization=account.organization)
    for actor in (stranger, learner):
        with pytest.raises(NotFound):
            save_provider(account, actor=actor)
        with pytest.raises(NotFound):
            accounts.resume(account, actor=actor)
    account.organization = stranger.organization
    with pytest.raises(NotFound):
        save_provider(account, actor=stranger)
    assert (stored().name, stored().is_usable) == ("Before", False)
    own = AdministratorFactory(organization=stored().organization)
    accounts.resume(stored(), actor=own)
    assert stored().is_usable


def test_nothing_that_is_printed_or_stored_shows_the_token() -> None:
    save_provider(draft(), new_token="canary-token")
    assert "canary" not in repr(stored().account)
    with connection.cursor() as cursor:
        cursor.execute("SELECT * FROM providers_badgeprovider")
        assert "canary" not in str(cursor.fetchall())
