"""An administrator issues from a list: checks it, corrects its columns, confirms, watches, takes it back."""

from __future__ import annotations

import csv
import json
import re
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.e2e.conftest import Product, assert_accessible

SECONDS = 1000

START = "/issued-badges/from-list/"
BADGE = "Lab Tester"


@pytest.fixture
def learners(product: Product) -> list[str]:
    """Addresses of those who can be issued to, and of whom no other test knows anything."""
    told = product.manage("create_token", "administrator@demo.example", "--json")
    token = json.loads(told.stdout)["token"]
    address = f"{product.url}/api/v1/users/?page_size=100&organization=1&page=2"
    request = urllib.request.Request(address, headers={"Authorization": f"Token {token}"})
    with urllib.request.urlopen(request) as answer:
        users: list[dict[str, Any]] = json.load(answer)["results"]
    return [user["email"] for user in users if user["email"].endswith("@example.com")]


def check(page: Page, text: str) -> None:
    page.goto(START)
    page.get_by_label("Paste rows").fill(text)
    page.get_by_role("button", name="Check the list").click()
    expect(page.get_by_role("heading", name="Check the list")).to_be_visible()


def number(page: Page, name: str) -> int:
    return int(entry(page, name).locator("dd").inner_text())


def entry(page: Page, name: str) -> Locator:
    """One of the numbers of the summary."""
    return page.locator(".numbers > div").filter(has=page.get_by_text(name, exact=True))


def assert_fits(page: Page) -> None:
    assert page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth") <= 0


def test_a_list_is_checked_corrected_issued_watched_and_taken_back(
    open_page: Callable[..., Page], picture: Callable[[Page, str], None], learners: list[str], tmp_path: Path
) -> None:
    people = learners[:6]
    rows = [f"{person},{BADGE},2026-11-0{place}" for place, person in enumerate(people, start=1)]
    rows[2:2] = [f"nobody@example.org,{BADGE},", f"{people[0]},{BADGE},", f"{people[5]},Lab Testr,"]
    rows.append("=1+1,Lab Tester,")
    file = tmp_path / "winners.csv"
    file.write_text("\n".join(["Who won,What,Date", *rows]), encoding="utf-8")

    page = open_page("administrator")
    page.locator(".admin-menu summary").click()
    page.get_by_role("navigation", name="Main").get_by_role("link", name="Issue from a list").click()
    page.get_by_label("or choose a file").set_input_files(file)
    page.get_by_label("Note").fill("Hackathon")
    assert_accessible(page)
    page.get_by_role("button", name="Check the list").click()

    # Addresses are taken for learners; the other names say nothing, so the person does.
    expect(page.get_by_role("alert")).to_contain_text("Say which column names the badges")
    columns = page.get_by_role("form", name="What the columns mean")
    expect(columns.get_by_label("Learner")).to_have_value("who won")
    columns.get_by_label("Badge").first.select_option("what")
    expect(columns.get_by_label("Date of issue").first).to_have_value("date")
    columns.get_by_role("button", name="Check again").click()
    expect(columns.get_by_label("Note").last).to_have_value("Hackathon")

    assert (number(page, "Rows"), number(page, "Can be issued"), number(page, "Cannot be used")) == (10, 6, 4)
    wrong = page.locator("tbody tr")
    expect(wrong).to_have_count(4)
    expect(wrong.nth(0)).to_contain_text("“nobody@example.org” is nobody you can issue to")
    expect(wrong.nth(1)).to_contain_text("Row 2 names the same learner and badge.")
    expect(wrong.nth(2)).to_contain_text("Did you mean “Lab Tester”?")
    assert_accessible(page)
    picture(page, "list-check")

    # Twice as fast as anybody can look: still one act.
    page.get_by_role("button", name="Issue 6 badges").dblclick()
    expect(page.get_by_role("heading", name="Done: 6 of 6 issued")).to_be_visible(timeout=60_000)
    expect(page.locator("#issued tbody tr")).to_have_count(6)
    expect(page.locator("#unused li")).to_have_count(4)
    address = page.url
    page.go_back()
    page.goto(address)
    assert number(page, "Issued") == 6
    assert_accessible(page)
    picture(page, "list-result")

    with page.expect_download() as started:
        page.get_by_role("link", name="Result file").click()
    assert started.value.suggested_filename == "winners-result.csv"
    with Path(started.value.path()).open(encoding="utf-8-sig", newline="") as result:
        table = list(csv.DictReader(result))
    assert [row["outcome"] for row in table].count("Issued") == 6
    assert table[-1]["Learner"] == "'=1+1"

    page.get_by_role("button", name="Undo…").click()
    dialog = page.get_by_role("dialog", name="Take all of this back?")
    expect(dialog).to_contain_text("6 badges that the provider has are revoked there.")
    expect(dialog.get_by_label("Reason")).to_be_focused()
    assert_accessible(page)
    dialog.get_by_label("Reason").fill("The wrong list")
    picture(page, "list-undo")
    dialog.get_by_role("button", name="Take back").click()
    expect(page.get_by_text("6 badges are being revoked.")).to_be_visible()
    expect(page.get_by_text(re.compile("Undone by Ottilie Brandvold on .*: The wrong list"))).to_be_visible()
    expect(entry(page, "Taken back").locator("dd")).to_have_text("6", timeout=90 * SECONDS)
    assert number(page, "Issued") == 0
    expect(page.get_by_role("button", name="Undo…")).to_have_count(0)


