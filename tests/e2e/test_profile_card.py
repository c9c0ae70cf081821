"""Members' profiles and the Achievements card, by the statements of the manual of a community academy."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from random import Random
from typing import Any

import pytest
from playwright.sync_api import Locator, Page, expect

from config.demo.membership import draw
from tests.e2e.conftest import assert_accessible

OpenPage = Callable[..., Page]
Takes = Callable[[Page, str], None]
PATIENCE = 30_000


def both_themes(page: Page) -> None:
    page.emulate_media(color_scheme="dark", reduced_motion="reduce")
    assert_accessible(page)
    page.emulate_media(color_scheme="light")
    assert_accessible(page)


def assert_fits(page: Page) -> None:
    assert page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth") <= 0


def to_customization(page: Page, name: str) -> None:
    """Settings → Customization → `name`, by what is on the pages."""
    page.goto("/")
    page.get_by_text("Admin", exact=True).click()
    page.get_by_role("link", name="Settings", exact=True).click()
    page.locator("main").get_by_role("link", name="Customization", exact=True).click()
    page.locator("main").get_by_role("link", name=name, exact=True).click()
    expect(page.get_by_role("heading", level=1)).to_have_text(name)


def open_options(page: Page, card: str = "Achievements") -> Locator:
    """Locate the card, click its settings/edit icon."""
    page.get_by_role("link", name=f"Edit {card}").click()
    dialog = page.get_by_role("dialog", name=card)
    expect(dialog).to_be_visible()
    return dialog


def arrange(
    page: Page, *, position: str | None = None, shown: int | None = None, enabled: bool | None = None
) -> None:
    dialog = open_options(page)
    if position:
        dialog.get_by_role("radio", name=re.compile(f"^{position}")).check()
    if shown:
        dialog.get_by_label("Badges to show").fill(str(shown))
    if enabled is not None:
        dialog.get_by_label("Enabled", exact=True).set_checked(enabled)
    dialog.get_by_role("button", name="Save").click()
    expect(dialog).to_be_hidden()
    expect(page.get_by_text("your changes were saved")).to_be_visible()


def own_profile(page: Page) -> None:
    page.goto("/")
    page.locator("details.menu summary", has_text="Marchetti").click()
    page.get_by_role("link", name="Profile", exact=True).click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Zoë Marchetti")


def box(where: Locator) -> dict[str, float]:
    found = where.bounding_box()
    assert found
    return {**found, "right": found["x"] + found["width"], "bottom": found["y"] + found["height"]}


@pytest.fixture
def administrator(open_page: OpenPage) -> Iterator[Page]:
    """The layout is put back as it was offered."""
    page = open_page("administrator")
    yield page
    to_customization(page, "Profile Layout")
    arrange(page, position="Side", shown=6, enabled=True)


def card_of(page: Page) -> Locator:
    return page.get_by_role("region", name="Achievements")


# How to enable achievements


def test_achievements_are_enabled_under_settings_customization_gamification(
    open_page: OpenPage, picture: Takes
) -> None:
    page = open_page("administrator")
    to_customization(page, "Gamification")
    enable = page.get_by_label("Enable Achievements")
    expect(enable).to_be_checked()
    both_themes(page)
    picture(page, "gamification")

    enable.uncheck()
    expect(page.get_by_label("Participate in Global Achievements")).to_be_hidden()
    page.get_by_role("button", name="Save").click()
    expect(page.locator(".messages")).to_contain_text("was saved")
    learner = open_page("learner")
    own_profile(learner)
    expect(card_of(learner)).to_have_count(0)  # nobody earns, and no profile shows it

    # Said before it is saved: whom it concerns.
    expect(page.locator(".consequence").first).to_contain_text(
        re.compile(r"Enabling makes \d+ users participate")
    )
    enable.check()
    page.get_by_role("button", name="Save").click()
    expect(enable).to_be_checked()
    expect(page.locator(".consequence").first).to_contain_text("users participate")
    learner.reload()
    expect(card_of(learner)).to_be_visible()


# Where achievements appear, and what they can reward


def test_a_completed_profile_is_earned_and_shown_inside_the_organization(
    open_page: OpenPage, picture: Takes
) -> None:
    page = open_page("learner")
    own_profile(page)
    both_themes(page)
    page.get_by_role("link", name="Edit profile").click()
    both_themes(page)
    picture(page, "edit-profile")
    assert_is_one_picture_away(page)

    portrait = draw(("#8fd3e0", "#3a2417", "#7a3b69"), rng=Random(2))
    bio = page.get_by_label("Bio")
    bio.fill("Typed before the picture was chosen, and kept.")
    page.get_by_label("Choose a picture").set_input_files(
        {"name": "me.webp", "mimeType": "image/webp", "buffer": portrait}
    )
    expect(page.get_by_text("Your picture was saved.")).to_be_visible()
    expect(bio).to_have_value("Typed before the picture was chosen, and kept.")
    shown = page.locator(".own-picture img.face")
    expect(shown).to_be_visible()
    assert shown.evaluate("each => each.decode().then(() => each.naturalWidth)") == 512
    both_themes(page)

    # What is wrong is told beside its field, and what was typed is still there.
    page.get_by_label("Link 3").fill("http://zoe.example")
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.get_by_text("The address has to start with https://")).to_be_visible()
    expect(page.get_by_label("Link 3")).to_have_value("http://zoe.example")
    both_themes(page)
    page.get_by_label("Link 3").fill("https://zoe.example")
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.get_by_text("Your profile was saved.")).to_be_visible()

    # Within seconds the profile card has what was earned.
    medals = card_of(page).locator(".medals li")
    for _ in range(40):
        if medals.filter(has_text="Nice to Meet You").count():
            break
        page.wait_for_timeout(500)
        page.reload()
    expect(medals.filter(has_text="Nice to Meet You")).to_be_visible()
    page.wait_for_load_state()
    picture(page, "member-profile")

    # Display accomplishments publicly inside the organization.
    address = page.url
    member = open_page("instructor")
    member.goto(address)
    expect(card_of(member)).to_contain_text("Nice to Meet You")
    expect(member.get_by_role("region", name="About")).to_contain_text("Typed before the picture was chosen")
    both_themes(member)
    assert open_page("contract").request.get(address).status == 404

    page.goto("/profile/")
    page.get_by_role("button", name="Remove picture").click()
    expect(page.get_by_text("Your picture was removed.")).to_be_visible()
    expect(page.get_by_label("Choose a picture")).to_be_focused()
    page.get_by_label("Show my profile to the other members of my organization").uncheck()
    page.get_by_role("button", name="Save", exact=True).click()
    expect(medals.filter(has_text="Nice to Meet You")).to_be_visible()  # what was earned stays
    expect(page.get_by_text("Only you and your administrators can see this profile.")).to_be_visible()
    assert member.request.get(address).status == 404
    page.goto("/profile/")
    page.get_by_label("Show my profile to the other members of my organization").check()
    page.get_by_role("button", name="Save", exact=True).click()


def assert_is_one_picture_away(page: Page) -> None:
    steps = page.locator(".steps li.done")
    expect(steps).to_have_count(2)


# Configuring the Achievements card


def test_the_card_stands_where_the_organization_wants_it(
    administrator: Page, open_page: OpenPage, picture: Takes
) -> None:
    learner = open_page("learner")
    own_profile(learner)
    to_customization(administrator, "Profile Layout")
    both_themes(administrator)
    picture(administrator, "profile-layout")
    open_options(administrator)
    both_themes(administrator)
    picture(administrator, "achievements-card")
    administrator.keyboard.press("Escape")

    arrange(administrator, position="Side")
    learner.reload()
    card, about = box(card_of(learner)), box(learner.get_by_role("region", name="About"))
    header = box(learner.locator(".member-header"))
    assert header["bottom"] <= card["y"]
    assert card["right"] <= about["x"], "the left sidebar, beside the center"
    assert card["width"] < about["width"]
    both_themes(learner)

    arrange(administrator, position="Main")
    learner.reload()
    card, about = box(card_of(learner)), box(learner.get_by_role("region", name="About"))
    assert box(learner.locator(".member-header"))["bottom"] <= card["y"]
    assert card["x"] == about["x"] and card["width"] == about["width"], "the center content area"
    both_themes(learner)

    arrange(administrator, position="Header")
    learner.reload()
    header, card = box(learner.locator(".member-header")), box(card_of(learner))
    assert header["y"] <= card["y"] and card["bottom"] <= header["bottom"], "the top profile section"
    assert card["bottom"] <= box(learner.get_by_role("region", name="About"))["y"]
    both_themes(learner)


def test_the_card_is_switched_off_and_nothing_is_lost(administrator: Page, open_page: OpenPage) -> None:
    learner = open_page("learner")
    own_profile(learner)
    before = card_of(learner).inner_text()
    to_customization(administrator, "Profile Layout")

    arrange(administrator, position="Main", enabled=False)
    learner.reload()
    expect(card_of(learner)).to_have_count(0)
    # Achievements remain in the system.
    learner.goto("/achievements/")
    expect(learner.locator("main")).to_contain_text("First Launch")
    # And so do the options.
    dialog = open_options(administrator)
    expect(dialog.get_by_role("radio", name=re.compile("^Main"))).to_be_checked()
    administrator.keyboard.press("Escape")

    arrange(administrator, enabled=True)
    own_profile(learner)
    assert card_of(learner).inner_text() == before


@pytest.mark.parametrize("shown", [3, 6, 10])
def test_so_many_badges_are_shown(administrator: Page, open_page: OpenPage, shown: int) -> None:
    to_customization(administrator, "Profile Layout")
    arrange(administrator, shown=shown)
    learner = open_page("learner")
    own_profile(learner)

    expect(card_of(learner).locator(".medals li")).to_have_count(shown)
    if shown < 10:  # as many as she certainly has
        expect(card_of(learner)).to_contain_text(re.compile(r"\+\d+ more"))


def test_a_number_that_cannot_be_is_refused_in_the_dialog(open_page: OpenPage) -> None:
    page = open_page("administrator")
    to_customization(page, "Profile Layout")
    dialog = open_options(page)
    dialog.get_by_label("Badges to show").fill("51")
    dialog.get_by_role("button", name="Save").click()
    expect(dialog).to_contain_text("less than or equal to 50")
    expect(dialog.get_by_label("Badges to show")).to_have_value("51")
    both_themes(page)


# By keyboard, and on a phone


def tab_to(page: Page, where: Locator) -> None:
    for _key in range(60):
        page.keyboard.press("Tab")
        if where.evaluate("each => each === document.activeElement"):
            return
    raise AssertionError(f"No way to {where} by keyboard.")


def test_the_options_are_opened_changed_and_saved_by_keyboard(open_page: OpenPage) -> None:
    page = open_page("administrator")
    to_customization(page, "Profile Layout")
    opener = page.get_by_role("link", name="Edit Achievements")
    tab_to(page, opener)
    page.keyboard.press("Enter")
    dialog = page.get_by_role("dialog", name="Achievements")
    expect(dialog).to_be_visible()
    tab_to(page, dialog.get_by_role("radio", name=re.compile("^Side")))
    page.keyboard.press("ArrowDown")
    expect(dialog.get_by_role("radio", name=re.compile("^Main"))).to_be_checked()
    page.keyboard.press("ArrowUp")
    tab_to(page, dialog.get_by_role("button", name="Save"))
    page.keyboard.press("Enter")
    expect(dialog).to_be_hidden()
    expect(opener).to_be_focused()
    page.keyboard.press("Enter")
    expect(dialog).to_be_visible()
    page.keyboard.press("Escape")
    expect(opener).to_be_focused()


def test_the_card_is_one_target_for_the_mouse_and_for_the_keyboard(open_page: OpenPage) -> None:
    page = open_page("learner")
    own_profile(page)
    target = card_of(page).get_by_role("link", name="Achievements")
    tab_to(page, target)
    assert_opens(page, lambda: page.keyboard.press("Enter"))
    inside = box(card_of(page))
    assert_opens(page, lambda: page.mouse.click(inside["x"] + 20, inside["bottom"] - 20))


def assert_opens(page: Page, act: Callable[[], Any]) -> None:
    """The full achievements in their dialog, from which one comes back to the card."""
    act()
    dialog = page.get_by_role("dialog", name="All achievements")
    expect(dialog).to_be_visible()
    for category in ("Profile", "Courses", "Community", "Engagement"):
        expect(dialog).to_contain_text(category)
    both_themes(page)
    page.keyboard.press("Escape")
    expect(dialog).to_be_hidden()
    expect(page.locator("#open-achievements")).to_be_focused()


@pytest.mark.parametrize("color_scheme", ["light", "dark"])
def test_everything_fits_a_phone(open_page: OpenPage, color_scheme: str) -> None:
    learner = open_page("learner", width=390, color_scheme=color_scheme)
    learner.goto("/profile/")
    assert_fits(learner)
    assert_accessible(learner)
    learner.get_by_role("link", name="Profile", exact=True).last.click()
    expect(card_of(learner)).to_be_visible()
    assert_fits(learner)
    assert_accessible(learner)

    page = open_page("administrator", width=390, color_scheme=color_scheme)
    page.goto("/settings/")
    settings = page.url
    for path in ("", "customization/", "gamification/", "profile-layout/"):
        page.goto(settings + path)
        assert_fits(page)
        assert_accessible(page)
    open_options(page)
    assert_accessible(page)
