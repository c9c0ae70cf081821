"""Issuing many badges to a class, as the documents tell it, by each who may; and what each must not see.

Every test has a class of its own, so that nobody has a badge before.
"""

from __future__ import annotations

import json
import re
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from config.demo.generator import sandbox_templates
from tests.e2e.conftest import Product, assert_accessible
from tests.e2e.test_later import Api

SECONDS = 1000
SUCCESS = "The following badges were successfully issued:"
FAILURES = "The following badge issuances failed:"
WARNING = "Warning: Not all badges were successfully issued. See the Failed Badge list for details."
OWN, GUEST = ["Ann", "Ben", "Cleo"], ["Guest"]
TEMPLATES = {template["name"]: template["id"] for template in sandbox_templates()}
ROOMS = range(1, 11)


@dataclass
class Room:
    """A class of the academy, taught by both instructors: three students of its own and a guest are enrolled,
    and one has cancelled. `emails` are by first name."""

    product: Product
    pk: int
    name: str
    emails: dict[str, str]

    @property
    def path(self) -> str:
        return f"/classes/{self.pk}/issue-badges/"

    def received(self) -> set[tuple[str, str]]:
        """(first name, badge) of what the provider has."""
        with urllib.request.urlopen(f"{self.product.sandbox_url}/_sandbox/received") as answer:
            badges = json.load(answer)["badges"]
        people = {email: name for name, email in self.emails.items()}
        names = {template: name for name, template in TEMPLATES.items()}
        return {
            (people[badge["recipient_email"]], names[badge["badge_template_id"]])
            for badge in badges
            if badge["recipient_email"] in people
        }

    def order(self, **faults: Any) -> None:
        request = urllib.request.Request(
            f"{self.product.sandbox_url}/_sandbox/faults",
            method="POST",
            data=json.dumps(faults).encode(),
            headers={"Content-Type": "application/json"},
        )
        urllib.request.urlopen(request).close()


@pytest.fixture(scope="session")
def rooms(product: Product, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Room]:
    """As many as there are tests, brought in at once."""
    folder = tmp_path_factory.mktemp("rooms")
    users = ["external_id,email,first_name,last_name,organization"]
    classes = ["external_id,name,course,organization,starts_at,ends_at,instructors"]
    enrollments = ["external_id,user,class,status,enrolled_at"]
    people: dict[int, dict[str, str]] = {}
    for number in ROOMS:
        people[number] = {}
        teachers = "user-instructor;user-contract-instructor"
        classes.append(
            f"room-{number},Workshop {number},course-cloud-foundations,org-brackenfold,"
            f"2026-03-02T09:00:00Z,2026-03-03T17:00:00Z,{teachers}"
        )
        for first_name in [*OWN, *GUEST, "Gone"]:
            home = "org-saltmere" if first_name in GUEST else "org-brackenfold"
            status = "cancelled" if first_name == "Gone" else "enrolled"
            key, email = f"{first_name}-{number}", f"{first_name.lower()}.{number}@example.org"
            people[number][first_name] = email
            users.append(f"{key},{email},{first_name},Of{number},{home}")
            enrollments.append(f"{key},{key},room-{number},{status},2026-02-20T09:00:00Z")
    for name, lines in {"users": users, "classes": classes, "enrollments": enrollments}.items():
        (folder / f"{name}.csv").write_text("\n".join(lines), encoding="utf-8")
    imported = product.manage("import_training", str(folder))
    assert imported.returncode == 0, imported.stdout + imported.stderr
    api = Api(product)
    keys = {row["external_id"]: row["id"] for row in api("GET", "classes/?page_size=200")["results"]}
    return (Room(product, keys[f"room-{number}"], f"Workshop {number}", people[number]) for number in ROOMS)


@pytest.fixture
def room(rooms: Iterator[Room]) -> Iterator[Room]:
    room = next(rooms)
    yield room
    room.order()


def open_dialog(page: Page, button: str) -> Any:
    page.get_by_role("button", name=button, exact=True).click()
    dialog = page.get_by_role("dialog")
    expect(dialog).to_be_visible()
    return dialog


