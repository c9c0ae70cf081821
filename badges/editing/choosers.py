"""The dialogs of a badge's form: which account, and which of its templates."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.utils.translation import gettext_lazy as _

from badges.catalogue import accounts_for, untouched
from providers.finds import PROVIDERS
from tms.finding.chooser import Chooser, Locked
from tms.finding.listing import Column, Listing

if TYPE_CHECKING:
    from providers.models import BadgeProvider
    from tms.models import User

ACCOUNTS = Listing(
    columns=(
        Column(name="name", label=_("Badge Provider"), value=str, order_by=("name",)),
        *(column for column in PROVIDERS.columns if column.name in {"type", "organization"}),
    ),
    searched=("name", "organization__name"),
    order_by=("name",),
)
TEMPLATES = Listing(
    columns=(
        Column(
            name="template",
            label=_("Template"),
            value=lambda badge: badge.name,
            order_by=("name",),
            template="badges/editing/_template_cell.html",
        ),
        Column(
            name="id",
            label=_("Badge Provider Template Id"),
            value=lambda badge: badge.template_id,
            order_by=("template_id",),
        ),
    ),
    searched=("name", "description", "template_id"),
    order_by=("name",),
)


def accounts_chooser(user: User) -> Chooser:
    return Chooser(
        title=_("Choose Badge Provider"),
        confirm=_("OK"),
        listing=ACCOUNTS,
        rows=accounts_for(user).select_related("organization"),
        empty=_("There is no badge provider yet that you may use. Create one first."),
    )


def templates_chooser(user: User, account: BadgeProvider | None) -> Chooser:
    """Templates that a synchronization brought and that no badge in use is made of."""
    return Chooser(
        title=_("Synchronized Templates"),
        confirm=_("OK"),
        listing=TEMPLATES,
        rows=untouched(user).filter(badge_provider=account),
        locked=(
            Locked(label=_("Badge Provider"), condition=account.name if account else _("None chosen")),
            Locked(label=_("Is"), condition=_("Not in use yet")),
        ),
        empty=_(
            "No template of this badge provider waits to be made a badge. A sync brings new ones, and an id "
            "can be typed."
        )
        if account
        else _("Choose a badge provider first."),
        fields="badges/editing/_chooser_account.html",
        given={"badge_provider": account.pk if account else ""},
    )
