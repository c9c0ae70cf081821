"""Every boundary of the language by itself: which moment, which day, how much is enough.

The naive reference (tests/achievements/oracle) holds all of them together against generated worlds.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from achievements import backfill, evaluation
from achievements.authoring import save_achievement
from achievements.conditions.language import MAX_NUMBER
from achievements.models import Achievement, EarnedAchievement
from tests.factories import (
    AchievementFactory,
    ActivityFactory,
    CourseAssignmentFactory,
    CourseFactory,
    CourseTagFactory,
    EnrollmentFactory,
    LabFactory,
    LabInstanceFactory,
    OrganizationFactory,
    SubscriptionFactory,
    UserFactory,
)
from tms import gates, progress

pytestmark = pytest.mark.django_db

# Midday in UTC is the same date in most places.
MIDDAY = 12
MOMENT = timedelta(microseconds=1)


def at(day, hour=MIDDAY, minute=0):
    return datetime(2026, 3, day, hour, minute, tzinfo=UTC)


def award():
    evaluation.award_changes()
    backfill.award_due()
    assert not list(Achievement.objects.exclude(last_error="").values_list("last_error", flat=True))


def earned(achievement):
    """learner → when."""
    return dict(EarnedAchievement.objects.filter(achievement=achievement).values_list("learner", "earned_at"))


@pytest.fixture
def org():
    return OrganizationFactory()


@pytest.fixture
def ada(org):
    return UserFactory(organization=org)


@pytest.fixture
def moment_of(org, ada):
    """When Ada earned what has these conditions; None where she has not."""

    def moment(conditions, **given):
        achievement = AchievementFactory(organization=org, conditions_text=conditions, **given)
        award()
        return earned(achievement).get(ada.pk)

    return moment


@pytest.fixture
def launch(org, ada):
    def made(day, hour=MIDDAY, **given):
        return LabInstanceFactory(**{"user": ada, "started_at": at(day, hour), **given})

    return made


class TestCounting:
    @pytest.mark.parametrize(
        ("asked", "moment"),
        [
            ("Count:1", at(1)),
            ("Count:1, Complete:false, Passed:false", at(1)),
            ("Count:1, Complete:true", at(4)),
            ("Count:1, Passed:true", at(4)),
            ("Count:1, MinScorePercent:80", at(4)),
            ("Count:1, MinMinutesSpent:30", at(4)),
            ("Minutes:30", at(1)),
        ],
    )
    def test_a_record_counts_when_what_is_asked_of_it_is_known(self, launch, moment_of, asked, moment):
        launch(1, completed_at=at(4), passed=True, score_percent=80, minutes=30)
        assert moment_of(f"[{{{asked}}}]") == moment

    @pytest.mark.parametrize("asked", ["Passed:true", "MinScorePercent:80", "MinMinutesSpent:30"])
    def test_what_was_never_completed_counts_when_its_minutes_are_over(self, launch, moment_of, asked):
        launch(1, passed=True, score_percent=80, minutes=30)
        assert moment_of(f"[{{Count:1, {asked}}}]") == at(1) + timedelta(minutes=30)
        assert moment_of(f"[{{Count:1, Complete:true, {asked}}}]") is None

    @pytest.mark.parametrize(
        ("given", "asked", "counts"),
        [
            ({"minutes": 29.99}, "MinMinutesSpent:30", False),
            ({"minutes": 30}, "MinMinutesSpent:30", True),
            ({"score_percent": 79.9}, "MinScorePercent:80", False),
            ({"score_percent": 80}, "MinScorePercent:80", True),
            ({"score_percent": 0}, "MinScorePercent:0", True),
            ({"score_percent": None}, "MinScorePercent:0", False),
            ({"passed": False}, "Passed:true", False),
            ({"passed": None}, "Passed:true", False),
            ({"passed": None}, "Passed:false", True),
        ],
    )
    def test_results_are_compared_for_each_record(self, launch, moment_of, given, asked, counts):
        launch(1, **given)
        assert (moment_of(f"[{{Count:1, {asked}}}]") is not None) is counts

    def test_the_same_item_counts_again_unless_distinct_is_asked(self, org, ada, moment_of):
        """Count:4 over four courses is met by one course taken four times, as documented."""
        courses = [CourseFactory(organization=org) for _ in range(4)]
        ids = ",".join(str(course.pk) for course in courses)
        for day in (1, 2, 3, 4):
            CourseAssignmentFactory(user=ada, course=courses[0], started_at=at(day))
        assert moment_of(f"[{{Subject:20, Count:4, CourseIds:[{ids}]}}]") == at(4)
        different = f"[{{Subject:20, Count:4, Distinct:true, CourseIds:[{ids}]}}]"
        assert moment_of(different) is None
        for day, course in enumerate(courses[1:], start=5):
            CourseAssignmentFactory(user=ada, course=course, started_at=at(day))
        assert moment_of(different) == at(7)

    def test_of_each_different_item_the_first_counts(self, org, launch, moment_of):
        one, two = LabFactory(organization=org), LabFactory(organization=org)
        for day, lab in ((1, one), (2, one), (3, two), (4, two)):
            launch(day, lab=lab)
        assert moment_of("[{Count:2, Distinct:true}]") == at(3)

    def test_records_that_arrive_late_count_as_if_they_had_been_there(self, org, ada, launch, moment_of):
        for day in (5, 6):
            launch(day)
        assert moment_of("[{Count:2}]") == at(6)
        launch(1)
        award()
        assert list(EarnedAchievement.objects.values_list("earned_at", flat=True)) == [at(6)]
        assert moment_of("[{Count:2}]") == at(5)

    def test_numbers_as_large_as_can_be_written_are_evaluated(self, org, launch, moment_of):
        lab = LabFactory(organization=org)
        launch(1, lab=lab, minutes=10)
        asked = (
            f"{{Count:{MAX_NUMBER}}}, {{Count:{MAX_NUMBER}, Distinct:true, SingleDay:true}}, {{Minutes:{MAX_NUMBER}}},"
            f"{{Subject:40, Points:{MAX_NUMBER}}}, {{Subject:60, Days:{MAX_NUMBER}}},"
            f"{{Count:1, MinMinutesSpent:{MAX_NUMBER}}}"
        )
        assert moment_of(f"[{{Any:[{asked}]}}]") is None
        assert moment_of(f"[{{Count:{MAX_NUMBER}}}]", frequency=1000) is None
        assert moment_of(
            f"[{{Count:1, WithinDays:{MAX_NUMBER}, After:1900-01-01, Before:2999-12-31}}]"
        ) == at(1)


class TestDays:
    @pytest.mark.parametrize(
        ("zone", "hours", "is_one_day"),
        [
            ("UTC", (0, 23), True),
            ("Pacific/Kiritimati", (9, 11), False),  # 23:00 and 01:00
            ("Pacific/Kiritimati", (10, 23), True),
            ("Pacific/Honolulu", (9, 11), False),
            ("America/Havana", (4, 6), False),  # clocks go from 24:00 to 01:00 on the 8th
            ("America/Havana", (5, 23), True),
        ],
    )
    def test_a_day_is_one_of_the_learners_clocks(self, org, moment_of, ada, zone, hours, is_one_day):
        ada.time_zone = zone
        gates.save_user(ada)
        for hour in hours:
            LabInstanceFactory(user=ada, started_at=at(8, hour))
        assert moment_of("[{Count:2, SingleDay:true}]") == (at(8, hours[1]) if is_one_day else None)

    def test_a_day_is_that_of_the_moment_that_counts(self, launch, moment_of):
        for day in (1, 2):
            launch(day, completed_at=at(3, day))
        assert moment_of("[{Count:2, SingleDay:true}]") is None
        assert moment_of("[{Count:2, SingleDay:true, Complete:true}]") == at(3, 2)

    def test_a_day_stays_the_one_it_was_when_the_learner_moves(self, org, ada, moment_of):
        ada.time_zone = "Pacific/Kiritimati"
        gates.save_user(ada)
        for hour in (9, 11):
            LabInstanceFactory(user=ada, started_at=at(1, hour))
        ada.time_zone = "UTC"
        gates.save_user(ada)
        assert moment_of("[{Count:2, SingleDay:true}]") is None

    def test_the_first_day_that_has_enough_decides(self, org, launch, moment_of):
        labs = [LabFactory(organization=org) for _ in range(2)]
        for day, hour, lab in ((1, 1, 0), (2, 1, 0), (2, 2, 0), (2, 3, 1), (3, 1, 0), (3, 2, 1)):
            launch(day, hour, lab=labs[lab])
        assert moment_of("[{Count:2, SingleDay:true}]") == at(2, 2)
        assert moment_of("[{Count:2, SingleDay:true, Distinct:true}]") == at(2, 3)

    def test_each_condition_has_a_single_day_of_its_own(self, ada, launch, moment_of):
        for hour in (1, 2):
            launch(1, hour)
            CourseAssignmentFactory(user=ada, started_at=at(5, hour))
        both = "[{Count:2, SingleDay:true}, {Subject:10, Count:2, SingleDay:true}]"
        assert moment_of(both) == at(5, 2)

    @pytest.mark.parametrize(("days", "moment"), [(1, None), (2, None), (3, at(6)), (4, at(4)), (9, at(4))])
    def test_within_days_the_last_is_so_many_days_less_one_after_the_first(
        self, launch, moment_of, days, moment
    ):
        """Some records fit into the window; others may lie outside."""
        for day, hour in ((1, 0), (1, 23), (4, MIDDAY), (5, 9), (6, MIDDAY), (20, 9)):
            launch(day, hour)
        assert moment_of(f"[{{Count:3, WithinDays:{days}}}]") == moment

    def test_minutes_are_added_up_within_one_such_day_or_window(self, launch, moment_of):
        for day, hour in ((1, 1), (2, 1), (5, 1), (5, 2)):
            launch(day, hour, minutes=30)
        assert moment_of("[{Minutes:60}]") == at(2, 1)
        assert moment_of("[{Minutes:60, WithinDays:2}]") == at(2, 1)
        assert moment_of("[{Minutes:60, SingleDay:true}]") == at(5, 2)
        assert moment_of("[{Minutes:61, SingleDay:true}]") is None
        assert moment_of("[{Minutes:120}]") == at(5, 2)
        assert moment_of("[{Minutes:121}]") is None


class TestWindowsOfTime:
    """After and Before, in the zone of the achievement's organization."""

    @pytest.fixture
    def org(self):
        return OrganizationFactory(time_zone="America/Havana")

    @pytest.mark.parametrize(
        ("moment", "window", "counts"),
        [
            # The 8th begins at 05:00 UTC, at one o'clock, and ends at 04:00 UTC.
            (at(8, 5), "After:2026-03-08", True),
            (at(8, 5) - MOMENT, "After:2026-03-08", False),
            (at(9, 4) - MOMENT, "Before:2026-03-08", True),
            (at(9, 4), "Before:2026-03-08", False),
            (at(8, 5), "After:2026-03-08, Before:2026-03-08", True),
            (at(9, 14), "After:2026-03-09T10:00", True),
            (at(9, 14) - MOMENT, "After:2026-03-09T10:00", False),
            (at(9, 14), "Before:2026-03-09T10:00", True),
            (at(9, 14) + MOMENT, "Before:2026-03-09T10:00", False),
            (at(9, 10), "After:2026-03-09T10:00Z, Before:2026-03-09T12:00+02:00", True),
            (at(9, 10) + MOMENT, "Before:2026-03-09T12:00+02:00", False),
            (at(9, 10) - MOMENT, "After:2026-03-09T10:00Z", False),
        ],
    )
    def test_both_sides_are_inclusive(self, ada, moment_of, moment, window, counts):
        LabInstanceFactory(user=ada, started_at=moment)
        assert moment_of(f"[{{Count:1, {window}}}]") == (moment if counts else None)

    def test_the_zone_is_not_the_learners(self, ada, moment_of):
        ada.time_zone = "Pacific/Kiritimati"
        gates.save_user(ada)
        LabInstanceFactory(user=ada, started_at=at(9, 3))
        assert moment_of("[{Count:1, After:2026-03-09}]") is None
        assert moment_of("[{Count:1, Before:2026-03-08}]") == at(9, 3)

    def test_of_achievements_it_is_when_they_were_earned(self, org, ada, launch, moment_of):
        each = AchievementFactory(organization=org, frequency=2, conditions_text="[{Count:1}]")
        launch(1)
        launch(9)
        after = f"[{{Subject:40, AchievementIds:[{each.pk}], After:2026-03-05}}]"
        assert moment_of(after) == at(9)


