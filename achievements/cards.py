"""The **Achievements** card of a member's profile: medals, points, and the way to all the rest."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from achievements.rewards import Participation, participation
from achievements.showcase import showcase_of
from tms.access import Action, may
from tms.cards import Card, Number, Position

if TYPE_CHECKING:
    from tms.models import User


def achievements(member: User, viewer: User, shown: int) -> dict[str, Any] | None:
    """Nothing of who does not participate, to anybody; administrators have the page of achievements."""
    if participation(member) is not Participation.YES:
        return None
    return {
        "showcase": showcase_of(member, most=shown),
        "is_own": member.pk == viewer.pk,
        "page_url": _page(member, viewer),
        "modal_url": reverse("full-achievements", args=[member.pk]),
    }


def _page(member: User, viewer: User) -> str:
    """Where the card leads without script."""
    if member.pk == viewer.pk:
        return reverse("own-achievements")
    if may(viewer, Action.MANAGE):
        return reverse("user-achievements", args=[member.pk])
    return reverse("full-achievements", args=[member.pk])


CARDS = (
    Card(
        name="achievements",
        title=_("Achievements"),
        about=_("Badges and achievements that the member has earned. A click opens all of them."),
        icon="trophy",
        template="achievements/_card.html",
        read=achievements,
        position=Position.SIDE,
        number=Number(
            label=_("Badges to show"),
            help=_("How many are visible before all of them are opened; for example 3, 6 or 10."),
            default=6,
            examples=(3, 6, 10),
        ),
        order=10,
        stylesheets=("achievements/card.css", "achievements/gallery.css"),
        scripts=("achievements/gallery.js",),
        place="achievements/gallery/_place.html",
    ),
)
