"""What happens to a badge after it was issued, and who is told: replacing, deleting, events and webhooks."""

from __future__ import annotations

import json
import time
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import TYPE_CHECKING, Any

import pytest

from tests.providers.conftest import ARCHIVED, ORGANIZATION, TEMPLATE, Response, SandboxProcess
from tests.providers.test_sandbox import BASE, GIVEN, issue, search

if TYPE_CHECKING:
    from collections.abc import Iterator

REPLACING = {"badge_template_id": TEMPLATE, "issued_at": GIVEN["issued_at"]}


def replace(sandbox: SandboxProcess, badge: str, **changes: Any) -> Response:
    return sandbox.call("POST", f"{BASE}/badges/{badge}/replace", {**REPLACING, **changes})


def events(sandbox: SandboxProcess) -> list[dict[str, Any]]:
    """The oldest first."""
    found: list[dict[str, Any]] = sandbox.call("GET", f"{BASE}/events").json["data"]
    return found[::-1]


# --- Replacing, deleting ------------------------------------------------------------------------------------


def test_a_replacement_takes_the_old_ones_place(sandbox: SandboxProcess) -> None:
    old = issue(sandbox).json["data"]
    response = replace(sandbox, old["id"], issued_to_first_name="Augusta")

    new = response.json["data"]
    assert response.status == 201
    assert (new["replaces_badge_id"], new["state"]) == (old["id"], "pending")
    assert (new["issued_to"], new["recipient_email"]) == ("Augusta Lovelace", "ada@example.org")
    # What is left out is emptied.
    assert new["issuer_earner_id"] is None
    assert sandbox.badges()[0]["replacement_badge_id"] == new["id"]
    assert issue(sandbox).status == 422
    assert sandbox.received()["duplicates"] == []


def test_a_badge_is_replaced_once_and_the_refusal_names_the_end_of_the_chain(sandbox: SandboxProcess) -> None:
    first = issue(sandbox).json["data"]["id"]
    second = replace(sandbox, first).json["data"]["id"]
    third = replace(sandbox, second).json["data"]["id"]

    response = replace(sandbox, first)

    assert response.status == 422
    assert response.json["metadata"] == {"current_badge_id": third}
    assert response.json["data"]["message"]


def test_what_cannot_be_replaced_or_revoked_is_refused(sandbox: SandboxProcess) -> None:
    badge = issue(sandbox).json["data"]["id"]

    assert replace(sandbox, badge, badge_template_id=ARCHIVED).status == 422
    assert replace(sandbox, badge, issued_at="").status == 422
    assert replace(sandbox, "none").status == 404
    replace(sandbox, badge)
    assert sandbox.call("PUT", f"{BASE}/badges/{badge}/revoke", {"reason": "x"}).status == 422
    other = issue(sandbox, recipient_email="g@example.org", issuer_earner_id="g").json["data"]["id"]
    sandbox.call("PUT", f"{BASE}/badges/{other}/revoke", {"reason": "x"})
    assert replace(sandbox, other).status == 422


def test_a_deleted_badge_is_gone_and_makes_room(sandbox: SandboxProcess) -> None:
    badge = issue(sandbox).json["data"]["id"]

    response = sandbox.call("DELETE", f"{BASE}/badges/{badge}")

    assert (response.status, response.text) == (204, "")
    assert sandbox.call("DELETE", f"{BASE}/badges/{badge}").status == 404
    assert sandbox.badges() == []
    assert issue(sandbox).status == 201


def test_all_addresses_of_one_person_are_one_person(sandbox: SandboxProcess) -> None:
    badge = issue(sandbox).json["data"]["id"]
    people = {"emails": ["ada@example.org", "Ada@home.example"]}
    assert sandbox.call("POST", "/_sandbox/people", people).status == 200

    second = issue(sandbox, recipient_email="ada@home.example", issuer_earner_id="another")

    assert second.status == 422
    assert search(sandbox, "recipient_email_all::ada@home.example") == [badge]
    assert search(sandbox, "recipient_email::ada@home.example") == []


def test_evidence_and_expiry_are_kept_and_checked(sandbox: SandboxProcess) -> None:
    evidence = [{"type": "UrlEvidence", "name": "Log", "value": "https://x.example/"}]
    row = issue(sandbox, evidence=evidence, expires_at="2040-01-01 00:00:00 +0000").json["data"]

    assert row["evidence"] == [{"id": "1", **evidence[0]}]
    assert row["expires_at"] == "2040-01-01T00:00:00.000+00:00"
    somebody = {"recipient_email": "g@example.org", "issuer_earner_id": "g"}
    assert issue(sandbox, **somebody, evidence=[{"name": "no type"}]).status == 422
    assert issue(sandbox, **somebody, expires_at="tomorrow").status == 422


def test_tokens_are_listed_with_their_expiry(sandbox: SandboxProcess) -> None:
    sandbox.set_account(ORGANIZATION, token_expires_at="2030-01-01T00:00:00.000Z")

    [row] = sandbox.call("GET", f"{BASE}/authorization_tokens").json["data"]

    assert row["expires_at"] == "2030-01-01T00:00:00.000Z"


# --- Events -------------------------------------------------------------------------------------------------


