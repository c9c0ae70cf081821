"""Asking accounts what happened: nothing is lost between two polls, and nothing is done twice."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from django.utils import timezone

from badges import polling
from badges.models import ProviderEvent
from badges.polling import poll
from badges.provider_events import process
from badges.status import Status
from providers.base import Ability, Event, OutcomeUnknown, ProviderBadge, Standing
from providers.credly import Credly
from providers.models import BadgeProvider
from tests.badges.conftest import stored, timeline
from tests.badges.stories import act, events_there, issue
from tests.badges.test_provider_events import receive, told_of
from tests.factories import BadgeFactory, BadgeProviderFactory, IssuedBadgeFactory

S = Status
pytestmark = pytest.mark.django_db


def read_to(provider: BadgeProvider) -> datetime | None:
    return BadgeProvider.objects.get(pk=provider.pk).events_read_to


def asked(sandbox) -> list[str]:
    """What of the events the provider was asked for: the list, or one of them."""
    parts = [line["path"].partition("/events") for line in sandbox.received()["requests"]]
    return [name + rest for _organization, name, rest in parts if name]


def test_what_happened_is_read_stored_and_followed_without_reading_it_back(sandbox, account, badge):
    row = issue(badge)
    act(sandbox, row.external_uuid, "accept")
    assert poll(Ability.EVENTS) == 2
    assert stored(row).status == S.ACCEPTED
    events = ProviderEvent.objects.order_by("occurred_at")
    assert [event.kind for event in events] == ["badge.created", "badge.state.changed"]
    assert {(event.outcome, bool(event.read), event.told == {}) for event in events} == {("done", True, True)}
    assert read_to(account) == events[1].occurred_at
    assert asked(sandbox) == ["/events"]


def test_a_poll_when_nothing_happened_is_one_request_and_writes_nothing(sandbox, account, badge):
    act(sandbox, issue(badge).external_uuid, "accept")
    poll(Ability.EVENTS)
    before = list(ProviderEvent.objects.values()), read_to(account)
    assert poll(Ability.EVENTS) == 0
    assert (list(ProviderEvent.objects.values()), read_to(account)) == before
    assert asked(sandbox) == ["/events", "/events"]


def test_what_was_received_already_is_not_done_again(sandbox, account, badge):
    row = issue(badge)
    act(sandbox, row.external_uuid, "accept")
    for told in events_there(sandbox):
        receive(account, told)
    process()
    assert poll(Ability.EVENTS) == 0
    assert timeline(row)[-1] == "issued → accepted"


def test_what_was_polled_is_not_done_again_when_it_is_posted_late(sandbox, account, badge):
    row = issue(badge)
    act(sandbox, row.external_uuid, "accept")
    poll(Ability.EVENTS)
    receive(account, told_of(sandbox, "badge.state.changed"))
    assert process() == 0
    assert ProviderEvent.objects.count() == 2


def test_a_crash_between_storing_and_settling_leaves_it_to_the_sweep(
    sandbox, account, badge, monkeypatch, later
):
    row = issue(badge)
    act(sandbox, row.external_uuid, "accept")

    def die(*_args, **_named):
        raise KeyboardInterrupt

    monkeypatch.setattr(polling, "act_on", die)
    with pytest.raises(KeyboardInterrupt):
        poll(Ability.EVENTS)
    assert (ProviderEvent.objects.count(), read_to(account)) == (2, None)
    monkeypatch.undo()
    assert process() == 0  # still claimed by the one who died
    with later(lease=4.1):
        assert process() == 2
    assert stored(row).status == S.ACCEPTED


def happened(number: int, *, minutes: float) -> Event:
    return Event(
        external_id=f"e-{number}",
        kind="badge.polished",
        occurred_at=datetime(2026, 11, 1, tzinfo=UTC) + timedelta(minutes=minutes),
    )


@pytest.fixture
def feed(monkeypatch):
    """What the feed tells from now on; `since` of each poll is noted. An exception in it is raised there."""
    since: list[datetime] = []
    told: list[Event | Exception] = []

    def events(self, *, since: datetime | None = None, _asked=since):
        _asked.append(since)
        for item in told:
            if isinstance(item, Exception):
                raise item
            yield item

    monkeypatch.setattr(Credly, "events", events)
    told.clear()
    events.told, events.since = told, since
    return events


def test_the_moment_read_to_moves_only_over_what_is_stored(feed, monkeypatch):
    account = BadgeProviderFactory()
    monkeypatch.setattr(polling, "AT_ONCE", 2)
    feed.told += [happened(1, minutes=1), happened(2, minutes=2), happened(3, minutes=3)]
    feed.told.append(OutcomeUnknown("The third page never came."))
    poll(Ability.EVENTS)
    assert ProviderEvent.objects.count() == 2
    assert read_to(account) == feed.told[1].occurred_at
    feed.told.pop()
    poll(Ability.EVENTS)
    assert ProviderEvent.objects.count() == 3
    assert read_to(account) == feed.told[2].occurred_at
    assert feed.since[1] == feed.told[1].occurred_at - polling.OVERLAP


def test_an_event_that_is_told_minutes_late_is_not_missed(feed):
    BadgeProviderFactory()
    feed.told.append(happened(2, minutes=20))
    poll(Ability.EVENTS)
    late = happened(1, minutes=12)
    feed.told.insert(0, late)
    assert poll(Ability.EVENTS) == 1
    assert feed.since[1] < late.occurred_at


def test_a_clock_that_is_ahead_or_an_event_without_a_moment_hides_nothing_that_comes_later(feed):
    account = BadgeProviderFactory()
    feed.told += [Event(external_id="e-0", kind="x"), happened(1, minutes=60 * 24 * 3_000)]
    assert poll(Ability.EVENTS) == 2
    assert read_to(account) <= timezone.now()


def test_the_moment_read_to_never_moves_back(feed):
    account = BadgeProviderFactory(events_read_to=datetime(2026, 11, 2, tzinfo=UTC))
    feed.told.append(happened(1, minutes=1))
    poll(Ability.EVENTS)
    assert read_to(account) == account.events_read_to


def test_an_account_that_cannot_be_read_stops_no_other(sandbox, account, badge, settings):
    settings.PROVIDER_ALLOWED_HOSTS = [sandbox.host_port, "127.0.0.1:9"]
    row = issue(badge)
    act(sandbox, row.external_uuid, "accept")
    away = BadgeProviderFactory(
        api_url="http://127.0.0.1:9/v1", events_read_to=datetime(2026, 1, 1, tzinfo=UTC)
    )
    refused = BadgeProviderFactory(api_url=account.api_url, token="wrong", provider_organization_id="x")
    poll(Ability.EVENTS)
    assert stored(row).status == S.ACCEPTED
    assert read_to(away) == away.events_read_to
    assert read_to(refused) is None
    assert set(BadgeProvider.objects.exclude(paused_at=None)) == {refused}


@pytest.mark.parametrize(
    "given",
    [
        {"is_enabled": False},
        {"paused_at": timezone.now()},
        {"broken_until": timezone.now() + timedelta(hours=1)},
    ],
    ids=lambda given: next(iter(given)),
)
def test_an_account_that_may_not_be_called_is_not_asked(feed, given):
    BadgeProviderFactory(**given)
    assert poll(Ability.EVENTS) == 0
    assert feed.since == []


def test_nothing_is_asked_while_badges_are_switched_off(feed, settings):
    BadgeProviderFactory()
    settings.BADGES_ENABLED = False
    poll(Ability.EVENTS)
    assert feed.since == []


# --- Vendors that only list what changed --------------------------------------------------------------------


@pytest.fixture
def changing(monkeypatch):
    """An account of a vendor that lists what changed since a moment."""
    account = BadgeProviderFactory(kind=BadgeProvider.Kind.ACCREDIBLE)
    told: list[ProviderBadge | Exception] = []
    since: list[datetime | None] = []

    class Lists:
        abilities = frozenset({Ability.CHANGES})
        calls_per_minute = None

        def __init__(self, account):
            pass

        def badges(self, *, changed_since=None):
            since.append(changed_since)
            for item in told:
                if isinstance(item, Exception):
                    raise item
                yield item

    monkeypatch.setattr(
        "providers.registry.adapter_class", lambda kind: Lists if kind == account.kind else None
    )
    account.told, account.since = told, since
    return account


def changed(row, standing: Standing) -> ProviderBadge:
    return ProviderBadge(external_id=row.external_uuid, state=standing.value, standing=standing)


def test_what_changed_is_reflected_and_asked_for_from_there_on(changing):
    badge = BadgeFactory(organization=changing.organization, badge_provider=changing)
    rows = [IssuedBadgeFactory(badge=badge, status=S.ISSUED, external_uuid=f"c-{n}") for n in range(2)]
    changing.told += [changed(rows[0], Standing.EXPIRED), changed(rows[1], Standing.HELD)]
    started = timezone.now()
    assert poll(Ability.CHANGES) == 2
    assert [stored(row).status for row in rows] == [S.EXPIRED, S.ISSUED]
    assert rows[0].events.get().reason == "Changed at the provider."
    assert started <= read_to(changing) <= timezone.now()
    before = read_to(changing)
    poll(Ability.CHANGES)
    assert changing.since[1] == before - polling.OVERLAP


def test_a_list_that_breaks_off_is_asked_for_again_from_the_same_moment(changing):
    badge = BadgeFactory(organization=changing.organization, badge_provider=changing)
    row = IssuedBadgeFactory(badge=badge, status=S.ISSUED, external_uuid="c-1")
    changing.told += [changed(row, Standing.EXPIRED), OutcomeUnknown("The second page never came.")]
    poll(Ability.CHANGES)
    assert read_to(changing) is None
    changing.told.pop()
    poll(Ability.CHANGES)
    assert stored(row).status == S.EXPIRED
    assert read_to(changing) is not None
