"""From what somebody pasted or uploaded to rows of cells, and which column means what. Nothing is judged."""

from __future__ import annotations

import io
import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TextIO

from django.db import models
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from tms.csv_file import BadRow, CsvFile, Row, UnreadableFile, first_cells
from tms.errors import DomainError

DELIMITERS = (",", ";", "\t")
REPLACED = "\ufffd"
MOST_BYTES = 5_000_000
_SAID = re.compile(r'\s*"?sep=(?P<delimiter>[^\w\s"]|\t)"?[^\S\n]*\n', re.IGNORECASE)
_LOOKED_AT = 10_000  # characters, to guess the delimiter by
_BYTE_ORDER_MARKS = {b"\xff\xfe": "utf-16", b"\xfe\xff": "utf-16"}


class Field(models.TextChoices):
    """What a column may mean."""

    LEARNER = "learner", gettext_lazy("Learner")
    BADGE = "badge", gettext_lazy("Badge")
    ISSUED_AT = "issued_at", gettext_lazy("Date of issue")
    EVIDENCE_URL = "evidence_url", gettext_lazy("Address of the evidence")
    EVIDENCE_NAME = "evidence_name", gettext_lazy("Name of the evidence")
    NOTE = "note", gettext_lazy("Note")


# In English whoever reads it, since that is what columns are recognized by.
EXAMPLE = """\
email,badge,issue date,evidence url,note
ada@example.org,Cloud Foundations,2026-03-02,https://example.org/talk,Best talk
u-1002,b-azure,,,"""

# The names by which a column is recognized, bare of spaces and signs; the first that a header has wins. In
# every language that pages are in, since lists come from what these export.
_NAMES: dict[Field, str] = {
    Field.LEARNER: "email emailaddress mail learner student user recipient externalid userid learnerid "
    "studentid recipientemail useremail studentemail learneremail "
    "emailadresse lernende lernender teilnehmer teilnehmende teilnehmerin person empfänger externeid",
    Field.BADGE: "badge badgeid badgename badgeexternalid credential template vorlage",
    Field.ISSUED_AT: "issuedat issuedate dateofissue issued issuedon date dateissued earned earnedat "
    "ausstellungsdatum ausgestelltam ausgestellt datum erreicht erreichtam",
    Field.EVIDENCE_URL: "evidenceurl evidencelink evidence url link adressedesnachweises nachweis",
    Field.EVIDENCE_NAME: "evidencename evidencetitle namedesnachweises",
    Field.NOTE: "note notes reason comment remark notiz bemerkung kommentar",
}
_KNOWN = frozenset(" ".join(_NAMES.values()).split())


@dataclass(frozen=True)
class Table:
    """The rows of a list, by the names of its columns. A list without a header has numbered ones."""

    names: tuple[str, ...]
    rows: tuple[Row | BadRow, ...]
    has_header: bool

    @cached_property
    def guess(self) -> dict[str, str]:
        """field → name of the column that probably means it."""
        if not self.has_header:
            return self._guess_by_content()
        bare = {_bare(name): name for name in reversed(self.names) if name}
        found = {
            field.value: bare[known]
            for field, spellings in _NAMES.items()
            if (known := next((name for name in spellings.split() if name in bare), None))
        }
        return found if Field.LEARNER in found else {**self._guess_by_content(), **found}

    def _guess_by_content(self) -> dict[str, str]:
        """Addresses are learners'."""
        cells = (item for row in self.rows if isinstance(row, Row) for item in row.cells.items())
        with_address = (name for name, cell in cells if "@" in cell)
        name = next(with_address, self.names[0] if len(self.names) == 1 else None)
        return {Field.LEARNER.value: name} if name else {}


def decoded(content: bytes) -> str:
    """The text of a file. Bytes that are no text become signs that cost their own row (checking)."""
    if len(content) > MOST_BYTES:
        raise DomainError(
            "too_large",
            _("The file has %(found).1f MB; at most %(most)d MB are allowed.")
            % {"found": len(content) / 1_000_000, "most": MOST_BYTES // 1_000_000},
        )
    encoding = _BYTE_ORDER_MARKS.get(content[:2], "utf-8-sig")
    # A NUL byte is no text either, and no database keeps one.
    return content.decode(encoding, errors="replace").replace("\0", REPLACED)


def read(text: str, *, columns: Collection[str] = ()) -> Table:
    """Raises DomainError for a text of which nothing can be used.

    The first row is a header if it has a name that columns are recognized by, or one of `columns`, and no
    address; else it is data, since a learner who is lost without a word is worse than a row that is refused.
    """
    text, delimiter = _delimited(text.removeprefix("\ufeff"))
    first = first_cells(_stream(text), delimiter=delimiter)
    has_header = not first or (
        not any("@" in cell for cell in first)
        and any(_bare(cell) in _KNOWN or cell.lower() in columns for cell in first)
    )
    if not has_header:
        # One more line in front, so that the first row is no header: the numbers below are less by one.
        text = delimiter.join(_column(number) for number in range(1, len(first) + 1)) + "\n" + text
    try:
        file = CsvFile(_stream(text), delimiter=delimiter)
        found = tuple(file.rows(file.header))
    except UnreadableFile as error:
        raise DomainError("unreadable", str(error), fields={"text": [str(error)]}) from error
    if not has_header:
        found = tuple(_moved(row) for row in found)
    return Table(names=file.header, rows=found, has_header=has_header)


def _delimited(text: str) -> tuple[str, str]:
    """A text and what parts its cells: what spreadsheets say in a line of their own, else a guess."""
    if said := _SAID.match(text):
        return text[said.end() :], said["delimiter"]
    # A sign between quotation marks parts no cells.
    bare = re.sub(r'"[^"]*"', "", text[:_LOOKED_AT])
    head = next((line for line in bare.splitlines() if line.strip()), "")
    return text, max(DELIMITERS, key=head.count)


def _stream(text: str) -> TextIO:
    return io.StringIO(text, newline="")


def _bare(name: str) -> str:
    """Without spaces and signs."""
    return re.sub(r"[\W_]+", "", name.lower())


def _column(number: int) -> str:
    return _("column %(number)d") % {"number": number}


def _moved(row: Row | BadRow) -> Row | BadRow:
    if isinstance(row, Row):
        return Row(row.line - 1, row.cells)
    return BadRow(row.line - 1, row.message, column=row.column)


def usable(mapping: Mapping[str, str], table: Table) -> dict[str, str]:
    """Of a mapping field → column what this table has."""
    return {field: name for field, name in mapping.items() if field in Field.values and name in table.names}
