"""Whatever a folder holds, an import ends in a report; and what landed once does not move again."""

from __future__ import annotations

import csv
from collections.abc import Callable
from io import StringIO
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from django.db import transaction
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from config.importing import ImportReport, import_folder
from config.importing.folder import SHEETS
from tests.config.importing.conftest import SOUND, dump

pytestmark = pytest.mark.django_db

COLUMNS = {sheet.name: [column.name for column in sheet.columns] for sheet in SHEETS}
OPTIONAL = {sheet.name: {column.name for column in sheet.columns if not column.in_header} for sheet in SHEETS}
NAMES = list(COLUMNS)

# Words that mean something in some column, so that generated rows get far, beside any other text.
WORDS = sorted(
    {cell for text in SOUND.values() for line in text.splitlines()[2:] for cell in line.strip().split(",")}
)
cells = st.one_of(
    st.sampled_from(WORDS),
    st.sampled_from(
        ["", "1", "2", "59", "true", "2026-03-02T09:00:00Z", "[{Subject:0, Count:1}]", ";", "a;b"]
    ),
    st.text(max_size=30),
)


class _Undo(Exception):
    pass


def in_folder(files: dict[str, bytes], act: Callable[[Path], None]) -> None:
    """Import into a database that is empty again afterwards."""
    with TemporaryDirectory() as name:
        path = Path(name)
        for file, content in files.items():
            (path / f"{file}.csv").write_bytes(content)
        try:
            with transaction.atomic():
                act(path)
                raise _Undo
        except _Undo:
            pass


def encoded(name: str, rows: list[list[str]]) -> bytes:
    text = StringIO()
    csv.writer(text).writerows([COLUMNS[name], *rows])
    return text.getvalue().encode("utf-8", errors="surrogatepass")


@st.composite
def folders(draw: st.DrawFn) -> dict[str, list[list[str]]]:
    """Sound rows of every file, some of them with a few cells replaced by others."""
    files = {}
    for name, text in SOUND.items():
        header, *rows = csv.reader(StringIO("\n".join(line.strip() for line in text.strip().splitlines())))
        silent = set(COLUMNS[name]) - set(header)
        assert silent <= OPTIONAL[name]
        header += silent
        rows = [[*row, *("" for _column in silent)] for row in rows]
        order = [header.index(column) for column in COLUMNS[name]]
        rows = [[row[index] for index in order] for row in rows]
        rows += draw(st.lists(st.sampled_from(rows), max_size=2).map(lambda found: [[*row] for row in found]))
        for row in rows:
            for place in draw(st.sets(st.integers(0, len(row) - 1), max_size=2)):
                row[place] = draw(cells)
        files[name] = rows
    return files


anything = settings(
    max_examples=25,
    deadline=None,
    suppress_health_check=[
        HealthCheck.function_scoped_fixture,
        HealthCheck.too_slow,
        HealthCheck.data_too_large,
    ],
)


@anything
@given(st.dictionaries(st.sampled_from(NAMES), st.binary(max_size=400), min_size=1))
def test_any_bytes_end_in_a_report(files: dict[str, bytes]) -> None:
    def act(path: Path) -> None:
        report = import_folder(path)
        assert set(report.counts) == set(files)

    in_folder(files, act)


@anything
@given(st.dictionaries(st.sampled_from(NAMES), st.binary(max_size=400), min_size=1))
def test_any_bytes_below_a_sound_header_end_in_a_report(files: dict[str, bytes]) -> None:
    def act(path: Path) -> None:
        import_folder(path)

    in_folder({name: encoded(name, []) + content for name, content in files.items()}, act)


@anything
@given(folders())
def test_any_rows_land_or_are_told_and_do_not_move_again(files: dict[str, list[list[str]]]) -> None:
    def act(path: Path) -> None:
        first = import_folder(path)
        before = dump()
        second = import_folder(path)

        assert dump() == before
        for name, rows in files.items():
            landed = first.counts[name].created
            assert second.counts[name].unchanged == landed
            assert first.counts[name].refused == second.counts[name].refused
            assert landed + first.counts[name].refused == len(
                [row for row in rows if any(map(str.strip, row))]
            )
        assert told(first) == told(second)

    in_folder({name: encoded(name, rows) for name, rows in files.items()}, act)


def told(report: ImportReport) -> set[tuple[str, int | None]]:
    return {(problem.file, problem.line) for problem in report.problems}
