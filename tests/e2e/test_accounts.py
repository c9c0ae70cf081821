"""An administrator looks after an account: checks it, sees what a sync would change, makes it, activates a badge."""

from __future__ import annotations

import json
import urllib.request
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from config.demo.generator import sandbox_templates
from tests.e2e.conftest import Product


def tell_the_sandbox(product: Product, what: str, **told: Any) -> None:
    request = urllib.request.Request(
        f"{product.sandbox_url}/_sandbox/{what}",
        method="POST",
        data=json.dumps(told).encode(),
        headers={"Content-Type": "application/json"},
    )
    urllib.request.urlopen(request).close()


@pytest.fixture
def untold(product: Product) -> Iterator[None]:
    """The demo's account hears of no event, so that what changes there waits for a synchronization."""
    owner = sandbox_templates()[0]["organization_id"]
    with urllib.request.urlopen(f"{product.sandbox_url}/_sandbox/accounts") as answer:
        account = next(each for each in json.load(answer)["accounts"] if each["id"] == owner)
    tell_the_sandbox(product, "accounts", id=owner, webhook_url="")
    yield
    tell_the_sandbox(product, "accounts", id=owner, webhook_url=account["webhook_url"])


def open_account(page: Page) -> None:
    page.goto("/admin/providers/credlyorganization/")
    page.locator("#result_list tbody th a").first.click()


def test_what_changed_at_the_provider_is_shown_taken_over_and_activated(
    product: Product, open_page: Callable[..., Page], picture: Callable[[Page, str], None], untold: None
) -> None:
    known = {template["name"]: template for template in sandbox_templates()}
    page = open_page("administrator")
    open_account(page)
    page.get_by_role("button", name="Check the connection").click()
    expect(page.locator(".messagelist")).to_contain_text("the connection works")
    page.get_by_role("button", name="Sync", exact=True).click()
    expect(page.locator(".messagelist")).to_contain_text("templates")
    picture(page, "account")

    tell_the_sandbox(product, "templates", id=known["Hat Trick"]["id"], name="Three in a Day")
    owner = known["Hat Trick"]["organization_id"]
    tell_the_sandbox(
        product, "templates", organization_id=owner, name="Exam Author", description="Wrote an exam."
    )
    page.get_by_role("button", name="Dry run").click()
    changes = page.locator(".changes tbody tr")
    expect(changes).to_have_count(2)
    expect(changes.filter(has_text="Three in a Day")).to_contain_text("Hat Trick")
    page.get_by_role("button", name="Sync now").click()
    expect(page.locator(".messagelist")).to_contain_text("1 new badge, 1 changed")

    page.get_by_role("link", name="Find Badges").click()
    new = page.locator("#result_list tbody tr", has_text="Exam Author")
    new.locator("input.action-select").check()
    page.locator("select[name=action]").select_option("activate")
    page.get_by_role("button", name="Go").click()
    expect(page.locator(".messagelist")).to_contain_text("1 badge is active.")


@pytest.mark.parametrize("color_scheme", ["light", "dark"])
def test_the_page_of_an_account_fits_a_phone_and_shows_no_token(
    open_page: Callable[..., Page], color_scheme: str
) -> None:
    page = open_page("administrator", color_scheme=color_scheme, width=390)
    open_account(page)

    expect(page.get_by_text("Works", exact=True)).to_be_visible()
    assert page.get_by_label("Badge provider API authentication token").input_value() == ""
    assert "demo-provider-token" not in page.content()
    overflow = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
    assert overflow <= 0