class TestStreaks:
    def days(self, learner, *moments):
        for moment in moments:
            ActivityFactory(user=learner, kind="post_published", occurred_at=moment)

    def test_it_takes_one_day_after_the_other_and_the_first_record_of_the_last(self, ada, moment_of):
        self.days(ada, at(1), at(2), at(4), at(5), at(6, 8), at(6, 9), at(9))
        assert moment_of("[{Subject:60, Days:2, Kinds:[post_published]}]") == at(2)
        assert moment_of("[{Subject:60, Days:3, Kinds:[post_published]}]") == at(6, 8)
        assert moment_of("[{Subject:60, Days:4, Kinds:[post_published]}]") is None

    @pytest.mark.parametrize(("zone", "is_bridged"), [("America/Havana", True), ("UTC", False)])
    def test_one_missing_date_is_bridged_only_where_the_clocks_were_set(
        self, org, ada, moment_of, zone, is_bridged
    ):
        """Whoever crosses the date line loses a day and not the streak."""
        ada.time_zone = zone
        gates.save_user(ada)
        self.days(ada, at(7), at(9))  # Havana's clocks change on the 8th
        assert (moment_of("[{Subject:60, Days:2, Kinds:[post_published]}]") == at(9)) is is_bridged

    def test_two_missing_dates_are_never_bridged(self, ada, moment_of):
        ada.time_zone = "America/Havana"
        gates.save_user(ada)
        self.days(ada, at(7), at(10))
        assert moment_of("[{Subject:60, Days:2, Kinds:[post_published]}]") is None

    def test_a_launch_is_a_session_and_keeps_a_streak(self, launch, moment_of):
        for day in (1, 2, 3):
            launch(day)
        assert moment_of("[{Subject:60, Days:3}]") == at(3)
        assert moment_of("[{Subject:50, Kinds:[session], Count:3}]") == at(3)