def choose(page: Page, button: str, names: list[str], confirm: str) -> None:
    dialog = open_dialog(page, button)
    for name in names:
        dialog.get_by_role("checkbox", name=re.compile(f"^{name}")).check()
    expect(dialog.get_by_text(f"Selected: {len(names)}")).to_be_visible()
    dialog.get_by_role("button", name=confirm, exact=True).click()
    expect(dialog).to_be_hidden()


def choose_both(page: Page, badges: list[str], students: list[str]) -> None:
    choose(page, "Add Badges", badges, "(Select a Badge)")
    choose(page, "Add Students", students, "OK")


def issue(page: Page) -> None:
    page.get_by_role("button", name="Issue Badges", exact=True).click()
    expect(page).to_have_url(re.compile(r"/issue-badges/\d+/"))


def issued(page: Page) -> set[tuple[str, str]]:
    """(first name, badge) of what the page says was issued."""
    rows = page.get_by_role("table", name=SUCCESS).locator("tbody tr")
    texts = rows.evaluate_all("rows => rows.map(row => [...row.cells].map(cell => cell.textContent.trim()))")
    return {(student.split()[0], re.split(r"\s{2,}", badge)[-1].strip()) for student, badge in texts}


# --- What the documents say ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("who", "students"),
    [("administrator", OWN + GUEST), ("instructor", OWN), ("contract", OWN + GUEST)],
)
def test_several_badges_are_issued_to_several_students_from_the_roster(
    room: Room,
    open_page: Callable[..., Page],
    picture: Callable[[Page, str], None],
    who: str,
    students: list[str],
) -> None:
    def keep(name: str) -> None:
        if who == "instructor":
            picture(page, f"issue-badges-{name}")

    page = open_page(who)
    # On the class' Roster page, click Issue Badges in the quick launch bar.
    page.goto(f"/classes/{room.pk}/roster/")
    page.get_by_role("navigation", name="Quick launch bar").get_by_role("link", name="Issue Badges").click()
    # On the Issue Badges page under Badges, click Add Badges.
    badges_section = page.get_by_role("region", name="Badges", exact=True)
    badges_section.get_by_role("button", name="Add Badges").click()
    # In the Choose Badges dialog, select the badges to be issued and click (Select a Badge). Only badges
    # belonging to the same organization as the class and have been marked to allow manual issuance are listed.
    dialog = page.get_by_role("dialog", name="Choose Badges")
    expect(dialog.get_by_text("5 Results Found")).to_be_visible()
    expect(dialog.locator(".locked-filters")).to_contain_text("Belongs to Brackenfold Academy")
    expect(dialog.locator(".locked-filters")).to_contain_text("Is Enabled for Manual Issuance")
    expect(dialog.get_by_role("row").nth(1)).to_contain_text("Cloud Foundations")  # the course's first
    expect(dialog).not_to_contain_text("First Launch")  # not by hand
    expect(dialog).not_to_contain_text("Workshop Attendance")  # of a child organization
    dialog.get_by_role("checkbox", name=re.compile("^Guest Speaker")).check()
    dialog.get_by_label("Search").fill("tested")
    expect(dialog.get_by_text("1 Result Found")).to_be_visible()
    dialog.get_by_role("row", name=re.compile("Lab Tester")).click()  # anywhere on it
    expect(dialog.get_by_text("Selected: 2")).to_be_visible()  # kept across searches
    dialog.get_by_role("button", name="(Select a Badge)").click()
    expect(dialog).to_be_hidden()
    expect(badges_section).to_contain_text("Guest Speaker")
    # Under Students, click Add Students.
    students_section = page.get_by_role("region", name="Students", exact=True)
    students_section.get_by_role("button", name="Add Students").click()
    # In the Choose Student(s) dialog, select the student(s) and click OK. An organization instructor finds only
    # enrolled students of the own organization; a contract instructor all students enrolled in the class.
    dialog = page.get_by_role("dialog", name="Choose Student(s)")
    expect(dialog.get_by_text(f"{len(students)} Results Found")).to_be_visible()
    for heading in ("Student", "Class Name"):
        expect(dialog.get_by_role("columnheader", name=heading)).to_be_visible()
    for name in [*OWN, *GUEST, "Gone"]:
        expect(dialog.get_by_role("checkbox", name=re.compile(f"^{name}"))).to_have_count(
            int(name in students)
        )
    dialog.get_by_role("button", name=f"Select all {len(students)}").click()
    expect(dialog.get_by_text(f"Selected: {len(students)}")).to_be_visible()
    dialog.get_by_role("checkbox", name=re.compile("^Cleo")).uncheck()
    keep("choose-students")
    dialog.get_by_role("button", name="OK", exact=True).click()
    expect(dialog).to_be_hidden()
    # Review the listed badges and the students and click Issue Badges.
    page.reload()  # what is chosen survives it
    students = [name for name in students if name != "Cleo"]
    for name in students:
        expect(students_section.get_by_role("row", name=re.compile(f"^{name}"))).to_contain_text(room.name)
    expect(page.get_by_text(f"{2 * len(students)} badges will be issued")).to_be_visible()
    keep("review")
    issue(page)
    # A list of the students and the badges issued to them appears under the heading.
    expect(
        page.get_by_role("heading", name=f"Done: {2 * len(students)} of {2 * len(students)}")
    ).to_be_visible(timeout=90 * SECONDS)
    expected = {(name, badge) for name in students for badge in ("Guest Speaker", "Lab Tester")}
    assert issued(page) == expected
    assert room.received() == expected
    table = page.get_by_role("table", name=SUCCESS)
    assert table.get_by_role("link").count() == 2 * len(expected)
    expect(page.get_by_text(WARNING)).to_have_count(0)
    expect(page.get_by_role("button", name="Undo…")).to_have_count(1 if who == "administrator" else 0)


