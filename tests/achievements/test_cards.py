"""The Achievements card on a member's profile."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from tests.achievements.test_showcase import earned, issued
from tests.factories import AdministratorFactory, OrganizationFactory, UserFactory
from tms import gates
from tms.members.layout import layout_of, save_card
from tms.members.profile import save_profile
from tms.models import User

pytestmark = pytest.mark.django_db


@pytest.fixture
def learner() -> User:
    organization = OrganizationFactory.create(allow_member_profiles=True)
    user = UserFactory.create(organization=organization)
    save_profile(user, bio="", links=[], shows=True)
    return user


def card(client: Client, member: User, *, viewer: User) -> str:
    client.force_login(viewer)
    page = client.get(reverse("member", args=[member.pk])).content.decode()
    _before, _id, after = page.partition('id="achievements-card"')
    return str(after.partition("</section>")[0])


def arrange(member: User, **values: Any) -> None:
    row = next(placed.row for placed in layout_of(member.organization) if placed.card.name == "achievements")
    for name, value in values.items():
        setattr(row, name, value)
    save_card(row, actor=None)


def test_it_shows_medals_and_points_to_other_members(client: Client, learner: User) -> None:
    issued(learner, "Cloud Foundations")
    earned(learner, "Early Bird", points=15)

    shown = card(client, learner, viewer=UserFactory.create(organization=learner.organization))

    assert "Cloud Foundations" in shown and "Early Bird" in shown
    assert "<b>15</b> points" in shown
    assert "more" not in shown


def test_it_shows_as_many_as_the_organization_says(client: Client, learner: User) -> None:
    for number in range(12):
        issued(learner, f"Badge number {number}")
    for most in (3, 6, 10):
        arrange(learner, shown=most)

        shown = card(client, learner, viewer=learner)

        assert shown.count("Badge number") == most
        assert f"+{12 - most} more" in shown


def test_without_anything_earned_it_says_so(client: Client, learner: User) -> None:
    assert "Your first achievement is close" in card(client, learner, viewer=learner)
    other = UserFactory.create(organization=learner.organization)
    assert "Nothing to display, yet." in card(client, learner, viewer=other)


def test_it_is_gone_where_the_organization_switched_it_off_and_comes_back_as_it_was(
    client: Client, learner: User
) -> None:
    issued(learner, "Cloud Foundations")
    arrange(learner, shown=3, position="main", is_enabled=False)
    assert card(client, learner, viewer=learner) == ""

    arrange(learner, is_enabled=True)
    assert "Cloud Foundations" in card(client, learner, viewer=learner)


def test_there_is_none_of_who_does_not_participate(client: Client, learner: User) -> None:
    issued(learner, "Cloud Foundations")
    administrator = AdministratorFactory.create(organization=learner.organization)
    gates.opt_out(learner)
    for viewer in (learner, administrator):
        assert card(client, learner, viewer=viewer) == ""

    gates.opt_in(learner)
    assert card(client, learner, viewer=learner)
    organization = learner.organization
    assert organization
    organization.enable_achievements = False
    organization.save()
    assert card(client, learner, viewer=learner) == ""


def test_it_leads_to_all_that_was_earned(client: Client, learner: User) -> None:
    all_of_them = reverse("full-achievements", args=[learner.pk])
    for viewer in (learner, UserFactory.create(organization=learner.organization)):
        shown = card(client, learner, viewer=viewer)
        assert f'href="{all_of_them}"' in shown and f'hx-get="{all_of_them}"' in shown
        assert client.get(all_of_them).status_code == 200
        assert 'id="full-achievements"' in client.get(f"/members/{learner.pk}/").content.decode()


def test_a_profile_of_hundreds_needs_as_few_queries(
    client: Client, learner: User, django_assert_max_num_queries: Any
) -> None:
    for number in range(30):
        issued(learner, f"Badge number {number}")
    client.force_login(UserFactory.create(organization=learner.organization))
    client.get("/")

    with django_assert_max_num_queries(12):
        assert client.get(reverse("member", args=[learner.pk])).status_code == 200
