"""Pages of this app, from the root of the site. The profile of an account is among those of badges."""

from __future__ import annotations

from django.urls import path

from providers.editing import pages
from providers.finds import PROVIDERS_PAGE
from tms.finding.pages import page_of

urlpatterns = [
    path("badge-providers/", page_of(PROVIDERS_PAGE), name="find-badge-providers"),
    path("badge-providers/create/", pages.create_badge_provider, name="create-badge-provider"),
    path("badge-providers/<int:pk>/edit/", pages.edit_badge_provider, name="edit-badge-provider"),
    path("badge-providers/<int:pk>/check/", pages.check_badge_provider, name="check-badge-provider"),
    path("badge-providers/<int:pk>/pause/", pages.pause_badge_provider, name="pause-badge-provider"),
    path("badge-providers/<int:pk>/resume/", pages.resume_badge_provider, name="resume-badge-provider"),
    path(
        "badge-providers/<int:pk>/webhook-address/", pages.renew_webhook_address, name="renew-webhook-address"
    ),
]
