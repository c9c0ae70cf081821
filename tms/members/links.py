"""Social links: which addresses may be given, and what the services behind them are called."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import urlsplit, urlunsplit

from django.core.exceptions import ValidationError
from django.core.validators import URLValidator
from django.utils.translation import gettext as _

if TYPE_CHECKING:
    from tms.models import SocialLink

MOST_LINKS = 5
MOST_CHARACTERS = 300
_valid = URLValidator(schemes=["https"])

# The end of a host → what it is called, and its icon in the lucide set, which has no brands.
SERVICES = {
    "linkedin.com": ("LinkedIn", "briefcase-business"),
    "github.com": ("GitHub", "git-branch"),
    "gitlab.com": ("GitLab", "git-merge"),
    "stackoverflow.com": ("Stack Overflow", "layers"),
    "x.com": ("X", "at-sign"),
    "twitter.com": ("X", "at-sign"),
    "bsky.app": ("Bluesky", "cloud"),
    "mastodon.social": ("Mastodon", "messages-square"),
    "facebook.com": ("Facebook", "users-round"),
    "instagram.com": ("Instagram", "camera"),
    "youtube.com": ("YouTube", "square-play"),
    "medium.com": ("Medium", "book-open-text"),
    "orcid.org": ("ORCID", "fingerprint-pattern"),
    "credly.com": ("Credly", "award"),
}


@dataclass(frozen=True, slots=True)
class Link:
    """`detail` tells two links of one service apart; it is empty where the name says it all."""

    url: str
    name: str
    detail: str
    icon: str


def told(link: SocialLink) -> Link:
    parts = urlsplit(link.url)
    host = (parts.hostname or "").removeprefix("www.")
    path = parts.path.strip("/")
    for end, (name, icon) in SERVICES.items():
        if host == end or host.endswith(f".{end}"):
            return Link(url=link.url, name=name, detail=path, icon=icon)
    return Link(url=link.url, name=host, detail=path, icon="globe")


def address(typed: str) -> str:
    """What was typed as an address that is stored; without a scheme it is taken for https.

    Raises ValidationError with what is wrong in words.
    """
    text = typed.strip()
    if "://" not in text:
        text = f"https://{text}"
    if len(text) > MOST_CHARACTERS:
        raise ValidationError(
            _("The address is too long: at most %(most)d characters.") % {"most": MOST_CHARACTERS}
        )
    try:
        parts = urlsplit(text)
        host = parts.hostname or ""
    except ValueError as error:
        raise ValidationError(_("This is not an address of a page.")) from error
    if parts.scheme.lower() != "https":
        raise ValidationError(_("The address has to start with https://"))
    if "@" in parts.netloc:
        raise ValidationError(_("The address must not hold a user name or a password."))
    try:
        _valid(text)
    except ValidationError as error:
        raise ValidationError(_("This is not an address of a page.")) from error
    if host.replace(".", "").isdigit() or ":" in host or "." not in host:
        raise ValidationError(_("Give the name of a site, not a number of a machine."))
    return urlunsplit(("https", parts.netloc.lower(), parts.path, parts.query, parts.fragment))
