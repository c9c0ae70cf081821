"""What is looked for among achievements, and who is how far with them."""

from __future__ import annotations

from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from achievements.listing import ACHIEVEMENTS, achievements
from achievements.models import Achievement
from achievements.progress.find import PROGRESS_PAGE
from badges.finds import badge_filter
from tms.finding.filters import Choice, Number, Text, YesNo
from tms.finding.search import FindPage
from tms.finds import belongs_to

FINDS = (
    FindPage(
        name="achievements",
        title=_("Find Achievements"),
        listing=ACHIEVEMENTS,
        rows=achievements,
        filters=(
            Text(name="name", label=_("Name"), fields=("name",)),
            Text(name="badge_name", label=_("Badge Name"), fields=("badge__name",)),
            badge_filter(lambda ids: Q(badge__in=ids)),
            YesNo(name="has_badge", label=_("With a badge"), condition=Q(badge__isnull=False)),
            belongs_to("organization"),
            YesNo(name="enabled", label=_("Enabled"), condition=Q(enabled=True)),
            YesNo(name="global", label=_("Global"), condition=Q(is_global=True)),
            YesNo(name="paused", label=_("Paused"), condition=Q(paused_at__isnull=False)),
            Choice(
                name="frequency_type",
                label=_("Frequency Type"),
                choices=tuple(Achievement.FrequencyType.choices),
                condition=lambda kinds: Q(frequency_type__in=kinds),
            ),
            Text(name="category", label=_("Category"), fields=("category",)),
            Number(name="points", label=_("Points"), field="points"),
            Text(name="conditions", label=_("Conditions"), fields=("conditions_text",)),
        ),
        shown=("name", "badge", "organization", "points", "enabled", "earned"),
        opened=("name",),
        empty=_("No achievement yet."),
        icon="trophy",
        actions="achievements/finding/_actions.html",
    ),
    PROGRESS_PAGE,
)
ACHIEVEMENTS_PAGE = FINDS[0]
