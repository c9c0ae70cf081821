"""manage.py deliver: one sweep by hand, for a cron job or after an outage."""

from __future__ import annotations

from typing import Any

from django.utils.translation import gettext as _

from badges import delivery, errands, sweeping
from tms.command_line import Answer, CommandLine


class Command(CommandLine):
    help = _("Send every badge that is due, until none is; the exit code is 1 while failed ones remain.")

    def answer(self, **options: Any) -> Answer:
        swept = sweeping.sweep()
        sent = delivery.deliver() + errands.run()
        failed = sweeping.failures()
        lines = [_("%(count)d exchanges with providers.") % {"count": sent}]
        lines += [
            _("%(status)s: %(badge)s for %(learner)s: %(message)s")
            % {
                "status": row.issued_status,
                "badge": row.badge,
                "learner": row.recipient_email,
                "message": row.provider_message or row.failure_message,
            }
            for row in failed
        ]
        data = {
            "exchanges": sent,
            "swept": swept,
            "failed": [
                {
                    "issued_badge": row.pk,
                    "badge": row.badge_id,
                    "user": row.learner_id,
                    "code": row.failure_code,
                    "message": row.failure_message,
                    "provider_message": row.provider_message,
                }
                for row in failed
            ],
        }
        return Answer(data=data, text="\n".join(lines), failed=bool(failed))
