from __future__ import annotations

import http.client
import os
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from tests.providers.conftest import (
    ARCHIVED,
    CANARY,
    ORGANIZATION,
    OTHER_ORGANIZATION,
    OTHER_TOKEN,
    REPEATABLE,
    ROOT,
    TEMPLATE,
    Response,
    SandboxProcess,
)

BASE = f"/v1/organizations/{ORGANIZATION}"
GIVEN = {
    "badge_template_id": TEMPLATE,
    "recipient_email": "ada@example.org",
    "issued_to_first_name": "Ada",
    "issued_to_last_name": "Lovelace",
    "issued_at": "2014-04-01 09:41:00 -0500",
    "issuer_earner_id": "learner-1",
}


def issue(sandbox: SandboxProcess, **changes: Any) -> Response:
    return sandbox.call("POST", f"{BASE}/badges", {**GIVEN, **changes})


def search(sandbox: SandboxProcess, text: str) -> list[str]:
    return [
        row["id"]
        for row in sandbox.call("GET", f"{BASE}/badges?filter={text.replace('|', '%7C')}").json["data"]
    ]


# --- Issuing ------------------------------------------------------------------------------------------------


def test_a_badge_is_issued_pending_with_the_documented_fields(sandbox: SandboxProcess) -> None:
    response = issue(sandbox, suppress_badge_notification_email=True)

    row = response.json["data"]
    assert response.status == 201
    assert response.json["metadata"] == {}
    assert row["state"] == "pending"
    assert row["issued_to"] == "Ada Lovelace"
    assert row["recipient_email"] == "ada@example.org"
    assert row["issuer_earner_id"] == "learner-1"
    assert row["issued_at"] == "2014-04-01T09:41:00.000-05:00"
    assert row["issued_at_date"] == "2014-04-01"
    assert row["badge_template"]["id"] == TEMPLATE
    assert row["suppress_badge_notification_email"] is True
    assert row["accept_badge_url"] == f"{sandbox.url}/badges/{row['id']}"
    assert "badge_url" not in row


@pytest.mark.parametrize(
    "changes",
    [
        *({name: ""} for name in GIVEN if name != "issuer_earner_id"),
        {"recipient_email": "nobody"},
        {"recipient_email": "a b@example.org"},
        {"issued_at": "2014-04-01 09:41:00"},
        {"issued_at": "yesterday"},
        {"badge_template_id": ARCHIVED},
        {"badge_template_id": "7e000000-0000-4000-8000-0000000000ff"},
        {"badge_template_id": 7},
    ],
    ids=str,
)
def test_an_invalid_badge_is_refused_in_the_documented_shape(
    sandbox: SandboxProcess, changes: dict[str, Any]
) -> None:
    response = issue(sandbox, **changes)

    assert response.status == 422
    assert isinstance(response.json["data"]["message"], str)
    assert response.json["metadata"] is None
    assert sandbox.badges() == []


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"issuer_earner_id": "other"},
        {"recipient_email": "other@example.org"},
        {"recipient_email": "ADA@Example.org"},
    ],
    ids=str,
)
def test_the_same_template_for_the_same_person_is_a_duplicate(
    sandbox: SandboxProcess, changes: dict[str, Any]
) -> None:
    issue(sandbox)

    assert issue(sandbox, **changes).status == 422
    assert len(sandbox.badges()) == 1


def test_somebody_else_gets_the_same_template(sandbox: SandboxProcess) -> None:
    issue(sandbox)

    assert issue(sandbox, recipient_email="grace@example.org", issuer_earner_id="learner-2").status == 201


def test_a_template_that_allows_duplicates_shows_them(sandbox: SandboxProcess) -> None:
    first = issue(sandbox, badge_template_id=REPEATABLE).json["data"]["id"]
    second = issue(sandbox, badge_template_id=REPEATABLE).json["data"]["id"]

    assert sandbox.received()["duplicates"] == [[first, second]]


def test_of_many_simultaneous_requests_for_one_person_one_succeeds(sandbox: SandboxProcess) -> None:
    with ThreadPoolExecutor(8) as pool:
        statuses = [response.status for response in pool.map(lambda _: issue(sandbox), range(16))]

    assert sorted(statuses) == [201] + [422] * 15
    assert len(sandbox.badges()) == 1


# --- Revoking -----------------------------------------------------------------------------------------------


def test_a_revoked_badge_keeps_the_reason_and_makes_room_for_another(sandbox: SandboxProcess) -> None:
    badge = issue(sandbox).json["data"]["id"]

    response = sandbox.call("PUT", f"{BASE}/badges/{badge}/revoke", {"reason": "wrong person"})

    assert response.status == 200
    assert response.json["data"]["state"] == "revoked"
    assert response.json["data"]["revocation_reason"] == "wrong person"
    assert issue(sandbox).status == 201


