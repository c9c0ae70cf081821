"""A learner is told of a badge, reads it, and chooses which mail she wants; a mail's last link stops more."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Page, expect

from tests.e2e.conftest import Product, assert_accessible

LEARNER = "learner@demo.example"
BADGE = "Guest Speaker"


def assert_fits(page: Page) -> None:
    assert page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth") <= 0


@pytest.fixture(scope="module")
def told(product: Product, tmp_path_factory: pytest.TempPathFactory) -> None:
    """A badge is issued to the learner by hand; whatever else she was told is there, too."""
    file = tmp_path_factory.mktemp("list") / "one.csv"
    file.write_text(f"email,badge\n{LEARNER},{BADGE}\n", encoding="utf-8")
    product.manage("issue_badges", str(file))


def test_the_bell_leads_to_what_one_was_told_and_from_there_to_what_it_is_about(
    told: None, open_page: Callable[..., Page], picture: Callable[[Page, str], None]
) -> None:
    page = open_page("learner")
    title = f"You got the badge {BADGE}"
    for _ in range(120):
        page.goto("/notifications/")
        # What was earned long ago is marked as read, as soon as it is gathered.
        has_read = page.locator(".notifications > li:not(.is-unread)").count()
        if has_read and page.get_by_role("link", name=title).count():
            break
        page.wait_for_timeout(500)

    page.goto("/")
    page.get_by_role("link", name=re.compile("Notifications, [0-9]+ unread")).click()
    expect(page.get_by_role("heading", name="Notifications", exact=True)).to_be_visible()
    assert_accessible(page)
    picture(page, "notifications")
    row = page.get_by_role("listitem").filter(has_text=title)
    expect(row.get_by_text("New", exact=True)).to_be_visible()
    link = row.get_by_role("link", name=title)
    link.focus()
    page.keyboard.press("Enter")
    expect(page).to_have_url(re.compile("/achievements/#badges$"))

    page.go_back()
    page.reload()
    expect(page.get_by_role("listitem").filter(has_text=title).get_by_text("New", exact=True)).to_have_count(
        0
    )


@pytest.mark.parametrize(("width", "color_scheme"), [(1280, "dark"), (390, "light"), (390, "dark")])
def test_it_reads_well_in_the_dark_and_on_a_phone(
    told: None, open_page: Callable[..., Page], width: int, color_scheme: str
) -> None:
    page = open_page("learner", width=width, color_scheme=color_scheme)
    for address in ("/notifications/", "/notifications/settings/"):
        page.goto(address)
        assert_accessible(page)
        assert_fits(page)
    expect(page.get_by_role("link", name=re.compile("Notifications"))).not_to_have_count(0)


def test_all_are_marked_as_read_at_once(told: None, open_page: Callable[..., Page]) -> None:
    page = open_page("administrator")
    page.goto("/notifications/")
    button = page.get_by_role("button", name="Mark all as read")
    if button.count():
        button.click()
        expect(page.get_by_text("All are marked as read.")).to_be_visible()
    expect(page.get_by_role("button", name="Mark all as read")).to_have_count(0)
    expect(page.get_by_role("link", name="Notifications", exact=True).first).to_be_visible()


def test_choices_of_mail_are_kept(
    open_page: Callable[..., Page], picture: Callable[[Page, str], None]
) -> None:
    page = open_page("administrator")
    page.goto("/notifications/")
    page.get_by_role("link", name="Settings").click()
    assert_accessible(page)
    picture(page, "notification-settings")
    page.get_by_label("Administration", exact=True).uncheck()
    page.get_by_label("Every week", exact=True).check()
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_text("Your choices are saved.")).to_be_visible()
    expect(page.get_by_label("Administration", exact=True)).not_to_be_checked()
    expect(page.get_by_label("Every week", exact=True)).to_be_checked()
    page.get_by_label("Administration", exact=True).check()
    page.get_by_label("No digest", exact=True).check()
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_label("No digest", exact=True)).to_be_checked()


def test_the_last_link_of_a_mail_stops_such_mail_without_a_sign_in(
    product: Product, open_page: Callable[..., Page]
) -> None:
    product.manage("shell", "-c", WRITES_A_MAIL)
    links = re.findall(r"List-Unsubscribe:\s*<(\S+)>", mails(product.data / "mail"))
    page = open_page()
    page.goto(urlsplit(links[-1]).path)  # a command does not know at which port the site is
    expect(page.get_by_role("heading", name="No more of such mail?")).to_be_visible()
    assert_accessible(page)
    page.get_by_role("button", name="No more of such mail").click()
    expect(page.get_by_text(f"{LEARNER} gets no more mail about: Achievements.")).to_be_visible()
    assert_accessible(page)


# One that the learner earned long ago, which no mail has told, is sent to her after all.
WRITES_A_MAIL = f"""
import time
from tms.models import Notification
from tms.notifying.resending import resend
from tms.notifying.sending import send_due
told = Notification.objects.filter(user__email="{LEARNER}", kind="achievement_earned").exclude(unmailed="")
while not told.exists():
    time.sleep(1)
resend(told.earliest("pk"), actor=None)
send_due()
"""


def mails(folder: Path) -> str:
    """Everything that was written, the oldest first."""
    files = sorted(folder.iterdir(), key=lambda path: path.stat().st_mtime)
    return "".join(path.read_text(encoding="utf-8", errors="replace") for path in files)
