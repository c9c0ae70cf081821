"""manage.py import_training: a folder of CSV files, under the contract that README tells."""

from __future__ import annotations

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from config.importing import ImportReport, import_folder
from tms.command_line import Answer, CommandLine


class Command(CommandLine):
    help = _(
        "Import training data from a folder of CSV files. Rows are known by their external id: importing a "
        "folder again changes nothing. Good rows land; every bad one is listed with file, line and reason."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("folder", type=Path, metavar="DIR", help=_("the folder that holds the files"))

    def answer(self, *, folder: Path, **options: Any) -> Answer:
        with self.progress_bar() as bar:
            report = import_folder(folder, progress=bar)
        return Answer(data=report.as_data(), text=_told(report), failed=bool(report.problems))


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
