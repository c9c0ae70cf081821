from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from achievements.conditions.language import (
    MAX_CONDITIONS,
    MAX_IDS,
    MAX_NUMBER,
    Condition,
    ConditionError,
    Rule,
    Subject,
    canonical,
    dump,
    from_canonical,
    read,
    referenced_ids,
    unknown_ids,
)
from achievements.conditions.text import MAX_BYTES, MAX_ERRORS

LAB, COURSE, TAG, ACHIEVEMENT = Subject.LAB, Subject.COURSE, Subject.COURSE_TAG, Subject.ACHIEVEMENT
EXAM = Condition(subject=LAB, count=1, passed=True, lab_ids=(12345,))

# The documented examples by their number: the text as published, and what it says.
ACCEPTED = [
    pytest.param("[{Subject:0, Count:1}]", [Condition(subject=LAB, count=1)], id="1"),
    pytest.param(
        "[{Subject:0, Count:2, LabProfileIds:[12345,23456], Distinct:True}]",
        [Condition(subject=LAB, count=2, lab_ids=(12345, 23456), distinct=True)],
        id="2",
    ),
    pytest.param(
        "[{Subject:0, LabProfileIds:[98765], Count:1, Complete:True}]",
        [Condition(subject=LAB, count=1, lab_ids=(98765,), complete=True)],
        id="3",
    ),
    pytest.param(
        "[{Subject:10, Count:1, CourseIds:[2345], Complete:True}]",
        [Condition(subject=COURSE, count=1, course_ids=(2345,), complete=True)],
        id="4",
    ),
    pytest.param(
        "[{Subject:20, Count:3, CourseTagIds:[59], Complete:True}]",
        [Condition(subject=TAG, count=3, tag_ids=(59,), complete=True)],
        id="5",
    ),
    pytest.param(
        "[ {Subject:20, Count:4, CourseIds:[ 1583,1584,1585,1586], Complete:True}, "
        "{Subject:0, LabProfileIds:[54671], Count:1, Passed:True} ]",
        [
            Condition(subject=TAG, count=4, course_ids=(1583, 1584, 1585, 1586), complete=True),
            Condition(subject=LAB, count=1, lab_ids=(54671,), passed=True),
        ],
        id="6",
    ),
    pytest.param("[{Subject:40, Points:500}]", [Condition(subject=ACHIEVEMENT, points=500)], id="7"),
    pytest.param("[{Subject:0,Count:2}]", [Condition(subject=LAB, count=2)], id="9a"),
    pytest.param(
        "[{Subject:0,Count:2,Distinct:true}]", [Condition(subject=LAB, count=2, distinct=True)], id="9b"
    ),
    pytest.param(
        "[{Subject:0,Count:3,SingleDay:True}]", [Condition(subject=LAB, count=3, single_day=True)], id="9c"
    ),
    pytest.param(
        "[{Subject:0,LabProfileIds:[12345],Complete:True}]",
        [Condition(subject=LAB, count=1, lab_ids=(12345,), complete=True)],
        id="9d",
    ),
    pytest.param(
        "[{Subject:0,LabProfileIds:[13578],Passed:True}]",
        [Condition(subject=LAB, count=1, lab_ids=(13578,), passed=True)],
        id="9e",
    ),
    pytest.param("[{Subject:40,Points:100}]", [Condition(subject=ACHIEVEMENT, points=100)], id="9f"),
    pytest.param("[ { Subject:0, Count:1, Passed:true, LabProfileIds:[12345] } ]", [EXAM], id="11"),
    pytest.param(
        "[ { Subject:0, Count:1, Complete:true, Distinct:true, LabProfileIds: [11223,11224] }, "
        "{ Subject:0, Count:1, Passed:true, LabProfileIds: [12345] } ]",
        [Condition(subject=LAB, count=1, complete=True, distinct=True, lab_ids=(11223, 11224)), EXAM],
        id="12",
    ),
]

HINTS_OF_ACCEPTED = {
    "6": [("count_equals_ids", "/0/Count"), ("course_ids_with_tag_subject", "/0/CourseIds")],
    "9d": [("count_absent", "/0")],
    "9e": [("count_absent", "/0")],
    "12": [("count_below_ids", "/0/Count")],
}


def refusal(text: str) -> ConditionError:
    with pytest.raises(ConditionError) as caught:
        read(text)
    return caught.value


