from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta, timezone
from typing import Any

import pytest
from django.core.exceptions import ValidationError
from hypothesis import given
from hypothesis import strategies as st

from achievements.conditions.language import (
    DEFAULT_STREAK,
    KINDS,
    KINDS_IN_COURSES,
    MAX_CONDITIONS,
    MAX_IDS,
    MAX_KIND,
    MAX_NUMBER,
    Condition,
    ConditionError,
    Group,
    Rule,
    Subject,
    canonical,
    dump,
    from_canonical,
    read,
    referenced_ids,
    unknown_ids,
)
from achievements.conditions.text import MAX_BYTES, MAX_DEPTH, MAX_ERRORS
from tests.achievements.conditions.test_text import calls_of
from tests.factories import ActivityResultFactory, LabInstanceFactory
from tms.models import Activity, LearningRecord
from tms.models.activities import KIND
from tms.progress import complete_activity

LAB, COURSE, TAG, CLUB = Subject.LAB, Subject.COURSE, Subject.COURSE_TAG, Subject.SUBSCRIPTION
ACHIEVEMENT, ACTIVITY, STREAK = Subject.ACHIEVEMENT, Subject.ACTIVITY, Subject.STREAK
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
    pytest.param(
        '[{"Subject": 30,"Count": 1,"ClubIds": [551], "Complete": true}]',
        [Condition(subject=CLUB, count=1, club_ids=(551,), complete=True)],
        id="10",
    ),
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
        ("30", CLUB),
        ("SUBSCRIPTION", CLUB),
        ("50", ACTIVITY),
        ("‘Activity’", ACTIVITY),
    ],
)
def test_subjects_may_be_named(name: str, subject: Subject) -> None:
    assert read(f"[{{Subject: {name}, Count: 1}}]") == Rule((Condition(subject=subject, count=1),))


@pytest.mark.parametrize("name", ["60", "Streak", "“streak ”"])
def test_a_streak_may_be_named(name: str) -> None:
    assert read(f"[{{Subject: {name}, Days: 7}}]") == Rule((Condition(subject=STREAK, days=7),))


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


def test_a_single_kind_without_brackets_is_a_list_with_a_notice() -> None:
    rule = read("[{Subject:50, Count:1, Kinds:session}]")

    assert rule == read("[{Subject:50, Count:1, Kinds:['session']}]")
    (notice,) = rule.notices
    assert (notice.code, notice.column, notice.pointer) == ("single_kind", 30, "/0/Kinds")


def test_every_key_reaches_its_field() -> None:
    assert read(
        "[{Subject:0, Count:3, LabProfileIds:[3,1,3], ExcludeLabProfileIds:[7,6], MinMinutesSpent:30,"
        " MinScorePercent:80, Distinct:true, SingleDay:true, WithinDays:7, After:2024-01-01, Before:2024-12-31,"
        " Complete:true, Passed:true}, {Minutes:600},"
        " {Subject:20, Count:5, CourseIds:[8], ExcludeCourseIds:[80], CourseTagIds:[9],"
        "  ExcludeCourseTagIds:[90], Complete:true},"
        " {Subject:30, Count:2, ClubIds:[5], ExcludeClubIds:[50]},"
        " {Subject:40, Points:70, AchievementIds:[4], ExcludeAchievementIds:[40]},"
        " {Subject:50, Count:10, Kinds:[Reaction_Received, 'module_completed'], CourseIds:[8], DistinctPeople:true},"
        " {Subject:60, Days:30, Kinds:[post_published]}]"
    ).conditions == (
        Condition(
            subject=LAB,
            count=3,
            lab_ids=(1, 3),
            exclude_lab_ids=(6, 7),
            min_minutes=30,
            min_score=80,
            distinct=True,
            single_day=True,
            within_days=7,
            after=date(2024, 1, 1),
            before=date(2024, 12, 31),
            complete=True,
            passed=True,
        ),
        Condition(subject=LAB, minutes=600),
        Condition(
            subject=TAG,
            count=5,
            course_ids=(8,),
            exclude_course_ids=(80,),
            tag_ids=(9,),
            exclude_tag_ids=(90,),
            complete=True,
        ),
        Condition(subject=CLUB, count=2, club_ids=(5,), exclude_club_ids=(50,)),
        Condition(subject=ACHIEVEMENT, points=70, achievement_ids=(4,), exclude_achievement_ids=(40,)),
        Condition(
            subject=ACTIVITY,
            count=10,
            kinds=("module_completed", "reaction_received"),
            course_ids=(8,),
            distinct_people=True,
        ),
        Condition(subject=STREAK, days=30, kinds=("post_published",)),
    )


@pytest.mark.parametrize(
    ("typed", "moment"),
    [
        ("2024-02-29", date(2024, 2, 29)),
        ("' 2024-02-29 '", date(2024, 2, 29)),
        ("2024-02-29T18:30", datetime(2024, 2, 29, 18, 30)),
        ("2024-02-29 18:30", datetime(2024, 2, 29, 18, 30)),
        ('"2024-02-29t18:30:05"', datetime(2024, 2, 29, 18, 30, 5)),
        ("“2024-02-29T18:30:05,25”", datetime(2024, 2, 29, 18, 30, 5, 250_000)),
        ("2024-02-29T18:30:05.1234567Z", datetime(2024, 2, 29, 18, 30, 5, 123_456, UTC)),
        ("2024-02-29T18:30z", datetime(2024, 2, 29, 18, 30, tzinfo=UTC)),
        ("2024-02-29T18:30+02:00", datetime(2024, 2, 29, 16, 30, tzinfo=UTC)),
        ("2024-02-29T18:30-0545", datetime(2024, 3, 1, 0, 15, tzinfo=UTC)),
        ("'2024-02-29T18:30+14'", datetime(2024, 2, 29, 4, 30, tzinfo=UTC)),
        ("1900-01-01", date(1900, 1, 1)),
        ("2999-12-31T23:59:59.999999Z", datetime(2999, 12, 31, 23, 59, 59, 999_999, UTC)),
    ],
)
def test_windows_take_dates_and_times(typed: str, moment: date | datetime) -> None:
    (condition,) = read(f"[{{Count:1, After:{typed}, Before:{typed}}}]").conditions

    assert isinstance(condition, Condition)
    assert (condition.after, condition.before) == (moment, moment)
    assert type(condition.after) is type(moment)


