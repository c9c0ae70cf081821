"""The class or the course assignment from which a badge was issued (badges.origins)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.utils.translation import gettext_lazy as _

from badges.models import IssuedBadge
from badges.origins import Origin
from tms.access import Action
from tms.models import Class, CourseAssignment

if TYPE_CHECKING:
    from badges.origins import Read
    from tms.models import User


def _class(row: IssuedBadge, viewer: User) -> list[Origin]:
    if row.source_kind != IssuedBadge.Source.ROSTER or not row.source_key.isdecimal():
        return []
    classes = Class.objects.for_user(viewer, Action.TEACH).filter(pk=int(row.source_key))
    return [Origin(kind=_("Class"), name=found.name, url_name="roster", key=found.pk) for found in classes]


def _assignment(row: IssuedBadge, viewer: User) -> list[Origin]:
    if row.source_kind != IssuedBadge.Source.COURSE_ASSIGNMENT or not row.source_key.isdecimal():
        return []
    assignments = CourseAssignment.objects.for_user(viewer, Action.SEE_OWN).filter(pk=int(row.source_key))
    return [
        Origin(
            kind=_("Course assignment"),
            name=assignment.course.name,
            url_name="course-assignment",
            key=assignment.pk,
            at=assignment.started_at,
        )
        for assignment in assignments.select_related("course")
    ]


ORIGINS: tuple[Read, ...] = (_class, _assignment)
