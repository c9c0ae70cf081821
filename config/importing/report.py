"""What an import tells its caller: how many rows landed, and what was wrong with the others."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from typing import Any

from django.utils.translation import gettext as _

# Called with the file, the rows taken so far and about how many there are.
Progress = Callable[[str, int, int], None]


class Outcome(StrEnum):
    """What became of a row."""

    CREATED = "created"
    UPDATED = "updated"
    UNCHANGED = "unchanged"
    REFUSED = "refused"


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """One thing that did not land. `line` counts from 1, the header's; without it the whole file is meant."""

    file: str
    line: int | None = None
    column: str | None = None
    message: str

    def __str__(self) -> str:
        place = self.file
        if self.line is not None:
            place = _("%(place)s, line %(line)d") % {"place": place, "line": self.line}
        if self.column:
            place = f"{place}, {self.column}"
        return f"{place}: {self.message}"


@dataclass(slots=True)
class Counts:
    created: int = 0
    updated: int = 0
    unchanged: int = 0
    refused: int = 0

    def add(self, outcome: Outcome) -> None:
        setattr(self, outcome, getattr(self, outcome) + 1)


@dataclass(slots=True)
class ImportReport:
    """`counts` by the name of the file without its ending, in the order in which files were read."""

    counts: dict[str, Counts] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)

    def as_data(self) -> dict[str, Any]:
        return {
            "files": {name: asdict(counts) for name, counts in self.counts.items()},
            "problems": [asdict(problem) for problem in self.problems],
        }
