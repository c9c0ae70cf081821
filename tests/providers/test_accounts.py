"""The life of an account: saved and resumed by people, paused by people or the system."""

from __future__ import annotations

from datetime import timedelta
from hashlib import sha256
from typing import Any

import pytest
from cryptography.fernet import Fernet
from django.core.exceptions import ValidationError
from django.db import connection
from django.utils import timezone

from providers import accounts
from providers.accounts import save_provider
from providers.models import AccredibleConfig, BadgeProvider, CredlyOrganization
from tests.factories import AdministratorFactory, BadgeProviderFactory, OrganizationFactory, UserFactory
from tms.access import Action
from tms.errors import DomainError, NotFound

pytestmark = pytest.mark.django_db


@pytest.fixture
def hints(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    sent: list[str] = []
    monkeypatch.setattr("providers.accounts.hint", sent.append)
    return sent


def draft(**given: Any) -> BadgeProvider:
    facts: dict[str, Any] = {
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
    assert accounts.pause(account, reason="Refused.")
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


def test_accredible_knows_an_account_by_its_key_alone() -> None:
    given = {"kind": BadgeProvider.Kind.ACCREDIBLE, "api_url": "https://api.accredible.com/v1"}
    save_provider(draft(**given, provider_organization_id=""), new_token="key")
    assert stored().is_usable


def test_an_address_that_nothing_would_be_sent_to_is_refused_also_while_disabled() -> None:
    for is_enabled in (True, False):
        with pytest.raises(DomainError) as refused:
            save_provider(draft(api_url="http://api.credly.com/v1", is_enabled=is_enabled), new_token="t")
        assert (refused.value.code, list(refused.value.fields)) == ("unusable_address", ["api_url"])
        assert "https" in refused.value.message
    assert not BadgeProvider.objects.exists()


def test_an_open_badges_account_needs_nobody_elses_address() -> None:
    save_provider(draft(kind=BadgeProvider.Kind.OPEN_BADGES, api_url="", provider_organization_id=""))
    assert stored().is_usable


def test_what_is_not_an_address_is_refused() -> None:
    with pytest.raises(ValidationError, match="valid URL"):
        save_provider(draft(api_url="credly"), new_token="t")


def test_pausing_keeps_the_first_reason_and_moment() -> None:
    account = BadgeProviderFactory()
    assert accounts.pause(account, reason="First.")
    since = stored().paused_at
    assert since is not None
    assert not accounts.pause(account, reason="Second.")
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
    accounts.pause(opened, reason="Refused.")
    opened.name = "Renamed"
    save_provider(opened)
    assert (stored().name, stored().pause_reason, stored().is_usable) == ("Renamed", "Refused.", False)


def test_a_pause_by_hand_lasts_until_somebody_resumes_the_account(hints: list[str]) -> None:
    account = BadgeProviderFactory()
    admin = AdministratorFactory(organization=account.organization)
    accounts.pause_by_hand(account, reason=" No budget. ", actor=admin)
    assert (stored().pause_reason, stored().paused_by, stored().is_usable) == ("No budget.", admin, False)
    save_provider(stored(), new_token="another")
    assert not stored().is_usable
    accounts.resume(stored(), actor=admin)
    assert (stored().is_usable, stored().paused_by) == (True, None)
    assert hints == ["badges.sweep"] * 3


def test_a_person_who_pauses_gives_a_reason() -> None:
    account = BadgeProviderFactory()
    with pytest.raises(DomainError) as refused:
        accounts.pause_by_hand(
            account, reason="  ", actor=AdministratorFactory(organization=account.organization)
        )
    assert (refused.value.code, stored().is_usable) == ("reason_required", True)


def test_resuming_lets_a_provider_that_did_not_answer_or_asked_to_wait_be_called_at_once() -> None:
    later = timezone.now() + timedelta(hours=1)
    account = paused(failures_in_a_row=9, broken_until=later, closed_until=later)
    accounts.resume(account)
    assert (stored().failures_in_a_row, stored().broken_until, stored().closed_until) == (0, None, None)


def test_a_new_token_is_dated_and_its_end_is_what_the_provider_says_or_documents() -> None:
    save_provider(draft(), new_token="secret-1")
    first = stored().token_set_at
    assert first is not None
    assert timezone.now() - first < timedelta(minutes=1)
    assert stored().token_ends_at == first + timedelta(days=180)
    told = timezone.now() + timedelta(days=3)
    BadgeProvider.objects.update(token_expires_at=told)
    save_provider(stored())
    assert (stored().token_set_at, stored().token_ends_at) == (first, told)
    save_provider(stored(), new_token="secret-1")
    assert (stored().token_set_at, stored().token_ends_at) == (first, told)
    save_provider(stored(), new_token="secret-2")
    after = stored()
    assert after.token_set_at is not None
    assert after.token_set_at > first
    assert after.token_ends_at == after.token_set_at + timedelta(days=180)


def test_nothing_is_said_of_the_end_of_a_token_that_documents_none() -> None:
    account = BadgeProviderFactory(kind=BadgeProvider.Kind.ACCREDIBLE, token_set_at=timezone.now())
    assert account.token_ends_at is None
    assert BadgeProviderFactory().token_ends_at is None


def test_what_was_found_out_is_forgotten_when_the_address_or_the_token_changes() -> None:
    known = {"checked_at": timezone.now(), "check_problem": "Refused.", "failures_in_a_row": 3}
    account = BadgeProviderFactory(**known, broken_until=timezone.now())
    account.name = "Renamed"
    save_provider(account)
    assert (stored().check_problem, stored().failures_in_a_row, stored().is_unchecked) == (
        "Refused.",
        3,
        False,
    )
    save_provider(stored(), new_token="another")
    after = stored()
    assert (after.check_problem, after.failures_in_a_row, after.broken_until) == ("", 0, None)
    assert after.is_unchecked


def test_a_form_opened_earlier_does_not_undo_what_the_system_wrote_since() -> None:
    BadgeProviderFactory()
    opened = stored()
    read_to = timezone.now()
    BadgeProvider.objects.update(checked_at=read_to, check_problem="Refused.", events_read_to=read_to)
    opened.name = "Renamed"
    save_provider(opened)
    after = stored()
    assert (after.name, after.checked_at, after.check_problem, after.events_read_to) == (
        "Renamed",
        read_to,
        "Refused.",
        read_to,
    )


def test_an_edit_keeps_a_token_whose_key_is_lost_for_the_day_the_key_is_found(settings: Any) -> None:
    here, away = Fernet.generate_key().decode(), Fernet.generate_key().decode()
    settings.FIELD_ENCRYPTION_KEYS = [away]
    save_provider(draft(is_enabled=False), new_token="secret-1")
    secret = stored().webhook_secret
    settings.FIELD_ENCRYPTION_KEYS = [here]
    account = stored()
    assert account.token == ""
    account.name = "Renamed"
    save_provider(account)
    settings.FIELD_ENCRYPTION_KEYS = [here, away]
    assert (stored().name, stored().token, stored().webhook_secret) == ("Renamed", "secret-1", secret)


def test_an_account_at_credly_gets_the_address_that_credly_calls(settings: Any) -> None:
    settings.PUBLIC_URL = "https://badges.example.org"
    save_provider(draft(), new_token="t")
    account = stored()
    assert len(account.webhook_secret) >= 40
    assert account.webhook_address == f"https://badges.example.org/webhooks/credly/{account.webhook_secret}/"
    assert account.webhook_digest == sha256(account.webhook_secret.encode()).hexdigest()
    save_provider(stored())
    assert stored().webhook_secret == account.webhook_secret
    accounts.renew_webhook_address(stored())
    renewed = stored()
    assert renewed.webhook_secret != account.webhook_secret
    assert renewed.webhook_digest == sha256(renewed.webhook_secret.encode()).hexdigest()
    assert renewed.token == "t"
    renewed.kind = BadgeProvider.Kind.ACCREDIBLE
    save_provider(renewed)
    assert (stored().webhook_address, stored().webhook_digest) == ("", None)


def test_two_accounts_that_are_not_called_do_not_collide() -> None:
    for name in ("One", "Two"):
        save_provider(draft(name=name, kind=BadgeProvider.Kind.ACCREDIBLE), new_token="t")
    assert set(BadgeProvider.objects.values_list("webhook_digest", flat=True)) == {None}


def test_there_is_no_address_to_renew_where_the_provider_does_not_call() -> None:
    account = BadgeProviderFactory(kind=BadgeProvider.Kind.ACCREDIBLE)
    with pytest.raises(DomainError) as refused:
        accounts.renew_webhook_address(account)
    assert refused.value.code == "no_webhook"


def test_each_kind_has_a_list_of_its_own() -> None:
    credly = BadgeProviderFactory()
    accredible = BadgeProviderFactory(kind=BadgeProvider.Kind.ACCREDIBLE)
    admin = AdministratorFactory(organization=credly.organization)
    assert [row.pk for row in CredlyOrganization.objects.all()] == [credly.pk]
    assert [row.pk for row in AccredibleConfig.objects.all()] == [accredible.pk]
    assert CredlyOrganization.objects.for_user(admin, Action.SEE).get().name == credly.name
    assert not AccredibleConfig.objects.for_user(admin, Action.SEE).exists()


def test_an_account_is_made_available_to_organizations_below_its_own() -> None:
    account = BadgeProviderFactory()
    child = OrganizationFactory(parent=account.organization)
    grandchild = OrganizationFactory(parent=child)
    save_provider(account, available_to=[child, grandchild])
    assert set(account.available_to.all()) == {child, grandchild}
    save_provider(account)
    assert account.available_to.count() == 2
    save_provider(account, available_to=[grandchild])
    assert list(account.available_to.all()) == [grandchild]
    with pytest.raises(DomainError) as refused:
        save_provider(account, available_to=[grandchild, OrganizationFactory(name="Elsewhere")])
    assert (refused.value.code, list(refused.value.fields)) == ("not_below", ["available_to"])
    assert "Elsewhere" in refused.value.message
    assert list(account.available_to.all()) == [grandchild]


def test_those_that_an_administrator_does_not_manage_keep_what_they_were_given() -> None:
    account = BadgeProviderFactory()
    stranger = OrganizationFactory()
    account.available_to.add(stranger)
    child = OrganizationFactory(parent=account.organization)
    admin = AdministratorFactory(organization=account.organization)
    save_provider(account, available_to=[child], actor=admin)
    assert set(account.available_to.all()) == {child, stranger}
    save_provider(account, available_to=[], actor=admin)
    assert set(account.available_to.all()) == {stranger}


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
        with pytest.raises(NotFound):
            accounts.pause_by_hand(account, reason="Mine.", actor=actor)
        with pytest.raises(NotFound):
            accounts.renew_webhook_address(account, actor=actor)
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
