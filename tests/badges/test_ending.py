"""How decisions end issued badges: one, many at once, and those that are under way meanwhile."""

from __future__ import annotations

import threading
from datetime import timedelta

import pytest
from django.db import connection, connections, transaction
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from badges.delivery import deliver
from badges.ending import Ended, cancel, cancel_all, fulfil_wishes, revoke, revoke_all
from badges.lifecycle import claim
from badges.lookups import reconcile
from badges.models import IssuedBadge, IssuingEvent
from badges.sending import settle
from badges.status import MOVES, Status
from badges.sweeping import sweep
from providers.base import OutcomeUnknown, ProviderBadge, Rejected, Standing, Transient
from tests.badges.conftest import stored, timeline
from tests.factories import AdministratorFactory, BadgeFactory, IssuedBadgeFactory, UserFactory
from tests.providers.conftest import TEMPLATE
from tms.errors import Conflict, DomainError, NotFound

S = Status
AT_REST = (S.ISSUED, S.ACCEPTED, S.REJECTED)
UNDER_WAY = (S.SENDING, S.UNKNOWN)
REASON = "Issued in error."
pytestmark = pytest.mark.django_db


@pytest.fixture
def badge():
    return BadgeFactory()


@pytest.fixture
def at_sandbox(account):
    """A badge of the sandbox's account."""
    return BadgeFactory(organization=account.organization, badge_provider=account, template_id=TEMPLATE)


def row_of(badge, status, **given):
    return IssuedBadgeFactory(badge=badge, status=status, **given)


def statuses(rows) -> list[Status]:
    return [stored(row).status for row in rows]


