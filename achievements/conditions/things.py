"""What the ids in conditions stand for. The language itself knows only how they are spelled."""

from __future__ import annotations

from django.db import models

from achievements.conditions.language import KEYS, Shape
from achievements.models import Achievement
from tms.models import Course, CourseTag, Lab, SubscriptionProfile

# The key that names things → the things.
THINGS: dict[str, type[models.Model]] = {
    "LabProfileIds": Lab,
    "CourseIds": Course,
    "CourseTagIds": CourseTag,
    "ClubIds": SubscriptionProfile,
    "AchievementIds": Achievement,
}
_KEYS_WITH_IDS = [key for key in KEYS.values() if key.shape is Shape.IDS]
# The same for every key with ids: those that exclude have things of the key that they exclude from.
REFERENCED = {key.name: THINGS[key.excludes or key.name] for key in _KEYS_WITH_IDS}
# The field of a condition that holds ids → the key that names such things.
NAMED_BY_FIELD = {key.field: key.excludes or key.name for key in _KEYS_WITH_IDS}
