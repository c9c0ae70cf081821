"""What learners are told of what they earned, and administrators of rules that rest."""

from __future__ import annotations

import pytest
from django.db import DatabaseError
from django.utils import timezone

from achievements import backfill, evaluation
from achievements.evaluation import passes, runs
from achievements.models import Achievement, Backfill, EarnedAchievement
from achievements.paused import tell_paused
from achievements.references import pause_where_gone
from tests.factories import (
    AchievementFactory,
    AdministratorFactory,
    BadgeFactory,
    LabFactory,
    LabInstanceFactory,
    UserFactory,
)
from tms.models import Lab, Notification, ProgressChange
from tms.notifying.topics import Notice, in_words

pytestmark = pytest.mark.django_db
SUMMARY = Backfill.Notification.SUMMARY


def notice() -> Notice:
    rows = list(Notification.objects.select_related("user"))
    [found] = in_words(rows).values()
    return found


class TestEarned:
    def test_what_happened_now_is_news(self) -> None:
        ada = UserFactory()
        AchievementFactory(organization=ada.organization, name="First Steps", points=5)
        backfill.award_due()
        LabInstanceFactory(user=ada, started_at=timezone.now())
        evaluation.award_changes()
        found = notice()
        assert (found.title, found.text) == ("You earned First Steps", "It gives you 5 points.")
        assert (found.url, found.unmailed) == ("/achievements/", "")

    def test_history_that_is_imported_is_not(self) -> None:
        ada = UserFactory()
        AchievementFactory(organization=ada.organization)
        backfill.award_due()
        LabInstanceFactory(user=ada)  # of long ago
        evaluation.award_changes()
        assert notice().unmailed == "old"

    def test_its_badge_is_told_with_it_and_its_provider_writes(self) -> None:
        ada = UserFactory()
        badge = BadgeFactory(organization=ada.organization, name="Explorer")
        AchievementFactory(organization=ada.organization, badge=badge)
        backfill.award_due()
        LabInstanceFactory(user=ada, started_at=timezone.now())
        evaluation.award_changes()
        found = notice()
        assert found.text == f"It gives you 10 points. Your badge “Explorer”: On its way to {ada.email}."
        assert found.unmailed == "provider"


class TestSummaries:
    def run(self, **fields: object) -> None:
        ada = UserFactory()
        for _ in range(3):
            LabInstanceFactory(user=ada)
        ProgressChange.objects.all().delete()
        backfill.start(AchievementFactory(organization=ada.organization, **fields), notification=SUMMARY)
        backfill.award_due()

    def test_one_is_named_however_old_it_is(self) -> None:
        self.run(name="Veteran")
        assert (notice().title, notice().unmailed) == ("You earned Veteran", "")

    def test_several_are_counted(self) -> None:
        self.run(frequency=3)
        found = notice()
        assert (found.title, found.count) == ("You earned 3 achievements", 3)

    def test_what_is_undone_is_no_longer_told(self) -> None:
        self.run()
        EarnedAchievement.objects.update(withdrawn_at=timezone.now())
        assert notice().unmailed == "over"


class TestPausedRules:
    def test_a_rule_that_failed_too_often_is_told_once(self, monkeypatch: pytest.MonkeyPatch) -> None:
        boss = AdministratorFactory()
        rule = AchievementFactory(organization=boss.organization, name="Broken")
        [active] = evaluation.active_rules()
        this = passes.Pass(now=timezone.now(), report=evaluation.Report(), full=False, backfills=[])
        for failed_runs in range(runs.MOST_FAILURES):
            active.achievement.failed_runs = failed_runs
            runs.mark_failed(active, DatabaseError("no such column"), this=this)
        row = Notification.objects.get()
        assert (row.user, row.kind, row.key) == (boss, "rule_paused", rule.pk)
        found = notice()
        assert found.title == "The rule of Broken is paused"
        assert "no such column" in found.text
        assert found.url == f"/achievements/{rule.pk}/"

    def test_a_rule_that_names_what_is_gone_is_told_once(self) -> None:
        boss = AdministratorFactory()
        lab = LabFactory(organization=boss.organization)
        text = f"[{{Subject:0, Count:1, LabProfileIds:[{lab.pk}]}}]"
        AchievementFactory(organization=boss.organization, conditions_text=text)
        Lab.objects.filter(pk=lab.pk).delete()
        for _ in range(2):
            pause_where_gone()
        assert Notification.objects.get().user == boss

    def test_one_that_goes_on_is_no_longer_told(self) -> None:
        boss = AdministratorFactory()
        rule = AchievementFactory(organization=boss.organization)
        Achievement.objects.update(paused_at=timezone.now())
        tell_paused([rule.pk], at=timezone.now())
        assert notice().unmailed == ""
        Achievement.objects.update(paused_at=None)
        assert notice().unmailed == "over"
