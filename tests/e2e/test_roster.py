"""The roster of a class and a course assignment, as the documents on issuing by hand tell it.

By an administrator, an organization instructor and a contract instructor; and what each must not see. All is
done in one class, in which each test has students of its own.
"""

from __future__ import annotations

import json
import re
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from playwright.sync_api import Locator, Page, Route, expect

from tests.e2e.conftest import Product, assert_accessible
from tests.e2e.test_later import Api, wait_until

SECONDS = 1000
WHO = ["administrator", "instructor", "contract"]
BY_HAND = {
    "Cloud Foundations",
    "Community Mentor",
    "Guest Speaker",
    "Lab Tester",
    "Security Operations Analyst",
}
# Of the house; and whoever is not simply enrolled.
OWN = [
    *(
        "Amara",
        "Bruno",
        "Chiara",
        "Dmitri",
        "Elif",
        "Farid",
        "Greta",
        "Hugo",
        "Ines",
        "Leila",
        "Mateo",
        "Petra",
    ),
    *("Jonas", "Kira"),
]
STATUS = {"Jonas": "cancelled", "Kira": "audit"}
GUEST = "Noor"


@dataclass
class Room:
    """The class, with the ids of its enrolments and of its students' assignments by first name."""

    product: Product
    pk: int
    assignments: dict[str, int]

    @property
    def path(self) -> str:
        return f"/classes/{self.pk}/roster/"

    def received(self, first_name: str) -> int:
        """How many badges the provider has for a student."""
        with urllib.request.urlopen(f"{self.product.sandbox_url}/_sandbox/received") as answer:
            badges = json.load(answer)["badges"]
        return [badge["recipient_email"] for badge in badges].count(email_of(first_name))

    def order(self, **faults: Any) -> None:
        request = urllib.request.Request(
            f"{self.product.sandbox_url}/_sandbox/faults",
            method="POST",
            data=json.dumps(faults).encode(),
            headers={"Content-Type": "application/json"},
        )
        urllib.request.urlopen(request).close()


def email_of(first_name: str) -> str:
    return f"{first_name.lower()}.roster@example.org"


@pytest.fixture(scope="session")
def the_room(product: Product, tmp_path_factory: pytest.TempPathFactory) -> Room:
    folder = tmp_path_factory.mktemp("roster")
    sheets = {
        "users": ["external_id,email,first_name,last_name,organization"],
        "classes": [
            "external_id,name,course,organization,starts_at,ends_at,minimum,maximum,instructors",
            "roster,Foundations on Site,course-cloud-foundations,org-brackenfold,2026-03-02T09:00:00Z,"
            "2026-03-03T17:00:00Z,4,20,user-instructor;user-contract-instructor",
            "not-taught,Foundations Elsewhere,course-cloud-foundations,org-brackenfold,"
            "2026-03-02T09:00:00Z,2026-03-03T17:00:00Z,4,20,",
        ],
        "enrollments": ["external_id,user,class,status,enrolled_at"],
        "course_assignments": ["external_id,user,course,started_at,expires_at"],
    }
    for name in [*OWN, GUEST]:
        home = "org-saltmere" if name == GUEST else "org-brackenfold"
        key = f"roster-{name}"
        sheets["users"].append(f"{key},{email_of(name)},{name},Roster,{home}")
        sheets["enrollments"].append(
            f"{key},{key},roster,{STATUS.get(name, 'enrolled')},2026-02-20T09:00:00Z"
        )
        sheets["course_assignments"].append(
            f"{key},{key},course-cloud-foundations,2026-02-20T09:00:00Z,2026-02-27T09:00:00Z"
        )
    for name, lines in sheets.items():
        (folder / f"{name}.csv").write_text("\n".join(lines), encoding="utf-8")
    imported = product.manage("import_training", str(folder))
    assert imported.returncode == 0, imported.stdout + imported.stderr
    api = Api(product)
    return Room(
        product,
        api("GET", "classes/ext:roster/")["id"],
        {name: api("GET", f"course-assignments/ext:roster-{name}/")["id"] for name in ("Leila", "Petra")},
    )


@pytest.fixture
def room(the_room: Room) -> Iterator[Room]:
    yield the_room
    the_room.order()


def row(page: Page, first_name: str) -> Locator:
    return page.locator("tbody tr", has=page.get_by_role("rowheader", name=f"{first_name} Roster"))


