"""What accounts told long ago is forgotten, the latest word of each never."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone

from badges import forgetting
from badges.forgetting import KEPT, forget
from badges.models import Comparison, ProviderEvent, Synchronization
from tests.factories import BadgeProviderFactory

pytestmark = pytest.mark.django_db
NOW = timezone.now()
OLD = NOW - KEPT - timedelta(days=1)


@pytest.fixture
def account():
    return BadgeProviderFactory()


def synchronization(account, at, **more):
    return Synchronization.objects.create(badge_provider=account, at=at, **more)


def event(account, name, processed_at):
    return ProviderEvent.objects.create(
        badge_provider=account, external_id=name, kind="x", received_at=OLD, processed_at=processed_at
    )


def test_old_events_are_forgotten_and_waiting_ones_never(account):
    event(account, "old", OLD)
    waiting, new = event(account, "waiting", None), event(account, "new", NOW)
    assert forget() == 1
    assert set(ProviderEvent.objects.all()) == {waiting, new}


def test_old_synchronizations_are_forgotten(account):
    synchronization(account, OLD)
    kept = [synchronization(account, NOW - KEPT + timedelta(days=1)), synchronization(account, NOW)]
    assert forget() == 1
    assert list(Synchronization.objects.order_by("pk")) == kept


def test_the_latest_of_each_account_stays_however_old(account):
    other = BadgeProviderFactory()
    synchronization(account, OLD)
    written = [synchronization(account, OLD), synchronization(other, OLD)]
    synchronization(account, OLD, problem="Nobody answers.")
    tried = synchronization(account, OLD, is_dry_run=True)
    old = {"started_at": OLD, "active_at": OLD}
    Comparison.objects.create(badge_provider=account, finished_at=OLD, **old)
    finished = Comparison.objects.create(badge_provider=account, finished_at=OLD, **old)
    under_way = Comparison.objects.create(badge_provider=account, **old)
    event(account, "first", OLD)
    heard = event(account, "last", OLD)
    assert forget() == 4
    assert set(Synchronization.objects.all()) == {*written, tried}
    assert set(Comparison.objects.all()) == {finished, under_way}
    assert list(ProviderEvent.objects.all()) == [heard]
    assert forget() == 0


def test_a_night_deletes_so_much_and_the_next_goes_on(account, monkeypatch):
    monkeypatch.setattr(forgetting, "BATCH", 2)
    monkeypatch.setattr(forgetting, "MOST", 3)
    for _number in range(8):
        synchronization(account, OLD)
    assert [forget(), forget(), forget()] == [4, 3, 0]
