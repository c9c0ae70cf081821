"""Moves: which there are, what one writes, and that of two who want the same row one gets it."""

from __future__ import annotations

import threading
from datetime import timedelta
from uuid import uuid4

import pytest
from django.db import IntegrityError, connection, connections, transaction
from django.utils import timezone
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.django import TestCase

from badges import lifecycle
from badges.lifecycle import Move, claim, claim_open, move, move_all, move_each, postpone
from badges.models import IssuedBadge, IssuingEvent
from badges.status import LIVE, MOVES, Status
from tests.badges.conftest import stored, timeline
from tests.factories import (
    AdministratorFactory,
    BadgeFactory,
    BadgeProviderFactory,
    IssuedBadgeFactory,
    UserFactory,
)

S = Status
CLAIMED = ("status", "attempts", "claim_token", "lease_until", "recipient_email", "earned_at")


def step(row, to_status, **given):
    from_status = given.pop("from_status", Status(row.status))
    return Move(issued_badge_id=row.pk, from_status=from_status, to_status=to_status, **given)


# --- One move -----------------------------------------------------------------------------------------------


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("from_status", "to_status"), [(source, to) for source in S for to in sorted(MOVES[source])]
)
def test_every_move_of_the_table_is_made_and_leaves_an_event(from_status, to_status):
    row = IssuedBadgeFactory(status=from_status, claim_token=uuid4(), lease_until=timezone.now())
    assert move(step(row, to_status))
    after = stored(row)
    assert (after.status, after.claim_token, after.lease_until) == (to_status, None, None)
    assert timeline(row) == [f"{from_status} → {to_status}"]


@pytest.mark.django_db
def test_every_other_move_is_refused_and_writes_nothing():
    for from_status in S:
        row = IssuedBadgeFactory(status=from_status)
        for to_status in set(S) - MOVES[from_status]:
            with pytest.raises(ValueError, match="does not go to"):
                move(step(row, to_status))
            with pytest.raises(ValueError, match="does not go to"):
                move_all(IssuedBadge.objects.all(), from_status=from_status, to_status=to_status)
        assert stored(row).status == from_status
    assert not IssuingEvent.objects.exists()


@pytest.mark.django_db
def test_a_move_from_where_the_row_no_longer_is_writes_nothing():
    row = IssuedBadgeFactory(status=S.QUEUED)
    assert move(step(row, S.CANCELLED))
    assert not move(step(row, S.SENDING, changes={"attempts": 9}))
    assert (stored(row).status, stored(row).attempts) == (S.CANCELLED, 0)
    assert timeline(row) == ["queued → cancelled"]


@pytest.mark.django_db
def test_a_move_under_a_claim_that_somebody_else_has_now_writes_nothing():
    row = IssuedBadgeFactory(status=S.SENDING, claim_token=uuid4())
    assert not move(step(row, S.ISSUED, claim=uuid4(), changes={"external_uuid": "stale"}))
    assert (stored(row).status, stored(row).external_uuid) == (S.SENDING, "")
    assert not row.events.exists()
    assert move(step(row, S.ISSUED, claim=row.claim_token))


@pytest.mark.django_db
def test_the_event_keeps_actor_reason_and_reply():
    row = IssuedBadgeFactory(status=S.SENDING)
    actor = AdministratorFactory()
    assert move(step(row, S.FAILED, reason="No template.", data={"status": 404}), actor=actor)
    event = row.events.get()
    assert (event.from_status, event.to_status) == (S.SENDING, S.FAILED)
    assert (event.actor, event.reason, event.data) == (actor, "No template.", {"status": 404})
    assert event.at is not None


@pytest.mark.django_db
def test_a_move_and_its_event_stand_or_fall_together():
    row = IssuedBadgeFactory(status=S.SENDING)
    with pytest.raises(TypeError):
        move(step(row, S.FAILED, data={"cannot": object()}))
    assert stored(row).status == S.SENDING


@pytest.mark.django_db
def test_a_learner_has_at_most_one_live_row_of_a_badge():
    row = IssuedBadgeFactory(status=S.FAILED)
    with pytest.raises(IntegrityError), transaction.atomic():
        IssuedBadgeFactory(badge=row.badge, learner=row.learner)
    move(step(row, S.CANCELLED))
    IssuedBadgeFactory(badge=row.badge, learner=row.learner)
    assert IssuedBadge.objects.filter(learner=row.learner, status__in=LIVE).count() == 1