def open_dialog(page: Page, first_name: str) -> Locator:
    row(page, first_name).get_by_role("button", name="Issue a Badge").click()
    dialog = page.get_by_role("dialog", name="Choose Badge")
    expect(dialog).to_be_visible()
    return dialog


def select(dialog: Locator, badge: str) -> None:
    dialog.get_by_role("searchbox").fill(badge)
    expect(dialog.get_by_text("1 Result Found")).to_be_visible()
    dialog.locator("tbody label", has_text=badge).click()
    dialog.get_by_role("button", name="(Select a Badge)").click()


# --- The way there, and what is there -----------------------------------------------------------------------


@pytest.mark.parametrize("who", ["instructor", "contract"])
def test_an_instructor_finds_the_class_from_the_dashboard_and_the_navigation(room, open_page, who):
    page = open_page(who)
    expect(page.get_by_role("heading", name="Your classes")).to_be_visible()
    page.get_by_role("navigation", name="Main").get_by_role("link", name="Classes").click()
    page.get_by_label("Find a class").fill("foundations on site")
    page.get_by_role("button", name="Search").click()
    page.get_by_role("link", name="Foundations on Site").click()
    expect(page).to_have_url(re.compile(room.path))
    page.goto("/classes/?q=foundations+elsewhere")
    expect(page.get_by_role("link", name="Foundations Elsewhere")).to_have_count(0)


def test_a_learner_has_no_classes_to_teach(room, open_page):
    page = open_page("learner")
    expect(page.get_by_role("heading", name="Rewards")).to_be_visible()
    expect(page.get_by_role("link", name="Classes", exact=True)).to_have_count(0)
    assert page.request.get(room.path).status == 404


@pytest.mark.parametrize("who", WHO)
def test_the_page_has_its_title_its_links_its_event_and_nine_counters(room, open_page, who):
    page = open_page(who)
    page.goto(room.path)
    main = page.locator("main")
    expect(page.get_by_role("heading", level=1)).to_have_text("Foundations on Site")
    expect(main.get_by_text("Roster", exact=True).first).to_be_visible()
    expect(main.get_by_role("link", name="Search")).to_be_visible()
    expect(main.get_by_role("link", name="Edit")).to_have_count(int(who == "administrator"))
    expect(page.get_by_role("navigation", name="Quick launch bar").get_by_role("link")).to_have_text(
        ["Issue Badges"]
    )
    main.get_by_role("link", name="Details").click()
    expect(main.get_by_text("Brackenfold Academy").first).to_be_visible()
    seen = 13 if who == "instructor" else 14
    numbers = main.locator(".counters div").all_inner_texts()
    assert {label: int(number) for label, number in (text.split("\n") for text in numbers)} == {
        "Minimum": 4,
        "Maximum": 20,
        "Enrolled": seen - 1,
        "Requested": 0,
        "Cancelled": 1,
        "Wait-Listed": 0,
        "Approved": 0,
        "Denied": 0,
        "Audit": 1,
    }
    # The organization instructor sees colleagues alone, the two others everybody.
    expect(row(page, GUEST)).to_have_count(int(who != "instructor"))
    expect(main.get_by_text("You see the students of")).to_have_count(int(who == "instructor"))


def test_badges_that_students_have_are_on_their_rows(open_page, picture):
    page = open_page("instructor")
    page.goto("/classes/?q=new+york")
    page.locator("tbody a").first.click()
    held = page.locator(".held-badges li", has_text="First Launch").first
    expect(held).to_be_visible()
    picture(page, "roster")
    held.locator("summary").click()
    expect(held).to_contain_text("Earned by an achievement")


def test_a_class_that_one_does_not_teach_is_not_there(room, open_page):
    api = Api(room.product)
    pk = api("GET", "classes/ext:not-taught/")["id"]
    for who, status in (("instructor", 404), ("contract", 404), ("administrator", 200)):
        assert open_page(who).request.get(f"/classes/{pk}/roster/").status == status


