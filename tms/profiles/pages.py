"""The profiles of users and organizations, and the pages that make and change them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.contrib import messages
from django.contrib.auth import update_session_auth_hash
from django.http import Http404, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods, require_safe

from tms import gates, people
from tms.access import Action, may
from tms.edit_page import EditPage
from tms.finding.chooser import ids_of
from tms.models import Organization, User
from tms.profiles.counts import counts_of
from tms.profiles.organization import OrganizationForm
from tms.profiles.person import PersonForm
from tms.roles import terms_of

if TYPE_CHECKING:
    from tms.pages import SignedIn

BELOW_SHOWN = 12
USER_PAGE = EditPage(
    template="tms/profiles/edit_user.html",
    create=gettext_lazy("Create User"),
    edit=gettext_lazy("Edit User"),
    plural=gettext_lazy("Find Users"),
    found="find-users",
    profile="user",
)
ORGANIZATION_PAGE = EditPage(
    template="tms/profiles/edit_organization.html",
    create=gettext_lazy("Create Organization"),
    edit=gettext_lazy("Edit Organization"),
    plural=gettext_lazy("Find Organizations"),
    found="find-organizations",
    profile="organization",
)


@require_safe
def user(request: SignedIn, pk: int) -> HttpResponse:
    rows = User.objects.for_user(request.user, Action.SEE).select_related("organization")
    person = get_object_or_404(rows.prefetch_related("role_assignments"), pk=pk)
    now = timezone.now()
    context = {
        "person": person,
        "may_edit": people.managed_by(request.user).filter(pk=pk, closed_at=None).exists(),
        "roles": [
            {
                "role": role,
                "term": term,
                "in_force": term.is_in_force(now),
                "begun": term.has_begun(now),
            }
            for role, term in terms_of(person).items()
        ],
        "counts": counts_of(person, topic="person_counts", viewer=request.user),
    }
    return render(request, "tms/profiles/user.html", context)


@sensitive_post_parameters("new_password")
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def create_user(request: SignedIn) -> HttpResponse:
    if not may(request.user, Action.MANAGE):
        raise Http404
    return _edit_user(request, User())


@sensitive_post_parameters("new_password")
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def edit_user(request: SignedIn, pk: int) -> HttpResponse:
    return _edit_user(request, get_object_or_404(people.managed_by(request.user), pk=pk))


def _edit_user(request: SignedIn, person: User) -> HttpResponse:
    is_new, name = person.pk is None, str(person)
    form = PersonForm(
        request.POST or None,
        instance=person,
        user=request.user,
        initial={"organization": _organization_asked(request)} if is_new else None,
    )
    if request.method == "POST" and form.save_person():
        if form.cleaned_data["new_password"] and person.pk == request.user.pk:
            update_session_auth_hash(request, person)
        messages.success(request, _("%(name)s was saved.") % {"name": person})
        return redirect("user", person.pk)
    return USER_PAGE.show(request, form, row=person, name=name, is_new=is_new, person=person)


def _organization_asked(request: SignedIn) -> int | None:
    """The one that the address names, or else the asker's own. The form offers what is in reach alone."""
    return next(iter(ids_of(request.GET.getlist("organization"))), request.user.organization_id)


@require_safe
def organization(request: SignedIn, pk: int) -> HttpResponse:
    seen = Organization.objects.for_user(request.user, Action.SEE)
    shown = get_object_or_404(seen.select_related("parent"), pk=pk)
    below = list(seen.filter(parent=shown)[: BELOW_SHOWN + 1])
    parent = shown.parent
    context = {
        "organization": shown,
        "sees_parent": parent is not None and seen.filter(pk=parent.pk).exists(),
        "below": below[:BELOW_SHOWN],
        "more_below": len(below) > BELOW_SHOWN,
        "participation": gates.participation_in(shown),
        "counts": counts_of(shown, topic="organization_counts", viewer=request.user),
    }
    return render(request, "tms/profiles/organization.html", context)


@require_http_methods(["GET", "HEAD", "POST"])
def create_organization(request: SignedIn) -> HttpResponse:
    if not may(request.user, Action.MANAGE):
        raise Http404
    return _edit_organization(request, Organization())


@require_http_methods(["GET", "HEAD", "POST"])
def edit_organization(request: SignedIn, pk: int) -> HttpResponse:
    rows = Organization.objects.for_user(request.user, Action.MANAGE)
    return _edit_organization(request, get_object_or_404(rows, pk=pk))


def _edit_organization(request: SignedIn, shown: Organization) -> HttpResponse:
    is_new, name = shown.pk is None, shown.name
    initial: dict[str, Any] | None = {"parent": _organization_asked(request)} if is_new else None
    form = OrganizationForm(request.POST or None, instance=shown, user=request.user, initial=initial)
    if request.method == "POST" and form.save_organization():
        messages.success(request, _("%(name)s was saved.") % {"name": shown})
        return redirect("organization", shown.pk)
    return ORGANIZATION_PAGE.show(request, form, row=shown, name=name, is_new=is_new, organization=shown)
