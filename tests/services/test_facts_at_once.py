"""Facts of one learner that several processes report at the same moment."""

from __future__ import annotations

from datetime import timedelta

import pytest

from tests.factories import (
    PAST,
    CourseActivityFactory,
    CourseAssignmentFactory,
    CourseFactory,
    CourseSectionFactory,
    LabFactory,
    LabInstanceFactory,
    OrganizationFactory,
    UserFactory,
)
from tests.services.conftest import race
from tms import records
from tms.models import Activity, ActivityResult, CourseActivity, CourseAssignment, LearningRecord

pytestmark = pytest.mark.services


def test_who_finishes_the_last_lab_ends_the_assignment_whoever_that_is(environment: dict[str, str]) -> None:
    """Each process completes another lab of the same assignments, side by side."""
    organization = OrganizationFactory()
    course = CourseFactory(organization=organization)
    section = CourseSectionFactory(course=course)
    labs = LabFactory.create_batch(2, organization=organization)
    for lab in labs:
        CourseActivityFactory(section=section, kind=CourseActivity.Kind.LAB, lab=lab)
    learners = UserFactory.create_batch(40, organization=organization)
    for learner in learners:
        assignment = CourseAssignmentFactory(user=learner, course=course)
        for day, lab in enumerate(labs):  # other days, so that they do not meet in one session
            started_at = PAST + timedelta(days=day)
            LabInstanceFactory(user=learner, lab=lab, course_assignment=assignment, started_at=started_at)

    race(
        [(_COMPLETE.format(lab=lab.pk), "complete()") for lab in labs],
        environment=environment,
    )

    assert CourseAssignment.objects.filter(completed_at=None).count() == 0
    assert ActivityResult.objects.exclude(completed_at=None).count() == 2 * len(learners)
    assert Activity.objects.filter(kind="lesson_completed").count() == 2 * len(learners)
    assert Activity.objects.filter(kind="module_completed").count() == len(learners)
    assert list(records.rebuild(check=True)) == []


_COMPLETE = """
from django.db import transaction
from tms import progress
from tms.models import LabInstance

@transaction.atomic
def complete():
    launches = LabInstance.objects.filter(lab={lab}).order_by("course_assignment")
    return len([progress.complete_lab(launch) for launch in launches])
"""


def test_a_day_has_one_session_however_many_launches_arrive_at_once(environment: dict[str, str]) -> None:
    organization = OrganizationFactory()
    lab = LabFactory(organization=organization)
    UserFactory.create_batch(100, organization=organization)

    race(
        [(_LAUNCH.format(lab=lab.pk, hour=hour, order=order), "launch()") for hour, order in _SHIFTS],
        environment=environment,
    )

    sessions = Activity.objects.filter(kind="session")
    assert sessions.count() == 100
    assert set(sessions.values_list("occurred_at", flat=True)) == {PAST.replace(hour=1)}
    kept = LearningRecord.objects.filter(kind="session").values_list("started_at", flat=True)
    assert set(kept) == {PAST.replace(hour=1)}
    assert list(records.rebuild(check=True)) == []


_SHIFTS = [(3, "pk"), (1, "-pk"), (2, "email"), (4, "-email")]
_LAUNCH = """
from datetime import UTC, datetime
from tms import progress
from tms.models import LabInstance, User

def launch():
    learners = list(User.objects.order_by("{order}"))
    for start in range(0, len(learners), 10):
        launches = [
            LabInstance(user=learner, lab_id={lab}, started_at=datetime(2026, 3, 2, {hour}, tzinfo=UTC))
            for learner in learners[start : start + 10]
        ]
        for launch in launches:
            progress.prepare(launch, before=None)
        progress.store(launches)
    return len(learners)
"""
