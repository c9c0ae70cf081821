"""Looking ahead and explaining over the API."""

from __future__ import annotations

import pytest

from achievements.models import Achievement
from tests.factories import (
    AchievementFactory,
    AdministratorFactory,
    LabInstanceFactory,
    OrganizationFactory,
    UserFactory,
)

pytestmark = pytest.mark.django_db


@pytest.fixture
def organization():
    return OrganizationFactory(external_id="north")


@pytest.fixture
def learner(organization):
    learner = UserFactory(organization=organization, external_id="u-1")
    LabInstanceFactory(user=learner)
    return learner


@pytest.fixture
def program(client, organization):
    client.force_login(AdministratorFactory(organization=organization))
    return client


def test_a_draft_is_previewed_and_not_stored(program, learner):
    body = {
        "name": "Explorer",
        "organization": "ext:north",
        "points": 5,
        "conditions": "[{Subject:0, Count:1}]",
    }
    answer = program.post("/api/v1/achievements/preview/", body, content_type="application/json")
    assert answer.status_code == 200, answer.json()
    assert answer.json()["awards"] == 1
    assert answer.json()["sample"][0]["user"] == learner.pk
    assert not Achievement.objects.exists()


def test_an_edit_is_previewed(program, organization, learner):
    achievement = AchievementFactory(organization=organization, conditions_text="[{Subject:0, Count:9}]")
    body = {"achievement": achievement.pk, "conditions": "[{Subject:0, Count:1}]"}
    answer = program.post("/api/v1/achievements/preview/", body, content_type="application/json")
    assert answer.json()["awards"] == 1
    achievement.refresh_from_db()
    assert achievement.conditions_text == "[{Subject:0, Count:9}]"


def test_a_wrong_rule_is_refused_with_its_place(program, learner):
    body = {"name": "X", "organization": "ext:north", "points": 5, "conditions": "[{Subject:0, Cuont:1}]"}
    answer = program.post("/api/v1/achievements/preview/", body, content_type="application/json")
    assert answer.status_code == 400
    assert answer.json()["data"]["remarks"][0]["column"] == 14


@pytest.mark.parametrize("body", ["[1]", '"text"', "17", "null"])
def test_a_draft_is_an_object(program, learner, body):
    answer = program.post("/api/v1/achievements/preview/", body, content_type="application/json")
    assert answer.status_code == 400
    assert answer.json()["code"] == "invalid"


def test_an_achievement_of_another_organization_is_not_found(program, learner):
    other = AchievementFactory()
    body = {"achievement": other.pk, "conditions": "[]"}
    answer = program.post("/api/v1/achievements/preview/", body, content_type="application/json")
    assert answer.status_code == 400
    assert "achievement" in answer.json()["fields"]
    assert program.get(f"/api/v1/achievements/{other.pk}/explain/?user=ext:u-1").status_code == 404


def test_an_explanation_has_gates_and_numbers(program, organization, learner):
    achievement = AchievementFactory(organization=organization, conditions_text="[{Subject:0, Count:3}]")
    answer = program.get(f"/api/v1/achievements/{achievement.pk}/explain/?user=ext:u-1")
    assert answer.status_code == 200, answer.json()
    told = answer.json()
    assert told["conditions"][0]["have"] == 1
    assert told["conditions"][0]["needed"] == 3
    assert {gate["code"] for gate in told["gates"]} >= {"enabled", "organization", "participation", "reach"}


@pytest.mark.parametrize("query", ["", "?user=", "?user=999999", "?user=ext:nobody"])
def test_a_learner_who_is_not_there_is_said_so(program, organization, learner, query):
    achievement = AchievementFactory(organization=organization)
    answer = program.get(f"/api/v1/achievements/{achievement.pk}/explain/{query}")
    assert answer.status_code == 400
    assert "user" in answer.json()["fields"]


def test_whom_an_explanation_is_about_has_to_be_said(program, organization, learner):
    achievement = AchievementFactory(organization=organization)
    answer = program.get(f"/api/v1/achievements/{achievement.pk}/explain/")
    assert answer.json()["fields"]["user"] == ["Name the user, as in ?user=ext:u-17."]
