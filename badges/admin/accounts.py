"""Accounts at badge providers in the back office, with what they have to do with badges: their
synchronization, their comparison, and what waits for them."""

from __future__ import annotations

from typing import Any

from django.contrib import admin, messages
from django.db import models
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.html import format_html, format_html_join
from django.utils.http import urlencode
from django.utils.safestring import mark_safe
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext_lazy

from badges import comparison
from badges.models import Synchronization
from badges.status import Status
from badges.synchronization import PATIENCE, Described, described, summary, synchronize
from badges.workload import workload_of
from providers.admin import AccountAdmin, AccountOfOneKindAdmin, Step
from providers.models import AccredibleConfig, BadgeProvider, CredlyOrganization
from tms.errors import DomainError

Kind = BadgeProvider.Kind
Accounts = models.QuerySet[BadgeProvider]
SHOWN = (Status.QUEUED, Status.HELD, Status.SENDING, Status.UNKNOWN, Status.REVOKING, Status.FAILED)
WITH_BADGES = ("issuing", "synchronized", "compared")
DRY_RUN = gettext_lazy("Dry run: show what a sync would change")


class Synchronizing(AccountAdmin):
    """Lists with an action named `sync`, and the dry run beside it."""

    sync = "sync_badge_templates"

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> tuple[Any, ...]:
        return (*super().get_readonly_fields(request, obj), *WITH_BADGES)

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        return [
            (
                title,
                {**part, "fields": (*part["fields"], *(WITH_BADGES if "state" in part["fields"] else ()))},
            )
            for title, part in super().get_fieldsets(request, obj)
        ]

    def steps(self, row: BadgeProvider) -> list[Step]:
        found = super().steps(row)
        if row.is_enabled and row.kind in self.kinds:
            found[1:1] = [
                (self.sync, gettext_lazy("Sync")),
                ("dry_run", gettext_lazy("Dry run")),
                ("compare", gettext_lazy("Compare")),
            ]
        return found

    # What an account has to do

    @admin.display(description=gettext_lazy("issuing"))
    def issuing(self, row: BadgeProvider) -> str:
        work = workload_of(row)
        links = [
            (self._issued_badges(row, status__exact=status.value), status.label, work.counts[status])
            for status in SHOWN
            if status in work.counts
        ]
        lines = [
            format_html_join(" · ", '<a href="{}">{}: {}</a>', links) or _("Nothing waits, nothing failed."),
            _("Issued last: %(moment)s") % {"moment": self._moment(work.issued_at)},
        ]
        if work.failed_at:
            facts = {"moment": self._moment(work.failed_at), "reason": work.failure}
            lines.append(_("Failed last: %(moment)s. %(reason)s") % facts)
        return format_html_join(mark_safe("<br>"), "{}", [(line,) for line in lines])

    def _issued_badges(self, row: BadgeProvider, **filters: str) -> str:
        query = urlencode({"badge__badge_provider__id__exact": str(row.pk), **filters})
        return f"{reverse('admin:badges_issuedbadge_changelist')}?{query}"

    def _moment(self, moment: Any) -> str:
        if moment is None:
            return self.get_empty_value_display()
        return date_format(timezone.localtime(moment), "DATETIME_FORMAT")

    @admin.display(description=gettext_lazy("synchronized last"))
    def synchronized(self, row: BadgeProvider) -> str:
        latest = row.synchronizations.filter(is_dry_run=False).first()
        if latest is None:
            return self.get_empty_value_display()
        query = urlencode({"badge_provider__id__exact": row.pk})
        return format_html(
            '<a href="{}">{}</a>: {} (<a href="{}">{}</a>)',
            reverse("admin:badges_synchronization_change", args=[latest.pk]),
            self._moment(latest.at),
            summary(latest),
            f"{reverse('admin:badges_synchronization_changelist')}?{query}",
            _("all"),
        )

    @admin.display(description=gettext_lazy("compared last"))
    def compared(self, row: BadgeProvider) -> str:
        latest = row.comparisons.exclude(finished_at=None).first()
        if latest is None:
            return self.get_empty_value_display()
        query = urlencode({"badge_provider__id__exact": row.pk})
        return format_html(
            '<a href="{}">{}</a>: {} (<a href="{}">{}</a>)',
            reverse("admin:badges_comparison_change", args=[latest.pk]),
            self._moment(latest.started_at),
            latest.problem or _("%(count)d open differences") % {"count": latest.differences},
            f"{reverse('admin:badges_difference_changelist')}?{query}",
            _("differences"),
        )

    @admin.action(description=gettext_lazy("Compare badges now"), permissions=["manage"])
    def compare(self, request: HttpRequest, queryset: Accounts) -> HttpResponse | None:
        user: Any = request.user
        done = ngettext_lazy("%d account is compared now.", "%d accounts are compared now.")
        self.act_on_each(request, queryset, lambda row: comparison.ask(row, actor=user), done=done)
        return self.back(queryset)

    # Synchronizing

    def _sync(self, request: HttpRequest, queryset: Accounts) -> HttpResponse | None:
        for provider in queryset:
            try:
                record = self._synchronize(request, provider, dry_run=False)
            except DomainError as refusal:
                self.message_user(request, f"{provider}: {refusal.message}", messages.ERROR)
            else:
                self._tell(request, record)
        return self.back(queryset)

    def _synchronize(
        self, request: HttpRequest, provider: BadgeProvider, *, dry_run: bool
    ) -> Synchronization:
        user: Any = request.user
        return synchronize(provider, actor=user, dry_run=dry_run, seconds=PATIENCE)

    def _tell(self, request: HttpRequest, record: Synchronization) -> None:
        text = format_html(
            '{}: {} <a href="{}">{}</a>',
            record.badge_provider,
            summary(record),
            reverse("admin:badges_synchronization_change", args=[record.pk]),
            _("Details"),
        )
        self.message_user(request, text, messages.ERROR if record.problem else messages.SUCCESS)

    @admin.action(description=DRY_RUN, permissions=["manage"])
    def dry_run(self, request: HttpRequest, queryset: Accounts) -> HttpResponse | None:
        found: list[tuple[BadgeProvider, str, bool, list[Described]]] = []
        for provider in queryset:
            try:
                record = self._synchronize(request, provider, dry_run=True)
            except DomainError as refusal:
                found.append((provider, refusal.message, True, []))
            else:
                found.append((provider, summary(record), bool(record.problem), described(record)))
        context = {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "title": _("What a sync would change"),
            "found": found,
            "sync": self.sync,
            "selected": [provider.pk for provider in queryset],
        }
        return TemplateResponse(request, "badges/back_office_dry_run.html", context)


