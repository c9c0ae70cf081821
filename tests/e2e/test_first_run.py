"""What a newcomer sees in the first five minutes, in the order in which it happens."""

from __future__ import annotations

import json
import re
import urllib.request

import pytest
from playwright.sync_api import expect

from config.demo.generator import sandbox_templates
from tests.e2e.conftest import assert_accessible, free_port, sign_in

SECONDS = 1000


def received(product):
    with urllib.request.urlopen(f"{product.sandbox_url}/_sandbox/received") as answer:
        return json.load(answer)


def test_the_start_tells_where_to_go_and_who_to_be(product):
    words = product.words()
    assert f"Ready: {product.url}/" in words
    for email in ("administrator", "instructor", "contract", "learner"):
        assert f"{email}@demo.example" in words


def test_the_sign_in_page_refuses_a_wrong_password_in_words(open_page, picture):
    page = open_page()
    page.goto("/")
    expect(page).to_have_url(re.compile("/sign-in/"))
    picture(page, "sign-in")
    assert_accessible(page)
    sign_in(page, "learner@demo.example", "wrong")
    expect(page.get_by_role("alert")).to_contain_text("enter a correct")


def test_badges_issued_by_the_provider_are_on_the_learners_page_within_seconds(product, open_page, picture):
    page = open_page("learner")
    page.goto("/achievements/")
    badge = page.locator(".badge", has_text="First Launch")
    expect(badge).to_contain_text("Issued – pending acceptance", timeout=60 * SECONDS)
    expect(badge).to_contain_text("learner@demo.example")
    picture(page, "achievements")
    page.goto("/")
    expect(page.get_by_role("heading", name="Rewards")).to_be_visible()
    picture(page, "dashboard")


def test_one_more_lab_completed_by_an_administrator_issues_one_more_badge(product, open_page, picture):
    """Nobody presses anything between the completed lab and the badge on the learner's open page."""
    learner = open_page("learner")
    learner.goto("/achievements/")
    name = "Security Operations Responder"
    expect(learner.get_by_role("heading", name="Badges")).to_be_visible()
    expect(learner.locator(".badge", has_text=name)).to_have_count(0)

    administrator = open_page("administrator")
    administrator.goto("/admin/tms/labinstance/?q=learner@demo.example&status__exact=incomplete")
    picture(administrator, "lab-instances")
    rows = administrator.locator("#result_list tbody tr")
    half_way = rows.filter(has_text="Workstation evidence").or_(rows.filter(has_text="workstation")).first
    half_way.locator("input.action-select").check()
    administrator.locator("select[name=action]").select_option("complete")
    administrator.get_by_role("button", name="Go").click()
    expect(administrator.locator(".messagelist")).to_contain_text("completed")

    learner.goto("/achievements/")
    badge = learner.locator(".badge", has_text=name)
    for _ in range(20):
        if badge.count():
            break
        learner.wait_for_timeout(500)
        learner.reload()
    expect(badge).to_contain_text("Issued – pending acceptance", timeout=20 * SECONDS)

    sandbox = received(product)
    template = next(template["id"] for template in sandbox_templates() if template["name"] == name)
    ours = [badge for badge in sandbox["badges"] if badge["recipient_email"] == "learner@demo.example"]
    assert [badge["badge_template_id"] for badge in ours].count(template) == 1
    assert not sandbox["duplicates"]


def test_a_learner_opts_out_and_comes_back(open_page):
    page = open_page("learner")
    page.goto("/achievements/")
    page.get_by_role("button", name="I do not want to participate in achievements").click()
    expect(page.locator("main :is(.badges, .achievements)")).to_have_count(0)
    expect(page.locator("main")).to_contain_text(re.compile(r"\d+ badges remain at Credly"))
    page.get_by_role("button", name=re.compile("participate", re.IGNORECASE)).click()
    expect(page.locator("main")).to_contain_text("First Launch")


def test_an_administrator_sees_the_learners_page_and_a_stranger_does_not(open_page):
    administrator = open_page("administrator")
    administrator.goto("/admin/tms/user/?q=learner@demo.example")
    administrator.locator("#result_list tbody th a").first.click()
    pk = re.search(r"/user/(\d+)/", administrator.url)[1]
    administrator.goto(f"/users/{pk}/achievements/")
    expect(administrator.get_by_role("heading", level=1)).to_contain_text("Zoë Marchetti")


PAGES = ["/", "/achievements/", "/style-guide/"]


@pytest.mark.parametrize("color_scheme", ["light", "dark"])
@pytest.mark.parametrize("who", ["learner", "administrator"])
def test_pages_are_accessible_in_both_themes_and_fit_a_phone(open_page, who, color_scheme):
    page = open_page(who, color_scheme=color_scheme)
    for path in PAGES:
        page.goto(path)
        assert_accessible(page)
    phone = open_page(who, color_scheme=color_scheme, width=390)
    for path in PAGES:
        phone.goto(path)
        assert_accessible(phone)
        overflow = phone.evaluate(
            "document.documentElement.scrollWidth - document.documentElement.clientWidth"
        )
        assert overflow <= 0, path


def test_the_documentation_of_the_api_works_under_the_strict_policy(open_page):
    page = open_page("administrator")
    page.goto("/api/docs/")
    expect(page.get_by_text("lab-instances").first).to_be_visible(timeout=15 * SECONDS)


def test_the_keyboard_reaches_the_content_first(open_page):
    page = open_page("learner")
    page.goto("/achievements/")
    page.keyboard.press("Tab")
    expect(page.locator(":focus")).to_have_text(re.compile("Skip"))
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    assert page.evaluate("document.querySelector('main').contains(document.activeElement)")


class TestStartingAgain:
    """These stop the product, so they come last."""

    def test_a_taken_port_is_refused_with_a_remedy(self, product):
        second = product.manage("serve", "--port", str(product.port))
        assert second.returncode != 0
        assert f"Port {product.port}" in second.stderr
        assert "make run PORT=" in second.stderr

    def test_ctrl_c_stops_everything_and_a_second_start_keeps_the_data(self, product, open_page):
        before = received(product)
        assert product.stop() == 0
        for port in (product.port, product.port + 100):
            with pytest.raises(OSError, match="refused"):
                urllib.request.urlopen(f"http://127.0.0.1:{port}/", timeout=2)
        product.port = free_port()
        product.start()
        assert product.words().count("loading the demo") == 1
        assert len(received(product)["badges"]) == len(before["badges"])
        page = open_page("learner")
        page.goto("/achievements/")
        expect(page.locator(".badge", has_text="First Launch")).to_be_visible()
