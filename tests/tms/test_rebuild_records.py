"""manage.py rebuild_records: the transcript is what the facts say, or each difference is told."""

from __future__ import annotations

import json
from datetime import date, timedelta
from io import StringIO
from typing import Any

import pytest
from django.core.management import call_command

from tests.factories import PAST, CourseAssignmentFactory, EnrollmentFactory, LabInstanceFactory
from tms import records
from tms.models import CourseAssignment, Enrollment, LabInstance, LearningRecord, ProgressChange

pytestmark = pytest.mark.django_db


def rebuild(*arguments: str) -> str:
    output = StringIO()
    call_command("rebuild_records", *arguments, stdout=output)
    return output.getvalue()


def check() -> dict[str, Any]:
    """What --check tells, whatever its exit code."""
    output = StringIO()
    try:
        call_command("rebuild_records", "--check", "--json", stdout=output)
    except SystemExit as end:
        assert end.code == 1
        assert json.loads(output.getvalue())["differences"]
    answer: dict[str, Any] = json.loads(output.getvalue())
    return answer


def a_record_is_lost() -> tuple[str, int]:
    launch = LabInstanceFactory()
    LearningRecord.objects.filter(source_kind=LearningRecord.Source.LAB_INSTANCE).delete()
    return "missing", launch.pk


def a_fact_is_lost() -> tuple[str, int]:
    launch = LabInstanceFactory()
    LabInstance.objects.filter(pk=launch.pk).delete()
    return "surplus", launch.pk


def a_fact_stops_counting_behind_our_back() -> tuple[str, int]:
    enrollment = EnrollmentFactory()
    Enrollment.objects.filter(pk=enrollment.pk).update(status=Enrollment.Status.CANCELLED)
    return "surplus", enrollment.pk


def a_day_is_wrong() -> tuple[str, int]:
    assignment = CourseAssignmentFactory()
    LearningRecord.objects.update(started_day=date(2020, 1, 1))
    return "different", assignment.pk


def a_fact_is_edited_behind_our_back() -> tuple[str, int]:
    launch = LabInstanceFactory(minutes=5)
    LabInstance.objects.filter(pk=launch.pk).update(minutes=50)
    return "different", launch.pk


DAMAGE = [
    a_record_is_lost,
    a_fact_is_lost,
    a_fact_stops_counting_behind_our_back,
    a_day_is_wrong,
    a_fact_is_edited_behind_our_back,
]


@pytest.mark.parametrize("damage", DAMAGE, ids=lambda damage: damage.__name__)
def test_each_kind_of_difference_is_found_and_mended(damage: Any) -> None:
    what, source_id = damage()

    found = check()["differences"]
    assert [(row["what"], row["source_id"]) for row in found] == [(what, source_id)]

    rebuild()
    assert check()["differences"] == []


def test_a_check_writes_nothing() -> None:
    a_day_is_wrong()

    check()

    assert LearningRecord.objects.get().started_day == date(2020, 1, 1)


def test_mending_restores_what_the_writer_had_stored() -> None:
    LabInstanceFactory(completed_at=PAST + timedelta(hours=1), minutes=42, passed=True)
    EnrollmentFactory()
    CourseAssignmentFactory(status=CourseAssignment.Status.CANCELLED)

    def transcript() -> list[Any]:
        return list(LearningRecord.objects.order_by("source_kind", "source_id").values(*records._FIELDS))

    before = transcript()
    LearningRecord.objects.all().delete()

    rebuild()

    assert len(before) == 3  # with the session of the launch
    assert transcript() == before


def test_mending_is_not_a_change_of_anybodys_progress() -> None:
    a_record_is_lost()
    ProgressChange.objects.all().delete()

    rebuild()

    assert not ProgressChange.objects.exists()


def test_people_are_told_which_value_differs() -> None:
    a_day_is_wrong()

    text = rebuild()

    assert "1 difference" in text
    assert "course_assignment" in text
    assert "started_day is 2020-01-01 and should be 2026-03-02" in text
    assert "learner_id" not in text


def test_without_differences_the_check_succeeds() -> None:
    EnrollmentFactory()

    text = rebuild("--check")

    assert "1 fact compared" in text
    assert "every record is as it should be" in text


def test_differences_on_both_sides_of_a_chunk_are_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(records, "CHUNK", 2)
    launches = [LabInstanceFactory() for _ in range(5)]
    LearningRecord.objects.filter(source_id__in=[launches[1].pk, launches[2].pk, launches[4].pk]).delete()

    assert {row["source_id"] for row in check()["differences"]} == {launches[n].pk for n in (1, 2, 4)}
    rebuild()
    assert check()["differences"] == []