def test_every_change_is_an_event_that_is_read_one_by_one_too(sandbox: SandboxProcess) -> None:
    badge = issue(sandbox).json["data"]["id"]
    sandbox.call("POST", f"/badges/{badge}/accept")
    sandbox.call("PUT", f"{BASE}/badges/{badge}/revoke", {"reason": "wrong person"})
    sandbox.call("DELETE", f"{BASE}/badges/{badge}")
    archived = {"id": TEMPLATE, "state": "archived"}
    assert sandbox.call("POST", "/_sandbox/templates", archived).json["state"] == "archived"

    found = events(sandbox)

    assert [event["event_type"] for event in found] == [
        "badge.created",
        "badge.state.changed",
        "badge.state.changed",
        "badge.deleted",
        "badge_template.changed",
    ]
    assert {event["organization_id"] for event in found} == {ORGANIZATION}
    assert found[-1]["badge_template"]["state"] == "archived"
    assert sandbox.call("GET", f"{BASE}/events/{found[0]['id']}").json["data"] == found[0]
    assert sandbox.call("GET", f"{BASE}/events/none").status == 404


def test_an_event_tells_the_badge_as_it_is(sandbox: SandboxProcess) -> None:
    badge = issue(sandbox).json["data"]["id"]
    sandbox.call("POST", f"/badges/{badge}/accept")

    assert [event["badge"]["state"] for event in events(sandbox)] == ["accepted", "accepted"]


# --- Webhooks -----------------------------------------------------------------------------------------------


@dataclass
class Receiver:
    """Answers with one status after the other, the last one for ever."""

    statuses: list[int]
    url: str = ""
    bodies: list[dict[str, Any]] = field(default_factory=list)

    def wait(self, count: int) -> list[dict[str, Any]]:
        until = time.monotonic() + 10
        while len(self.bodies) < count and time.monotonic() < until:
            time.sleep(0.01)
        return self.bodies

    def answer(self, body: dict[str, Any]) -> int:
        self.bodies.append(body)
        return self.statuses.pop(0) if len(self.statuses) > 1 else self.statuses[0]


@contextmanager
def receiving(*statuses: int) -> Iterator[Receiver]:
    receiver = Receiver(list(statuses))

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            self.send_response(receiver.answer(body))
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, format: str, *args: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    receiver.url = f"http://127.0.0.1:{server.server_port}/webhooks/secret/?a=b"
    Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
    try:
        yield receiver
    finally:
        server.shutdown()
        server.server_close()


def test_a_webhook_is_told_a_small_json_of_each_change(sandbox: SandboxProcess) -> None:
    issue(sandbox, recipient_email="before@example.org", issuer_earner_id="before")
    with receiving(200) as receiver:
        sandbox.set_account(ORGANIZATION, webhook_url=receiver.url)
        issue(sandbox)

        [body] = receiver.wait(1)
        assert body == {
            name: events(sandbox)[-1][name] for name in ("id", "organization_id", "event_type", "occurred_at")
        }
        assert "ada@example.org" not in json.dumps(body)


@pytest.mark.parametrize("status", [204, 302, 500])
def test_what_does_not_answer_exactly_200_is_told_again(sandbox: SandboxProcess, status: int) -> None:
    with receiving(status, status, 200) as receiver:
        sandbox.set_account(ORGANIZATION, webhook_url=receiver.url, webhook_retry_seconds=0.02)
        issue(sandbox)

        assert len({body["id"] for body in receiver.wait(3)}) == 1
        until = time.monotonic() + 10
        while len(sandbox.received()["webhooks"]) < 3 and time.monotonic() < until:
            time.sleep(0.01)
        time.sleep(0.2)
        assert len(receiver.bodies) == 3
        assert [attempt["status"] for attempt in sandbox.received()["webhooks"]] == [200, status, status]


def test_what_was_not_told_before_the_end_is_told_after_the_next_start(sandbox: SandboxProcess) -> None:
    with receiving(200) as receiver:
        sandbox.set_account(ORGANIZATION, webhook_url=receiver.url)
        issue(sandbox)
        receiver.wait(1)
        sandbox.set_account(ORGANIZATION, webhook_url="http://127.0.0.1:9/", webhook_retry_seconds=60)
        issue(sandbox, recipient_email="g@example.org", issuer_earner_id="g")
        sandbox.set_account(ORGANIZATION, webhook_url="")
        sandbox.kill()
        sandbox.start()
        sandbox.set_account(ORGANIZATION, webhook_url=receiver.url)
        sandbox.kill()
        sandbox.start()
        issue(sandbox, recipient_email="h@example.org", issuer_earner_id="h")

        told = [body["id"] for body in receiver.wait(2)]
        created = [event["id"] for event in events(sandbox)]
        assert told == [created[0], created[2]]


def test_a_webhook_that_was_down_is_told_after_a_restart(sandbox: SandboxProcess) -> None:
    with receiving(500) as down:
        sandbox.set_account(ORGANIZATION, webhook_url=down.url, webhook_retry_seconds=60)
        issue(sandbox)
        down.wait(1)
        sandbox.kill()
        down.statuses[:] = [200]
        sandbox.start()

        assert [body["id"] for body in down.wait(2)] == [events(sandbox)[0]["id"]] * 2


# --- Pages --------------------------------------------------------------------------------------------------


def test_the_issuer_revokes_and_deletes_on_the_badges_page(sandbox: SandboxProcess) -> None:
    badge = issue(sandbox).json["data"]["id"]

    sandbox.call("POST", f"/badges/{badge}/revoke")
    assert sandbox.badges()[0]["state"] == "revoked"
    assert sandbox.call("POST", f"/badges/{badge}/delete").headers["Location"] == "/"
    assert sandbox.badges() == []
