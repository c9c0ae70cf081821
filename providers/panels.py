"""The accounts that need somebody: those that do not work, and those whose token ends soon.

Paused ones stand with what waits for them (badges.panels).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.db.models import Q
from django.utils import timezone

from providers.health import ending, health_of
from providers.models import BadgeProvider
from tms.access import Action, may
from tms.panels import Panel, Place

if TYPE_CHECKING:
    from tms.models import User

SHOWN = 9


def care(user: User) -> dict[str, Any] | None:
    if not may(user, Action.MANAGE):
        return None
    now = timezone.now()
    rows = (
        BadgeProvider.objects.for_user(user, Action.MANAGE)
        .filter(is_enabled=True, paused_at__isnull=True)
        .filter(~Q(check_problem="") | Q(broken_until__gt=now) | ending(now=now))
        .defer("token", "webhook_secret")
        .order_by("name", "pk")
    )
    found = [(provider, health_of(provider, now=now)) for provider in rows[:SHOWN]]
    return {"accounts": found} if found else None


PANELS = (Panel(place=Place.MAIN, template="providers/_care.html", read=care, order=12),)
