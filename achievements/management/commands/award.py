"""manage.py award: evaluation by hand."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.utils.translation import gettext as _

from achievements import backfill, evaluation, intents
from achievements.references import problem_of
from tms.command_line import Answer, CommandLine


class Command(CommandLine):
    help = _("Award what waits to be evaluated; with --full, evaluate every rule for every learner.")

    def add_arguments(self, parser: ArgumentParser) -> None:
        super().add_arguments(parser)
        parser.add_argument(
            "--full", action="store_true", help=_("look at everybody, as the nightly run does")
        )

    def answer(self, *, full: bool, **options: Any) -> Answer:
        report = evaluation.award_changes()
        report += backfill.award_due()
        if full:
            with self.progress_bar() as bar:
                report += evaluation.award_full(progress=bar)
        report.intents += intents.issue_earned() if full else intents.issue_due()
        failed = [(row, problem_of(row)) for row in evaluation.failing_rules()]
        lines = [
            _("%(learners)d learners looked at, %(awards)d awards, %(intents)d badges to issue.")
            % {"learners": report.learners, "awards": report.awards, "intents": report.intents}
        ]
        lines += [
            _("The rule of %(achievement)s failed: %(error)s") % {"achievement": row, "error": problem}
            for row, problem in failed
        ]
        data = {
            "learners": report.learners,
            "awards": report.awards,
            "badges": report.intents,
            "failed": [{"achievement": row.pk, "error": problem} for row, problem in failed],
        }
        return Answer(data=data, text="\n".join(lines), failed=bool(failed))