@admin.register(BadgeProvider)
class BadgeProviderAdmin(Synchronizing):
    actions = ("sync_badge_templates", "dry_run", "compare", *AccountAdmin.actions)

    @admin.action(description=gettext_lazy("Sync badge templates"), permissions=["manage"])
    def sync_badge_templates(self, request: HttpRequest, queryset: Accounts) -> HttpResponse | None:
        return self._sync(request, queryset)


@admin.register(CredlyOrganization)
class CredlyOrganizationAdmin(AccountOfOneKindAdmin, Synchronizing):
    kinds = (Kind.CREDLY,)
    account_fields = ("provider_organization_id", "new_token", "api_url", "calls_per_minute")
    sync = "sync_organization_badge_templates"
    actions = ("sync_organization_badge_templates", "dry_run", "compare", *AccountAdmin.actions)

    @admin.action(description=gettext_lazy("Sync organization badge templates"), permissions=["manage"])
    def sync_organization_badge_templates(
        self, request: HttpRequest, queryset: Accounts
    ) -> HttpResponse | None:
        return self._sync(request, queryset)


@admin.register(AccredibleConfig)
class AccredibleConfigAdmin(AccountOfOneKindAdmin, Synchronizing):
    kinds = (Kind.ACCREDIBLE,)
    account_fields = ("new_token", "api_url", "calls_per_minute", "revoke_by")
    sync = "sync_groups"
    actions = ("sync_groups", "dry_run", "compare", "check_connection", "pause", "resume")

    @admin.action(description=gettext_lazy("Sync groups"), permissions=["manage"])
    def sync_groups(self, request: HttpRequest, queryset: Accounts) -> HttpResponse | None:
        return self._sync(request, queryset)
