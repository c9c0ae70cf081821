"""Addresses and HTML with which a published badge is taken to other places."""

from __future__ import annotations

from html.parser import HTMLParser
from urllib.parse import parse_qs, parse_qsl, unquote, urlsplit

import pytest
from django.utils import timezone

from badges.sharing import links
from badges.sharing.public import SharedBadge
from tests.badges.sharing.conftest import CANARY, EARNED, SITE

pytestmark = pytest.mark.django_db


@pytest.fixture
def shared(presentation) -> SharedBadge:
    return SharedBadge(presentation, timezone.now())


class Tags(HTMLParser):
    def __init__(self, html: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.text += data


def test_linkedin_is_told_what_its_form_asks_for(shared):
    address = urlsplit(links.linkedin_profile(shared))

    assert (address.scheme, address.netloc, address.path) == ("https", "www.linkedin.com", "/profile/add")
    assert parse_qsl(address.query, strict_parsing=True) == [
        ("startTask", "CERTIFICATION_NAME"),
        ("name", "Cloud <Foundations>"),
        ("organizationName", "Northwind & Sons"),
        ("issueYear", "2026"),
        ("issueMonth", "3"),
        ("certUrl", f"{SITE}/shared-badges/{shared.public_id}/"),
        ("certId", shared.public_id),
    ]


def test_linkedin_is_told_when_it_expires_in_the_months_of_the_issuer(row, shared):
    row.earned_at = EARNED.replace(month=12, day=31, hour=23)
    row.expires_at = EARNED.replace(year=2028, month=11, day=30, hour=23)
    row.save()
    shared.presentation.refresh_from_db()

    asked = parse_qs(urlsplit(links.linkedin_profile(shared)).query)

    assert (asked["issueYear"], asked["issueMonth"]) == (["2027"], ["1"])
    assert (asked["expirationYear"], asked["expirationMonth"]) == (["2028"], ["12"])


def test_posts_begin_with_the_address(shared):
    found = {network.name: urlsplit(network.url) for network in links.networks(shared)}

    assert {name: parse_qs(address.query) for name, address in found.items()} == {
        "linkedin": {"url": [shared.url]},
        "x": {
            "text": ["I earned the badge “Cloud <Foundations>” of Northwind & Sons"],
            "url": [shared.url],
        },
        "facebook": {"u": [shared.url]},
    }
    assert all(address.scheme == "https" for address in found.values())


def test_a_mail_is_to_nobody_and_spelled_as_mail_programs_read_it(shared):
    address = links.mail(shared)

    assert address.startswith("mailto:?subject=")
    assert not set(' "<>+\n') & set(address)
    fields = dict(part.split("=", 1) for part in address.removeprefix("mailto:?").split("&"))
    assert set(fields) == {"subject", "body"}
    assert unquote(fields["subject"]) == "I earned the badge “Cloud <Foundations>” of Northwind & Sons"
    assert unquote(fields["body"]).endswith(f"\r\n\r\n{shared.url}\r\n")


@pytest.mark.parametrize("snippet", [links.website_snippet, links.signature_snippet])
def test_html_to_paste_is_a_picture_with_a_text_in_a_link_and_lets_no_name_break_out(row, shared, snippet):
    badge = shared.row.badge
    badge.name = '"><script>alert(1)</script>'
    html = snippet(shared)

    tags = Tags(html)

    assert {tag for tag, _attributes in tags.found} <= {"a", "img", "p", "br"}
    images = [attributes for tag, attributes in tags.found if tag == "img"]
    assert [image["src"] for image in images] == [f"{shared.url}badge.png"]
    assert images[0]["alt"] == f"Badge “{badge.name}”, earned by Zoë O’Hara on March 2, 2026"
    assert {attributes["href"] for tag, attributes in tags.found if tag == "a"} == {shared.url}
    assert "<script" not in html
    assert CANARY not in html
