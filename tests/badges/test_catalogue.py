from __future__ import annotations

import pytest
from django.core.exceptions import ValidationError

from badges.catalogue import save_badge
from badges.models import Badge
from tests.factories import (
    AdministratorFactory,
    BadgeFactory,
    BadgeProviderFactory,
    IssuedBadgeFactory,
    OrganizationFactory,
)
from tms.errors import DomainError, NotFound

pytestmark = pytest.mark.django_db


@pytest.fixture
def account():
    return BadgeProviderFactory()


@pytest.fixture
def admin(account):
    return AdministratorFactory(organization=account.organization)


@pytest.fixture
def hints(monkeypatch) -> list[str]:
    sent: list[str] = []
    monkeypatch.setattr("badges.catalogue.hint", sent.append)
    return sent


def draft(account, **given) -> Badge:
    facts = {"name": "Azure", "organization": account.organization, "template_id": "t-1"}
    return Badge(**{**facts, "badge_provider": account, **given})


def test_a_badge_is_stored_and_activating_it_asks_for_what_was_earned_meanwhile(account, admin, hints):
    badge = save_badge(draft(account), actor=admin)
    assert (Badge.objects.get(), badge.is_active, hints) == (badge, False, [])
    badge.is_active = True
    save_badge(badge, actor=admin)
    assert sorted(hints) == ["achievements.issue_earned", "badges.sweep"]
    hints.clear()
    badge.name = "Azure II"
    save_badge(badge, actor=admin)
    assert (Badge.objects.get().name, hints) == ("Azure II", [])


def test_a_template_of_an_account_has_one_badge(account):
    save_badge(draft(account))
    with pytest.raises(ValidationError, match="already has a badge of this template"):
        save_badge(draft(account, name="Azure again"))
    save_badge(draft(BadgeProviderFactory(organization=account.organization)))
    assert Badge.objects.count() == 2


@pytest.mark.parametrize("field", ["name", "template_id"])
def test_what_is_needed_is_asked_for(account, field):
    with pytest.raises(ValidationError) as refused:
        save_badge(draft(account, **{field: ""}))
    assert list(refused.value.message_dict) == [field]


def test_an_issued_badge_keeps_its_account_and_its_template(account):
    badge = save_badge(draft(account))
    badge.template_id = "t-2"
    save_badge(badge)
    IssuedBadgeFactory(badge=badge)
    for name, other in (
        ("template_id", "t-3"),
        ("badge_provider", BadgeProviderFactory(organization=account.organization)),
    ):
        changed = Badge.objects.get(pk=badge.pk)
        setattr(changed, name, other)
        with pytest.raises(DomainError) as refused:
            save_badge(changed)
        assert refused.value.code == "badge_issued"
        assert Badge.objects.get().template_id == "t-2"


def test_a_badge_of_a_disabled_account_cannot_be_active():
    account = BadgeProviderFactory(is_enabled=False)
    with pytest.raises(DomainError) as refused:
        save_badge(draft(account, is_active=True))
    assert (refused.value.code, list(refused.value.fields)) == ("provider_disabled", ["is_active"])
    assert not Badge.objects.exists()
    save_badge(draft(account))


def test_a_badge_uses_accounts_of_its_organization_or_made_available_to_it(account):
    child = OrganizationFactory(parent=account.organization)
    with pytest.raises(DomainError) as refused:
        save_badge(draft(account, organization=child))
    assert (refused.value.code, list(refused.value.fields)) == ("provider_not_available", ["badge_provider"])
    account.available_to.add(child)
    assert save_badge(draft(account, organization=child)).pk


def test_a_template_id_is_stored_without_the_blanks_that_came_along(account):
    assert save_badge(draft(account, template_id=" t-1\n")).template_id == "t-1"


def test_a_badge_is_made_available_to_organizations_below_its_own(account, admin):
    child = OrganizationFactory(parent=account.organization)
    badge = save_badge(draft(account), available_to=[child], actor=admin)
    assert list(badge.available_to.all()) == [child]
    save_badge(badge, actor=admin)
    assert badge.available_to.exists()
    with pytest.raises(DomainError) as refused:
        save_badge(badge, available_to=[OrganizationFactory()])
    assert (refused.value.code, list(refused.value.fields)) == ("not_below", ["available_to"])
    save_badge(badge, available_to=[], actor=admin)
    assert not badge.available_to.exists()


def test_only_administrators_of_the_organization_save_its_badges(account, admin):
    badge = BadgeFactory(badge_provider=account, organization=account.organization, name="Before")
    badge.name = "After"
    stranger = AdministratorFactory()
    with pytest.raises(NotFound):
        save_badge(badge, actor=stranger)
    badge.organization = stranger.organization
    with pytest.raises(NotFound):
        save_badge(badge, actor=stranger)
    with pytest.raises(NotFound):
        save_badge(badge, actor=admin)
    assert Badge.objects.get().name == "Before"
    child = OrganizationFactory(parent=admin.organization)
    account.available_to.add(child)
    badge.organization = child
    save_badge(badge, actor=admin)
    assert Badge.objects.get().organization == child