def codes(text: str) -> list[str]:
    return [remark.code for remark in refusal(text).remarks]


def hints(text: str) -> list[tuple[str, str]]:
    return [(hint.code, hint.pointer) for hint in read(text).hints]


# ── documented examples ──────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(("text", "conditions"), ACCEPTED)
def test_documented_examples_are_read_as_they_stand(
    text: str, conditions: list[Condition], request: pytest.FixtureRequest
) -> None:
    rule = read(text)

    assert rule.conditions == tuple(conditions)
    assert rule.notices == ()
    assert hints(text) == HINTS_OF_ACCEPTED.get(request.node.callspec.id, [])


@pytest.mark.parametrize(
    ("text", "place", "corrected"),
    [
        pytest.param(
            "[{Subject:40, AchievementIds[10,11,12]}]",
            ("missing_colon", 1, 15, "/0/AchievementIds"),
            '[{"Subject": 40, "AchievementIds": [10, 11, 12]}]',
            id="8",
        ),
        pytest.param(
            "[“Subject”:0,”Count”:1]",
            ("missing_braces", 1, 2, "/0"),
            '[{"Subject": 0, "Count": 1}]',
            id="13",
        ),
    ],
)
def test_malformed_documented_examples_are_refused_and_shown_corrected(
    text: str, place: tuple[str, int, int, str], corrected: str
) -> None:
    error = refusal(text)

    (remark,) = error.remarks
    assert (remark.code, remark.line, remark.column, remark.pointer) == place
    assert error.corrected == corrected
    assert corrected in str(error)
    assert read(corrected).conditions


def test_the_documented_subscription_example_waits_for_its_subject() -> None:
    """Example 10. With subject 30 it moves to ACCEPTED."""
    error = refusal('[{"Subject": 30,"Count": 1,"ClubIds": [551], "Complete": true}]')

    subject, clubs = error.remarks
    assert (subject.code, subject.column, subject.pointer) == ("unknown_subject", 14, "/0/Subject")
    assert subject.message == (
        "Subject 30 is not known: known subjects are 0 (Lab), 10 (Course), 20 (Course Tag), 40 (User Achievement)."
    )
    assert (clubs.code, clubs.pointer) == ("unknown_key", "/0/ClubIds")


# ── spelling ─────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    "text",
    [
        '[{"Subject": 0, "Count": 2, "Distinct": true}]',
        "[{Subject:0, Count:2, Distinct:TRUE}]",
        "[{subject:0, COUNT:2, dIsTiNcT:True}]",
        "[{'Subject':0, 'Count':2, 'Distinct':true,},]",
        "[{“Subject”:0, ”Count”:2, „Distinct“:True}]",
        "[{\u00a0Subject\u00a0:\u00a00, Count: 2, Distinct: true}]",
        "[\n\t{ // any two labs\n\t\tSubject: 0, /* not the same */ Count: 2,\n\t\tDistinct: true\n\t}\n]",
        "[{Count:2, Distinct:true}]",
        "[{Subject:null, Count:2, Distinct:true, LabProfileIds:null, Points:null, Passed:NULL}]",
        "[{Subject:Lab, Count:2, Distinct:true, Passed:false, LabProfileIds:[], MinMinutesSpent:0}]",
        '[{"Subject":" lab ", Count:2, Distinct:true, SingleDay:false, Complete:false}]',
    ],
)
def test_many_spellings_are_the_same_rule(text: str) -> None:
    rule = read(text)

    assert rule == Rule((Condition(subject=LAB, count=2, distinct=True),))
    assert rule.notices == ()


@pytest.mark.parametrize(
    ("name", "subject"),
    [
        ("0", LAB),
        ("LAB", LAB),
        ("Course", COURSE),
        ("'course'", COURSE),
        ("Course Tag", TAG),
        ("coursetag", TAG),
        ("“Course  TAG”", TAG),
        ("course\n\u00a0tag", TAG),
        ("40", ACHIEVEMENT),
        ("User Achievement", ACHIEVEMENT),
        ("achievement", ACHIEVEMENT),
    ],
)
def test_subjects_may_be_named(name: str, subject: Subject) -> None:
    assert read(f"[{{Subject: {name}, Count: 1}}]") == Rule((Condition(subject=subject, count=1),))


