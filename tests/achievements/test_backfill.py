"""A look at everybody: resumable, pausable, as loud as somebody chose, and undone while nothing is sent."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from django.db import OperationalError, connection
from django.test.utils import CaptureQueriesContext

from achievements import backfill, evaluation, intents, tasks
from achievements.authoring import save_achievement
from achievements.evaluation import awarding, passes, writing
from achievements.models import Achievement, Backfill, EarnedAchievement
from achievements.preview import preview, preview_backfill
from achievements.rewards import rewards_of
from badges.catalogue import save_badge
from badges.ending import cancel
from badges.issuing import issue
from badges.lifecycle import Move, move
from badges.models import IssuedBadge, IssuingEvent
from badges.status import Status
from tests.factories import (
    PAST,
    AchievementFactory,
    AdministratorFactory,
    BadgeFactory,
    LabInstanceFactory,
    OrganizationFactory,
    UserFactory,
)
from tms.errors import Conflict, DomainError, NotFound
from tms.models import LearningRecord, Notification, ProgressChange
from tms.sql import Sql

pytestmark = pytest.mark.django_db

SILENT, SUMMARY, NORMAL = Backfill.Notification


class Crash(BaseException):
    """What no handler of ours catches, like the end of the process."""


@pytest.fixture
def organization():
    return OrganizationFactory()


@pytest.fixture
def chunks_of_two(monkeypatch):
    monkeypatch.setattr(passes, "CHUNK", 2)


def dormant(organization, number=1, launches=1):
    """Learners whose activity nobody will announce again."""
    found = [UserFactory(organization=organization) for _ in range(number)]
    for learner in found:
        for _ in range(launches):
            LabInstanceFactory(user=learner)
    ProgressChange.objects.all().delete()
    return found


def run_of(achievement):
    return Backfill.objects.filter(achievement=achievement).first()


def holders(achievement):
    rows = EarnedAchievement.objects.filter(achievement=achievement, withdrawn_at=None)
    return set(rows.values_list("learner", flat=True))


def ids(learners):
    return {learner.pk for learner in learners}


def edit(achievement, conditions):
    achievement = Achievement.objects.get(pk=achievement.pk)
    achievement.conditions_text = conditions
    save_achievement(achievement)


def send(issued, status=Status.ISSUED):
    for before, after in ((Status.QUEUED, Status.SENDING), (Status.SENDING, status)):
        assert move(Move(issued_badge_id=issued.pk, from_status=before, to_status=after))


class TestWhoIsLookedAt:
    def test_a_new_rule_finds_dormant_learners(self, organization):
        learners = dormant(organization, 3)
        achievement = AchievementFactory(organization=organization)
        backfill.award_due()
        assert holders(achievement) == ids(learners)
        run = run_of(achievement)
        assert (run.state, run.looked_at, run.learners, run.awarded) == ("done", 3, 3, 3)
        assert run.finished_at
        achievement.refresh_from_db()
        assert achievement.full_run_due_at is None

    def test_an_edited_rule_finds_them_too(self, organization):
        learners = dormant(organization, 2)
        achievement = AchievementFactory(organization=organization, conditions_text="[{Subject:0, Count:2}]")
        backfill.award_due()
        assert holders(achievement) == set()
        edit(achievement, "[{Subject:0, Count:1}]")
        backfill.award_due()
        assert holders(achievement) == ids(learners)
        assert [run.rule_version for run in Backfill.objects.order_by("pk")] == [1, 2]

    def test_an_enabled_rule_finds_them_too(self, organization):
        learners = dormant(organization, 2)
        achievement = AchievementFactory(organization=organization, enabled=False)
        backfill.award_due()
        assert holders(achievement) == set()
        achievement.enabled = True
        save_achievement(achievement)
        backfill.award_due()
        assert holders(achievement) == ids(learners)

    def test_learners_who_compete_are_looked_at_together(self, organization, chunks_of_two):
        for day in (9, 8, 1, 2):
            LabInstanceFactory(
                user=UserFactory(organization=organization), started_at=datetime(2026, 3, day, tzinfo=UTC)
            )
        ProgressChange.objects.all().delete()
        achievement = AchievementFactory(
            organization=organization, frequency=1, frequency_type="per_achievement"
        )
        backfill.award_due()
        assert EarnedAchievement.objects.get().earned_at.day == 1
        assert (run_of(achievement).state, run_of(achievement).looked_at) == ("done", 4)

    def test_nothing_runs_while_badges_are_switched_off(self, organization, settings):
        dormant(organization)
        achievement = AchievementFactory(organization=organization)
        settings.BADGES_ENABLED = False
        run = backfill.start(achievement)
        assert backfill.award_due().awards == 0
        run.refresh_from_db()
        assert (run.state, run.cursor, run.looked_at) == ("running", 0, 0)


class TestGoingOn:
    def test_a_call_does_so_many_chunks_and_the_next_goes_on(self, organization, chunks_of_two):
        learners = dormant(organization, 5)
        achievement = AchievementFactory(organization=organization)
        backfill.award_due(chunks=1)
        run = run_of(achievement)
        assert (run.state, run.cursor, run.looked_at, run.learners) == ("running", learners[1].pk, 2, 5)
        assert holders(achievement) == ids(learners[:2])
        backfill.award_due(chunks=1)
        assert run_of(achievement).looked_at == 4
        backfill.award_due()
        assert holders(achievement) == ids(learners)
        assert (run_of(achievement).state, run_of(achievement).awarded) == ("done", 5)

    def test_after_a_crash_it_goes_on_where_it_was(self, organization, chunks_of_two, monkeypatch):
        learners = dormant(organization, 6)
        achievement = AchievementFactory(
            organization=organization, badge=BadgeFactory(organization=organization)
        )
        whole, calls = writing.winners, []

        def winners(rules, *, scope):
            calls.append(scope.first)
            return whole(rules, scope=scope)

        def dying(*args, **kwargs):
            if len(calls) == 2:
                raise Crash
            return noted(*args, **kwargs)

        noted = awarding._notify
        monkeypatch.setattr(writing, "winners", winners)
        # In the middle of the second chunk, with its awards and intents written and not committed.
        monkeypatch.setattr(awarding, "_notify", dying)
        with pytest.raises(Crash):
            backfill.award_due()
        assert holders(achievement) == ids(learners[:2])
        assert IssuedBadge.objects.count() == 2
        assert run_of(achievement).cursor == learners[1].pk
        monkeypatch.setattr(awarding, "_notify", noted)
        backfill.award_due()
        assert calls == [1, *(learners[n].pk + 1 for n in (1, 1, 3))]
        assert holders(achievement) == ids(learners)
        assert Notification.objects.count() == IssuedBadge.objects.count() == 6
        run = run_of(achievement)
        assert (run.state, run.looked_at, run.awarded, run.intents) == ("done", 6, 6, 6)

    def test_paused_it_stands_still_until_it_is_resumed(self, organization, chunks_of_two):
        learners = dormant(organization, 4)
        achievement = AchievementFactory(organization=organization)
        backfill.award_due(chunks=1)
        backfill.pause(run_of(achievement))
        backfill.award_due()
        evaluation.award_full()
        assert holders(achievement) == ids(learners[:2])
        assert run_of(achievement).state == "paused"
        backfill.resume(run_of(achievement))
        backfill.award_due()
        assert holders(achievement) == ids(learners)

    def test_only_what_runs_can_be_paused_and_only_what_is_paused_resumed(self, organization):
        achievement = AchievementFactory(organization=organization)
        run = backfill.start(achievement)
        with pytest.raises(Conflict):
            backfill.resume(run)
        backfill.pause(run)
        with pytest.raises(Conflict):
            backfill.pause(run)

    def test_an_edit_during_the_run_starts_it_anew(self, organization, chunks_of_two):
        once, twice = dormant(organization, 3), dormant(organization, 3, launches=2)
        achievement = AchievementFactory(organization=organization, conditions_text="[{Subject:0, Count:2}]")
        backfill.award_due(chunks=2)
        assert run_of(achievement).looked_at == 4
        edit(achievement, "[{Subject:0, Count:1}]")
        backfill.award_due(chunks=1)
        run = run_of(achievement)
        assert (run.rule_version, run.looked_at, run.cursor) == (2, 2, once[1].pk)
        backfill.award_due()
        assert holders(achievement) == ids([*once, *twice])
        assert Backfill.objects.get().state == "done"

    def test_an_edit_while_it_is_paused_leaves_it_paused(self, organization, chunks_of_two):
        dormant(organization, 4)
        achievement = AchievementFactory(organization=organization)
        backfill.award_due(chunks=1)
        backfill.pause(run_of(achievement))
        edit(achievement, "[{Subject:0, Count:2}]")
        backfill.award_due()
        run = Backfill.objects.get()
        assert (run.state, run.rule_version, run.looked_at) == ("paused", 2, 0)

    def test_a_rule_that_is_disabled_meanwhile_has_nothing_left_to_look_at(self, organization, chunks_of_two):
        learners = dormant(organization, 4)
        achievement = AchievementFactory(organization=organization)
        backfill.award_due(chunks=1)
        achievement = Achievement.objects.get()
        achievement.enabled = False
        save_achievement(achievement)
        backfill.award_due()
        assert holders(achievement) == ids(learners[:2])
        assert run_of(achievement).state == "done"

    def test_a_chunk_that_failed_is_tried_again_and_those_before_it_are_not(
        self, organization, chunks_of_two, monkeypatch
    ):
        learners = dormant(organization, 6)
        achievement = AchievementFactory(organization=organization)
        whole, calls = writing.winners, []

        def winners(rules, *, scope):
            calls.append(scope.first)
            return Sql("SELECT no_such_column") if len(calls) == 2 else whole(rules, scope=scope)

        monkeypatch.setattr(writing, "winners", winners)
        backfill.award_due()
        assert holders(achievement) == ids(learners[:2])
        backfill.award_due()
        assert len(calls) == 2
        Achievement.objects.update(last_error_at=PAST)
        backfill.award_due()
        assert calls[1:] == [learners[1].pk + 1, learners[1].pk + 1, learners[3].pk + 1]
        achievement.refresh_from_db()
        assert (achievement.last_error, achievement.failed_runs, achievement.full_run_due_at) == ("", 0, None)
        assert holders(achievement) == ids(learners)

    def test_it_goes_from_the_beginning_when_the_rule_fails_for_a_batch_of_changes(
        self, organization, chunks_of_two, monkeypatch
    ):
        learners = dormant(organization, 4)
        achievement = AchievementFactory(organization=organization)
        backfill.award_due(chunks=1)
        LabInstanceFactory(user=learners[0])
        with monkeypatch.context() as patch:
            patch.setattr(writing, "winners", lambda rules, *, scope: Sql("SELECT no_such_column"))
            evaluation.award_changes()
        Achievement.objects.update(last_error_at=PAST)
        backfill.award_due(chunks=1)
        assert run_of(achievement).cursor == learners[1].pk
        backfill.award_due()
        assert (run_of(achievement).state, run_of(achievement).looked_at) == ("done", 4)
        assert Backfill.objects.count() == 1

    def test_a_task_does_a_part_and_changes_come_first_each_time(self, organization, monkeypatch):
        monkeypatch.setattr(passes, "CHUNK", 1)
        sleepers = dormant(organization, tasks.CHUNKS_A_CALL * 2)
        achievement = AchievementFactory(organization=organization)
        tasks.award_changes()
        assert holders(achievement) == ids(sleepers[: tasks.CHUNKS_A_CALL])
        awake = sleepers[-1]
        LabInstanceFactory(user=awake)
        tasks.award_changes()
        assert holders(achievement) == ids([*sleepers[: tasks.CHUNKS_A_CALL * 2], awake])


class TestSeveral:
    def test_those_beside_each_other_share_their_chunks(self, organization, chunks_of_two):
        learners = dormant(organization, 4)
        rules = AchievementFactory.create_batch(3, organization=organization)
        backfill.award_due(chunks=2)
        assert {run.looked_at for run in Backfill.objects.all()} == {4}
        backfill.award_due()
        for achievement in rules:
            assert holders(achievement) == ids(learners)
            assert (run_of(achievement).state, run_of(achievement).awarded) == ("done", 4)

    def test_a_later_one_catches_up_and_then_shares(self, organization, chunks_of_two):
        learners = dormant(organization, 6)
        first = AchievementFactory(organization=organization)
        backfill.award_due(chunks=2)
        second = AchievementFactory(organization=organization)
        backfill.award_due(chunks=2)
        assert {run.looked_at for run in Backfill.objects.all()} == {4}
        backfill.award_due(chunks=1)
        assert {run.looked_at for run in Backfill.objects.all()} == {6}
        backfill.award_due()
        assert holders(first) == holders(second) == ids(learners)

    def test_one_that_fails_stays_behind_alone(self, organization, chunks_of_two, monkeypatch):
        learners = dormant(organization, 4)
        broken, sound = AchievementFactory.create_batch(2, organization=organization)
        whole = writing.winners

        def winners(rules, *, scope):
            is_broken = broken.pk in {active.achievement.pk for active in rules}
            return Sql("SELECT no_such_column") if is_broken else whole(rules, scope=scope)

        with monkeypatch.context() as patch:
            patch.setattr(writing, "winners", winners)
            backfill.award_due()
        assert holders(sound) == ids(learners)
        assert (run_of(broken).state, run_of(broken).cursor) == ("running", 0)
        Achievement.objects.update(last_error_at=PAST)
        backfill.award_due()
        assert holders(broken) == ids(learners)

    def test_each_tells_learners_in_its_own_way(self, organization, chunks_of_two):
        dormant(organization, 3)
        runs = {
            choice: backfill.start(AchievementFactory(organization=organization), notification=choice)
            for choice in (SILENT, SUMMARY, NORMAL)
        }
        backfill.award_due()
        summaries = Notification.objects.filter(kind=Notification.Kind.ACHIEVEMENTS_EARNED_SUMMARY)
        assert list(summaries.values_list("key", flat=True)) == [runs[SUMMARY].pk] * 3
        told = Notification.objects.filter(kind=Notification.Kind.ACHIEVEMENT_EARNED)
        assert set(told.values_list("key", flat=True)) == set(
            runs[NORMAL].awards.values_list("pk", flat=True)
        )
        assert Notification.objects.count() == 6


class TestWhoIsTold:
    @pytest.fixture
    def achievement(self, organization):
        dormant(organization, 2)
        return AchievementFactory(organization=organization, badge=BadgeFactory(organization=organization))

    def test_silent_writes_no_message_and_asks_the_provider_for_none(self, achievement):
        backfill.start(achievement, notification=SILENT)
        backfill.award_due()
        assert not Notification.objects.exists()
        rows = IssuedBadge.objects.values_list("suppress_notification", "priority")
        assert list(rows) == [(True, IssuedBadge.Priority.BACKFILL)] * 2

    def test_silent_includes_what_follows(self, organization, achievement):
        AchievementFactory(organization=organization, conditions_text="[{Subject:40, Points:10}]")
        backfill.start(Achievement.objects.latest("pk"), notification=SILENT)
        backfill.start(achievement, notification=SILENT)
        backfill.award_due()
        assert EarnedAchievement.objects.count() == 4
        assert not Notification.objects.exists()

    def test_a_badge_that_is_activated_later_is_as_silent_as_the_run_was(self, achievement):
        badge = achievement.badge
        badge.is_active = False
        save_badge(badge)
        backfill.start(achievement, notification=SILENT)
        backfill.award_due()
        assert not IssuedBadge.objects.exists()
        badge.is_active = True
        save_badge(badge)
        assert intents.issue_earned() == 2
        assert set(IssuedBadge.objects.values_list("suppress_notification", flat=True)) == {True}

    def test_a_badge_of_a_live_award_is_told_though_another_was_silent(self, organization, achievement):
        badge = achievement.badge
        badge.is_active = False
        save_badge(badge)
        backfill.start(achievement, notification=SILENT)
        backfill.award_due()
        other = AchievementFactory(organization=organization, badge=badge)
        backfill.start(other, notification=NORMAL)
        backfill.award_due()
        badge.is_active = True
        save_badge(badge)
        assert intents.issue_earned() == 2
        assert set(IssuedBadge.objects.values_list("suppress_notification", flat=True)) == {False}

    def test_a_summary_is_one_message_however_often_it_is_earned(self, organization):
        [ada] = dormant(organization, launches=3)
        achievement = AchievementFactory(organization=organization, frequency=3)
        backfill.award_due()
        assert EarnedAchievement.objects.filter(learner=ada).count() == 3
        told = Notification.objects.get()
        kind = Notification.Kind.ACHIEVEMENTS_EARNED_SUMMARY
        assert (told.user, told.kind, told.key) == (ada, kind, run_of(achievement).pk)

    def test_after_a_summary_the_provider_mails_the_link_to_accept(self, achievement):
        backfill.award_due()
        assert run_of(achievement).notification == SUMMARY
        rows = IssuedBadge.objects.values_list("suppress_notification", "priority")
        assert list(rows) == [(False, IssuedBadge.Priority.BACKFILL)] * 2

    def test_normal_is_told_as_if_it_were_earned_now_and_sent_after_what_is(self, achievement):
        backfill.start(achievement, notification=NORMAL)
        backfill.award_due()
        told = Notification.objects.filter(kind=Notification.Kind.ACHIEVEMENT_EARNED)
        assert told.count() == 2
        rows = IssuedBadge.objects.values_list("suppress_notification", "priority")
        assert list(rows) == [(False, IssuedBadge.Priority.BACKFILL)] * 2

    def test_a_badge_that_is_activated_later_comes_as_late_as_its_run_and_live_ones_before(
        self, organization, achievement
    ):
        badge = achievement.badge
        badge.is_active = False
        save_badge(badge)
        backfill.award_due()
        ada = UserFactory(organization=organization)
        LabInstanceFactory(user=ada)
        evaluation.award_changes()
        badge.is_active = True
        save_badge(badge)
        assert intents.issue_earned() == 3
        live = IssuedBadge.objects.filter(priority=IssuedBadge.Priority.LIVE)
        assert live.get().learner == ada

    def test_progress_during_a_silent_run_is_live(self, organization, achievement):
        run = backfill.start(achievement, notification=SILENT)
        backfill.pause(run)
        ada = UserFactory(organization=organization)
        LabInstanceFactory(user=ada)
        evaluation.award_changes()
        assert Notification.objects.get().user == ada
        assert EarnedAchievement.objects.get().backfill is None


class TestUndo:
    @pytest.fixture
    def learners(self, organization):
        return dormant(organization, 3)

    @pytest.fixture
    def achievement(self, organization, learners):
        badge = BadgeFactory(organization=organization)
        return AchievementFactory(organization=organization, badge=badge, points=50)

    @pytest.fixture
    def run(self, achievement):
        backfill.award_due()
        return run_of(achievement)

    def test_before_anything_is_sent_everything_is_taken_back_as_one_act(
        self, organization, achievement, learners, run
    ):
        boss = AdministratorFactory(organization=organization)
        undone = backfill.undo(run, reason="Wrong lab", actor=boss)
        assert (undone.withdrawn, undone.cancelled, undone.kept) == (3, 3, 0)
        assert "3 awards were withdrawn." in undone.sentence
        assert holders(achievement) == set()
        rows = IssuedBadge.objects.values_list("status", "ended_reason")
        assert set(rows) == {("cancelled", "Wrong lab")}
        acts = IssuingEvent.objects.values_list("actor", "to_status", "reason")
        assert list(acts) == [(boss.pk, "cancelled", "Wrong lab")] * 3
        run.refresh_from_db()
        assert (run.state, run.undone_by, run.undo_reason) == ("undone", boss, "Wrong lab")
        assert run.undone_at

    @pytest.mark.parametrize("status", ["held", "failed"])
    def test_what_waits_or_failed_is_unsent_too(self, run, status):
        IssuedBadge.objects.update(status=status)
        assert backfill.undo(run, reason="Wrong").cancelled == 3

    @pytest.mark.parametrize("status", ["issued", "unknown"])
    def test_what_is_sent_is_kept_and_counted(self, achievement, learners, run, status):
        sent = IssuedBadge.objects.get(learner=learners[0])
        send(sent, Status(status))
        undone = backfill.undo(run, reason="Wrong")
        assert (undone.withdrawn, undone.cancelled, undone.kept) == (2, 2, 1)
        assert "1 award stays" in undone.sentence
        assert holders(achievement) == {learners[0].pk}
        sent.refresh_from_db()
        assert sent.status == status

    def test_what_has_been_sent_is_revoked_where_that_is_asked_for(self, achievement, learners, run):
        boss = AdministratorFactory(organization=achievement.organization)
        issued, sending, queued = IssuedBadge.objects.order_by("pk")
        send(issued, Status.ISSUED)
        assert move(Move(issued_badge_id=sending.pk, from_status=Status.QUEUED, to_status=Status.SENDING))
        undone = backfill.undo(run, reason="Wrong", revoke_issued=True, actor=boss)
        assert (undone.withdrawn, undone.kept) == (3, 0)
        assert (undone.cancelled, undone.revoking, undone.awaited) == (1, 1, 1)
        assert "3 awards were withdrawn. 1 badge that had not been sent was cancelled." in undone.sentence
        assert "1 badge is being revoked. 1 badge is under way" in undone.sentence
        assert holders(achievement) == set()
        for row, status in ((issued, "revoking"), (sending, "sending"), (queued, "cancelled")):
            row.refresh_from_db()
            assert (row.status, row.ended_reason, row.was_undone) == (status, "Wrong", True)
            assert row.events.last().actor == boss
        assert sending.revoke_asked_at

    def test_what_was_kept_can_be_revoked_afterwards(self, achievement, learners, run):
        sent = IssuedBadge.objects.get(learner=learners[0])
        send(sent, Status.ISSUED)
        backfill.undo(run, reason="Wrong")
        undone = backfill.undo(run, reason="All of it", revoke_issued=True)
        assert (undone.withdrawn, undone.cancelled, undone.revoking) == (1, 0, 1)
        run.refresh_from_db()
        assert (run.withdrawn, run.undo_reason) == (3, "All of it")
        assert holders(achievement) == set()
        with pytest.raises(Conflict):
            backfill.undo(run, reason="Again")

    def test_two_that_wait_for_each_other_are_told_apart_by_trying_again(self, achievement, run, monkeypatch):
        real, fails = backfill.revoke_all, [OperationalError("deadlock detected")]

        def once(*args, **named):
            if fails:
                raise fails.pop()
            return real(*args, **named)

        monkeypatch.setattr(backfill, "revoke_all", once)
        assert backfill.undo(run, reason="Wrong", revoke_issued=True).cancelled == 3

    def test_it_is_not_awarded_again_by_itself(self, achievement, learners, run):
        backfill.undo(run, reason="Wrong")
        backfill.award_due()
        evaluation.award_full()
        LabInstanceFactory(user=learners[0])
        evaluation.award_changes()
        intents.issue_earned()
        assert holders(achievement) == set()
        assert set(IssuedBadge.objects.values_list("status", flat=True)) == {"cancelled"}

    def test_undone_halfway_the_rest_gets_nothing_until_somebody_asks(
        self, achievement, learners, chunks_of_two
    ):
        backfill.award_due(chunks=1)
        assert backfill.undo(run_of(achievement), reason="Wrong").withdrawn == 2
        backfill.award_due()
        evaluation.award_full()
        assert holders(achievement) == set()
        backfill.start(achievement)
        backfill.award_due()
        evaluation.award_full()
        assert holders(achievement) == {learners[2].pk}

    def test_withdrawn_awards_count_for_nothing(self, organization, achievement, learners, run):
        backfill.undo(run, reason="Wrong")
        silver = AchievementFactory(organization=organization, conditions_text="[{Subject:40, Points:50}]")
        backfill.award_due()
        assert holders(silver) == set()
        shown = rewards_of(learners[0], viewer=learners[0])
        assert (shown.achievements, shown.points, shown.badges) == ([], 0, [])

    def test_what_followed_in_the_same_pass_is_taken_back_too(self, organization, learners):
        silver = AchievementFactory(organization=organization, conditions_text="[{Subject:40, Points:50}]")
        backfill.award_due()
        bronze = AchievementFactory(organization=organization, points=50)
        backfill.award_due()
        assert holders(silver) == holders(bronze) == ids(learners)
        assert run_of(bronze).awarded == 6
        assert backfill.undo(run_of(bronze), reason="Wrong").withdrawn == 6
        assert holders(silver) == set()

    def test_a_badge_that_another_award_led_to_as_well_stays(self, organization, achievement, learners, run):
        other = AchievementFactory(organization=organization, badge=achievement.badge)
        backfill.award_due()
        undone = backfill.undo(run, reason="Wrong")
        assert (undone.withdrawn, undone.cancelled, undone.kept) == (3, 0, 0)
        assert holders(other) == ids(learners)
        assert set(IssuedBadge.objects.values_list("status", flat=True)) == {"queued"}

    def test_a_badge_issued_by_hand_stays(self, organization, achievement, learners):
        boss = AdministratorFactory(organization=organization)
        issue(achievement.badge, learners[:1], actor=boss, source=IssuedBadge.Source.API)
        backfill.award_due()
        undone = backfill.undo(run_of(achievement), reason="Wrong")
        assert (undone.withdrawn, undone.cancelled, undone.kept) == (3, 2, 0)
        assert IssuedBadge.objects.get(learner=learners[0]).status == "queued"

    def test_live_awards_of_the_same_rule_stay(self, organization, achievement, run):
        ada = UserFactory(organization=organization)
        LabInstanceFactory(user=ada)
        evaluation.award_changes()
        backfill.undo(run, reason="Wrong")
        assert holders(achievement) == {ada.pk}

    @pytest.mark.parametrize("choice", [SUMMARY, NORMAL])
    def test_messages_that_have_not_left_are_dropped_unless_something_stays(
        self, achievement, learners, choice
    ):
        run = backfill.start(achievement, notification=choice)
        backfill.award_due()
        send(IssuedBadge.objects.get(learner=learners[0]))
        Notification.objects.filter(user=learners[1]).update(sent_at=PAST)
        backfill.undo(run, reason="Wrong")
        assert set(Notification.objects.values_list("user", flat=True)) == ids(learners[:2])

    def test_places_are_free_again_for_an_edited_rule(self, organization, learners):
        achievement = AchievementFactory(
            organization=organization, frequency=1, frequency_type="per_achievement"
        )
        backfill.award_due()
        backfill.undo(run_of(achievement), reason="Wrong")
        evaluation.award_full()
        assert holders(achievement) == set()
        LabInstanceFactory(user=learners[2])
        edit(achievement, "[{Subject:0, Count:2}]")
        backfill.award_due()
        assert holders(achievement) == {learners[2].pk}

    def test_it_is_done_once_and_says_why(self, run):
        with pytest.raises(DomainError) as refused:
            backfill.undo(run, reason=" ")
        assert refused.value.code == "reason_required"
        backfill.undo(run, reason="Wrong")
        with pytest.raises(Conflict):
            backfill.undo(run, reason="Again")

    def test_statements_do_not_grow_with_learners(self, organization, learners, achievement):
        counts = []
        for size in (1, 9):
            dormant(organization, size)
            run = backfill.start(
                AchievementFactory(organization=organization, badge=BadgeFactory(organization=organization))
            )
            backfill.award_due()
            with CaptureQueriesContext(connection) as queries:
                backfill.undo(run, reason="Wrong")
            counts.append(len(queries))
        assert counts[0] == counts[1]


class TestEarningAgain:
    """What was undone stays undone until the rule is edited; then it is as if it had never been."""

    DIFFERENTLY = "[{Subject:0, Count:1, Distinct:true}]"

    @pytest.fixture
    def ada(self, organization):
        return dormant(organization)[0]

    @pytest.fixture
    def achievement(self, organization, ada):
        badge = BadgeFactory(organization=organization)
        return AchievementFactory(organization=organization, badge=badge, points=50)

    @pytest.fixture
    def undone(self, achievement):
        backfill.award_due()
        return backfill.undo(run_of(achievement), reason="Wrong").backfill

    def test_an_edited_rule_gives_it_anew_with_its_badge(self, achievement, ada, undone):
        LabInstanceFactory(user=ada, started_at=PAST - timedelta(days=9))
        ProgressChange.objects.all().delete()
        Achievement.objects.update(points=70)
        edit(achievement, self.DIFFERENTLY)
        backfill.award_due()
        award = EarnedAchievement.objects.get()
        assert (award.withdrawn_at, award.rule_version, award.points) == (None, 2, 70)
        assert (award.earned_at, award.backfill) == (PAST - timedelta(days=9), run_of(achievement))
        [record] = award.snapshot["conditions"][0]["records"]
        assert LearningRecord.objects.get(pk=record).started_at == award.earned_at
        cancelled, queued = IssuedBadge.objects.order_by("pk")
        assert (cancelled.status, queued.status, award.issued_badge) == ("cancelled", "queued", queued)
        run = run_of(achievement)
        assert (run.awarded, run.intents, run.earned) == (1, 1, 1)
        undone.refresh_from_db()
        assert (undone.awarded, undone.withdrawn, undone.earned) == (1, 1, 0)

    def test_by_progress_it_is_a_live_award(self, achievement, ada, undone):
        edit(achievement, self.DIFFERENTLY)
        LabInstanceFactory(user=ada)
        evaluation.award_changes()
        assert (holders(achievement), EarnedAchievement.objects.get().backfill) == ({ada.pk}, None)
        live = IssuedBadge.objects.get(status="queued")
        assert live.priority == IssuedBadge.Priority.LIVE

    def test_without_an_edit_nothing_gives_it_back(self, achievement, ada, undone):
        achievement.refresh_from_db()
        achievement.points = 60
        save_achievement(achievement)
        LabInstanceFactory(user=ada)
        evaluation.award_changes()
        backfill.start(achievement)
        backfill.award_due()
        evaluation.award_full()
        assert (holders(achievement), IssuedBadge.objects.get().status) == (set(), "cancelled")

    def test_the_undoing_of_an_older_run_leaves_what_the_new_rule_gives(self, achievement, ada):
        backfill.award_due()
        first = run_of(achievement)
        edit(achievement, self.DIFFERENTLY)
        backfill.award_due()
        backfill.undo(first, reason="Wrong")
        evaluation.award_full()
        assert holders(achievement) == {ada.pk}

    def test_an_edit_before_the_undoing_of_the_same_run_is_none_after_it(
        self, organization, achievement, ada, chunks_of_two
    ):
        dormant(organization, 3)
        backfill.award_due(chunks=1)
        edit(achievement, self.DIFFERENTLY)
        backfill.award_due(chunks=1)
        run = Backfill.objects.get()
        assert (run.rule_version, ada.pk in holders(achievement)) == (2, True)
        backfill.undo(run, reason="Wrong")
        LabInstanceFactory(user=ada)
        evaluation.award_changes()
        assert holders(achievement) == set()

    @pytest.mark.parametrize("edited", ["cause", "consequence"])
    def test_what_followed_is_given_anew_too(self, organization, achievement, ada, edited):
        silver = AchievementFactory(organization=organization, conditions_text="[{Subject:40, Points:50}]")
        Achievement.objects.filter(pk=silver.pk).update(full_run_due_at=None)
        backfill.award_due()
        assert holders(silver) == {ada.pk}
        backfill.undo(run_of(achievement), reason="Wrong")
        if edited == "cause":
            edit(achievement, self.DIFFERENTLY)
        else:
            edit(silver, "[{Subject:0, Count:1}]")
        backfill.award_due()
        assert holders(silver) == {ada.pk}
        assert holders(achievement) == ({ada.pk} if edited == "cause" else set())

    def test_a_badge_that_a_person_cancelled_is_not_issued_again(self, organization, achievement, ada):
        backfill.award_due()
        issued = cancel(IssuedBadge.objects.get(), reason="Left", actor=None)
        backfill.undo(run_of(achievement), reason="Wrong")
        edit(achievement, self.DIFFERENTLY)
        backfill.award_due()
        intents.issue_earned()
        assert EarnedAchievement.objects.get().issued_badge == IssuedBadge.objects.get() == issued

    def test_the_badge_is_issued_by_another_achievement_too(self, organization, achievement, ada, undone):
        badge = achievement.badge
        badge.is_active = False
        save_badge(badge)
        other = AchievementFactory(organization=organization, badge=badge)
        backfill.award_due()
        assert EarnedAchievement.objects.get(achievement=other).issued_badge is None
        badge.is_active = True
        save_badge(badge)
        assert intents.issue_earned() == 1
        assert EarnedAchievement.objects.get(achievement=other).issued_badge.status == "queued"

    @pytest.mark.parametrize("frequency_type", ["per_achievement", "per_day"])
    def test_a_contest_is_open_again(self, organization, ada, frequency_type):
        contest = AchievementFactory(organization=organization, frequency=1, frequency_type=frequency_type)
        backfill.award_due()
        backfill.undo(run_of(contest), reason="Wrong")
        LabInstanceFactory(user=dormant(organization)[0], started_at=PAST + timedelta(hours=1))
        evaluation.award_changes()
        assert holders(contest) == set()
        edit(contest, self.DIFFERENTLY)
        backfill.award_due()
        [award] = EarnedAchievement.objects.filter(achievement=contest, withdrawn_at=None)
        assert (award.learner, award.earned_at) == (ada, PAST)

    def test_each_time_of_several_is(self, organization):
        [ada] = dormant(organization, launches=3)
        achievement = AchievementFactory(organization=organization, frequency=3)
        backfill.award_due()
        backfill.undo(run_of(achievement), reason="Wrong")
        edit(achievement, "[{Subject:0, Count:2}]")
        backfill.award_due()
        standing = EarnedAchievement.objects.filter(withdrawn_at=None)
        assert list(standing.values_list("learner", "occurrence")) == [(ada.pk, 1)]
        assert EarnedAchievement.objects.count() == 3

    def test_a_preview_of_the_edit_knows(self, achievement, undone):
        assert preview_backfill(achievement).awards == 0
        achievement.conditions_text = self.DIFFERENTLY
        foreseen = preview(achievement)
        assert (foreseen.awards, foreseen.calls) == (1, 1)


class TestStart:
    def test_asked_for_again_it_looks_at_everybody_again_with_the_new_choice(
        self, organization, chunks_of_two
    ):
        learners = dormant(organization, 4)
        achievement = AchievementFactory(organization=organization)
        backfill.award_due(chunks=1)
        boss = AdministratorFactory(organization=organization)
        run = backfill.start(achievement, notification=SILENT, actor=boss)
        assert (run.looked_at, run.notification, run.requested_by) == (0, SILENT, boss)
        backfill.award_due()
        assert holders(achievement) == ids(learners)
        assert set(Notification.objects.values_list("user", flat=True)) == ids(learners[:2])
        assert Backfill.objects.get().awarded == 4

    @pytest.mark.parametrize("obstacle", ["disabled", "organization", "paused"])
    def test_what_nobody_can_earn_is_not_started(self, organization, obstacle):
        achievement = AchievementFactory(organization=organization)
        backfill.award_due()
        if obstacle == "organization":
            type(organization).objects.update(enable_achievements=False)
        else:
            field = {"disabled": {"enabled": False}, "paused": {"paused_at": PAST}}[obstacle]
            Achievement.objects.update(**field)
        with pytest.raises(Conflict) as refused:
            backfill.start(achievement)
        assert refused.value.code == "not_active"
        assert Achievement.objects.get().full_run_due_at is None
        assert Backfill.objects.get().state == "done"

    def test_silence_is_not_promised_of_a_provider_that_tells_everybody(self, organization):
        badge = BadgeFactory(organization=organization, badge_provider__kind="accredible")
        achievement = AchievementFactory(organization=organization, badge=badge)
        backfill.award_due()
        with pytest.raises(DomainError) as refused:
            backfill.start(achievement, notification=SILENT)
        assert (refused.value.code, list(refused.value.fields)) == ("not_silent", ["notification"])
        assert refused.value.message == (
            "Accredible tells every earner of a new badge and cannot be asked not to, "
            f"so that “{badge}” cannot be issued silently."
        )
        assert Backfill.objects.get().state == "done"
        assert preview_backfill(achievement, notification=SILENT).waiting_for == (refused.value.message,)
        assert preview_backfill(achievement, notification=SUMMARY).waiting_for == ()
        assert backfill.start(achievement, notification=SUMMARY).notification == SUMMARY

    def test_nobody_is_told_by_a_kind_of_account_that_speaks_to_no_provider(self, organization):
        badge = BadgeFactory(organization=organization, badge_provider__kind="open_badges")
        achievement = AchievementFactory(organization=organization, badge=badge)
        assert backfill.start(achievement, notification=SILENT).notification == SILENT

    def test_another_organizations_administrator_finds_nothing(self, organization):
        stranger = AdministratorFactory()
        achievement = AchievementFactory(organization=organization)
        run = backfill.start(achievement)
        for act in (
            lambda: backfill.start(achievement, actor=stranger),
            lambda: backfill.pause(run, actor=stranger),
            lambda: backfill.resume(run, actor=stranger),
            lambda: backfill.undo(run, reason="Mine", actor=stranger),
        ):
            with pytest.raises(NotFound):
                act()
        assert Backfill.objects.get().state == "running"


def test_statements_of_a_chunk_do_not_depend_on_its_learners(organization):
    counts = []
    for size in (2, 12):
        dormant(organization, size)
        AchievementFactory(organization=organization, badge=BadgeFactory(organization=organization))
        with CaptureQueriesContext(connection) as queries:
            backfill.award_due(chunks=1)
        counts.append(len(queries))
        backfill.award_due()
    assert counts[0] == counts[1]


class TestCommand:
    def run(self, *arguments):
        out = StringIO()
        call_command("backfill", *arguments, "--json", stdout=out)
        return json.loads(out.getvalue())

    def test_it_starts_tells_pauses_resumes_and_undoes(self, organization):
        dormant(organization, 2)
        AchievementFactory(organization=organization, external_id="a-1")
        started = self.run("ext:a-1", "--notify", "silent")
        assert (started["state"], started["notification"], started["learners"]) == ("running", "silent", 2)
        assert self.run("ext:a-1", "--pause")["state"] == "paused"
        assert self.run("ext:a-1", "--resume")["state"] == "running"
        backfill.award_due()
        told = self.run("ext:a-1", "--status")
        assert (told["state"], told["looked_at"], told["awarded"], told["earned"]) == ("done", 2, 2, 2)
        undone = self.run("ext:a-1", "--undo", "--reason", "Wrong")
        counts = [undone[name] for name in ("awarded", "earned", "withdrawn", "kept")]
        assert (undone["state"], counts) == ("undone", [2, 0, 2, 0])

    def test_people_read_sentences(self, organization):
        dormant(organization)
        achievement = AchievementFactory(organization=organization)
        out = StringIO()
        call_command("backfill", str(achievement.pk), stdout=out)
        backfill.award_due()
        call_command("backfill", str(achievement.pk), "--undo", "--reason", "Wrong", stdout=out)
        assert out.getvalue().splitlines() == [
            "Running: 0 of 1 learners looked at, 0 awards, 0 badges to issue.",
            "1 award was withdrawn.",
        ]

    def test_a_silence_that_cannot_be_is_refused_in_a_sentence(self, organization):
        badge = BadgeFactory(organization=organization, badge_provider__kind="accredible")
        achievement = AchievementFactory(organization=organization, badge=badge)
        with pytest.raises(CommandError, match="cannot be issued silently"):
            self.run(str(achievement.pk), "--notify", "silent")
        assert not Backfill.objects.exists()

    def test_what_was_never_started_cannot_be_paused(self, organization):
        achievement = AchievementFactory(organization=organization)
        with pytest.raises(CommandError) as error:
            self.run(str(achievement.pk), "--pause")
        assert error.value.returncode == 2
