"""Organizations, and users with their roles."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin
from django.contrib.auth import update_session_auth_hash
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext

from tms import gates, people, roles
from tms.access import Role
from tms.back_office import BackOfficeAdmin, BackOfficeForm, BackOfficeInline, ScopedRelatedFilter
from tms.models import Organization, RoleAssignment, User
from tms.new_password import WithNewPassword


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
        "allow_member_profiles",
        "external_id",
    )

    def get_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        hidden: set[str] = set()
        if obj is None:
            hidden = set(gates.PREFERENCES)  # copied from the parent
        elif not request.user.is_superuser and obj.pk == request.user.organization_id:  # type: ignore[union-attr]
            hidden = {"parent"}  # what is above one's own organization is not one's own
        return [name for name in self.fields if name not in hidden]

    def formfield_for_foreignkey(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        field = super().formfield_for_foreignkey(db_field, request, **kwargs)
        if db_field.name == "parent" and field:
            field.required = not request.user.is_superuser
        return field

    def write(self, row: Organization, *, form: Any, request: HttpRequest) -> None:
        gates.save_organization(row, actor=request.user)  # type: ignore[arg-type]


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
        may_give_all = roles.may_give(request.user, Role.GLOBAL_ACHIEVEMENTS)  # type: ignore[arg-type]
        form = type("RoleForm", (RoleForm,), {"may_give_all": may_give_all})
        return super().get_formset(request, obj, form=form, **kwargs)


class UserForm(WithNewPassword, BackOfficeForm):
    pass


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
            {
                "fields": (
                    "email",
                    "first_name",
                    "last_name",
                    "organization",
                    "time_zone",
                    "language",
                    "new_password",
                )
            },
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
        return format_html(
            '<a href="{}">{}</a>', reverse("user-achievements", args=[user.pk]), pgettext("verb", "Open")
        )

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
        password = form.cleaned_data["new_password"]
        people.save_person(row, new_password=password, actor=request.user)  # type: ignore[arg-type]
        if password and row.pk == request.user.pk:
            update_session_auth_hash(request, row)

    def save_formset(self, request: HttpRequest, form: Any, formset: Any, change: bool) -> None:
        formset.save(commit=False)  # fills new_objects, changed_objects and deleted_objects for the log
        terms = {
            Role(each.cleaned_data["role"]): roles.Term(
                starts_at=each.cleaned_data["starts_at"], ends_at=each.cleaned_data["ends_at"]
            )
            for each in formset.forms
            if each.cleaned_data and not each.cleaned_data.get("DELETE")
        }
        roles.assign(form.instance, terms, actor=request.user)  # type: ignore[arg-type]
