"""Badge Progress, and the page that explains one learner and one rule."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.shortcuts import get_object_or_404, render
from django.views.decorators.http import require_safe

from achievements.evaluation import active_rule
from achievements.explanation import explain
from achievements.models import Achievement
from achievements.progress.find import PROGRESS_PAGE, progress_page, with_badge
from tms.access import Action, may
from tms.finding.chooser import ids_of
from tms.finding.pages import page_of
from tms.models import User

if TYPE_CHECKING:
    from django.http import HttpResponse, HttpResponseBase

    from tms.pages import SignedIn


@require_safe
def badge_progress(request: SignedIn) -> HttpResponseBase:
    """The Find page of the achievement that its address names."""
    ids = ids_of(request.GET.getlist("achievement"))[:1]
    chosen = None
    if ids and may(request.user, Action.SEE):
        rows = Achievement.objects.for_user(request.user, Action.SEE).select_related("organization", "badge")
        chosen = rows.filter(pk__in=with_badge(request.user).values("pk"), pk=ids[0]).first()
    if chosen is None:
        return page_of(PROGRESS_PAGE)(request)
    may_explain = Achievement.objects.for_user(request.user, Action.MANAGE).filter(pk=chosen.pk).exists()
    return page_of(progress_page(active_rule(chosen), may_explain=may_explain))(request)


@require_safe
def explain_progress(request: SignedIn, pk: int, learner_pk: int) -> HttpResponse:
    """Why a learner has earned an achievement, or why not yet."""
    achievements = Achievement.objects.for_user(request.user, Action.MANAGE)
    achievement = get_object_or_404(achievements.select_related("organization", "badge"), pk=pk)
    learners = User.objects.for_user(request.user, Action.SEE).select_related("organization")
    learner = get_object_or_404(learners, pk=learner_pk)
    context = {"found": explain(achievement, learner, actor=request.user)}
    return render(request, "achievements/progress/explain.html", context)
