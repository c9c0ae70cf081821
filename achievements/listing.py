"""Achievements in lists and choosers: who sees which, and their columns."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.db.models import Count, IntegerField, OuterRef, Subquery
from django.db.models.functions import Coalesce
from django.utils.translation import gettext_lazy as _

from achievements.models import Achievement, EarnedAchievement
from tms.access import Action
from tms.finding.listing import Column, Listing, plain

if TYPE_CHECKING:
    from django.db.models import QuerySet

    from tms.models import User


def achievements(viewer: User) -> QuerySet[Any]:
    rows: QuerySet[Any] = Achievement.objects.for_user(viewer, Action.SEE)
    return rows.select_related("organization", "badge").defer("conditions", "badge__template_data")


def _with_earned(rows: QuerySet[Any]) -> QuerySet[Any]:
    earned = (
        EarnedAchievement.objects.filter(achievement=OuterRef("pk"), withdrawn_at__isnull=True)
        .order_by()
        .values("achievement")
        .annotate(number=Count("pk"))
        .values("number")
    )
    number = Coalesce(Subquery(earned, output_field=IntegerField()), 0)
    counted: QuerySet[Any] = rows.annotate(earned_count=number)
    return counted


ACHIEVEMENTS = Listing(
    columns=(
        Column(
            name="name",
            label=_("Name"),
            value=str,
            order_by=("name",),
            template="achievements/finding/_achievement.html",
        ),
        Column(
            name="badge",
            label=_("Badge"),
            value=lambda row: row.badge.name if row.badge else "",
            order_by=("badge__name",),
            template="achievements/finding/_badge.html",
        ),
        Column(
            name="organization",
            label=_("Organization"),
            value=lambda row: row.organization.name,
            order_by=("organization__name", "name"),
        ),
        plain("points", _("Points"), then=("name",)),
        plain("enabled", _("Enabled"), then=("name",)),
        Column(
            name="earned",
            label=_("Earned"),
            value=lambda row: row.earned_count,
            order_by=("earned_count", "name"),
            prepare=_with_earned,
        ),
        plain("category", _("Category"), then=("name",)),
        Column(name="description", label=_("Description"), value=lambda row: row.description),
        plain("frequency", _("Frequency")),
        Column(
            name="frequency_type",
            label=_("Frequency Type"),
            value=lambda row: row.get_frequency_type_display(),
            order_by=("frequency_type", "name"),
        ),
        plain("is_global", _("Global"), name="global", then=("name",)),
        Column(
            name="paused",
            label=_("Paused"),
            value=lambda row: row.last_error if row.paused_at else "",
            order_by=("paused_at",),
        ),
        Column(name="conditions", label=_("Conditions"), value=lambda row: row.conditions_text),
        plain("external_id", _("External ID")),
        plain("pk", _("ID"), name="id"),
    ),
    searched=("name", "description", "category"),
    order_by=("name",),
)
CHOOSE_ACHIEVEMENTS = Listing(
    columns=(
        Column(name="achievement", label=_("Achievement"), value=str, order_by=("name",)),
        *(column for column in ACHIEVEMENTS.columns if column.name in {"organization", "points"}),
    ),
    searched=("name", "description"),
    order_by=("name",),
)
