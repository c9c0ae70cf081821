"""The doors to all achievements of a learner, and to one of them condition by condition."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.db.models import Exists, OuterRef
from django.http import Http404, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.utils.cache import patch_vary_headers
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from achievements.gallery import days
from achievements.gallery.community import doings
from achievements.gallery.milestones import OPENED as COURSES_OPENED
from achievements.gallery.milestones import milestones
from achievements.gallery.shelves import Gallery, State, gallery
from achievements.gallery.why import why
from tms.access import Action
from tms.members.visibility import members_seen_by
from tms.models import User

if TYPE_CHECKING:
    from tms.pages import SignedIn

DIALOG, PART = "full-achievements", "gallery"


@require_safe
def full_achievements(request: SignedIn, pk: int) -> HttpResponse:
    """A page; for htmx what fills the dialog, or the part that its tabs exchange and that asks for itself."""
    learner, is_full = _member(request.user, pk)
    show = request.GET.get("show", "")
    shown = gallery(
        learner,
        is_full=is_full,
        show=State(show) if show in list(State) else None,
        opened=request.GET.get("open"),
    )
    response = _answer(request, shown)
    patch_vary_headers(response, ["HX-Request", "HX-Target"])
    return response


def _answer(request: SignedIn, shown: Gallery) -> HttpResponse:
    if request.headers.get("HX-Request") != "true":
        return render(request, "achievements/gallery/page.html", _context(request, shown))
    if request.headers.get("HX-Target") != PART:
        return render(request, "achievements/gallery/_dialog.html", _context(request, shown))
    if request.GET.get("seen") == shown.fingerprint:
        return HttpResponse(status=204)  # nothing new: htmx leaves the page as it is and asks again
    return render(request, "achievements/gallery/_gallery.html", _context(request, shown))


def _context(request: SignedIn, shown: Gallery) -> dict[str, Any]:
    context: dict[str, Any] = {
        "gallery": shown,
        "learner": shown.learner,
        "name": _name(shown.learner, is_full=shown.is_full),
        "is_own": shown.learner.pk == request.user.pk,
        "show": shown.show.value if shown.show else "all",
        "asks_again": _asks_again(request, shown),
    }
    if not (shown.is_full and shown.entries):
        return context
    today = days.today_of(shown.learner)
    done = doings(shown.learner, today=today)
    courses = milestones(shown.entries, learner=shown.learner)
    are_all = request.GET.get("courses") == "all"
    return context | {
        "doings": done,
        "calendar": days.calendar(done.days, today=today) if days.asks_for_days(shown.entries) else None,
        "courses": courses if are_all else courses[:COURSES_OPENED],
        "more_courses": 0 if are_all else max(0, len(courses) - COURSES_OPENED),
    }


def _asks_again(request: SignedIn, shown: Gallery) -> str:
    """The address of what is shown, for the part that watches it."""
    asked = request.GET.copy()
    asked["seen"] = shown.fingerprint
    return f"{request.path}?{asked.urlencode()}"


@require_safe
def why_not_yet(request: SignedIn, pk: int, achievement_pk: int) -> HttpResponse:
    learner, is_full = _member(request.user, pk)
    found = why(achievement_pk, learner) if is_full else None
    if found is None:
        raise Http404
    is_part = request.headers.get("HX-Request") == "true"
    is_own = learner.pk == request.user.pk
    context = {"why": found, "learner": learner, "name": _name(learner, is_full=True), "is_own": is_own}
    response = render(request, f"achievements/gallery/{'_why' if is_part else 'why'}.html", context)
    patch_vary_headers(response, ["HX-Request"])
    return response


def _name(member: User, *, is_full: bool) -> str:
    """Others are not told an address where there is no name."""
    return member.get_full_name() or (member.email if is_full else _("A member"))


def _member(viewer: User, pk: int) -> tuple[User, bool]:
    """Whose achievements these are, and whether the viewer sees more than what is earned."""
    full = User.objects.for_user(viewer, Action.SEE_OWN).filter(pk=OuterRef("pk"))
    members = members_seen_by(viewer).select_related("organization").annotate(is_reached=Exists(full))
    member: Any = get_object_or_404(members, pk=pk)
    return member, member.is_reached
