"""What learners did: lab instances, course assignments, enrolments, and activities of any other kind."""

from __future__ import annotations

from typing import Any, ClassVar

from django.contrib import admin
from django.db import models
from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext_lazy, pgettext

from tms import coursework, progress
from tms.access import Action
from tms.back_office import BackOfficeAdmin, ScopedRelatedFilter
from tms.models import Activity, CourseAssignment, Enrollment, LabInstance


class DeedAdmin(BackOfficeAdmin):
    """What somebody did. The only rows that may be deleted: a record made by mistake must be able to go."""

    # Newest first by the primary key, which costs nothing however many there are.
    ordering = ("-id",)
    started_field = "started_at"

    def get_changeform_initial_data(self, request: HttpRequest) -> dict[str, Any]:
        return {self.started_field: timezone.now(), **super().get_changeform_initial_data(request)}

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return self.reaches(request, Action.MANAGE, obj)

    def write(self, row: Any, *, form: Any, request: HttpRequest) -> None:
        progress.save(row)

    def delete_model(self, request: HttpRequest, obj: Any) -> None:
        progress.delete(obj)

    def delete_queryset(self, request: HttpRequest, queryset: models.QuerySet[Any]) -> None:
        for row in queryset:
            progress.delete(row)


class TakingAdmin(DeedAdmin):
    """A course that somebody takes, with how much of its required activities is finished."""

    readonly_fields: ClassVar[tuple[str, ...]] = ("percent_complete",)

    def get_queryset(self, request: HttpRequest) -> models.QuerySet[Any]:
        return coursework.with_percent_complete(super().get_queryset(request))

    @admin.display(description=_("percent complete"))
    def percent_complete(self, taking: Any) -> str:
        percent = getattr(taking, "percent_complete", None)
        return "" if percent is None else f"{percent} %"


@admin.register(LabInstance)
class LabInstanceAdmin(DeedAdmin):
    list_display = ("user", "lab", "status", "started_at", "completed_at", "minutes", "passed")
    list_filter = ("status", "passed", ("user__organization", ScopedRelatedFilter))
    list_select_related = ("user", "lab")
    search_fields = ("user__email", "user__first_name", "user__last_name", "lab__name", "external_id")
    autocomplete_fields = ("user", "lab", "course_assignment", "enrollment")
    fixed_fields = ("user", "lab")
    actions = ("complete",)
    fieldsets = (
        (None, {"fields": ("user", "lab", "status", "started_at", "completed_at")}),
        (_("Result"), {"fields": ("minutes", "passed", "score_percent")}),
        (_("Taken through"), {"fields": ("course_assignment", "enrollment")}),
        (None, {"fields": ("external_id",)}),
    )

    @admin.action(description=_("Complete selected lab instances"), permissions=["manage"])
    def complete(self, request: HttpRequest, queryset: models.QuerySet[LabInstance]) -> None:
        done = ngettext_lazy("%d lab was completed.", "%d labs were completed.")
        self.act_on_each(request, queryset, progress.complete_lab, done=done)


@admin.register(CourseAssignment)
class CourseAssignmentAdmin(TakingAdmin):
    list_display = ("user", "course", "status", "started_at", "completed_at", "expires_at")
    list_filter = ("status", ("user__organization", ScopedRelatedFilter))
    list_select_related = ("user", "course")
    search_fields = ("user__email", "user__first_name", "user__last_name", "course__name", "external_id")
    autocomplete_fields = ("user", "course", "subscription")
    fixed_fields = ("user", "course")
    actions = ("complete",)
    readonly_fields: ClassVar[tuple[str, ...]] = ("percent_complete", "page")
    fields = (
        "page",
        "user",
        "course",
        "status",
        "started_at",
        "completed_at",
        "percent_complete",
        "expires_at",
        "target_completion",
        "subscription",
        "from_on_demand",
        "external_id",
    )

    @admin.display(description=_("page"))
    def page(self, assignment: CourseAssignment) -> str:
        if not assignment.pk:
            return ""
        return format_html(
            '<a href="{}">{}</a>',
            reverse("course-assignment", args=[assignment.pk]),
            pgettext("verb", "Open"),
        )

    @admin.action(description=_("Mark complete"), permissions=["manage"])
    def complete(self, request: HttpRequest, queryset: models.QuerySet[CourseAssignment]) -> None:
        done = ngettext_lazy("%d assignment was completed.", "%d assignments were completed.")
        self.act_on_each(request, queryset, progress.complete_assignment, done=done)


@admin.register(Enrollment)
class EnrollmentAdmin(TakingAdmin):
    started_field = "enrolled_at"
    list_display = (
        "user",
        "training_class",
        "status",
        "completion_status",
        "enrolled_at",
        "completed_at",
    )
    list_filter = (
        "status",
        "completion_status",
        ("training_class__organization", ScopedRelatedFilter),
    )
    list_select_related = ("user", "training_class")
    search_fields = (
        "user__email",
        "user__first_name",
        "user__last_name",
        "training_class__name",
        "external_id",
    )
    autocomplete_fields = ("user", "training_class", "subscription")
    fixed_fields = ("user", "training_class")
    fields = (
        "user",
        "training_class",
        "status",
        "completion_status",
        "enrolled_at",
        "completed_at",
        "percent_complete",
        "subscription",
        "external_id",
    )


@admin.register(Activity)
class ActivityAdmin(DeedAdmin):
    """Those that the product wrote itself follow from what else is recorded: they are shown, not edited."""

    started_field = "occurred_at"
    list_display = ("user", "kind", "occurred_at", "course", "other_user")
    list_filter = (("user__organization", ScopedRelatedFilter),)
    list_select_related = ("user", "course", "other_user")
    search_fields = ("kind", "user__email", "user__first_name", "user__last_name", "external_id")
    autocomplete_fields = ("user", "course", "other_user")
    fixed_fields = ("user",)
    fields = ("user", "kind", "occurred_at", "course", "other_user", "external_id")

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        derived = obj is not None and obj.occasion is not None
        return not derived and super().has_change_permission(request, obj)
