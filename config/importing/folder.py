"""A folder of CSV files, in the order in which they refer to each other."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from difflib import get_close_matches
from itertools import islice
from pathlib import Path
from typing import Any, TypeVar

from django.utils.translation import gettext as _

from config.importing.activity import Activities, CourseAssignments, Enrollments, LabInstances
from config.importing.columns import Entry, read_row
from config.importing.people import Organizations, Users
from config.importing.references import References
from config.importing.report import Counts, ImportReport, Outcome, Problem, Progress
from config.importing.rewards import Achievements, BadgeProviders, Badges
from config.importing.sheet import Sheet
from config.importing.subscriptions import LearningPaths, SubscriptionProfiles, Subscriptions
from config.importing.teaching import Classes, Courses, CourseTags, Labs
from tms.csv_file import BadRow, CsvFile, Row, UnreadableFile, count_rows, open_csv
from tms.errors import DomainError

SHEETS: tuple[Sheet[Any], ...] = (
    Organizations(),
    Users(),
    CourseTags(),
    Labs(),
    Courses(),
    SubscriptionProfiles(),
    Subscriptions(),
    LearningPaths(),
    Classes(),
    Enrollments(),
    CourseAssignments(),
    LabInstances(),
    Activities(),
    BadgeProviders(),
    Badges(),
    Achievements(),
)

T = TypeVar("T")


def import_folder(folder: Path, *, progress: Progress | None = None) -> ImportReport:
    """Store every good row of the folder's CSV files and report every other one.

    Rows are known by their external id, so importing the same folder again changes nothing. Raises
    DomainError when there is no such folder or nothing in it that could be imported; never for what a file
    holds.
    """
    files = _files(folder)
    names = {sheet.name for sheet in SHEETS}
    if not {path.stem for path in files} & names:
        raise DomainError(
            "nothing_to_import",
            _("%(folder)s holds none of the files %(names)s.")
            % {"folder": folder, "names": ", ".join(f"{sheet.name}.csv" for sheet in SHEETS)},
        )
    report = ImportReport()
    report.problems += [Problem(file=path.name, message=why) for path in files if (why := _not_read(path))]
    references = References()
    for sheet in SHEETS:
        path = folder / f"{sheet.name}.csv"
        if path in files:
            _Import(sheet, path, report, references, progress or _silent).run()
    return report


def _files(folder: Path) -> list[Path]:
    try:
        return sorted(path for path in folder.iterdir() if _is_ours(path))
    except OSError as error:
        raise DomainError(
            "no_folder",
            _("%(folder)s cannot be read as a folder: %(reason)s.")
            % {"folder": folder, "reason": error.strerror},
        ) from error


def _is_ours(path: Path) -> bool:
    """Every CSV file, and what is called like one of ours; a read-me beside them is nobody's business."""
    known = {sheet.name for sheet in SHEETS}
    return not path.name.startswith(".") and (path.suffix.lower() == ".csv" or path.stem.lower() in known)


def _not_read(path: Path) -> str:
    """Why a file is left alone; empty when it is not."""
    names = [sheet.name for sheet in SHEETS]
    if path.suffix == ".csv" and path.stem in names:
        return ""
    near = get_close_matches(path.stem.lower(), names, n=1, cutoff=0.7)
    if near:
        return _("not read: no file has this name. Did you mean %(name)s.csv?") % {"name": near[0]}
    known = ", ".join(f"{name}.csv" for name in names)
    return _("not read: no file has this name. Known are %(names)s.") % {"names": known}


def _silent(file: str, done: int, total: int) -> None:
    pass


