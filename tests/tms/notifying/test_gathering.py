"""What is due for one person becomes one mail; what no mail tells says why."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from achievements import notices
from achievements.models import EarnedAchievement
from badges.models import IssuedBadge
from badges.status import Status
from providers.models import BadgeProvider
from tests.factories import BadgeFactory, BadgeProviderFactory, IssuedBadgeFactory, UserFactory
from tests.tms.notifying.conftest import earn
from tms import gates
from tms.models import Mail, MailChoices, Notification
from tms.notifying import gathering
from tms.notifying.gathering import gather

pytestmark = pytest.mark.django_db


def again(row: Notification) -> Notification:
    return Notification.objects.get(pk=row.pk)


def test_several_awards_of_one_person_are_one_mail() -> None:
    ada, bob = UserFactory(), UserFactory()
    rows = [earn(ada, "One"), earn(ada, "Two"), earn(bob, "One")]

    assert gather() == 2

    assert {mail.user for mail in Mail.objects.all()} == {ada, bob}
    assert [again(row).mail.user for row in rows] == [ada, ada, bob]
    assert gather() == 0


def test_the_first_waits_a_little_for_others(settings: Any) -> None:
    settings.NOTICE_WAIT_SECONDS = 60
    ada = UserFactory()
    earn(ada, "One")

    assert gather() == 0

    now = timezone.now() + timedelta(seconds=61)
    late = earn(ada, "Two")
    assert gather(now=now) == 1
    assert again(late).mail is not None


def test_nothing_is_gathered_while_badges_are_switched_off(settings: Any) -> None:
    earn(UserFactory())
    settings.BADGES_ENABLED = False

    assert gather() == 0

    settings.BADGES_ENABLED = True
    assert gather() == 1


class TestWhatNoMailTells:
    def why(self, row: Notification) -> str:
        gather()
        assert not Mail.objects.exists()
        return again(row).unmailed

    def test_who_wants_no_mail(self) -> None:
        row = earn(UserFactory())
        MailChoices.objects.create(user=row.user, achievements=False)
        assert self.why(row) == "muted"

    def test_who_wants_it_again_is_not_told_a_year_at_once(self) -> None:
        row = earn(UserFactory())
        choice = MailChoices.objects.create(user=row.user, achievements=False)
        gather()
        choice.achievements = True
        choice.save()
        assert gather() == 0
        assert again(row).mail is None

    def test_who_muted_something_else_is_told(self) -> None:
        row = earn(UserFactory())
        MailChoices.objects.create(user=row.user, badges=False)
        assert gather() == 1

    def test_a_disabled_account(self) -> None:
        row = earn(UserFactory(is_active=False))
        assert self.why(row) == "inactive"

    def test_who_opted_out_since(self) -> None:
        row = earn(UserFactory())
        gates.opt_out(row.user)
        assert self.why(row) == "not_participating"

    def test_without_a_mail_server(self, settings: Any) -> None:
        settings.MAIL_ENABLED = False
        assert self.why(earn(UserFactory())) == "no_mail"

    def test_what_was_withdrawn(self) -> None:
        row = earn(UserFactory())
        EarnedAchievement.objects.update(withdrawn_at=timezone.now())
        assert self.why(row) == "over"

    def test_what_was_earned_long_before_it_was_found_is_no_news_on_the_site_either(self) -> None:
        row = earn(UserFactory(), earned_at=timezone.now() - timedelta(days=8))
        assert self.why(row) == "old"
        assert again(row).read_at is not None

    def test_what_waited_for_days_because_nothing_was_sent(self) -> None:
        row = earn(UserFactory())
        Notification.objects.update(created_at=timezone.now() - timedelta(days=4))
        EarnedAchievement.objects.update(earned_at=timezone.now() - timedelta(days=4))
        assert self.why(row) == "old"


class TestWhatTheProviderWrites:
    def award_with(self, **fields: Any) -> Notification:
        issued = IssuedBadgeFactory(source_kind=IssuedBadge.Source.ACHIEVEMENT, **fields)
        row = earn(issued.learner, issued_badge=issued)
        IssuedBadge.objects.update(source_key=str(row.key))
        return row

    @pytest.mark.parametrize("status", [Status.QUEUED, Status.HELD, Status.ISSUED, Status.ACCEPTED])
    def test_is_not_doubled(self, status: Status) -> None:
        row = self.award_with(status=status)
        assert gather() == 0
        assert again(row).unmailed == "provider"

    def test_is_ours_where_the_provider_was_asked_for_silence(self) -> None:
        self.award_with(status=Status.ISSUED, suppress_notification=True)
        assert gather() == 1

    @pytest.mark.parametrize("status", [Status.FAILED, Status.CANCELLED])
    def test_is_ours_where_it_cannot_be_sent(self, status: Status) -> None:
        self.award_with(status=status)
        assert gather() == 1

    def test_is_ours_where_the_provider_had_it_already(self) -> None:
        self.award_with(status=Status.ISSUED, already_there="It was there.")
        assert gather() == 1

    def test_is_ours_where_no_provider_is_outside(self) -> None:
        own = BadgeProviderFactory(kind=BadgeProvider.Kind.OPEN_BADGES)
        badge = BadgeFactory(badge_provider=own, organization=own.organization)
        self.award_with(badge=badge, status=Status.QUEUED)
        assert gather() == 1

    def test_is_ours_for_another_achievement_of_the_same_badge(self) -> None:
        first = self.award_with(status=Status.ISSUED)
        gather()
        earn(first.user, "Another", issued_badge=IssuedBadge.objects.get())
        assert gather() == 1


class TestWhatGoesWrong:
    def test_one_that_cannot_be_read_stops_nobody_else(self, monkeypatch: pytest.MonkeyPatch) -> None:
        bad, good = earn(UserFactory(), "Bad"), earn(UserFactory(), "Good")
        read = notices._text

        def fail(award: EarnedAchievement) -> str:
            if award.achievement.name == "Bad":
                raise ValueError
            return read(award)

        monkeypatch.setattr(notices, "_text", fail)

        assert gather() == 1
        assert again(bad).unmailed == "unreadable"
        assert again(good).mail is not None

    def test_many_are_gathered_in_batches(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(gathering, "PEOPLE", 2)
        for _ in range(5):
            earn(UserFactory())
        assert gather() == 5

    def test_what_others_have_in_hand_is_not_waited_for(self, monkeypatch: pytest.MonkeyPatch) -> None:
        earn(UserFactory())
        monkeypatch.setattr(gathering, "_bind", lambda people, now: None)
        assert gather() == 0


def test_the_number_of_queries_does_not_grow(django_assert_max_num_queries: Any) -> None:
    for _ in range(20):
        earn(UserFactory())
    with django_assert_max_num_queries(14):
        gather()
    assert Mail.objects.count() == 20
