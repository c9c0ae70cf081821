"""Subscriptions: what counts as taken through one, and whom an edit concerns."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.core.exceptions import ValidationError

from tests.factories import (
    PAST,
    CourseAssignmentFactory,
    CourseFactory,
    EnrollmentFactory,
    LearningPathFactory,
    SubscriptionFactory,
    SubscriptionProfileFactory,
    UserFactory,
)
from tms import progress, records, subscriptions
from tms.models import CourseAssignment, Enrollment, LearningRecord, ProgressChange, Subscription, User

pytestmark = pytest.mark.django_db


@pytest.fixture
def subscription() -> Subscription:
    made: Subscription = SubscriptionFactory(expires_at=PAST + timedelta(days=365))
    return made


@pytest.fixture
def others() -> Subscription:
    made: Subscription = SubscriptionFactory()
    return made


def changed() -> set[User]:
    """Who may earn more since this was last asked."""
    found = {change.learner for change in ProgressChange.objects.all()}
    ProgressChange.objects.all().delete()
    return found


def taken_through(fact: Any) -> Subscription | None:
    source, _relations = records.SOURCES[type(fact)]
    return LearningRecord.objects.get(source_kind=source, source_id=fact.pk).subscription


# --- What counts as taken through a subscription ------------------------------------------------------------


@pytest.mark.parametrize("from_on_demand", [True, False])
def test_an_assignment_counts_however_it_was_started(
    subscription: Subscription, from_on_demand: bool
) -> None:
    assignment = CourseAssignmentFactory(
        user=subscription.user, subscription=subscription, from_on_demand=from_on_demand
    )

    assert taken_through(assignment) == subscription


@pytest.mark.parametrize(
    ("status", "counts"), [(Enrollment.Status.ENROLLED, True), (Enrollment.Status.AUDIT, False)]
)
def test_an_enrolment_counts_when_it_is_paid_for(
    subscription: Subscription, status: Enrollment.Status, counts: bool
) -> None:
    enrollment = EnrollmentFactory(user=subscription.user, subscription=subscription, status=status)

    assert taken_through(enrollment) == (subscription if counts else None)


def test_the_period_is_not_decided_when_the_record_is_written(subscription: Subscription) -> None:
    assignment = CourseAssignmentFactory(
        user=subscription.user, subscription=subscription, started_at=PAST - timedelta(days=900)
    )

    assert taken_through(assignment) == subscription


def test_training_without_a_subscription_names_none() -> None:
    assert taken_through(CourseAssignmentFactory()) is None


@pytest.mark.parametrize("factory", [CourseAssignmentFactory, EnrollmentFactory])
def test_nobody_learns_through_anothers_subscription(others: Subscription, factory: Any) -> None:
    with pytest.raises(ValidationError, match="another student") as refused:
        factory(subscription=others)

    assert list(refused.value.message_dict) == ["subscription"]
    assert not CourseAssignment.objects.exists()
    assert not Enrollment.objects.exists()


def test_a_subscription_put_in_later_reaches_the_record(subscription: Subscription) -> None:
    assignment = CourseAssignmentFactory(user=subscription.user)
    changed()

    assignment.subscription = subscription
    progress.save(assignment)

    assert taken_through(assignment) == subscription
    assert changed() == {subscription.user}


# --- Whom an edit concerns ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "edit",
    [
        {"starts_at": PAST - timedelta(days=30)},
        {"expires_at": PAST + timedelta(days=10)},
        {"expires_at": None},
    ],
)
def test_another_period_concerns_the_holder(
    subscription: Subscription, others: Subscription, edit: dict[str, Any]
) -> None:
    for name, value in edit.items():
        setattr(subscription, name, value)
    subscriptions.save_subscription(subscription)

    assert changed() == {subscription.user}


def test_another_profile_concerns_the_holder(subscription: Subscription) -> None:
    subscription.subscription_profile = SubscriptionProfileFactory()
    subscriptions.save_subscription(subscription)

    assert changed() == {subscription.user}


def test_an_edit_that_changes_nothing_and_a_new_subscription_concern_nobody(
    subscription: Subscription,
) -> None:
    subscriptions.save_subscription(subscription)
    subscriptions.save_subscription(
        Subscription(
            user=subscription.user,
            subscription_profile=subscription.subscription_profile,
            starts_at=PAST,
        )
    )

    assert changed() == set()


def test_a_subscription_stays_with_its_student(subscription: Subscription) -> None:
    subscription.user = UserFactory()

    with pytest.raises(ValidationError) as refused:
        subscriptions.save_subscription(subscription)

    assert list(refused.value.message_dict) == ["user"]


def test_a_subscription_does_not_expire_before_it_starts(subscription: Subscription) -> None:
    subscription.expires_at = PAST - timedelta(seconds=1)

    with pytest.raises(ValidationError, match="expires after it starts"):
        subscriptions.save_subscription(subscription)


def test_other_courses_of_a_profile_concern_all_holders_and_nobody_else(
    subscription: Subscription, others: Subscription
) -> None:
    profile = subscription.subscription_profile
    second = SubscriptionFactory(subscription_profile=profile)
    course = CourseFactory()

    subscriptions.save_profile(profile, courses=[course])
    assert changed() == {subscription.user, second.user}
    assert list(profile.courses.all()) == [course]

    subscriptions.save_profile(profile, courses=[course])
    subscriptions.save_profile(profile)
    assert changed() == set()
    assert list(profile.courses.all()) == [course]

    subscriptions.save_profile(profile, courses=[])
    assert changed() == {subscription.user, second.user}


# --- Learning paths -----------------------------------------------------------------------------------------


def test_a_path_keeps_the_order_of_its_courses(subscription: Subscription) -> None:
    courses = CourseFactory.create_batch(3)
    path = LearningPathFactory(subscription_profile=subscription.subscription_profile, courses=courses)
    assert changed() == {subscription.user}

    subscriptions.save_learning_path(path, courses=[courses[2], courses[0], courses[2]])

    assert [(step.position, step.course) for step in path.steps.all()] == [
        (1, courses[2]),
        (2, courses[0]),
    ]
    assert changed() == {subscription.user}


def test_the_same_courses_in_the_same_order_concern_nobody(subscription: Subscription) -> None:
    courses = CourseFactory.create_batch(2)
    path = LearningPathFactory(subscription_profile=subscription.subscription_profile, courses=courses)
    changed()

    path.name = "Another name"
    subscriptions.save_learning_path(path, courses=courses)

    path.refresh_from_db()
    assert path.name == "Another name"
    assert changed() == set()


def test_a_path_leads_through_courses_of_its_profile_only() -> None:
    path = LearningPathFactory(courses=[CourseFactory()])
    stranger = CourseFactory(name="Elsewhere")

    with pytest.raises(ValidationError, match="Elsewhere") as refused:
        subscriptions.save_learning_path(path, courses=[stranger])

    assert list(refused.value.message_dict) == ["courses"]
    assert stranger not in path.courses.all()


def test_a_path_moves_only_to_a_profile_that_has_its_courses(subscription: Subscription) -> None:
    course = CourseFactory(name="Kept")
    path = LearningPathFactory(courses=[course])
    path.subscription_profile = subscription.subscription_profile

    with pytest.raises(ValidationError, match="Kept"):
        subscriptions.save_learning_path(path)

    subscription.subscription_profile.courses.add(course)
    subscriptions.save_learning_path(path)
    assert changed() == {subscription.user}