def test_rows_are_filtered_sorted_exported_and_their_columns_chosen(room, open_page):
    page = open_page("administrator")
    page.goto(room.path)
    page.get_by_label("Enrollment Status").select_option("Audit")
    page.get_by_role("button", name="Filter").click()
    expect(page.get_by_role("rowheader")).to_have_text(["Kira Roster"])
    page.get_by_label("Enrollment Status").select_option("All But Cancelled")
    page.get_by_role("button", name="Filter").click()
    expect(page.get_by_role("rowheader")).to_have_count(14)
    page.get_by_role("columnheader", name="Student").get_by_role("link").click()
    page.get_by_role("columnheader", name="Student").get_by_role("link").click()
    expect(page.get_by_role("columnheader", name="Student")).to_have_attribute("aria-sort", "descending")
    expect(page.get_by_role("rowheader").first).to_have_text("Petra Roster")
    page.locator("summary", has_text="Columns").click()
    page.get_by_label("E-mail").check()
    page.get_by_role("button", name="Show these columns").click()
    expect(page.get_by_role("cell", name=email_of("Kira"))).to_be_visible()
    with page.expect_download() as download:
        page.get_by_role("link", name="Export").click()
    text = download.value.path().read_text(encoding="utf-8-sig")
    assert text.startswith("Student,E-mail,Organization,Enrollment")
    assert "Kira Roster" in text
    assert "Jonas" not in text


# --- One badge for one student ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("who", "student"), [("administrator", "Amara"), ("instructor", "Bruno"), ("contract", GUEST)]
)
def test_a_badge_is_issued_from_the_row_of_a_student(room, open_page, picture, who, student):
    page = open_page(who)
    page.goto(room.path)
    dialog = open_dialog(page, student)
    # Only badges set to be manually issued, of the organization of the class; the course's first.
    names = dialog.locator("tbody .named .name").all_inner_texts()
    assert set(names) == BY_HAND
    assert names[0] == "Cloud Foundations"
    expect(dialog.get_by_text("5 Results Found")).to_be_visible()
    expect(dialog.get_by_role("button", name="(Select a Badge)")).to_be_disabled()
    if who == "instructor":
        picture(page, "choose-badge")
    assert_accessible(page)
    select(dialog, "Guest Speaker")
    expect(dialog.get_by_role("button", name="Successfully Issued Badge")).to_be_visible()
    assert room.received(student) == 1
    expect(dialog).to_be_hidden()
    expect(row(page, student).get_by_role("button", name="Issue a Badge")).to_be_focused()
    held = row(page, student).locator(".held-badges li", has_text="Guest Speaker")
    held.locator("summary").click()
    expect(held).to_contain_text("Issued – pending acceptance")
    expect(held).to_contain_text("Issued by")


def test_the_icon_is_on_the_rows_of_those_who_take_part_alone(room, open_page):
    page = open_page("instructor")
    page.goto(room.path)
    expect(row(page, "Kira").get_by_role("button", name="Issue a Badge")).to_be_visible()
    expect(row(page, "Jonas").get_by_role("button", name="Issue a Badge")).to_have_count(0)


def test_escape_leaves_the_dialog_and_a_note_may_be_given(room, open_page):
    page = open_page("instructor")
    page.goto(room.path)
    open_dialog(page, "Chiara")
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog")).to_be_hidden()
    expect(row(page, "Chiara").get_by_role("button", name="Issue a Badge")).to_be_focused()
    dialog = open_dialog(page, "Chiara")
    dialog.get_by_text("Note and evidence").click()
    dialog.get_by_label("Note", exact=True).fill("Helped everybody.")
    dialog.get_by_label("Address of the evidence").fill("nonsense")
    select(dialog, "Community Mentor")
    expect(dialog.get_by_role("alert")).to_contain_text("is not an address")
    assert room.received("Chiara") == 0
    dialog.get_by_label("Address of the evidence").fill("https://example.org/evidence")
    dialog.get_by_role("button", name="(Select a Badge)").click()
    expect(dialog.get_by_role("button", name="Successfully Issued Badge")).to_be_visible()
    expect(dialog).to_be_hidden()
    held = row(page, "Chiara").locator(".held-badges li", has_text="Community Mentor")
    held.locator("summary").click()
    expect(held).to_contain_text("Helped everybody.")


def test_with_the_keyboard_alone(room, open_page):
    page = open_page("instructor")
    page.goto(room.path)
    row(page, "Dmitri").get_by_role("button", name="Issue a Badge").focus()
    page.keyboard.press("Enter")
    dialog = page.get_by_role("dialog")
    expect(dialog.get_by_role("searchbox")).to_be_focused()
    page.keyboard.type("lab tester")
    expect(dialog.get_by_text("1 Result Found")).to_be_visible()
    for _ in range(8):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.name") == "chosen":
            break
    page.keyboard.press("Space")
    while page.evaluate("document.activeElement.name") != "confirm":
        page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    expect(dialog.get_by_role("button", name="Successfully Issued Badge")).to_be_visible()
    expect(dialog).to_be_hidden()
    assert room.received("Dmitri") == 1