class TestPoints:
    def test_they_are_added_up_as_they_were_when_earned(self, org, ada, launch, moment_of):
        first = AchievementFactory(organization=org, points=60, conditions_text="[{Count:1}]")
        AchievementFactory(organization=org, points=40, conditions_text="[{Count:2}]")
        launch(1)
        award()
        first.refresh_from_db()
        first.points = 1
        save_achievement(first)
        launch(2)
        assert moment_of("[{Subject:40, Points:100}]") == at(2)
        assert moment_of(f"[{{Subject:40, Points:60, AchievementIds:[{first.pk}]}}]") == at(1)
        assert moment_of(f"[{{Subject:40, Points:61, AchievementIds:[{first.pk}]}}]") is None

    def test_an_achievement_earned_twice_gives_its_points_twice(self, org, launch, moment_of):
        AchievementFactory(organization=org, points=30, frequency=2, conditions_text="[{Count:1}]")
        launch(1)
        launch(2)
        assert moment_of("[{Subject:40, Points:60}]", points=0) == at(2)
        assert moment_of("[{Subject:40, Points:61}]", points=0) is None

    def test_withdrawn_awards_give_none(self, org, ada, launch, moment_of):
        first = AchievementFactory(organization=org, points=60, conditions_text="[{Count:1}]")
        launch(1)
        award()
        first.earned.update(withdrawn_at=at(2))
        assert moment_of("[{Subject:40, Points:60}]") is None
        assert moment_of(f"[{{Subject:40, AchievementIds:[{first.pk}]}}]") is None

    def test_a_rule_never_counts_its_own(self, org, launch, moment_of):
        AchievementFactory(organization=org, points=30, conditions_text="[{Count:1}]")
        launch(1)
        assert moment_of("[{Subject:40, Points:31}]", points=1) is None
        assert moment_of("[{Subject:40, Count:3}]") is None


