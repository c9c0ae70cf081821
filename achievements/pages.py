"""A learner's achievements and badges: her own page, and the same for those who administer her."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.cache import patch_vary_headers
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_safe

from achievements.rewards import (
    Participation,
    Rewards,
    badges_of,
    issued_by_hand_to,
    latest_of_each_badge,
    participation,
    remaining,
    rewards_of,
)
from badges.sharing.public import published_by
from tms import gates
from tms.access import Action
from tms.models import User
from tms.pages import SignedIn

if TYPE_CHECKING:
    from badges.models import IssuedBadge


@require_http_methods(["GET", "HEAD", "POST"])
def own_achievements(request: SignedIn) -> HttpResponse:
    """The page of whoever is signed in. A POST says whether she wants to participate."""
    if request.method == "POST":
        return _decide(request)
    return _page(request, learner=request.user)


@require_safe
def user_achievements(request: SignedIn, pk: int) -> HttpResponse:
    learners = User.objects.for_user(request.user, Action.SEE_OWN).select_related("organization")
    return _page(request, learner=get_object_or_404(learners, pk=pk))


def _decide(request: SignedIn) -> HttpResponse:
    """Each decision only from the state it undoes: an administrator's own choice is not the learner's."""
    wants = request.POST.get("participate")
    state = participation(request.user)
    if wants == "no" and state is Participation.YES:
        gates.opt_out(request.user)
        messages.success(request, _("You no longer participate in achievements."))
    elif wants == "yes" and state is Participation.OPTED_OUT:
        gates.opt_in(request.user)
        messages.success(request, _("Welcome back. What you did in the meantime counts too."))
    return redirect("own-achievements")


def _page(request: SignedIn, *, learner: User) -> HttpResponse:
    state = participation(learner)
    is_own = learner.pk == request.user.pk
    rewards = _rewards(request, learner=learner, state=state)
    context: dict[str, Any] = {
        "learner": learner,
        "is_own": is_own,
        "state": state.value,
        "rewards": rewards,
        "still_public": _still_public(learner, rewards=rewards) if is_own else [],
        "asks_again": _asks_again(request, rewards) if rewards and rewards.is_moving else "",
    }
    if state is Participation.OPTED_OUT and is_own:
        context["remaining"] = remaining(learner, viewer=request.user)
    if request.headers.get("HX-Request") != "true":
        response = render(request, "achievements/page.html", context)
    elif rewards is None:
        response = HttpResponse(headers={"HX-Refresh": "true"})  # she opted out in another window
    elif request.GET.get("seen") == rewards.fingerprint:
        response = HttpResponse(status=204)  # nothing new: htmx leaves the page as it is and asks again
    else:
        response = render(request, "achievements/_rewards.html", context)
    patch_vary_headers(response, ["HX-Request"])
    return response


def _still_public(learner: User, *, rewards: Rewards | None) -> list[IssuedBadge]:
    """What she published and would not find on the page otherwise, to end it."""
    listed = {shown.row.pk for shown in rewards.badges} if rewards else set()
    rows = [row for row in published_by(learner) if row.pk not in listed]
    if rows and rewards and rewards.badge_pages.has_other_pages():
        on_others = latest_of_each_badge(badges_of(learner, viewer=learner))
        listed = set(on_others.filter(pk__in=[row.pk for row in rows]).values_list("pk", flat=True))
    return [row for row in rows if row.pk not in listed]


def _asks_again(request: SignedIn, rewards: Rewards) -> str:
    """The address of what is shown, for the page that watches it."""
    asked = request.GET.copy()
    asked["seen"] = rewards.fingerprint
    return f"{request.path}?{asked.urlencode()}"


def _rewards(request: SignedIn, *, learner: User, state: Participation) -> Rewards | None:
    viewer, asked = request.user, request.GET.dict()
    if state is Participation.YES:
        return rewards_of(learner, viewer=viewer, asked=asked)
    if viewer.pk == learner.pk:
        return None
    return issued_by_hand_to(learner, viewer=viewer, asked=asked)
