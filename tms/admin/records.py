"""What the product itself writes about training."""

from __future__ import annotations

from django.contrib import admin

from tms.back_office import ReadOnlyAdmin
from tms.models import LearningRecord, Notification, ProgressChange


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
    list_display = ("user", "kind", "created_at", "sent_at")
    list_filter = ("kind", ("sent_at", admin.EmptyFieldListFilter))
    list_select_related = ("user",)
    search_fields = ("user__email", "user__last_name")
    ordering = ("-id",)
    fields = ("user", "kind", "key", "created_at", "sent_at")
    person_path = "user"
