"""What stands around every page of a class: its name, the links, the quick launch bar, the event line."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.shortcuts import get_object_or_404

from rosters.roster import classes_of, roster_badges, roster_learners
from tms.access import Action
from tms.models import Class

if TYPE_CHECKING:
    from tms.models import User


def open_class(user: User, pk: int) -> Class:
    """The class, or 404 for somebody who has no business in it."""
    return get_object_or_404(classes_of(user).prefetch_related("instructors"), pk=pk)


def frame(training_class: Class, *, viewer: User) -> dict[str, Any]:
    """The context of rosters/class.html. `can_issue`: there is somebody to issue to, and a badge to issue."""
    return {
        "training_class": training_class,
        "may_edit": Class.objects.for_user(viewer, Action.MANAGE).filter(pk=training_class.pk).exists(),
        "can_issue": roster_learners(training_class, viewer=viewer).exists()
        and roster_badges(training_class, viewer=viewer).exists(),
    }
