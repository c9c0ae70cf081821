"""What courses are made of: sections and the activities in them.

An edit is right at once for everybody who takes the course: labs that were launched before count for a new
lab activity, and who had finished all the others is complete when the last one is no longer required. It
takes nothing back: more content makes nobody's module or assignment incomplete.
"""

from __future__ import annotations

from collections.abc import Collection

from django.db import transaction
from django.db.models import Exists, OuterRef

from tms import progress
from tms.coursework import Key
from tms.models import (
    ActivityResult,
    CourseActivity,
    CourseAssignment,
    CourseSection,
    Enrollment,
    LabInstance,
)

CHUNK = 500


def save_section(section: CourseSection) -> CourseSection:
    with transaction.atomic():
        before = CourseSection.objects.select_for_update().filter(pk=section.pk).first()
        section.full_clean()
        section.save()
        if before and before.course_id != section.course_id:
            _catch_up({before.course_id, section.course_id})
    return section


def save_activity(activity: CourseActivity) -> CourseActivity:
    with transaction.atomic():
        known = CourseActivity.objects.select_for_update(of=("self",)).select_related("section")
        before = known.filter(pk=activity.pk).first()
        activity.full_clean()
        activity.save()
        if before is None:
            _catch_up({activity.section.course_id})
        elif _weight(before) != _weight(activity):
            _catch_up({before.section.course_id, activity.section.course_id})
    return activity


def _weight(activity: CourseActivity) -> tuple[object, ...]:
    """What conclusions are drawn from."""
    return activity.section_id, activity.kind, activity.lab_id, activity.is_required


def _catch_up(courses: Collection[int]) -> None:
    """Draw the conclusions of all who have begun one of these courses."""
    keys = _begun(courses)
    for start in range(0, len(keys), CHUNK):
        progress.changed(progress.follow(keys[start : start + CHUNK]))


def _begun(courses: Collection[int]) -> list[Key]:
    assignments = CourseAssignment.objects.filter(
        Exists(ActivityResult.objects.filter(course_assignment=OuterRef("pk")))
        | Exists(LabInstance.objects.filter(course_assignment=OuterRef("pk"))),
        course__in=courses,
    )
    enrollments = Enrollment.objects.filter(
        Exists(ActivityResult.objects.filter(enrollment=OuterRef("pk")))
        | Exists(LabInstance.objects.filter(enrollment=OuterRef("pk"))),
        training_class__course__in=courses,
    )
    return [
        *((pk, None) for pk in assignments.order_by("pk").values_list("pk", flat=True)),
        *((None, pk) for pk in enrollments.order_by("pk").values_list("pk", flat=True)),
    ]
