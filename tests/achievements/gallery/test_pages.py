"""All achievements of a learner: what is listed, in which state, to whom, and at what cost."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from achievements import backfill, evaluation
from achievements.conditions import language
from achievements.gallery.pages import PART
from achievements.models import Achievement, Begun, EarnedAchievement, Look
from achievements.progress.working_out import work_out
from badges.models import BadgePresentation, IssuedBadge
from tests.factories import (
    PAST,
    AchievementFactory,
    ActivityFactory,
    AdministratorFactory,
    BadgeFactory,
    CourseActivityFactory,
    CourseAssignmentFactory,
    CourseFactory,
    CourseSectionFactory,
    CourseTagFactory,
    LabFactory,
    LabInstanceFactory,
    OrganizationFactory,
    UserFactory,
)
from tms import gates, progress
from tms.models import LabInstance, MemberProfile, ProgressChange, User

pytestmark = pytest.mark.django_db

HTMX = {"HX-Request": "true"}
INSIDE = {**HTMX, "HX-Target": PART}


def url_of(learner) -> str:
    return reverse("full-achievements", args=[learner.pk])


def why_of(learner, achievement) -> str:
    return reverse("why-not-yet", args=[learner.pk, achievement.pk])


def words(response) -> str:
    text = re.sub(r"<[^>]+>", " ", response.content.decode())
    return re.sub(r"\s+", " ", text)


def rule(learner, text="[{Subject:0, Count:1}]", **given):
    return AchievementFactory(organization=learner.organization, conditions_text=text, **given)


def settle():
    evaluation.award_changes()
    work_out()


@pytest.fixture
def learner(client):
    learner = UserFactory(first_name="Ada", last_name="Lovelace")
    client.force_login(learner)
    client.get("/")  # to be here is a session
    return learner


@pytest.fixture
def open_gallery(client, learner):
    """The page once everything is worked out."""

    def open_gallery(**asked):
        settle()
        client.get(url_of(learner))
        settle()
        return client.get(url_of(learner), asked)

    return open_gallery


class TestWhatIsListed:
    def test_each_achievement_says_its_state_in_words(self, learner, open_gallery):
        rule(learner, name="Begun", category="Courses", text="[{Subject:0, Count:4}]")
        rule(learner, name="Locked", category="Courses", text="[{Subject:0, Count:1, Passed:True}]")
        rule(learner, name="Had", category="Courses")
        LabInstanceFactory(user=learner)

        response = open_gallery()

        [shelf] = response.context["gallery"].shelves
        assert [(entry.achievement.name, entry.state.value) for entry in shelf.entries] == [
            ("Begun", "begun"),
            ("Had", "earned"),
            ("Locked", "locked"),
        ]
        page = words(response)
        assert "In progress 1 of 4" in page
        assert "Earned March 2, 2026" in page
        assert re.search(r"Locked (?!1)Locked|Locked Locked", page)
        assert "1 of 3" in page

    def test_categories_stand_in_their_order_and_what_has_none_comes_last(self, learner, open_gallery):
        for name in ("Sailing", "Engagement", "", "Profile", "Community", "Courses", "baking"):
            rule(learner, category=name)
        titles = [shelf.title for shelf in open_gallery().context["gallery"].shelves]
        assert titles == ["Profile", "Courses", "Community", "Engagement", "baking", "Sailing", "More"]

    def test_only_what_is_within_reach_is_listed(self, learner, open_gallery):
        elsewhere = OrganizationFactory()
        learner.organization.participate_in_global_achievements = True
        gates.save_organization(learner.organization)
        course = CourseFactory(organization=elsewhere, achievements_for_outside_organizations=True)
        rule(learner, name="Own")
        rule(learner, name="Disabled", enabled=False)
        AchievementFactory(organization=elsewhere, name="Theirs")
        AchievementFactory(organization=elsewhere, name="Global", is_global=True)
        through = f"[{{Subject:10, Count:1, CourseIds:[{course.pk}]}}]"
        AchievementFactory(organization=elsewhere, name="Open", conditions_text=through)

        names = {entry.achievement.name for entry in open_gallery().context["gallery"].entries}

        assert names == {"Own", "Global", "Open"}

    def test_what_was_earned_stays_when_it_can_be_earned_no_more(self, learner, open_gallery):
        achievement = rule(learner, name="Old")
        LabInstanceFactory(user=learner)
        settle()
        Achievement.objects.filter(pk=achievement.pk).update(enabled=False)
        [entry] = open_gallery().context["gallery"].entries
        assert entry.state.value == "earned"

    def test_times_and_points_of_what_was_earned_again(self, learner, open_gallery):
        rule(learner, frequency=5, points=7)
        LabInstanceFactory.create_batch(3, user=learner)
        response = open_gallery()
        [entry] = response.context["gallery"].entries
        assert (entry.times, entry.points) == (3, 21)
        assert "×&nbsp;3" in response.content.decode()

    def test_withdrawn_is_not_earned(self, learner, open_gallery):
        rule(learner)
        LabInstanceFactory(user=learner)
        settle()
        EarnedAchievement.objects.update(withdrawn_at=timezone.now())
        [entry] = open_gallery().context["gallery"].entries
        assert entry.state.value != "earned"

    @pytest.mark.parametrize(
        ("show", "names"),
        [
            ("all", {"Begun", "Had", "Locked"}),
            ("earned", {"Had"}),
            ("begun", {"Begun"}),
            ("locked", {"Locked"}),
            ("nonsense", {"Begun", "Had", "Locked"}),
        ],
    )
    def test_tabs_narrow_it_and_keep_their_counts(self, learner, open_gallery, show, names):
        rule(learner, name="Begun", text="[{Subject:0, Count:4}]")
        rule(learner, name="Locked", text="[{Subject:0, Count:1, Passed:True}]")
        rule(learner, name="Had")
        LabInstanceFactory(user=learner)

        gallery = open_gallery(show=show).context["gallery"]

        assert {entry.achievement.name for shelf in gallery.shelves for entry in shelf.entries} == names
        assert [(name, count) for name, _label, count, _chosen in gallery.tabs] == [
            ("all", 3),
            ("earned", 1),
            ("begun", 1),
            ("locked", 1),
        ]

    def test_a_long_category_opens_on_demand(self, learner, open_gallery):
        for number in range(12):
            rule(learner, name=f"Number {number:02}", category="Courses")
        response = open_gallery()
        [shelf] = response.context["gallery"].shelves
        assert (len(shelf.entries), shelf.left_out) == (9, 3)
        assert "Show all 12 of Courses" in words(response)
        [shelf] = open_gallery(open="Courses").context["gallery"].shelves
        assert (len(shelf.entries), shelf.left_out) == (12, 0)

    def test_nothing_at_all_says_so(self, open_gallery):
        assert "Nothing to display, yet." in words(open_gallery())

    def test_a_tab_without_anything_says_so(self, learner, open_gallery):
        rule(learner)
        assert "Nothing to display, yet." in words(open_gallery(show="earned"))

    def test_texts_of_others_are_escaped(self, learner, open_gallery):
        rule(learner, name="<script>alert(1)</script>", description="<b>x</b>", category="<i>y</i>")
        page = open_gallery().content.decode()
        for bad in ("<script>alert", "<b>x", "<i>y"):
            assert bad not in page


class TestWhoMaySee:
    def test_administrators_see_all_of_it(self, client, learner):
        rule(learner, name="Own", text="[{Subject:0, Count:4}]")
        client.force_login(AdministratorFactory(organization=learner.organization))
        page = words(client.get(url_of(learner)))
        assert "Achievements of Ada Lovelace" in page
        assert "Own" in page

    def test_for_anybody_else_it_does_not_exist(self, client, learner):
        achievement = rule(learner)
        for stranger in (UserFactory(organization=learner.organization), AdministratorFactory()):
            client.force_login(stranger)
            assert client.get(url_of(learner)).status_code == 404
            assert client.get(why_of(learner, achievement)).status_code == 404

    def test_members_see_what_she_shows_and_nothing_of_what_is_missing(self, client, learner):
        home = learner.organization
        home.allow_member_profiles = True
        gates.save_organization(home)
        MemberProfile.objects.create(user=learner, shown_in=home)
        badge = BadgeFactory(organization=home)
        rule(learner, name="Shown")
        rule(learner, name="Hidden", badge=badge)
        begun = rule(learner, name="Begun", text="[{Subject:0, Count:4}]")
        rule(learner, name="Locked", text="[{Subject:0, Count:1, Passed:True}]")
        LabInstanceFactory(user=learner)
        settle()
        BadgePresentation.objects.create(
            issued_badge=IssuedBadge.objects.get(learner=learner, badge=badge), is_hidden=True
        )
        User.objects.filter(pk=learner.pk).update(first_name="", last_name="")
        client.force_login(UserFactory(organization=home))

        response = client.get(url_of(learner))
        page = words(response)

        assert "Shown" in page
        for kept in ("Hidden", "Begun", "Locked", "Why not yet", "Progress as of", learner.email):
            assert kept not in page
        assert "Achievements of A member" in page
        assert client.get(why_of(learner, begun)).status_code == 404
        assert not Look.objects.exists()

    def test_who_does_not_participate_is_shown_nothing(self, client, learner):
        achievement = rule(learner, name="Own")
        LabInstanceFactory(user=learner)
        settle()
        gates.opt_out(learner)
        assert "Own" not in words(client.get(url_of(learner)))
        assert client.get(why_of(learner, achievement)).status_code == 404


class TestDialog:
    def test_the_card_of_a_profile_opens_it(self, client, learner):
        page = client.get(reverse("member", args=[learner.pk])).content.decode()
        assert f'hx-get="{url_of(learner)}"' in page
        assert 'hx-target="#full-achievements"' in page
        assert 'id="full-achievements"' in page
        assert "achievements/gallery.css" in page
        assert "achievements/gallery.js" in page

    def test_htmx_gets_what_fills_the_dialog(self, client, learner):
        answer = client.get(url_of(learner), headers=HTMX).content.decode()
        assert "<html" not in answer
        assert 'id="gallery-title"' in answer
        assert "data-closes" in answer

    def test_its_tabs_get_the_part_alone(self, client, learner):
        answer = client.get(url_of(learner), headers=INSIDE).content.decode()
        assert "gallery-title" not in answer
        assert 'id="gallery"' in answer

    def test_it_is_never_cached_as_the_page(self, client, learner):
        assert {"HX-Request", "HX-Target"} <= {
            name.strip() for name in client.get(url_of(learner))["Vary"].split(",")
        }

    def test_it_watches_until_its_progress_is_worked_out(self, client, learner):
        rule(learner, text="[{Subject:0, Count:4}]")
        LabInstanceFactory(user=learner)
        evaluation.award_changes()
        first = client.get(url_of(learner))
        gallery = first.context["gallery"]
        assert gallery.is_moving
        assert "is being worked out" in words(first)
        assert gallery.fingerprint in first.content.decode()
        same = client.get(url_of(learner), {"seen": gallery.fingerprint}, headers=INSIDE)
        assert (same.status_code, same.content) == (204, b"")

        work_out()

        news = client.get(url_of(learner), {"seen": gallery.fingerprint}, headers=INSIDE)
        assert news.status_code == 200
        assert "every 2s" not in news.content.decode()
        assert "1 of 4" in words(news)
        assert "Progress as of" in words(news)

    def test_older_numbers_are_shown_with_their_moment_while_newer_are_on_their_way(
        self, client, learner, open_gallery
    ):
        rule(learner, text="[{Subject:0, Count:4}]")
        LabInstanceFactory(user=learner)
        open_gallery()
        LabInstanceFactory(user=learner)

        page = words(client.get(url_of(learner)))

        assert "1 of 4" in page
        assert "newer numbers appear here by themselves" in page


class TestWhyNotYet:
    def test_condition_by_condition(self, client, learner, open_gallery):
        lab = LabFactory(name="Three tiers", organization=learner.organization)
        achievement = rule(
            learner,
            text=f"[{{Subject:0, Count:4}}, {{Any:[{{Subject:60, Days:3}}, {{Subject:0, LabProfileIds:[{lab.pk}], Complete:True}}]}}]",
        )
        LabInstanceFactory.create_batch(4, user=learner)
        open_gallery()

        page = words(client.get(why_of(learner, achievement), headers=HTMX))

        assert "Met so far: 1 of 2." in page
        assert "Launch 4 labs (the same one may count again) done" in page
        assert "Any of these 0 of 1" in page
        assert "Be active on 3 days in a row 1 of 3" in page
        assert "Complete the lab “Three tiers” 0 of 1" in page

    def test_as_a_page_for_itself(self, client, learner, open_gallery):
        achievement = rule(learner, name="Far away", text="[{Subject:0, Count:4}]")
        open_gallery()
        page = client.get(why_of(learner, achievement)).content.decode()
        assert "<html" in page
        assert "Far away" in page

    def test_what_is_earned_says_so(self, client, learner):
        achievement = rule(learner)
        LabInstanceFactory(user=learner)
        settle()
        assert "Earned." in words(client.get(why_of(learner, achievement), headers=HTMX))

    def test_places_that_are_taken_are_told(self, client, learner):
        achievement = rule(learner, frequency_type=Achievement.FrequencyType.PER_ACHIEVEMENT)
        LabInstanceFactory(user=UserFactory(organization=learner.organization))
        backfill.award_due()
        assert "All places are taken." in words(client.get(why_of(learner, achievement), headers=HTMX))

    def test_a_day_that_somebody_else_has_is_told_with_the_next_one_that_is_free(
        self, client, learner, open_gallery, django_assert_max_num_queries
    ):
        achievement = rule(learner, frequency=3, frequency_type=Achievement.FrequencyType.PER_DAY)
        LabInstanceFactory(user=UserFactory(organization=learner.organization))
        LabInstanceFactory(user=learner, started_at=PAST + timedelta(days=1))
        settle()
        backfill.award_due()
        open_gallery()

        with django_assert_max_num_queries(12):
            page = words(client.get(why_of(learner, achievement), headers=HTMX))

        assert "Everything holds, but it is somebody else&#x27;s until March 5, 2026" in page

    def test_what_is_missing_on_her_profile_leads_there(self, client, learner):
        on_profile = rule(learner, "[{Subject:50, Kinds:[profile_picture_added]}]")
        elsewhere = rule(learner, "[{Subject:0, Count:4}]")
        edit = f'href="{reverse("own-profile")}"'

        assert edit in client.get(why_of(learner, on_profile), headers=HTMX).content.decode()
        assert edit not in client.get(why_of(learner, elsewhere), headers=HTMX).content.decode()
        client.force_login(AdministratorFactory(organization=learner.organization))
        assert edit not in client.get(why_of(learner, on_profile), headers=HTMX).content.decode()

    def test_a_rule_that_rests_says_so(self, client, learner):
        achievement = rule(learner)
        Achievement.objects.filter(pk=achievement.pk).update(paused_at=timezone.now())
        assert "cannot be earned at the moment" in words(client.get(why_of(learner, achievement)))

    def test_what_is_out_of_reach_is_not_found(self, client, learner):
        assert client.get(why_of(learner, AchievementFactory())).status_code == 404
        assert client.get(why_of(learner, rule(learner, enabled=False))).status_code == 404

    def test_it_takes_few_queries_whatever_the_rule_names(
        self, client, learner, open_gallery, django_assert_max_num_queries
    ):
        home = learner.organization
        lab, course = LabFactory(organization=home), CourseFactory(organization=home)
        tag, other = CourseTagFactory(organization=home), rule(learner)
        achievement = rule(
            learner,
            text=f"[{{Subject:0, LabProfileIds:[{lab.pk}]}}, {{Subject:10, CourseIds:[{course.pk}]}},"
            f" {{Subject:20, CourseTagIds:[{tag.pk}]}}, {{Subject:40, AchievementIds:[{other.pk}]}}]",
        )
        open_gallery()
        with django_assert_max_num_queries(12):
            client.get(why_of(learner, achievement))


class TestCourses:
    def test_milestones_stand_under_the_courses_that_they_name(self, learner, open_gallery):
        home = learner.organization
        course = CourseFactory(name="Cloud", organization=home)
        CourseFactory(name="Unnamed", organization=home)
        rule(learner, f"[{{Subject:10, Count:1, CourseIds:[{course.pk}], Complete:True}}]", name="Cloudy")
        rule(learner, name="Elsewhere")

        response = open_gallery()

        [found] = response.context["courses"]
        assert (found.course.name, [entry.achievement.name for entry in found.entries]) == (
            "Cloud",
            ["Cloudy"],
        )
        assert "Cloud Not started Cloudy Locked" in words(response)

    def test_with_how_far_the_learner_is_in_the_course(self, learner, open_gallery):
        home = learner.organization
        course = CourseFactory(name="Cloud", organization=home)
        section = CourseSectionFactory(course=course)
        labs = LabFactory.create_batch(2, organization=home)
        for lab in labs:
            CourseActivityFactory(section=section, kind="lab", lab=lab)
        rule(learner, f"[{{Subject:10, Count:1, CourseIds:[{course.pk}], Complete:True}}]")
        assignment = CourseAssignmentFactory(user=learner, course=course)
        for lab, is_done in zip(labs, (True, False), strict=True):
            progress.save(
                LabInstance(
                    user=learner,
                    lab=lab,
                    course_assignment=assignment,
                    started_at=PAST,
                    completed_at=PAST + timedelta(hours=1) if is_done else None,
                )
            )
        assert "50&nbsp;% complete" in words(open_gallery())

    def test_a_course_without_contents_is_started_or_completed(self, learner, open_gallery):
        course = CourseFactory(organization=learner.organization)
        rule(learner, f"[{{Subject:10, Count:1, CourseIds:[{course.pk}], Complete:True}}]")
        assignment = CourseAssignmentFactory(user=learner, course=course)
        assert "Started" in words(open_gallery())
        progress.complete_assignment(assignment, at=PAST + timedelta(days=1))
        assert "Completed March 3, 2026" in words(open_gallery())

    def test_more_courses_on_demand(self, learner, open_gallery):
        for course in CourseFactory.create_batch(10, organization=learner.organization):
            rule(learner, f"[{{Subject:10, Count:1, CourseIds:[{course.pk}]}}]")
        assert "Show 2 more courses" in words(open_gallery())
        assert len(open_gallery(courses="all").context["courses"]) == 10


class TestDoings:
    def test_people_are_counted_once_and_never_oneself(self, learner, open_gallery):
        friends = UserFactory.create_batch(2, organization=learner.organization)
        rule(learner)
        for other in (*friends, friends[0], learner):
            ActivityFactory(user=learner, kind="learner_helped", other_user=other)
            ActivityFactory(user=learner, kind="reaction_received", other_user=other)
        ActivityFactory(user=learner, kind="reaction_received")
        ActivityFactory(user=learner, kind="post_published")

        response = open_gallery()

        told = {deed.kind: (deed.number, deed.people) for deed in response.context["doings"].deeds}
        assert told == {
            "post_published": (1, 0),
            "comment_added": (0, 0),
            "reaction_received": (4, 2),
            "learner_helped": (2, 2),
        }
        assert "Reactions 4 from 2 people" in words(response)

    def test_a_rule_over_days_shows_the_last_eight_weeks(self, learner, open_gallery):
        rule(learner, "[{Subject:60, Days:5}]")
        today = timezone.localdate()
        for days in (1, 2, 4, 400):
            LabInstanceFactory(user=learner, started_at=timezone.now() - timedelta(days=days))

        response = open_gallery()

        calendar = response.context["calendar"]
        assert calendar.active == {today - timedelta(days=days) for days in (0, 1, 2, 4)}
        assert (calendar.current, calendar.longest) == (3, 3)
        assert "3 days in a row" in words(response)
        assert "Active on 4 days since" in response.content.decode()

    def test_without_such_a_rule_there_is_no_calendar(self, learner, open_gallery):
        rule(learner)
        assert open_gallery().context["calendar"] is None


@pytest.mark.parametrize("earned", [0, 500])
def test_it_takes_at_most_twelve_queries(client, learner, open_gallery, earned):
    home = learner.organization
    courses = CourseFactory.create_batch(3, organization=home)
    texts = [
        *(f"[{{Subject:10, Count:1, CourseIds:[{course.pk}], Complete:True}}]" for course in courses),
        "[{Subject:0, Count:4}]",
        "[{Subject:60, Days:9}]",
        "[{Subject:50, Kinds:[post_published], Count:5}]",
    ]
    forms = [(text, language.canonical(language.read(text))) for text in texts]
    achievements = Achievement.objects.bulk_create(
        Achievement(
            name=f"Achievement {number:03}",
            organization=home,
            category=("Courses", "Community", "")[number % 3],
            conditions_text=forms[number % len(forms)][0],
            conditions=forms[number % len(forms)][1],
            rule_version=1,
            points=1,
        )
        for number in range(800)
    )
    EarnedAchievement.objects.bulk_create(
        EarnedAchievement(
            learner=learner,
            achievement=achievement,
            earned_at=PAST,
            earned_day=PAST.date(),
            points=1,
            rule_version=1,
        )
        for achievement in achievements[:earned]
    )
    ActivityFactory(user=learner)
    LabInstanceFactory(user=learner)
    ProgressChange.objects.all().delete()
    client.get(url_of(learner))
    work_out()

    for asked in ({}, {"show": "locked"}, {"open": "Courses"}, {"courses": "all"}):
        with CaptureQueriesContext(connection) as queries:
            response = client.get(url_of(learner), asked)
        assert len(queries) <= 12, [query["sql"] for query in queries]
        assert len(response.context["gallery"].entries) == 800
        assert response.context["gallery"].earned == earned
    assert Begun.objects.filter(learner=learner).exists()