@dataclass(slots=True)
class _Import:
    """One file on its way."""

    sheet: Sheet[Any]
    path: Path
    report: ImportReport
    references: References
    progress: Progress
    total: int = 0
    taken: int = 0
    counts: Counts = field(default_factory=Counts)
    problems: list[Problem] = field(default_factory=list)
    first_lines: dict[str, int] = field(default_factory=dict)

    def run(self) -> None:
        self.report.counts[self.sheet.name] = self.counts
        try:
            self.total = count_rows(self.path)
            with open_csv(self.path) as stream:
                file = CsvFile(stream)
                if self._has_columns(file.header):
                    self._take(self.sheet.order(self._rows(file)))
        except UnreadableFile as error:
            self._report(str(error))
        except OSError as error:
            self._report(_("The file cannot be read: %(reason)s.") % {"reason": error.strerror})
        self.progress(self.path.name, self.taken, self.taken)
        self.report.problems += sorted(self.problems, key=lambda problem: problem.line or 0)

    def _has_columns(self, header: Sequence[str]) -> bool:
        columns = {column.name for column in self.sheet.columns}
        missing = [
            column.name for column in self.sheet.columns if column.in_header and column.name not in header
        ]
        if missing:
            told = _(
                "The file is not read, since these columns are missing: %(missing)s. Found are: %(found)s."
            )
            told %= {"missing": ", ".join(missing), "found": ", ".join(header)}
            if len(header) == 1 and re.search(r"[;\t]", header[0]):
                told += " " + _("Part the cells with commas; semicolons part the items of a list.")
            self._report(told, line=1)
            return False
        for position, name in enumerate(header, start=1):
            if not name:
                self._report(
                    _("Column %(position)d has no name and is not read.") % {"position": position}, line=1
                )
            elif name not in columns:
                self._report(
                    _("This column is unknown and is not read. Known are %(known)s.")
                    % {"known": ", ".join(column.name for column in self.sheet.columns)},
                    line=1,
                    column=name,
                )
        return True

    def _rows(self, file: CsvFile) -> Iterator[Row]:
        """The rows that can be read and are the first with their external id."""
        for row in file.rows({column.name for column in self.sheet.columns}):
            if isinstance(row, BadRow):
                self._refuse(row.line, [(row.column, row.message)], external_id=row.external_id)
                continue
            external_id = row.cells["external_id"]
            first = self.first_lines.setdefault(external_id, row.line) if external_id else row.line
            if first == row.line:
                yield row
                continue
            repeated = _("This external ID was used before, in line %(line)d.") % {"line": first}
            self._refuse(row.line, [("external_id", repeated)])

    def _take(self, rows: Iterable[Row]) -> None:
        """Land the rows. Those that may wait for others are tried again as long as that helps."""
        if not self.sheet.waits:
            for batch in _batches(rows, self.sheet.batch):
                self._settle(self._land(batch))
            return
        waiting = list(rows)
        for row in waiting:
            self._remember_refused(row.line, row.cells["external_id"])  # until it lands
        while waiting:
            refused: list[Entry] = []
            for batch in _batches(waiting, self.sheet.batch):
                entries = self._land(batch)
                refused += [entry for entry in entries if entry.outcome is Outcome.REFUSED]
                self._settle([entry for entry in entries if entry.outcome is not Outcome.REFUSED])
            if len(refused) == len(waiting):
                self._settle(refused)
                return
            waiting = [entry.row for entry in refused]

    def _land(self, rows: Sequence[Row]) -> list[Entry]:
        entries = [read_row(row, self.sheet.columns) for row in rows]
        self.references.look_up(entries, self.sheet.columns)
        if sound := [entry for entry in entries if not entry.problems]:
            self.sheet.land(sound)
        return entries

    def _settle(self, entries: Sequence[Entry]) -> None:
        for entry in entries:
            if entry.outcome is Outcome.REFUSED:
                self._refuse(entry.row.line, entry.problems, external_id=entry.row.cells["external_id"])
            else:
                self.counts.add(entry.outcome)
                self._count()

    def _refuse(
        self, line: int, problems: Iterable[tuple[str | None, str]], *, external_id: str = ""
    ) -> None:
        for column, message in problems:
            self._report(message, line=line, column=column)
        if external_id:
            self._remember_refused(line, external_id)
        self.counts.add(Outcome.REFUSED)
        self._count()

    def _remember_refused(self, line: int, external_id: str) -> None:
        self.references.remember_refused(self.sheet.model, external_id, file=self.path.name, line=line)

    def _report(self, message: str, *, line: int | None = None, column: str | None = None) -> None:
        self.problems.append(Problem(file=self.path.name, line=line, column=column, message=message))

    def _count(self) -> None:
        self.taken += 1
        self.progress(self.path.name, self.taken, max(self.total, self.taken))


def _batches(rows: Iterable[T], size: int) -> Iterator[list[T]]:
    remaining = iter(rows)
    while batch := list(islice(remaining, size)):
        yield batch