def test_success_is_not_claimed_before_the_provider_has_the_badge(room, open_page):
    """The provider hangs for one student and refuses another."""
    room.order(about=[email_of("Elif")], hang=1)
    room.order(about=[email_of("Farid")], status=422, methods=["POST"])
    hanging, refused = open_page("instructor"), open_page("contract")
    for page, student in ((hanging, "Elif"), (refused, "Farid")):
        page.goto(room.path)
        select(open_dialog(page, student), "Lab Tester")
        expect(page.get_by_role("dialog").get_by_role("button", name="Issuing…")).to_be_visible()
    dialog = hanging.get_by_role("dialog")
    expect(dialog.get_by_text("Sending; you may leave")).to_be_visible(timeout=60 * SECONDS)
    expect(dialog.get_by_role("button", name="Successfully Issued Badge")).to_have_count(0)
    assert room.received("Elif") == 0
    dialog.get_by_role("button", name="Close").last.click()
    expect(row(hanging, "Elif")).to_contain_text(re.compile("Sending|Checking"))
    hanging.reload()
    expect(row(hanging, "Elif")).to_contain_text(re.compile("Sending|Checking"))
    expect(refused.get_by_role("dialog")).to_contain_text(
        "Badge: Lab Tester was not issued to Farid Roster because of this error", timeout=90 * SECONDS
    )
    expect(refused.get_by_role("dialog").get_by_role("button", name="(Select a Badge)")).to_be_visible()
    assert room.received("Farid") == 0
    expect(row(refused, "Farid")).to_contain_text("Failed")


def test_a_dialog_that_was_closed_stays_closed_and_asks_nothing_more(room, open_page):
    """The provider hangs: after 20 seconds the dialog would have had something to say."""
    room.order(about=[email_of("Kira")], hang=1)
    page = open_page("instructor")
    page.goto(room.path)
    select(open_dialog(page, "Kira"), "Lab Tester")
    dialog = page.get_by_role("dialog")
    expect(dialog.get_by_role("button", name="Issuing…")).to_be_visible()
    dialog.get_by_role("button", name="Close").last.click()
    expect(dialog).to_be_hidden()
    page.wait_for_timeout(1 * SECONDS)  # what was asked before it closed is answered
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    expect(row(page, "Kira")).to_contain_text(re.compile("Sending|Checking"))
    page.wait_for_timeout(22 * SECONDS)
    expect(dialog).to_be_hidden()
    assert [url for url in asked if "issue-a-badge" in url] == []
    assert any("/roster/badges/" in url for url in asked)  # the row is still watched


def test_an_answer_that_comes_after_the_dialog_was_closed_shows_on_the_row_alone(room, open_page):
    page = open_page("administrator")
    page.goto(room.path)
    dialog = open_dialog(page, "Chiara")
    dialog.locator("tbody label", has_text="Guest Speaker").click()

    def close_meanwhile(route: Route) -> None:
        answer = route.fetch()
        page.keyboard.press("Escape")
        route.fulfill(response=answer)

    page.route("**/issue-a-badge/", close_meanwhile)
    dialog.get_by_role("button", name="(Select a Badge)").click()
    expect(row(page, "Chiara")).to_contain_text("Guest Speaker")
    expect(page.get_by_role("dialog")).to_be_hidden()


def test_of_two_at_once_one_issues_and_the_other_is_told_who_and_when(room, open_page):
    pages = [open_page("instructor"), open_page("contract")]
    dialogs = []
    for page in pages:
        page.goto(room.path)
        dialogs.append(open_dialog(page, "Greta"))
    select(dialogs[0], "Guest Speaker")
    expect(dialogs[0].get_by_role("button", name="Successfully Issued Badge")).to_be_visible()
    select(dialogs[1], "Guest Speaker")
    told = dialogs[1].get_by_role("alert")
    expect(told).to_contain_text("This learner already has this badge: issued on")
    expect(told).to_contain_text("by Kofi Ampadu")
    assert room.received("Greta") == 1


