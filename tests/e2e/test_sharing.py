"""A learner publishes a badge, takes it along, and the world sees it without signing in; then she hides it."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from tests.e2e.conftest import Product, assert_accessible

OWN = "/achievements/"


def assert_accessible_in_both(page: Page) -> None:
    page.emulate_media(color_scheme="dark", reduced_motion="reduce")
    assert_accessible(page)
    page.emulate_media(color_scheme="light")
    assert_accessible(page)


def held(page: Page) -> Locator:
    """The cards of badges that she can share, as they stand there."""
    return page.locator("li.badge").filter(has=page.get_by_role("link", name=re.compile("^Share")))


def name_of(card: Locator) -> str:
    return card.get_by_role("heading").inner_text()


def card_of(page: Page, name: str) -> Locator:
    return page.locator("li.badge").filter(has=page.get_by_role("heading", name=name, exact=True))


def test_a_badge_is_published_shown_to_strangers_and_private_again(
    open_page: Callable[..., Page],
    product: Product,
    picture: Callable[[Page, str], None],
) -> None:
    page = open_page("learner")
    page.goto(OWN)
    name = name_of(held(page).first)
    card_of(page, name).get_by_role("link", name=re.compile("^Share")).click()
    expect(page.get_by_role("heading", name="What becomes public")).to_be_visible()
    expect(page.get_by_role("link", name="Add to LinkedIn profile")).to_have_count(0)
    assert_accessible_in_both(page)

    # By keyboard, without the page being loaded anew; the focus goes on at what the badge has become.
    page.evaluate("window.isTheSame = true")
    page.get_by_role("button", name="Publish this badge").press("Enter")
    expect(page.get_by_role("heading", name="It is public")).to_be_focused()
    assert page.evaluate("window.isTheSame")
    address = page.get_by_label("Its address").input_value()
    assert re.fullmatch(rf"{product.url}/shared-badges/[0-9a-f-]{{36}}/", address)
    preview = page.get_by_role("img", name=re.compile(f"^Badge “{re.escape(name)}”")).first
    page.wait_for_function("(image) => image.naturalWidth === 1200", arg=preview.element_handle())
    picture(page, "share-a-badge")
    page.context.grant_permissions(["clipboard-read", "clipboard-write"], origin=product.url)
    page.locator("#copy-address").click()
    expect(page.locator("#copy-address")).to_have_text("Copied")
    assert page.evaluate("navigator.clipboard.readText()") == address
    page.locator("#copy-website").click()
    expect(page.locator("#copy-website")).to_have_text("Copied")
    assert page.evaluate("navigator.clipboard.readText()").startswith(f'<a href="{address}"><img ')
    page.locator("#copy-signature").click()
    expect(page.locator("#copy-signature")).to_have_text("Copied")
    forms = page.evaluate("navigator.clipboard.read().then((items) => items[0].types)")
    assert set(forms) == {"text/html", "text/plain"}
    assert_accessible_in_both(page)

    linkedin = page.get_by_role("link", name="Add to LinkedIn profile")
    expect(linkedin).to_have_attribute("rel", "noopener noreferrer")
    expect(linkedin).to_have_attribute("href", re.compile(r"startTask=CERTIFICATION_NAME&.*certUrl=http"))

    # Search engines are let in and out by a tick.
    page.get_by_label("Let search engines find it").check()
    said = page.locator("#sharing .messages")
    expect(said).to_contain_text("Search engines may list it.")
    expect(page.locator("#told")).to_have_text("Search engines may list it.")
    expect(page.get_by_label("Let search engines find it")).to_be_focused()
    expect(page.get_by_label("Let search engines find it")).to_be_checked()
    page.get_by_label("Let search engines find it").uncheck()
    expect(said).to_contain_text("Search engines are asked to leave it out.")

    # Somebody who never was here.
    stranger = open_page()
    stranger.goto(address)
    expect(stranger.get_by_role("heading", level=1, name=name)).to_be_visible()
    expect(stranger.get_by_text("Zoë Marchetti").first).to_be_visible()
    expect(stranger.get_by_role("heading", name=re.compile("^(Valid|Expired)$"))).to_be_visible()
    assert stranger.context.cookies() == []
    assert "demo.example" not in stranger.content()
    assert_accessible_in_both(stranger)
    picture(stranger, "shared-badge")
    for image in ("card.png", "badge.png"):
        answer = stranger.request.get(f"{address}{image}")
        assert (answer.status, answer.headers["content-type"]) == (200, "image/png")
        assert "set-cookie" not in answer.headers
    phone = open_page(width=390, color_scheme="dark")
    phone.goto(address)
    assert phone.evaluate("document.documentElement.scrollWidth") == 390
    assert_accessible(phone)

    # From there only she gets to where it is decided.
    page.goto(address)
    page.get_by_role("link", name="Is this your badge? Decide what is public.").click()
    page.get_by_role("button", name="Stop publishing").click()
    expect(page.get_by_role("heading", name="Only you decide who sees it")).to_be_focused()
    assert stranger.request.get(address).status == 404
    assert stranger.request.get(f"{address}card.png").status == 404


def test_badges_are_featured_and_hidden_by_keyboard_and_the_focus_stays(
    open_page: Callable[..., Page],
) -> None:
    page = open_page("learner")
    page.goto(OWN)
    name = name_of(held(page).last)
    card = card_of(page, name)
    card.get_by_role("button", name=f"Feature {name}").press("Enter")
    unfeature = card.get_by_role("button", name=f"Stop featuring {name}")
    expect(unfeature).to_be_focused()
    expect(card.get_by_text("Featured: it comes first.")).to_be_visible()
    page.reload()
    assert name_of(page.locator("li.badge").first) == name
    assert_accessible_in_both(page)

    card.get_by_role("button", name=f"Hide {name}").press("Enter")
    show = card.get_by_role("button", name=re.compile("^Show again"))
    expect(show).to_be_focused()
    expect(card.get_by_text("Hidden: only you see it here.")).to_be_visible()
    expect(card.get_by_role("link", name=re.compile("^Share"))).to_have_count(0)
    assert_accessible_in_both(page)
    page.goto("/")
    expect(page.locator("li.badge").first).to_be_visible()
    expect(card_of(page, name)).to_have_count(0)

    page.goto(OWN)
    show.press("Enter")
    expect(card.get_by_role("button", name=f"Hide {name}")).to_be_focused()


@pytest.mark.parametrize("width", [390, 1280])
def test_the_page_works_without_script_and_on_a_phone(product: Product, browser: Browser, width: int) -> None:
    context = browser.new_context(
        base_url=product.url, java_script_enabled=False, viewport={"width": width, "height": 900}
    )
    page = context.new_page()
    page.goto("/sign-in/")
    page.get_by_label("E-mail").fill("learner@demo.example")
    page.get_by_label("Password").fill("demo")
    page.get_by_role("button", name=re.compile("^Sign in$")).click()
    page.goto(OWN)
    card = held(page).nth(1)
    name = name_of(card)
    card.get_by_role("button", name=f"Feature {name}").click()
    expect(page.get_by_text("Featured: it comes first.")).to_be_visible()
    card_of(page, name).get_by_role("button", name=f"Stop featuring {name}").click()
    card_of(page, name).get_by_role("link", name=re.compile("^Share")).click()
    page.get_by_role("button", name="Publish this badge").click()
    expect(page.get_by_role("heading", name="It is public")).to_be_visible()
    expect(page.get_by_role("button", name="Copy")).to_have_count(0)  # nothing that would do nothing
    page.get_by_label("Let search engines find it").check()
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_text("Search engines may list it.")).to_be_visible()
    page.get_by_role("button", name="Stop publishing").click()
    expect(page.get_by_role("heading", name="Only you decide who sees it")).to_be_visible()
    context.close()
