"""The REST API in one list: every collection and its address, the description and its page."""

from __future__ import annotations

from django.urls import include, path, re_path
from django.views.decorators.cache import cache_page
from drf_spectacular.views import SpectacularAPIView, SpectacularSwaggerSplitView
from rest_framework.routers import DefaultRouter

from achievements.api.achievements import Achievements, EarnedAchievements, LearnerAchievements
from achievements.api.backfills import Backfills
from badges.api.accounts import BadgeProviders, Synchronizations
from badges.api.acts import IssuingActs
from badges.api.catalogue import Badges
from badges.api.issued_badges import IssuedBadges
from config.api_errors import NoSuchAddress
from tms.api.activities import Activities
from tms.api.assignments import CourseAssignments, LabInstances
from tms.api.classes import Classes, Enrollments
from tms.api.courses import Courses, CourseTags, Labs
from tms.api.coursework import ActivityResults, CourseActivities, CourseSections
from tms.api.organizations import Organizations
from tms.api.people import Users
from tms.api.subscriptions import LearningPaths, SubscriptionProfiles, Subscriptions


class Router(DefaultRouter):
    include_format_suffixes = False  # an external id may end in .json


router = Router()
router.register("organizations", Organizations, basename="api-organization")
router.register("users", Users, basename="api-user")
router.register("course-tags", CourseTags, basename="api-course-tag")
router.register("labs", Labs, basename="api-lab")
router.register("courses", Courses, basename="api-course")
router.register("course-sections", CourseSections, basename="api-course-section")
router.register("course-activities", CourseActivities, basename="api-course-activity")
router.register("subscription-profiles", SubscriptionProfiles, basename="api-subscription-profile")
router.register("subscriptions", Subscriptions, basename="api-subscription")
router.register("learning-paths", LearningPaths, basename="api-learning-path")
router.register("classes", Classes, basename="api-class")
router.register("enrollments", Enrollments, basename="api-enrollment")
router.register("course-assignments", CourseAssignments, basename="api-course-assignment")
router.register("lab-instances", LabInstances, basename="api-lab-instance")
router.register("activity-results", ActivityResults, basename="api-activity-result")
router.register("activities", Activities, basename="api-activity")
router.register("badge-providers", BadgeProviders, basename="api-badge-provider")
router.register("synchronizations", Synchronizations, basename="api-synchronization")
router.register("badges", Badges, basename="api-badge")
router.register("achievements", Achievements, basename="api-achievement")
router.register("backfills", Backfills, basename="api-backfill")
router.register("earned-achievements", EarnedAchievements, basename="api-earned-achievement")
router.register("issued-badges", IssuedBadges, basename="api-issued-badge")
router.register("issuing-acts", IssuingActs, basename="api-issuing-act")

urlpatterns = [
    path("v1/", include(router.urls)),
    path(
        "v1/users/<str:id>/achievements/",
        LearnerAchievements.as_view({"get": "retrieve"}),
        name="api-user-achievements",
    ),
    # Anybody may ask, it is the same for all, and making it takes a second.
    path("schema/", cache_page(300, cache="process")(SpectacularAPIView.as_view()), name="api-schema"),
    path(
        "docs/",
        SpectacularSwaggerSplitView.as_view(url_name="api-schema", template_name="api/docs.html"),
        name="api-docs",
    ),
    re_path("", NoSuchAddress.as_view(), name="api-unknown"),
]
