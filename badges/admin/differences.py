"""Where accounts and our records disagree, and what was compared, in the back office."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from django.contrib import admin, messages
from django.db import models
from django.http import HttpRequest, HttpResponse
from django.utils.html import format_html
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext, ngettext_lazy

from badges import remedies
from badges.models import Comparison, Difference
from tms.access import Action
from tms.back_office import ReadOnlyAdmin, ScopedRelatedFilter

if TYPE_CHECKING:
    from django.utils.functional import _StrPromise

Kind = Difference.Kind
Rows = models.QuerySet[Difference]
# Each of these asks the provider while the page waits.
MOST_AT_ONCE = 20
STEPS: dict[Kind, tuple[tuple[str, _StrPromise], ...]] = {
    Kind.UNEXPECTED: (("adopt", gettext_lazy("Adopt")),),
    Kind.MISSING: (
        ("mark_removed", gettext_lazy("Mark as removed")),
        ("issue_again", gettext_lazy("Issue again…")),
    ),
    Kind.STATE: (("refresh", gettext_lazy("Refresh from provider")),),
    Kind.PERSON: (
        ("refresh", gettext_lazy("Refresh from provider")),
        ("correct", gettext_lazy("Correct at the provider")),
    ),
    Kind.TWICE: (("refresh", gettext_lazy("Refresh from provider")),),
}


def ask_for_each(
    page: ReadOnlyAdmin,
    request: HttpRequest,
    rows: models.QuerySet[Any],
    act: Callable[[Any], object],
    *,
    done: Any,
) -> None:
    """`act_on_each` with an act that asks the provider, and so only for as many as a person waits for."""
    if rows.count() > MOST_AT_ONCE:
        text = _("The provider is asked about each of them: choose at most %(most)d at once.")
        page.message_user(request, text % {"most": MOST_AT_ONCE}, messages.ERROR)
        return
    page.act_on_each(request, rows, act, done=done)


class StateFilter(admin.SimpleListFilter):
    """Those that wait for somebody, unless others are asked for."""

    title = gettext_lazy("state")
    parameter_name = "state"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        return [
            ("ignored", gettext_lazy("Ignored")),
            ("resolved", gettext_lazy("Resolved")),
            ("all", gettext_lazy("All")),
        ]

    def choices(self, changelist: Any) -> Any:
        choices = super().choices(changelist)
        first = next(iter(choices))
        yield {**first, "display": gettext_lazy("Open")}
        yield from choices

    def queryset(self, request: HttpRequest, queryset: Rows) -> Rows:
        if self.value() == "all":
            return queryset
        if self.value() == "resolved":
            return queryset.exclude(resolved_at=None)
        return queryset.filter(resolved_at=None, ignored_at__isnull=self.value() != "ignored")


@admin.register(Difference)
class DifferenceAdmin(ReadOnlyAdmin):
    change_form_template = "badges/back_office_record.html"
    list_display = ("kind", "whose", "badge", "remedy", "found_at")
    list_filter = (
        StateFilter,
        "kind",
        ("badge_provider", ScopedRelatedFilter),
        ("badge", ScopedRelatedFilter),
    )
    list_select_related = (
        "badge_provider",
        "badge",
        "learner",
        "issued_badge__badge",
        "issued_badge__learner",
    )
    search_fields = ("external_uuid", "learner__email", "learner__last_name", "badge__name")
    ordering = ("-id",)
    actions = ("adopt", "mark_removed", "issue_again", "refresh", "correct", "ignore")
    readonly_fields = ("whose", "remedy", "state_there", "page_there")
    fieldsets = (
        (None, {"fields": ("kind", "whose", "badge", "issued_badge", "remedy")}),
        (
            gettext_lazy("At the provider"),
            {"fields": ("badge_provider", "external_uuid", "state_there", "page_there")},
        ),
        (
            gettext_lazy("Decision"),
            {"fields": ("found_at", "seen_at", "ignored_at", "resolved_at", "decided_by", "decision")},
        ),
    )

    def get_queryset(self, request: HttpRequest) -> models.QuerySet[Any]:
        # To decrypt a secret takes longer than to read a row.
        return super().get_queryset(request).defer("badge_provider__token", "badge_provider__webhook_secret")

    @admin.display(description=gettext_lazy("learner"), ordering="learner__last_name")
    def whose(self, row: Difference) -> str:
        """The learner, or what may be shown of an address that is nobody's here."""
        return str(row.learner or row.details.get("address") or self.get_empty_value_display())

    @admin.display(description=gettext_lazy("external state"))
    def state_there(self, row: Difference) -> str:
        return str(row.details.get("state") or self.get_empty_value_display())

    @admin.display(description=gettext_lazy("page at the provider"))
    def page_there(self, row: Difference) -> str:
        url = row.details.get("url") or row.details.get("accept_url")
        if not url:
            return self.get_empty_value_display()
        return format_html('<a href="{}" rel="noreferrer">{}</a>', url, url)

    @admin.display(description=gettext_lazy("what to do"))
    def remedy(self, row: Difference) -> str:
        return remedies.remedy(row)

    def render_change_form(
        self, request: HttpRequest, context: dict[str, Any], *args: Any, **kwargs: Any
    ) -> HttpResponse:
        row: Difference | None = context["original"]
        if row and not row.resolved_at and self.reaches(request, Action.MANAGE, row):
            context["steps"] = self._steps(row)
        return super().render_change_form(request, context, *args, **kwargs)

    def _steps(self, row: Difference) -> list[tuple[str, _StrPromise]]:
        """What can be done about it: an act that is refused for certain is not offered."""
        nobody = row.kind == Kind.UNEXPECTED and row.learner_id is None
        steps = [] if nobody else list(STEPS[Kind(row.kind)])
        return steps if row.ignored_at else [*steps, ("ignore", gettext_lazy("Ignore…"))]

    @admin.action(description=gettext_lazy("Adopt what was issued at the provider"), permissions=["manage"])
    def adopt(self, request: HttpRequest, queryset: Rows) -> None:
        user: Any = request.user
        done = ngettext_lazy("%d badge was adopted.", "%d badges were adopted.")
        self.act_on_each(request, queryset, lambda row: remedies.adopt(row, actor=user), done=done)

    @admin.action(description=gettext_lazy("Mark as removed at the provider"), permissions=["manage"])
    def mark_removed(self, request: HttpRequest, queryset: Rows) -> None:
        user: Any = request.user
        done = ngettext_lazy("%d badge was marked as removed.", "%d badges were marked as removed.")
        ask_for_each(self, request, queryset, lambda row: remedies.mark_removed(row, actor=user), done=done)

    @admin.action(description=gettext_lazy("Refresh from provider"), permissions=["manage"])
    def refresh(self, request: HttpRequest, queryset: Rows) -> None:
        user: Any = request.user
        done = ngettext_lazy("%d badge was read again.", "%d badges were read again.")
        ask_for_each(self, request, queryset, lambda row: remedies.look_again(row, actor=user), done=done)

    @admin.action(description=gettext_lazy("Correct at the provider"), permissions=["manage"])
    def correct(self, request: HttpRequest, queryset: Rows) -> None:
        user: Any = request.user
        done = ngettext_lazy("%d badge is being corrected.", "%d badges are being corrected.")
        self.act_on_each(request, queryset, lambda row: remedies.correct(row, actor=user), done=done)

    @admin.action(description=gettext_lazy("Issue again…"), permissions=["manage"])
    def issue_again(self, request: HttpRequest, queryset: Rows) -> HttpResponse | None:
        reason = self.ask_reason(
            request,
            queryset,
            action="issue_again",
            title=_("Issue again what the provider no longer has"),
            explanation=_(
                "The provider is asked once more. Where it has no such badge, the record ends as removed, "
                "and the learner gets the badge anew. The reason is kept with the new record."
            ),
            button=_("Issue again"),
        )
        if isinstance(reason, HttpResponse):
            return reason
        user: Any = request.user
        done = ngettext_lazy("%d badge is issued again.", "%d badges are issued again.")
        ask_for_each(
            self,
            request,
            queryset,
            lambda row: remedies.issue_again(row, reason=reason, actor=user),
            done=done,
        )
        return None

    @admin.action(description=gettext_lazy("Ignore…"), permissions=["manage"])
    def ignore(self, request: HttpRequest, queryset: Rows) -> HttpResponse | None:
        reason = self.ask_reason(
            request,
            queryset,
            action="ignore",
            title=_("Ignore differences"),
            explanation=_(
                "They are shown no longer and counted nowhere, until both sides agree. Nothing changes at "
                "the provider. The reason is shown to whoever wonders."
            ),
            button=_("Ignore"),
        )
        if isinstance(reason, HttpResponse):
            return reason
        user: Any = request.user
        # A query of its own: the list may be joined, sorted and sliced.
        count = remedies.ignore(
            Difference.objects.for_user(user, Action.MANAGE).filter(pk__in=queryset.order_by().values("pk")),
            reason=reason,
            actor=user,
        )
        text = ngettext("%d difference is ignored.", "%d differences are ignored.", count) % count
        self.message_user(request, text, messages.SUCCESS if count else messages.WARNING)
        return None


@admin.register(Comparison)
class ComparisonAdmin(ReadOnlyAdmin):
    list_display = (
        "badge_provider",
        "started_at",
        "finished_at",
        "seen",
        "matched",
        "followed",
        "differences",
        "problem",
    )
    list_filter = (("problem", admin.EmptyFieldListFilter), ("badge_provider", ScopedRelatedFilter))
    list_select_related = ("badge_provider",)
    search_fields = ("badge_provider__name", "problem")
    ordering = ("-id",)
    fieldsets = (
        (None, {"fields": ("badge_provider", "actor", "started_at", "finished_at", "problem")}),
        (gettext_lazy("Badges"), {"fields": ("seen", "matched", "followed", "differences")}),
    )

    def get_queryset(self, request: HttpRequest) -> models.QuerySet[Any]:
        return super().get_queryset(request).defer("badge_provider__token", "badge_provider__webhook_secret")
