"""How often, and for how many: Per User, Per Achievement, Per Day."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from achievements import backfill, evaluation
from achievements.authoring import save_achievement
from achievements.evaluation import awarding, passes
from achievements.models import Achievement, Backfill, EarnedAchievement
from tests.factories import (
    AchievementFactory,
    CourseAssignmentFactory,
    CourseFactory,
    LabFactory,
    LabInstanceFactory,
    OrganizationFactory,
    UserFactory,
)
from tms.errors import DomainError
from tms.models import ProgressChange

pytestmark = pytest.mark.django_db


def at(day: int, hour: int = 9) -> datetime:
    return datetime(2026, 3, day, hour, tzinfo=UTC)


def awards(achievement):
    rows = EarnedAchievement.objects.filter(achievement=achievement).order_by("earned_at", "learner")
    return [(row.learner, row.occurrence, row.earned_at) for row in rows]


def award():
    evaluation.award_changes()
    backfill.award_due()


@pytest.fixture
def organization():
    return OrganizationFactory()


def launch(learner, *days, lab=None):
    for day in days:
        more = {"lab": lab} if lab else {}
        LabInstanceFactory(user=learner, started_at=at(day), **more)


class TestPerUser:
    def test_each_multiple_of_the_need_is_earned_at_its_own_moment(self, organization):
        achievement = AchievementFactory(
            organization=organization, frequency=3, points=5, conditions_text="[{Subject:0, Count:2}]"
        )
        ada = UserFactory(organization=organization)
        launch(ada, 1, 2, 3, 4, 5)
        award()
        assert awards(achievement) == [(ada, 1, at(2)), (ada, 2, at(4))]
        launch(ada, 6, 7, 8, 9)
        award()
        assert awards(achievement)[2:] == [(ada, 3, at(6))]

    def test_with_several_conditions_the_smallest_multiple_counts(self, organization):
        exam = LabFactory(organization=organization, is_exam=True)
        achievement = AchievementFactory(
            organization=organization,
            frequency=5,
            conditions_text=f"[{{Subject:0, Count:2}}, {{Subject:0, Count:1, LabProfileIds:[{exam.pk}]}}]",
        )
        ada = UserFactory(organization=organization)
        launch(ada, 1, 2, 3)
        launch(ada, 5, 8, lab=exam)
        award()
        assert awards(achievement) == [(ada, 1, at(5)), (ada, 2, at(8))]

    @pytest.mark.parametrize(
        "conditions",
        [
            "[{Subject:0, Count:2, SingleDay:true}]",
            "[{Subject:0, Count:2, WithinDays:7}]",
            '[{"Any": [{Subject:0, Count:2}, {Subject:10, Count:1}]}]',
            "[{Subject:60, Days:7}]",
        ],
    )
    def test_rules_that_cannot_be_multiplied_are_refused(self, organization, conditions):
        with pytest.raises(DomainError, match="once by each user"):
            AchievementFactory(organization=organization, frequency=2, conditions_text=conditions)

    def test_a_higher_frequency_looks_at_the_past(self, organization):
        achievement = AchievementFactory(organization=organization)
        ada = UserFactory(organization=organization)
        launch(ada, 1, 2)
        award()
        achievement.frequency = 2
        save_achievement(achievement)
        award()
        assert awards(achievement) == [(ada, 1, at(1)), (ada, 2, at(2))]


class TestPerAchievement:
    def test_the_earliest_win_whatever_the_order_of_evaluation(self, organization):
        achievement = AchievementFactory(
            organization=organization, frequency=2, frequency_type="per_achievement"
        )
        late, early, middle = (UserFactory(organization=organization) for _ in range(3))
        launch(late, 9)
        launch(early, 1)
        launch(middle, 5)
        award()
        assert awards(achievement) == [(early, 1, at(1)), (middle, 1, at(5))]

    def test_nothing_is_taken_back_for_a_record_that_arrives_late(self, organization):
        achievement = AchievementFactory(
            organization=organization, frequency=1, frequency_type="per_achievement"
        )
        first, earlier = UserFactory(organization=organization), UserFactory(organization=organization)
        launch(first, 5)
        award()
        launch(earlier, 1)
        award()
        assert awards(achievement) == [(first, 1, at(5))]

    def test_whoever_moves_just_now_does_not_win_before_the_earliest_is_known(self, organization):
        early, late = UserFactory(organization=organization), UserFactory(organization=organization)
        launch(early, 1)
        award()
        achievement = AchievementFactory(
            organization=organization, frequency=1, frequency_type="per_achievement"
        )
        launch(late, 9)
        award()
        assert awards(achievement) == [(early, 1, at(1))]
        launch(late, 10)
        award()
        assert awards(achievement) == [(early, 1, at(1))]

    def test_of_two_moments_at_once_the_record_decides_that_met_the_last_condition(self, organization):
        first, second = LabFactory(organization=organization), LabFactory(organization=organization)
        achievement = AchievementFactory(
            organization=organization,
            frequency_type="per_achievement",
            conditions_text=f"[{{LabProfileIds:[{first.pk}]}}, {{LabProfileIds:[{second.pk}]}}]",
        )
        ada, bob = UserFactory(organization=organization), UserFactory(organization=organization)
        launch(ada, 1, lab=first)
        launch(bob, 1, lab=first)
        launch(bob, 2, lab=second)
        launch(ada, 2, lab=second)
        award()
        assert awards(achievement) == [(bob, 1, at(2))]

    def test_learners_are_counted_and_not_what_each_earned_under_another_frequency(self, organization):
        achievement = AchievementFactory(organization=organization, frequency=3)
        ada, bob = UserFactory(organization=organization), UserFactory(organization=organization)
        launch(ada, 1, 2, 3)
        award()
        assert len(awards(achievement)) == 3
        achievement.frequency_type = "per_achievement"
        save_achievement(achievement)
        launch(bob, 4)
        award()
        assert awards(achievement)[3:] == [(bob, 1, at(4))]

    def test_chunks_of_learners_do_not_favour_small_ids(self, organization, monkeypatch):
        monkeypatch.setattr(passes, "CHUNK", 1)
        first_id, second_id = UserFactory(organization=organization), UserFactory(organization=organization)
        launch(first_id, 9)
        launch(second_id, 1)
        achievement = AchievementFactory(
            organization=organization, frequency=1, frequency_type="per_achievement"
        )
        award()
        assert awards(achievement) == [(second_id, 1, at(1))]


class TestPerDay:
    def test_after_one_learner_nobody_earns_for_n_days(self, organization):
        achievement = AchievementFactory(organization=organization, frequency=3, frequency_type="per_day")
        one, two, three = (UserFactory(organization=organization) for _ in range(3))
        launch(one, 1)
        launch(two, 2)
        launch(three, 4)
        award()
        assert awards(achievement) == [(one, 1, at(1)), (three, 1, at(4))]

    def test_whoever_crosses_on_a_taken_day_earns_by_a_later_record(self, organization):
        achievement = AchievementFactory(organization=organization, frequency=1, frequency_type="per_day")
        one, two = UserFactory(organization=organization), UserFactory(organization=organization)
        LabInstanceFactory(user=one, started_at=at(1, 8))
        LabInstanceFactory(user=two, started_at=at(1, 9))
        award()
        assert awards(achievement) == [(one, 1, at(1, 8))]
        launch(two, 3)
        award()
        assert awards(achievement) == [(one, 1, at(1, 8)), (two, 1, at(3))]

    def test_the_same_learner_wins_again_by_records_not_used_before(self, organization):
        achievement = AchievementFactory(
            organization=organization,
            frequency=1,
            frequency_type="per_day",
            conditions_text="[{Subject:0, Count:2}]",
        )
        ada = UserFactory(organization=organization)
        launch(ada, 1, 2, 3, 4, 5)
        award()
        assert awards(achievement) == [(ada, 1, at(2)), (ada, 2, at(4))]

    def test_an_outsider_earns_later_only_by_what_counts_for_outsiders(self, organization):
        open_to_all, other = (
            CourseFactory(organization=organization, achievements_for_outside_organizations=ticked)
            for ticked in (True, False)
        )
        achievement = AchievementFactory(
            organization=organization,
            frequency_type="per_day",
            conditions_text=f"[{{Subject:10, CourseIds:[{open_to_all.pk},{other.pk}]}}]",
        )
        inside, outside = UserFactory(organization=organization), UserFactory()
        CourseAssignmentFactory(user=inside, course=open_to_all, started_at=at(1, 8))
        CourseAssignmentFactory(user=outside, course=open_to_all, started_at=at(1, 9))
        CourseAssignmentFactory(user=outside, course=other, started_at=at(3))
        CourseAssignmentFactory(user=outside, course=open_to_all, started_at=at(5))
        award()
        assert awards(achievement) == [(inside, 1, at(1, 8)), (outside, 1, at(5))]

    def test_a_smaller_frequency_looks_at_the_past(self, organization):
        achievement = AchievementFactory(organization=organization, frequency=9, frequency_type="per_day")
        one, two = UserFactory(organization=organization), UserFactory(organization=organization)
        launch(one, 1)
        launch(two, 2)
        award()
        achievement.frequency = 1
        save_achievement(achievement)
        award()
        assert awards(achievement) == [(one, 1, at(1)), (two, 1, at(2))]

    def test_the_day_is_that_of_the_achievements_organization(self):
        kiritimati = OrganizationFactory(time_zone="Pacific/Kiritimati")
        achievement = AchievementFactory(organization=kiritimati, frequency=1, frequency_type="per_day")
        one, two = UserFactory(organization=kiritimati), UserFactory(organization=kiritimati)
        # 09:00 and 11:00 UTC are two dates in Kiritimati.
        LabInstanceFactory(user=one, started_at=at(1, 9))
        LabInstanceFactory(user=two, started_at=at(1, 11))
        award()
        assert len(awards(achievement)) == 2

    def test_a_history_of_days_takes_no_more_statements_than_one(self, organization):
        counts = []
        for days in (range(1, 2), range(1, 25)):
            EarnedAchievement.objects.all().delete()
            learners = UserFactory.create_batch(3, organization=organization)
            for number in days:
                launch(learners[number % 3], number)
            achievement = AchievementFactory(organization=organization, frequency=1, frequency_type="per_day")
            with CaptureQueriesContext(connection) as queries:
                backfill.award_due()
            assert len(awards(achievement)) == len(days)
            counts.append(len(queries))
        assert counts[0] == counts[1]

    def test_each_time_of_a_single_record_keeps_that_record(self, organization):
        achievement = AchievementFactory(organization=organization, frequency=2, frequency_type="per_day")
        ada = UserFactory(organization=organization)
        launch(ada, 1, 2, 3, 6)
        award()
        assert awards(achievement) == [(ada, 1, at(1)), (ada, 2, at(3)), (ada, 3, at(6))]
        kept = [row.snapshot["conditions"] for row in EarnedAchievement.objects.order_by("occurrence")]
        moments = dict(ada.learning_records.values_list("pk", "started_at"))
        assert [moments[record] for [line] in kept for record in line["records"]] == [at(1), at(3), at(6)]
        assert {(line["needed"], line["have"]) for [line] in kept} == {(1, 1)}

    def test_winners_who_need_more_records_stand_back_until_they_have_them(self, organization):
        achievement = AchievementFactory(
            organization=organization,
            frequency=1,
            frequency_type="per_day",
            conditions_text="[{Subject:0, Count:3}]",
        )
        ada, bea = UserFactory.create_batch(2, organization=organization)
        launch(ada, 1, 2, 3, 4, 5, 6, 7)
        launch(bea, 2, 3, 4, 8)
        award()
        assert awards(achievement) == [(ada, 1, at(3)), (bea, 1, at(4)), (ada, 2, at(6))]

    def test_a_pause_beyond_the_calendar_is_for_ever(self, organization):
        achievement = AchievementFactory(
            organization=organization, frequency=2_000_000_000, frequency_type="per_day"
        )
        ada = UserFactory(organization=organization)
        launch(ada, 1)
        award()
        launch(ada, 2)
        award()
        assert awards(achievement) == [(ada, 1, at(1))]


class TestWhereAwardsDecide:
    """Learners compete by what they earned: everybody's awards must be there before anybody wins."""

    @pytest.fixture(autouse=True)
    def chunks_of_one(self, monkeypatch):
        monkeypatch.setattr(passes, "CHUNK", 1)

    @pytest.fixture
    def late(self, organization):
        return UserFactory(organization=organization)

    @pytest.fixture
    def early(self, organization, late):
        """Of a later chunk than `late`."""
        return UserFactory(organization=organization)

    @pytest.fixture(params=["per_achievement", "per_day"])
    def contest(self, request, organization):
        return AchievementFactory(
            organization=organization,
            frequency=1 if request.param == "per_achievement" else 365,
            frequency_type=request.param,
            points=5,
            conditions_text="[{Subject:40, Points:10}]",
        )

    def test_in_a_pass_over_those_who_changed(self, organization, contest, early, late):
        AchievementFactory(organization=organization)
        backfill.award_due()
        launch(late, 9)
        launch(early, 1)
        evaluation.award_changes()
        assert awards(contest) == [(early, 1, at(1))]
        assert not ProgressChange.objects.exists()

    def test_in_the_look_of_all_rules_at_everybody(self, organization, contest, early, late):
        AchievementFactory(organization=organization)
        launch(late, 9)
        launch(early, 1)
        ProgressChange.objects.all().delete()
        Achievement.objects.update(full_run_due_at=None)
        evaluation.award_full()
        assert awards(contest) == [(early, 1, at(1))]

    def test_where_both_rules_look_at_everybody(self, organization, contest, early, late):
        AchievementFactory(organization=organization)
        launch(late, 9)
        launch(early, 1)
        award()
        assert awards(contest) == [(early, 1, at(1))]

    def test_where_only_the_awards_come_from_a_look_at_everybody(self, organization, contest, early, late):
        launch(late, 9)
        launch(early, 1)
        award()
        bronze = AchievementFactory(organization=organization)
        award()
        assert awards(contest) == [(early, 1, at(1))]
        run = Backfill.objects.get(achievement=bronze)
        assert (run.state, run.awarded) == ("done", 3)

    def test_after_contests_over_records(self, organization, contest, early, late):
        lab = LabFactory(organization=organization)
        AchievementFactory(
            organization=organization, conditions_text=f"[{{Subject:0, LabProfileIds:[{lab.pk}]}}]"
        )
        AchievementFactory(organization=organization, frequency=2, frequency_type="per_achievement")
        launch(late, 9, lab=lab)
        launch(early, 1)
        backfill.award_due()
        assert awards(contest) == [(early, 1, at(1))]

    @pytest.mark.parametrize("look", [evaluation.award_full, backfill.award_due])
    def test_until_nothing_new_is_earned(self, organization, contest, early, late, look):
        gold = AchievementFactory(organization=organization, conditions_text="[{Subject:40, Points:35}]")
        AchievementFactory(
            organization=organization,
            frequency=1,
            frequency_type="per_achievement",
            points=20,
            conditions_text=f"[{{Subject:40, AchievementIds:[{contest.pk}]}}]",
        )
        AchievementFactory(organization=organization)
        launch(late, 9)
        launch(early, 1)
        ProgressChange.objects.all().delete()
        if look is evaluation.award_full:
            Achievement.objects.update(full_run_due_at=None)
        look()
        assert awards(gold) == [(early, 1, at(1))]

    def test_a_pass_that_dies_between_its_chunks_is_done_again(
        self, organization, contest, early, late, monkeypatch
    ):
        AchievementFactory(organization=organization)
        backfill.award_due()
        launch(early, 1)
        launch(late, 9)
        whole = evaluation.award

        def dying(rules, *, scope, **more):
            if late.pk in scope.learners:
                raise KeyboardInterrupt
            return whole(rules, scope=scope, **more)

        with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
            patch.setattr(awarding, "award", dying)
            evaluation.award_changes()
        assert awards(contest) == []
        evaluation.award_changes()
        assert awards(contest) == [(early, 1, at(1))]

    def test_without_such_a_rule_each_chunk_is_done_with(self, organization, early, late, monkeypatch):
        AchievementFactory(organization=organization, frequency=1, frequency_type="per_achievement")
        backfill.award_due()
        launch(early, 1)
        launch(late, 9)
        left = []
        whole = evaluation.award

        def noting(*args, **more):
            left.append(ProgressChange.objects.count())
            return whole(*args, **more)

        monkeypatch.setattr(awarding, "award", noting)
        evaluation.award_changes()
        assert left[:2] == [2, 1]