# ── groups ───────────────────────────────────────────────────────────────────────────────────────────────


def test_groups_are_nested_and_say_how_many_of_their_parts_must_hold() -> None:
    lab, course = Condition(subject=LAB, count=1), Condition(subject=COURSE, count=2)
    week = Condition(subject=STREAK, days=7)

    rule = read(
        "[{Any:[{Count:1}, {all:[{Subject:10, Count:2}, {Subject:60, Days:7}]}]}, {Count:1},"
        " {of:[{Count:1}, {Subject:10, Count:2}, {Any:[{Subject:60, Days:7}]}], ATLEAST:2}]"
    )

    assert rule.conditions == (
        Group(least=1, parts=(lab, Group(least=2, parts=(course, week)))),
        lab,
        Group(least=2, parts=(lab, course, Group(least=1, parts=(week,)))),
    )
    assert tuple(rule.leaves()) == (lab, course, week, lab, lab, course, week)
    assert (rule.hints, rule.notices) == ((), ())


def test_one_group_without_brackets_is_a_list_of_one_with_a_notice() -> None:
    rule = read("{Any:[{Count:1}]}")

    assert rule == read("[{Any:[{Count:1}]}]")
    assert [notice.code for notice in rule.notices] == ["list_of_one"]


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("{All:[{Count:1}, {Count:2}]}", "{AtLeast:2, Of:[{Count:1}, {Count:2}]}"),
        ("{Any:[{Count:1}, {Count:2}]}", "{Of:[{Count:1}, {Count:2}], AtLeast:1}"),
        ("{Any:[{Count:1}]}", "{All:[{Subject:Lab, Count:1}]}"),
        ("{Any:[{Count:1}], All:null, Count:null}", "{AtLeast:1, Of:[{Count:1}]}"),
    ],
)
def test_groups_that_mean_the_same_are_equal_and_stored_alike(one: str, other: str) -> None:
    assert read(f"[{one}]") == read(f"[{other}]")
    assert canonical(read(f"[{one}]")) == canonical(read(f"[{other}]"))


def test_groups_are_stored_as_they_are_nested() -> None:
    rule = read("[{All:[{Any:[{Count:1}]}, {Count:2}]}, {AtLeast:2, Of:[{Count:3}, {Count:4}, {Count:5}]}]")

    assert canonical(rule) == [
        {"All": [{"Any": [{"Subject": 0, "Count": 1}]}, {"Subject": 0, "Count": 2}]},
        {
            "AtLeast": 2,
            "Of": [{"Subject": 0, "Count": 3}, {"Subject": 0, "Count": 4}, {"Subject": 0, "Count": 5}],
        },
    ]
    assert from_canonical(canonical(rule)) == rule


def nested(depth: int) -> str:
    """A rule of lists so many deep, the outer one being the first."""
    return "[" + "{Any:[" * (depth - 1) + "{Count:1, LabProfileIds:[7]}" + "]}" * (depth - 1) + "]"


def test_lists_may_be_nested_eight_deep_and_no_deeper() -> None:
    assert len(tuple(read(nested(MAX_DEPTH)).leaves())) == 1
    assert codes(nested(MAX_DEPTH + 1)) == ["too_deep"]


