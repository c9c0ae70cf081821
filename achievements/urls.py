"""Pages of this app, from the root of the site."""

from __future__ import annotations

from django.urls import path

from achievements import pages

urlpatterns = [
    path("achievements/", pages.own_achievements, name="own-achievements"),
    path("users/<int:pk>/achievements/", pages.user_achievements, name="user-achievements"),
]
