"""What is looked for among badges and issued badges."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.db.models import Count, IntegerField, OuterRef, Q, Subquery
from django.db.models.functions import Coalesce
from django.utils.translation import gettext_lazy as _

from badges.failures import REASONS
from badges.models import Badge, IssuedBadge
from badges.status import AT_PROVIDER, Status
from providers.finds import PROVIDERS, providers
from providers.models import BadgeProvider
from tms.access import Action
from tms.finding.filters import Choice, Moment, Number, Reference, Text, YesNo
from tms.finding.listing import Column, Listing, plain
from tms.finding.search import FindPage
from tms.finds import CHOOSE_ORGANIZATIONS, CHOOSE_USERS, available_to, belongs_to, users

if TYPE_CHECKING:
    from django.db.models import QuerySet

    from tms.models import User


def badges(viewer: User) -> QuerySet[Any]:
    rows: QuerySet[Any] = Badge.objects.for_user(viewer, Action.SEE)
    rows = rows.select_related("organization", "badge_provider")
    return rows.defer("template_data", "badge_provider__token", "badge_provider__webhook_secret")


def _with_issued(rows: QuerySet[Any]) -> QuerySet[Any]:
    issued = (
        IssuedBadge.objects.filter(badge=OuterRef("pk"), status__in=AT_PROVIDER)
        .order_by()
        .values("badge")
        .annotate(number=Count("*"))  # of a column it would be read from the table, not from an index
        .values("number")
    )
    number = Coalesce(Subquery(issued, output_field=IntegerField()), 0)
    counted: QuerySet[Any] = rows.annotate(issued_count=number)
    return counted


BADGES = Listing(
    columns=(
        Column(
            name="name", label=_("Name"), value=str, order_by=("name",), template="badges/finding/_badge.html"
        ),
        Column(
            name="provider",
            label=_("Badge Provider"),
            value=lambda row: row.badge_provider.name,
            order_by=("badge_provider__name", "name"),
        ),
        Column(
            name="organization",
            label=_("Organization"),
            value=lambda row: row.organization.name,
            order_by=("organization__name", "name"),
        ),
        plain("is_active", _("Is active"), name="active", then=("name",)),
        plain("enable_manual_issuance", _("Enable Manual Issuance"), name="manual", then=("name",)),
        Column(
            name="issued",
            label=_("Issued"),
            value=lambda row: row.issued_count,
            order_by=("issued_count", "name"),
            prepare=_with_issued,
        ),
        Column(name="description", label=_("Description"), value=lambda row: row.description),
        plain("template_id", _("Badge Provider Template Id"), name="template", group=_("Template")),
        Column(
            name="template_state",
            label=_("Template"),
            value=lambda row: row.get_template_state_display(),
            order_by=("template_state", "name"),
            group=_("Template"),
        ),
        plain("synchronized_at", _("Synchronized"), name="synchronized", group=_("Template")),
        plain("external_id", _("External ID")),
        plain("pk", _("ID"), name="id"),
    ),
    searched=("name", "description", "template_id"),
    order_by=("name",),
)
CHOOSE_BADGES = Listing(
    columns=(
        Column(name="badge", label=_("Badge"), value=str, order_by=("name",)),
        *(column for column in BADGES.columns if column.name in {"provider", "organization"}),
    ),
    searched=("name", "description"),
    order_by=("name",),
)
CHOOSE_PROVIDERS = Listing(
    columns=(
        Column(name="provider", label=_("Badge Provider"), value=str, order_by=("name",)),
        *(column for column in PROVIDERS.columns if column.name in {"type", "organization"}),
    ),
    searched=("name",),
    order_by=("name",),
)


def badge_filter(condition: Any) -> Reference:
    return Reference(
        name="badge",
        label=_("Badge"),
        rows=badges,
        listing=CHOOSE_BADGES,
        title=_("Choose Badge"),
        condition=condition,
    )


def _provider_filter(field: str) -> Reference:
    return Reference(
        name="provider",
        label=_("Badge Provider"),
        rows=providers,
        listing=CHOOSE_PROVIDERS,
        title=_("Choose Badge Provider"),
        condition=lambda ids: Q(**{f"{field}__in": ids}),
    )


def issued_badges(viewer: User) -> QuerySet[Any]:
    rows = IssuedBadge.objects.for_user(viewer, Action.SEE)
    return rows.select_related(
        "learner__organization", "badge__badge_provider", "badge__organization", "issued_by"
    ).defer(
        "evidence",
        "badge__template_data",
        "badge__badge_provider__token",
        "badge__badge_provider__webhook_secret",
    )


ISSUED = Listing(
    columns=(
        Column(
            name="student",
            label=_("Student"),
            value=lambda row: str(row.learner),
            order_by=("learner__last_name", "learner__first_name"),
            template="badges/finding/_learner.html",
            group=_("Student"),
            sorts_many=True,
        ),
        Column(
            name="badge",
            label=_("Badge"),
            value=lambda row: row.badge.name,
            order_by=("badge__name",),
            template="badges/finding/_badge_of_issued.html",
            group=_("Badge"),
        ),
        Column(
            name="status",
            label=_("Issued Status"),
            value=lambda row: str(row.issued_status),
            order_by=("status", "created_at"),
            template="badges/finding/_issued_status.html",
            group=_("Issuing"),
        ),
        plain("earned_at", _("Earned"), name="earned", group=_("Issuing")),
        plain("issued_at", _("Issued"), name="issued", group=_("Issuing")),
        Column(
            name="failure",
            label=_("Failure"),
            value=lambda row: row.provider_message or row.failure_message,
            order_by=("failure_code",),
            group=_("Issuing"),
        ),
        plain("recipient_email", _("Recipient"), name="email", group=_("Student")),
        Column(
            name="student_organization",
            label=_("Student Organization"),
            value=lambda row: str(row.learner.organization or ""),
            order_by=("learner__organization__name",),
            group=_("Student"),
        ),
        Column(
            name="provider",
            label=_("Badge Provider"),
            value=lambda row: row.badge.badge_provider.name,
            order_by=("badge__badge_provider__name",),
            group=_("Badge"),
        ),
        Column(
            name="organization",
            label=_("Badge Organization"),
            value=lambda row: row.badge.organization.name,
            order_by=("badge__organization__name",),
            group=_("Badge"),
        ),
        Column(
            name="source",
            label=_("Source"),
            value=lambda row: row.get_source_kind_display(),
            order_by=("source_kind",),
            group=_("Issuing"),
        ),
        Column(
            name="issued_by",
            label=_("Issued By"),
            value=lambda row: str(row.issued_by or ""),
            order_by=("issued_by__last_name",),
            group=_("Issuing"),
        ),
        Column(name="note", label=_("Note"), value=lambda row: row.reason, group=_("Issuing")),
        plain("expires_at", _("Expires"), name="expires", group=_("Issuing")),
        plain("attempts", _("Attempts"), group=_("Issuing")),
        plain("created_at", _("Created"), name="created", group=_("Issuing"), sorts_many=True),
        plain("external_uuid", _("External UUID"), group=_("At the provider"), sorts_many=True),
        plain("external_state", _("External State"), group=_("At the provider")),
        Column(
            name="external_url",
            label=_("Address"),
            value=lambda row: row.external_url,
            group=_("At the provider"),
        ),
        plain("pk", _("ID"), name="id"),
    ),
    # The address of today; "Recipient" asks for the one that a badge went to, in every row.
    searched=("learner__first_name", "learner__last_name", "learner__email", "badge__name"),
    order_by=("-created_at",),
)

FINDS = (
    FindPage(
        name="badges",
        title=_("Find Badges"),
        listing=BADGES,
        rows=badges,
        filters=(
            Text(name="name", label=_("Badge Name"), fields=("name",)),
            Text(name="provider_name", label=_("Badge Provider Name"), fields=("badge_provider__name",)),
            _provider_filter("badge_provider"),
            belongs_to("organization"),
            available_to(Badge),
            YesNo(name="active", label=_("Active"), condition=Q(is_active=True)),
            YesNo(
                name="manual",
                label=_("Enabled for Manual Issuance"),
                condition=Q(enable_manual_issuance=True),
            ),
            Choice(
                name="type",
                label=_("Badge Provider Type"),
                choices=tuple(BadgeProvider.Kind.choices),
                condition=lambda kinds: Q(badge_provider__kind__in=kinds),
            ),
            Choice(
                name="template",
                label=_("Template"),
                choices=tuple(Badge.TemplateState.choices),
                condition=lambda states: Q(template_state__in=states),
            ),
            Text(name="template_id", label=_("Badge Provider Template Id"), fields=("template_id",)),
            Moment(name="synchronized", label=_("Synchronized"), field="synchronized_at", nullable=True),
        ),
        shown=("name", "provider", "organization", "active", "manual", "issued"),
        opened=("name",),
        empty=_("No badge yet. Synchronize a badge provider, or create a badge of one of its templates."),
        icon="medal",
        actions="badges/finding/_actions.html",
    ),
    FindPage(
        name="issued-badges",
        title=_("Find Issued Badges"),
        listing=ISSUED,
        rows=issued_badges,
        filters=(
            Choice(
                name="status",
                label=_("Issued Status"),
                choices=tuple(Status.choices),
                condition=lambda states: Q(status__in=states),
            ),
            badge_filter(lambda ids: Q(badge__in=ids)),
            Text(name="badge_name", label=_("Badge Name"), fields=("badge__name",)),
            _provider_filter("badge__badge_provider"),
            belongs_to("badge__organization"),
            Reference(
                name="student",
                label=_("Student"),
                rows=users,
                listing=CHOOSE_USERS,
                title=_("Choose Student(s)"),
                condition=lambda ids: Q(learner__in=ids),
            ),
            Text(
                name="student_name",
                label=_("Student Name"),
                fields=("learner__first_name", "learner__last_name"),
            ),
            Text(name="email", label=_("Recipient"), fields=("recipient_email",)),
            Reference(
                name="student_organization",
                label=_("Student Organization"),
                rows=lambda viewer: belongs_to("pk").rows(viewer),
                listing=CHOOSE_ORGANIZATIONS,
                title=_("Choose Organization"),
                condition=lambda ids: Q(learner__organization__in=ids),
            ),
            Choice(
                name="source",
                label=_("Source"),
                choices=tuple(IssuedBadge.Source.choices),
                condition=lambda kinds: Q(source_kind__in=kinds),
            ),
            Choice(
                name="reason",
                label=_("Failure Reason"),
                choices=tuple(REASONS.items()),
                condition=lambda codes: Q(status=Status.FAILED, failure_code__in=codes),
            ),
            Text(
                name="failure",
                label=_("Failure"),
                fields=("failure_code", "failure_message", "provider_message"),
            ),
            Moment(name="earned", label=_("Earned"), field="earned_at"),
            Moment(name="issued", label=_("Issued"), field="issued_at", nullable=True),
            Moment(name="created", label=_("Created"), field="created_at"),
            Moment(name="expires", label=_("Expires"), field="expires_at", nullable=True),
            Number(name="attempts", label=_("Attempts"), field="attempts"),
            Text(name="external_uuid", label=_("External UUID"), fields=("external_uuid",)),
            Text(name="external_state", label=_("External State"), fields=("external_state",)),
        ),
        shown=("student", "badge", "status", "earned", "issued", "failure"),
        opened=("status",),
        empty=_("No badge has been issued yet."),
        icon="award",
        more_filters="issued_badge_filters",
        # Names of learners are searched among users.
        is_everywhere=False,
        bulk="badges/issued/_bulk.html",
        bulk_url="act-on-issued-badges",
    ),
)
BADGES_PAGE, ISSUED_PAGE = FINDS