# --- Many moves ---------------------------------------------------------------------------------------------


@pytest.mark.django_db
def test_of_many_steps_those_are_taken_whose_rows_are_as_expected():
    now, token = timezone.now(), uuid4()
    ours, theirs, settled = (IssuedBadgeFactory(status=S.SENDING, claim_token=token) for _number in range(3))
    waiting = IssuedBadgeFactory(status=S.SENDING, claim_token=token, lease_until=now)
    IssuedBadge.objects.filter(pk=theirs.pk).update(claim_token=uuid4())
    IssuedBadge.objects.filter(pk=settled.pk).update(status=S.UNKNOWN)
    actor = AdministratorFactory()
    reply = {"id": "x-1", "evidence": [{"name": 'Ünïcode, "quoted", 100 %'}], "public": True, "none": None}
    told = {"external_uuid": "x-1", "issued_at": now}
    moved = move_each(
        [
            *(
                step(row, S.ISSUED, claim=token, reason="ok", data=reply, changes=told)
                for row in (ours, theirs)
            ),
            step(settled, S.ISSUED, claim=token, changes=told),
            step(waiting, S.QUEUED, claim=token, changes={"due_at": now, "attempts": 3}),
        ],
        actor=actor,
    )
    assert moved == {ours.pk, waiting.pk}
    after = stored(ours)
    assert (after.status, after.external_uuid, after.issued_at) == (S.ISSUED, "x-1", now)
    assert (after.claim_token, after.lease_until) == (None, None)
    event = ours.events.get()
    assert (event.from_status, event.to_status, event.reason) == (S.SENDING, S.ISSUED, "ok")
    assert (event.data, event.actor) == (reply, actor)
    assert event.at is not None
    back = stored(waiting)
    assert (back.status, back.due_at, back.attempts, back.lease_until) == (S.QUEUED, now, 3, None)
    for row in (theirs, settled):
        assert (stored(row).external_uuid, row.events.count()) == ("", 0)
    assert stored(theirs).status == S.SENDING


@pytest.mark.django_db
def test_many_steps_stand_or_fall_together():
    good, bad = IssuedBadgeFactory(status=S.SENDING), IssuedBadgeFactory(status=S.SENDING)
    with pytest.raises(TypeError):
        move_each([step(good, S.FAILED), step(bad, S.FAILED, data={"cannot": object()})])
    with pytest.raises(ValueError, match="does not go to"):
        move_each([step(good, S.FAILED), step(bad, S.REVOKED)])
    assert {stored(row).status for row in (good, bad)} == {S.SENDING}
    assert not IssuingEvent.objects.exists()


@pytest.mark.django_db
def test_many_steps_take_as_many_statements_as_one(django_assert_num_queries):
    for number in (1, 50):
        rows = [IssuedBadgeFactory(status=S.SENDING) for _number in range(number)]
        with django_assert_num_queries(4):
            assert (
                len(move_each([step(row, S.FAILED, changes={"failure_code": "x"}) for row in rows])) == number
            )


@pytest.mark.django_db
def test_moving_all_goes_in_batches_and_leaves_the_rest_alone(monkeypatch):
    monkeypatch.setattr(lifecycle, "BATCH", 3)
    badge = BadgeFactory()
    waiting = [IssuedBadgeFactory(badge=badge) for _number in range(7)]
    other = IssuedBadgeFactory()
    failed = IssuedBadgeFactory(badge=badge, status=S.FAILED)
    actor = AdministratorFactory()
    moved = move_all(
        IssuedBadge.objects.filter(badge=badge),
        from_status=S.QUEUED,
        to_status=S.HELD,
        reason="why",
        actor=actor,
        hold_reason="because",
    )
    assert moved == 7
    assert {(stored(row).status, stored(row).hold_reason) for row in waiting} == {(S.HELD, "because")}
    assert (stored(other).status, stored(failed).status) == (S.QUEUED, S.FAILED)
    events = IssuingEvent.objects.values_list("from_status", "to_status", "reason", "actor")
    assert list(events) == [(S.QUEUED, S.HELD, "why", actor.pk)] * 7


