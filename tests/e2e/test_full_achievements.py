"""All achievements in a real browser: opened, narrowed, asked why, and left again, by mouse and by keyboard."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.e2e.conftest import assert_accessible


@pytest.fixture
def opener(open_page: Callable[..., Page]) -> Callable[..., Locator]:
    """The link on the learner's own page, once her progress is worked out."""

    def opener(**options: object) -> Locator:
        page = open_page("learner", **options)
        page.goto("/achievements/")
        expect(page.get_by_role("heading", name="In progress")).to_be_visible()
        return page.get_by_role("link", name="See all achievements")

    return opener


def opened(opener: Locator) -> Locator:
    opener.click()
    dialog = opener.page.get_by_role("dialog", name="All achievements")
    expect(dialog).to_be_visible()
    expect(dialog.get_by_text("Progress as of")).to_be_visible()
    return dialog


def test_it_opens_by_click_and_closing_it_leads_back_to_where_it_was_opened(
    opener: Callable[..., Locator], picture: Callable[[Page, str], None]
) -> None:
    link = opener()
    dialog = opened(link)
    for category in ("Courses", "Community", "Engagement"):
        expect(dialog.get_by_role("heading", name=category, exact=True)).to_be_visible()
    expect(dialog.get_by_role("heading", name="Learning days")).to_be_visible()
    expect(dialog.get_by_role("heading", name="In the community")).to_be_visible()
    expect(dialog.get_by_role("heading", name="Milestones by course")).to_be_visible()
    picture(link.page, "full-achievements")

    dialog.get_by_role("button", name="Close").click()

    expect(dialog).to_be_hidden()
    expect(link).to_be_focused()


def test_it_opens_narrows_and_closes_by_keyboard(opener: Callable[..., Locator]) -> None:
    link = opener()
    keyboard = link.page.keyboard
    link.focus()
    keyboard.press("Enter")
    dialog = link.page.get_by_role("dialog", name="All achievements")
    tabs = dialog.get_by_role("navigation", name="Show")
    every = tabs.get_by_role("link", name=re.compile("^All"))
    expect(every).to_have_attribute("aria-current", "true")

    every.focus()
    keyboard.press("ArrowRight")
    earned = tabs.get_by_role("link", name=re.compile("^Earned"))
    expect(earned).to_be_focused()
    keyboard.press("Enter")
    expect(earned).to_have_attribute("aria-current", "true")
    expect(earned).to_be_focused()
    expect(dialog.get_by_text("First Post", exact=True)).to_be_visible()
    expect(dialog.get_by_text("In the Conversation", exact=True)).to_have_count(0)
    keyboard.press("End")
    keyboard.press("Enter")
    locked = tabs.get_by_role("link", name=re.compile("^Locked"))
    expect(locked).to_have_attribute("aria-current", "true")
    expect(dialog.get_by_text("First Post", exact=True)).to_have_count(0)
    keyboard.press("Escape")

    expect(dialog).to_be_hidden()
    expect(link).to_be_focused()


def test_it_opens_from_the_card_of_a_profile_and_leads_back_to_it(open_page: Callable[..., Page]) -> None:
    page = open_page("learner")
    page.goto("/achievements/")
    page.get_by_role("link", name="Profile", exact=True).click()
    card = page.get_by_role("region", name="Achievements").get_by_role("link", name="Achievements")
    dialog = page.get_by_role("dialog", name="All achievements")

    card.click()
    expect(dialog.get_by_role("navigation", name="Show")).to_be_visible()
    page.keyboard.press("Escape")
    expect(dialog).to_be_hidden()
    expect(card).to_be_focused()

    page.keyboard.press("Enter")
    expect(dialog.get_by_role("heading", name="Milestones by course")).to_be_visible()
    assert_accessible(page)


def test_why_not_yet_is_told_condition_by_condition(
    opener: Callable[..., Locator], picture: Callable[[Page, str], None]
) -> None:
    dialog = opened(opener())
    helper = dialog.get_by_role("listitem").filter(has_text="Helping Hand")
    expect(helper.get_by_text("2 of 3").first).to_be_visible()

    helper.get_by_text("Why not yet?").click()

    expect(helper.get_by_text("Not yet: 2 of 3.")).to_be_visible()
    expect(helper.get_by_text("Help 3 different people")).to_be_visible()
    picture(dialog.page, "why-not-yet")


@pytest.mark.parametrize("color_scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 390])
def test_it_is_accessible_in_both_themes_and_on_a_phone(
    opener: Callable[..., Locator], color_scheme: str, width: int
) -> None:
    link = opener(color_scheme=color_scheme, width=width)
    assert_accessible(link.page)
    dialog = opened(link)
    dialog.get_by_text("Why not yet?").first.click()
    expect(dialog.get_by_text(re.compile("^Met so far|^Not yet:|^Everything holds")).first).to_be_visible()
    assert_accessible(link.page)
    fits = "() => document.documentElement.scrollWidth <= document.documentElement.clientWidth"
    assert link.page.evaluate(fits)


def test_it_is_a_page_for_itself_too(open_page: Callable[..., Page]) -> None:
    page = open_page("learner")
    page.goto("/achievements/")
    address = page.get_by_role("link", name="See all achievements").get_attribute("href")
    assert address
    page.goto(address)
    expect(page.get_by_role("heading", name="All achievements", level=1)).to_be_visible()
    page.get_by_role("link", name=re.compile("^Earned")).click()
    expect(page.get_by_text("In the Conversation", exact=True)).to_have_count(0)
    assert_accessible(page)
