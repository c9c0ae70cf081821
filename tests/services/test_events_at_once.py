"""Several workers on the same events, and on the same account: each event is acted on once."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import pytest

from badges import provider_events
from badges.delivery import deliver
from badges.models import Badge, Comparison, IssuedBadge, IssuingEvent, ProviderEvent
from badges.status import Status
from tests.badges.stories import act, events_there, issue_there
from tests.factories import BadgeFactory, BadgeProviderFactory, IssuedBadgeFactory, UserFactory
from tests.providers.conftest import CANARY, ORGANIZATION, TEMPLATE, SandboxProcess
from tests.services.conftest import race

pytestmark = pytest.mark.services
WORKERS = 4
BADGES = 30


@pytest.fixture
def badge(sandbox: SandboxProcess, settings: Any) -> Badge:
    settings.PROVIDER_ALLOWED_HOSTS = [sandbox.host_port]
    provider = BadgeProviderFactory.create(
        api_url=f"{sandbox.url}/v1", provider_organization_id=ORGANIZATION, token=CANARY
    )
    made: Badge = BadgeFactory.create(
        organization=provider.organization, badge_provider=provider, template_id=TEMPLATE
    )
    return made


def test_workers_share_the_events(sandbox: SandboxProcess, environment: dict[str, str], badge: Badge) -> None:
    for _number in range(BADGES):
        IssuedBadgeFactory.create(badge=badge)
    deliver()
    for row in IssuedBadge.objects.all():
        act(sandbox, row.external_uuid, "accept")
    for told in events_there(sandbox):
        provider_events.receive(
            badge.badge_provider,
            told["id"],
            kind=told["event_type"],
            occurred_at=datetime.fromisoformat(told["occurred_at"]),
            organization_id=ORGANIZATION,
            told=told,
        )
    waiting = ProviderEvent.objects.count()

    counts = race(
        [("from badges.provider_events import process", "process()")] * WORKERS, environment=environment
    )

    assert sum(counts) == waiting
    assert set(ProviderEvent.objects.values_list("attempts", "outcome")) == {(1, "done")}
    assert set(IssuedBadge.objects.values_list("status", flat=True)) == {Status.ACCEPTED}
    assert IssuingEvent.objects.filter(to_status=Status.ACCEPTED).count() == BADGES


def test_an_event_that_is_posted_to_all_of_them_is_stored_once(
    environment: dict[str, str], sandbox: SandboxProcess, badge: Badge
) -> None:
    prepared = f"""
from providers.models import BadgeProvider
from badges.provider_events import receive
provider = BadgeProvider.objects.get(pk={badge.badge_provider_id})
told = dict(kind="badge.created", occurred_at=None, organization_id="", told={{"id": "e-1"}})
"""
    race([(prepared, 'receive(provider, "e-1", **told)')] * WORKERS, environment=environment)
    assert ProviderEvent.objects.count() == 1


def test_one_account_is_compared_by_one_of_them(
    environment: dict[str, str], sandbox: SandboxProcess, badge: Badge
) -> None:
    learner = UserFactory.create(organization=badge.organization)
    issue_there(sandbox, badge, email=learner.email)
    prepared = f"""
from badges.comparison import compare
from providers.models import BadgeProvider
from tms.errors import Conflict
provider = BadgeProvider.objects.get(pk={badge.badge_provider_id})
def run():
    try:
        return compare(provider).differences
    except Conflict as conflict:
        return conflict.code
"""
    sandbox.order(latency_ms=500)
    answers = race([(prepared, "run()")] * WORKERS, environment=environment)
    assert sorted(map(str, answers)) == ["1", *["being_compared"] * (WORKERS - 1)]
    assert Comparison.objects.count() == 1
