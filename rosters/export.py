"""The roster as a file for spreadsheets, written while it is read."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from typing import TYPE_CHECKING

from tms.finding.export import csv_lines

if TYPE_CHECKING:
    from rosters.table import Row, Table

CHUNK = 500


def lines(table: Table) -> Iterator[str]:
    """The head and a line for each row that the filters leave, in the order that was asked for."""
    return csv_lines(table.listing.columns, _rows(table))


def _rows(table: Table) -> Iterator[Row]:
    enrollments = table.found.rows.iterator(chunk_size=CHUNK)
    while chunk := list(islice(enrollments, CHUNK)):
        yield from table.rows_of(chunk)
