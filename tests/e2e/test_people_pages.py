"""An administrator looks after users and organizations, by mouse and by keyboard, on any screen."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from tests.e2e.conftest import assert_accessible

OVERFLOW = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
WIDTHS = (390, 820, 1440)
# A name that no screen of a phone holds in one line.
LONG = "Wolfeschlegelsteinhausenbergerdorffwelchevoralternwaren"
PAGES = (
    "/",
    "/users/?name=",
    "/users/create/",
    "/organizations/?name=",
    "/organizations/create/",
    "/badge-providers/?asked=1",
    "/badges/?asked=1",
    "/achievements/find/?asked=1",
    "/issued-badges/?asked=1",
    "/badge-progress/?achievement=1",
    "/audit/?asked=1",
    "/search/?q=cloud",
    "/users/1/",
    "/users/1/edit/",
    "/users/1/transcript/",
    "/organizations/1/",
    "/organizations/1/edit/",
    "/achievements/1/",
    "/achievements/1/edit/#conditions",
    "/issued-badges/1/",
    "/settings/",
)


# What of an open menu cannot be seen: what is beside the screen, and what something else lies over.
UNSEEN = """menu => [...menu.querySelectorAll(":scope > :not(summary) :is(a, button, label, legend)")]
  .filter((each) => each.checkVisibility())
  .filter((each) => {
    each.scrollIntoView({ block: "center" });
    const { left, right, top, bottom } = each.getBoundingClientRect();
    const over = document.elementFromPoint((left + right) / 2, (top + bottom) / 2);
    return left < 0 || right > innerWidth || !menu.contains(over);
  })
  .map((each) => each.textContent.trim())"""


def search(page: Page) -> None:
    """For fewer than there are: what was found before stands there until the answer has come."""
    count = page.locator("#find-count")
    before = count.inner_text()
    page.locator("#find-go").click()
    expect(count).not_to_have_text(before)


def test_those_who_earned_an_achievement_are_found_and_one_is_looked_at(
    open_page: Callable[..., Page],
) -> None:
    page = open_page("administrator")
    page.goto("/users/")
    page.get_by_text("Add filter", exact=True).click()
    page.locator("#find-add").get_by_role("button", name="Achievement", exact=True).click()
    page.get_by_role("button", name="Choose Achievement").click()
    dialog = page.get_by_role("dialog", name="Choose Achievement")
    dialog.get_by_label("Search").fill("Cloud Engineer")
    dialog.get_by_label("Cloud Engineer", exact=True).check()
    dialog.get_by_role("button", name="OK").click()
    expect(dialog).to_be_hidden()
    search(page)
    expect(page.locator("#find-count")).to_contain_text(re.compile(r"[1-9]\d* Results? Found"))
    page.locator("tbody tr").first.get_by_role("link").first.click()
    # The user's toolbar leads to what was earned.
    page.get_by_role("link", name="Achievements", exact=True).last.click()
    earned = page.get_by_role("region", name="Achievements", exact=True)
    expect(earned).to_contain_text("Cloud Engineer")


def test_a_user_is_created_by_keyboard_and_a_mistake_loses_nothing(open_page: Callable[..., Page]) -> None:
    page = open_page("administrator")
    page.goto("/users/create/")
    page.get_by_label("First Name").focus()
    page.keyboard.type("Wilhelmine")
    page.keyboard.press("Tab")
    page.keyboard.type(LONG)
    page.keyboard.press("Tab")
    page.keyboard.type("administrator@demo.example")
    page.keyboard.press("Enter")

    expect(page.get_by_role("alert")).to_contain_text("Nothing was saved")
    email = page.get_by_label("E-mail")
    expect(email).to_be_focused()
    expect(page.locator("main")).to_contain_text("Another user has this e-mail address.")
    expect(page.get_by_label("Last Name")).to_have_value(LONG)
    assert_accessible(page)
    page.keyboard.press("Control+A")
    page.keyboard.type("wilhelmine@example.org")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_have_text(f"Wilhelmine {LONG}")
    page.set_viewport_size({"width": 390, "height": 900})
    assert page.evaluate(OVERFLOW) <= 0
    page.set_viewport_size({"width": 1280, "height": 900})

    # “/” goes to the search of the whole site, which finds her at once.
    page.locator("h1").click()
    page.keyboard.press("/")
    page.keyboard.type("wilhelmine")
    page.keyboard.press("Enter")
    expect(page.get_by_role("link", name=f"Wilhelmine {LONG}").first).to_be_visible()


def test_an_account_is_closed_after_it_is_told_what_that_comes_to(open_page: Callable[..., Page]) -> None:
    page = open_page("administrator")
    page.goto("/users/create/")
    page.get_by_label("First Name").fill("Temporary")
    page.get_by_label("Last Name").fill("Visitor")
    page.get_by_label("E-mail").fill("visitor@example.org")
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Temporary Visitor")

    page.locator("summary", has_text="More").click()
    page.get_by_role("link", name="Close account…").click()
    expect(page.locator("main")).to_contain_text("This cannot be undone.")
    assert_accessible(page)
    page.get_by_label("Reason").fill("The visit is over.")
    page.get_by_label("Type DELETE to confirm").fill("no")
    page.get_by_role("button", name="Close account").click()
    expect(page.locator("main")).to_contain_text("This is “no”. Type DELETE, or leave the account as it is.")
    expect(page.get_by_label("Reason")).to_have_value("The visit is over.")
    assert_accessible(page)
    page.set_viewport_size({"width": 390, "height": 900})
    assert page.evaluate(OVERFLOW) <= 0
    page.get_by_label("Type DELETE to confirm").fill("DELETE")
    page.get_by_role("button", name="Close account").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("Closed account")
    expect(page.locator("main")).not_to_contain_text("visitor@example.org")
    assert page.evaluate(OVERFLOW) <= 0


def test_preferences_of_an_organization_say_what_they_do_before_they_are_saved(
    open_page: Callable[..., Page],
) -> None:
    page = open_page("administrator")
    page.goto("/organizations/create/")
    page.get_by_label("Name", exact=True).fill("Brackenfold Nordic")
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Brackenfold Nordic")
    page.get_by_role("link", name="Edit", exact=True).click()
    page.get_by_role("tab", name="Preferences").click()
    # A new organization starts with what its parent has.
    enable = page.get_by_label("Enable Achievements")
    expect(enable).to_be_checked()
    expect(page.locator("#enable-achievements-means")).to_contain_text("0 of 0 users participate")
    enable.uncheck()
    page.get_by_role("button", name="Save", exact=True).click()
    page.get_by_role("link", name="Edit", exact=True).click()
    page.get_by_role("tab", name="Preferences").click()
    expect(page.locator("#enable-achievements-means")).to_contain_text("The organization has no user yet")
    assert_accessible(page)


@pytest.mark.parametrize("color_scheme", ["light", "dark"])
def test_every_page_of_the_administrator_is_accessible_and_fits_every_screen(
    open_page: Callable[..., Page], color_scheme: str
) -> None:
    page = open_page("administrator", color_scheme=color_scheme)
    for address in PAGES:
        page.goto(address)
        assert_accessible(page)
        for direction in ("ltr", "rtl"):
            page.evaluate("direction => document.documentElement.dir = direction", direction)
            for width in WIDTHS:
                page.set_viewport_size({"width": width, "height": 900})
                assert page.evaluate(OVERFLOW) <= 0, f"{address} overflows at {width}, {direction}"


@pytest.mark.parametrize("width", WIDTHS)
def test_every_menu_of_a_page_opens_where_it_can_be_seen(open_page: Callable[..., Page], width: int) -> None:
    page = open_page("administrator", width=width)
    for address in (
        "/users/1/",
        "/organizations/1/",
        "/badge-providers/1/",
        "/badges/1/",
        "/issued-badges/1/",
        "/issued-badges/?asked=1",
        "/settings/",
    ):
        page.goto(address)
        menus = page.locator("main details.menu")
        expect(menus.first).to_be_visible()
        for menu in menus.all():
            menu.locator("> summary").click()
            assert menu.evaluate(UNSEEN) == [], f"{address} at {width}"
            page.keyboard.press("Escape")


def test_a_phone_sorts_what_it_finds_and_ticks_all_of_it(open_page: Callable[..., Page]) -> None:
    page = open_page("administrator", width=390)
    page.goto("/issued-badges/?asked=1&sort=student")
    first = page.locator("tbody tr").first.get_by_role("rowheader")
    before = first.inner_text()
    page.get_by_role("link", name="Student", exact=True).click()
    expect(first).not_to_have_text(before)
    page.get_by_label("Select all on this page").check()
    expect(page.locator("[data-tick-count]").first).to_have_text("50")
    # What a badge does not have is not named either.
    expect(page.locator("tbody tr").first).not_to_contain_text("Failure")
    assert_accessible(page)
    assert page.evaluate(OVERFLOW) <= 0
