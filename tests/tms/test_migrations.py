"""A database of an earlier release, with rows in it, becomes one of this release.

Every step forth and back takes seconds, so these run with the services.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from django.db import connection
from django.db.migrations.executor import MigrationExecutor

from tms import records
from tms.models import Activity, LearningRecord, Notification, ProgressChange

pytestmark = pytest.mark.services

FIRST = [("tms", "0001_initial")]
Migrate = Callable[[list[tuple[str, str]]], Any]


@pytest.fixture
def migrate(transactional_db: None) -> Iterator[Migrate]:
    """Bring the database to another state; its models as they were then."""

    def to(targets: list[tuple[str, str]]) -> Any:
        executor = MigrationExecutor(connection)
        executor.migrate(targets)
        return executor.loader.project_state(targets).apps

    latest = MigrationExecutor(connection).loader.graph.leaf_nodes()
    try:
        yield to
    finally:
        to(latest)


def test_records_made_before_offsets_and_sessions_were_kept_get_theirs(migrate: Migrate) -> None:
    old = migrate(FIRST)
    organization = old.get_model("tms", "Organization").objects.create(name="North")
    learner = old.get_model("tms", "User").objects.create(email="ada@example.org", organization=organization)
    lab = old.get_model("tms", "Lab").objects.create(name="Lab", organization=organization)
    course = old.get_model("tms", "Course").objects.create(name="Course", organization=organization)
    summer = datetime(2026, 7, 1, 12, tzinfo=UTC)
    launch = old.get_model("tms", "LabInstance").objects.create(
        user=learner, lab=lab, started_at=summer, started_zone="America/St_Johns"
    )
    assignment = old.get_model("tms", "CourseAssignment").objects.create(
        user=learner, course=course, started_at=summer, started_zone="Asia/Tokyo"
    )
    old_record = old.get_model("tms", "LearningRecord")
    old_record.objects.create(
        learner=learner,
        subject=0,
        lab=lab,
        started_at=summer,
        started_day=summer.date(),
        minutes=0,
        source_kind=1,
        source_id=launch.pk,
    )
    old_record.objects.create(
        learner=learner,
        subject=10,
        course=course,
        started_at=summer,
        started_day=summer.date(),
        source_kind=3,
        source_id=assignment.pk,
    )
    old.get_model("tms", "ProgressChange").objects.create(learner=learner)

    migrate(MigrationExecutor(connection).loader.graph.leaf_nodes())

    offsets = dict(LearningRecord.objects.values_list("source_kind", "utc_offset"))
    assert offsets == {1: -150, 3: 540, 4: -150}
    session = Activity.objects.get()
    assert (session.user_id, session.kind, session.occasion) == (learner.pk, "session", "2026-07-01")
    assert (session.occurred_at, session.occurred_zone) == (summer, "America/St_Johns")
    assert ProgressChange.objects.filter(learner_id=learner.pk).count() == 1
    assert list(records.rebuild(check=True)) == []


def test_what_was_to_be_told_before_there_was_mail_is_not_mailed(migrate: Migrate) -> None:
    old = migrate([("tms", "0009_audit_entries")])
    organization = old.get_model("tms", "Organization").objects.create(name="North")
    learner = old.get_model("tms", "User").objects.create(email="ada@example.org", organization=organization)
    for kind in ("achievement_earned", "achievements_earned_summary"):
        old.get_model("tms", "Notification").objects.create(user=learner, kind=kind, key=1)

    migrate(MigrationExecutor(connection).loader.graph.leaf_nodes())

    rows = list(Notification.objects.all())
    assert [(row.unmailed, row.mail_id, row.read_at is None) for row in rows] == [("before", None, False)] * 2
