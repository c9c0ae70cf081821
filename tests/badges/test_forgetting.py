"""What accounts told long ago is forgotten, the latest word of each never."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.urls import reverse
from django.utils import timezone

from badges.forgetting import KEPT, forget
from badges.lists.acting import fingerprint, issue_list, keep
from badges.models import (
    BadgePresentation,
    Comparison,
    IssuedBadge,
    IssuingAct,
    IssuingList,
    ProviderEvent,
    Synchronization,
)
from badges.status import Status
from tests.factories import (
    AdministratorFactory,
    BadgeFactory,
    BadgeProviderFactory,
    IssuedBadgeFactory,
    UserFactory,
)
from tms import forgetting

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


@pytest.fixture
def badge():
    return BadgeFactory()


@pytest.fixture
def admin(badge):
    return AdministratorFactory(organization=badge.organization)


def list_of(learner, *, actor, badge, confirmed):
    kept = keep(f"{learner.email}\nnobody@example.org\n", actor=actor, badge=badge)
    if confirmed:
        issue_list(kept, actor=actor, seen=fingerprint(kept))
    return kept


def test_a_list_that_was_not_confirmed_is_forgotten_after_a_week(badge, admin):
    learners = UserFactory.create_batch(2, organization=badge.organization)
    for learner, confirmed in zip(learners, (True, False), strict=True):
        list_of(learner, actor=admin, badge=badge, confirmed=confirmed)
    IssuingList.objects.update(created_at=NOW - timedelta(days=7, minutes=1))
    list_of(learners[0], actor=admin, badge=badge, confirmed=False)
    assert forget() == 1
    assert [kept.act_id is None for kept in IssuingList.objects.order_by("pk")] == [False, True]


def test_what_a_confirmed_list_says_is_forgotten_in_time_and_its_page_tells_so(badge, admin, client):
    ada, bob = UserFactory.create_batch(2, organization=badge.organization)
    old = list_of(ada, actor=admin, badge=badge, confirmed=True)
    IssuingAct.objects.update(created_at=OLD)
    new = list_of(bob, actor=admin, badge=badge, confirmed=True)
    assert forget() == 1
    for kept in (old, new):
        kept.refresh_from_db()
    assert (old.text, old.refusals, len(new.refusals)) == ("", [], 1)
    assert bob.email in new.text
    assert IssuedBadge.objects.update(status=Status.ISSUED) == 2
    client.force_login(admin)
    html = client.get(reverse("issuing-list", args=[old.pk])).content.decode()
    assert "has been deleted to protect the privacy" in html
    assert str(ada) in html
    assert reverse("issuing-list-file", args=[old.pk]) not in html
    assert client.get(reverse("issuing-list-file", args=[old.pk])).status_code == 404
    assert client.get(reverse("issuing-list-file", args=[new.pk])).status_code == 200
    assert forget() == 0


def test_a_night_deletes_so_much_and_the_next_goes_on(account, monkeypatch):
    monkeypatch.setattr(forgetting, "BATCH", 2)
    monkeypatch.setattr(forgetting, "MOST", 3)
    for _number in range(8):
        synchronization(account, OLD)
    assert [forget(), forget(), forget()] == [4, 3, 0]


def test_what_was_chosen_about_badges_that_are_gone_is_forgotten(db):
    for status in Status:
        BadgePresentation.objects.create(issued_badge=IssuedBadgeFactory(status=status), is_hidden=True)
    assert forget() == 2
    kept = set(BadgePresentation.objects.values_list("issued_badge__status", flat=True))
    assert kept == set(Status) - {Status.REMOVED, Status.CANCELLED}
