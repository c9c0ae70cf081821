"""manage.py sync_templates."""

from __future__ import annotations

import json
from collections.abc import Iterator
from io import StringIO
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from badges.models import Badge, Synchronization
from providers.models import BadgeProvider
from tests.factories import BadgeProviderFactory
from tests.providers.paper import ACCREDIBLE, Paper, on_paper, template_id

pytestmark = pytest.mark.django_db


@pytest.fixture
def paper() -> Iterator[Paper]:
    with on_paper("Azure", "Kubernetes") as paper:
        yield paper


def run(*arguments: str) -> tuple[str, int]:
    """What is printed, and the exit code."""
    output = StringIO()
    try:
        call_command("sync_templates", *arguments, stdout=output)
    except SystemExit as end:
        return output.getvalue(), int(str(end.code))
    return output.getvalue(), 0


def test_one_account_is_named_and_told_about(paper: Paper) -> None:
    account = BadgeProviderFactory(name="Brackenfold-Credly", external_id="p-1")
    BadgeProviderFactory()

    text, code = run("ext:p-1")

    assert code == 0
    assert text.splitlines() == [
        "Brackenfold-Credly: 2 templates, 2 new badges",
        f"  New: Azure ({template_id('Azure')})",
        f"  New: Kubernetes ({template_id('Kubernetes')})",
    ]
    assert {badge.badge_provider for badge in Badge.objects.all()} == {account}
    paper.change("Azure", name="Azure II")
    assert run(str(account.pk))[0].splitlines()[1] == (
        f"  Changed: Azure II ({template_id('Azure')}) name: Azure → Azure II"
    )


def test_without_a_name_all_accounts_are_synchronized_and_a_failure_is_listed(paper: Paper) -> None:
    BadgeProviderFactory(name="Works")
    broken = BadgeProviderFactory(name="Broken", token="")

    text, code = run("--json")

    told: dict[str, Any] = json.loads(text)
    assert code == 1
    assert [(row["seen"], row["problem"]) for row in told["synchronizations"]] == [
        (2, ""),
        (0, "The account has no authentication token."),
    ]
    assert told["synchronizations"][1]["badge_provider"] == broken.pk
    assert Badge.objects.count() == 2
    assert "Broken: The account has no authentication token." in run()[0]


def test_a_dry_run_changes_nothing(paper: Paper) -> None:
    BadgeProviderFactory()

    text, code = run("--dry-run", "--json")

    assert (code, json.loads(text)["dry_run"]) == (0, True)
    assert [change["change"] for change in json.loads(text)["synchronizations"][0]["changes"]] == ["new"] * 2
    assert not Badge.objects.exists()
    assert Synchronization.objects.get().is_dry_run


def test_accredible_is_synchronized_alike(paper: Paper) -> None:
    paper.groups = [{"id": 7, "name": "internal", "course_name": "Seven"}]
    BadgeProviderFactory(kind=BadgeProvider.Kind.ACCREDIBLE, api_url=ACCREDIBLE, provider_organization_id="")

    assert run()[1] == 0
    assert Badge.objects.get().template_id == "7"


def test_wrong_usage_is_told(paper: Paper) -> None:
    BadgeProviderFactory(external_id="off", is_enabled=False)
    for name in ("ext:nowhere", "ext:off", ""):
        with pytest.raises(CommandError) as refused:
            run(name)
        assert refused.value.returncode == 2
    assert run() == ("There is no account to synchronize.\n", 0)
