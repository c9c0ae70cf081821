"""Where a published badge can be taken to: addresses of networks, a mail, and HTML to paste.

Plain addresses and plain HTML: nothing of the networks is loaded into our pages, and they learn of a badge
when its holder follows a link. LinkedIn fills its form from the address where it still does so; what it asks
for stands beside the link to be copied.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import quote, urlencode

from django.utils.html import format_html
from django.utils.translation import gettext as _

if TYPE_CHECKING:
    from django.utils.safestring import SafeString

    from badges.sharing.public import SharedBadge

LINKEDIN_PROFILE = "https://www.linkedin.com/profile/add"
LINKEDIN_POST = "https://www.linkedin.com/sharing/share-offsite/"
X = "https://x.com/intent/post"
FACEBOOK = "https://www.facebook.com/sharer/sharer.php"
WEBSITE_SIDE, SIGNATURE_SIDE = 160, 72


@dataclass(frozen=True, slots=True, kw_only=True)
class Network:
    name: str
    label: str
    url: str


def linkedin_profile(shared: SharedBadge) -> str:
    """The form for a licence or certification, filled in. Numbers of months are without a leading zero."""
    asked: dict[str, str | int] = {
        "startTask": "CERTIFICATION_NAME",
        "name": shared.plain_name,
        # We know no organization by the number that LinkedIn gives it (organizationId).
        "organizationName": shared.issuer,
        "issueYear": shared.issued_on.year,
        "issueMonth": shared.issued_on.month,
    }
    if shared.expires_on:
        asked |= {"expirationYear": shared.expires_on.year, "expirationMonth": shared.expires_on.month}
    return _address(LINKEDIN_PROFILE, asked | {"certUrl": shared.url, "certId": shared.public_id})


def networks(shared: SharedBadge) -> list[Network]:
    """Where a post is begun that its author can still change."""
    return [
        Network(
            name="linkedin",
            label=_("Post on LinkedIn"),
            url=_address(LINKEDIN_POST, {"url": shared.url}),
        ),
        Network(
            name="x",
            label=_("Post on X"),
            url=_address(X, {"text": message(shared), "url": shared.url}),
        ),
        Network(
            name="facebook",
            label=_("Share on Facebook"),
            url=_address(FACEBOOK, {"u": shared.url}),
        ),
    ]


def mail(shared: SharedBadge) -> str:
    """To nobody yet, in the reader's own mail program."""
    body = f"{message(shared)}\r\n\r\n{shared.url}\r\n"
    return f"mailto:?subject={quote(message(shared), safe='')}&body={quote(body, safe='')}"


def message(shared: SharedBadge) -> str:
    text = _("I earned the badge “%(name)s” of %(issuer)s")
    return text % {"name": shared.name, "issuer": shared.issuer}


def website_snippet(shared: SharedBadge) -> SafeString:
    return format_html(
        '<a href="{}"><img src="{}" alt="{}" width="{side}" height="{side}"></a>',
        shared.url,
        shared.image_url,
        shared.alternative,
        side=WEBSITE_SIDE,
    )


def signature_snippet(shared: SharedBadge) -> SafeString:
    """Small, and laid out without a style sheet, which mail programs leave out."""
    return format_html(
        '<p><a href="{}"><img src="{}" alt="{}" width="{side}" height="{side}"></a><br>'
        '<a href="{}">{}</a></p>',
        shared.url,
        shared.image_url,
        shared.alternative,
        shared.url,
        shared.name,
        side=SIGNATURE_SIDE,
    )


def _address(address: str, parameters: dict[str, str | int]) -> str:
    return f"{address}?{urlencode(parameters, quote_via=quote, safe='')}"
