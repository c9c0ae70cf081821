"""enrollments.csv, course_assignments.csv, lab_instances.csv and activities.csv: the long files, stored by
tms.progress."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.db import models
from django.utils.translation import gettext as _

from config.importing import cells
from config.importing.columns import EXTERNAL_ID, optional, required
from config.importing.sheet import Draft, FactT, Sheet, validate
from config.importing.teaching import require_schedulable
from tms import progress, records
from tms.models import (
    Activity,
    Class,
    Course,
    CourseAssignment,
    Enrollment,
    Lab,
    LabInstance,
    Subscription,
    User,
)
from tms.models.base import LARGEST

USER = required("user", refers_to=User)
COMPLETED_AT = optional("completed_at", cells.moment, empty=None)
SUBSCRIPTION = optional("subscription", empty=None, refers_to=Subscription)


class _Training(Sheet[FactT]):
    # Besides what the record of a fact reads.
    also_read: tuple[str, ...] = ()

    def stored(self) -> models.QuerySet[FactT]:
        # Locked, since the writer stores whole rows: a completion that arrives meanwhile must not be lost.
        relations = (*records.SOURCES[self.model][1], *self.also_read)
        return super().stored().select_for_update(of=("self",)).select_related(*relations).order_by("pk")

    def apply(self, draft: Draft[FactT]) -> None:
        super().apply(draft)
        self.complete(draft)
        fact: Any = draft.fact
        before: Any = draft.before
        progress.prepare(fact, before=before)

    def complete(self, draft: Draft[FactT]) -> None:
        """Fill in what an empty cell must not take away: what the system itself had filled in before."""

    def check(self, drafts: Sequence[Draft[FactT]]) -> None:
        for draft in drafts:
            validate(draft, columns=self.columns)

    def store(self, drafts: Sequence[Draft[FactT]]) -> None:
        facts: list[Any] = [draft.fact for draft in drafts]
        progress.store(facts)


class Enrollments(_Training[Enrollment]):
    name = "enrollments"
    model = Enrollment
    columns = (
        EXTERNAL_ID,
        USER,
        required("class", field="training_class", refers_to=Class),
        required("status", cells.one_of(Enrollment.Status, also={"canceled": "cancelled"})),
        optional("completion_status", cells.one_of(Enrollment.Completion)),
        required("enrolled_at", cells.moment),
        COMPLETED_AT,
        SUBSCRIPTION,
    )
    also_read = ("subscription",)

    def complete(self, draft: Draft[Enrollment]) -> None:
        enrollment = draft.fact
        is_enrolled = enrollment.status == Enrollment.Status.ENROLLED
        if "completion_status" not in draft.values and not is_enrolled:
            enrollment.completion_status = Enrollment.Completion.UNKNOWN
        if enrollment.completion_status == Enrollment.Completion.COMPLETE:
            _keep_completed_at(draft)

    def check(self, drafts: Sequence[Draft[Enrollment]]) -> None:
        super().check(drafts)
        places = _Places(drafts)
        for draft in drafts:
            enrollment = draft.fact
            is_enrolled = enrollment.status == Enrollment.Status.ENROLLED
            if not is_enrolled and enrollment.completion_status != Enrollment.Completion.UNKNOWN:
                draft.entry.refuse(
                    _("Only Enrolled students have a completion status; this one is %(status)s.")
                    % {"status": enrollment.get_status_display()},
                    column="completion_status",
                )
            places.take(draft)


class _Places:
    """Who is in which class already: one enrolment for each student."""

    def __init__(self, drafts: Sequence[Draft[Enrollment]]) -> None:
        rows = Enrollment.objects.filter(
            user_id__in={draft.fact.user_id for draft in drafts},
            training_class_id__in={draft.fact.training_class_id for draft in drafts},
        )
        self._taken = {
            (user_id, class_id): external_id
            for user_id, class_id, external_id in rows.values_list(
                "user_id", "training_class_id", "external_id"
            )
        }

    def take(self, draft: Draft[Enrollment]) -> None:
        place = (draft.fact.user_id, draft.fact.training_class_id)
        own = draft.entry.external_id
        if self._taken.setdefault(place, own) != own:
            draft.entry.refuse(_("This student is already in this class."), column="class")


class CourseAssignments(_Training[CourseAssignment]):
    name = "course_assignments"
    model = CourseAssignment
    columns = (
        EXTERNAL_ID,
        USER,
        required("course", refers_to=Course),
        required("started_at", cells.moment),
        COMPLETED_AT,
        optional("expires_at", cells.moment),
        optional("target_completion", cells.moment, empty=None),
        optional("status", cells.one_of(CourseAssignment.Status, also={"canceled": "cancelled"})),
        SUBSCRIPTION,
        optional("from_on_demand", cells.boolean),
    )
    also_read = ("subscription",)

    def complete(self, draft: Draft[CourseAssignment]) -> None:
        if draft.before and draft.before.completed_by_itself:
            _keep_completed_at(draft)

    def check(self, drafts: Sequence[Draft[CourseAssignment]]) -> None:
        super().check(drafts)
        for draft in drafts:
            if draft.before is None or draft.before.course_id != draft.fact.course_id:
                require_schedulable(draft.entry, draft.fact.course)


class LabInstances(_Training[LabInstance]):
    name = "lab_instances"
    model = LabInstance
    columns = (
        EXTERNAL_ID,
        USER,
        required("lab", refers_to=Lab),
        optional("course_assignment", empty=None, refers_to=CourseAssignment),
        optional("enrollment", empty=None, refers_to=Enrollment),
        required("started_at", cells.moment),
        COMPLETED_AT,
        optional("minutes", cells.decimal(maximum=LARGEST)),
        optional("passed", cells.boolean, empty=None),
        optional("score_percent", cells.decimal(maximum=100), empty=None),
        optional(
            "status",
            cells.one_of(
                LabInstance.Status,
                also={"failed": LabInstance.Status.LAB_CREATION_FAILED, "canceled": "cancelled"},
            ),
        ),
    )

    def complete(self, draft: Draft[LabInstance]) -> None:
        if draft.fact.status == LabInstance.Status.COMPLETE:
            _keep_completed_at(draft)

    def check(self, drafts: Sequence[Draft[LabInstance]]) -> None:
        super().check(drafts)
        for draft in drafts:
            if draft.fact.course_assignment_id and draft.fact.enrollment_id:
                draft.entry.refuse(
                    _("A lab is taken through an assignment or an enrollment, not both."), column="enrollment"
                )


class Activities(_Training[Activity]):
    name = "activities"
    model = Activity
    columns = (
        EXTERNAL_ID,
        USER,
        required("kind"),
        required("occurred_at", cells.moment),
        optional("course", empty=None, refers_to=Course),
        optional("other_user", empty=None, refers_to=User),
    )


def _keep_completed_at(draft: Draft[Any]) -> None:
    if draft.before and draft.fact.completed_at is None:
        draft.fact.completed_at = draft.before.completed_at
