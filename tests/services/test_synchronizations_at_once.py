"""Several processes synchronize one account at the same moment."""

from __future__ import annotations

import pytest

from badges.models import Badge, Synchronization
from tests.factories import BadgeProviderFactory
from tests.providers.conftest import CANARY, ORGANIZATION, SandboxProcess
from tests.services.conftest import race

pytestmark = pytest.mark.services

PROCESSES = 4


def test_one_writes_and_whoever_read_at_the_same_time_is_told(
    environment: dict[str, str], sandbox: SandboxProcess
) -> None:
    account = BadgeProviderFactory(
        api_url=f"{sandbox.url}/v1", provider_organization_id=ORGANIZATION, token=CANARY
    )
    sandbox.order(latency_ms=300)
    preparation = (
        "from badges.synchronization import synchronize\n"
        "from providers.models import BadgeProvider\n"
        f"account = BadgeProvider.objects.get(pk={account.pk})"
    )

    problems = race([(preparation, "synchronize(account).problem")] * PROCESSES, environment=environment)

    # Whoever came to read only after another had written read it all again, which is as good.
    assert problems.count("") >= 1
    assert all("Another synchronization of this account ended meanwhile" in told for told in problems if told)
    assert Badge.objects.count() == 2
    assert Synchronization.objects.count() == PROCESSES
    new = [change for record in Synchronization.objects.all() for change in record.changes]
    assert sorted(change["change"] for change in new) == ["new", "new"]
