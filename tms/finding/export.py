"""What was found, as a file for spreadsheets: CSV written while it is read, or Excel."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator, Sequence
from datetime import date, datetime
from tempfile import TemporaryFile
from typing import IO, TYPE_CHECKING, Any

from django.utils.timezone import is_aware, localtime
from django.utils.translation import gettext as _
from openpyxl import Workbook

from tms.csv_file import harmless

if TYPE_CHECKING:
    from tms.finding.listing import Column

CHUNK = 2_000
# An Excel file is made as a whole before the first byte of it leaves; larger lists go as CSV.
MOST_IN_EXCEL = 50_000


class _Line:
    """The csv module writes to it, and it hands the line on."""

    def write(self, text: str) -> str:
        return text


def csv_lines(columns: Sequence[Column], rows: Iterable[Any]) -> Iterator[str]:
    """The head and a line for each row, as they come."""
    writer = csv.writer(_Line())
    # The mark by which spreadsheets recognize UTF-8.
    yield "\ufeff" + writer.writerow([harmless(str(column.label)) for column in columns])
    for row in rows:
        yield writer.writerow([harmless(as_text(column.value(row))) for column in columns])


def excel_file(title: str, columns: Sequence[Column], rows: Iterable[Any]) -> IO[bytes]:
    """An open file. Moments are in the active zone: Excel knows none."""
    book = Workbook(write_only=True)
    sheet = book.create_sheet(title=_sheet_title(title))
    sheet.freeze_panes = "A2"
    sheet.append([harmless(str(column.label)) for column in columns])
    for row in rows:
        sheet.append([_as_cell(column.value(row)) for column in columns])
    file = TemporaryFile()  # noqa: SIM115 - the response closes it
    book.save(file)
    file.seek(0)
    return file


def as_text(value: object) -> str:
    """A moment in the active zone and without it, as spreadsheets read one."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return _("Yes") if value else _("No")
    if isinstance(value, datetime):
        return f"{localtime(value):%Y-%m-%d %H:%M:%S}" if is_aware(value) else f"{value:%Y-%m-%d %H:%M:%S}"
    if isinstance(value, date):
        return value.isoformat()
    return str(value)


def _as_cell(value: object) -> object:
    if isinstance(value, datetime):
        return localtime(value).replace(tzinfo=None) if is_aware(value) else value
    if isinstance(value, int | float | date) and not isinstance(value, bool):
        return value
    # Control characters are in no XML file.
    text = "".join(character for character in as_text(value) if character >= " " or character in "\t\n")
    return harmless(text)


def _sheet_title(title: str) -> str:
    return "".join(" " if character in "\\/*?:[]" else character for character in title)[:31]
