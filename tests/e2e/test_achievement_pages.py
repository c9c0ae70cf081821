"""An administrator makes an achievement with its badge, by rows and by text, and lets it go live."""

from __future__ import annotations

import re
from collections.abc import Callable

from playwright.sync_api import Page, expect

from tests.e2e.conftest import assert_accessible

CREATE = "/achievements/create/"
TEXT = "textarea[name=conditions_text]"
# A busy machine answers late.
PATIENCE = 20_000


def sentence(page: Page) -> str:
    return page.locator("#sentence .words").inner_text()


def start_from(page: Page, idea: str) -> None:
    page.get_by_text("Start from an idea", exact=True).click()
    page.get_by_role("button", name=idea, exact=True).click()


def save(page: Page) -> None:
    page.get_by_role("button", name="Save", exact=True).click()


def assert_accessible_in_both(page: Page) -> None:
    """In dark and in light, without the moment in which one turns into the other."""
    page.emulate_media(color_scheme="dark", reduced_motion="reduce")
    assert_accessible(page)
    page.emulate_media(color_scheme="light")
    assert_accessible(page)


def test_an_achievement_is_created_with_a_badge_built_previewed_and_made_live(
    open_page: Callable[..., Page], picture: Callable[[Page, str], None]
) -> None:
    page = open_page("administrator")
    page.goto(CREATE)
    name = "Cloud Sprint"
    page.get_by_label("Name", exact=True).fill(name)
    page.locator("#id_description").fill("Three courses about the cloud in a month.")
    page.get_by_label("Points").fill("30")
    assert_accessible_in_both(page)

    # In the Create Achievement page, click Choose next to the Badge field.
    page.get_by_role("button", name="Choose", exact=True).click()
    dialog = page.get_by_role("dialog", name="Choose Badge")
    # In the Choose Badge dialog, search for and select the badge and click OK.
    dialog.get_by_label("Search").fill("Cloud")
    expect(dialog.get_by_role("radio").first).to_be_visible()
    assert_accessible_in_both(page)
    dialog.get_by_role("radio").first.check()
    dialog.get_by_role("button", name="OK").click()
    expect(page.locator("#badge-choice")).to_contain_text("Cloud")

    page.get_by_role("tab", name="Conditions").click()
    start_from(page, "Complete 3 courses with a tag within 30 days")
    page.get_by_role("button", name="Choose Course Tags").click()
    dialog = page.get_by_role("dialog", name="Choose Course Tags")
    dialog.get_by_label("Cloud", exact=True).check()
    dialog.get_by_role("button", name="OK").click()
    expect(page.locator("#sentence")).to_contain_text(
        "Complete 3 different courses tagged “Cloud” within 30 days", timeout=PATIENCE
    )
    expect(page.locator(TEXT)).to_have_value(
        re.compile(r'^\[\{"Subject": 20, "Count": 3, .*"WithinDays": 30')
    )
    assert_accessible_in_both(page)
    picture(page, "conditions")

    # What is typed as text changes the rows, and a mistake is told at its place and loses nothing.
    page.locator(TEXT).fill("[{Subject:0, Cont:1,\nComplete:True}]")
    expect(page.locator("#remarks")).to_contain_text("Line 1, column 14", timeout=PATIENCE)
    assert_accessible_in_both(page)
    page.get_by_role("button", name="Line 1, column 14").click()
    assert page.evaluate("getSelection().toString()") == "Cont"
    page.keyboard.type("Count")
    expect(page.get_by_label("What counts")).to_have_value("0", timeout=PATIENCE)
    expect(page.locator("#sentence")).to_contain_text("Complete a lab")
    page.get_by_label("How many").fill("2")
    expect(page.locator(TEXT)).to_have_value(
        '[{"Subject": 0, "Count": 2, "Complete": true}]', timeout=PATIENCE
    )

    page.get_by_role("button", name="Preview", exact=True).click()
    expect(page.locator("#preview .earned")).to_have_text(re.compile(r"[1-9]"), timeout=PATIENCE)
    assert_accessible_in_both(page)

    # Switching tabs loses nothing; saving first shows who gets it.
    page.get_by_role("tab", name="Basic Information").click()
    expect(page.get_by_label("Name", exact=True)).to_have_value(name)
    save(page)
    dialog = page.get_by_role("dialog", name="Before it is saved")
    expect(dialog).to_be_visible(timeout=PATIENCE)
    assert_accessible_in_both(page)
    picture(page, "activation")
    dialog.get_by_label("Silent").check()
    dialog.get_by_role("button", name=re.compile("^Save and award")).click()
    dialog = page.get_by_role("dialog", name=f"{name} is live")
    expect(dialog.locator(".backfill")).to_contain_text("Done", timeout=3 * PATIENCE)
    expect(dialog.locator(".backfill")).to_contain_text(re.compile(r"[1-9]\d* awards"))
    assert_accessible_in_both(page)
    dialog.get_by_role("link", name="Go to its profile").click()

    expect(page.get_by_role("heading", name=name)).to_be_visible()
    expect(page.get_by_text("Complete 2 labs")).to_be_visible()
    assert_accessible_in_both(page)
    # Taken back again, for the other tests know their learners.
    page.get_by_text("Undo…").click()
    page.get_by_label("Reason").fill("Only tried.")
    page.get_by_label("Also revoke what has been sent").check()
    page.get_by_role("button", name="Undo", exact=True).click()
    expect(page.locator(".backfill")).to_contain_text("Undone: Only tried.", timeout=PATIENCE)
    page.get_by_role("link", name="Edit", exact=True).click()
    page.get_by_label("Enabled").uncheck()
    save(page)
    expect(page.get_by_text("Not enabled")).to_be_visible(timeout=PATIENCE)


def test_a_rule_is_made_with_the_keyboard_alone_on_a_phone(open_page: Callable[..., Page]) -> None:
    page = open_page("administrator", width=390)
    page.goto(CREATE)

    def to(name: str) -> None:
        """Tab on until the focus is on what is called so."""
        for _key in range(120):
            page.keyboard.press("Tab")
            if (
                page.evaluate(
                    "(document.activeElement.labels?.[0] || document.activeElement).innerText.trim()"
                )
                == name
            ):
                return
        raise AssertionError(f"No way to {name} by keyboard.")

    to("Name")
    page.keyboard.type("Night Owl")
    page.get_by_role("tab", name="Basic Information").focus()
    page.keyboard.press("ArrowRight")
    to("Start from an idea")
    page.keyboard.press("Enter")
    to("Keep a learning streak of 7 days")
    page.keyboard.press("Enter")
    expect(page.get_by_label("What counts")).to_be_focused(timeout=PATIENCE)
    to("How many days")
    page.keyboard.press("ControlOrMeta+A")
    page.keyboard.type("365")
    expect(page.locator("#sentence")).to_contain_text("Be active on 365 days in a row", timeout=PATIENCE)
    to("Add condition")
    page.keyboard.press("Enter")
    expect(page.get_by_label("What counts").nth(1)).to_be_focused(timeout=PATIENCE)
    to("Remove")
    page.keyboard.press("Enter")
    expect(page.get_by_label("What counts")).to_have_count(1, timeout=PATIENCE)
    expect(page.get_by_label("What counts")).to_be_focused(timeout=PATIENCE)
    assert page.evaluate("document.documentElement.scrollWidth <= document.documentElement.clientWidth")
    to("Save")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Night Owl")).to_be_visible(timeout=PATIENCE)
    expect(page.get_by_text("Be active on 365 days in a row")).to_be_visible()
