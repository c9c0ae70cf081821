"""Pages of this app, from the root of the site."""

from __future__ import annotations

from django.urls import path

from achievements import pages
from achievements.editing import backfill_pages
from achievements.editing import pages as editing
from achievements.finds import ACHIEVEMENTS_PAGE
from achievements.gallery import pages as gallery
from achievements.progress import pages as progress
from tms.finding.pages import page_of

urlpatterns = [
    path("achievements/", pages.own_achievements, name="own-achievements"),
    path("achievements/find/", page_of(ACHIEVEMENTS_PAGE), name="find-achievements"),
    path("achievements/create/", editing.create_achievement, name="create-achievement"),
    path("achievements/create/conditions/", editing.check_conditions, name="check-conditions"),
    path("achievements/create/preview/", editing.preview_achievement, name="preview-achievement"),
    path("achievements/create/choose-badge/", editing.choose_badge, name="choose-achievement-badge"),
    path("achievements/create/choose/<slug:kind>/", editing.choose_source, name="choose-source"),
    path("achievements/create/choose/", editing.choose_things, name="choose-things"),
    path("achievements/<int:pk>/", editing.achievement_profile, name="achievement"),
    path(
        "achievements/<int:pk>/look-at-everybody/", backfill_pages.look_at_everybody, name="look-at-everybody"
    ),
    path("achievements/backfills/<int:pk>/", backfill_pages.backfill_progress, name="backfill-progress"),
    path("achievements/<int:pk>/edit/", editing.edit_achievement, name="edit-achievement"),
    path("badge-progress/", progress.badge_progress, name="find-badge-progress"),
    path("badge-progress/<int:pk>/<int:learner_pk>/", progress.explain_progress, name="explain-progress"),
    path("members/<int:pk>/achievements/", gallery.full_achievements, name="full-achievements"),
    path("members/<int:pk>/achievements/<int:achievement_pk>/why/", gallery.why_not_yet, name="why-not-yet"),
    path("users/<int:pk>/achievements/", pages.user_achievements, name="user-achievements"),
]
