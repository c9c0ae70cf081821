"""The **Achievements** card of a member's profile: medals, points, and the way to all the rest."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.utils.translation import gettext_lazy as _

from achievements.rewards import Participation, participation
from achievements.showcase import showcase_of
from tms.cards import Card, Number, Position

if TYPE_CHECKING:
    from tms.models import User


def achievements(member: User, viewer: User, shown: int) -> dict[str, Any] | None:
    """Nothing of who does not participate, to anybody; administrators have the page of achievements."""
    if participation(member) is not Participation.YES:
        return None
    return {"showcase": showcase_of(member, most=shown), "is_own": member.pk == viewer.pk}


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
