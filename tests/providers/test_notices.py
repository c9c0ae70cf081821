"""What administrators are told about their accounts."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from providers import accounts
from providers.notices import tell_ending_tokens
from tests.factories import AdministratorFactory, BadgeProviderFactory
from tms.models import Notification
from tms.notifying.topics import Notice, in_words

pytestmark = pytest.mark.django_db


def notice() -> Notice:
    row = Notification.objects.select_related("user").latest("pk")
    return in_words([row])[row.pk]


def test_a_pause_by_the_system_is_told_once_for_each() -> None:
    boss = AdministratorFactory()
    account = BadgeProviderFactory(organization=boss.organization, name="Ours")
    for _ in range(2):
        accounts.pause(account, reason="Unauthorized.")
    told = Notification.objects.get()
    assert (told.user, told.kind, told.key) == (boss, "account_paused", account.pk)
    found = notice()
    assert found.title == "The badge provider Ours is paused"
    assert found.text == "Nothing is issued through it until this is put right: Unauthorized."
    assert (found.url, found.unmailed) == (f"/badge-providers/{account.pk}/", "")


def test_the_next_pause_is_another() -> None:
    boss = AdministratorFactory()
    account = BadgeProviderFactory(organization=boss.organization)
    accounts.pause(account, reason="Unauthorized.")
    accounts.resume(account, actor=boss)
    assert notice().unmailed == "over"
    Notification.objects.update(occasion="earlier")
    accounts.pause(account, reason="Unauthorized.")
    assert Notification.objects.count() == 2


def test_a_pause_by_a_person_is_known_to_people() -> None:
    boss = AdministratorFactory()
    account = BadgeProviderFactory(organization=boss.organization)
    accounts.pause_by_hand(account, reason="No budget", actor=boss)
    assert not Notification.objects.exists()


class TestTokens:
    def test_one_end_that_comes_nearer_is_told_three_times(self, time_machine: Any) -> None:
        boss = AdministratorFactory()
        now = timezone.now()
        BadgeProviderFactory(
            organization=boss.organization, name="Ours", token_expires_at=now + timedelta(days=40)
        )
        told = []
        for day in (5, 11, 20, 34, 36, 41, 45):
            time_machine.move_to(now + timedelta(days=day))
            tell_ending_tokens()
            told.append(Notification.objects.count())
        assert told == [0, 1, 1, 2, 2, 3, 3]
        assert notice().title == "The token of the badge provider Ours ends"
        assert "The token ended on" in notice().text

    def test_not_of_a_disabled_account_nor_while_badges_are_switched_off(self, settings: Any) -> None:
        boss = AdministratorFactory()
        soon = timezone.now() + timedelta(days=2)
        BadgeProviderFactory(organization=boss.organization, token_expires_at=soon, is_enabled=False)
        assert tell_ending_tokens() == 0
        BadgeProviderFactory(organization=boss.organization, token_expires_at=soon)
        settings.BADGES_ENABLED = False
        assert tell_ending_tokens() == 0