def at_once(*acts) -> list[object]:
    """What acts return that all start at the same moment, each in a thread of its own; None where it raises."""
    results: list[object] = [None] * len(acts)
    start = threading.Barrier(len(acts))

    def work(place, act):
        start.wait()
        try:
            results[place] = act()
        finally:
            connections.close_all()

    threads = [threading.Thread(target=work, args=(place, act)) for place, act in enumerate(acts)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return results


# --- One ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("status", sorted(S))
def test_what_has_not_been_sent_can_be_given_up(badge, admin, ada, status):
    row = row_of(badge, status, learner=ada)
    if S.CANCELLED in MOVES[status]:
        assert cancel(row, reason="Left.", actor=admin).status == S.CANCELLED
        assert stored(row).ended_reason == "Left."
        assert (row.events.get().actor, row.events.get().reason) == (admin, "Left.")
        return
    with pytest.raises(Conflict) as refused:
        cancel(row, reason="Left.", actor=admin)
    assert refused.value.code == "not_cancellable"
    assert stored(row).status == status


@pytest.mark.parametrize("status", AT_REST)
def test_what_the_provider_has_can_be_revoked(badge, admin, ada, status):
    row = row_of(badge, status, learner=ada, attempts=4, correction_due_at=timezone.now())
    assert revoke(row, reason=REASON, actor=admin).status == S.REVOKING
    after = stored(row)
    assert (after.ended_reason, after.attempts) == (REASON, 0)
    assert (after.revoke_asked_at, after.correction_due_at) == (None, None)
    assert timezone.now() - after.due_at < timedelta(minutes=1)
    assert (row.events.get().actor, row.events.get().reason) == (admin, REASON)


@pytest.mark.parametrize("status", UNDER_WAY)
def test_what_is_under_way_is_revoked_when_its_outcome_is_known(badge, admin, ada, status):
    row = row_of(badge, status, learner=ada)
    assert revoke(row, reason=REASON, actor=admin).status == status
    after = stored(row)
    assert (after.revoke_asked_by, after.ended_reason) == (admin, REASON)
    assert after.revoke_asked_at
    event = row.events.get()
    assert (event.actor, event.from_status, event.to_status) == (admin, status, status)
    assert event.reason == "To be revoked as soon as its outcome is known."


@pytest.mark.parametrize("status", sorted(set(S) - {*AT_REST, *UNDER_WAY}))
def test_nothing_else_can_be_revoked(badge, admin, ada, status):
    row = row_of(badge, status, learner=ada)
    with pytest.raises(Conflict) as refused:
        revoke(row, reason=REASON, actor=admin)
    assert refused.value.code == "not_issued"
    assert str(stored(row).issued_status) in refused.value.message
    assert (stored(row).status, stored(row).revoke_asked_at) == (status, None)
    assert not row.events.exists()


@pytest.mark.parametrize("reason", ["", "   "])
def test_revoking_needs_a_reason(badge, ada, reason):
    row = row_of(badge, S.ISSUED, learner=ada)
    for act in (lambda: revoke(row, reason=reason, actor=None), lambda: everything(reason=reason)):
        with pytest.raises(DomainError) as refused:
            act()
        assert refused.value.code == "reason_required"
        assert list(refused.value.fields) == ["reason"]
    assert stored(row).status == S.ISSUED


def test_cancelling_and_revoking_are_for_administrators_of_the_badge(ada):
    # Whoever administers the learner alone sees the badge and cannot touch it.
    elsewhere = UserFactory()
    for actor in (ada, AdministratorFactory(), AdministratorFactory(organization=elsewhere.organization)):
        for status, act in ((S.QUEUED, cancel), (S.ISSUED, revoke)):
            row = row_of(BadgeFactory(), status, learner=elsewhere)
            with pytest.raises(NotFound):
                act(row, reason=REASON, actor=actor)
            assert cancel_all(IssuedBadge.objects.all(), reason=REASON, actor=actor) == 0
            assert everything(actor=actor) == Ended()
            assert stored(row).status == status
            assert stored(row).revoke_asked_at is None


def test_two_who_revoke_the_same_badge_revoke_it_once(badge, ada):
    row = row_of(badge, S.ISSUED, learner=ada)
    revoke(row, reason=REASON, actor=None)
    with pytest.raises(Conflict):
        revoke(row, reason=REASON, actor=None)
    assert timeline(row) == ["issued → revoking"]


# --- Many ---------------------------------------------------------------------------------------------------


def everything(*, reason=REASON, actor=None) -> Ended:
    return revoke_all(IssuedBadge.objects.all(), reason=reason, actor=actor)


def test_one_act_takes_back_whatever_there_is(badge, admin):
    rows = {status: row_of(badge, status) for status in S}
    ended = everything(actor=admin)
    assert ended == Ended(cancelled=3, revoking=3, awaited=2)
    expected = {
        **{status: status for status in S},
        **dict.fromkeys((S.QUEUED, S.HELD, S.FAILED), S.CANCELLED),
        **dict.fromkeys(AT_REST, S.REVOKING),
    }
    assert {status: stored(row).status for status, row in rows.items()} == expected
    told = IssuingEvent.objects.values_list("actor", flat=True)
    assert list(told) == [admin.pk] * ended.total
    assert set(IssuedBadge.objects.exclude(ended_reason="").values_list("ended_reason", flat=True)) == {
        REASON
    }
    assert "3 badges are being revoked. 3 badges that had not been sent were cancelled." in ended.sentence
    assert "2 badges are under way" in ended.sentence


def test_only_what_the_query_names_is_taken_back(badge, admin):
    other = row_of(BadgeFactory(organization=badge.organization), S.ISSUED)
    row = row_of(badge, S.ISSUED)
    revoke_all(IssuedBadge.objects.filter(badge=badge), reason=REASON, actor=admin)
    assert statuses([row, other]) == [S.REVOKING, S.ISSUED]


def test_asked_twice_nothing_more_happens(badge):
    rows = [row_of(badge, status) for status in (S.QUEUED, S.ISSUED)]
    everything()
    assert everything(reason="Again.") == Ended()
    assert [timeline(row) for row in rows] == [["queued → cancelled"], ["issued → revoking"]]


def test_many_take_as_many_statements_as_few(badge, admin):
    def statements(count: int) -> int:
        for number in range(count):
            row_of(badge, (S.QUEUED, S.ISSUED, S.SENDING)[number % 3])
        with CaptureQueriesContext(connection) as captured:
            assert everything(actor=admin).total == count
        IssuedBadge.objects.all().delete()
        return len(captured)

    statements(3)  # reads the administrator's roles
    assert statements(3) == statements(30)


def test_more_than_one_statement_takes_are_taken_back_in_parts(badge, admin, monkeypatch):
    monkeypatch.setattr("badges.acts.BATCH", 3)
    for number in range(8):
        row_of(badge, (S.QUEUED, S.ISSUED, S.SENDING)[number % 3])
    assert everything(actor=admin) == Ended(cancelled=3, revoking=3, awaited=2)


def test_what_may_be_at_the_provider_is_looked_for_before_it_is_given_up(sandbox, at_sandbox, later):
    """Its answer was lost and its look-ups failed for a day: it is there all the same."""
    row = row_of(at_sandbox, S.QUEUED)
    sandbox.order(lost_response=1, times=1)
    deliver()
    with later(seconds=5):
        IssuedBadge.objects.update(lookups_failed=1_000)
        sandbox.order(status=500)
        reconcile()
        assert stored(row).status == S.FAILED
        sandbox.order()
        assert everything() == Ended(awaited=1)
        assert stored(row).status == S.UNKNOWN
        reconcile()
        sweep()
        deliver()
    assert stored(row).status == S.REVOKED
    assert [there["state"] for there in sandbox.badges()] == ["revoked"]


def test_give_up_many_leaves_what_has_been_sent(badge, admin):
    rows = [row_of(badge, status) for status in S]
    assert cancel_all(IssuedBadge.objects.all(), reason="Left.", actor=admin) == 3
    assert [status for status in statuses(rows) if status == S.CANCELLED] == [S.CANCELLED] * 4
    assert IssuingEvent.objects.filter(actor=admin, reason="Left.").count() == 3


# --- Under way meanwhile ------------------------------------------------------------------------------------


def answer(external_id="x-1"):
    return ProviderBadge(external_id=external_id, state="pending", standing=Standing.PENDING)


@pytest.mark.parametrize(
    ("outcome", "end"),
    [
        (answer(), S.REVOKING),
        (Transient("Busy."), S.CANCELLED),
        (Rejected("No."), S.CANCELLED),
    ],
    ids=["issued", "put back", "refused"],
)
def test_whatever_becomes_of_a_row_that_is_being_sent_it_is_taken_back(badge, admin, outcome, end):
    row = row_of(badge, S.QUEUED)
    [claimed] = claim(1)
    everything(actor=admin)
    settle([(claimed, outcome)])
    sweep()
    after = stored(row)
    assert (after.status, after.revoke_asked_at, after.ended_reason) == (end, None, REASON)
    last = row.events.order_by("pk").last()
    assert (last.actor, last.reason) == (admin, REASON)


def test_a_row_that_comes_back_to_the_queue_is_not_sent_again(badge):
    row = row_of(badge, S.QUEUED)
    [claimed] = claim(1)
    everything()
    settle([(claimed, Transient("Busy.", retry_after=0))])
    IssuedBadge.objects.update(due_at=timezone.now() - timedelta(minutes=1))
    assert stored(row).status == S.QUEUED
    assert claim(1) == []
    fulfil_wishes()
    assert stored(row).status == S.CANCELLED


def test_a_row_whose_worker_died_is_looked_for_and_then_taken_back(sandbox, at_sandbox, later):
    row = row_of(at_sandbox, S.QUEUED)
    sandbox.order(lost_response=1, times=1)
    deliver()
    assert stored(row).status == S.UNKNOWN
    assert everything() == Ended(awaited=1)
    with later(seconds=5):
        reconcile()
        assert stored(row).status == S.ISSUED
        sweep()
        deliver()
    assert stored(row).status == S.REVOKED
    [there] = sandbox.badges()
    assert (there["state"], there["revocation_reason"]) == ("revoked", REASON)


def test_a_wish_that_died_before_anything_moved_is_fulfilled_by_the_sweep(badge, admin, monkeypatch):
    rows = [row_of(badge, status) for status in (S.QUEUED, S.ISSUED)]

    def killed(*_args):
        raise KeyboardInterrupt

    monkeypatch.setattr("badges.ending.fulfil_wishes", killed)
    with pytest.raises(KeyboardInterrupt):
        everything(actor=admin)
    assert statuses(rows) == [S.QUEUED, S.ISSUED]
    monkeypatch.undo()
    sweep()
    assert statuses(rows) == [S.CANCELLED, S.REVOKING]
    assert set(IssuingEvent.objects.values_list("actor", "reason")) == {(admin.pk, REASON)}


def test_each_of_several_acts_keeps_its_own_reason_and_person(badge, admin):
    first, second = row_of(badge, S.SENDING), row_of(badge, S.SENDING)
    revoke(first, reason="One.", actor=admin)
    revoke(second, reason="Two.", actor=None)
    for row in (first, second):
        settle([(stored(row), OutcomeUnknown("?"))])
    sweep()
    assert statuses([first, second]) == [S.UNKNOWN, S.UNKNOWN]
    IssuedBadge.objects.filter(pk__in=[first.pk, second.pk]).update(status=S.ISSUED)
    fulfil_wishes()
    told = [(stored(row).ended_reason, row.events.last().actor) for row in (first, second)]
    assert told == [("One.", admin), ("Two.", None)]


def test_a_provider_that_refuses_to_take_back_is_not_asked_for_ever(sandbox, at_sandbox):
    row = row_of(at_sandbox, S.ISSUED, external_uuid="not-there")
    everything()
    deliver()
    after = stored(row)
    assert (after.status, after.revoke_asked_at, after.failure_code) == (S.ISSUED, None, "rejected")
    sweep()
    assert deliver() == 0
    assert stored(row).status == S.ISSUED


@pytest.mark.services
@pytest.mark.django_db(transaction=True)
def test_nothing_slips_through_between_two_who_revoke_and_one_who_sends(badge):
    rows = [row_of(badge, S.QUEUED) for _number in range(40)]

    def send():
        claimed = claim(40)
        settle([(row, answer(f"x-{row.pk}")) for row in claimed])
        return True

    assert all(at_once(send, everything, everything, send))
    fulfil_wishes()
    assert set(statuses(rows)) <= {S.CANCELLED, S.REVOKING}


@pytest.mark.services
@pytest.mark.django_db(transaction=True)
def test_whoever_wants_rows_back_waits_for_those_that_somebody_holds(badge):
    rows = [row_of(badge, S.QUEUED) for _number in range(3)]
    held, done = threading.Event(), threading.Event()

    def hold():
        with transaction.atomic():
            list(IssuedBadge.objects.select_for_update().filter(pk=rows[1].pk))
            held.set()
            done.wait(timeout=1)

    def ask():
        held.wait()
        return everything()

    at_once(hold, ask)
    fulfil_wishes()
    assert statuses(rows) == [S.CANCELLED] * 3
