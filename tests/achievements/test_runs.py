"""The log of runs, the time that a rule may take, and what happens to one that fails again and again."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from django.db import DatabaseError, transaction

from achievements import backfill, evaluation
from achievements.authoring import save_achievement
from achievements.evaluation import runs, writing
from achievements.models import Achievement, EarnedAchievement, RuleRun
from tests.factories import (
    PAST,
    AchievementFactory,
    AdministratorFactory,
    CourseAssignmentFactory,
    CourseFactory,
    CourseTagFactory,
    LabFactory,
    LabInstanceFactory,
    OrganizationFactory,
    UserFactory,
)
from tms.sql import Sql, fetch, time_limit

pytestmark = pytest.mark.django_db

ENDLESS = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 2000000000) SELECT COUNT(*) FROM n"


@pytest.fixture
def organization():
    return OrganizationFactory()


@pytest.fixture
def learner(organization):
    return UserFactory(organization=organization)


def test_a_run_that_awards_is_logged(organization, learner):
    achievement = AchievementFactory(organization=organization)
    RuleRun.objects.all().delete()
    LabInstanceFactory(user=learner)
    evaluation.award_changes()
    run = RuleRun.objects.get()
    assert (run.achievement, run.looked_at, run.awarded, run.error) == (achievement, 1, 1, "")
    assert run.seconds > 0


def test_a_run_that_changes_nothing_is_not(organization, learner):
    AchievementFactory(organization=organization, conditions_text="[{Subject:0, Count:9}]")
    LabInstanceFactory(user=learner)
    evaluation.award_changes()
    assert not RuleRun.objects.exists()


def test_a_run_over_everybody_is_logged_whatever_it_found(organization, learner):
    achievement = AchievementFactory(organization=organization, conditions_text="[{Subject:0, Count:9}]")
    backfill.award_due()
    assert RuleRun.objects.get().achievement == achievement


def test_rules_that_shared_a_statement_say_so(organization, learner):
    for count in (1, 2):
        AchievementFactory(organization=organization, conditions_text=f"[{{Subject:0, Count:{count}}}]")
    for _ in range(2):
        LabInstanceFactory(user=learner)
    evaluation.award_changes()
    assert set(RuleRun.objects.values_list("shared_by", "awarded")) == {(2, 1)}


SHAPES = (
    "{{Subject:0, Count:1, LabProfileIds:[{labs}], Complete:True}}",
    "{{Subject:0, Count:2, LabProfileIds:[{labs}], Distinct:True}}",
    "{{Subject:0, Count:1, LabProfileIds:[{labs}], Passed:True}}",
    "{{Subject:0, Count:2, LabProfileIds:[{labs}], SingleDay:True}}",
    "{{Subject:0, Count:2, LabProfileIds:[{labs}], Distinct:True, SingleDay:True}}",
    "{{Subject:10, Count:1, CourseIds:[{courses}], Complete:True}}",
    "{{Subject:10, Count:2, CourseIds:[{courses}], Complete:True, Distinct:True}}",
    "{{Subject:20, Count:1, CourseTagIds:[{tags}], Complete:True}}",
    "{{Subject:20, Count:2, CourseTagIds:[{tags}], Complete:True, Distinct:True}}",
)


@pytest.mark.parametrize("shape", SHAPES)
def test_rules_of_one_shape_share_a_statement(organization, learner, shape):
    """Where it fails they run one by one, which only the log of runs tells."""
    tags = [CourseTagFactory(organization=organization) for _ in range(4)]
    courses = [CourseFactory(organization=organization, tags=[tag]) for tag in tags]
    labs = [LabFactory(organization=organization, is_exam=True) for _ in range(4)]
    for half in (slice(0, 2), slice(2, 4)):
        ids = {
            name: ",".join(str(row.pk) for row in rows[half])
            for name, rows in (("labs", labs), ("courses", courses), ("tags", tags))
        }
        AchievementFactory(organization=organization, conditions_text=f"[{shape.format(**ids)}]")
    for lab, course in zip(labs, courses, strict=True):
        LabInstanceFactory(user=learner, lab=lab, started_at=PAST, completed_at=PAST, passed=True)
        CourseAssignmentFactory(user=learner, course=course, started_at=PAST, completed_at=PAST)

    evaluation.award_changes()

    assert set(RuleRun.objects.values_list("shared_by", "awarded", "error")) == {(2, 1, "")}


def test_a_statement_that_takes_too_long_is_ended():
    with pytest.raises(DatabaseError), transaction.atomic(), time_limit(0.2):
        fetch(Sql(ENDLESS))
    assert fetch(Sql("SELECT 1")) == [(1,)]


def test_a_slow_rule_fails_alone(organization, learner, monkeypatch, settings):
    settings.EVALUATION_SECONDS = 0.3
    slow = AchievementFactory(organization=organization)
    quick = AchievementFactory(organization=organization)
    whole = writing.winners

    def winners(rules, *, scope):
        if slow.pk in {active.achievement.pk for active in rules}:
            return Sql(ENDLESS)
        return whole(rules, scope=scope)

    monkeypatch.setattr(writing, "winners", winners)
    LabInstanceFactory(user=learner)
    evaluation.award_changes()
    assert EarnedAchievement.objects.get().achievement == quick
    assert RuleRun.objects.exclude(error="").get().achievement == slow


@pytest.mark.parametrize("look", [ENDLESS, "SELECT no_such_column"])
def test_when_nobody_can_be_asked_who_lacks_what_all_are_looked_at(
    organization, learner, monkeypatch, settings, look
):
    settings.EVALUATION_SECONDS = 0.3
    rules = {AchievementFactory(organization=organization) for _ in range(2)}
    monkeypatch.setattr(runs, "lacking", lambda groups, *, scope: Sql(look))
    LabInstanceFactory(user=learner)
    evaluation.award_changes()
    assert {award.achievement for award in EarnedAchievement.objects.all()} == rules
    assert not RuleRun.objects.exclude(error="").exists()


def test_its_owner_sees_a_failing_rule_on_the_dashboard(client, organization, learner, monkeypatch):
    achievement = AchievementFactory(organization=organization, name="Broken")
    monkeypatch.setattr(writing, "winners", lambda rules, *, scope: Sql("SELECT no_such_column"))
    backfill.award_due()
    client.force_login(AdministratorFactory(organization=organization))
    shown = client.get("/").content.decode()
    assert "Rules that fail" in shown
    assert achievement.name in shown
    client.force_login(AdministratorFactory())
    assert "Rules that fail" not in client.get("/").content.decode()


def test_a_rule_that_fails_again_and_again_is_paused_until_somebody_saves_it(
    organization, learner, monkeypatch
):
    achievement = AchievementFactory(organization=organization)
    monkeypatch.setattr(writing, "winners", lambda rules, *, scope: Sql("SELECT no_such_column"))
    for _ in range(runs.MOST_FAILURES):
        Achievement.objects.update(last_error_at=datetime(2020, 1, 1, tzinfo=UTC))
        backfill.award_due()
    achievement.refresh_from_db()
    assert achievement.paused_at
    assert RuleRun.objects.exclude(error="").count() == runs.MOST_FAILURES
    monkeypatch.undo()
    Achievement.objects.update(last_error_at=datetime(2020, 1, 1, tzinfo=UTC))
    LabInstanceFactory(user=learner)
    evaluation.award_changes()
    backfill.award_due()
    assert not EarnedAchievement.objects.exists()
    save_achievement(achievement)
    backfill.award_due()
    achievement.refresh_from_db()
    assert EarnedAchievement.objects.get().achievement == achievement
    assert (achievement.paused_at, achievement.failed_runs, achievement.last_error) == (None, 0, "")
