"""Ideas to start a rule from, as rows of the builder: what names something is left open.

They are the examples of the product's manuals and the documented ones of the condition language.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from achievements.conditions.language import Subject

if TYPE_CHECKING:
    from django.utils.functional import _StrPromise

    from achievements.editing.builder import Part


@dataclass(frozen=True, kw_only=True)
class Starter:
    key: str
    label: _StrPromise
    parts: tuple[Part, ...]


@dataclass(frozen=True, kw_only=True)
class StarterGroup:
    label: _StrPromise
    starters: tuple[Starter, ...]


def _activity(key: str, label: _StrPromise, kind: str, **more: object) -> Starter:
    part = {"Subject": int(Subject.ACTIVITY), "Count": 1, "Kinds": [kind], **more}
    return Starter(key=key, label=label, parts=(part,))


def _one(key: str, label: _StrPromise, subject: Subject, **more: object) -> Starter:
    return Starter(key=key, label=label, parts=({"Subject": int(subject), **more},))


_COURSES = {"Count": 1, "Complete": True}

GROUPS = (
    StarterGroup(
        label=_("Courses"),
        starters=(
            _one("course", _("Complete an entire course"), Subject.COURSE, **_COURSES),
            _one(
                "tagged",
                _("Complete 3 courses with a tag"),
                Subject.COURSE_TAG,
                Count=3,
                Distinct=True,
                Complete=True,
            ),
            _one(
                "tagged-soon",
                _("Complete 3 courses with a tag within 30 days"),
                Subject.COURSE_TAG,
                Count=3,
                Distinct=True,
                WithinDays=30,
                Complete=True,
            ),
            Starter(
                key="path",
                label=_("Complete 4 courses and pass the exam"),
                parts=(
                    {"Subject": int(Subject.COURSE), "Count": 4, "Distinct": True, "Complete": True},
                    {"Subject": int(Subject.LAB), "Count": 1, "Passed": True},
                ),
            ),
            _one(
                "subscription",
                _("Complete a course through a subscription"),
                Subject.SUBSCRIPTION,
                **_COURSES,
            ),
            _activity("lesson", _("Finish the first lesson"), "lesson_completed"),
            _activity("module", pgettext_lazy("idea", "Complete a module"), "module_completed"),
            _one("streak", _("Keep a learning streak of 7 days"), Subject.STREAK, Days=7),
        ),
    ),
    StarterGroup(
        label=_("Labs"),
        starters=(
            _one("lab", _("Launch any lab"), Subject.LAB, Count=1),
            _one("labs", _("Launch 2 different labs"), Subject.LAB, Count=2, Distinct=True),
            _one("day", _("Launch 3 labs in a single day"), Subject.LAB, Count=3, SingleDay=True),
            _one(
                "lab-complete", pgettext_lazy("idea", "Complete a lab"), Subject.LAB, Count=1, Complete=True
            ),
            _one("exam", _("Pass an exam lab"), Subject.LAB, Count=1, Passed=True),
        ),
    ),
    StarterGroup(
        label=_("Achievements"),
        starters=(
            _one("points", _("Collect 500 points"), Subject.ACHIEVEMENT, Points=500),
            _one(
                "achievements",
                _("Earn 3 different achievements"),
                Subject.ACHIEVEMENT,
                Count=3,
                Distinct=True,
            ),
        ),
    ),
    StarterGroup(
        label=_("Profile"),
        starters=(
            _activity("picture", pgettext_lazy("idea", "Add a profile picture"), "profile_picture_added"),
            _activity("bio", _("Complete the bio"), "bio_completed"),
            _activity("links", _("Add social links"), "social_link_added"),
        ),
    ),
    StarterGroup(
        label=_("Community"),
        starters=(
            _activity("post", _("Publish the first post"), "post_published"),
            _activity("comment", _("Comment in discussions"), "comment_added"),
            _activity("help", _("Help 3 other learners"), "learner_helped", Count=3, DistinctPeople=True),
            _activity("reactions", _("Receive 10 likes or reactions"), "reaction_received", Count=10),
        ),
    ),
)
_BY_KEY = {starter.key: starter for group in GROUPS for starter in group.starters}


def parts_of(key: str) -> list[Part]:
    """Copies, for the builder to change."""
    starter = _BY_KEY.get(key)
    return [dict(part) for part in starter.parts] if starter else []