def test_the_limits_of_a_rule_count_through_its_groups() -> None:
    half = "{Count:1}," * (MAX_CONDITIONS // 2)
    assert len(tuple(read(f"[{{Any:[{half}]}}, {{All:[{half}]}}]").leaves())) == MAX_CONDITIONS
    (remark,) = refusal(f"[{{Any:[{half}]}}, {{Any:[{{All:[{half}{half}]}}]}}]").remarks
    assert (remark.code, remark.pointer) == ("too_many_conditions", f"/1/Any/0/All/{MAX_CONDITIONS // 2}")

    many = ",".join(str(number) for number in range(1, MAX_IDS // 2 + 1))
    ids = f"{{Count:1, LabProfileIds:[{many}]}}, {{Count:1, ExcludeLabProfileIds:[{many}]}}"
    assert read(f"[{{Any:[{ids}]}}]")
    (remark,) = refusal(f"[{{Any:[{ids}]}}, {{All:[{{Subject:30, ClubIds:[1]}}]}}]").remarks
    assert (remark.code, remark.pointer) == ("too_many_ids", "/1/All/0")


# ── refusals ─────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("text", "code", "column", "pointer"),
    [
        ("[{Subject:0, Count:1, LabProfileId:[1]}]", "unknown_key", 23, "/0/LabProfileId"),
        ("[{Count:1, Weeks:null}]", "unknown_key", 12, "/0/Weeks"),
        ("[{Count:1, 7:1}]", "unknown_key", 12, "/0/7"),
        ("[{Count:1, Count:1}]", "duplicate_key", 12, "/0/Count"),
        ('[{Count:1, "count":null}]', "duplicate_key", 12, "/0/Count"),
        ("[{Subject:70, Count:1}]", "unknown_subject", 11, "/0/Subject"),
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
        ("[{Subject:40, Points:5, WithinDays:7}]", "clash", 25, "/0/WithinDays"),
        ("[{Subject:40, Points:5, Minutes:7}]", "clash", 25, "/0/Minutes"),
        ("[{Minutes:5, Count:2}]", "clash", 14, "/0/Count"),
        ("[{Count:1, WithinDays:0}]", "out_of_range", 23, "/0/WithinDays"),
        ("[{Count:1, WithinDays:1.5}]", "wrong_type", 23, "/0/WithinDays"),
        ("[{Count:1, MinScorePercent:-1}]", "out_of_range", 28, "/0/MinScorePercent"),
        ("[{Count:1, MinScorePercent:101}]", "out_of_range", 28, "/0/MinScorePercent"),
        ("[{Count:1, MinScorePercent:79.5}]", "wrong_type", 28, "/0/MinScorePercent"),
        ("[{Count:1, MinScorePercent:80%}]", "wrong_type", 28, "/0/MinScorePercent"),
        ("[{Minutes:-5}]", "out_of_range", 11, "/0/Minutes"),
        ("[{Subject:60, Days:-5}]", "out_of_range", 20, "/0/Days"),
        ("[{Subject:60, Days:'7'}]", "wrong_type", 20, "/0/Days"),
        ("[{Count:1, ExcludeLabProfileIds:[5, 0]}]", "out_of_range", 37, "/0/ExcludeLabProfileIds/1"),
        ("[{Count:1, After:20240229}]", "wrong_type", 18, "/0/After"),
        ("[{Count:1, After:[2024-02-29]}]", "wrong_type", 18, "/0/After"),
        ("[{Count:1, After:true}]", "wrong_type", 18, "/0/After"),
        ("[{Count:1, After:yesterday}]", "wrong_type", 18, "/0/After"),
        ("[{Count:1, After:''}]", "wrong_type", 18, "/0/After"),
        ("[{Count:1, After:2024-2-29}]", "wrong_type", 18, "/0/After"),
        ("[{Count:1, After:2023-02-29}]", "wrong_type", 18, "/0/After"),
        ("[{Count:1, After:'29.2.2024'}]", "wrong_type", 18, "/0/After"),
        ("[{Count:1, After:２０２４-02-29}]", "wrong_type", 18, "/0/After"),
        ("[{Count:1, After:'2024-02-29T'}]", "wrong_type", 18, "/0/After"),
        ("[{Count:1, Before:2024-02-29T24:00}]", "wrong_type", 19, "/0/Before"),
        ("[{Count:1, Before:2024-02-29T10:00+25:00}]", "wrong_type", 19, "/0/Before"),
        ("[{Count:1, Before:2024-02-29T10:00:00:00}]", "wrong_type", 19, "/0/Before"),
        ("[{Count:1, Before:0001-01-01T00:00+10:00}]", "wrong_type", 19, "/0/Before"),
        ("[{Count:1, Before:9999-12-31}]", "out_of_range", 19, "/0/Before"),
        ("[{Count:1, After:1899-12-31}]", "out_of_range", 18, "/0/After"),
        ("[{Count:1, After:1900-01-01T00:00+01:00}]", "out_of_range", 18, "/0/After"),
        ("[{Subject:50, Kinds:[5]}]", "wrong_type", 22, "/0/Kinds/0"),
        ("[{Subject:50, Kinds:[session, true]}]", "wrong_type", 31, "/0/Kinds/1"),
        ("[{Subject:50, Kinds:[2.0]}]", "wrong_type", 22, "/0/Kinds/0"),
        ("[{Subject:50, Kinds:[[session]]}]", "wrong_type", 22, "/0/Kinds/0"),
        ("[{Subject:50, Kinds:['']}]", "wrong_type", 22, "/0/Kinds/0"),
        ("[{Subject:50, Kinds:['a b']}]", "wrong_type", 22, "/0/Kinds/0"),
        ("[{Subject:50, Kinds:[session post_published]}]", "wrong_type", 22, "/0/Kinds/0"),
        (r"[{Subject:50, Kinds:['a\u0000']}]", "wrong_type", 22, "/0/Kinds/0"),
        (f"[{{Subject:50, Kinds:[{'a' * (MAX_KIND + 1)}]}}]", "wrong_type", 22, "/0/Kinds/0"),
        ("[{Subject:50, Count:2, Distinct:true}]", "foreign_key", 24, "/0/Distinct"),
        ("[{Subject:50, Count:2, Distinct:false}]", "foreign_key", 24, "/0/Distinct"),
        ("[{Subject:50, Count:2, Complete:true}]", "foreign_key", 24, "/0/Complete"),
        ("[{Subject:50, Count:2, Passed:true}]", "foreign_key", 24, "/0/Passed"),
        ("[{Subject:40, Count:2, Passed:true}]", "foreign_key", 24, "/0/Passed"),
        ("[{Subject:60, Days:2, Complete:true}]", "foreign_key", 23, "/0/Complete"),
        ("[{Subject:60, Days:2, Passed:true}]", "foreign_key", 23, "/0/Passed"),
        ("[{Subject:60, Days:2, Count:2}]", "foreign_key", 23, "/0/Count"),
        ("[{Subject:60, Days:2, Distinct:true}]", "foreign_key", 23, "/0/Distinct"),
        ("[{Subject:60, Days:2, SingleDay:true}]", "foreign_key", 23, "/0/SingleDay"),
        ("[{Subject:60, Days:2, WithinDays:3}]", "foreign_key", 23, "/0/WithinDays"),
        ("[{Subject:60, Days:2, After:2024-01-01}]", "foreign_key", 23, "/0/After"),
        ("[{Subject:60, Days:2, Before:2024-01-01}]", "foreign_key", 23, "/0/Before"),
        ("[{Subject:60, Days:2, Minutes:5}]", "foreign_key", 23, "/0/Minutes"),
        ("[{Subject:60, Days:2, CourseIds:[5]}]", "foreign_key", 23, "/0/CourseIds"),
        ("[{Subject:10, Count:1, MinScorePercent:80}]", "foreign_key", 24, "/0/MinScorePercent"),
        ("[{Subject:30, Count:1, CourseIds:[5]}]", "foreign_key", 24, "/0/CourseIds"),
        ("[{Subject:10, Count:1, ClubIds:[5]}]", "foreign_key", 24, "/0/ClubIds"),
        ("[{Subject:10, Count:1, ExcludeLabProfileIds:[5]}]", "foreign_key", 24, "/0/ExcludeLabProfileIds"),
        ("[{Subject:10, Count:1, ExcludeCourseTagIds:[5]}]", "foreign_key", 24, "/0/ExcludeCourseTagIds"),
        ("[{Subject:10, Count:1, Kinds:[session]}]", "foreign_key", 24, "/0/Kinds"),
        ("[{Subject:10, Count:1, DistinctPeople:true}]", "foreign_key", 24, "/0/DistinctPeople"),
        ("[{Count:1, Days:2}]", "foreign_key", 12, "/0/Days"),
        ("[{Subject:50, DistinctPeople:true}]", "asks_nothing", 2, "/0"),
        ("[{Subject:50, Kinds:[]}]", "asks_nothing", 2, "/0"),
        ("[{Subject:60}]", "asks_nothing", 2, "/0"),
        ("[{Subject:60, Days:0, Kinds:[session]}]", "asks_nothing", 2, "/0"),
        ("[{MinScorePercent:80, After:2024-01-01, WithinDays:7, Minutes:0}]", "asks_nothing", 2, "/0"),
        ("[{Count:1, Any:[{Count:1}]}]", "beside_group", 3, "/0/Count"),
        ("[{Any:[{Count:1}], Subject:0}]", "beside_group", 20, "/0/Subject"),
        ("[{Any:[{Count:1}], All:[{Count:1}]}]", "beside_group", 20, "/0/All"),
        ("[{Any:[{Count:1}], AtLeast:1}]", "beside_group", 20, "/0/AtLeast"),
        ("[{AtLeast:1, Of:[{Count:1}], Count:2}]", "beside_group", 30, "/0/Count"),
        ("[{Any:[{Count:1}], any:[{Count:1}]}]", "duplicate_key", 20, "/0/Any"),
        ("[{Any:[{Count:1}], Whatever:1}]", "unknown_key", 20, "/0/Whatever"),
        ("[{At Least:2, Of:[{Count:1}]}]", "unknown_key", 3, "/0/At Least"),
        ("[{Any:[]}]", "empty_group", 7, "/0/Any"),
        ("[{All:[]}]", "empty_group", 7, "/0/All"),
        ("[{AtLeast:1, Of:[]}]", "empty_group", 17, "/0/Of"),
        ("[{Count:1}, {Any:[{All:[]}]}]", "empty_group", 24, "/1/Any/0/All"),
        ("[{AtLeast:2}]", "incomplete_group", 2, "/0"),
        ("[{Of:[{Count:1}]}]", "incomplete_group", 2, "/0"),
        ("[{AtLeast:0, Of:[{Count:1}]}]", "out_of_range", 11, "/0/AtLeast"),
        ("[{AtLeast:true, Of:[{Count:1}]}]", "wrong_type", 11, "/0/AtLeast"),
        ("[{AtLeast:[{Count:1}], Of:[{Count:1}]}]", "wrong_type", 11, "/0/AtLeast"),
        ("[{Any:{Count:1}}]", "wrong_type", 7, "/0/Any"),
        ("[{Any:2}]", "wrong_type", 7, "/0/Any"),
        ("[{Any:[5]}]", "not_a_condition", 8, "/0/Any/0"),
        ("[{Any:[{Count:1}, [{Count:1}]]}]", "not_a_condition", 19, "/0/Any/1"),
        ("[{Any:[{Count:1}, {All:[{Passed:1, Count:1}]}]}]", "wrong_type", 33, "/0/Any/1/All/0/Passed"),
        ("[{Any:[{Count:1}, {}]}]", "asks_nothing", 19, "/0/Any/1"),
        ("[{Any:null}]", "asks_nothing", 2, "/0"),
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
            "LabProfileId: did you mean LabProfileIds? Known here are Subject, Count, Minutes, LabProfileIds, "
            "ExcludeLabProfileIds, MinMinutesSpent, MinScorePercent, Distinct, SingleDay, WithinDays, After, "
            "Before, Complete, Passed.",
        ),
        (
            "[{Subject:60, Days:1, Badges:[1]}]",
            "Badges is not a known key. Known here are Subject, Days, Kinds.",
        ),
        (
            "[{Subject:70, Count:1}]",
            "Subject 70 is not known: known subjects are 0 (Lab), 10 (Course), 20 (Course Tag), "
            "30 (Subscription), 40 (User Achievement), 50 (Activity), 60 (Streak).",
        ),
        (
            "[{Subject:60, Days:1, Complete:true}]",
            "Complete belongs to Subject 0 (Lab), 10 (Course), 20 (Course Tag), 30 (Subscription), "
            "not to Subject 60 (Streak). Only labs and courses are launched first and completed later. "
            "Allowed here are Subject, Days, Kinds.",
        ),
        (
            "[{Points:5, Count:1}]",
            "Points belongs to Subject 40 (User Achievement). Without a Subject this is 0 (Lab). "
            "Only achievements carry points. Allowed here are Subject, Count, Minutes, LabProfileIds, "
            "ExcludeLabProfileIds, MinMinutesSpent, MinScorePercent, Distinct, SingleDay, WithinDays, After, "
            "Before, Complete, Passed.",
        ),
        (
            "[{Count:1, After:1.1.2024}]",
            "After takes a date such as 2030-12-31, or a time such as 2030-12-31T18:00 or "
            "2030-12-31T18:00+02:00, from 1900 to 2999; found 1.1.2024.",
        ),
        (
            "[{Subject:50, Kinds:[5]}]",
            "Kinds takes words without spaces, such as session or lesson_completed; found 5.",
        ),
        (
            "[{Subject:40, Points:5, WithinDays:7}]",
            "Points and WithinDays cannot stand in one condition. Points are added up over all days.",
        ),
        (
            "[{Any:[{Count:1}], Count:1}]",
            "Count cannot stand beside Any: write it into the conditions of the group.",
        ),
        (
            "[{Any:[{Count:1}], All:[{Count:1}]}]",
            "All cannot stand beside Any: each group needs braces of its own.",
        ),
        (
            "[{AtLeest:1, Of:[{Count:1}]}]",
            "AtLeest: did you mean AtLeast? Known here are Any, All, AtLeast, Of.",
        ),
        ("[{AtLeast:2}]", "This group lacks Of. Write {AtLeast:2, Of:[ … ]}."),
        (
            '[{Count:"2"}]',
            'Count takes whole numbers from 0 to 2147483648, without quotes or decimals; found "2".',
        ),
        ("[{Count:1, Passed:1}]", "Passed must be true or false, without quotes; found 1."),
        (
            "[{Complete:true}]",
            "This condition asks for nothing, so it would hold for everybody. "
            "Say how much is needed, with Count, Minutes, such as Count:1.",
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
        ("MinMinutes", "MinMinutesSpent"),
        ("MinScore", "MinScorePercent"),
        ("Minute", "Minutes"),
        ("Kind", "Kinds"),
        ("ClubId", "ClubIds"),
        ("Club_Ids", "ClubIds"),
        ("CourseTagId", "CourseTagIds"),
        ("ExcludeIds", "ExcludeLabProfileIds"),
        ("ExcludeCourses", "ExcludeCourseIds"),
        ("AnyOf", "Any"),
        ("Completed", "Complete"),
        ("Within Day", "WithinDays"),
        ("Pass", "Passed"),
        ("Cuont", "Count"),
        ("Subjects", "Subject"),
    ],
)
def test_the_nearest_known_key_is_suggested(typed: str, nearest: str) -> None:
    (remark,) = refusal(f"[{{Count:1, '{typed}':1}}]").remarks

    assert remark.message.startswith(f"{typed}: did you mean {nearest}?")


@pytest.mark.parametrize("typed", ["x", "Until", "Weeks", "a" * 5000])
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
    (condition,) = read(
        f"[{{Count:{MAX_NUMBER}, LabProfileIds:[{MAX_NUMBER}], WithinDays:1, MinScorePercent:100}}]"
    ).leaves()
    assert (condition.count, condition.within_days, condition.min_score) == (MAX_NUMBER, 1, 100)
    assert read(f"[{{Subject:50, Kinds:[{'a' * MAX_KIND}]}}]")
    assert len(read(f"[{'{Count:1},' * MAX_CONDITIONS}]").conditions) == MAX_CONDITIONS
    assert codes(f"[{'{Count:1},' * (MAX_CONDITIONS + 1)}]") == ["too_many_conditions"]

    many = ",".join(str(number) for number in range(1, MAX_IDS + 1))
    (condition,) = read(f"[{{Count:1,LabProfileIds:[{many}]}}]").leaves()
    assert len(condition.lab_ids) == MAX_IDS
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
        ("[{Subject:30, ClubIds:[1,2]}]", [("count_absent", "/0")]),
        ("[{Subject:30, Count:2, ClubIds:[1,2]}]", []),
        ("[{Subject:50, Kinds:[session]}]", [("count_absent", "/0")]),
        ("[{Subject:50, Count:0, CourseIds:[4]}]", [("count_absent", "/0/Count")]),
        ("[{ExcludeLabProfileIds:[1]}]", [("count_absent", "/0")]),
        ("[{Subject:30, ExcludeClubIds:[1]}]", [("count_absent", "/0")]),
        ("[{Subject:40, ExcludeAchievementIds:[1]}]", [("count_absent", "/0")]),
        ("[{Subject:40, Points:5, ExcludeAchievementIds:[1]}]", []),
        ("[{Minutes:60, LabProfileIds:[1,2]}]", []),
        ("[{Minutes:60, LabProfileIds:[1,2], Distinct:true}]", [("distinct_with_minutes", "/0/Distinct")]),
        ("[{Subject:60, Days:7}]", []),
        ("[{Subject:60, Days:7, Kinds:[session]}]", []),
        ("[{Count:2, LabProfileIds:[1,2,3], ExcludeLabProfileIds:[3]}]", [("count_equals_ids", "/0/Count")]),
        (
            "[{Count:3, Distinct:true, LabProfileIds:[1,2,3], ExcludeLabProfileIds:[3]}]",
            [("never_met", "/0/Count")],
        ),
        ("[{Subject:40, AchievementIds:[1,2], ExcludeAchievementIds:[2]}]", [("never_met", "/0")]),
        (
            "[{Count:1, LabProfileIds:[1,2], ExcludeLabProfileIds:[3,2,1]}]",
            [("never_met", "/0/ExcludeLabProfileIds")],
        ),
        (
            "[{Subject:20, Count:1, CourseTagIds:[1], ExcludeCourseTagIds:[1]}]",
            [("never_met", "/0/ExcludeCourseTagIds")],
        ),
        ("[{Subject:20, Count:1, CourseTagIds:[1,2], ExcludeCourseTagIds:[1]}]", []),
        ("[{Subject:40, Minutes:5}]", [("never_met", "/0/Minutes")]),
        ("[{Subject:Course, CourseIds:[1], Minutes:5}]", [("never_met", "/0/Minutes")]),
        ("[{Subject:50, Count:1, Kinds:[lesson_complete]}]", [("unfamiliar_kind", "/0/Kinds")]),
        ("[{Subject:60, Days:1, Kinds:[session, quiz, riddle]}]", [("unfamiliar_kind", "/0/Kinds")]),
        (
            "[{Subject:50, Count:1, Kinds:[session], CourseIds:[1]}]",
            [("course_ids_without_lessons", "/0/CourseIds")],
        ),
        ("[{Subject:50, Count:1, Kinds:[session, lesson_completed], CourseIds:[1]}]", []),
        ("[{Subject:50, Count:1, CourseIds:[1]}]", []),
        ("[{AtLeast:2, Of:[{Count:1}]}]", [("never_met", "/0/AtLeast")]),
        ("[{AtLeast:1, Of:[{Count:1}]}]", []),
        ("[{Any:[{Count:1}, {LabProfileIds:[1]}]}]", [("count_absent", "/0/Any/1")]),
    ],
)
def test_doubtful_rules_are_read_with_hints(text: str, expected: list[tuple[str, str]]) -> None:
    assert hints(text) == expected


