"""The path of a badge, from a completed lab to the learner's own page.

Six functions, each of which leaves a row that the next one finds. Read from top to bottom, this is what the
product does; the provider at the end is a real process that speaks real HTTP.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pytest
from django.db import connection, models
from django.test import Client
from django.test.utils import CaptureQueriesContext
from rest_framework.authtoken.models import Token

from achievements.backfill import award_due
from achievements.evaluation import award_changes
from achievements.models import Achievement, EarnedAchievement
from badges.delivery import deliver
from badges.models import Badge, IssuedBadge
from badges.status import Status
from config.importing import import_folder
from tests.factories import (
    AchievementFactory,
    AdministratorFactory,
    BadgeFactory,
    BadgeProviderFactory,
    LabFactory,
    LabInstanceFactory,
    OrganizationFactory,
    UserFactory,
)
from tests.providers.conftest import CANARY, ORGANIZATION, TEMPLATE, SandboxProcess, sandbox
from tms.models import LabInstance, LearningRecord, Notification, ProgressChange, User

__all__ = ["sandbox"]

STARTED = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
COMPLETED = datetime(2026, 3, 2, 9, 41, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class World:
    """Ada has started a lab. Whoever completes it earns an achievement, to which a badge is linked."""

    ada: User
    administrator: User
    launch: LabInstance
    achievement: Achievement
    badge: Badge


@pytest.fixture
def world(transactional_db: None, sandbox: SandboxProcess) -> World:
    organization = OrganizationFactory(external_id="house", time_zone="Europe/Berlin")
    ada = UserFactory(
        organization=organization,
        external_id="u-ada",
        email="ada@example.org",
        first_name="Ada",
        last_name="Lovelace",
    )
    lab = LabFactory(organization=organization, external_id="first-steps")
    account = BadgeProviderFactory(
        organization=organization,
        api_url=f"{sandbox.url}/v1",
        provider_organization_id=ORGANIZATION,
        token=CANARY,
    )
    badge = BadgeFactory(
        organization=organization, badge_provider=account, template_id=TEMPLATE, name="First Lab"
    )
    achievement = AchievementFactory(
        organization=organization,
        badge=badge,
        points=25,
        conditions_text=f"[{{Subject: 0, LabProfileIds: [{lab.pk}], Complete: True}}]",
    )
    launch = LabInstanceFactory(user=ada, lab=lab, external_id="launch-1", started_at=STARTED)
    award_changes()
    award_due()
    assert not EarnedAchievement.objects.exists()
    return World(ada, AdministratorFactory(organization=organization), launch, achievement, badge)


# --- 1. Three entrances. Each parses what comes in and calls one function (next: tms.progress) ---------------


def in_the_back_office(world: World, folder: Path) -> None:
    """An administrator fills in when the lab was completed, and saves."""
    client = Client()
    client.force_login(world.administrator)
    response = client.post(
        f"/admin/tms/labinstance/{world.launch.pk}/change/",
        {
            "status": LabInstance.Status.COMPLETE,
            "started_at_0": "2026-03-02",
            "started_at_1": "10:00:00",  # in Berlin
            "completed_at_0": "2026-03-02",
            "completed_at_1": "10:41:00",
            "minutes": "38",
            "external_id": "launch-1",
        },
    )
    assert response.status_code == 302, response.context["adminform"].form.errors


def through_the_api(world: World, folder: Path) -> None:
    """A lab platform reports the completion, with the token of an integration."""
    token = Token.objects.create(user=world.administrator)
    response = Client(headers={"Authorization": f"Token {token.key}"}).post(
        f"/api/v1/lab-instances/{world.launch.pk}/complete/",
        {"at": COMPLETED.isoformat()},
        content_type="application/json",
    )
    assert response.status_code == 200, response.content


def from_a_folder(world: World, folder: Path) -> None:
    """A nightly export of another system holds the launch again, completed by now."""
    (folder / "lab_instances.csv").write_text(
        "external_id,user,lab,started_at,completed_at\n"
        f"launch-1,u-ada,first-steps,{STARTED.isoformat()},{COMPLETED.isoformat()}\n"
    )
    report = import_folder(folder)
    assert report.problems == []


@pytest.mark.parametrize("enter", [in_the_back_office, through_the_api, from_a_folder])
def test_a_completed_lab_leads_to_a_badge(
    enter: Callable[[World, Path], None], world: World, sandbox: SandboxProcess, tmp_path: Path
) -> None:
    folder = tmp_path / "training"
    folder.mkdir()
    with CaptureQueriesContext(connection) as statements:
        enter(world, folder)
    the_completion_is_a_fact_a_record_and_a_change(world, statements)

    with CaptureQueriesContext(connection) as statements:
        award_changes()
    the_achievement_is_earned_and_the_badge_is_queued(world, statements)
    assert sandbox.received()["counts"]["requests"] == {}

    assert deliver() == 1
    the_provider_has_received_one_request(world, sandbox)
    the_badge_is_issued(world, sandbox)

    the_learner_sees_it(world)
    nothing_is_left_to_do(sandbox)


# --- 2. tms.progress (next: achievements.evaluation.award_changes, which finds the ProgressChange) ------------


def the_completion_is_a_fact_a_record_and_a_change(world: World, statements: CaptureQueriesContext) -> None:
    launch = LabInstance.objects.get()
    assert (launch.pk, launch.status, launch.completed_at) == (
        world.launch.pk,
        LabInstance.Status.COMPLETE,
        COMPLETED,
    )
    record = LearningRecord.objects.get(source_kind=LearningRecord.Source.LAB_INSTANCE)
    assert (record.learner, record.lab, record.source_id) == (world.ada, launch.lab, launch.pk)
    assert (record.completed_at, record.completed_day) == (COMPLETED, COMPLETED.date())
    assert ProgressChange.objects.filter(learner=world.ada).exists()
    assert written_in_one_transaction(statements, LabInstance, LearningRecord, ProgressChange)


# --- 3 and 4. achievements.evaluation, badges.issuing (next: badges.delivery.deliver, which finds the row) ----


def the_achievement_is_earned_and_the_badge_is_queued(
    world: World, statements: CaptureQueriesContext
) -> None:
    award = EarnedAchievement.objects.get()
    assert (award.learner, award.achievement) == (world.ada, world.achievement)
    assert (award.earned_at, award.points) == (COMPLETED, 25)
    record = LearningRecord.objects.get(source_kind=LearningRecord.Source.LAB_INSTANCE)
    assert award.snapshot["conditions"][0]["records"] == [record.pk]
    notification = Notification.objects.get()
    assert (notification.user, notification.kind) == (world.ada, Notification.Kind.ACHIEVEMENT_EARNED)
    row = IssuedBadge.objects.get()
    assert (row.badge, row.learner, row.status) == (world.badge, world.ada, Status.QUEUED)
    assert (row.source_kind, row.source_key) == (IssuedBadge.Source.ACHIEVEMENT, str(award.pk))
    assert (row.earned_at, row.recipient_email) == (COMPLETED, "ada@example.org")
    assert award.issued_badge == row
    assert not ProgressChange.objects.exists()
    assert written_in_one_transaction(
        statements, EarnedAchievement, IssuedBadge, Notification, ProgressChange
    )


# --- 5 and 6. badges.delivery.deliver, providers.credly.Credly.issue: one HTTP request ------------------------


def the_provider_has_received_one_request(world: World, sandbox: SandboxProcess) -> None:
    received = sandbox.received()
    assert received["counts"]["requests"] == {"POST 201": 1}
    body = json.loads(received["requests"][0]["body"])
    assert body["badge_template_id"] == TEMPLATE
    assert body["recipient_email"] == "ada@example.org"
    assert body["issuer_earner_id"] == str(world.ada.earner_id)
    assert body["issued_at"] == "2026-03-02 10:41:00 +0100"


def the_badge_is_issued(world: World, sandbox: SandboxProcess) -> None:
    (there,) = sandbox.badges()
    row = IssuedBadge.objects.get()
    assert (row.status, row.external_uuid, row.external_state) == (Status.ISSUED, there["id"], "pending")
    assert row.issued_status == "Issued – pending acceptance"
    timeline = [f"{event.from_status} → {event.to_status}" for event in row.events.all()]
    assert timeline == ["queued → sending", "sending → issued"]


# --- And the learner ------------------------------------------------------------------------------------------


def the_learner_sees_it(world: World) -> None:
    client = Client()
    client.force_login(world.ada)
    page = client.get("/achievements/").content.decode()
    assert world.achievement.name in page
    assert "First Lab" in page
    assert "Issued – pending acceptance" in page


def nothing_is_left_to_do(sandbox: SandboxProcess) -> None:
    """Whatever sweeps may come, nothing happens twice."""
    assert (award_changes().awards, deliver()) == (0, 0)
    assert sandbox.received()["counts"]["requests"] == {"POST 201": 1}


def written_in_one_transaction(statements: CaptureQueriesContext, *models: type[models.Model]) -> bool:
    """Whether one and the same transaction wrote to the tables of all these models."""
    needed = {model._meta.db_table for model in models}
    written: set[str] = set()
    for query in statements:
        if query["sql"].startswith("BEGIN"):
            written = set()
        if found := re.match(r'\s*(?:INSERT INTO|UPDATE|DELETE FROM) "(\w+)"', query["sql"]):
            written.add(found[1])
        if query["sql"] == "COMMIT" and needed <= written:
            return True
    return False
