"""Whether an account works, and how long its token lasts."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import connection
from django.utils import timezone

from providers import accounts, health
from providers.base import Checked
from providers.credly import Credly
from providers.health import check, check_all, health_of, token_warning
from providers.models import BadgeProvider
from tests.factories import AdministratorFactory, BadgeProviderFactory, UserFactory
from tests.providers.paper import Paper, on_paper
from tms.errors import NotFound

pytestmark = pytest.mark.django_db
NOW = datetime(2026, 6, 1, 12, tzinfo=UTC)


@pytest.fixture
def paper() -> Iterator[Paper]:
    with on_paper() as paper:
        yield paper


def stored(account: BadgeProvider) -> BadgeProvider:
    return BadgeProvider.objects.get(pk=account.pk)


# --- Checking -----------------------------------------------------------------------------------------------


def test_an_account_that_works_tells_whose_it_is(paper: Paper) -> None:
    account = BadgeProviderFactory()
    assert account.is_unchecked

    checkup = check(account)

    assert (checkup.works, checkup.name, checkup.problem) == (True, "Brackenfold", "")
    assert (stored(account).check_problem, stored(account).is_unchecked) == ("", False)
    assert account.checked_at == stored(account).checked_at


def test_what_does_not_work_is_told_in_both_our_words_and_theirs_and_pauses_nothing(paper: Paper) -> None:
    account = BadgeProviderFactory()
    paper.refuse, paper.sentence = 401, "The token is unknown."

    checkup = check(account)

    assert not checkup.works
    assert checkup.problem == ("sandbox-api.credly.com refuses the account (401). The token is unknown.")
    assert stored(account).check_problem == checkup.problem
    assert stored(account).is_usable
    paper.refuse = 0
    assert check(stored(account)).works
    assert stored(account).check_problem == ""


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        ({"token": ""}, "no authentication token"),
        ({"provider_organization_id": ""}, "no organization ID"),
        ({"api_url": "http://10.0.0.1/v1"}, "must begin with https"),
        ({"kind": BadgeProvider.Kind.OPEN_BADGES}, "Open Badges cannot issue yet"),
    ],
)
def test_an_account_that_cannot_be_asked_says_why(given: dict[str, Any], sentence: str) -> None:
    assert sentence in check(BadgeProviderFactory(**given)).problem


def test_the_end_of_the_token_is_kept_where_the_provider_tells_it(
    paper: Paper, monkeypatch: pytest.MonkeyPatch
) -> None:
    account = BadgeProviderFactory(token_set_at=NOW)
    monkeypatch.setattr(Credly, "check", lambda self: Checked(name="B", token_expires_at=NOW))
    check(account)
    assert stored(account).token_ends_at == NOW
    monkeypatch.setattr(Credly, "check", lambda self: Checked(name="B"))
    check(account)
    assert stored(account).token_ends_at == NOW


def test_what_was_said_of_an_older_token_is_not_written_to_the_new_one(paper: Paper) -> None:
    account = BadgeProviderFactory()
    paper.refuse = 401

    def exchange() -> None:
        paper.before_answer = None
        accounts.save_provider(stored(account), new_token="another")

    paper.before_answer = exchange

    assert not check(account).works
    assert stored(account).is_unchecked
    assert stored(account).check_problem == ""


def test_only_administrators_of_the_account_check_it(paper: Paper) -> None:
    account = BadgeProviderFactory()
    for stranger in (AdministratorFactory(), UserFactory(organization=account.organization)):
        with pytest.raises(NotFound):
            check(account, actor=stranger)
    assert paper.asked == []
    assert check(account, actor=AdministratorFactory(organization=account.organization)).works


def test_every_enabled_account_is_checked_each_night_and_none_stops_the_others(
    paper: Paper, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = BadgeProviderFactory.create_batch(2)
    BadgeProviderFactory(is_enabled=False)
    BadgeProviderFactory(kind=BadgeProvider.Kind.OPEN_BADGES)
    real = health.check

    def fail_once(provider: BadgeProvider) -> Any:
        if provider == first:
            raise RuntimeError
        return real(provider)

    monkeypatch.setattr(health, "check", fail_once)
    assert [checkup.provider for checkup in check_all()] == [second]
    settings.BADGES_ENABLED = False
    paper.asked.clear()
    assert check_all() == []
    assert paper.asked == []


@pytest.mark.django_db(transaction=True)
def test_no_transaction_is_open_while_the_provider_is_asked(paper: Paper) -> None:
    seen: list[bool] = []
    paper.before_answer = lambda: seen.append(connection.in_atomic_block)

    check(BadgeProviderFactory())

    assert seen
    assert not any(seen)


# --- Tokens that end ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("left", "warning"),
    [
        (timedelta(days=31), ""),
        (timedelta(days=30), "The token ends in 30 days, on July 1, 2026."),
        (timedelta(days=1, hours=1), "The token ends in 1 day, on June 2, 2026."),
        (timedelta(hours=5), "The token ends within a day."),
        (timedelta(0), "The token ended on June 1, 2026."),
        (timedelta(days=-3), "The token ended on May 29, 2026."),
    ],
)
def test_the_end_of_a_token_is_warned_of_a_month_before(left: timedelta, warning: str) -> None:
    told = BadgeProviderFactory(token_expires_at=NOW + left)
    expected = BadgeProviderFactory(token_set_at=NOW + left - timedelta(days=180))

    for account in (told, expected):
        assert token_warning(account, now=NOW).startswith(warning)
        assert bool(token_warning(account, now=NOW)) == bool(warning)
    found = BadgeProvider.objects.filter(health.ending(now=NOW))
    assert set(found) == ({told, expected} if warning else set())


def test_what_the_provider_told_counts_more_than_what_is_documented() -> None:
    account = BadgeProviderFactory(
        token_set_at=NOW - timedelta(days=179), token_expires_at=NOW + timedelta(days=90)
    )
    assert token_warning(account, now=NOW) == ""
    assert not BadgeProvider.objects.filter(health.ending(now=NOW)).exists()


def test_of_a_token_that_nobody_knows_the_age_of_nothing_is_said() -> None:
    assert token_warning(BadgeProviderFactory(), now=NOW) == ""
    accredible = BadgeProviderFactory(
        kind=BadgeProvider.Kind.ACCREDIBLE, token_set_at=NOW - timedelta(days=999)
    )
    assert token_warning(accredible, now=NOW) == ""
    assert not BadgeProvider.objects.filter(health.ending(now=NOW)).exists()


# --- In one sentence ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("given", "level", "sentence"),
    [
        ({"is_enabled": False, "paused_at": NOW}, "quiet", "Disabled"),
        (
            {"paused_at": NOW, "pause_reason": "No budget.", "check_problem": "x"},
            "error",
            "Paused: No budget.",
        ),
        ({"checked_at": NOW, "check_problem": "Refused."}, "error", "Does not work: Refused."),
        (
            {"checked_at": NOW, "broken_until": NOW + timedelta(minutes=5)},
            "warning",
            "Does not answer; called again at 12:05 p.m.",
        ),
        (
            {"checked_at": NOW, "closed_until": NOW + timedelta(minutes=5)},
            "warning",
            "Asked us to wait; called again at 12:05 p.m.",
        ),
        ({"checked_at": NOW, "token_expires_at": NOW}, "warning", "The token ended on June 1, 2026."),
        ({}, "quiet", "Not checked yet"),
        ({"checked_at": NOW, "broken_until": NOW - timedelta(minutes=5)}, "ok", "Works"),
    ],
)
def test_the_gravest_thing_about_an_account_is_told(given: dict[str, Any], level: str, sentence: str) -> None:
    with timezone.override(UTC):
        found = health_of(BadgeProviderFactory(**given), now=NOW)

    assert found.level == level
    assert found.sentence.startswith(sentence)
