"""What is Credly's own; what every vendor must do is in test_contract."""

from __future__ import annotations

import json
from base64 import b64decode
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlsplit
from zoneinfo import ZoneInfo

import pytest
import responses

from providers.base import Account, Misconfigured, OutcomeUnknown, Rejected
from providers.credly import Credly
from tests.providers.conftest import CANARY, ORGANIZATION, TEMPLATE, SandboxProcess, issue_request

if TYPE_CHECKING:
    from pathlib import Path

API = "https://api.credly.com/v1"
BADGES = f"{API}/organizations/{ORGANIZATION}/badges"
TEMPLATES = f"{API}/organizations/{ORGANIZATION}/badge_templates"


@pytest.fixture
def credly() -> Credly:
    """Against answers that the sandbox would not give."""
    return Credly(Account(api_url=API, organization_id=ORGANIZATION, token=CANARY))


def listed(*rows: dict[str, Any], next_page_url: str | None = None) -> dict[str, Any]:
    return {"data": list(rows), "metadata": {"next_page_url": next_page_url}}


def sent_query(call: Any) -> dict[str, list[str]]:
    return parse_qs(urlsplit(call.request.url).query)


# --- Issuing ------------------------------------------------------------------------------------------------


def test_issuing_sends_the_documented_fields(sandbox: SandboxProcess) -> None:
    moment = datetime(2026, 7, 4, 23, 5, 9, tzinfo=ZoneInfo("America/New_York"))

    Credly(sandbox.account()).issue(issue_request(issued_at=moment, suppress_notification=True))

    sent = json.loads(sandbox.received()["requests"][0]["body"])
    assert sent == {
        "badge_template_id": TEMPLATE,
        "recipient_email": "ada@example.org",
        "issued_to_first_name": "Ada",
        "issued_to_last_name": "Lovelace",
        "issuer_earner_id": "learner-1",
        "issued_at": "2026-07-04 23:05:09 -0400",
        "suppress_badge_notification_email": True,
    }


def test_the_token_is_the_user_name_and_the_password_is_empty(credly: Credly) -> None:
    with responses.RequestsMock() as mocked:
        mocked.post(BADGES, status=201, json={"data": {"id": "b"}})
        credly.issue(issue_request())

        scheme, encoded = mocked.calls[0].request.headers["Authorization"].split()
        assert (scheme, b64decode(encoded)) == ("Basic", f"{CANARY}:".encode())
        assert mocked.calls[0].request.headers["Content-Type"] == "application/json"


def test_names_in_any_script_arrive(sandbox: SandboxProcess) -> None:
    Credly(sandbox.account()).issue(issue_request(first_name="Ольга", last_name="李"))

    assert [(row["issued_to_first_name"], row["issued_to_last_name"]) for row in sandbox.badges()] == [
        ("Ольга", "李")
    ]


def test_the_badge_tells_when_and_where_it_can_be_accepted(sandbox: SandboxProcess) -> None:
    badge = Credly(sandbox.account()).issue(issue_request())

    assert badge.state == "pending"
    assert badge.accept_url == f"{sandbox.url}/badges/{badge.external_id}"
    assert badge.url == ""
    assert badge.created_at is not None
    assert timedelta(0) <= datetime.now(UTC) - badge.created_at < timedelta(minutes=1)


def test_an_accepted_badge_has_its_public_address(sandbox: SandboxProcess) -> None:
    credly = Credly(sandbox.account())
    badge = credly.issue(issue_request())
    sandbox.call("POST", f"/badges/{badge.external_id}/accept")

    [accepted] = credly.find(issue_request())

    assert (accepted.state, accepted.is_live) == ("accepted", True)
    assert accepted.url == f"{sandbox.url}/badges/{badge.external_id}"


@responses.activate
def test_a_refusal_carries_credlys_own_sentence(credly: Credly) -> None:
    responses.post(BADGES, status=422, json={"data": {"message": "Not like this."}, "metadata": None})

    with pytest.raises(Rejected) as caught:
        credly.issue(issue_request())

    assert caught.value.provider_message == "Not like this."


