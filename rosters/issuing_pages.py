"""Issue a Badge: the dialog on the row of a student, and on a course assignment."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.shortcuts import get_object_or_404
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from badges.models import IssuedBadge
from rosters.assignment import assignment_among, assignment_badges, open_assignment
from rosters.one_badge import Place, answer
from rosters.roster import roster_among, roster_badges
from tms.access import Action
from tms.finding.chooser import Locked
from tms.models import Enrollment

if TYPE_CHECKING:
    from django.http import HttpResponse

    from tms.pages import SignedIn


@require_http_methods(["GET", "HEAD", "POST"])
def issue_from_roster(request: SignedIn, pk: int) -> HttpResponse:
    enrollments = Enrollment.objects.for_user(request.user, Action.TEACH).select_related(
        "user__organization", "training_class__organization", "training_class__course"
    )
    enrollment = get_object_or_404(enrollments, pk=pk)
    training_class = enrollment.training_class
    place = Place(
        learner=enrollment.user,
        badges=roster_badges(training_class, viewer=request.user),
        among=roster_among(training_class, viewer=request.user),
        locked=(
            Locked(label=_("Belongs to"), condition=training_class.organization.name),
            Locked(label=_("Is"), condition=_("Enabled for Manual Issuance")),
        ),
        source=IssuedBadge.Source.ROSTER,
        source_key=str(training_class.pk),
        page=f"{reverse('roster', args=[training_class.pk])}#enrollment-{enrollment.pk}",
    )
    return answer(request, place)


@require_http_methods(["GET", "HEAD", "POST"])
def issue_from_assignment(request: SignedIn, pk: int) -> HttpResponse:
    """For administrators; one badge at a time."""
    assignment = open_assignment(request.user, pk, to=Action.ISSUE).assignment
    organization = assignment.user.organization
    place = Place(
        learner=assignment.user,
        badges=assignment_badges(assignment, viewer=request.user),
        among=assignment_among(assignment, viewer=request.user),
        locked=(
            Locked(
                label=_("Belongs to"),
                condition=_("%(organization)s, Include Children") % {"organization": organization},
            ),
            Locked(label=_("Is"), condition=_("Enabled for Manual Issuance")),
        ),
        source=IssuedBadge.Source.COURSE_ASSIGNMENT,
        source_key=str(assignment.pk),
        page=reverse("course-assignment", args=[assignment.pk]),
    )
    return answer(request, place)
