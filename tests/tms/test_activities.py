"""What people do besides training proper, as integrations send it."""

from __future__ import annotations

from datetime import UTC, date, datetime

import pytest
from django.core.exceptions import ValidationError

from tests.factories import PAST, ActivityFactory, CourseFactory, LabInstanceFactory, UserFactory
from tms import progress, records
from tms.models import Activity, LearningRecord, ProgressChange

pytestmark = pytest.mark.django_db


def test_an_activity_is_stored_with_its_record_and_the_change() -> None:
    learner, helped = UserFactory(time_zone="America/St_Johns"), UserFactory()
    course = CourseFactory()

    activity = ActivityFactory(
        user=learner,
        kind="learner_helped",
        occurred_at=datetime(2026, 7, 2, 1, 0, tzinfo=UTC),
        course=course,
        other_user=helped,
    )

    record = LearningRecord.objects.get()
    assert (record.source_kind, record.source_id) == (LearningRecord.Source.ACTIVITY, activity.pk)
    assert (record.subject, record.kind) == (LearningRecord.Subject.ACTIVITY, "learner_helped")
    assert (record.learner, record.other, record.course) == (learner, helped, course)
    assert (record.started_day, record.utc_offset) == (date(2026, 7, 1), -150)
    assert record.completed_at is None
    assert [change.learner for change in ProgressChange.objects.all()] == [learner]


@pytest.mark.parametrize("kind", ["session", "post_published", "badge2_shared", "x", "a" * 60])
def test_an_integration_may_send_kinds_of_its_own(kind: str) -> None:
    assert ActivityFactory(kind=kind).kind == kind


@pytest.mark.parametrize("kind", ["", "Post", "post published", "post-published", "_post", "post_", "2nd", "a" * 61, "post\n"])  # fmt: skip
def test_a_kind_is_lower_case_words_with_underscores(kind: str) -> None:
    with pytest.raises(ValidationError) as refused:
        ActivityFactory(kind=kind)

    assert list(refused.value.message_dict) == ["kind"]
    assert not Activity.objects.exists()


def test_the_same_thing_may_be_done_twice() -> None:
    learner = UserFactory()
    for _number in range(2):
        ActivityFactory(user=learner, kind="session")
        LabInstanceFactory(user=learner)

    kinds = Activity.objects.values_list("occasion", flat=True)
    assert sorted(kinds, key=str) == ["2026-03-02", None, None]


def test_an_edited_activity_has_an_edited_record() -> None:
    activity = ActivityFactory()
    activity.occurred_at = datetime(2026, 1, 1, tzinfo=UTC)
    activity.kind = "comment_added"

    progress.save(activity)

    record = LearningRecord.objects.get()
    assert (record.kind, record.started_at) == ("comment_added", activity.occurred_at)


def test_a_deleted_activity_leaves_no_record() -> None:
    progress.delete(ActivityFactory())

    assert not LearningRecord.objects.exists()
    assert list(records.rebuild(check=True)) == []


def test_a_lost_record_is_made_again() -> None:
    ActivityFactory(occurred_at=PAST)
    before = LearningRecord.objects.values(*records._FIELDS).get()
    LearningRecord.objects.all().delete()

    assert [difference.source for difference in records.rebuild()] == ["activity"]

    assert LearningRecord.objects.values(*records._FIELDS).get() == before
