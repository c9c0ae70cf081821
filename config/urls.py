"""The site map."""

from __future__ import annotations

from django.conf import settings
from django.contrib import admin
from django.urls import include, path
from django.urls.resolvers import URLPattern, URLResolver

from tms.pages import SignIn


def _demo_sign_in() -> list[URLPattern]:
    """The sign-in page of a trial, which tells the demo accounts; in front of the one of tms.urls."""
    if not (settings.DEMO and settings.DEBUG):
        return []
    from config.demo.generator import LOGINS  # only a trial loads the demo's code
    from config.demo.loading import DEMO_PASSWORD

    logins = [{"role": login.role, "email": login.email, "password": DEMO_PASSWORD} for login in LOGINS]
    context = {"demo": True, "demo_logins": logins}
    return [path("sign-in/", SignIn.as_view(extra_context=context), name="sign-in")]


urlpatterns: list[URLPattern | URLResolver] = [
    *_demo_sign_in(),
    path("", include("tms.urls")),
    path("", include("achievements.urls")),
    path("", include("providers.urls")),
    path("", include("badges.urls")),
    path("", include("rosters.urls")),
    path("admin/", admin.site.urls),
    path("api/", include("config.api")),
]
handler500 = "config.api_errors.server_error"
