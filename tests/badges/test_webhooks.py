"""The door that providers knock at: what is answered, to whom, and what it may cost."""

from __future__ import annotations

import json
import re
import time
from datetime import UTC, datetime
from typing import Any

import pytest
from django.db import OperationalError
from django.urls import reverse

from badges import provider_events
from badges.models import ProviderEvent
from badges.provider_events import process
from badges.status import Status
from badges.webhooks import BODY_BYTES
from providers import accounts
from providers.models import BadgeProvider
from tests.badges.conftest import stored
from tests.badges.stories import act, issue
from tests.factories import BadgeProviderFactory
from tests.providers.conftest import ORGANIZATION

pytestmark = pytest.mark.django_db
EVENT = {
    "id": "5e000000-0000-4000-8000-000000000001",
    "organization_id": "11111111-1111-4111-8111-111111111111",
    "event_type": "badge.state.changed",
    "occurred_at": "2026-05-04T09:41:00.000-05:00",
}


@pytest.fixture
def provider():
    return accounts.save_provider(
        BadgeProviderFactory.build(organization=BadgeProviderFactory().organization)
    )


@pytest.fixture
def address(provider):
    return reverse("credly-webhook", args=[provider.webhook_secret])


@pytest.fixture
def post(client, address):
    def send(body: Any, **headers: Any):
        content = body if isinstance(body, bytes | str) else json.dumps(body)
        return client.post(address, content, content_type="application/json", **headers)

    return send


def test_an_event_is_stored_and_answered_with_exactly_200(provider, post):
    answer = post(EVENT)
    assert (answer.status_code, answer.content) == (200, b"")
    event = ProviderEvent.objects.get()
    assert (event.badge_provider, event.external_id) == (provider, EVENT["id"])
    assert (event.kind, event.told, event.read) == ("badge.state.changed", EVENT, {})
    assert event.occurred_at == datetime(2026, 5, 4, 14, 41, tzinfo=UTC)
    assert (event.processed_at, event.attempts) == (None, 0)


def test_a_repeated_event_is_answered_alike_and_stored_once(post):
    assert [post(EVENT).status_code for _time in range(3)] == [200, 200, 200]
    assert ProviderEvent.objects.count() == 1


def test_an_event_of_a_kind_that_nobody_knows_is_welcome(post):
    assert post({"id": 17, "event_type": "quiz.won", "new_field": [1, {"deep": None}]}).status_code == 200
    event = ProviderEvent.objects.get()
    assert (event.external_id, event.kind, event.occurred_at) == ("17", "quiz.won", None)


def test_what_arrives_is_kept_without_persons_and_secrets(provider, post):
    post(
        {
            **EVENT,
            "badge": {"recipient_email": "ada@example.org", "note": f"ada@example.org {provider.token}"},
        }
    )
    kept = str(ProviderEvent.objects.get().told)
    assert "ada@" not in kept
    assert provider.token not in kept


def test_an_event_of_another_organization_is_kept_and_waits_for_nothing(post):
    assert post({**EVENT, "organization_id": "somebody-else"}).status_code == 200
    event = ProviderEvent.objects.get()
    assert (event.outcome, event.processed_at is None) == (ProviderEvent.Outcome.IGNORED, False)


def test_two_accounts_may_be_told_events_of_one_id(client, provider):
    for secret in (provider.webhook_secret, other().webhook_secret):
        client.post(reverse("credly-webhook", args=[secret]), EVENT, content_type="application/json")
    assert ProviderEvent.objects.count() == 2


def other() -> BadgeProvider:
    return accounts.save_provider(
        BadgeProviderFactory.build(organization=BadgeProviderFactory().organization)
    )


# --- Whatever is sent ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"not json",
        b"\xff\xfe\xfd",
        b"[1]",
        b"null",
        b'"text"',
        b"{}",
        b'{"id": ""}',
        b'{"id": null}',
        b'{"id": ["x"]}',
        b'{"id": "' + b"x" * 101 + b'"}',
        b'{"id": NaN}',
        b'{"id": "x", "more": Infinity}',
        b"[" * 30_000,
        b'{"id": ' + b"9" * 5_000 + b"}",
    ],
    ids=lambda body: body[:24].decode(errors="replace"),
)
def test_what_is_no_event_is_refused_with_a_sentence(provider, post, caplog, body):
    answer = post(body)
    assert answer.status_code == 400
    assert set(answer.json()) == {"code", "message"}
    assert provider.webhook_secret not in caplog.text
    assert len(answer.json()["message"]) < 200
    assert not ProviderEvent.objects.exists()


@pytest.mark.parametrize(
    "more",
    [
        {"id": "nul \0 inside", "event_type": "\0"},
        {"id": "half \ud83d of a character", "organization_id": "\udfff"},
        {"event_type": "x" * 1_000},
        {"event_type": {"not": "text"}},
        {"occurred_at": "yesterday"},
        {"occurred_at": "0001-01-01T00:00:00+23:59"},
        {"occurred_at": "9999-12-31T23:59:59-23:59"},
        {"occurred_at": 17},
        {"organization_id": {}},
        {"number": 10**4_000, "key \0": True},
    ],
    ids=lambda more: ascii(more)[:40],
)
def test_whatever_an_event_says_it_is_stored(post, more):
    assert post({**EVENT, **more}).status_code == 200
    assert ProviderEvent.objects.count() == 1


