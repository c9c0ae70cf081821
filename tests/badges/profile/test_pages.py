"""The page of a badge: what leads to it, whom it was issued to, and what turning it on comes to."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import pytest
from django.test import Client
from django.urls import reverse

from achievements import evaluation
from badges.by_hand import issue_by_hand
from badges.models import Badge, Difference, IssuedBadge
from badges.status import Status
from tests.factories import (
    AchievementFactory,
    AdministratorFactory,
    BadgeFactory,
    IssuedBadgeFactory,
    LabFactory,
    LabInstanceFactory,
    OrganizationFactory,
    UserFactory,
)
from tests.providers.paper import on_paper, template_id

pytestmark = pytest.mark.django_db


@pytest.fixture
def badge() -> Badge:
    made: Badge = BadgeFactory(name="Azure", template_id=template_id("Azure"))
    return made


@pytest.fixture
def office(client: Client, badge: Badge) -> Client:
    client.force_login(AdministratorFactory(organization=badge.organization))
    return client


def test_the_page_counts_by_issued_status_and_leads_to_each(
    office: Client, badge: Badge, django_assert_max_num_queries: Any
) -> None:
    for status in (Status.ISSUED, Status.FAILED, Status.ISSUED):
        IssuedBadgeFactory(badge=badge, status=status)
    for name in ("Cloud path", "Marathon"):
        AchievementFactory(name=name, organization=badge.organization, badge=badge)
    AchievementFactory(name="Elsewhere")
    badge.available_to.add(OrganizationFactory(name="Northwind North", parent=badge.organization))
    Difference.objects.create(badge_provider=badge.badge_provider, badge=badge, kind=Difference.Kind.MISSING)
    Badge.objects.update(template_data={"name": "Azure Basics", "description": ""})
    address = reverse("badge", args=[badge.pk])
    office.get(address)  # the first page of a day is a visit, too

    with django_assert_max_num_queries(12):
        response = office.get(address)

    facts = response.context["facts"]
    assert [(line.label, line.count) for line in facts.counts] == [("Failed", 1), ("Issued", 2)]
    listed = office.get(facts.counts[1].url)
    assert listed.context["search"].found.count == 2
    assert (facts.total, facts.differences) == (3, 1)
    assert [(text.ours, text.theirs) for text in facts.edited] == [("Azure", "Azure Basics")]
    html = response.content.decode()
    for text in ("Cloud path", "Marathon", "Northwind North", str(badge.badge_provider)):
        assert text in html
    assert "Elsewhere" not in html


def test_activating_says_what_it_issues_before_it_does(office: Client, badge: Badge) -> None:
    """Two have earned it, one of whom was also given it by hand before it was turned off."""
    organization = badge.organization
    administrator = AdministratorFactory(organization=organization)
    earning = [UserFactory(organization=organization) for _ in "12"]
    issue_by_hand([badge], [earning[0]], source=IssuedBadge.Source.API, actor=administrator, token=uuid4())
    office.post(reverse("deactivate-badge", args=[badge.pk]))
    AchievementFactory(organization=organization, badge=badge)
    for learner in earning:
        LabInstanceFactory(user=learner, lab=LabFactory(organization=organization))
    evaluation.award_changes()
    badge.refresh_from_db()
    assert not badge.is_active

    dialog = office.get(reverse("activate-badge", args=[badge.pk])).content.decode()
    assert "Activating it issues 2 badges" in dialog
    form = office.get(reverse("edit-badge", args=[badge.pk])).context["form"]
    assert "Activating it issues 2 badges" in form.fields["is_active"].help_text
    assert IssuedBadge.objects.count() == 1

    with on_paper("Azure"):
        response = office.post(reverse("activate-badge", args=[badge.pk]), follow=True)
    badge.refresh_from_db()
    assert badge.is_active
    assert [str(message) for message in response.context["messages"]] == [
        "Azure is active. What was earned meanwhile is issued."
    ]


def test_a_badge_that_nobody_waits_for_says_so(office: Client, badge: Badge) -> None:
    Badge.objects.update(is_active=False)

    dialog = office.get(reverse("activate-badge", args=[badge.pk])).content.decode()

    assert "Nobody waits for it" in dialog


def test_a_badge_whose_template_is_gone_is_not_activated(office: Client, badge: Badge) -> None:
    Badge.objects.update(is_active=False)

    with on_paper("Another"):
        response = office.post(reverse("activate-badge", args=[badge.pk]), follow=True)

    badge.refresh_from_db()
    assert not badge.is_active
    assert "has no template" in str(next(iter(response.context["messages"])))


def test_an_account_above_that_a_badge_uses_is_named_and_not_linked(client: Client, badge: Badge) -> None:
    child = OrganizationFactory(parent=badge.organization)
    badge.badge_provider.available_to.add(child)
    Badge.objects.update(organization=child)
    client.force_login(AdministratorFactory(organization=child))

    html = client.get(reverse("badge", args=[badge.pk])).content.decode()

    assert str(badge.badge_provider) in html
    assert reverse("badge-provider", args=[badge.badge_provider_id]) not in html
