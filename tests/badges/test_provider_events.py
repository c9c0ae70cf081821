"""Events: what is posted, in whatever order and however often, and what it leads to, over real HTTP."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from badges import provider_events
from badges.models import Badge, Difference, IssuedBadge, ProviderEvent
from badges.provider_events import MOST_ATTEMPTS, claim, process, process_again
from badges.status import Status
from providers import accounts
from providers.base import Event, OutcomeUnknown, ProviderBadge, Standing
from providers.credly import Credly
from providers.models import BadgeProvider
from tests.badges.conftest import stored, timeline
from tests.badges.stories import act, events_there, issue, issue_there
from tests.factories import (
    AdministratorFactory,
    BadgeProviderFactory,
    IssuedBadgeFactory,
    UserFactory,
)
from tests.providers.conftest import CANARY, TEMPLATE
from tms.errors import NotFound

S = Status
Outcome = ProviderEvent.Outcome
pytestmark = pytest.mark.django_db


def receive(provider, told: dict[str, Any], **changes: Any) -> ProviderEvent:
    """As the door does with what was posted."""
    told = {**told, **changes}
    provider_events.receive(
        provider,
        told["id"],
        kind=told["event_type"],
        occurred_at=timezone.datetime.fromisoformat(told["occurred_at"]),
        organization_id=told["organization_id"],
        told=told,
    )
    return ProviderEvent.objects.get(badge_provider=provider, external_id=told["id"])


def told_of(sandbox, kind: str) -> dict[str, Any]:
    (event,) = [event for event in events_there(sandbox) if event["event_type"] == kind]
    return event


def after(event: ProviderEvent) -> ProviderEvent:
    return ProviderEvent.objects.get(pk=event.pk)


def reads(sandbox) -> int:
    """How often the provider was asked for one event."""
    return sum("/events/" in line["path"] for line in sandbox.received()["requests"])


@pytest.fixture
def administrator(account):
    return AdministratorFactory(organization=account.organization)


# --- What happened at the provider --------------------------------------------------------------------------


def test_a_badge_that_the_earner_accepts_is_accepted_here(sandbox, account, badge):
    row = issue(badge)
    act(sandbox, row.external_uuid, "accept")
    event = receive(account, told_of(sandbox, "badge.state.changed"))
    assert process() == 1
    assert (stored(row).status, stored(row).external_state) == (S.ACCEPTED, "accepted")
    assert row.events.last().reason == "Told by Credly."
    assert (after(event).outcome, after(event).result) == (Outcome.DONE, "Accepted")
    assert after(event).issued_badge == row
    assert process() == 0


@pytest.mark.parametrize(
    ("verbs", "status"),
    [
        (["reject"], S.REJECTED),
        (["revoke"], S.REVOKED),
        (["accept", "revoke"], S.REVOKED),
        (["delete"], S.REMOVED),
        (["accept", "delete"], S.REMOVED),
        (["revoke", "delete"], S.REVOKED),
    ],
)
@pytest.mark.parametrize("order", [1, -1], ids=["in order", "the other way round"])
def test_in_whatever_order_events_come_the_record_ends_where_the_badge_did(
    sandbox, account, badge, verbs, status, order
):
    row = issue(badge)
    for verb in verbs:
        act(sandbox, row.external_uuid, verb)
    for told in events_there(sandbox)[::order]:
        receive(account, told)
        process()
    if verbs == ["revoke", "delete"]:
        # It was deleted before anything else could be read.
        assert stored(row).status in {S.REVOKED, S.REMOVED}
    else:
        assert stored(row).status == status
    assert set(ProviderEvent.objects.values_list("outcome", flat=True)) == {Outcome.DONE}


def test_our_own_badges_are_nothing_new(sandbox, account, badge):
    row = issue(badge)
    event = receive(account, told_of(sandbox, "badge.created"))
    process()
    assert (after(event).result, after(event).issued_badge) == ("Nothing new.", row)
    assert timeline(row) == ["queued → sending", "sending → issued"]
    assert not Difference.objects.exists()


def test_a_badge_that_was_issued_there_is_a_difference_until_it_is_gone(sandbox, account, badge):
    learner = UserFactory(organization=badge.organization)
    there = issue_there(sandbox, badge, email=learner.email)
    event = receive(account, told_of(sandbox, "badge.created"))
    process()
    difference = Difference.objects.get()
    assert (difference.kind, difference.external_uuid) == (Difference.Kind.UNEXPECTED, there)
    assert (difference.learner, difference.badge) == (learner, badge)
    assert after(event).result == "It was not issued here: see the differences."
    act(sandbox, there, "delete")
    receive(account, told_of(sandbox, "badge.deleted"))
    process()
    assert Difference.objects.get().resolved_at is not None


def test_a_record_whose_answer_was_lost_takes_the_badge_that_is_told(sandbox, account, badge):
    row = IssuedBadgeFactory(badge=badge, status=S.UNKNOWN, due_at=timezone.now() + timedelta(hours=1))
    there = issue_there(sandbox, badge, email="old@example.org", issuer_earner_id=str(row.learner.earner_id))
    receive(account, told_of(sandbox, "badge.created"))
    process()
    assert (stored(row).status, stored(row).external_uuid) == (S.ISSUED, there)


def test_the_catalogue_follows_a_template(sandbox, account, badge):
    sandbox.call("POST", "/_sandbox/templates", {"id": TEMPLATE, "name": "First Lab, renewed"})
    event = receive(account, told_of(sandbox, "badge_template.changed"))
    process()
    badge.refresh_from_db()
    assert badge.template_data["name"] == "First Lab, renewed"
    assert after(event).result == "The catalogue follows."
    sandbox.call("POST", "/_sandbox/templates", {"id": TEMPLATE, "state": "archived"})
    # The template as it is when the event is read, not as it was when it happened.
    process_again(event, actor=None)
    process()
    badge.refresh_from_db()
    assert (badge.is_active, badge.template_state) == (False, Badge.TemplateState.ARCHIVED)


def test_an_event_of_a_kind_that_we_do_not_know_is_kept_and_ignored(sandbox, account, badge, monkeypatch):
    real = Credly.event
    issue(badge)
    monkeypatch.setattr(
        Credly,
        "event",
        lambda self, pk: Event(external_id=pk, kind="badge.polished", badge=real(self, pk).badge),
    )
    event = receive(account, told_of(sandbox, "badge.created"))
    process()
    assert (after(event).outcome, after(event).kind) == (Outcome.IGNORED, "badge.polished")


# --- Only what was read back --------------------------------------------------------------------------------


def test_what_was_posted_is_not_believed(sandbox, account, badge):
    """The kind, too, is that of the event that the provider knows by this id."""
    row = issue(badge)
    event = receive(account, told_of(sandbox, "badge.created"), event_type="badge.deleted")
    process()
    assert stored(row).status == S.ISSUED
    assert (after(event).kind, after(event).told["event_type"]) == ("badge.created", "badge.deleted")


def test_an_event_that_nobody_at_the_provider_knows_is_ignored_after_a_few_looks(
    sandbox, account, badge, later
):
    row = issue(badge)
    told = {**told_of(sandbox, "badge.created"), "id": "made-up", "event_type": "badge.deleted"}
    event = receive(account, told)
    for number in range(5):
        assert after(event).processed_at is None
        with later(seconds=3600 * number):
            process()
    assert (after(event).outcome, stored(row).status) == (Outcome.IGNORED, S.ISSUED)
    assert after(event).result == "Credly knows no such event."


def test_an_event_that_names_another_organization_is_kept_and_never_read(sandbox, account, badge):
    row = issue(badge)
    act(sandbox, row.external_uuid, "revoke")
    event = receive(account, told_of(sandbox, "badge.state.changed"), organization_id="somebody-else")
    assert (after(event).outcome, process(), reads(sandbox)) == (Outcome.IGNORED, 0, 0)
    assert stored(row).status == S.ISSUED


def test_what_is_kept_of_an_event_names_nobody(sandbox, account, badge):
    row = issue(badge)
    event = receive(account, told_of(sandbox, "badge.created"))
    process()
    kept = str(after(event).read)
    assert row.external_uuid in kept
    assert row.learner.email not in kept
    assert row.learner.last_name not in kept
    assert CANARY not in kept


# --- Once, whatever happens ---------------------------------------------------------------------------------


def test_an_event_that_is_told_again_and_again_is_read_once(sandbox, account, badge):
    row = issue(badge)
    act(sandbox, row.external_uuid, "accept")
    told = told_of(sandbox, "badge.state.changed")
    for _time in range(3):
        receive(account, told)
        process()
    assert (ProviderEvent.objects.count(), reads(sandbox)) == (1, 1)
    assert timeline(row)[-1] == "issued → accepted"


def test_a_late_event_does_not_move_back_what_was_learned_since(sandbox, account, badge, monkeypatch):
    """The event tells the badge as it was; then the badge is looked at as it is."""
    row = issue(badge)
    act(sandbox, row.external_uuid, "reject")
    told = told_of(sandbox, "badge.state.changed")
    then = Credly(account.account).event(told["id"])
    with_us = stored(row)
    act_as(with_us, S.REJECTED, S.ACCEPTED)
    there = ProviderBadge(external_id=row.external_uuid, state="accepted", standing=Standing.ACCEPTED)
    looked = []

    def find(self, request):
        looked.append(request.email)
        return [there]

    monkeypatch.setattr(Credly, "event", lambda self, pk: then)
    monkeypatch.setattr(Credly, "find", find)
    event = receive(account, told)
    process()
    assert looked == [row.recipient_email]
    assert (stored(row).status, after(event).outcome) == (S.ACCEPTED, Outcome.DONE)
    assert not Difference.objects.exists()


def act_as(row: IssuedBadge, *statuses: Status) -> None:
    from badges.lifecycle import Move, move

    for status in statuses:
        assert move(Move(issued_badge_id=row.pk, from_status=Status(row.status), to_status=status))
        row.refresh_from_db()


def test_a_worker_that_dies_after_the_event_was_stored_leaves_it_to_the_next(sandbox, account, badge, later):
    row = issue(badge)
    act(sandbox, row.external_uuid, "accept")
    event = receive(account, told_of(sandbox, "badge.state.changed"))
    (dead,) = claim(5)
    assert dead.pk == event.pk
    assert process() == 0
    with later(lease=4.1):
        assert process() == 1
    assert (stored(row).status, after(event).attempts) == (S.ACCEPTED, 2)


def test_a_worker_that_wakes_after_its_claim_settles_nothing(sandbox, account, badge, later):
    row = issue(badge)
    act(sandbox, row.external_uuid, "accept")
    receive(account, told_of(sandbox, "badge.state.changed"))
    late = claim(5)
    answer = Credly(account.account).event(late[0].external_id)
    with later(lease=4.1):
        process()
    act(sandbox, row.external_uuid, "revoke")
    provider_events._settle_alone(late[0], answer)
    assert timeline(row)[-1] == "issued → accepted"
    assert ProviderEvent.objects.get().attempts == 2


def test_a_provider_that_is_down_is_asked_again_when_it_is_back(sandbox, account, badge, later):
    row = issue(badge)
    act(sandbox, row.external_uuid, "accept")
    event = receive(account, told_of(sandbox, "badge.state.changed"))
    sandbox.stop()
    process()
    waiting = after(event)
    assert (waiting.processed_at, waiting.attempts) == (None, 1)
    assert "cannot be reached" in waiting.result
    sandbox.start()
    with later(seconds=-60):  # however long the start took
        assert process() == 0
    with later(seconds=10):
        process()
    assert stored(row).status == S.ACCEPTED


def test_an_event_that_can_never_be_read_stops_no_other_and_is_given_up(
    sandbox, account, badge, later, monkeypatch, administrator
):
    row = issue(badge)
    act(sandbox, row.external_uuid, "accept")
    bad, good = (receive(account, told) for told in events_there(sandbox))
    real = Credly.event

    def event(self, pk):
        if pk == bad.external_id:
            raise OutcomeUnknown("It answers nonsense.")
        return real(self, pk)

    monkeypatch.setattr(Credly, "event", event)
    process()
    assert (after(good).outcome, stored(row).status) == (Outcome.DONE, S.ACCEPTED)
    ProviderEvent.objects.filter(pk=bad.pk).update(attempts=MOST_ATTEMPTS - 1)
    with later(seconds=3600):
        process()
    assert (after(bad).outcome, after(bad).result) == (Outcome.GIVEN_UP, "It answers nonsense.")
    monkeypatch.undo()
    process_again(after(bad), actor=administrator)
    process()
    assert after(bad).outcome == Outcome.DONE


def test_an_event_that_cannot_be_settled_waits(sandbox, account, badge, monkeypatch):
    row = issue(badge)
    act(sandbox, row.external_uuid, "accept")
    event = receive(account, told_of(sandbox, "badge.state.changed"))

    def reflect(*_args, **_named):
        raise RuntimeError("The database is full.")

    monkeypatch.setattr(provider_events, "reflect", reflect)
    process()
    assert (after(event).processed_at, after(event).result) == (None, "RuntimeError")
    assert after(event).due_at > timezone.now()


def test_a_record_of_which_no_question_can_be_made_stops_no_other_event(sandbox, account, badge):
    """Both records were moved after what the events tell, so the provider is asked about both."""
    bad, good = (issue(badge) for _number in range(2))
    for row in (bad, good):
        act(sandbox, row.external_uuid, "accept")
        act_as(row, S.REJECTED)
    IssuedBadge.objects.filter(pk=bad.pk).update(evidence=[{"unknown": "field"}])
    for told in events_there(sandbox):
        receive(account, told)
    process()
    waiting = ProviderEvent.objects.filter(processed_at=None)
    assert set(waiting.values_list("result", flat=True)) == {"Unexpected error: TypeError"}
    assert (stored(bad).status, stored(good).status) == (S.REJECTED, S.ACCEPTED)


# --- Accounts -----------------------------------------------------------------------------------------------


def test_a_refused_account_is_paused_and_its_events_wait(sandbox, account, badge):
    row = issue(badge)
    act(sandbox, row.external_uuid, "accept")
    event = receive(account, told_of(sandbox, "badge.state.changed"))
    accounts.save_provider(account, new_token="revoked-yesterday")
    process()
    account.refresh_from_db()
    assert account.paused_at is not None
    assert (after(event).processed_at, process()) == (None, 0)
    accounts.save_provider(account, new_token=CANARY)
    process()
    assert stored(row).status == S.ACCEPTED


@pytest.mark.parametrize(
    "given", [{"is_enabled": False}, {"paused_at": timezone.now()}], ids=lambda given: next(iter(given))
)
def test_events_of_an_account_that_may_not_be_called_wait(given):
    account = BadgeProviderFactory(**given)
    ProviderEvent.objects.create(badge_provider=account, external_id="e-1", kind="badge.created")
    assert claim(5) == []


@pytest.mark.parametrize(
    "given", [{"kind": BadgeProvider.Kind.OPEN_BADGES}, {"token": ""}], ids=lambda given: next(iter(given))
)
def test_events_of_an_account_that_cannot_be_asked_at_all_wait_and_stop_no_other(
    sandbox, account, badge, given
):
    """Its kind was changed, or the key of its token is lost, while events were waiting."""
    row = issue(badge)
    act(sandbox, row.external_uuid, "accept")
    other = BadgeProviderFactory(**given)
    lost = ProviderEvent.objects.create(badge_provider=other, external_id="e-1", kind="badge.created")
    receive(account, told_of(sandbox, "badge.state.changed"))
    process()
    assert stored(row).status == S.ACCEPTED
    other.refresh_from_db()
    assert (after(lost).processed_at, after(lost).attempts) == (None, 1)
    assert other.paused_at is not None
    assert after(lost).result == other.pause_reason


def test_accounts_take_turns():
    busy, quiet = BadgeProviderFactory(), BadgeProviderFactory()
    for number in range(20):
        ProviderEvent.objects.create(badge_provider=busy, external_id=f"e-{number}", kind="badge.created")
    ProviderEvent.objects.create(badge_provider=quiet, external_id="e-1", kind="badge.created")
    assert {event.badge_provider for event in claim(4)} == {busy, quiet}


def test_of_more_accounts_than_places_none_is_always_left_out():
    for _number in range(4):
        account = BadgeProviderFactory()
        for number in range(40):
            ProviderEvent.objects.create(
                badge_provider=account, external_id=f"e-{number}", kind="badge.created"
            )
    served = {event.badge_provider_id for _claim in range(40) for event in claim(1)}
    assert len(served) == 4


def test_processing_leaves_its_worker_after_a_while_and_another_one_goes_on(
    sandbox, account, badge, monkeypatch
):
    asked: list[str] = []
    monkeypatch.setattr(provider_events, "hint", asked.append)
    row = issue(badge)
    act(sandbox, row.external_uuid, "accept")
    for told in events_there(sandbox):
        receive(account, told)
    asked.clear()
    assert process(connections=1, seconds=0) == 1
    assert asked == [provider_events.PROCESS]
    assert process(connections=1, seconds=60) == 1
    assert asked == [provider_events.PROCESS]


def test_when_nothing_waits_one_statement_says_so(django_assert_num_queries, account):
    ProviderEvent.objects.create(
        badge_provider=account, external_id="e", kind="x", processed_at=timezone.now()
    )
    with django_assert_num_queries(1):
        assert claim(8) == []


def test_claiming_many_takes_as_many_statements_as_claiming_one(django_assert_num_queries, account):
    for number in (1, 6):
        for item in range(number):
            ProviderEvent.objects.create(badge_provider=account, external_id=f"{number}-{item}", kind="x")
        with django_assert_num_queries(6):
            assert len(claim(8)) == number


def test_nothing_is_asked_while_badges_are_switched_off(sandbox, account, badge, settings):
    issue(badge)
    event = receive(account, told_of(sandbox, "badge.created"))
    settings.BADGES_ENABLED = False
    assert process() == 0
    assert after(event).processed_at is None


# --- People and time ----------------------------------------------------------------------------------------


def test_only_who_manages_the_account_has_an_event_processed_again(account):
    event = ProviderEvent.objects.create(
        badge_provider=account, external_id="e-1", kind="x", processed_at=timezone.now()
    )
    with pytest.raises(NotFound):
        process_again(event, actor=AdministratorFactory())
    assert after(event).processed_at is not None