@pytest.mark.parametrize("text", ["", "  \n", "[]", "[ ]", "// nothing yet", "\ufeff[]"])
def test_no_text_and_an_empty_list_are_the_rule_without_conditions(text: str) -> None:
    assert read(text) == Rule(())


def test_one_object_without_brackets_is_a_list_of_one_with_a_notice() -> None:
    rule = read("\n {Subject:10, Count:2}")

    assert rule == read("[{Subject:10, Count:2}]")
    (notice,) = rule.notices
    assert (notice.code, notice.line, notice.column, notice.pointer) == ("list_of_one", 2, 2, "")


def test_two_objects_without_brackets_are_refused_and_shown_corrected() -> None:
    error = refusal("{Subject:0, Count:1},\n{Subject:10, Count:1}")

    (remark,) = error.remarks
    assert (remark.code, remark.line, remark.column) == ("missing_brackets", 2, 1)
    assert error.corrected == '[{"Subject": 0, "Count": 1},\n {"Subject": 10, "Count": 1}]'


def test_a_single_id_without_brackets_is_a_list_with_a_notice() -> None:
    rule = read("[{Count:1, LabProfileIds:7}]")

    assert rule == read("[{Count:1, LabProfileIds:[7]}]")
    (notice,) = rule.notices
    assert (notice.code, notice.column, notice.pointer) == ("single_id", 26, "/0/LabProfileIds")


def test_every_key_reaches_its_field() -> None:
    assert read(
        "[{Subject:0, Count:3, LabProfileIds:[3,1,3], MinMinutesSpent:30, Distinct:true, SingleDay:true,"
        " Complete:true, Passed:true},"
        " {Subject:20, Count:5, CourseIds:[8], CourseTagIds:[9], Complete:true},"
        " {Subject:40, Points:70, AchievementIds:[4]}]"
    ).conditions == (
        Condition(
            subject=LAB,
            count=3,
            lab_ids=(1, 3),
            min_minutes=30,
            distinct=True,
            single_day=True,
            complete=True,
            passed=True,
        ),
        Condition(subject=TAG, count=5, course_ids=(8,), tag_ids=(9,), complete=True),
        Condition(subject=ACHIEVEMENT, points=70, achievement_ids=(4,)),
    )


