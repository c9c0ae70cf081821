"""Achievements and who earned them, in the back office."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.db import models
from django.http import HttpRequest
from django.utils.html import format_html, format_html_join
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from achievements import authoring
from achievements.conditions.explain import sentences, stored_rule
from achievements.conditions.names import names_of
from achievements.models import Achievement, EarnedAchievement, RuleVersion
from achievements.references import problem_of
from badges.models import Badge
from tms.access import Action, Role
from tms.back_office import (
    BackOfficeAdmin,
    BackOfficeForm,
    ReadOnlyAdmin,
    ReadOnlyInline,
    Refusal,
    ScopedRelatedFilter,
)
from tms.errors import DomainError
from tms.models import Organization


class AchievementForm(BackOfficeForm):
    field_names = {"conditions": "conditions_text"}

    def refused(self, refusal: Refusal) -> Iterable[tuple[str | None, Any]]:
        """Mistakes in the conditions are told with their place."""
        remarks = refusal.data.get("remarks") if isinstance(refusal, DomainError) else None
        if not remarks or not isinstance(refusal, DomainError):
            yield from super().refused(refusal)
            return
        for remark in remarks:
            yield "conditions", placed(remark)
        if corrected := refusal.data.get("corrected"):
            yield "conditions", format_html("{} <code>{}</code>", _("Did you mean:"), corrected)


def placed(remark: dict[str, Any]) -> str:
    return _("Line %(line)d, column %(column)d: %(message)s") % remark


class RuleVersionInline(ReadOnlyInline):
    model = RuleVersion
    fields = ("text", "created_at", "created_by")
    ordering = ("-number",)
    verbose_name_plural = gettext_lazy("earlier and present conditions")

    def get_queryset(self, request: HttpRequest) -> models.QuerySet[Any]:
        return super().get_queryset(request).select_related("created_by")


@admin.register(Achievement)
class AchievementAdmin(BackOfficeAdmin):
    form = AchievementForm
    inlines = (RuleVersionInline,)
    list_display = (
        "name",
        "id",
        "organization",
        "points",
        "badge",
        "enabled",
        "is_global",
        "times_earned",
        "problem",
    )
    list_filter = (
        "enabled",
        "is_global",
        "category",
        ("organization", ScopedRelatedFilter),
        ("badge", ScopedRelatedFilter),
        ("paused_at", admin.EmptyFieldListFilter),
    )
    list_select_related = ("organization", "badge")
    search_fields = ("name", "description", "badge__name", "external_id")
    ordering = ("name", "id")
    readonly_fields = ("rule_in_words", "problem")
    fieldsets = (
        (None, {"fields": ("name", "description", "organization", "category", "enabled", "is_global")}),
        (
            gettext_lazy("Reward"),
            {"fields": ("points", "badge", "frequency", "frequency_type", "is_renewable")},
        ),
        (gettext_lazy("Conditions"), {"fields": ("conditions_text", "rule_in_words", "problem")}),
        (None, {"fields": ("external_id",)}),
    )

    def get_queryset(self, request: HttpRequest) -> models.QuerySet[Any]:
        counted = (
            EarnedAchievement.objects.filter(achievement=models.OuterRef("pk"), withdrawn_at__isnull=True)
            .order_by()
            .values("achievement")
            .annotate(times=models.Count("pk"))
            .values("times")
        )
        rows: models.QuerySet[Any] = super().get_queryset(request).annotate(times=models.Subquery(counted))
        return rows

    @admin.display(description=gettext_lazy("times earned"), ordering="times")
    def times_earned(self, achievement: Any) -> int:
        return achievement.times or 0

    @admin.display(description=gettext_lazy("rule in words"))
    def rule_in_words(self, achievement: Achievement) -> str:
        rule = stored_rule(achievement.conditions)
        told = sentences(rule, names_of([rule]))
        return format_html("<ol>{}</ol>", format_html_join("", "<li>{}</li>", ([line] for line in told)))

    @admin.display(description=gettext_lazy("problem"))
    def problem(self, achievement: Achievement) -> str:
        return problem_of(achievement)

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        told = {"rule_in_words": obj and obj.conditions, "problem": obj and problem_of(obj)}
        hidden = {name for name, value in told.items() if not value}
        return [
            (title, {"fields": [name for name in options["fields"] if name not in hidden]})
            for title, options in self.fieldsets
        ]

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> tuple[Any, ...]:
        readonly = super().get_readonly_fields(request, obj)
        user: Any = request.user
        may_share = user.is_superuser or Role.GLOBAL_ACHIEVEMENTS in user.active_roles
        return readonly if may_share else (*readonly, "is_global")

    def formfield_for_dbfield(self, db_field: Any, request: Any, **kwargs: Any) -> Any:
        if db_field.name == "conditions_text":
            kwargs["widget"] = forms.Textarea(
                attrs={"rows": 8, "cols": 80, "class": "conditions", "spellcheck": "false"}
            )
            kwargs["help_text"] = _("A list of conditions that must all hold, such as %(example)s.") % {
                "example": "[{Subject:0, LabProfileIds:[98765], Count:1, Complete:True}]"
            }
        return super().formfield_for_dbfield(db_field, request, **kwargs)

    def get_field_queryset(self, db: str | None, db_field: Any, request: HttpRequest) -> Any:
        if db_field.name != "badge":
            return super().get_field_queryset(db, db_field, request)
        user: Any = request.user
        own = Badge.objects.for_user(user, Action.SEE)
        shared = Badge.objects.filter(available_to__in=Organization.objects.for_user(user, Action.MANAGE))
        return Badge.objects.filter(models.Q(pk__in=own.values("pk")) | models.Q(pk__in=shared.values("pk")))

    def write(self, row: Achievement, *, form: Any, request: HttpRequest) -> None:
        user: Any = request.user
        rule = authoring.save_achievement(row, actor=user)
        for remark in rule.hints:
            self.message_user(request, placed(authoring.describe(remark)), messages.WARNING)
        for remark in rule.notices:
            self.message_user(request, placed(authoring.describe(remark)), messages.INFO)


@admin.register(EarnedAchievement)
class EarnedAchievementAdmin(ReadOnlyAdmin):
    list_display = ("learner", "achievement", "earned_at", "points", "issued_badge_status", "withdrawn_at")
    list_filter = (
        ("achievement", ScopedRelatedFilter),
        ("withdrawn_at", admin.EmptyFieldListFilter),
    )
    list_select_related = ("learner", "achievement", "issued_badge__badge__badge_provider")
    search_fields = ("learner__email", "learner__first_name", "learner__last_name", "achievement__name")
    ordering = ("-id",)
    readonly_fields = ("evidence",)
    fields = (
        "learner",
        "achievement",
        "occurrence",
        "earned_at",
        "points",
        "rule_version",
        "evidence",
        "issued_badge",
        "withdrawn_at",
        "created_at",
    )

    @admin.display(description=gettext_lazy("Issued Status"))
    def issued_badge_status(self, earned: EarnedAchievement) -> str:
        return str(earned.issued_badge.issued_status) if earned.issued_badge else ""

    @admin.display(description=gettext_lazy("evidence"))
    def evidence(self, earned: EarnedAchievement) -> str:
        return format_html("<pre>{}</pre>", json.dumps(earned.snapshot, indent=2))
