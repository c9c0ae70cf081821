"""Who sees whose profile."""

from __future__ import annotations

from typing import Any

import pytest

from tests.factories import AdministratorFactory, OrganizationFactory, UserFactory
from tms.members.profile import save_picture, save_profile
from tms.members.visibility import members_seen_by, pictures_seen_by, shown_in
from tms.models import Organization, User

pytestmark = pytest.mark.django_db


@pytest.fixture
def organization() -> Organization:
    return OrganizationFactory.create(allow_member_profiles=True)


@pytest.fixture
def member(organization: Organization) -> User:
    user = UserFactory.create(organization=organization)
    save_profile(user, bio="", links=[], shows=True)
    save_picture(user, b"picture")
    return user


def sees(viewer: User, member: User) -> bool:
    seen = members_seen_by(viewer).filter(pk=member.pk).exists()
    assert pictures_seen_by(viewer).filter(user=member).exists() is seen
    return seen


def test_another_member_of_the_organization_sees_it(organization: Organization, member: User) -> None:
    assert sees(UserFactory.create(organization=organization), member)
    assert shown_in(organization) == 1


@pytest.mark.parametrize(
    "change",
    [
        {"organization__allow_member_profiles": False},
        {"member_profile__shown_in": None},
        {"is_active": False},
    ],
)
def test_other_members_do_not_see_it_unless_all_of_it_holds(
    organization: Organization, member: User, change: dict[str, Any]
) -> None:
    for path, value in change.items():
        *way, name = path.split("__")
        row: Any = member
        for step in way:
            row = getattr(row, step)
        setattr(row, name, value)
        row.save()

    assert not sees(UserFactory.create(organization=organization), member)
    assert sees(AdministratorFactory.create(organization=organization), member)


def test_she_always_sees_her_own(member: User) -> None:
    save_profile(member, bio="", links=[], shows=False)

    assert sees(member, member)


def test_those_who_administer_it_see_it_and_nobody_elsewhere(
    organization: Organization, member: User
) -> None:
    parent, child = OrganizationFactory.create(), OrganizationFactory.create(parent=organization)
    organization.parent = parent
    organization.save()

    assert sees(AdministratorFactory.create(organization=parent), member)
    assert not sees(AdministratorFactory.create(organization=child), member)
    assert not sees(UserFactory.create(organization=child), member)
    assert not sees(
        UserFactory.create(organization=OrganizationFactory.create(allow_member_profiles=True)), member
    )
    assert sees(UserFactory.create(organization=None, is_superuser=True), member)


def test_who_moves_to_another_organization_is_not_shown_there(
    organization: Organization, member: User
) -> None:
    elsewhere = OrganizationFactory.create(allow_member_profiles=True)
    member.organization = elsewhere
    member.save()

    assert not sees(UserFactory.create(organization=elsewhere), member)
    assert not sees(UserFactory.create(organization=organization), member)
    assert shown_in(organization) == shown_in(elsewhere) == 0


def test_a_disabled_viewer_sees_nobody(organization: Organization, member: User) -> None:
    assert not sees(UserFactory.create(organization=organization, is_active=False), member)