@pytest.mark.django_db
def test_moving_all_takes_as_many_statements_for_a_hundred_rows_as_for_one(django_assert_num_queries):
    def hold(badge):
        move_all(IssuedBadge.objects.filter(badge=badge), from_status=S.QUEUED, to_status=S.HELD)

    one, hundred = BadgeFactory(), BadgeFactory()
    IssuedBadgeFactory(badge=one)
    for _number in range(100):
        IssuedBadgeFactory(badge=hundred)
    with django_assert_num_queries(5):
        hold(one)
    with django_assert_num_queries(5):
        hold(hundred)


# --- Claims -------------------------------------------------------------------------------------------------


@pytest.mark.django_db
def test_the_best_priority_is_claimed_first_then_what_was_due_first():
    now = timezone.now()
    badge = BadgeFactory()

    def waiting(priority, minutes):
        return IssuedBadgeFactory(badge=badge, priority=priority, due_at=now - timedelta(minutes=minutes))

    backfill = waiting(IssuedBadge.Priority.BACKFILL, 90)
    late = waiting(IssuedBadge.Priority.LIVE, 10)
    early = waiting(IssuedBadge.Priority.LIVE, 20)
    manual = waiting(IssuedBadge.Priority.MANUAL, 1)
    assert [row.pk for row in claim(3, now=now)] == [manual.pk, early.pk, late.pk]
    assert [row.pk for row in claim(3, now=now)] == [backfill.pk]
    assert claim(3, now=now) == []


@pytest.mark.django_db
def test_a_claim_marks_the_row_with_a_token_a_lease_and_one_more_attempt():
    now = timezone.now()
    row = IssuedBadgeFactory(due_at=now)
    (claimed,) = claim(5, now=now)
    after = stored(row)
    assert (after.status, after.attempts) == (S.SENDING, 1)
    assert after.claim_token == claimed.claim_token is not None
    assert after.lease_until == now + lifecycle.lease()
    assert timeline(row) == ["queued → sending"]


@pytest.mark.django_db
def test_what_is_claimed_is_whole_and_takes_as_many_statements_for_fifty_rows_as_for_one(
    django_assert_num_queries,
):
    for number in (1, 50):
        for _number in range(number):
            IssuedBadgeFactory()
        with django_assert_num_queries(9):
            rows = claim(number)
            assert (
                len({(row.badge.badge_provider.token, row.badge.organization.time_zone) for row in rows}) == 1
            )
            assert len({row.learner.email for row in rows}) == number
        for row in rows:
            assert {name: getattr(row, name) for name in CLAIMED} == {
                name: getattr(stored(row), name) for name in CLAIMED
            }


@pytest.mark.django_db
def test_what_is_due_later_is_not_claimed_before():
    now = timezone.now()
    IssuedBadgeFactory(due_at=now + timedelta(seconds=1))
    assert claim(5, now=now) == []
    assert len(claim(5, now=now + timedelta(seconds=1))) == 1


@pytest.mark.django_db
@pytest.mark.parametrize(
    "given",
    [
        {"is_active": False},
        {"badge_provider__is_enabled": False},
        {"badge_provider__paused_at": timezone.now()},
    ],
    ids=["inactive badge", "disabled account", "paused account"],
)
def test_rows_that_cannot_be_sent_are_not_claimed(given):
    IssuedBadgeFactory(badge=BadgeFactory(**given))
    sendable = IssuedBadgeFactory()
    assert [row.pk for row in claim(5)] == [sendable.pk]


@pytest.mark.django_db
def test_an_open_row_keeps_its_status_and_is_free_again_after_the_lease():
    now = timezone.now()
    row = IssuedBadgeFactory(status=S.UNKNOWN, due_at=now)
    (first,) = claim_open(S.UNKNOWN, 5, now=now)
    assert claim_open(S.UNKNOWN, 5, now=now) == []
    (second,) = claim_open(S.UNKNOWN, 5, now=now + lifecycle.lease())
    assert first.pk == second.pk == row.pk
    assert first.claim_token != second.claim_token
    assert (stored(row).status, timeline(row)) == (S.UNKNOWN, [])


@pytest.mark.django_db
def test_an_open_row_of_an_inactive_badge_is_looked_up_all_the_same():
    """It may be at the provider already; only a paused or disabled account cannot be asked."""
    asked = IssuedBadgeFactory(status=S.UNKNOWN, badge__is_active=False)
    IssuedBadgeFactory(status=S.UNKNOWN, badge__badge_provider__paused_at=timezone.now())
    IssuedBadgeFactory(status=S.UNKNOWN, badge__badge_provider__is_enabled=False)
    assert [row.pk for row in claim_open(S.UNKNOWN, 5)] == [asked.pk]