# ── refusals ─────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("text", "code", "column", "pointer"),
    [
        ("[{Subject:0, Count:1, LabProfileId:[1]}]", "unknown_key", 23, "/0/LabProfileId"),
        ("[{Count:1, Any:[]}]", "unknown_key", 12, "/0/Any"),
        ("[{Count:1, Days:null}]", "unknown_key", 12, "/0/Days"),
        ("[{Count:1, 7:1}]", "unknown_key", 12, "/0/7"),
        ("[{Count:1, Count:1}]", "duplicate_key", 12, "/0/Count"),
        ('[{Count:1, "count":null}]', "duplicate_key", 12, "/0/Count"),
        ("[{Subject:60, Count:1}]", "unknown_subject", 11, "/0/Subject"),
        ("[{Subject:-10, Count:1}]", "unknown_subject", 11, "/0/Subject"),
        ("[{Subject:Quiz, Count:1}]", "unknown_subject", 11, "/0/Subject"),
        ('[{Subject:"10", Count:1}]', "wrong_type", 11, "/0/Subject"),
        ("[{Subject:10.0, Count:1}]", "wrong_type", 11, "/0/Subject"),
        ("[{Subject:true, Count:1}]", "wrong_type", 11, "/0/Subject"),
        ("[{Subject:[10], Count:1}]", "wrong_type", 11, "/0/Subject"),
        ('[{Subject:"", Count:1}]', "wrong_type", 11, "/0/Subject"),
        ('[{Count:"2"}]', "wrong_type", 9, "/0/Count"),
        ("[{Count:2.0}]", "wrong_type", 9, "/0/Count"),
        ("[{Count:2e0}]", "wrong_type", 9, "/0/Count"),
        ("[{Count:02}]", "wrong_type", 9, "/0/Count"),
        ("[{Count:２}]", "wrong_type", 9, "/0/Count"),
        ("[{Count:true}]", "wrong_type", 9, "/0/Count"),
        ("[{Count:two}]", "wrong_type", 9, "/0/Count"),
        ("[{Count:[2]}]", "wrong_type", 9, "/0/Count"),
        ("[{Count:{}}]", "wrong_type", 9, "/0/Count"),
        ("[{Count:-1}]", "out_of_range", 9, "/0/Count"),
        (f"[{{Count:{MAX_NUMBER + 1}}}]", "out_of_range", 9, "/0/Count"),
        (f"[{{Count:{'9' * 5000}}}]", "out_of_range", 9, "/0/Count"),
        ("[{Subject:40, Points:-5}]", "out_of_range", 22, "/0/Points"),
        ("[{Count:1, MinMinutesSpent:1.5}]", "wrong_type", 28, "/0/MinMinutesSpent"),
        ("[{Count:1, Complete:1}]", "wrong_type", 21, "/0/Complete"),
        ('[{Count:1, Complete:"true"}]', "wrong_type", 21, "/0/Complete"),
        ("[{Count:1, Distinct:yes}]", "wrong_type", 21, "/0/Distinct"),
        ("[{Count:1, LabProfileIds:[5, 0]}]", "out_of_range", 30, "/0/LabProfileIds/1"),
        (f"[{{Count:1, LabProfileIds:[{MAX_NUMBER + 1}]}}]", "out_of_range", 27, "/0/LabProfileIds/0"),
        ('[{Count:1, LabProfileIds:["5"]}]', "wrong_type", 27, "/0/LabProfileIds/0"),
        ("[{Count:1, LabProfileIds:[null]}]", "wrong_type", 27, "/0/LabProfileIds/0"),
        ("[{Count:1, LabProfileIds:[[5]]}]", "wrong_type", 27, "/0/LabProfileIds/0"),
        ("[{Count:1, LabProfileIds:0}]", "out_of_range", 26, "/0/LabProfileIds"),
        ("[{Count:1, LabProfileIds:true}]", "wrong_type", 26, "/0/LabProfileIds"),
        ("[{Subject:10, Count:1, Passed:true}]", "foreign_key", 24, "/0/Passed"),
        ("[{Subject:10, Count:1, Passed:false}]", "foreign_key", 24, "/0/Passed"),
        ("[{Subject:20, Count:1, MinMinutesSpent:5}]", "foreign_key", 24, "/0/MinMinutesSpent"),
        ("[{Subject:10, Count:1, CourseTagIds:[5]}]", "foreign_key", 24, "/0/CourseTagIds"),
        ("[{Subject:40, Count:1, Complete:true}]", "foreign_key", 24, "/0/Complete"),
        ("[{Subject:0, Count:1, Points:5}]", "foreign_key", 23, "/0/Points"),
        ("[{Count:1, CourseIds:[5]}]", "foreign_key", 12, "/0/CourseIds"),
        ("[{Subject:40, Points:5, Count:2}]", "clash", 25, "/0/Count"),
        ("[{Subject:40, Points:5, Distinct:true}]", "clash", 25, "/0/Distinct"),
        ("[{Subject:40, SingleDay:true, Points:5}]", "clash", 15, "/0/SingleDay"),
        ("[{}]", "asks_nothing", 2, "/0"),
        ("[{Subject:0, Complete:true}]", "asks_nothing", 2, "/0"),
        ("[{Subject:0, MinMinutesSpent:30}]", "asks_nothing", 2, "/0"),
        ("[{Subject:0, Count:0, LabProfileIds:[]}]", "asks_nothing", 2, "/0"),
        ("[{Subject:40, Points:0, Count:null}]", "asks_nothing", 2, "/0"),
        ("[7]", "not_a_condition", 2, "/0"),
        ("[null]", "not_a_condition", 2, "/0"),
        ("[[]]", "not_a_condition", 2, "/0"),
        ("Count", "not_a_condition", 1, "/0"),
    ],
)
def test_errors_name_their_place(text: str, code: str, column: int, pointer: str) -> None:
    error = refusal(text)

    (remark,) = error.remarks
    assert (remark.code, remark.line, remark.column, remark.pointer) == (code, 1, column, pointer)
    assert error.corrected is None


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "[{LabProfileId:[1]}]",
            "LabProfileId: did you mean LabProfileIds? Known here are Subject, Count, LabProfileIds, "
            "MinMinutesSpent, Distinct, SingleDay, Complete, Passed.",
        ),
        (
            "[{Subject:10, Count:1, Clubs:[1]}]",
            "Clubs is not a known key. Known here are Subject, Count, CourseIds, Distinct, SingleDay, Complete.",
        ),
        (
            "[{Subject:40, Count:1, Complete:true}]",
            "Complete belongs to Subject 0 (Lab), 10 (Course), 20 (Course Tag), not to Subject 40 (User Achievement). "
            "An earned achievement is always complete. "
            "Allowed here are Subject, Count, Points, AchievementIds, Distinct, SingleDay.",
        ),
        (
            "[{Points:5}]",
            "Points belongs to Subject 40 (User Achievement). Without a Subject this is 0 (Lab). "
            "Only achievements carry points. "
            "Allowed here are Subject, Count, LabProfileIds, MinMinutesSpent, Distinct, SingleDay, Complete, Passed.",
        ),
        (
            '[{Count:"2"}]',
            'Count takes whole numbers from 0 to 2147483648, without quotes or decimals; found "2".',
        ),
        ("[{Count:1, Passed:1}]", "Passed must be true or false, without quotes; found 1."),
        (
            "[{Complete:true}]",
            "This condition asks for nothing, so it would hold for everybody. "
            "Give one of Count, LabProfileIds, such as Count:1.",
        ),
    ],
)
def test_messages_say_what_was_found_and_what_is_allowed(text: str, message: str) -> None:
    (remark,) = refusal(text).remarks

    assert remark.message == message


