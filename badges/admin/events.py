"""What providers told us, in the back office: read only, but for another try."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.db import models
from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext_lazy, ngettext_lazy

from badges.models import ProviderEvent
from badges.provider_events import process_again
from tms.access import Action
from tms.back_office import ReadOnlyAdmin, ScopedRelatedFilter

WAITING = gettext_lazy("Waiting")


class OutcomeFilter(admin.SimpleListFilter):
    title = gettext_lazy("outcome")
    parameter_name = "outcome"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        return [("waiting", WAITING), *ProviderEvent.Outcome.choices]

    def queryset(self, request: HttpRequest, queryset: Any) -> Any:
        if self.value() is None:
            return queryset
        return queryset.filter(outcome="" if self.value() == "waiting" else self.value())


@admin.register(ProviderEvent)
class ProviderEventAdmin(ReadOnlyAdmin):
    change_form_template = "badges/back_office_record.html"
    list_display = ("kind", "issued_badge", "came_to", "result", "occurred_at")
    list_filter = (OutcomeFilter, ("badge_provider", ScopedRelatedFilter))
    list_select_related = ("badge_provider", "issued_badge__badge", "issued_badge__learner")
    search_fields = ("kind", "external_id", "issued_badge__external_uuid", "issued_badge__learner__email")
    ordering = ("-id",)
    actions = ("process_again",)
    readonly_fields = ("came_to",)
    fieldsets = (
        (None, {"fields": ("kind", "badge_provider", "external_id", "occurred_at", "received_at")}),
        (gettext_lazy("Here"), {"fields": ("came_to", "result", "issued_badge", "attempts", "processed_at")}),
        (gettext_lazy("As it was told, and as it was read back"), {"fields": ("told", "read")}),
    )

    def get_queryset(self, request: HttpRequest) -> models.QuerySet[Any]:
        # To decrypt a secret takes longer than to read a row.
        return super().get_queryset(request).defer("badge_provider__token", "badge_provider__webhook_secret")

    @admin.display(description=gettext_lazy("outcome"), ordering="outcome")
    def came_to(self, row: ProviderEvent) -> str:
        return row.get_outcome_display() or str(WAITING)

    def render_change_form(
        self, request: HttpRequest, context: dict[str, Any], *args: Any, **kwargs: Any
    ) -> HttpResponse:
        row: ProviderEvent | None = context["original"]
        if row and row.outcome and self.reaches(request, Action.MANAGE, row):
            context["steps"] = [("process_again", gettext_lazy("Process again"))]
        return super().render_change_form(request, context, *args, **kwargs)

    @admin.action(description=gettext_lazy("Process again"), permissions=["manage"])
    def process_again(self, request: HttpRequest, queryset: models.QuerySet[ProviderEvent]) -> None:
        user: Any = request.user
        done = ngettext_lazy("%d event is processed again.", "%d events are processed again.")
        self.act_on_each(request, queryset, lambda row: process_again(row, actor=user), done=done)
