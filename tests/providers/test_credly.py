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

from providers.base import (
    Account,
    Checked,
    Evidence,
    Misconfigured,
    NotSupported,
    OutcomeUnknown,
    Rejected,
    Standing,
)
from providers.credly import Credly
from tests.providers.conftest import (
    CANARY,
    ORGANIZATION,
    TEMPLATE,
    SandboxProcess,
    issue_request,
    recorded,
)

if TYPE_CHECKING:
    from pathlib import Path

API = "https://api.credly.com/v1"
ORGANIZATION_URL = f"{API}/organizations/{ORGANIZATION}"
BADGES = f"{ORGANIZATION_URL}/badges"
TEMPLATES = f"{ORGANIZATION_URL}/badge_templates"
EVENTS = f"{ORGANIZATION_URL}/events"
TOKENS = f"{ORGANIZATION_URL}/authorization_tokens"


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


@pytest.mark.parametrize(("language", "locale"), [("de", "de"), ("es", "es-ES"), ("zh-hans", "zh-CN")])
def test_the_earner_is_written_to_in_the_own_language(credly: Credly, language: str, locale: str) -> None:
    """Also by what takes the place of a badge: Credly empties what a replacement leaves out."""
    with responses.RequestsMock() as mocked:
        mocked.post(BADGES, status=201, json={"data": {"id": "b"}})
        mocked.post(f"{BADGES}/b/replace", json={"data": {"id": "c"}})
        credly.issue(issue_request(language=language))
        credly.correct("b", issue_request(language=language))

        assert [json.loads(call.request.body)["locale"] for call in mocked.calls] == [locale, locale]


@pytest.mark.parametrize("language", ["", "he"])
def test_a_language_that_credly_does_not_document_is_not_sent(credly: Credly, language: str) -> None:
    with responses.RequestsMock() as mocked:
        mocked.post(BADGES, status=201, json={"data": {"id": "b"}})
        credly.issue(issue_request(language=language))

        assert "locale" not in json.loads(mocked.calls[0].request.body)


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


def test_a_link_to_another_host_is_not_followed_but_its_page_is_asked_for_at_our_own(credly: Credly) -> None:
    elsewhere = f"https://api.youracclaim.com/v1/organizations/{ORGANIZATION}/badge_templates?page=2"
    with responses.RequestsMock() as mocked:
        mocked.get(TEMPLATES, json=listed({"id": "1"}, next_page_url=elsewhere))
        mocked.get(TEMPLATES, json=listed({"id": "2"}))

        assert [template.external_id for template in credly.templates()] == ["1", "2"]
        assert {urlsplit(call.request.url).hostname for call in mocked.calls} == {"api.credly.com"}
        assert sent_query(mocked.calls[1]) == {"page": ["2"], "filter": ["state::active"], "sort": ["name"]}


@responses.activate
def test_a_link_to_another_host_without_a_page_ends_the_list_with_an_error(credly: Credly) -> None:
    responses.get(TEMPLATES, json=listed({"id": "1"}, next_page_url="https://evil.example/v1/?after=x"))
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


# --- Issuing with an expiry and evidence --------------------------------------------------------------------


def test_expiry_and_evidence_go_with_the_badge(credly: Credly) -> None:
    zone = ZoneInfo("America/New_York")
    with responses.RequestsMock() as mocked:
        mocked.post(BADGES, status=201, json=recorded("credly/badge"))
        credly.issue(
            issue_request(
                issued_at=datetime(2026, 7, 4, 23, 5, 9, tzinfo=zone),
                expires_at=datetime(2028, 1, 1, tzinfo=UTC),
                evidence=(
                    Evidence(name="Log book", description="four voyages", url="https://academy.example/4"),
                    Evidence(url="https://academy.example/5"),
                    Evidence(name="Licence", description="AB-12"),
                    Evidence(description="in a storm"),
                ),
            )
        )
        sent = json.loads(mocked.calls[0].request.body)

    assert sent["expires_at"] == "2027-12-31 19:00:00 -0500"
    assert sent["evidence"] == [
        {
            "type": "UrlEvidence",
            "name": "Log book",
            "value": "https://academy.example/4",
            "description": "four voyages",
        },
        {"type": "UrlEvidence", "name": "https://academy.example/5", "value": "https://academy.example/5"},
        {"type": "IdEvidence", "title": "Licence", "description": "AB-12"},
        {"type": "IdEvidence", "title": "in a storm", "description": "in a storm"},
    ]