@pytest.mark.parametrize(
    ("typed", "nearest"),
    [
        ("LabProfilIds", "LabProfileIds"),
        ("Lab Profile Ids", "LabProfileIds"),
        ("lab_profile_ids", "LabProfileIds"),
        ("LabIds", "LabProfileIds"),
        ("TagIds", "CourseTagIds"),
        ("CourseId", "CourseIds"),
        ("Minutes", "MinMinutesSpent"),
        ("Completed", "Complete"),
        ("Pass", "Passed"),
        ("Cuont", "Count"),
        ("Subjects", "Subject"),
    ],
)
def test_the_nearest_known_key_is_suggested(typed: str, nearest: str) -> None:
    (remark,) = refusal(f"[{{Count:1, '{typed}':1}}]").remarks

    assert remark.message.startswith(f"{typed}: did you mean {nearest}?")


@pytest.mark.parametrize("typed", ["x", "Any", "Kinds", "ClubIds", "a" * 5000])
def test_nothing_is_suggested_where_nothing_is_near(typed: str) -> None:
    (remark,) = refusal(f"[{{Count:1, '{typed}':1}}]").remarks

    assert "is not a known key" in remark.message
    assert len(remark.message) < 300


def test_all_errors_are_told_in_text_order() -> None:
    error = refusal('[{Count:"1" Distinct:1},\n {Subject:10, Passed:true, Count:-1},\n 5, {Count:2}')

    assert [(remark.code, remark.line, remark.column) for remark in error.remarks] == [
        ("unclosed", 1, 1),
        ("wrong_type", 1, 9),
        ("missing_comma", 1, 13),
        ("wrong_type", 1, 22),
        ("foreign_key", 2, 15),
        ("out_of_range", 2, 34),
        ("not_a_condition", 3, 2),
    ]
    assert str(error).splitlines()[1].startswith("Line 1, column 9: Count takes whole numbers")
    assert len(str(error).splitlines()) == 7


def test_what_is_lost_with_a_mistake_is_not_reported_as_absent() -> None:
    assert codes("[{Subject:0, Count:}]") == ["missing_value"]
    assert codes("[{Subject:0, Count: :}]") == ["unexpected"]


def test_a_rule_with_other_errors_is_not_shown_corrected() -> None:
    assert refusal("[{Subject:0, Count 1, Complete:1}]").corrected is None


def test_limits_are_inclusive() -> None:
    assert read(f"[{{Count:{MAX_NUMBER}, LabProfileIds:[{MAX_NUMBER}]}}]").conditions[0].count == MAX_NUMBER
    assert len(read(f"[{'{Count:1},' * MAX_CONDITIONS}]").conditions) == MAX_CONDITIONS
    assert codes(f"[{'{Count:1},' * (MAX_CONDITIONS + 1)}]") == ["too_many_conditions"]

    many = ",".join(str(number) for number in range(1, MAX_IDS + 1))
    assert len(read(f"[{{Count:1,LabProfileIds:[{many}]}}]").conditions[0].lab_ids) == MAX_IDS
    error = refusal(f"[{{Count:1,LabProfileIds:[{many}]}},\n{{Count:1,LabProfileIds:[1]}}]")
    assert [(remark.code, remark.line, remark.pointer) for remark in error.remarks] == [
        ("too_many_ids", 2, "/1")
    ]