@pytest.mark.parametrize(
    ("after", "before", "is_never_met"),
    [
        ("2024-01-02", "2024-01-01", True),
        ("2024-01-01", "2024-01-01", False),
        ("2024-01-01T12:00", "2024-01-01", False),
        ("2024-01-02T00:00", "2024-01-01", True),
        ("2024-01-01T12:00", "2024-01-01T12:00", False),
        ("2024-01-01T12:00", "2024-01-01T11:59", True),
        ("2024-01-01T12:00+02:00", "2024-01-01T10:00Z", False),
        ("2024-01-01T12:00+02:00", "2024-01-01T09:59Z", True),
        # Whether it is over depends on the zone of the organization, unless it is over everywhere.
        ("2024-01-02T10:00Z", "2024-01-01", False),
        ("2024-01-03", "2024-01-02T00:00Z", False),
        ("2024-01-03T00:00Z", "2024-01-01", True),
        ("2024-01-03T00:01", "2024-01-02T00:00Z", True),
    ],
)
def test_a_window_that_is_over_before_it_starts_is_hinted_at(
    after: str, before: str, is_never_met: bool
) -> None:
    expected = [("never_met", "/0/Before")] if is_never_met else []

    assert hints(f"[{{Count:1, After:{after}, Before:{before}}}]") == expected


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "[{Count:1, LabProfileIds:[1,2]}]",
            "Any one of the 2 that are named is enough. For all of them write Count:2 and Distinct:true.",
        ),
        (
            "[{Count:1, After:2024-01-02, Before:2024-01-01}]",
            "Nobody can meet this: Before is earlier than After.",
        ),
        (
            "[{Count:3, Distinct:true, LabProfileIds:[1,2]}]",
            "Nobody can meet this: Count asks for 3 different ones, but 2 are named.",
        ),
        (
            "[{Subject:50, Count:1, Kinds:[lesson_complete]}]",
            "lesson_complete counts only if an integration sends it. Did you mean lesson_completed?",
        ),
    ],
)
def test_hints_say_what_the_rule_will_do(text: str, message: str) -> None:
    (hint,) = read(text).hints

    assert hint.message == message


