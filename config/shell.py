"""What the base template shows around every page: the product's name and the links a person may follow.

Pages are added to the menu here. Which rows a page shows is tms.access's business, not this module's.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from django.urls import NoReverseMatch, reverse
from django.utils.translation import gettext_lazy as _

from tms.access import Action, may

if TYPE_CHECKING:
    from django.http import HttpRequest
    from django.utils.functional import _StrPromise

SITE_NAME = _("TMS Badging")


@dataclass(frozen=True)
class Entry:
    """A link: `icon` is a name of the lucide set, `action` what a person must be allowed to do to see it."""

    label: _StrPromise
    url_name: str
    icon: str
    action: Action


MENU = (
    Entry(_("Dashboard"), "dashboard", "layout-dashboard", Action.SEE_OWN),
    Entry(_("Achievements"), "own-achievements", "trophy", Action.SEE_OWN),
    Entry(_("Classes"), "classes", "presentation", Action.TEACH),
    Entry(_("Back office"), "admin:index", "sliders-horizontal", Action.MANAGE),
)
TOOLS = (
    Entry(_("Issue from a list"), "issue-from-list", "list-plus", Action.ISSUE),
    Entry(_("API"), "api-docs", "code-xml", Action.MANAGE),
    Entry(_("Style guide"), "style-guide", "palette", Action.SEE_OWN),
)


@dataclass(frozen=True)
class Link:
    label: _StrPromise
    url: str
    icon: str
    is_current: bool


def shell(request: HttpRequest) -> dict[str, Any]:
    """The context of base.html. Reads nothing but the roles of the signed-in user, which are cached on it."""
    # Not site_name: the stock sign-in view puts the host there.
    return {"product_name": SITE_NAME, "menu": links(request, MENU), "tools": links(request, TOOLS)}


def links(request: HttpRequest, entries: tuple[Entry, ...]) -> list[Link]:
    """Those of `entries` that the user of `request` may follow and that this site has."""
    user = getattr(request, "user", None)  # an error may come before the user is known
    if user is None or not user.is_authenticated:
        return []
    found = []
    for entry in entries:
        if not may(user, entry.action):
            continue
        try:
            url = reverse(entry.url_name)
        except NoReverseMatch:  # the style guide exists only while DEBUG is on
            continue
        # Everything lies below the front page, so only that must be met exactly.
        below = entry.url_name != "dashboard" and request.path.startswith(url)
        found.append(Link(entry.label, url, entry.icon, is_current=below or request.path == url))
    return found
