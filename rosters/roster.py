"""The roster of a class: who is on it, and which badges may be issued from it.

One rule (tms.access, Action.TEACH) says which rows a person sees here and whether a single one is among them;
what a page shows and what a POST may do are read from the same functions.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.db.models import BooleanField, Case, QuerySet, Value, When
from django.utils.translation import gettext as _

from badges.models import Badge
from badges.refusals import Among
from tms.access import Action, Role
from tms.contributions import contributed
from tms.models import Class, Enrollment, User

if TYPE_CHECKING:
    from collections.abc import Collection

    from tms.models import Course

# Who has access to the training. Nobody takes part in a class that does not take place.
TAKING_PART = (Enrollment.Status.ENROLLED, Enrollment.Status.AUDIT)
NOT_TAKING_PLACE = (Class.Status.CANCELLED, Class.Status.DENIED)


def classes_of(user: User) -> QuerySet[Class]:
    """The classes whose roster a person may open, the latest first."""
    classes = Class.objects.for_user(user, Action.TEACH).select_related("course", "organization")
    return classes.order_by("-starts_at", "pk")


def enrollments_of(training_class: Class, *, viewer: User) -> QuerySet[Enrollment]:
    """Everybody on the roster whom this person sees there, whatever the enrolment status."""
    enrollments = Enrollment.objects.for_user(viewer, Action.TEACH).filter(training_class=training_class)
    return enrollments.select_related("user__organization").order_by(
        "user__last_name", "user__first_name", "user_id"
    )


def sees_colleagues_alone(training_class: Class, *, viewer: User) -> bool:
    """Whether students of other organizations may be in the class whom this person does not see."""
    administers = Class.objects.for_user(viewer, Action.MANAGE).filter(pk=training_class.pk).exists()
    return not administers and Role.CONTRACT_INSTRUCTOR not in viewer.active_roles


def roster_learners(training_class: Class, *, viewer: User) -> QuerySet[Enrollment]:
    """The enrolments of those to whom this person may issue badges from the roster."""
    enrollments = enrollments_of(training_class, viewer=viewer)
    if training_class.status in NOT_TAKING_PLACE:
        return enrollments.none()
    return enrollments.filter(status__in=TAKING_PART)


def with_page(learners: Collection[int], *, viewer: User) -> set[int]:
    """Those of them whose own page this person may open."""
    reached = User.objects.for_user(viewer, Action.SEE_OWN).filter(pk__in=learners)
    return set(reached.order_by().values_list("pk", flat=True))


def roster_badges(training_class: Class, *, viewer: User) -> QuerySet[Badge]:
    """The badges that may be issued from the roster: those of the course first (`is_of_course`), then by
    name.

    They belong to exactly the organization of the class, are active and set up to be issued by hand, and
    their provider is enabled.
    """
    badges = issuable(Badge.objects.for_user(viewer, Action.TEACH)).filter(
        organization=training_class.organization_id
    )
    return course_first(badges, course=training_class.course)


def issuable(badges: QuerySet[Badge]) -> QuerySet[Badge]:
    """Those that may be issued by hand now."""
    return badges.filter(
        is_active=True, enable_manual_issuance=True, badge_provider__is_enabled=True
    ).select_related("badge_provider", "organization")


def course_first(badges: QuerySet[Badge], *, course: Course) -> QuerySet[Badge]:
    """The badges that stand for a course come first (`is_of_course`), then all by name."""
    ids = list(badges.order_by().values_list("pk", flat=True))
    of_course = {pk for find in contributed("course_badges") for pk in find(course, ids)}
    # No badge has the id 0: without any id this would be a constant, by which PostgreSQL sorts nothing.
    is_of_course = Case(
        When(pk__in=of_course or {0}, then=Value(True)), default=Value(False), output_field=BooleanField()
    )
    return badges.annotate(is_of_course=is_of_course).order_by("-is_of_course", "name", "pk")


def roster_among(training_class: Class, *, viewer: User) -> Among:
    """What may be issued from the roster, and to whom, for badges.issuing: the badges of the class's
    organization, also those that cannot be issued now, since it says why."""
    learners = roster_learners(training_class, viewer=viewer).order_by()
    return Among(
        badges=Badge.objects.for_user(viewer, Action.TEACH).filter(
            organization=training_class.organization_id
        ),
        learners=User.objects.filter(pk__in=learners.values("user")),
        code="not_enrolled",
        message=_("Only students who are Enrolled or Audit in this class can be issued badges from it."),
    )
