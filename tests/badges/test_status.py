from __future__ import annotations

import pytest
from django.utils import translation

from badges.models import IssuedBadge
from badges.status import (
    ACCOUNT_SILENT,
    AT_PROVIDER,
    ENDED,
    HELD_ACCOUNT_DISABLED,
    HELD_ACCOUNT_PAUSED,
    HELD_BADGE_INACTIVE,
    LIVE,
    MOVES,
    Status,
    label,
)
from tests.badges.conftest import stored
from tests.factories import IssuedBadgeFactory

S = Status


def text(status: Status, **given: object) -> str:
    facts = {"provider": "Credly", "hold_reason": "", "external_state": "", "attempts": 0}
    return str(label(status, **{**facts, **given}))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("status", "given", "expected"),
    [
        (S.QUEUED, {}, "Waiting"),
        (S.HELD, {"hold_reason": HELD_ACCOUNT_PAUSED}, "Waiting: the badge provider is paused"),
        (S.HELD, {"hold_reason": HELD_ACCOUNT_DISABLED}, "Waiting: the badge provider is disabled"),
        (S.HELD, {"hold_reason": HELD_BADGE_INACTIVE}, "Waiting: the badge is not active"),
        (S.SENDING, {}, "Sending"),
        (S.UNKNOWN, {}, "Checking with Credly"),
        (S.ISSUED, {"external_state": "pending"}, "Issued – pending acceptance"),
        (S.ISSUED, {"external_state": ""}, "Issued"),
        (S.ACCEPTED, {"external_state": "accepted"}, "Accepted"),
        (S.REJECTED, {}, "Rejected by earner"),
        (S.FAILED, {}, "Failed"),
        (S.REVOKING, {}, "Being revoked"),
        (S.REVOKED, {}, "Revoked"),
        (S.EXPIRED, {}, "Expired"),
        (S.SUPERSEDED, {}, "Replaced"),
        (S.CANCELLED, {}, "Cancelled"),
        (S.REMOVED, {}, "Removed at provider"),
    ],
)
def test_each_status_has_the_words_people_read(status, given, expected):
    assert text(status, **given) == expected


@pytest.mark.parametrize("status", [S.QUEUED, S.SENDING, S.UNKNOWN, S.FAILED])
def test_attempts_are_told_while_the_badge_is_not_at_the_provider(status):
    assert text(status, attempts=3) == f"{text(status)} (attempt 3)"


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        (S.QUEUED, "Waiting: the badge provider does not answer"),
        (S.UNKNOWN, "Checking with Credly: the badge provider does not answer"),
        (S.REVOKING, "Being revoked: the badge provider does not answer"),
        (S.SENDING, "Sending"),
        (S.FAILED, "Failed"),
        (S.ISSUED, "Issued"),
    ],
)
def test_what_has_yet_to_reach_the_provider_says_why_it_is_not_called(status, expected):
    assert text(status, obstacle=ACCOUNT_SILENT) == expected


@pytest.mark.parametrize("status", [S.ISSUED, S.ACCEPTED, S.CANCELLED, S.REVOKED])
def test_attempts_are_of_no_interest_afterwards(status):
    assert text(status, attempts=3) == text(status)


def test_every_status_is_live_or_ended_and_ended_ones_stay():
    assert set(LIVE) | set(ENDED) == set(S)
    assert not set(LIVE) & set(ENDED)
    assert set(ENDED) == {S.CANCELLED, S.REVOKED, S.EXPIRED, S.SUPERSEDED, S.REMOVED}
    assert all(MOVES[status] <= set(ENDED) for status in ENDED)
    assert set(AT_PROVIDER) <= set(LIVE)


def test_every_status_can_be_reached_from_queued():
    reached = {S.QUEUED}
    while onward := {to for status in reached for to in MOVES[status]} - reached:
        reached |= onward
    assert reached == set(S)


@pytest.mark.django_db
def test_an_issued_badge_tells_its_status_in_the_readers_language():
    row = stored(IssuedBadgeFactory(status=S.HELD, hold_reason=HELD_ACCOUNT_PAUSED))
    with translation.override("en"):
        assert str(row.issued_status) == "Waiting: the badge provider is paused"
    row = stored(IssuedBadgeFactory(status=S.UNKNOWN, attempts=2))
    assert str(row.issued_status) == "Checking with Credly (attempt 2)"
    assert IssuedBadge.objects.filter(status=S.HELD).count() == 1
