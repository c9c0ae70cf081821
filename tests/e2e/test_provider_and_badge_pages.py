"""An administrator connects a provider and makes a badge, by the steps and words of the manuals."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from config.management.commands.serve import SANDBOX_TOKEN, SPARE_ORGANIZATION, spare_templates
from tests.e2e.conftest import Product, assert_accessible, sign_in

SECONDS = 1000
PROVIDER = "IPC-Credly"
TEMPLATES = {template["name"]: template["id"] for template in spare_templates()}


def tab(page: Page, name: str) -> Any:
    return page.get_by_role("tab", name=name)


def find(page: Page, what: str, name: str) -> None:
    """Open the profile of one that is found by its name."""
    page.goto(f"/{what}/")
    page.get_by_role("link", name=name, exact=True).first.click()
    expect(page.get_by_role("heading", level=1)).to_have_text(name)


def assert_fits(page: Page) -> None:
    assert page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth") <= 0


def test_a_badge_provider_is_created_checked_and_synchronized(
    product: Product, open_page: Callable[..., Page], picture: Callable[[Page, str], None]
) -> None:
    page = open_page("administrator")
    page.goto("/badge-providers/")
    page.get_by_role("link", name="Create Badge Provider").click()
    page.get_by_label("Name", exact=True).fill(PROVIDER)
    page.locator("#id_description").fill("Badges of our workshops.")
    organization = page.get_by_role("combobox", name="Organization", exact=True)
    expect(organization.locator("option:checked")).to_have_text("Brackenfold Academy")
    page.get_by_label("Badge Provider Type").select_option("Credly")
    page.get_by_label("Badge Provider Organization Id").fill(SPARE_ORGANIZATION)
    page.get_by_label("Badge Provider Api Authentication Token").fill(SANDBOX_TOKEN)
    page.get_by_role("button", name="Sandbox of this site").click()
    expect(page.get_by_label("API Url")).to_have_value(f"{product.sandbox_url}/v1")
    expect(page.get_by_label("Enabled")).to_be_checked()
    picture(page, "create-badge-provider")

    tab(page, "Availability").click()
    expect(page.get_by_label("Name", exact=True)).to_be_hidden()
    page.get_by_label("Brackenfold Europe").check()
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_role("heading", level=1)).to_have_text(PROVIDER)
    expect(page.locator(".messages")).to_contain_text("the connection works", timeout=15 * SECONDS)
    expect(page.get_by_text("Works", exact=True)).to_be_visible()
    expect(page.locator("main")).to_contain_text("Brackenfold Europe")
    assert SANDBOX_TOKEN not in page.content()

    page.get_by_role("button", name="Sync").click()
    expect(page.get_by_role("heading", level=1)).to_have_text(
        "What a sync would change", timeout=15 * SECONDS
    )
    expect(page.locator("main")).to_contain_text("Nothing has been changed yet.")
    expect(page.locator(".changes tbody tr")).to_have_count(2)
    picture(page, "sync-dry-run")
    page.get_by_role("button", name="Sync now").click()
    expect(page.locator("main")).to_contain_text("2 templates, 2 new badges", timeout=15 * SECONDS)

    page.get_by_role("link", name=PROVIDER).first.click()
    picture(page, "badge-provider")
    page.get_by_role("link", name="Find Badges").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Find Badges")
    expect(page.locator("main")).to_contain_text("Lab Reviewer")


def test_a_badge_is_created_allowed_to_be_issued_by_hand_and_activated(
    open_page: Callable[..., Page], picture: Callable[[Page, str], None]
) -> None:
    page = open_page("administrator")
    page.goto("/badges/")
    page.get_by_role("link", name="Create Badge").click()
    page.get_by_role("button", name="Choose", exact=True).click()
    dialog = page.get_by_role("dialog")
    expect(dialog.get_by_role("heading", name="Choose Badge Provider")).to_be_visible()
    dialog.get_by_label("Search").fill("IPC")
    expect(dialog.locator("tbody tr")).to_have_count(1)
    dialog.get_by_label(PROVIDER).check()
    dialog.get_by_role("button", name="OK").click()
    expect(dialog).to_be_hidden()
    expect(page.get_by_label("Badge Provider", exact=True).locator("option:checked")).to_have_text(PROVIDER)

    page.get_by_role("button", name="Synchronized Templates…").click()
    dialog.get_by_label("Workshop Facilitator").check()
    dialog.get_by_role("button", name="OK").click()
    template = page.get_by_label("Badge Provider Template Id")
    expect(template).to_have_value(TEMPLATES["Workshop Facilitator"])
    expect(page.get_by_label("Name", exact=True)).to_have_value("Workshop Facilitator")
    page.locator("#id_description").fill("Led a workshop from start to end.")
    picture(page, "create-badge")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Workshop Facilitator")
    expect(page.locator("main")).to_contain_text("Not active")

    page.get_by_role("link", name="Edit", exact=True).click()
    page.get_by_label("Enable Manual Issuance").check()
    page.get_by_role("button", name="Save").click()
    expect(page.locator(".states")).to_contain_text("Enabled for Manual Issuance")
    picture(page, "badge")

    page.get_by_role("button", name="Activate…").click()
    expect(page.get_by_role("dialog")).to_contain_text("Nobody waits for it")
    page.get_by_role("dialog").get_by_role("button", name="Activate").click()
    expect(page.locator(".messages")).to_contain_text("is active", timeout=15 * SECONDS)
    page.get_by_role("button", name="Deactivate").click()
    expect(page.locator(".messages")).to_contain_text("no longer active")


def test_a_section_with_an_error_opens_and_the_tabs_work_by_keyboard(open_page: Callable[..., Page]) -> None:
    page = open_page("administrator")
    page.goto("/badge-providers/create/")
    page.get_by_label("Name", exact=True).fill("Typed and kept")
    tab(page, "Basic Information").focus()
    page.keyboard.press("ArrowRight")
    expect(tab(page, "Availability")).to_be_focused()
    page.keyboard.press("End")
    expect(tab(page, "More Settings")).to_have_attribute("aria-selected", "true")
    page.get_by_label("Calls per minute").fill("-1")
    page.keyboard.press("Enter")

    expect(page.get_by_role("alert")).to_contain_text("Nothing was saved")
    expect(tab(page, "Basic Information")).to_have_attribute("aria-selected", "true")
    expect(page.get_by_label("Name", exact=True)).to_have_value("Typed and kept")
    expect(page.get_by_label("Badge Provider Organization Id")).to_be_focused()
    expect(tab(page, "More Settings")).to_contain_text("has errors")

    page.get_by_label("Badge Provider Type").select_option("Accredible")
    expect(page.get_by_label("Badge Provider Organization Id")).to_be_hidden()
    page.goto("/badge-providers/create/#more-settings")
    expect(page.get_by_label("Calls per minute")).to_be_visible()


@pytest.mark.parametrize("color_scheme", ["light", "dark"])
def test_the_pages_are_accessible_and_fit_a_phone(open_page: Callable[..., Page], color_scheme: str) -> None:
    page = open_page("administrator", color_scheme=color_scheme, width=390)
    addresses = ["/badge-providers/create/", "/badges/create/#availability"]
    for what, name in (("badge-providers", PROVIDER), ("badges", "Workshop Facilitator")):
        find(page, what, name)
        addresses += [page.url, f"{page.url}edit/"]
    page.goto(addresses[2])
    page.locator(".history a").first.click()
    addresses.append(page.url)
    for address in addresses:
        page.goto(address)
        assert_accessible(page)
        assert_fits(page)
    page.goto("/badges/create/")
    page.get_by_role("button", name="Choose", exact=True).click()
    expect(page.get_by_role("dialog").locator("tbody tr").first).to_be_visible()
    assert_accessible(page)


def test_without_script_all_sections_stand_below_one_another_and_are_saved_at_once(
    product: Product, browser: Browser
) -> None:
    context = browser.new_context(base_url=product.url, locale="en-US", java_script_enabled=False)
    page = context.new_page()
    sign_in(page, "administrator@demo.example")
    find(page, "badge-providers", PROVIDER)
    page.get_by_role("link", name="Edit", exact=True).click()
    expect(page.get_by_role("tab")).to_have_count(0)
    page.locator("#id_description").fill("Changed without script.")
    page.get_by_label("Calls per minute").fill("30")
    page.get_by_label("Enabled").uncheck()
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_role("heading", level=1)).to_have_text(PROVIDER)
    expect(page.locator("main")).to_contain_text("Changed without script.")
    expect(page.locator(".states")).to_contain_text(re.compile("Disabled"))
    context.close()