@responses.activate
def test_a_badge_is_read_as_recorded(credly: Credly) -> None:
    responses.post(BADGES, status=201, json=recorded("credly/badge"))

    badge = credly.issue(issue_request())

    assert badge.external_id == "b0a7c1f4-6d3e-4a55-9f0b-0d7b6f1f2c01"
    assert (badge.state, badge.standing) == ("pending", Standing.PENDING)
    assert badge.replaces_id == "b0a7c1f4-6d3e-4a55-9f0b-0d7b6f1f2c00"
    assert (badge.earner_id, badge.email) == ("learner-1", "ada@example.org")
    assert badge.expires_at == datetime(2040, 3, 1, tzinfo=UTC)
    assert badge.raw["a_field_of_tomorrow"] == {"kept": True}
    for secret in ("ada@", "Lovelace", "lovelace", "Uusimaa"):
        assert secret not in repr(badge.raw)


@responses.activate
@pytest.mark.parametrize(
    ("changes", "standing"),
    [
        ({"state": "accepted"}, Standing.ACCEPTED),
        ({"state": "rejected"}, Standing.REJECTED),
        ({"state": "revoked", "expires_at": "2020-01-01T00:00:00Z"}, Standing.REVOKED),
        ({"state": "of tomorrow"}, Standing.OTHER),
        ({"state": "accepted", "expires_at": "2020-01-01T00:00:00Z"}, Standing.EXPIRED),
        ({"state": "accepted", "replacement_badge_id": "b"}, Standing.OTHER),
    ],
    ids=str,
)
def test_the_standing_is_told_by_state_expiry_and_replacement(
    credly: Credly, changes: dict[str, Any], standing: Standing
) -> None:
    responses.post(BADGES, status=201, json={"data": {"id": "b", **changes}})

    assert credly.issue(issue_request()).standing == standing


# --- Replacing, deleting ------------------------------------------------------------------------------------


def test_a_correction_replaces_the_badge_and_sends_all_that_would_be_emptied(credly: Credly) -> None:
    with responses.RequestsMock() as mocked:
        mocked.post(f"{BADGES}/old/replace", status=201, json=recorded("credly/badge"))
        badge = credly.correct(
            "old",
            issue_request(
                first_name="Augusta",
                email="new@example.org",
                expires_at=datetime(2030, 1, 1, tzinfo=UTC),
                evidence=(Evidence(name="Log book", url="https://academy.example/4"),),
            ),
        )
        sent = json.loads(mocked.calls[0].request.body)

    assert badge.external_id == "b0a7c1f4-6d3e-4a55-9f0b-0d7b6f1f2c01"
    assert set(sent) == {
        *("badge_template_id", "issued_at", "issued_to_first_name", "issued_to_last_name"),
        *("issuer_earner_id", "expires_at", "evidence"),
    }
    assert sent["issued_to_first_name"] == "Augusta"


@responses.activate
def test_a_correction_whose_answer_was_lost_is_found_instead_of_repeated(credly: Credly) -> None:
    responses.post(f"{BADGES}/old/replace", status=422, json=recorded("credly/replaced_already"))
    responses.get(BADGES, json=listed(recorded("credly/badge")["data"]))

    badge = credly.correct("old", issue_request())

    assert badge.external_id == "b0a7c1f4-6d3e-4a55-9f0b-0d7b6f1f2c01"


@responses.activate
def test_a_badge_that_somebody_else_replaced_is_corrected_where_it_is_now(credly: Credly) -> None:
    current = recorded("credly/badge")["data"]
    responses.post(f"{BADGES}/old/replace", status=422, json=recorded("credly/replaced_already"))
    responses.get(BADGES, json=listed(current))
    second = responses.post(
        f"{BADGES}/{current['id']}/replace", status=201, json={"data": {**current, "id": "third"}}
    )

    assert credly.correct("old", issue_request(first_name="Augusta")).external_id == "third"
    assert second.call_count == 1


