"""Rules in plain words. Names of things are Greek letters here, so that forgotten marks show in brackets."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import replace
from itertools import chain, product
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import translation
from hypothesis import HealthCheck, given, settings

from achievements.conditions.explain import Outline, in_words, outline, sentence, sentences
from achievements.conditions.language import (
    KINDS,
    Condition,
    ConditionError,
    Group,
    Rule,
    Subject,
    canonical,
    read,
)
from achievements.conditions.names import Names, names_of
from tests.achievements.conditions.test_language import (
    ACCEPTED,
    asks_something,
    clashes,
    conditions,
    written_rules,
)
from tests.factories import (
    AchievementFactory,
    CourseFactory,
    CourseTagFactory,
    LabFactory,
    OrganizationFactory,
)
from tests.test_translations import brackets, unmarked  # noqa: F401
from tms.models import SubscriptionProfile

GREEK = ("Άλφα", "Βήτα", "Γάμμα", "Δέλτα", "Έψιλον", "Ζήτα", "Ήτα", "Θήτα")
NAMES = Names(
    {
        "LabProfileIds": dict(enumerate(GREEK, start=1))
        | {12345: "Three tiers", 23456: "Queues", 98765: "Firewalls", 13578: "Cloud exam", 54671: "Path exam"}
        | {11223: "Subnets", 11224: "Routes"},
        "CourseIds": dict(enumerate(GREEK, start=1))
        | {2345: "Networks", 1583: "One", 1584: "Two", 1585: "Three", 1586: "Four"},
        "CourseTagIds": dict(enumerate(GREEK, start=1)) | {59: "Cloud"},
        "ClubIds": dict(enumerate(GREEK, start=1)) | {551: "All you can learn"},
        "AchievementIds": dict(enumerate(GREEK, start=1)) | {10: "A", 11: "B", 12: "C"},
    }
)


def told(text: str) -> str:
    return sentence(read(text), NAMES)


# ── documented examples ──────────────────────────────────────────────────────────────────────────────────

DOCUMENTED = {
    "1": ["Launch a lab"],
    "2": ["Launch the labs “Three tiers” and “Queues”"],
    "3": ["Complete the lab “Firewalls”"],
    "4": ["Complete the course “Networks”"],
    "5": ["Complete 3 courses tagged “Cloud” (the same one may count again)"],
    "6": [
        "Complete the course “One”, “Two”, “Three” or “Four” 4 times in all (the same one may count again)",
        "Pass the exam “Path exam”",
    ],
    "7": ["Collect 500 points"],
    "9a": ["Launch 2 labs (the same one may count again)"],
    "9b": ["Launch 2 different labs"],
    "9c": ["Launch 3 labs on a single day (the same one may count again)"],
    "9d": ["Complete the lab “Three tiers”"],
    "9e": ["Pass the exam “Cloud exam”"],
    "9f": ["Collect 100 points"],
    "10": ["Complete a course taken through the subscription “All you can learn”"],
    "11": ["Pass the exam “Three tiers”"],
    "12": ["Complete the lab “Subnets” or “Routes”", "Pass the exam “Three tiers”"],
}


@pytest.mark.parametrize(("text", "read_as"), ACCEPTED)
def test_documented_examples(text: str, read_as: Any, request: pytest.FixtureRequest) -> None:
    assert sentences(read(text), NAMES) == DOCUMENTED[request.node.callspec.id]


@pytest.mark.parametrize(
    ("corrected", "expected"),
    [
        pytest.param(
            "[{Subject:40, AchievementIds:[10,11,12]}]", "Earn the achievements “A”, “B” and “C”", id="8"
        ),
        pytest.param('[{"Subject": 0, "Count": 1}]', "Launch a lab", id="13"),
    ],
)
def test_documented_examples_that_were_corrected(corrected: str, expected: str) -> None:
    assert told(corrected) == expected


# ── every feature ────────────────────────────────────────────────────────────────────────────────────────

FEATURES = {
    # How many, and of what
    "[{Count:10000, Distinct:true}]": "Launch 10,000 different labs",
    "[{Count:1, Distinct:true}]": "Launch a lab",
    "[{Count:3, LabProfileIds:[1]}]": "Launch the lab “Άλφα” 3 times in all",
    "[{Count:4, LabProfileIds:[1,2], Complete:true}]": (
        "Complete the lab “Άλφα” or “Βήτα” 4 times in all (the same one may count again)"
    ),
    "[{Count:1, LabProfileIds:[1,2,3]}]": "Launch the lab “Άλφα”, “Βήτα” or “Γάμμα”",
    "[{Count:2, Distinct:true, LabProfileIds:[1,2,3]}]": "Launch 2 of 3 labs (“Άλφα”, “Βήτα” and “Γάμμα”)",
    "[{Count:1, LabProfileIds:[1,2,3,4,5]}]": ("Launch the lab “Άλφα”, “Βήτα”, “Γάμμα”, “Δέλτα” or “Έψιλον”"),
    "[{Count:1, LabProfileIds:[1,2,3,4,5,6]}]": ("Launch the lab “Άλφα”, “Βήτα”, “Γάμμα”, “Δέλτα” or 2 more"),
    f"[{{Count:5, Distinct:true, LabProfileIds:{list(range(1, 41))}}}]": (
        "Launch 5 of 40 labs (“Άλφα”, “Βήτα”, “Γάμμα”, “Δέλτα” and 36 more)"
    ),
    "[{Count:3, Distinct:true, LabProfileIds:[1,2]}]": "Launch 3 of 2 labs (“Άλφα” and “Βήτα”)",
    "[{Count:2, Distinct:true, LabProfileIds:[1]}]": "Launch 2 of 1 lab (“Άλφα”)",
    "[{LabProfileIds:[1,700]}]": "Launch the lab “Άλφα” or no. 700 (deleted)",
    # Completed, passed, with how much
    "[{Count:2, Passed:true}]": "Pass 2 exams (the same one may count again)",
    "[{Count:1, Passed:true, Complete:true}]": "Complete and pass an exam",
    "[{Count:2, Passed:true, Complete:true, LabProfileIds:[1,2], Distinct:true}]": (
        "Complete and pass the exams “Άλφα” and “Βήτα”"
    ),
    "[{LabProfileIds:[1], Passed:true, MinScorePercent:80}]": (
        "Pass the exam “Άλφα” with a score of at least 80%"
    ),
    "[{Count:2, Distinct:true, MinScorePercent:0}]": ("Launch 2 different labs, each with any score"),
    "[{Count:1, MinMinutesSpent:60}]": "Launch a lab, spending at least 1 hour in it",
    "[{Count:2, Distinct:true, MinMinutesSpent:90}]": (
        "Launch 2 different labs, spending at least 90 minutes in each"
    ),
    "[{Count:1, MinScorePercent:0}]": "Launch a lab with any score",
    "[{Count:3, LabProfileIds:[1], MinScorePercent:80}]": (
        "Launch the lab “Άλφα” 3 times in all, each time with a score of at least 80%"
    ),
    "[{Count:3, LabProfileIds:[1,2], MinScorePercent:0, MinMinutesSpent:30, SingleDay:true}]": (
        "Launch the lab “Άλφα” or “Βήτα” 3 times in all on a single day, each time with any score,"
        " spending at least 30 minutes in it each time (the same one may count again)"
    ),
    # Time in all
    "[{Minutes:600}]": "Spend 10 hours in labs",
    "[{Minutes:1}]": "Spend 1 minute in labs",
    "[{Minutes:600, LabProfileIds:[1,2], Complete:true, WithinDays:7}]": (
        "Spend 10 hours in the labs “Άλφα” and “Βήτα” within 7 days, counting only labs that you complete"
    ),
    "[{Minutes:60, Passed:true}]": "Spend 1 hour in labs, counting only exams that you pass",
    "[{Minutes:60, Passed:true, Complete:true, MinMinutesSpent:30}]": (
        "Spend 1 hour in labs, spending at least 30 minutes in each,"
        " counting only exams that you complete and pass"
    ),
    "[{Subject:10, Minutes:90, CourseIds:[3]}]": "Spend 90 minutes in the course “Γάμμα”",
    "[{Subject:20, Minutes:90, CourseTagIds:[3], Complete:true}]": (
        "Spend 90 minutes in courses tagged “Γάμμα”, counting only courses that you complete"
    ),
    "[{Subject:30, Minutes:90}]": "Spend 90 minutes in courses taken through a subscription",
    "[{Subject:40, Minutes:90}]": "Spend 90 minutes earning achievements",
    "[{Subject:50, Minutes:90, Kinds:[lesson_completed]}]": "Spend 90 minutes on “Complete a lesson”",
    "[{Subject:50, Minutes:90, DistinctPeople:true}]": (
        "Spend 90 minutes on activities, counting only what involves another person"
    ),
    # When
    "[{Count:2, Distinct:true, SingleDay:true, WithinDays:9}]": "Launch 2 different labs on a single day",
    "[{Count:2, Distinct:true, WithinDays:9}]": "Launch 2 different labs within 9 days",
    "[{Count:2, Distinct:true, WithinDays:1}]": "Launch 2 different labs on a single day",
    "[{Count:1, SingleDay:true}]": "Launch a lab",
    "[{Count:1, After:2026-03-01}]": "Launch a lab on or after March 1, 2026",
    "[{Count:1, Before:2026-06-30}]": "Launch a lab by June 30, 2026",
    "[{Count:1, Before:2026-06-30T18:30}]": "Launch a lab by June 30, 2026, 6:30 p.m.",
    "[{Count:1, After:2026-06-30T18:30+02:00}]": "Launch a lab on or after June 30, 2026, 4:30 p.m. UTC",
    # Courses
    "[{Subject:10, Count:1}]": "Be enrolled in or assigned to a course",
    "[{Subject:10, Count:2}]": "Be enrolled in or assigned to 2 courses (the same one may count again)",
    "[{Subject:10, Count:2, Distinct:true}]": "Be enrolled in or assigned to 2 different courses",
    "[{Subject:10, CourseIds:[1]}]": "Be enrolled in or assigned to the course “Άλφα”",
    "[{Subject:10, Count:2, CourseIds:[1,2], Distinct:true}]": (
        "Be enrolled in or assigned to the courses “Άλφα” and “Βήτα”"
    ),
    "[{Subject:10, Count:2, CourseIds:[1,2,3], Distinct:true, Complete:true}]": (
        "Complete 2 of 3 courses (“Άλφα”, “Βήτα” and “Γάμμα”)"
    ),
    "[{Subject:20, Count:3, Distinct:true, Complete:true, CourseTagIds:[59],"
    " After:2026-03-01, Before:2026-06-30}]": (
        "Complete 3 different courses tagged “Cloud” between March 1, 2026 and June 30, 2026"
    ),
    "[{Subject:20, CourseTagIds:[1,2]}]": "Be enrolled in or assigned to a course tagged “Άλφα” or “Βήτα”",
    "[{Subject:20, Count:1, Complete:true}]": "Complete a course",
    "[{Subject:20, CourseIds:[1], CourseTagIds:[2], Complete:true}]": (
        "Complete the course “Άλφα”, only where tagged “Βήτα”"
    ),
    "[{Subject:30, Count:2, Distinct:true, Complete:true}]": (
        "Complete 2 different courses taken through a subscription"
    ),
    "[{Subject:30, ClubIds:[1,2]}]": (
        "Be enrolled in or assigned to a course taken through the subscription “Άλφα” or “Βήτα”"
    ),
    # Achievements and points
    "[{Subject:40, Count:1}]": "Earn an achievement",
    "[{Subject:40, Count:3, Distinct:true}]": "Earn 3 different achievements",
    "[{Subject:40, Count:3}]": "Earn 3 achievements (the same one may count again)",
    "[{Subject:40, AchievementIds:[1]}]": "Earn the achievement “Άλφα”",
    "[{Subject:40, AchievementIds:[1,2], Count:1}]": "Earn the achievement “Άλφα” or “Βήτα”",
    "[{Subject:40, AchievementIds:[1,2,3], Count:2, Distinct:true}]": (
        "Earn 2 of 3 achievements (“Άλφα”, “Βήτα” and “Γάμμα”)"
    ),
    "[{Subject:40, Points:1}]": "Collect 1 point",
    "[{Subject:40, Points:2500, AchievementIds:[1]}]": "Collect 2,500 points from the achievement “Άλφα”",
    "[{Subject:40, Points:2500, AchievementIds:[1,2]}]": (
        "Collect 2,500 points from the achievements “Άλφα” and “Βήτα”"
    ),
    # Activities
    "[{Subject:50, Count:1}]": "Be active in any way",
    "[{Subject:50, Count:5}]": "Be active in any way 5 times",
    "[{Subject:50, Kinds:[profile_picture_added]}]": "Add a profile picture",
    "[{Subject:50, Kinds:[bio_completed]}]": "Complete your bio",
    "[{Subject:50, Kinds:[social_link_added], Count:2}]": "Add 2 social links",
    "[{Subject:50, Kinds:[profile_completed]}]": "Complete your profile",
    "[{Subject:50, Kinds:[lesson_completed], Count:20, CourseIds:[1,2]}]": (
        "Complete 20 lessons in the course “Άλφα” or “Βήτα”"
    ),
    "[{Subject:50, Kinds:[module_completed]}]": "Complete a module",
    "[{Subject:50, Kinds:[post_published], Count:3}]": "Publish 3 posts",
    "[{Subject:50, Kinds:[comment_added], Count:3, DistinctPeople:true}]": (
        "Write 3 comments, each time involving a different person"
    ),
    "[{Subject:50, Kinds:[comment_added], DistinctPeople:true}]": "Write a comment, involving another person",
    "[{Subject:50, Kinds:[reaction_received], Count:10}]": "Receive 10 reactions",
    "[{Subject:50, Kinds:[reaction_received], Count:10, DistinctPeople:true}]": (
        "Receive reactions from 10 different people"
    ),
    "[{Subject:50, Kinds:[reaction_received], DistinctPeople:true}]": (
        "Receive a reaction from another person"
    ),
    "[{Subject:50, Kinds:[learner_helped], Count:5}]": "Help learners 5 times",
    "[{Subject:50, Kinds:[learner_helped], Count:5, DistinctPeople:true}]": "Help 5 different people",
    "[{Subject:50, Kinds:[session], Count:5}]": "Be active on 5 days",
    "[{Subject:50, Kinds:[session], Count:5, SingleDay:true}]": "Sign in 5 times on a single day",
    "[{Subject:50, Kinds:['κουίζ']}]": "Do “κουίζ”",
    "[{Subject:50, Kinds:['κουίζ', post_published], Count:3, WithinDays:7}]": (
        "Do “Publish a post” or “κουίζ” 3 times in all within 7 days"
    ),
    # Streaks
    "[{Subject:60, Days:7}]": "Be active on 7 days in a row",
    "[{Subject:60, Days:1}]": "Be active on 1 day",
    "[{Subject:60, Days:7, Kinds:[lesson_completed, post_published]}]": (
        "Do “Complete a lesson” or “Publish a post” on 7 days in a row"
    ),
    # Exclusions
    "[{Count:1, ExcludeLabProfileIds:[1,2]}]": "Launch a lab, not counting the labs “Άλφα” and “Βήτα”",
    "[{Subject:20, Count:1, Complete:true, ExcludeCourseIds:[1], ExcludeCourseTagIds:[2]}]": (
        "Complete a course, not counting the course “Άλφα”, not counting courses tagged “Βήτα”"
    ),
    "[{Subject:30, Count:1, Complete:true, ExcludeClubIds:[1]}]": (
        "Complete a course taken through a subscription, not counting the subscription “Άλφα”"
    ),
    "[{Subject:40, Points:5, ExcludeAchievementIds:[1]}]": (
        "Collect 5 points, not counting the achievement “Άλφα”"
    ),
    # Groups
    "[{Any:[{Count:1}, {Subject:60, Days:7}]}]": ("Any of these: Launch a lab; Be active on 7 days in a row"),
    "[{AtLeast:2, Of:[{Count:1}, {Subject:40, Points:5}, {Subject:10, Count:1}]}]": (
        "At least 2 of these: Launch a lab; Collect 5 points; Be enrolled in or assigned to a course"
    ),
    "[{AtLeast:2, Of:[{Count:1}]}]": "At least 2 of these: Launch a lab",
    "[{Any:[{Count:1}]}]": "Launch a lab",
    "[{Count:1}, {Any:[{Subject:40, Points:5}, {All:[{Subject:60, Days:7}, {Subject:10, Count:1}]}]}]": (
        "All of these: Launch a lab; (Any of these: Collect 5 points; (All of these:"
        " Be active on 7 days in a row; Be enrolled in or assigned to a course))"
    ),
}


@pytest.mark.parametrize(("text", "expected"), FEATURES.items())
def test_every_feature_in_words(text: str, expected: str) -> None:
    assert told(text) == expected


def test_the_list_is_told_one_by_one_or_as_one() -> None:
    rule = read("[{Count:1}, {Any:[{Subject:40, Points:5}, {Subject:60, Days:7}]}]")

    assert sentences(rule, NAMES) == [
        "Launch a lab",
        "Any of these: Collect 5 points; Be active on 7 days in a row",
    ]
    assert sentence(rule, NAMES) == (
        "All of these: Launch a lab; (Any of these: Collect 5 points; Be active on 7 days in a row)"
    )


def test_groups_are_told_as_an_outline() -> None:
    rule = read(
        "[{Count:1}, {Any:[{All:[{Subject:40, Points:5}]}, {AtLeast:2, Of:[{Subject:60, Days:7}, {Count:1}, {Count:1}]}]}]"
    )

    found = outline(rule, NAMES)

    assert found == Outline(
        "All of these",
        (
            Outline("Launch a lab"),
            Outline(
                "Any of these",
                (
                    Outline("Collect 5 points"),
                    Outline(
                        "At least 2 of these",
                        (
                            Outline("Be active on 7 days in a row"),
                            Outline("Launch a lab"),
                            Outline("Launch a lab"),
                        ),
                    ),
                ),
            ),
        ),
    )
    assert found.sentence == sentence(rule, NAMES)
    assert outline(read("[{Count:1}]"), NAMES) == Outline("Launch a lab")


def test_of_a_rule_without_conditions_nothing_is_told() -> None:
    assert (told("[]"), sentences(read("[]"), NAMES), outline(read("[]"), NAMES)) == ("", [], Outline(""))


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_of_our_own_has_words(kind: str) -> None:
    assert kind not in told(f"[{{Subject:50, Kinds:[{kind}], Count:3}}]")


# ── names ────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.django_db
def test_names_of_everything_take_two_queries_however_many_rules_and_kinds_there_are() -> None:
    organization = OrganizationFactory.create()
    lab, other_lab = LabFactory.create(name="Three tiers"), LabFactory.create(name="Queues")
    course, tag = CourseFactory.create(name="Networks"), CourseTagFactory.create(name="Cloud")
    profile = SubscriptionProfile.objects.create(name="Gold", organization=organization)
    achievement = AchievementFactory.create(name="First steps")
    texts = [
        f"[{{LabProfileIds:[{lab.pk}], ExcludeLabProfileIds:[{other_lab.pk}]}}]",
        f"[{{Subject:20, CourseTagIds:[{tag.pk}], Complete:true, ExcludeCourseIds:[{course.pk}]}}]",
        f"[{{Any:[{{Subject:30, ClubIds:[{profile.pk}]}}, {{Subject:40, AchievementIds:[{achievement.pk}]}}]}}]",
    ]
    rules = [canonical(read(text)) for text in texts] * 20

    with CaptureQueriesContext(connection) as captured:
        words = in_words(rules)

    assert len(captured) == 2
    assert words[:3] == [
        "Launch the lab “Three tiers”, not counting the lab “Queues”",
        "Complete a course tagged “Cloud”, not counting the course “Networks”",
        "Any of these: Be enrolled in or assigned to a course taken through the subscription “Gold”;"
        " Earn the achievement “First steps”",
    ]


@pytest.mark.django_db
def test_what_was_deleted_is_told_by_its_number() -> None:
    lab = LabFactory.create()
    rule = read(f"[{{LabProfileIds:[{lab.pk}]}}]")
    lab.delete()

    assert sentence(rule, names_of([rule])) == f"Launch the lab no. {rule.conditions[0].lab_ids[0]} (deleted)"  # type: ignore[union-attr]


@pytest.mark.django_db
def test_rules_without_ids_take_no_query() -> None:
    with CaptureQueriesContext(connection) as captured:
        assert in_words([canonical(read("[{Count:2}]"))]) == ["Launch 2 labs (the same one may count again)"]

    assert len(captured) == 0


@pytest.mark.django_db
def test_a_rule_in_a_form_that_is_not_known_does_not_hide_the_others() -> None:
    forms: list[Any] = [[{"Subject": 99}], [{"Subject": 0, "Count": 1}], None, [{"Weeks": 2}]]

    assert in_words(forms) == ["", "Launch a lab", "", ""]


@pytest.mark.parametrize(
    ("language", "name", "isolated"),
    [("en", "Cloud", False), ("en", "ענן", True), ("en", "سحابة", True), ("ar", "Cloud", True), ("ar", "ענן", False)],
)  # fmt: skip
def test_names_that_run_the_other_way_are_isolated(language: str, name: str, isolated: bool) -> None:
    names = Names({"LabProfileIds": {1: name}})

    with translation.override(language):
        words = sentence(read("[{LabProfileIds:[1]}]"), names)

    assert (f"\u2068{name}\u2069" in words) is isolated
    assert name in words


def test_a_name_is_never_taken_for_a_pattern() -> None:
    names = Names({"LabProfileIds": {1: "100%(count)s {safe} <b>"}})

    words = sentence(read("[{Count:2, LabProfileIds:[1], SingleDay:true}]"), names)

    assert words == "Launch the lab “100%(count)s {safe} <b>” 2 times in all on a single day"


# ── translation ──────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("text", [text for text in FEATURES if "59" not in text])
def test_every_word_is_marked_for_translation(brackets: None, text: str) -> None:  # noqa: F811
    words = told(text)

    assert words.startswith("⟦")
    assert list(unmarked(words)) == []


# ── properties ───────────────────────────────────────────────────────────────────────────────────────────


def numbers_that_matter(part: Condition | Group) -> Iterator[int]:
    """By the meaning of a rule, not by how it is told."""
    if isinstance(part, Group):
        if 1 < part.least != len(part.parts):
            yield part.least
        for inner in part.parts:
            yield from numbers_that_matter(inner)
        return
    named = len(part.lab_ids or part.course_ids or part.achievement_ids)
    is_all = part.distinct and part.count == named
    amounts = (part.points, part.days, None if is_all else part.count, part.min_score or None)
    yield from (amount for amount in amounts if amount is not None and amount != 1)
    yield from (time if time % 60 else time // 60 for time in (part.minutes, part.min_minutes) if time)
    if part.within_days and part.within_days > 1 and part.count != 1 and not part.single_day:
        yield part.within_days


@settings(suppress_health_check=[HealthCheck.filter_too_much])
@given(written_rules)
def test_any_rule_is_told_with_every_number_that_matters(written: list[dict[str, Any]]) -> None:
    rule = read(json.dumps(written))
    words = sentence(rule, NAMES)
    mentioned = set(re.findall(r"\d{1,3}(?:,\d{3})+|\d+", words))

    assert bool(words) == bool(rule.conditions)
    assert len(sentences(rule, NAMES)) == len(rule.conditions)
    for part in rule.conditions:
        for number in numbers_that_matter(part):
            assert f"{number:,}" in mentioned
    for kind in {kind for leaf in rule.leaves() for kind in leaf.kinds}:
        words = words.replace(kind, "\0")
    for trace in ("None", "{", "%(", "%s", "  ", "“”", ", ,", "()"):
        assert trace not in words


PLURALS = {
    "lab": "labs",
    "exam": "exams",
    "course": "courses",
    "achievement": "achievements",
    "point": "points",
    "hour": "hours",
    "minute": "minutes",
    "day": "days",
    "time": "times",
    "lesson": "lessons",
}


def faults(words: str) -> list[str]:
    """What no good English sentence has."""
    plurals = "|".join(PLURALS.values())
    patterns = [
        r"%|\{|\}|None|\\",  # but for the sign of percent, which is taken out before
        r"  |^ | $| [,;:.)]|\( |“”|\(\)|[,;:]$",
        r"(?<! [ap]\.m)\.$",
        r"\b(and|or|of|the|a|to|with|by|from|on|in|between)$",
        r"\b(and|or|of|with|by|from)(,|;|\))",
        rf"(?<![\d.,])\b1 (different )?({plurals})\b",
        rf"(?<![\d.,])\b(?!1 )\d[\d,]* (different )?({'|'.join(PLURALS)})\b",
        r"\b(a|the) (a|the)\b|\bin a row in a row\b",
        r"\ba [aeiou]|\ban [^aeiou]",
    ]
    return [pattern for pattern in patterns if re.search(pattern, words)]


@settings(suppress_health_check=[HealthCheck.filter_too_much])
@given(written_rules)
def test_any_rule_reads_as_english(written: list[dict[str, Any]]) -> None:
    rule = read(json.dumps(written))
    for line in [*lines_of(outline(rule, NAMES)), sentence(rule, NAMES)]:
        bare = re.sub(r"“[^“”]*”", "“N”", re.sub(r"(\d)%", r"\1", without_kinds(line, rule)))
        assert faults(bare) == []
        assert line[:1] in {"", "("} or line[0].isupper()
        assert bare.count("“") == bare.count("”")
        assert bare.count("(") == bare.count(")")


def without_kinds(line: str, rule: Rule) -> str:
    """An integration may name a kind as it likes."""
    for kind in sorted({kind for leaf in rule.leaves() for kind in leaf.kinds}, key=len, reverse=True):
        line = line.replace(f"“{kind}”", "“N”").replace(f"“\u2068{kind}\u2069”", "“N”")
    return line


def lines_of(found: Outline) -> Iterator[str]:
    yield found.text
    for part in found.parts:
        yield from lines_of(part)


# What may be said of a subject, each with its ways of being said.
SHAPES: dict[int, list[list[str]]] = {
    0: [
        [
            "",
            "LabProfileIds:[1]",
            "LabProfileIds:[1,2]",
            "LabProfileIds:[1,2,3]",
            "LabProfileIds:[1,2,3,4,5,6]",
        ],
        ["", "Complete:true", "Passed:true", "Complete:true, Passed:true"],
        ["", "MinScorePercent:0, MinMinutesSpent:60", "MinScorePercent:80, MinMinutesSpent:1"],
        ["", "ExcludeLabProfileIds:[7,8]"],
    ],
    10: [
        ["", "CourseIds:[1]", "CourseIds:[1,2]", "CourseIds:[1,2,3]"],
        ["", "Complete:true"],
        ["", "ExcludeCourseIds:[8]"],
    ],
    20: [
        ["", "CourseTagIds:[1]", "CourseTagIds:[1,2]"],
        ["", "CourseIds:[1]", "CourseIds:[1,2]"],
        ["", "Complete:true"],
        ["", "ExcludeCourseTagIds:[8], ExcludeCourseIds:[7,8]"],
    ],
    30: [["", "ClubIds:[1]", "ClubIds:[1,2]"], ["", "Complete:true"], ["", "ExcludeClubIds:[7,8]"]],
    40: [["", "AchievementIds:[1]", "AchievementIds:[1,2,3]"], ["", "ExcludeAchievementIds:[8]"]],
    50: [
        ["", "Kinds:[session]", "Kinds:[post_published]", "Kinds:[learner_helped, quiz]", "Kinds:[quiz]"],
        ["", "CourseIds:[1]", "CourseIds:[1,2]"],
        ["", "DistinctPeople:true"],
    ],
}
AMOUNTS = [
    "Count:1",
    "Count:2",
    "Count:3, Distinct:true",
    "Minutes:1",
    "Minutes:61",
    "Minutes:120",
    "Points:1",
    "Points:9",
]
SPANS = ["", "SingleDay:true", "WithinDays:7", "After:2030-01-01", "Before:2030-01-31, WithinDays:2"]


def shapes(subject: int) -> Iterator[str]:
    names, *others = SHAPES[subject]
    for said in chain(product(AMOUNTS, SPANS, names), product(AMOUNTS, names, *others)):
        text = f"[{{Subject:{subject}, {', '.join(filter(None, said))}}}]"
        try:
            read(text)
        except ConditionError:
            continue  # not every amount and span is one of every subject
        yield text


@pytest.mark.parametrize("subject", SHAPES)
def test_every_shape_of_condition_reads_as_english(subject: int) -> None:
    found = {text: told(text) for text in shapes(subject)}

    assert len(found) > 50
    faulty = {text: words for text, words in found.items() if faults(words.replace("80%", "80"))}
    assert faulty == {}


def without_what_says_nothing(c: Condition) -> Condition:
    """One record is always on one day and never the same as another; a single day is within any window."""
    if c.count == 1:
        return replace(c, distinct=False, single_day=False, within_days=None)
    return replace(c, single_day=False, within_days=1 if c.single_day else c.within_days)


@settings(suppress_health_check=[HealthCheck.filter_too_much])
@given(conditions)
def test_leaving_out_a_key_that_means_something_is_heard(written: dict[str, Any]) -> None:
    [whole] = read(json.dumps([written])).leaves()
    for key in written.keys() - {"Subject"}:
        shorter = {name: value for name, value in written.items() if name != key}
        if not asks_something(shorter) or clashes(shorter):
            continue
        [part] = read(json.dumps([shorter])).leaves()
        if without_what_says_nothing(part) != without_what_says_nothing(whole):
            assert sentence(Rule((part,)), NAMES) != sentence(Rule((whole,)), NAMES)


def test_whoever_counts_what_is_heard() -> None:
    told_of = {told(f"[{{Subject:{int(subject)}, Count:3}}]") for subject in (0, 10, 30, 40, 50)}

    assert len(told_of) == 5
    assert told("[{Subject:20, Count:3}]") == told("[{Subject:10, Count:3}]")  # any course, tagged or not
    assert Subject.COURSE_TAG == 20
