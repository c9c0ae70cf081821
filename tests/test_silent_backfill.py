"""A silent backfill of 5,000 learners writes to nobody, and has the provider write to nobody."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from django.utils import timezone

from achievements import backfill
from achievements.models import Backfill, EarnedAchievement
from badges.delivery import deliver
from badges.models import Badge, IssuedBadge
from tests.badges.conftest import account, badge
from tests.factories import AchievementFactory, LabFactory
from tests.providers.conftest import SandboxProcess, sandbox
from tms.models import LearningRecord, Mail, Notification, User
from tms.notifying.sending import notify

if TYPE_CHECKING:
    from tms.models import Organization

pytestmark = pytest.mark.services

__all__ = ["account", "badge", "sandbox"]
LEARNERS = 5_000


def veterans(organization: Organization) -> None:
    """So many learners, each with a lab of long ago."""
    people = User.objects.bulk_create(
        User(
            email=f"veteran{number}@example.org",
            first_name="Ada",
            last_name=f"Veteran{number}",
            organization=organization,
        )
        for number in range(LEARNERS)
    )
    lab, moment = LabFactory(organization=organization), timezone.now() - timedelta(days=300)
    LearningRecord.objects.bulk_create(
        LearningRecord(
            learner=person,
            subject=0,
            lab=lab,
            started_at=moment,
            started_day=moment.date(),
            source_kind=LearningRecord.Source.LAB_INSTANCE,
            source_id=person.pk,
        )
        for person in people
    )


@pytest.mark.django_db
def test_it(badge: Badge, sandbox: SandboxProcess, settings: Any, mailoutbox: list[object]) -> None:
    settings.NOTICE_WAIT_SECONDS, settings.MAIL_ENABLED = 0, True
    veterans(badge.organization)
    achievement = AchievementFactory(organization=badge.organization, badge=badge)
    backfill.start(achievement, notification=Backfill.Notification.SILENT)

    backfill.award_due()
    deliver()
    notify()

    assert EarnedAchievement.objects.count() == LEARNERS
    assert IssuedBadge.objects.filter(status="issued").count() == LEARNERS
    received = sandbox.received()
    # Each request made one badge, which keeps what the request asked for.
    assert received["counts"]["requests"] == {"POST 201": LEARNERS}
    asked = [badge["suppress_badge_notification_email"] for badge in received["badges"]]
    assert asked == [True] * LEARNERS
    assert not mailoutbox
    assert not Mail.objects.exists()
    assert not Notification.objects.exists()