# ── meaning ──────────────────────────────────────────────────────────────────────────────────────────────


def test_needed_is_the_effective_count() -> None:
    assert Condition(subject=LAB, count=3, lab_ids=(1,)).needed == 3
    assert Condition(subject=LAB, lab_ids=(1, 2)).needed == 1
    assert Condition(subject=TAG, tag_ids=(1, 2)).needed == 1
    assert Condition(subject=ACHIEVEMENT, count=1, achievement_ids=(1, 2)).needed == 1
    assert Condition(subject=ACTIVITY, kinds=("session",)).needed == 1
    assert Condition(subject=ACHIEVEMENT, points=50).needed == 50
    assert Condition(subject=LAB, minutes=60).needed == 60
    assert Condition(subject=STREAK, days=7).needed == 7


def test_achievements_without_count_are_all_of_them_each_once() -> None:
    (condition,) = read("[{Subject:40, AchievementIds:[12,10,11,10]}]").leaves()

    assert condition.needed == 3
    assert condition.distinct


def test_a_score_of_nought_asks_for_a_score() -> None:
    (condition,) = read("[{Count:1, MinScorePercent:0}]").leaves()

    assert condition.min_score == 0
    assert canonical(read("[{Count:1, MinScorePercent:0}]")) == [
        {"Subject": 0, "Count": 1, "MinScorePercent": 0}
    ]
    assert read("[{Count:1, MinScorePercent:0}]") != read("[{Count:1}]")


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
        ("[{Count:1, Minutes:0, WithinDays:null, ExcludeLabProfileIds:[]}]", "[{Count:1}]"),
        ("[{Minutes:60}]", "[{Minutes:60, Count:1, Distinct:true}]"),
        ("[{ExcludeLabProfileIds:[2,1]}]", "[{Count:1, ExcludeLabProfileIds:[1,2,2]}]"),
        ("[{Subject:50, Kinds:[Session, 'SESSION']}]", "[{Subject:50, Count:1, Kinds:[session]}]"),
        ("[{Subject:60, Days:7}]", "[{Subject:Streak, Days:7, Kinds:[session], Count:null}]"),
        ("[{Count:1, After:'2024-01-01T10:00Z'}]", "[{Count:1, After:2024-01-01 12:00+02:00}]"),
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
        ("[{Minutes:60}]", "[{Minutes:60, SingleDay:true}]"),
        ("[{Subject:50, Count:2}]", "[{Subject:50, Count:2, DistinctPeople:true}]"),
        ("[{Subject:60, Days:7}]", "[{Subject:60, Days:7, Kinds:[session, post_published]}]"),
        ("[{Count:1, After:2024-01-01T10:00}]", "[{Count:1, After:2024-01-01T10:00Z}]"),
        ("[{Count:1, After:2024-01-01}]", "[{Count:1, Before:2024-01-01}]"),
        ("[{Count:1}]", "[{Any:[{Count:1}]}]"),
        ("[{Any:[{Count:1}, {Count:2}]}]", "[{All:[{Count:1}, {Count:2}]}]"),
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


