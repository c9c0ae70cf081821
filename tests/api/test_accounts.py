"""What is done to badge providers over the API: checked, paused, shared, synchronized."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from rest_framework.test import APIClient

from badges.models import Badge, Synchronization
from providers.models import BadgeProvider
from tests.api.conftest import World
from tests.factories import BadgeProviderFactory, OrganizationFactory
from tests.providers.paper import CREDLY, Paper, on_paper, template_id
from tms.models import User

ADDRESS = "/api/v1/badge-providers/"
ACCOUNT = {
    "name": "Credly",
    "organization": "ext:north",
    "type": "credly",
    "provider_organization_id": "11111111-1111-4111-8111-111111111111",
    "api_url": CREDLY,
    "token": "very-secret",
}


@pytest.fixture
def paper() -> Iterator[Paper]:
    with on_paper("Azure", "Kubernetes") as paper:
        yield paper


@pytest.fixture
def account(world: World) -> BadgeProvider:
    made: BadgeProvider = BadgeProviderFactory.create(organization=world.north, external_id="p-1")
    return made


# --- Checking -----------------------------------------------------------------------------------------------


def test_an_account_is_checked_when_it_is_made(world: World, administrator: APIClient, paper: Paper) -> None:
    created = administrator.post(ADDRESS, ACCOUNT)

    assert created.status_code == 201
    assert (created.json()["checked_at"] is None, created.json()["check_problem"]) == (False, "")
    assert len(paper.asked) >= 1


def test_an_account_that_the_provider_refuses_is_stored_and_says_so_at_once(
    world: World, administrator: APIClient, paper: Paper
) -> None:
    paper.refuse, paper.sentence = 401, "The token is unknown."

    created = administrator.post(ADDRESS, ACCOUNT)

    assert created.status_code == 201
    assert created.json()["check_problem"] == (
        "sandbox-api.credly.com refuses the account (401). The token is unknown."
    )
    assert BadgeProvider.objects.get().token == "very-secret"


def test_it_is_checked_again_when_its_token_changes_and_not_when_its_name_does(
    account: BadgeProvider, administrator: APIClient, paper: Paper
) -> None:
    administrator.patch(f"{ADDRESS}ext:p-1/", {"name": "Renamed"})
    assert paper.asked == []

    changed = administrator.patch(f"{ADDRESS}ext:p-1/", {"token": "another"}).json()

    assert paper.asked
    assert changed["checked_at"] is not None
    assert changed["token_ends_at"] > changed["token_set_at"]


def test_a_check_tells_whether_the_account_works(
    account: BadgeProvider, administrator: APIClient, paper: Paper
) -> None:
    works = administrator.post(f"{ADDRESS}ext:p-1/check/")
    paper.refuse = 403
    fails = administrator.post(f"{ADDRESS}ext:p-1/check/")

    assert (works.status_code, works.json()) == (200, {"works": True, "name": "Brackenfold", "problem": ""})
    assert (fails.status_code, fails.json()["works"]) == (200, False)
    assert fails.json()["problem"] == "sandbox-api.credly.com refuses the account (403)."
    shown = administrator.get(f"{ADDRESS}ext:p-1/").json()
    assert shown["check_problem"] == fails.json()["problem"]


@pytest.mark.parametrize("verb", ["check", "resume"])
def test_a_verb_without_a_body_takes_none(
    account: BadgeProvider, administrator: APIClient, verb: str
) -> None:
    answer = administrator.post(f"{ADDRESS}ext:p-1/{verb}/", {"token": "x"})

    assert (answer.status_code, list(answer.json()["fields"])) == (400, ["token"])


# --- What is refused, paused, shared ------------------------------------------------------------------------


def test_an_address_that_nothing_would_be_sent_to_is_refused_beside_its_field(
    world: World, administrator: APIClient
) -> None:
    answer = administrator.post(ADDRESS, {**ACCOUNT, "api_url": "http://169.254.169.254/v1"})

    assert (answer.status_code, answer.json()["code"]) == (400, "unusable_address")
    assert "must begin with https" in answer.json()["fields"]["api_url"][0]


def test_an_account_is_paused_with_a_reason_and_resumed(
    world: World, account: BadgeProvider, administrator: APIClient
) -> None:
    refused = administrator.post(f"{ADDRESS}ext:p-1/pause/", {})
    paused = administrator.post(f"{ADDRESS}ext:p-1/pause/", {"reason": "No budget"}).json()
    resumed = administrator.post(f"{ADDRESS}ext:p-1/resume/").json()

    assert (refused.status_code, list(refused.json()["fields"])) == (400, ["reason"])
    assert (paused["pause_reason"], paused["paused_by"]) == ("No budget", world.administrator.pk)
    assert (resumed["paused_at"], resumed["paused_by"]) == (None, None)


def test_an_account_is_made_available_to_branches_which_then_use_it(
    world: World, account: BadgeProvider, administrator: APIClient
) -> None:
    shared = administrator.patch(f"{ADDRESS}ext:p-1/", {"available_to": ["ext:branch"]})
    assert shared.json()["available_to"] == [world.branch.pk]
    badge = administrator.post(
        "/api/v1/badges/",
        {"name": "A", "organization": "ext:branch", "badge_provider": "ext:p-1", "template_id": "t-1"},
    )
    assert badge.status_code == 201

    unreachable = administrator.patch(f"{ADDRESS}ext:p-1/", {"available_to": ["ext:south"]})
    assert list(unreachable.json()["fields"]) == ["available_to"]
    administrator.patch(f"{ADDRESS}ext:p-1/", {"name": "Renamed"})
    assert list(account.available_to.all()) == [world.branch]


def test_only_organizations_below_its_own_are_given_an_account(
    world: World, account: BadgeProvider, superuser: APIClient
) -> None:
    answer = superuser.patch(f"{ADDRESS}ext:p-1/", {"available_to": ["ext:south"]})

    assert (answer.status_code, answer.json()["code"]) == (400, "not_below")
    assert answer.json()["fields"] == {
        "available_to": ["South is not below North, so it cannot be given this."]
    }
    assert not account.available_to.exists()


def test_neither_the_token_nor_the_webhook_address_is_shown(
    world: World, administrator: APIClient, paper: Paper
) -> None:
    created = administrator.post(ADDRESS, ACCOUNT)
    listed = administrator.get(ADDRESS)

    account = BadgeProvider.objects.get()
    for answer in (created, listed):
        for secret in (account.token, account.webhook_secret, account.webhook_digest):
            assert secret
            assert secret not in answer.content.decode()


# --- Synchronizing ------------------------------------------------------------------------------------------


def test_a_sync_tells_what_it_changed_and_is_kept(
    world: World, account: BadgeProvider, administrator: APIClient, paper: Paper
) -> None:
    paper.add("Repeated", allow_duplicate_badges=True)

    answer = administrator.post(f"{ADDRESS}ext:p-1/sync/")

    told = answer.json()
    assert answer.status_code == 200
    assert (told["seen"], told["summary"], told["is_dry_run"]) == (3, "3 templates, 3 new badges", False)
    assert (told["badge_provider"], told["actor"]) == (account.pk, world.administrator.pk)
    assert told["changes"][2] == {
        "change": "new",
        "template_id": template_id("Repeated"),
        "name": "Repeated",
        "badge": Badge.objects.get(name="Repeated").pk,
        "details": {"allows_duplicates": [False, True]},
    }
    listed = administrator.get("/api/v1/synchronizations/?badge_provider=ext:p-1").json()
    assert listed["results"] == [told]
    assert administrator.get(f"/api/v1/synchronizations/{told['id']}/").json() == told


def test_a_dry_run_only_tells(account: BadgeProvider, administrator: APIClient, paper: Paper) -> None:
    told = administrator.post(f"{ADDRESS}ext:p-1/sync/", {"dry_run": True}).json()

    assert [change["change"] for change in told["changes"]] == ["new", "new"]
    assert not Badge.objects.exists()
    dry = administrator.get("/api/v1/synchronizations/?is_dry_run=true").json()
    assert [row["id"] for row in dry["results"]] == [told["id"]]
    assert administrator.get("/api/v1/synchronizations/?is_dry_run=false").json()["results"] == []


def test_a_sync_that_fails_is_an_error_that_says_why_and_names_its_record(
    account: BadgeProvider, administrator: APIClient, paper: Paper
) -> None:
    paper.refuse = 401

    answer = administrator.post(f"{ADDRESS}ext:p-1/sync/")

    record = Synchronization.objects.get()
    assert answer.status_code == 502
    assert answer.json() == {
        "code": "not_synchronized",
        "message": "sandbox-api.credly.com refuses the account (401).",
        "data": {"synchronization": record.pk},
    }
    assert record.problem == answer.json()["message"]


def test_what_cannot_be_synchronized_is_refused(world: World, administrator: APIClient) -> None:
    BadgeProviderFactory.create(organization=world.north, external_id="p-2", is_enabled=False)

    disabled = administrator.post(f"{ADDRESS}ext:p-2/sync/")
    mistyped = administrator.post(f"{ADDRESS}ext:p-2/sync/", {"dryrun": True})

    assert (disabled.status_code, disabled.json()["code"]) == (400, "provider_disabled")
    assert (mistyped.status_code, list(mistyped.json()["fields"])) == (400, ["dryrun"])


def test_nobody_elses_account_is_touched(
    world: World, account: BadgeProvider, signed_in: Callable[[User], APIClient], paper: Paper
) -> None:
    for verb in ("check", "sync", "pause", "resume"):
        answer = signed_in(world.learner).post(f"{ADDRESS}ext:p-1/{verb}/", {})
        assert answer.status_code == 403
    assert paper.asked == []


def test_lists_cost_the_same_however_long_they_are(
    world: World, account: BadgeProvider, administrator: APIClient
) -> None:
    def cost(address: str) -> int:
        with CaptureQueriesContext(connection) as queries:
            assert administrator.get(address).status_code == 200
        return len(queries)

    addresses = (ADDRESS, "/api/v1/synchronizations/", "/api/v1/badges/")
    Synchronization.objects.create(badge_provider=account)
    few = [cost(address) for address in addresses]
    for other in BadgeProviderFactory.create_batch(4, organization=world.north):
        other.available_to.add(world.branch, OrganizationFactory.create())
        Synchronization.objects.create(badge_provider=other, actor=world.administrator)

    assert [cost(address) for address in addresses] == few
