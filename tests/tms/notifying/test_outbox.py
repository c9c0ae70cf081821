"""Writing down what people are to be told."""

from __future__ import annotations

from typing import Any

import pytest

from tests.factories import AdministratorFactory, OrganizationFactory, UserFactory
from tms.models import Notification
from tms.notifying.outbox import tell, tell_administrators

pytestmark = pytest.mark.django_db
PAUSED = Notification.Kind.ACCOUNT_PAUSED


def told() -> set[int]:
    return set(Notification.objects.values_list("user", flat=True))


def test_nobody_is_told_twice_of_one_event_and_everybody_of_the_next() -> None:
    ada = UserFactory()
    for occasion in ("monday", "monday", "tuesday"):
        tell([(ada.pk, 1)], kind=PAUSED, occasion=occasion)
    assert list(Notification.objects.order_by("pk").values_list("occasion", flat=True)) == [
        "monday",
        "tuesday",
    ]


def test_the_organizations_own_administrators_are_told() -> None:
    parent = OrganizationFactory()
    organization = OrganizationFactory(parent=parent)
    own = AdministratorFactory(organization=organization)
    AdministratorFactory(organization=parent)
    AdministratorFactory(organization=organization, is_active=False)
    UserFactory(organization=organization)
    tell_administrators({1: organization.pk}, kind=PAUSED, occasion="once")
    assert told() == {own.pk}


def test_where_there_are_none_the_nearest_above_are() -> None:
    top = OrganizationFactory()
    organization = OrganizationFactory(parent=OrganizationFactory(parent=top))
    above = AdministratorFactory(organization=top)
    tell_administrators({1: organization.pk}, kind=PAUSED, occasion="once")
    assert told() == {above.pk}


def test_where_there_is_nobody_nobody_is() -> None:
    tell_administrators({1: OrganizationFactory().pk}, kind=PAUSED, occasion="once")
    assert told() == set()


def test_the_number_of_queries_does_not_grow(django_assert_num_queries: Any) -> None:
    owners = {}
    for key in range(8):
        boss = AdministratorFactory()
        owners[key] = OrganizationFactory(parent=boss.organization).pk
    with django_assert_num_queries(5):  # two levels, and one statement that writes
        tell_administrators(owners, kind=PAUSED, occasion="once")
    assert len(told()) == 8
