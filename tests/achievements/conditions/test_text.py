from __future__ import annotations

import json
import sys
from collections.abc import Callable
from types import FrameType
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from achievements.conditions.text import (
    MAX_BYTES,
    MAX_ERRORS,
    MAX_NESTING,
    Array,
    Member,
    Node,
    Object,
    Report,
    Scalar,
    Stop,
    in_text_order,
    parse,
    pointer_to,
    shown,
    write,
    write_rows,
)


def parsed(text: str) -> Array:
    """The tree of a text without errors."""
    report = Report(text)
    tree = parse(text, report)
    assert report.errors == []
    return tree


def plain(node: Node) -> Any:
    if isinstance(node, Array):
        return [plain(item) for item in node.items]
    if isinstance(node, Object):
        return {member.key: plain(member.value) for member in node.members}
    return node.value


def refused(text: str) -> Report:
    report = Report(text)
    try:
        parse(text, report)
    except Stop:
        assert report.errors
    return report


def places(report: Report) -> list[tuple[str, int, int, str]]:
    return [
        (remark.code, remark.line, remark.column, remark.pointer) for remark in in_text_order(report.errors)
    ]


json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**18), 10**18) | st.text(st.characters(codec="utf-8")),
    lambda values: st.lists(values, max_size=4) | st.dictionaries(st.text(max_size=8), values, max_size=4),
    max_leaves=12,
)


@given(st.lists(json_values, max_size=4), st.sampled_from([None, 2]))
def test_strict_json_is_read_as_json_reads_it(value: list[Any], indent: int | None) -> None:
    text = json.dumps(value, indent=indent, ensure_ascii=True)

    assert plain(parsed(text)) == json.loads(text)


@given(st.lists(json_values, max_size=4))
def test_what_is_written_is_strict_json_of_the_same_value(value: list[Any]) -> None:
    tree = parsed(json.dumps(value))

    assert json.loads(write(tree)) == value
    assert json.loads(write_rows(tree)) == value
    assert plain(parsed(write_rows(tree))) == value


def test_typographic_quotes_inside_text_are_written_so_that_they_do_not_close_it() -> None:
    tree = parsed("['“Lab”']")

    assert write(tree) == r'["\u201cLab\u201d"]'


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("[{Count:1}]", [{"Count": 1}]),
        ("[True, TRUE, true, False, FALSE, Null, NULL]", [True, True, True, False, False, None, None]),
        ("['a', “b”, ”c”, „d“, «e», ‘f’, ‚g‘, `h´, \"i”]", ["a", "b", "c", "d", "e", "f", "g", "h", "i"]),
        ("[1, 2,]", [1, 2]),
        ("[{a: 1, b: 2, }, ]", [{"a": 1, "b": 2}]),
        ("\ufeff[\u00a01,\u202f2\u200b,\u3000\u20603]", [1, 2, 3]),
        ("// first\n[1, /* two: [ */ 2] // last", [1, 2]),
        ("[1 // one\r, 2 // two\r\n]", [1, 2]),
        ("[Course Tag, /**/ User\nAchievement]", ["Course Tag", "User Achievement"]),
        (
            r'["\u0043ount", "\ud83c\udf96", "\ud800", "a\"b\\c\/\n", "it\'s"]',
            ["Count", "🎖", "�", 'a"b\\c/\n', "it's"],
        ),
        ("[-1, 0, 2.0, 1e3, 01, +1, .5]", [-1, 0, "2.0", "1e3", "01", "+1", ".5"]),
        ("[Straße, ラボ]", ["Straße", "ラボ"]),
        ("[{a:2024-02-29, b:2024-02-29T10:00Z}]", [{"a": "2024-02-29", "b": "2024-02-29T10:00Z"}]),
        (
            "[2024-02-29 10:00, 2024-02-29t10:00:30.5-05:30]",
            ["2024-02-29 10:00", "2024-02-29t10:00:30.5-05:30"],
        ),
        ("", []),
        (" \n/* nothing */ ", []),
    ],
)
def test_relaxed_spelling_is_read(text: str, value: Any) -> None:
    assert plain(parsed(text)) == value


def test_bare_words_and_decimals_are_told_from_quoted_text() -> None:
    quoted, word, decimal = parsed('["Lab", Lab, 2.0]').items

    assert quoted == Scalar(1, '"Lab"', "Lab", quoted=True)
    assert word == Scalar(8, "Lab", "Lab", quoted=False)
    assert decimal == Scalar(13, "2.0", "2.0", quoted=False)


def test_a_number_of_very_many_digits_stays_a_large_number_of_its_sign() -> None:
    large, small = parsed(f"[{'9' * 30_000}, -{'9' * 30_000}]").items

    assert isinstance(large, Scalar)
    assert isinstance(small, Scalar)
    assert isinstance(large.value, int)
    assert isinstance(small.value, int)
    assert large.value > 2**62
    assert small.value < -(2**62)


