"""A session for each local day on which somebody was here, and only one."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest
import time_machine
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from tests.factories import PAST, LabInstanceFactory, UserFactory
from tms import progress, records
from tms.models import Activity, LabInstance, LearningRecord, ProgressChange, User

pytestmark = pytest.mark.django_db


@pytest.fixture
def learner() -> User:
    user: User = UserFactory(time_zone="Asia/Tokyo")
    return user


def sessions_of(user: User) -> list[tuple[str | None, datetime]]:
    found = Activity.objects.filter(user=user, kind=Activity.Kind.SESSION)
    return list(found.order_by("occurred_at").values_list("occasion", "occurred_at"))


def test_a_launch_is_a_session_of_the_learners_own_day(learner: User) -> None:
    evening = datetime(2026, 3, 2, 20, 30, tzinfo=UTC)

    LabInstanceFactory(user=learner, started_at=evening)

    assert sessions_of(learner) == [("2026-03-03", evening)]
    record = LearningRecord.objects.get(kind="session")
    assert (record.learner, record.started_day, record.utc_offset) == (learner, date(2026, 3, 3), 540)


def test_a_day_has_one_session_at_its_first_launch_in_whatever_order_they_arrive(learner: User) -> None:
    for hour in (3, 1, 2):
        LabInstanceFactory(user=learner, started_at=PAST.replace(hour=hour))
    LabInstanceFactory(user=learner, started_at=PAST + timedelta(days=1))

    first = PAST.replace(hour=1)
    assert sessions_of(learner) == [("2026-03-02", first), ("2026-03-03", PAST + timedelta(days=1))]
    assert LearningRecord.objects.filter(kind="session").order_by("started_at")[0].started_at == first
    assert list(records.rebuild(check=True)) == []


def test_a_launch_that_failed_is_no_session(learner: User) -> None:
    LabInstanceFactory(user=learner, status=LabInstance.Status.LAB_CREATION_FAILED)

    assert sessions_of(learner) == []


def test_launches_in_bulk_are_sessions_of_everybody_in_them() -> None:
    learners = UserFactory.create_batch(3)
    lab = LabInstanceFactory(user=learners[0]).lab
    launches = [
        LabInstance(user=user, lab=lab, started_at=PAST + timedelta(days=day, hours=hour))
        for user in learners
        for day in range(2)
        for hour in (1, 0)
    ]
    for launch in launches:
        progress.prepare(launch, before=None)

    progress.store(launches)

    for user in learners:
        assert sessions_of(user) == [("2026-03-02", PAST), ("2026-03-03", PAST + timedelta(days=1))]
    assert list(records.rebuild(check=True)) == []


def test_the_first_page_of_a_day_is_a_session_and_costs_the_others_nothing(
    learner: User, client: Client
) -> None:
    client.force_login(learner)

    def statements_on_activities(*, hours: int) -> int:
        moment = time_machine.travel(PAST + timedelta(hours=hours), tick=False)
        with moment, CaptureQueriesContext(connection) as captured:
            assert client.get("/").status_code == 200
        return sum("tms_activity" in query["sql"] for query in captured.captured_queries)

    assert [statements_on_activities(hours=hours) for hours in (0, 1, 2)] == [1, 0, 0]

    assert sessions_of(learner) == [("2026-03-02", PAST)]
    assert ProgressChange.objects.filter(learner=learner).count() == 1


def test_a_new_local_day_is_another_session(learner: User, client: Client) -> None:
    client.force_login(learner)
    for hours in (0, 8):  # 18:00 and 2:00 in Tokyo
        with time_machine.travel(PAST + timedelta(hours=hours), tick=False):
            client.get("/")

    assert [day for day, _moment in sessions_of(learner)] == ["2026-03-02", "2026-03-03"]
    assert ProgressChange.objects.filter(learner=learner).count() == 2


def test_who_signs_in_anew_on_the_same_day_has_one_session(learner: User) -> None:
    with time_machine.travel(PAST, tick=False):
        for _number in range(2):
            client = Client()
            client.force_login(learner)
            client.get("/")

    assert len(sessions_of(learner)) == 1


def test_strangers_leave_no_session(client: Client) -> None:
    client.get("/")
    client.get("/sign-in/")

    assert not Activity.objects.exists()


def test_what_follows_from_launches_cannot_be_edited(learner: User) -> None:
    LabInstanceFactory(user=learner)
    session = Activity.objects.get()
    session.occurred_at += timedelta(days=1)

    with pytest.raises(Exception, match="cannot be edited") as refused:
        progress.save(session)

    assert getattr(refused.value, "code", None) == "derived"
    assert sessions_of(learner) == [("2026-03-02", PAST)]