class TestGroups:
    def test_any_is_the_earliest_all_the_latest_and_at_least_the_one_that_was_still_needed(
        self, ada, launch, moment_of
    ):
        launch(5)
        CourseAssignmentFactory(user=ada, started_at=at(3))
        ActivityFactory(user=ada, occurred_at=at(9))
        parts = "{Count:1}, {Subject:10, Count:1}, {Subject:50, Kinds:[post_published], Count:1}"
        assert moment_of(f"[{{Any:[{parts}]}}]") == at(3)
        assert moment_of(f"[{{AtLeast:2, Of:[{parts}]}}]") == at(5)
        assert moment_of(f"[{{All:[{parts}]}}]") == at(9)
        assert moment_of(f"[{parts}]") == at(9)
        assert moment_of(f"[{{Any:[{{All:[{parts}, {{Count:2}}]}}, {{Subject:10, Count:1}}]}}]") == at(3)
        assert moment_of(f"[{{AtLeast:4, Of:[{parts}]}}]") is None


class TestActivities:
    def test_different_people_are_others_and_each_is_counted_once(self, org, ada, moment_of):
        one, two = UserFactory(organization=org), UserFactory(organization=org)
        for day, other in ((1, ada), (2, None), (3, one), (4, one), (5, two)):
            ActivityFactory(user=ada, kind="learner_helped", occurred_at=at(day), other_user=other)
        asked = "[{Subject:50, Kinds:[learner_helped], Count:%d, DistinctPeople:%s}]"
        assert moment_of(asked % (1, "true")) == at(3)
        assert moment_of(asked % (2, "true")) == at(5)
        assert moment_of(asked % (3, "true")) is None
        assert moment_of(asked % (5, "false")) == at(5)

    def test_kinds_of_integrations_count_like_our_own(self, ada, moment_of):
        ActivityFactory(user=ada, kind="quiz_won", occurred_at=at(2))
        assert moment_of("[{Subject:50, Kinds:[Quiz_Won]}]") == at(2)

    def test_lessons_may_be_asked_of_a_course(self, org, ada, moment_of):
        course = CourseFactory(organization=org)
        ActivityFactory(user=ada, kind="lesson_completed", occurred_at=at(1))
        ActivityFactory(user=ada, kind="lesson_completed", occurred_at=at(2), course=course)
        asked = f"[{{Subject:50, Kinds:[lesson_completed], CourseIds:[{course.pk}]}}]"
        assert moment_of(asked) == at(2)
        assert moment_of(f"[{{Subject:50, Kinds:[lesson_completed], ExcludeCourseIds:[{course.pk}]}}]") == at(
            1
        )


