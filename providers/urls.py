"""Pages of this app, from the root of the site."""

from __future__ import annotations

from django.urls import path

from providers.finds import PROVIDERS_PAGE
from tms.finding.pages import page_of

urlpatterns = [
    path("badge-providers/", page_of(PROVIDERS_PAGE), name="find-badge-providers"),
]
