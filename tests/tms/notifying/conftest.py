"""News that is due at once."""

from __future__ import annotations

from typing import Any

import pytest
from django.utils import timezone

from achievements.models import EarnedAchievement
from tests.factories import AchievementFactory
from tms.models import Notification, User


@pytest.fixture(autouse=True)
def nobody_waits(settings: Any) -> None:
    settings.NOTICE_WAIT_SECONDS, settings.MAIL_ENABLED = 0, True
    settings.PUBLIC_URL = "https://badges.example.org"
    settings.DEFAULT_FROM_EMAIL = "badges@example.org"


def earn(learner: User, name: str = "Cloud Explorer", **fields: Any) -> Notification:
    """An award of a moment ago, and the notification that evaluation writes with it."""
    organization = learner.organization
    achievement = AchievementFactory(name=name, organization=organization)
    now = timezone.now()
    given: dict[str, Any] = {
        "earned_at": now,
        "earned_day": now.date(),
        "points": 10,
        "rule_version": 1,
        **fields,
    }
    award = EarnedAchievement.objects.create(learner=learner, achievement=achievement, **given)
    return Notification.objects.create(
        user=learner, kind=Notification.Kind.ACHIEVEMENT_EARNED, key=award.pk, created_at=now
    )
