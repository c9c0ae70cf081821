"""Things whose rule follows from what they are made of: a learning path, and a subscription's courses.

They write plain conditions, which do not follow when the thing is edited later.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from django.db.models import Model
from django.utils.translation import gettext_lazy as _

from achievements.authoring import nameable
from achievements.conditions.language import Subject
from tms.models import Lab, LearningPath, SubscriptionProfile

if TYPE_CHECKING:
    from django.utils.functional import _StrPromise

    from achievements.editing.builder import Part
    from tms.models import User


@dataclass(frozen=True, kw_only=True)
class Source:
    """`label` is the idea, `title` the dialog that chooses one. `with_exam`: its exams are to be passed."""

    key: str
    model: type[Model]
    label: _StrPromise
    title: _StrPromise
    with_exam: bool = False


SOURCES = {
    source.key: source
    for source in (
        Source(
            key="learning-path",
            model=LearningPath,
            label=_("Complete a learning path and pass its exam…"),
            title=_("Choose Learning Path"),
            with_exam=True,
        ),
        Source(
            key="subscription",
            model=SubscriptionProfile,
            label=_("Complete every course of a subscription…"),
            title=_("Choose Subscription"),
        ),
    )
}


def parts_of(key: str, pk: int, *, line: list[int], actor: User) -> list[Part]:
    """None for what is not there, or has no courses."""
    source = SOURCES.get(key)
    if source is None:
        return []
    things: Any = nameable(source.model, line=line, actor=actor)
    thing = things.filter(pk=pk).first()
    courses = sorted(thing.courses.values_list("pk", flat=True)) if thing else []
    if not courses:
        return []
    parts: list[Part] = [
        {
            "Subject": int(Subject.COURSE),
            "Count": len(courses),
            "CourseIds": courses,
            "Distinct": True,
            "Complete": True,
        }
    ]
    exams = Lab.objects.filter(courses__in=courses, is_exam=True) if source.with_exam else Lab.objects.none()
    labs = sorted(set(exams.values_list("pk", flat=True)))
    if labs:
        exam: Part = {"Subject": int(Subject.LAB), "Count": len(labs), "LabProfileIds": labs, "Passed": True}
        parts.append({**exam, "Distinct": True} if len(labs) > 1 else exam)
    return parts
