"""What decides who may earn, and exactly whom a gate that opens concerns."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils import timezone

from tests.factories import (
    CourseAssignmentFactory,
    CourseFactory,
    CourseTagFactory,
    EnrollmentFactory,
    LabInstanceFactory,
    OrganizationFactory,
    UserFactory,
)
from tms import gates
from tms.errors import DomainError
from tms.models import Course, Organization, ProgressChange, User

pytestmark = pytest.mark.django_db


@pytest.fixture
def changed():
    """The learners who may earn more since the last time this was asked."""

    def ask() -> set[int]:
        found = set(ProgressChange.objects.values_list("learner", flat=True))
        ProgressChange.objects.all().delete()
        return found

    return ask


def ids(*learners: User) -> set[int]:
    return {learner.pk for learner in learners}


# --- Organizations ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("enabled", [True, False])
def test_a_new_child_starts_with_its_parents_preferences_and_keeps_them(enabled):
    parent = OrganizationFactory(**dict.fromkeys(gates.PREFERENCES, enabled))
    child = gates.save_organization(Organization(name="Child", parent=parent))
    for name in gates.PREFERENCES:
        assert getattr(child, name) is enabled
        setattr(parent, name, not enabled)
    gates.save_organization(parent)
    child.refresh_from_db()
    assert child.enable_achievements is enabled
    child.enable_achievements = not enabled
    gates.save_organization(child)
    child.refresh_from_db()
    assert child.enable_achievements is not enabled


def test_what_is_said_of_a_new_child_is_not_taken_from_its_parent():
    parent = OrganizationFactory(enable_achievements=True, participate_in_global_achievements=True)
    child = Organization(name="Child", parent=parent, enable_achievements=False)
    gates.save_organization(child, said={"enable_achievements"})
    child.refresh_from_db()
    assert (child.enable_achievements, child.participate_in_global_achievements) == (False, True)


def test_enabling_achievements_makes_participants_of_all_but_those_who_opted_out():
    organization = OrganizationFactory(enable_achievements=False)
    asleep = UserFactory(organization=organization, participate_in_achievements=False)
    opted_out = UserFactory(organization=organization)
    elsewhere = UserFactory(participate_in_achievements=False)
    gates.opt_out(opted_out)
    organization.enable_achievements = True
    gates.save_organization(organization)
    participates = dict(User.objects.values_list("pk", "participate_in_achievements"))
    assert participates == {asleep.pk: True, opted_out.pk: False, elsewhere.pk: False}


def test_enabling_achievements_concerns_its_users_and_the_outsiders_its_achievements_can_reach(changed):
    organization = OrganizationFactory(enable_achievements=False)
    open_course = CourseFactory(organization=organization, achievements_for_outside_organizations=True)
    closed_course = CourseFactory(organization=organization)
    own = UserFactory(organization=organization)
    global_elsewhere = UserFactory(organization__participate_in_global_achievements=True)
    took_open, took_closed, took_nothing = UserFactory.create_batch(3)
    CourseAssignmentFactory(user=took_open, course=open_course)
    CourseAssignmentFactory(user=took_closed, course=closed_course)
    LabInstanceFactory(user=took_nothing)
    changed()
    organization.enable_achievements = True
    gates.save_organization(organization)
    assert changed() == ids(own, global_elsewhere, took_open)


def test_joining_in_global_achievements_concerns_its_own_users(changed):
    organization = OrganizationFactory()
    own = UserFactory.create_batch(2, organization=organization)
    UserFactory(organization__participate_in_global_achievements=True)
    organization.participate_in_global_achievements = True
    gates.save_organization(organization)
    assert changed() == ids(*own)


@pytest.mark.parametrize(
    "change",
    [
        {"name": "Renamed"},
        {"enable_achievements": False},
        {"participate_in_global_achievements": False},
        {"time_zone": "Asia/Tokyo"},
    ],
    ids=lambda change: next(iter(change)),
)
def test_what_opens_no_gate_of_an_organization_concerns_nobody(changed, change):
    organization = OrganizationFactory(participate_in_global_achievements=True)
    UserFactory(organization=organization)
    for name, value in change.items():
        setattr(organization, name, value)
    gates.save_organization(organization)
    assert changed() == set()
    assert ProgressChange.objects.count() == 0


def test_each_learner_concerned_is_written_once(changed):
    organization = OrganizationFactory(enable_achievements=False, participate_in_global_achievements=True)
    learner = UserFactory(organization=organization)
    course = CourseFactory(organization=organization, achievements_for_outside_organizations=True)
    CourseAssignmentFactory.create_batch(3, user=learner, course=course)
    changed()
    organization.enable_achievements = True
    gates.save_organization(organization)
    assert list(ProgressChange.objects.values_list("learner", flat=True)) == [learner.pk]


def test_an_organization_cannot_be_below_itself():
    top = OrganizationFactory()
    middle = OrganizationFactory(parent=top)
    bottom = OrganizationFactory(parent=middle)
    for parent in (top, middle, bottom):
        top.parent = parent
        with pytest.raises(DomainError) as refused:
            gates.save_organization(top)
        assert (refused.value.code, list(refused.value.fields)) == ("organization_loop", ["parent"])
    assert Organization.objects.get(pk=top.pk).parent is None


def test_an_organization_needs_a_zone_that_exists():
    with pytest.raises(ValidationError, match="is not a time zone"):
        gates.save_organization(Organization(name="Somewhere", time_zone="Mars/Olympus"))


def test_rolling_back_leaves_gate_and_changes_as_they_were(changed):
    organization = OrganizationFactory(enable_achievements=False)
    learner = UserFactory(organization=organization, participate_in_achievements=False)
    organization.enable_achievements = True
    with pytest.raises(ZeroDivisionError), transaction.atomic():
        gates.save_organization(organization)
        raise ZeroDivisionError
    learner.refresh_from_db()
    assert (learner.participate_in_achievements, changed()) == (False, set())


# --- Users --------------------------------------------------------------------------------------------------


def test_moving_or_joining_in_makes_old_records_count_at_once(changed):
    learner = UserFactory(participate_in_achievements=False)
    learner.organization = OrganizationFactory()
    gates.save_user(learner)
    assert changed() == ids(learner)
    learner.participate_in_achievements = True
    gates.save_user(learner)
    assert changed() == ids(learner)


@pytest.mark.parametrize(
    "change",
    [{"first_name": "Grace"}, {"email": "grace@example.org"}, {"time_zone": "Asia/Tokyo"}, {}],
    ids=lambda change: next(iter(change), "nothing"),
)
def test_any_other_edit_of_a_user_concerns_nobody(changed, change):
    learner = UserFactory()
    for name, value in change.items():
        setattr(learner, name, value)
    gates.save_user(learner)
    assert changed() == set()


def test_a_new_user_has_nothing_to_evaluate_and_cannot_sign_in_without_a_password(changed):
    learner = gates.save_user(
        User(email=" Ada@Example.ORG ", first_name="Ada", organization=OrganizationFactory())
    )
    assert User.objects.get().email == "ada@example.org"
    assert not learner.has_usable_password()
    assert changed() == set()


def test_an_address_belongs_to_one_person_however_it_is_typed():
    UserFactory(email="ada@example.org")
    with pytest.raises(ValidationError, match="Another user has this e-mail address"):
        gates.save_user(User(email="ADA@example.org ", organization=OrganizationFactory()))


def test_a_user_belongs_to_an_organization_unless_it_is_a_superuser():
    with pytest.raises(ValidationError, match="belongs to an organization"):
        gates.save_user(User(email="ada@example.org"))
    gates.save_user(User(email="root@example.org", is_superuser=True))
    assert User.objects.get().email == "root@example.org"


def test_opting_out_is_kept_and_opting_in_counts_from_the_past(changed):
    learner = UserFactory()
    gates.opt_out(learner)
    learner.refresh_from_db()
    assert not learner.participate_in_achievements
    assert timezone.now() - learner.opted_out_at < timedelta(minutes=1)
    assert changed() == set()
    gates.opt_in(learner)
    learner.refresh_from_db()
    assert (learner.participate_in_achievements, learner.opted_out_at) == (True, None)
    assert changed() == ids(learner)


def test_an_edit_does_not_undo_an_opting_out_that_came_after_the_form_was_opened():
    opened = UserFactory()
    gates.opt_out(User.objects.get())
    opened.first_name = "Grace"
    gates.save_user(opened)
    learner = User.objects.get()
    assert learner.first_name == "Grace"
    assert learner.opted_out_at is not None


# --- Courses ------------------------------------------------------------------------------------------------


@pytest.fixture
def course():
    return CourseFactory()


@pytest.fixture
def concerned(course, changed):
    """Whoever has a record of the course: by assignment, by class, by a lab taken through it."""
    assigned, enrolled, cancelled = UserFactory.create_batch(3)
    assignment = CourseAssignmentFactory(user=assigned, course=course)
    LabInstanceFactory(user=assigned, course_assignment=assignment)
    EnrollmentFactory(user=enrolled, training_class__course=course)
    CourseAssignmentFactory(user=cancelled, course=course, status="cancelled")
    CourseAssignmentFactory()
    changed()
    return ids(assigned, enrolled)


def test_tagging_concerns_whoever_has_a_record_of_the_course(course, concerned, changed):
    first, second = CourseTagFactory.create_batch(2, organization=course.organization)
    gates.save_course(course, tags=[first])
    assert changed() == concerned
    gates.save_course(course, tags=[first])
    gates.save_course(course)
    assert changed() == set()
    gates.save_course(course, tags=[second])
    assert (changed(), list(course.tags.all())) == (concerned, [second])
    gates.save_course(course, tags=[])
    assert not course.tags.exists()


def test_the_tick_for_outside_organizations_concerns_them_when_it_is_set(course, concerned, changed):
    course.achievements_for_outside_organizations = True
    gates.save_course(course)
    assert changed() == concerned
    course.achievements_for_outside_organizations = False
    gates.save_course(course)
    assert changed() == set()


def test_another_organization_for_a_course_concerns_them(course, concerned, changed):
    course.organization = OrganizationFactory()
    gates.save_course(course)
    assert changed() == concerned


def test_any_other_edit_of_a_course_concerns_nobody(course, concerned, changed):
    course.name = "Renamed"
    gates.save_course(course)
    assert (Course.objects.get(pk=course.pk).name, changed()) == ("Renamed", set())


def test_a_new_course_concerns_nobody(changed):
    tag = CourseTagFactory()
    course = gates.save_course(
        Course(name="New", organization=tag.organization, achievements_for_outside_organizations=True),
        tags=[tag],
    )
    assert (list(course.tags.all()), changed()) == ([tag], set())
