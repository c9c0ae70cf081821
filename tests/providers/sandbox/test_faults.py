"""Misfortune on demand, and the other switches."""

from __future__ import annotations

import http.client
import time
from collections import Counter
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

import pytest

from tests.providers.conftest import (
    CANARY,
    GROUP,
    ISSUER,
    ORGANIZATION,
    OTHER_ORGANIZATION,
    OTHER_TOKEN,
    SandboxProcess,
)
from tests.providers.test_sandbox import BASE, GIVEN, issue, search

DETAILS = "/v1/issuer/details"
KEY = {"Authorization": f"Token token={CANARY}"}


def outcome(sandbox: SandboxProcess) -> str:
    """What became of one request, in a word."""
    try:
        response = sandbox.call("GET", BASE)
    except (http.client.HTTPException, OSError) as error:
        return type(error).__name__
    if "Retry-After" in response.headers:
        return f"{response.status} {'date' if ',' in response.headers['Retry-After'] else 'seconds'}"
    return f"{response.status}" if response.text.startswith("{") else "HTML"


def test_a_lost_request_is_not_carried_out(sandbox: SandboxProcess) -> None:
    sandbox.order(lost_request=1, times=1)

    with pytest.raises(http.client.RemoteDisconnected):
        issue(sandbox)

    assert sandbox.badges() == []
    assert issue(sandbox).status == 201


def test_the_pause_asked_for_comes_as_seconds_or_as_a_date(sandbox: SandboxProcess) -> None:
    sandbox.order(status=429, retry_after="date:60")

    moment = parsedate_to_datetime(sandbox.call("GET", BASE).headers["Retry-After"])

    assert 50 < (moment - datetime.now(UTC)).total_seconds() <= 60


def test_a_hanging_request_may_end_by_itself(sandbox: SandboxProcess) -> None:
    sandbox.order(hang=1, hang_seconds=0.1)

    with pytest.raises(http.client.RemoteDisconnected):
        issue(sandbox)
    assert sandbox.badges() == []


def test_a_cut_answer_without_a_body_is_no_answer(sandbox: SandboxProcess) -> None:
    badge = issue(sandbox).json["data"]["id"]
    sandbox.order(cut=1, times=1)

    with pytest.raises(http.client.HTTPException):
        sandbox.call("DELETE", f"{BASE}/badges/{badge}")


def test_faults_hit_one_account_and_spare_the_others(sandbox: SandboxProcess) -> None:
    sandbox.order(account=ISSUER, status=503)

    assert sandbox.call("GET", DETAILS, headers=KEY).status == 503
    assert sandbox.call("GET", BASE).status == 200

    sandbox.order(status=500)
    assert sandbox.call("GET", DETAILS, headers=KEY).status == 500
    sandbox.order(account=ORGANIZATION)
    assert sandbox.call("GET", BASE).status == 200
    other = f"/v1/organizations/{OTHER_ORGANIZATION}"
    assert sandbox.call("GET", other, token=OTHER_TOKEN).status == 500
    assert set(sandbox.call("GET", "/_sandbox/faults").json["accounts"]) == {ORGANIZATION}


def test_faults_hit_the_requests_that_name_a_pair_and_spare_the_others(sandbox: SandboxProcess) -> None:
    ada, template = "ada@example.org", GIVEN["badge_template_id"]
    sandbox.order(about=[ada, template], status=422, methods=["POST"])
    sandbox.order(about=["grace@example.org"], lost_request=1)

    assert issue(sandbox, recipient_email=ada).status == 422
    with pytest.raises(http.client.RemoteDisconnected):
        issue(sandbox, recipient_email="grace@example.org")
    assert issue(sandbox, recipient_email="alan@example.org", issuer_earner_id="alan").status == 201
    assert search(sandbox, f"recipient_email::{ada}|badge_template_id::{template}") == []

    ordered = sandbox.call("GET", "/_sandbox/faults").json["requests"]
    assert [item["about"] for item in ordered] == [[ada, template], ["grace@example.org"]]
    assert "ada@example.org + " in sandbox.call("GET", "/").text
    assert sandbox.call("POST", "/_sandbox/faults", {"about": ada, "status": 422}).status == 422
    sandbox.order()
    assert issue(sandbox, recipient_email=ada).status == 201


