"""The back office's pages of subscriptions, course content, results and activities: what their writers do."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.test import Client

from tests.factories import (
    PAST,
    ActivityFactory,
    ActivityResultFactory,
    AdministratorFactory,
    CourseActivityFactory,
    CourseAssignmentFactory,
    CourseFactory,
    LabFactory,
    LabInstanceFactory,
    LearningPathFactory,
    SubscriptionFactory,
    SubscriptionProfileFactory,
    UserFactory,
)
from tests.test_admin import address, change_page, save, words
from tms.models import (
    Activity,
    ActivityResult,
    CourseActivity,
    LearningPath,
    LearningRecord,
    Organization,
    ProgressChange,
    Subscription,
    User,
)

pytestmark = pytest.mark.django_db


@pytest.fixture
def administrator(client: Client) -> User:
    user: User = AdministratorFactory()
    client.force_login(user)
    client.get("/")  # the session of this day
    ProgressChange.objects.all().delete()
    return user


@pytest.fixture
def ours(administrator: User) -> Organization:
    assert administrator.organization
    return administrator.organization


@pytest.fixture
def learner(ours: Organization) -> User:
    user: User = UserFactory(organization=ours)
    return user


def changed() -> set[User]:
    return {change.learner for change in ProgressChange.objects.all()}


def moment(**hours: int) -> dict[str, str]:
    """Fields of a form: name → hours after PAST."""
    found = {}
    for name, number in hours.items():
        at = PAST + timedelta(hours=number)
        found |= {f"{name}_0": at.date().isoformat(), f"{name}_1": at.time().isoformat()}
    return found


def steps(path: LearningPath, *courses: Any, remove: tuple[int, ...] = ()) -> dict[str, str]:
    """The inline of a path: what is there in its order, then further courses."""
    known = list(path.steps.all())
    data = {
        "steps-INITIAL_FORMS": str(len(known)),
        "steps-TOTAL_FORMS": str(len(known) + len(courses)),
    }
    for number, step in enumerate(known):
        data |= {
            f"steps-{number}-position": str(step.position),
            f"steps-{number}-course": str(step.course_id),
        }
        if number in remove:
            data[f"steps-{number}-DELETE"] = "on"
    for number, (position, course) in enumerate(courses, start=len(known)):
        data |= {f"steps-{number}-position": str(position), f"steps-{number}-course": str(course.pk)}
    return data


class TestLearningPaths:
    @pytest.fixture
    def path(self, learner: User) -> LearningPath:
        assert learner.organization
        courses = CourseFactory.create_batch(3, organization=learner.organization)
        profile = SubscriptionProfileFactory(organization=learner.organization, courses=courses)
        SubscriptionFactory(user=learner, subscription_profile=profile)
        path: LearningPath = LearningPathFactory(subscription_profile=profile, courses=courses[:2])
        ProgressChange.objects.all().delete()
        return path

    def order(self, path: LearningPath) -> list[int]:
        return list(path.steps.values_list("course", flat=True))

    def test_courses_are_put_into_the_order_of_their_positions(
        self, client: Client, path: LearningPath, learner: User
    ) -> None:
        first, second = self.order(path)
        third = path.subscription_profile.courses.exclude(pk__in=[first, second]).get()

        response = save(client, change_page(path), **steps(path, (0, third), remove=(0,)))

        assert response.status_code == 302
        assert self.order(path) == [third.pk, second]
        assert changed() == {learner}

    def test_saved_as_it_stands_it_concerns_nobody(self, client: Client, path: LearningPath) -> None:
        before = self.order(path)

        response = save(client, change_page(path), name="Another name")

        path.refresh_from_db()
        assert (response.status_code, path.name, self.order(path)) == (302, "Another name", before)
        assert changed() == set()

    def test_a_course_of_no_such_profile_is_refused_beside_what_was_typed(
        self, client: Client, path: LearningPath, ours: Organization
    ) -> None:
        before = self.order(path)
        stranger = CourseFactory(organization=ours, name="Elsewhere")

        response = save(client, change_page(path), name="Typed", **steps(path, (9, stranger)))

        assert response.status_code == 200
        assert "Elsewhere" in words(response)
        assert "Typed" in words(response)
        path.refresh_from_db()
        assert (path.name == "Typed", self.order(path)) == (False, before)

    def test_a_new_path_is_stored_with_its_courses(
        self, client: Client, path: LearningPath, ours: Organization
    ) -> None:
        course = path.subscription_profile.courses.all()[2]
        response = client.post(
            address(LearningPath, "add"),
            {
                "name": "New",
                "organization": ours.pk,
                "subscription_profile": path.subscription_profile_id,
                "is_enabled": "on",
                "steps-INITIAL_FORMS": "0",
                "steps-TOTAL_FORMS": "1",
                "steps-0-position": "1",
                "steps-0-course": course.pk,
            },
        )

        assert response.status_code == 302
        assert self.order(LearningPath.objects.get(name="New")) == [course.pk]


class TestSubscriptions:
    def test_prolonging_concerns_the_holder(self, client: Client, learner: User) -> None:
        subscription = SubscriptionFactory(user=learner)

        response = save(client, change_page(subscription), **moment(expires_at=24))

        subscription.refresh_from_db()
        assert response.status_code == 302
        assert subscription.expires_at == PAST + timedelta(days=1)
        assert changed() == {learner}

    def test_a_period_that_makes_no_sense_is_told_beside_it(self, client: Client, learner: User) -> None:
        subscription = SubscriptionFactory(user=learner)

        response = save(client, change_page(subscription), **moment(expires_at=-24))

        assert response.context["adminform"].form.errors.keys() == {"expires_at"}
        assert Subscription.objects.get().expires_at is None

    def test_it_stays_with_its_student(self, client: Client, learner: User) -> None:
        subscription = SubscriptionFactory(user=learner)
        another = UserFactory(organization=learner.organization)

        save(client, change_page(subscription), user=str(another.pk))

        subscription.refresh_from_db()
        assert subscription.user == learner

    def test_other_courses_of_a_profile_concern_its_holders(
        self, client: Client, learner: User, ours: Organization
    ) -> None:
        profile = SubscriptionProfileFactory(organization=ours)
        SubscriptionFactory(user=learner, subscription_profile=profile)
        course = CourseFactory(organization=ours)

        save(client, change_page(profile), courses=[str(course.pk)])

        assert list(profile.courses.all()) == [course]
        assert changed() == {learner}

    def test_training_through_anothers_subscription_is_refused_at_its_field(
        self, client: Client, learner: User, administrator: User
    ) -> None:
        assignment = CourseAssignmentFactory(user=learner)
        foreign = SubscriptionFactory(user=administrator)

        response = save(client, change_page(assignment), subscription=str(foreign.pk))

        assert response.context["adminform"].form.errors.keys() == {"subscription"}
        assignment.refresh_from_db()
        assert assignment.subscription is None


class TestCoursework:
    @pytest.fixture
    def activity(self, ours: Organization) -> CourseActivity:
        made: CourseActivity = CourseActivityFactory(section__course__organization=ours)
        return made

    def test_a_result_completes_an_assignment_which_shows_how_far_it_is(
        self, client: Client, activity: CourseActivity, learner: User
    ) -> None:
        assignment = CourseAssignmentFactory(user=learner, course=activity.section.course)
        assert "0 %" in words(client.get(change_page(assignment)))

        response = client.post(
            address(ActivityResult, "add"),
            {
                "course_activity": activity.pk,
                "course_assignment": assignment.pk,
                **moment(launched_at=0, completed_at=1),
            },
        )

        assignment.refresh_from_db()
        assert response.status_code == 302
        assert assignment.completed_at == PAST + timedelta(hours=1)
        assert "100 %" in words(client.get(change_page(assignment)))
        assert Activity.objects.filter(user=learner, kind="lesson_completed").exists()

    def test_a_result_without_an_assignment_is_refused_in_words(
        self, client: Client, activity: CourseActivity
    ) -> None:
        response = client.post(
            address(ActivityResult, "add"), {"course_activity": activity.pk, **moment(launched_at=0)}
        )

        assert response.status_code == 200
        assert "and not both" in words(response)

    def test_an_incomplete_form_is_shown_again(self, client: Client, learner: User) -> None:
        assignment = CourseAssignmentFactory(user=learner)

        response = client.post(address(ActivityResult, "add"), {"course_assignment": assignment.pk})

        assert response.status_code == 200
        assert {"course_activity", "launched_at"} <= response.context["adminform"].form.errors.keys()

    def test_the_result_of_a_lab_is_shown_and_neither_edited_nor_deleted(
        self, client: Client, activity: CourseActivity, learner: User, ours: Organization
    ) -> None:
        lab = LabFactory(organization=ours)
        CourseActivityFactory(section=activity.section, kind=CourseActivity.Kind.LAB, lab=lab)
        assignment = CourseAssignmentFactory(user=learner, course=activity.section.course)
        LabInstanceFactory(user=learner, lab=lab, course_assignment=assignment)
        result = ActivityResult.objects.get()

        assert client.get(change_page(result)).status_code == 200
        assert client.post(change_page(result), moment(launched_at=9)).status_code == 403
        assert client.post(address(ActivityResult, "delete", result.pk), {"post": "yes"}).status_code == 403
        selected = {"action": "delete_selected", "_selected_action": str(result.pk), "post": "yes"}
        client.post(address(ActivityResult, "changelist"), selected)
        assert ActivityResult.objects.get().launched_at == PAST

    def test_deleting_a_result_takes_its_lesson_back(self, client: Client, learner: User) -> None:
        result = ActivityResultFactory(course_assignment__user=learner, completed_at=PAST)

        client.post(address(ActivityResult, "delete", result.pk), {"post": "yes"})

        assert not ActivityResult.objects.exists()
        assert not Activity.objects.filter(kind="lesson_completed").exists()

    def test_what_is_no_longer_required_completes_who_had_done_the_rest(
        self, client: Client, activity: CourseActivity, learner: User
    ) -> None:
        rest = CourseActivityFactory(section=activity.section)
        assignment = CourseAssignmentFactory(user=learner, course=activity.section.course)
        ActivityResultFactory(course_activity=activity, course_assignment=assignment, completed_at=PAST)

        save(client, change_page(rest), is_required=None)

        assignment.refresh_from_db()
        assert assignment.completed_at == PAST

    def test_a_lab_activity_without_a_lab_is_refused(self, client: Client, activity: CourseActivity) -> None:
        response = save(client, change_page(activity), kind="lab")

        assert response.status_code == 200
        assert "names its lab" in words(response)


class TestActivities:
    def test_an_activity_is_entered_with_its_record(self, client: Client, learner: User) -> None:
        response = client.post(
            address(Activity, "add"),
            {"user": learner.pk, "kind": "post_published", **moment(occurred_at=0)},
        )

        assert response.status_code == 302
        assert LearningRecord.objects.get(kind="post_published").learner == learner
        assert changed() == {learner}

    def test_a_kind_in_other_letters_is_refused_at_its_field(self, client: Client, learner: User) -> None:
        response = client.post(
            address(Activity, "add"),
            {"user": learner.pk, "kind": "Post Published", **moment(occurred_at=0)},
        )

        assert response.context["adminform"].form.errors.keys() == {"kind"}

    def test_what_the_product_wrote_itself_is_shown_and_may_only_be_deleted(
        self, client: Client, learner: User
    ) -> None:
        LabInstanceFactory(user=learner)
        session = Activity.objects.get(user=learner)

        assert client.get(change_page(session)).status_code == 200
        assert client.post(change_page(session), {"kind": "x"}).status_code == 403
        client.post(address(Activity, "delete", session.pk), {"post": "yes"})

        assert not Activity.objects.filter(user=learner).exists()
        assert not LearningRecord.objects.filter(kind="session", learner=learner).exists()

    def test_a_deleted_activity_leaves_no_record(self, client: Client, learner: User) -> None:
        activity = ActivityFactory(user=learner)
        selected = {"action": "delete_selected", "_selected_action": str(activity.pk), "post": "yes"}

        client.post(address(Activity, "changelist"), selected)

        assert not LearningRecord.objects.filter(learner=learner).exists()
