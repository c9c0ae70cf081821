"""manage.py sync_templates: make the badges of one account, or of all, like their templates."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.utils.translation import gettext as _

from badges.models import Synchronization
from badges.synchronization import described, summary, synchronize, synchronize_all
from providers.models import BadgeProvider
from tms.command_line import Answer, CommandLine, named


class Command(CommandLine):
    help = _(
        "Make the badges of an account like its templates at the provider, or those of every account that is "
        "enabled and not paused. The exit code is 1 when an account cannot be read; nothing of it is changed."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        super().add_arguments(parser)
        parser.add_argument(
            "provider",
            nargs="?",
            metavar="PROVIDER",
            help=_("id of the badge provider, or its external id as ext:VALUE; all without it"),
        )
        parser.add_argument("--dry-run", action="store_true", help=_("only tell what would change"))

    def answer(self, *, provider: str | None, dry_run: bool, **options: Any) -> Answer:
        if provider is not None:
            account = named(BadgeProvider.objects.all(), provider)
            records = [synchronize(account, dry_run=dry_run)]
        else:
            with self.progress_bar() as progress:
                records = synchronize_all(dry_run=dry_run, progress=progress)
        lines = [line for record in records for line in _lines(record)]
        return Answer(
            data={"dry_run": dry_run, "synchronizations": [_data(record) for record in records]},
            text="\n".join(lines or [_("There is no account to synchronize.")]),
            failed=any(record.problem for record in records),
        )


def _lines(record: Synchronization) -> list[str]:
    lines = [f"{record.badge_provider}: {summary(record)}"]
    for change in described(record):
        details = "; ".join(
            f"{name}: {before or '–'} → {after or '–'}" for name, before, after in change.details
        )
        lines.append(
            f"  {change.label}: {change.name} ({change.template_id}){f' {details}' if details else ''}"
        )
    return lines


def _data(record: Synchronization) -> dict[str, Any]:
    return {
        "id": record.pk,
        "badge_provider": record.badge_provider_id,
        "seen": record.seen,
        "changes": record.changes,
        "problem": record.problem,
        "seconds": record.seconds,
    }
