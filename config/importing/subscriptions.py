"""subscription_profiles.csv, subscriptions.csv and learning_paths.csv."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.core.exceptions import ValidationError
from django.db import models

from config.importing import cells
from config.importing.columns import EXTERNAL_ID, NAME, NUMBER, optional, required, required_list
from config.importing.sheet import Draft, Sheet, continue_numbering, validate
from config.importing.teaching import ORGANIZATION
from tms import subscriptions
from tms.models import Course, LearningPath, Subscription, SubscriptionProfile, User

COURSES = required_list("courses", refers_to=Course)
PROFILE = required("subscription_profile", refers_to=SubscriptionProfile)


class SubscriptionProfiles(Sheet[SubscriptionProfile]):
    name = "subscription_profiles"
    model = SubscriptionProfile
    columns = (NUMBER, EXTERNAL_ID, NAME, ORGANIZATION, COURSES)

    def stored(self) -> models.QuerySet[SubscriptionProfile]:
        return super().stored().prefetch_related("courses")

    def store(self, drafts: Sequence[Draft[SubscriptionProfile]]) -> None:
        for draft in drafts:
            subscriptions.save_profile(draft.fact, courses=draft.values["courses"])
            if draft.before is None and NUMBER.name in draft.values:
                continue_numbering(SubscriptionProfile)


class Subscriptions(Sheet[Subscription]):
    name = "subscriptions"
    model = Subscription
    columns = (
        EXTERNAL_ID,
        required("user", refers_to=User),
        PROFILE,
        required("starts_at", cells.moment),
        optional("expires_at", cells.moment, empty=None),
    )

    def check(self, drafts: Sequence[Draft[Subscription]]) -> None:
        for draft in drafts:
            validate(draft, columns=self.columns)
            if draft.before is None:
                continue
            try:
                subscriptions.refuse_another_student(draft.fact, before=draft.before)
            except ValidationError as refusal:
                draft.entry.refuse(" ".join(refusal.messages), column="user")

    def store(self, drafts: Sequence[Draft[Subscription]]) -> None:
        before = {draft.before.pk: draft.before for draft in drafts if draft.before}
        subscriptions.store_subscriptions([draft.fact for draft in drafts], before=before)


class LearningPaths(Sheet[LearningPath]):
    name = "learning_paths"
    model = LearningPath
    columns = (EXTERNAL_ID, NAME, ORGANIZATION, PROFILE, COURSES)

    def stored(self) -> models.QuerySet[LearningPath]:
        return super().stored().prefetch_related("steps")

    def stored_lists(self, row: LearningPath) -> dict[str, frozenset[Any]]:
        return {"courses": _in_order([step.course_id for step in row.steps.all()])}

    def apply(self, draft: Draft[LearningPath]) -> None:
        super().apply(draft)
        draft.lists["courses"] = _in_order([course.pk for course in draft.values["courses"]])

    def store(self, drafts: Sequence[Draft[LearningPath]]) -> None:
        for draft in drafts:
            subscriptions.save_learning_path(draft.fact, courses=draft.values["courses"])


def _in_order(keys: Sequence[int]) -> frozenset[tuple[int, int]]:
    """Two lists of the same courses differ when their order does."""
    return frozenset(enumerate(keys))
