"""What follows from the activities of a course: percent complete, finished lessons and modules, the end.

A *taking* is a course assignment or an enrolment. It has a result for each course activity that was launched
in it; those of labs follow from the lab instances. A finished activity is a completed lesson. A section whose
required activities are finished (where none is required: all of them) is a completed module. An assignment
whose required activities are all finished is complete; of an enrolment that is the instructor's to say.

Derivation only: tms.progress asks here, and stores what it is told.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, TypeVar

from django.db.models import Count, Exists, IntegerField, OuterRef, Q, QuerySet, Subquery
from django.db.models.functions import Coalesce

from tms import records
from tms.models import (
    Activity,
    ActivityResult,
    CourseActivity,
    CourseAssignment,
    Enrollment,
    LabInstance,
)

Taking = CourseAssignment | Enrollment
TakingT = TypeVar("TakingT", CourseAssignment, Enrollment)
# The key of a taking: assignment id or None, enrolment id or None.
Key = tuple[int | None, int | None]
# When, and the learner's zone then.
Moment = tuple[datetime, str]

_FINISHED = Q(course_activity__kind__in=CourseActivity.FINISHED_BY_LAUNCH) | Q(completed_at__isnull=False)


def with_percent_complete(takings: QuerySet[TakingT]) -> QuerySet[TakingT]:
    """Add `percent_complete`, rounded down: of the required activities; None where there are none."""
    is_assignment = takings.model is CourseAssignment
    course = OuterRef("course" if is_assignment else "training_class__course")
    taking = {"course_assignment" if is_assignment else "enrollment": OuterRef("pk")}
    required = CourseActivity.objects.filter(section__course=course, is_required=True)
    finished = ActivityResult.objects.filter(
        _FINISHED, course_activity__section__course=course, course_activity__is_required=True, **taking
    )
    percent = (
        Coalesce(_number_of(finished, by="course_activity__section__course"), 0)
        * 100
        / _number_of(required, by="section__course")
    )
    annotated: QuerySet[TakingT] = takings.annotate(percent_complete=percent)
    return annotated


def _number_of(rows: QuerySet[Any], *, by: str) -> Subquery:
    """How many there are, all of one course; NULL for none."""
    counted = rows.order_by().values(by).annotate(number=Count("pk")).values("number")
    return Subquery(counted, output_field=IntegerField())


def takings(keys: Iterable[Key]) -> list[Taking]:
    """Those whose course has activities, held until the transaction ends: who finishes last must see it."""
    keys = set(keys)
    assignment_ids = [assignment_id for assignment_id, _none in keys if assignment_id]
    enrollment_ids = [enrollment_id for _none, enrollment_id in keys if enrollment_id]
    found: list[Taking] = []
    if assignment_ids:
        found += _held(CourseAssignment.objects.filter(_has_content("course"), pk__in=assignment_ids))
    if enrollment_ids:
        found += _held(
            Enrollment.objects.filter(
                _has_content("training_class__course"), pk__in=enrollment_ids
            ).select_related("training_class")
        )
    return found


def _has_content(course: str) -> Exists:
    return Exists(CourseActivity.objects.filter(section__course=OuterRef(course)))


def _held(rows: QuerySet[TakingT]) -> QuerySet[TakingT]:
    return rows.order_by("pk").select_for_update(of=("self",))


def key_of(taking: Taking) -> Key:
    return (taking.pk, None) if isinstance(taking, CourseAssignment) else (None, taking.pk)


def _course_of(taking: Taking) -> int:
    return taking.course_id if isinstance(taking, CourseAssignment) else taking.training_class.course_id


def _within(takings: Sequence[Taking]) -> Q:
    """Results, or launches, in one of these."""
    return Q(course_assignment__in=[row.pk for row in takings if isinstance(row, CourseAssignment)]) | Q(
        enrollment__in=[row.pk for row in takings if isinstance(row, Enrollment)]
    )


def lab_results(takings: Sequence[Taking]) -> tuple[list[ActivityResult], list[ActivityResult]]:
    """The results of labs as the lab instances say: those to store, and those that no longer are."""
    by_key = {key_of(taking): taking for taking in takings}
    expected = _lab_results_expected(by_key)
    gone = []
    for stored in ActivityResult.objects.filter(
        _within(takings), course_activity__kind=CourseActivity.Kind.LAB
    ):
        place = (stored.course_assignment_id, stored.enrollment_id), stored.course_activity_id
        wanted = expected.get(place)
        if wanted is None:
            gone.append(stored)
        elif _moments(stored) == _moments(wanted):
            del expected[place]
        else:
            wanted.pk, wanted.external_id = stored.pk, stored.external_id
            wanted._state.adding = False
    return list(expected.values()), gone


def _moments(result: ActivityResult) -> tuple[Any, ...]:
    return result.launched_at, result.launched_zone, result.completed_at, result.completed_zone


def _lab_results_expected(by_key: Mapping[Key, Taking]) -> dict[tuple[Key, int], ActivityResult]:
    """The first launch and the first completion of each lab, whichever instances they belong to."""
    lessons: dict[tuple[int, int | None], list[CourseActivity]] = defaultdict(list)
    courses = {_course_of(taking) for taking in by_key.values()}
    for lesson in CourseActivity.objects.filter(
        kind=CourseActivity.Kind.LAB, section__course__in=courses
    ).select_related("section"):
        lessons[lesson.section.course_id, lesson.lab_id].append(lesson)
    expected: dict[tuple[Key, int], ActivityResult] = {}
    if not lessons:
        return expected
    launches = LabInstance.objects.filter(_within(list(by_key.values()))).exclude(
        status__in=LabInstance.NOT_LAUNCHED
    )
    for launch in launches.order_by("started_at", "pk"):
        key = (launch.course_assignment_id, launch.enrollment_id)
        for lesson in lessons.get((_course_of(by_key[key]), launch.lab_id), ()):
            result = expected.setdefault(
                (key, lesson.pk),
                ActivityResult(
                    user_id=by_key[key].user_id,
                    course_activity=lesson,
                    course_assignment_id=launch.course_assignment_id,
                    enrollment_id=launch.enrollment_id,
                    launched_at=launch.started_at,
                    launched_zone=launch.started_zone,
                ),
            )
            if launch.completed_at and (not result.completed_at or launch.completed_at < result.completed_at):
                result.completed_at, result.completed_zone = launch.completed_at, launch.completed_zone
    return expected


@dataclass(slots=True)
class Conclusions:
    """What is to be stored: lessons and modules reached or moved, those that never were, and assignments
    that are complete now, or open again."""

    reached: list[Activity] = field(default_factory=list)
    withdrawn: list[Activity] = field(default_factory=list)
    assignments: list[CourseAssignment] = field(default_factory=list)


def conclude(takings: Sequence[Taking]) -> Conclusions:
    """What follows from the results as they are stored.

    A result that is corrected or taken back corrects what was concluded from it. A course that gets more
    content takes nothing back: a module or an assignment that was complete stays so.
    """
    courses = {_course_of(taking) for taking in takings}
    content = _content_of(courses)
    finished: dict[Key, dict[int, Moment]] = defaultdict(dict)
    for result in ActivityResult.objects.filter(_within(takings)).select_related("course_activity"):
        if result.finished_at:
            key = (result.course_assignment_id, result.enrollment_id)
            finished[key][result.course_activity_id] = (result.finished_at, result.finished_zone)
    told = {
        str(activity.occasion): activity
        for activity in Activity.objects.filter(
            user__in={taking.user_id for taking in takings},
            kind__in=(Activity.Kind.LESSON_COMPLETED, Activity.Kind.MODULE_COMPLETED),
            course__in=courses,
            occasion__isnull=False,
        )
    }
    conclusions = Conclusions()
    for taking in takings:
        counts = records.record_of(taking) is not None
        _Conclusion(
            taking,
            content[_course_of(taking)],
            finished[key_of(taking)] if counts else {},
            told,
            conclusions,
        ).draw()
    return conclusions


def _content_of(courses: Collection[int]) -> Mapping[int, Mapping[int, list[CourseActivity]]]:
    """course id → section id → its activities"""
    content: dict[int, dict[int, list[CourseActivity]]] = defaultdict(lambda: defaultdict(list))
    for lesson in CourseActivity.objects.filter(section__course__in=courses).select_related("section"):
        content[lesson.section.course_id][lesson.section_id].append(lesson)
    return content


@dataclass(slots=True)
class _Conclusion:
    """What follows for one taking. `told` holds what was concluded before, by occasion."""

    taking: Taking
    sections: Mapping[int, Sequence[CourseActivity]]
    finished: Mapping[int, Moment]
    told: Mapping[str, Activity]
    conclusions: Conclusions

    def draw(self) -> None:
        corrected = False
        for section_id, lessons in self.sections.items():
            were_wrong = [self._tell_lesson(lesson) for lesson in lessons]
            self._tell_module(section_id, lessons, corrected=any(were_wrong))
            corrected |= any(were_wrong)
        if isinstance(self.taking, CourseAssignment):
            self._end(self.taking, corrected=corrected)

    def _tell_lesson(self, lesson: CourseActivity) -> bool:
        return self._tell(Activity.Kind.LESSON_COMPLETED, f"lesson-{lesson.pk}", self.finished.get(lesson.pk))

    def _tell_module(self, section_id: int, lessons: Sequence[CourseActivity], *, corrected: bool) -> None:
        occasion = f"module-{section_id}"
        if corrected or self._occasion(occasion) not in self.told:
            needed = [lesson for lesson in lessons if lesson.is_required] or lessons
            self._tell(Activity.Kind.MODULE_COMPLETED, occasion, self._last(needed))

    def _tell(self, kind: Activity.Kind, what: str, moment: Moment | None) -> bool:
        """Whether something told before was wrong."""
        occasion = self._occasion(what)
        known = self.told.get(occasion)
        if moment is None:
            if known:
                self.conclusions.withdrawn.append(known)
            return known is not None
        if known and (known.occurred_at, known.occurred_zone) == moment:
            return False
        activity = known or Activity(
            user_id=self.taking.user_id, kind=kind, course_id=_course_of(self.taking), occasion=occasion
        )
        activity.occurred_at, activity.occurred_zone = moment
        self.conclusions.reached.append(activity)
        return known is not None

    def _occasion(self, what: str) -> str:
        return f"{self.taking._meta.model_name}-{self.taking.pk}/{what}"

    def _last(self, lessons: Sequence[CourseActivity]) -> Moment | None:
        """When the last of them was finished; None while one is not."""
        if any(lesson.pk not in self.finished for lesson in lessons):
            return None
        return max(self.finished[lesson.pk] for lesson in lessons)

    def _end(self, assignment: CourseAssignment, *, corrected: bool) -> None:
        required = [lesson for lessons in self.sections.values() for lesson in lessons if lesson.is_required]
        end = self._last(required) if required else None
        if assignment.completed_at is None and end:
            assignment.completed_by_itself = True
        elif not (assignment.completed_by_itself and corrected):
            return
        assignment.completed_at, assignment.completed_zone = end or (None, "")
        assignment.completed_by_itself = end is not None
        self.conclusions.assignments.append(assignment)
