"""What saving would lead to, as it is told."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from django.utils.formats import number_format
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

if TYPE_CHECKING:
    from django.utils.functional import _StrPromise

    from achievements.preview import Preview

# The gates of achievements.conditions.query, as reasons.
GATES: dict[str, _StrPromise] = {
    "organization": gettext_lazy("of organizations that have not enabled achievements"),
    "participation": gettext_lazy("not participating in achievements"),
    "reach": gettext_lazy("of organizations that it does not reach"),
}


@dataclass(frozen=True, kw_only=True)
class Foreseen:
    preview: Preview

    @property
    def is_anything(self) -> bool:
        """Whether somebody would earn it, or get its badge, at once."""
        return bool(self.preview.awards or self.preview.owed)

    @property
    def held_back(self) -> Iterator[tuple[int, _StrPromise]]:
        for gate, count in self.preview.blocked.items():
            if count:
                yield count, GATES[gate]

    @property
    def duration(self) -> str:
        """How long the provider takes, for people who wait for it."""
        minutes = math.ceil(self.preview.seconds / 60)
        if minutes <= 1:
            return _("under a minute")
        if minutes < 120:
            return _("about %(count)d minutes") % {"count": minutes}
        hours = math.ceil(minutes / 60)
        text = ngettext("about %(count)s hour", "about %(count)s hours", hours)
        return text % {"count": number_format(hours, force_grouping=True)}
