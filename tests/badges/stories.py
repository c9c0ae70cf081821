"""What happens at the sandbox provider, as the tests of events, polls and comparisons tell it."""

from __future__ import annotations

from typing import Any

from badges.delivery import deliver
from badges.models import Badge, IssuedBadge
from tests.badges.conftest import stored
from tests.factories import IssuedBadgeFactory
from tests.providers.conftest import ORGANIZATION, SandboxProcess


def issue(badge: Badge, **given: Any) -> IssuedBadge:
    """A badge that the provider has, sent by us."""
    row = IssuedBadgeFactory(badge=badge, **given)
    deliver()
    return stored(row)


def act(sandbox: SandboxProcess, external_uuid: str, verb: str) -> None:
    """On the badge's own page: accept or reject it as the earner, revoke or delete it as the issuer."""
    assert sandbox.call("POST", f"/badges/{external_uuid}/{verb}").status == 303


def issue_there(sandbox: SandboxProcess, badge: Badge, *, email: str, **given: str) -> str:
    """In the provider's own pages, without us; its external UUID."""
    body = {
        "recipient_email": email,
        "issued_to_first_name": "Ada",
        "issued_to_last_name": "Lovelace",
        "badge_template_id": badge.template_id,
        "issued_at": "2026-01-01 00:00:00 +0000",
        **given,
    }
    answer = sandbox.call("POST", f"/v1/organizations/{ORGANIZATION}/badges", body)
    assert answer.status == 201, answer.text
    external_uuid: str = answer.json["data"]["id"]
    return external_uuid


def events_there(sandbox: SandboxProcess) -> list[dict[str, Any]]:
    """What the provider would post, oldest first."""
    feed = sandbox.call("GET", f"/v1/organizations/{ORGANIZATION}/events").json["data"]
    names = ("id", "organization_id", "event_type", "occurred_at")
    return [{name: event[name] for name in names} for event in reversed(feed)]
