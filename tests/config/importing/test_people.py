"""organizations.csv and users.csv."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from tests.config.importing.conftest import Folder
from tests.factories import UserFactory
from tms import gates
from tms.access import Role
from tms.models import Organization, ProgressChange, RoleAssignment, User

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def only_people(folder: Folder) -> None:
    folder.keep_only("organizations", "users")


def user(external_id: str) -> User:
    return User.objects.get(external_id=external_id)


def organization(external_id: str) -> Organization:
    return Organization.objects.get(external_id=external_id)


def roles(external_id: str) -> set[str]:
    return {assignment.role for assignment in user(external_id).role_assignments.all()}


def test_a_child_copies_the_preferences_that_the_file_leaves_open(folder: Folder) -> None:
    folder.run()

    berlin = organization("berlin")
    assert (berlin.enable_achievements, berlin.participate_in_global_achievements) == (True, True)
    assert berlin.time_zone == "Europe/Berlin"


def test_what_the_file_says_of_a_child_wins_over_its_parent(folder: Folder) -> None:
    folder.replace("organizations", "Europe/Berlin,,", "Europe/Berlin,false,")

    folder.run()

    berlin = organization("berlin")
    assert (berlin.enable_achievements, berlin.participate_in_global_achievements) == (False, True)


def test_enabling_an_organization_makes_its_users_participants_as_anywhere_else(folder: Folder) -> None:
    folder.replace("organizations", "America/Chicago,true", "America/Chicago,false")
    folder.replace("users", "academy,,,,", "academy,,false,,")
    folder.run()
    assert not user("u-1").participate_in_achievements
    ProgressChange.objects.all().delete()
    folder.keep_only("organizations")
    folder.replace("organizations", "America/Chicago,false", "America/Chicago,true")

    folder.run()

    assert user("u-1").participate_in_achievements
    assert user("u-1").pk in ProgressChange.objects.values_list("learner", flat=True)


def test_organizations_below_each_other_are_refused(folder: Folder) -> None:
    folder.keep_only("organizations")
    folder.write(
        "organizations",
        """
        external_id,name,parent
        a,A,b
        b,B,a
        c,C,c
        d,D,
        """,
    )

    problems = folder.problems()

    assert [(problem.line, problem.column) for problem in problems] == [
        (2, "parent"),
        (3, "parent"),
        (4, "parent"),
    ]
    assert list(Organization.objects.values_list("external_id", flat=True)) == ["d"]


def test_a_stored_tree_cannot_be_tied_into_a_loop(folder: Folder) -> None:
    folder.keep_only("organizations")
    folder.run()
    folder.write("organizations", "external_id,name,parent\nacademy,Academy,berlin")

    problem = folder.problem()

    assert (problem.line, problem.column) == (2, "parent")
    assert organization("academy").parent is None


def test_users_are_stored_as_the_back_office_would(folder: Folder) -> None:
    folder.run()

    ada, grace, alan = user("u-1"), user("u-2"), user("u-3")
    assert (ada.email, ada.get_full_name(), ada.organization) == (
        "ada@example.org",
        "Ada Lovelace",
        organization("academy"),
    )
    assert (ada.zone_name, grace.zone_name) == ("America/Chicago", "Asia/Tokyo")
    assert [person.participate_in_achievements for person in (ada, grace, alan)] == [True, False, True]
    assert [person.is_active for person in (ada, grace, alan)] == [True, False, True]
    assert roles("u-3") == {Role.ADMINISTRATOR, Role.CONTRACT_INSTRUCTOR}


def test_imported_users_cannot_sign_in_with_any_password(folder: Folder) -> None:
    folder.run()

    assert not any(person.has_usable_password() for person in User.objects.all())


def test_a_later_import_keeps_password_and_demo_mark(folder: Folder) -> None:
    folder.run()
    person = user("u-1")
    person.set_password("correct horse battery staple")
    person.is_demo = True
    person.save()
    folder.replace("users", "Ada,Lovelace", "Augusta Ada,Lovelace")

    assert folder.run().counts["users"].updated == 1
    assert user("u-1").check_password("correct horse battery staple")
    assert user("u-1").is_demo
    assert user("u-1").first_name == "Augusta Ada"


def test_somebody_who_opted_out_stays_out(folder: Folder) -> None:
    folder.run()
    gates.opt_out(user("u-3"))

    report = folder.run()

    assert report.counts["users"].unchanged == 3
    assert not user("u-3").participate_in_achievements
    assert user("u-3").opted_out_at is not None


@pytest.mark.parametrize(
    ("old", "new"),
    [("Hopper,berlin", "Hopper,academy"), ("Asia/Tokyo,false", "Asia/Tokyo,true")],
    ids=["moved", "joined in"],
)
def test_whoever_moves_or_joins_in_is_evaluated_again(folder: Folder, old: str, new: str) -> None:
    folder.run()
    ProgressChange.objects.all().delete()
    folder.replace("users", old, new)

    folder.run()

    assert [change.learner.external_id for change in ProgressChange.objects.all()] == ["u-2"]


def test_a_new_name_is_no_reason_to_evaluate(folder: Folder) -> None:
    folder.run()
    ProgressChange.objects.all().delete()
    folder.replace("users", "Grace", "Grace Brewster")

    folder.run()

    assert not ProgressChange.objects.exists()


def test_roles_follow_the_file_and_a_role_for_a_time_stays_one(folder: Folder) -> None:
    folder.run()
    end = datetime(2030, 1, 1, tzinfo=UTC)
    RoleAssignment.objects.filter(role=Role.ADMINISTRATOR).update(ends_at=end)
    folder.replace("users", "administrator;Contract Instructor", "administrator;instructor")

    assert folder.run().counts["users"].updated == 1
    assert roles("u-3") == {Role.ADMINISTRATOR, Role.INSTRUCTOR}
    assert RoleAssignment.objects.get(role=Role.ADMINISTRATOR).ends_at == end

    folder.replace("users", "administrator;instructor", "")
    folder.run()
    assert roles("u-3") == set()


def test_roles_stay_where_the_file_has_no_column_for_them(folder: Folder) -> None:
    folder.run()
    folder.write(
        "users",
        "external_id,email,first_name,last_name,organization\nu-3,alan@example.org,Alan M.,Turing,academy",
    )

    folder.run()

    assert len(roles("u-3")) == 2


def test_an_e_mail_address_belongs_to_one_user(folder: Folder) -> None:
    UserFactory(email="taken@example.org", external_id=None)
    folder.add(
        "users",
        "u-4,ADA@example.org,,,academy,,,,",
        "u-5,Taken@Example.org,,,academy,,,,",
        "u-6,not an address,,,academy,,,,",
        "u-7,fine@example.org,,,academy,,,,",
    )

    report = folder.run()

    assert [(problem.line, problem.column) for problem in report.problems] == [
        (5, "email"),
        (6, "email"),
        (7, "email"),
    ]
    assert "“u-1”" in report.problems[0].message
    assert "no external ID" in report.problems[1].message
    assert user("u-7").email == "fine@example.org"


def test_a_user_may_get_another_address(folder: Folder) -> None:
    folder.run()
    folder.replace("users", "Ada@Example.org", "ada.lovelace@example.org")

    assert folder.problems() == []
    assert user("u-1").email == "ada.lovelace@example.org"


def test_an_unknown_role_is_told_with_those_there_are(folder: Folder) -> None:
    folder.replace("users", "Contract Instructor", "Superuser")

    problem = folder.problem()

    assert (problem.line, problem.column) == (4, "roles")
    assert "contract_instructor" in problem.message
