"""manage.py issue_badges FILE: issue from a list, as the page for administrators does."""

from __future__ import annotations

from argparse import ArgumentParser
from pathlib import Path
from typing import Any
from uuid import uuid4

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from badges.by_hand import act_on
from badges.lists.checking import Checked, Given, as_data, check, told
from badges.lists.reading import Field, Table, decoded, read
from badges.models import Badge, IssuedBadge, IssuingAct
from badges.results import Result, results_of
from tms.command_line import Answer, CommandLine, bytes_of, named
from tms.errors import DomainError
from tms.models import User


class Command(CommandLine):
    help = _(
        "Issue badges from a list: a CSV file in UTF-8 with a header, one badge for one learner a row. "
        "Learners are named by e-mail address or external ID, or by our own ID as in id:1002; badges by ID, "
        "external ID or name. Columns are recognized by their names, or given as --column FIELD=NAME. Good "
        "rows are issued as one act that can be undone; every bad one is listed with its number and the "
        "reason."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("file", type=Path, metavar="FILE", help=_("the list"))
        parser.add_argument(
            "--column",
            action="append",
            default=[],
            metavar="FIELD=NAME",
            help=_("which column means what; fields are: %(fields)s") % {"fields": ", ".join(Field.values)},
        )
        parser.add_argument("--badge", metavar="BADGE", help=_("for rows that name none: ID or external ID"))
        parser.add_argument(
            "--date", default="", help=_("date of issue of rows that name none, as 2026-03-31")
        )
        parser.add_argument("--note", default="", help=_("kept with the badges of rows that bring none"))
        parser.add_argument(
            "--as", dest="person", metavar="USER", help=_("issue as this administrator, within their reach")
        )
        parser.add_argument(
            "--dry-run", action="store_true", help=_("tell what would be issued; issue nothing")
        )

    def answer(self, *, file: Path, dry_run: bool, **options: Any) -> Answer:
        person, badge = options["person"], options["badge"]
        actor = None if person is None else named(User.objects.all(), person)
        chosen = None if badge is None else named(Badge.objects.all(), badge)
        given = Given(badge=chosen, issued_at=options["date"], note=options["note"])
        with self.progress_bar() as bar:
            bar(_("reading"), 0, 3)
            said = _said(options["column"])
            table = read(decoded(bytes_of(file)), columns=said.values())
            bar(_("checking"), 1, 3)
            checked = check(table, mapping=_mapping(said, table), given=given, actor=actor)
            bar(_("issuing"), 2, 3)
            act = (
                None if dry_run or not checked.ready else _issue(checked, file=file, actor=actor, given=given)
            )
            bar(_("issuing"), 3, 3)
        return _answer(checked, act)


def _said(options: list[str]) -> dict[str, str]:
    """field → name of the column that was said to mean it."""
    said = {}
    for option in options:
        field, _sign, name = option.partition("=")
        if field not in Field.values:
            raise DomainError(
                "unknown_field",
                _("“%(found)s” is no field; fields are: %(allowed)s.")
                % {"found": field, "allowed": ", ".join(Field.values)},
            )
        said[field] = name.strip().lower()
    return said


def _mapping(said: dict[str, str], table: Table) -> dict[str, str]:
    """The guess, with what was said instead."""
    for name in said.values():
        if name not in table.names:
            raise DomainError(
                "unknown_column",
                _("The list has no column “%(found)s”; it has: %(allowed)s.")
                % {"found": name, "allowed": ", ".join(table.names)},
            )
    return {**table.guess, **said}


def _issue(checked: Checked, *, file: Path, actor: User | None, given: Given) -> IssuingAct:
    return act_on(
        checked.pairs,
        positions=[line.number for line in checked.ready],
        actor=actor,
        source=IssuedBadge.Source.COMMAND,
        token=uuid4(),
        file_name=file.name[:200],
        reason=given.note,
    )


def _answer(checked: Checked, act: IssuingAct | None) -> Answer:
    """A row may have been refused at the last moment, by what somebody else did meanwhile."""
    results: dict[int, Result] = {}
    if act:
        results = {result.outcome.position: result for result in results_of(act).all}
    late = [result for result in results.values() if result.is_failure]
    refused = [f"{line.number:>6}  {line.message}" for line in checked.problems]
    refused += [f"{result.outcome.position:>6}  {result.words}" for result in late]
    rows = [
        {**as_data(line), **_became(results[line.number])} if line.number in results else as_data(line)
        for line in checked.lines
    ]
    text = told(checked)
    if act:
        count = len(results) - len(late)
        text = ngettext(
            "Act %(act)d: %(count)d badge is on its way.",
            "Act %(act)d: %(count)d badges are on their way.",
            count,
        ) % {"act": act.pk, "count": count}
    data = {
        "act": act.pk if act else None,
        "issued": len(results) - len(late),
        "refused": len(refused),
        "rows": rows,
    }
    return Answer(data=data, text="\n".join([text, *refused]), failed=bool(refused))


def _became(result: Result) -> dict[str, Any]:
    outcome = result.outcome
    return {"code": outcome.code, "message": outcome.message, "issued_badge": outcome.issued_badge_id}
