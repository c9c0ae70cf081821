"""The front door: dashboard, sign-in, language. What machines ask is in tms.health."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.contrib.auth.decorators import login_not_required
from django.contrib.auth.views import LoginView
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_POST, require_safe
from django.views.i18n import set_language

from tms import people
from tms.contributions import contributed
from tms.guessing import SignInForm
from tms.panels import Place

if TYPE_CHECKING:
    from tms.models import User


class SignedIn(HttpRequest):
    """A request that has passed LoginRequiredMiddleware."""

    user: User


@require_safe
def dashboard(request: SignedIn) -> HttpResponse:
    """Greeting and panels; every app brings its own (tms.panels)."""
    columns: dict[str, list[dict[str, object]]] = {place.value: [] for place in Place}
    for panel in sorted(contributed("panels"), key=lambda panel: panel.order):
        data = panel.read(request.user)
        if data is not None:
            columns[panel.place.value].append({"template": panel.template, "data": data})
    return render(request, "tms/dashboard.html", columns)


class SignIn(LoginView):
    """`extra_context` may bring `demo` and `demo_logins`, which the template shows."""

    template_name = "registration/sign_in.html"
    authentication_form = SignInForm
    redirect_authenticated_user = True


@login_not_required
@require_POST
def choose_language(request: HttpRequest) -> HttpResponse:
    """Kept by the browser, and with the account of whoever is signed in."""
    if request.user.is_authenticated:
        people.choose_language(request.user, request.POST.get("language", ""))
    return set_language(request)
