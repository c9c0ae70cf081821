"""manage.py import_training: a folder of CSV files; --help lists them with their columns."""

from __future__ import annotations

from argparse import ArgumentParser, RawDescriptionHelpFormatter
from pathlib import Path
from textwrap import fill
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from config.importing import ImportReport, import_folder
from config.importing.folder import SHEETS
from tms.command_line import Answer, CommandLine


class Command(CommandLine):
    help = _(
        "Import training data from a folder of CSV files. Rows are known by their external id: importing a "
        "folder again changes nothing. Good rows land; every bad one is listed with file, line and reason."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        super().add_arguments(parser)
        parser.formatter_class = RawDescriptionHelpFormatter
        parser.description = fill(self.help, 100)
        parser.epilog = _files_and_columns()
        parser.add_argument("folder", type=Path, metavar="DIR", help=_("the folder that holds the files"))

    def answer(self, *, folder: Path, **options: Any) -> Answer:
        with self.progress_bar() as bar:
            report = import_folder(folder, progress=bar)
        return Answer(data=report.as_data(), text=_told(report), failed=bool(report.problems))


def _files_and_columns() -> str:
    """The folder in words, for --help."""
    spelling = _(
        "The files, each with a header row, in UTF-8. Columns with a ? may be missing. Lists are separated "
        "by semicolons, references are external ids, booleans true or false, times ISO 8601 with their zone."
    )
    lines = [
        fill(
            ", ".join(column.name + ("" if column.in_header else "?") for column in sheet.columns),
            100,
            initial_indent=f"  {sheet.name + '.csv':<24}",
            subsequent_indent=" " * 26,
        )
        for sheet in SHEETS
    ]
    return "\n".join([fill(spelling, 100), "", *lines])


def _told(report: ImportReport) -> str:
    headings = (_("created"), _("updated"), _("unchanged"), _("refused"))
    lines = [f"{'':<24}" + "".join(f"{heading:>12}" for heading in headings)]
    for name, counts in report.counts.items():
        numbers = (counts.created, counts.updated, counts.unchanged, counts.refused)
        lines.append(f"{name:<24}" + "".join(f"{number:>12,}" for number in numbers))
    if report.problems:
        count = len(report.problems)
        lines += ["", ngettext("%(count)d problem:", "%(count)d problems:", count) % {"count": count}]
        lines += [f"  {problem}" for problem in report.problems]
    return "\n".join(lines)