def test_the_canonical_form_writes_windows_kinds_and_amounts() -> None:
    rule = read(
        "[{After:2024-01-01, Before:'2024-06-30T18:00:30.5+02:00', withindays:7, Minutes:600, Distinct:true},"
        " {Subject:50, distinctpeople:true, Kinds:[B, a], ExcludeCourseIds:[2,1]}, {Subject:Streak, Days:7}]"
    )

    assert canonical(rule) == [
        {
            "Subject": 0,
            "Minutes": 600,
            "WithinDays": 7,
            "After": "2024-01-01",
            "Before": "2024-06-30T16:00:30.500000Z",
        },
        {"Subject": 50, "Count": 1, "ExcludeCourseIds": [1, 2], "Kinds": ["a", "b"], "DistinctPeople": True},
        {"Subject": 60, "Days": 7, "Kinds": ["session"]},
    ]
    first, *_others = canonical(rule)
    assert list(first) == ["Subject", "Minutes", "WithinDays", "After", "Before"]


@pytest.mark.parametrize(
    "stored",
    [
        {"Subject": 0, "Weeks": 3},
        {"Count": 1},
        {"Subject": 70, "Count": 1},
        {"Subject": 0, "Count": 1, "After": "some day"},
        {"AtLeast": 1},
    ],
)
def test_only_a_stored_form_is_read_back(stored: dict[str, Any]) -> None:
    with pytest.raises((KeyError, ValueError)):
        from_canonical([stored])


