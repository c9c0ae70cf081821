"""The transcript of a learner: classes, course assignments and labs, each with the badges that came of it.

A badge came of what it was issued from by hand, and of all that met the rule of the achievement by which it
was earned; other apps tell the latter as `grounds` (tms.contributions). What came of none is told apart.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from django.core.paginator import Paginator
from django.db.models import Count, Exists, IntegerField, OuterRef, QuerySet, Subquery
from django.db.models.functions import Coalesce
from django.shortcuts import get_object_or_404

from badges.models import IssuedBadge
from rosters.held import Held, Live, held_of
from rosters.parts import Part
from tms import coursework
from tms.access import Action
from tms.contributions import contributed
from tms.models import Class, CourseAssignment, Enrollment, LabInstance, LearningRecord, User

if TYPE_CHECKING:
    from django.http import QueryDict

    Fact = Enrollment | CourseAssignment | LabInstance

ON_A_PAGE = 25
CLASSES, ASSIGNMENTS, LABS, ELSEWHERE = "class", "assignment", "lab", "other"
PARTS = (CLASSES, ASSIGNMENTS, LABS)
KEY = re.compile(rf"(?:{'|'.join(PARTS)})-\d{{1,18}}|{ELSEWHERE}")
_OF_SOURCE: Mapping[int, str] = {
    LearningRecord.Source.ENROLLMENT: CLASSES,
    LearningRecord.Source.COURSE_ASSIGNMENT: ASSIGNMENTS,
    LearningRecord.Source.LAB_INSTANCE: LABS,
}


@dataclass(frozen=True)
class Row:
    """`key` is that of its badges (`Transcript.held`)."""

    fact: Fact
    key: str
    held: Sequence[Held]


@dataclass(frozen=True, kw_only=True)
class Transcript:
    """As somebody sees it. `asked` are the pages of its lists that were turned to.

    The number of queries depends neither on the length of the lists nor on how many badges there are.
    """

    learner: User
    viewer: User
    asked: QueryDict

    @property
    def is_own(self) -> bool:
        return self.learner.pk == self.viewer.pk

    @cached_property
    def classes(self) -> Part[Enrollment]:
        """The latest first. `may_open`: the viewer may open the roster."""
        rosters = Class.objects.for_user(self.viewer, Action.TEACH).filter(pk=OuterRef("training_class"))
        rows = _enrollments(self.learner.pk, viewer=self.viewer).select_related("training_class__course")
        told = coursework.with_percent_complete(rows).annotate(may_open=Exists(rosters))
        return self._part(CLASSES, told.order_by("-training_class__starts_at", "-pk"))

    @cached_property
    def assignments(self) -> Part[CourseAssignment]:
        rows = _assignments(self.learner.pk, viewer=self.viewer).select_related("course")
        return self._part(ASSIGNMENTS, coursework.with_percent_complete(rows).order_by("-started_at", "-pk"))

    @cached_property
    def labs(self) -> Part[LabInstance]:
        rows = _labs(self.learner.pk, viewer=self.viewer).select_related(
            "lab", "course_assignment__course", "enrollment__training_class"
        )
        return self._part(LABS, rows.order_by("-started_at", "-pk"))

    def _part(self, name: str, rows: QuerySet[Any]) -> Part[Any]:
        paginator = Paginator(rows, ON_A_PAGE)
        paginator.count = getattr(self.learner, _count_of(name))
        return Part(name, paginator.get_page(self.asked.get(name)), self.asked, PARTS)

    @property
    def class_rows(self) -> list[Row]:
        return self._rows(self.classes)

    @property
    def assignment_rows(self) -> list[Row]:
        return self._rows(self.assignments)

    @property
    def lab_rows(self) -> list[Row]:
        return self._rows(self.labs)

    def _rows(self, part: Part[Any]) -> list[Row]:
        keys = ((fact, _key(part.name, fact.pk)) for fact in part.page.object_list)
        return [Row(fact, key, self.held.get(key, [])) for fact, key in keys]

    @property
    def is_empty(self) -> bool:
        return not any(getattr(self.learner, _count_of(name)) for name in PARTS)

    @property
    def elsewhere(self) -> Sequence[Held]:
        """The badges that came of nothing that is listed."""
        return self.held.get(ELSEWHERE, [])

    @property
    def live(self) -> Live:
        """Of all rows that are shown."""
        rows = [*self.class_rows, *self.assignment_rows, *self.lab_rows]
        return self.live_of([*(row.key for row in rows), ELSEWHERE])

    def live_of(self, keys: Iterable[str]) -> Live:
        """Of rows that a page shows, by their keys; whatever is none of its own is left out."""
        return Live({key: self.held.get(key, []) for key in keys if KEY.fullmatch(key)})

    @cached_property
    def held(self) -> Mapping[str, list[Held]]:
        """The key of a row → the badges that came of it."""
        badges = held_of(self.learner, viewer=self.viewer)
        earned = self._earned_from() if badges else {}
        issued = self._issued_from(badges)
        found: dict[str, list[Held]] = defaultdict(list)
        for held in badges:
            for key in {*earned.get(held.row.pk, ()), *issued.get(held.row.pk, ())} or {ELSEWHERE}:
                found[key].append(held)
        return found

    def _earned_from(self) -> dict[int, set[str]]:
        """issued badge → what met the rules of its awards."""
        facts = LearningRecord.objects.for_user(self.viewer, Action.SEE_OWN).filter(
            learner=self.learner, source_kind__in=_OF_SOURCE
        )
        keys = {
            pk: _key(_OF_SOURCE[kind], source)
            for pk, kind, source in facts.order_by().values_list("pk", "source_kind", "source_id")
        }
        return {
            badge: {keys[record] for record in records if record in keys}
            for tell in contributed("grounds")
            for badge, records in tell(self.learner).items()
        }

    def _issued_from(self, badges: Iterable[Held]) -> dict[int, set[str]]:
        """issued badge → the class or the assignment from which it was issued by hand."""
        source = IssuedBadge.Source
        from_class = [held.row for held in badges if held.row.source_kind == source.ROSTER]
        taken = _enrollments(self.learner.pk, viewer=self.viewer).filter(
            training_class__in=[int(row.source_key) for row in from_class if row.source_key.isdecimal()]
        )
        enrollments = {str(of): pk for of, pk in taken.order_by().values_list("training_class", "pk")}
        found = {
            row.pk: {_key(CLASSES, enrollments[row.source_key])}
            for row in from_class
            if row.source_key in enrollments
        }
        for held in badges:
            if held.row.source_kind == source.COURSE_ASSIGNMENT:
                found[held.row.pk] = {_key(ASSIGNMENTS, held.row.source_key)}
        return found


def open_transcript(viewer: User, pk: int, *, asked: QueryDict) -> Transcript:
    """A learner's own, or one's of whom the viewer administers; else 404."""
    learners = User.objects.for_user(viewer, Action.SEE_OWN).select_related("organization")
    counted = learners.annotate(
        **{
            _count_of(name): Coalesce(_number_of(rows(pk, viewer=viewer)), 0)
            for name, rows in ((CLASSES, _enrollments), (ASSIGNMENTS, _assignments), (LABS, _labs))
        }
    )
    return Transcript(learner=get_object_or_404(counted, pk=pk), viewer=viewer, asked=asked)


def _enrollments(learner: int, *, viewer: User) -> QuerySet[Enrollment]:
    return Enrollment.objects.for_user(viewer, Action.SEE_OWN).filter(user=learner)


def _assignments(learner: int, *, viewer: User) -> QuerySet[CourseAssignment]:
    return CourseAssignment.objects.for_user(viewer, Action.SEE_OWN).filter(user=learner)


def _labs(learner: int, *, viewer: User) -> QuerySet[LabInstance]:
    return LabInstance.objects.for_user(viewer, Action.SEE_OWN).filter(user=learner)


def _number_of(rows: QuerySet[Any]) -> Subquery:
    """Of the rows of one learner; NULL for none."""
    counted = rows.order_by().values("user").annotate(number=Count("pk")).values("number")
    return Subquery(counted, output_field=IntegerField())


def _count_of(name: str) -> str:
    return f"{name}_count"


def _key(name: str, pk: object) -> str:
    return f"{name}-{pk}"
