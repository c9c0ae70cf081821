"""The badges that were issued lately."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from django.utils import timezone
from time_machine import TimeMachineFixture

from badges.lately import issued_lately, last_days
from badges.status import Status
from tests.factories import AdministratorFactory, BadgeFactory, IssuedBadgeFactory, OrganizationFactory

pytestmark = pytest.mark.django_db
NOW = datetime(2026, 6, 28, 22, 30, tzinfo=UTC)


def test_days_are_the_readers_and_both_ends_belong_to_them(time_machine: TimeMachineFixture) -> None:
    time_machine.move_to(NOW, tick=False)
    administrator = AdministratorFactory()
    badge = BadgeFactory(organization=administrator.organization)
    berlin = ZoneInfo("Europe/Berlin")
    start, end = datetime(2026, 6, 2, tzinfo=berlin), datetime(2026, 6, 30, tzinfo=berlin)
    second = timedelta(seconds=1)
    for moment in (start - second, start, end - second, end):
        waited = moment - timedelta(days=3)
        IssuedBadgeFactory(badge=badge, status=Status.ISSUED, created_at=waited, issued_at=moment)

    with timezone.override(berlin):
        assert last_days() == (start.date(), end.date() - timedelta(days=1))
        found = set(issued_lately(administrator).values_list("issued_at", flat=True))

    assert found == {start, end - second}


def test_administrators_see_what_is_issued_of_their_badges_or_to_their_learners() -> None:
    administrator = AdministratorFactory()
    below = OrganizationFactory(parent=administrator.organization)
    now = timezone.now()
    issued = {"status": Status.ISSUED, "created_at": now, "issued_at": now}
    own = [
        IssuedBadgeFactory(badge__organization=below, learner=AdministratorFactory(), **issued),
        IssuedBadgeFactory(learner__organization=below, **issued),
    ]
    IssuedBadgeFactory(**issued)

    assert set(issued_lately(administrator)) == set(own)