def test_chaos_strikes_a_share_of_the_calls_in_every_way(sandbox: SandboxProcess) -> None:
    sandbox.order(chaos="50%", seed=1, hang_seconds=0.01, drip_seconds=0.0001)

    found = Counter(outcome(sandbox) for _ in range(300))

    assert {"500", "502", "504", "429 seconds", "429 date", "503 seconds", "HTML"} < set(found)
    assert {"RemoteDisconnected", "IncompleteRead"} < set(found)
    # A dripping answer arrives in the end.
    assert 120 < found["200"] < 200


def test_the_dice_of_a_seed_fall_alike_every_time(sandbox: SandboxProcess) -> None:
    runs = []
    for _ in range(2):
        sandbox.order(chaos=0.5, seed=3, hang_seconds=0.01, drip_seconds=0.0001)
        runs.append([outcome(sandbox) for _ in range(40)])

    assert runs[0] == runs[1]


def test_more_calls_than_the_limit_are_asked_to_wait(sandbox: SandboxProcess) -> None:
    sandbox.order(limit=3, limit_seconds=60, retry_after="1")

    assert [sandbox.call("GET", BASE).status for _ in range(4)] == [200, 200, 200, 429]


def test_a_limit_counts_the_calls_of_its_last_seconds_only(sandbox: SandboxProcess) -> None:
    sandbox.order(limit=1, limit_seconds=0.2)
    assert sandbox.call("GET", BASE).status == 200
    time.sleep(0.3)
    assert sandbox.call("GET", BASE).status == 200


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("faults", {"explode": 1}),
        ("faults", {"account": "nobody"}),
        ("faults", {"chaos": "often"}),
        ("faults", []),
        ("accounts", {"id": "nobody"}),
        ("accounts", {"id": ISSUER, "token": "new"}),
        ("templates", {"id": "nothing"}),
        ("templates", {"organization_id": ISSUER, "id": "not-a-number", "name": "x"}),
        ("people", {"emails": []}),
        ("people", {"emails": [1]}),
    ],
)
def test_a_switch_says_what_is_wrong(sandbox: SandboxProcess, path: str, body: Any) -> None:
    response = sandbox.call("POST", f"/_sandbox/{path}", body)

    assert response.status == 422
    assert response.json["data"]["message"]


def test_accounts_are_shown_without_their_tokens(sandbox: SandboxProcess) -> None:
    response = sandbox.call("GET", "/_sandbox/accounts")

    assert {row["id"]: row["vendor"] for row in response.json["accounts"]} == {
        ORGANIZATION: "credly",
        OTHER_ORGANIZATION: "credly",
        ISSUER: "accredible",
    }
    assert CANARY not in response.text


def test_a_template_is_added_while_the_sandbox_runs_and_stays(sandbox: SandboxProcess) -> None:
    row = sandbox.call("POST", "/_sandbox/templates", {"organization_id": ISSUER, "name": "New"}).json
    sandbox.kill()
    sandbox.start()

    assert sandbox.call("GET", f"/v1/issuer/groups/{row['id']}", headers=KEY).json["group"]["name"] == "New"


def test_forgetting_leaves_nothing_but_what_the_start_gave(sandbox: SandboxProcess) -> None:
    issue(sandbox)
    sandbox.set_account(ISSUER, credits=0)
    sandbox.order(account=ISSUER, status=500)
    sandbox.call("POST", "/_sandbox/templates", {"id": GROUP, "name": "Renamed"})
    assert sandbox.call("POST", "/_sandbox/forget").status == 200

    for _ in range(2):
        received = sandbox.received()
        assert (received["badges"], received["counts"]["events"], received["webhooks"]) == ([], 0, [])
        assert sandbox.call("GET", DETAILS, headers=KEY).json["issuer"]["certificate_left"] is None
        group = sandbox.call("GET", f"/v1/issuer/groups/{GROUP}", headers=KEY).json["group"]
        assert group["name"] == "First Lab"
        sandbox.kill()
        sandbox.start()
