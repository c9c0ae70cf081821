"""What was bought: subscription profiles, subscriptions and learning paths."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.http import HttpRequest
from django.utils import timezone

from tms import subscriptions
from tms.back_office import BackOfficeAdmin, BackOfficeInline, ScopedRelatedFilter
from tms.models import LearningPath, LearningPathCourse, Subscription, SubscriptionProfile


@admin.register(SubscriptionProfile)
class SubscriptionProfileAdmin(BackOfficeAdmin):
    list_display = ("name", "id", "organization")
    list_filter = (("organization", ScopedRelatedFilter),)
    list_select_related = ("organization",)
    search_fields = ("name", "external_id")
    autocomplete_fields = ("courses",)
    ordering = ("name", "id")
    fields = ("name", "organization", "courses", "external_id")

    def write(self, row: SubscriptionProfile, *, form: Any, request: HttpRequest) -> None:
        subscriptions.save_profile(row, courses=form.cleaned_data["courses"])


@admin.register(Subscription)
class SubscriptionAdmin(BackOfficeAdmin):
    list_display = ("user", "subscription_profile", "starts_at", "expires_at")
    list_filter = (("user__organization", ScopedRelatedFilter),)
    list_select_related = ("user", "subscription_profile")
    search_fields = (
        "user__email",
        "user__first_name",
        "user__last_name",
        "subscription_profile__name",
        "external_id",
    )
    autocomplete_fields = ("user", "subscription_profile")
    fixed_fields = ("user",)
    ordering = ("-id",)
    fields = ("user", "subscription_profile", ("starts_at", "expires_at"), "external_id")

    def get_changeform_initial_data(self, request: HttpRequest) -> dict[str, Any]:
        return {"starts_at": timezone.now(), **super().get_changeform_initial_data(request)}

    def write(self, row: Subscription, *, form: Any, request: HttpRequest) -> None:
        subscriptions.save_subscription(row)


class StepInline(BackOfficeInline):
    model = LearningPathCourse
    fields = ("position", "course")
    autocomplete_fields = ("course",)


@admin.register(LearningPath)
class LearningPathAdmin(BackOfficeAdmin):
    inlines = (StepInline,)
    list_display = ("name", "organization", "subscription_profile", "is_enabled")
    list_filter = ("is_enabled", ("organization", ScopedRelatedFilter))
    list_select_related = ("organization", "subscription_profile")
    search_fields = ("name", "subscription_profile__name", "external_id")
    autocomplete_fields = ("subscription_profile",)
    ordering = ("name", "id")
    fields = ("name", "organization", "subscription_profile", "is_enabled", "external_id")

    def write(self, row: LearningPath, *, form: Any, request: HttpRequest) -> None:
        """Nothing yet: the path is stored with its courses, in save_formset."""

    def save_formset(self, request: HttpRequest, form: Any, formset: Any, change: bool) -> None:
        formset.save(commit=False)  # only to learn what the history is to tell
        steps = [step for step in formset.cleaned_data if step and not step["DELETE"]]
        steps.sort(key=lambda step: step["position"])
        subscriptions.save_learning_path(form.instance, courses=[step["course"] for step in steps])
