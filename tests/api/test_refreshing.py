"""An integrator asks how a badge stands at the provider."""

from __future__ import annotations

from tests.api.conftest import client_of
from tests.badges.conftest import account, badge, sandbox
from tests.badges.stories import act, issue
from tests.factories import AdministratorFactory

__all__ = ["account", "badge", "sandbox"]


def test_refreshing_answers_with_the_badge_as_it_is_there(sandbox, account, badge) -> None:
    client = client_of(AdministratorFactory(organization=account.organization))
    row = issue(badge)
    act(sandbox, row.external_uuid, "accept")
    answer = client.post(f"/api/v1/issued-badges/{row.pk}/refresh/")
    assert answer.status_code == 200
    assert (answer.json()["status"], answer.json()["external_state"]) == ("accepted", "accepted")


def test_a_badge_that_the_provider_does_not_show_is_a_conflict(sandbox, account, badge) -> None:
    client = client_of(AdministratorFactory(organization=account.organization))
    row = issue(badge)
    act(sandbox, row.external_uuid, "delete")
    answer = client.post(f"/api/v1/issued-badges/{row.pk}/refresh/")
    assert (answer.status_code, answer.json()["code"]) == (409, "missing_at_provider")


def test_a_provider_that_cannot_be_reached_is_told_as_such(sandbox, account, badge) -> None:
    client = client_of(AdministratorFactory(organization=account.organization))
    row = issue(badge)
    sandbox.stop()
    answer = client.post(f"/api/v1/issued-badges/{row.pk}/refresh/")
    assert answer.status_code == 502
    assert set(answer.json()) == {"code", "message"}
