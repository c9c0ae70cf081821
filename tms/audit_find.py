"""**Audit** as a Find page: who did what, when and why (tms.audit)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.db.models import Q
from django.utils.translation import gettext_lazy

from tms.access import Action
from tms.finding.filters import Choice, Moment, Number, Text
from tms.finding.listing import Column, Listing, plain
from tms.finding.search import FindPage
from tms.models import AuditEntry

if TYPE_CHECKING:
    from collections.abc import Callable

    from django.db.models import QuerySet

    from tms.finding.filters import Filter
    from tms.models import User


def entries(viewer: User) -> QuerySet[Any]:
    rows: QuerySet[Any] = AuditEntry.objects.for_user(viewer, Action.SEE)
    return rows.select_related("actor", "about", "organization")


def _any_of(field: str) -> Callable[[list[str]], Q]:
    return lambda values: Q(**{f"{field}__in": values})


def changes_in_words(row: AuditEntry) -> str:
    return "; ".join(f"{label}: {before} → {after}" for label, before, after in row.told_changes)


AUDIT = Listing(
    columns=(
        Column(
            name="at", label=gettext_lazy("Time"), value=lambda row: row.at, order_by=("id",), sorts_many=True
        ),
        Column(
            name="who",
            label=gettext_lazy("Who"),
            value=lambda row: str(row.actor or ""),
            order_by=("actor__last_name", "actor__first_name"),
        ),
        Column(
            name="what",
            label=gettext_lazy("What"),
            value=lambda row: row.get_act_display(),
            order_by=("act",),
        ),
        Column(
            name="kind",
            label=gettext_lazy("Kind"),
            value=lambda row: row.get_kind_display(),
            order_by=("kind",),
        ),
        Column(
            name="thing",
            label=gettext_lazy("Which"),
            value=lambda row: row.told_name,
            order_by=("name",),
            template="tms/finding/_audited.html",
        ),
        plain("count", gettext_lazy("How many")),
        Column(name="why", label=gettext_lazy("Why"), value=lambda row: row.reason),
        Column(
            name="changes",
            label=gettext_lazy("Changes"),
            value=changes_in_words,
            template="tms/finding/_audited_changes.html",
        ),
        Column(
            name="organization",
            label=gettext_lazy("Organization"),
            value=lambda row: str(row.organization or ""),
            order_by=("organization__name",),
        ),
        plain("pk", gettext_lazy("ID"), name="id"),
    ),
    searched=("name", "reason", "actor__first_name", "actor__last_name"),
    order_by=("-id",),
)


def audit_page(*, about_people: tuple[Filter, ...]) -> FindPage:
    """`about_people`: filters that the search for users brings."""
    return FindPage(
        name="audit",
        title=gettext_lazy("Audit"),
        listing=AUDIT,
        rows=entries,
        filters=(
            Choice(
                name="what",
                label=gettext_lazy("What"),
                choices=tuple(AuditEntry.Act.choices),
                condition=_any_of("act"),
            ),
            Choice(
                name="kind",
                label=gettext_lazy("Kind"),
                choices=tuple(AuditEntry.Kind.choices),
                condition=_any_of("kind"),
            ),
            *about_people,
            Text(name="name", label=gettext_lazy("Name"), fields=("name",)),
            Text(name="why", label=gettext_lazy("Why"), fields=("reason",)),
            Moment(name="at", label=gettext_lazy("Time"), field="at"),
            Number(name="key", label=gettext_lazy("ID of the thing"), field="key"),
        ),
        shown=("at", "who", "what", "kind", "thing", "count", "why", "changes"),
        opened=("at",),
        empty=gettext_lazy("Nothing has been done by anybody yet."),
        icon="scroll-text",
        is_everywhere=False,
    )
