"""The only writers of training facts.

Every function here writes, in one transaction, the fact, its LearningRecord, what follows from it (a session,
finished lessons, the end of an assignment) and a ProgressChange for each learner concerned, then hints at
evaluation (next: achievements.evaluation.award_changes). What decides who may earn (organizations, users,
courses, subscriptions) is written by tms.gates and tms.subscriptions in the same way.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from copy import copy
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, TypeVar

from django.core.exceptions import ValidationError
from django.db import connection, models, transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from tms import coursework, records, sessions
from tms.coursework import Key
from tms.errors import Conflict, DomainError, NotFound
from tms.hint import hint
from tms.models import (
    Activity,
    ActivityResult,
    Class,
    CourseAssignment,
    Enrollment,
    LabInstance,
    LearningRecord,
    ProgressChange,
    User,
)

Fact = records.Recorded | ActivityResult
FactT = TypeVar("FactT", LabInstance, Enrollment, CourseAssignment, Activity, ActivityResult)
DEFAULT_ASSIGNMENT = timedelta(days=180)
EVALUATE = "achievements.award_changes"

# The moments of a fact, each with the column that keeps the learner's zone at that moment.
MOMENTS: dict[type[models.Model], dict[str, str]] = {
    LabInstance: {"started_at": "started_zone", "completed_at": "completed_zone"},
    Enrollment: {"enrolled_at": "started_zone", "completed_at": "completed_zone"},
    CourseAssignment: {"started_at": "started_zone", "completed_at": "completed_zone"},
    ActivityResult: {"launched_at": "launched_zone", "completed_at": "completed_zone"},
    Activity: {"occurred_at": "occurred_zone"},
}


def save(fact: FactT) -> FactT:
    """Validate and store one fact, new or edited. Raises ValidationError naming the field."""
    with transaction.atomic():
        if isinstance(fact, ActivityResult):
            _find_learner(fact)
        fact.clean_fields(exclude=set(MOMENTS[type(fact)].values()))
        prepare(fact, before=_stored(fact))
        fact.full_clean()
        store([fact])
    return fact


def delete(fact: Fact) -> None:
    """Remove a fact that was recorded by mistake, with what followed from it. A session stays."""
    with transaction.atomic():
        keys = {*_keys([fact])}
        learner_id = fact.user_id
        _erase([fact])
        follow(keys)
        changed([learner_id])


def store(facts: Sequence[FactT]) -> None:
    """Store prepared facts of one model, in bulk, with their records, changes and consequences.

    The caller has run `prepare` and validated. A fact is new when its model state says so, whatever its pk.
    """
    if not facts:
        return
    with transaction.atomic():
        keys = {*_keys(facts), *_stored_keys(facts)}
        known = [fact for fact in facts if not fact._state.adding]
        _write(facts)
        records.write(_labs_taken_through(known))
        sessions.write(_sightings(facts))
        follow(keys)
        changed({fact.user_id for fact in facts})


_THROUGH = {Enrollment: "enrollment", CourseAssignment: "course_assignment"}


def _labs_taken_through(facts: Sequence[Any]) -> list[LabInstance]:
    """Launches whose records name the course of one of these enrolments or assignments."""
    through = _THROUGH.get(type(facts[0])) if facts else None
    if through is None:
        return []
    launches = LabInstance.objects.filter(**{f"{through}__in": facts})
    return list(launches.select_related(*records.SOURCES[LabInstance][1]))


def prepare(fact: Fact, *, before: Fact | None) -> None:
    """Fill in what follows from the rest: the zones of the moments, the default expiry, the status.

    `before` is the stored fact, if any: a moment that did not change keeps the zone it happened in.
    """
    if isinstance(fact, Enrollment):
        _prepare_enrollment(fact)
    elif isinstance(fact, CourseAssignment):
        _prepare_assignment(fact, before)
    elif isinstance(fact, LabInstance):
        _prepare_launch(fact)
    elif isinstance(fact, Activity) and isinstance(before, Activity) and before.occasion:
        raise Conflict("derived", _("This follows from what the learner did, so it cannot be edited."))
    for moment, zone in MOMENTS[type(fact)].items():
        if getattr(fact, moment) is None:
            setattr(fact, zone, "")
        elif before is None or getattr(before, moment) != getattr(fact, moment):
            setattr(fact, zone, fact.user.zone_name)


def _prepare_enrollment(enrollment: Enrollment) -> None:
    if enrollment.completion_status != Enrollment.Completion.COMPLETE:
        enrollment.completed_at = None
    elif enrollment.completed_at is None:
        enrollment.completed_at = timezone.now()


def _prepare_assignment(assignment: CourseAssignment, before: Fact | None) -> None:
    if before is None and assignment.expires_at is None:
        assignment.expires_at = assignment.started_at + DEFAULT_ASSIGNMENT
    if isinstance(before, CourseAssignment) and before.completed_at != assignment.completed_at:
        assignment.completed_by_itself = False


def _prepare_launch(launch: LabInstance) -> None:
    if launch.completed_at and launch.status == LabInstance.Status.INCOMPLETE:
        launch.status = LabInstance.Status.COMPLETE
    if launch.status == LabInstance.Status.COMPLETE and launch.completed_at is None:
        launch.completed_at = timezone.now()


def _find_learner(result: ActivityResult) -> None:
    """Whose a result is follows from what it was taken through."""
    if result.taking is None:
        raise ValidationError(
            _("A course activity is taken through an assignment or an enrollment, and not both."),
            code="activity_taken_one_way",
        )
    result.user_id = result.taking.user_id


def visit(user: User) -> None:
    """Somebody opened a page: the first one of a local day is a session."""
    with transaction.atomic():
        if gained := sessions.write([(user.pk, timezone.now(), user.zone_name)]):
            changed(gained)


def once(user: User, occasions: Sequence[tuple[str, str]]) -> list[Activity]:
    """Write an activity now for each (kind, occasion) that this person has not been through yet.

    The caller lets one writer at a time do this for a person; the constraint on occasions is the last word.
    """
    with transaction.atomic():
        kinds = {kind for kind, _occasion in occasions}
        rows = Activity.objects.filter(user=user, kind__in=kinds, occasion__isnull=False)
        known = set(rows.values_list("kind", "occasion"))
        now = timezone.now()
        new = [
            Activity(user=user, kind=kind, occasion=occasion, occurred_at=now)
            for kind, occasion in occasions
            if (kind, occasion) not in known
        ]
        for activity in new:
            prepare(activity, before=None)
        store(new)
    return new


def follow(keys: Iterable[Key]) -> set[int]:
    """Bring what follows from the activities of these takings up to date; ids of the learners concerned.

    Says nothing to evaluation: that is for the caller, who knows what else changed.
    """
    takings = coursework.takings(keys)
    if not takings:
        return set()
    results, gone = coursework.lab_results(takings)
    _erase(gone)
    _write(results)
    conclusions = coursework.conclude(takings)
    _erase(conclusions.withdrawn)
    _write(conclusions.reached)
    _write(conclusions.assignments)
    return {taking.user_id for taking in takings}


def _keys(facts: Iterable[Fact]) -> Iterator[Key]:
    """The takings in which something may follow from these."""
    for fact in facts:
        if isinstance(fact, LabInstance | ActivityResult):
            if fact.course_assignment_id or fact.enrollment_id:
                yield fact.course_assignment_id, fact.enrollment_id
        elif isinstance(fact, CourseAssignment | Enrollment) and not fact._state.adding:
            yield coursework.key_of(fact)


def _stored_keys(facts: Sequence[Fact]) -> Iterable[Key]:
    """The takings that launches or results, now stored with another, leave."""
    model: Any = type(facts[0])
    known = [fact.pk for fact in facts if not fact._state.adding]
    if not known or not issubclass(model, LabInstance | ActivityResult):
        return ()
    keys: Iterable[Key] = model._default_manager.filter(pk__in=known).values_list(
        "course_assignment_id", "enrollment_id"
    )
    return keys


def _sightings(facts: Iterable[Fact]) -> Iterator[sessions.Sighting]:
    """The launches among these: whoever launches something is here."""
    for fact in facts:
        if isinstance(fact, LabInstance) and fact.status not in LabInstance.NOT_LAUNCHED:
            yield fact.user_id, fact.started_at, fact.started_zone
        elif isinstance(fact, ActivityResult):
            yield fact.user_id, fact.launched_at, fact.launched_zone


def _write(facts: Sequence[Fact]) -> None:
    """Insert new and update known facts of one model, with their records."""
    if not facts:
        return
    model: Any = type(facts[0])
    new = [fact for fact in facts if fact._state.adding]
    known = [fact for fact in facts if not fact._state.adding]
    fields = [field.name for field in model._meta.concrete_fields if not field.primary_key]
    model._default_manager.bulk_create(new, batch_size=records.CHUNK)
    model._default_manager.bulk_update(known, fields, batch_size=500)
    if model in records.SOURCES:
        records.write(facts)  # type: ignore[arg-type]


def _erase(facts: Sequence[Fact]) -> None:
    """Remove facts of one model with their records."""
    if not facts:
        return
    model: Any = type(facts[0])
    ids = [fact.pk for fact in facts]
    if model in records.SOURCES:
        source, _relations = records.SOURCES[model]
        LearningRecord.objects.filter(source_kind=source, source_id__in=ids).delete()
    model._default_manager.filter(pk__in=ids).delete()


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


def complete_activity(result: ActivityResult, *, at: datetime | None = None) -> ActivityResult:
    """Mark a course activity complete. Repeating it is harmless, as for a lab."""
    with transaction.atomic():
        result = _locked(result)
        result.completed_at = at or result.completed_at or timezone.now()
        return save(result)


def set_completion_status(
    enrollment: Enrollment, completion_status: str, *, at: datetime | None = None
) -> Enrollment:
    """What became of an enrolment; only for Enrolled students."""
    with transaction.atomic():
        enrollment = _locked(enrollment)
        _conclude(enrollment, completion_status, at=at)
        return save(enrollment)


def _conclude(enrollment: Enrollment, completion_status: str, *, at: datetime | None = None) -> None:
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


@dataclass(frozen=True, slots=True)
class Decided:
    """A completion status that somebody chose, and the one that was seen while choosing."""

    seen: str
    chosen: str


def set_completion_statuses(
    enrollments: models.QuerySet[Enrollment], decided: Mapping[int, Decided]
) -> dict[int, DomainError]:
    """What became of many enrolments, by id, in one transaction; why some of them were left as they are.

    Each is saved or refused alone. One that somebody else has decided differently meanwhile is refused with
    "changed_meanwhile", and one that is not among `enrollments` is not found.
    """
    refused: dict[int, DomainError] = {}
    with transaction.atomic():
        rows = (
            enrollments.order_by("pk")
            .select_for_update(of=("self",))
            .select_related("user__organization", *records.SOURCES[Enrollment][1])
        )
        found = {row.pk: row for row in rows.filter(pk__in=decided)}
        edited = []
        for pk, decision in decided.items():
            row = found.get(pk)
            if row is None:
                refused[pk] = NotFound("not_found", _("Not found."))
                continue
            before = copy(row)
            try:
                _require_seen(row, decision)
                _conclude(row, decision.chosen)
            except DomainError as refusal:
                refused[pk] = refusal
                continue
            if row.completion_status != before.completion_status:
                prepare(row, before=before)
                edited.append(row)
        store(edited)
    return refused


def _require_seen(enrollment: Enrollment, decision: Decided) -> None:
    """Whoever decides has seen what is there, or decides the same."""
    if enrollment.completion_status not in {decision.seen, decision.chosen}:
        raise Conflict(
            "changed_meanwhile",
            _("Somebody has set this to %(status)s meanwhile.")
            % {"status": enrollment.get_completion_status_display()},
            data={"completion_status": enrollment.completion_status},
        )


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
            follow((None, enrollment.pk) for enrollment in enrollments)
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
                f"INSERT INTO {table} (learner_id, at)"
                f" SELECT concerned.learner, %s FROM ({sql}) AS concerned",
                [now, *parameters],
            )
    else:
        ProgressChange.objects.bulk_create(
            [ProgressChange(learner_id=learner_id) for learner_id in sorted(set(learners))],
            batch_size=records.CHUNK,
        )
    hint(EVALUATE)


def _stored(fact: FactT) -> FactT | None:
    model: Any = type(fact)
    found: FactT | None = model._default_manager.filter(pk=fact.pk).first() if fact.pk else None
    return found


def _locked(fact: FactT) -> FactT:
    """The row as it is now, held against another writer until the transaction ends."""
    model: Any = type(fact)
    locked: FactT = (
        model._default_manager.select_for_update(of=("self",))
        .select_related("user__organization")
        .get(pk=fact.pk)
    )
    return locked
