"""What learners are told about their badges."""

from __future__ import annotations

from datetime import timedelta
from itertools import pairwise
from typing import Any

import pytest
from django.utils import timezone

from badges import delivery, ending
from badges.lifecycle import Move, move
from badges.models import Badge, IssuedBadge
from badges.notices import remind_to_accept
from badges.status import Status
from tests.factories import AdministratorFactory, IssuedBadgeFactory, UserFactory
from tests.providers.conftest import SandboxProcess
from tms import gates
from tms.models import Notification
from tms.notifying.topics import Notice, in_words

pytestmark = pytest.mark.django_db


def kinds() -> list[str]:
    return list(Notification.objects.order_by("pk").values_list("kind", flat=True))


def notice() -> Notice:
    [found] = in_words(list(Notification.objects.select_related("user"))).values()
    return found


def moved(row: IssuedBadge, *statuses: Status, **changes: Any) -> None:
    """Along these statuses, the first of which it is in."""
    for before, after in pairwise(statuses):
        assert move(Move(issued_badge_id=row.pk, from_status=before, to_status=after, changes=changes))


class TestIssuedByHand:
    def test_its_learner_is_told_when_the_provider_has_it(
        self, badge: Badge, sandbox: SandboxProcess
    ) -> None:
        row = IssuedBadgeFactory(badge=badge)
        delivery.deliver()
        told = Notification.objects.get()
        assert (told.user, told.kind, told.key) == (row.learner, "badge_issued", row.pk)
        found = notice()
        assert found.title == f"You got the badge {badge}"
        assert "Accept the badge to share it." in found.text
        assert (found.url, found.unmailed) == ("/achievements/#badges", "provider")

    def test_what_was_earned_is_told_with_its_achievement(
        self, badge: Badge, sandbox: SandboxProcess
    ) -> None:
        IssuedBadgeFactory(badge=badge, source_kind=IssuedBadge.Source.ACHIEVEMENT)
        delivery.deliver()
        assert kinds() == []

    def test_what_is_silent_is_not_told(self, badge: Badge, sandbox: SandboxProcess) -> None:
        IssuedBadgeFactory(badge=badge, suppress_notification=True)
        delivery.deliver()
        assert kinds() == []

    def test_what_failed_is_not_told(self) -> None:
        row = IssuedBadgeFactory(status=Status.SENDING)
        moved(row, Status.SENDING, Status.FAILED)
        assert kinds() == []

    def test_we_write_where_the_provider_had_it_already(self) -> None:
        row = IssuedBadgeFactory(status=Status.ISSUED, already_there="It had it.")
        Notification.objects.create(user=row.learner, kind="badge_issued", key=row.pk)
        assert notice().unmailed == ""

    def test_who_does_not_participate_has_no_page_to_be_led_to(self) -> None:
        row = IssuedBadgeFactory(status=Status.ISSUED)
        gates.opt_out(row.learner)
        Notification.objects.create(user=row.learner, kind="badge_issued", key=row.pk)
        assert (notice().url, notice().title) == ("", f"You got the badge {row.badge}")


class TestTheEnd:
    def test_what_is_taken_back_is_told_with_its_reason(self) -> None:
        row = IssuedBadgeFactory(status=Status.REVOKING, ended_reason="By mistake")
        moved(row, Status.REVOKING, Status.REVOKED)
        assert kinds() == ["badge_revoked"]
        found = notice()
        assert found.title == f"Your badge {row.badge} was taken back"
        assert (found.text, found.unmailed) == ("Taken back: By mistake", "on_site")

    def test_what_expired_is_told(self) -> None:
        row = IssuedBadgeFactory(status=Status.ACCEPTED)
        moved(row, Status.ACCEPTED, Status.EXPIRED)
        assert notice().title == f"Your badge {row.badge} is no longer valid"

    def test_what_expired_before_it_was_sent_is_not(self) -> None:
        moved(IssuedBadgeFactory(status=Status.SENDING), Status.SENDING, Status.EXPIRED)
        assert kinds() == []

    def test_what_was_silent_and_is_undone_stays_silent(self) -> None:
        row = IssuedBadgeFactory(status=Status.REVOKING, suppress_notification=True, was_undone=True)
        moved(row, Status.REVOKING, Status.REVOKED)
        assert kinds() == []

    def test_what_is_cancelled_before_anybody_had_it_is_not_told(self) -> None:
        row = IssuedBadgeFactory()
        boss = AdministratorFactory(organization=row.badge.organization)
        ending.cancel(row, reason="By mistake", actor=boss)
        assert kinds() == []


class TestReminder:
    def waiting(self, days: float, **fields: Any) -> IssuedBadge:
        row: IssuedBadge = IssuedBadgeFactory(
            status=Status.ISSUED,
            external_state="pending",
            issued_at=timezone.now() - timedelta(days=days),
            **fields,
        )
        return row

    def test_a_badge_that_waits_for_a_week_is_told_once(self) -> None:
        row = self.waiting(7.5)
        for _ in range(2):
            assert remind_to_accept() == 1
        assert kinds() == ["badge_to_accept"]
        assert notice().title == f"Your badge {row.badge} waits to be accepted"
        IssuedBadge.objects.update(status=Status.ACCEPTED)
        assert notice().unmailed == "over"

    def test_not_sooner_nor_of_long_ago_nor_silent_ones(self) -> None:
        self.waiting(6)
        self.waiting(61)
        self.waiting(8, suppress_notification=True)
        IssuedBadgeFactory(learner=UserFactory(), status=Status.ACCEPTED, issued_at=timezone.now())
        assert remind_to_accept() == 0

    def test_not_while_badges_are_switched_off(self, settings: Any) -> None:
        self.waiting(8)
        settings.BADGES_ENABLED = False
        assert remind_to_accept() == 0
