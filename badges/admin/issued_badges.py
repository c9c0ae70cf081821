"""The record of each badge issued, in the back office."""

from __future__ import annotations

from typing import Any

from django.contrib import admin, messages
from django.db import models
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils.html import format_html
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext, ngettext_lazy

from badges import corrections, ending, reflection, retrying
from badges.admin.differences import ask_for_each
from badges.issued.verbs import verbs_for
from badges.models import AccredibleBadge, CredlyBadge, IssuedBadge, IssuingEvent
from badges.status import Status
from providers.models import BadgeProvider
from tms.access import Action
from tms.back_office import ReadOnlyAdmin, ReadOnlyInline, ScopedRelatedFilter


class TimelineInline(ReadOnlyInline):
    model = IssuingEvent
    fields = ("at", "actor", "reason", "data")  # each under the move itself, which is the row's name
    ordering = ("id",)

    def get_queryset(self, request: HttpRequest) -> models.QuerySet[Any]:
        return super().get_queryset(request).select_related("actor")


@admin.register(IssuedBadge)
class IssuedBadgeAdmin(ReadOnlyAdmin):
    change_form_template = "badges/back_office_record.html"
    change_list_template = "badges/back_office_issued_badges.html"
    inlines = (TimelineInline,)
    list_display: tuple[str, ...] = (
        "learner",
        "badge",
        "status_label",
        "failure_code",
        "issued_at",
    )
    list_filter = (
        "status",
        "source_kind",
        ("badge", ScopedRelatedFilter),
        ("badge__badge_provider", ScopedRelatedFilter),
    )
    list_select_related = ("learner", "badge__badge_provider")
    search_fields = (
        "learner__email",
        "learner__first_name",
        "learner__last_name",
        "badge__name",
        "external_uuid",
    )
    ordering = ("-id",)
    actions = ("retry", "refresh", "correct", "revoke", "cancel")
    readonly_fields = ("status_label", "provider", "provider_page")
    fieldsets = (
        (None, {"fields": ("learner", "badge", "status_label", "earned_at", "issued_at")}),
        (
            _("At the provider"),
            {"fields": ("provider", "recipient_email", "external_uuid", "external_state", "provider_page")},
        ),
        (_("Failure"), {"fields": ("failure_code", "failure_message", "provider_message")}),
        (_("Source"), {"fields": ("source_kind", "issued_by", "reason", "ended_reason", "created_at")}),
    )

    @admin.display(description=_("Issued Status"), ordering="status")
    def status_label(self, row: IssuedBadge) -> str:
        return str(row.issued_status)

    @admin.display(description=_("badge provider"))
    def provider(self, row: IssuedBadge) -> BadgeProvider:
        return row.badge.badge_provider

    @admin.display(description=_("page at the provider"))
    def provider_page(self, row: IssuedBadge) -> str:
        if not row.external_url:
            return self.get_empty_value_display()
        return format_html('<a href="{}" rel="noreferrer">{}</a>', row.external_url, row.external_url)

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        failed = obj is not None and obj.failure_code
        return [part for part in self.fieldsets if failed or "failure_code" not in part[1]["fields"]]

    def render_change_form(
        self, request: HttpRequest, context: dict[str, Any], *args: Any, **kwargs: Any
    ) -> HttpResponse:
        row: IssuedBadge | None = context["original"]
        if row and self.reaches(request, Action.MANAGE, row):
            context["steps"] = [
                (verb.name, verb.label) for verb in verbs_for(row) if verb.name in self.actions
            ]
        return super().render_change_form(request, context, *args, **kwargs)

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> Any:
        """A list of what failed has one button for all of it, whatever else it is filtered by."""
        retries: Any = ""
        if request.GET.get("status__exact") == Status.FAILED and self.has_manage_permission(request):
            of_one_reason = "failure_code" in request.GET
            retries = (
                _("Send all that failed for this reason again") if of_one_reason else _("Send all again")
            )
        return super().changelist_view(request, {**(extra_context or {}), "retries": retries})

    def lookup_allowed(self, lookup: str, value: str, request: HttpRequest | None = None) -> bool:
        # Links of the dashboard.
        return lookup == "failure_code" or super().lookup_allowed(lookup, value, request)  # type: ignore[arg-type]

    @admin.action(description=_("Retry: send failed badges again"), permissions=["manage"])
    def retry(self, request: HttpRequest, queryset: models.QuerySet[IssuedBadge]) -> HttpResponse | None:
        """All together, however many, or one that says why not."""
        user: Any = request.user
        done = ngettext_lazy("%d badge is sent again.", "%d badges are sent again.")
        if queryset.count() == 1:
            self.act_on_each(request, queryset, lambda row: retrying.retry(row, actor=user), done=done)
            return self._back(queryset)
        chosen = IssuedBadge.objects.for_user(user, Action.MANAGE).filter(pk__in=queryset.values("pk"))
        of_so_many = chosen.count()
        count = retrying.retry_all(chosen, actor=user)
        if count:
            self.message_user(request, done % count, messages.SUCCESS)
        if others := of_so_many - count:
            text = ngettext(
                "Only a failed badge can be sent again; %d other has not failed.",
                "Only a failed badge can be sent again; %d others have not failed.",
                others,
            )
            self.message_user(request, text % others, messages.WARNING)
        return None

    @admin.action(description=_("Refresh from provider"), permissions=["manage"])
    def refresh(self, request: HttpRequest, queryset: models.QuerySet[IssuedBadge]) -> HttpResponse | None:
        user: Any = request.user
        done = ngettext_lazy("%d badge was read again.", "%d badges were read again.")
        ask_for_each(self, request, queryset, lambda row: reflection.refresh(row, actor=user), done=done)
        return self._back(queryset)

    @admin.action(description=_("Correct: write today’s name and address"), permissions=["manage"])
    def correct(self, request: HttpRequest, queryset: models.QuerySet[IssuedBadge]) -> HttpResponse | None:
        user: Any = request.user
        done = ngettext_lazy("%d badge is being corrected.", "%d badges are being corrected.")
        rows = queryset.select_related("learner")
        self.act_on_each(request, rows, lambda row: corrections.correct(row, actor=user), done=done)
        return self._back(queryset)

    @admin.action(description=_("Revoke…"), permissions=["manage"])
    def revoke(self, request: HttpRequest, queryset: models.QuerySet[IssuedBadge]) -> HttpResponse | None:
        reason = self.ask_reason(
            request,
            queryset,
            action="revoke",
            title=_("Revoke issued badges"),
            explanation=_(
                "The provider takes the badge back and tells the earner this reason. What was earned stays, "
                "with its points. Nothing issues the badge again by itself."
            ),
            button=_("Revoke"),
        )
        if isinstance(reason, HttpResponse):
            return reason
        user: Any = request.user
        done = ngettext_lazy("%d badge is being revoked.", "%d badges are being revoked.")
        self.act_on_each(
            request, queryset, lambda row: ending.revoke(row, reason=reason, actor=user), done=done
        )
        return self._back(queryset)

    @admin.action(description=_("Cancel…"), permissions=["manage"])
    def cancel(self, request: HttpRequest, queryset: models.QuerySet[IssuedBadge]) -> HttpResponse | None:
        reason = self.ask_reason(
            request,
            queryset,
            action="cancel",
            title=_("Cancel issuing"),
            explanation=_(
                "What has not been sent is given up, and nothing issues it again by itself. Badges that the "
                "provider has are revoked instead."
            ),
            button=_("Cancel issuing"),
        )
        if isinstance(reason, HttpResponse):
            return reason
        user: Any = request.user
        done = ngettext_lazy("%d badge was cancelled.", "%d badges were cancelled.")
        self.act_on_each(
            request, queryset, lambda row: ending.cancel(row, reason=reason, actor=user), done=done
        )
        return self._back(queryset)

    def _back(self, rows: models.QuerySet[IssuedBadge]) -> HttpResponse | None:
        """To the one badge that was acted on, else to the list."""
        chosen = list(rows.order_by().values_list("pk", flat=True)[:2])
        if len(chosen) != 1:
            return None
        return HttpResponseRedirect(
            reverse(f"admin:{self.opts.app_label}_{self.opts.model_name}_change", args=chosen)
        )


class IssuedThroughOne(IssuedBadgeAdmin):
    """Those of one vendor, told by what it calls them."""

    list_display = (
        "learner",
        "badge",
        "status_label",
        "external_uuid",
        "external_state",
        "attempts",
        "failure_code",
        "issued_at",
    )


@admin.register(CredlyBadge)
class CredlyBadgeAdmin(IssuedThroughOne):
    pass


@admin.register(AccredibleBadge)
class AccredibleBadgeAdmin(IssuedThroughOne):
    pass
