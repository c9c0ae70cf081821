"""Badges, and what synchronizations did to them, in the back office."""

from __future__ import annotations

from typing import Any

from django.contrib import admin, messages
from django.contrib.admin.utils import unquote
from django.db import models
from django.http import HttpRequest, HttpResponse
from django.utils.html import format_html
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext_lazy

from badges import activation
from badges.catalogue import accounts_for, save_badge, set_active
from badges.models import Badge, Synchronization
from badges.synchronization import described, summary
from tms.back_office import BackOfficeAdmin, BackOfficeForm, ReadOnlyAdmin, ScopedRelatedFilter

# For lists, where there is no room for the whole.
WORDS = {
    Badge.TemplateState.UNSEEN: gettext_lazy("Not seen"),
    Badge.TemplateState.LIVE: gettext_lazy("Active"),
    Badge.TemplateState.ARCHIVED: gettext_lazy("Archived"),
    Badge.TemplateState.GONE: gettext_lazy("Gone"),
}


@admin.register(Badge)
class BadgeAdmin(BackOfficeAdmin):
    list_display = (
        "name",
        "badge_provider",
        "template_word",
        "is_active",
        "enable_manual_issuance",
        "organization",
    )
    list_filter = (
        "is_active",
        "enable_manual_issuance",
        "template_state",
        "allows_duplicates",
        ("badge_provider", ScopedRelatedFilter),
        ("organization", ScopedRelatedFilter),
    )
    list_select_related = ("badge_provider", "organization")
    search_fields = ("name", "description", "template_id", "external_id")
    ordering = ("name", "id")
    actions = ("activate", "deactivate")
    readonly_fields = ("picture", "template", "duplicates", "synchronized_at")
    filter_horizontal = ("available_to",)
    fieldsets = (
        (None, {"fields": ("name", "description", "organization", "is_active", "enable_manual_issuance")}),
        (
            gettext_lazy("At the provider"),
            {"fields": ("badge_provider", "template_id", "template", "duplicates", "synchronized_at")},
        ),
        (gettext_lazy("Look and expiry"), {"fields": ("picture", "image_url", "expires_after_days")}),
        (gettext_lazy("Availability"), {"fields": ("available_to", "external_id")}),
    )

    def get_field_queryset(self, db: str | None, db_field: Any, request: HttpRequest) -> Any:
        if db_field.name != "badge_provider":
            return super().get_field_queryset(db, db_field, request)
        user: Any = request.user
        return accounts_for(user)

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        """Of a badge that is being made the provider has told nothing yet."""
        if obj is not None:
            return self.fieldsets
        told = set(self.readonly_fields)
        return [
            (title, {**part, "fields": [name for name in part["fields"] if name not in told]})
            for title, part in self.fieldsets
        ]

    @admin.display(description=gettext_lazy("image"))
    def picture(self, row: Badge) -> str:
        if not row.image_url.startswith("https://"):
            return self.get_empty_value_display()
        return format_html('<img class="badge-picture" src="{}" alt="">', row.image_url)

    @admin.display(description=gettext_lazy("template"), ordering="template_state")
    def template_word(self, row: Badge) -> str:
        return format_html(
            '<span class="health template-{}">{}</span>',
            row.template_state,
            WORDS[Badge.TemplateState(row.template_state)],
        )

    @admin.display(description=gettext_lazy("template"))
    def template(self, row: Badge) -> str:
        state = format_html(
            '<span class="health template-{}">{}</span>', row.template_state, row.get_template_state_display()
        )
        if not row.template_url:
            return state
        link = format_html(
            '<a href="{}" rel="noreferrer">{}</a>', row.template_url, _("Page at the provider")
        )
        return format_html("{} {}", state, link)

    @admin.display(description=gettext_lazy("template allows duplicates"))
    def duplicates(self, row: Badge) -> str:
        if not row.allows_duplicates:
            return _("No")
        return _(
            "Yes: the provider would not refuse a second badge for the same person. Forbid duplicates at the "
            "provider, so that it stands guard too."
        )

    # Saving, and asking the provider before

    def changeform_view(
        self,
        request: HttpRequest,
        object_id: str | None = None,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        """The provider is asked about a template before the transaction of the save begins."""
        seen = self._look(request, object_id) if request.method == "POST" else None
        request._seen = seen  # type: ignore[attr-defined]
        response = super().changeform_view(request, object_id, form_url, extra_context)
        if seen and seen.problem and response.status_code == HttpResponse(status=302).status_code:
            self._warn(request, seen)
        return response

    def _look(self, request: HttpRequest, object_id: str | None) -> activation.Look | None:
        row = self.get_object(request, unquote(object_id)) if object_id else None
        allowed = self.has_change_permission(request, row) if row else self.has_add_permission(request)
        if not allowed or (object_id and row is None):
            return None
        form: BackOfficeForm = self.get_form(request, row, change=row is not None)(request.POST, instance=row)
        if not form.is_valid() or not activation.needs_look(form.instance):
            return None
        return activation.look(form.instance)

    def _warn(self, request: HttpRequest, seen: activation.Look) -> None:
        self.message_user(request, activation.could_not_ask(seen), messages.WARNING)

    def write(self, row: Badge, *, form: Any, request: HttpRequest) -> None:
        user: Any = request.user
        seen: activation.Look | None = getattr(request, "_seen", None)
        save_badge(row, seen=seen, available_to=form.cleaned_data.get("available_to"), actor=user)

    # Acting

    @admin.action(description=gettext_lazy("Activate"), permissions=["manage"])
    def activate(self, request: HttpRequest, queryset: models.QuerySet[Badge]) -> None:
        user: Any = request.user

        def act(badge: Badge) -> None:
            seen = set_active(badge, active=True, actor=user)
            if seen and seen.problem:
                self._warn(request, seen)

        done = ngettext_lazy(
            "%d badge is active. What was earned meanwhile is issued.",
            "%d badges are active. What was earned meanwhile is issued.",
        )
        self.act_on_each(request, queryset, act, done=done)

    @admin.action(description=gettext_lazy("Deactivate"), permissions=["manage"])
    def deactivate(self, request: HttpRequest, queryset: models.QuerySet[Badge]) -> None:
        user: Any = request.user
        done = ngettext_lazy(
            "%d badge is no longer active. What is earned from now on waits.",
            "%d badges are no longer active. What is earned from now on waits.",
        )
        self.act_on_each(
            request, queryset, lambda badge: set_active(badge, active=False, actor=user), done=done
        )


class ResultFilter(admin.SimpleListFilter):
    title = gettext_lazy("result")
    parameter_name = "result"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        return [
            ("changed", gettext_lazy("Something changed")),
            ("unchanged", gettext_lazy("Nothing changed")),
            ("failed", gettext_lazy("Failed")),
        ]

    def queryset(self, request: HttpRequest, queryset: models.QuerySet[Any]) -> models.QuerySet[Any]:
        done = models.Q(problem="")
        chosen = {
            "changed": done & ~models.Q(changes=[]),
            "unchanged": done & models.Q(changes=[]),
            "failed": ~done,
        }.get(self.value() or "", models.Q())
        return queryset.filter(chosen)


@admin.register(Synchronization)
class SynchronizationAdmin(ReadOnlyAdmin):
    change_form_template = "badges/back_office_synchronization.html"
    list_display = ("at", "badge_provider", "mode", "result", "started_by")
    list_filter = (("badge_provider", ScopedRelatedFilter), ResultFilter, "is_dry_run")
    list_select_related = ("badge_provider", "actor")
    search_fields = ("badge_provider__name", "problem")
    date_hierarchy = "at"
    ordering = ("-id",)
    readonly_fields = ("mode", "result", "started_by")
    fields = ("badge_provider", "at", "started_by", "mode", "seconds", "seen", "result")

    @admin.display(description=gettext_lazy("mode"), ordering="is_dry_run")
    def mode(self, row: Synchronization) -> str:
        return _("Dry run") if row.is_dry_run else _("Sync")

    @admin.display(description=gettext_lazy("result"))
    def result(self, row: Synchronization) -> str:
        level = "error" if row.problem else "ok"
        return format_html('<span class="health health-{}">{}</span>', level, summary(row))

    @admin.display(description=gettext_lazy("started by"), ordering="actor")
    def started_by(self, row: Synchronization) -> str:
        return str(row.actor) if row.actor else _("The schedule or a command")

    def render_change_form(
        self, request: HttpRequest, context: dict[str, Any], *args: Any, **kwargs: Any
    ) -> HttpResponse:
        row: Synchronization | None = context["original"]
        context["changes"] = described(row) if row else []
        return super().render_change_form(request, context, *args, **kwargs)
