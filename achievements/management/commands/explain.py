"""manage.py explain: why a learner has an achievement, or why not yet."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.utils.formats import date_format
from django.utils.translation import gettext as _

from achievements.explanation import Explanation, Standing, as_data, explain
from achievements.models import Achievement
from tms.command_line import Answer, CommandLine, named
from tms.models import User


class Command(CommandLine):
    help = _("Explain, gate by gate and condition by condition, why a user has an achievement or why not.")

    def add_arguments(self, parser: ArgumentParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("achievement", metavar="ACHIEVEMENT", help=_("id, or external id as ext:VALUE"))
        parser.add_argument("user", metavar="USER", help=_("id, external id as ext:VALUE, or e-mail address"))

    def answer(self, *, achievement: str, user: str, **options: Any) -> Answer:
        found = explain(
            named(Achievement.objects.select_related("organization"), achievement),
            named(User.objects.select_related("organization"), user),
        )
        return Answer(data=as_data(found), text=_told(found))


def _told(found: Explanation) -> str:
    lines = [found.summary]
    lines += [f"  {'✓' if gate.open else '✗'} {gate.sentence}" for gate in found.gates]
    for condition in found.conditions:
        lines.append(_line(condition))
        lines += [
            f"      {date_format(item.at, 'DATETIME_FORMAT')}  {item.what}" for item in condition.evidence
        ]
    return "\n".join(lines)


def _line(condition: Standing) -> str:
    mark = "✓" if condition.met_at else "✗"
    numbers = _("%(have)d of %(needed)d") % {"have": condition.have, "needed": condition.needed}
    return f"  {mark} {condition.sentence} ({numbers})"
