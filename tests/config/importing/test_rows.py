"""Files as they come: every spoilt place costs its own line and no other."""

from __future__ import annotations

import pytest

from tests.config.importing.conftest import Folder
from tms import csv_file
from tms.models import Organization

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def only_organizations(folder: Folder) -> None:
    folder.keep_only("organizations")


def names() -> dict[str | None, str]:
    return dict(Organization.objects.values_list("external_id", "name"))


def places(folder: Folder) -> list[tuple[int | None, str | None]]:
    return [(problem.line, problem.column) for problem in folder.problems()]


@pytest.mark.parametrize(
    "content",
    [
        b"external_id,name\na,Eins\nb,Zw\xc3\xb6lf\n",
        b"external_id,name\na,Eins\nb,Zw\xc3\xb6lf",
        b"\xef\xbb\xbfexternal_id,name\r\na,Eins\r\nb,Zw\xc3\xb6lf\r\n",
        b"external_id,name\ra,Eins\rb,Zw\xc3\xb6lf\r",
        b'\n External_ID , NAME\n\n  a , Eins \n,\nb,"Zw\xc3\xb6lf"\n,\n',
    ],
    ids=["unix", "no last line end", "excel", "classic", "blanks"],
)
def test_what_programs_write_is_read(folder: Folder, content: bytes) -> None:
    folder.write("organizations", content)

    assert folder.problems() == []
    assert names() == {"a": "Eins", "b": "Zwölf"}


def test_a_cell_may_hold_commas_quotation_marks_and_line_breaks(folder: Folder) -> None:
    folder.write("organizations", b'external_id,name\na,"One, ""two""\r\nthree"\nb,Two\nc,\n')

    assert places(folder) == [(5, "name")]
    assert names() == {"a": 'One, "two"\nthree', "b": "Two"}


def test_a_byte_that_is_not_utf_8_costs_its_row(folder: Folder) -> None:
    folder.write("organizations", b"external_id,name\na,Caf\xe9\nb,Two\nc,Three")

    problem = folder.problem()

    assert (problem.line, problem.column) == (2, "name")
    assert "0xE9" in problem.message
    assert names() == {"b": "Two", "c": "Three"}


def test_a_nul_byte_costs_its_row(folder: Folder) -> None:
    folder.write("organizations", b"external_id,name\na,O\0ne\nb,Two")

    problem = folder.problem()

    assert (problem.line, problem.column) == (2, "name")
    assert "NUL" in problem.message
    assert names() == {"b": "Two"}


def test_an_unreadable_row_is_known_as_refused(folder: Folder) -> None:
    folder.write("organizations", b"external_id,name,parent\nb,Two,a\na,Caf\xe9,\n")

    assert "“a” was refused (organizations.csv, line 3)" in folder.problems()[0].message


@pytest.mark.parametrize("row", ['b,"Two', 'b,"Two"x', 'b,"Two\nc,"Three"x'])
def test_a_quotation_that_is_not_closed_costs_its_row_and_not_the_rest_of_the_file(
    folder: Folder, row: str
) -> None:
    folder.write("organizations", f"external_id,name\na,One\n{row}\nd,Four\ne,Five".encode())

    lines = [line for line, _column in places(folder)]

    assert lines == list(range(3, 3 + len(row.splitlines())))
    assert names() == {"a": "One", "d": "Four", "e": "Five"}


def test_a_quotation_that_swallows_rows_until_another_opens_costs_its_own_row(folder: Folder) -> None:
    folder.write("organizations", b'external_id,name\na,"One\nb,Two\nc,Three\nd,Four\n"e",Five\n')

    assert places(folder) == [(2, None)]
    assert names() == {"b": "Two", "c": "Three", "d": "Four", "e": "Five"}


def test_too_few_and_too_many_cells_are_told_with_their_number(folder: Folder) -> None:
    folder.write("organizations", "external_id,name,parent\na,One\nb,Two,,\nc,Three,")

    problems = folder.problems()

    assert [(problem.line, problem.message) for problem in problems] == [
        (2, "2 cells are found, the header has 3 columns."),
        (3, "4 cells are found, the header has 3 columns."),
    ]
    assert names() == {"c": "Three"}


def test_a_row_without_end_is_given_up(folder: Folder, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(csv_file, "LONGEST_ROW", 100)
    long = "x" * 350
    folder.write("organizations", f'external_id,name\na,{long}\nb,Two\nc,"{long}"\nd,"Four'.encode())

    assert [line for line, _column in places(folder)] == [2, 4, 5]
    assert names() == {"b": "Two"}


def test_a_cell_that_csv_cannot_hold_is_told(folder: Folder) -> None:
    folder.write("organizations", f"external_id,name\na,{'x' * 200_000}\nb,Two".encode())

    assert places(folder) == [(2, None)]
    assert names() == {"b": "Two"}


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "is empty"),
        (b"\n\n,,\n", "is empty"),
        (b'external_id,"name\na,One\n', "header"),
        ("external_id,name\na,One".encode("utf-16"), "no CSV in UTF-8"),
        (b"external_id;name\na;One", "are missing: external_id, name. Found are: external_id;name"),
        (b"PK\x03\x04\0\0", "no CSV in UTF-8"),
    ],
)
def test_a_file_that_is_no_csv_of_ours_is_refused_in_one_sentence(
    folder: Folder, content: bytes, words: str
) -> None:
    folder.write("organizations", content)

    assert words in folder.problem().message
    assert names() == {}


def test_a_file_of_a_header_alone_is_nothing_to_complain_about(folder: Folder) -> None:
    folder.write("organizations", "external_id,name")

    report = folder.run()

    assert report.problems == []
    assert report.counts["organizations"].created == 0