@responses.activate
@pytest.mark.parametrize(
    "body", ["text", "[1]", '{"data": "no"}', '{"data": {"message": {"a": 1}}}', '{"errors": ["no"]}', ""]
)
def test_a_refusal_of_another_shape_is_rejected_without_a_sentence(credly: Credly, body: str) -> None:
    responses.post(BADGES, status=422, body=body)

    with pytest.raises(Rejected) as caught:
        credly.issue(issue_request())

    assert caught.value.provider_message == ""


@responses.activate
@pytest.mark.parametrize("data", [None, [], "b", {}, {"id": None}, {"id": ""}], ids=str)
def test_a_success_without_the_badge_leaves_the_outcome_unknown(credly: Credly, data: Any) -> None:
    responses.post(BADGES, status=201, json={"data": data})

    with pytest.raises(OutcomeUnknown):
        credly.issue(issue_request())


@responses.activate
def test_an_answer_is_read_leniently(credly: Credly) -> None:
    row = {
        "id": 4711,
        "state": "pending",
        "created_at": "2026-03-02T09:41:00.000Z",
        "state_updated_at": "2026-03-05T00:00:00Z",
        "badge_template": {"id": 7},
        "accept_badge_url": None,
        "something_new": {"a": [1]},
    }
    responses.post(BADGES, status=201, json={"data": row, "something_else": 1})

    badge = credly.issue(issue_request())

    assert (badge.external_id, badge.template_id, badge.accept_url) == ("4711", "7", "")
    assert badge.created_at == datetime(2026, 3, 2, 9, 41, tzinfo=UTC)
    assert badge.raw["something_new"] == {"a": [1]}


@responses.activate
@pytest.mark.parametrize(
    ("row", "expected"),
    [
        ({"state_updated_at": "2026-03-02 04:41:00 -0500"}, datetime(2026, 3, 2, 9, 41, tzinfo=UTC)),
        (
            {"created_at": "soon", "state_updated_at": "2026-03-02T09:41:00"},
            datetime(2026, 3, 2, 9, 41, tzinfo=UTC),
        ),
        ({"created_at": None}, None),
    ],
)
def test_the_moment_of_a_badge_is_read_where_it_stands(
    credly: Credly, row: dict[str, Any], expected: datetime | None
) -> None:
    responses.post(BADGES, status=201, json={"data": {"id": "b", **row}})

    assert credly.issue(issue_request()).created_at == expected


# --- Finding ------------------------------------------------------------------------------------------------


def test_a_search_names_template_and_person_by_address_and_by_id(credly: Credly) -> None:
    with responses.RequestsMock() as mocked:
        mocked.get(BADGES, json=listed())
        credly.find(issue_request(email="ada+x@example.org"))

        assert [sent_query(call)["filter"] for call in mocked.calls] == [
            [f"badge_template_id::{TEMPLATE}|recipient_email_all::ada+x@example.org"],
            [f"badge_template_id::{TEMPLATE}|issuer_earner_id::learner-1"],
        ]
        assert "ada%2Bx%40example.org" in mocked.calls[0].request.url


def test_an_address_that_would_break_the_filter_is_not_searched(credly: Credly) -> None:
    with responses.RequestsMock() as mocked:
        mocked.get(BADGES, json=listed())
        credly.find(issue_request(email="a|state::pending@example.org"))

        assert [sent_query(call)["filter"] for call in mocked.calls] == [
            [f"badge_template_id::{TEMPLATE}|issuer_earner_id::learner-1"]
        ]


@responses.activate
def test_rows_of_another_template_are_not_taken_for_a_hit(credly: Credly) -> None:
    rows = [
        {"id": "1", "badge_template": {"id": TEMPLATE}},
        {"id": "2", "badge_template": {"id": "another"}},
        {"id": "3"},
    ]
    responses.get(BADGES, json=listed(*rows))

    assert [badge.external_id for badge in credly.find(issue_request())] == ["1", "3"]


# --- Pages --------------------------------------------------------------------------------------------------


def test_templates_come_from_every_page(tmp_path: Path, settings: Any) -> None:
    rows = [{"organization_id": ORGANIZATION, "name": f"Badge {number:03}"} for number in range(101)]
    process = SandboxProcess(tmp_path, templates=rows)
    process.start()
    try:
        settings.PROVIDER_ALLOWED_HOSTS = [process.host_port]
        found = [template.name for template in Credly(process.account()).templates()]
    finally:
        process.close()

    assert found == [f"Badge {number:03}" for number in range(101)]


