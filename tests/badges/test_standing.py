"""Where the provider's word takes a record, and where it does not."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone

from badges.events import badge_issued
from badges.standing import agree, destination, follow, link
from badges.status import AT_PROVIDER, MOVES, Status
from providers.base import ProviderBadge, Standing
from tests.badges.conftest import stored, timeline
from tests.factories import PAST, IssuedBadgeFactory, UserFactory

S = Status


def told(standing: Standing, **more) -> ProviderBadge:
    return ProviderBadge(external_id="x-1", state=standing.value, standing=standing, **more)


@pytest.mark.parametrize("standing", Standing)
@pytest.mark.parametrize("status", S)
def test_a_record_is_followed_only_where_the_provider_has_it_and_a_move_leads_there(status, standing):
    row = IssuedBadgeFactory.build(status=status)
    onward = destination(row, told(standing))
    if onward is not None:
        assert status in AT_PROVIDER
        assert onward in MOVES[status]
        assert standing.value == onward.value


@pytest.mark.parametrize(
    ("status", "agreeing"),
    [
        (S.ISSUED, {"pending", "held", "other"}),
        (S.ACCEPTED, {"accepted", "held", "other"}),
        (S.REJECTED, {"rejected", "other"}),
        (S.REVOKED, {"revoked", "rejected", "expired", "withheld", "other"}),
        (S.REMOVED, {"revoked", "rejected", "expired", "withheld", "other"}),
        *(
            (status, {standing.value for standing in Standing})
            for status in (S.REVOKING, S.SUPERSEDED, S.QUEUED)
        ),
    ],
)
def test_what_agrees(status, agreeing):
    row = IssuedBadgeFactory.build(status=status)
    assert {standing.value for standing in Standing if agree(row, told(standing))} == agreeing


def test_a_badge_that_ended_by_our_rule_disagrees_with_one_that_ends_later_there():
    row = IssuedBadgeFactory.build(status=S.EXPIRED)
    tomorrow = timezone.now() + timedelta(days=1)
    assert agree(row, told(Standing.ACCEPTED))
    assert agree(row, told(Standing.EXPIRED, expires_at=tomorrow))
    assert not agree(row, told(Standing.ACCEPTED, expires_at=tomorrow))


@pytest.mark.django_db
def test_following_moves_the_record_and_brings_what_is_shown_up_to_date():
    row = IssuedBadgeFactory(status=S.ISSUED, external_uuid="x-1", accept_url="https://x.example/accept")
    there = told(Standing.ACCEPTED, url="https://x.example/badge", raw={"state": "accepted"})
    assert follow([(row, there)], reason="Told.") == {row.pk}
    after = stored(row)
    assert (after.status, after.external_state) == (S.ACCEPTED, "accepted")
    assert (after.external_url, after.accept_url) == ("https://x.example/badge", "")
    event = row.events.get()
    assert (event.reason, event.data) == ("Told.", {"state": "accepted"})


@pytest.mark.django_db
def test_a_page_that_is_not_told_any_more_is_kept_and_no_move_is_no_event():
    row = IssuedBadgeFactory(status=S.ACCEPTED, external_uuid="x-1", external_url="https://x.example/badge")
    assert follow([(row, told(Standing.ACCEPTED))], reason="Told.") == set()
    assert stored(row).external_state == "accepted"
    assert stored(row).external_url == "https://x.example/badge"
    assert timeline(row) == []


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("ours", "told", "after"),
    [(None, 300, 300), (200, 300, 300), (200, 200.4, 200), (200, None, 200), (None, None, None)],
)
def test_the_end_is_the_one_that_the_provider_tells(ours, told, after):
    """Whatever the badge says now: what was issued without an end does not get one here."""
    days = {day: PAST + timedelta(days=day) for day in (ours, told, after) if day is not None}
    row = IssuedBadgeFactory(
        status=S.ISSUED, external_uuid="x-1", expires_at=days.get(ours), badge__expires_after_days=30
    )
    there = ProviderBadge(
        external_id="x-1", state="pending", standing=Standing.PENDING, expires_at=days.get(told)
    )
    follow([(row, there)], reason="Told.")
    assert stored(row).expires_at == days.get(after)


@pytest.mark.django_db
def test_what_the_provider_tells_at_length_does_not_keep_the_rest_from_being_stored():
    row = IssuedBadgeFactory(status=S.ISSUED, external_uuid="x-1")
    there = ProviderBadge(
        external_id="x-1", state="s" * 500, standing=Standing.REVOKED, url=f"https://x.example/{'u' * 600}"
    )
    follow([(row, there)], reason="Told.")
    assert (stored(row).status, stored(row).external_url) == (S.REVOKED, "")


@pytest.mark.django_db
def test_a_row_that_somebody_else_moved_meanwhile_is_left():
    row = IssuedBadgeFactory(status=S.ISSUED, external_uuid="x-1")
    seen = stored(row)
    follow([(row, told(Standing.REVOKED))], reason="Told first.")
    assert follow([(seen, told(Standing.ACCEPTED))], reason="Told late.") == set()
    assert timeline(row) == ["issued → revoked"]


@pytest.mark.django_db
def test_following_many_takes_as_many_statements_as_following_one(django_assert_num_queries):
    for number in (1, 30):
        moving = [IssuedBadgeFactory(status=S.ISSUED, external_uuid=f"m-{number}-{n}") for n in range(number)]
        staying = [
            IssuedBadgeFactory(status=S.ISSUED, external_uuid=f"s-{number}-{n}") for n in range(number)
        ]
        pairs = [(row, told(Standing.ACCEPTED)) for row in moving]
        pairs += [(row, told(Standing.PENDING)) for row in staying]
        with django_assert_num_queries(7):
            assert len(follow(pairs, reason="Told.")) == number


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(
    ("given", "steps"),
    [
        ({"status": S.UNKNOWN}, ["unknown → issued"]),
        ({"status": S.FAILED}, ["failed → unknown", "unknown → issued"]),
    ],
)
def test_linking_makes_a_record_stand_for_a_badge(given, steps):
    heard = []

    def listener(issued_badge, **_more):
        heard.append(issued_badge.external_uuid)

    row = IssuedBadgeFactory(**given, failure_code="outcome_unknown", learner=UserFactory())
    badge_issued.connect(listener)
    try:
        assert link([(row, told(Standing.ACCEPTED))], reason="Found.") == {row.pk}
    finally:
        badge_issued.disconnect(listener)
    after = stored(row)
    assert (after.status, after.external_uuid, after.failure_code) == (S.ACCEPTED, "x-1", "")
    assert after.issued_at is not None
    assert timeline(row) == [*steps, "issued → accepted"]
    assert heard == ["x-1"]