def test_keys_are_kept_in_order_with_their_places_even_when_repeated() -> None:
    (condition,) = parsed("[{a: 1,\n a: 2}]").items

    assert isinstance(condition, Object)
    assert condition.members == (
        Member(2, "a", Scalar(5, "1", 1, quoted=False)),
        Member(9, "a", Scalar(12, "2", 2, quoted=False)),
    )


@pytest.mark.parametrize(
    ("text", "errors", "corrected"),
    [
        ("[{a[1]}]", [("missing_colon", 1, 3, "/0/a")], '[{"a": [1]}]'),
        ("[{a 1}]", [("missing_colon", 1, 3, "/0/a")], '[{"a": 1}]'),
        ("[{a = 1}]", [("missing_colon", 1, 3, "/0/a")], '[{"a": 1}]'),
        ("[{a:1 b:2}]", [("missing_comma", 1, 7, "/0")], '[{"a": 1, "b": 2}]'),
        ("[{a:Lab b:2}]", [("missing_comma", 1, 9, "/0")], '[{"a": "Lab", "b": 2}]'),
        ("[{a:1; b:2}]", [("missing_comma", 1, 6, "/0")], '[{"a": 1, "b": 2}]'),
        ("[1\n 2]", [("missing_comma", 2, 2, "")], "[1,\n 2]"),
        ("[1,,2]", [("unexpected", 1, 4, "")], "[1,\n 2]"),
        ("[,1]", [("unexpected", 1, 2, "")], "[1]"),
        ("[{,a:1}]", [("unexpected", 1, 3, "/0")], '[{"a": 1}]'),
        ("[a:1, b:2]", [("missing_braces", 1, 2, "/0")], '[{"a": 1, "b": 2}]'),
        ("a:1, b:2", [("missing_braces", 1, 1, "/0")], '[{"a": 1, "b": 2}]'),
        ("{a:1}, {b:2}", [("missing_brackets", 1, 8, "")], '[{"a": 1},\n {"b": 2}]'),
        ("{a:1}\n{b:2}", [("missing_brackets", 2, 1, "")], '[{"a": 1},\n {"b": 2}]'),
        ("[{a:1}", [("unclosed", 1, 1, "")], '[{"a": 1}]'),
        ("[{a:1]", [("unclosed", 1, 2, "/0")], '[{"a": 1}]'),
        ("[{a:[1, 2}]", [("unclosed", 1, 5, "/0/a")], '[{"a": [1, 2]}]'),
        ("[{a:1}}]", [("unexpected", 1, 7, "")], '[{"a": 1}]'),
        ("{a:1}]", [("unexpected", 1, 6, "")], '[{"a": 1}]'),
        ("[{a:1}]],", [("unexpected", 1, 8, ""), ("unexpected", 1, 9, "")], '[{"a": 1}]'),
    ],
)
def test_forgotten_marks_are_errors_and_the_tree_is_completed(
    text: str, errors: list[tuple[str, int, int, str]], corrected: str
) -> None:
    report = Report(text)
    tree = parse(text, report)

    assert places(report) == errors
    assert report.is_repaired
    assert write_rows(tree) == corrected
    assert parsed(corrected)


@pytest.mark.parametrize(
    ("text", "errors"),
    [
        ("[{a:}]", [("missing_value", 1, 3, "/0/a")]),
        ("[{a}]", [("missing_value", 1, 3, "/0/a")]),
        ("[{a:, b:1}]", [("missing_value", 1, 3, "/0/a")]),
        ("[{a: b: 1}]", [("missing_value", 1, 3, "/0/a"), ("missing_comma", 1, 6, "/0")]),
        ("[{[1]}]", [("missing_key", 1, 3, "/0")]),
        ("[{:}]", [("missing_key", 1, 3, "/0")]),
        ("[:]", [("unexpected", 1, 2, "/0")]),
        ("[/]", [("unexpected", 1, 2, "/0")]),
        ("[1] 2", [("text_after_end", 1, 5, "")]),
        ('["a\n]', [("unclosed_text", 1, 2, "/0")]),
        ('["a', [("unclosed", 1, 1, ""), ("unclosed_text", 1, 2, "/0")]),
        ('["a\\', [("unclosed", 1, 1, ""), ("unknown_escape", 1, 4, "/0")]),
        (r'["\x"]', [("unknown_escape", 1, 3, "/0")]),
        (r'["\u12"]', [("unknown_escape", 1, 3, "/0")]),
        ("[1] /* ", [("unclosed_comment", 1, 5, "")]),
        ("[1\0]", [("unreadable_character", 1, 3, "")]),
        ("[1, \ud800]", [("unreadable_character", 1, 5, "")]),
    ],
)
def test_what_cannot_be_completed_is_refused_with_its_place(
    text: str, errors: list[tuple[str, int, int, str]]
) -> None:
    report = refused(text)

    assert places(report) == errors
    assert not report.is_repaired


def test_lines_end_as_on_every_system_and_columns_count_characters() -> None:
    report = refused("[\r\n1,\r 🎖🎖, :]\n\n,")

    assert places(report) == [("unexpected", 3, 6, "/2"), ("unexpected", 5, 1, "")]


