"""Making, changing and looking after an account on pages of its own."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from providers.models import BadgeProvider
from tests.factories import TOKEN, AdministratorFactory, BadgeProviderFactory, OrganizationFactory
from tests.providers.paper import ACCREDIBLE, CREDLY, Paper, on_paper
from tms.models import User

pytestmark = pytest.mark.django_db
CREATE = "/badge-providers/create/"


@pytest.fixture
def paper() -> Iterator[Paper]:
    with on_paper() as paper:
        yield paper


@pytest.fixture
def admin() -> User:
    made: User = AdministratorFactory()
    return made


@pytest.fixture
def office(client: Client, admin: User) -> Client:
    client.force_login(admin)
    return client


def typed(admin: User, **given: Any) -> dict[str, Any]:
    facts = {
        "name": "IPC-Credly",
        "description": "Everything of ours.",
        "organization": admin.organization_id,
        "kind": "credly",
        "provider_organization_id": "our-id",
        "new_token": "typed-token",
        "api_url": CREDLY,
        "is_enabled": "on",
        "revoke_by": "expire",
    }
    return {name: value for name, value in {**facts, **given}.items() if value is not None}


def page(provider: BadgeProvider, name: str) -> str:
    return reverse(name, args=[provider.pk])


def told(response: Any) -> list[str]:
    return [str(message) for message in response.context["messages"]]


def test_the_form_has_the_documented_fields_in_their_order(office: Client, admin: User) -> None:
    child = OrganizationFactory(name="Far below", parent=OrganizationFactory(parent=admin.organization))
    OrganizationFactory(name="Elsewhere")

    form = office.get(CREATE).context["form"]

    basic, availability, _more = form.panels
    assert [str(field.label) for field in basic.fields] == [
        "Name",
        "Description",
        "Organization",
        "Badge Provider Type",
        "Badge Provider Organization Id",
        "Badge Provider Api Authentication Token",
        "API Url",
        "Enabled",
    ]
    assert form["organization"].value() == admin.organization_id
    assert form["is_enabled"].value() is True
    assert [str(label) for _value, label in form.fields["kind"].choices] == ["Credly", "Accredible"]
    assert str(availability.section.label) == "Availability"
    assert [(row.organization, row.depth) for row in form.below] == [(child.parent, 1), (child, 2)]


def test_an_account_is_stored_with_whom_it_is_for_and_checked_at_once(
    office: Client, admin: User, paper: Paper
) -> None:
    child = OrganizationFactory(parent=admin.organization)

    response = office.post(CREATE, typed(admin, available_to=[child.pk]), follow=True)

    stored = BadgeProvider.objects.get()
    assert response.redirect_chain == [(page(stored, "badge-provider"), 302)]
    assert told(response) == [
        "IPC-Credly was saved.",
        "IPC-Credly: the connection works; Credly calls it “Brackenfold”.",
    ]
    assert (stored.name, stored.kind, stored.api_url) == ("IPC-Credly", "credly", CREDLY)
    assert (stored.provider_organization_id, stored.token) == ("our-id", "typed-token")
    assert list(stored.available_to.all()) == [child]
    assert stored.checked_at is not None
    assert "typed-token" not in response.content.decode()


def test_what_the_provider_says_against_it_is_told_and_the_account_stays(
    office: Client, admin: User, paper: Paper
) -> None:
    paper.refuse = 401

    response = office.post(CREATE, typed(admin), follow=True)

    stored = BadgeProvider.objects.get()
    saved, refused = told(response)
    assert saved == "IPC-Credly was saved."
    assert stored.check_problem
    assert refused == f"IPC-Credly: {stored.check_problem}"


@pytest.mark.parametrize(
    ("given", "field", "section"),
    [
        ({"name": ""}, "name", "basic-information"),
        ({"new_token": ""}, "new_token", "basic-information"),
        ({"provider_organization_id": ""}, "provider_organization_id", "basic-information"),
        ({"api_url": "http://10.0.0.1/v1"}, "api_url", "basic-information"),
        ({"calls_per_minute": "many"}, "calls_per_minute", "more-settings"),
        ({"available_to": "elsewhere"}, "available_to", "availability"),
        ({"kind": "open_badges"}, "kind", "basic-information"),
    ],
)
def test_what_is_wrong_stands_at_its_field_and_nothing_typed_is_lost(
    office: Client, admin: User, given: dict[str, Any], field: str, section: str
) -> None:
    if "available_to" in given:  # reached, and not below
        given = {"available_to": [admin.organization_id]}
        given["organization"] = OrganizationFactory(parent=admin.organization).pk

    response = office.post(CREATE, typed(admin, **given))

    form = response.context["form"]
    assert list(form.errors) == [field]
    assert [panel.section.name for panel in form.panels if panel.is_open] == [section]
    html = response.content.decode()
    assert "Everything of ours." in html
    assert ('value="typed-token"' in html) == ("new_token" not in given)
    assert "no-store" in response["Cache-Control"]
    assert not BadgeProvider.objects.exists()


def test_accredible_knows_the_account_by_its_key_alone(office: Client, admin: User, paper: Paper) -> None:
    given = typed(
        admin, kind="accredible", provider_organization_id="", api_url=ACCREDIBLE, revoke_by="delete"
    )

    office.post(CREATE, given)

    stored = BadgeProvider.objects.get()
    assert (stored.kind, stored.revoke_by, stored.check_problem) == ("accredible", "delete", "")


def test_an_edit_keeps_the_token_that_nobody_typed_and_checks_only_what_changed(
    office: Client, admin: User, paper: Paper
) -> None:
    provider = BadgeProviderFactory(organization=admin.organization, external_id="ours")
    address = page(provider, "edit-badge-provider")
    form = office.get(address).context["form"]
    assert TOKEN not in str(form)
    assert not form.fields["new_token"].required

    office.post(
        address,
        typed(
            admin, name="Renamed", new_token="", provider_organization_id=provider.provider_organization_id
        ),
    )
    provider.refresh_from_db()
    assert (provider.name, provider.token, provider.external_id) == ("Renamed", TOKEN, None)
    assert paper.asked == []

    office.post(address, typed(admin, name="Renamed", new_token="newer-token"))
    provider.refresh_from_db()
    assert provider.token == "newer-token"
    assert paper.asked != []


def test_an_account_is_checked_paused_and_resumed_from_its_profile(
    office: Client, admin: User, paper: Paper
) -> None:
    provider = BadgeProviderFactory(name="Ours", organization=admin.organization)

    checked = office.post(page(provider, "check-badge-provider"), follow=True)
    assert told(checked) == ["Ours: the connection works; Credly calls it “Brackenfold”."]

    refused = office.post(page(provider, "pause-badge-provider"), {"reason": " "}, follow=True)
    assert "A reason is required" in told(refused)[0]
    paused = office.post(page(provider, "pause-badge-provider"), {"reason": "No budget"}, follow=True)
    provider.refresh_from_db()
    assert (provider.pause_reason, provider.paused_by) == ("No budget", admin)
    assert "No budget" in paused.content.decode()

    office.post(page(provider, "resume-badge-provider"))
    provider.refresh_from_db()
    assert provider.paused_at is None


def test_the_webhook_address_is_renewed_where_the_provider_calls(office: Client, admin: User) -> None:
    credly = BadgeProviderFactory(organization=admin.organization)
    accredible = BadgeProviderFactory(organization=admin.organization, kind=BadgeProvider.Kind.ACCREDIBLE)

    renewed = office.post(page(credly, "renew-webhook-address"), follow=True)
    refused = office.post(page(accredible, "renew-webhook-address"), follow=True)

    credly.refresh_from_db()
    assert credly.webhook_address in renewed.content.decode()
    assert "does not send events" in told(refused)[0]
