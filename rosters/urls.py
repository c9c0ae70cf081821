"""Pages of this app, from the root of the site."""

from __future__ import annotations

from django.urls import path

from rosters import act_pages, batch_pages, issuing_pages, pages, transcript_pages

urlpatterns = [
    path("classes/", pages.classes, name="classes"),
    path("classes/<int:pk>/roster/", pages.roster, name="roster"),
    path("classes/<int:pk>/roster/export/", pages.roster_export, name="roster-export"),
    path("classes/<int:pk>/roster/badges/", pages.roster_badges_now, name="roster-badges"),
    path("classes/<int:pk>/issue-badges/", batch_pages.issue_badges, name="issue-badges"),
    path("classes/<int:pk>/issue-badges/choose-badges/", batch_pages.choose_badges, name="choose-badges"),
    path(
        "classes/<int:pk>/issue-badges/choose-students/", batch_pages.choose_students, name="choose-students"
    ),
    path("classes/<int:pk>/issue-badges/remove/", batch_pages.remove_chosen, name="remove-chosen"),
    path("classes/<int:pk>/issue-badges/<int:act_pk>/", act_pages.issuing_act, name="issuing-act"),
    path("enrollments/<int:pk>/issue-a-badge/", issuing_pages.issue_from_roster, name="issue-a-badge"),
    path("users/<int:pk>/transcript/", transcript_pages.transcript, name="transcript"),
    path("course-assignments/<int:pk>/", pages.course_assignment, name="course-assignment"),
    path(
        "course-assignments/<int:pk>/issue-a-badge/",
        issuing_pages.issue_from_assignment,
        name="issue-a-badge-from-assignment",
    ),
]
