"""A course assignment as one person sees it: how far the learner is, and which badges there are."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from django.db.models import Exists
from django.shortcuts import get_object_or_404
from django.utils import timezone
from django.utils.translation import gettext as _

from badges.models import Badge, IssuedBadge, IssuingAct
from badges.refusals import Among
from badges.results import ACCEPTED, Result, outcomes_of, told
from badges.undoing import undoable
from rosters.held import Held, Live, held_of
from rosters.roster import course_first, issuable
from tms import coursework
from tms.access import Action, organization_tree
from tms.models import ActivityResult, CourseAssignment, LabInstance, User

if TYPE_CHECKING:
    from django.db.models import QuerySet

    from tms.models import CourseActivity, CourseSection, Lab

LATEST_ACTS = 20


@dataclass(frozen=True)
class Step:
    """An activity of the course, or a lab where the course has no activities, and how far the learner is."""

    name: str
    kind: str
    is_required: bool
    launched_at: object = None
    finished_at: object = None


@dataclass(frozen=True)
class Part:
    """A section of the course; without a name where there are none."""

    name: str
    steps: list[Step]


@dataclass(frozen=True)
class Acted:
    """A badge that somebody issued by hand from an assignment, and what has become of it."""

    act: IssuingAct
    result: Result
    may_undo: bool


@dataclass(frozen=True)
class Shown:
    assignment: CourseAssignment
    viewer: User

    @property
    def learner(self) -> User:
        return self.assignment.user

    @property
    def is_own(self) -> bool:
        return self.learner.pk == self.viewer.pk

    @property
    def is_expired(self) -> bool:
        expires_at = self.assignment.expires_at
        return expires_at is not None and expires_at < timezone.now()

    @cached_property
    def includes_labs(self) -> bool:
        """Whether there is a lab in the course at all."""
        steps = (step for part in self.parts for step in part.steps)
        return any(step.kind == "lab" for step in steps) or self.assignment.course.labs.exists()

    @cached_property
    def parts(self) -> list[Part]:
        results = ActivityResult.objects.for_user(self.viewer, Action.SEE_OWN)
        done = {
            result.course_activity_id: result
            for result in results.filter(course_assignment=self.assignment).select_related("course_activity")
        }
        sections = self.assignment.course.sections.prefetch_related("activities")
        parts = [
            Part(section.name, [_step(activity, done.get(activity.pk)) for activity in _activities(section)])
            for section in sections
        ]
        return [part for part in parts if part.steps] or self._labs_alone()

    def _labs_alone(self) -> list[Part]:
        first: dict[int, LabInstance] = {}
        for launch in self.launches:
            known = first.get(launch.lab_id)
            if known is None or (launch.completed_at and not known.completed_at):
                first[launch.lab_id] = launch
        steps = [
            _lab_step(lab, first.get(lab.pk)) for lab in self.assignment.course.labs.order_by("name", "pk")
        ]
        return [Part("", steps)] if steps else []

    @cached_property
    def launches(self) -> list[LabInstance]:
        """The labs that were launched in it, the first first."""
        launches = LabInstance.objects.for_user(self.viewer, Action.SEE_OWN)
        return list(
            launches.filter(course_assignment=self.assignment)
            .select_related("lab")
            .order_by("started_at", "pk")
        )

    @cached_property
    def badges(self) -> list[Held]:
        return held_of(self.learner, viewer=self.viewer)

    @cached_property
    def acts(self) -> list[Acted]:
        """What was issued by hand from here, the latest first, for those who may take it back."""
        acts = IssuingAct.objects.for_user(self.viewer, Action.MANAGE).filter(
            source_kind=IssuedBadge.Source.COURSE_ASSIGNMENT, source_key=str(self.assignment.pk)
        )
        outcomes = outcomes_of(acts).filter(code=ACCEPTED).select_related("act__actor", "act__undone_by")
        results = told(outcomes.order_by("-act_id")[:LATEST_ACTS])
        to_undo = undoable([result.outcome.act for result in results], user=self.viewer)
        return [
            Acted(result.outcome.act, result, may_undo=result.outcome.act_id in to_undo) for result in results
        ]

    @property
    def live(self) -> Live:
        return Live({self.assignment.pk: self.badges})

    @cached_property
    def may_issue(self) -> bool:
        """There is somebody to issue to, and a badge to issue."""
        among = assignment_among(self.assignment, viewer=self.viewer)
        return among.learners.filter(Exists(issuable(among.badges))).exists()


def _activities(section: CourseSection) -> list[CourseActivity]:
    return list(section.activities.all())


def _step(activity: CourseActivity, result: ActivityResult | None) -> Step:
    return Step(
        activity.name,
        activity.kind,
        activity.is_required,
        launched_at=result and result.launched_at,
        finished_at=result and result.finished_at,
    )


def _lab_step(lab: Lab, launch: LabInstance | None) -> Step:
    launched = launch is not None and launch.status not in LabInstance.NOT_LAUNCHED
    return Step(
        lab.name,
        "lab",
        is_required=False,
        launched_at=launch.started_at if launch and launched else None,
        finished_at=launch and launch.completed_at,
    )


def open_assignment(viewer: User, pk: int, *, to: Action = Action.SEE_OWN) -> Shown:
    """One that the viewer reaches for this, a learner's own among them; else 404."""
    reached = CourseAssignment.objects.for_user(viewer, to).select_related(
        "user__organization", "course", "subscription__subscription_profile"
    )
    return Shown(get_object_or_404(coursework.with_percent_complete(reached), pk=pk), viewer)


def assignment_badges(assignment: CourseAssignment, *, viewer: User) -> QuerySet[Badge]:
    """The badges that may be issued from an assignment now, those of its course first."""
    return course_first(issuable(_badges_of(assignment, viewer=viewer)), course=assignment.course)


def assignment_among(assignment: CourseAssignment, *, viewer: User) -> Among:
    """What may be issued from an assignment, and to whom, for badges.issuing."""
    learners = User.objects.for_user(viewer, Action.ISSUE).filter(pk=assignment.user_id)
    if assignment.status == CourseAssignment.Status.CANCELLED:
        learners = learners.none()
    return Among(
        badges=_badges_of(assignment, viewer=viewer),
        learners=learners,
        code="not_enrolled",
        message=_("Badges cannot be issued from this course assignment."),
    )


def _badges_of(assignment: CourseAssignment, *, viewer: User) -> QuerySet[Badge]:
    """Those of the learner's organization and its children."""
    badges = Badge.objects.for_user(viewer, Action.ISSUE)
    home = assignment.user.organization_id
    return badges.filter(organization__in=organization_tree(home)) if home else badges.none()
