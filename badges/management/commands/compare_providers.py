"""manage.py compare_providers: hold accounts against our records now, as the schedule does every night."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from badges import comparison, differences
from badges.models import Comparison, Difference
from badges.remedies import remedy
from providers.models import BadgeProvider
from tms.command_line import Answer, CommandLine, named
from tms.errors import Conflict


class Command(CommandLine):
    help = _(
        "Compare every badge of an account, or of all, with what was issued here, both ways. States are "
        "brought up to date; what does not fit together is listed, and the exit code is then 1."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        super().add_arguments(parser)
        parser.add_argument(
            "provider",
            nargs="?",
            metavar="PROVIDER",
            help=_("id, or external id as ext:VALUE; all without it"),
        )

    def answer(self, *, provider: str | None, **options: Any) -> Answer:
        chosen = (
            list(comparison.comparable())
            if provider is None
            else [named(BadgeProvider.objects.all(), provider)]
        )
        runs: list[Comparison] = []
        busy: list[dict[str, Any]] = []
        with self.progress_bar() as bar:
            for account in chosen:
                try:
                    runs.append(comparison.compare(account, progress=bar))
                except Conflict as conflict:
                    busy.append({"badge_provider": account.pk, "problem": conflict.message})
        failed = [
            {"badge_provider": run.badge_provider_id, "problem": run.problem} for run in runs if run.problem
        ]
        failed += busy
        found = differences.waiting(Difference.objects.filter(badge_provider__in=chosen)).order_by("pk")
        data = {
            "compared": [_run(run) for run in runs],
            "failed": failed,
            "differences": [_difference(row) for row in found],
        }
        lines = [_told(run) for run in runs]
        lines += [item["problem"] for item in busy]
        lines += [f"  {row}: {remedy(row)}" for row in found]
        return Answer(data=data, text="\n".join(lines), failed=bool(failed or found))


def _run(run: Comparison) -> dict[str, Any]:
    return {
        "badge_provider": run.badge_provider_id,
        "started_at": run.started_at,
        "finished_at": run.finished_at,
        "seen": run.seen,
        "matched": run.matched,
        "followed": run.followed,
        "differences": run.differences,
        "problem": run.problem,
    }


def _difference(row: Difference) -> dict[str, Any]:
    return {
        "difference": row.pk,
        "badge_provider": row.badge_provider_id,
        "kind": row.kind,
        "badge": row.badge_id,
        "user": row.learner_id,
        "issued_badge": row.issued_badge_id,
        "external_uuid": row.external_uuid,
        "details": row.details,
        "found_at": row.found_at,
        "remedy": remedy(row),
    }


def _told(run: Comparison) -> str:
    if run.problem:
        return f"{run.badge_provider}: {run.problem}"
    seen = ngettext("%(count)d badge", "%(count)d badges", run.seen) % {"count": run.seen}
    return _(
        "%(provider)s: %(seen)s there, %(matched)d of them issued here, %(followed)d brought up to date, "
        "%(differences)d differences."
    ) % {
        "provider": run.badge_provider,
        "seen": seen,
        "matched": run.matched,
        "followed": run.followed,
        "differences": run.differences,
    }
