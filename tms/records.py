"""From a fact to its LearningRecord: what counts, for which item, on which day.

Pure derivation plus its storage. tms.progress calls `write` in the transaction of the fact;
`rebuild` derives everything again and tells each difference.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from django.db import models, transaction

from tms.models import Activity, Class, CourseAssignment, Enrollment, LabInstance, LearningRecord

Source = LearningRecord.Source
Subject = LearningRecord.Subject
Recorded = LabInstance | Enrollment | CourseAssignment | Activity

# fact model → (source, the relations that its record reads)
SOURCES: dict[type[models.Model], tuple[Source, tuple[str, ...]]] = {
    LabInstance: (Source.LAB_INSTANCE, ("course_assignment", "enrollment__training_class")),
    Enrollment: (Source.ENROLLMENT, ("training_class",)),
    CourseAssignment: (Source.COURSE_ASSIGNMENT, ()),
    Activity: (Source.ACTIVITY, ()),
}
CHUNK = 2_000
_FIELDS = [
    field.attname
    for field in LearningRecord._meta.concrete_fields
    if field.attname not in {"id", "source_kind", "source_id"}
]


def local_day(moment: datetime, zone: str) -> date:
    return moment.astimezone(ZoneInfo(zone)).date()


def utc_offset(moment: datetime, zone: str) -> int:
    """Minutes east of UTC of the clocks in `zone`."""
    offset = moment.astimezone(ZoneInfo(zone)).utcoffset() or timedelta()
    return offset // timedelta(minutes=1)


def record_of(fact: Recorded) -> LearningRecord | None:
    """The record of a fact, unsaved; None when the fact does not count."""
    if isinstance(fact, LabInstance):
        return _of_lab_instance(fact)
    if isinstance(fact, Enrollment):
        return _of_enrollment(fact)
    if isinstance(fact, CourseAssignment):
        return _of_assignment(fact)
    return _of_activity(fact)


def _of_lab_instance(launch: LabInstance) -> LearningRecord | None:
    if launch.status in LabInstance.NOT_LAUNCHED:
        return None
    course_id = None
    if launch.course_assignment:
        course_id = launch.course_assignment.course_id
    elif launch.enrollment:
        course_id = launch.enrollment.training_class.course_id
    return _record(
        launch,
        subject=Subject.LAB,
        lab_id=launch.lab_id,
        course_id=course_id,
        started_at=launch.started_at,
        started_zone=launch.started_zone,
        completed_at=launch.completed_at,
        completed_zone=launch.completed_zone,
        passed=launch.passed,
        score=launch.score_percent,
        minutes=launch.minutes,
    )


def _of_enrollment(enrollment: Enrollment) -> LearningRecord | None:
    if enrollment.status not in {Enrollment.Status.ENROLLED, Enrollment.Status.AUDIT}:
        return None
    if enrollment.completion_status == Enrollment.Completion.NO_SHOW:
        return None
    if enrollment.training_class.status in {Class.Status.CANCELLED, Class.Status.DENIED}:
        return None
    complete = enrollment.completion_status == Enrollment.Completion.COMPLETE
    paid_for = enrollment.status == Enrollment.Status.ENROLLED  # who audits takes no place that is
    return _record(
        enrollment,
        subject=Subject.COURSE,
        course_id=enrollment.training_class.course_id,
        subscription_id=enrollment.subscription_id if paid_for else None,
        started_at=enrollment.enrolled_at,
        started_zone=enrollment.started_zone,
        completed_at=enrollment.completed_at if complete else None,
        completed_zone=enrollment.completed_zone,
    )


def _of_assignment(assignment: CourseAssignment) -> LearningRecord | None:
    if assignment.status == CourseAssignment.Status.CANCELLED:
        return None
    completed_at = assignment.completed_at
    if completed_at and assignment.expires_at and completed_at > assignment.expires_at:
        completed_at = None
    return _record(
        assignment,
        subject=Subject.COURSE,
        course_id=assignment.course_id,
        subscription_id=assignment.subscription_id,
        started_at=assignment.started_at,
        started_zone=assignment.started_zone,
        completed_at=completed_at,
        completed_zone=assignment.completed_zone,
    )


def _of_activity(activity: Activity) -> LearningRecord:
    return _record(
        activity,
        subject=Subject.ACTIVITY,
        kind=activity.kind,
        course_id=activity.course_id,
        other_id=activity.other_user_id,
        started_at=activity.occurred_at,
        started_zone=activity.occurred_zone,
    )


def _record(
    fact: Recorded,
    *,
    started_at: datetime,
    started_zone: str,
    completed_at: datetime | None = None,
    completed_zone: str = "",
    **values: Any,
) -> LearningRecord:
    return LearningRecord(
        learner_id=fact.user_id,
        source_kind=SOURCES[type(fact)][0],
        source_id=fact.pk,
        started_at=started_at,
        started_day=local_day(started_at, started_zone),
        utc_offset=utc_offset(started_at, started_zone),
        completed_at=completed_at,
        completed_day=local_day(completed_at, completed_zone or started_zone) if completed_at else None,
        **values,
    )


def write(facts: Sequence[Recorded]) -> None:
    """Bring the records of `facts`, all of one model and saved, up to date."""
    if not facts:
        return
    source, _relations = SOURCES[type(facts[0])]
    records = {fact.pk: record_of(fact) for fact in facts}
    counting = [record for record in records.values() if record]
    gone = [pk for pk, record in records.items() if record is None]
    if gone:
        LearningRecord.objects.filter(source_kind=source, source_id__in=gone).delete()
    LearningRecord.objects.bulk_create(
        counting,
        batch_size=CHUNK,
        update_conflicts=True,
        unique_fields=["source_kind", "source_id"],
        update_fields=[name.removesuffix("_id") for name in _FIELDS],
    )


@dataclass(frozen=True, slots=True)
class Difference:
    """A record that is not what its fact says. `what` is missing, surplus or different."""

    source: str
    source_id: int
    what: str
    stored: dict[str, Any]
    expected: dict[str, Any]


def rebuild(*, check: bool = False) -> Iterator[Difference]:
    """Derive every record again, chunk by chunk; yield each difference and, unless `check`, mend it."""
    for model in SOURCES:
        yield from _rebuild_source(model, check=check)


def fact_count() -> int:
    return sum(model._default_manager.count() for model in SOURCES)


def _rebuild_source(model: type[models.Model], *, check: bool) -> Iterator[Difference]:
    source, relations = SOURCES[model]
    start = -1
    while True:
        with transaction.atomic():
            facts: list[Any] = list(
                model._default_manager.filter(pk__gt=start).select_related(*relations).order_by("pk")[:CHUNK]
            )
            # The last chunk also covers records whose fact lies beyond the last fact there is.
            last = facts[-1].pk if len(facts) == CHUNK else None
            stored_rows = LearningRecord.objects.filter(source_kind=source, source_id__gt=start)
            if last is not None:
                stored_rows = stored_rows.filter(source_id__lte=last)
            differences = list(_differences(source, facts, stored_rows))
            if differences and not check:
                surplus = [row.source_id for row in differences if row.what == "surplus"]
                LearningRecord.objects.filter(source_kind=source, source_id__in=surplus).delete()
                wrong = {row.source_id for row in differences}
                write([fact for fact in facts if fact.pk in wrong])
        yield from differences
        if last is None:
            return
        start = last


def _differences(
    source: Source, facts: Iterable[Recorded], stored_rows: models.QuerySet[LearningRecord]
) -> Iterator[Difference]:
    stored = {row.source_id: _values(row) for row in stored_rows}
    for fact in facts:
        record = record_of(fact)
        expected = _values(record) if record else {}
        found = stored.pop(fact.pk, {})
        if found != expected:
            what = "missing" if not found else "different" if expected else "surplus"
            yield Difference(source.name.lower(), fact.pk, what, found, expected)
    for source_id, found in stored.items():
        yield Difference(source.name.lower(), source_id, "surplus", found, {})


def _values(record: LearningRecord) -> dict[str, Any]:
    return {name: getattr(record, name) for name in _FIELDS}
