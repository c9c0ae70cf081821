"""Accounts at badge providers in the back office. A token goes in and never comes out.

Registered by badges.admin.accounts, which adds what accounts have to do with badges.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from django import forms
from django.contrib import admin, messages
from django.contrib.admin.widgets import AdminTextareaWidget
from django.db import models
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.html import format_html, format_html_join
from django.utils.safestring import mark_safe
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext_lazy

from providers import accounts, health
from providers.addresses import DOCUMENTED
from providers.models import BadgeProvider
from tms.access import Action
from tms.back_office import BackOfficeAdmin, BackOfficeForm, ScopedRelatedFilter

if TYPE_CHECKING:
    from django.utils.functional import _StrPromise

Kind = BadgeProvider.Kind
# An action's name, and its label on the account's page.
Step = tuple[str, "_StrPromise"]


class BadgeProviderForm(BackOfficeForm):
    field_names = {"token": "new_token"}

    new_token = forms.CharField(
        label=gettext_lazy("Badge provider API authentication token"),
        required=False,
        widget=forms.PasswordInput(attrs={"autocomplete": "off"}),
        help_text=gettext_lazy("Stored encrypted and never shown. Leave empty to keep the stored one."),
    )


class StateFilter(admin.SimpleListFilter):
    title = gettext_lazy("state")
    parameter_name = "state"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        return [
            ("failing", gettext_lazy("Does not work")),
            ("paused", gettext_lazy("Paused")),
            ("ending", gettext_lazy("Token ends soon")),
            ("disabled", gettext_lazy("Disabled")),
        ]

    def queryset(self, request: HttpRequest, queryset: models.QuerySet[Any]) -> models.QuerySet[Any]:
        chosen = {
            "failing": ~models.Q(check_problem=""),
            "paused": models.Q(paused_at__isnull=False),
            "ending": health.ending(),
            "disabled": models.Q(is_enabled=False),
        }.get(self.value() or "", models.Q())
        return queryset.filter(chosen)


class AccountAdmin(BackOfficeAdmin):
    """`kinds` are those that a form makes; the documented addresses of each are its hints."""

    kinds: tuple[Kind, ...] = (Kind.CREDLY, Kind.ACCREDIBLE)
    form = BadgeProviderForm
    change_form_template = "providers/back_office_account.html"
    list_display = ("name", "organization", "kind", "state", "token_day", "checked_at")
    list_filter = ("kind", StateFilter, ("organization", ScopedRelatedFilter))
    list_select_related = ("organization",)
    search_fields = ("name", "external_id", "provider_organization_id")
    ordering = ("name", "id")
    actions: tuple[str, ...] = ("check_connection", "pause", "resume", "renew_webhook_address")
    readonly_fields = ("state", "paused_at", "paused_by", "checked_at", "token_end", "webhook")
    filter_horizontal = ("available_to",)
    fieldsets: ClassVar[Any] = (
        (None, {"fields": ("name", "description", "organization", "is_enabled")}),
        (gettext_lazy("State"), {"fields": ("state", "paused_at", "paused_by", "checked_at", "token_end")}),
        (
            gettext_lazy("Account"),
            {
                "fields": (
                    "kind",
                    "provider_organization_id",
                    "new_token",
                    "api_url",
                    "calls_per_minute",
                    "revoke_by",
                )
            },
        ),
        (gettext_lazy("Events"), {"fields": ("webhook",)}),
        (gettext_lazy("Availability"), {"fields": ("available_to", "external_id")}),
    )

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        parts = super().get_fieldsets(request, obj)
        if obj is None:
            return [part for part in parts if not {"state", "webhook"} & set(part[1]["fields"])]
        hidden = set() if obj.paused_at else {"paused_at", "paused_by"}
        if obj.kind not in accounts.CALLING or not self.reaches(request, Action.MANAGE, obj):
            hidden.add("webhook")
        return [
            (title, {**part, "fields": [name for name in part["fields"] if name not in hidden]})
            for title, part in parts
            if set(part["fields"]) - hidden
        ]

    def formfield_for_dbfield(self, db_field: Any, request: Any, **kwargs: Any) -> Any:
        if db_field.name == "api_url":
            example = DOCUMENTED[self.kinds[0]][0].url
            kwargs["widget"] = forms.URLInput(attrs={"class": "vURLField", "placeholder": example})
            kwargs["help_text"] = self._addresses()
        elif db_field.name == "description":
            kwargs["widget"] = AdminTextareaWidget(attrs={"rows": 3})
        return super().formfield_for_dbfield(db_field, request, **kwargs)

    def _addresses(self) -> str:
        """The documented ones; to be copied, for nobody remembers them."""
        rows = [
            (f"{kind.label}, {address.label}" if len(self.kinds) > 1 else address.label, address.url)
            for kind in self.kinds
            for address in DOCUMENTED[kind]
        ]
        return format_html_join(mark_safe("<br>"), "{}: <code>{}</code>", rows)

    # What an account is like

    @admin.display(description=gettext_lazy("state"))
    def state(self, row: BadgeProvider) -> str:
        found = health.health_of(row)
        return format_html('<span class="health health-{}">{}</span>', found.level, found.sentence)

    @admin.display(description=gettext_lazy("token ends"))
    def token_day(self, row: BadgeProvider) -> Any:
        return row.token_ends_at and timezone.localtime(row.token_ends_at).date()

    @admin.display(description=gettext_lazy("token ends"))
    def token_end(self, row: BadgeProvider) -> str:
        if row.token_ends_at is None:
            return self.get_empty_value_display()
        day = date_format(timezone.localtime(row.token_ends_at), "DATE_FORMAT")
        if row.token_expires_at:
            return day
        return _("%(day)s, 180 days after it was entered here") % {"day": day}

    @admin.display(description=gettext_lazy("webhook address"))
    def webhook(self, row: BadgeProvider) -> str:
        if not row.webhook_secret:
            return _("None yet. “Renew the webhook address” makes one.")
        return format_html(
            '<code class="secret">{}</code><div class="help">{}</div>',
            row.webhook_address,
            _(
                "Enter it at the provider, which then tells when a badge is accepted or a template changes. "
                "Whoever knows the address can send to it: renew it when it became known."
            ),
        )

    # Saving, and asking the provider afterwards

    def write(self, row: BadgeProvider, *, form: Any, request: HttpRequest) -> None:
        user: Any = request.user
        accounts.save_provider(
            row,
            new_token=form.cleaned_data["new_token"],
            available_to=form.cleaned_data.get("available_to"),
            actor=user,
        )
        request._saved = row  # type: ignore[attr-defined]

    def changeform_view(
        self,
        request: HttpRequest,
        object_id: str | None = None,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        """The provider is asked after the transaction of the save, which stands whatever it answers."""
        response = super().changeform_view(request, object_id, form_url, extra_context)
        saved: BadgeProvider | None = getattr(request, "_saved", None)
        if saved and isinstance(response, HttpResponseRedirect) and saved.is_to_be_checked:
            self._check(request, saved)
        return response

    def render_change_form(
        self, request: HttpRequest, context: dict[str, Any], *args: Any, **kwargs: Any
    ) -> HttpResponse:
        row: BadgeProvider | None = context["original"]
        if row and self.reaches(request, Action.MANAGE, row):
            context["steps"] = self.steps(row)
            context["badges_url"] = (
                f"{reverse('admin:badges_badge_changelist')}?badge_provider__id__exact={row.pk}"
            )
        return super().render_change_form(request, context, *args, **kwargs)

    def steps(self, row: BadgeProvider) -> list[Step]:
        """What can be done to an account as it is."""
        found: list[Step] = [("check_connection", gettext_lazy("Check the connection"))]
        if row.is_enabled and row.paused_at is None:
            found.append(("pause", gettext_lazy("Pause…")))
        if row.paused_at or row.broken_until:
            found.append(("resume", gettext_lazy("Resume")))
        if row.kind in accounts.CALLING:
            found.append(("renew_webhook_address", gettext_lazy("Renew the webhook address")))
        return found

    # Acting

    @admin.action(description=gettext_lazy("Check the connection"), permissions=["manage"])
    def check_connection(
        self, request: HttpRequest, queryset: models.QuerySet[BadgeProvider]
    ) -> HttpResponse | None:
        for provider in queryset:
            self._check(request, provider)
        return self.back(queryset)

    def _check(self, request: HttpRequest, provider: BadgeProvider) -> None:
        user: Any = request.user
        checkup = health.check(provider, actor=user)
        self.message_user(request, checkup.sentence, messages.SUCCESS if checkup.works else messages.ERROR)

    @admin.action(description=gettext_lazy("Pause…"), permissions=["manage"])
    def pause(self, request: HttpRequest, queryset: models.QuerySet[BadgeProvider]) -> HttpResponse | None:
        reason = self.ask_reason(
            request,
            queryset,
            action="pause",
            title=_("Pause accounts"),
            explanation=_(
                "Nothing is sent through a paused account. Its badges are still earned, and can be issued by "
                "hand; they wait, and go out when somebody resumes the account."
            ),
            button=_("Pause"),
        )
        if isinstance(reason, HttpResponse):
            return reason
        user: Any = request.user
        done = ngettext_lazy("%d account is paused.", "%d accounts are paused.")
        self.act_on_each(
            request, queryset, lambda row: accounts.pause_by_hand(row, reason=reason, actor=user), done=done
        )
        return self.back(queryset)

    @admin.action(description=gettext_lazy("Resume paused accounts"), permissions=["manage"])
    def resume(self, request: HttpRequest, queryset: models.QuerySet[BadgeProvider]) -> HttpResponse | None:
        user: Any = request.user
        done = ngettext_lazy("%d account goes on.", "%d accounts go on.")
        self.act_on_each(request, queryset, lambda row: accounts.resume(row, actor=user), done=done)
        return self.back(queryset)

    @admin.action(description=gettext_lazy("Renew the webhook address"), permissions=["manage"])
    def renew_webhook_address(
        self, request: HttpRequest, queryset: models.QuerySet[BadgeProvider]
    ) -> HttpResponse | None:
        user: Any = request.user
        done = ngettext_lazy(
            "%d account has a new webhook address. The old one is no longer answered: tell the provider.",
            "%d accounts have new webhook addresses. The old ones are no longer answered: tell the provider.",
        )
        self.act_on_each(
            request, queryset, lambda row: accounts.renew_webhook_address(row, actor=user), done=done
        )
        return self.back(queryset)

    def back(self, rows: models.QuerySet[BadgeProvider]) -> HttpResponse | None:
        """To the one account that was acted on, else to the list."""
        chosen = list(rows.order_by().values_list("pk", flat=True)[:2])
        if len(chosen) != 1:
            return None
        name = f"admin:{self.opts.app_label}_{self.opts.model_name}_change"
        return HttpResponseRedirect(reverse(name, args=chosen))


class AccountOfOneKindAdmin(AccountAdmin):
    """A list of the accounts of one kind, with only the fields that the kind has."""

    # Of the account's own part of the form, in this order.
    account_fields: tuple[str, ...] = ()

    def get_list_display(self, request: HttpRequest) -> Any:
        return [name for name in super().get_list_display(request) if name != "kind"]

    def get_list_filter(self, request: HttpRequest) -> Any:
        return [name for name in super().get_list_filter(request) if name != "kind"]

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        return [
            (title, {**part, "fields": self.account_fields if "kind" in part["fields"] else part["fields"]})
            for title, part in super().get_fieldsets(request, obj)
        ]

    def write(self, row: BadgeProvider, *, form: Any, request: HttpRequest) -> None:
        (row.kind,) = self.kinds
        super().write(row, form=form, request=request)
