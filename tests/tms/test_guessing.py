"""Nobody guesses passwords for long, and nobody who knows the own one is kept out by others for long."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.core.cache import cache
from django.test import Client, RequestFactory
from django.utils import timezone

from tests.factories import UserFactory
from tms import guessing
from tms.guessing import FROM_ALL_PLACES, FROM_ONE_PLACE, place_of

pytestmark = pytest.mark.django_db
REFUSED = "Too many wrong passwords. Try again in 15 minutes."


@pytest.fixture(autouse=True)
def _no_attempts() -> Iterator[None]:
    cache.clear()
    yield
    cache.clear()


@pytest.fixture
def ada() -> str:
    user = UserFactory(email="ada@example.org")
    user.set_password("long-enough-1")
    user.save()
    return "ada@example.org"


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
    assert sign_in(" ADA@example.org", "long-enough-1") == REFUSED


def test_it_makes_no_difference_whether_there_is_such_an_account() -> None:
    guess("nobody@example.org", FROM_ONE_PLACE)

    assert sign_in("nobody@example.org", "wrong") == REFUSED


def test_the_stop_ends_after_a_while(ada: str) -> None:
    guess(ada, FROM_ONE_PLACE)
    with time_machine.travel(timezone.now() + timedelta(minutes=guessing.MINUTES, seconds=1), tick=True):
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
