"""Where an account's API URL may lead."""

from __future__ import annotations

from typing import Any

import pytest

from providers import addresses
from providers.models import BadgeProvider


@pytest.mark.parametrize(
    "url", [address.url for documented in addresses.DOCUMENTED.values() for address in documented]
)
def test_every_documented_address_may_be_used(url: str) -> None:
    assert addresses.problem_of(url) == ""


def test_both_kinds_that_have_one_tell_production_and_sandbox() -> None:
    assert set(addresses.DOCUMENTED) == set(BadgeProvider.Kind) - {BadgeProvider.Kind.OPEN_BADGES}
    for documented in addresses.DOCUMENTED.values():
        assert {"production", "sandbox"} <= {str(address.label) for address in documented}


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("credly", "not a web address"),
        ("ftp://api.credly.com/v1", "not a web address"),
        ("https://", "not on the public internet"),
        ("https://api.credly.com:notaport/v1", "not a web address"),
        ("http://api.credly.com/v1", "must begin with https: api.credly.com:80"),
        ("https://name:secret@api.credly.com/v1", "no name or password"),
        ("https://api.credly.com/v1?key=1", "before “?” and “#”"),
        ("https://api.credly.com/v1#top", "before “?” and “#”"),
        ("https://localhost/v1", "localhost:443 is not on the public internet"),
        ("https://localhost./v1", "not on the public internet"),
        ("https://intranet/v1", "not on the public internet"),
        ("https://badges.internal/v1", "not on the public internet"),
        ("https://127.0.0.1/v1", "not on the public internet"),
        ("https://10.1.2.3/v1", "not on the public internet"),
        ("https://169.254.169.254/latest", "not on the public internet"),
        ("https://[::1]/v1", "[::1]:443 is not on the public internet"),
        ("https://[::ffff:10.0.0.1]/v1", "not on the public internet"),
    ],
)
def test_any_other_place_is_refused_with_the_reason(url: str, reason: str) -> None:
    assert reason in addresses.problem_of(url)


@pytest.mark.parametrize(
    "url", ["https://8.8.8.8/v1", "https://[2606:4700::1111]/v1", "https://badges.example.org:8443/api/v1/"]
)
def test_public_places_may_be_used(url: str) -> None:
    assert addresses.problem_of(url) == ""


def test_the_operator_may_name_local_ones(settings: Any) -> None:
    settings.PROVIDER_ALLOWED_HOSTS = ["127.0.0.1:8100", "Sandbox:80"]

    assert addresses.problem_of("http://127.0.0.1:8100/v1") == ""
    assert addresses.problem_of("http://sandbox/v1") == ""
    assert "127.0.0.1:8101" in addresses.problem_of("http://127.0.0.1:8101/v1")