def test_text_and_nesting_over_their_limits_are_refused() -> None:
    assert codes("[{Count:1}]" + " " * MAX_BYTES) == ["too_long"]
    assert codes("[" * 60_000) == ["too_deep"]
    assert codes("[{Any:" * 10_000) == ["too_deep"]


def test_reading_stops_after_many_errors() -> None:
    assert codes(f"[{'{Cuont:1},' * 100}]") == ["unknown_key"] * MAX_ERRORS


# ── hints ────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("[{Count:4}]", []),
        ("[{Count:1, LabProfileIds:[1]}]", []),
        ("[{Count:3, LabProfileIds:[1]}]", []),
        ("[{Count:2, LabProfileIds:[1,2]}]", [("count_equals_ids", "/0/Count")]),
        ("[{Count:2, LabProfileIds:[1,2,2]}]", [("count_equals_ids", "/0/Count")]),
        ("[{Count:2, LabProfileIds:[1,2], Distinct:true}]", []),
        ("[{Count:2, LabProfileIds:[1,2,3]}]", [("count_below_ids", "/0/Count")]),
        ("[{Count:1, LabProfileIds:[1,2], Distinct:true}]", [("count_below_ids", "/0/Count")]),
        ("[{Count:3, LabProfileIds:[1,2], Distinct:true}]", [("never_met", "/0/Count")]),
        ("[{LabProfileIds:[1,2]}]", [("count_absent", "/0")]),
        ("[{Count:0, LabProfileIds:[1,2]}]", [("count_absent", "/0/Count")]),
        ("[{Subject:20, CourseTagIds:[1,2]}]", [("count_absent", "/0")]),
        ("[{Subject:20, Count:1, CourseTagIds:[1,2]}]", []),
        ("[{Subject:20, Count:1, CourseIds:[1]}]", [("course_ids_with_tag_subject", "/0/CourseIds")]),
        (
            "[{Subject:20, Count:1, CourseIds:[1], CourseTagIds:[2]}]",
            [("course_ids_with_tag_subject", "/0/CourseIds")],
        ),
        ("[{Subject:40, AchievementIds:[1,2]}]", []),
        ("[{Subject:40, Count:1, AchievementIds:[1,2]}]", [("count_below_ids", "/0/Count")]),
        ("[{Subject:40, Count:2, AchievementIds:[1,2]}]", [("count_equals_ids", "/0/Count")]),
        ("[{Subject:40, Points:5, AchievementIds:[1,2]}]", []),
    ],
)
def test_doubtful_rules_are_read_with_hints(text: str, expected: list[tuple[str, str]]) -> None:
    assert hints(text) == expected


def test_hints_say_what_the_rule_will_do() -> None:
    (hint,) = read("[{Count:1, LabProfileIds:[1,2]}]").hints

    assert hint.message == (
        "Any one of the 2 that are named is enough. For all of them write Count:2 and Distinct:true."
    )


# ── meaning ──────────────────────────────────────────────────────────────────────────────────────────────


def test_needed_is_the_effective_count() -> None:
    assert Condition(subject=LAB, count=3, lab_ids=(1,)).needed == 3
    assert Condition(subject=LAB, lab_ids=(1, 2)).needed == 1
    assert Condition(subject=TAG, tag_ids=(1, 2)).needed == 1
    assert Condition(subject=ACHIEVEMENT, count=1, achievement_ids=(1, 2)).needed == 1


def test_achievements_without_count_are_all_of_them_each_once() -> None:
    (condition,) = read("[{Subject:40, AchievementIds:[12,10,11,10]}]").conditions

    assert condition.needed == 3
    assert condition.distinct


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("[{LabProfileIds:[1,2]}]", "[{Count:1, LabProfileIds:[2,1,1]}]"),
        (
            "[{Subject:40, AchievementIds:[1,2]}]",
            "[{Subject:40, AchievementIds:[1,2], Count:2, Distinct:true}]",
        ),
        ("[{Subject:40, Points:5}]", "[{Subject:40, Points:5, Count:1}]"),
        ("[{Count:1, MinMinutesSpent:0}]", "[{Count:1}]"),
    ],
)
def test_rules_that_mean_the_same_are_equal_and_stored_alike(one: str, other: str) -> None:
    assert read(one) == read(other)
    assert canonical(read(one)) == canonical(read(other))
    assert hash(read(one)) == hash(read(other))


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("[{Count:1}]", "[{Subject:10, Count:1}]"),
        ("[{Count:2}]", "[{Count:2, Distinct:true}]"),
        ("[{Count:1, LabProfileIds:[1,2]}]", "[{Count:1, LabProfileIds:[1,2], Distinct:true}]"),
        ("[{Subject:40, Count:1}]", "[{Subject:40, Points:1}]"),
        ("[{Count:1}]", "[{Count:1}, {Count:1}]"),
    ],
)
def test_rules_that_mean_something_else_differ(one: str, other: str) -> None:
    assert read(one) != read(other)
    assert canonical(read(one)) != canonical(read(other))


