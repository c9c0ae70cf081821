"""Each idea of what achievements can reward works in the demo: done by a newcomer, earned, and shown.

What a profile earns is done on its own page (test_profile_card); the rest arrives as an integration sends it.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from playwright.sync_api import Page, expect

from tests.e2e.conftest import Product
from tests.e2e.test_later import Api, wait_until

START = datetime.fromisoformat("2026-03-02T10:00:00+00:00")
IDEAS = {
    "Courses": ["First Lesson", "One Module Down", "From Start to Finish", "Seven in a Row"],
    "Community": ["First Post", "In the Conversation", "Helping Hand", "Well Received"],
}


def test_courses_streaks_and_the_community_earn_and_are_shown_by_category(
    product: Product, open_page: Callable[..., Page]
) -> None:
    api = Api(product)
    home = api("GET", "organizations/?external_id=org-brackenfold")["results"][0]["id"]

    def person(name: str) -> Any:
        given = {"email": f"{name}@ideas.example", "first_name": name.title(), "last_name": "Idea"}
        return api("POST", "users/", organization=home, **given)["id"]

    newcomer, *others = [person(name) for name in ("nora", "abe", "bea", "cid", "dot", "eli")]

    def did(kind: str, *, times: int = 1, people: list[int] | None = None) -> None:
        for number in range(times):
            more = {"other_user": people[number % len(people)]} if people else {}
            at = (START + timedelta(days=number)).isoformat()
            api("POST", "activities/", user=newcomer, kind=kind, occurred_at=at, **more)

    did("lesson_completed")
    did("module_completed")
    taken = {"user": newcomer, "course": 2345, "started_at": START.isoformat()}
    api("POST", "course-assignments/", completed_at=(START + timedelta(days=1)).isoformat(), **taken)
    did("session", times=7)
    did("post_published")
    did("comment_added", times=10)
    # Helping oneself and reacting to oneself never counts, nor does the same person twice.
    did("learner_helped", times=3, people=[newcomer])
    did("learner_helped", times=3, people=others[:3])
    did("reaction_received", times=5, people=others)

    wanted = {name for names in IDEAS.values() for name in names}

    def earned() -> set[str]:
        rows = api("GET", f"earned-achievements/?user={newcomer}&page_size=100")["results"]
        ids = {row["achievement"] for row in rows}
        return {
            row["name"] for row in api("GET", "achievements/?page_size=200")["results"] if row["id"] in ids
        }

    assert wait_until(lambda: wanted <= earned()), wanted - earned()
    page = open_page("administrator")
    page.goto(f"/members/{newcomer}/achievements/")
    for category, names in IDEAS.items():
        shown = page.locator("section", has=page.get_by_role("heading", name=category, exact=True)).first
        for name in names:
            entry = shown.locator(".gallery-entry", has=page.get_by_role("heading", name=name, exact=True))
            expect(entry.first).to_contain_text("Earned")
