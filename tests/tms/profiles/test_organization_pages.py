"""The profile of an organization, and the pages that make and change one."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client

from tests.factories import (
    AchievementFactory,
    AdministratorFactory,
    BadgeFactory,
    BadgeProviderFactory,
    OrganizationFactory,
    UserFactory,
)
from tms import gates
from tms.models import Organization, ProgressChange, User

pytestmark = pytest.mark.django_db
CREATE = "/organizations/create/"


@pytest.fixture
def admin() -> User:
    made: User = AdministratorFactory(organization__enable_achievements=False)
    return made


@pytest.fixture
def office(client: Client, admin: User) -> Client:
    client.force_login(admin)
    return client


def test_a_new_organization_starts_with_its_parents_preferences(office: Client, admin: User) -> None:
    parent = OrganizationFactory(
        parent=admin.organization, enable_achievements=True, participate_in_global_achievements=True
    )
    form = office.get(f"{CREATE}?organization={parent.pk}").context["form"]
    assert [panel.section.name for panel in form.panels] == ["basic-information"]
    assert form["parent"].value() == parent.pk

    given = {"name": "Team", "parent": parent.pk, "time_zone": "Europe/Berlin", "external_id": "team"}
    response = office.post(CREATE, given)

    team = Organization.objects.get(external_id="team")
    assert response["Location"] == f"/organizations/{team.pk}/"
    assert (team.name, team.parent, team.time_zone) == ("Team", parent, "Europe/Berlin")
    assert team.enable_achievements
    assert team.participate_in_global_achievements


def test_only_a_superuser_plants_a_tree_and_nobody_makes_a_loop(office: Client, admin: User) -> None:
    own = admin.organization
    below = OrganizationFactory(parent=own)
    lone = office.post(CREATE, {"name": "East", "time_zone": "UTC", "parent": ""})
    assert list(lone.context["form"].errors) == ["parent"]

    edit = f"/organizations/{below.pk}/edit/"
    for parent in ("", OrganizationFactory(parent=below).pk, OrganizationFactory().pk):
        refused = office.post(edit, {"name": "New", "time_zone": "UTC", "parent": parent})
        assert list(refused.context["form"].errors) == ["parent"]
    below.refresh_from_db()
    assert (below.parent, below.name == "New") == (own, False)

    # What is above one's own organization is not one's own to say.
    page = office.get(f"/organizations/{own.pk}/edit/")
    assert "parent" not in page.context["form"].fields
    office.post(f"/organizations/{own.pk}/edit/", {"name": "Own", "time_zone": "UTC", "parent": below.pk})
    own.refresh_from_db()
    assert (own.name, own.parent) == ("Own", None)


def test_preferences_tell_before_saving_whom_enabling_makes_participate(office: Client, admin: User) -> None:
    own = admin.organization
    asleep = UserFactory(organization=own, participate_in_achievements=False)
    out = UserFactory(organization=own)
    gates.opt_out(out)
    edit = f"/organizations/{own.pk}/edit/"

    page = " ".join(office.get(edit).content.decode().split())
    assert "Enabling makes 2 users participate." in page
    assert "1 has opted out, and stays out." in page

    given = {"name": own.name, "time_zone": "UTC", "enable_achievements": "on"}
    office.post(edit, given | {"participate_in_global_achievements": "on"})

    own.refresh_from_db()
    assert (own.enable_achievements, own.participate_in_global_achievements) == (True, True)
    participating = User.objects.filter(organization=own, participate_in_achievements=True)
    assert set(participating) == {admin, asleep}
    assert ProgressChange.objects.filter(learner=asleep).exists()
    page = " ".join(office.get(edit).content.decode().split())
    assert "2 of 3 users participate. 1 has opted out." in page

    office.post(edit, {"name": own.name, "time_zone": "UTC"})
    own.refresh_from_db()
    assert not own.enable_achievements


def test_a_profile_leads_to_what_belongs_to_the_organization(
    office: Client, admin: User, django_assert_max_num_queries: Any
) -> None:
    below = OrganizationFactory(parent=admin.organization, name="Below")
    UserFactory(organization=below)
    provider = BadgeProviderFactory(organization=admin.organization)
    provider.available_to.add(below)
    BadgeFactory(organization=below, badge_provider=provider)
    AchievementFactory(organization=below, enabled=False)

    office.get("/classes/")  # the first page of a day is a fact of its own
    with django_assert_max_num_queries(12):
        page = office.get(f"/organizations/{below.pk}/")

    lines = {str(line.label): line for counts in page.context["counts"] for line in counts.lines}
    assert {label: line.count for label, line in lines.items()} == {
        "Badge Providers": 0,
        "Badge Providers of other organizations": 1,
        "Badges": 1,
        "Enabled": 0,
        "Disabled": 1,
    }
    for line in lines.values():
        assert office.get(line.url).context["found"].count == line.count
    assert f'href="/organizations/{admin.organization_id}/"' in page.content.decode()
    assert (
        f'href="/organizations/{below.pk}/"'
        in office.get(f"/organizations/{admin.organization_id}/").content.decode()
    )

    # Whoever administers only what is below sees that there is one, and not whose.
    Client.force_login(office, AdministratorFactory(organization=below))
    page = office.get(f"/organizations/{below.pk}/")
    given = page.context["counts"][0].lines[1]
    assert (given.count, given.url) == (1, "")
    assert f'href="/organizations/{admin.organization_id}/"' not in page.content.decode()
