"""Figures about accounts for monitoring."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from providers import accounts
from providers.models import BadgeProvider
from tests.factories import BadgeProviderFactory

pytestmark = pytest.mark.django_db


def figures(client: Client) -> dict[str, float]:
    lines = client.get("/metrics").content.decode().splitlines()
    pairs = (line.rsplit(" ", 1) for line in lines if line.startswith("providers_"))
    return {name: float(value) for name, value in pairs}


def test_accounts_are_counted_by_state(client: Client) -> None:
    BadgeProviderFactory()
    BadgeProviderFactory(check_problem="Refused.")
    BadgeProviderFactory(broken_until=timezone.now() + timedelta(minutes=1))
    BadgeProviderFactory(is_enabled=False, check_problem="Refused.")
    accounts.pause(BadgeProviderFactory(), reason="Refused.")

    found = figures(client)

    counts = {state: found[f'providers_accounts{{state="{state}"}}'] for state in ("working", "failing")}
    assert counts == {"working": 1, "failing": 2}
    assert (found['providers_accounts{state="paused"}'], found['providers_accounts{state="disabled"}']) == (
        1,
        1,
    )


def test_how_long_a_token_lasts_is_measured_where_it_is_known(client: Client) -> None:
    told = BadgeProviderFactory(token_expires_at=timezone.now() + timedelta(days=2))
    ended = BadgeProviderFactory(token_set_at=timezone.now() - timedelta(days=181))
    BadgeProviderFactory(kind=BadgeProvider.Kind.ACCREDIBLE, token_set_at=timezone.now())
    BadgeProviderFactory(is_enabled=False, token_expires_at=timezone.now())

    left = {name: value for name, value in figures(client).items() if "token_left" in name}

    series = 'providers_token_left_seconds{{account="{}",kind="credly"}}'
    assert set(left) == {series.format(told.pk), series.format(ended.pk)}
    assert left[series.format(told.pk)] == pytest.approx(2 * 86_400, abs=60)
    assert left[series.format(ended.pk)] == pytest.approx(-86_400, abs=60)


def test_they_name_nobody_and_cost_the_same_however_many_accounts_there_are(client: Client) -> None:
    BadgeProviderFactory(name="Brackenfold")
    with CaptureQueriesContext(connection) as few:
        assert "Brackenfold" not in client.get("/metrics").content.decode()
    BadgeProviderFactory.create_batch(5, token_expires_at=timezone.now())

    with CaptureQueriesContext(connection) as many:
        client.get("/metrics")

    assert len(many) == len(few)
