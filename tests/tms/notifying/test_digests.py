"""A digest for those who want one: once for each period, of what they may see, and never empty."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import time_machine
from django.core import mail as outbox
from django.utils import timezone

from badges.lifecycle import Move, move
from badges.models import IssuedBadge
from badges.status import Status
from tests.factories import (
    AdministratorFactory,
    BadgeFactory,
    ClassFactory,
    CourseFactory,
    EnrollmentFactory,
    IssuedBadgeFactory,
    OrganizationFactory,
    UserFactory,
)
from tests.tms.notifying.conftest import earn
from tms.access import Role
from tms.models import Mail, MailChoices, User
from tms.notifying import digests
from tms.notifying.digests import plan
from tms.notifying.sending import send_due

pytestmark = pytest.mark.django_db
MORNING = datetime(2026, 12, 2, 7, 30, tzinfo=UTC)  # a Wednesday


def wanting(user: User, digest: str = "daily") -> User:
    MailChoices.objects.create(user=user, digest=digest)
    return user


def at(moment: datetime) -> Any:
    return time_machine.travel(moment, tick=False)


def send_at(moment: datetime) -> int:
    with at(moment):
        plan()
        return send_due()


class TestWhen:
    def test_once_a_day_from_seven_on(self) -> None:
        wanting(AdministratorFactory())
        for hour in (5, 6):
            assert plan(now=MORNING.replace(hour=hour)) == 0
        for hour in (7, 7, 8, 12):
            plan(now=MORNING.replace(hour=hour))
        assert Mail.objects.get().period == "2026-12-02"
        plan(now=MORNING + timedelta(days=1))
        assert Mail.objects.count() == 2

    def test_at_seven_of_the_readers_own_day(self) -> None:
        wanting(AdministratorFactory(time_zone="Pacific/Auckland"))
        assert plan(now=datetime(2026, 12, 1, 17, 30, tzinfo=UTC)) == 0
        assert plan(now=datetime(2026, 12, 1, 18, 30, tzinfo=UTC)) == 1
        assert Mail.objects.get().period == "2026-12-02"

    def test_once_a_week_also_when_monday_was_missed(self) -> None:
        wanting(AdministratorFactory(), "weekly")
        for day in range(3):
            plan(now=MORNING + timedelta(days=day))
        assert Mail.objects.get().period == "2026-W49"

    def test_each_goes_on_where_the_last_one_ended(self) -> None:
        boss = wanting(AdministratorFactory())
        for day in (0, 1, 3):
            plan(now=MORNING + timedelta(days=day))
        first, second, third = Mail.objects.filter(user=boss).order_by("pk")
        assert first.covers_until - first.covers_from == timedelta(days=1)
        assert (second.covers_from, third.covers_from) == (first.covers_until, second.covers_until)
        assert third.covers_until - third.covers_from == timedelta(days=2)

    @pytest.mark.parametrize("switch", ["BADGES_ENABLED", "MAIL_ENABLED"])
    def test_none_while_nothing_is_sent(self, switch: str, settings: Any) -> None:
        wanting(AdministratorFactory())
        setattr(settings, switch, False)
        assert plan(now=MORNING) == 0

    def test_none_for_who_wants_none_or_no_longer_teaches(self) -> None:
        MailChoices.objects.create(user=AdministratorFactory())
        wanting(UserFactory())
        wanting(AdministratorFactory(is_active=False))
        assert plan(now=MORNING) == 0


class TestWhatItSays:
    def test_an_administrator_reads_of_the_organization(self) -> None:
        boss = wanting(AdministratorFactory())
        ada, bob = (UserFactory(organization=boss.organization) for _ in range(2))
        with at(MORNING - timedelta(hours=5)):
            for learner in (ada, bob):
                row = earn(learner, "Cloud Explorer")
                type(row).objects.all().delete()
            earn(UserFactory(), "Elsewhere")
            badge = BadgeFactory(organization=boss.organization, name="First Lab")
            IssuedBadgeFactory(badge=badge, learner=ada, status=Status.ISSUED, issued_at=timezone.now())
            failed = IssuedBadgeFactory(badge=badge, learner=bob, status=Status.SENDING)
            told = {"failure_code": "rejected"}
            move(
                Move(
                    issued_badge_id=failed.pk,
                    from_status=Status.SENDING,
                    to_status=Status.FAILED,
                    changes=told,
                )
            )
        # The database's own clock does not travel.
        IssuedBadge.objects.update(created_at=MORNING - timedelta(hours=5))
        failed.events.update(at=MORNING - timedelta(hours=5))
        type(ada).earned_achievements.rel.related_model.objects.update(
            created_at=MORNING - timedelta(hours=5)
        )

        assert send_at(MORNING) == 1

        [message] = [sent for sent in outbox.outbox if sent.to == [boss.email]]
        assert message.subject == "Your day in badges"
        for words in (
            "2 achievements earned:",
            "- Cloud Explorer\n",
            "1 badge issued:",
            "- First Lab\n1 learner\n",
            "1 badge failed and waits:",
            "- Refused by the provider\n",
        ):
            assert words in message.body
        assert "Elsewhere" not in message.body

    def test_an_instructor_reads_of_those_in_the_own_classes(self) -> None:
        organization = OrganizationFactory()
        teacher = wanting(UserFactory(organization=organization, roles=[Role.INSTRUCTOR]))
        training_class = ClassFactory(course=CourseFactory(organization=organization))
        training_class.instructors.add(teacher)
        pupil, other = (UserFactory(organization=organization) for _ in range(2))
        EnrollmentFactory(user=pupil, training_class=training_class)
        earn(pupil, "In class")
        earn(other, "Not in class")
        elsewhere = earn(UserFactory(), "Of another organization")
        type(pupil).earned_achievements.rel.related_model.objects.filter(pk=elsewhere.key).update(
            learner=pupil
        )
        now = timezone.now()
        sections = digests.read(
            Mail(
                user=teacher,
                period="2026-W49",
                covers_from=now - timedelta(days=1),
                covers_until=now + timedelta(days=1),
            )
        )
        assert sections is not None
        assert sections.title == "Your week in badges"
        assert [line.title for section in sections.sections for line in section.lines] == ["In class"]

    def test_an_empty_one_is_not_sent(self) -> None:
        wanting(AdministratorFactory())
        assert send_at(MORNING) == 0
        assert Mail.objects.get().state == "dropped"
        assert not outbox.outbox

    def test_who_wants_none_any_more_gets_none(self) -> None:
        boss = wanting(AdministratorFactory())
        plan(now=MORNING)
        MailChoices.objects.filter(user=boss).update(digest="")
        assert digests.read(Mail.objects.select_related("user").get()) is None

    def test_who_lost_the_role_since_reads_nothing(self) -> None:
        boss = wanting(AdministratorFactory())
        plan(now=MORNING)
        boss.role_assignments.all().delete()
        assert digests.read(Mail.objects.select_related("user").get()) is None