def test_the_filter_goes_with_every_page_and_the_state_is_checked_on_every_row(credly: Credly) -> None:
    second = f"https://api.credly.com/api/v1/organizations/{ORGANIZATION}/badge_templates?page=2"
    with responses.RequestsMock() as mocked:
        mocked.get(
            TEMPLATES,
            json=listed({"id": "1", "state": "active"}, {"id": "2", "state": "draft"}, next_page_url=second),
        )
        mocked.get(second.partition("?")[0], json=listed({"id": "3", "state": "archived"}, {"id": "4"}))

        assert [template.external_id for template in credly.templates()] == ["1", "4"]
        assert sent_query(mocked.calls[1]) == {"page": ["2"], "filter": ["state::active"], "sort": ["name"]}


@responses.activate
def test_a_link_without_a_host_stays_on_the_accounts_own(credly: Credly) -> None:
    link = f"/api/v1/organizations/{ORGANIZATION}/badge_templates?page=2"
    responses.get(TEMPLATES, json=listed({"id": "1"}, next_page_url=link))
    responses.get(f"https://api.credly.com{link.partition('?')[0]}", json=listed({"id": "2"}))

    assert [template.external_id for template in credly.templates()] == ["1", "2"]


@responses.activate
def test_a_link_to_another_host_is_not_followed(credly: Credly) -> None:
    responses.get(TEMPLATES, json=listed({"id": "1"}, next_page_url="https://evil.example/v1/?page=2"))
    evil = responses.get("https://evil.example/v1/", json=listed())

    with pytest.raises(OutcomeUnknown, match="another host"):
        list(credly.templates())

    assert evil.call_count == 0


@responses.activate
def test_pages_that_lead_in_a_circle_end(credly: Credly) -> None:
    responses.get(TEMPLATES, json=listed({"id": "1"}, next_page_url=f"{TEMPLATES}?page=2"))

    with pytest.raises(OutcomeUnknown, match="lead back"):
        list(credly.templates())


@responses.activate
@pytest.mark.parametrize(
    "body", [{}, {"data": None}, {"data": {}}, {"data": ["x"]}, {"data": [{"name": "no id"}]}], ids=str
)
def test_a_list_of_another_shape_is_not_taken_for_an_empty_one(credly: Credly, body: Any) -> None:
    responses.get(BADGES, json=body)
    responses.get(TEMPLATES, json=body)

    with pytest.raises(OutcomeUnknown):
        credly.find(issue_request())
    with pytest.raises(OutcomeUnknown):
        list(credly.templates())


@responses.activate
def test_a_template_is_read_with_its_image(credly: Credly) -> None:
    row = {
        "id": "1",
        "name": "First Lab",
        "description": "One lab.",
        "state": "active",
        "url": "https://www.credly.com/org/x/badge/first-lab",
        "image": {"id": "i", "url": "https://images.credly.com/1.png"},
        "allow_duplicate_badges": True,
    }
    responses.get(TEMPLATES, json=listed(row))

    [template] = credly.templates()

    assert (template.name, template.description) == ("First Lab", "One lab.")
    assert template.image_url == "https://images.credly.com/1.png"
    assert template.url == "https://www.credly.com/org/x/badge/first-lab"
    assert template.allows_duplicates
    assert template.raw["image"]["id"] == "i"


# --- Revoking, checking -------------------------------------------------------------------------------------


def test_revoking_tells_the_reason(sandbox: SandboxProcess) -> None:
    credly = Credly(sandbox.account())
    badge = credly.issue(issue_request())

    assert credly.revoke(badge.external_id, reason="wrong person").state == "revoked"
    assert sandbox.badges()[0]["revocation_reason"] == "wrong person"


def test_an_unknown_organization_is_rejected_and_a_strange_one_refused(sandbox: SandboxProcess) -> None:
    with pytest.raises(Rejected):
        Credly(sandbox.account(organization_id="unknown")).check()
    with pytest.raises(Misconfigured):
        Credly(sandbox.account(token="other-token")).check()


def test_an_account_without_an_organization_is_not_tried(sandbox: SandboxProcess) -> None:
    with pytest.raises(Misconfigured, match="no organization ID"):
        Credly(sandbox.account(organization_id="")).check()

    assert sandbox.received()["counts"]["requests"] == {}
