"""A site that has nothing yet: the procedures of the manuals, step by step and label by label, one after another.

Each test goes on where the one before it ended: an organization and its people, a badge provider, its badges,
an achievement with its badge, badges that were earned before they existed, and their withdrawal.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Locator, Page, expect

from config.management.commands.serve import SANDBOX_TOKEN, SPARE_ORGANIZATION, spare_templates
from tests.e2e.conftest import Product, assert_accessible, free_port, sign_in
from tests.e2e.test_later import Api, at_the_sandbox, wait_until

SECONDS = 1000
ROOT, ADMINISTRATOR, LEARNER = "root@site.example", "ada@site.example", "lena@site.example"
PASSWORD = "a-long-pass-phrase"
ORGANIZATION, PROVIDER, CONFIG = "Northwind Academy", "NWA-Credly", "NWA-Accredible"
TEMPLATES = {template["name"]: template["id"] for template in spare_templates()}
FACILITATOR, REVIEWER = TEMPLATES


@pytest.fixture(scope="module")
def product(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Product]:
    """In place of the one with the demo."""
    product = Product(port=free_port(), data=tmp_path_factory.mktemp("nothing"), demo=False)
    try:
        product.start()
        made = product.manage(
            "createsuperuser", "--noinput", "--email", ROOT, DJANGO_SUPERUSER_PASSWORD=PASSWORD
        )
        assert made.returncode == 0, made.stderr
        yield product
        check = product.manage("rebuild_records", "--check")
        assert check.returncode == 0, check.stdout + check.stderr
    finally:
        if product.process and product.process.poll() is None:
            product.stop()


@pytest.fixture
def page_of(open_page: Callable[..., Page]) -> Callable[[str], Page]:
    def page_of(email: str) -> Page:
        page = open_page()
        sign_in(page, email, PASSWORD)
        expect(page.get_by_role("heading", level=1)).to_be_visible()
        return page

    return page_of


@pytest.fixture
def api(product: Product) -> Api:
    """What a program adds: training, which has no pages of its own here."""
    return Api(product, ADMINISTRATOR)


def admin_menu(page: Page, entry: str) -> None:
    page.locator(".admin-menu summary").click()
    page.locator(".admin-menu").get_by_role("link", name=entry, exact=True).click()


def tab(page: Page, name: str) -> None:
    page.get_by_role("tab", name=name).click()


def save(page: Page) -> None:
    page.get_by_role("button", name="Save", exact=True).click()


def heading(page: Page) -> Locator:
    return page.get_by_role("heading", level=1)


def find(page: Page, entry: str, name: str) -> None:
    """Go to the profile of one that a Find page lists."""
    admin_menu(page, entry)
    page.get_by_role("link", name=name, exact=True).first.click()
    expect(heading(page)).to_have_text(name)


def choose_badge(page: Page, name: str) -> None:
    # Click Choose next to the Badge field. In the Choose Badge dialog, search for and select the badge, click OK.
    page.get_by_role("button", name="Choose", exact=True).click()
    dialog = page.get_by_role("dialog", name="Choose Badge")
    dialog.get_by_label("Search").fill(name)
    expect(dialog.get_by_role("radio")).to_have_count(1)
    dialog.get_by_label(name).check()
    dialog.get_by_role("button", name="OK").click()
    expect(page.locator("#badge-choice")).to_contain_text(name)


def run_action(page: Page, rows: list[str], action: str) -> None:
    """On a list of the back office: select rows, run the action."""
    for name in rows:
        page.locator("#result_list tr", has_text=name).locator("input.action-select").check()
    page.get_by_label("Action:").select_option(label=action)
    page.get_by_role("button", name="Go", exact=True).click()


def test_every_page_of_an_empty_site_says_what_to_do_first(page_of: Callable[[str], Page]) -> None:
    page = page_of(ROOT)
    entries = [
        "Organizations",
        "Users",
        "Find Achievements",
        "Badge progress records",
        "Badge Providers",
        "Find Badges",
        "Find Issued Badges",
        "Audit",
    ]
    for entry in entries:
        admin_menu(page, entry)
        expect(heading(page)).to_be_visible()
        assert_accessible(page)


def test_the_organization_enables_achievements_and_its_user_participates(
    page_of: Callable[[str], Page],
) -> None:
    page = page_of(ROOT)
    admin_menu(page, "Organizations")
    page.get_by_role("link", name="Create Organization").first.click()
    page.get_by_label("Name", exact=True).fill(ORGANIZATION)
    save(page)
    expect(heading(page)).to_have_text(ORGANIZATION)

    # Your organization must have the Enable Achievements field checked on the Preferences tab.
    page.get_by_role("link", name="Edit", exact=True).click()
    tab(page, "Preferences")
    page.get_by_label("Enable Achievements").check()
    save(page)
    expect(heading(page)).to_have_text(ORGANIZATION)

    for first, last, email, roles in (
        ("Ada", "Ministratorsson", ADMINISTRATOR, ["Administrator"]),
        ("Lena", "Aprendiz", LEARNER, []),
    ):
        admin_menu(page, "Users")
        page.get_by_role("link", name="Create User").first.click()
        page.get_by_label("First Name").fill(first)
        page.get_by_label("Last Name").fill(last)
        page.get_by_label("E-mail").fill(email)
        page.get_by_role("combobox", name=re.compile("^Organization")).select_option(label=ORGANIZATION)
        # A user must have the Participate in Achievements field checked on the Basic Information tab.
        expect(page.get_by_label("Participate in Achievements")).to_be_checked()
        page.get_by_label("Password").fill(PASSWORD)
        for role in roles:
            page.get_by_role("checkbox", name=role, exact=True).check()
        save(page)
        expect(heading(page)).to_have_text(f"{first} {last}")


def test_accounts_at_providers_are_made_and_synchronized_from_their_lists(
    product: Product, page_of: Callable[[str], Page]
) -> None:
    page = page_of(ADMINISTRATOR)
    for name, kind, url in ((PROVIDER, "Credly", "/v1"), (CONFIG, "Accredible", "/v1")):
        admin_menu(page, "Badge Providers")
        page.get_by_role("link", name="Create Badge Provider").first.click()
        page.get_by_label("Name", exact=True).fill(name)
        page.get_by_label("Badge Provider Type").select_option(kind)
        if kind == "Credly":
            page.get_by_label("Badge Provider Organization Id").fill(SPARE_ORGANIZATION)
        page.get_by_label("Badge Provider Api Authentication Token").fill(SANDBOX_TOKEN)
        page.get_by_label("API Url").fill(f"{product.sandbox_url}{url}")
        save(page)
        expect(heading(page)).to_have_text(name)
        expect(page.locator(".messages")).to_contain_text("the connection works", timeout=15 * SECONDS)

    # Select one or more organizations on the “Credly Organizations” list page. Run the action.
    page.goto("/admin/")
    page.get_by_role("link", name="Credly Organizations", exact=True).first.click()
    run_action(page, [PROVIDER], "Sync organization badge templates")
    expect(page.locator(".messagelist")).to_contain_text("2 templates, 2 new badges", timeout=15 * SECONDS)
    page.goto("/admin/")
    page.get_by_role("link", name="Accredible API Configs", exact=True).first.click()
    run_action(page, [CONFIG], "Sync groups")
    expect(page.locator(".messagelist")).to_contain_text("3 groups, 3 new badges", timeout=15 * SECONDS)

    # Synchronized templates and groups are created inactive by default.
    page.goto("/badges/?active=is")
    expect(page.locator("#find-count")).to_contain_text("0 Results Found")
    page.goto("/badges/?active=not")
    expect(page.locator("#find-count")).to_contain_text("5 Results Found")


def test_a_badge_is_set_to_allow_manual_issuance_and_activated(page_of: Callable[[str], Page]) -> None:
    page = page_of(ADMINISTRATOR)
    # Navigate to the badge's Profile page. Click Edit to edit the badge.
    find(page, "Find Badges", FACILITATOR)
    page.get_by_role("link", name="Edit", exact=True).click()
    # At the bottom of the Basic Information tab, check Enable Manual Issuance. Click Save.
    ticks = page.get_by_role("tabpanel", name="Basic Information").get_by_role("checkbox")
    expect(ticks.last).to_have_accessible_name("Enable Manual Issuance")
    page.get_by_label("Enable Manual Issuance").check()
    save(page)
    expect(page.locator(".states")).to_contain_text("Enabled for Manual Issuance")

    # Activation is the edit page's tick, too.
    page.get_by_role("link", name="Edit", exact=True).click()
    page.get_by_label("Is active").check()
    save(page)
    expect(page.locator(".states")).to_contain_text("Active")


def test_an_achievement_with_its_badge_is_earned_and_the_badge_arrives(
    product: Product, page_of: Callable[[str], Page], api: Api
) -> None:
    organization = api.one("organizations/")["id"]
    lab = api("POST", "labs/", name="Deploy a service", organization=organization, external_id="lab")["id"]
    page = page_of(ADMINISTRATOR)
    admin_menu(page, "Create Achievement")
    page.get_by_label("Name", exact=True).fill("First deployment")
    page.get_by_label("Points").fill("10")
    choose_badge(page, FACILITATOR)
    tab(page, "Conditions")
    page.locator("textarea[name=conditions_text]").fill(f"[{{Subject:0, LabProfileIds:[{lab}], Count:1}}]")
    expect(page.locator("#sentence")).to_contain_text("Deploy a service", timeout=20 * SECONDS)
    save(page)
    # Nobody has met it yet, so there is nothing to decide.
    expect(heading(page)).to_have_text("First deployment")

    learner = api.one(f"users/?email={LEARNER}")["id"]
    api("POST", "lab-instances/", user=learner, lab=lab, started_at="2026-03-01T10:00:00Z")
    assert wait_until(lambda: LEARNER in at_the_sandbox(product, TEMPLATES[FACILITATOR]))

    seen = page_of(LEARNER)
    seen.get_by_role("link", name="Achievements", exact=True).first.click()
    earned = seen.get_by_role("region", name="Achievements", exact=True)
    expect(earned).to_contain_text("First deployment")
    expect(seen.locator("#badges")).to_contain_text("Issued – pending acceptance", timeout=30 * SECONDS)

    # Earned badges are listed in the provider-specific section of the admin panel.
    page.goto("/admin/")
    page.get_by_role("link", name="Credly badges", exact=True).first.click()
    expect(page.locator("#result_list")).to_contain_text("Lena Aprendiz")
    # The badge record has the external UUID and the external state.
    page.goto("/")
    admin_menu(page, "Find Issued Badges")
    page.get_by_role("link", name="Lena Aprendiz").first.click()
    expect(heading(page)).to_have_text(f"{FACILITATOR} – Lena Aprendiz")
    expect(page.locator("main")).to_contain_text(re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-"))
    expect(page.locator("main")).to_contain_text("pending")


def test_what_was_earned_first_brings_the_badge_that_is_attached_later(
    product: Product, page_of: Callable[[str], Page], api: Api
) -> None:
    organization = api.one("organizations/")["id"]
    lab = api("POST", "labs/", name="Review a design", organization=organization, external_id="review")["id"]
    learner = api.one(f"users/?email={LEARNER}")["id"]
    api(
        "POST",
        "achievements/",
        name="Reviewer",
        organization=organization,
        points=20,
        conditions=f"[{{Subject:0, LabProfileIds:[{lab}], Count:1}}]",
    )
    api("POST", "lab-instances/", user=learner, lab=lab, started_at="2026-03-02T10:00:00Z")
    assert wait_until(lambda: api("GET", f"earned-achievements/?user={learner}")["count"] == 2)

    page = page_of(ADMINISTRATOR)
    find(page, "Find Badges", REVIEWER)
    page.get_by_role("button", name="Activate…").click()
    page.get_by_role("dialog").get_by_role("button", name="Activate").click()
    expect(page.locator(".messages")).to_contain_text("is active", timeout=15 * SECONDS)

    find(page, "Find Achievements", "Reviewer")
    page.get_by_role("link", name="Edit", exact=True).click()
    choose_badge(page, REVIEWER)
    save(page)
    dialog = page.get_by_role("dialog", name="Before it is saved")
    expect(dialog).to_contain_text("Lena Aprendiz", timeout=20 * SECONDS)
    assert LEARNER not in at_the_sandbox(product, TEMPLATES[REVIEWER])
    dialog.get_by_role("button", name=re.compile("^Save")).first.click()
    assert wait_until(lambda: LEARNER in at_the_sandbox(product, TEMPLATES[REVIEWER]))


def test_a_badge_that_is_withdrawn_is_ignored_during_processing(
    product: Product, page_of: Callable[[str], Page], api: Api
) -> None:
    page = page_of(ADMINISTRATOR)
    find(page, "Find Badges", REVIEWER)
    # Deactivate a badge template by unchecking the is active checkbox on its edit page.
    page.get_by_role("link", name="Edit", exact=True).click()
    page.get_by_label("Is active").uncheck()
    save(page)
    expect(page.locator(".states")).to_contain_text("Not active")

    organization = api.one("organizations/")["id"]
    late = api(
        "POST",
        "users/",
        email="late@site.example",
        first_name="Lou",
        last_name="Later",
        organization=organization,
    )
    lab = api.one("labs/?external_id=review")["id"]
    api("POST", "lab-instances/", user=late["id"], lab=lab, started_at="2026-03-03T10:00:00Z")
    assert wait_until(lambda: api("GET", f"earned-achievements/?user={late['id']}")["count"] == 1)
    assert not wait_until(lambda: late["email"] in at_the_sandbox(product, TEMPLATES[REVIEWER]), within=5)

    # And what was earned meanwhile is issued when it is active again.
    page.get_by_role("button", name="Activate…").click()
    expect(page.get_by_role("dialog")).to_contain_text("1")
    page.get_by_role("dialog").get_by_role("button", name="Activate").click()
    assert wait_until(lambda: late["email"] in at_the_sandbox(product, TEMPLATES[REVIEWER]))


def test_badge_progress_is_visible_with_what_is_partially_complete(
    page_of: Callable[[str], Page], api: Api
) -> None:
    organization = api.one("organizations/")["id"]
    badge = api.one(f"badges/?name={REVIEWER.replace(' ', '%20')}")["id"]
    api(
        "POST",
        "achievements/",
        name="Two things",
        organization=organization,
        points=5,
        badge=badge,
        conditions="[{Subject:0, Count:1}, {Subject:0, Count:9}]",
    )
    page = page_of(ADMINISTRATOR)
    admin_menu(page, "Badge progress records")
    page.get_by_role("button", name="Choose Achievement").click()
    dialog = page.get_by_role("dialog", name="Choose Achievement")
    dialog.get_by_label("Two things").check()
    dialog.get_by_role("button", name="OK").click()
    expect(dialog).to_be_hidden()
    page.locator("#find-go").click()
    row = page.locator("tbody tr", has_text="Lena Aprendiz")
    expect(row).to_contain_text("1 of 2 conditions", timeout=20 * SECONDS)
    expect(row).to_contain_text("61")
    assert_accessible(page)
