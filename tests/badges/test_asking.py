"""What one answer says of its account holds for everybody who calls it."""

from __future__ import annotations

import pytest

from badges.asking import Heard, Unexpected, ask, asking, learn
from providers import accounts, breaker, limits
from providers.base import Misconfigured, NotPublished, OutcomeUnknown, Rejected, Transient
from providers.connections import clock
from providers.models import BadgeProvider
from tests.factories import BadgeProviderFactory

pytestmark = pytest.mark.django_db


@pytest.fixture
def account():
    return BadgeProviderFactory()


def after(account) -> BadgeProvider:
    return BadgeProvider.objects.get(pk=account.pk)


@pytest.mark.parametrize(
    ("answer", "there"),
    [
        ("anything", True),
        (Rejected("No.", status=404), True),
        (Misconfigured("No.", status=401), True),
        (NotPublished("No credits."), True),
        (Transient("Wait.", status=429), True),
        (Transient("No connection."), False),
        (OutcomeUnknown("No answer."), False),
        (Unexpected("Our mistake."), None),
    ],
    ids=str,
)
def test_what_an_answer_says_of_whether_somebody_is_there(answer, there):
    assert Heard(answer, calls=1).is_somebody_there is there
    assert Heard(answer, calls=0).is_somebody_there is None


def test_an_account_that_is_refused_is_paused(account):
    assert learn(account, [Heard(Misconfigured("No.", provider_message="Unknown token."), calls=1)]) == {
        account.pk
    }
    assert after(account).pause_reason == "Unknown token."


def test_a_refusal_of_a_token_that_has_been_replaced_pauses_nothing(account):
    """The request was under way when the new one was stored."""
    accounts.save_provider(after(account), new_token="a-new-one")
    learn(account, [Heard(Misconfigured("No.", status=401), calls=1)])
    assert after(account).paused_at is None
    learn(after(account), [Heard(Misconfigured("No.", status=401), calls=1)])
    assert after(account).paused_at is not None


def test_an_account_that_is_asked_to_wait_waits(account):
    assert learn(account, [Heard(Transient("Wait.", status=429, retry_after=60.0), calls=1)]) == {account.pk}
    assert after(account).closed_until is not None


def test_an_account_where_nobody_answers_is_left_alone_and_any_answer_ends_that(account):
    silence = [Heard(OutcomeUnknown("No answer."), calls=1)] * breaker.THRESHOLD
    assert learn(account, silence) == {account.pk}
    assert after(account).broken_until is not None
    assert learn(after(account), [Heard("something", calls=1)]) == set()
    assert after(account).broken_until is None


def test_calls_beyond_their_turns_are_counted(account, monkeypatch):
    charged = []
    monkeypatch.setattr(limits, "charge", lambda provider, calls: charged.append(calls))
    learn(account, [Heard("one", calls=1), Heard("a search", calls=3)])
    learn(account, [Heard("a list", calls=7)], turns=0)
    assert charged == [2, 7]


def test_errors_are_values_and_calls_are_counted():
    def question():
        clock.calls += 2
        raise RuntimeError("Our mistake.")

    heard = ask(question)
    assert (type(heard.answer), heard.calls) == (Unexpected, 2)


def test_what_is_raised_while_asking_is_learned_too(account):
    with pytest.raises(Misconfigured), asking(account):
        clock.calls += 1
        raise Misconfigured("No.", status=401)
    assert after(account).paused_at is not None


def test_who_asks_for_long_counts_its_calls_as_they_are_made(account, monkeypatch):
    charged = []
    monkeypatch.setattr(limits, "charge", lambda provider, calls: charged.append(calls))
    with asking(account, turns=1) as count:
        clock.calls += 3
        count()
        count()
        clock.calls += 2
        count()
        clock.calls += 1
    assert [calls for calls in charged if calls] == [2, 2, 1]


def test_a_refusal_that_may_speak_of_reading_alone_pauses_nothing(account):
    with pytest.raises(Misconfigured), asking(account, pauses=False):
        clock.calls += 1
        raise Misconfigured("No.", status=403)
    assert after(account).paused_at is None
