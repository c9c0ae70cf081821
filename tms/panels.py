"""The parts of the dashboard, and those of them that show training itself."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING, Any

from tms.access import Action, may
from tms.models import CourseAssignment, Enrollment, LabInstance

if TYPE_CHECKING:
    from tms.models import User

LATEST = 5


class Place(Enum):
    """HEAD: figures beside the greeting; its data may hold a `sentence` to stand below it, and
    a `step` with `step_url`. MAIN and SIDE: columns."""

    HEAD = "head"
    MAIN = "main"
    SIDE = "side"


@dataclass(frozen=True, kw_only=True)
class Panel:
    """`read` gives what the template shows as `data`, or None where this person has nothing to see.

    Its queries start from `for_user` and do not grow with what they find. `order` sorts within a place.
    """

    place: Place
    template: str
    read: Callable[[User], dict[str, Any] | None]
    order: int = 50


def recent_activity(user: User) -> dict[str, Any] | None:
    """Of learners; the home of those who manage others is about these."""
    if may(user, Action.MANAGE):
        return None
    labs = LabInstance.objects.for_user(user, Action.SEE_OWN).filter(user=user).select_related("lab")
    assignments = (
        CourseAssignment.objects.for_user(user, Action.SEE_OWN).filter(user=user).select_related("course")
    )
    enrollments = (
        Enrollment.objects.for_user(user, Action.SEE_OWN)
        .filter(user=user)
        .select_related("training_class__course")
    )
    return {
        "learner": user,
        "labs": list(labs.order_by("-started_at", "-id")[:LATEST]),
        "assignments": list(assignments.order_by("-started_at", "-id")[:LATEST]),
        "enrollments": list(enrollments.order_by("-training_class__starts_at", "-id")[:LATEST]),
    }


PANELS = (Panel(place=Place.SIDE, template="tms/_recent_activity.html", read=recent_activity),)
