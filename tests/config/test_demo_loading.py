"""The demo in the product: everything of it lands, and its logins open only while DEBUG is on."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from shutil import copy
from typing import Any

import pytest
from django.contrib.auth import authenticate

from achievements.models import Achievement
from config.demo.generator import LOGINS, write_demo
from config.demo.loading import DEMO_PASSWORD, load_demo
from tests.config.importing.conftest import dump
from tms import records
from tms.errors import DomainError
from tms.models import User

pytestmark = pytest.mark.django_db


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("demo")
    write_demo(folder, today=date(2026, 6, 30), sandbox_url="http://127.0.0.1:8001/v1")
    return folder


@pytest.fixture
def people(demo: Path, tmp_path: Path) -> Path:
    """The demo without what its people do, which is most of it."""
    for name in ("organizations.csv", "users.csv"):
        copy(demo / name, tmp_path)
    return tmp_path


@pytest.fixture(autouse=True)
def trying(settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    settings.DEBUG = True
    settings.PROVIDER_ALLOWED_HOSTS = ["127.0.0.1:8001"]
    monkeypatch.setenv("DEMO_PROVIDER_TOKEN", "of-the-sandbox")


def test_the_whole_demo_lands_and_a_second_time_changes_nothing(demo: Path) -> None:
    report = load_demo(demo)

    assert report.problems == []
    assert report.counts["users"].created >= 400
    assert Achievement.objects.exists()
    assert list(records.rebuild(check=True)) == []

    before = dump()
    again = load_demo(demo)
    assert sum(counts.unchanged for counts in again.counts.values()) == sum(
        counts.created for counts in report.counts.values()
    )
    assert dump() == before


def test_each_role_has_a_login_that_opens_only_while_trying(people: Path, settings: Any) -> None:
    load_demo(people)

    emails = {login.email for login in LOGINS}
    assert set(User.objects.filter(is_demo=True).values_list("email", flat=True)) == emails
    assert all(authenticate(username=email, password=DEMO_PASSWORD) for email in emails)

    settings.DEBUG = False
    assert not any(authenticate(username=email, password=DEMO_PASSWORD) for email in emails)


def test_nobody_else_can_sign_in(people: Path) -> None:
    load_demo(people)

    others = User.objects.filter(is_demo=False)
    assert others.exists()
    assert not any(user.has_usable_password() for user in others)


def test_the_demo_is_refused_where_debug_is_off(people: Path, settings: Any) -> None:
    settings.DEBUG = False

    with pytest.raises(DomainError) as refusal:
        load_demo(people)

    assert refusal.value.code == "demo_refused"
    assert not User.objects.exists()
