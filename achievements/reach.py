"""Which achievements a learner may earn: those of her organization, global ones, and others by open courses.

The same gates as in conditions.query, asked of one learner for pages that list what there is.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.db.models import Exists, OuterRef, Q

from achievements.conditions.explain import stored_rule
from achievements.models import Achievement
from tms.models import Course

if TYPE_CHECKING:
    from collections.abc import Iterable

    from django.db.models import QuerySet

    from tms.models import User


def takes_part(learner: User) -> bool:
    home = learner.organization
    return bool(
        home
        and home.enable_achievements
        and learner.participate_in_achievements
        and learner.opted_out_at is None
    )


def within_reach(learner: User) -> list[Achievement]:
    """Every enabled one that she may earn or has earned, by name; one query. None where she takes no part."""
    if not takes_part(learner):
        return []
    rows = reached_by(learner).only(
        "name",
        "description",
        "translations",
        "category",
        "points",
        "conditions",
        "rule_version",
        "organization_id",
        "is_global",
    )
    return list(_reaching(rows, learner))


def reached_by(learner: User) -> QuerySet[Achievement]:
    """Of other organizations also those that only their conditions leave out (`reaches`)."""
    home = learner.organization
    inside = Q(organization=home)
    if home is not None and home.participate_in_global_achievements:
        inside |= Q(is_global=True)
    ticked = Course.objects.filter(
        organization=OuterRef("organization"), achievements_for_outside_organizations=True
    )
    return Achievement.objects.filter(
        inside | Exists(ticked), enabled=True, organization__enable_achievements=True
    ).exclude(conditions=[])


def reaches(achievement: Achievement, learner: User) -> bool:
    """Of one of `reached_by`."""
    home = learner.organization
    if home is None:
        return False
    if achievement.organization_id == home.pk:
        return True
    if achievement.is_global and home.participate_in_global_achievements:
        return True
    return stored_rule(achievement.conditions).names_courses


def _reaching(rows: Iterable[Achievement], learner: User) -> Iterable[Achievement]:
    return (row for row in rows if reaches(row, learner))
