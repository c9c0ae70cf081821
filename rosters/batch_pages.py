"""Issuing many badges to many students of a class: choose, review, issue (next: act_pages.issuing_act)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from uuid import UUID

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST
from django_htmx.http import reswap, retarget, trigger_client_event

from badges.by_hand import act_of, issue_by_hand
from badges.models import IssuedBadge
from badges.results import tallies
from badges.undoing import undoable
from rosters import choosers
from rosters.acts import acts_on_roster
from rosters.frame import frame, open_class
from rosters.given import Given
from rosters.review import chosen, review
from rosters.roster import roster_among
from rosters.selection import forget, keep, selected
from tms.errors import DomainError
from tms.finding.chooser import choose

if TYPE_CHECKING:
    from badges.models import IssuingAct
    from rosters.selection import Selection
    from tms.models import Class
    from tms.pages import SignedIn

STUDENTS_ON_A_PAGE = 50
RECENT_ACTS = 8


@require_http_methods(["GET", "HEAD", "POST"])
def issue_badges(request: SignedIn, pk: int) -> HttpResponse:
    """The page that collects badges and students. A POST issues what it showed."""
    training_class = open_class(request.user, pk)
    if request.method == "POST":
        return _issue(request, training_class)
    return _page(request, training_class)


@require_http_methods(["GET", "HEAD", "POST"])
def choose_badges(request: SignedIn, pk: int) -> HttpResponse:
    training_class = open_class(request.user, pk)
    selection = selected(request.session, training_class)
    chooser = choosers.badges_chooser(training_class, viewer=request.user)
    answer = choose(request, chooser, chosen=selection.badges)
    if isinstance(answer, HttpResponse):
        return answer
    return _changed(request, training_class, selection.with_badges(answer.chosen))


@require_http_methods(["GET", "HEAD", "POST"])
def choose_students(request: SignedIn, pk: int) -> HttpResponse:
    training_class = open_class(request.user, pk)
    selection = selected(request.session, training_class)
    chooser = choosers.students_chooser(training_class, viewer=request.user)
    answer = choose(request, chooser, chosen=selection.enrollments)
    if isinstance(answer, HttpResponse):
        return answer
    return _changed(request, training_class, selection.with_enrollments(answer.chosen))


@require_POST
def remove_chosen(request: SignedIn, pk: int) -> HttpResponse:
    """Take a badge, a student or all who would get nothing off the selection."""
    training_class = open_class(request.user, pk)
    selection = selected(request.session, training_class)
    badge, enrollment = request.POST.get("badge"), request.POST.get("student")
    if badge:
        selection = selection.with_badges([pk for pk in selection.badges if str(pk) != badge])
    if enrollment:
        selection = selection.with_enrollments([pk for pk in selection.enrollments if str(pk) != enrollment])
    if "in_vain" in request.POST:
        in_vain = review(selection, training_class, viewer=request.user).in_vain
        selection = selection.with_enrollments([pk for pk in selection.enrollments if pk not in in_vain])
    return _changed(request, training_class, selection)


def _changed(request: SignedIn, training_class: Class, selection: Selection) -> HttpResponse:
    """The part of the page that shows the selection, wherever it was changed."""
    keep(request.session, training_class, selection)
    context = _selection_context(request, training_class, selection)
    response = retarget(render(request, "rosters/_selection.html", context), "#selection")
    return trigger_client_event(reswap(response, "outerHTML"), "close-dialog", after="swap")


def _selection_context(request: SignedIn, training_class: Class, selection: Selection) -> dict[str, Any]:
    found = review(selection, training_class, viewer=request.user)
    students = Paginator(found.students, STUDENTS_ON_A_PAGE).get_page(request.GET.get("page"))
    return {"training_class": training_class, "selection": selection, "review": found, "students": students}


def _page(request: SignedIn, training_class: Class, **more: Any) -> HttpResponse:
    acts = list(acts_on_roster(training_class, viewer=request.user)[:RECENT_ACTS])
    counted = tallies(acts)
    context = {
        **frame(training_class, viewer=request.user),
        **_selection_context(request, training_class, selected(request.session, training_class)),
        "acts": [(act, counted[act.pk]) for act in acts],
        "to_undo": undoable(acts, user=request.user),
        **more,
    }
    return render(request, "rosters/issue_badges.html", context)


def _issue(request: SignedIn, training_class: Class) -> HttpResponse:
    token = _token(request)
    act = token and act_of(token, actor=request.user)  # a double click, or somebody went back and asked again
    if act:
        return _to(act, training_class)
    selection = selected(request.session, training_class)
    if selection.is_something and token != selection.token:
        messages.warning(request, _("What is chosen was changed in another window. Please look again."))
        return redirect("issue-badges", training_class.pk)
    badges, enrollments = chosen(selection, training_class, viewer=request.user)
    given = Given.of(request.POST)
    try:
        act = issue_by_hand(
            badges,
            [enrollment.user for enrollment in enrollments],
            actor=request.user,
            source=IssuedBadge.Source.ROSTER,
            source_key=str(training_class.pk),
            token=selection.token,
            among=roster_among(training_class, viewer=request.user),
            reason=given.note,
            evidence=given.evidence,
        )
    except DomainError as problem:
        return _page(request, training_class, problem=problem, given=given)
    forget(request.session, training_class)
    return _to(act, training_class)


def _token(request: SignedIn) -> UUID | None:
    try:
        return UUID(request.POST.get("token", ""))
    except ValueError:
        return None


def _to(act: IssuingAct, training_class: Class) -> HttpResponse:
    return redirect(reverse("issuing-act", args=[training_class.pk, act.pk]) + "#asked")
