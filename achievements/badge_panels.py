"""What a badge's page shows of achievements: those that lead to it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from achievements.models import Achievement
from badges.profile.facts import BadgePanel
from tms.access import Action

if TYPE_CHECKING:
    from badges.models import Badge
    from tms.models import User


def linked(badge: Badge, viewer: User) -> dict[str, Any]:
    rows = Achievement.objects.for_user(viewer, Action.SEE).filter(badge=badge)
    return {"achievements": list(rows.select_related("organization").order_by("name", "pk"))}


BADGE_PANELS = (BadgePanel(template="achievements/_linked_to_badge.html", read=linked),)
