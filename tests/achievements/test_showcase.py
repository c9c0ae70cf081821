"""What a profile shows of what somebody has earned: so many medals, the newest first, and how many more."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone, translation

from achievements.models import Achievement, EarnedAchievement
from achievements.showcase import showcase_of
from badges.models import BadgePresentation, IssuedBadge
from badges.status import Status
from tests.factories import PAST, AchievementFactory, BadgeFactory, IssuedBadgeFactory, UserFactory
from tms.models import User

pytestmark = pytest.mark.django_db


@pytest.fixture
def learner() -> User:
    return UserFactory.create()


def issued(learner: User, name: str, *, days: int = 0, **more: Any) -> IssuedBadge:
    badge = more.pop("badge", None) or BadgeFactory.create(organization=learner.organization, name=name)
    more = {"status": Status.ACCEPTED} | more
    return IssuedBadgeFactory.create(
        badge=badge, learner=learner, earned_at=PAST + timedelta(days=days), **more
    )


def earned(learner: User, name: str, *, days: int = 0, points: int = 10, **more: Any) -> EarnedAchievement:
    achievement = more.pop("achievement", None) or AchievementFactory.create(
        organization=learner.organization, name=name, badge=more.pop("badge", None)
    )
    at = PAST + timedelta(days=days)
    return EarnedAchievement.objects.create(
        learner=learner,
        achievement=achievement,
        earned_at=at,
        earned_day=at.date(),
        points=points,
        rule_version=1,
        **more,
    )


def names(learner: User, *, most: int = 50) -> list[str]:
    return [medal.name for medal in showcase_of(learner, most=most).medals]


def test_badges_and_trophies_stand_together_the_newest_first(learner: User) -> None:
    issued(learner, "old badge", days=1)
    issued(learner, "new badge", days=4)
    earned(learner, "old trophy", days=2)
    earned(learner, "new trophy", days=3)

    assert names(learner) == ["new badge", "new trophy", "old trophy", "old badge"]


@pytest.mark.parametrize("most", [3, 6, 10])
def test_exactly_so_many_are_shown_and_the_rest_is_counted(learner: User, most: int) -> None:
    for day in range(7):
        issued(learner, f"badge {day}", days=day)
        earned(learner, f"trophy {day}", days=day)

    shown = showcase_of(learner, most=most)

    assert (len(shown.medals), shown.total, shown.more) == (most, 14, 14 - most)
    assert shown.points == 70


def test_an_achievement_is_no_trophy_where_its_badge_is_shown(learner: User) -> None:
    badge = BadgeFactory.create(organization=learner.organization, name="badge")
    issued(learner, "badge", badge=badge)
    earned(learner, "leads to it", badge=badge)
    assert names(learner) == ["badge"]

    IssuedBadge.objects.update(status=Status.FAILED)
    assert names(learner) == ["leads to it"]


@pytest.mark.parametrize(
    "status",
    [
        Status.FAILED,
        Status.REJECTED,
        Status.REVOKED,
        Status.EXPIRED,
        Status.CANCELLED,
        Status.SUPERSEDED,
        Status.REMOVED,
    ],
)
def test_a_badge_that_is_no_longer_held_is_not_shown(learner: User, status: Status) -> None:
    issued(learner, "gone", status=status)

    assert showcase_of(learner, most=6).total == 0


def test_of_a_badge_that_was_issued_anew_the_newer_counts(learner: User) -> None:
    badge = BadgeFactory.create(organization=learner.organization, name="badge")
    issued(learner, "", badge=badge, status=Status.EXPIRED)
    issued(learner, "", badge=badge, status=Status.ACCEPTED, days=9)
    issued(learner, "other", days=5)
    assert names(learner) == ["badge", "other"]

    IssuedBadge.objects.filter(status=Status.ACCEPTED, badge=badge).update(status=Status.REVOKED)
    assert names(learner) == ["other"]


def test_an_achievement_that_was_earned_several_times_is_one_trophy_with_all_its_points(
    learner: User,
) -> None:
    first = earned(learner, "again", points=5)
    earned(learner, "", achievement=first.achievement, occurrence=2, days=3, points=5)
    earned(learner, "withdrawn", withdrawn_at=timezone.now(), points=100)

    shown = showcase_of(learner, most=6)

    assert ([medal.name for medal in shown.medals], shown.total, shown.points) == (["again"], 1, 10)


def test_what_is_featured_comes_first_and_what_is_hidden_not_at_all(learner: User) -> None:
    badge = BadgeFactory.create(organization=learner.organization, name="hidden")
    hidden = issued(learner, "", badge=badge, days=9)
    earned(learner, "leads to what is hidden", badge=badge)
    old, new = issued(learner, "old", days=1), issued(learner, "new", days=2)
    earned(learner, "trophy", days=5)
    BadgePresentation.objects.create(issued_badge=hidden, is_hidden=True)
    BadgePresentation.objects.create(issued_badge=new, is_featured=False)
    BadgePresentation.objects.create(issued_badge=old, is_featured=True)

    shown = showcase_of(learner, most=2)

    assert [(medal.name, medal.is_featured) for medal in shown.medals] == [("old", True), ("trophy", False)]
    assert (shown.total, shown.more) == (3, 1)


def test_names_are_told_in_the_readers_language(learner: User) -> None:
    told = {"de": {"name": "auf Deutsch"}}
    badge = BadgeFactory.create(organization=learner.organization, name="badge", translations=told)
    issued(learner, "", badge=badge)
    Achievement.objects.filter(pk=earned(learner, "trophy").achievement_id).update(translations=told)

    with translation.override("de"):
        assert names(learner) == ["auf Deutsch", "auf Deutsch"]


def test_nobody_elses_is_shown(learner: User) -> None:
    issued(UserFactory.create(organization=learner.organization), "hers")

    assert showcase_of(learner, most=6).total == 0


def test_however_much_there_is_four_queries_read_what_is_shown(
    learner: User, django_assert_num_queries: Any
) -> None:
    achievement = AchievementFactory.create(organization=learner.organization)
    Achievement.objects.bulk_create(
        Achievement(organization=learner.organization, name=f"achievement {number}") for number in range(60)
    )
    EarnedAchievement.objects.bulk_create(
        EarnedAchievement(
            learner=learner,
            achievement=each,
            earned_at=PAST,
            earned_day=PAST.date(),
            points=1,
            rule_version=1,
        )
        for each in Achievement.objects.exclude(pk=achievement.pk)
    )
    for number in range(20):
        issued(learner, f"badge {number}")

    with django_assert_num_queries(4):
        shown = showcase_of(learner, most=6)

    assert (len(shown.medals), shown.more, shown.points) == (6, 74, 60)
