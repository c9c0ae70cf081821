"""A learner's choices about a badge of hers, the page from which she shares it, and what the world is shown.

The public page is the same for whoever asks, signed in or not, and may be kept for a moment by whoever
carries it; it sets no cookie. An address that is private, gone or made up is not found, and nothing tells
which.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.contrib import messages
from django.contrib.auth.decorators import login_not_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.cache import get_conditional_response, patch_cache_control
from django.utils.http import content_disposition_header, quote_etag
from django.utils.text import slugify
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from badges.models import BadgePresentation, IssuedBadge
from badges.sharing import choices, links, public
from badges.sharing.pictures import badge_png, card_png
from badges.sharing.public import SharedBadge
from tms.access import Action
from tms.errors import DomainError

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any
    from uuid import UUID

    from django.db.models import QuerySet

    from badges.sharing.pictures import Picture
    from tms.models import User
    from tms.pages import SignedIn

# How long others may keep what they were shown: not long, for a badge may be revoked or made private.
PAGE_SECONDS = 60
PICTURE_SECONDS = 300

_READ = ("badge__badge_provider", "badge__organization", "badge__artwork", "learner", "presentation")
_UNREAD = (
    "badge__template_data",
    "badge__badge_provider__token",
    "badge__badge_provider__webhook_secret",
    "badge__artwork__content",
)

SHOWING = {
    "feature": (choices.feature, gettext_lazy("Featured: it comes first.")),
    "unfeature": (choices.unfeature, gettext_lazy("No longer featured.")),
    "hide": (choices.hide, gettext_lazy("Hidden from everybody else.")),
    "unhide": (choices.unhide, gettext_lazy("Shown again.")),
}
PUBLISHING = {
    "publish": (choices.publish, gettext_lazy("Public: whoever has the address can see it.")),
    "unpublish": (choices.unpublish, gettext_lazy("Private again: the address leads nowhere.")),
    "unhide": (choices.unhide, gettext_lazy("Shown again.")),
}
HIDDEN_AND_PRIVATE = gettext_lazy("Hidden from everybody else, and no longer public.")


def _own(user: User) -> QuerySet[IssuedBadge]:
    """Nobody else's, whoever may see those."""
    rows = IssuedBadge.objects.for_user(user, Action.SEE_OWN).filter(learner=user)
    return rows.select_related(*_READ).defer(*_UNREAD)


@require_POST
def present_badge(request: SignedIn, pk: int) -> HttpResponse:
    """Feature it, hide it, or the contrary."""
    row = get_object_or_404(_own(request.user), pk=pk)
    was_public = bool(public.public_url(row))
    told, is_refused = _act(request, row, SHOWING)
    if was_public and request.POST.get("act") == "hide" and not is_refused:
        told = str(HIDDEN_AND_PRIVATE)
    if request.headers.get("HX-Request") == "true":
        fresh = get_object_or_404(_own(request.user), pk=pk)
        context = {"issued": fresh, "is_own": True, "said": told}
        return render(request, "badges/sharing/_actions.html", context)
    _tell(request, told, is_refused=is_refused)
    return redirect(f"{reverse('own-achievements')}#badges")


@require_http_methods(["GET", "HEAD", "POST"])
def share_badge(request: SignedIn, pk: int) -> HttpResponse:
    """Where it is published, and taken to other places once it is."""
    row = get_object_or_404(_own(request.user), pk=pk)
    if request.method != "POST":
        return render(request, "badges/sharing/share.html", _share_context(row))
    if request.POST.get("act") == "index":
        told, is_refused = _let_search_engines_in(request, row)
    else:
        told, is_refused = _act(request, row, PUBLISHING)
    if request.headers.get("HX-Request") != "true":
        _tell(request, told, is_refused=is_refused)
        return redirect("share-badge", pk)
    fresh = get_object_or_404(_own(request.user), pk=pk)
    said = {"said": told, "is_refused": is_refused}
    return render(request, "badges/sharing/_share.html", {**_share_context(fresh), **said})


