"""course_tags.csv, labs.csv, courses.csv and classes.csv."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.db import models
from django.utils.translation import gettext as _

from config.importing import cells
from config.importing.columns import (
    EXTERNAL_ID,
    NAME,
    NUMBER,
    Entry,
    optional,
    optional_list,
    possibly_empty,
    required,
)
from config.importing.sheet import Draft, FactT, Sheet, create, validate
from tms import gates, progress
from tms.models import Class, Course, CourseTag, Lab, Organization, User

ORGANIZATION = required("organization", refers_to=Organization)


class _Plain(Sheet[FactT]):
    """Rows that nothing follows from: written as they are."""

    def check(self, drafts: Sequence[Draft[FactT]]) -> None:
        for draft in drafts:
            validate(draft, columns=self.columns)

    def store(self, drafts: Sequence[Draft[FactT]]) -> None:
        create([draft for draft in drafts if draft.before is None])
        model: Any = self.model
        fields = [column.field for column in self.columns if column.field]
        model._default_manager.bulk_update(
            [draft.fact for draft in drafts if draft.before], fields, batch_size=500
        )


class CourseTags(_Plain[CourseTag]):
    name = "course_tags"
    model = CourseTag
    columns = (NUMBER, EXTERNAL_ID, NAME, ORGANIZATION)


class Labs(_Plain[Lab]):
    name = "labs"
    model = Lab
    columns = (NUMBER, EXTERNAL_ID, NAME, ORGANIZATION, optional("is_exam", cells.boolean))


class Courses(Sheet[Course]):
    name = "courses"
    model = Course
    columns = (
        NUMBER,
        EXTERNAL_ID,
        NAME,
        ORGANIZATION,
        possibly_empty("content_provider"),
        possibly_empty("publishing_group"),
        optional_list("tags", refers_to=CourseTag),
        optional_list("labs", refers_to=Lab),
        optional("achievements_for_outside_organizations", cells.boolean),
    )

    def stored(self) -> models.QuerySet[Course]:
        return super().stored().prefetch_related("tags", "labs")

    def check(self, drafts: Sequence[Draft[Course]]) -> None:
        for draft in drafts:
            validate(draft, columns=self.columns)

    def store(self, drafts: Sequence[Draft[Course]]) -> None:
        create([draft for draft in drafts if draft.before is None])
        for draft in drafts:
            if draft.before is None:
                continue
            gates.save_course(draft.fact, tags=draft.values.get("tags"))
            if "labs" in draft.changed_lists:
                draft.fact.labs.set(draft.lists["labs"])


class Classes(Sheet[Class]):
    name = "classes"
    model = Class
    columns = (
        EXTERNAL_ID,
        NAME,
        required("course", refers_to=Course),
        ORGANIZATION,
        required("starts_at", cells.moment),
        required("ends_at", cells.moment),
        optional(
            "status",
            cells.one_of(Class.Status, also={"guaranteed to run": "guaranteed", "canceled": "cancelled"}),
        ),
        optional("minimum", cells.whole()),
        optional("maximum", cells.whole(), empty=None),
        optional_list("instructors", refers_to=User),
    )

    def stored(self) -> models.QuerySet[Class]:
        return super().stored().prefetch_related("instructors")

    def check(self, drafts: Sequence[Draft[Class]]) -> None:
        for draft in drafts:
            validate(draft, columns=self.columns)
            if draft.fact.ends_at < draft.fact.starts_at:
                draft.entry.refuse(_("A class ends after it starts."), column="ends_at")
            if draft.before is None or draft.before.course_id != draft.fact.course_id:
                require_schedulable(draft.entry, draft.fact.course)

    def store(self, drafts: Sequence[Draft[Class]]) -> None:
        create([draft for draft in drafts if draft.before is None])
        for draft in drafts:
            if draft.before is None:
                continue
            progress.save_class(draft.fact)
            if "instructors" in draft.changed_lists:
                draft.fact.instructors.set(draft.lists["instructors"])


def require_schedulable(entry: Entry, course: Course) -> None:
    """Training cannot be set up for a course that nobody provides or that is not published."""
    if course.can_be_scheduled or any(column == "course" for column, _message in entry.problems):
        return
    entry.refuse(
        _("%(course)s needs a content provider and a publishing group before training can be set up for it.")
        % {"course": cells.shown(str(course))},
        column="course",
    )
