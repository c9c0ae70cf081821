"""Accounts at badge providers in the back office. A token goes in and never comes out."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin
from django.db import models
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext_lazy

from providers import accounts
from providers.models import BadgeProvider
from tms.back_office import BackOfficeAdmin, BackOfficeForm, ScopedRelatedFilter


class BadgeProviderForm(BackOfficeForm):
    field_names = {"token": "new_token"}

    new_token = forms.CharField(
        label=_("Badge provider API authentication token"),
        required=False,
        widget=forms.PasswordInput(attrs={"autocomplete": "off"}),
        help_text=_("Stored encrypted and never shown. Leave empty to keep the stored one."),
    )


@admin.register(BadgeProvider)
class BadgeProviderAdmin(BackOfficeAdmin):
    form = BadgeProviderForm
    list_display = ("name", "organization", "kind", "is_enabled", "paused_at", "pause_reason")
    list_filter = (
        "kind",
        "is_enabled",
        ("paused_at", admin.EmptyFieldListFilter),
        ("organization", ScopedRelatedFilter),
    )
    list_select_related = ("organization",)
    search_fields = ("name", "external_id", "provider_organization_id")
    ordering = ("name", "id")
    actions = ("resume",)
    readonly_fields = ("paused_at", "pause_reason")
    filter_horizontal = ("available_to",)
    fieldsets = (
        (None, {"fields": ("name", "description", "organization", "is_enabled")}),
        (_("Account"), {"fields": ("kind", "api_url", "provider_organization_id", "new_token")}),
        (_("State"), {"fields": ("paused_at", "pause_reason")}),
        (_("Availability"), {"fields": ("available_to", "external_id")}),
    )

    def write(self, row: BadgeProvider, *, form: Any, request: HttpRequest) -> None:
        user: Any = request.user
        accounts.save_provider(row, new_token=form.cleaned_data["new_token"], actor=user)

    @admin.action(description=_("Resume paused accounts"), permissions=["manage"])
    def resume(self, request: HttpRequest, queryset: models.QuerySet[BadgeProvider]) -> None:
        def act(provider: BadgeProvider) -> None:
            user: Any = request.user
            accounts.resume(provider, actor=user)

        done = ngettext_lazy("%d account goes on.", "%d accounts go on.")
        self.act_on_each(request, queryset, act, done=done)