def test_a_badge_is_revoked_once(sandbox: SandboxProcess) -> None:
    badge = issue(sandbox).json["data"]["id"]
    sandbox.call("PUT", f"{BASE}/badges/{badge}/revoke", {"reason": "first"})

    assert sandbox.call("PUT", f"{BASE}/badges/{badge}/revoke", {"reason": "second"}).status == 422
    assert sandbox.badges()[0]["revocation_reason"] == "first"


# --- Searching and listing ----------------------------------------------------------------------------------


def test_badges_are_found_by_each_documented_filter(sandbox: SandboxProcess) -> None:
    ada = issue(sandbox, recipient_email="ada+labs@example.org").json["data"]["id"]
    grace = issue(sandbox, recipient_email="grace@example.org", issuer_earner_id="g").json["data"]["id"]

    assert search(sandbox, "recipient_email_all::Ada%2Blabs@example.org") == [ada]
    assert search(sandbox, "issuer_earner_id::g") == [grace]
    assert search(sandbox, f"badge_template_id::{TEMPLATE}") == [ada, grace]
    assert search(sandbox, f"badge_template_id::{TEMPLATE}|issuer_earner_id::g") == [grace]
    assert search(sandbox, f"badge_template_id::{REPEATABLE}|issuer_earner_id::g") == []
    assert search(sandbox, "state::revoked") == []
    assert search(sandbox, "state::pending,accepted") == [ada, grace]


def test_an_unknown_filter_is_refused_rather_than_ignored(sandbox: SandboxProcess) -> None:
    assert sandbox.call("GET", f"{BASE}/badges?filter=email::a@b.org").status == 422
    assert sandbox.call("GET", f"{BASE}/badges?filter=nonsense").status == 422


def test_a_list_comes_in_pages_of_fifty_with_links(tmp_path: Any) -> None:
    rows = [{"organization_id": ORGANIZATION, "name": f"Badge {number:03}"} for number in range(120)]
    process = SandboxProcess(tmp_path, templates=rows)
    process.start()
    try:
        first = process.call("GET", f"{BASE}/badge_templates?filter=state::active&sort=-name").json
        second = process.call("GET", first["metadata"]["next_page_url"].removeprefix(process.url)).json
        last = process.call("GET", second["metadata"]["next_page_url"].removeprefix(process.url)).json
    finally:
        process.close()

    names = [row["name"] for page in (first, second, last) for row in page["data"]]
    assert names == [f"Badge {number:03}" for number in range(119, -1, -1)]
    assert {
        name: first["metadata"][name]
        for name in ("count", "current_page", "total_count", "total_pages", "per")
    } == {
        "count": 50,
        "current_page": 1,
        "total_count": 120,
        "total_pages": 3,
        "per": 50,
    }
    assert first["metadata"]["previous_page_url"] is None
    assert last["metadata"]["count"] == 20
    assert last["metadata"]["next_page_url"] is None


def test_an_empty_list_has_one_page(sandbox: SandboxProcess) -> None:
    response = sandbox.call("GET", f"{BASE}/badges").json

    assert response["data"] == []
    assert response["metadata"]["total_pages"] == 1


def test_templates_are_filtered_by_state_and_each_has_an_image(sandbox: SandboxProcess) -> None:
    rows = sandbox.call("GET", f"{BASE}/badge_templates?filter=state::active&sort=name").json["data"]

    assert [row["id"] for row in rows] == [REPEATABLE, TEMPLATE]
    image = sandbox.call("GET", rows[0]["image_url"].removeprefix(sandbox.url))
    assert image.headers["Content-Type"] == "image/svg+xml"
    assert "Again and Again" in image.text


# --- Access and form ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("method", "path", "token", "status"),
    [
        ("GET", BASE, CANARY, 200),
        ("GET", f"/api{BASE}", CANARY, 200),
        ("GET", f"/v1/organizations/{OTHER_ORGANIZATION}", OTHER_TOKEN, 200),
        ("GET", BASE, "wrong", 401),
        ("GET", BASE, OTHER_TOKEN, 403),
        ("GET", "/v1/organizations/nobody", CANARY, 404),
        ("GET", "/v1/elsewhere", CANARY, 404),
        ("GET", f"{BASE}/badge_templates/{TEMPLATE}", CANARY, 200),
        ("GET", f"{BASE}/badge_templates/none", CANARY, 404),
        ("PUT", f"{BASE}/badges/none/revoke", CANARY, 404),
        ("DELETE", f"{BASE}/badges", CANARY, 405),
        ("GET", f"{BASE}/badges?page=0", CANARY, 422),
        ("GET", "/nowhere", CANARY, 404),
    ],
)
def test_the_status_tells_who_may_do_what_where(
    sandbox: SandboxProcess, method: str, path: str, token: str, status: int
) -> None:
    assert sandbox.call(method, path, {} if method == "PUT" else None, token=token).status == status


