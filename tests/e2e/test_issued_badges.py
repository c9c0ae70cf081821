"""An administrator looks after issued badges: finds one that failed, sends it again, takes others back."""

from __future__ import annotations

import json
import re
import urllib.request
from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.e2e.conftest import Product, assert_accessible
from tests.e2e.test_later import Api

REFUSED, *OTHERS = [f"winner{number}@example.org" for number in "1234"]


def order(product: Product, **faults: Any) -> None:
    request = urllib.request.Request(
        f"{product.sandbox_url}/_sandbox/faults",
        method="POST",
        data=json.dumps(faults).encode(),
        headers={"Content-Type": "application/json"},
    )
    urllib.request.urlopen(request).close()


@pytest.fixture
def badge(product: Product) -> dict[str, Any]:
    """Issued by hand to four people, the first of whom the provider refuses."""
    api = Api(product)
    order(product, about=[REFUSED], status=422, methods=["POST"])
    badges = api("GET", "badges/?enable_manual_issuance=true&is_active=true")["results"]
    chosen: dict[str, Any] = badges[0]
    people = [
        api(
            "POST",
            "users/",
            email=email,
            first_name=email.partition("@")[0].title(),
            last_name="Of the hackathon",
            organization=chosen["organization"],
        )["id"]
        for email in (REFUSED, *OTHERS)
    ]
    api("POST", "issued-badges/", badge=chosen["id"], users=people, reason="Hackathon")
    return chosen


def search(badge: dict[str, Any], **more: str) -> str:
    asked = {"badge": str(badge["id"]), "student_name": "Of the hackathon", **more}
    return "/issued-badges/?" + "&".join(f"{name}={text.replace(' ', '+')}" for name, text in asked.items())


def wait_for(page: Page, url: str, count: int) -> None:
    """Until the search finds so many."""
    for _look in range(60):
        page.goto(url)
        if page.locator("tbody tr").count() == count:
            return
        page.wait_for_timeout(500)
    raise AssertionError(page.locator("#find-count").inner_text())


def test_what_failed_is_found_and_sent_again_and_others_are_taken_back(
    product: Product,
    open_page: Callable[..., Page],
    picture: Callable[[Page, str], None],
    badge: dict[str, Any],
) -> None:
    page = open_page("administrator")
    wait_for(page, search(badge, status="failed"), 1)
    page.get_by_role("link", name="Winner1").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("Winner1")
    expect(page.get_by_text("Refused by the provider")).to_be_visible()
    page.get_by_text("What the provider answered").first.click()
    assert_accessible(page)
    picture(page, "issued-badge")

    order(product)
    page.get_by_role("button", name="Retry").click()
    expect(page.get_by_text("It is sent again.")).to_be_visible()
    # The page goes on by itself until the provider has it.
    expect(page.locator("#record-status")).to_contain_text("Issued")
    page.get_by_role("button", name="Refresh from provider").click()
    expect(page.get_by_text("It was read again at the provider.")).to_be_visible()

    wait_for(page, search(badge, status="issued"), 4)
    for name in ("Winner2", "Winner3"):
        page.get_by_role("row", name=re.compile(name)).get_by_role("checkbox").check()
    expect(page.locator("[data-tick-count]")).to_have_text("2")
    page.locator("#bulk-export summary").click()
    with page.expect_download() as download:
        page.locator("#bulk-export").get_by_role("button", name="CSV").click()
    lines = download.value.path().read_text(encoding="utf-8-sig").splitlines()
    assert {line.split(" ")[0] for line in lines[1:]} == {"Winner2", "Winner3"}

    page.keyboard.press("Escape")
    page.get_by_role("button", name="Revoke…").click()
    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text("2 issued badges")
    expect(dialog.get_by_label("Reason")).to_be_focused()
    assert_accessible(page)
    picture(page, "revoke-issued-badges")
    dialog.get_by_label("Reason").fill("Counted twice")
    dialog.get_by_role("button", name="Revoke", exact=True).click()
    expect(page.get_by_text("2 badges are being revoked.")).to_be_visible()
    wait_for(page, search(badge, status="revoked"), 2)

    page.goto("/audit/?what=revoke&why=Counted+twice")
    expect(page.locator("tbody tr")).to_have_count(1)
    expect(page.locator("tbody tr")).to_contain_text("Counted twice")


PATHS = ("/issued-badges/?asked=1", "/issued-badges/1/", "/badge-progress/?achievement=1&begun=is", "/audit/")


@pytest.mark.parametrize("color_scheme", ["light", "dark"])
def test_the_pages_are_accessible_and_fit_a_phone(open_page: Callable[..., Page], color_scheme: str) -> None:
    page = open_page("administrator", color_scheme=color_scheme, width=390)
    for path in PATHS:
        page.goto(path)
        expect(page.get_by_role("heading", level=1)).to_be_visible()
        assert_accessible(page)
        width = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
        assert page.evaluate(width) <= 0, path


def test_why_somebody_has_not_earned_a_badge_yet_is_explained(
    open_page: Callable[..., Page], picture: Callable[[Page, str], None]
) -> None:
    page = open_page("administrator")
    page.goto("/badge-progress/")
    page.get_by_role("button", name="Choose Achievement").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_role("radio").first.check()
    dialog.get_by_role("button", name="OK").click()
    page.locator("#find-go").click()
    expect(page.locator("tbody tr").first).to_be_visible()
    picture(page, "badge-progress")
    page.get_by_role("link", name="Explain").first.click()
    expect(page.get_by_role("heading", name="What else must be true")).to_be_visible()
    assert_accessible(page)
