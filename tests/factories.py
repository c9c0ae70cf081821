"""The cast and the scenery of the tests. Facts are made through the product's own writers."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import factory

from achievements.authoring import save_achievement
from achievements.models import Achievement
from badges.models import Badge, IssuedBadge
from providers.models import BadgeProvider
from tms import content, progress, subscriptions
from tms.access import Role
from tms.models import (
    Activity,
    ActivityResult,
    Class,
    Course,
    CourseActivity,
    CourseAssignment,
    CourseSection,
    CourseTag,
    Enrollment,
    Lab,
    LabInstance,
    LearningPath,
    Organization,
    RoleAssignment,
    Subscription,
    SubscriptionProfile,
    User,
)

PAST = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
TOKEN = "factory-token"


class OrganizationFactory(factory.django.DjangoModelFactory[Organization]):
    name = factory.Sequence(lambda n: f"Organization {n}")
    enable_achievements = True

    class Meta:
        model = Organization


class UserFactory(factory.django.DjangoModelFactory[User]):
    email = factory.Sequence(lambda n: f"learner{n}@example.org")
    first_name = "Ada"
    last_name = factory.Sequence(lambda n: f"Learner{n}")
    organization = factory.SubFactory(OrganizationFactory)

    class Meta:
        model = User
        skip_postgeneration_save = True

    @factory.post_generation
    def roles(self: User, create: bool, extracted: Any, **kwargs: Any) -> None:  # type: ignore[misc]
        for role in extracted or ():
            RoleAssignment.objects.create(user=self, role=role)


class AdministratorFactory(UserFactory):
    email = factory.Sequence(lambda n: f"administrator{n}@example.org")

    @factory.post_generation
    def roles(self: User, create: bool, extracted: Any, **kwargs: Any) -> None:  # type: ignore[misc]
        for role in extracted or [Role.ADMINISTRATOR]:
            RoleAssignment.objects.create(user=self, role=role)


class LabFactory(factory.django.DjangoModelFactory[Lab]):
    name = factory.Sequence(lambda n: f"Lab {n}")
    organization = factory.SubFactory(OrganizationFactory)

    class Meta:
        model = Lab


class CourseTagFactory(factory.django.DjangoModelFactory[CourseTag]):
    name = factory.Sequence(lambda n: f"Tag {n}")
    organization = factory.SubFactory(OrganizationFactory)

    class Meta:
        model = CourseTag


class CourseFactory(factory.django.DjangoModelFactory[Course]):
    name = factory.Sequence(lambda n: f"Course {n}")
    organization = factory.SubFactory(OrganizationFactory)
    content_provider = "House"
    publishing_group = "Everybody"

    class Meta:
        model = Course
        skip_postgeneration_save = True

    @factory.post_generation
    def tags(self: Course, create: bool, extracted: Any, **kwargs: Any) -> None:  # type: ignore[misc]
        if extracted:
            self.tags.set(extracted)


class ClassFactory(factory.django.DjangoModelFactory[Class]):
    name = factory.Sequence(lambda n: f"Class {n}")
    course = factory.SubFactory(CourseFactory)
    organization = factory.SelfAttribute("course.organization")
    starts_at = PAST
    ends_at = PAST + timedelta(days=4)

    class Meta:
        model = Class


class _ActivityFactory(factory.django.DjangoModelFactory[Any]):
    """Built here, stored by tms.progress: with its record and its change, as in the product."""

    class Meta:
        abstract = True

    @classmethod
    def _create(cls, model_class: type[Any], *args: Any, **kwargs: Any) -> Any:
        return progress.save(model_class(*args, **kwargs))


class LabInstanceFactory(_ActivityFactory):
    user = factory.SubFactory(UserFactory)
    lab = factory.SubFactory(LabFactory, organization=factory.SelfAttribute("..user.organization"))
    started_at = PAST

    class Meta:
        model = LabInstance


class CourseAssignmentFactory(_ActivityFactory):
    user = factory.SubFactory(UserFactory)
    course = factory.SubFactory(CourseFactory, organization=factory.SelfAttribute("..user.organization"))
    started_at = PAST

    class Meta:
        model = CourseAssignment


class EnrollmentFactory(_ActivityFactory):
    user = factory.SubFactory(UserFactory)
    training_class = factory.SubFactory(
        ClassFactory,
        course=factory.SubFactory(CourseFactory, organization=factory.SelfAttribute("...user.organization")),
    )
    enrolled_at = PAST

    class Meta:
        model = Enrollment


class BadgeProviderFactory(factory.django.DjangoModelFactory[BadgeProvider]):
    name = factory.Sequence(lambda n: f"Account {n}")
    organization = factory.SubFactory(OrganizationFactory)
    kind = BadgeProvider.Kind.CREDLY
    provider_organization_id = "11111111-1111-4111-8111-111111111111"
    token = TOKEN
    api_url = "https://sandbox-api.credly.com/v1"

    class Meta:
        model = BadgeProvider


class BadgeFactory(factory.django.DjangoModelFactory[Badge]):
    name = factory.Sequence(lambda n: f"Badge {n}")
    organization = factory.SubFactory(OrganizationFactory)
    badge_provider = factory.SubFactory(
        BadgeProviderFactory, organization=factory.SelfAttribute("..organization")
    )
    template_id = factory.Sequence(lambda n: f"22222222-2222-4222-8222-{n:012d}")
    is_active = True
    enable_manual_issuance = True

    class Meta:
        model = Badge


class IssuedBadgeFactory(factory.django.DjangoModelFactory[IssuedBadge]):
    badge = factory.SubFactory(BadgeFactory)
    learner = factory.SubFactory(UserFactory, organization=factory.SelfAttribute("..badge.organization"))
    source_kind = IssuedBadge.Source.API
    earned_at = PAST
    recipient_email = factory.SelfAttribute("learner.email")

    class Meta:
        model = IssuedBadge


class AchievementFactory(factory.django.DjangoModelFactory[Achievement]):
    name = factory.Sequence(lambda n: f"Achievement {n}")
    organization = factory.SubFactory(OrganizationFactory)
    points = 10
    conditions_text = "[{Subject:0, Count:1}]"

    class Meta:
        model = Achievement

    @classmethod
    def _create(cls, model_class: type[Achievement], *args: Any, **kwargs: Any) -> Achievement:
        achievement = model_class(*args, **kwargs)
        save_achievement(achievement)
        return achievement


class SubscriptionProfileFactory(factory.django.DjangoModelFactory[SubscriptionProfile]):
    name = factory.Sequence(lambda n: f"Subscription profile {n}")
    organization = factory.SubFactory(OrganizationFactory)

    class Meta:
        model = SubscriptionProfile
        skip_postgeneration_save = True

    @factory.post_generation
    def courses(self: SubscriptionProfile, create: bool, extracted: Any, **kwargs: Any) -> None:  # type: ignore[misc]
        if extracted:
            self.courses.set(extracted)


class SubscriptionFactory(factory.django.DjangoModelFactory[Subscription]):
    user = factory.SubFactory(UserFactory)
    subscription_profile = factory.SubFactory(
        SubscriptionProfileFactory, organization=factory.SelfAttribute("..user.organization")
    )
    starts_at = PAST

    class Meta:
        model = Subscription


class LearningPathFactory(factory.django.DjangoModelFactory[LearningPath]):
    """`courses` are those of its profile unless given; they become the profile's too."""

    name = factory.Sequence(lambda n: f"Learning path {n}")
    subscription_profile = factory.SubFactory(SubscriptionProfileFactory)
    organization = factory.SelfAttribute("subscription_profile.organization")

    class Meta:
        model = LearningPath
        skip_postgeneration_save = True

    @factory.post_generation
    def courses(self: LearningPath, create: bool, extracted: Any, **kwargs: Any) -> None:  # type: ignore[misc]
        self.subscription_profile.courses.add(*(extracted or ()))
        courses = extracted or list(self.subscription_profile.courses.all())
        subscriptions.save_learning_path(self, courses=courses)


