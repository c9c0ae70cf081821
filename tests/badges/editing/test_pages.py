"""Making and changing a badge on pages of its own, with the dialogs of its form."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from badges.models import Badge
from badges.synchronization import synchronize
from providers.models import BadgeProvider
from tests.factories import (
    AdministratorFactory,
    BadgeFactory,
    BadgeProviderFactory,
    IssuedBadgeFactory,
    OrganizationFactory,
)
from tests.providers.paper import Paper, on_paper, template_id

pytestmark = pytest.mark.django_db
CREATE = "/badges/create/"


@pytest.fixture
def paper() -> Iterator[Paper]:
    with on_paper("Azure", "Kubernetes") as paper:
        yield paper


@pytest.fixture
def account() -> BadgeProvider:
    made: BadgeProvider = BadgeProviderFactory(name="Our Credly")
    return made


@pytest.fixture
def office(client: Client, account: BadgeProvider) -> Client:
    client.force_login(AdministratorFactory(organization=account.organization))
    return client


def typed(account: BadgeProvider, **given: Any) -> dict[str, Any]:
    facts = {
        "name": "Azure",
        "description": "One lab.",
        "organization": account.organization_id,
        "badge_provider": account.pk,
        "template_id": template_id("Azure"),
    }
    return {name: value for name, value in {**facts, **given}.items() if value is not None}


def told(response: Any) -> list[str]:
    return [str(message) for message in response.context["messages"]]


def test_the_form_has_the_documented_fields_and_manual_issuance_at_the_bottom(
    office: Client, account: BadgeProvider
) -> None:
    form = office.get(CREATE, {"badge_provider": account.pk}).context["form"]

    basic, availability, _more, _languages = form.panels
    assert [str(field.label) for field in basic.fields] == [
        "Name",
        "Description",
        "Organization",
        "Badge Provider",
        "Badge Provider Template Id",
        "Is active",
        "Enable Manual Issuance",
    ]
    assert form["organization"].value() == account.organization_id
    assert str(form["badge_provider"].value()) == str(account.pk)
    assert (form["is_active"].value(), form["enable_manual_issuance"].value()) == (False, False)
    assert str(availability.section.label) == "Availability"


def test_a_badge_of_a_typed_template_is_stored_inactive(office: Client, account: BadgeProvider) -> None:
    child = OrganizationFactory(parent=account.organization)

    response = office.post(
        CREATE,
        typed(
            account,
            enable_manual_issuance="on",
            available_to=[child.pk],
            expires_after_days="365",
            image_url="https://images.example/a.png",
        ),
        follow=True,
    )

    badge = Badge.objects.get()
    assert response.redirect_chain == [(reverse("badge", args=[badge.pk]), 302)]
    assert (badge.name, badge.template_id, badge.badge_provider) == ("Azure", template_id("Azure"), account)
    assert (badge.is_active, badge.enable_manual_issuance, badge.expires_after_days) == (False, True, 365)
    assert (badge.image_url, list(badge.available_to.all())) == ("https://images.example/a.png", [child])


def test_to_be_active_the_template_must_be_alive_at_the_provider(
    office: Client, account: BadgeProvider, paper: Paper
) -> None:
    refused = office.post(CREATE, typed(account, template_id="no-such", is_active="on"))
    assert "has no template no-such" in str(refused.context["form"].errors["is_active"])
    assert not Badge.objects.exists()

    office.post(CREATE, typed(account, is_active="on"))
    assert (Badge.objects.get().is_active, Badge.objects.get().template_state) == (True, "live")

    paper.refuse = 503
    unknown = office.post(
        CREATE, typed(account, name="B", template_id=template_id("Kubernetes"), is_active="on"), follow=True
    )
    assert Badge.objects.get(name="B").is_active
    assert any("could not be asked" in text for text in told(unknown))


@pytest.mark.parametrize("field", ["name", "badge_provider", "template_id"])
def test_what_is_missing_stands_at_its_field_and_nothing_typed_is_lost(
    office: Client, account: BadgeProvider, field: str
) -> None:
    response = office.post(CREATE, typed(account, **{field: ""}))

    assert list(response.context["form"].errors) == [field]
    assert "One lab." in response.content.decode()
    assert not Badge.objects.exists()


def test_what_a_synchronization_brought_becomes_the_badge_that_is_made_of_it(
    office: Client, account: BadgeProvider, paper: Paper
) -> None:
    synchronize(account)
    brought = Badge.objects.get(name="Azure")

    office.post(CREATE, typed(account, name="Azure in Practice", is_active="on"))

    brought.refresh_from_db()
    assert (brought.name, brought.is_active) == ("Azure in Practice", True)
    assert Badge.objects.count() == 2

    again = office.post(CREATE, typed(account, name="Another"))
    assert "already has a badge of this template" in str(again.context["form"].errors)
    brought.refresh_from_db()
    assert brought.name == "Azure in Practice"


def test_manual_issuance_is_allowed_by_editing(office: Client, account: BadgeProvider) -> None:
    badge = BadgeFactory(
        organization=account.organization, badge_provider=account, enable_manual_issuance=False
    )
    shown = office.get(reverse("edit-badge", args=[badge.pk])).context["form"]
    given = {name: shown[name].value() for name in ("name", "template_id", "badge_provider", "organization")}

    office.post(
        reverse("edit-badge", args=[badge.pk]), {**given, "is_active": "on", "enable_manual_issuance": "on"}
    )

    badge.refresh_from_db()
    assert (badge.enable_manual_issuance, badge.is_active) == (True, True)


def test_a_badge_that_was_issued_keeps_its_template_whatever_is_sent(
    office: Client, account: BadgeProvider
) -> None:
    badge = BadgeFactory(organization=account.organization, badge_provider=account)
    IssuedBadgeFactory(badge=badge)
    before = badge.template_id

    office.post(reverse("edit-badge", args=[badge.pk]), typed(account, name="Renamed", is_active="on"))

    badge.refresh_from_db()
    assert (badge.name, badge.template_id) == ("Renamed", before)


def test_an_account_is_chosen_in_a_dialog_among_those_that_may_be_used(
    office: Client, account: BadgeProvider
) -> None:
    above = OrganizationFactory()
    account.organization.parent = above
    account.organization.save()
    shared = BadgeProviderFactory(name="Shared", organization=above)
    shared.available_to.add(account.organization)
    BadgeProviderFactory(name="Not shared", organization=above)
    address = reverse("choose-badge-provider")

    opened = office.get(address, {"badge_provider": account.pk}).content.decode()
    assert "Our Credly" in opened
    assert "Shared" in opened
    assert "Not shared" not in opened

    chosen = office.post(address, {"chosen": shared.pk, "confirm": "yes"})
    assert json.loads(chosen["HX-Trigger"]) == {
        "badge-provider-chosen": {"id": shared.pk, "name": "Shared"},
        "close-dialog": {},
    }


def test_a_synchronized_template_is_chosen_in_a_dialog_while_it_is_not_in_use(
    office: Client, account: BadgeProvider, paper: Paper
) -> None:
    address = reverse("choose-template")
    assert "Choose a badge provider first." in office.get(address).content.decode()
    synchronize(account)
    Badge.objects.filter(name="Kubernetes").update(is_active=True)
    azure = Badge.objects.get(name="Azure")

    opened = office.get(address, {"badge_provider": account.pk}).content.decode()
    assert template_id("Azure") in opened
    assert template_id("Kubernetes") not in opened

    chosen = office.post(address, {"badge_provider": account.pk, "chosen": azure.pk, "confirm": "yes"})
    assert json.loads(chosen["HX-Trigger"])["template-chosen"] == {
        "template_id": azure.template_id,
        "name": "Azure",
        "description": azure.description,
        "image_url": azure.image_url,
    }
