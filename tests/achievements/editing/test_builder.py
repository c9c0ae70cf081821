"""The visual builder: every rule as rows and back, and what its buttons do."""

from __future__ import annotations

from datetime import date
from html.parser import HTMLParser

import pytest
from django.http import QueryDict
from django.template.loader import render_to_string
from hypothesis import given, settings

from achievements.conditions import language
from achievements.conditions.language import KEYS, SUBJECTS
from achievements.editing import builder, starters
from tests.achievements.oracle.rules import Vocabulary, render, rules

IDS = {
    f"{kind}{number}": place
    for place, (kind, number) in enumerate(
        ((kind, number) for kind in "lctsa" for number in range(4)), start=1
    )
}
WORDS = Vocabulary(
    labs=[f"l{number}" for number in range(4)],
    courses=[f"c{number}" for number in range(4)],
    tags=[f"t{number}" for number in range(4)],
    clubs=[f"s{number}" for number in range(4)],
    achievements=[f"a{number}" for number in range(4)],
    days=[date(2026, 1, 1), date(2026, 3, 29)],
)


class Sent(HTMLParser):
    """What a browser sends of the fields of a page."""

    def __init__(self) -> None:
        super().__init__()
        self.data = QueryDict(mutable=True)
        self.select = ""

    def handle_starttag(self, tag, attrs):
        given = dict(attrs)
        if tag == "select":
            self.select = given["name"]
        elif tag == "option" and "selected" in given:
            self.data.appendlist(self.select, given["value"])
        elif tag == "input" and "name" in given and (given.get("type") != "checkbox" or "checked" in given):
            self.data.appendlist(given["name"], given["value"])


def sent_by(rows) -> QueryDict:
    page = Sent()
    for row in rows:
        page.feed(render_to_string("achievements/editing/_row.html", {"row": row}))
    return page.data


def through_the_builder(text: str) -> str:
    """Read, shown as rows, sent by a browser, and written again."""
    rule = language.read(text)
    assert builder.can_show(rule)
    return builder.text_of(builder.parts_of_form(sent_by(builder.rows_of(builder.parts_of(rule), names={}))))


@settings(max_examples=200)
@given(rule=rules(WORDS))
def test_a_rule_goes_through_rows_and_text_and_comes_back_the_same(rule):
    text = render(rule, ids=IDS)

    written = through_the_builder(text)

    assert language.canonical(language.read(written)) == language.canonical(language.read(text))
    assert written == language.dump(language.read(text))


@pytest.mark.parametrize(
    "text",
    [
        "[{Subject:50, Kinds:[session, made_up, 'odd;one', 'a,b'], Count:2, DistinctPeople:true}]",
        "[{Subject:0, Count:1, MinScorePercent:0}]",
        "[{Subject:10, Count:1, After:'2026-01-01T08:30+02:00', Before:2026-12-31}]",
        "[{AtLeast:2, Of:[{Any:[{Subject:60, Days:3}]}, {All:[{Count:1}, {Subject:40, Points:5}]}]}]",
        "",
    ],
)
def test_what_is_seldom_written_is_not_lost_either(text):
    assert language.read(through_the_builder(text)) == language.read(text)


def test_a_row_that_is_no_rule_yet_keeps_what_was_typed_and_says_what_is_wrong_at_its_field():
    parts = builder.parts_of_form(
        QueryDict("rule.0.Subject=10&rule.0.Count=2.5&rule.1.group=Of&rule.1.0.Subject=60")
    )
    text = builder.text_of(parts)

    with pytest.raises(language.ConditionError) as refused:
        language.read(text)
    wrong, group = builder.rows_of(parts, names={}, errors=refused.value.remarks)

    [count] = [control for control in wrong.main if control.key == "Count"]
    assert count.text == "2.5"
    assert 'found "2.5"' in count.remarks[0].message
    assert "This group lacks AtLeast" in group.remarks[0].message
    assert "asks for nothing" in group.rows[0].remarks[0].message


def test_a_hint_is_told_at_its_field_as_what_stops_nobody():
    rule = language.read("[{Subject:10, Count:2, CourseIds:[1, 2], Complete:true}]")

    [row] = builder.rows_of(builder.parts_of(rule), names={}, hints=rule.hints)

    [count] = [control for control in row.main if control.key == "Count"]
    assert [said.is_hint for said in count.remarks] == [True]


def test_buttons_add_and_remove_rows_where_they_stand():
    parts = builder.parts_of(language.read("[{Count:1}, {Any:[{Count:2}, {Count:3}]}]"))

    assert builder.change(parts, do="add 1") == "row-1-2"
    assert builder.change(parts, do="group") == "row-2"
    assert builder.change(parts, do="remove 1.0") == "row-1-0"
    assert builder.change(parts, do="remove 0") == "row-0"
    assert builder.change(parts, do="remove 7") == ""
    assert builder.change(parts, do="add 0.1") == ""
    assert builder.change(parts, do=f"remove {'9' * 5_000}") == ""
    assert builder.change(parts, do="add first") == ""

    counts = [condition.count for condition in language.read(builder.text_of(parts)).leaves()]
    assert counts == [3, 1, 1, 1]


def test_another_subject_keeps_what_it_knows_and_drops_the_rest():
    [part] = builder.parts_of_form(
        QueryDict("rule.0.Subject=60&rule.0.Count=3&rule.0.Days=4&rule.0.CourseIds=1-2&rule.0.Complete=yes")
    )

    assert part == {"Subject": 60, "Days": 4}


def test_a_rule_that_is_too_long_is_left_to_its_text():
    many = ",".join(map(str, range(1, builder.MOST_NAMED + 2)))

    assert not builder.can_show(language.read(f"[{{Count:1, LabProfileIds:[{many}]}}]"))
    assert not builder.can_show(language.read(f"[{'{Count:1},' * (builder.MOST_CONDITIONS + 1)}]"))


@pytest.mark.parametrize("key", [starter.key for group in starters.GROUPS for starter in group.starters])
def test_every_idea_is_a_rule(key):
    parts = starters.parts_of(key)

    assert builder.parts_of(language.read(builder.text_of(parts))) == parts_with_defaults(parts)


def parts_with_defaults(parts):
    """As they are stored: a streak is one of sessions."""
    return [{**part, "Kinds": ["session"]} if part["Subject"] == 60 else part for part in parts]


def test_every_key_of_the_language_has_its_field():
    known = {name for row in SUBJECTS.values() for name in row.keys}

    assert set(builder.LABELS) == known - {"Subject"} == set(KEYS) - {"Subject"}
    assert set(builder.COUNTED) == set(SUBJECTS) == set(builder.SUBJECT_ORDER)
