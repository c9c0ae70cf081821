"""The roster as a file for spreadsheets, written while it is read."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from itertools import islice
from typing import TYPE_CHECKING

from tms.csv_file import harmless

if TYPE_CHECKING:
    from rosters.table import Table

CHUNK = 500


class _Line:
    """The csv module writes to it, and it hands the line on."""

    def write(self, text: str) -> str:
        return text


def lines(table: Table) -> Iterator[str]:
    """The head and a line for each row that the filters leave, in the order that was asked for."""
    columns = table.listing.columns
    writer = csv.writer(_Line())
    # The mark by which spreadsheets recognize UTF-8.
    yield "\ufeff" + writer.writerow([harmless(str(column.label)) for column in columns])
    enrollments = table.found.rows.iterator(chunk_size=CHUNK)
    while chunk := list(islice(enrollments, CHUNK)):
        for row in table.rows_of(chunk):
            yield writer.writerow([harmless(str(column.value(row))) for column in columns])
