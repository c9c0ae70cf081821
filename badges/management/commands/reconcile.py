"""manage.py reconcile: ask the providers about every badge whose outcome is unknown."""

from __future__ import annotations

from typing import Any

from django.utils.translation import gettext as _

from badges.lookups import reconcile
from badges.sweeping import release_stuck
from tms.command_line import Answer, CommandLine


class Command(CommandLine):
    help = _(
        "Ask the providers about badges whose outcome is unknown, as the schedule does every few seconds."
    )

    def answer(self, **options: Any) -> Answer:
        stuck = release_stuck()
        asked = reconcile()
        text = _("%(stuck)d found stuck, %(asked)d asked about.") % {"stuck": stuck, "asked": asked}
        return Answer(data={"stuck": stuck, "asked": asked}, text=text)
