"""What a column of a file may hold, and a row of cells turned into values by that."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum
from typing import TYPE_CHECKING, Any

from django.utils.translation import gettext as _

from config.importing import cells
from config.importing.cells import BadCell, Reader
from config.importing.report import Outcome

if TYPE_CHECKING:
    from tms.csv_file import Row
    from tms.models.base import Fact


class _Silence(Enum):
    KEEP = "keep"


# An empty cell of such a column says nothing: a new row gets the default, a stored one keeps what it has.
KEEP = _Silence.KEEP


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """`field` is the attribute of the model that takes the value; empty where the sheet does that itself.

    `in_header`: the file cannot be read without this column. `in_row`: no row may leave it empty. `empty` is
    the value of an empty cell, which is not the same as a missing column: that never says anything.
    """

    name: str
    read: Reader = cells.text
    field: str
    in_header: bool = False
    in_row: bool = False
    empty: Any = KEEP
    refers_to: type[Fact] | None = None
    is_list: bool = False


def required(
    name: str, read: Reader = cells.text, *, field: str | None = None, refers_to: type[Fact] | None = None
) -> Column:
    field = name if field is None else field
    return Column(name=name, read=read, field=field, in_header=True, in_row=True, refers_to=refers_to)


def possibly_empty(name: str) -> Column:
    """A text whose column must be there, though a row may leave it empty."""
    return Column(name=name, field=name, in_header=True, empty="")


def required_list(name: str, *, refers_to: type[Fact]) -> Column:
    """A list whose column must be there, though a row may leave it empty."""
    return Column(
        name=name,
        read=cells.items,
        field=name,
        in_header=True,
        empty=[],
        refers_to=refers_to,
        is_list=True,
    )


def optional(
    name: str,
    read: Reader = cells.text,
    *,
    field: str | None = None,
    empty: Any = KEEP,
    refers_to: type[Fact] | None = None,
) -> Column:
    field = name if field is None else field
    return Column(name=name, read=read, field=field, empty=empty, refers_to=refers_to)


def optional_list(name: str, *, refers_to: type[Fact]) -> Column:
    return Column(name=name, read=cells.items, field=name, empty=[], refers_to=refers_to, is_list=True)


EXTERNAL_ID = required("external_id")
NUMBER = optional("id", cells.whole(minimum=1), field="")
NAME = required("name")


@dataclass(slots=True)
class Entry:
    """A row with its values by column name. References are external ids until they are looked up."""

    row: Row
    values: dict[str, Any] = field(default_factory=dict)
    problems: list[tuple[str | None, str]] = field(default_factory=list)
    outcome: Outcome = Outcome.REFUSED

    @property
    def external_id(self) -> str:
        return str(self.values["external_id"])

    def refuse(self, message: str, *, column: str | None = None) -> None:
        self.problems.append((column, message))


def read_row(row: Row, columns: tuple[Column, ...]) -> Entry:
    """The values of a row. Every cell that cannot be read is named, not only the first."""
    entry = Entry(row)
    for column in columns:
        cell = row.cells.get(column.name)
        if cell is None:
            continue
        try:
            value = column.read(cell) if cell else _of_empty(column)
        except BadCell as wrong:
            entry.refuse(str(wrong), column=column.name)
            continue
        if value is not KEEP:
            entry.values[column.name] = value
    return entry


def _of_empty(column: Column) -> Any:
    if column.in_row:
        raise BadCell(_("This cell may not be empty."))
    return column.empty