def test_a_double_click_a_reload_and_the_way_back_issue_one(room, open_page):
    page = open_page("instructor")
    page.goto("/classes/")
    page.goto(room.path)
    dialog = open_dialog(page, "Hugo")
    dialog.locator("tbody label", has_text="Guest Speaker").click()
    dialog.get_by_role("button", name="(Select a Badge)").dblclick()
    expect(dialog.get_by_role("button", name="Successfully Issued Badge")).to_be_visible()
    expect(dialog).to_be_hidden()
    page.reload()
    page.go_back()
    page.go_forward()
    expect(row(page, "Hugo")).to_contain_text("Guest Speaker")
    assert room.received("Hugo") == 1


def test_another_page_shows_live_what_is_under_way(room, open_page):
    room.order(about=[email_of("Mateo")], latency_ms=6000)
    page = open_page("instructor")
    page.goto(room.path)
    dialog = open_dialog(page, "Mateo")
    select(dialog, "Guest Speaker")
    expect(dialog.get_by_role("button", name="Issuing…")).to_be_visible()
    page.keyboard.press("Escape")
    other = open_page("contract")
    other.goto(room.path)
    expect(row(other, "Mateo")).to_contain_text(re.compile("Waiting|Sending"))
    expect(row(other, "Mateo").locator(".pill")).to_have_count(0)
    expect(row(other, "Mateo")).to_contain_text("Guest Speaker")
    assert room.received("Mateo") == 1


# --- What became of them ------------------------------------------------------------------------------------


def test_completion_is_decided_for_several_and_who_comes_second_is_told(room, open_page):
    first, second = open_page("instructor"), open_page("administrator")
    for page in (first, second):
        page.goto(room.path)
    expect(row(first, "Kira").get_by_role("combobox")).to_have_count(0)
    for page, choice in ((first, "Complete"), (second, "Failed")):
        row(page, "Ines").get_by_role("combobox").select_option(choice)
        row(page, "Leila").get_by_role("combobox").select_option(choice)
        expect(page.get_by_text("2 unsaved")).to_be_visible()
    row(second, "Leila").get_by_role("combobox").select_option("Unknown")
    expect(second.get_by_text("1 unsaved")).to_be_visible()
    first.get_by_role("button", name="Save Changes").click()
    expect(first.get_by_text("2 completion statuses were saved.")).to_be_visible()
    expect(first.get_by_text("unsaved", exact=True)).to_be_hidden()
    second.get_by_role("button", name="Save Changes").click()
    expect(row(second, "Ines")).to_contain_text("Somebody has set this to Complete meanwhile.")
    expect(row(second, "Ines").get_by_role("combobox")).to_have_value("failed")
    expect(second.get_by_text("1 unsaved")).to_be_visible()
    first.reload()
    expect(row(first, "Ines").get_by_role("combobox")).to_have_value("complete")
    # It feeds the rules like any fact.
    assert wait_until(lambda: room.received("Ines") == 1)


# --- Course assignments -------------------------------------------------------------------------------------


