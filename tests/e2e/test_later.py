"""What is decided later reaches those who qualified earlier, with nobody pressing anything.

The decisions are made over the API of the running product, as an integrator makes them.
"""

from __future__ import annotations

import json
import time
import urllib.request
from typing import Any

import pytest

from config.demo.generator import LOGINS, sandbox_templates
from tests.e2e.conftest import Product

MINUTE = 60
ADMINISTRATOR = next(login.email for login in LOGINS if login.email.startswith("administrator"))


class Api:
    """The REST API as a program speaks it."""

    def __init__(self, product: Product, email: str = ADMINISTRATOR) -> None:
        self._base = f"{product.url}/api/v1/"
        self._token = product.manage("create_token", email).stdout.strip()

    def __call__(self, method: str, path: str, **body: Any) -> Any:
        request = urllib.request.Request(
            self._base + path,
            method=method,
            data=json.dumps(body).encode() if body else None,
            headers={"Authorization": f"Token {self._token}", "Content-Type": "application/json"},
        )
        with urllib.request.urlopen(request) as answer:
            return json.load(answer)

    def one(self, path: str) -> Any:
        """The only row of a collection."""
        [row] = self("GET", path)["results"]
        return row


@pytest.fixture
def api(product: Product) -> Api:
    return Api(product)


def at_the_sandbox(product: Product, template: str) -> set[str]:
    with urllib.request.urlopen(f"{product.sandbox_url}/_sandbox/received") as answer:
        badges = json.load(answer)["badges"]
    return {badge["recipient_email"] for badge in badges if badge["badge_template_id"] == template}


def wait_until(holds, *, within: float = MINUTE) -> bool:
    deadline = time.monotonic() + within
    while not holds():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.5)
    return True


def earners(api: Api, achievement: int) -> set[int]:
    rows = api("GET", f"earned-achievements/?achievement={achievement}&page_size=500")["results"]
    return {row["user"] for row in rows}


def test_a_badge_linked_after_people_earned_reaches_all_of_them_within_a_minute(product, api):
    achievement = next(
        row for row in api("GET", "achievements/?page_size=100")["results"] if row["name"] == "Back for More"
    )
    assert achievement["badge"] is None
    assert wait_until(lambda: earners(api, achievement["id"]))
    people = {api("GET", f"users/{pk}/")["email"] for pk in earners(api, achievement["id"])}
    badge = next(iter(api("GET", "badges/?external_id=badge-community-mentor")["results"]))
    api("PATCH", f"achievements/{achievement['id']}/", badge=badge["id"])
    assert wait_until(lambda: people <= at_the_sandbox(product, badge["template_id"]))


def test_an_organization_enabled_after_its_learners_qualified_gets_their_badges_within_a_minute(product, api):
    branch = next(row for row in api("GET", "organizations/?page_size=50")["results"] if row["parent"])
    api("PATCH", f"organizations/{branch['id']}/", enable_achievements=False)
    newcomer = api(
        "POST",
        "users/",
        email="late.bloomer@example.org",
        first_name="Late",
        last_name="Bloomer",
        organization=branch["id"],
    )
    api(
        "POST",
        "lab-instances/",
        user=newcomer["id"],
        lab=12345,
        started_at="2026-01-05T09:00:00Z",
        completed_at="2026-01-05T11:00:00Z",
        passed=True,
    )
    badge = next(row["id"] for row in sandbox_templates() if row["name"] == "Security Operations Analyst")
    assert not wait_until(lambda: newcomer["email"] in at_the_sandbox(product, badge), within=4)
    api("PATCH", f"organizations/{branch['id']}/", enable_achievements=True)
    assert wait_until(lambda: newcomer["email"] in at_the_sandbox(product, badge))