def test_numbers_that_no_column_holds_are_stored_too(post):
    assert (
        post(b'{"id": "x", "huge": 1e999, "deep": ' + b'{"a":' * 500 + b"1" + b"}" * 501).status_code == 200
    )
    assert ProviderEvent.objects.get().told["huge"] == "inf"


def test_a_body_that_is_too_long_is_not_read_to_its_end(post):
    answer = post({**EVENT, "padding": "x" * BODY_BYTES})
    assert answer.status_code == 413
    assert not ProviderEvent.objects.exists()


@pytest.mark.parametrize("verb", ["account_of", "receive"])
def test_what_cannot_be_stored_is_sent_again_and_no_log_tells_the_secret(
    client, provider, post, monkeypatch, caplog, verb
):
    def fail(*_args: Any, **_named: Any) -> None:
        raise OperationalError("The database is starting up.")

    monkeypatch.setattr(provider_events, verb, fail)
    client.raise_request_exception = False
    assert post(EVENT).status_code == 503
    assert "The database is starting up." in caplog.text
    assert provider.webhook_secret not in caplog.text


# --- Whoever knocks -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("secret", ["wrong", "x" * 3_000, "%00", "ünï"])
def test_who_does_not_know_the_secret_finds_nothing_here(client, provider, secret):
    wrong = client.post(f"/webhooks/credly/{secret}/", b"not even JSON", content_type="text/plain")
    nowhere = client.post("/nothing/is/here/", b"", content_type="text/plain")
    assert (wrong.status_code, page(wrong)) == (404, page(nowhere))


def page(answer: Any) -> str:
    """But for what is different on every page."""
    own = r'"X-CSRFToken": "\w+"|name="(csrfmiddlewaretoken|next)" value="[^"]*"'
    return re.sub(own, "", answer.content.decode())


def test_a_secret_that_was_renewed_is_one_no_longer(provider, post):
    accounts.renew_webhook_address(provider)
    assert post(EVENT).status_code == 404


def test_an_account_of_another_kind_has_no_address_here(provider, post):
    BadgeProvider.objects.filter(pk=provider.pk).update(kind=BadgeProvider.Kind.ACCREDIBLE)
    assert post(EVENT).status_code == 404


@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT", "PATCH", "DELETE", "OPTIONS"])
def test_only_posting_is_understood(client, address, method):
    assert client.generic(method, address).status_code == 405


def test_a_wrong_secret_costs_one_statement_and_a_right_one_two(
    client, address, post, django_assert_num_queries
):
    with django_assert_num_queries(1):
        client.post("/webhooks/credly/wrong/", EVENT, content_type="application/json")
    with django_assert_num_queries(4):  # two of them mark the transaction inside that of this test
        assert post(EVENT).status_code == 200


def test_nobody_needs_a_cookie_and_nobody_gets_one(post):
    answer = post(EVENT, HTTP_ORIGIN="https://elsewhere.example")
    assert (answer.status_code, answer.cookies) == (200, {})


def test_a_disabled_account_is_answered_and_its_events_wait(provider, post):
    BadgeProvider.objects.update(is_enabled=False)
    assert post(EVENT).status_code == 200
    assert process() == 0
    assert ProviderEvent.objects.get().processed_at is None


# --- Over the wire ------------------------------------------------------------------------------------------


@pytest.mark.django_db(transaction=True)
def test_the_provider_posts_and_the_badge_follows(sandbox, account, badge, live_server):
    """The whole way, with the sandbox as the one who posts."""
    accounts.renew_webhook_address(account)
    url = f"{live_server.url}{reverse('credly-webhook', args=[account.webhook_secret])}"
    setting = {"id": ORGANIZATION, "webhook_url": url, "webhook_retry_seconds": 0.1}
    assert sandbox.call("POST", "/_sandbox/accounts", setting).status == 200
    row = issue(badge)
    act(sandbox, row.external_uuid, "accept")
    kinds = ProviderEvent.objects.order_by("occurred_at").values_list("kind", flat=True)
    deadline = time.monotonic() + 30
    while stored(row).status != Status.ACCEPTED or len(kinds.all()) < 2:
        assert time.monotonic() < deadline, sandbox.received()["webhooks"]
        process()
        time.sleep(0.05)
    assert list(kinds) == ["badge.created", "badge.state.changed"]
    assert {told["status"] for told in sandbox.received()["webhooks"]} == {200}


@pytest.mark.django_db(transaction=True)
def test_what_was_stored_is_looked_at_at_once(post, monkeypatch):
    hinted: list[str] = []
    monkeypatch.setattr("tms.hint._send", hinted.append)
    post(EVENT)
    assert hinted == [provider_events.PROCESS]
