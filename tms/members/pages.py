"""A member's profile as others see it, the page on which she writes it, and her picture."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.cache import patch_vary_headers
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from tms import people
from tms.access import Action, may
from tms.errors import DomainError
from tms.members import profile
from tms.members.forms import PictureForm, ProfileForm
from tms.members.layout import cards_of
from tms.members.picture import CONTENT_TYPE, MEGABYTE, MOST_BYTES
from tms.members.visibility import members_seen_by, pictures_seen_by

if TYPE_CHECKING:
    from tms.models import User
    from tms.pages import SignedIn

YEAR = 31_536_000


@require_safe
def member(request: SignedIn, pk: int) -> HttpResponse:
    rows = members_seen_by(request.user).select_related("organization", "member_profile", "profile_picture")
    found = get_object_or_404(rows.defer("profile_picture__image"), pk=pk)
    organization, is_own = found.organization, found.pk == request.user.pk
    is_administered = _administers(request.user, found)
    context = {
        "member": found,
        "name": found.get_full_name() or (found.email if is_own or is_administered else _("A member")),
        "picture": getattr(found, "profile_picture", None),
        "is_own": is_own,
        "is_shown": bool(
            organization and organization.allow_member_profiles and profile.shows_profile(found)
        ),
        "is_administered": is_administered,
        "cards": cards_of(found, viewer=request.user),
    }
    return render(request, "tms/members/member.html", context)


def _administers(viewer: User, member: User) -> bool:
    if viewer.pk == member.pk or not may(viewer, Action.MANAGE):
        return False
    return people.managed_by(viewer).filter(pk=member.pk).exists()


@require_http_methods(["GET", "HEAD", "POST"])
def clear_profile(request: SignedIn, pk: int) -> HttpResponse:
    """Asks for a reason; with one, nothing is left of what the member wrote."""
    found = get_object_or_404(people.managed_by(request.user), pk=pk)
    context: dict[str, Any] = {"member": found}
    if request.method == "POST":
        try:
            profile.clear_profile(found, reason=request.POST.get("reason", ""), actor=request.user)
        except DomainError as refusal:
            context["problem"] = refusal
        else:
            messages.success(request, _("The profile of %(name)s was cleared.") % {"name": found})
            return redirect("member", pk)
    return render(request, "tms/members/clear.html", context)


@require_safe
def picture(request: SignedIn, pk: int, version: str) -> HttpResponse:
    """Another image has another address, so that a browser need never ask again for this one."""
    found = get_object_or_404(pictures_seen_by(request.user), user=pk, version=version)
    headers = {"Cache-Control": f"private, max-age={YEAR}, immutable", "Content-Disposition": "inline"}
    return HttpResponse(bytes(found.image), content_type=CONTENT_TYPE, headers=headers)


@require_http_methods(["GET", "HEAD", "POST"])
def own_profile(request: SignedIn) -> HttpResponse:
    form = ProfileForm(request.POST or None, user=request.user)
    if request.method == "POST" and form.is_valid():
        form.save()
        messages.success(request, _("Your profile was saved."))
        return redirect("member", request.user.pk)
    return render(request, "tms/members/edit.html", _own(request, form=form))


@require_POST
def own_picture(request: SignedIn) -> HttpResponse:
    """Uploads a picture, or removes it. The rest of the page, and what is typed there, stays as it is."""
    form, said = PictureForm(request.POST, request.FILES), ""
    if "remove" in request.POST:
        profile.remove_picture(request.user)
        form, said = PictureForm(), _("Your picture was removed.")
    elif form.is_valid():
        profile.save_picture(request.user, form.cleaned_data["picture"])
        form, said = PictureForm(), _("Your picture was saved.")
    if request.headers.get("HX-Request") == "true":
        context = _own(request, form=ProfileForm(user=request.user), picture_form=form, said=said)
        response = render(request, "tms/members/_picture_form.html", context)
        patch_vary_headers(response, ["HX-Request"])
        return response
    if not said:
        context = _own(request, form=ProfileForm(user=request.user), picture_form=form)
        return render(request, "tms/members/edit.html", context)
    messages.success(request, said)
    return redirect("own-profile")


def _own(
    request: SignedIn, *, form: ProfileForm, picture_form: PictureForm | None = None, said: str = ""
) -> dict[str, Any]:
    pictures = pictures_seen_by(request.user).defer("image")
    return {
        "form": form,
        "picture_form": picture_form or PictureForm(),
        "picture": pictures.filter(user=request.user).first(),
        "said": said,
        "member": request.user,
        "name": str(request.user),
        "completeness": profile.completeness_of(request.user),
        "most_megabytes": MOST_BYTES // MEGABYTE,
    }
