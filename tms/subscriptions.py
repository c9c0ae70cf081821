"""What was bought: subscription profiles, subscriptions and learning paths.

They decide which training counts as taken through a subscription, so an edit is a change for those who hold
one: they get a ProgressChange in the same transaction.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import QuerySet
from django.utils.translation import gettext as _

from tms import records
from tms.models import Course, LearningPath, LearningPathCourse, Subscription, SubscriptionProfile, User
from tms.progress import changed


def save_profile(
    profile: SubscriptionProfile, *, courses: Iterable[Course] | None = None
) -> SubscriptionProfile:
    """Store a profile and, where given, its courses."""
    with transaction.atomic():
        profile.full_clean()
        profile.save()
        if courses is not None and _set_courses(profile, courses):
            changed(_holders(profile))
    return profile


def _set_courses(profile: SubscriptionProfile, courses: Iterable[Course]) -> bool:
    wanted = {course.pk for course in courses}
    if wanted == set(profile.courses.values_list("pk", flat=True)):
        return False
    profile.courses.set(wanted)
    return True


def save_subscription(subscription: Subscription) -> Subscription:
    """Store a subscription. What was taken through it counts by the period that it has now."""
    with transaction.atomic():
        before = Subscription.objects.select_for_update().filter(pk=subscription.pk).first()
        subscription.full_clean()
        if before:
            refuse_another_student(subscription, before=before)
        subscription.save()
        if before and _reach(before) != _reach(subscription):
            changed([subscription.user_id])
    return subscription


def store_subscriptions(rows: Sequence[Subscription], *, before: Mapping[int, Subscription]) -> None:
    """Store validated subscriptions in bulk, with what save_subscription would have written for each.

    `before` holds the stored ones by key. A subscription is new when its model state says so.
    """
    new = [row for row in rows if row._state.adding]
    known = [row for row in rows if not row._state.adding]
    with transaction.atomic():
        Subscription.objects.bulk_create(new, batch_size=records.CHUNK)
        Subscription.objects.bulk_update(
            known, ["subscription_profile", "starts_at", "expires_at"], batch_size=500
        )
        if moved := [row.user_id for row in known if _reach(row) != _reach(before[row.pk])]:
            changed(moved)


def refuse_another_student(subscription: Subscription, *, before: Subscription) -> None:
    """Training that names a subscription is its student's, so it cannot be handed on."""
    if before.user_id != subscription.user_id:
        raise ValidationError({"user": _("A subscription stays with its student.")}, code="student")


def _reach(subscription: Subscription) -> tuple[object, ...]:
    return subscription.subscription_profile_id, subscription.starts_at, subscription.expires_at


def save_learning_path(path: LearningPath, *, courses: Sequence[Course] | None = None) -> LearningPath:
    """Store a path and, where given, its courses in their order; all of them are its profile's."""
    with transaction.atomic():
        path.full_clean()
        before = LearningPath.objects.select_for_update().filter(pk=path.pk).first()
        path.save()
        is_moved = before is not None and before.subscription_profile_id != path.subscription_profile_id
        if courses is None and is_moved:
            courses = [step.course for step in path.steps.select_related("course")]
        if courses is not None:
            _refuse_strangers(path, courses)
            is_moved |= _set_steps(path, courses)
        if is_moved:
            changed(_holders(path.subscription_profile))
    return path


def _refuse_strangers(path: LearningPath, courses: Iterable[Course]) -> None:
    of_profile = set(path.subscription_profile.courses.values_list("pk", flat=True))
    strangers = [str(course) for course in courses if course.pk not in of_profile]
    if strangers:
        message = _("Not in the subscription profile %(profile)s: %(courses)s.") % {
            "profile": path.subscription_profile,
            "courses": ", ".join(strangers),
        }
        raise ValidationError({"courses": message}, code="not_in_profile")


def _set_steps(path: LearningPath, courses: Sequence[Course]) -> bool:
    """True when that changed anything. A course that is named twice stands where it was named first."""
    wanted = list(dict.fromkeys(course.pk for course in courses))
    if wanted == list(path.steps.values_list("course", flat=True)):
        return False
    path.steps.all().delete()
    LearningPathCourse.objects.bulk_create(
        LearningPathCourse(learning_path=path, course_id=course_id, position=position)
        for position, course_id in enumerate(wanted, start=1)
    )
    return True


def _holders(profile: SubscriptionProfile) -> QuerySet[User]:
    holders: QuerySet[User] = User.objects.filter(subscriptions__subscription_profile=profile)
    return holders
