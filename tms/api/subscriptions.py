"""The collections of what was bought: subscription profiles, subscriptions and learning paths."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from tms import subscriptions
from tms.access import Action
from tms.api.collection import WritableCollection
from tms.api.external import Reference, References
from tms.api.filtering import filters_for
from tms.api.strict import FactSerializer
from tms.models import Course, LearningPath, Subscription, SubscriptionProfile


class SubscriptionProfileSerializer(FactSerializer):
    class Meta:
        model = SubscriptionProfile
        fields = ("id", "external_id", "name", "organization", "courses")


class SubscriptionProfiles(WritableCollection):
    """What a subscription opens. `courses` replace what was there."""

    model = SubscriptionProfile
    serializer_class = SubscriptionProfileSerializer
    filterset_class = filters_for(SubscriptionProfileSerializer)
    prefetched = ("courses",)

    def write(
        self, row: SubscriptionProfile, *, courses: Sequence[Course] | None = None, **more: Any
    ) -> None:
        subscriptions.save_profile(row, courses=courses)


class SubscriptionSerializer(FactSerializer):
    class Meta:
        model = Subscription
        fields = ("id", "external_id", "user", "subscription_profile", "starts_at", "expires_at")


class Subscriptions(WritableCollection):
    """One learner's hold on a profile. A course assignment or enrollment names the subscription it is
    taken through."""

    model = Subscription
    serializer_class = SubscriptionSerializer
    filterset_class = filters_for(SubscriptionSerializer)
    reading = Action.SEE_OWN

    def write(self, row: Subscription, **more: Any) -> None:
        subscriptions.save_subscription(row)


class CoursesInOrder(References):
    """Shown as they stand in the path, not by their ids."""

    def get_attribute(self, instance: LearningPath) -> list[Course]:
        return [step.course for step in instance.steps.all()]

    def to_representation(self, iterable: Any) -> list[Any]:
        return [course.pk for course in iterable]


class LearningPathSerializer(FactSerializer):
    courses = CoursesInOrder(child_relation=Reference(to=Course), required=False)

    class Meta:
        model = LearningPath
        fields = (
            "id",
            "external_id",
            "name",
            "organization",
            "subscription_profile",
            "is_enabled",
            "courses",
        )


class LearningPaths(WritableCollection):
    """Some courses of a subscription profile in their recommended order. `courses` replace what was there."""

    model = LearningPath
    serializer_class = LearningPathSerializer
    filterset_class = filters_for(LearningPathSerializer)
    prefetched = ("steps__course",)

    def write(self, row: LearningPath, *, courses: Sequence[Course] | None = None, **more: Any) -> None:
        subscriptions.save_learning_path(row, courses=courses)
