"""Settings → Customization: Gamification and Profile Layout."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from tests.factories import AdministratorFactory, OrganizationFactory, UserFactory
from tms.members.profile import save_profile
from tms.models import AuditEntry, Organization, ProfileCard, User

pytestmark = pytest.mark.django_db

HX = {"HX-Request": "true"}


@pytest.fixture
def organization() -> Organization:
    return OrganizationFactory.create(name="Academy", enable_achievements=False)


@pytest.fixture
def administrator(organization: Organization, client: Client) -> User:
    user = AdministratorFactory.create(organization=organization)
    client.force_login(user)
    client.get("/")  # the visit of the day
    return user


def text_of(response: Any) -> str:
    return str(response.content.decode())


def test_settings_lead_to_customization_and_on(
    client: Client, organization: Organization, administrator: User
) -> None:
    assert 'href="/settings/"' in text_of(client.get("/"))
    settings = client.get("/settings/", follow=True)
    assert settings.redirect_chain == [(reverse("organization-settings", args=[organization.pk]), 302)]
    customization = reverse("customization", args=[organization.pk])
    assert f'href="{customization}"' in text_of(settings)
    page = text_of(client.get(customization))
    assert f'href="{reverse("gamification", args=[organization.pk])}"' in page
    assert f'href="{reverse("profile-layout", args=[organization.pk])}"' in page


def test_who_manages_several_may_choose_another(
    client: Client, organization: Organization, administrator: User
) -> None:
    gamification = reverse("gamification", args=[organization.pk])
    assert "Another organization" not in text_of(client.get(gamification))
    children = [OrganizationFactory.create(parent=organization) for _ in range(13)]

    page = text_of(client.get(gamification))

    assert reverse("gamification", args=[children[0].pk]) in page
    assert "All organizations…" in page


def test_a_superuser_starts_with_the_first_organization(client: Client, organization: Organization) -> None:
    client.force_login(UserFactory.create(organization=None, is_superuser=True))

    assert client.get("/settings/")["Location"] == reverse("organization-settings", args=[organization.pk])


def test_without_any_organization_a_superuser_is_shown_where_they_are_made(client: Client) -> None:
    client.force_login(UserFactory.create(organization=None, is_superuser=True))

    assert client.get("/settings/")["Location"] == reverse("find-organizations")


# Gamification


def test_achievements_are_enabled_and_it_is_told_before_whom_that_concerns(
    client: Client, organization: Organization, administrator: User
) -> None:
    UserFactory.create(organization=organization, participate_in_achievements=False)
    address = reverse("gamification", args=[organization.pk])
    assert "Enabling makes 2 users participate." in text_of(client.get(address))

    response = client.post(address, {"enable_achievements": "on", "allow_member_profiles": "on"}, follow=True)

    organization.refresh_from_db()
    assert organization.enable_achievements and organization.allow_member_profiles
    assert not organization.participate_in_global_achievements
    assert organization.users.filter(participate_in_achievements=True).count() == 2
    assert response.redirect_chain == [(address, 302)]
    assert "Academy was saved." in text_of(response)
    assert "2 of 2 users participate." in text_of(response)
    assert set(AuditEntry.objects.get().changes) == {"enable_achievements", "allow_member_profiles"}


def test_it_is_the_same_column_as_on_preferences(
    client: Client, organization: Organization, administrator: User
) -> None:
    client.post(reverse("gamification", args=[organization.pk]), {"enable_achievements": "on"})

    edit = text_of(client.get(reverse("edit-organization", args=[organization.pk])))
    assert 'id="id_enable_achievements" checked' in edit.replace("\n", " ")
    profile = text_of(client.get(reverse("organization", args=[organization.pk])))
    assert reverse("organization-settings", args=[organization.pk]) in profile


def test_global_achievements_are_joined_here_too(
    client: Client, organization: Organization, administrator: User
) -> None:
    given = {"enable_achievements": "on", "participate_in_global_achievements": "on"}
    client.post(reverse("gamification", args=[organization.pk]), given)

    organization.refresh_from_db()
    assert organization.participate_in_global_achievements


def test_how_many_have_chosen_to_be_seen_is_told(
    client: Client, organization: Organization, administrator: User
) -> None:
    save_profile(administrator, bio="", links=[], shows=True)

    assert "1 member has chosen to be seen." in text_of(
        client.get(reverse("gamification", args=[organization.pk]))
    )


# Profile Layout


def options(organization: Organization, card: str = "achievements") -> str:
    return reverse("profile-card", args=[organization.pk, card])


def test_the_layout_lists_the_system_cards(
    client: Client, organization: Organization, administrator: User
) -> None:
    page = text_of(client.get(reverse("profile-layout", args=[organization.pk])))

    for words in ("System cards", "Achievements", "About", "Badges to show", "Edit Achievements"):
        assert words in page
    assert options(organization) in page
    assert "Members do not see each other’s profiles yet" in page


def test_the_options_of_a_card_open_in_a_dialog(
    client: Client, organization: Organization, administrator: User
) -> None:
    dialog = text_of(client.get(options(organization), headers=HX))

    assert "<html" not in dialog
    for words in ("left sidebar", "center content area", "top profile section", "Badges to show"):
        assert words in dialog
    assert 'value="6"' in dialog
    assert "Badges to show" not in text_of(client.get(options(organization, "about"), headers=HX))


def test_a_saved_card_closes_the_dialog_and_shows_the_new_arrangement(
    client: Client, organization: Organization, administrator: User
) -> None:
    given = {"is_enabled": "on", "position": "header", "shown": "10"}

    response = client.post(options(organization), given, headers=HX)

    stored = ProfileCard.objects.get()
    assert (stored.organization, stored.position, stored.shown) == (organization, "header", 10)
    assert "close-dialog" in response["HX-Trigger-After-Swap"]
    assert response["HX-Retarget"] == "#layout"
    assert "your changes were saved" in text_of(response)
    assert AuditEntry.objects.get().actor == administrator
    assert "Profile card" in text_of(client.get(reverse("find-audit")))


def test_without_script_the_options_are_a_page(
    client: Client, organization: Organization, administrator: User
) -> None:
    assert "<html" in text_of(client.get(options(organization)))

    response = client.post(options(organization), {"position": "main", "shown": "3"}, follow=True)

    assert response.redirect_chain == [(reverse("profile-layout", args=[organization.pk]), 302)]
    assert "your changes were saved" in text_of(response)
    assert "Disabled" in text_of(response)
    assert not ProfileCard.objects.get().is_enabled


@pytest.mark.parametrize("headers", [{}, HX])
@pytest.mark.parametrize("shown", ["0", "51", "", "many"])
def test_a_number_that_cannot_be_is_refused_beside_its_field(
    client: Client, organization: Organization, administrator: User, shown: str, headers: dict[str, str]
) -> None:
    given = {"is_enabled": "on", "position": "header", "shown": shown}

    page = text_of(client.post(options(organization), given, headers=headers))

    assert 'aria-invalid="true"' in page
    assert 'value="header" id="id_position_2" checked' in page.replace("required ", "")
    assert not ProfileCard.objects.exists()


def test_an_unknown_card_is_not_found(
    client: Client, organization: Organization, administrator: User
) -> None:
    assert client.get(options(organization, "weather")).status_code == 404


def test_the_pages_need_few_queries(
    client: Client, organization: Organization, administrator: User, django_assert_max_num_queries: Any
) -> None:
    for _ in range(15):
        OrganizationFactory.create(parent=organization)
    for name in ("organization-settings", "customization", "gamification", "profile-layout"):
        with django_assert_max_num_queries(12):
            assert client.get(reverse(name, args=[organization.pk])).status_code == 200
    with django_assert_max_num_queries(12):
        assert client.get(options(organization), headers=HX).status_code == 200