def test_nesting_may_be_as_deep_as_allowed_and_no_deeper() -> None:
    assert parsed("[" * MAX_NESTING + "]" * MAX_NESTING)
    assert places(refused("[" * (MAX_NESTING + 1)))[0][:3] == ("too_deep", 1, MAX_NESTING + 1)


@pytest.mark.parametrize("opening", ["[", "{a:", "[{a:", "{", "[["])
def test_endless_nesting_is_refused_without_recursion(opening: str) -> None:
    assert refused(opening * (MAX_BYTES // len(opening))).errors


def test_the_limit_of_size_is_inclusive_and_counts_bytes() -> None:
    assert plain(parsed("[1]" + " " * (MAX_BYTES - 3))) == [1]
    assert places(refused("[1]" + " " * (MAX_BYTES - 2))) == [("too_long", 1, 1, "")]
    assert places(refused("é" * (MAX_BYTES // 2 + 1))) == [("too_long", 1, 1, "")]


def test_reading_stops_after_as_many_errors_as_anybody_reads() -> None:
    report = refused("[" + ",;" * 1000 + "]")

    assert len(report.errors) == MAX_ERRORS
    assert not report.is_repaired


def test_found_text_is_short_and_visible_in_messages() -> None:
    assert shown("a" * 40) == "a" * 40
    assert shown("a" * 41) == "a" * 40 + "…"
    assert shown("a\0b\ud800\n") == "a�b��"


def test_pointers_escape_as_json_pointers_do() -> None:
    assert pointer_to() == ""
    assert pointer_to(0, "a/b~c") == "/0/a~1b~0c"


def calls_of(function: Callable[[], object]) -> int:
    """How many functions, of Python and of C, are called: a measure of work that no clock disturbs."""
    count = 0

    def note(_frame: FrameType, event: str, _argument: object) -> None:
        nonlocal count
        count += event in {"call", "c_call"}

    before = sys.getprofile()
    sys.setprofile(note)
    try:
        function()
    finally:
        sys.setprofile(before)
    return count


@pytest.mark.parametrize(
    ("head", "repeated", "tail"),
    [
        ("[", "{Count:1, LabProfileIds:[1,2]},\n", "]"),
        ("[", "1,", "]"),
        ("[", "1 ", "]"),
        ("[", "a ", "]"),
        ("[{", "a ", "}]"),
        ("[{", "a ", ":1}]"),
        ("[{", "a:", "}]"),
        ("", "{a:1}", ""),
        ("", "[", ""),
        ("", "]", ""),
        ("[1", ",", "]"),
        ("[", '"a" ', "]"),
        ('["', r"\"", '"]'),
        ('["', r"\u0041", '"]'),
        ("[", '"\n', "]"),
        ("", "/* */", "[]"),
        ("", "/*", ""),
        ("", "// \n", "[]"),
        ("", " \u00a0", "[]"),
        ("[", "-", "]"),
        ("[", "9", "]"),
        ("[", "2024-02-29T10:00 ", "]"),
        ("[2024-02-29T10:00", ":00", "]"),
        ("[", "{Any:[{Count:1}, {AtLeast:1, Of:[{Days:5}]}]},", "]"),
    ],
)
def test_twice_the_text_takes_at_most_twice_the_work(head: str, repeated: str, tail: str) -> None:
    times = 8_000 // len(repeated)
    once = calls_of(lambda: refused(head + repeated * times + tail))
    twice = calls_of(lambda: refused(head + repeated * 2 * times + tail))

    assert twice <= 2.1 * once


UNITS = [
    "[",
    "]",
    "{",
    "}",
    ":",
    ",",
    ";",
    "=",
    '"',
    "'",
    "“",
    "/",
    "*",
    "//",
    "/*",
    "*/",
    "\\",
    "\\u00",
    "a",
    "1",
    "-",
    ".",
]
UNITS += [
    "\n",
    " ",
    "\u200b",
    "é",
    "🎖",
    "null",
    "Count",
    "a:",
    "a ",
    "{a:",
    "[{",
    "]}",
    "2024-02-29T10:00",
    "{a:[1],",
]


@given(
    st.lists(st.sampled_from(UNITS), min_size=1, max_size=6).map("".join),
    st.sampled_from(["", "[", "[{", '["']),
)
def test_whatever_is_repeated_takes_work_in_proportion(unit: str, head: str) -> None:
    times = max(3_000 // len(unit), 60)  # long enough for the reading to have stopped after its errors
    once = calls_of(lambda: refused(head + unit * times))
    twice = calls_of(lambda: refused(head + unit * 2 * times))

    assert twice <= 2.2 * once


@pytest.mark.parametrize("unit", UNITS)
def test_a_megabyte_of_anything_is_refused_for_its_size_alone(unit: str) -> None:
    text = unit * (1_000_000 // len(unit))
    report = refused(text)

    assert [remark.code for remark in report.errors] == ["too_long"]
