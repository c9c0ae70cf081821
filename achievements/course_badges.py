"""Which badges stand for a course: those of achievements whose rules name it.

Pages of an app that cannot import this one ask for it as `course_badges` (tms.contributions).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from achievements.conditions import language
from achievements.models import Achievement

if TYPE_CHECKING:
    from collections.abc import Collection

    from tms.models import Course


def badges_of_course(course: Course, among: Collection[int]) -> set[int]:
    """Ids of those `among` the badges that some enabled achievement gives and whose rule names the course: by
    itself, by one of its tags, or by one of its labs."""
    rules = Achievement.objects.filter(badge__in=among, enabled=True).order_by()
    stored = list(rules.values_list("badge_id", "conditions"))
    if not stored:
        return set()
    tags = set(course.tags.values_list("pk", flat=True))
    labs = set(course.labs.values_list("pk", flat=True))
    return {
        badge_id
        for badge_id, conditions in stored
        if any(
            course.pk in condition.course_ids
            or not tags.isdisjoint(condition.tag_ids)
            or not labs.isdisjoint(condition.lab_ids)
            for condition in language.from_canonical(conditions).leaves()
        )
    }


COURSE_BADGES = (badges_of_course,)
