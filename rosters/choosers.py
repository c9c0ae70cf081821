"""The dialogs in which badges and students of a class are chosen: what they list and always filter by."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.utils.translation import gettext_lazy as _

from rosters.roster import roster_badges, roster_learners, sees_colleagues_alone
from tms.finding.chooser import Chooser, Locked
from tms.finding.listing import Column, Listing

if TYPE_CHECKING:
    from tms.models import Class, User

BADGES = Listing(
    columns=(
        Column(
            name="badge",
            label=_("Badge"),
            value=lambda badge: badge.name,
            order_by=("name",),
            template="rosters/_badge_cell.html",
        ),
        Column(
            name="provider",
            label=_("Badge Provider"),
            value=lambda badge: badge.badge_provider.name,
            order_by=("badge_provider__name", "name"),
        ),
    ),
    searched=("name", "description", "badge_provider__name"),
    order_by=("-is_of_course", "name"),
)

STUDENTS = Listing(
    columns=(
        Column(
            name="student",
            label=_("Student"),
            value=lambda enrollment: str(enrollment.user),
            order_by=("user__last_name", "user__first_name"),
            template="rosters/_student_cell.html",
        ),
        Column(
            name="class",
            label=_("Class Name"),
            value=lambda enrollment: enrollment.training_class.name,
        ),
    ),
    searched=("user__first_name", "user__last_name", "user__email", "user__organization__name"),
    order_by=("user__last_name", "user__first_name"),
)


def badges_chooser(training_class: Class, *, viewer: User) -> Chooser:
    return Chooser(
        title=_("Choose Badges"),
        confirm=_("(Select a Badge)"),
        listing=BADGES,
        rows=roster_badges(training_class, viewer=viewer),
        locked=(
            Locked(label=_("Belongs to"), condition=training_class.organization.name),
            Locked(label=_("Is"), condition=_("Enabled for Manual Issuance")),
            Locked(label=_("Is"), condition=_("Active")),
        ),
        many=True,
        empty=_("No active badge of this organization is set up to be issued by hand."),
    )


def students_chooser(training_class: Class, *, viewer: User) -> Chooser:
    own = viewer.organization if sees_colleagues_alone(training_class, viewer=viewer) else None
    return Chooser(
        title=_("Choose Student(s)"),
        confirm=_("OK"),
        listing=STUDENTS,
        rows=roster_learners(training_class, viewer=viewer).select_related("user", "training_class"),
        locked=(
            Locked(label=_("Class Name"), condition=training_class.name),
            Locked(label=_("Is"), condition=_("Enrolled or Audit")),
            *((Locked(label=_("Belongs to"), condition=own.name),) if own else ()),
        ),
        many=True,
        empty=_("No student whom you may issue badges to is enrolled in this class."),
    )
