"""How an organization arranges its members' profiles: which system cards, where, and how much they show.

Switching a card off keeps what it was set to. Each organization has an arrangement of its own: a new one
starts with its parent's, as with all its preferences, and what is not decided stands as the card's app
offers it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.db import transaction
from django.utils.translation import gettext as _

from tms import audit
from tms.access import Action, require
from tms.cards import Card, Position
from tms.contributions import contributed
from tms.errors import NotFound
from tms.models import Organization, ProfileCard, User

# As they stand on a page, from the top.
AREAS = (Position.HEADER, Position.SIDE, Position.MAIN)


def cards() -> list[Card]:
    return sorted(contributed("cards"), key=lambda card: card.order)


def card_named(name: str) -> Card:
    for card in cards():
        if card.name == name:
            return card
    raise NotFound("not_found", _("Not found."))


@dataclass(frozen=True, kw_only=True)
class Placed:
    """A card as one organization has it."""

    card: Card
    row: ProfileCard

    @property
    def shown(self) -> int:
        number = self.card.number
        return self.row.shown or (number.default if number else 0)


def layout_of(organization: Organization | None) -> list[Placed]:
    rows = ProfileCard.objects.filter(organization=organization) if organization else ()
    known = {row.card: row for row in rows}
    return [
        Placed(card=card, row=known.get(card.name) or as_offered(card, organization=organization))
        for card in cards()
    ]


def as_offered(card: Card, *, organization: Organization | None) -> ProfileCard:
    return ProfileCard(
        organization=organization,
        card=card.name,
        position=card.position,
        shown=card.number.default if card.number else None,
    )


def save_card(row: ProfileCard, *, actor: User | None) -> ProfileCard:
    """Store how an organization shows a card. Raises ValidationError naming the field."""
    require(actor, Action.MANAGE, row.organization)
    card = card_named(row.card)
    with transaction.atomic():
        Organization.objects.select_for_update(no_key=True).get(pk=row.organization_id)
        stored = ProfileCard.objects.filter(organization=row.organization_id, card=row.card).first()
        before = stored or as_offered(card, organization=row.organization)
        row.pk = stored.pk if stored else None
        row._state.adding = stored is None
        row.full_clean()
        row.save()
        changes = audit.changed_fields(before, row)
        changes.pop("id", None)  # what was not decided before had no row
        if changes:
            audit.record(audit.Act.CHANGE, row, kind=audit.Kind.PROFILE_CARD, actor=actor, changes=changes)
    return row


def start_as(parent: Organization, *, child: Organization) -> None:
    rows = ProfileCard.objects.filter(organization=parent)
    ProfileCard.objects.bulk_create(
        [
            ProfileCard(
                organization=child,
                card=row.card,
                is_enabled=row.is_enabled,
                position=row.position,
                shown=row.shown,
            )
            for row in rows
        ]
    )


@dataclass(frozen=True, kw_only=True)
class Shown:
    """A card with what it shows to somebody."""

    card: Card
    position: ProfileCard.Position
    data: dict[str, Any]


def cards_of(member: User, *, viewer: User) -> dict[str, list[Shown]]:
    """Area → the cards that `viewer`, who may see this profile, finds there."""
    areas: dict[str, list[Shown]] = {area.value: [] for area in AREAS}
    for placed in layout_of(member.organization):
        if not placed.row.is_enabled:
            continue
        data = placed.card.read(member, viewer, placed.shown)
        if data is not None:
            position = Position(placed.row.position)
            areas[position.value].append(Shown(card=placed.card, position=position, data=data))
    return areas
