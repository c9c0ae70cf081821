"""What people paste and upload becomes rows, and its columns are guessed."""

from __future__ import annotations

import pytest

from badges.lists.reading import EXAMPLE, MOST_BYTES, REPLACED, decoded, read, usable
from tms.csv_file import BadRow, Row
from tms.errors import DomainError


def cells(text: str) -> list[tuple[int, list[str]]]:
    return [(row.line, list(row.cells.values())) for row in read(text).rows]


@pytest.mark.parametrize(
    "text",
    [
        "email,badge\nada@x.org,Azure\nbob@x.org,Azure\n",
        "email;badge\r\nada@x.org;Azure\r\nbob@x.org;Azure\r\n",
        "email\tbadge\nada@x.org\tAzure\nbob@x.org\tAzure",
        '\ufeff"E-Mail ","badge"\n"ada@x.org","Azure"\n bob@x.org , Azure \n',
    ],
    ids=["commas", "semicolons", "tabs", "quoted"],
)
def test_what_spreadsheets_write_and_what_is_copied_from_them_is_read(text):
    assert cells(text) == [(2, ["ada@x.org", "Azure"]), (3, ["bob@x.org", "Azure"])]
    assert set(read(text).guess) == {"learner", "badge"}


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ('ada@x.org,"Cloud, Foundations"\n', ["ada@x.org", "Cloud, Foundations"]),
        ('ada@x.org,"Cloud; Basics; Foundations"\n', ["ada@x.org", "Cloud; Basics; Foundations"]),
        ('"ada@x.org";"Cloud, Basics, Foundations"\n', ["ada@x.org", "Cloud, Basics, Foundations"]),
        ('ada@x.org,"Cloud\nFoundations"\n', ["ada@x.org", "Cloud\nFoundations"]),
    ],
)
def test_a_delimiter_between_quotation_marks_parts_no_cells(text, found):
    assert cells(text) == [(1, found)]


@pytest.mark.parametrize("said", ["sep=;\r\n", '"sep=;"\n', "\ufeffSEP=;\n"])
def test_the_line_that_says_the_delimiter_to_spreadsheets_is_obeyed_and_is_no_row(said):
    assert cells(f"{said}email;badge, issued\nada@x.org;Azure\n") == [(2, ["ada@x.org", "Azure"])]
    assert cells(f"{said}ada@x.org;Azure,Basics,More\n") == [(1, ["ada@x.org", "Azure,Basics,More"])]
    assert cells("sep=|\nemail|badge\nada@x.org|Azure\n") == [(2, ["ada@x.org", "Azure"])]


def test_a_first_row_that_cannot_be_read_is_counted_by_those_that_can():
    rows = read('ada@x.org,"Azure\nbob@x.org,Azure\n').rows
    assert [isinstance(row, BadRow) for row in rows] == [True, False]


def test_addresses_without_a_header_are_learners_from_the_first_line_on():
    table = read("ada@x.org\nbob@x.org\n")
    assert cells("ada@x.org\nbob@x.org\n") == [(1, ["ada@x.org"]), (2, ["bob@x.org"])]
    assert table.guess == {"learner": "column 1"}
    assert read("Ada;ada@x.org\nBob;bob@x.org\n").guess == {"learner": "column 2"}


def test_a_first_row_without_a_known_name_is_data_and_loses_nobody():
    table = read("u-1001\nu-1002\n")
    assert (table.has_header, table.guess) == (False, {"learner": "column 1"})
    assert cells("u-1001\nu-1002\n") == [(1, ["u-1001"]), (2, ["u-1002"])]
    assert cells("u-1001;Azure\n") == [(1, ["u-1001", "Azure"])]
    assert read("Won by,What\nada@x.org,Azure\n").guess == {"learner": "column 1"}


def test_a_name_that_is_said_beside_the_list_makes_a_header():
    table = read("Won by,What\nu-1001,Azure\n", columns=["what"])
    assert (table.has_header, table.names) == (True, ("won by", "what"))


@pytest.mark.parametrize(
    ("header", "guess"),
    [
        ("Student E-mail,Badge Name", {"learner": "student e-mail", "badge": "badge name"}),
        ("external_id,badge_id", {"learner": "external_id", "badge": "badge_id"}),
        ("user,email,badge", {"learner": "email", "badge": "badge"}),
        (
            "email,badge,issue date,evidence url,evidence name,note",
            {
                "learner": "email",
                "badge": "badge",
                "issued_at": "issue date",
                "evidence_url": "evidence url",
                "evidence_name": "evidence name",
                "note": "note",
            },
        ),
        ("Who,What", {}),
    ],
)
def test_columns_are_recognized_by_the_names_people_give_them(header, guess):
    assert read(f"{header}\n").guess == guess


def test_the_example_that_people_are_shown_is_understood_without_a_word():
    table = read(EXAMPLE)
    assert set(table.guess.values()) == set(table.names)
    assert all(isinstance(row, Row) for row in table.rows)


def test_a_spoilt_row_costs_itself():
    table = read('email,badge\nada@x.org\nbob@x.org,"Azure\ncid@x.org,Azure\n')
    assert [(row.line, isinstance(row, BadRow)) for row in table.rows] == [(2, True), (3, True), (4, False)]


@pytest.mark.parametrize("text", ["", "\n \n", "email,email\n"])
def test_a_text_of_which_nothing_can_be_used_is_refused_with_the_reason(text):
    with pytest.raises(DomainError) as refusal:
        read(text)
    assert refusal.value.code == "unreadable"
    assert refusal.value.fields["text"]


def test_a_file_is_text_of_one_kind_or_another():
    assert decoded("\ufeffé".encode()) == "é"
    assert decoded("é,ü".encode("utf-16")) == "é,ü"
    assert decoded("é".encode("latin-1")) == REPLACED
    assert decoded(b"a\0b") == f"a{REPLACED}b"


def test_a_file_that_is_too_large_is_refused_with_both_sizes():
    with pytest.raises(DomainError) as refusal:
        decoded(b"x" * (MOST_BYTES + 200_000))
    assert refusal.value.message == "The file has 5.2 MB; at most 5 MB are allowed."


def test_a_mapping_names_fields_and_columns_that_there_are():
    table = read("email,badge\n")
    chosen = {"learner": "email", "badge": "gone", "colour": "email"}
    assert usable(chosen, table) == {"learner": "email"}
