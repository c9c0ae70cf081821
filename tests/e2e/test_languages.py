"""Learners read their pages in German and from right to left, on a phone, too.

Hebrew is made of the letters of English (tests.catalogues); the product takes it from a folder of ours.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, Locator, Page, expect

from tests.catalogues import GERMAN, hebrew, read, retold, write
from tests.e2e.conftest import Product, assert_accessible, free_port

PHONE = 390


@dataclass
class Polyglot(Product):
    locale: Path = Path()

    @property
    def environment(self) -> dict[str, str]:
        return {**super().environment, "LANGUAGES": "en,de,he", "LOCALE_DIR": str(self.locale)}


@pytest.fixture(scope="module")
def polyglot(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Product]:
    locale = tmp_path_factory.mktemp("locale")
    write(locale / "he" / "LC_MESSAGES" / "django.mo", retold(read(GERMAN.with_suffix(".mo")), hebrew))
    product = Polyglot(port=free_port(), data=tmp_path_factory.mktemp("polyglot"), locale=locale)
    try:
        product.start()
        yield product
    finally:
        if product.process and product.process.poll() is None:
            product.stop()


@pytest.fixture
def open_sign_in(polyglot: Product, browser: Browser) -> Iterator[Callable[..., Page]]:
    contexts: list[BrowserContext] = []

    def open_sign_in(*, locale: str = "en-US", width: int = PHONE) -> Page:
        context = browser.new_context(
            base_url=polyglot.url, locale=locale, viewport={"width": width, "height": 900}
        )
        contexts.append(context)
        page = context.new_page()
        page.goto("/sign-in/")
        return page

    yield open_sign_in
    for context in contexts:
        context.close()


def choose(page: Page, language: str) -> None:
    button = page.get_by_role("button", name=language, exact=True)
    button.click()
    expect(button).to_have_attribute("aria-pressed", "true")


def sign_in(page: Page, who: str = "learner") -> None:
    page.locator("input[name=username]:not([type=hidden])").fill(f"{who}@demo.example")
    page.locator("input[name=password]:not([type=hidden])").fill("demo")
    page.locator("form:has(input[type=password]) button[type=submit]").click()
    expect(page.locator(".user-name")).to_be_attached()


def assert_fits(page: Page) -> None:
    """Nothing is wider than the screen; tables scroll in a region of their own."""
    widths = page.evaluate(
        "() => [document.documentElement.scrollWidth, document.documentElement.clientWidth]"
    )
    assert widths[0] <= widths[1], page.url


def own_pages(page: Page) -> list[str]:
    """What a learner's pages lead to: of pages that differ only by what they are about, one."""
    found: dict[str, str] = {}
    ahead = ["/"]
    while ahead:
        page.goto(ahead.pop())
        paths = page.locator("a[href^='/']").evaluate_all("(links) => links.map((link) => link.pathname)")
        for path in paths:
            kind = re.sub(r"[0-9a-f]{8}-[0-9a-f-]{27}|\d+", "N", path)
            if kind not in found and "." not in path:
                found[kind] = path
                ahead.append(path)
    return sorted(found.values())


def test_a_language_is_chosen_before_signing_in_and_stays(open_sign_in: Callable[..., Page]) -> None:
    page = open_sign_in(width=1280)
    choose(page, "Deutsch")
    expect(page.get_by_role("button", name="Anmelden", exact=True)).to_be_visible()
    assert_accessible(page)

    sign_in(page)
    expect(page.locator("html")).to_have_attribute("lang", "de")
    expect(page.get_by_role("link", name="Übersicht", exact=True)).to_be_visible()
    expect(page.get_by_role("button", name="Deutsch", exact=True)).to_have_attribute("aria-pressed", "true")

    # In another browser it is there again once chosen while signed in, whatever that one asks for.
    choose(page, "Deutsch")
    other = open_sign_in(width=1280)
    expect(other.get_by_role("button", name="Sign in", exact=True)).to_be_visible()
    sign_in(other)
    expect(other.locator("html")).to_have_attribute("lang", "de")
    choose(other, "English")
    expect(other.get_by_role("link", name="Dashboard", exact=True)).to_be_visible()


@pytest.mark.parametrize(
    ("language", "code", "direction"), [("Deutsch", "de", "ltr"), ("עברית", "he", "rtl")]
)
def test_a_learner_reads_every_page_on_a_phone(
    open_sign_in: Callable[..., Page], language: str, code: str, direction: str
) -> None:
    page = open_sign_in()
    choose(page, language)
    assert_fits(page)
    assert_accessible(page)
    sign_in(page)
    choose(page, language)  # the account remembers what it chose last
    found = own_pages(page)
    assert "/achievements/" in found
    assert len(found) > 4
    for path in found:
        page.goto(path)
        expect(page.locator("html")).to_have_attribute("lang", code)
        expect(page.locator("html")).to_have_attribute("dir", direction)
        assert_fits(page)
        assert_accessible(page)


def test_an_instructor_has_badges_and_trophies_of_a_roster_in_sight_on_a_tablet(
    open_sign_in: Callable[..., Page],
) -> None:
    page = open_sign_in(width=820)
    sign_in(page, "instructor")
    choose(page, "Deutsch")
    page.goto("/classes/")
    page.locator("main tbody a").first.click()
    page.goto(
        f"{page.url}?columns_chosen=1&column=email&column=organization&column=enrollment"
        "&column=completion&column=badges"
    )
    assert_fits(page)
    assert_accessible(page)
    trophy, badge = page.locator(".trophy-button").first, page.locator(".held li").first
    expect(trophy).to_be_visible()
    assert trophy.evaluate("each => each.getBoundingClientRect().right <= innerWidth")
    expect(badge).to_be_visible()
    # In words, not in letters below one another.
    assert badge.evaluate("each => each.offsetWidth > each.offsetHeight")


def test_the_bar_of_an_administrator_is_one_line(open_sign_in: Callable[..., Page]) -> None:
    page = open_sign_in(width=1280)
    sign_in(page, "administrator")
    choose(page, "Deutsch")
    entries = page.locator("#navigation > *:visible")
    tops = [entry["y"] for entry in map(Locator.bounding_box, entries.all()) if entry]
    assert len(tops) > 3
    assert max(tops) - min(tops) < 10


def test_the_page_is_mirrored_where_one_reads_from_right_to_left(open_sign_in: Callable[..., Page]) -> None:
    page = open_sign_in(width=1280)
    sign_in(page)
    choose(page, "עברית")
    expect(page.locator("html")).to_have_attribute("dir", "rtl")

    mark, menu = page.locator(".mark").bounding_box(), page.locator("details.menu").bounding_box()
    assert mark and menu
    assert mark["x"] > menu["x"]
    heading = page.get_by_role("heading", level=1)
    expect(heading).to_be_visible()
    assert not re.search(r"[A-Za-z]{3,}", page.locator("#navigation").inner_text())
