"""award, preview and explain from the command line."""

from __future__ import annotations

import json
from io import StringIO

import pytest
from django.core.management import CommandError, call_command

from achievements.evaluation import writing
from achievements.models import EarnedAchievement
from tests.factories import AchievementFactory, LabInstanceFactory, OrganizationFactory, UserFactory
from tms.models import ProgressChange
from tms.sql import Sql

pytestmark = pytest.mark.django_db


def run(*arguments: str) -> str:
    out = StringIO()
    call_command(*arguments, stdout=out)
    return out.getvalue()


@pytest.fixture
def world():
    organization = OrganizationFactory()
    learner = UserFactory(organization=organization, external_id="u-1")
    achievement = AchievementFactory(organization=organization, external_id="a-1")
    LabInstanceFactory(user=learner)
    return achievement, learner


def test_award_evaluates_what_waits(world):
    _achievement, learner = world
    assert json.loads(run("award", "--json"))["awards"] == 1
    assert EarnedAchievement.objects.get().learner == learner


def test_award_full_finds_what_no_change_announced(world):
    ProgressChange.objects.all().delete()
    type(world[0]).objects.update(full_run_due_at=None)
    assert json.loads(run("award", "--json"))["awards"] == 0
    assert json.loads(run("award", "--full", "--json"))["awards"] == 1


def test_award_lists_rules_that_failed_and_says_so_to_the_shell(world, monkeypatch):
    monkeypatch.setattr(writing, "winners", lambda *a, **k: Sql("SELECT no_such_column"))
    with pytest.raises(SystemExit) as ended:
        run("award")
    assert ended.value.code == 1


def test_preview_names_the_achievement_as_people_do(world):
    achievement, learner = world
    told = run("preview", "ext:a-1")
    assert "1 awards to 1 learners" in told
    assert learner.get_full_name() in told
    assert json.loads(run("preview", str(achievement.pk), "--json"))["awards"] == 1


def test_preview_of_an_edit(world, tmp_path):
    edited = tmp_path / "rule.txt"
    edited.write_text("[{Subject:0, Count:2}]", encoding="utf-8")
    assert json.loads(run("preview", "ext:a-1", "--conditions", str(edited), "--json"))["awards"] == 0


@pytest.mark.parametrize("content", [None, b"\xff\xfe"])
def test_an_edit_that_cannot_be_read_is_a_wrong_usage(world, tmp_path, content):
    edited = tmp_path / "rule.txt"
    if content:
        edited.write_bytes(content)
    with pytest.raises(CommandError, match=r"rule\.txt") as error:
        run("preview", "ext:a-1", "--conditions", str(edited))
    assert error.value.returncode == 2


def test_explain_says_why_not_yet_in_numbers(world):
    achievement, learner = world
    told = run("explain", "ext:a-1", learner.email)
    assert "✓" in told
    assert "(1 of 1)" in told
    data = json.loads(run("explain", str(achievement.pk), "ext:u-1", "--json"))
    assert data["conditions"][0]["have"] == 1
    assert all(gate["open"] for gate in data["gates"])


def test_an_unknown_name_is_a_wrong_usage(world):
    with pytest.raises(CommandError) as error:
        run("explain", "ext:a-1", "nobody@example.org")
    assert error.value.returncode == 2