def test_a_request_without_authorization_is_refused(sandbox: SandboxProcess) -> None:
    assert sandbox.call("GET", BASE, headers={"Authorization": ""}).status == 401
    assert sandbox.call("GET", BASE, headers={"Authorization": "Basic ==="}).status == 401


def test_a_body_must_be_a_json_object_and_say_so(sandbox: SandboxProcess) -> None:
    form = {"Content-Type": "application/x-www-form-urlencoded"}

    assert sandbox.call("POST", f"{BASE}/badges", b"a=1", headers=form).status == 415
    assert sandbox.call("POST", f"{BASE}/badges", b"{").status == 400
    assert sandbox.call("POST", f"{BASE}/badges", []).status == 400
    assert sandbox.call("POST", f"{BASE}/badges", b" " * 1_100_000).status == 413


def test_one_connection_serves_many_requests(sandbox: SandboxProcess) -> None:
    before = sandbox.received()["connections"]
    connection = http.client.HTTPConnection("127.0.0.1", sandbox.port, timeout=10)
    for path in ("/", "/_sandbox/received", "/nowhere"):
        connection.request("GET", path)
        connection.getresponse().read()
    connection.close()

    assert sandbox.received()["connections"] - before == 2


# --- Memory -------------------------------------------------------------------------------------------------


def test_a_killed_sandbox_remembers_what_it_promised(sandbox: SandboxProcess) -> None:
    badge = issue(sandbox).json["data"]["id"]
    sandbox.kill()
    sandbox.start()

    assert [row["id"] for row in sandbox.badges()] == [badge]
    assert issue(sandbox).status == 422
    assert sandbox.received()["counts"]["requests"] == {"POST 201": 1, "POST 422": 1}


def test_a_restart_keeps_the_last_state_of_a_badge(sandbox: SandboxProcess) -> None:
    badge = issue(sandbox).json["data"]["id"]
    sandbox.call("PUT", f"{BASE}/badges/{badge}/revoke", {"reason": "gone"})
    assert sandbox.stop() == 0
    sandbox.start()

    assert [row["state"] for row in sandbox.badges()] == ["revoked"]


def test_a_line_that_the_kill_cut_off_is_dropped(sandbox: SandboxProcess) -> None:
    badge = issue(sandbox).json["data"]["id"]
    sandbox.kill()
    with sandbox.data.open("ab") as file:
        file.write(b'{"kind": "badge", "id": "half')
    sandbox.start()
    other = issue(sandbox, recipient_email="grace@example.org", issuer_earner_id="g").json["data"]["id"]
    sandbox.kill()
    sandbox.start()

    assert [row["id"] for row in sandbox.badges()] == [badge, other]


def test_the_file_holds_no_token(sandbox: SandboxProcess) -> None:
    issue(sandbox)
    sandbox.call("GET", BASE, token="wrong-but-secret")

    kept = sandbox.data.read_text()
    assert "ada@example.org" in kept
    assert CANARY not in kept
    assert "wrong-but-secret" not in kept


# --- Faults -------------------------------------------------------------------------------------------------


def test_a_lost_response_loses_the_answer_and_not_the_badge(sandbox: SandboxProcess) -> None:
    sandbox.order(lost_response=1, times=1)

    with pytest.raises(http.client.RemoteDisconnected):
        issue(sandbox)

    assert len(sandbox.badges()) == 1
    assert issue(sandbox).status == 422


def test_an_ordered_status_is_answered_without_acting(sandbox: SandboxProcess) -> None:
    sandbox.order(status=429, retry_after="7")

    response = issue(sandbox)

    assert response.status == 429
    assert response.headers["Retry-After"] == "7"
    assert sandbox.badges() == []


def test_faults_can_be_limited_to_a_method_and_ended(sandbox: SandboxProcess) -> None:
    sandbox.order(status=500, methods=["POST"])
    assert issue(sandbox).status == 500
    assert sandbox.call("GET", BASE).status == 200

    sandbox.order()
    assert issue(sandbox).status == 201


