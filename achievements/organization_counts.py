"""The achievements of an organization, in numbers, for its profile."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.db.models import Count, Q
from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from achievements.models import Achievement
from tms.access import Action
from tms.profiles.counts import Counts, Line

if TYPE_CHECKING:
    from tms.models import Organization, User


def achievements(organization: Organization, viewer: User) -> Counts:
    rows = Achievement.objects.for_user(viewer, Action.SEE).filter(organization=organization).order_by()
    found = rows.aggregate(on=Count("pk", filter=Q(enabled=True)), off=Count("pk", filter=Q(enabled=False)))
    url = f"{reverse('find-achievements')}?organization={organization.pk}&enabled="
    return Counts(
        name="achievements",
        title=_("Achievements"),
        lines=(
            Line(label=_("Enabled"), count=found["on"], url=f"{url}is"),
            Line(label=_("Disabled"), count=found["off"], url=f"{url}not"),
        ),
    )


ORGANIZATION_COUNTS = (achievements,)
