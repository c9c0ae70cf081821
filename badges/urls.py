"""Addresses of this app, from the root of the site."""

from __future__ import annotations

from django.urls import path

from badges import webhooks
from badges.accounts import pages as accounts
from badges.editing import pages as editing
from badges.finds import BADGES_PAGE, ISSUED_PAGE
from badges.issued.pages import act_on_issued_badge, act_on_issued_badges, issued_badge
from badges.lists import pages as lists
from badges.pages import undo_act
from badges.profile import pages as profile
from badges.sharing import pages as sharing
from tms.finding.pages import page_of

urlpatterns = [
    path("badge-providers/<int:pk>/", accounts.badge_provider, name="badge-provider"),
    path("badge-providers/<int:pk>/sync/", accounts.sync_badge_provider, name="sync-badge-provider"),
    path(
        "badge-providers/<int:pk>/synchronizations/<int:record_pk>/",
        accounts.synchronization,
        name="synchronization",
    ),
    path("badge-providers/<int:pk>/compare/", accounts.compare_badge_provider, name="compare-badge-provider"),
    path("webhooks/credly/<str:secret>/", webhooks.credly, name="credly-webhook"),
    path("badges/", page_of(BADGES_PAGE), name="find-badges"),
    path("badges/create/", editing.create_badge, name="create-badge"),
    path("badges/choose-badge-provider/", editing.choose_badge_provider, name="choose-badge-provider"),
    path("badges/choose-template/", editing.choose_template, name="choose-template"),
    path("badges/<int:pk>/", profile.badge, name="badge"),
    path("badges/<int:pk>/edit/", editing.edit_badge, name="edit-badge"),
    path("badges/<int:pk>/activate/", profile.activate_badge, name="activate-badge"),
    path("badges/<int:pk>/deactivate/", profile.deactivate_badge, name="deactivate-badge"),
    path("issued-badges/", page_of(ISSUED_PAGE), name="find-issued-badges"),
    path("issued-badges/act/", act_on_issued_badges, name="act-on-issued-badges"),
    path("issued-badges/<int:pk>/", issued_badge, name="issued-badge"),
    path("issued-badges/<int:pk>/share/", sharing.share_badge, name="share-badge"),
    path("issued-badges/<int:pk>/present/", sharing.present_badge, name="present-badge"),
    path("issued-badges/<int:pk>/<slug:verb>/", act_on_issued_badge, name="act-on-issued-badge"),
    path("issued-badges/from-list/", lists.start, name="issue-from-list"),
    path("issued-badges/from-list/<int:pk>/", lists.one_list, name="issuing-list"),
    path("issued-badges/from-list/<int:pk>/result.csv", lists.download, name="issuing-list-file"),
    path("shared-badges/<uuid:public_id>/", sharing.shared_badge, name="shared-badge"),
    path("shared-badges/<uuid:public_id>/card.png", sharing.shared_badge_card, name="shared-badge-card"),
    path("shared-badges/<uuid:public_id>/badge.png", sharing.shared_badge_image, name="shared-badge-image"),
    path("shared-badges/<uuid:public_id>/mine/", sharing.own_shared_badge, name="own-shared-badge"),
    path("issuing-acts/<int:pk>/undo/", undo_act, name="undo-issuing-act"),
]