def test_a_search_may_lag_behind_while_the_duplicate_is_refused(sandbox: SandboxProcess) -> None:
    sandbox.order(search_lag=60)
    issue(sandbox)

    assert search(sandbox, "issuer_earner_id::learner-1") == []
    assert issue(sandbox).status == 422


def test_latency_comes_before_the_answer(sandbox: SandboxProcess) -> None:
    sandbox.order(latency_ms=150)
    started = time.monotonic()
    sandbox.call("GET", BASE)

    assert time.monotonic() - started >= 0.15


def test_an_unknown_fault_is_refused_with_the_known_ones(sandbox: SandboxProcess) -> None:
    response = sandbox.call("POST", "/_sandbox/faults", {"explode": 1})

    assert response.status == 422
    assert "lost_response" in response.json["data"]["message"]


def test_faults_can_be_ordered_on_the_command_line(sandbox: SandboxProcess) -> None:
    sandbox.stop()
    sandbox.start("--fail-after", "25%", "--latency-ms", "1")

    ordered = sandbox.call("GET", "/_sandbox/faults").json
    assert (ordered["lost_response"], ordered["latency_ms"]) == (0.25, 1.0)


# --- Pages --------------------------------------------------------------------------------------------------


def test_the_page_lists_badges_newest_first_and_escapes_names(sandbox: SandboxProcess) -> None:
    issue(sandbox)
    issue(sandbox, recipient_email="g@example.org", issuer_earner_id="g", issued_to_last_name="<b>Hopper")

    page = sandbox.call("GET", "/").text
    assert page.index("&lt;b&gt;Hopper") < page.index("Ada Lovelace")
    assert "<b>Hopper" not in page


def test_an_earner_accepts_on_the_badge_page(sandbox: SandboxProcess) -> None:
    badge = issue(sandbox).json["data"]["id"]
    assert "Accept" in sandbox.call("GET", f"/badges/{badge}").text

    response = sandbox.call("POST", f"/badges/{badge}/accept")

    assert (response.status, response.headers["Location"]) == (303, f"/badges/{badge}")
    assert "Accept<" not in sandbox.call("GET", f"/badges/{badge}").text
    row = sandbox.call("GET", f"{BASE}/badges").json["data"][0]
    assert row["state"] == "accepted"
    assert row["badge_url"] == f"{sandbox.url}/badges/{badge}"
    assert "accept_badge_url" not in row


def test_a_revoked_badge_cannot_be_accepted(sandbox: SandboxProcess) -> None:
    badge = issue(sandbox).json["data"]["id"]
    sandbox.call("PUT", f"{BASE}/badges/{badge}/revoke", {"reason": "gone"})
    sandbox.call("POST", f"/badges/{badge}/accept")

    assert sandbox.badges()[0]["state"] == "revoked"


# --- The process --------------------------------------------------------------------------------------------


def test_a_taken_port_is_one_clear_line_and_exit_code_2(sandbox: SandboxProcess) -> None:
    second = subprocess.run(
        sandbox.command(),
        cwd=ROOT,
        env={**os.environ, "DEBUG": "on"},
        capture_output=True,
        text=True,
        timeout=20,
        check=False,
    )

    assert second.returncode == 2
    assert second.stderr.splitlines() == [
        f"Port {sandbox.port} of 127.0.0.1 is taken: choose another with --port."
    ]


def test_it_needs_no_templates_and_no_django(sandbox: SandboxProcess) -> None:
    code = "import runpy, sys; sys.modules['django'] = None; runpy.run_module('providers.sandbox', run_name='__main__')"
    process = subprocess.Popen(
        [sys.executable, "-c", code, "--port", "0", "--data", str(sandbox.data.with_name("other.jsonl"))],
        cwd=ROOT,
        env={**os.environ, "DEBUG": "on"},
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout
    line = process.stdout.readline()
    process.terminate()

    assert "accounts 2, templates 10" in line
    assert process.wait(timeout=10) == 0
    process.stdout.close()


def test_a_production_profile_cannot_import_it() -> None:
    environment = {name: value for name, value in os.environ.items() if name not in {"DEBUG", "DEMO"}}
    for switches, code in (
        ({}, 1),
        ({"DEBUG": "off", "DEMO": "0"}, 1),
        ({"DEBUG": "on"}, 0),
        ({"DEMO": "on"}, 0),
    ):
        result = subprocess.run(
            [sys.executable, "-c", "import providers.sandbox"],
            cwd=ROOT,
            env={**environment, **switches},
            capture_output=True,
            text=True,
            timeout=20,
            check=False,
        )
        assert result.returncode == code, (switches, result.stderr)
        assert ("for development only" in result.stderr) == (code == 1)