def test_the_canonical_form_is_strict_ordered_and_without_defaults() -> None:
    rule = read("[{complete:True, labprofileids:[9,3,9], passed:false}, {Count:2, Subject:'Course'}]")

    assert canonical(rule) == [
        {"Subject": 0, "Count": 1, "LabProfileIds": [3, 9], "Complete": True},
        {"Subject": 10, "Count": 2},
    ]
    assert dump(rule) == (
        '[{"Subject": 0, "Count": 1, "LabProfileIds": [3, 9], "Complete": true},\n {"Subject": 10, "Count": 2}]'
    )
    assert dump(Rule(())) == "[]"


def test_only_a_stored_form_is_read_back() -> None:
    with pytest.raises(KeyError):
        from_canonical([{"Subject": 0, "Kinds": ["session"]}])


def test_referenced_ids_are_collected_by_key() -> None:
    rule = read(
        "[{Count:1, LabProfileIds:[1,2]}, {Count:1, LabProfileIds:[2,3]},"
        " {Subject:20, Count:1, CourseIds:[4], CourseTagIds:[5]}]"
    )

    assert referenced_ids(rule) == {
        "LabProfileIds": {1, 2, 3},
        "CourseIds": {4},
        "CourseTagIds": {5},
        "AchievementIds": frozenset(),
    }


def test_unknown_ids_are_shown_where_they_stand() -> None:
    text = (
        "[{Count:1, LabProfileIds:[1,2]},\n {Count:1, labprofileids:2}, {Subject:10, Count:1, CourseIds:[2]}]"
    )

    error = unknown_ids(text, {"LabProfileIds": {2}, "CourseTagIds": {1}})

    assert [(remark.code, remark.line, remark.column, remark.pointer) for remark in error.remarks] == [
        ("unknown_id", 1, 29, "/0/LabProfileIds/1"),
        ("unknown_id", 2, 26, "/1/LabProfileIds/0"),
    ]
    assert "LabProfileIds names 2" in str(error)


def test_very_many_unknown_ids_are_still_one_error() -> None:
    numbers = range(1, 2 * MAX_ERRORS)

    error = unknown_ids(f"[{{Count:1, LabProfileIds:{list(numbers)}}}]", {"LabProfileIds": set(numbers)})

    assert len(error.remarks) == MAX_ERRORS


def test_the_language_needs_neither_settings_nor_models() -> None:
    program = (
        "import sys; from achievements.conditions.language import read, dump;"
        "print(dump(read('{Count:1}'.join('[]'))), 'django.db' in sys.modules)"
    )
    environment = {"PATH": "", "PYTHONPATH": ":".join(sys.path)}
    done = subprocess.run(
        [sys.executable, "-c", program], env=environment, capture_output=True, text=True, check=True
    )

    assert done.stdout == '[{"Subject": 0, "Count": 1}] False\n'


# ── properties ───────────────────────────────────────────────────────────────────────────────────────────

numbers = st.integers(0, MAX_NUMBER)
few_ids = st.lists(st.integers(1, 12) | st.integers(1, MAX_NUMBER), max_size=5)
switches = st.booleans()
common = {"Count": numbers | st.integers(0, 5), "Distinct": switches, "SingleDay": switches}
own = {
    LAB: {"LabProfileIds": few_ids, "MinMinutesSpent": numbers, "Complete": switches, "Passed": switches},
    COURSE: {"CourseIds": few_ids, "Complete": switches},
    TAG: {"CourseIds": few_ids, "CourseTagIds": few_ids, "Complete": switches},
    ACHIEVEMENT: {"Points": numbers, "AchievementIds": few_ids},
}