def test_an_administrator_issues_a_badge_from_a_course_assignment(room, open_page, picture):
    page = open_page("administrator")
    page.goto(f"/admin/tms/courseassignment/?q={email_of('Petra')}")
    page.locator("#result_list tbody th a").first.click()
    page.locator(".field-page a").click()
    expect(page).to_have_url(re.compile(f"/course-assignments/{room.assignments['Petra']}/"))
    expect(page.get_by_role("heading", level=1)).to_have_text("Cloud Foundations")
    facts = page.locator(".facts")
    for label in (
        "Student",
        "Course",
        "Started",
        "Completed",
        "Target Completion",
        "Include Labs",
        "Subscription",
    ):
        expect(facts.get_by_text(label, exact=True)).to_be_visible()
    expect(facts.locator(".past")).to_contain_text("Expired")
    expect(facts.get_by_text("Never")).to_be_visible()
    assert_accessible(page)
    page.get_by_role("navigation", name="Quick access bar").get_by_role("button").click()
    dialog = page.get_by_role("dialog", name="Choose Badge")
    expect(dialog).to_contain_text("Brackenfold Academy, Include Children")
    expect(dialog).to_contain_text("Is Enabled for Manual Issuance")
    expect(dialog.get_by_text(re.compile(r"\d+ Results Found"))).to_be_visible()
    # Only one at a time; of the children, too.
    expect(dialog.locator("[name=chosen][type=radio]").first).to_be_attached()
    expect(dialog.locator("[name=chosen][type=checkbox]")).to_have_count(0)
    expect(dialog).to_contain_text("Study Circle")
    picture(page, "choose-badge-assignment")
    select(dialog, "Guest Speaker")
    expect(dialog.get_by_role("button", name="Successfully Issued Badge")).to_be_visible()
    expect(dialog).to_be_hidden()
    expect(page.locator("#assignment-badges")).to_contain_text("Guest Speaker")
    assert room.received("Petra") == 1
    # The student's transcript has it on the row of the assignment, and nowhere else.
    page.get_by_role("link", name="Transcript").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Petra Roster")
    assignments = page.get_by_role("table", name="Course assignments")
    expect(assignments.get_by_role("row", name="Cloud Foundations")).to_contain_text("Guest Speaker")
    expect(page.get_by_role("table", name="Classes")).to_contain_text("Foundations on Site")
    expect(page.get_by_role("table", name="Classes")).not_to_contain_text("Guest Speaker")
    assignments.get_by_role("link", name="Cloud Foundations").click()
    page.wait_for_load_state()
    # What was issued by mistake is taken back from where it was issued, and a refusal loses nothing typed.
    acts = page.get_by_role("region", name="Issued from here by hand")
    acts.get_by_role("button", name="Undo… Guest Speaker").click()
    undo = page.get_by_role("dialog", name="Take all of this back?")
    expect(undo).to_contain_text("Guest Speaker · Petra Roster")
    expect(undo).to_contain_text("1 badge that the provider has is revoked there.")
    expect(undo.get_by_label("Reason")).to_be_focused()
    page.keyboard.type("  ")
    undo.get_by_role("button", name="Take back").click()
    expect(undo.get_by_text("A reason is required")).to_be_visible()
    expect(undo.get_by_label("Reason")).to_have_value("  ")
    expect(undo.get_by_label("Reason")).to_be_focused()
    assert_accessible(page)
    page.keyboard.type("Not this student")
    undo.get_by_role("button", name="Take back").click()
    expect(acts).to_contain_text(re.compile("Undone by Ottilie Brandvold on .+: Not this student"))
    expect(acts).to_contain_text("Revoked")
    expect(acts.get_by_role("button", name="Undo…")).to_have_count(0)
    expect(page.get_by_role("region", name="Badges", exact=True)).not_to_contain_text("Guest Speaker")


def test_instructors_do_not_reach_course_assignments_and_learners_their_own_alone(room, open_page, picture):
    api = Api(room.product)
    transcript = f"/users/{api('GET', 'users/ext:roster-Leila/')['id']}/transcript/"
    path = f"/course-assignments/{room.assignments['Leila']}/"
    for who in ("instructor", "contract", "learner"):
        page = open_page(who)
        assert page.request.get(path).status == 404
        assert page.request.get(transcript).status == 404
    page.get_by_role("link", name="Transcript").click()
    expect(page.get_by_role("table", name="Labs")).to_be_visible()
    earned = page.locator(".held-badges li", has_text="First Launch").first
    if not earned.is_visible():
        page.locator("#lab").get_by_role("link", name="Next").click()
    earned.locator("summary").click()
    expect(earned).to_contain_text("Earned by an achievement")
    page.goto(page.url.partition("?")[0])
    page.locator(".held-badges").first.scroll_into_view_if_needed()
    picture(page, "transcript")
    page.goto("/")
    page.locator("a[href^='/course-assignments/']").first.click()
    expect(page.get_by_role("heading", name="Activities")).to_be_visible()
    expect(page.get_by_role("button", name="Issue a Badge")).to_have_count(0)


# --- For everybody, on everything ---------------------------------------------------------------------------


@pytest.mark.parametrize("color_scheme", ["light", "dark"])
def test_pages_are_accessible_in_both_themes_and_fit_a_phone(room, open_page, color_scheme):
    student = Api(room.product)("GET", "users/ext:roster-Leila/")["id"]
    assignment = f"/course-assignments/{room.assignments['Leila']}/"
    paths = ["/classes/", room.path, assignment, f"/users/{student}/transcript/"]
    page = open_page("administrator", color_scheme=color_scheme)
    phone = open_page("administrator", color_scheme=color_scheme, width=390)
    for path in paths:
        for window in (page, phone):
            window.goto(path)
            assert_accessible(window)
        wide = phone.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
        assert wide <= 0, path
    phone.goto(room.path)
    open_dialog(phone, "Leila")
    assert_accessible(phone)
