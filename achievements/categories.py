"""The groups in which learners find achievements: four that every organization has, and its own.

A category is a text that an administrator types; those of the four are stored in English and shown in the
reader's language. Their order is a learner's way in: who she is, what she learns, with whom, how often.
"""

from __future__ import annotations

from collections.abc import Iterable

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

PROFILE, COURSES, COMMUNITY, ENGAGEMENT = "Profile", "Courses", "Community", "Engagement"
STANDARD = {
    PROFILE: gettext_lazy("Profile"),
    COURSES: gettext_lazy("Courses"),
    COMMUNITY: gettext_lazy("Community"),
    ENGAGEMENT: gettext_lazy("Engagement"),
}


def title_of(category: str) -> str:
    if not category:
        return _("More")
    return str(STANDARD.get(category, category))


def in_order(categories: Iterable[str]) -> list[str]:
    """The four, then the organization's own by the alphabet; what is in none comes last."""
    known = list(STANDARD)
    return sorted(
        set(categories),
        key=lambda name: (not name, known.index(name) if name in STANDARD else len(known), name.casefold()),
    )
