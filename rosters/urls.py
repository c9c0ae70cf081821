"""Pages of this app, from the root of the site."""

from __future__ import annotations

from django.urls import path

from rosters import pages

urlpatterns = [
    path("classes/", pages.classes, name="classes"),
    path("classes/<int:pk>/roster/", pages.roster, name="roster"),
    path("classes/<int:pk>/roster/export/", pages.roster_export, name="roster-export"),
    path("classes/<int:pk>/roster/badges/", pages.roster_badges_now, name="roster-badges"),
]
