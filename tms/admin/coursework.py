"""What courses are made of, and how far learners are with it."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.http import HttpRequest

from tms import content
from tms.admin.training import DeedAdmin
from tms.back_office import BackOfficeAdmin, ScopedRelatedFilter
from tms.models import ActivityResult, CourseActivity, CourseSection


@admin.register(CourseSection)
class CourseSectionAdmin(BackOfficeAdmin):
    list_display = ("name", "course", "position")
    list_filter = (("course__organization", ScopedRelatedFilter),)
    list_select_related = ("course",)
    search_fields = ("name", "course__name", "external_id")
    autocomplete_fields = ("course",)
    ordering = ("course__name", "course", "position", "id")
    fields = ("course", "name", "position", "external_id")

    def write(self, row: CourseSection, *, form: Any, request: HttpRequest) -> None:
        content.save_section(row)


@admin.register(CourseActivity)
class CourseActivityAdmin(BackOfficeAdmin):
    list_display = ("name", "kind", "course", "section", "position", "is_required")
    list_filter = ("kind", "is_required", ("section__course__organization", ScopedRelatedFilter))
    list_select_related = ("section__course", "lab")
    search_fields = ("name", "section__name", "section__course__name", "external_id")
    autocomplete_fields = ("section", "lab")
    ordering = ("section__course__name", "section__course", "section__position", "position", "id")
    fields = ("section", "name", "kind", "lab", "position", "is_required", "external_id")

    @admin.display(description=CourseSection._meta.get_field("course").verbose_name)
    def course(self, activity: CourseActivity) -> str:
        return str(activity.section.course)

    def write(self, row: CourseActivity, *, form: Any, request: HttpRequest) -> None:
        content.save_activity(row)


@admin.register(ActivityResult)
class ActivityResultAdmin(DeedAdmin):
    """Those of labs follow from the lab instances: they are shown, not edited."""

    started_field = "launched_at"
    list_display = ("user", "course_activity", "launched_at", "completed_at")
    list_filter = ("course_activity__kind", ("user__organization", ScopedRelatedFilter))
    list_select_related = ("user", "course_activity")
    search_fields = (
        "user__email",
        "user__first_name",
        "user__last_name",
        "course_activity__name",
        "external_id",
    )
    autocomplete_fields = ("course_activity", "course_assignment", "enrollment")
    fixed_fields = ("course_activity", "course_assignment", "enrollment")
    fields = (
        "course_activity",
        "course_assignment",
        "enrollment",
        "launched_at",
        "completed_at",
        "external_id",
    )

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return not _is_of_lab(obj) and super().has_change_permission(request, obj)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return not _is_of_lab(obj) and super().has_delete_permission(request, obj)


def _is_of_lab(result: ActivityResult | None) -> bool:
    return result is not None and result.course_activity.kind == CourseActivity.Kind.LAB