class ActivityFactory(_ActivityFactory):
    user = factory.SubFactory(UserFactory)
    kind = Activity.Kind.POST_PUBLISHED
    occurred_at = PAST

    class Meta:
        model = Activity


class CourseSectionFactory(factory.django.DjangoModelFactory[CourseSection]):
    course = factory.SubFactory(CourseFactory)
    name = factory.Sequence(lambda n: f"Section {n}")
    position = factory.Sequence(lambda n: n + 1)

    class Meta:
        model = CourseSection


class CourseActivityFactory(factory.django.DjangoModelFactory[CourseActivity]):
    section = factory.SubFactory(CourseSectionFactory)
    name = factory.Sequence(lambda n: f"Course activity {n}")
    kind = CourseActivity.Kind.SCORM
    position = factory.Sequence(lambda n: n + 1)

    class Meta:
        model = CourseActivity

    @classmethod
    def _create(cls, model_class: type[CourseActivity], *args: Any, **kwargs: Any) -> CourseActivity:
        return content.save_activity(model_class(*args, **kwargs))


class ActivityResultFactory(_ActivityFactory):
    """Of a course activity in an assignment of its course."""

    course_activity = factory.SubFactory(CourseActivityFactory)
    course_assignment = factory.SubFactory(
        CourseAssignmentFactory, course=factory.SelfAttribute("..course_activity.section.course")
    )
    launched_at = PAST

    class Meta:
        model = ActivityResult
