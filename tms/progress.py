"""The only writers of training facts.

Every function here writes, in one transaction, the fact, its LearningRecord and a ProgressChange for each
learner concerned, then hints at evaluation (next: achievements.evaluation.award_changes). What decides who
may earn (organizations, users, courses) is written by tms.gates in the same way.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import Any, TypeVar

from django.db import connection, models, transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from tms import records
from tms.errors import Conflict, DomainError
from tms.hint import hint
from tms.models import (
    Class,
    CourseAssignment,
    Enrollment,
    LabInstance,
    LearningRecord,
    ProgressChange,
    User,
)

ActivityT = TypeVar("ActivityT", LabInstance, Enrollment, CourseAssignment)
DEFAULT_ASSIGNMENT = timedelta(days=180)
EVALUATE = "achievements.award_changes"


def save(fact: ActivityT) -> ActivityT:
    """Validate and store one activity, new or edited. Raises ValidationError naming the field."""
    with transaction.atomic():
        fact.clean_fields(exclude={"started_zone"})
        prepare(fact, before=_stored(fact))
        fact.full_clean()
        store([fact])
    return fact


def delete(fact: records.Activity) -> None:
    source, _relations = records.SOURCES[type(fact)]
    with transaction.atomic():
        LearningRecord.objects.filter(source_kind=source, source_id=fact.pk).delete()
        learner_id = fact.user_id
        fact.delete()
        changed([learner_id])


def store(facts: Sequence[ActivityT]) -> None:
    """Store prepared activities of one model, in bulk, with their records and changes.

    The caller has run `prepare` and validated. A fact is new when its model state says so, whatever its pk.
    """
    if not facts:
        return
    model: Any = type(facts[0])
    new = [fact for fact in facts if fact._state.adding]
    known = [fact for fact in facts if not fact._state.adding]
    fields = [field.name for field in model._meta.concrete_fields if not field.primary_key]
    with transaction.atomic():
        model._default_manager.bulk_create(new, batch_size=records.CHUNK)
        model._default_manager.bulk_update(known, fields, batch_size=500)
        records.write(facts)
        records.write(_labs_taken_through(known))
        changed({fact.user_id for fact in facts})


_THROUGH = {Enrollment: "enrollment", CourseAssignment: "course_assignment"}


def _labs_taken_through(activities: Sequence[Any]) -> list[LabInstance]:
    """Launches whose records name the course of one of these enrolments or assignments."""
    through = _THROUGH.get(type(activities[0])) if activities else None
    if through is None:
        return []
    launches = LabInstance.objects.filter(**{f"{through}__in": activities})
    return list(launches.select_related(*records.SOURCES[LabInstance][1]))


def prepare(fact: records.Activity, *, before: records.Activity | None) -> None:
    """Fill in what follows from the rest: the zones of the moments, the default expiry, the status.

    `before` is the stored fact, if any: a moment that did not change keeps the zone it happened in.
    """
    if isinstance(fact, Enrollment):
        started_field = "enrolled_at"
        if fact.completion_status != Enrollment.Completion.COMPLETE:
            fact.completed_at = None
        elif fact.completed_at is None:
            fact.completed_at = timezone.now()
    else:
        started_field = "started_at"
    if isinstance(fact, CourseAssignment) and before is None and fact.expires_at is None:
        fact.expires_at = fact.started_at + DEFAULT_ASSIGNMENT
    if isinstance(fact, LabInstance):
        _prepare_launch(fact)
    if before is None or getattr(before, started_field) != getattr(fact, started_field):
        fact.started_zone = fact.user.zone_name
    if fact.completed_at is None:
        fact.completed_zone = ""
    elif before is None or before.completed_at != fact.completed_at:
        fact.completed_zone = fact.user.zone_name


def _prepare_launch(launch: LabInstance) -> None:
    if launch.completed_at and launch.status == LabInstance.Status.INCOMPLETE:
        launch.status = LabInstance.Status.COMPLETE
    if launch.status == LabInstance.Status.COMPLETE and launch.completed_at is None:
        launch.completed_at = timezone.now()


def complete_lab(
    launch: LabInstance,
    *,
    at: datetime | None = None,
    minutes: float | None = None,
    passed: bool | None = None,
    score_percent: float | None = None,
) -> LabInstance:
    """Mark a launch complete. Repeating it is harmless: the first moment stays unless `at` is given."""
    with transaction.atomic():
        launch = _locked(launch)
        if launch.status in LabInstance.NOT_LAUNCHED:
            raise Conflict(
                "not_launched",
                _("This lab never started (%(status)s), so it cannot be completed.")
                % {"status": launch.get_status_display()},
            )
        launch.status = LabInstance.Status.COMPLETE
        launch.completed_at = at or launch.completed_at or timezone.now()
        for name, value in (("minutes", minutes), ("passed", passed), ("score_percent", score_percent)):
            if value is not None:
                setattr(launch, name, value)
        return save(launch)


def complete_assignment(assignment: CourseAssignment, *, at: datetime | None = None) -> CourseAssignment:
    """Mark an assignment complete; after its expiry that is recorded but does not count."""
    with transaction.atomic():
        assignment = _locked(assignment)
        if assignment.status == CourseAssignment.Status.CANCELLED:
            raise Conflict("cancelled", _("This course assignment is cancelled."))
        assignment.completed_at = at or assignment.completed_at or timezone.now()
        return save(assignment)


def set_completion_status(
    enrollment: Enrollment, completion_status: str, *, at: datetime | None = None
) -> Enrollment:
    """What became of an enrolment; only for Enrolled students."""
    with transaction.atomic():
        enrollment = _locked(enrollment)
        if completion_status not in Enrollment.Completion.values:
            raise DomainError(
                "completion_status",
                _("%(found)s is not a completion status. Allowed: %(allowed)s.")
                % {"found": completion_status, "allowed": ", ".join(Enrollment.Completion.values)},
            )
        if enrollment.status != Enrollment.Status.ENROLLED:
            raise Conflict(
                "not_enrolled",
                _("Only Enrolled students have a completion status; this one is %(status)s.")
                % {"status": enrollment.get_status_display()},
            )
        complete = completion_status == Enrollment.Completion.COMPLETE
        if complete and (at or enrollment.completion_status != completion_status):
            enrollment.completed_at = at or timezone.now()
        enrollment.completion_status = completion_status
        return save(enrollment)


def save_class(training_class: Class) -> Class:
    """Store a class. Cancelling it, or giving it another course, changes what its enrolments count for."""
    with transaction.atomic():
        training_class.full_clean()
        before = Class.objects.filter(pk=training_class.pk).first()
        training_class.save()
        if before and (before.status, before.course_id) != (training_class.status, training_class.course_id):
            enrollments = list(training_class.enrollments.select_related("training_class"))
            launches = _labs_taken_through(enrollments)
            records.write(enrollments)
            records.write(launches)
            changed({row.user_id for row in enrollments} | {row.user_id for row in launches})
    return training_class


def changed(learners: Iterable[int] | models.QuerySet[User]) -> None:
    """Say that these learners may now earn more: ids, or a query of users copied inside the database."""
    if isinstance(learners, models.QuerySet):
        sql, parameters = (
            learners.order_by().values(learner=models.F("pk")).distinct().query.sql_with_params()
        )
        table = connection.ops.quote_name(ProgressChange._meta.db_table)
        now = connection.ops.adapt_datetimefield_value(timezone.now())
        with connection.cursor() as cursor:
            cursor.execute(
                f"INSERT INTO {table} (learner_id, at) SELECT concerned.learner, %s FROM ({sql}) AS concerned",
                [now, *parameters],
            )
    else:
        ProgressChange.objects.bulk_create(
            [ProgressChange(learner_id=learner_id) for learner_id in sorted(set(learners))],
            batch_size=records.CHUNK,
        )
    hint(EVALUATE)


def _stored(fact: ActivityT) -> ActivityT | None:
    model: Any = type(fact)
    found: ActivityT | None = model._default_manager.filter(pk=fact.pk).first() if fact.pk else None
    return found


def _locked(fact: ActivityT) -> ActivityT:
    """The row as it is now, held against another writer until the transaction ends."""
    model: Any = type(fact)
    locked: ActivityT = (
        model._default_manager.select_for_update(of=("self",))
        .select_related("user__organization")
        .get(pk=fact.pk)
    )
    return locked