def test_students_are_only_allowed_to_earn_a_badge_once(
    room: Room, open_page: Callable[..., Page], picture: Callable[[Page, str], None]
) -> None:
    """The second person is told before and after who issued it and when; what can be issued is."""
    first, second = open_page("administrator"), open_page("contract")
    for page in (first, second):
        page.goto(room.path)
        choose_both(page, ["Guest Speaker"], ["Ann", "Ben"] if page is second else ["Ann"])
    issue(first)
    expect(second.get_by_text("2 badges will be issued")).to_be_visible()  # it was, when she looked
    issue(second)
    expect(second.get_by_text(WARNING)).to_be_visible()
    failed = second.get_by_role("region", name=FAILURES)
    expect(failed.get_by_role("listitem")).to_have_count(1)
    expect(failed).to_contain_text(
        re.compile(
            r"Badge: Guest Speaker was not issued to Ann Of\d+ because of this error: "
            r".+ on .+ by Ottilie Brandvold\."
        )
    )
    expect(second.get_by_role("heading", name="Done: 1 of 2")).to_be_visible(timeout=90 * SECONDS)
    picture(second, "issue-badges-failed")
    second.get_by_role("link", name="Failed Badge list").click()
    expect(second).to_have_url(re.compile("#failed$"))
    assert issued(second) == {("Ben", "Guest Speaker")}
    assert room.received() == {("Ann", "Guest Speaker"), ("Ben", "Guest Speaker")}
    # And next time it is marked before anything is asked for.
    second.goto(room.path)
    choose_both(second, ["Guest Speaker", "Lab Tester"], ["Ann"])
    expect(second.get_by_text("1 badge will be issued")).to_be_visible()
    row = second.get_by_role("row", name=re.compile("^Ann"))
    expect(row).to_contain_text("Guest Speaker: This learner already has this badge")
    picture(second, "issue-badges-foreseen")


# --- No success before the provider has it --------------------------------------------------------------------


