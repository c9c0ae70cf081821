"""What the base template shows around every page: the product's name and the links a person may follow.

Pages are added to the menu here. Which rows a page shows is tms.access's business, not this module's.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from django.urls import NoReverseMatch, reverse
from django.utils.translation import gettext_lazy as _

from tms import language
from tms.access import Action, may
from tms.notifying.inbox import unread_of
from tms.site_name import SITE_NAME

if TYPE_CHECKING:
    from django.http import HttpRequest
    from django.utils.functional import _StrPromise


@dataclass(frozen=True)
class Entry:
    """A link: `icon` is a name of the lucide set, `action` what a person must be allowed to do to see it.

    `others` are names of pages that belong to it, and whose addresses are not below its own.
    """

    label: _StrPromise
    url_name: str
    icon: str
    action: Action
    others: tuple[str, ...] = ()


@dataclass(frozen=True)
class Group:
    label: _StrPromise
    entries: tuple[Entry, ...]


MENU = (
    Entry(_("Dashboard"), "dashboard", "layout-dashboard", Action.SEE_OWN),
    Entry(_("Achievements"), "own-achievements", "trophy", Action.SEE_OWN),
    Entry(_("Classes"), "classes", "presentation", Action.TEACH),
)
ADMIN = (
    Group(
        _("Organization"),
        (
            Entry(_("Organizations"), "find-organizations", "building-2", Action.SEE),
            Entry(_("Users"), "find-users", "users", Action.SEE),
            Entry(_("Settings"), "settings", "settings", Action.MANAGE),
        ),
    ),
    Group(
        _("Training"),
        (
            Entry(_("Courses"), "admin:tms_course_changelist", "book-open", Action.MANAGE),
            Entry(_("Labs"), "admin:tms_lab_changelist", "flask-conical", Action.MANAGE),
            Entry(
                _("Course assignments"),
                "admin:tms_courseassignment_changelist",
                "clipboard-list",
                Action.MANAGE,
            ),
            Entry(
                _("Subscription profiles"),
                "admin:tms_subscriptionprofile_changelist",
                "layers",
                Action.MANAGE,
            ),
        ),
    ),
    Group(
        _("Achievements"),
        (
            Entry(
                _("Find Achievements"),
                "find-achievements",
                "trophy",
                Action.SEE,
                others=("achievement", "edit-achievement"),
            ),
            Entry(_("Create Achievement"), "create-achievement", "plus", Action.MANAGE),
            Entry(_("Badge progress records"), "find-badge-progress", "chart-no-axes-column", Action.SEE),
        ),
    ),
    Group(
        _("Badges"),
        (
            Entry(_("Badge Providers"), "find-badge-providers", "plug", Action.SEE),
            Entry(_("Find Badges"), "find-badges", "medal", Action.SEE),
            Entry(_("Find Issued Badges"), "find-issued-badges", "award", Action.SEE),
            Entry(_("Issue from a list"), "issue-from-list", "list-plus", Action.ISSUE),
        ),
    ),
    Group(
        _("System"),
        (
            Entry(_("Audit"), "find-audit", "scroll-text", Action.SEE),
            Entry(_("Back office"), "admin:index", "sliders-horizontal", Action.MANAGE),
            Entry(_("API"), "api-docs", "code-xml", Action.MANAGE),
        ),
    ),
)
TOOLS = (Entry(_("Style guide"), "style-guide", "palette", Action.SEE_OWN),)


@dataclass(frozen=True)
class Link:
    label: _StrPromise
    url: str
    icon: str
    is_current: bool


@dataclass(frozen=True)
class LinkGroup:
    label: _StrPromise
    links: list[Link]


def shell(request: HttpRequest) -> dict[str, Any]:
    """The context of base.html. Reads nothing but the roles of the signed-in user, which are cached on it."""
    user = getattr(request, "user", None)  # an error may come before the user is known
    # Not site_name: the stock sign-in view puts the host there.
    everywhere = {"product_name": SITE_NAME, "languages": language.choices()}
    if user is None or not user.is_authenticated:
        return {**everywhere, "menu": [], "admin_menu": [], "tools": []}
    everything = (*MENU, *(entry for group in ADMIN for entry in group.entries), *TOOLS)
    addresses = {entry: url for entry in everything if may(user, entry.action) and (url := _url(entry))}
    page = request.resolver_match.url_name if request.resolver_match else None
    holders = [url for entry, url in addresses.items() if page in entry.others]
    # An address below several is below the longest of them.
    current = max(
        holders or (url for url in addresses.values() if _is_at(request.path, url)), key=len, default=""
    )

    def links(entries: tuple[Entry, ...]) -> list[Link]:
        return [
            Link(entry.label, addresses[entry], entry.icon, is_current=addresses[entry] == current)
            for entry in entries
            if entry in addresses
        ]

    groups = [LinkGroup(group.label, links(group.entries)) for group in ADMIN]
    return {
        **everywhere,
        "menu": links(MENU),
        "admin_menu": [group for group in groups if group.links],
        "tools": links(TOOLS),
        "unread_notifications": unread_of(user),
    }


def _url(entry: Entry) -> str:
    try:
        return reverse(entry.url_name)
    except NoReverseMatch:  # the style guide exists only while DEBUG is on
        return ""


def _is_at(path: str, url: str) -> bool:
    """Everything lies below the front page, so only that must be met exactly."""
    return path == url if url == "/" else path.startswith(url)
