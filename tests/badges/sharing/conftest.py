"""A published badge of somebody whose address must be told to nobody."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from badges.models import BadgePresentation, IssuedBadge
from badges.sharing import choices
from badges.status import Status
from tests.factories import BadgeFactory, IssuedBadgeFactory, OrganizationFactory, UserFactory

SITE = "https://badges.example"
CANARY = "ada.canary@example.org"
EARNED = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)


@pytest.fixture(autouse=True)
def site(settings) -> None:
    settings.PUBLIC_URL = SITE


@pytest.fixture
def row(db: None) -> IssuedBadge:
    organization = OrganizationFactory(name="Northwind & Sons", time_zone="Pacific/Auckland")
    badge = BadgeFactory(
        name="Cloud <Foundations>", description="What clouds are made of.", organization=organization
    )
    learner = UserFactory(
        email=CANARY, first_name="Zoë", last_name="O’Hara", organization=organization, time_zone="Europe/Rome"
    )
    found: IssuedBadge = IssuedBadgeFactory(
        badge=badge,
        learner=learner,
        status=Status.ACCEPTED,
        earned_at=EARNED,
        external_url="https://provider.example/badges/1",
        external_uuid="1",
    )
    return found


@pytest.fixture
def presentation(row: IssuedBadge) -> BadgePresentation:
    return choices.publish(row, actor=row.learner)