def test_while_one_hangs_and_another_is_refused_no_success_is_claimed_that_is_none(
    room: Room, open_page: Callable[..., Page], picture: Callable[[Page, str], None]
) -> None:
    room.order(about=[room.emails["Ann"]], hang=1, methods=["POST"])
    room.order(about=[room.emails["Ben"]], status=422, methods=["POST"])
    page = open_page("instructor")
    page.goto(room.path)
    choose_both(page, ["Guest Speaker"], OWN)
    issue(page)
    expect(page.get_by_role("heading", name="Issuing… 2 of 3")).to_be_visible(timeout=60 * SECONDS)
    assert issued(page) == {("Cleo", "Guest Speaker")} == room.received()
    failed = page.get_by_role("region", name=FAILURES)
    expect(failed).to_contain_text("to Ben")
    expect(failed).to_contain_text("This failure was ordered.")  # the provider's words
    expect(failed).not_to_contain_text("to Ann")
    expect(page.get_by_text(WARNING)).to_be_visible()
    # The page can be left and come back to.
    page.goto(room.path)
    recent = page.get_by_role("region", name="Issued in this class before")
    expect(recent).to_contain_text("Issuing… 2 of 3")
    recent.get_by_role("link").first.click()
    expect(page.get_by_text("Sending; you may leave.")).to_be_visible(timeout=60 * SECONDS)
    page.get_by_text("What is still under way").click()
    expect(page.get_by_role("listitem").filter(has_text="Ann")).to_be_visible()
    # It stays open, and in focus, when there is news.
    page.evaluate("htmx.ajax('GET', location.pathname, {target: '#results', swap: 'outerHTML'})")
    expect(page.get_by_role("listitem").filter(has_text="Ann")).to_be_visible()
    expect(page.get_by_text("What is still under way")).to_be_focused()
    picture(page, "issue-badges-under-way")
    assert issued(page) == {("Cleo", "Guest Speaker")} == room.received()


# --- Once -----------------------------------------------------------------------------------------------------


def test_a_double_click_a_reload_and_going_back_issue_once(
    room: Room, open_page: Callable[..., Page]
) -> None:
    page = open_page("instructor")
    page.goto(room.path)
    choose_both(page, ["Guest Speaker"], ["Ann"])
    page.get_by_role("button", name="Issue Badges", exact=True).dblclick()
    expect(page).to_have_url(re.compile(r"/issue-badges/\d+/"))
    act = page.url
    expect(page.get_by_role("heading", name="Done: 1 of 1")).to_be_visible(timeout=90 * SECONDS)
    page.reload()
    page.go_back()
    again = page.get_by_role("button", name="Issue Badges", exact=True)
    if again.is_enabled():  # the browser kept the page as it was
        again.click()
        expect(page).to_have_url(act)
    page.goto(room.path)
    expect(page.get_by_role("region", name="Issued in this class before").get_by_role("link")).to_have_count(
        1
    )
    assert room.received() == {("Ann", "Guest Speaker")}


def test_an_administrator_takes_everything_back_with_a_reason(
    room: Room, open_page: Callable[..., Page]
) -> None:
    page = open_page("administrator")
    page.goto(room.path)
    choose_both(page, ["Guest Speaker"], ["Ann", "Ben"])
    issue(page)
    expect(page.get_by_role("heading", name="Done: 2 of 2")).to_be_visible(timeout=90 * SECONDS)
    page.get_by_role("button", name="Undo…").click()
    dialog = page.get_by_role("dialog", name="Take all of this back?")
    expect(dialog).to_contain_text("2 badges that the provider has are revoked there.")
    dialog.get_by_label("Reason").fill("The wrong class")
    dialog.get_by_role("button", name="Take back", exact=True).click()
    expect(page.get_by_text("The wrong class")).to_be_visible()
    taken_back = page.get_by_role("region", name="Taken back")
    expect(taken_back.get_by_text("Revoked", exact=True)).to_have_count(2, timeout=90 * SECONDS)
    expect(page.get_by_role("heading", name=SUCCESS)).to_have_count(0)


# --- Whoever, with whatever -----------------------------------------------------------------------------------


