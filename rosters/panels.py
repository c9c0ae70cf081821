"""What instructors see of their classes on the dashboard."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.utils import timezone

from rosters.roster import classes_of
from tms.access import Role
from tms.panels import Panel, Place

if TYPE_CHECKING:
    from tms.models import User

SHOWN = 5


def taught(user: User) -> dict[str, Any] | None:
    """Their classes: what runs or comes next first, then what was last. Administrators have the list."""
    if user.active_roles.isdisjoint({Role.INSTRUCTOR, Role.CONTRACT_INSTRUCTOR}):
        return None
    now = timezone.now()
    theirs = classes_of(user).filter(instructors=user)
    next_ones = list(theirs.filter(ends_at__gte=now).order_by("starts_at", "pk")[:SHOWN])
    last_ones = list(theirs.filter(ends_at__lt=now)[: SHOWN - len(next_ones)])
    return {"next": next_ones, "last": last_ones, "now": now}


PANELS = (Panel(place=Place.MAIN, template="rosters/_taught.html", read=taught, order=5),)
