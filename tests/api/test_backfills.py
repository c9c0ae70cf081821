"""Backfills over the API: who is looked at, how far it is, and what people do about it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from rest_framework.test import APIClient

from achievements import backfill
from achievements.models import Achievement, Backfill, EarnedAchievement
from badges.models import IssuedBadge
from tests.api.conftest import World
from tests.factories import AchievementFactory, AdministratorFactory, BadgeFactory, LabInstanceFactory
from tms.models import Notification, ProgressChange

ADDRESS = "/api/v1/backfills/"


@pytest.fixture
def achievement(world: World) -> Achievement:
    """With one learner who has met its rule, and whose activity nobody will announce again."""
    LabInstanceFactory.create(user=world.learner)
    ProgressChange.objects.all().delete()
    badge = BadgeFactory.create(organization=world.north)
    return AchievementFactory.create(organization=world.north, external_id="a-1", badge=badge)


@pytest.fixture
def done(achievement: Achievement) -> Backfill:
    backfill.award_due()
    return backfill.latest(achievement)


def test_one_is_started_as_silent_as_asked(
    world: World, administrator: APIClient, achievement: Achievement
) -> None:
    answer = administrator.post(ADDRESS, {"achievement": "ext:a-1", "notification": "silent"})
    run = Backfill.objects.get()
    body = answer.json()
    assert answer.status_code == 201
    assert (body["achievement"], body["notification"], body["state"]) == (achievement.pk, "silent", "running")
    assert (run.notification, run.requested_by) == ("silent", world.administrator)
    assert administrator.get(answer["Location"]).json() == body
    backfill.award_due()
    assert EarnedAchievement.objects.get().learner == world.learner
    assert not Notification.objects.exists()


def test_without_a_choice_each_learner_gets_one_summary(
    administrator: APIClient, achievement: Achievement
) -> None:
    assert administrator.post(ADDRESS, {"achievement": achievement.pk}).json()["notification"] == "summary"


def test_it_tells_how_far_it_is_and_what_it_gave(administrator: APIClient, done: Backfill) -> None:
    [row] = administrator.get(ADDRESS, {"achievement": "ext:a-1", "state": "done"}).json()["results"]
    assert row == administrator.get(f"{ADDRESS}{done.pk}/").json()
    counts = ("looked_at", "learners", "earned", "awarded", "withdrawn", "badges")
    assert [row[name] for name in counts] == [3, 3, 1, 1, 0, 1]
    assert row["finished_at"]
    assert administrator.get(ADDRESS, {"state": "running"}).json()["results"] == []


def test_silence_of_a_provider_that_tells_everybody_is_refused(
    world: World, administrator: APIClient
) -> None:
    badge = BadgeFactory.create(organization=world.north, badge_provider__kind="accredible")
    achievement = AchievementFactory.create(organization=world.north, badge=badge)
    answer = administrator.post(ADDRESS, {"achievement": achievement.pk, "notification": "silent"})
    assert (answer.status_code, answer.json()["code"]) == (400, "not_silent")
    assert "cannot be issued silently" in answer.json()["fields"]["notification"][0]
    assert not Backfill.objects.exists()


@pytest.mark.parametrize(("notification", "messages"), [("silent", 0), ("summary", 1), ("normal", 2)])
def test_it_is_previewed_with_its_choice_and_nothing_is_stored(
    world: World, administrator: APIClient, notification: str, messages: int
) -> None:
    for _time in range(2):
        LabInstanceFactory.create(user=world.learner)
    achievement = AchievementFactory.create(
        organization=world.north, frequency=2, badge=BadgeFactory.create(organization=world.north)
    )
    body = {"achievement": achievement.pk, "notification": notification}
    answer = administrator.post(f"{ADDRESS}preview/", body)
    told = answer.json()
    assert answer.status_code == 200, told
    assert (told["awards"], told["learners"], told["messages"], told["calls"]) == (2, 1, messages, 1)
    assert told["sample"][0]["user"] == world.learner.pk
    assert not Backfill.objects.exists()
    assert not EarnedAchievement.objects.exists()


def test_a_preview_says_what_stands_in_the_way(world: World, administrator: APIClient) -> None:
    achievement = AchievementFactory.create(organization=world.north, enabled=False)
    told = administrator.post(f"{ADDRESS}preview/", {"achievement": achievement.pk}).json()
    assert told["waiting_for"] == ["The achievement is not enabled."]


def test_it_is_paused_and_resumed(administrator: APIClient, achievement: Achievement) -> None:
    run = backfill.start(achievement)
    assert administrator.post(f"{ADDRESS}{run.pk}/pause/").json()["state"] == "paused"
    backfill.award_due()
    assert not EarnedAchievement.objects.exists()
    again = administrator.post(f"{ADDRESS}{run.pk}/pause/")
    assert (again.status_code, again.json()["code"]) == (409, "wrong_state")
    assert administrator.post(f"{ADDRESS}{run.pk}/resume/").json()["state"] == "running"
    backfill.award_due()
    assert EarnedAchievement.objects.exists()


def test_it_is_undone_and_says_what_that_came_to(
    world: World, administrator: APIClient, done: Backfill
) -> None:
    answer = administrator.post(f"{ADDRESS}{done.pk}/undo/", {"reason": "Wrong lab"})
    told = answer.json()
    assert answer.status_code == 200
    assert (told["withdrawn"], told["cancelled"], told["kept"]) == (1, 1, 0)
    assert told["message"] == "1 award was withdrawn. 1 badge that had not been sent was cancelled."
    shown = told["backfill"]
    assert (shown["state"], shown["earned"], shown["awarded"], shown["withdrawn"]) == ("undone", 0, 1, 1)
    assert (shown["undone_by"], shown["undo_reason"]) == (world.administrator.pk, "Wrong lab")
    assert administrator.get(f"{ADDRESS}{done.pk}/").json() == shown
    assert IssuedBadge.objects.get().ended_reason == "Wrong lab"


@pytest.mark.parametrize("body", [{}, {"reason": ""}, {"reason": "  "}])
def test_it_is_not_undone_without_a_reason(administrator: APIClient, done: Backfill, body: Any) -> None:
    answer = administrator.post(f"{ADDRESS}{done.pk}/undo/", body)
    assert answer.status_code == 400
    assert list(answer.json()["fields"]) == ["reason"]
    assert EarnedAchievement.objects.get().withdrawn_at is None


def test_what_nobody_can_earn_is_not_started(world: World, administrator: APIClient) -> None:
    achievement = AchievementFactory.create(organization=world.north, enabled=False)
    answer = administrator.post(ADDRESS, {"achievement": achievement.pk})
    assert (answer.status_code, answer.json()["code"]) == (409, "not_active")
    assert not Backfill.objects.exists()


@pytest.mark.parametrize("verb", ["", "preview/"])
def test_an_unknown_choice_or_field_is_refused_by_name(
    administrator: APIClient, achievement: Achievement, verb: str
) -> None:
    body = {"achievement": "ext:a-1", "notification": "loud", "state": "done"}
    answer = administrator.post(f"{ADDRESS}{verb}", body)
    assert answer.status_code == 400
    assert set(answer.json()["fields"]) == {"notification", "state"}
    assert not Backfill.objects.exists()


def test_another_organizations_administrator_finds_nothing(
    world: World, done: Backfill, signed_in: Callable[[Any], APIClient]
) -> None:
    stranger = signed_in(AdministratorFactory.create(organization=world.south))
    assert stranger.get(ADDRESS).json()["results"] == []
    for verb in ("pause", "resume", "undo"):
        assert stranger.post(f"{ADDRESS}{done.pk}/{verb}/", {"reason": "Mine"}).status_code == 404
    for verb in ("", "preview/"):
        answer = stranger.post(f"{ADDRESS}{verb}", {"achievement": "ext:a-1"})
        assert answer.json()["fields"] == {"achievement": ["No achievement ext:a-1."]}
    done.refresh_from_db()
    assert done.state == "done"
