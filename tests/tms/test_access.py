"""The one table of access: which rows a user reaches, and whether this row is one of them."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.db.models import Q
from django.utils import timezone

from achievements.models import RuleVersion
from badges.models import Badge, IssuedBadge
from tests.factories import (
    AchievementFactory,
    AdministratorFactory,
    BadgeFactory,
    ClassFactory,
    CourseFactory,
    EnrollmentFactory,
    IssuedBadgeFactory,
    LabInstanceFactory,
    OrganizationFactory,
    UserFactory,
)
from tms.access import Action, Role, may, organization_tree, reachable, require
from tms.errors import NotFound
from tms.models import Course, Enrollment, LearningRecord, Organization, RoleAssignment, User

pytestmark = pytest.mark.django_db
ALL_BUT_OWN = (Action.SEE, Action.MANAGE, Action.ISSUE)
TAKING_PART = (Enrollment.Status.ENROLLED, Enrollment.Status.AUDIT)


@pytest.fixture
def tree():
    """top → middle → bottom, and aside below top."""
    top = OrganizationFactory(name="top")
    middle = OrganizationFactory(name="middle", parent=top)
    OrganizationFactory(name="bottom", parent=middle)
    OrganizationFactory(name="aside", parent=top)
    return {organization.name: organization for organization in Organization.objects.all()}


def names(user, action=Action.SEE) -> set[str]:
    return set(Organization.objects.for_user(user, action).values_list("name", flat=True))


def reaches(user, action, row) -> bool:
    """Both questions, which must have the same answer."""
    listed = type(row)._default_manager.filter(reachable(type(row), user, action)).filter(pk=row.pk).exists()
    try:
        require(user, action, row)
    except NotFound:
        assert not listed
        return False
    assert listed
    return True


# --- Roles --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("action", ALL_BUT_OWN)
@pytest.mark.parametrize(
    ("home", "reached"),
    [
        ("top", {"top", "middle", "bottom", "aside"}),
        ("middle", {"middle", "bottom"}),
        ("bottom", {"bottom"}),
        ("aside", {"aside"}),
    ],
)
def test_an_administrator_reaches_the_own_organization_and_all_below_it(tree, home, reached, action):
    OrganizationFactory(name="stranger")
    assert names(AdministratorFactory(organization=tree[home]), action) == reached


@pytest.mark.parametrize("action", ALL_BUT_OWN)
def test_an_administrator_reaches_what_those_organizations_own(tree, action):
    admin = AdministratorFactory(organization=tree["middle"])
    for home, reached in (("middle", True), ("bottom", True), ("top", False), ("aside", False)):
        for row in (
            CourseFactory(organization=tree[home]),
            UserFactory(organization=tree[home]),
            BadgeFactory(organization=tree[home]),
            LabInstanceFactory(user__organization=tree[home]),
            AchievementFactory(organization=tree[home]),
        ):
            assert reaches(admin, action, row) is reached, (home, row)


@pytest.mark.parametrize("roles", [(), (Role.GLOBAL_ACHIEVEMENTS,)])
def test_without_a_role_that_reaches_rows_one_has_the_own_ones_alone(roles):
    user = UserFactory(roles=roles)
    colleague = UserFactory(organization=user.organization)
    own, other = LabInstanceFactory(user=user), LabInstanceFactory(user=colleague)
    for action in ALL_BUT_OWN:
        assert not reaches(user, action, own)
        assert not reaches(user, action, user)
        assert not reaches(user, action, user.organization)
    assert reaches(user, Action.SEE_OWN, own)
    assert reaches(user, Action.SEE_OWN, user)
    assert reaches(user, Action.SEE_OWN, own.user.learning_records.first())
    for row in (other, colleague, colleague.learning_records.first(), own.lab):
        assert not reaches(user, Action.SEE_OWN, row)


def test_an_administrator_sees_the_own_rows_of_everybody_below():
    admin = AdministratorFactory()
    launch = LabInstanceFactory(user__organization=OrganizationFactory(parent=admin.organization))
    assert reaches(admin, Action.SEE_OWN, launch)
    assert not reaches(admin, Action.SEE_OWN, LabInstanceFactory())
    seen = LearningRecord.objects.for_user(admin, Action.SEE_OWN)
    assert set(seen) == set(launch.user.learning_records.all())
    assert len(seen) < LearningRecord.objects.count()


HOUR = timedelta(hours=1)


@pytest.mark.parametrize(
    ("starts_in", "ends_in", "is_in_force"),
    [
        (None, None, True),
        (-HOUR, None, True),
        (HOUR, None, False),
        (None, HOUR, True),
        (None, -HOUR, False),
        (-2 * HOUR, -HOUR, False),
        (-HOUR, HOUR, True),
    ],
)
def test_a_role_holds_from_its_start_to_its_end(starts_in, ends_in, is_in_force):
    now = timezone.now()
    user = UserFactory()
    RoleAssignment.objects.create(
        user=user,
        role=Role.ADMINISTRATOR,
        starts_at=None if starts_in is None else now + starts_in,
        ends_at=None if ends_in is None else now + ends_in,
    )
    assert reaches(user, Action.MANAGE, user.organization) is is_in_force
    assert may(user, Action.MANAGE) is is_in_force
    assert user.is_staff is is_in_force


def test_a_role_starts_and_ends_on_the_moment():
    now = timezone.now()
    user = UserFactory()
    role = RoleAssignment.objects.create(
        user=user, role=Role.ADMINISTRATOR, starts_at=now, ends_at=now + HOUR
    )
    in_force = user.role_assignments.in_force
    assert list(in_force(now)) == [role]
    assert list(in_force(now + HOUR - timedelta(microseconds=1))) == [role]
    assert list(in_force(now + HOUR)) == []
    assert list(in_force(now - timedelta(microseconds=1))) == []


@pytest.mark.parametrize("given", [{"is_active": False}, {"is_active": False, "is_superuser": True}])
def test_a_disabled_user_reaches_nothing_whatever_the_roles(given):
    user = AdministratorFactory(**given)
    for action in Action:
        assert not reaches(user, action, user)
        assert not may(user, action)
    assert names(user) == set()


def test_a_superuser_reaches_everything_with_or_without_an_organization(tree):
    root = UserFactory(organization=None, is_superuser=True)
    assert names(root, Action.MANAGE) == set(tree)
    assert reaches(root, Action.MANAGE, IssuedBadgeFactory())
    assert all(may(root, action) for action in Action)


def test_what_a_superuser_reaches_stays_everything_where_more_is_added(tree):
    root = UserFactory(is_superuser=True, organization=None)
    more = reachable(Organization, root, Action.SEE) | Q(name="aside")
    assert set(Organization.objects.filter(more)) == set(tree.values())


def test_what_a_user_may_at_all_follows_the_same_table():
    learner, admin = UserFactory(), AdministratorFactory()
    assert [action for action in Action if may(learner, action)] == [Action.SEE_OWN]
    assert all(may(admin, action) for action in Action)


# --- Rows of two organizations ------------------------------------------------------------------------------


def test_the_learners_organization_sees_an_enrolment_elsewhere_and_only_sees_it():
    enrollment = EnrollmentFactory(training_class=ClassFactory())
    host = AdministratorFactory(organization=enrollment.training_class.organization)
    home = AdministratorFactory(organization=enrollment.user.organization)
    assert host.organization != home.organization
    assert {action for action in ALL_BUT_OWN if reaches(host, action, enrollment)} == set(ALL_BUT_OWN)
    assert {action for action in ALL_BUT_OWN if reaches(home, action, enrollment)} == {Action.SEE}
    assert reaches(home, Action.SEE_OWN, enrollment)
    assert reaches(enrollment.user, Action.SEE_OWN, enrollment)
    assert list(Enrollment.objects.for_user(home, Action.SEE)) == [enrollment]


def test_the_learners_organization_sees_a_badge_from_elsewhere_and_only_sees_it():
    issued = IssuedBadgeFactory(learner=UserFactory())
    home = AdministratorFactory(organization=issued.learner.organization)
    assert {action for action in ALL_BUT_OWN if reaches(home, action, issued)} == {Action.SEE}
    assert not reaches(home, Action.SEE, issued.badge)
    assert list(IssuedBadge.objects.for_user(issued.learner, Action.SEE_OWN)) == [issued]
    assert not Badge.objects.for_user(issued.learner, Action.SEE_OWN).exists()


# --- Classes and those who teach them -----------------------------------------------------------------------


@pytest.fixture
def classroom(tree):
    """A class of `middle` with somebody from everywhere in it, and another class there."""
    taught = ClassFactory(course=CourseFactory(organization=tree["middle"]))
    for name, organization in {**tree, "outside": OrganizationFactory()}.items():
        EnrollmentFactory(user__organization=organization, user__last_name=name, training_class=taught)
    other = EnrollmentFactory(
        user__organization=tree["middle"],
        user__last_name="not taught",
        training_class=ClassFactory(course=taught.course),
    )
    return taught, other


EVERYBODY = {"top", "middle", "bottom", "aside", "outside"}


def students(user) -> set[str]:
    rows = Enrollment.objects.for_user(user, Action.TEACH)
    return set(rows.values_list("user__last_name", flat=True))


@pytest.mark.parametrize(
    ("home", "roles", "teaches", "seen"),
    [
        ("middle", [Role.ADMINISTRATOR], False, EVERYBODY | {"not taught"}),
        ("top", [Role.ADMINISTRATOR], False, EVERYBODY | {"not taught"}),
        ("bottom", [Role.ADMINISTRATOR], False, set()),
        ("aside", [Role.ADMINISTRATOR], True, set()),
        ("middle", [Role.INSTRUCTOR], True, {"middle"}),
        ("middle", [Role.INSTRUCTOR], False, set()),
        ("bottom", [Role.INSTRUCTOR], True, {"bottom"}),
        ("top", [Role.INSTRUCTOR], True, {"top"}),
        ("aside", [Role.CONTRACT_INSTRUCTOR], True, EVERYBODY),
        ("aside", [Role.CONTRACT_INSTRUCTOR], False, set()),
        ("middle", [Role.INSTRUCTOR, Role.CONTRACT_INSTRUCTOR], True, EVERYBODY),
        ("middle", [], True, set()),
    ],
)
def test_who_sees_whom_on_the_roster_of_a_class(tree, classroom, home, roles, teaches, seen):
    taught, _other = classroom
    user = UserFactory(organization=tree[home], roles=roles)
    if teaches:
        taught.instructors.add(user, UserFactory())
    assert students(user) == seen
    for enrollment in Enrollment.objects.select_related("user"):
        assert reaches(user, Action.TEACH, enrollment) is (enrollment.user.last_name in seen)
    assert reaches(user, Action.TEACH, taught) is bool(seen)
    assert may(user, Action.TEACH) is bool(roles)


def test_a_class_with_several_instructors_is_listed_once(tree, classroom):
    taught, other = classroom
    admin = AdministratorFactory(organization=tree["middle"], roles=[Role.ADMINISTRATOR, Role.INSTRUCTOR])
    taught.instructors.set([admin, UserFactory(), UserFactory()])
    found = taught._meta.model.objects.for_user(admin, Action.TEACH)
    assert sorted(found, key=lambda row: row.pk) == [taught, other.training_class]


@pytest.mark.parametrize("role", [Role.INSTRUCTOR, Role.CONTRACT_INSTRUCTOR])
def test_who_teaches_reaches_badges_of_exactly_the_organization_of_the_class(tree, classroom, role):
    taught, _other = classroom
    user = UserFactory(organization=tree["bottom"], roles=[role])
    taught.instructors.add(user)
    for name, organization in tree.items():
        assert reaches(user, Action.TEACH, BadgeFactory(organization=organization)) is (name == "middle")
    assert not reaches(user, Action.TEACH, CourseFactory(organization=tree["middle"]))
    for action in ALL_BUT_OWN:
        assert not reaches(user, action, taught)


@pytest.mark.parametrize("status", Enrollment.Status)
def test_who_teaches_sees_the_issued_badges_of_those_who_take_part(tree, classroom, status):
    taught, _other = classroom
    insider = UserFactory(organization=tree["middle"], roles=[Role.INSTRUCTOR])
    outsider = UserFactory(organization=tree["aside"], roles=[Role.CONTRACT_INSTRUCTOR])
    taught.instructors.set([insider, outsider])
    badge = BadgeFactory(organization=tree["middle"])
    seen = {}
    for name in ("middle", "aside"):
        enrollment = EnrollmentFactory(
            user__organization=tree[name], training_class=taught, status=status, completion_status="unknown"
        )
        issued = IssuedBadgeFactory(badge=badge, learner=enrollment.user)
        seen[name] = tuple(reaches(user, Action.TEACH, issued) for user in (insider, outsider))
        elsewhere = IssuedBadgeFactory(
            badge=BadgeFactory(organization=tree["aside"]), learner=enrollment.user
        )
        assert not reaches(outsider, Action.TEACH, elsewhere)
    takes_part = status in TAKING_PART
    assert seen == {"middle": (takes_part, takes_part), "aside": (False, takes_part)}


# --- Edges --------------------------------------------------------------------------------------------------


def test_a_model_that_nobody_registered_is_seen_by_nobody_but_a_superuser():
    version = AchievementFactory().rule_versions.get()
    admin = AdministratorFactory(organization=version.achievement.organization)
    for action in Action:
        assert not reaches(admin, action, version)
    assert reaches(UserFactory(is_superuser=True), Action.SEE, version)
    assert RuleVersion.objects.count() == 1


def test_the_system_itself_may_do_everything():
    require(None, Action.MANAGE, CourseFactory())


def test_what_is_elsewhere_is_not_found_like_what_does_not_exist():
    admin = AdministratorFactory()
    elsewhere, unsaved = CourseFactory(), Course(name="Unsaved", organization=admin.organization)
    told = []
    for row in (elsewhere, unsaved):
        with pytest.raises(NotFound) as refused:
            require(admin, Action.SEE, row)
        told.append((refused.value.code, refused.value.message, refused.value.http_status))
    assert told[0] == told[1] == ("not_found", "Not found.", 404)


def test_scoping_adds_no_rows_twice_and_takes_one_statement(tree, django_assert_num_queries):
    admin = AdministratorFactory(organization=tree["top"])
    enrollment = EnrollmentFactory(
        user__organization=tree["middle"], training_class__course__organization=tree["aside"]
    )
    admin = User.objects.get(pk=admin.pk)
    with django_assert_num_queries(2):  # the roles, once for each request, and the rows
        assert list(Enrollment.objects.for_user(admin, Action.SEE)) == [enrollment]
    with django_assert_num_queries(1):
        assert list(Enrollment.objects.for_user(admin, Action.SEE)) == [enrollment]


def test_a_tree_that_was_knotted_by_hand_is_walked_all_the_same(tree):
    Organization.objects.filter(name="top").update(parent=tree["bottom"])
    found = Organization.objects.filter(pk__in=organization_tree(tree["middle"].pk))
    assert {organization.name for organization in found} == set(tree)
