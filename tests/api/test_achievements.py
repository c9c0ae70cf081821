"""The collections of achievements and earned achievements, and a learner's own."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from rest_framework.test import APIClient

from achievements.models import Achievement, EarnedAchievement, RuleVersion
from badges.status import Status
from tests.api.conftest import World
from tests.factories import (
    PAST,
    AchievementFactory,
    AdministratorFactory,
    BadgeFactory,
    IssuedBadgeFactory,
    LabFactory,
    OrganizationFactory,
)
from tms.access import Role


def earn(learner: Any, achievement: Achievement, **more: Any) -> EarnedAchievement:
    return EarnedAchievement.objects.create(
        learner=learner,
        achievement=achievement,
        earned_at=PAST,
        earned_day=PAST.date(),
        points=achievement.points,
        rule_version=1,
        **more,
    )


def test_conditions_are_kept_as_typed_and_shown_as_understood(world: World, administrator: APIClient) -> None:
    lab = LabFactory.create(organization=world.north)
    badge = BadgeFactory.create(organization=world.north, external_id="b-1")
    typed = f"[{{Subject:0, LabProfileIds:[{lab.pk}], Count:2}}]"

    answer = administrator.post(
        "/api/v1/achievements/",
        {
            "external_id": "a-1",
            "name": "Explorer",
            "organization": "ext:north",
            "category": "Labs",
            "points": 50,
            "badge": "ext:b-1",
            "conditions": typed,
        },
    )

    achievement = Achievement.objects.get()
    body = answer.json()
    assert answer.status_code == 201
    assert body["conditions"] == achievement.conditions_text == typed
    assert body["rule"] == achievement.conditions == [{"Subject": 0, "LabProfileIds": [lab.pk], "Count": 2}]
    assert body["rule_version"] == 1
    assert body["badge"] == badge.pk
    assert RuleVersion.objects.get().created_by == world.administrator


def test_conditions_may_be_given_as_json(world: World, administrator: APIClient) -> None:
    body = {"name": "Explorer", "organization": "ext:north", "conditions": [{"Subject": 0, "Count": 2}]}

    answer = administrator.post("/api/v1/achievements/", body)

    assert answer.status_code == 201
    assert answer.json()["conditions"] == '[{"Subject": 0, "Count": 2}]'
    assert Achievement.objects.get().conditions == [{"Subject": 0, "Count": 2}]


def test_a_mistake_in_conditions_given_as_json_has_its_place(world: World, administrator: APIClient) -> None:
    body = {"name": "Explorer", "organization": "ext:north", "conditions": [{"Subject": 0, "Cuont": 2}]}

    answer = administrator.post("/api/v1/achievements/", body)

    assert answer.status_code == 400
    assert answer.json()["data"]["remarks"][0]["pointer"] == "/0/Cuont"
    assert "did you mean Count?" in answer.json()["fields"]["conditions"][0]


def test_conditions_are_told_in_words(world: World, administrator: APIClient) -> None:
    lab = LabFactory.create(organization=world.north, name="Three tiers")
    address = "/api/v1/achievements/"

    made = administrator.post(
        address,
        {"name": "Explorer", "organization": "ext:north", "conditions": f"[{{LabProfileIds:[{lab.pk}]}}]"},
    ).json()
    changed = administrator.patch(
        f"{address}{made['id']}/",
        {"conditions": f"[{{LabProfileIds:[{lab.pk}], Passed:true}}, {{Subject:40, Points:500}}]"},
    ).json()

    assert made["rule_in_words"] == "Launch the lab “Three tiers”"
    assert changed["rule_in_words"] == "All of these: Pass the exam “Three tiers”; Collect 500 points"
    assert administrator.get(f"{address}{made['id']}/").json() == changed
    assert administrator.patch(f"{address}{made['id']}/", {"rule_in_words": "Nothing"}).status_code == 400


def test_a_longer_list_with_rules_in_words_asks_no_more_queries(
    world: World, administrator: APIClient
) -> None:
    def more(count: int) -> None:
        for _number in range(count):
            lab = LabFactory.create(organization=world.north)
            AchievementFactory.create(
                organization=world.north, conditions_text=f"[{{LabProfileIds:[{lab.pk}]}}]"
            )

    def queries() -> int:
        with CaptureQueriesContext(connection) as captured:
            rows = administrator.get("/api/v1/achievements/").json()["results"]
        assert len({row["rule_in_words"] for row in rows}) == Achievement.objects.count()
        return len(captured)

    more(3)
    few = queries()
    more(7)
    assert queries() == few


def test_what_is_probably_not_meant_is_hinted_at_and_stored(world: World, administrator: APIClient) -> None:
    labs = LabFactory.create_batch(2, organization=world.north)
    ids = [lab.pk for lab in labs]

    answer = administrator.post(
        "/api/v1/achievements/",
        {
            "name": "Both",
            "organization": "ext:north",
            "conditions": f"[{{Subject:0, LabProfileIds:{ids}, Count:2}}]",
        },
    )

    hints = answer.json()["hints"]
    assert answer.status_code == 201
    assert len(hints) == 1
    assert set(hints[0]) == {"code", "message", "line", "column", "pointer"}
    achievement = Achievement.objects.get()
    assert administrator.get(f"/api/v1/achievements/{achievement.pk}/").json()["hints"] == hints


def test_a_stored_text_that_cannot_be_read_any_more_does_not_hide_the_list(
    world: World, administrator: APIClient
) -> None:
    achievement = AchievementFactory.create(organization=world.north)
    Achievement.objects.filter(pk=achievement.pk).update(conditions_text="[{Subject:99}]")

    [row] = administrator.get("/api/v1/achievements/").json()["results"]

    assert row["conditions"] == "[{Subject:99}]"
    assert row["hints"]


def test_a_mistake_in_the_conditions_is_told_with_its_place(world: World, administrator: APIClient) -> None:
    answer = administrator.post(
        "/api/v1/achievements/",
        {"name": "Wrong", "organization": "ext:north", "conditions": "[{Subject:0,\n  Cuont:1}]"},
    )

    body = answer.json()
    assert answer.status_code == 400
    assert body["code"] == "conditions"
    assert list(body["fields"]) == ["conditions"]
    assert body["data"]["remarks"][0]["line"] == 2
    assert not Achievement.objects.exists()


def test_editing_the_conditions_makes_a_new_version(world: World, administrator: APIClient) -> None:
    achievement = AchievementFactory.create(organization=world.north)

    answer = administrator.patch(
        f"/api/v1/achievements/{achievement.pk}/", {"conditions": "[{Subject:0, Count:5}]"}
    )

    assert answer.json()["rule_version"] == 2
    assert answer.json()["points"] == achievement.points


def test_making_it_global_needs_the_supplemental_role(
    world: World, administrator: APIClient, signed_in: Callable[[Any], APIClient]
) -> None:
    achievement = AchievementFactory.create(organization=world.north)
    address = f"/api/v1/achievements/{achievement.pk}/"
    roles = [Role.ADMINISTRATOR, Role.GLOBAL_ACHIEVEMENTS]
    holder = signed_in(AdministratorFactory.create(organization=world.north, roles=roles))

    assert administrator.patch(address, {"is_global": True}).status_code == 403
    assert holder.patch(address, {"is_global": True}).json()["is_global"] is True


def test_earned_achievements_are_seen_by_their_learner_and_both_organizations(
    world: World, administrator: APIClient, learner: APIClient, signed_in: Callable[[Any], APIClient]
) -> None:
    elsewhere = AchievementFactory.create(organization=world.south)
    award = earn(world.learner, elsewhere)
    earn(world.stranger, elsewhere)
    owner = signed_in(AdministratorFactory.create(organization=world.south))

    def listed(client: APIClient) -> list[int]:
        return [row["id"] for row in client.get("/api/v1/earned-achievements/").json()["results"]]

    assert listed(learner) == listed(administrator) == [award.pk]
    assert len(listed(owner)) == 2


def test_earned_achievements_are_not_written(world: World, administrator: APIClient) -> None:
    award = earn(world.learner, AchievementFactory.create(organization=world.north))
    address = "/api/v1/earned-achievements/"

    assert administrator.post(address, {}).status_code == 405
    assert administrator.patch(f"{address}{award.pk}/", {"points": 1_000}).status_code == 405


def test_a_learner_is_shown_with_points_achievements_and_badges(world: World, learner: APIClient) -> None:
    badge = BadgeFactory.create(organization=world.north)
    first = AchievementFactory.create(organization=world.north, points=50, badge=badge, category="Labs")
    second = AchievementFactory.create(organization=world.north, points=7)
    issued = IssuedBadgeFactory.create(badge=badge, learner=world.learner, status=Status.ISSUED)
    award = earn(world.learner, first, issued_badge=issued)
    other = earn(world.learner, second)
    earn(
        world.learner,
        AchievementFactory.create(organization=world.north, points=1_000),
        withdrawn_at=timezone.now(),
    )

    answer = learner.get("/api/v1/users/ext:u-ada/achievements/")

    body = answer.json()
    assert answer.status_code == 200
    assert (body["user"], body["points"]) == (world.learner.pk, 57)
    assert [row["id"] for row in body["achievements"]] == [other.pk, award.pk]
    assert body["achievements"][1] == {
        "id": award.pk,
        "achievement": first.pk,
        "name": first.name,
        "description": first.description,
        "category": "Labs",
        "rule_in_words": "Launch a lab",
        "points": 50,
        "earned_at": "2026-03-02T09:00:00Z",
        "badge": badge.pk,
        "issued_badge": issued.pk,
    }
    assert [row["id"] for row in body["issued_badges"]] == [issued.pk]
    assert body["issued_badges"][0]["issued_status"] == "Issued"


def test_points_stay_as_they_were_when_earned(world: World, learner: APIClient) -> None:
    achievement = AchievementFactory.create(organization=world.north, points=50)
    earn(world.learner, achievement)
    Achievement.objects.filter(pk=achievement.pk).update(points=1)

    assert learner.get("/api/v1/users/ext:u-ada/achievements/").json()["points"] == 50


def test_what_somebody_else_earned_is_not_there(
    world: World, learner: APIClient, administrator: APIClient
) -> None:
    assert learner.get(f"/api/v1/users/{world.administrator.pk}/achievements/").status_code == 404
    assert administrator.get("/api/v1/users/ext:u-stranger/achievements/").status_code == 404
    assert administrator.get("/api/v1/users/ext:u-ada/achievements/").json()["achievements"] == []


def test_a_longer_list_of_achievements_asks_no_more_queries(world: World, learner: APIClient) -> None:
    def more(count: int) -> None:
        for _number in range(count):
            issued = IssuedBadgeFactory.create(badge__organization=world.north, learner=world.learner)
            lab = LabFactory.create(organization=world.north)
            text = f"[{{LabProfileIds:[{lab.pk}]}}]"
            achievement = AchievementFactory.create(organization=world.north, conditions_text=text)
            earn(world.learner, achievement, issued_badge=issued)

    def queries() -> int:
        with CaptureQueriesContext(connection) as captured:
            assert learner.get("/api/v1/users/ext:u-ada/achievements/").status_code == 200
        return len(captured)

    more(3)
    few = queries()
    more(7)
    assert queries() == few


def test_a_badge_that_was_made_available_is_linked(
    world: World, signed_in: Callable[[Any], APIClient]
) -> None:
    below = signed_in(AdministratorFactory.create(organization=world.branch))
    badge = BadgeFactory.create(organization=world.north)
    badge.available_to.set([world.branch, world.south])
    achievement = AchievementFactory.create(organization=world.branch)

    answer = below.patch(f"/api/v1/achievements/{achievement.pk}/", {"badge": badge.pk})

    achievement.refresh_from_db()
    assert answer.status_code == 200
    assert achievement.badge == badge
    assert below.get(f"/api/v1/badges/{badge.pk}/").status_code == 404


def test_a_superuser_names_whatever_belongs_together(world: World, superuser: APIClient) -> None:
    badge = BadgeFactory.create(organization=world.north)
    lab = LabFactory.create(organization=world.branch)
    body = {
        "name": "Explorer",
        "organization": "ext:north",
        "badge": badge.pk,
        "conditions": f"[{{Subject:0, LabProfileIds:[{lab.pk}], Count:1}}]",
    }

    answer = superuser.post("/api/v1/achievements/", body)

    assert answer.status_code == 201
    assert answer.json()["badge"] == badge.pk


def test_a_badge_of_an_unrelated_organization_is_not_linked(world: World, administrator: APIClient) -> None:
    badge = BadgeFactory.create(organization=OrganizationFactory.create())
    achievement = AchievementFactory.create(organization=world.north)

    answer = administrator.patch(f"/api/v1/achievements/{achievement.pk}/", {"badge": badge.pk})

    assert answer.status_code == 400
    assert answer.json()["fields"] == {"badge": [f"No badge {badge.pk}."]}
