"""Nobody guesses passwords for long, and nobody who knows the own one is kept out by others for long."""

from __future__ import annotations

import time
from typing import Any
from uuid import uuid4

import pytest
from django.test import Client, RequestFactory

from tests.factories import UserFactory
from tms import guessing
from tms.guessing import FROM_ALL_PLACES, FROM_ONE_PLACE, place_of

pytestmark = pytest.mark.django_db
REFUSED = "Too many wrong passwords. Try again in 15 minutes."


@pytest.fixture
def ada() -> str:
    """An address that no other test has guessed at: the counts outlive a test."""
    user = UserFactory(email=f"ada-{uuid4().hex}@example.org")
    user.set_password("long-enough-1")
    user.save()
    return str(user.email)


def sign_in(email: str, password: str, *, place: str = "192.0.2.1") -> str:
    """What the page says, or nothing when it let somebody in."""
    answer = Client().post(
        "/sign-in/", {"username": email, "password": password}, REMOTE_ADDR=place, HTTP_ACCEPT_LANGUAGE="en"
    )
    if answer.status_code == 302:
        return ""
    (error,) = answer.context["form"].non_field_errors()
    return str(error)


def guess(email: str, times: int, **place: str) -> None:
    for _time in range(times):
        assert sign_in(email, "wrong", **place) != REFUSED


def test_who_guesses_is_stopped_even_with_the_right_password(ada: str) -> None:
    guess(ada, FROM_ONE_PLACE)

    assert sign_in(ada, "wrong") == REFUSED
    assert sign_in(f" {ada.upper()}", "long-enough-1") == REFUSED


def test_it_makes_no_difference_whether_there_is_such_an_account() -> None:
    nobody = f"{uuid4().hex}@example.org"
    guess(nobody, FROM_ONE_PLACE)

    assert sign_in(nobody, "wrong") == REFUSED


def test_the_stop_ends_after_a_while(ada: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """In seconds of this world, which are those of Redis as well."""
    monkeypatch.setattr(guessing, "FROM_ONE_PLACE", 1)
    monkeypatch.setattr(guessing, "SECONDS", 2)
    guess(ada, 1)
    assert sign_in(ada, "long-enough-1") != ""

    time.sleep(2.1)
    assert sign_in(ada, "long-enough-1") == ""


def test_others_and_the_same_person_elsewhere_are_not_stopped(ada: str) -> None:
    guess(ada, FROM_ONE_PLACE)
    guess("grace@example.org", 1)

    assert sign_in(ada, "long-enough-1", place="192.0.2.2") == ""


def test_the_right_password_begins_the_count_anew(ada: str) -> None:
    for _time in range(3):
        guess(ada, FROM_ONE_PLACE - 1)
        assert sign_in(ada, "long-enough-1") == ""


def test_many_places_together_are_stopped_too(ada: str) -> None:
    for number in range(FROM_ALL_PLACES // FROM_ONE_PLACE):
        guess(ada, FROM_ONE_PLACE, place=f"198.51.100.{number}")

    assert sign_in(ada, "long-enough-1", place="203.0.113.9") == REFUSED


def test_while_the_cache_is_away_people_come_in(ada: str, monkeypatch: pytest.MonkeyPatch) -> None:
    class Away:
        def __getattr__(self, name: str) -> Any:
            raise ConnectionError

    monkeypatch.setattr(guessing, "cache", Away())

    assert sign_in(ada, "long-enough-1") == ""


@pytest.mark.parametrize(
    ("behind_proxy", "forwarded", "place"),
    [
        (False, "203.0.113.9", "192.0.2.1"),
        (True, "203.0.113.9", "203.0.113.9"),
        (True, "made up, 203.0.113.9", "203.0.113.9"),
        (True, "2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        (True, "unknown", "unknown"),
    ],
)
def test_a_place_is_what_the_nearest_proxy_saw(
    settings: Any, behind_proxy: bool, forwarded: str, place: str
) -> None:
    settings.BEHIND_PROXY = behind_proxy
    request = RequestFactory().get("/", REMOTE_ADDR="192.0.2.1", HTTP_X_FORWARDED_FOR=forwarded)

    assert place_of(request) == place


def test_without_a_header_of_a_proxy_a_place_is_the_address_itself(settings: Any) -> None:
    settings.BEHIND_PROXY = True

    assert place_of(RequestFactory().get("/", REMOTE_ADDR="192.0.2.1")) == "192.0.2.1"
