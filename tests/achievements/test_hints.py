"""Hints about what a rule names: out of reach, or unable to count. They stop nobody."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from achievements.authoring import save_achievement
from achievements.conditions.language import read
from achievements.hints import remarks, rules_with_hints
from achievements.models import Achievement
from achievements.preview import preview
from tests.factories import (
    AchievementFactory,
    CourseAssignmentFactory,
    CourseFactory,
    CourseTagFactory,
    LabFactory,
    LabInstanceFactory,
    OrganizationFactory,
    SubscriptionFactory,
    SubscriptionProfileFactory,
    UserFactory,
)

pytestmark = pytest.mark.django_db


@pytest.fixture
def above():
    return OrganizationFactory(name="Above")


@pytest.fixture
def north(above):
    return OrganizationFactory(name="North", parent=above)


@pytest.fixture
def south():
    return OrganizationFactory(name="South")


def hints(organization, conditions, **given):
    """code → message of what saving tells besides what the text alone shows."""
    achievement = AchievementFactory.build(organization=organization, conditions_text=conditions, **given)
    rule = save_achievement(achievement)
    assert Achievement.objects.filter(pk=achievement.pk).exists()
    by_text = {hint.code for hint in read(conditions).hints}
    return {hint.code: hint.message for hint in rule.hints if hint.code not in by_text}


# --- Out of reach -------------------------------------------------------------------------------------------

MAKERS = {
    "LabProfileIds": (LabFactory, 0),
    "CourseIds": (CourseFactory, 10),
    "ClubIds": (SubscriptionProfileFactory, 30),
}


@pytest.mark.parametrize("key", MAKERS)
def test_what_belongs_to_another_organization_is_out_of_reach(above, north, south, key):
    make, subject = MAKERS[key]
    own, shared, foreign = (make(organization=owner) for owner in (north, above, south))
    below = make(organization=OrganizationFactory(parent=north))
    within = f"[{{Subject:{subject}, Count:1, {key}:[{own.pk},{shared.pk}]}}]"
    beyond = f"[{{Subject:{subject}, Count:1, {key}:[{own.pk},{foreign.pk}]}}]"
    assert hints(north, within) == {}
    assert hints(north, beyond) == {
        "out_of_reach": f"“{foreign.name}” ({foreign.pk}) belongs to another organization, and no learner of North"
        " has ever taken it. What others did counts only if the achievement is global."
    }
    assert "out_of_reach" in hints(north, f"[{{Subject:{subject}, Count:1, {key}:[{below.pk}]}}]")
    assert hints(north, beyond, is_global=True) == {}
    assert hints(south, f"[{{Subject:{subject}, Count:1, {key}:[{foreign.pk}]}}]") == {}


def test_what_its_learners_have_taken_all_the_same_is_within_reach(north, south):
    ada = UserFactory(organization=north)
    lab, course = LabFactory(organization=south), CourseFactory(organization=south)
    LabInstanceFactory(user=ada, lab=lab)
    CourseAssignmentFactory(user=ada, course=course)
    profile = SubscriptionFactory(user=ada).subscription_profile
    profile.organization = south
    profile.save()
    named = (
        f"{{LabProfileIds:[{lab.pk}]}}, {{Subject:10, CourseIds:[{course.pk}]}},"
        f"{{Subject:30, ClubIds:[{profile.pk}]}}"
    )
    assert hints(north, f"[{named}]") == {}


def test_what_is_excluded_need_not_be_reached(north, south):
    lab = LabFactory(organization=south)
    assert hints(north, f"[{{Count:1, ExcludeLabProfileIds:[{lab.pk}]}}]") == {}


class TestAchievementsOfOthers:
    @pytest.fixture
    def of_south(self, south):
        return AchievementFactory(organization=south, name="Theirs")

    def asks_for(self, achievement):
        return f"[{{Subject:40, AchievementIds:[{achievement.pk}]}}]"

    def test_they_cannot_be_earned(self, north, of_south):
        assert hints(north, self.asks_for(of_south)) == {
            "out_of_reach": f"“Theirs” ({of_south.pk}) belongs to another organization: learners of North cannot earn it."
        }

    def test_not_even_those_of_the_organization_above(self, above, north):
        assert set(hints(north, self.asks_for(AchievementFactory(organization=above)))) == {"out_of_reach"}

    @pytest.mark.parametrize("takes_part", [True, False])
    def test_but_for_global_ones_where_it_takes_part(self, north, of_south, takes_part):
        Achievement.objects.filter(pk=of_south.pk).update(is_global=True)
        north.participate_in_global_achievements = takes_part
        north.save()
        assert ("out_of_reach" in hints(north, self.asks_for(of_south))) is not takes_part

    @pytest.mark.parametrize("ticked", [True, False])
    def test_but_for_those_that_name_courses_where_some_are_open_to_others(self, north, south, ticked):
        course = CourseFactory(organization=south, achievements_for_outside_organizations=ticked)
        naming = AchievementFactory(
            organization=south, conditions_text=f"[{{Subject:10, CourseIds:[{course.pk}]}}]"
        )
        plain = AchievementFactory(organization=south)
        assert ("out_of_reach" in hints(north, self.asks_for(naming))) is not ticked
        assert "out_of_reach" in hints(north, self.asks_for(plain))

    def test_but_for_those_that_its_learners_hold(self, north, of_south):
        moment = datetime(2026, 3, 2, tzinfo=UTC)
        of_south.earned.create(
            learner=UserFactory(organization=north),
            earned_at=moment,
            earned_day=moment.date(),
            points=1,
            rule_version=1,
        )
        assert hints(north, self.asks_for(of_south)) == {}


# --- Unable to count ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("asked", "is_told"),
    [("Passed:true", True), ("MinScorePercent:0", True), ("Complete:true", False), ("Passed:false", False)],
)
def test_results_are_asked_of_exams(north, asked, is_told):
    exam = LabFactory(organization=north, is_exam=True)
    one, two = (LabFactory(organization=north, name=name) for name in ("One", "Two"))
    rule = "[{{Count:3, LabProfileIds:[{}], Distinct:true, {}}}]".format
    found = hints(north, rule(f"{exam.pk},{one.pk},{two.pk}", asked))
    told = f"“One” ({one.pk}), “Two” ({two.pk}) are no exams: they are neither passed nor scored."
    assert found == ({"not_an_exam": told} if is_told else {})
    assert "not_an_exam" not in hints(north, rule(f"{exam.pk}", asked))


def test_what_is_disabled_unfinished_or_unused_is_told(north):
    off = AchievementFactory(organization=north, name="Off", enabled=False)
    draft = CourseFactory(organization=north, name="Draft", publishing_group="")
    tag = CourseTagFactory(organization=north, name="Bare")
    used = CourseTagFactory(organization=north)
    CourseFactory(organization=north, tags=[used])
    assert hints(north, f"[{{Subject:40, AchievementIds:[{off.pk}]}}]") == {
        "not_enabled": f"“Off” ({off.pk}) is not enabled: only those who have earned it already meet this."
    }
    assert hints(north, f"[{{Subject:10, CourseIds:[{draft.pk}]}}]") == {
        "not_schedulable": f"“Draft” ({draft.pk}) cannot be set up for training: it needs a content provider"
        " and a publishing group."
    }
    assert hints(north, f"[{{Subject:20, CourseTagIds:[{tag.pk},{used.pk}]}}]") == {
        "unused_tag": f"No course has the tag “Bare” ({tag.pk})."
    }


# --- Where and how it is told -------------------------------------------------------------------------------


def test_each_is_told_where_its_key_stands(north, south):
    lab, course = LabFactory(organization=north), CourseFactory(organization=south)
    text = (
        f"[{{Count:1, Passed:true,\n  LabProfileIds:[{lab.pk}]}},\n"
        f" {{Any:[{{Subject:10, Count:1, courseids:{course.pk}}}]}}]"
    )
    rule = save_achievement(AchievementFactory.build(organization=north, conditions_text=text))
    assert [(hint.code, hint.line, hint.column, hint.pointer) for hint in rule.hints] == [
        ("not_an_exam", 2, 3, "/0/LabProfileIds"),
        ("out_of_reach", 3, 30, "/1/Any/0/CourseIds"),
    ]


def test_of_many_the_first_are_named(north):
    labs = LabFactory.create_batch(7, organization=north, name="Plain")
    ids = [lab.pk for lab in labs]
    message = hints(north, f"[{{Count:7, Distinct:true, Passed:true, LabProfileIds:{ids}}}]")["not_an_exam"]
    assert message.count("“Plain”") == 5
    assert "and 2 more are no exams" in message


def test_a_preview_tells_them_too(north, south):
    lab = LabFactory(organization=south)
    draft = AchievementFactory.build(
        organization=north, conditions_text=f"[{{Count:1, LabProfileIds:[{lab.pk}]}}]"
    )
    assert "out_of_reach" in {hint.code for hint in preview(draft).hints}


def test_many_rules_are_looked_up_at_once(north, south):
    def rules(count):
        return [
            AchievementFactory(
                organization=owner,
                conditions_text=f"[{{LabProfileIds:[{LabFactory(organization=south).pk}], Passed:true}},"
                f" {{Subject:40, AchievementIds:[{AchievementFactory(organization=north).pk}]}}]",
            )
            for owner in (north, south)
            for _ in range(count)
        ]

    counts = []
    for rows in (rules(1), rules(5)):
        fresh = list(Achievement.objects.filter(pk__in=[row.pk for row in rows]))
        with CaptureQueriesContext(connection) as queries:
            found = rules_with_hints(fresh)
        assert all(rule.hints for rule in found)
        counts.append(len(queries))
    assert counts[0] == counts[1]


def test_a_rule_that_names_nothing_asks_no_query(north):
    achievement = AchievementFactory(organization=north, conditions_text="[{Count:3}]")
    with CaptureQueriesContext(connection) as queries:
        assert remarks([achievement]) == [()]
    assert len(queries) == 0


def test_a_text_that_cannot_be_read_any_more_tells_why(north):
    broken = AchievementFactory.build(organization=north, conditions_text="[{Subject:99}]")
    sound = AchievementFactory.build(organization=north, conditions_text="{Count:1}")
    assert [[remark.code for remark in told] for told in remarks([broken, sound])] == [
        ["unknown_subject"],
        ["list_of_one"],
    ]
