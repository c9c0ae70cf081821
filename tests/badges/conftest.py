"""A badge whose template the sandbox provider knows, and the few acts that many stories begin with."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
import time_machine
from django.utils import timezone

from badges import lifecycle
from badges.models import Badge, IssuedBadge
from providers.credly import Credly
from providers.models import BadgeProvider
from tests.factories import (
    AdministratorFactory,
    BadgeFactory,
    BadgeProviderFactory,
    IssuedBadgeFactory,
    UserFactory,
)
from tests.providers.conftest import (
    CANARY,
    GROUP,
    ISSUER,
    ORGANIZATION,
    TEMPLATE,
    SandboxProcess,
    sandbox,
)
from tms.models import User

__all__ = ["sandbox"]


@pytest.fixture
def account(sandbox: SandboxProcess, db: None) -> BadgeProvider:
    provider: BadgeProvider = BadgeProviderFactory(
        api_url=f"{sandbox.url}/v1", provider_organization_id=ORGANIZATION, token=CANARY
    )
    return provider


@pytest.fixture
def badge(account: BadgeProvider) -> Badge:
    found: Badge = BadgeFactory(
        organization=account.organization, badge_provider=account, template_id=TEMPLATE
    )
    return found


@pytest.fixture
def admin(badge: Badge) -> User:
    """Of the organization of whatever badge the module is about."""
    found: User = AdministratorFactory(
        organization=badge.organization, first_name="Grace", last_name="Hopper"
    )
    return found


@pytest.fixture
def ada(badge: Badge) -> User:
    found: User = UserFactory(organization=badge.organization, email="ada@example.org")
    return found


@pytest.fixture
def accredible_badge(sandbox: SandboxProcess, db: None) -> Badge:
    """As `badge`, at the other vendor."""
    account: BadgeProvider = BadgeProviderFactory(
        kind=BadgeProvider.Kind.ACCREDIBLE,
        api_url=f"{sandbox.url}/v1",
        provider_organization_id=ISSUER,
        token=CANARY,
    )
    found: Badge = BadgeFactory(organization=account.organization, badge_provider=account, template_id=GROUP)
    return found


@pytest.fixture
def later() -> Callable[..., Any]:
    """`with later(lease=1):` is the world when so much more time has passed."""

    def travel(*, seconds: float = 0, lease: float = 0) -> Any:
        to: datetime = timezone.now() + timedelta(seconds=seconds) + lease * lifecycle.lease()
        return time_machine.travel(to, tick=True)

    return travel


@pytest.fixture
def instead(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Have Credly's verb do something else; the function is given the real one and its arguments."""

    def replace(verb: str, act: Callable[..., Any]) -> None:
        real = getattr(Credly, verb)
        monkeypatch.setattr(Credly, verb, lambda *args, **named: act(real, *args, **named))

    return replace


def fail(error: Exception) -> Any:
    """An act that raises, where only an expression has room."""
    raise error


def requests(sandbox: SandboxProcess) -> dict[str, int]:
    """Method and status → how often."""
    counts: dict[str, int] = sandbox.received()["counts"]["requests"]
    return counts


def posts(sandbox: SandboxProcess) -> int:
    return sum(number for name, number in requests(sandbox).items() if name.startswith("POST"))


def waiting(badge: Badge, **given: Any) -> IssuedBadge:
    row: IssuedBadge = IssuedBadgeFactory(badge=badge, **given)
    return row


def stored(row: IssuedBadge) -> IssuedBadge:
    return IssuedBadge.objects.get(pk=row.pk)


def timeline(row: IssuedBadge) -> list[str]:
    """Where it went, as one reads it."""
    return [f"{event.from_status} → {event.to_status}" for event in row.events.order_by("pk")]
