"""What can be done over the API to badges that were issued: one, and many at once."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from rest_framework.test import APIClient

from badges.models import Badge, IssuedBadge, IssuingEvent
from badges.status import Status
from providers.models import BadgeProvider
from tests.api.conftest import World
from tests.factories import BadgeFactory, IssuedBadgeFactory, UserFactory

ADDRESS = "/api/v1/issued-badges/"
NEXT_YEAR = datetime.now(UTC).replace(microsecond=0) + timedelta(days=365)


@pytest.fixture
def badge(world: World) -> Badge:
    made: Badge = BadgeFactory.create(organization=world.north, external_id="b-azure")
    return made


@pytest.fixture
def accredible(world: World) -> Badge:
    made: Badge = BadgeFactory.create(
        organization=world.north, badge_provider__kind=BadgeProvider.Kind.ACCREDIBLE
    )
    return made


@pytest.fixture
def issued(world: World, badge: Badge) -> IssuedBadge:
    made: IssuedBadge = IssuedBadgeFactory.create(
        badge=badge, learner=world.learner, status=Status.ISSUED, external_uuid="x-1"
    )
    return made


def verb(row: IssuedBadge, name: str) -> str:
    return f"{ADDRESS}{row.pk}/{name}/"


# --- Issuing ------------------------------------------------------------------------------------------------


def test_a_badge_is_issued_with_date_expiry_and_evidence(
    world: World, administrator: APIClient, badge: Badge
) -> None:
    evidence = [
        {"name": "Talk", "description": "On stage.", "url": "https://example.org/talk"},
        {"name": "Prize"},
    ]

    answer = administrator.post(
        ADDRESS,
        {
            "badge": badge.pk,
            "users": [world.learner.pk],
            "issued_at": "2026-03-02T10:00:00+01:00",
            "expires_at": NEXT_YEAR.isoformat(),
            "evidence": evidence,
        },
    )

    assert answer.status_code == 200, answer.json()
    row = IssuedBadge.objects.get()
    assert row.earned_at == datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
    assert row.expires_at == NEXT_YEAR
    shown = administrator.get(f"{ADDRESS}{row.pk}/").json()
    assert shown["evidence"] == [evidence[0], {"name": "Prize", "description": "", "url": ""}]
    assert shown["expires_at"] == NEXT_YEAR.isoformat().replace("+00:00", "Z")


@pytest.mark.parametrize(
    ("given", "field", "says"),
    [
        ({"expires_at": "2026-01-01T00:00:00Z"}, "expires_at", "It must lie in the future"),
        ({"expires_at": "2030-01-01T00:00:00"}, "expires_at", "Give the zone too"),
        (
            {"evidence": [{"description": "Only words"}]},
            "evidence",
            "Evidence 1: it needs a name or an address.",
        ),
        (
            {"evidence": [{"name": "x", "url": "ftp://x.example"}]},
            "evidence",
            "ftp://x.example is not an address",
        ),
        ({"evidence": [{"name": "x", "url": "javascript:alert(1)"}]}, "evidence", "is not an address"),
        ({"evidence": [{"name": "x" * 201}]}, "evidence", "is longer than 200 characters."),
        ({"evidence": [{"name": "x"}] * 11}, "evidence", "At most 10 pieces of evidence, not 11."),
        ({"evidence": [{"title": "x"}]}, "evidence", "There is no such field here."),
        ({"evidence": "x"}, "evidence", ""),
    ],
)
def test_what_is_wrong_with_it_is_told_and_nothing_is_issued(
    world: World, administrator: APIClient, badge: Badge, given: dict[str, Any], field: str, says: str
) -> None:
    answer = administrator.post(ADDRESS, {"badge": badge.pk, "users": [world.learner.pk], **given})

    assert answer.status_code == 400
    assert set(answer.json()) <= {"code", "message", "fields", "data"}
    assert says in answer.json()["message"]
    assert any(name.startswith(field) for name in answer.json()["fields"])
    assert not IssuedBadge.objects.exists()


# --- One ----------------------------------------------------------------------------------------------------


def test_a_badge_that_was_not_sent_is_cancelled(administrator: APIClient, badge: Badge) -> None:
    row = IssuedBadgeFactory.create(badge=badge)

    answer = administrator.post(verb(row, "cancel"), {"reason": "Left"})
    again = administrator.post(verb(row, "cancel"), {"reason": "Left"})

    assert (answer.json()["status"], answer.json()["ended_reason"]) == ("cancelled", "Left")
    assert (again.status_code, again.json()["code"]) == (409, "not_cancellable")


def test_revoking_says_whether_the_earner_is_told(
    administrator: APIClient, issued: IssuedBadge, accredible: Badge
) -> None:
    silent = IssuedBadgeFactory.create(badge=accredible, status=Status.ISSUED)

    told = administrator.post(verb(issued, "revoke"), {"reason": "By mistake"}).json()
    untold = administrator.post(verb(silent, "revoke"), {"reason": "By mistake"}).json()

    assert (told["status"], told["tells_reason"]) == ("revoking", True)
    assert (untold["status"], untold["tells_reason"]) == ("revoking", False)


def test_a_badge_under_way_is_revoked_later_and_says_so(administrator: APIClient, badge: Badge) -> None:
    row = IssuedBadgeFactory.create(badge=badge, status=Status.SENDING)

    answer = administrator.post(verb(row, "revoke"), {"reason": "By mistake"})

    assert answer.status_code == 200
    assert (answer.json()["status"], answer.json()["asked"]) == ("sending", ["revoke"])


def test_a_name_is_corrected(world: World, administrator: APIClient, issued: IssuedBadge) -> None:
    answer = administrator.post(verb(issued, "correct"))

    issued.refresh_from_db()
    assert answer.status_code == 200
    assert answer.json()["asked"] == ["correct"]
    assert issued.correction_due_at
    assert IssuingEvent.objects.get().actor == world.administrator


def test_an_address_that_the_provider_keeps_is_refused(
    world: World, administrator: APIClient, issued: IssuedBadge
) -> None:
    world.learner.email = "new@example.org"
    world.learner.save()

    refused = administrator.post(verb(issued, "correct"))
    name_alone = administrator.post(verb(issued, "correct"), {"email": False})

    assert (refused.status_code, refused.json()["code"]) == (400, "email_not_correctable")
    assert "issue it again" in refused.json()["message"]
    assert (name_alone.status_code, name_alone.json()["asked"]) == (200, ["correct"])


def test_what_is_not_there_is_neither_corrected_nor_erased(administrator: APIClient, badge: Badge) -> None:
    row = IssuedBadgeFactory.create(badge=badge, status=Status.QUEUED)

    correct = administrator.post(verb(row, "correct"))
    erase = administrator.post(verb(row, "erase"), {"reason": "Asked for"})

    assert (correct.status_code, correct.json()["code"]) == (409, "not_issued")
    assert (erase.status_code, erase.json()["code"]) == (409, "not_at_provider")


def test_a_badge_is_erased_for_a_reason(administrator: APIClient, issued: IssuedBadge) -> None:
    silent = administrator.post(verb(issued, "erase"))
    answer = administrator.post(verb(issued, "erase"), {"reason": "Asked for"})

    assert (silent.status_code, list(silent.json()["fields"])) == (400, ["reason"])
    assert (answer.status_code, answer.json()["asked"]) == (200, ["erase"])


# --- Many ---------------------------------------------------------------------------------------------------


def test_many_are_revoked_as_one_act(world: World, administrator: APIClient, badge: Badge) -> None:
    rows = [
        IssuedBadgeFactory.create(badge=badge, status=status)
        for status in (Status.ISSUED, Status.QUEUED, Status.SENDING, Status.REVOKED)
    ]
    other = IssuedBadgeFactory.create(badge=badge, status=Status.ISSUED)

    answer = administrator.post(
        f"{ADDRESS}revoke/", {"issued_badges": [row.pk for row in rows], "reason": "By mistake"}
    )

    assert answer.status_code == 200, answer.json()
    assert answer.json() == {
        "message": "1 badge is being revoked. 1 badge that had not been sent was cancelled. 1 badge is under way"
        " and is taken back as soon as its outcome is known.",
        "revoking": 1,
        "cancelled": 1,
        "awaited": 1,
        "reason_not_told_by": [],
    }
    other.refresh_from_db()
    assert other.status == Status.ISSUED
    assert set(IssuingEvent.objects.values_list("actor", flat=True)) == {world.administrator.pk}


def test_a_filter_chooses_as_that_of_the_list_does(
    world: World, administrator: APIClient, badge: Badge, accredible: Badge
) -> None:
    IssuedBadgeFactory.create(badge=badge, status=Status.ISSUED)
    elsewhere = IssuedBadgeFactory.create(badge=accredible, status=Status.ISSUED)

    listed = administrator.get(f"{ADDRESS}?badge=ext:b-azure&status=issued").json()["count"]
    answer = administrator.post(
        f"{ADDRESS}revoke/",
        {"filter": {"badge": "ext:b-azure", "status": "issued"}, "reason": "By mistake"},
    )

    assert answer.json()["revoking"] == listed == 1
    elsewhere.refresh_from_db()
    assert elsewhere.status == Status.ISSUED


def test_providers_that_tell_no_reason_are_named(
    administrator: APIClient, badge: Badge, accredible: Badge
) -> None:
    for of_badge in (badge, accredible):
        IssuedBadgeFactory.create(badge=of_badge, status=Status.ISSUED)

    answer = administrator.post(
        f"{ADDRESS}revoke/", {"filter": {"status": "issued"}, "reason": "By mistake"}
    ).json()

    assert (answer["revoking"], answer["reason_not_told_by"]) == (2, ["Accredible"])


@pytest.mark.parametrize(
    ("body", "fields"),
    [
        ({}, ["issued_badges", "reason"]),
        ({"reason": "x"}, ["issued_badges"]),
        ({"reason": "x", "issued_badges": []}, ["issued_badges"]),
        ({"reason": "x", "filter": {}}, ["filter"]),
        ({"reason": "x", "filter": {"bagde": "1"}}, ["filter.bagde"]),
        ({"reason": "x", "filter": {"page": "1"}}, ["filter.page"]),
        ({"reason": "x", "filter": {"status": "lost"}}, ["filter.status"]),
        ({"reason": "x", "filter": {"badge": " "}}, ["filter.badge"]),
        ({"reason": "x", "filter": {"status": "issued"}, "issued_badges": [1]}, ["issued_badges"]),
        ({"reason": "x", "issued_badges": [10**9]}, ["issued_badges"]),
    ],
)
def test_what_is_unclear_revokes_nothing(
    administrator: APIClient, issued: IssuedBadge, body: dict[str, Any], fields: list[str]
) -> None:
    answer = administrator.post(f"{ADDRESS}revoke/", body)

    assert answer.status_code == 400
    assert set(answer.json()["fields"]) <= {*fields, "filter"}
    issued.refresh_from_db()
    assert (issued.status, issued.revoke_asked_at) == (Status.ISSUED, None)


def test_many_are_revoked_only_where_one_manages_them(
    world: World, administrator: APIClient, learner: APIClient
) -> None:
    theirs = IssuedBadgeFactory.create(
        badge=BadgeFactory.create(organization=world.south), learner=world.learner, status=Status.ISSUED
    )

    listed = administrator.post(f"{ADDRESS}revoke/", {"issued_badges": [theirs.pk], "reason": "Mine"})
    filtered = administrator.post(f"{ADDRESS}revoke/", {"filter": {"status": "issued"}, "reason": "Mine"})

    assert administrator.get(f"{ADDRESS}{theirs.pk}/").status_code == 200
    assert listed.json()["fields"] == {"issued_badges": [f"No issued badge {theirs.pk}."]}
    assert (filtered.json()["revoking"], filtered.json()["message"]) == (0, "")
    assert (
        learner.post(f"{ADDRESS}revoke/", {"filter": {"status": "issued"}, "reason": "x"}).status_code == 403
    )
    theirs.refresh_from_db()
    assert theirs.status == Status.ISSUED


def test_a_list_takes_as_many_queries_for_many_as_for_one(
    world: World, administrator: APIClient, badge: Badge
) -> None:
    def queries(count: int) -> int:
        for number in range(count):
            IssuedBadgeFactory.create(
                badge=badge,
                learner=UserFactory.create(organization=world.north),
                evidence=[{"name": "Talk", "description": "", "url": ""}],
                correction_due_at=timezone.now() if number % 2 else None,
            )
        with CaptureQueriesContext(connection) as captured:
            assert administrator.get(f"{ADDRESS}?page_size=100").status_code == 200
        return len(captured)

    assert queries(1) == queries(8)


def test_others_badges_are_not_told_apart_from_none(
    world: World, administrator: APIClient, signed_in: Callable[[Any], APIClient], issued: IssuedBadge
) -> None:
    stranger = signed_in(world.stranger)

    for name in ("cancel", "correct", "erase", "revoke"):
        answer = stranger.post(verb(issued, name), {"reason": "x"} if name != "correct" else {})
        assert answer.status_code in {403, 404}
