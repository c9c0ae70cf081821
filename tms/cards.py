"""System cards: the parts of a member's profile, each brought by an app and placed by the organization.

An app offers its cards as CARDS in a module `cards` (tms.contributions). What each of them is like where the
organization has not decided stands in the card itself; what it has decided, in tms.members.layout.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from django.utils.translation import gettext_lazy as _

from tms.members.profile import bio_of, links_of
from tms.models import ProfileCard

if TYPE_CHECKING:
    from django.utils.functional import _StrPromise

    from tms.models import User

Position = ProfileCard.Position


@dataclass(frozen=True, kw_only=True)
class Number:
    """How many things a card shows, where an organization may choose that; `examples` are offered."""

    label: _StrPromise
    help: _StrPromise
    default: int
    examples: tuple[int, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Card:
    """`read(member, viewer, shown)` gives what the template shows as `data`, or None where there is no card.

    Whoever calls it has made sure that `viewer` may see this profile, so its queries need no scope of their
    own; their number must not depend on what they find. `name` is stored: it never changes. `icon` is a name
    of the lucide set; `order` sorts within an area.

    `stylesheets` and `scripts` are what the page loads for it; `place` is a template of what stands once at
    the end of the page, such as a dialog that the card opens.
    """

    name: str
    title: _StrPromise
    about: _StrPromise
    icon: str
    template: str
    read: Callable[[User, User, int], dict[str, Any] | None]
    position: ProfileCard.Position
    number: Number | None = None
    order: int = 50
    stylesheets: tuple[str, ...] = ()
    scripts: tuple[str, ...] = ()
    place: str = ""


def about(member: User, viewer: User, shown: int) -> dict[str, Any] | None:
    """What the member wrote. Others are not shown an empty card; she is, for it leads to where she writes."""
    bio, links = bio_of(member), links_of(member)
    is_own = member.pk == viewer.pk
    if not bio and not links and not is_own:
        return None
    return {"bio": bio, "links": links, "is_own": is_own}


CARDS = (
    Card(
        name="about",
        title=_("About"),
        about=_("The bio and the social links that the member wrote."),
        icon="user-round",
        template="tms/members/_about.html",
        read=about,
        position=Position.MAIN,
        order=20,
    ),
)
