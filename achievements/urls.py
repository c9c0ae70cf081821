"""Pages of this app, from the root of the site."""

from __future__ import annotations

from django.urls import path

from achievements import pages
from achievements.finds import ACHIEVEMENTS_PAGE
from tms.finding.pages import page_of

urlpatterns = [
    path("achievements/", pages.own_achievements, name="own-achievements"),
    path("achievements/find/", page_of(ACHIEVEMENTS_PAGE), name="find-achievements"),
    path("users/<int:pk>/achievements/", pages.user_achievements, name="user-achievements"),
]
