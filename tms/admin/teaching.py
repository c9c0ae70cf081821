"""What is taught: labs, course tags, courses and classes."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext

from tms import gates, progress
from tms.back_office import BackOfficeAdmin, ScopedRelatedFilter
from tms.models import Class, Course, CourseTag, Lab


@admin.register(Lab)
class LabAdmin(BackOfficeAdmin):
    list_display = ("name", "id", "organization", "is_exam")
    list_filter = (("organization", ScopedRelatedFilter), "is_exam")
    list_select_related = ("organization",)
    search_fields = ("name", "external_id")
    ordering = ("name", "id")
    fields = ("name", "organization", "is_exam", "external_id")


@admin.register(CourseTag)
class CourseTagAdmin(BackOfficeAdmin):
    list_display = ("name", "id", "organization")
    list_filter = (("organization", ScopedRelatedFilter),)
    list_select_related = ("organization",)
    search_fields = ("name", "external_id")
    ordering = ("name", "id")
    fields = ("name", "organization", "external_id")


@admin.register(Course)
class CourseAdmin(BackOfficeAdmin):
    list_display = (
        "name",
        "id",
        "organization",
        "content_provider",
        "publishing_group",
        "achievements_for_outside_organizations",
    )
    list_filter = (("organization", ScopedRelatedFilter), "achievements_for_outside_organizations")
    list_select_related = ("organization",)
    search_fields = ("name", "external_id")
    autocomplete_fields = ("tags", "labs")
    ordering = ("name", "id")
    fields = (
        "name",
        "organization",
        "content_provider",
        "publishing_group",
        "achievements_for_outside_organizations",
        "tags",
        "labs",
        "external_id",
    )

    def write(self, row: Course, *, form: Any, request: HttpRequest) -> None:
        gates.save_course(row, tags=form.cleaned_data["tags"])


@admin.register(Class)
class ClassAdmin(BackOfficeAdmin):
    list_display = ("name", "course", "organization", "status", "starts_at", "ends_at")
    list_filter = ("status", ("organization", ScopedRelatedFilter))
    list_select_related = ("course", "organization")
    search_fields = ("name", "course__name", "external_id")
    autocomplete_fields = ("course", "instructors")
    date_hierarchy = "starts_at"
    ordering = ("-starts_at", "id")
    readonly_fields = ("roster",)
    fields = (
        "name",
        "roster",
        "course",
        "organization",
        "status",
        ("starts_at", "ends_at"),
        "time_zone",
        ("minimum", "maximum"),
        "instructors",
        "external_id",
    )

    @admin.display(description=_("roster"))
    def roster(self, training_class: Class) -> str:
        if not training_class.pk:
            return ""
        return format_html(
            '<a href="{}">{}</a>', reverse("roster", args=[training_class.pk]), pgettext("verb", "Open")
        )

    def write(self, row: Class, *, form: Any, request: HttpRequest) -> None:
        progress.save_class(row)
