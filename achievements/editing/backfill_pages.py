"""Looks of a rule at everybody: a dialog that starts one, and a panel that watches and steers it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.views.decorators.http import require_http_methods
from django_htmx.http import HttpResponseClientRedirect

from achievements import backfill
from achievements.editing.activation import ways_to_tell
from achievements.editing.foresight import Foreseen
from achievements.editing.pages import is_partial, managed
from achievements.models import Backfill
from achievements.preview import preview_backfill
from tms.access import Action
from tms.errors import DomainError

if TYPE_CHECKING:
    from achievements.models import Achievement
    from tms.pages import SignedIn


@require_http_methods(["GET", "HEAD", "POST"])
def look_at_everybody(request: SignedIn, pk: int) -> HttpResponse:
    """The dialog that says what a look at everybody would give, and how to tell of it. A POST starts it."""
    achievement = managed(request.user, pk)
    if request.method == "POST":
        return _look(request, achievement)
    context = {
        "foreseen": Foreseen(preview=preview_backfill(achievement, actor=request.user)),
        "achievement": achievement,
        "ways": ways_to_tell(achievement),
    }
    return render(request, "achievements/editing/_look.html", context)


def _look(request: SignedIn, achievement: Achievement) -> HttpResponse:
    profile = reverse("achievement", args=[achievement.pk])
    chosen = request.POST.get("notification", "")
    known = chosen in Backfill.Notification.values
    notification = Backfill.Notification(chosen) if known else Backfill.Notification.SUMMARY
    try:
        run = backfill.start(achievement, notification=notification, actor=request.user)
    except DomainError as refusal:
        messages.error(request, refusal.message)
        return HttpResponseClientRedirect(profile) if is_partial(request) else redirect(profile)
    if not is_partial(request):
        return redirect(profile)
    context = {"run": run, "achievement": achievement, "profile": profile}
    return render(request, "achievements/editing/_started.html", context)


@require_http_methods(["GET", "HEAD", "POST"])
def backfill_progress(request: SignedIn, pk: int) -> HttpResponse:
    """How far a look at everybody is. A POST pauses, resumes or undoes it."""
    rows = Backfill.objects.for_user(request.user, Action.MANAGE)
    run = get_object_or_404(rows.select_related("achievement", "requested_by", "undone_by"), pk=pk)
    told, problem = "", ""
    if request.method == "POST":
        try:
            told = _steer(request, run)
        except DomainError as refusal:
            problem = refusal.message
        run = rows.select_related("achievement", "requested_by", "undone_by").get(pk=pk)
    if request.method == "GET" and request.GET.get("seen") == run.standing:
        return HttpResponse(status=204)  # nothing new: htmx leaves the panel as it is and asks again
    if is_partial(request):
        context = {"run": run, "told": told, "problem": problem}
        return render(request, "achievements/editing/_backfill.html", context)
    if problem:
        messages.error(request, problem)
    return redirect("achievement", run.achievement_id)


def _steer(request: SignedIn, run: Backfill) -> str:
    match request.POST.get("do"):
        case "pause":
            backfill.pause(run, actor=request.user)
        case "resume":
            backfill.resume(run, actor=request.user)
        case "undo":
            reason, revoke = request.POST.get("reason", ""), "revoke_issued" in request.POST
            undone = backfill.undo(run, reason=reason, revoke_issued=revoke, actor=request.user)
            return undone.sentence
    return ""