class TestWhatIsNamed:
    def test_an_empty_list_means_any(self, launch, moment_of):
        launch(1)
        assert moment_of("[{Count:1, LabProfileIds:[]}]") == at(1)

    def test_what_is_excluded_does_not_count(self, org, launch, moment_of):
        one, two = LabFactory(organization=org), LabFactory(organization=org)
        launch(1, lab=one)
        launch(2, lab=two)
        assert moment_of(f"[{{Count:1, ExcludeLabProfileIds:[{one.pk}]}}]") == at(2)
        both = f"LabProfileIds:[{one.pk},{two.pk}], ExcludeLabProfileIds:[{one.pk}]"
        assert moment_of(f"[{{Count:1, {both}}}]") == at(2)

    def test_with_both_lists_a_course_must_be_named_and_tagged_and_with_neither_it_may_be_any(
        self, org, ada, moment_of
    ):
        tag = CourseTagFactory(organization=org)
        tagged, both = (CourseFactory(organization=org, tags=[tag]) for _ in range(2))
        named, plain = (CourseFactory(organization=org) for _ in range(2))
        for day, course in enumerate((plain, named, tagged, both), start=1):
            CourseAssignmentFactory(user=ada, course=course, started_at=at(day))
        ids, tags = f"CourseIds:[{named.pk},{both.pk}]", f"CourseTagIds:[{tag.pk}]"
        assert moment_of("[{Subject:20, Count:1}]") == at(1)
        assert moment_of(f"[{{Subject:20, Count:1, {ids}}}]") == at(2)
        assert moment_of(f"[{{Subject:20, Count:1, {tags}}}]") == at(3)
        assert moment_of(f"[{{Subject:20, Count:1, {ids}, {tags}}}]") == at(4)
        assert moment_of(f"[{{Subject:20, Count:3, ExcludeCourseTagIds:[{tag.pk}]}}]") is None