@pytest.mark.django_db
def test_only_the_holder_of_the_claim_can_postpone():
    now = timezone.now()
    IssuedBadgeFactory(status=S.UNKNOWN, due_at=now)
    (first,) = claim_open(S.UNKNOWN, 5, now=now)
    (second,) = claim_open(S.UNKNOWN, 5, now=now + lifecycle.lease())
    assert not postpone(first, due_at=now + timedelta(days=1), lookups_missed=7)
    assert stored(first).lookups_missed == 0
    assert postpone(second, due_at=now + timedelta(days=2), lookups_missed=1)
    after = stored(second)
    assert (after.due_at, after.lookups_missed) == (now + timedelta(days=2), 1)
    assert (after.claim_token, after.lease_until) == (None, None)


@pytest.mark.services
@pytest.mark.django_db(transaction=True)
def test_claimers_at_the_same_time_never_share_a_row():
    assert connection.vendor == "postgresql", "SQLite has one writer at a time"
    account = BadgeProviderFactory()
    badge = BadgeFactory(organization=account.organization, badge_provider=account)
    rows = [IssuedBadgeFactory(badge=badge) for _number in range(60)]
    claimed: list[list[int]] = []
    start = threading.Barrier(4)

    def work():
        start.wait()
        try:
            while taken := claim(5):
                claimed.append([row.pk for row in taken])
        finally:
            connections.close_all()

    threads = [threading.Thread(target=work) for _number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(pk for taken in claimed for pk in taken) == [row.pk for row in rows]
    assert IssuingEvent.objects.count() == len(rows)


@pytest.mark.services
@pytest.mark.django_db(transaction=True)
def test_a_claim_does_not_wait_for_a_row_that_somebody_is_settling():
    first, second = IssuedBadgeFactory(), IssuedBadgeFactory()
    taken: list[int] = []

    def work():
        try:
            taken.extend(row.pk for row in claim(5))
        finally:
            connections.close_all()

    with transaction.atomic():
        IssuedBadge.objects.select_for_update().get(pk=first.pk)
        thread = threading.Thread(target=work)
        thread.start()
        thread.join(timeout=10)
        assert not thread.is_alive()
    assert taken == [second.pk]


# --- Whatever happens ---------------------------------------------------------------------------------------

ANYTHING = st.lists(
    st.one_of(
        st.tuples(st.just("move"), st.integers(0, 5), st.sampled_from(S), st.sampled_from(S)),
        st.tuples(st.just("new"), st.integers(0, 1), st.just(S.QUEUED), st.just(S.QUEUED)),
        st.tuples(st.just("move_all"), st.just(0), st.sampled_from(S), st.sampled_from(S)),
        st.tuples(st.just("claim"), st.integers(1, 2), st.just(S.QUEUED), st.just(S.SENDING)),
    ),
    max_size=25,
)


class AnySequence(TestCase):
    @given(acts=ANYTHING)
    def test_keeps_one_live_row_for_each_learner_and_a_timeline_that_replays_to_the_status(self, acts):
        badge = BadgeFactory()
        learners = UserFactory.create_batch(2, organization=badge.organization)
        for kind, number, from_status, to_status in acts:
            rows = list(IssuedBadge.objects.order_by("pk"))
            if kind == "new":
                self._ask_for(badge, learners[number])
            elif kind == "claim":
                claim(number)
            elif to_status not in MOVES[from_status]:
                continue
            elif kind == "move_all":
                move_all(IssuedBadge.objects.all(), from_status=from_status, to_status=to_status)
            elif rows:
                move(step(rows[number % len(rows)], to_status, from_status=from_status))
            self._check(learners)

    def _ask_for(self, badge, learner):
        has_one = IssuedBadge.objects.filter(learner=learner, status__in=LIVE).exists()
        try:
            with transaction.atomic():
                IssuedBadgeFactory(badge=badge, learner=learner)
        except IntegrityError:
            assert has_one
        else:
            assert not has_one

    def _check(self, learners):
        for learner in learners:
            assert learner.issued_badges.filter(status__in=LIVE).count() <= 1
        for row in IssuedBadge.objects.all():
            status: str = S.QUEUED
            for event in row.events.order_by("pk"):
                assert event.from_status == status
                status = event.to_status
            assert row.status == status
