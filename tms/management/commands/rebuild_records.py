"""manage.py rebuild_records: derive every learning record again from its fact."""

from __future__ import annotations

from argparse import ArgumentParser
from dataclasses import asdict
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from tms import records
from tms.command_line import Answer, CommandLine
from tms.records import Difference


class Command(CommandLine):
    help = _(
        "Derive every learning record again from its lab instance, enrolment, course assignment or activity, "
        "list each difference and mend it. With --check nothing is written, and differences end with exit "
        "code 1."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("--check", action="store_true", help=_("only tell the differences"))

    def answer(self, *, check: bool, **options: Any) -> Answer:
        facts = records.fact_count()
        with self.progress_bar() as bar:
            bar(_("facts"), 0, facts)
            differences = list(records.rebuild(check=check))
            bar(_("facts"), facts, facts)
        return Answer(
            data={
                "facts": facts,
                "mended": not check,
                "differences": [asdict(difference) for difference in differences],
            },
            text="\n".join([_summary(facts, differences, check=check), *map(_told, differences)]),
            failed=check and bool(differences),
        )


def _summary(facts: int, differences: list[Difference], *, check: bool) -> str:
    compared = ngettext("%(count)d fact compared", "%(count)d facts compared", facts) % {"count": facts}
    if not differences:
        return _("%(compared)s; every record is as it should be.") % {"compared": compared}
    count = len(differences)
    found = ngettext("%(count)d difference", "%(count)d differences", count) % {"count": count}
    if check:
        return _("%(compared)s, %(found)s found:") % {"compared": compared, "found": found}
    return _("%(compared)s, %(found)s mended:") % {"compared": compared, "found": found}


def _told(difference: Difference) -> str:
    """What is wrong with one record: for a changed one, only the values that differ."""
    kinds = {"missing": _("missing"), "surplus": _("surplus"), "different": _("different")}
    line = f"  {difference.source} {difference.source_id}: {kinds[difference.what]}"
    if difference.what != "different":
        return line
    values = ", ".join(
        _("%(name)s is %(found)s and should be %(expected)s")
        % {"name": name, "found": difference.stored[name], "expected": expected}
        for name, expected in difference.expected.items()
        if difference.stored[name] != expected
    )
    return f"{line} ({values})"