def test_referenced_ids_are_collected_by_key() -> None:
    rule = read(
        "[{Count:1, LabProfileIds:[1,2]}, {Count:1, LabProfileIds:[2,3], ExcludeLabProfileIds:[9]},"
        " {Any:[{Subject:20, Count:1, CourseIds:[4], CourseTagIds:[5], ExcludeCourseTagIds:[6]},"
        " {All:[{Subject:30, ClubIds:[7], ExcludeClubIds:[8]}, {Subject:50, ExcludeCourseIds:[10]}]}]},"
        " {Subject:40, ExcludeAchievementIds:[11]}]"
    )

    assert referenced_ids(rule) == {
        "LabProfileIds": {1, 2, 3},
        "ExcludeLabProfileIds": {9},
        "CourseIds": {4},
        "ExcludeCourseIds": {10},
        "CourseTagIds": {5},
        "ExcludeCourseTagIds": {6},
        "ClubIds": {7},
        "ExcludeClubIds": {8},
        "ExcludeAchievementIds": {11},
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


def test_unknown_ids_are_found_inside_groups() -> None:
    text = "[{Count:1}, {any:[{ClubIds:3, Subject:30}, {AtLeast:1, Of:[{Subject:40, ExcludeAchievementIds:[1, 3]}]}]}]"

    error = unknown_ids(text, {"ClubIds": {3}, "ExcludeAchievementIds": {3}})

    assert [(remark.column, remark.pointer) for remark in error.remarks] == [
        (28, "/1/Any/0/ClubIds/0"),
        (99, "/1/Any/1/Of/0/ExcludeAchievementIds/1"),
    ]


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


# ── what is recorded ─────────────────────────────────────────────────────────────────────────────────────


def test_our_own_kinds_are_those_that_facts_are_recorded_with() -> None:
    assert set(KINDS) == set(Activity.Kind.values)
    assert {*DEFAULT_STREAK} == {Activity.Kind.SESSION}


def test_no_kind_is_read_that_no_fact_could_have() -> None:
    assert Activity._meta.get_field("kind").max_length == MAX_KIND
    assert LearningRecord._meta.get_field("kind").max_length == MAX_KIND


@pytest.mark.parametrize("kind", ["session", "quiz_won", "x2", "a" * MAX_KIND])
def test_a_kind_that_can_be_sent_is_at_most_unfamiliar(kind: str) -> None:
    KIND(kind)
    expected = [] if kind in KINDS else [("unfamiliar_kind", "/0/Kinds")]

    assert hints(f"[{{Subject:50, Count:1, Kinds:[{kind}]}}]") == expected


@pytest.mark.parametrize("kind", ["quiz-won", "2x", "κουίζ", "quiz__won", "_quiz"])
def test_a_kind_that_nobody_can_send_is_hinted_at(kind: str) -> None:
    with pytest.raises(ValidationError):
        KIND(kind)

    assert hints(f"[{{Subject:50, Count:1, Kinds:['{kind}']}}]") == [("never_met", "/0/Kinds")]
    assert hints(f"[{{Subject:50, Count:1, Kinds:['{kind}', session]}}]") == [("impossible_kind", "/0/Kinds")]


@pytest.mark.django_db
def test_only_lessons_and_modules_are_recorded_with_their_course() -> None:
    """Of what the product writes by itself: a finished lesson, its module, the day of the launch."""
    result = ActivityResultFactory.create()
    complete_activity(result)
    LabInstanceFactory.create(user=result.user)
    told = Activity.objects.filter(occasion__isnull=False)

    assert set(told.exclude(course=None).values_list("kind", flat=True)) == KINDS_IN_COURSES
    assert set(told.filter(course=None).values_list("kind", flat=True)) == {*DEFAULT_STREAK}


# ── properties ───────────────────────────────────────────────────────────────────────────────────────────

numbers = st.integers(0, 5) | st.integers(0, MAX_NUMBER)
few_ids = st.lists(st.integers(1, 12) | st.integers(1, MAX_NUMBER), max_size=5)
switches = st.booleans()
letters = st.characters(codec="utf-8", categories=["L", "N", "P", "S"])
kinds = st.lists(
    st.sampled_from([*KINDS, "Session", "quiz"]) | st.text(letters, min_size=1, max_size=9), max_size=3
)
moments = (
    st.dates(date(1901, 1, 1), date(2998, 12, 31))
    | st.datetimes(datetime(1901, 1, 1), datetime(2998, 12, 31))
    | st.datetimes(
        datetime(1901, 1, 1),
        datetime(2998, 12, 31),
        timezones=st.integers(-840, 840).map(lambda minutes: timezone(timedelta(minutes=minutes))),
    )
).map(lambda moment: moment.isoformat())
counting = {
    "Count": numbers,
    "SingleDay": switches,
    "After": moments,
    "Before": moments,
    "WithinDays": st.integers(1, MAX_NUMBER),
    "Minutes": numbers,
}
courses = {"CourseIds": few_ids, "ExcludeCourseIds": few_ids}
tags = {"CourseTagIds": few_ids, "ExcludeCourseTagIds": few_ids}
keys_of = {
    LAB: counting
    | {
        "LabProfileIds": few_ids,
        "ExcludeLabProfileIds": few_ids,
        "MinMinutesSpent": numbers,
        "MinScorePercent": st.integers(0, 100),
        "Distinct": switches,
        "Complete": switches,
        "Passed": switches,
    },
    COURSE: counting | courses | {"Distinct": switches, "Complete": switches},
    TAG: counting | courses | tags | {"Distinct": switches, "Complete": switches},
    CLUB: counting
    | {"ClubIds": few_ids, "ExcludeClubIds": few_ids, "Distinct": switches, "Complete": switches},
    ACHIEVEMENT: counting
    | {
        "Points": numbers,
        "AchievementIds": few_ids,
        "ExcludeAchievementIds": few_ids,
        "Distinct": switches,
    },
    ACTIVITY: counting | courses | {"Kinds": kinds, "DistinctPeople": switches},
    STREAK: {"Days": numbers, "Kinds": kinds},
}


def asks_something(condition: dict[str, Any]) -> bool:
    amounts = {"Count", "Points", "Minutes", "Days"}
    narrowing = condition["Subject"] != STREAK
    return any(
        value
        for key, value in condition.items()
        if key in amounts or (narrowing and (key.endswith("Ids") or key == "Kinds"))
    )


def clashes(condition: dict[str, Any]) -> bool:
    several = condition.get("Count", 0) > 1
    beside_points = any(condition.get(key) for key in ("Distinct", "SingleDay", "WithinDays", "Minutes"))
    return bool(
        (condition.get("Points") and (several or beside_points)) or (condition.get("Minutes") and several)
    )


def conditions_of(subject: Subject) -> st.SearchStrategy[dict[str, Any]]:
    keys = st.fixed_dictionaries({"Subject": st.just(int(subject))}, optional=keys_of[subject])
    return keys.filter(lambda condition: asks_something(condition) and not clashes(condition))


def groups_of(parts: st.SearchStrategy[dict[str, Any]]) -> st.SearchStrategy[dict[str, Any]]:
    several = st.lists(parts, min_size=1, max_size=3)
    return (
        st.fixed_dictionaries({"Any": several})
        | st.fixed_dictionaries({"All": several})
        | st.fixed_dictionaries({"AtLeast": st.integers(1, 4), "Of": several})
    )


conditions = st.sampled_from(list(Subject)).flatmap(conditions_of)
nested_parts = conditions | groups_of(conditions | groups_of(conditions | groups_of(conditions)))
written_rules = st.lists(nested_parts, max_size=4)


@st.composite
def relaxed(draw: st.DrawFn, rule: list[dict[str, Any]]) -> str:
    """The rule as some administrator might type it."""
    quote = draw(st.sampled_from(["", "", '"', "'", "”"]))
    spell = draw(st.sampled_from([str, str.lower, str.upper, str.title]))
    space = draw(st.sampled_from(["", " ", "\n", "\u00a0", " /* , */ ", " // }\n"]))
    comma = draw(st.sampled_from(["", ","]))

    def value(node: Any) -> str:
        if isinstance(node, bool):
            return spell(str(node))
        if isinstance(node, str):
            return json.dumps(node)
        if isinstance(node, list):
            return f"[{f'{space},'.join(part(item) for item in node)}{comma if node else ''}]"
        return str(node)

    def part(node: Any) -> str:
        if not isinstance(node, dict):
            return value(node)
        members = [f"{quote}{spell(key)}{quote}{space}:{value(item)}" for key, item in node.items()]
        return f"{{{space}{f',{space}'.join(draw(st.permutations(members)))}{comma}{space}}}"

    return f"{space}{value(rule)}{space}"


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
        "{Any:[",
        "AtLeast",
        "]}",
        "Kinds",
        "After",
        "2024-02-29T10:00",
        "WithinDays:",
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


@given(written_rules.flatmap(lambda rule: st.tuples(st.just(rule), relaxed(rule))))
def test_any_spelling_of_a_rule_is_that_rule(rule_and_text: tuple[list[dict[str, Any]], str]) -> None:
    rule, text = rule_and_text

    assert read(text) == read(json.dumps(rule))


@given(texts)
def test_a_rule_survives_being_written_and_stored(text: str) -> None:
    rule = read(text)

    assert read(dump(rule)) == rule
    assert from_canonical(json.loads(json.dumps(canonical(rule)))) == rule
    assert canonical(read(dump(rule))) == canonical(rule)
    assert [replace(condition) for condition in rule.leaves()] == list(rule.leaves())


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


@pytest.mark.parametrize(
    "write",
    [
        lambda size: f"[{{Count:1, LabProfileIds:[{','.join(map(str, range(1, size)))}]}}]",
        lambda size: f"[{{Subject:50, Kinds:[{','.join(f'k{number}' for number in range(size))}]}}]",
        lambda size: f"[{'{Any:[{Count:1}]},' * (size // 20)}]",
        lambda size: (
            f"[{'{Any:[' * 6}{'{After:2024-01-01, Before:2023-01-01, Count:1},' * (size // 20)}{']}' * 6}]"
        ),
        lambda size: f"[{'{Any:[],' * size}",
        lambda size: f"[{{{','.join(f'key{number}:1' for number in range(size))}}}]",
        lambda size: f"[{'Any:' * size}",
    ],
)
def test_a_rule_of_twice_the_size_takes_at_most_twice_the_work(write: Callable[[int], str]) -> None:
    once = calls_of(lambda: read_or_refusal(write(1_500)))
    twice = calls_of(lambda: read_or_refusal(write(3_000)))

    assert twice <= 2.1 * once


@pytest.mark.parametrize(
    "unit", ["[", "]", "{", '"', "“", ",", ":", "/*", "{Any:[", "\\", "\n", "Count:1,", "{Count:1},"]
)
@pytest.mark.parametrize("size", [MAX_BYTES, 1_000_000])
def test_very_long_texts_are_read_or_refused_and_nothing_else(unit: str, size: int) -> None:
    outcome = read_or_refusal(unit * (size // len(unit.encode())))

    assert isinstance(outcome, Rule) or outcome.remarks


@given(spoiled())
def test_a_corrected_text_can_be_read(text: str) -> None:
    outcome = read_or_refusal(text)
    if isinstance(outcome, ConditionError) and outcome.corrected is not None:
        assert isinstance(read_or_refusal(outcome.corrected), Rule)