class TestSubscriptions:
    @pytest.fixture
    def subscription(self, ada):
        return SubscriptionFactory(user=ada, starts_at=at(5), expires_at=at(9))

    @pytest.mark.parametrize(
        ("moment", "counts"),
        [(at(5) - MOMENT, False), (at(5), True), (at(9), True), (at(9) + MOMENT, False)],
    )
    def test_it_must_be_current_at_the_moment_that_counts(self, ada, subscription, moment_of, moment, counts):
        CourseAssignmentFactory(user=ada, started_at=moment, subscription=subscription)
        assert moment_of("[{Subject:30, Count:1}]") == (moment if counts else None)

    def test_of_completions_that_is_the_completion(self, ada, subscription, moment_of):
        for started, completed in ((at(1), at(6)), (at(8), at(10))):
            CourseAssignmentFactory(
                user=ada, started_at=started, completed_at=completed, subscription=subscription
            )
        assert moment_of("[{Subject:30, Count:1, Complete:true}]") == at(6)
        assert moment_of("[{Subject:30, Count:2, Complete:true}]") is None
        assert moment_of("[{Subject:30, Count:1}]") == at(8)

    @pytest.mark.parametrize(("status", "counts"), [("enrolled", True), ("audit", False)])
    def test_enrollments_count_only_where_a_place_is_taken(
        self, ada, subscription, moment_of, status, counts
    ):
        EnrollmentFactory(user=ada, enrolled_at=at(6), status=status, subscription=subscription)
        assert moment_of("[{Subject:10, Count:1}]") == at(6)
        assert moment_of("[{Subject:30, Count:1}]") == (at(6) if counts else None)

    def test_what_was_not_taken_through_it_does_not_count(self, ada, subscription, moment_of):
        profile = subscription.subscription_profile_id
        CourseAssignmentFactory(user=ada, started_at=at(6))
        assert moment_of("[{Subject:30, Count:1}]") is None
        CourseAssignmentFactory(user=ada, started_at=at(7), subscription=subscription)
        assert moment_of(f"[{{Subject:30, ClubIds:[{profile}]}}]") == at(7)
        assert moment_of(f"[{{Subject:30, ExcludeClubIds:[{profile}]}}]") is None


class TestGates:
    def test_the_achievements_own_organization_must_be_enabled_too(self, ada, launch):
        owner = OrganizationFactory()
        achievement = AchievementFactory(organization=owner, is_global=True)
        ada.organization.participate_in_global_achievements = True
        gates.save_organization(ada.organization)
        owner.enable_achievements = False
        gates.save_organization(owner)
        launch(1)
        award()
        assert earned(achievement) == {}
        owner.enable_achievements = True
        gates.save_organization(owner)
        award()
        assert earned(achievement) == {ada.pk: at(1)}

    def test_labs_of_outsiders_count_when_taken_through_an_open_course_and_exclusions_do_not_name(self, ada):
        owner = OrganizationFactory()
        course = CourseFactory(organization=owner, achievements_for_outside_organizations=True)
        other = CourseFactory(organization=owner)
        lab = LabFactory(organization=owner)
        naming = AchievementFactory(
            organization=owner,
            conditions_text=f"[{{Subject:10, CourseIds:[{course.pk}]}}, {{LabProfileIds:[{lab.pk}], Count:1}}]",
        )
        excluding = AchievementFactory(
            organization=owner, conditions_text=f"[{{Subject:10, Count:1, ExcludeCourseIds:[{other.pk}]}}]"
        )
        taken = CourseAssignmentFactory(user=ada, course=course, started_at=at(1))
        LabInstanceFactory(user=ada, lab=lab, started_at=at(2))
        award()
        assert earned(naming) == {}
        LabInstanceFactory(user=ada, lab=lab, started_at=at(3), course_assignment=taken)
        award()
        assert earned(naming) == {ada.pk: at(3)}
        assert earned(excluding) == {}


class TestSecondThoughts:
    def test_what_was_complete_and_is_cancelled_counts_only_for_those_who_have_it(self, org, ada):
        early = AchievementFactory(organization=org, conditions_text="[{Subject:10, Count:1, Complete:true}]")
        assignment = CourseAssignmentFactory(user=ada, started_at=at(1), completed_at=at(2))
        award()
        assignment.status = "cancelled"
        progress.save(assignment)
        late = AchievementFactory(organization=org, conditions_text="[{Subject:10, Count:1, Complete:true}]")
        award()
        assert (earned(early), earned(late)) == ({ada.pk: at(2)}, {})
