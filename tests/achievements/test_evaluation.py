"""Awarding, from changed learners to intents."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from achievements import backfill, evaluation, intents
from achievements.conditions.language import MAX_CONDITIONS
from achievements.conditions.text import MAX_DEPTH
from achievements.evaluation import writing
from achievements.models import Achievement, EarnedAchievement, RuleRun
from badges.models import IssuedBadge
from tests.factories import (
    PAST,
    AchievementFactory,
    BadgeFactory,
    CourseAssignmentFactory,
    CourseFactory,
    CourseTagFactory,
    EnrollmentFactory,
    LabFactory,
    LabInstanceFactory,
    OrganizationFactory,
    UserFactory,
)
from tms import gates
from tms.models import Class, Enrollment, LabInstance, Notification, ProgressChange
from tms.sql import Sql

pytestmark = pytest.mark.django_db


def earned(achievement):
    """learner → when."""
    return dict(EarnedAchievement.objects.filter(achievement=achievement).values_list("learner", "earned_at"))


def day(number, hour=9):
    return datetime(2026, 3, number, hour, tzinfo=UTC)


def award():
    evaluation.award_changes()
    backfill.award_due()
    intents.issue_due()


@pytest.fixture
def org():
    return OrganizationFactory()


@pytest.fixture
def ada(org):
    return UserFactory(organization=org)


def test_a_launch_earns_at_the_moment_of_the_launch(org, ada):
    achievement = AchievementFactory(organization=org, conditions_text="[{Subject:0, Count:1}]")
    LabInstanceFactory(user=ada, started_at=day(3))
    LabInstanceFactory(user=ada, started_at=day(2))
    award()
    assert earned(achievement) == {ada.pk: day(2)}
    assert not ProgressChange.objects.exists()


def test_an_award_keeps_numbers_records_points_and_version(org, ada):
    achievement = AchievementFactory(organization=org, points=25, conditions_text="[{Subject:0, Count:2}]")
    for number in (1, 2, 3):
        LabInstanceFactory(user=ada, started_at=day(number))
    award()
    award_row = EarnedAchievement.objects.get(achievement=achievement)
    records = list(ada.learning_records.filter(subject=0).order_by("started_at").values_list("pk", flat=True))
    assert award_row.snapshot == {"conditions": [{"needed": 2, "have": 2, "records": records[:2]}]}
    assert (award_row.points, award_row.rule_version) == (25, 1)
    assert award_row.earned_day == day(2).date()


@pytest.mark.parametrize(
    ("zone", "hour", "date"),
    [("Pacific/Kiritimati", 11, 2), ("Pacific/Kiritimati", 9, 1), ("America/New_York", 3, 0), ("", 23, 1)],
)
def test_the_day_of_an_award_is_the_learners_own(org, zone, hour, date):
    achievement = AchievementFactory(organization=org)
    LabInstanceFactory(user=UserFactory(organization=org, time_zone=zone), started_at=day(1, hour))
    award()
    earned_day = EarnedAchievement.objects.get(achievement=achievement).earned_day
    assert earned_day == (day(1) + timedelta(days=date - 1)).date()


def test_count_means_instances_and_distinct_means_items(org, ada):
    again = AchievementFactory(organization=org, conditions_text="[{Subject:0, Count:2}]")
    different = AchievementFactory(organization=org, conditions_text="[{Subject:0, Count:2, Distinct:true}]")
    lab = LabFactory(organization=org)
    LabInstanceFactory(user=ada, lab=lab, started_at=day(1))
    LabInstanceFactory(user=ada, lab=lab, started_at=day(2))
    award()
    assert earned(again) == {ada.pk: day(2)}
    assert earned(different) == {}
    LabInstanceFactory(user=ada, lab=LabFactory(organization=org), started_at=day(5))
    award()
    assert earned(different) == {ada.pk: day(5)}


def test_single_day_is_the_learners_own_day(org):
    achievement = AchievementFactory(
        organization=org, conditions_text="[{Subject:0, Count:2, SingleDay:True}]"
    )
    # 09:00 and 11:00 UTC lie on two dates in Kiritimati (UTC+14), and on one in Lisbon.
    east = UserFactory(organization=org, time_zone="Pacific/Kiritimati")
    west = UserFactory(organization=org, time_zone="Europe/Lisbon")
    for learner in (east, west):
        LabInstanceFactory(user=learner, started_at=day(1, 9))
        LabInstanceFactory(user=learner, started_at=day(1, 11))
    award()
    assert earned(achievement) == {west.pk: day(1, 11)}


def test_an_award_is_of_the_day_that_the_learners_clocks_showed_then(org):
    """However late it is evaluated, and wherever the learner has moved since."""
    each = AchievementFactory(organization=org, frequency=2, conditions_text="[{Subject:0, Count:1}]")
    both = AchievementFactory(
        organization=org,
        conditions_text=f"[{{Subject:40, AchievementIds:[{each.pk}], Count:2, SingleDay:true}}]",
    )
    # 09:00 and 11:00 UTC lie on two dates in Kiritimati (UTC+14), and on one in Honolulu.
    ada = UserFactory(organization=org, time_zone="Pacific/Kiritimati")
    LabInstanceFactory(user=ada, started_at=day(1, 9))
    LabInstanceFactory(user=ada, started_at=day(1, 11))
    ada.time_zone = "Pacific/Honolulu"
    gates.save_user(ada)
    award()
    days = EarnedAchievement.objects.filter(achievement=each).values_list("earned_day", flat=True)
    assert list(days.order_by("occurrence")) == [day(1).date(), day(2).date()]
    assert earned(both) == {}


def test_completion_counts_from_the_completed_moment(org, ada):
    lab = LabFactory(organization=org)
    achievement = AchievementFactory(
        organization=org, conditions_text=f"[{{Subject:0, LabProfileIds:[{lab.pk}], Complete:True}}]"
    )
    launch = LabInstanceFactory(user=ada, lab=lab, started_at=day(1))
    award()
    assert earned(achievement) == {}
    from tms.progress import complete_lab

    complete_lab(launch, at=day(4))
    award()
    assert earned(achievement) == {ada.pk: day(4)}


def test_passed_is_read_from_the_result_alone(org, ada):
    exam = LabFactory(organization=org, is_exam=True)
    achievement = AchievementFactory(
        organization=org, conditions_text=f"[{{Subject:0, LabProfileIds:[{exam.pk}], Passed:True}}]"
    )
    LabInstanceFactory(user=ada, lab=exam, started_at=day(1), completed_at=day(1, 10), passed=False)
    award()
    assert earned(achievement) == {}
    LabInstanceFactory(user=ada, lab=exam, started_at=day(2), minutes=90, passed=True)
    award()
    assert earned(achievement) == {ada.pk: day(2, 9) + timedelta(minutes=90)}


def test_the_end_of_the_minutes_is_exact_to_the_microsecond(org, ada):
    achievement = AchievementFactory(
        organization=org, conditions_text="[{Subject:0, Count:1, MinMinutesSpent:1}]"
    )
    started = datetime(2026, 3, 1, 9, 59, 59, 999999, tzinfo=UTC)
    LabInstanceFactory(user=ada, started_at=started, minutes=30)
    award()
    assert earned(achievement) == {ada.pk: started + timedelta(minutes=30)}


def test_minutes_are_compared_per_record(org, ada):
    achievement = AchievementFactory(
        organization=org, conditions_text="[{Subject:0, Count:1, MinMinutesSpent:30}]"
    )
    LabInstanceFactory(user=ada, started_at=day(1), completed_at=day(1, 10), minutes=29.9)
    LabInstanceFactory(user=ada, started_at=day(2), completed_at=day(2, 10), minutes=30)
    award()
    assert earned(achievement) == {ada.pk: day(2, 10)}


def test_a_failed_launch_never_counts(org, ada):
    achievement = AchievementFactory(organization=org)
    LabInstanceFactory(user=ada, status=LabInstance.Status.LAB_CREATION_FAILED)
    award()
    assert earned(achievement) == {}


def test_a_course_counts_by_assignment_or_enrollment(org):
    course = CourseFactory(organization=org)
    achievement = AchievementFactory(
        organization=org, conditions_text=f"[{{Subject:10, Count:1, CourseIds:[{course.pk}], Complete:True}}]"
    )
    by_assignment, by_class, too_late, cancelled = (UserFactory(organization=org) for _ in range(4))
    CourseAssignmentFactory(user=by_assignment, course=course, completed_at=day(9))
    CourseAssignmentFactory(user=too_late, course=course, expires_at=day(8), completed_at=day(9))
    CourseAssignmentFactory(user=cancelled, course=course, completed_at=day(9), status="cancelled")
    EnrollmentFactory(
        user=by_class,
        training_class__course=course,
        completion_status=Enrollment.Completion.COMPLETE,
        completed_at=day(7),
    )
    award()
    assert earned(achievement) == {by_assignment.pk: day(9), by_class.pk: day(7)}


@pytest.mark.parametrize(
    ("status", "completion", "counts"),
    [
        ("enrolled", "unknown", True),
        ("audit", "unknown", True),
        ("enrolled", "no_show", False),
        ("requested", "unknown", False),
        ("cancelled", "unknown", False),
        ("wait_listed", "unknown", False),
        ("approved", "unknown", False),
        ("denied", "unknown", False),
    ],
)
def test_only_enrolled_and_audit_enrollments_count(org, ada, status, completion, counts):
    achievement = AchievementFactory(organization=org, conditions_text="[{Subject:10, Count:1}]")
    EnrollmentFactory(user=ada, status=status, completion_status=completion)
    award()
    assert (ada.pk in earned(achievement)) is counts


def test_a_cancelled_class_counts_for_nobody_who_is_not_awarded_yet(org, ada):
    from tms.progress import save_class

    enrollment = EnrollmentFactory(user=ada)
    enrollment.training_class.status = Class.Status.CANCELLED
    save_class(enrollment.training_class)
    achievement = AchievementFactory(organization=org, conditions_text="[{Subject:10, Count:1}]")
    award()
    assert earned(achievement) == {}


def test_tags_count_different_courses_that_carry_one_of_them(org, ada):
    tag = CourseTagFactory(organization=org)
    tagged = [CourseFactory(organization=org, tags=[tag]) for _ in range(2)]
    achievement = AchievementFactory(
        organization=org,
        conditions_text=f"[{{Subject:20, Count:2, Distinct:True, CourseTagIds:[{tag.pk}]}}]",
    )
    CourseAssignmentFactory(user=ada, course=tagged[0], started_at=day(1))
    CourseAssignmentFactory(user=ada, course=CourseFactory(organization=org), started_at=day(2))
    award()
    assert earned(achievement) == {}
    CourseAssignmentFactory(user=ada, course=tagged[1], started_at=day(3))
    award()
    assert earned(achievement) == {ada.pk: day(3)}


def test_all_conditions_must_hold_and_the_latest_decides_the_moment(org, ada):
    course, exam = CourseFactory(organization=org), LabFactory(organization=org, is_exam=True)
    achievement = AchievementFactory(
        organization=org,
        conditions_text=(
            f"[{{Subject:10, Count:1, CourseIds:[{course.pk}], Complete:True}},"
            f" {{Subject:0, LabProfileIds:[{exam.pk}], Count:1, Passed:True}}]"
        ),
    )
    LabInstanceFactory(user=ada, lab=exam, started_at=day(2), completed_at=day(2, 11), passed=True)
    award()
    assert earned(achievement) == {}
    CourseAssignmentFactory(user=ada, course=course, started_at=day(1), completed_at=day(6))
    award()
    assert earned(achievement) == {ada.pk: day(6)}


def test_points_reach_their_fixpoint_in_one_pass(org, ada):
    """Bronze counts for silver, silver for gold; none counts itself, whatever the order of the rows."""
    gold = AchievementFactory(organization=org, points=1000, conditions_text="[{Subject:40, Points:150}]")
    silver = AchievementFactory(organization=org, points=100, conditions_text="[{Subject:40, Points:50}]")
    AchievementFactory(organization=org, points=50, conditions_text="[{Subject:0, Count:1}]")
    LabInstanceFactory(user=ada, started_at=day(1))
    evaluation.award_changes()
    assert earned(silver) == {ada.pk: day(1)}
    assert earned(gold) == {ada.pk: day(1)}


def test_an_award_brings_forward_the_moment_of_what_follows_from_it(org, ada):
    """Whatever the order of the rows, and whether they are evaluated together or one fact after the other."""
    labs = [LabFactory(organization=org) for _ in range(3)]
    silver = AchievementFactory(organization=org, conditions_text="[{Subject:40, Points:200}]")
    bronze = AchievementFactory(organization=org, points=50, conditions_text="[{Subject:40, Points:100}]")
    for lab, points in zip(labs, (100, 50, 50), strict=True):
        AchievementFactory(
            organization=org, points=points, conditions_text=f"[{{Subject:0, LabProfileIds:[{lab.pk}]}}]"
        )
    bob = UserFactory(organization=org)
    for lab, number in zip(labs, (1, 5, 9), strict=True):
        LabInstanceFactory(user=ada, lab=lab, started_at=day(number))
    evaluation.award_changes()
    for lab, number in zip(labs, (1, 5, 9), strict=True):
        LabInstanceFactory(user=bob, lab=lab, started_at=day(number))
        evaluation.award_changes()
    assert earned(bronze) == {ada.pk: day(1), bob.pk: day(1)}
    assert earned(silver) == {ada.pk: day(5), bob.pk: day(5)}
    assert sum(RuleRun.objects.filter(achievement=silver).values_list("awarded", flat=True)) == 2


def test_achievement_ids_ask_for_all_of_them(org, ada):
    first = AchievementFactory(organization=org, conditions_text="[{Subject:0, Count:1}]")
    second = AchievementFactory(organization=org, conditions_text="[{Subject:0, Count:2}]")
    both = AchievementFactory(
        organization=org, conditions_text=f"[{{Subject:40, AchievementIds:[{first.pk},{second.pk}]}}]"
    )
    LabInstanceFactory(user=ada, started_at=day(1))
    award()
    assert earned(both) == {}
    LabInstanceFactory(user=ada, started_at=day(2))
    award()
    assert earned(both) == {ada.pk: day(2)}


FULL = ",".join(["{Count:1}"] * MAX_CONDITIONS)


@pytest.mark.parametrize("conditions", [f"[{FULL}]", f"[{{Any:[{FULL}]}}]"], ids=["list", "group"])
def test_a_rule_of_as_many_conditions_as_can_be_written_is_evaluated(org, ada, conditions):
    achievement = AchievementFactory(organization=org, conditions_text=conditions)
    LabInstanceFactory(user=ada, started_at=day(2))
    award()
    assert earned(achievement) == {ada.pk: day(2)}
    [awarded] = EarnedAchievement.objects.values_list("snapshot", flat=True)
    assert len(awarded["conditions"]) == MAX_CONDITIONS


@pytest.mark.parametrize("frequency_type", Achievement.FrequencyType.values)
def test_groups_nested_as_deep_as_can_be_written_are_evaluated(org, ada, frequency_type):
    """With everything that makes a statement deep: windows, different items, outsiders, awards used up."""
    course = CourseFactory(organization=org, achievements_for_outside_organizations=True)
    leaves = (
        f"{{Subject:10, Count:1, CourseIds:[{course.pk}], Distinct:true, WithinDays:3}},"
        "{Subject:30, Count:1, Distinct:true, SingleDay:true}, {Subject:40, Points:10}, {Subject:60, Days:2}"
    )
    depth = MAX_DEPTH - 1
    achievement = AchievementFactory(
        organization=org,
        frequency_type=frequency_type,
        conditions_text=f"[{f'{{Any:[{leaves},' * depth}{{Count:5}}{']}' * depth}]",
    )
    CourseAssignmentFactory(user=ada, course=course, started_at=day(2))
    award()
    assert earned(achievement) == {ada.pk: day(2)}
    CourseAssignmentFactory(user=UserFactory(), course=course, started_at=day(2))
    award()
    assert not Achievement.objects.exclude(last_error="").exists()


class TestGates:
    def test_another_organizations_learner_earns_nothing(self, org):
        achievement = AchievementFactory(organization=org)
        stranger, child = UserFactory(), UserFactory(organization=OrganizationFactory(parent=org))
        LabInstanceFactory(user=stranger)
        LabInstanceFactory(user=child)
        award()
        assert earned(achievement) == {}

    def test_a_learner_who_does_not_participate_earns_after_opting_in(self, org, ada):
        achievement = AchievementFactory(organization=org)
        gates.opt_out(ada)
        LabInstanceFactory(user=ada)
        award()
        assert earned(achievement) == {}
        gates.opt_in(ada)
        award()
        assert earned(achievement) == {ada.pk: PAST}

    def test_enabling_the_organization_looks_at_the_past(self):
        off = OrganizationFactory(enable_achievements=False)
        achievement = AchievementFactory(organization=off)
        ada = UserFactory(organization=off, participate_in_achievements=False)
        opted_out = UserFactory(organization=off)
        gates.opt_out(opted_out)
        LabInstanceFactory(user=ada)
        LabInstanceFactory(user=opted_out)
        award()
        assert earned(achievement) == {}
        off.enable_achievements = True
        gates.save_organization(off)
        award()
        assert earned(achievement) == {ada.pk: PAST}

    def test_a_global_achievement_reaches_organizations_that_take_part(self, org):
        achievement = AchievementFactory(organization=org, is_global=True)
        outside = OrganizationFactory(participate_in_global_achievements=False)
        learner = UserFactory(organization=outside)
        LabInstanceFactory(user=learner)
        award()
        assert earned(achievement) == {}
        outside.participate_in_global_achievements = True
        gates.save_organization(outside)
        award()
        assert earned(achievement) == {learner.pk: PAST}

    def test_outsiders_earn_through_ticked_courses_of_the_achievements_organization(self, org):
        course = CourseFactory(organization=org)
        elsewhere = CourseFactory(achievements_for_outside_organizations=True)
        named = AchievementFactory(
            organization=org,
            conditions_text=f"[{{Subject:10, Count:1, CourseIds:[{course.pk},{elsewhere.pk}]}}]",
        )
        unnamed = AchievementFactory(organization=org, conditions_text="[{Subject:10, Count:1}]")
        learner = UserFactory()
        CourseAssignmentFactory(user=learner, course=course, started_at=day(1))
        CourseAssignmentFactory(user=learner, course=elsewhere, started_at=day(1))
        award()
        assert earned(named) == {}
        course.achievements_for_outside_organizations = True
        gates.save_course(course)
        award()
        assert earned(named) == {learner.pk: day(1)}
        assert earned(unnamed) == {}

    def test_moving_to_the_organization_opens_its_achievements(self, org):
        achievement = AchievementFactory(organization=org)
        learner = UserFactory()
        LabInstanceFactory(user=learner)
        award()
        learner.organization = org
        gates.save_user(learner)
        award()
        assert earned(achievement) == {learner.pk: PAST}


class TestTheBadge:
    def test_an_award_records_one_intent_linked_to_it(self, org, ada):
        badge = BadgeFactory(organization=org)
        AchievementFactory(organization=org, badge=badge)
        LabInstanceFactory(user=ada, started_at=day(2))
        award()
        issued = IssuedBadge.objects.get()
        assert (issued.badge, issued.learner, issued.status) == (badge, ada, "queued")
        assert (issued.earned_at, issued.recipient_email) == (day(2), ada.email)
        assert EarnedAchievement.objects.get().issued_badge == issued
        assert issued.source_key == str(EarnedAchievement.objects.get().pk)

    def test_two_achievements_with_one_badge_issue_it_once(self, org, ada):
        badge = BadgeFactory(organization=org)
        AchievementFactory(organization=org, badge=badge)
        LabInstanceFactory(user=ada)
        award()
        AchievementFactory(organization=org, badge=badge)
        award()
        assert IssuedBadge.objects.count() == 1
        assert EarnedAchievement.objects.filter(issued_badge=IssuedBadge.objects.get()).count() == 2

    def test_a_badge_linked_later_reaches_everybody_who_ever_earned(self, org, ada):
        achievement = AchievementFactory(organization=org)
        LabInstanceFactory(user=ada)
        award()
        from achievements.authoring import save_achievement

        achievement = Achievement.objects.get(pk=achievement.pk)
        achievement.badge = BadgeFactory(organization=org)
        save_achievement(achievement)
        award()
        assert IssuedBadge.objects.get().learner == ada

    def test_an_inactive_badge_is_issued_once_it_is_active(self, org, ada):
        from badges.catalogue import save_badge

        badge = BadgeFactory(organization=org, is_active=False)
        achievement = AchievementFactory(organization=org, badge=badge)
        LabInstanceFactory(user=ada)
        award()
        assert earned(achievement)
        assert not IssuedBadge.objects.exists()
        badge.is_active = True
        save_badge(badge)
        intents.issue_earned()
        assert IssuedBadge.objects.get().badge == badge

    @pytest.mark.parametrize("ended", ["cancelled", "revoked"])
    def test_what_ended_is_not_issued_again_by_itself(self, org, ada, ended):
        badge = BadgeFactory(organization=org)
        AchievementFactory(organization=org, badge=badge)
        LabInstanceFactory(user=ada)
        award()
        IssuedBadge.objects.update(status=ended)
        intents.issue_earned()
        assert IssuedBadge.objects.count() == 1


def test_every_award_leaves_one_notification(org, ada):
    AchievementFactory(organization=org)
    LabInstanceFactory(user=ada)
    award()
    LabInstanceFactory(user=ada)
    award()
    assert Notification.objects.get().key == EarnedAchievement.objects.get().pk


def test_a_rule_that_fails_stops_no_other_and_is_run_again(org, ada, monkeypatch):
    broken = AchievementFactory(organization=org)
    sound = AchievementFactory(organization=org)
    whole = writing.winners

    def failing(rules, *, scope):
        statement = whole(rules, scope=scope)
        is_broken = broken.pk in {active.achievement.pk for active in rules}
        return Sql("SELECT no_such_column") if is_broken else statement

    LabInstanceFactory(user=ada)
    monkeypatch.setattr(writing, "winners", failing)
    award()
    assert earned(broken) == {}
    assert earned(sound) == {ada.pk: PAST}
    broken.refresh_from_db()
    assert broken.full_run_due_at
    assert "no_such_column" in broken.last_error
    monkeypatch.undo()
    Achievement.objects.update(last_error_at=datetime(2020, 1, 1, tzinfo=UTC))
    award()
    assert earned(broken) == {ada.pk: PAST}


def test_nothing_is_awarded_while_badges_are_switched_off(org, ada, settings):
    achievement = AchievementFactory(organization=org)
    settings.BADGES_ENABLED = False
    LabInstanceFactory(user=ada)
    award()
    assert earned(achievement) == {}
    settings.BADGES_ENABLED = True
    award()
    assert earned(achievement) == {ada.pk: PAST}


def test_statements_do_not_depend_on_the_number_of_learners(org, django_assert_num_queries):
    from django.db import connection
    from django.test.utils import CaptureQueriesContext

    AchievementFactory(organization=org, badge=BadgeFactory(organization=org))
    counts = []
    for size in (2, 12):
        for _ in range(size):
            LabInstanceFactory(user=UserFactory(organization=org))
        with CaptureQueriesContext(
            connection,
        ) as queries:
            evaluation.award_changes()
        counts.append(len(queries))
    assert counts[0] == counts[1]
