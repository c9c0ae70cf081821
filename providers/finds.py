"""What is looked for among badge providers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from providers.models import BadgeProvider
from tms.access import Action
from tms.finding.filters import Choice, Moment, Text, YesNo
from tms.finding.listing import Column, Listing, plain
from tms.finding.search import FindPage
from tms.finds import available_to, belongs_to

if TYPE_CHECKING:
    from django.db.models import QuerySet

    from tms.models import User

PROVIDERS = Listing(
    columns=(
        Column(
            name="name",
            label=_("Name"),
            value=str,
            order_by=("name",),
            template="providers/finding/_provider.html",
        ),
        Column(
            name="type",
            label=_("Badge Provider Type"),
            value=lambda row: row.get_kind_display(),
            order_by=("kind", "name"),
        ),
        Column(
            name="organization",
            label=_("Organization"),
            value=lambda row: row.organization.name,
            order_by=("organization__name", "name"),
        ),
        plain("is_enabled", _("Enabled"), name="enabled", then=("name",)),
        Column(
            name="paused",
            label=_("Paused"),
            value=lambda row: row.pause_reason if row.paused_at else "",
            order_by=("paused_at",),
            group=_("Health"),
        ),
        plain("checked_at", _("Checked"), name="checked", group=_("Health")),
        Column(
            name="token_expires",
            label=_("Token Expires"),
            value=lambda row: row.token_ends_at,
            group=_("Health"),
        ),
        plain("provider_organization_id", _("Badge Provider Organization Id"), name="provider_organization"),
        plain("api_url", _("API Url")),
        plain("external_id", _("External ID")),
        plain("pk", _("ID"), name="id"),
    ),
    searched=("name", "description", "provider_organization_id"),
    order_by=("name",),
)


def providers(viewer: User) -> QuerySet[Any]:
    # Nothing that is secret is read for a list.
    rows = BadgeProvider.objects.for_user(viewer, Action.SEE).select_related("organization")
    return rows.defer("token", "webhook_secret")


FINDS = (
    FindPage(
        name="badge-providers",
        title=_("Find Badge Providers"),
        listing=PROVIDERS,
        rows=providers,
        filters=(
            Text(name="name", label=_("Badge Provider Name"), fields=("name",)),
            belongs_to("organization"),
            available_to(BadgeProvider),
            Choice(
                name="type",
                label=_("Badge Provider Type"),
                choices=tuple(BadgeProvider.Kind.choices),
                condition=lambda kinds: Q(kind__in=kinds),
            ),
            YesNo(name="enabled", label=_("Enabled"), condition=Q(is_enabled=True)),
            YesNo(name="paused", label=_("Paused"), condition=Q(paused_at__isnull=False)),
            Moment(name="checked", label=_("Checked"), field="checked_at", nullable=True),
        ),
        shown=("name", "type", "organization", "enabled", "paused", "checked"),
        opened=("name",),
        empty=_(
            "No badge provider yet. Badges are issued through one: Credly, Accredible or our own Open Badges."
        ),
        icon="plug",
        actions="providers/finding/_actions.html",
    ),
)
(PROVIDERS_PAGE,) = FINDS