def until_settled(page: Page) -> None:
    """What was exchanged reacts a moment after it is seen: later than these keys, sooner than any finger."""
    expect(page.locator(".htmx-request, .htmx-swapping, .htmx-settling, .htmx-added")).to_have_count(0)


def test_the_keyboard_is_enough(room: Room, open_page: Callable[..., Page]) -> None:
    page = open_page("contract")
    page.goto(room.path)
    page.get_by_role("button", name="Add Badges").focus()
    page.keyboard.press("Enter")
    dialog = page.get_by_role("dialog")
    expect(dialog.get_by_label("Search")).to_be_focused()
    page.keyboard.type("guest")
    page.keyboard.press("Enter")  # searches; it neither chooses nor closes
    expect(dialog.get_by_text("1 Result Found")).to_be_visible()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Space")
    expect(dialog.get_by_text("Selected: 1")).to_be_visible()
    page.keyboard.press("Tab")
    page.keyboard.press("Tab")
    expect(dialog.get_by_role("button", name="(Select a Badge)")).to_be_focused()
    page.keyboard.press("Enter")
    expect(dialog).to_be_hidden()
    expect(page.get_by_role("button", name="Add Badges")).to_be_focused()
    page.get_by_role("button", name="Add Students").focus()
    page.keyboard.press("Enter")
    expect(dialog).to_be_visible()
    page.keyboard.press("Escape")
    expect(dialog).to_be_hidden()
    expect(page.get_by_role("button", name="Add Students")).to_be_focused()
    page.keyboard.press("Enter")
    expect(dialog.get_by_label("Search")).to_be_focused()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Space")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Space")
    expect(dialog.get_by_text("Selected: 2")).to_be_visible()
    dialog.get_by_role("button", name="OK", exact=True).focus()
    page.keyboard.press("Enter")
    expect(page.get_by_text("2 badges will be issued")).to_be_visible()
    until_settled(page)
    page.get_by_role("button", name="Remove Ann").focus()
    page.keyboard.press("Enter")
    expect(page.get_by_text("1 badge will be issued")).to_be_visible()
    expect(page.get_by_role("button", name="Remove Ben")).to_be_focused()
    until_settled(page)
    page.keyboard.press("Enter")
    expect(page.get_by_role("button", name="Add Students")).to_be_focused()
    choose(page, "Add Students", ["Ann"], "OK")
    page.get_by_role("button", name="Issue Badges", exact=True).focus()
    page.keyboard.press("Enter")
    expect(page).to_have_url(re.compile(r"/issue-badges/\d+/"))


@pytest.mark.parametrize("color_scheme", ["light", "dark"])
def test_every_step_is_accessible_and_fits_a_phone(
    room: Room,
    open_page: Callable[..., Page],
    picture: Callable[[Page, str], None],
    color_scheme: str,
) -> None:
    page = open_page("contract", color_scheme=color_scheme, width=390)

    def look(name: str) -> None:
        page.wait_for_timeout(400)  # until nothing moves: colors in motion have no contrast
        assert_accessible(page)
        overflow = page.evaluate(
            "document.documentElement.scrollWidth - document.documentElement.clientWidth"
        )
        assert overflow <= 0, name
        if (name, color_scheme) == ("review", "light"):
            picture(page, "issue-badges-phone-review")

    page.goto(room.path)
    look("empty")
    open_dialog(page, "Add Badges")
    look("choose-badges")
    page.get_by_role("button", name="Cancel").click()
    choose(page, "Add Badges", ["Guest Speaker"], "(Select a Badge)")
    open_dialog(page, "Add Students")
    look("choose-students")
    page.get_by_role("dialog").get_by_role("button", name="Close").click()
    choose(page, "Add Students", ["Ann", "Guest"], "OK")
    look("review")
    room.order(about=[room.emails["Ann"]], status=422, methods=["POST"])
    issue(page)
    expect(page.get_by_role("heading", name="Done: 1 of 2")).to_be_visible(timeout=90 * SECONDS)
    look("results")