@responses.activate
@pytest.mark.parametrize("metadata", [None, {}, {"current_badge_id": "old"}])
def test_a_correction_that_is_refused_for_another_reason_is_rejected(credly: Credly, metadata: Any) -> None:
    answer = {"data": {"message": "Not like this."}, "metadata": metadata}
    responses.post(f"{BADGES}/old/replace", status=422, json=answer)

    with pytest.raises(Rejected, match="refuses") as caught:
        credly.correct("old", issue_request())

    assert caught.value.provider_message == "Not like this."


@responses.activate
def test_what_is_gone_already_is_deleted_unless_the_organization_is_gone(credly: Credly) -> None:
    responses.delete(f"{BADGES}/b", status=404)
    responses.get(ORGANIZATION_URL, json={"data": {"id": ORGANIZATION, "name": "x"}})
    responses.get(ORGANIZATION_URL, status=404)

    credly.delete("b")
    with pytest.raises(Rejected):
        credly.delete("b")


@responses.activate
def test_a_token_that_may_not_delete_does_not_pause_the_account(credly: Credly) -> None:
    responses.delete(f"{BADGES}/b", status=403)
    responses.get(f"{ORGANIZATION_URL}/events", status=403)

    with pytest.raises(Rejected):
        credly.delete("b")
    with pytest.raises(Rejected):
        list(credly.events())


def test_nothing_is_published_apart_and_nothing_listed_by_change(credly: Credly) -> None:
    with pytest.raises(NotSupported):
        credly.publish("b")
    with pytest.raises(NotSupported):
        list(credly.badges(changed_since=datetime(2026, 1, 1, tzinfo=UTC)))


# --- One template, all badges -------------------------------------------------------------------------------


@responses.activate
def test_one_template_is_read_in_any_state_and_none_is_none(credly: Credly) -> None:
    responses.get(f"{TEMPLATES}/1", json={"data": {"id": "1", "name": "Old Lab", "state": "archived"}})
    responses.get(f"{TEMPLATES}/2", status=404)
    responses.get(ORGANIZATION_URL, json={"data": {"id": ORGANIZATION, "name": "x"}})
    responses.get(ORGANIZATION_URL, status=404)

    found = credly.template("1")
    assert found is not None
    assert (found.name, found.state) == ("Old Lab", "archived")
    assert credly.template("2") is None
    with pytest.raises(Rejected):
        credly.template("2")


@responses.activate
def test_a_badge_that_moves_to_the_next_page_meanwhile_is_listed_once(credly: Credly) -> None:
    responses.get(BADGES, json=listed({"id": "1"}, {"id": "2"}, next_page_url=f"{BADGES}?page=2"))
    responses.get(BADGES, json=listed({"id": "2"}, {"id": "3"}))

    assert [badge.external_id for badge in credly.badges()] == ["1", "2", "3"]


# --- Events -------------------------------------------------------------------------------------------------


def event_page(*minutes: int, pages: int, page: int = 1) -> dict[str, Any]:
    """Events that occurred so many minutes past nine."""
    rows = [
        {"id": f"e{minute}", "event_type": "badge.created", "occurred_at": f"2026-03-02T09:{minute:02}:00Z"}
        for minute in minutes
    ]
    following = f"{EVENTS}?page={page + 1}" if page < pages else None
    return {"data": rows, "metadata": {"total_pages": pages, "next_page_url": following}}


def at(minute: int) -> datetime:
    return datetime(2026, 3, 2, 9, minute, tzinfo=UTC)


@responses.activate
def test_an_event_tells_its_badge_or_its_template(credly: Credly) -> None:
    responses.get(f"{EVENTS}/1", json=recorded("credly/event"))
    responses.get(f"{EVENTS}/2", json=recorded("credly/template_event"))
    responses.get(f"{EVENTS}/3", json={"data": {"id": "3", "event_type": "of.tomorrow", "badge": {}}})

    changed, archived, strange = (credly.event(number) for number in "123")

    assert changed.kind == "badge.state.changed"
    assert changed.occurred_at == datetime(2026, 3, 4, 10, tzinfo=UTC)
    assert changed.badge is not None
    assert changed.badge.standing == Standing.ACCEPTED
    assert changed.badge.url.startswith("https://www.credly.com/badges/")
    assert "ada@" not in repr(changed.raw)
    assert archived.template is not None
    assert archived.template.state == "archived"
    assert (archived.badge, strange.badge, strange.template) == (None, None, None)


