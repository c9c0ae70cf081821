"""The Accredible that the sandbox plays, asked without our adapter."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from tests.providers.conftest import (
    CANARY,
    GROUP,
    ISSUER,
    REPEATABLE_GROUP,
    TEMPLATE,
    Response,
    SandboxProcess,
)

GIVEN = {
    "id": "intent-1",
    "group_id": int(GROUP),
    "recipient": {"name": "Ada Lovelace", "email": "ada@example.org", "id": "learner-1"},
    "issued_on": "2026-03-02",
}


def call(sandbox: SandboxProcess, method: str, path: str, body: Any = None, *, key: str = CANARY) -> Response:
    return sandbox.call(method, path, body, headers={"Authorization": f"Token token={key}"})


def issue(sandbox: SandboxProcess, **changes: Any) -> Response:
    return call(sandbox, "POST", "/v1/credentials", {"credential": {**GIVEN, **changes}})


def issued(sandbox: SandboxProcess, **changes: Any) -> dict[str, Any]:
    response = issue(sandbox, **changes)
    assert response.status == 200, response.text
    found: dict[str, Any] = response.json["credential"]
    return found


def somebody(number: int) -> dict[str, Any]:
    return {"id": f"r{number}", "recipient": {"name": f"A {number}", "email": f"a{number}@example.org"}}


def search(sandbox: SandboxProcess, **body: Any) -> Response:
    return call(sandbox, "POST", "/v2/credentials/search", body)


def found_by(sandbox: SandboxProcess, **query: Any) -> list[str]:
    return [str(row["id"]) for row in search(sandbox, query=query).json["credentials"]]


# --- Creating -----------------------------------------------------------------------------------------------


def test_a_credential_is_published_with_the_documented_fields(sandbox: SandboxProcess) -> None:
    row = issued(
        sandbox,
        expired_on="01/03/2040",
        evidence_items=[{"category": "url", "description": "Log", "url": "https://x.example/"}],
        meta_data={"a": "b"},
    )

    assert isinstance(row["id"], str)
    assert (row["approve"], row["complete"], row["private"]) == (True, True, False)
    assert (row["issued_on"], row["expired_on"]) == ("2026-03-02", "2040-03-01")
    assert (row["group_id"], row["group_name"], row["name"]) == (7301, "First Lab", "First Lab")
    assert row["recipient"] == {**GIVEN["recipient"], "meta_data": None}
    assert row["issuer"]["id"] == int(ISSUER)
    assert row["evidence_items"][0]["link_url"] == "https://x.example/"
    assert row["url"] == f"{sandbox.url}/credentials/{row['id']}"
    assert "license_id" not in row


@pytest.mark.parametrize(
    ("changes", "errors"),
    [
        ({"recipient": None}, "Can not create credential without recipient data"),
        ({"recipient": {"name": "Ada"}}, {"recipient.email": ["can't be blank"]}),
        ({"recipient": {"name": " ", "email": "a@b.org"}}, {"recipient.name": ["can't be blank"]}),
        ({"recipient": {"name": "Ada", "email": "nobody"}}, {"recipient.email": ["is invalid"]}),
        ({"group_id": 1}, "Invalid Group"),
        ({"group_id": TEMPLATE}, "Invalid Group"),
        ({"issued_on": "soon"}, {"issued_on": ["is not a date like 2026-03-02"]}),
        ({"evidence_items": [{"category": "text"}]}, None),
    ],
    ids=str,
)
def test_an_invalid_credential_is_refused_in_a_documented_shape(
    sandbox: SandboxProcess, changes: dict[str, Any], errors: Any
) -> None:
    response = issue(sandbox, **changes)

    assert response.status == 422
    assert response.json["errors"] == (errors or response.json["errors"])
    assert sandbox.received()["credentials"] == []


def test_one_address_gets_one_credential_of_a_group_unless_the_group_allows_more(
    sandbox: SandboxProcess,
) -> None:
    issued(sandbox)
    shouting = {"name": "Ada", "email": "ADA@Example.org"}

    assert "recipient.email" in issue(sandbox, recipient=shouting, id="other").json["errors"]
    repeated = [issued(sandbox, group_id=int(REPEATABLE_GROUP))["id"] for _ in range(2)]
    assert sandbox.received()["duplicates"] == [repeated]


def test_of_many_simultaneous_requests_for_one_address_one_succeeds(sandbox: SandboxProcess) -> None:
    with ThreadPoolExecutor(8) as pool:
        statuses = [response.status for response in pool.map(lambda _: issue(sandbox), range(16))]

    assert sorted(statuses) == [200] + [422] * 15
    assert len(sandbox.received()["credentials"]) == 1


def test_credits_run_out_and_what_is_stored_then_is_published_later(sandbox: SandboxProcess) -> None:
    sandbox.set_account(ISSUER, credits=1)

    first, second = (issued(sandbox, **somebody(number)) for number in range(2))
    assert (first["approve"], second["approve"]) == (True, False)
    assert call(sandbox, "GET", "/v1/issuer/details").json["issuer"]["certificate_left"] == 0

    publish = {"credential": {"approve": True}}
    path = f"/v1/credentials/{second['id']}"
    assert call(sandbox, "PUT", path, publish).json["credential"]["approve"] is False
    sandbox.set_account(ISSUER, credits=1)
    assert call(sandbox, "PUT", path, publish).json["credential"]["approve"] is True
    # What was published once is published again for nothing.
    assert call(sandbox, "PUT", path, {"credential": {"approve": False}}).status == 200
    assert call(sandbox, "PUT", path, publish).json["credential"]["approve"] is True


def test_a_credential_may_be_created_without_being_published(sandbox: SandboxProcess) -> None:
    sandbox.set_account(ISSUER, credits=1)

    assert issued(sandbox, approve=False)["approve"] is False
    assert call(sandbox, "GET", "/v1/issuer/details").json["issuer"]["certificate_left"] == 1


# --- Reading, changing, deleting ----------------------------------------------------------------------------


def test_a_credential_is_read_by_either_id(sandbox: SandboxProcess) -> None:
    row = issued(sandbox)

    assert call(sandbox, "GET", f"/v1/credentials/{row['id']}").json["credential"] == row
    assert call(sandbox, "GET", "/v1/credentials/intent-1").json["credential"] == row


def test_an_update_changes_what_is_given_and_nothing_else(sandbox: SandboxProcess) -> None:
    row = issued(sandbox)
    changes = {"recipient": {"name": "Augusta King", "email": "king@example.org"}, "expired_on": "2041-01-01"}

    changed = call(sandbox, "PUT", "/v1/credentials/intent-1", {"credential": changes}).json["credential"]

    assert changed == {
        **row,
        "recipient": {**row["recipient"], "name": "Augusta King", "email": "king@example.org"},
        "expired_on": "2041-01-01",
    }
    assert found_by(sandbox, recipient_email="king@example.org") == [row["id"]]
    assert found_by(sandbox, recipient_email="ada@example.org") == []


def test_a_deleted_credential_is_gone_and_makes_room(sandbox: SandboxProcess) -> None:
    row = issued(sandbox)

    assert call(sandbox, "DELETE", f"/v1/credentials/{row['id']}").json["credential"] == row
    assert call(sandbox, "DELETE", f"/v1/credentials/{row['id']}").status == 404
    assert issue(sandbox).status == 200


# --- Searching ----------------------------------------------------------------------------------------------


def test_credentials_are_found_by_each_documented_field(sandbox: SandboxProcess) -> None:
    ada = issued(sandbox)["id"]
    grace = issued(
        sandbox,
        id="g",
        recipient={"name": "Grace", "email": "grace@example.org", "id": "g"},
        issued_on="2026-04-01",
        approve=False,
        meta_data={"a": "b", "c": "d"},
    )["id"]

    for query, expected in (
        ({"group.id": GROUP}, [ada, grace]),
        ({"group.id": 7301}, [ada, grace]),
        ({"group.id[in]": [1, 7301]}, [ada, grace]),
        ({"group.id": REPEATABLE_GROUP}, []),
        ({"recipient_email": "ADA@example.org"}, [ada]),
        ({"recipient_id": "g"}, [grace]),
        ({"recipient_name[eq]": "grace"}, [grace]),
        ({"license_id": "intent-1"}, [ada]),
        ({"approve": True}, [ada]),
        ({"issued_on[gte]": "2026-03-02", "issued_on[lt]": "2026-04-01"}, [ada]),
        ({"issued_on[gt]": "02/03/2026"}, [grace]),
        ({"updated_at[gte]": "2020-01-01"}, [ada, grace]),
        ({"expired_on[lte]": "2050-01-01"}, []),
        ({"meta_data": {"a": "b"}}, [grace]),
        ({"recipient_id": "g", "approve": True}, []),
    ):
        assert found_by(sandbox, **query) == expected, query


def test_a_hit_is_flat_and_its_id_a_number(sandbox: SandboxProcess) -> None:
    row = issued(sandbox)

    [hit] = search(sandbox, query={}).json["credentials"]

    assert hit["id"] == int(row["id"])
    assert (hit["recipient_email"], hit["recipient_id"]) == ("ada@example.org", "learner-1")
    assert (hit["license_id"], hit["group"]["id"], hit["approve"]) == ("intent-1", 7301, True)
    assert "url" not in hit
    assert "recipient" not in hit


def test_hits_come_sorted_and_in_pages(sandbox: SandboxProcess) -> None:
    ids = [issued(sandbox, **somebody(number))["id"] for number in range(5)]

    found = search(sandbox, query={}, sort={"id": "desc"}, page={"from": 1, "size": 3}).json

    assert [str(row["id"]) for row in found["credentials"]] == ids[::-1][1:4]
    assert found["meta"] == {"count": 5, "from": 1, "size": 3}


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"query": []},
        {"query": {"email": "a@b.org"}},
        {"query": {"recipient_email[gt]": "a"}},
        {"query": {"issued_on[like]": "2026"}},
        {"query": {"issued_on": "soon"}},
        {"query": {"group.id[in]": 1}},
        {"query": {}, "sort": {"recipient_email": "asc"}},
        {"query": {}, "page": {"from": 9_990, "size": 50}},
        {"query": {}, "page": {"size": "many"}},
    ],
    ids=str,
)
def test_a_search_that_is_not_documented_is_refused_rather_than_guessed(
    sandbox: SandboxProcess, body: Any
) -> None:
    response = search(sandbox, **body)

    assert response.status == 400
    assert response.json["status"] == "invalid_search_query"


def test_the_index_may_lag_behind_while_reading_by_id_does_not(sandbox: SandboxProcess) -> None:
    sandbox.order(search_lag=60)
    issued(sandbox)

    assert found_by(sandbox, license_id="intent-1") == []
    assert call(sandbox, "GET", "/v1/credentials/intent-1").status == 200


# --- Groups, designs, the issuer ----------------------------------------------------------------------------


def test_groups_are_searched_in_pages_by_number(sandbox: SandboxProcess) -> None:
    found = call(sandbox, "POST", "/v1/issuer/groups/search", {"page": 1, "page_size": 1}).json
    last = call(sandbox, "POST", "/v1/issuer/groups/search", {"page": 2, "page_size": 1}).json

    assert [group["id"] for group in (*found["groups"], *last["groups"])] == [7301, 7303]
    assert found["meta"] == {
        "current_page": 1,
        "next_page": 2,
        "prev_page": None,
        "total_pages": 2,
        "total_count": 2,
    }
    assert last["meta"]["next_page"] is None
    assert "allow_duplicate_credentials" not in found["groups"][0]


def test_a_group_has_a_design_with_an_image(sandbox: SandboxProcess) -> None:
    group = call(sandbox, "GET", f"/v1/issuer/groups/{GROUP}").json["group"]
    design = call(sandbox, "GET", f"/v1/designs/{group['badge_design_id']}").json["design"]
    listed = call(sandbox, "POST", "/v1/designs/search", {}).json

    assert design in listed["designs"]
    assert "meta" not in listed
    image = sandbox.call("GET", design["rasterized_content_url"].removeprefix(sandbox.url))
    assert image.headers["Content-Type"] == "image/svg+xml"


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/v1/issuer/details", 200),
        ("GET", "/v1/issuer/groups/1", 404),
        ("GET", f"/v1/issuer/groups/{TEMPLATE}", 404),
        ("GET", "/v1/designs/1", 404),
        ("GET", "/v1/credentials/none", 404),
        ("PATCH", "/v1/credentials/none", 404),
        ("GET", "/v1/credentials", 404),
        ("GET", "/v2/credentials/search", 404),
        ("GET", "/v1/issuer/all_groups", 404),
    ],
)
def test_the_status_tells_what_is_there(sandbox: SandboxProcess, method: str, path: str, status: int) -> None:
    assert call(sandbox, method, path).status == status


@pytest.mark.parametrize(
    "authorization", ["", "Token token=", "Token token=wrong", f"Bearer {CANARY}", CANARY]
)
def test_a_request_without_a_known_key_is_denied_in_plain_text(
    sandbox: SandboxProcess, authorization: str
) -> None:
    response = sandbox.call("GET", "/v1/issuer/details", headers={"Authorization": authorization})

    assert (response.status, response.text) == (401, "HTTP Token: Access denied.\n")


# --- Memory and pages ---------------------------------------------------------------------------------------


def test_a_killed_sandbox_remembers_credentials_credits_and_deletions(sandbox: SandboxProcess) -> None:
    sandbox.set_account(ISSUER, credits=3)
    kept, gone = (issued(sandbox, **somebody(number))["id"] for number in range(2))
    changed = {"credential": {"expired_on": "2020-01-01"}}
    assert call(sandbox, "PUT", f"/v1/credentials/{kept}", changed).status == 200
    assert call(sandbox, "DELETE", f"/v1/credentials/{gone}").status == 200
    sandbox.kill()
    sandbox.start()

    assert [(row["id"], row["expired_on"]) for row in sandbox.received()["credentials"]] == [
        (kept, "2020-01-01")
    ]
    assert call(sandbox, "GET", "/v1/issuer/details").json["issuer"]["certificate_left"] == 1
    assert int(issued(sandbox, **somebody(2))["id"]) > int(kept)
    assert CANARY not in sandbox.data.read_text()


def test_the_pages_show_a_credential_and_what_its_issuer_can_do(sandbox: SandboxProcess) -> None:
    row = issued(sandbox, recipient={"name": "Ada <b>", "email": "ada@example.org"})
    path = f"/credentials/{row['id']}"

    assert f'href="{path}">First Lab' in sandbox.call("GET", "/").text
    page = sandbox.call("GET", path).text
    assert "Ada &lt;b&gt;" in page
    assert "Accept" not in page
    assert "Unpublish" in page

    assert sandbox.call("POST", f"{path}/accept").headers["Location"] == path
    assert sandbox.received()["credentials"][0]["approve"] is True
    sandbox.call("POST", f"{path}/unpublish")
    assert sandbox.received()["credentials"][0]["approve"] is False
    sandbox.call("POST", f"{path}/publish")
    assert sandbox.received()["credentials"][0]["approve"] is True
    assert sandbox.call("POST", f"{path}/delete").headers["Location"] == "/"
    assert sandbox.call("GET", path).status == 404
