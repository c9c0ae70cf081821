"""Social links: which addresses are taken, how they are spelt, and what they are called."""

from __future__ import annotations

import pytest
from django.core.exceptions import ValidationError

from tms.members.links import address, told
from tms.models import SocialLink


@pytest.mark.parametrize(
    ("typed", "stored"),
    [
        ("https://github.com/ada", "https://github.com/ada"),
        (" github.com/ada ", "https://github.com/ada"),
        ("HTTPS://GitHub.com/Ada?tab=repositories#top", "https://github.com/Ada?tab=repositories#top"),
        ("https://bücher.example/", "https://bücher.example/"),
    ],
)
def test_an_address_is_stored_in_one_spelling(typed: str, stored: str) -> None:
    assert address(typed) == stored


@pytest.mark.parametrize(
    "typed",
    [
        "http://github.com/ada",
        "javascript:alert(1)",
        "javascript://github.com/%0aalert(1)",
        "data:text/html,hello",
        "ftp://github.com",
        "https://ada:secret@github.com",
        "https://127.0.0.1/",
        "https://[::1]/",
        "https://localhost/",
        "https://[",
        "github",
        "https://exa mple.org",
        "https://example.org/" + "x" * 300,
    ],
)
def test_what_is_no_public_page_is_refused(typed: str) -> None:
    with pytest.raises(ValidationError):
        address(typed)


@pytest.mark.parametrize(
    ("url", "name", "detail"),
    [
        ("https://www.linkedin.com/in/ada", "LinkedIn", "in/ada"),
        ("https://twitter.com/ada", "X", "ada"),
        ("https://ada.example/", "ada.example", ""),
        ("https://notgithub.com/ada", "notgithub.com", "ada"),
    ],
)
def test_a_link_is_called_by_its_service(url: str, name: str, detail: str) -> None:
    link = told(SocialLink(url=url))

    assert (link.name, link.detail) == (name, detail)
    assert (link.icon == "globe") == (name == link.url.split("/")[2])
