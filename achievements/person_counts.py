"""What a user has earned, in numbers, for the user's profile."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.db.models import Count, Sum
from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from achievements.rewards import earned_by
from tms.profiles.counts import Counts, Line

if TYPE_CHECKING:
    from tms.models import User


def earned(person: User, viewer: User) -> Counts | None:
    """None where the organization has achievements switched off and nothing is left from before."""
    rows = earned_by(person, viewer=viewer).order_by()
    found = rows.aggregate(count=Count("pk"), points=Sum("points"))
    is_enabled = person.organization is not None and person.organization.enable_achievements
    if not is_enabled and not found["count"]:
        return None
    url = reverse("user-achievements", args=[person.pk])
    return Counts(
        name="earned",
        title=_("Achievements"),
        lines=(
            Line(label=_("Earned"), count=found["count"], url=url),
            Line(label=_("Points"), count=found["points"] or 0, url=url),
        ),
    )


PERSON_COUNTS = (earned,)
