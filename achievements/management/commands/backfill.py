"""manage.py backfill: let a rule look at everybody, and steer the run."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.utils.translation import gettext as _

from achievements.backfill import latest, pause, resume, start, undo
from achievements.models import Achievement, Backfill
from tms.command_line import Answer, CommandLine, named


class Command(CommandLine):
    help = _(
        "Award an achievement to everybody who ever met its rule. The run goes on in the background, and"
        " where it was after a restart; asked for again, it starts anew."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("achievement", metavar="ACHIEVEMENT", help=_("id, or external id as ext:VALUE"))
        parser.add_argument(
            "--notify",
            choices=Backfill.Notification.values,
            default=Backfill.Notification.SUMMARY,
            help=_(
                "silent: no message, also none of the provider; summary: one for each learner; normal: one"
                " for each award"
            ),
        )
        act = parser.add_mutually_exclusive_group()
        act.add_argument("--status", action="store_true", help=_("only tell how far it is"))
        act.add_argument("--pause", action="store_true", help=_("look at nobody further for now"))
        act.add_argument("--resume", action="store_true", help=_("go on where it was paused"))
        act.add_argument("--undo", action="store_true", help=_("take back what has not been sent"))
        parser.add_argument("--reason", default="", metavar="TEXT", help=_("why it is undone"))
        parser.add_argument(
            "--revoke-issued", action="store_true", help=_("with --undo: revoke what has been sent, too")
        )

    def answer(self, *, achievement: str, notify: str, reason: str, **options: Any) -> Answer:
        row = named(Achievement.objects.select_related("organization"), achievement)
        if options["undo"]:
            undone = undo(latest(row), reason=reason, revoke_issued=options["revoke_issued"])
            counts = {
                "withdrawn": undone.withdrawn,
                "cancelled": undone.cancelled,
                "kept": undone.kept,
                "revoking": undone.revoking,
                "awaited": undone.awaited,
            }
            return Answer(data={**_data(undone.backfill), **counts}, text=undone.sentence)
        if options["status"]:
            run = latest(row)
        elif options["pause"]:
            run = pause(latest(row))
        elif options["resume"]:
            run = resume(latest(row))
        else:
            run = start(row, notification=Backfill.Notification(notify))
        return Answer(data=_data(run), text=_told(run))


def _data(run: Backfill) -> dict[str, Any]:
    return {
        "backfill": run.pk,
        "achievement": run.achievement_id,
        "rule_version": run.rule_version,
        "notification": run.notification,
        "state": run.state,
        "learners": run.learners,
        "looked_at": run.looked_at,
        "awarded": run.awarded,
        "earned": run.earned,
        "badges": run.intents,
    }


def _told(run: Backfill) -> str:
    return _(
        "%(state)s: %(looked_at)d of %(learners)d learners looked at, %(awarded)d awards,"
        " %(badges)d badges to issue."
    ) % {
        "state": run.get_state_display(),
        "looked_at": run.looked_at,
        "learners": run.learners,
        "awarded": run.awarded,
        "badges": run.intents,
    }
