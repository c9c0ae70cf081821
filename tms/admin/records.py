"""What the product itself writes about training."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.contrib import admin
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext_lazy

from tms.back_office import ReadOnlyAdmin
from tms.models import LearningRecord, Mail, Notification, ProgressChange
from tms.notifying.resending import resend, retry

if TYPE_CHECKING:
    from django.db.models import QuerySet
    from django.http import HttpRequest


@admin.register(LearningRecord)
class LearningRecordAdmin(ReadOnlyAdmin):
    list_display = ("learner", "subject", "lab", "course", "kind", "started_day", "completed_day", "passed")
    list_filter = ("subject", "passed")
    list_select_related = ("learner", "lab", "course", "subscription__subscription_profile", "other")
    search_fields = ("learner__email", "learner__last_name", "lab__name", "course__name")
    ordering = ("-id",)
    fields = (
        "learner",
        "subject",
        "lab",
        "course",
        "kind",
        "subscription",
        "other",
        "started_at",
        "started_day",
        "utc_offset",
        "completed_at",
        "completed_day",
        "passed",
        "score",
        "minutes",
        "source_kind",
        "source_id",
    )


@admin.register(ProgressChange)
class ProgressChangeAdmin(ReadOnlyAdmin):
    list_display = ("learner", "at")
    list_select_related = ("learner",)
    search_fields = ("learner__email", "learner__last_name")
    ordering = ("id",)
    fields = ("learner", "at")
    person_path = "learner"


@admin.register(Notification)
class NotificationAdmin(ReadOnlyAdmin):
    list_display = ("user", "kind", "created_at", "read_at", "unmailed", "mail", "sent_at")
    list_filter = ("kind", "unmailed", "mail__state", ("sent_at", admin.EmptyFieldListFilter))
    list_select_related = ("user", "mail__user")
    search_fields = ("user__email", "user__last_name")
    ordering = ("-id",)
    actions = ("resend",)
    fields = ("user", "kind", "key", "created_at", "read_at", "unmailed", "mail", "sent_at")

    @admin.action(description=_("Send as a mail again"), permissions=["manage"])
    def resend(self, request: HttpRequest, queryset: QuerySet[Notification]) -> None:
        actor: Any = request.user
        done = ngettext_lazy("%d message is sent again.", "%d messages are sent again.")
        self.act_on_each(request, queryset, lambda row: resend(row, actor=actor), done=done)


@admin.register(Mail)
class MailAdmin(ReadOnlyAdmin):
    list_display = ("user", "purpose", "state", "attempts", "created_at", "due_at", "sent_at", "problem")
    list_filter = ("state", "purpose")
    list_select_related = ("user",)
    search_fields = ("user__email", "user__last_name", "problem")
    ordering = ("-id",)
    actions = ("retry",)
    fields = (
        "user",
        "purpose",
        "state",
        "problem",
        "attempts",
        "created_at",
        "due_at",
        "sent_at",
        "message_id",
        "period",
        "covers_from",
        "covers_until",
    )

    @admin.action(description=_("Send again"), permissions=["manage"])
    def retry(self, request: HttpRequest, queryset: QuerySet[Mail]) -> None:
        actor: Any = request.user
        done = ngettext_lazy("%d mail is sent again.", "%d mails are sent again.")
        self.act_on_each(request, queryset, lambda row: retry(row, actor=actor), done=done)
