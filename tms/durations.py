"""How long something took or has taken, in as few characters as a figure has room for."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.utils.translation import gettext as _

if TYPE_CHECKING:
    from datetime import timedelta

MINUTE, HOUR, DAY = 60, 60 * 60, 24 * 60 * 60


def short(duration: timedelta) -> str:
    """45 s, 12 min, 3 h 5 min, 2 d 4 h: never finer than is of interest."""
    seconds = round(duration.total_seconds())
    if seconds < MINUTE:
        return _("%(seconds)d s") % {"seconds": seconds}
    if seconds < HOUR:
        return _("%(minutes)d min") % {"minutes": seconds // MINUTE}
    if seconds < DAY:
        hours, minutes = divmod(seconds // MINUTE, 60)
        if minutes:
            return _("%(hours)d h %(minutes)d min") % {"hours": hours, "minutes": minutes}
        return _("%(hours)d h") % {"hours": hours}
    days, hours = divmod(seconds // HOUR, 24)
    if hours:
        return _("%(days)d d %(hours)d h") % {"days": days, "hours": hours}
    return _("%(days)d d") % {"days": days}
