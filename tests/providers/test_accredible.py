"""What is Accredible's own; what every vendor must do is in test_contract."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import pytest
import responses
import time_machine

from providers.accredible import Accredible
from providers.base import (
    Account,
    Evidence,
    Misconfigured,
    NotPublished,
    NotSupported,
    OutcomeUnknown,
    Rejected,
    RevokeBy,
    Standing,
)
from tests.providers.conftest import CANARY, recorded
from tests.providers.conftest import issue_request as request_for

if TYPE_CHECKING:
    from collections.abc import Iterator

    from providers.base import IssueRequest

API = "https://api.accredible.com"
CREDENTIALS = f"{API}/v1/credentials"
SEARCH = f"{API}/v2/credentials/search"
GROUPS = f"{API}/v1/issuer/groups"
DESIGNS = f"{API}/v1/designs"
ISSUER = f"{API}/v1/issuer/details"
GROUP = "7301"


def issue_request(**changes: Any) -> IssueRequest:
    return request_for(**{"template_id": GROUP, **changes})


@pytest.fixture
def accredible() -> Accredible:
    return account()


def account(**changes: Any) -> Accredible:
    return Accredible(Account(**{"api_url": API, "organization_id": "4711", "token": CANARY, **changes}))


@pytest.fixture
def mocked() -> Iterator[responses.RequestsMock]:
    with responses.RequestsMock(assert_all_requests_are_fired=False) as mock:
        yield mock


def credential(**changes: Any) -> dict[str, Any]:
    return {"credential": {**recorded("accredible/credential")["credential"], **changes}}


def hits(*rows: dict[str, Any], **meta: Any) -> dict[str, Any]:
    return {"credentials": list(rows), "meta": {"count": len(rows), "from": 0, "size": 50, **meta}}


def sent(mock: responses.RequestsMock, position: int = -1) -> Any:
    return json.loads(mock.calls[position].request.body or b"null")


# --- Where requests go --------------------------------------------------------------------------------------


@pytest.mark.parametrize("ending", ["", "/", "/v1", "/v1/", "/v2"])
@pytest.mark.parametrize("host", ["api", "eu.api", "sandbox.api"])
def test_the_address_is_taken_with_and_without_a_version(
    mocked: responses.RequestsMock, host: str, ending: str
) -> None:
    base = f"https://{host}.accredible.com"
    mocked.get(f"{base}/v1/issuer/details", json=recorded("accredible/issuer"))
    mocked.post(f"{base}/v2/credentials/search", json=hits())
    adapter = account(api_url=f"{base}{ending}")

    assert adapter.check().name == "Academy of the Port"
    assert list(adapter.badges()) == []
    assert mocked.calls[0].request.headers["Authorization"] == f"Token token={CANARY}"


# --- Issuing ------------------------------------------------------------------------------------------------


def test_issuing_sends_the_documented_fields_with_dates_of_the_organizations_zone(
    accredible: Accredible, mocked: responses.RequestsMock
) -> None:
    mocked.post(CREDENTIALS, json=credential())
    zone = ZoneInfo("Pacific/Auckland")

    accredible.issue(
        issue_request(
            issued_at=datetime(2026, 3, 2, 23, 30, tzinfo=zone),
            expires_at=datetime(2028, 3, 1, 12, 0, tzinfo=UTC),
            evidence=(
                Evidence(name="Log book", description="four voyages", url="https://academy.example/logs/4"),
                Evidence(name="said so himself"),
            ),
        )
    )

    assert sent(mocked) == {
        "credential": {
            "id": "intent-1",
            "group_id": 7301,
            "recipient": {"name": "Ada Lovelace", "email": "ada@example.org", "id": "learner-1"},
            "issued_on": "2026-03-02",
            "expired_on": "2028-03-02",
            "approve": True,
            "evidence_items": [
                {"category": "url", "description": "Log book", "url": "https://academy.example/logs/4"}
            ],
        }
    }


def test_what_is_not_given_is_left_to_the_group(
    accredible: Accredible, mocked: responses.RequestsMock
) -> None:
    mocked.post(CREDENTIALS, json=credential())
    accredible.issue(issue_request(last_name="", template_id="by-name"))

    assert set(sent(mocked)["credential"]) == {"id", "group_id", "recipient", "issued_on", "approve"}
    assert sent(mocked)["credential"]["group_id"] == "by-name"
    assert sent(mocked)["credential"]["recipient"]["name"] == "Ada"


def test_a_credential_is_read_as_recorded(accredible: Accredible, mocked: responses.RequestsMock) -> None:
    mocked.post(CREDENTIALS, json=recorded("accredible/credential"))

    badge = accredible.issue(issue_request())

    assert (badge.external_id, badge.template_id) == ("61004417", "7301")
    assert (badge.state, badge.standing) == ("published", Standing.HELD)
    assert badge.url == "https://www.credential.net/61004417"
    assert badge.accept_url == ""
    assert (badge.email, badge.earner_id, badge.reference) == ("ada@example.org", "learner-1", "intent-1")
    assert badge.raw["a_field_of_tomorrow"] == {"kept": True}
    for secret in ("ada@example.org", "Lovelace", "grace@example.org", "Hopper", "Turku"):
        assert secret not in repr(badge.raw)


@pytest.mark.parametrize("identity", ["61004417", 61004417])
def test_ids_as_text_and_as_numbers_are_the_same(
    accredible: Accredible, mocked: responses.RequestsMock, identity: object
) -> None:
    mocked.post(CREDENTIALS, json=credential(id=identity, group_id="7301"))

    assert accredible.issue(issue_request()).external_id == "61004417"


def test_an_unpublished_credential_is_stored_and_not_issued(
    accredible: Accredible, mocked: responses.RequestsMock
) -> None:
    mocked.post(CREDENTIALS, json=credential(approve=False))

    with pytest.raises(NotPublished) as caught:
        accredible.issue(issue_request())

    assert isinstance(caught.value, OutcomeUnknown)
    assert caught.value.reply["body"]["id"] == "61004417"
    assert "Lovelace" not in repr(caught.value.reply)


def test_an_answer_that_does_not_say_whether_it_published_is_a_success(
    accredible: Accredible, mocked: responses.RequestsMock
) -> None:
    answer = credential()
    del answer["credential"]["approve"]
    mocked.post(CREDENTIALS, json=answer)

    assert accredible.issue(issue_request()).standing == Standing.HELD


def test_nothing_is_issued_silently(accredible: Accredible, mocked: responses.RequestsMock) -> None:
    with pytest.raises(NotSupported):
        accredible.issue(issue_request(suppress_notification=True))

    assert len(mocked.calls) == 0


def test_publishing_finishes_what_was_held_back(
    accredible: Accredible, mocked: responses.RequestsMock
) -> None:
    mocked.put(f"{CREDENTIALS}/61004417", json=credential(approve=False))
    mocked.put(f"{CREDENTIALS}/61004417", json=credential())

    with pytest.raises(NotPublished):
        accredible.publish("61004417")
    assert accredible.publish("61004417").standing == Standing.HELD
    assert sent(mocked) == {"credential": {"approve": True}}


# --- Refusals -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("body", "sentence"),
    [
        ({"errors": "Invalid Group"}, "Invalid Group"),
        ({"error": "Not found"}, "Not found"),
        ({"success": False, "data": "Group does not exist"}, "Group does not exist"),
        ({"errors": {"course_name": ["can't be blank"]}}, "course_name can't be blank"),
        ({"errors": {"a": ["b", "c"], "d": "e"}}, "a b; c; d e"),
        ({"errors": ["first", "second"]}, "first; second"),
        ({"code": 400, "message": "Bad query", "status": "invalid_search_query", "errors": []}, "Bad query"),
        ({"errors": {"a": {"b": {"c": "too deep"}}}}, ""),
        ({"errors": None, "data": {"x": 1}}, ""),
        ({}, ""),
        ([], ""),
        ("HTTP Token: Access denied.\n", "HTTP Token: Access denied."),
        ("<html><body>Bad gateway</body></html>", ""),
        ("x" * 501, ""),
    ],
    ids=repr,
)
def test_a_refusal_tells_its_sentence_in_whichever_shape(
    accredible: Accredible, mocked: responses.RequestsMock, body: Any, sentence: str
) -> None:
    text = body if isinstance(body, str) else json.dumps(body)
    mocked.post(CREDENTIALS, body=text, status=422)

    with pytest.raises(Rejected) as caught:
        accredible.issue(issue_request())

    assert caught.value.provider_message == sentence


def test_a_refused_key_is_the_accounts_fault_and_a_refused_resource_is_not(
    accredible: Accredible, mocked: responses.RequestsMock
) -> None:
    mocked.post(CREDENTIALS, body="HTTP Token: Access denied.\n", status=401)
    mocked.post(CREDENTIALS, json={"errors": "Private Certificate, use key"}, status=403)

    with pytest.raises(Misconfigured) as caught:
        accredible.issue(issue_request())
    assert caught.value.provider_message == "HTTP Token: Access denied."
    with pytest.raises(Rejected):
        accredible.issue(issue_request())


@pytest.mark.parametrize(
    "answer", [{}, {"credential": None}, {"credential": []}, {"credential": {"id": None}}]
)
def test_a_success_without_the_credential_leaves_the_outcome_unknown(
    accredible: Accredible, mocked: responses.RequestsMock, answer: Any
) -> None:
    mocked.post(CREDENTIALS, json=answer)

    with pytest.raises(OutcomeUnknown):
        accredible.issue(issue_request())


# --- Finding ------------------------------------------------------------------------------------------------


def test_a_search_asks_by_reference_first_and_then_the_index(
    accredible: Accredible, mocked: responses.RequestsMock
) -> None:
    mocked.get(f"{CREDENTIALS}/intent-1", status=404, json={"error": "Not found"})
    mocked.post(SEARCH, json=hits())

    assert accredible.find(issue_request(email="Ada@Example.org")) == []
    assert [sent(mocked, position)["query"] for position in (1, 2, 3)] == [
        {"group.id": "7301", "license_id": "intent-1"},
        {"group.id": "7301", "recipient_email": "ada@example.org"},
        {"group.id": "7301", "recipient_id": "learner-1"},
    ]


def test_a_credential_found_by_reference_is_not_looked_for_in_the_index(
    accredible: Accredible, mocked: responses.RequestsMock
) -> None:
    mocked.get(f"{CREDENTIALS}/intent-1", json=credential())
    mocked.post(SEARCH, json=hits(*recorded("accredible/search")["credentials"]))

    [badge] = accredible.find(issue_request())

    assert (badge.external_id, badge.reference) == ("61004417", "intent-1")
    assert not any("license_id" in sent(mocked, position)["query"] for position in (1, 2))
    assert len(mocked.calls) == 3


def test_a_hit_of_the_index_is_told_as_it_is_now(
    accredible: Accredible, mocked: responses.RequestsMock
) -> None:
    mocked.get(f"{CREDENTIALS}/intent-1", status=404, json={"error": "Not found"})
    mocked.post(SEARCH, json=recorded("accredible/search"))
    mocked.get(f"{CREDENTIALS}/61004417", json=credential(approve=False))

    [badge] = accredible.find(issue_request())

    assert (badge.standing, badge.url) == (Standing.WITHHELD, "https://www.credential.net/61004417")
    assert badge.reference == "intent-1"
    assert badge.created_at == datetime(2026, 3, 2, 9, 41, 5, tzinfo=UTC)


def test_a_hit_that_is_gone_meanwhile_is_none(accredible: Accredible, mocked: responses.RequestsMock) -> None:
    mocked.get(f"{CREDENTIALS}/intent-1", status=404, json={"error": "Not found"})
    mocked.post(SEARCH, json=recorded("accredible/search"))
    mocked.get(f"{CREDENTIALS}/61004417", status=404, json={"errors": "Doesn't exist"})

    assert accredible.find(issue_request()) == []


def test_a_credential_of_another_group_is_not_taken_for_a_hit(
    accredible: Accredible, mocked: responses.RequestsMock
) -> None:
    mocked.get(f"{CREDENTIALS}/intent-1", json=credential(group_id=9))
    mocked.post(SEARCH, json=hits())

    assert accredible.find(issue_request()) == []


@pytest.mark.parametrize(
    ("changes", "standing"),
    [
        ({}, Standing.HELD),
        ({"approve": False}, Standing.WITHHELD),
        ({"expired_on": "2026-03-11"}, Standing.HELD),
        ({"expired_on": "2026-03-10"}, Standing.EXPIRED),
        ({"expired_on": "Tue, 10 Mar 2026"}, Standing.EXPIRED),
        ({"expired_on": "2026-03-01T00:00:00.000Z", "approve": False}, Standing.EXPIRED),
        ({"expired_on": "soon"}, Standing.HELD),
    ],
    ids=str,
)
def test_the_standing_follows_from_publication_and_expiry(
    accredible: Accredible, mocked: responses.RequestsMock, changes: dict[str, Any], standing: Standing
) -> None:
    mocked.get(f"{CREDENTIALS}/intent-1", json=credential(**changes))
    mocked.post(SEARCH, json=hits())

    with time_machine.travel(datetime(2026, 3, 10, 1, tzinfo=UTC)):
        [badge] = accredible.find(issue_request())

    assert badge.standing == standing
    assert badge.is_live == (standing == Standing.HELD)


# --- Taking back, correcting, deleting ----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("issued_on", "expected"),
    [("2026-03-02", "2026-03-10"), ("2026-03-11", "2026-03-11"), (None, "2026-03-10")],
)
def test_an_account_that_revokes_by_expiring_ends_the_credential_today(
    mocked: responses.RequestsMock, issued_on: str | None, expected: str
) -> None:
    mocked.get(f"{CREDENTIALS}/61004417", json=credential(issued_on=issued_on))
    mocked.put(f"{CREDENTIALS}/61004417", json=credential(expired_on=expected))

    with time_machine.travel(datetime(2026, 3, 10, 23, tzinfo=UTC)):
        badge = account(revoke_by=RevokeBy.EXPIRE).revoke("61004417", reason="by mistake")

    assert (badge.state, badge.standing, badge.is_live) == ("expired", Standing.REVOKED, False)
    assert sent(mocked) == {"credential": {"expired_on": expected}}


def test_an_account_that_revokes_by_unpublishing_hides_the_credential(mocked: responses.RequestsMock) -> None:
    mocked.put(f"{CREDENTIALS}/61004417", json=credential(approve=False))

    badge = account(revoke_by=RevokeBy.UNPUBLISH).revoke("61004417", reason="by mistake")

    assert (badge.state, badge.standing) == ("unpublished", Standing.REVOKED)
    assert sent(mocked) == {"credential": {"approve": False}}


def test_an_account_that_revokes_by_deleting_deletes_the_credential(mocked: responses.RequestsMock) -> None:
    mocked.delete(f"{CREDENTIALS}/61004417", json=credential())
    mocked.delete(f"{CREDENTIALS}/61004418", status=204)
    adapter = account(revoke_by=RevokeBy.DELETE)

    for identity in ("61004417", "61004418"):
        badge = adapter.revoke(identity, reason="by mistake")
        assert (badge.external_id, badge.state, badge.standing) == (identity, "deleted", Standing.REVOKED)


def test_the_reason_of_a_revocation_stays_with_us(mocked: responses.RequestsMock) -> None:
    mocked.get(f"{CREDENTIALS}/61004417", json=credential())
    mocked.put(f"{CREDENTIALS}/61004417", json=credential())
    mocked.delete(f"{CREDENTIALS}/61004417", json=credential())
    for revoke_by in RevokeBy:
        account(revoke_by=revoke_by).revoke("61004417", reason="a private matter")

    assert not any(b"private matter" in (call.request.body or b"") for call in mocked.calls)


def test_a_correction_writes_name_and_address_in_place(
    accredible: Accredible, mocked: responses.RequestsMock
) -> None:
    mocked.put(f"{CREDENTIALS}/61004417", json=credential())

    badge = accredible.correct("61004417", issue_request(first_name="Augusta", email="augusta@example.org"))

    assert badge.external_id == "61004417"
    assert sent(mocked) == {
        "credential": {
            "recipient": {"name": "Augusta Lovelace", "email": "augusta@example.org", "id": "learner-1"}
        }
    }


def test_a_correction_writes_the_expiry_that_is_given(
    accredible: Accredible, mocked: responses.RequestsMock
) -> None:
    mocked.put(f"{CREDENTIALS}/61004417", json=credential())
    accredible.correct("61004417", issue_request(expires_at=datetime(2030, 1, 1, tzinfo=UTC)))

    assert sent(mocked)["credential"]["expired_on"] == "2030-01-01"


def test_what_is_gone_already_is_deleted_unless_there_is_no_such_api(
    accredible: Accredible, mocked: responses.RequestsMock
) -> None:
    mocked.delete(f"{CREDENTIALS}/1", status=404, json={"success": False, "data": "No credential"})
    mocked.get(ISSUER, json=recorded("accredible/issuer"))
    mocked.get(ISSUER, status=404)

    accredible.delete("1")
    with pytest.raises(Rejected):
        accredible.delete("1")


# --- Groups -------------------------------------------------------------------------------------------------


def test_groups_are_read_as_recorded_with_images_looked_up_once(
    accredible: Accredible, mocked: responses.RequestsMock
) -> None:
    mocked.post(f"{GROUPS}/search", json=recorded("accredible/groups"))
    mocked.post(f"{DESIGNS}/search", json=recorded("accredible/designs"))

    pilot, stoker = accredible.templates()

    assert (pilot.external_id, pilot.name, pilot.state) == ("7301", "Harbour Pilot", "active")
    assert pilot.description == "Brings ships of every size into port."
    assert pilot.url == "https://academy.example/harbour-pilot"
    assert pilot.image_url == "https://images.example/designs/88.png"
    assert pilot.raw["learning_outcomes"] == ["Tides", "Signals"]
    assert (stoker.name, stoker.description, stoker.image_url) == ("stokers", "", "")
    assert len(mocked.calls) == 2


def test_groups_without_designs_cost_no_look_at_designs(
    accredible: Accredible, mocked: responses.RequestsMock
) -> None:
    mocked.post(
        f"{GROUPS}/search", json={"groups": [{"id": 1, "name": "plain"}], "meta": {"next_page": None}}
    )

    assert [template.name for template in accredible.templates()] == ["plain"]
    assert len(mocked.calls) == 1


def test_a_key_that_may_not_see_designs_sees_groups(
    accredible: Accredible, mocked: responses.RequestsMock
) -> None:
    mocked.post(f"{GROUPS}/search", json=recorded("accredible/groups"))
    mocked.post(f"{DESIGNS}/search", status=403, json={"errors": "not yours"})
    mocked.get(f"{GROUPS}/7301", json={"group": recorded("accredible/groups")["groups"][0]})
    mocked.get(f"{DESIGNS}/88", status=403, json={"errors": "not yours"})

    assert [template.image_url for template in accredible.templates()] == ["", ""]
    found = accredible.template("7301")
    assert found is not None
    assert found.image_url == ""


def test_groups_come_from_every_page_by_its_number(
    accredible: Accredible, mocked: responses.RequestsMock
) -> None:
    for number, following in ((1, 2), (2, 3), (3, None)):
        mocked.post(
            f"{GROUPS}/search",
            json={"groups": [{"id": number, "name": f"group {number}"}], "meta": {"next_page": following}},
        )

    assert [template.external_id for template in accredible.templates()] == ["1", "2", "3"]
    assert [sent(mocked, position)["page"] for position in range(3)] == [1, 2, 3]


@pytest.mark.parametrize("following", [1, 0, -1, "x"])
def test_pages_that_lead_back_end_with_an_error(
    accredible: Accredible, mocked: responses.RequestsMock, following: object
) -> None:
    mocked.post(f"{GROUPS}/search", json={"groups": [{"id": 1}], "meta": {"next_page": following}})

    with pytest.raises(OutcomeUnknown, match="lead back"):
        list(accredible.templates())


def test_a_list_without_meta_goes_on_until_a_page_is_not_full_or_tells_nothing_new(
    accredible: Accredible, mocked: responses.RequestsMock
) -> None:
    full = {"designs": [{"id": number, "rasterized_content_url": str(number)} for number in range(50)]}
    groups = {"groups": [{"id": 1, "name": "g", "badge_design_id": 60}], "meta": {"next_page": None}}
    mocked.post(f"{GROUPS}/search", json=groups)
    mocked.post(f"{DESIGNS}/search", json=full)
    mocked.post(f"{DESIGNS}/search", json={"designs": [{"id": 60, "rasterized_content_url": "sixty"}]})
    assert [template.image_url for template in accredible.templates()] == ["sixty"]

    mocked.reset()
    mocked.post(f"{GROUPS}/search", json=groups)
    mocked.post(f"{DESIGNS}/search", json=full)
    assert [template.image_url for template in accredible.templates()] == [""]
    assert len(mocked.calls) == 3


def test_one_group_is_read_with_its_image(accredible: Accredible, mocked: responses.RequestsMock) -> None:
    mocked.get(f"{GROUPS}/7301", json={"group": recorded("accredible/groups")["groups"][0]})
    mocked.get(f"{DESIGNS}/88", json={"design": recorded("accredible/designs")["designs"][0]})

    found = accredible.template("7301")

    assert found is not None
    assert (found.name, found.image_url) == ("Harbour Pilot", "https://images.example/designs/88.png")


def test_an_unknown_group_is_none_unless_there_is_no_such_api(
    accredible: Accredible, mocked: responses.RequestsMock
) -> None:
    mocked.get(f"{GROUPS}/9", status=404, json={"success": False, "data": "Group does not exist"})
    mocked.get(ISSUER, json=recorded("accredible/issuer"))
    mocked.get(ISSUER, status=404)

    assert accredible.template("9") is None
    with pytest.raises(Rejected):
        accredible.template("9")


# --- Credentials of the account -----------------------------------------------------------------------------


def test_a_hit_is_read_as_recorded(accredible: Accredible, mocked: responses.RequestsMock) -> None:
    mocked.post(SEARCH, json=recorded("accredible/search"))

    [badge] = accredible.badges()

    assert (badge.external_id, badge.template_id) == ("61004417", "7301")
    assert (badge.email, badge.earner_id, badge.reference) == ("ada@example.org", "50", "intent-1")
    assert badge.created_at == datetime(2026, 3, 2, 9, 41, 5, tzinfo=UTC)
    assert badge.expires_at == datetime(2040, 3, 1, tzinfo=UTC)
    for secret in ("ada@example.org", "Lovelace", "Turku", "38"):
        assert secret not in repr(badge.raw)


def test_hits_come_from_every_page(accredible: Accredible, mocked: responses.RequestsMock) -> None:
    rows = [{"id": number} for number in range(120)]
    for start in (0, 50, 100):
        mocked.post(SEARCH, json=hits(*rows[start : start + 50], count=120))

    assert [badge.external_id for badge in accredible.badges()] == [str(row["id"]) for row in rows]
    assert [sent(mocked, position)["page"] for position in range(3)] == [
        {"from": 0, "size": 50},
        {"from": 50, "size": 50},
        {"from": 100, "size": 50},
    ]
    assert sent(mocked)["sort"] == {"id": "asc"}


def test_a_last_page_that_is_full_needs_no_further_look(
    accredible: Accredible, mocked: responses.RequestsMock
) -> None:
    mocked.post(SEARCH, json=hits(*({"id": number} for number in range(50)), count=50))

    assert len(list(accredible.badges())) == 50
    assert len(mocked.calls) == 1


def test_a_search_goes_on_with_the_cursor_that_it_is_told(
    accredible: Accredible, mocked: responses.RequestsMock
) -> None:
    mocked.post(SEARCH, json=hits(*({"id": number} for number in range(50)), next_cursor="abc"))
    mocked.post(SEARCH, json=hits(*({"id": number} for number in range(50, 100)), next_cursor=None))

    assert len(list(accredible.badges())) == 100
    assert sent(mocked)["page"] == {"cursor": "abc", "size": 50}
    assert len(mocked.calls) == 2


def test_more_hits_than_the_search_reaches_are_an_error_and_not_a_short_list(
    accredible: Accredible, mocked: responses.RequestsMock
) -> None:
    def page(request: Any) -> tuple[int, dict[str, str], str]:
        start = json.loads(request.body)["page"]["from"]
        assert start + 50 <= 10_000
        return 200, {}, json.dumps(hits(*({"id": start + n} for n in range(50)), count=10_001))

    mocked.add_callback(responses.POST, SEARCH, page)

    with pytest.raises(OutcomeUnknown, match="more results"):
        list(accredible.badges())


def test_a_search_that_repeats_itself_ends_with_an_error(
    accredible: Accredible, mocked: responses.RequestsMock
) -> None:
    mocked.post(SEARCH, json=hits(*({"id": number} for number in range(50)), count=120))

    with pytest.raises(OutcomeUnknown, match="lead back"):
        list(accredible.badges())


def test_changes_are_asked_for_by_day_and_sorted_out_by_moment(
    accredible: Accredible, mocked: responses.RequestsMock
) -> None:
    mocked.post(
        SEARCH,
        json=hits(
            {"id": 1, "updated_at": "2026-03-10T09:59:59.000Z"},
            {"id": 2, "updated_at": "2026-03-10T10:00:00.000Z"},
            {"id": 3, "updated_at": "Tue, 10 Mar 2026 12:11:05 UTC +00:00"},
            {"id": 4},
        ),
    )

    since = datetime(2026, 3, 10, 12, 0, tzinfo=ZoneInfo("Europe/Helsinki"))
    assert [badge.external_id for badge in accredible.badges(changed_since=since)] == ["2", "3", "4"]
    assert sent(mocked)["query"] == {"updated_at[gte]": "2026-03-09"}


@pytest.mark.parametrize(
    "body", [{}, {"credentials": None}, {"credentials": ["x"]}, {"credentials": [{}]}], ids=str
)
def test_a_list_of_another_shape_is_not_taken_for_an_empty_one(
    accredible: Accredible, mocked: responses.RequestsMock, body: Any
) -> None:
    mocked.post(SEARCH, json=body)

    with pytest.raises(OutcomeUnknown):
        list(accredible.badges())


# --- The account --------------------------------------------------------------------------------------------


def test_a_key_of_another_organization_is_told_by_name(mocked: responses.RequestsMock) -> None:
    mocked.get(ISSUER, json=recorded("accredible/issuer"))

    with pytest.raises(Misconfigured, match=r"4711 \(Academy of the Port\), not to 4712"):
        account(organization_id="4712").check()
    assert account(organization_id="").check().name == "Academy of the Port"


def test_no_events_are_told(accredible: Accredible, mocked: responses.RequestsMock) -> None:
    with pytest.raises(NotSupported):
        accredible.events()
    with pytest.raises(NotSupported):
        accredible.event("1")

    assert len(mocked.calls) == 0
