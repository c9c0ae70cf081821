"""manage.py preview: who would earn an achievement now, without awarding anything."""

from __future__ import annotations

from argparse import ArgumentParser
from dataclasses import asdict
from pathlib import Path
from typing import Any

from django.utils.formats import date_format
from django.utils.translation import gettext as _

from achievements.models import Achievement
from achievements.preview import Preview, preview
from tms.command_line import Answer, CommandLine, named, text_of


class Command(CommandLine):
    help = _("Show who would earn an achievement now; with --conditions, after an edit of its rule.")

    def add_arguments(self, parser: ArgumentParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("achievement", metavar="ACHIEVEMENT", help=_("id, or external id as ext:VALUE"))
        parser.add_argument("--conditions", type=Path, metavar="FILE", help=_("a file with the edited rule"))

    def answer(self, *, achievement: str, conditions: Path | None, **options: Any) -> Answer:
        draft = named(Achievement.objects.select_related("organization", "badge"), achievement)
        if conditions:
            draft.conditions_text = text_of(conditions)
        found = preview(draft)
        return Answer(data=asdict(found), text=_told(found))


def _told(found: Preview) -> str:
    lines = [
        _("%(awards)d awards to %(learners)d learners; %(calls)d calls of the provider, about %(seconds)d s.")
        % {
            "awards": found.awards,
            "learners": found.learners,
            "calls": found.calls,
            "seconds": found.seconds,
        }
    ]
    lines += [f"  {date_format(gain.earned_at, 'DATETIME_FORMAT')}  {gain.name}" for gain in found.sample]
    lines += [
        _("Held back at the gate “%(gate)s”: %(count)d.") % {"gate": gate, "count": count}
        for gate, count in found.blocked.items()
        if count
    ]
    return "\n".join([*lines, *found.waiting_for, *(hint.message for hint in found.hints)])
