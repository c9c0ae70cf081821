"""The settings pages of an organization, for its administrators."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from django.contrib import messages
from django.http import Http404, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.cache import patch_vary_headers
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_safe
from django_htmx.http import reswap, retarget, trigger_client_event

from tms.access import Action, may
from tms.customization.forms import PLACES, CardForm
from tms.errors import NotFound
from tms.members.layout import AREAS, card_named, layout_of
from tms.models import Organization
from tms.profiles.organization import PreferencesForm

if TYPE_CHECKING:
    from tms.members.layout import Placed
    from tms.pages import SignedIn

OTHERS_SHOWN = 12


@dataclass(frozen=True, kw_only=True)
class Door:
    """A page that settings lead to, and what is behind it."""

    label: str
    about: str
    icon: str
    url: str


@require_safe
def settings(request: SignedIn) -> HttpResponse:
    """Those of one's own organization; for who belongs to none, of the first."""
    if not may(request.user, Action.MANAGE):
        raise Http404
    managed = Organization.objects.for_user(request.user, Action.MANAGE)
    own = request.user.organization or managed.first()
    return redirect("organization-settings", own.pk) if own else redirect("find-organizations")


@require_safe
def organization_settings(request: SignedIn, pk: int) -> HttpResponse:
    organization = _managed(request, pk)
    doors = [
        Door(
            label=_("Customization"),
            about=_("Gamification, and how the profiles of members are laid out."),
            icon="palette",
            url=reverse("customization", args=[pk]),
        ),
        Door(
            label=_("Organization"),
            about=_("Its name, its time zone and its place in the tree."),
            icon="building-2",
            url=reverse("edit-organization", args=[pk]),
        ),
        Door(
            label=_("Users"),
            about=_("Who belongs to it, with which roles."),
            icon="users",
            url=f"{reverse('find-users')}?organization={pk}",
        ),
    ]
    context = {"doors": doors} | _frame(request, organization)
    return render(request, "tms/customization/settings.html", context)


@require_safe
def customization(request: SignedIn, pk: int) -> HttpResponse:
    organization = _managed(request, pk)
    doors = [
        Door(
            label=_("Gamification"),
            about=_("Enable achievements and the profiles of members."),
            icon="trophy",
            url=reverse("gamification", args=[pk]),
        ),
        Door(
            label=_("Profile Layout"),
            about=_("Which cards a profile shows, and where."),
            icon="layout-template",
            url=reverse("profile-layout", args=[pk]),
        ),
    ]
    context = {"doors": doors} | _frame(request, organization)
    return render(request, "tms/customization/customization.html", context)


@require_http_methods(["GET", "HEAD", "POST"])
def gamification(request: SignedIn, pk: int) -> HttpResponse:
    organization = _managed(request, pk)
    frame = _frame(request, organization) | {"name": organization.name}
    form = PreferencesForm(request.POST or None, instance=organization, user=request.user)
    if request.method == "POST" and form.save_organization():
        messages.success(request, _("%(name)s was saved.") % {"name": organization})
        return redirect("gamification", pk)
    return render(request, "tms/customization/gamification.html", {"form": form} | frame)


@require_safe
def profile_layout(request: SignedIn, pk: int) -> HttpResponse:
    organization = _managed(request, pk)
    context = _frame(request, organization) | _arranged(organization)
    return render(request, "tms/customization/profile_layout.html", context)


@require_http_methods(["GET", "HEAD", "POST"])
def profile_card(request: SignedIn, pk: int, card: str) -> HttpResponse:
    """The options of one card: in a dialog of the layout, or as a page where there is no script."""
    organization = _managed(request, pk)
    placed = _placed(organization, card)
    in_dialog = request.headers.get("HX-Request") == "true"
    form = CardForm(request.POST or None, placed=placed, user=request.user)
    context: dict[str, Any] = {"form": form, "placed": placed, "places": PLACES} | _frame(
        request, organization
    )
    if request.method == "POST" and form.save_card():
        said = _("%(card)s: your changes were saved.") % {"card": placed.card.title}
        if not in_dialog:
            messages.success(request, said)
            return redirect("profile-layout", pk)
        context |= _arranged(organization) | {"said": said}
        response = render(request, "tms/customization/_saved.html", context)
        response = reswap(retarget(response, "#layout"), "outerHTML")
        return trigger_client_event(response, "close-dialog", after="swap")
    template = "_card_form.html" if in_dialog else "card.html"
    response = render(request, f"tms/customization/{template}", context)
    patch_vary_headers(response, ["HX-Request"])
    return response


def _managed(request: SignedIn, pk: int) -> Organization:
    rows = Organization.objects.for_user(request.user, Action.MANAGE)
    return get_object_or_404(rows.select_related("parent"), pk=pk)


def _frame(request: SignedIn, organization: Organization) -> dict[str, Any]:
    """What every page of settings shows: whose they are, and whose there are besides."""
    others = Organization.objects.for_user(request.user, Action.MANAGE).exclude(pk=organization.pk)
    found = list(others[: OTHERS_SHOWN + 1])
    return {
        "organization": organization,
        "others": found[:OTHERS_SHOWN],
        "more_others": len(found) > OTHERS_SHOWN,
    }


def _placed(organization: Organization, name: str) -> Placed:
    try:
        card = card_named(name)
    except NotFound as error:
        raise Http404 from error
    return next(placed for placed in layout_of(organization) if placed.card is card)


def _arranged(organization: Organization) -> dict[str, Any]:
    """The cards, and the areas with those that are there."""
    layout = layout_of(organization)
    areas = [
        {
            "position": area,
            "cards": [each for each in layout if each.row.is_enabled and each.row.position == area],
        }
        for area in AREAS
    ]
    return {"layout": layout, "areas": areas}