def _act(request: SignedIn, row: IssuedBadge, verbs: dict[str, Any]) -> tuple[str, bool]:
    """What to tell, and whether it was refused; nothing for what is no verb."""
    if request.POST.get("act") not in verbs:
        return "", False
    verb, done = verbs[request.POST["act"]]
    try:
        verb(row, actor=request.user)
    except DomainError as refusal:
        return refusal.message, True
    return str(done), False


def _let_search_engines_in(request: SignedIn, row: IssuedBadge) -> tuple[str, bool]:
    allowed = "is_indexed" in request.POST
    try:
        choices.let_search_engines_in(row, allowed=allowed, actor=request.user)
    except DomainError as refusal:
        return refusal.message, True
    told = _("Search engines may list it.") if allowed else _("Search engines are asked to leave it out.")
    return told, False


def _tell(request: HttpRequest, told: str, *, is_refused: bool) -> None:
    if told:
        (messages.error if is_refused else messages.success)(request, told)


def _share_context(row: IssuedBadge) -> dict[str, Any]:
    presentation = getattr(row, "presentation", None)
    shared = SharedBadge(presentation or BadgePresentation(issued_badge=row), timezone.now())
    context: dict[str, Any] = {
        "row": row,
        "badge": row.badge,
        "shared": shared,
        "is_public": bool(public.public_url(row)),
    }
    if context["is_public"]:
        context |= {
            "linkedin": links.linkedin_profile(shared),
            "networks": links.networks(shared),
            "mail": links.mail(shared),
            "signature": links.signature_snippet(shared),
            "website": links.website_snippet(shared),
            "file_name": _file_name(shared),
        }
    return context


@require_safe
def own_shared_badge(request: SignedIn, public_id: UUID) -> HttpResponse:
    """From the public page of a badge to where its holder, and nobody else, decides about it."""
    own = BadgePresentation.objects.for_user(request.user, Action.SEE_OWN)
    found = get_object_or_404(own, public_id=public_id, issued_badge__learner=request.user)
    return redirect("share-badge", found.issued_badge_id)


@login_not_required
@require_safe
def shared_badge(request: HttpRequest, public_id: UUID) -> HttpResponse:
    shared = _find(public_id)
    response = render(request, "badges/sharing/public.html", {"shared": shared, "badge": shared.row.badge})
    return _open(response, request, shared, seconds=PAGE_SECONDS)


@login_not_required
@require_safe
def shared_badge_card(request: HttpRequest, public_id: UUID) -> HttpResponse:
    """What networks show beside a link to it."""
    shared = _find(public_id)
    return _png(request, shared, shared.card, draw=card_png)


@login_not_required
@require_safe
def shared_badge_image(request: HttpRequest, public_id: UUID) -> HttpResponse:
    """The badge alone, as we draw it; in its own shape on any ground."""
    shared = _find(public_id)
    return _png(request, shared, shared.picture, draw=badge_png)


def _find(public_id: UUID) -> SharedBadge:
    shared = public.find(public_id)
    if shared is None:
        raise Http404
    return shared


def _png(
    request: HttpRequest, shared: SharedBadge, picture: Picture, *, draw: Callable[[Picture], bytes]
) -> HttpResponse:
    """Drawn only for those who do not have it yet."""
    etag = quote_etag(picture.tag)
    response = get_conditional_response(request, etag=etag)
    if response is None:
        response = HttpResponse(draw(picture), content_type="image/png")
        if named := content_disposition_header(as_attachment=False, filename=_file_name(shared)):
            response["Content-Disposition"] = named
    response["ETag"] = etag
    return _open(response, request, shared, seconds=PICTURE_SECONDS)


def _open(response: HttpResponse, request: HttpRequest, shared: SharedBadge, *, seconds: int) -> HttpResponse:
    """Others may keep it shortly, but for the answer to somebody who is signed in: that may set a cookie."""
    kept_by = "private" if request.user.is_authenticated else "public"
    patch_cache_control(response, max_age=seconds, **{kept_by: True})
    if not shared.presentation.is_indexed:
        response["X-Robots-Tag"] = "noindex, nofollow"
    return response


def _file_name(shared: SharedBadge) -> str:
    return f"{slugify(shared.plain_name, allow_unicode=True) or 'badge'}.png"
