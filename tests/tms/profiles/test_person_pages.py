"""The profile of a user, and the pages that make and change one."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from django.test import Client

from achievements.models import EarnedAchievement
from badges.status import Status
from tests.factories import (
    PAST,
    AchievementFactory,
    AdministratorFactory,
    IssuedBadgeFactory,
    OrganizationFactory,
    UserFactory,
)
from tms import gates
from tms.access import Role
from tms.models import Organization, ProgressChange, RoleAssignment, User

pytestmark = pytest.mark.django_db
CREATE = "/users/create/"


@pytest.fixture
def admin() -> User:
    made: User = AdministratorFactory()
    return made


@pytest.fixture
def office(client: Client, admin: User) -> Client:
    client.force_login(admin)
    return client


def typed(organization: Organization, **given: Any) -> dict[str, Any]:
    facts = {
        "first_name": "Grace",
        "last_name": "Hopper",
        "email": "grace@example.org",
        "organization": organization.pk,
        "participate_in_achievements": "on",
    }
    return {name: value for name, value in {**facts, **given}.items() if value is not None}


def told(response: Any) -> list[str]:
    return [str(message) for message in response.context["messages"]]


def test_a_user_is_created_with_roles_that_start_and_expire(office: Client, admin: User) -> None:
    below = OrganizationFactory(parent=admin.organization)
    page = office.get(f"{CREATE}?organization={below.pk}")
    assert page.context["form"]["organization"].value() == below.pk

    response = office.post(
        CREATE,
        typed(
            below,
            email=" Grace@Example.org ",
            external_id="u-grace",
            time_zone="Europe/Berlin",
            new_password="a long enough password",
            administrator="on",
            instructor="on",
            instructor_starts_at="2026-01-05T09:00",
            instructor_ends_at="2036-01-05T09:00",
        ),
        follow=True,
    )

    grace = User.objects.get(email="grace@example.org")
    assert response.redirect_chain == [(f"/users/{grace.pk}/", 302)]
    assert told(response) == ["Grace Hopper was saved."]
    assert (grace.organization, grace.external_id, grace.time_zone) == (below, "u-grace", "Europe/Berlin")
    assert grace.participate_in_achievements
    assert grace.check_password("a long enough password")
    roles = set(grace.role_assignments.values_list("role", "starts_at", "ends_at"))
    assert roles == {
        ("administrator", None, None),
        ("instructor", datetime(2026, 1, 5, 9, tzinfo=UTC), datetime(2036, 1, 5, 9, tzinfo=UTC)),
    }


def test_only_who_has_a_password_is_told_how_to_keep_it(office: Client, admin: User) -> None:
    keep = "Leave empty to keep the present one."

    assert keep not in office.get(CREATE).content.decode()
    assert (
        keep in office.get(f"/users/{UserFactory(organization=admin.organization).pk}/edit/").content.decode()
    )


def test_what_is_wrong_stands_beside_its_field_and_nothing_typed_is_lost(office: Client, admin: User) -> None:
    UserFactory(email="grace@example.org")

    response = office.post(
        CREATE,
        typed(
            admin.organization,
            last_name="",
            instructor="on",
            instructor_starts_at="2026-03-05T09:00",
            instructor_ends_at="2026-03-05T08:00",
        ),
    )
    form = response.context["form"]
    assert set(form.errors) == {"last_name", "email"}
    assert form["email"].errors == ["Another user has this e-mail address."]
    assert 'value="2026-03-05T08:00"' in response.content.decode()

    again = typed(admin.organization, email="grace2@example.org", instructor="on")
    dates = {"instructor_starts_at": "2026-03-05T09:00", "instructor_ends_at": "2026-03-05T08:00"}
    form = office.post(CREATE, again | dates).context["form"]
    assert form.errors == {"instructor_ends_at": ["The role Instructor would expire before it starts."]}
    assert not User.objects.filter(email="grace2@example.org").exists()


def test_participation_is_asked_only_where_achievements_are_enabled(office: Client, admin: User) -> None:
    off = OrganizationFactory(parent=admin.organization, enable_achievements=False)
    person = UserFactory(organization=off)
    edit = f"/users/{person.pk}/edit/"
    assert not office.get(edit).context["form"].is_participation_asked
    assert b"Participate in Achievements" not in office.get(f"/users/{person.pk}/").content

    office.post(edit, typed(off, participate_in_achievements=None))
    person.refresh_from_db()
    assert person.participate_in_achievements  # nobody was asked

    off.enable_achievements = True
    gates.save_organization(off)
    assert office.get(edit).context["form"].is_participation_asked
    office.post(edit, typed(off, participate_in_achievements=None))
    person.refresh_from_db()
    assert not person.participate_in_achievements

    ProgressChange.objects.all().delete()
    office.post(edit, typed(off))
    person.refresh_from_db()
    assert person.participate_in_achievements
    assert ProgressChange.objects.filter(learner=person).exists()  # what was done before counts


def test_who_opted_out_is_not_opted_in_by_somebody_else(office: Client, admin: User) -> None:
    person = UserFactory(organization=admin.organization)
    gates.opt_out(person)

    field = office.get(f"/users/{person.pk}/edit/").context["form"]["participate_in_achievements"]
    assert field.field.disabled
    assert "Opted out on" in field.help_text
    office.post(f"/users/{person.pk}/edit/", typed(admin.organization))

    person.refresh_from_db()
    assert person.first_name == "Grace"
    assert (person.participate_in_achievements, person.opted_out_at is None) == (False, False)
    assert b"opted out on" in office.get(f"/users/{person.pk}/").content


def test_roles_that_nobody_touched_keep_their_exact_dates(office: Client, admin: User) -> None:
    person = UserFactory(organization=admin.organization)
    exact = datetime(2026, 1, 5, 9, 30, 12, 345, tzinfo=UTC)
    RoleAssignment.objects.create(user=person, role=Role.INSTRUCTOR, starts_at=exact)
    RoleAssignment.objects.create(user=person, role=Role.GLOBAL_ACHIEVEMENTS)
    page = office.get(f"/users/{person.pk}/edit/")
    assert page.context["form"]["global_achievements"].field.disabled

    # The supplemental role is not this administrator's to take, so that it is left out changes nothing.
    changed = typed(admin.organization, instructor="on", instructor_starts_at="2026-01-05T09:30")
    office.post(f"/users/{person.pk}/edit/", changed | {"is_disabled": "on"})

    person.refresh_from_db()
    assert not person.is_active
    roles = dict(person.role_assignments.values_list("role", "starts_at"))
    assert roles == {"instructor": exact, "global_achievements": None}

    office.post(f"/users/{person.pk}/edit/", typed(admin.organization))
    person.refresh_from_db()
    assert person.is_active
    assert [held.role for held in person.role_assignments.all()] == ["global_achievements"]


def test_a_superusers_login_is_only_a_superusers_to_change(office: Client, admin: User) -> None:
    root = UserFactory(organization=admin.organization, is_superuser=True)

    profile = office.get(f"/users/{root.pk}/")

    assert f"/users/{root.pk}/edit/" not in profile.content.decode()
    assert office.post(f"/users/{root.pk}/edit/", typed(admin.organization)).status_code == 404
    rows = office.get("/users/").content.decode()
    assert f'"/users/{root.pk}/"' in rows
    assert f'"/users/{root.pk}/edit/"' not in rows
    assert f'"/users/{admin.pk}/edit/"' in rows


def test_a_profile_tells_what_was_earned_and_leads_to_the_lists(
    office: Client, admin: User, django_assert_max_num_queries: Any
) -> None:
    person = UserFactory(organization=admin.organization)
    RoleAssignment.objects.create(user=person, role=Role.INSTRUCTOR, ends_at=PAST)
    achievement = AchievementFactory(organization=admin.organization)
    EarnedAchievement.objects.create(
        learner=person, achievement=achievement, earned_at=PAST, earned_day=PAST, points=15, rule_version=1
    )
    for status in (Status.FAILED, Status.ISSUED):
        IssuedBadgeFactory(learner=person, badge__organization=admin.organization, status=status)

    office.get("/classes/")  # the first page of a day is a fact of its own
    with django_assert_max_num_queries(10):
        page = office.get(f"/users/{person.pk}/")

    issued, earned = page.context["counts"]
    assert [(str(line.label), line.count) for line in earned.lines] == [("Earned", 1), ("Points", 15)]
    lists = {line.status: (line.count, line.url) for line in issued.lines}
    assert lists == {
        status: (1, f"/issued-badges/?student={person.pk}&status={status}") for status in ("failed", "issued")
    }
    for _count, url in lists.values():
        assert office.get(url).context["found"].count == 1
    text = page.content.decode()
    assert f'href="/users/{person.pk}/achievements/"' in text
    assert "Expired" in text