@responses.activate
@pytest.mark.parametrize("newest_first", [True, False])
def test_events_are_told_newest_last_and_old_pages_are_not_read(credly: Credly, newest_first: bool) -> None:
    pages = {1: (9, 8), 2: (7, 6), 3: (5, 4), 4: (3, 2)}
    if not newest_first:
        pages = {5 - number: minutes[::-1] for number, minutes in pages.items()}
    asked = []

    def answer(request: Any) -> tuple[int, dict[str, str], str]:
        number = int(request.params.get("page", 1))
        asked.append(number)
        return 200, {}, json.dumps(event_page(*pages[number], pages=4, page=number))

    responses.add_callback(responses.GET, EVENTS, answer)

    assert [event.external_id for event in credly.events(since=at(7))] == ["e7", "e8", "e9"]
    assert asked == ([1, 2, 3] if newest_first else [1, 4, 3, 2])


@responses.activate
@pytest.mark.parametrize("first", [(5, 9, 2), (5, 5, 5)], ids=["in no order", "all at once"])
def test_events_in_no_order_that_we_know_are_all_read(credly: Credly, first: tuple[int, ...]) -> None:
    responses.get(EVENTS, json=event_page(*first, pages=2))
    responses.get(EVENTS, json=event_page(*first, pages=2))
    responses.get(EVENTS, json=event_page(1, 30, 3, pages=2, page=2))

    found = [event.external_id for event in credly.events(since=at(8))]

    assert found == [*(["e9"] if 9 in first else []), "e30"]


@responses.activate
def test_all_events_are_told_when_no_moment_is_given_and_each_once(credly: Credly) -> None:
    rows = event_page(4, 3, pages=2)
    rows["data"].append({"id": "timeless", "event_type": "badge.created"})
    responses.get(EVENTS, json=rows)
    responses.get(EVENTS, json=event_page(3, 2, pages=2, page=2))

    assert [event.external_id for event in credly.events()] == ["e2", "e3", "e4", "timeless"]


# --- The account --------------------------------------------------------------------------------------------


@responses.activate
@pytest.mark.parametrize(
    "url",
    [API, f"{API}/", "https://api.credly.com", "https://api.credly.com/"],
)
def test_the_address_is_taken_with_and_without_the_version(url: str) -> None:
    responses.get(ORGANIZATION_URL, json={"data": {"id": ORGANIZATION, "name": "Academy"}})
    responses.get(TOKENS, status=403)
    credly = Credly(Account(api_url=url, organization_id=ORGANIZATION, token=CANARY))

    assert credly.check() == Checked(name="Academy")


@responses.activate
def test_check_tells_when_our_token_among_others_expires(credly: Credly) -> None:
    responses.get(ORGANIZATION_URL, json={"data": {"id": ORGANIZATION, "name": "Academy"}})
    responses.get(TOKENS, json=recorded("credly/authorization_tokens"))

    assert credly.check().token_expires_at == datetime(2026, 7, 31, 8, tzinfo=UTC)


@responses.activate
@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        ([{"id": "1", "expires_at": "2026-07-31T08:00:00Z"}], datetime(2026, 7, 31, 8, tzinfo=UTC)),
        ([{"id": "1", "expires_at": "2026-07-31"}, {"id": "2"}], None),
        ([{"id": "1", "token": "another", "expires_at": "2026-07-31T08:00:00Z"}], None),
        ([{"id": "1", "token": CANARY}], None),
        ([], None),
        ("nonsense", None),
    ],
)
def test_an_expiry_that_may_be_another_tokens_is_not_told(
    credly: Credly, rows: Any, expected: datetime | None
) -> None:
    responses.get(ORGANIZATION_URL, json={"data": {"id": ORGANIZATION, "name": "Academy"}})
    responses.get(TOKENS, json={"data": rows, "metadata": {}})

    assert credly.check().token_expires_at == expected


@responses.activate
@pytest.mark.parametrize("status", [401, 403, 404, 500])
def test_a_list_of_tokens_that_is_refused_does_not_fail_the_check(credly: Credly, status: int) -> None:
    responses.get(ORGANIZATION_URL, json={"data": {"id": ORGANIZATION, "name": "Academy"}})
    responses.get(TOKENS, status=status)

    assert credly.check() == Checked(name="Academy", token_expires_at=None)
