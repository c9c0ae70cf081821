"""Achievements course by course: those that name it, with how far the learner is in the course itself."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from django.db.models import Exists, Max, OuterRef, QuerySet, Subquery

from tms import coursework
from tms.models import Course, CourseAssignment, Enrollment, LearningRecord

if TYPE_CHECKING:
    from datetime import datetime

    from achievements.gallery.shelves import Entry
    from tms.models import User

OPENED = 8


@dataclass(frozen=True)
class Milestones:
    """A course, what can be earned with it, and the learner's way through it: `percent` where the course says
    what it is made of."""

    course: Course
    entries: Sequence[Entry]
    completed_at: datetime | None
    is_begun: bool
    percent: int | None


def milestones(entries: Iterable[Entry], *, learner: User) -> list[Milestones]:
    """Courses that she has begun come first, then those that are done; one query."""
    by_course: dict[int, list[Entry]] = defaultdict(list)
    for entry in entries:
        named = {pk for leaf in entry.standing.rule.leaves() for pk in leaf.course_ids}
        for pk in named:
            by_course[pk].append(entry)
    if not by_course:
        return []
    found = [_of(course, by_course[course.pk]) for course in _courses(by_course, learner=learner)]
    return sorted(
        found, key=lambda each: (not each.is_begun, each.completed_at is not None, each.course.name)
    )


def _of(course: Course, entries: Sequence[Entry]) -> Milestones:
    told = course.__dict__
    completed_at = told["completed_at"]
    percents = [each for each in (told["assigned"], told["enrolled"]) if each is not None]
    percent = 100 if completed_at and percents else max(percents, default=None)
    is_begun = bool(completed_at) or told["is_begun"]
    return Milestones(course, entries, completed_at, is_begun, percent if is_begun else None)


def _courses(ids: Iterable[int], *, learner: User) -> Iterable[Course]:
    taken = LearningRecord.objects.filter(
        learner=learner, subject=LearningRecord.Subject.COURSE, course=OuterRef("pk")
    )
    completed = taken.filter(completed_at__isnull=False).order_by().values("course")
    return Course.objects.filter(pk__in=list(ids)).annotate(
        is_begun=Exists(taken),
        completed_at=Subquery(completed.annotate(last=Max("completed_at")).values("last")),
        assigned=_percent(CourseAssignment.objects.filter(user=learner, course=OuterRef("pk"))),
        enrolled=_percent(Enrollment.objects.filter(user=learner, training_class__course=OuterRef("pk"))),
    )


def _percent(takings: QuerySet[Any]) -> Subquery:
    """Of the one in which she has come furthest."""
    rows: QuerySet[Any] = coursework.with_percent_complete(takings)
    known = rows.filter(percent_complete__isnull=False).order_by("-percent_complete")
    return Subquery(known.values("percent_complete")[:1])