def test_issuing_waits_until_what_was_changed_is_checked(
    open_page: Callable[..., Page], learners: list[str]
) -> None:
    page = open_page("administrator")
    check(page, f"email,badge\n{learners[6]},{BADGE}\n")
    issue = page.get_by_role("button", name="Issue 1 badge")
    note = page.get_by_role("form", name="What the columns mean").get_by_label("Note").last
    hint = page.get_by_text("check again first")
    expect(issue).to_be_enabled()

    note.fill("Hackathon")
    expect(issue).to_be_disabled()
    expect(hint).to_be_visible()
    assert_accessible(page)
    note.fill("")
    expect(issue).to_be_enabled()
    expect(hint).to_be_hidden()

    note.fill("Hackathon")
    note.press("Enter")
    expect(note).to_have_value("Hackathon")
    expect(issue).to_be_enabled()


def test_what_was_typed_is_not_lost_where_it_is_refused(open_page: Callable[..., Page]) -> None:
    page = open_page("administrator")
    page.goto(START)
    page.get_by_label("Paste rows").fill("email,email\nada@x.org,bob@x.org")
    page.get_by_label("Note").fill("Hackathon")
    page.get_by_role("button", name="Check the list").click()

    expect(page.get_by_text("The header names a column twice: email.")).to_be_visible()
    assert page.get_by_label("Paste rows").input_value() == "email,email\nada@x.org,bob@x.org"
    assert page.get_by_label("Note").input_value() == "Hackathon"
    assert_accessible(page)


@pytest.mark.parametrize("color_scheme", ["light", "dark"])
def test_a_list_is_issued_on_a_phone_with_the_keyboard_alone(
    open_page: Callable[..., Page], learners: list[str], color_scheme: str
) -> None:
    learner = learners[10 if color_scheme == "light" else 11]
    page = open_page("administrator", width=390, color_scheme=color_scheme)
    page.goto(START)
    assert_fits(page)
    page.get_by_label("Paste rows").focus()
    page.keyboard.insert_text(f"{learner}\nnobody@example.org\n")
    page.get_by_label("Badge", exact=True).focus()
    page.keyboard.type(BADGE)
    page.get_by_role("button", name="Check the list").focus()
    page.keyboard.press("Enter")

    expect(page.get_by_role("heading", name="Check the list")).to_be_visible()
    assert_fits(page)
    assert_accessible(page)
    page.get_by_role("button", name="Issue 1 badge").focus()
    page.keyboard.press("Enter")

    expect(page.get_by_role("heading", name="Done: 1 of 1 issued")).to_be_visible(timeout=60_000)
    assert_fits(page)
    assert_accessible(page)


def test_whoever_may_not_issue_finds_no_such_page(open_page: Callable[..., Page]) -> None:
    for who in ("learner", "instructor"):
        page = open_page(who)
        expect(page.locator(f"a[href='{START}']")).to_have_count(0)
        answer = page.request.get(START)
        assert answer.status == 404