def asks_something(condition: dict[str, Any]) -> bool:
    return any(value for key, value in condition.items() if key in {"Count", "Points"} or key.endswith("Ids"))


def clashes(condition: dict[str, Any]) -> bool:
    others = condition.get("Count", 0) > 1 or condition.get("Distinct") or condition.get("SingleDay")
    return bool(condition.get("Points") and others)


def conditions_of(subject: Subject) -> st.SearchStrategy[dict[str, Any]]:
    keys = st.fixed_dictionaries({"Subject": st.just(int(subject))}, optional=common | own[subject])
    return keys.filter(lambda condition: asks_something(condition) and not clashes(condition))


conditions = st.sampled_from(list(Subject)).flatmap(conditions_of)
written_rules = st.lists(conditions, max_size=4)


@st.composite
def relaxed(draw: st.DrawFn, rule: list[dict[str, Any]]) -> str:
    """The rule as some administrator might type it."""
    quote = draw(st.sampled_from(["", "", '"', "'", "”"]))
    spell = draw(st.sampled_from([str, str.lower, str.upper, str.title]))
    space = draw(st.sampled_from(["", " ", "\n", "\u00a0", " /* , */ ", " // }\n"]))
    comma = draw(st.sampled_from(["", ","]))

    def value(node: Any) -> str:
        return spell(str(node)) if isinstance(node, bool) else str(node).replace(" ", space)

    def condition(keys: dict[str, Any]) -> str:
        members = [f"{quote}{spell(key)}{quote}{space}:{value(node)}" for key, node in keys.items()]
        return f"{{{space}{f',{space}'.join(draw(st.permutations(members)))}{comma}{space}}}"

    rows = f"{space},".join(condition(keys) for keys in rule)
    return f"{space}[{rows}{comma if rule else ''}]{space}"


texts = written_rules.flatmap(relaxed)
pieces = st.sampled_from(
    [
        *"{}[]:,;=\"'“”‘/\\-.0123 \n\u00a0\0",
        "//",
        "/*",
        "*/",
        "null",
        "True",
        "Count",
        "Subject",
        "{Count:1}",
        "Any",
    ]
)


@st.composite
def spoiled(draw: st.DrawFn) -> str:
    """A rule into which a hand slipped a few times."""
    text = draw(texts)
    for _slip in range(draw(st.integers(1, 4))):
        start = draw(st.integers(0, len(text)))
        end = min(len(text), start + draw(st.integers(0, 3)))
        text = text[:start] + draw(st.just("") | pieces) + text[end:]
    return text


def read_or_refusal(text: str) -> Rule | ConditionError:
    try:
        return read(text)
    except ConditionError as error:
        return error


@settings(max_examples=300, deadline=None)
@given(written_rules.flatmap(lambda rule: st.tuples(st.just(rule), relaxed(rule))))
def test_any_spelling_of_a_rule_is_that_rule(rule_and_text: tuple[list[dict[str, Any]], str]) -> None:
    rule, text = rule_and_text

    assert read(text) == read(json.dumps(rule))


@settings(max_examples=300, deadline=None)
@given(texts)
def test_a_rule_survives_being_written_and_stored(text: str) -> None:
    rule = read(text)

    assert read(dump(rule)) == rule
    assert from_canonical(json.loads(json.dumps(canonical(rule)))) == rule
    assert canonical(read(dump(rule))) == canonical(rule)
    assert tuple(replace(condition) for condition in rule.conditions) == rule.conditions


@settings(max_examples=500, deadline=None)
@given(spoiled() | st.text(st.characters()) | st.lists(pieces).map("".join))
def test_any_text_is_a_rule_or_refused_with_places_inside_the_text(text: str) -> None:
    outcome = read_or_refusal(text)
    if isinstance(outcome, Rule):
        assert read(dump(outcome)) == outcome
        return

    assert outcome.remarks
    assert str(outcome).encode()
    lines = text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    for remark in outcome.remarks:
        assert 1 <= remark.column <= len(lines[remark.line - 1]) + 1


@settings(max_examples=500, deadline=None)
@given(spoiled())
def test_a_corrected_text_can_be_read(text: str) -> None:
    outcome = read_or_refusal(text)
    if isinstance(outcome, ConditionError) and outcome.corrected is not None:
        assert isinstance(read_or_refusal(outcome.corrected), Rule)
