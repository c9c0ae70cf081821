"""Issuing one badge to one learner in a dialog: choosing it, and watching what becomes of it.

The dialog is the same on a roster and on a course assignment; a `Place` tells what differs. It claims success
only when the provider has the badge, and keeps a refusal or a failure in front of whoever asked.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, cast
from uuid import UUID, uuid4

from django.contrib import messages
from django.db.models import OuterRef, QuerySet, Subquery
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.cache import patch_vary_headers
from django.utils.translation import gettext as _

from badges.by_hand import issue_by_hand
from badges.models import Badge, IssuedBadge, IssuingAct
from badges.results import Result, outcomes_of, results_of, told
from badges.status import LIVE, Status
from rosters import patience
from rosters.choosers import BADGES
from rosters.given import Given
from tms.access import Action
from tms.errors import DomainError
from tms.finding.chooser import Choice, Chooser, Locked, choose, ids_of

if TYPE_CHECKING:
    from badges.refusals import Among
    from tms.models import User
    from tms.pages import SignedIn

WHILE_WATCHED = 1
# Pages that show badges listen to it and look again.
BADGES_CHANGED = "badges-changed"


@dataclass(frozen=True, kw_only=True)
class Place:
    """Where one learner is issued a badge.

    `badges` are those to choose from, with `is_of_course`; `among` decides on what is sent. `source` and
    `source_key` are kept with the act, and `page` is where the dialog stands.
    """

    learner: User
    badges: QuerySet[Badge]
    among: Among
    locked: Sequence[Locked]
    source: IssuedBadge.Source
    source_key: str
    page: str


@dataclass(frozen=True, kw_only=True)
class Watched:
    """The only pair of an act, as the dialog shows it."""

    act: IssuingAct
    result: Result

    @property
    def may_be_left(self) -> bool:
        return self.result.is_under_way and (self.is_held or patience.is_over(self.act))

    @property
    def interval(self) -> int:
        """Seconds until the dialog asks again."""
        return patience.interval(self.act, at_first=WHILE_WATCHED, is_held=self.is_held)

    @property
    def is_held(self) -> bool:
        """It waits for something that takes longer than anybody waits."""
        row = self.result.issued_badge
        return row is not None and row.status == Status.HELD

    @property
    def is_success(self) -> bool:
        """The provider has it, and had not before."""
        return self.result.is_issued and not self.result.is_failure

    @property
    def stage(self) -> str:
        """What the dialog shows; another when it has to be shown anew."""
        return f"{self.result.state}-{self.may_be_left:d}"


def answer(request: SignedIn, place: Place) -> HttpResponse:
    """The dialog: GET opens it or, with `act`, tells what has become of that; POST searches, and issues."""
    if request.method == "POST":
        response = _asked(request, place)
    elif request.headers.get("HX-Request") != "true":
        response = redirect(place.page)
    elif "act" in request.GET:
        response = _watched(request, place)
    else:
        response = _choosing(request, place)
    patch_vary_headers(response, ["HX-Request"])
    return response


def _choosing(request: SignedIn, place: Place) -> HttpResponse:
    # Nothing is chosen by a GET.
    return cast("HttpResponse", choose(request, _chooser(place, viewer=request.user)))


def _chooser(place: Place, *, viewer: User) -> Chooser:
    """Each badge with what the learner has of it (`has_status`)."""
    known = (
        IssuedBadge.objects.for_user(viewer, Action.TEACH)
        .filter(badge=OuterRef("pk"), learner=place.learner, status__in=LIVE)
        .order_by("-pk")
    )
    return Chooser(
        title=_("Choose Badge"),
        confirm=_("(Select a Badge)"),
        listing=BADGES,
        rows=place.badges.annotate(has_status=Subquery(known.values("status")[:1])),
        locked=(Locked(label=_("Student"), condition=str(place.learner)), *place.locked),
        empty=_("No active badge of this organization is set up to be issued by hand."),
        fields="rosters/_note_and_evidence.html",
        given={"token": uuid4()},
    )


def _asked(request: SignedIn, place: Place) -> HttpResponse:
    shown = choose(request, _chooser(place, viewer=request.user))
    if isinstance(shown, HttpResponse):
        return shown
    try:
        act = _issue(request, place, chosen=shown)
    except DomainError as error:
        return _refused(request, place, error.message)
    result = results_of(act).all[0]
    if request.headers.get("HX-Request") != "true":
        return _without_dialog(request, place, result)
    if not result.outcome.issued_badge or result.outcome.code != "queued":
        return _refused(request, place, result.words)
    return _watch(
        request, place, Watched(act=act, result=result), HX_Retarget="#choose-badge", HX_Reswap="innerHTML"
    )


def _issue(request: SignedIn, place: Place, *, chosen: Choice) -> IssuingAct:
    """What is not listed is looked for among all of the place, so that it is told why it cannot be issued."""
    ids = chosen.chosen or ids_of(request.POST.getlist("chosen")[:1])
    badge = place.among.badges.select_related("badge_provider").filter(pk__in=ids).first()
    if badge is None:
        raise DomainError("nothing_chosen", _("Choose one of the badges that are listed."))
    given = Given.of(request.POST)
    return issue_by_hand(
        [badge],
        [place.learner],
        actor=request.user,
        source=place.source,
        source_key=place.source_key,
        token=_token(request.POST.get("token", "")),
        among=place.among,
        reason=given.note,
        evidence=given.evidence,
    )


def _token(text: str) -> UUID:
    try:
        return UUID(text)
    except ValueError:
        return uuid4()


def _refused(request: SignedIn, place: Place, message: str) -> HttpResponse:
    """Nothing was asked of the provider: the list stays as it is, and says why."""
    if request.headers.get("HX-Request") != "true":
        messages.error(request, message)
        return redirect(place.page)
    context = {"message": message, "token": uuid4()}
    response = render(request, "rosters/_issuing_refused.html", context)
    response["HX-Retarget"], response["HX-Reswap"] = "#issuing-refused", "innerHTML"
    return response


def _without_dialog(request: SignedIn, place: Place, result: Result) -> HttpResponse:
    if result.words:
        messages.error(request, result.sentence)
    else:
        messages.info(request, result.label)
    return redirect(place.page)


def _watched(request: SignedIn, place: Place) -> HttpResponse:
    acts = IssuingAct.objects.for_user(request.user, Action.SEE_OWN)
    own = acts.filter(source_kind=place.source, source_key=place.source_key)
    act = get_object_or_404(own, pk__in=ids_of([request.GET["act"]]))
    of_learner = told(outcomes_of(act).filter(learner=place.learner)[:1])
    if not of_learner:
        return _choosing(request, place)
    watched = Watched(act=act, result=of_learner[0])
    if request.GET.get("seen") == watched.stage:
        return HttpResponse(status=204)  # nothing new: htmx leaves the dialog as it is and asks again
    return _watch(request, place, watched)


def _watch(request: SignedIn, place: Place, watched: Watched, **headers: str) -> HttpResponse:
    context = {"watched": watched, "result": watched.result, "learner": place.learner, "url": request.path}
    response = render(request, "rosters/_issuing_one.html", context)
    response["HX-Trigger"] = BADGES_CHANGED
    for name, text in headers.items():
        response[name.replace("_", "-")] = text
    return response
