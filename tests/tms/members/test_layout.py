"""How an organization arranges the profiles of its members."""

from __future__ import annotations

import pytest
from django.core.exceptions import ValidationError
from django.db import IntegrityError

from tests.factories import AdministratorFactory, OrganizationFactory, UserFactory
from tms import gates
from tms.cards import Position
from tms.errors import NotFound
from tms.members.layout import as_offered, card_named, cards_of, layout_of, save_card
from tms.members.profile import save_profile
from tms.models import AuditEntry, Organization, ProfileCard

pytestmark = pytest.mark.django_db


@pytest.fixture
def organization() -> Organization:
    return OrganizationFactory.create()


def changed(organization: Organization, name: str, **values: object) -> ProfileCard:
    row = next(placed.row for placed in layout_of(organization) if placed.card.name == name)
    for field, value in values.items():
        setattr(row, field, value)
    return row


def test_cards_stand_as_they_are_offered_until_somebody_decides(organization: Organization) -> None:
    placed = {each.card.name: each for each in layout_of(organization)}

    assert list(placed) == ["achievements", "about"]
    assert (placed["achievements"].row.position, placed["achievements"].shown) == (Position.SIDE, 6)
    assert (placed["about"].row.position, placed["about"].shown) == (Position.MAIN, 0)
    assert all(each.row.is_enabled for each in placed.values())
    assert not ProfileCard.objects.exists()


def test_what_is_decided_is_stored_and_told(organization: Organization) -> None:
    actor = AdministratorFactory.create(organization=organization)

    save_card(changed(organization, "achievements", position="header", shown=10), actor=actor)

    stored = ProfileCard.objects.get()
    assert (stored.card, stored.position, stored.shown) == ("achievements", "header", 10)
    entry = AuditEntry.objects.get()
    assert (entry.kind, entry.name, entry.actor) == ("profile_card", "achievements", actor)
    assert entry.changes == {"position": ["side", "header"], "shown": [6, 10]}


def test_saving_it_unchanged_tells_nothing_and_a_second_time_changes_the_same_row(
    organization: Organization,
) -> None:
    actor = AdministratorFactory.create(organization=organization)
    save_card(changed(organization, "about"), actor=actor)
    save_card(changed(organization, "about", is_enabled=False), actor=actor)
    save_card(as_offered(card_named("about"), organization=organization), actor=actor)

    assert ProfileCard.objects.count() == 1
    assert [entry.changes for entry in AuditEntry.objects.order_by("id")] == [
        {"is_enabled": [True, False]},
        {"is_enabled": [False, True]},
    ]


def test_switching_a_card_off_keeps_what_it_was_set_to(organization: Organization) -> None:
    save_card(changed(organization, "achievements", position="main", shown=3), actor=None)
    save_card(changed(organization, "achievements", is_enabled=False), actor=None)

    stored = ProfileCard.objects.get()
    assert (stored.is_enabled, stored.position, stored.shown) == (False, "main", 3)


@pytest.mark.parametrize("wrong", [{"shown": 0}, {"shown": 51}, {"position": "below"}])
def test_what_no_card_can_be_is_refused(organization: Organization, wrong: dict[str, object]) -> None:
    with pytest.raises(ValidationError) as refused:
        save_card(changed(organization, "achievements", **wrong), actor=None)

    assert set(refused.value.message_dict) >= set(wrong)
    with pytest.raises(IntegrityError):
        ProfileCard.objects.create(organization=organization, card="about", position="main", shown=51)


def test_only_administrators_of_the_organization_decide(organization: Organization) -> None:
    with pytest.raises(NotFound):
        save_card(changed(organization, "about"), actor=UserFactory.create(organization=organization))
    with pytest.raises(NotFound):
        save_card(changed(organization, "about"), actor=AdministratorFactory.create())


def test_an_unknown_card_is_not_found(organization: Organization) -> None:
    with pytest.raises(NotFound):
        card_named("weather")


def test_a_new_organization_starts_with_the_layout_of_its_parent_and_goes_its_own_way(
    organization: Organization,
) -> None:
    save_card(changed(organization, "achievements", position="main", shown=3), actor=None)

    child = gates.save_organization(Organization(name="Child", parent=organization))
    save_card(changed(organization, "achievements", shown=9), actor=None)

    stored = ProfileCard.objects.get(organization=child)
    assert (stored.position, stored.shown) == ("main", 3)


def test_a_member_has_the_cards_where_they_belong(organization: Organization) -> None:
    member = UserFactory.create(organization=organization)
    save_profile(member, bio="Hello", links=[])
    save_card(changed(organization, "about", position="header"), actor=None)

    areas = cards_of(member, viewer=member)
    assert {area: [shown.card.name for shown in cards] for area, cards in areas.items()} == {
        "header": ["about"],
        "side": ["achievements"],
        "main": [],
    }

    save_card(changed(organization, "about", is_enabled=False), actor=None)
    assert cards_of(member, viewer=member)["header"] == []


def test_others_are_not_shown_an_empty_card(organization: Organization) -> None:
    member, other = (UserFactory.create(organization=organization) for _ in "12")

    assert cards_of(member, viewer=other)["main"] == []
    assert [shown.card.name for shown in cards_of(member, viewer=member)["main"]] == ["about"]


def test_who_belongs_to_no_organization_has_a_profile_as_offered() -> None:
    superuser = UserFactory.create(organization=None, is_superuser=True)

    assert [shown.card.name for shown in cards_of(superuser, viewer=superuser)["main"]] == ["about"]
