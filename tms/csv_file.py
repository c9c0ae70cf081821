"""From the bytes of a CSV file to rows of text. What the cells mean is not known here.

A spoilt place costs its own line and no other: reading goes on with the line after it, even when a
quotation mark that nobody closed seems to swallow the rest of the file.
"""

from __future__ import annotations

import csv
from collections import deque
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TextIO

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

_FORMULA = ("=", "+", "-", "@", "\t", "\r")
LONGEST_ROW = 1 << 20  # characters; no row comes near, and no spoilt file can fill the memory


@dataclass(frozen=True, slots=True)
class Row:
    """A row by column name, its cells trimmed. `line` is where it starts."""

    line: int
    cells: dict[str, str]


@dataclass(frozen=True, slots=True)
class BadRow:
    """A row that cannot be read, or whose cell in `column` cannot be stored."""

    line: int
    message: str
    column: str | None = None
    external_id: str = ""


class UnreadableFile(Exception):
    """Nothing of the file can be used; the text says why."""


class CsvFile:
    """An open CSV file: its header has been read, its rows come one by one."""

    def __init__(self, stream: TextIO, *, delimiter: str = ",") -> None:
        self._records = _records(_Lines(stream), delimiter)
        self.header = self._read_header()

    def _read_header(self) -> tuple[str, ...]:
        for line, found in self._records:
            if isinstance(found, str):
                raise UnreadableFile(_("The header in line %(line)d cannot be read.") % {"line": line})
            names = tuple(name.strip().lower() for name in found)
            if wrong := _unstorable(",".join(names)):
                raise UnreadableFile(_("The file is no CSV in UTF-8. %(reason)s") % {"reason": wrong})
            if repeated := sorted({name for name in names if name and names.count(name) > 1}):
                raise UnreadableFile(
                    _("The header names a column twice: %(names)s.") % {"names": ", ".join(repeated)}
                )
            return names
        raise UnreadableFile(_("The file is empty. Its first line must name the columns."))

    def rows(self, columns: Collection[str]) -> Iterator[Row | BadRow]:
        """Every row that has any text, with the cells of `columns`."""
        wanted = [(index, name) for index, name in enumerate(self.header) if name in columns]
        for line, found in self._records:
            yield self._row(line, found, wanted)

    def _row(self, line: int, found: list[str] | str, wanted: list[tuple[int, str]]) -> Row | BadRow:
        if isinstance(found, str):
            return BadRow(line, found)
        if len(found) != len(self.header):
            return BadRow(
                line,
                ngettext(
                    "%(found)d cell is found, the header has %(allowed)d columns.",
                    "%(found)d cells are found, the header has %(allowed)d columns.",
                    len(found),
                )
                % {"found": len(found), "allowed": len(self.header)},
            )
        cells = {name: found[index].strip() for index, name in wanted}
        for name, cell in cells.items():
            if wrong := _unstorable(cell):
                return BadRow(line, wrong, column=name, external_id=cells.get("external_id", ""))
        return Row(line, cells)


def first_cells(stream: TextIO, *, delimiter: str = ",") -> list[str]:
    """The first row that can be read, its cells trimmed; of a file without one, nothing."""
    found = (cells for _line, cells in _records(_Lines(stream), delimiter) if not isinstance(cells, str))
    return [cell.strip() for cell in next(found, [])]


def open_csv(path: Path) -> TextIO:
    """Bytes that are no UTF-8 come through as lone surrogates, so that one row is lost and not the file."""
    return path.open(encoding="utf-8-sig", errors="surrogateescape")


def harmless(text: str) -> str:
    """A cell that no spreadsheet takes for a formula."""
    return f"'{text}" if text.startswith(_FORMULA) else text


def count_rows(path: Path) -> int:
    """About how many rows there are: empty lines and line breaks in cells are counted too."""
    breaks, last = 0, b"\n"
    with path.open("rb") as file:
        for block in iter(partial(file.read, 1 << 20), b""):
            breaks += block.count(b"\n")
            last = block[-1:]
    return max(breaks + (last != b"\n") - 1, 0)


def _unstorable(text: str) -> str | None:
    """What is wrong with a text that no database column takes."""
    if "\0" in text:
        return _("A NUL byte is found; only text is allowed.")
    if text.isascii():
        return None
    try:
        text.encode()
    except UnicodeEncodeError as error:
        byte = ord(text[error.start]) & 0xFF
        return _("The byte 0x%(byte)s is found, which is not UTF-8.") % {"byte": f"{byte:02X}"}
    return None


class _Lines:
    """The lines of a file, which remember the row being read and can take back all but its first line."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._returned: deque[str] = deque()
        self._row: list[str] = []
        self._row_length = 0
        self.number = 0  # of the line read last

    def __iter__(self) -> _Lines:
        return self

    def __next__(self) -> str:
        line = self._returned.popleft() if self._returned else self._read()
        if not line:
            raise StopIteration
        self.number += 1
        self._row.append(line)
        self._row_length += len(line)
        if self._row_length > LONGEST_ROW:
            raise csv.Error(_("the row is longer than %(limit)d characters") % {"limit": LONGEST_ROW})
        return line

    def _read(self) -> str:
        line = self._stream.readline(LONGEST_ROW + 1)
        rest = line
        while len(rest) > LONGEST_ROW and not rest.endswith("\n"):
            rest = self._stream.readline(LONGEST_ROW + 1)
        return line

    @property
    def start(self) -> int:
        return self.number - len(self._row) + 1

    @property
    def is_several(self) -> bool:
        return len(self._row) > 1

    @property
    def opens_quotation(self) -> bool:
        return self._row[0].count('"') % 2 == 1

    def begin_row(self) -> None:
        self._row = []
        self._row_length = 0

    def give_back(self) -> None:
        """Let all lines of the row but the first be read again."""
        again = self._row[1:]
        self._returned.extendleft(reversed(again))
        self.number -= len(again)
        del self._row[1:]


def _records(lines: _Lines, delimiter: str) -> Iterator[tuple[int, list[str] | str]]:
    """Each row's first line with its cells, or with what is wrong."""
    width = 0
    reader = csv.reader(lines, delimiter=delimiter, strict=True)
    while True:
        lines.begin_row()
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            lines.give_back()
            reader = csv.reader(lines, delimiter=delimiter, strict=True)
            yield lines.start, _unclosed() if lines.opens_quotation else _spoilt(error)
            continue
        if not any(cell.strip() for cell in cells):
            continue
        width = width or len(cells)
        if lines.is_several and len(cells) != width:
            lines.give_back()
            yield lines.start, _unclosed()
            continue
        yield lines.start, cells


def _unclosed() -> str:
    return _("A quotation mark is opened in this row and not closed where it should be.")


def _spoilt(error: csv.Error) -> str:
    return _("This row cannot be read as CSV: %(reason)s.") % {"reason": error}
