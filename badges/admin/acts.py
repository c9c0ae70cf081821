"""Acts by hand in the back office: what was asked for at once, what became of it, and taking it back."""

from __future__ import annotations

from typing import Any

from django.contrib import admin, messages
from django.db import models
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from badges.ending import Ended
from badges.models import ActOutcome, IssuingAct
from badges.results import tally
from badges.undoing import foresee_undoing, undo
from tms.access import Action
from tms.back_office import ReadOnlyAdmin, ReadOnlyInline, ScopedRelatedFilter
from tms.errors import DomainError

# A page takes no more; the whole of a long list is its result file.
MOST_ROWS = 200


class OutcomeInline(ReadOnlyInline):
    model = ActOutcome
    verbose_name_plural = _("outcomes of the first 200 rows")
    fields = ("position", "learner", "status_label", "message")
    readonly_fields = fields
    ordering = ("position",)

    def get_queryset(self, request: HttpRequest) -> models.QuerySet[Any]:
        rows = super().get_queryset(request).filter(position__lte=MOST_ROWS)
        return rows.select_related("badge", "learner", "issued_badge__badge__badge_provider").defer(
            "issued_badge__badge__badge_provider__token"
        )

    @admin.display(description=_("Issued Status"))
    def status_label(self, row: ActOutcome) -> str:
        return str(row.issued_badge.issued_status) if row.issued_badge else self.get_empty_value_display()


@admin.register(IssuingAct)
class IssuingActAdmin(ReadOnlyAdmin):
    change_form_template = "badges/back_office_act.html"
    inlines = (OutcomeInline,)
    list_display = ("created_at", "actor", "source_kind", "organization", "undone_at")
    list_filter = ("source_kind", ("organization", ScopedRelatedFilter))
    list_select_related = ("actor", "organization")
    search_fields = ("file_name", "reason", "actor__email", "actor__last_name")
    ordering = ("-id",)
    actions = ("undo",)
    readonly_fields = ("counts",)
    fieldsets = (
        (None, {"fields": ("actor", "organization", "source_kind", "created_at", "counts")}),
        (_("What was given"), {"fields": ("file_name", "reason", "issued_at", "expires_at", "evidence")}),
        (_("Taken back"), {"fields": ("undone_at", "undone_by", "undo_reason")}),
    )

    @admin.display(description=_("badges"))
    def counts(self, act: IssuingAct) -> str:
        found = tally(act)
        return _("%(issued)d of %(total)d issued, %(under_way)d under way, %(failures)d failures") % {
            "issued": found.issued,
            "total": found.total,
            "under_way": found.under_way,
            "failures": found.failures,
        }

    def render_change_form(
        self, request: HttpRequest, context: dict[str, Any], *args: Any, **kwargs: Any
    ) -> HttpResponse:
        act: IssuingAct | None = context["original"]
        if act and self.reaches(request, Action.MANAGE, act):
            context["may_undo"] = foresee_undoing(act).total > 0
        return super().render_change_form(request, context, *args, **kwargs)

    @admin.action(description=_("Undo…"), permissions=["manage"])
    def undo(self, request: HttpRequest, queryset: models.QuerySet[IssuingAct]) -> HttpResponse | None:
        reason = self.ask_reason(
            request,
            queryset,
            action="undo",
            title=_("Undo acts of issuing"),
            explanation=_(
                "What has not been sent is cancelled, and what the provider has is revoked there; the earner "
                "is told this reason where the provider does so. Badges that were there before, or that were "
                "earned as well, stay."
            ),
            button=_("Undo"),
        )
        if isinstance(reason, HttpResponse):
            return reason
        user: Any = request.user
        ended = Ended()
        for act in queryset:
            try:
                ended += undo(act, reason=reason, actor=user)
            except DomainError as refusal:
                self.message_user(request, f"{act}: {refusal.message}", messages.ERROR)
        if ended.total:
            self.message_user(request, ended.sentence, messages.SUCCESS)
        chosen = list(queryset.order_by().values_list("pk", flat=True)[:2])
        if len(chosen) != 1:
            return None
        return HttpResponseRedirect(reverse("admin:badges_issuingact_change", args=chosen))
