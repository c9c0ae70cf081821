"""The profile of an account, and its synchronization as people make it: seen first, then made."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from badges.models import Badge, Difference, Synchronization
from badges.status import Status
from providers.models import BadgeProvider
from tests.factories import (
    AdministratorFactory,
    BadgeFactory,
    BadgeProviderFactory,
    IssuedBadgeFactory,
    OrganizationFactory,
)
from tests.providers.paper import Paper, on_paper

pytestmark = pytest.mark.django_db


@pytest.fixture
def paper() -> Iterator[Paper]:
    with on_paper("Azure", "Kubernetes") as paper:
        yield paper


@pytest.fixture
def account() -> BadgeProvider:
    made: BadgeProvider = BadgeProviderFactory(name="Our Credly", checked_at=timezone.now())
    return made


@pytest.fixture
def office(client: Client, account: BadgeProvider) -> Client:
    client.force_login(AdministratorFactory(organization=account.organization))
    return client


def sync(office: Client, account: BadgeProvider, **given: Any) -> Any:
    return office.post(reverse("sync-badge-provider", args=[account.pk]), given, follow=True)


def test_a_sync_is_seen_before_it_is_made_and_told_afterwards(
    office: Client, account: BadgeProvider, paper: Paper
) -> None:
    seen = sync(office, account)
    assert "Nothing has been changed yet." in seen.content.decode()
    assert [(change.name, change.label) for change in seen.context["changes"]] == [
        ("Azure", "New"),
        ("Kubernetes", "New"),
    ]
    assert not Badge.objects.exists()
    assert "Sync now" in seen.content.decode()

    made = sync(office, account, sync="yes")
    assert made.context["sentence"] == "2 templates, 2 new badges"
    assert set(Badge.objects.values_list("name", "is_active")) == {("Azure", False), ("Kubernetes", False)}
    assert not made.context["record"].is_dry_run

    # What the dry run said is no longer what would happen.
    old = office.get(seen.redirect_chain[0][0])
    assert "Sync now" not in old.content.decode()
    assert "Look again" in old.content.decode()

    nothing = sync(office, account)
    assert "Every badge is like its template." in nothing.content.decode()
    assert "Sync now" not in nothing.content.decode()


def test_a_sync_that_the_provider_refuses_changes_nothing_and_says_why(
    office: Client, account: BadgeProvider, paper: Paper
) -> None:
    paper.refuse = 503

    refused = sync(office, account, sync="yes")

    record = Synchronization.objects.get()
    assert record.problem
    assert refused.context["sentence"] == record.problem
    assert not Badge.objects.exists()


def test_a_disabled_account_is_not_synchronized(office: Client, account: BadgeProvider) -> None:
    BadgeProvider.objects.update(is_enabled=False)

    refused = sync(office, account)

    assert [str(message) for message in refused.context["messages"]] == [
        "The badge provider Our Credly is disabled."
    ]
    assert not Synchronization.objects.exists()


def test_the_profile_tells_how_the_account_is_and_leads_on(
    office: Client, account: BadgeProvider, django_assert_max_num_queries: Any
) -> None:
    account.available_to.add(OrganizationFactory(name="Northwind North", parent=account.organization))
    badge = BadgeFactory(badge_provider=account, organization=account.organization)
    for status in (Status.QUEUED, Status.FAILED, Status.FAILED, Status.ISSUED):
        IssuedBadgeFactory(badge=badge, status=status)
    Difference.objects.create(badge_provider=account, kind=Difference.Kind.MISSING)
    for _ in range(9):
        Synchronization.objects.create(badge_provider=account, seen=3)

    address = reverse("badge-provider", args=[account.pk])
    office.get(address)  # the first page of a day is a visit, too
    with django_assert_max_num_queries(12):
        response = office.get(address)

    profile = response.context["profile"]
    assert profile.health.sentence == "Works"
    assert [(line.label, line.count) for line in profile.counts] == [("Waiting", 1), ("Failed", 2)]
    listed = office.get(profile.counts[1].url)
    assert listed.status_code == 200
    assert profile.differences == 1
    # Each number of badges leads to so many.
    assert [(str(line.label), line.count) for line in profile.badges][:2] == [("All", 1), ("Active", 1)]
    for line in profile.badges:
        assert office.get(line.url).context["found"].count == line.count
    assert len(profile.history) == 5
    html = response.content.decode()
    assert "Northwind North" in html
    assert "Find Badges" in html
    assert account.token not in html


def test_a_comparison_is_asked_for(office: Client, account: BadgeProvider) -> None:
    BadgeFactory(badge_provider=account, organization=account.organization)
    BadgeProvider.objects.update(compared_at=timezone.now())

    office.post(reverse("compare-badge-provider", args=[account.pk]))

    account.refresh_from_db()
    assert account.compared_at is None


def test_what_a_synchronization_of_another_account_did_is_not_found(
    office: Client, account: BadgeProvider
) -> None:
    other = Synchronization.objects.create(badge_provider=BadgeProviderFactory())

    for provider in (account, other.badge_provider):
        assert office.get(reverse("synchronization", args=[provider.pk, other.pk])).status_code == 404
