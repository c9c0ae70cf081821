"""Facts about training in the back office."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin
from django.contrib.auth import password_validation, update_session_auth_hash
from django.contrib.auth.models import Group
from django.db import models
from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext_lazy
from rest_framework.authtoken.models import TokenProxy

from tms import gates, progress
from tms.access import Role
from tms.back_office import (
    BackOfficeAdmin,
    BackOfficeForm,
    BackOfficeInline,
    ReadOnlyAdmin,
    ScopedRelatedFilter,
)
from tms.models import (
    Class,
    Course,
    CourseAssignment,
    CourseTag,
    Enrollment,
    Lab,
    LabInstance,
    LearningRecord,
    Notification,
    Organization,
    ProgressChange,
    RoleAssignment,
    User,
)

# Who may do what is tms.access's business, and tokens are made by a command and shown once.
admin.site.unregister([Group, TokenProxy])


@admin.register(Organization)
class OrganizationAdmin(BackOfficeAdmin):
    list_display = (
        "name",
        "parent",
        "enable_achievements",
        "participate_in_global_achievements",
        "time_zone",
    )
    list_filter = ("enable_achievements", "participate_in_global_achievements")
    list_select_related = ("parent",)
    search_fields = ("name", "external_id")
    fields = (
        "name",
        "parent",
        "time_zone",
        "enable_achievements",
        "participate_in_global_achievements",
        "external_id",
    )

    def get_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        hidden: set[str] = set()
        if obj is None:
            hidden = {"enable_achievements", "participate_in_global_achievements"}  # copied from the parent
        elif not request.user.is_superuser and obj.pk == request.user.organization_id:  # type: ignore[union-attr]
            hidden = {"parent"}  # what is above one's own organization is not one's own
        return [name for name in self.fields if name not in hidden]

    def formfield_for_foreignkey(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        field = super().formfield_for_foreignkey(db_field, request, **kwargs)
        if db_field.name == "parent" and field:
            field.required = not request.user.is_superuser
        return field

    def write(self, row: Organization, *, form: Any, request: HttpRequest) -> None:
        gates.save_organization(row)


class RoleForm(forms.ModelForm):  # type: ignore[type-arg]
    """A supplemental role is passed on only by somebody who has it."""

    may_give_all = False

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if not self.may_give_all and self.instance.role != Role.GLOBAL_ACHIEVEMENTS:
            role: Any = self.fields["role"]
            role.choices = [choice for choice in role.choices if choice[0] != Role.GLOBAL_ACHIEVEMENTS]


class RoleInline(BackOfficeInline):
    model = RoleAssignment
    form = RoleForm
    fields = ("role", "starts_at", "ends_at")

    def get_formset(self, request: HttpRequest, obj: Any = None, **kwargs: Any) -> Any:
        user: Any = request.user
        may_give_all = user.is_superuser or Role.GLOBAL_ACHIEVEMENTS in user.active_roles
        form = type("RoleForm", (RoleForm,), {"may_give_all": may_give_all})
        return super().get_formset(request, obj, form=form, **kwargs)


class UserForm(BackOfficeForm):
    new_password = forms.CharField(
        label=_("New password"),
        required=False,
        strip=False,
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
        help_text=_("Leave empty to keep the present one. Without any, the user cannot sign in."),
    )

    def clean_new_password(self) -> str:
        password: str = self.cleaned_data["new_password"]
        if password:
            password_validation.validate_password(password, self.instance)
        return password


@admin.register(User)
class UserAdmin(BackOfficeAdmin):
    form = UserForm
    inlines = (RoleInline,)
    list_display = (
        "email",
        "first_name",
        "last_name",
        "organization",
        "participate_in_achievements",
        "is_active",
        "achievements_page",
    )
    list_filter = (
        ("organization", ScopedRelatedFilter),
        "role_assignments__role",
        "participate_in_achievements",
        "is_active",
    )
    list_select_related = ("organization",)
    search_fields = ("email", "first_name", "last_name", "external_id")
    ordering = ("last_name", "first_name", "id")
    readonly_fields = ("opted_out_at", "achievements_page")
    fieldsets = (
        (
            None,
            {"fields": ("email", "first_name", "last_name", "organization", "time_zone", "new_password")},
        ),
        (
            _("Achievements"),
            {"fields": ("participate_in_achievements", "opted_out_at", "achievements_page")},
        ),
        (_("Account"), {"fields": ("is_active", "is_superuser", "external_id")}),
    )

    @admin.display(description=_("achievements page"))
    def achievements_page(self, user: User) -> str:
        if not user.pk:
            return ""
        return format_html('<a href="{}">{}</a>', reverse("user-achievements", args=[user.pk]), _("Open"))

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        hidden = set() if request.user.is_superuser else {"is_superuser"}
        if obj is None:
            hidden |= {"opted_out_at", "achievements_page"}
        return [
            (title, {"fields": [name for name in options["fields"] if name not in hidden]})
            for title, options in self.fieldsets
        ]

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> tuple[Any, ...]:
        readonly = super().get_readonly_fields(request, obj)
        # The learner's own decision always wins.
        return (*readonly, "participate_in_achievements") if obj and obj.opted_out_at else readonly

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        above = obj is not None and obj.is_superuser and not request.user.is_superuser
        return not above and super().has_change_permission(request, obj)

    def lookup_allowed(self, lookup: str, value: str, request: HttpRequest | None = None) -> bool:
        return not lookup.startswith("password") and super().lookup_allowed(lookup, value, request)  # type: ignore[arg-type]

    def formfield_for_foreignkey(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        field = super().formfield_for_foreignkey(db_field, request, **kwargs)
        if db_field.name == "organization" and field:
            field.required = not request.user.is_superuser
        return field

    def write(self, row: User, *, form: Any, request: HttpRequest) -> None:
        if password := form.cleaned_data["new_password"]:
            row.set_password(password)
        gates.save_user(row)
        if password and row.pk == request.user.pk:
            update_session_auth_hash(request, row)


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
    fields = (
        "name",
        "course",
        "organization",
        "status",
        ("starts_at", "ends_at"),
        "time_zone",
        ("minimum", "maximum"),
        "instructors",
        "external_id",
    )

    def write(self, row: Class, *, form: Any, request: HttpRequest) -> None:
        progress.save_class(row)


class ActivityAdmin(BackOfficeAdmin):
    """What learners did. The only rows that may be deleted: a record made by mistake must be able to go."""

    # Newest first by the primary key, which costs nothing however many there are.
    ordering = ("-id",)
    started_field = "started_at"

    def get_changeform_initial_data(self, request: HttpRequest) -> dict[str, Any]:
        return {self.started_field: timezone.now(), **super().get_changeform_initial_data(request)}

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return self.has_change_permission(request, obj)

    def write(self, row: Any, *, form: Any, request: HttpRequest) -> None:
        progress.save(row)

    def delete_model(self, request: HttpRequest, obj: Any) -> None:
        progress.delete(obj)

    def delete_queryset(self, request: HttpRequest, queryset: models.QuerySet[Any]) -> None:
        for row in queryset:
            progress.delete(row)


@admin.register(LabInstance)
class LabInstanceAdmin(ActivityAdmin):
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
class CourseAssignmentAdmin(ActivityAdmin):
    list_display = ("user", "course", "status", "started_at", "completed_at", "expires_at")
    list_filter = ("status", ("user__organization", ScopedRelatedFilter))
    list_select_related = ("user", "course")
    search_fields = ("user__email", "user__first_name", "user__last_name", "course__name", "external_id")
    autocomplete_fields = ("user", "course")
    fixed_fields = ("user", "course")
    actions = ("complete",)
    fields = (
        "user",
        "course",
        "status",
        "started_at",
        "completed_at",
        "expires_at",
        "target_completion",
        "from_on_demand",
        "external_id",
    )

    @admin.action(description=_("Mark complete"), permissions=["manage"])
    def complete(self, request: HttpRequest, queryset: models.QuerySet[CourseAssignment]) -> None:
        done = ngettext_lazy("%d assignment was completed.", "%d assignments were completed.")
        self.act_on_each(request, queryset, progress.complete_assignment, done=done)


@admin.register(Enrollment)
class EnrollmentAdmin(ActivityAdmin):
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
    autocomplete_fields = ("user", "training_class")
    fixed_fields = ("user", "training_class")
    fields = (
        "user",
        "training_class",
        "status",
        "completion_status",
        "enrolled_at",
        "completed_at",
        "external_id",
    )


@admin.register(LearningRecord)
class LearningRecordAdmin(ReadOnlyAdmin):
    list_display = ("learner", "subject", "lab", "course", "started_day", "completed_day", "passed")
    list_filter = ("subject", "passed")
    list_select_related = ("learner", "lab", "course")
    search_fields = ("learner__email", "learner__last_name", "lab__name", "course__name")
    ordering = ("-id",)
    fields = (
        "learner",
        "subject",
        "lab",
        "course",
        "started_at",
        "started_day",
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
