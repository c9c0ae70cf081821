"""Pages of this app, from the root of the site."""

from __future__ import annotations

from django.conf import settings
from django.contrib.auth.views import LogoutView
from django.urls import path
from django.views.generic import TemplateView

from tms import health, pages
from tms.customization import pages as customization
from tms.finding import pages as finding
from tms.finds import AUDIT_PAGE, ORGANIZATIONS_PAGE, USERS_PAGE
from tms.members import pages as members
from tms.notifying import pages as notifying
from tms.profiles import closing
from tms.profiles import pages as profiles
from tms.style_guide import RULES, tabbed_form

urlpatterns = [
    path("", pages.dashboard, name="dashboard"),
    path("sign-in/", pages.SignIn.as_view(), name="sign-in"),
    path("sign-out/", LogoutView.as_view(), name="sign-out"),
    path("language/", pages.choose_language, name="choose-language"),
    path("users/", finding.page_of(USERS_PAGE), name="find-users"),
    path("organizations/", finding.page_of(ORGANIZATIONS_PAGE), name="find-organizations"),
    path("audit/", finding.page_of(AUDIT_PAGE), name="find-audit"),
    path("search/", finding.search_everywhere, name="search"),
    path("users/create/", profiles.create_user, name="create-user"),
    path("users/<int:pk>/", profiles.user, name="user"),
    path("users/<int:pk>/edit/", profiles.edit_user, name="edit-user"),
    path("users/<int:pk>/close/", closing.close_user, name="close-user"),
    path("organizations/create/", profiles.create_organization, name="create-organization"),
    path("organizations/<int:pk>/", profiles.organization, name="organization"),
    path("organizations/<int:pk>/edit/", profiles.edit_organization, name="edit-organization"),
    path("profile/", members.own_profile, name="own-profile"),
    path("profile/close/", closing.close_own, name="close-own-account"),
    path("profile/picture/", members.own_picture, name="own-picture"),
    path("members/<int:pk>/", members.member, name="member"),
    path("members/<int:pk>/clear/", members.clear_profile, name="clear-profile"),
    path("members/<int:pk>/picture/<slug:version>/", members.picture, name="member-picture"),
    path("settings/", customization.settings, name="settings"),
    path(
        "organizations/<int:pk>/settings/", customization.organization_settings, name="organization-settings"
    ),
    path("organizations/<int:pk>/settings/customization/", customization.customization, name="customization"),
    path("organizations/<int:pk>/settings/gamification/", customization.gamification, name="gamification"),
    path(
        "organizations/<int:pk>/settings/profile-layout/", customization.profile_layout, name="profile-layout"
    ),
    path(
        "organizations/<int:pk>/settings/profile-layout/<slug:card>/",
        customization.profile_card,
        name="profile-card",
    ),
    path("find/<str:page>/choose/<str:name>/", finding.choose_for_filter, name="choose-for-filter"),
    path("find/<str:page>/searches/", finding.saved_searches, name="saved-searches"),
    path("find/<str:page>/searches/save/", finding.save_search, name="save-search"),
    path("notifications/", notifying.notifications, name="notifications"),
    path("notifications/<int:pk>/", notifying.open_notification, name="open-notification"),
    path("notifications/settings/", notifying.notification_settings, name="notification-settings"),
    path("notifications/unsubscribe/<str:token>/", notifying.unsubscribe, name="unsubscribe"),
    path("healthz", health.alive, name="healthz"),
    path("readyz", health.ready, name="readyz"),
    path("metrics", health.metrics, name="metrics"),
]

if settings.DEBUG:
    urlpatterns.append(
        path(
            "style-guide/",
            TemplateView.as_view(
                template_name="style_guide.html", extra_context={"rules": RULES, "form": tabbed_form}
            ),
            name="style-guide",
        )
    )
