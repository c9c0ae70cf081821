"""What rosters add to the search for issued badges (badges.finds): by where their learners train.

A learner's class is one of those on whose roster she is, and her course one that such a class teaches or that
she was assigned.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from rosters.roster import TAKING_PART
from tms.access import Action
from tms.finding.filters import Reference
from tms.finding.listing import Column, Listing, plain
from tms.models import Class, Course, CourseAssignment, Enrollment

if TYPE_CHECKING:
    from django.db.models import QuerySet

    from tms.models import User

_ORGANIZATION = Column(
    name="organization",
    label=_("Organization"),
    value=lambda row: row.organization.name,
    order_by=("organization__name", "name"),
)
CHOOSE_CLASSES = Listing(
    columns=(
        Column(name="class", label=_("Class"), value=str, order_by=("name",)),
        Column(
            name="course",
            label=_("Course"),
            value=lambda row: row.course.name,
            order_by=("course__name", "name"),
        ),
        plain("starts_at", _("Starts"), name="starts"),
    ),
    searched=("name", "course__name"),
    order_by=("-starts_at",),
)
CHOOSE_COURSES = Listing(
    columns=(Column(name="course", label=_("Course"), value=str, order_by=("name",)), _ORGANIZATION),
    searched=("name",),
    order_by=("name",),
)


def _classes(viewer: User) -> QuerySet[Any]:
    return Class.objects.for_user(viewer, Action.SEE).select_related("course")


def _courses(viewer: User) -> QuerySet[Any]:
    return Course.objects.for_user(viewer, Action.SEE).select_related("organization")


def _of_class(ids: list[int]) -> Q:
    students = Enrollment.objects.filter(training_class__in=ids, status__in=TAKING_PART)
    return Q(learner__in=students.values("user"))


def _of_course(ids: list[int]) -> Q:
    students = Enrollment.objects.filter(training_class__course__in=ids, status__in=TAKING_PART)
    alone = CourseAssignment.objects.filter(course__in=ids, status=CourseAssignment.Status.ACTIVE)
    return Q(learner__in=students.values("user")) | Q(learner__in=alone.values("user"))


ISSUED_BADGE_FILTERS = (
    Reference(
        name="class",
        label=_("Student’s Class"),
        rows=_classes,
        listing=CHOOSE_CLASSES,
        title=_("Choose Class"),
        condition=_of_class,
    ),
    Reference(
        name="course",
        label=_("Student’s Course"),
        rows=_courses,
        listing=CHOOSE_COURSES,
        title=_("Choose Course"),
        condition=_of_course,
    ),
)
