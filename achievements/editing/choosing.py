"""The dialogs of the form: the badge of an achievement, and the things that its conditions name."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.db.models import Q
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, pgettext_lazy

from achievements.authoring import ancestry, nameable
from achievements.conditions.language import KEYS
from achievements.conditions.things import REFERENCED
from achievements.editing.builder import CHOOSE
from achievements.editing.forms import badges_for
from tms.finding.chooser import Chooser, Locked
from tms.finding.listing import Column, Listing

if TYPE_CHECKING:
    from achievements.editing.sources import Source
    from tms.models import Organization, User

BADGES = Listing(
    columns=(
        Column(
            name="badge",
            label=gettext_lazy("Badge"),
            value=lambda badge: badge.name,
            order_by=("name",),
            template="achievements/editing/_badge_cell.html",
        ),
        Column(
            name="provider",
            label=gettext_lazy("Badge Provider"),
            value=lambda badge: badge.badge_provider.name,
            order_by=("badge_provider__name", "name"),
        ),
        Column(
            name="organization",
            label=gettext_lazy("Organization"),
            value=lambda badge: badge.organization.name,
            order_by=("organization__name", "name"),
        ),
    ),
    searched=("name", "description", "badge_provider__name"),
    order_by=("-is_active", "name"),
)

THING = Listing(
    columns=(
        Column(
            name="name",
            label=gettext_lazy("Name"),
            value=lambda thing: thing.name,
            order_by=("name",),
        ),
        Column(
            name="organization",
            label=gettext_lazy("Organization"),
            value=lambda thing: thing.organization.name,
            order_by=("organization__name", "name"),
        ),
        Column(
            name="id", label=pgettext_lazy("number", "Id"), value=lambda thing: thing.pk, order_by=("pk",)
        ),
    ),
    searched=("name",),
    order_by=("name",),
)


def badge_chooser(organization: Organization | None, *, actor: User) -> Chooser:
    """The badges that an achievement of this organization may lead to."""
    rows = badges_for(actor)
    locked: tuple[Locked, ...] = ()
    if organization is not None:
        shared = rows.filter(available_to=organization)
        rows = rows.filter(Q(organization=organization) | Q(pk__in=shared.values("pk")))
        condition = _("Is or is made available to %(organization)s") % {"organization": organization}
        locked = (Locked(label=_("Organization"), condition=condition),)
    return Chooser(
        title=_("Choose Badge"),
        confirm=_("OK"),
        listing=BADGES,
        rows=rows.select_related("badge_provider", "organization"),
        locked=locked,
        empty=_("This organization has no badge, and none was made available to it."),
        fields="achievements/editing/_chooser_fields.html",
        given={"organization": organization.pk if organization else ""},
    )


def things_chooser(key: str, *, path: str, organization: Organization, actor: User) -> Chooser:
    """The things that a condition may name by this key, for the row at `path`."""
    rows: Any = nameable(REFERENCED[key], line=ancestry(organization), actor=actor)
    return Chooser(
        title=CHOOSE[KEYS[key].excludes or key],
        confirm=_("OK"),
        listing=THING,
        rows=rows.select_related("organization"),
        many=True,
        empty=_("There is nothing to choose yet."),
        fields="achievements/editing/_chooser_fields.html",
        given={"organization": organization.pk, "row": path, "key": key},
    )


def source_chooser(source: Source, *, organization: Organization | None, actor: User) -> Chooser:
    """The things from which conditions can be written."""
    line = ancestry(organization) if organization else []
    rows: Any = nameable(source.model, line=line, actor=actor)
    return Chooser(
        title=source.title,
        confirm=_("OK"),
        listing=THING,
        rows=rows.select_related("organization"),
        empty=_("There is nothing to choose yet."),
        fields="achievements/editing/_chooser_fields.html",
        given={"organization": organization.pk if organization else ""},
    )
