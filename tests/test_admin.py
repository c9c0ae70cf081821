"""The back office: what an administrator sees, what she may change, and how a refusal is told."""

from __future__ import annotations

import re
from copy import deepcopy
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.contrib import admin
from django.contrib.admin.models import LogEntry
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from achievements.models import Achievement, EarnedAchievement, RuleVersion
from badges.models import (
    AccredibleBadge,
    Badge,
    Comparison,
    CredlyBadge,
    Difference,
    IssuedBadge,
    IssuingAct,
    IssuingEvent,
    ProviderEvent,
    Synchronization,
)
from badges.status import Status
from providers import accounts
from providers.models import AccredibleConfig, BadgeProvider, CredlyOrganization
from tests.factories import (
    PAST,
    TOKEN,
    AchievementFactory,
    ActivityFactory,
    ActivityResultFactory,
    AdministratorFactory,
    BadgeFactory,
    BadgeProviderFactory,
    ClassFactory,
    CourseActivityFactory,
    CourseAssignmentFactory,
    CourseFactory,
    CourseSectionFactory,
    CourseTagFactory,
    EnrollmentFactory,
    IssuedBadgeFactory,
    LabFactory,
    LabInstanceFactory,
    LearningPathFactory,
    OrganizationFactory,
    SubscriptionFactory,
    SubscriptionProfileFactory,
    UserFactory,
)
from tms import gates
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
    LearningRecord,
    Mail,
    Notification,
    Organization,
    ProgressChange,
    RoleAssignment,
    Subscription,
    SubscriptionProfile,
    User,
)

pytestmark = pytest.mark.django_db

READ_ONLY = [
    LearningRecord,
    ProgressChange,
    Notification,
    Mail,
    Synchronization,
    ProviderEvent,
    Difference,
    Comparison,
    IssuedBadge,
    CredlyBadge,
    AccredibleBadge,
    IssuingAct,
    EarnedAchievement,
]
DELETABLE = [LabInstance, CourseAssignment, Enrollment, ActivityResult, Activity]
MODELS = [
    Organization,
    User,
    Lab,
    CourseTag,
    Course,
    Class,
    Enrollment,
    CourseAssignment,
    LabInstance,
    Activity,
    CourseSection,
    CourseActivity,
    ActivityResult,
    SubscriptionProfile,
    Subscription,
    LearningPath,
    LearningRecord,
    ProgressChange,
    Notification,
    Mail,
    BadgeProvider,
    CredlyOrganization,
    AccredibleConfig,
    Badge,
    Synchronization,
    ProviderEvent,
    Difference,
    Comparison,
    IssuedBadge,
    CredlyBadge,
    AccredibleBadge,
    IssuingAct,
    Achievement,
    EarnedAchievement,
]
named = pytest.mark.parametrize("model", MODELS, ids=lambda model: model.__name__)


@dataclass
class World:
    """One organization with one row of everything, all of it named after the organization."""

    organization: Organization
    administrator: User
    learner: User
    rows: dict[type[Any], Any]


def make_world(name: str) -> World:
    organization = OrganizationFactory(name=f"{name} organization")
    administrator = AdministratorFactory(
        organization=organization, last_name=f"{name} administrator", email=f"{name.lower()}@admin.example"
    )
    learner = UserFactory(
        organization=organization, last_name=f"{name} learner", email=f"{name.lower()}@learner.example"
    )
    learner.set_unusable_password()
    learner.save()
    tag = CourseTagFactory(organization=organization, name=f"{name} tag")
    lab = LabFactory(organization=organization, name=f"{name} lab")
    course = CourseFactory(organization=organization, name=f"{name} course", tags=[tag])
    course.labs.add(lab)
    training_class = ClassFactory(course=course, name=f"{name} class")
    training_class.instructors.add(administrator)
    provider = BadgeProviderFactory(organization=organization, name=f"{name} account")
    accredible = BadgeProviderFactory(
        organization=organization, name=f"{name} config", kind=BadgeProvider.Kind.ACCREDIBLE
    )
    synchronization = Synchronization.objects.create(badge_provider=provider, problem=f"{name} problem")
    badge = BadgeFactory(organization=organization, badge_provider=provider, name=f"{name} badge")
    issued = IssuedBadgeFactory(badge=badge, learner=learner, reason=f"{name} reason")
    IssuingEvent.objects.create(
        issued_badge=issued, from_status=Status.QUEUED, to_status=Status.SENDING, reason=f"{name} event"
    )
    elsewhere = BadgeFactory(
        organization=organization, badge_provider=accredible, name=f"{name} badge elsewhere"
    )
    credential = IssuedBadgeFactory(badge=elsewhere, learner=learner, reason=f"{name} other reason")
    told = ProviderEvent.objects.create(
        badge_provider=provider, external_id=f"{name}-1", kind="badge.created", issued_badge=issued
    )
    difference = Difference.objects.create(
        badge_provider=provider,
        kind=Difference.Kind.MISSING,
        issued_badge=issued,
        badge=badge,
        learner=learner,
        decision=f"{name} decision",
    )
    act = IssuingAct.objects.create(
        token=uuid4(), actor=administrator, organization=organization, source_kind="api", reason=f"{name} act"
    )
    act.outcomes.create(position=1, badge=badge, learner=learner, issued_badge=issued, code="queued")
    comparison = Comparison.objects.create(badge_provider=provider, started_at=PAST, active_at=PAST)
    achievement = AchievementFactory(organization=organization, badge=badge, name=f"{name} achievement")
    earned = EarnedAchievement.objects.create(
        learner=learner,
        achievement=achievement,
        issued_badge=issued,
        earned_at=PAST,
        earned_day=PAST.date(),
        points=10,
        rule_version=1,
        snapshot={"conditions": [{"needed": 1, "have": 1, "records": [1]}]},
    )
    assignment = CourseAssignmentFactory(user=learner, course=course)
    launch = LabInstanceFactory(user=learner, lab=lab, course_assignment=assignment)
    enrollment = EnrollmentFactory(user=learner, training_class=training_class)
    section = CourseSectionFactory(course=course, name=f"{name} section")
    lesson = CourseActivityFactory(section=section, name=f"{name} course activity")
    result = ActivityResultFactory(course_activity=lesson, course_assignment=assignment)
    activity = ActivityFactory(user=learner, course=course)
    profile = SubscriptionProfileFactory(
        organization=organization, name=f"{name} subscription profile", courses=[course]
    )
    subscription = SubscriptionFactory(user=learner, subscription_profile=profile)
    path = LearningPathFactory(subscription_profile=profile, name=f"{name} learning path")
    mail = Mail.objects.create(user=learner, problem=f"{name} refusal")
    notification = Notification.objects.create(
        user=learner, kind="achievement_earned", key=earned.pk, mail=mail
    )
    record = LearningRecord.objects.get(source_kind=LearningRecord.Source.LAB_INSTANCE, source_id=launch.pk)
    found = [
        *(organization, learner, lab, tag, course, training_class, enrollment, assignment, launch),
        *(record, ProgressChange.objects.filter(learner=learner).first(), notification, mail),
        *(section, lesson, result, activity, profile, subscription, path),
        *(told, difference, comparison),
        *(provider, CredlyOrganization.objects.get(pk=provider.pk)),
        *(AccredibleConfig.objects.get(pk=accredible.pk), synchronization),
        *(badge, issued, CredlyBadge.objects.get(pk=issued.pk)),
        *(AccredibleBadge.objects.get(pk=credential.pk), act, achievement, earned),
    ]
    return World(organization, administrator, learner, {type(row): row for row in found})


@pytest.fixture(scope="module", autouse=True)
def worlds(module_db):
    return make_world("Ours"), make_world("Theirs")


@pytest.fixture
def ours(worlds):
    return deepcopy(worlds[0])


@pytest.fixture
def theirs(worlds):
    return deepcopy(worlds[1])


@pytest.fixture
def as_ours(client, ours):
    client.force_login(ours.administrator)
    return client


def address(model, what: str, *args: Any) -> str:
    return reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_{what}", args=args)


def change_page(row) -> str:
    return address(type(row), "change", row.pk)


def words(response) -> str:
    return response.content.decode()


def typed(client, url: str) -> dict[str, Any]:
    """What a browser would send back from the page, unchanged."""
    response = client.get(url)
    assert response.status_code == 200
    data: dict[str, Any] = {}
    forms = [response.context["adminform"].form]
    for inline in response.context["inline_admin_formsets"]:
        forms += [inline.formset.management_form, *inline.formset.initial_forms]
    for form in forms:
        for bound in form:
            value = bound.value()
            widget = bound.field.widget
            names = getattr(widget, "widgets_names", None)
            if names and value is not None:
                parts = widget.decompress(value)
                for suffix, part in zip(names, parts, strict=True):
                    data[bound.html_name + suffix] = "" if part is None else str(part)
            elif isinstance(value, list | tuple) or hasattr(value, "values_list"):
                data[bound.html_name] = [str(getattr(item, "pk", item)) for item in value]
            elif value is not None and value is not False:
                data[bound.html_name] = "on" if value is True else str(value)
    return data


def save(client, url: str, **changes: Any):
    data = typed(client, url)
    data.update(changes)
    return client.post(url, {name: value for name, value in data.items() if value is not None})


class TestSeeing:
    def test_every_model_that_is_registered_is_tested_here(self):
        assert set(admin.site._registry) == set(MODELS)

    @named
    def test_a_list_shows_what_is_hers_and_nothing_of_another_organization(self, as_ours, theirs, model):
        response = as_ours.get(address(model, "changelist"))

        assert response.status_code == 200
        assert "Ours" in words(response)
        assert "Theirs" not in words(response)

    @named
    def test_a_record_opens_and_offers_nothing_of_another_organization(self, as_ours, ours, theirs, model):
        response = as_ours.get(change_page(ours.rows[model]))

        assert response.status_code == 200
        assert "Ours" in words(response)
        assert "Theirs" not in words(response)

    @named
    def test_adding_offers_nothing_of_another_organization(self, as_ours, theirs, model):
        response = as_ours.get(address(model, "add"))

        assert response.status_code == (403 if model in READ_ONLY else 200)
        assert "Theirs" not in words(response)

    @named
    def test_another_organizations_record_does_not_exist(self, as_ours, theirs, model):
        row = theirs.rows[model]
        before = model._default_manager.filter(pk=row.pk).values().get()

        for what in ("change", "delete", "history"):
            for send in (as_ours.get, as_ours.post):
                foreign = send(address(model, what, row.pk), {"post": "yes"})
                missing = send(address(model, what, 999_999), {"post": "yes"})
                assert (foreign.status_code, foreign.get("Location")) == (
                    missing.status_code,
                    missing.get("Location"),
                )
                assert foreign.status_code in (302, 403)
                assert "Theirs" not in words(foreign)

        assert model._default_manager.filter(pk=row.pk).values().get() == before

    @named
    def test_searching_finds_only_what_is_hers(self, as_ours, theirs, model):
        response = as_ours.get(address(model, "changelist"), {"q": "Theirs"})

        assert response.status_code == 200
        assert response.context["cl"].result_count == 0

    @pytest.mark.parametrize(
        ("model", "field", "target"),
        [
            (LabInstance, "user", User),
            (LabInstance, "lab", Lab),
            (LabInstance, "course_assignment", CourseAssignment),
            (LabInstance, "enrollment", Enrollment),
            (Enrollment, "training_class", Class),
            (Class, "course", Course),
            (Class, "instructors", User),
            (Course, "tags", CourseTag),
        ],
    )
    def test_choices_asked_for_by_typing_are_scoped_too(self, as_ours, theirs, model, field, target):
        asked = {
            "app_label": model._meta.app_label,
            "model_name": model._meta.model_name,
            "field_name": field,
            "term": "",
        }
        response = as_ours.get("/admin/autocomplete/", asked)

        texts = [result["text"] for result in response.json()["results"]]
        assert texts
        assert all("Theirs" not in text for text in texts)

    def test_an_administrator_of_a_parent_sees_the_children_and_not_the_other_way_round(self, client, ours):
        child = OrganizationFactory(name="Child organization", parent=ours.organization)
        client.force_login(ours.administrator)
        assert "Child organization" in words(client.get(address(Organization, "changelist")))

        client.force_login(AdministratorFactory(organization=child))
        assert client.get(change_page(ours.rows[Lab])).status_code == 302
        page = words(client.get(change_page(child)))
        assert "Child organization" in page
        assert "Ours organization" not in page

    def test_a_superuser_sees_everything(self, client, ours, theirs):
        client.force_login(UserFactory(organization=None, is_superuser=True))

        for model in MODELS:
            page = words(client.get(address(model, "changelist")))
            assert "Ours" in page
            assert "Theirs" in page

    @pytest.mark.parametrize("roles", [[], [Role.INSTRUCTOR], [Role.CONTRACT_INSTRUCTOR]])
    def test_whoever_is_no_administrator_is_told_no(self, client, ours, roles):
        client.force_login(UserFactory(organization=ours.organization, roles=roles))

        assert client.get("/admin/", follow=True).status_code == 403
        assert client.get(change_page(ours.rows[Lab]), follow=True).status_code == 403

    def test_an_expired_role_opens_nothing(self, client, ours):
        user = UserFactory(organization=ours.organization)
        RoleAssignment.objects.create(
            user=user, role=Role.ADMINISTRATOR, ends_at=timezone.now() - timedelta(minutes=1)
        )
        client.force_login(user)

        assert client.get("/admin/", follow=True).status_code == 403

    def test_strangers_sign_in_on_our_own_page(self, client):
        page = address(Lab, "changelist")

        for url in ("/admin/", page):
            assert client.get(url, follow=True).redirect_chain[-1][0] == f"/sign-in/?next={url}"

    def test_a_list_costs_the_same_however_long_it_is(self, as_ours, ours):
        def cost(model):
            with CaptureQueriesContext(connection) as queries:
                response = as_ours.get(address(model, "changelist"))
            assert response.status_code == 200
            return len(queries), response.context["cl"].result_count

        as_ours.get("/admin/")
        short = {model: cost(model) for model in MODELS}
        for number in range(5):
            learner = UserFactory(organization=ours.organization)
            other = make_world(f"Also {number}")
            for row in other.rows.values():
                for name in ("organization", "user", "learner"):
                    if any(field.name == name for field in row._meta.fields) and not isinstance(row, User):
                        value = ours.organization if name == "organization" else learner
                        type(row)._default_manager.filter(pk=row.pk).update(**{name: value})
            User.objects.filter(pk=other.learner.pk).update(organization=ours.organization)
            Organization.objects.filter(pk=other.organization.pk).update(parent=ours.organization)
        long = {model: cost(model) for model in MODELS}

        assert [model for model in MODELS if long[model][1] <= 5] == []
        costs = {model: (short[model][0], long[model][0]) for model in MODELS}
        assert {model: cost for model, cost in costs.items() if not cost[0] == cost[1] <= 16} == {}


class TestWriting:
    @pytest.mark.parametrize(
        "model", [model for model in MODELS if model not in READ_ONLY], ids=lambda model: model.__name__
    )
    def test_a_record_saved_as_it_stands_stays_as_it_is(self, as_ours, ours, model):
        row = ours.rows[model]
        before = model._default_manager.filter(pk=row.pk).values().get()

        response = save(as_ours, change_page(row))

        assert response.status_code == 302, response.context["errors"]
        assert model._default_manager.filter(pk=row.pk).values().get() == before

    @pytest.mark.parametrize("model", READ_ONLY, ids=lambda model: model.__name__)
    def test_what_the_product_writes_itself_nobody_edits(self, as_ours, ours, model):
        assert as_ours.post(change_page(ours.rows[model]), {}).status_code == 403

    @named
    def test_only_activities_can_be_deleted(self, as_ours, ours, model):
        response = as_ours.get(address(model, "delete", ours.rows[model].pk))

        assert response.status_code == (200 if model in DELETABLE else 403)

    def test_nothing_can_be_given_to_another_organization(self, as_ours, ours, theirs):
        for model in (Lab, CourseTag, Course, Class, BadgeProvider, Badge, Achievement, User):
            row = ours.rows[model]

            response = save(as_ours, change_page(row), organization=str(theirs.organization.pk))

            assert response.status_code == 200
            row.refresh_from_db()
            assert row.organization == ours.organization

    def test_what_belongs_to_another_organization_cannot_be_chosen(self, as_ours, ours, theirs):
        for row, field, foreign in (
            (ours.rows[Badge], "badge_provider", theirs.rows[BadgeProvider]),
            (ours.rows[Achievement], "badge", theirs.rows[Badge]),
            (ours.rows[Class], "course", theirs.rows[Course]),
            (ours.rows[Organization], "parent", theirs.organization),
            (ours.rows[Course], "labs", theirs.rows[Lab]),
        ):
            before = type(row)._default_manager.filter(pk=row.pk).values().get()
            save(as_ours, change_page(row), **{field: str(foreign.pk)})
            assert type(row)._default_manager.filter(pk=row.pk).values().get() == before
        assert list(ours.rows[Course].labs.all()) == [ours.rows[Lab]]

    def test_members_she_cannot_see_survive_her_edit(self, as_ours, ours, theirs):
        course = ours.rows[Course]
        course.labs.add(theirs.rows[Lab])
        course.tags.add(theirs.rows[CourseTag])

        save(as_ours, change_page(course), name="Renamed", labs=[], tags=[])

        course.refresh_from_db()
        assert course.name == "Renamed"
        assert list(course.labs.all()) == [theirs.rows[Lab]]
        assert list(course.tags.all()) == [theirs.rows[CourseTag]]

    def test_a_shared_badge_of_another_organization_stays_chosen(self, as_ours, ours, theirs):
        shared = theirs.rows[Badge]
        shared.available_to.add(ours.organization)
        achievement = ours.rows[Achievement]

        save(as_ours, change_page(achievement), badge=str(shared.pk))
        achievement.refresh_from_db()
        assert achievement.badge == shared
        shared.available_to.clear()

        assert "Theirs badge" in words(as_ours.get(change_page(achievement)))

    def test_what_was_done_is_in_the_records_own_history(self, as_ours, ours):
        save(as_ours, change_page(ours.rows[Lab]), name="Ours lab, renamed")

        entry = LogEntry.objects.get(object_id=str(ours.rows[Lab].pk), user=ours.administrator)
        assert "Name" in entry.get_change_message()


class TestOrganizations:
    def test_enabling_achievements_reaches_those_who_did_not_opt_out(self, as_ours, ours):
        Organization.objects.filter(pk=ours.organization.pk).update(enable_achievements=False)
        User.objects.update(participate_in_achievements=False)
        stubborn = UserFactory(organization=ours.organization)
        gates.opt_out(stubborn)
        ProgressChange.objects.all().delete()

        save(as_ours, change_page(ours.organization), enable_achievements="on")

        ours.learner.refresh_from_db()
        stubborn.refresh_from_db()
        assert ours.learner.participate_in_achievements
        assert not stubborn.participate_in_achievements
        assert ProgressChange.objects.filter(learner=ours.learner).exists()

    def test_a_child_copies_its_parents_preferences(self, as_ours, ours):
        response = save(
            as_ours, address(Organization, "add"), name="New child", parent=str(ours.organization.pk)
        )

        assert response.status_code == 302
        assert Organization.objects.get(name="New child").enable_achievements is True

    def test_an_administrator_founds_no_tree_of_her_own(self, as_ours):
        response = save(as_ours, address(Organization, "add"), name="A new root", parent="")

        assert response.context["adminform"].form.errors.keys() == {"parent"}
        assert not Organization.objects.filter(name="A new root").exists()

    def test_a_loop_is_refused_beside_the_parent_and_what_was_typed_is_kept(self, as_ours, ours):
        child = OrganizationFactory(name="Child", parent=ours.organization)
        grandchild = OrganizationFactory(name="Grandchild", parent=child)

        response = save(as_ours, change_page(child), parent=str(grandchild.pk), name="Typed name")

        assert response.context["adminform"].form.errors["parent"] == [
            "An organization cannot be below itself."
        ]
        assert "Typed name" in words(response)
        child.refresh_from_db()
        assert (child.parent, child.name) == (ours.organization, "Child")


class TestUsers:
    def test_a_new_user_with_a_password_can_sign_in(self, as_ours, ours, client):
        response = save(
            as_ours,
            address(User, "add"),
            email=" New@Example.org ",
            first_name="Nia",
            last_name="New",
            organization=str(ours.organization.pk),
            new_password="a long enough one",
        )

        assert response.status_code == 302
        user = User.objects.get(email="new@example.org")
        assert user.check_password("a long enough one")
        assert client.login(username="new@example.org", password="a long enough one")

    def test_an_empty_password_keeps_the_present_one_and_none_is_shown(self, as_ours, ours):
        ours.learner.set_password("a long enough one")
        ours.learner.save()

        response = save(as_ours, change_page(ours.learner), first_name="Renamed")

        assert response.status_code == 302
        ours.learner.refresh_from_db()
        assert ours.learner.first_name == "Renamed"
        assert ours.learner.check_password("a long enough one")
        assert ours.learner.password not in words(as_ours.get(change_page(ours.learner)))

    def test_a_weak_password_is_refused_and_not_repeated(self, as_ours, ours):
        response = save(as_ours, change_page(ours.learner), new_password="password")

        assert response.context["adminform"].form.errors.keys() == {"new_password"}
        assert 'value="password"' not in words(response)

    def test_no_browser_offers_its_own_users_name_beside_somebodys_password(self, as_ours, ours):
        for page in (change_page(ours.learner), address(User, "add"), f"/users/{ours.learner.pk}/edit/"):
            shown = as_ours.get(page).content.decode()
            for name in ("email", "first_name", "last_name"):
                (field,) = re.findall(rf'<input [^>]*name="{name}"[^>]*>', shown)
                assert 'autocomplete="off"' in field

    def test_changing_her_own_password_keeps_her_signed_in(self, as_ours, ours):
        save(as_ours, change_page(ours.administrator), new_password="a long enough one")

        assert as_ours.get("/admin/").status_code == 200

    def test_the_hash_of_a_password_cannot_be_searched_for(self, as_ours):
        response = as_ours.get(address(User, "changelist"), {"password__startswith": "pbkdf2"})

        assert response.status_code == 400

    def test_roles_are_given_on_the_users_page(self, as_ours, ours):
        response = save(
            as_ours,
            change_page(ours.learner),
            **{"role_assignments-TOTAL_FORMS": "1", "role_assignments-0-role": "instructor"},
        )

        assert response.status_code == 302
        assert set(User.objects.get(pk=ours.learner.pk).active_roles) == {Role.INSTRUCTOR}

    def test_a_supplemental_role_is_given_only_by_somebody_who_has_it(self, as_ours, ours):
        data = {
            "role_assignments-TOTAL_FORMS": "1",
            "role_assignments-0-role": Role.GLOBAL_ACHIEVEMENTS.value,
        }

        refused = save(as_ours, change_page(ours.learner), **data)
        assert refused.status_code == 200
        assert not User.objects.get(pk=ours.learner.pk).active_roles
        RoleAssignment.objects.create(user=ours.administrator, role=Role.GLOBAL_ACHIEVEMENTS)
        allowed = save(as_ours, change_page(ours.learner), **data)

        assert allowed.status_code == 302
        assert set(User.objects.get(pk=ours.learner.pk).active_roles) == {Role.GLOBAL_ACHIEVEMENTS}

    def test_an_administrator_cannot_take_over_a_superuser(self, as_ours, ours):
        root = UserFactory(organization=ours.organization, is_superuser=True)

        assert as_ours.get(change_page(root)).status_code == 200
        assert as_ours.post(change_page(root), {"new_password": "a long enough one"}).status_code == 403

    def test_an_administrator_cannot_make_one_either(self, as_ours, ours):
        save(as_ours, change_page(ours.learner), is_superuser="on")

        ours.learner.refresh_from_db()
        assert ours.learner.is_superuser is False

    def test_a_learner_who_opted_out_is_not_ticked_again(self, as_ours, ours):
        gates.opt_out(ours.learner)

        save(as_ours, change_page(ours.learner), participate_in_achievements="on")

        ours.learner.refresh_from_db()
        assert ours.learner.participate_in_achievements is False

    def test_an_address_that_another_has_is_refused_beside_the_field(self, as_ours, ours, theirs):
        response = save(as_ours, change_page(ours.learner), email=theirs.learner.email.upper())

        assert response.context["adminform"].form.errors.keys() == {"email"}

    def test_the_learners_page_is_one_click_away(self, as_ours, ours):
        page = words(as_ours.get(change_page(ours.learner)))

        assert reverse("user-achievements", args=[ours.learner.pk]) in page


class TestActivities:
    def test_a_lab_that_is_added_as_complete_is_on_the_record_and_asks_for_evaluation(self, as_ours, ours):
        ProgressChange.objects.all().delete()

        response = save(
            as_ours,
            address(LabInstance, "add"),
            user=str(ours.learner.pk),
            lab=str(ours.rows[Lab].pk),
            status=LabInstance.Status.COMPLETE.value,
        )

        assert response.status_code == 302
        launch = LabInstance.objects.latest("pk")
        assert launch.completed_at is not None
        assert LearningRecord.objects.get(source_kind=1, source_id=launch.pk).completed_at is not None
        assert ProgressChange.objects.filter(learner=ours.learner).exists()

    def test_completing_selected_labs_tells_what_could_not_be(self, as_ours, ours):
        launch = ours.rows[LabInstance]
        never = LabInstanceFactory(
            user=ours.learner, lab=launch.lab, status=LabInstance.Status.LAB_CREATION_FAILED
        )
        ProgressChange.objects.all().delete()

        response = as_ours.post(
            address(LabInstance, "changelist"),
            {"action": "complete", "_selected_action": [launch.pk, never.pk]},
            follow=True,
        )

        launch.refresh_from_db()
        never.refresh_from_db()
        assert launch.status == LabInstance.Status.COMPLETE
        assert never.completed_at is None
        assert "1 lab was completed." in words(response)
        assert "This lab never started" in words(response)
        assert ProgressChange.objects.filter(learner=ours.learner).exists()

    def test_another_organizations_lab_cannot_be_completed(self, as_ours, theirs):
        launch = theirs.rows[LabInstance]

        as_ours.post(
            address(LabInstance, "changelist"), {"action": "complete", "_selected_action": [launch.pk]}
        )

        launch.refresh_from_db()
        assert launch.completed_at is None

    def test_an_assignment_is_marked_complete(self, as_ours, ours):
        assignment = ours.rows[CourseAssignment]

        as_ours.post(
            address(CourseAssignment, "changelist"),
            {"action": "complete", "_selected_action": [assignment.pk]},
        )

        assignment.refresh_from_db()
        assert assignment.completed_at is not None

    def test_a_completion_status_of_somebody_not_enrolled_is_refused(self, as_ours, ours):
        enrollment = ours.rows[Enrollment]

        response = save(as_ours, change_page(enrollment), status="cancelled", completion_status="complete")

        assert response.status_code == 200
        assert "Only Enrolled students have a completion status." in words(response)
        enrollment.refresh_from_db()
        assert enrollment.status == "enrolled"

    def test_an_edit_keeps_exact_moments_and_the_zone_they_happened_in(self, as_ours, ours):
        exact = PAST + timedelta(microseconds=123_456)
        launch = LabInstanceFactory(user=ours.learner, lab=ours.rows[Lab], started_at=exact)
        ours.learner.time_zone = "Asia/Tokyo"
        gates.save_user(ours.learner)

        response = save(as_ours, change_page(launch), minutes="33")

        assert response.status_code == 302
        launch.refresh_from_db()
        assert (launch.minutes, launch.started_at, launch.started_zone) == (33, exact, "UTC")

    def test_whose_lab_it_was_is_fixed(self, as_ours, ours):
        launch = ours.rows[LabInstance]

        save(as_ours, change_page(launch), user=str(ours.administrator.pk))

        launch.refresh_from_db()
        assert launch.user == ours.learner

    @pytest.mark.parametrize("how", ["page", "list"])
    def test_deleting_takes_the_record_along(self, as_ours, ours, how):
        launch = ours.rows[LabInstance]
        ProgressChange.objects.all().delete()

        if how == "page":
            as_ours.post(address(LabInstance, "delete", launch.pk), {"post": "yes"})
        else:
            as_ours.post(
                address(LabInstance, "changelist"),
                {"action": "delete_selected", "_selected_action": [launch.pk], "post": "yes"},
            )

        assert not LabInstance.objects.filter(pk=launch.pk).exists()
        assert not LearningRecord.objects.filter(source_kind=1, source_id=launch.pk).exists()
        assert ProgressChange.objects.filter(learner=ours.learner).exists()

    def test_her_learner_in_another_organizations_class_is_seen_and_not_changed(self, as_ours, ours, theirs):
        enrollment = EnrollmentFactory(user=ours.learner, training_class=theirs.rows[Class])
        url = change_page(enrollment)

        assert as_ours.get(url).status_code == 200
        assert as_ours.post(url, {"status": "cancelled"}).status_code == 403
        assert as_ours.post(address(Enrollment, "delete", enrollment.pk), {"post": "yes"}).status_code == 403
        as_ours.post(
            address(Enrollment, "changelist"),
            {"action": "delete_selected", "_selected_action": [enrollment.pk], "post": "yes"},
        )

        enrollment.refresh_from_db()
        assert enrollment.status == "enrolled"

    def test_cancelling_a_class_takes_its_enrollments_off_the_record(self, as_ours, ours):
        save(as_ours, change_page(ours.rows[Class]), status="cancelled")

        enrollment = ours.rows[Enrollment]
        assert not LearningRecord.objects.filter(source_kind=2, source_id=enrollment.pk).exists()


class TestBadgeProviders:
    def test_the_token_goes_in_and_never_comes_out(self, as_ours, ours):
        provider = ours.rows[BadgeProvider]

        save(as_ours, change_page(provider), new_token="brand-new-token")

        provider.refresh_from_db()
        assert provider.token == "brand-new-token"
        refused = save(as_ours, change_page(provider), new_token="another-token", name="")
        for page in (
            refused,
            as_ours.get(change_page(provider)),
            as_ours.get(address(BadgeProvider, "changelist")),
            as_ours.get(address(BadgeProvider, "history", provider.pk)),
        ):
            assert "brand-new-token" not in words(page)
            assert "another-token" not in words(page)

    def test_an_empty_token_keeps_the_stored_one(self, as_ours, ours):
        provider = ours.rows[BadgeProvider]

        save(as_ours, change_page(provider), name="Renamed", new_token="")

        provider.refresh_from_db()
        assert (provider.name, provider.token) == ("Renamed", TOKEN)

    def test_an_account_without_a_token_is_refused_beside_the_field(self, as_ours, ours):
        response = save(
            as_ours,
            address(BadgeProvider, "add"),
            name="Typed name",
            organization=str(ours.organization.pk),
            api_url="https://api.credly.com/v1",
            provider_organization_id="1",
        )

        assert response.status_code == 200
        assert response.context["adminform"].form.errors.keys() == {"new_token"}
        assert "Typed name" in words(response)
        assert not BadgeProvider.objects.filter(name="Typed name").exists()

    def test_a_paused_account_is_resumed(self, as_ours, ours):
        provider = ours.rows[BadgeProvider]
        accounts.pause(provider, reason="The token was refused.")
        assert "The token was refused." in words(as_ours.get(change_page(provider)))

        response = as_ours.post(
            address(BadgeProvider, "changelist"),
            {"action": "resume", "_selected_action": [provider.pk]},
            follow=True,
        )

        provider.refresh_from_db()
        assert provider.paused_at is None
        assert "1 account goes on." in words(response)

    def test_the_token_cannot_be_searched_for(self, as_ours):
        response = as_ours.get(address(BadgeProvider, "changelist"), {"token__startswith": "f"})

        assert response.status_code in (302, 400)


class TestBadges:
    def test_a_badge_that_was_issued_keeps_its_template(self, as_ours, ours):
        badge = ours.rows[Badge]

        response = save(as_ours, change_page(badge), template_id="another", name="Typed name")

        assert response.context["adminform"].form.errors["template_id"] == [
            "This badge has been issued, so its provider and template stay as they are."
        ]
        assert 'value="another"' in words(response)
        assert "Typed name" in words(response)
        badge.refresh_from_db()
        assert badge.name == "Ours badge"

    def test_a_badge_of_a_disabled_account_cannot_be_activated(self, as_ours, ours):
        BadgeProvider.objects.update(is_enabled=False)

        response = save(as_ours, change_page(ours.rows[Badge]), name="Renamed")

        assert response.context["adminform"].form.errors.keys() == {"is_active"}

    def test_an_account_made_available_can_be_used(self, as_ours, ours, theirs):
        shared = theirs.rows[BadgeProvider]
        shared.available_to.add(ours.organization)

        response = save(
            as_ours,
            address(Badge, "add"),
            name="Through a shared account",
            organization=str(ours.organization.pk),
            badge_provider=str(shared.pk),
            template_id="shared-1",
        )

        assert response.status_code == 302
        assert Badge.objects.get(name="Through a shared account").badge_provider == shared


class TestIssuedBadges:
    def act(self, client, action: str, rows, **data: Any):
        chosen = {"action": action, "_selected_action": [row.pk for row in rows], **data}
        return client.post(address(IssuedBadge, "changelist"), chosen, follow=True)

    def test_the_record_shows_status_ids_failure_and_timeline(self, as_ours, ours):
        issued = ours.rows[IssuedBadge]
        IssuedBadge.objects.filter(pk=issued.pk).update(
            status=Status.FAILED,
            attempts=2,
            external_uuid="5f0c2b8e-77a1",
            external_state="pending",
            failure_code="rejected",
            failure_message="Credly refused the badge.",
            provider_message="Recipient email is invalid",
        )

        page = words(as_ours.get(change_page(issued)))

        for shown in (
            "Failed (attempt 2)",
            "5f0c2b8e-77a1",
            "pending",
            "Credly refused the badge.",
            "Recipient email is invalid",
            "Ours event",
            "Waiting → Sending",
        ):
            assert shown in page

    def test_failed_badges_are_sent_again_and_the_others_told_why_not(self, as_ours, ours):
        failed = ours.rows[IssuedBadge]
        IssuedBadge.objects.filter(pk=failed.pk).update(status=Status.FAILED, failure_code="rejected")
        accepted = IssuedBadgeFactory(badge=failed.badge, status=Status.ACCEPTED)

        response = self.act(as_ours, "retry", [failed, accepted])

        failed.refresh_from_db()
        accepted.refresh_from_db()
        assert (failed.status, accepted.status) == (Status.QUEUED, Status.ACCEPTED)
        assert "1 badge is sent again." in words(response)
        assert "Only a failed badge can be sent again" in words(response)
        assert failed.events.latest("pk").actor == ours.administrator

    def test_revoking_asks_for_a_reason_first(self, as_ours, ours):
        issued = ours.rows[IssuedBadge]
        IssuedBadge.objects.filter(pk=issued.pk).update(status=Status.ACCEPTED)

        asked = self.act(as_ours, "revoke", [issued])
        blank = self.act(as_ours, "revoke", [issued], reason="   ")
        issued.refresh_from_db()
        assert issued.status == Status.ACCEPTED
        assert "Ours badge – Ada Ours learner" in words(asked)
        assert "Give a reason." in words(blank)

        done = self.act(as_ours, "revoke", [issued], reason="Issued by mistake")

        issued.refresh_from_db()
        assert (issued.status, issued.ended_reason) == (Status.REVOKING, "Issued by mistake")
        assert done.redirect_chain[-1][0] == change_page(issued)

    def test_cancelling_gives_up_what_was_not_sent(self, as_ours, ours):
        waiting = ours.rows[IssuedBadge]
        sent = IssuedBadgeFactory(badge=waiting.badge, status=Status.ISSUED)

        response = self.act(as_ours, "cancel", [waiting, sent], reason="Wrong badge")

        waiting.refresh_from_db()
        sent.refresh_from_db()
        assert (waiting.status, sent.status) == (Status.CANCELLED, Status.ISSUED)
        assert "1 badge was cancelled." in words(response)
        assert "Only what has not been sent can be cancelled" in words(response)

    @pytest.mark.parametrize(
        ("status", "steps"),
        [
            (Status.QUEUED, ["cancel"]),
            (Status.FAILED, ["retry", "cancel"]),
            (Status.ACCEPTED, ["revoke"]),
            # It is taken back once its outcome is known.
            (Status.SENDING, ["revoke"]),
            (Status.REVOKED, []),
        ],
    )
    def test_the_record_offers_what_can_be_done_now(self, as_ours, ours, status, steps):
        issued = ours.rows[IssuedBadge]
        IssuedBadge.objects.filter(pk=issued.pk).update(status=status)

        page = words(as_ours.get(change_page(issued)))

        offered = [step for step in ("retry", "revoke", "cancel") if f'name="action" value="{step}"' in page]
        assert offered == sorted(steps, key=["retry", "revoke", "cancel"].index)

    def test_another_organizations_badge_of_her_own_learner_is_seen_and_not_touched(
        self, as_ours, ours, theirs
    ):
        issued = IssuedBadgeFactory(badge=theirs.rows[Badge], learner=ours.learner, status=Status.FAILED)

        page = words(as_ours.get(change_page(issued)))
        self.act(as_ours, "retry", [issued])

        issued.refresh_from_db()
        assert "Failed" in page
        assert 'name="action"' not in page
        assert issued.status == Status.FAILED

    def test_a_foreign_badge_cannot_be_named_in_an_action(self, as_ours, theirs):
        issued = theirs.rows[IssuedBadge]

        response = self.act(as_ours, "cancel", [issued], reason="Not mine")

        issued.refresh_from_db()
        assert issued.status == Status.QUEUED
        assert "Theirs" not in words(response)

    def test_filters_narrow_the_list(self, as_ours, ours):
        badge = ours.rows[Badge]
        IssuedBadgeFactory(badge=badge, status=Status.FAILED)
        url = address(IssuedBadge, "changelist")

        failed = as_ours.get(url, {"status__exact": "failed"}).context["cl"].queryset
        of_badge = as_ours.get(url, {"badge__id__exact": badge.pk}).context["cl"].queryset
        of_account = as_ours.get(url, {"badge__badge_provider__id__exact": badge.badge_provider_id})

        assert [row.status for row in failed] == [Status.FAILED]
        assert of_badge.count() == 2
        assert of_account.context["cl"].queryset.count() == 2

    def test_the_timeline_of_a_badge_costs_the_same_however_long_it_is(self, as_ours, ours):
        issued = ours.rows[IssuedBadge]
        url = change_page(issued)
        as_ours.get(url)
        with CaptureQueriesContext(connection) as short:
            as_ours.get(url)
        for _ in range(10):
            IssuingEvent.objects.create(
                issued_badge=issued,
                from_status=Status.SENDING,
                to_status=Status.QUEUED,
                actor=UserFactory(),
            )

        with CaptureQueriesContext(connection) as long:
            as_ours.get(url)

        assert len(long) == len(short)


class TestAchievements:
    def test_a_mistake_in_the_conditions_is_told_with_its_place_and_the_text_is_kept(self, as_ours, ours):
        achievement = ours.rows[Achievement]
        wrong = "[{Subject:0,\n  LabProfileId:[7]}]"

        response = save(as_ours, change_page(achievement), conditions_text=wrong, points="77")

        errors = response.context["adminform"].form.errors
        assert errors.keys() == {"conditions_text"}
        assert errors["conditions_text"][0].startswith("Line 2, column ")
        assert "LabProfileIds" in errors["conditions_text"][0]
        assert "LabProfileId:[7]" in words(response)
        assert 'value="77"' in words(response)
        achievement.refresh_from_db()
        assert achievement.points == 10

    def test_a_text_that_can_be_corrected_is_shown_corrected(self, as_ours, ours):
        response = save(
            as_ours, change_page(ours.rows[Achievement]), conditions_text="[“Subject”:0,”Count”:1]"
        )

        assert "Did you mean:" in words(response)
        assert "<code>" in words(response)

    def test_an_id_that_names_nothing_is_refused(self, as_ours, ours):
        response = save(
            as_ours,
            change_page(ours.rows[Achievement]),
            conditions_text="[{Subject:0, Count:1, LabProfileIds:[999999]}]",
        )

        assert "999999" in str(response.context["adminform"].form.errors["conditions_text"])

    def test_a_hint_is_shown_after_saving(self, as_ours, ours):
        labs = [ours.rows[Lab].pk, LabFactory(organization=ours.organization).pk]
        url = change_page(ours.rows[Achievement])
        data = typed(as_ours, url)
        data["conditions_text"] = f"[{{Subject:0, Count:1, LabProfileIds:{labs}}}]"

        response = as_ours.post(url, data, follow=True)

        levels = {message.level_tag: str(message) for message in response.context["messages"]}
        assert levels["warning"].startswith("Line 1, column ")
        assert "success" in levels

    def test_an_edited_rule_gets_a_version_with_its_author(self, as_ours, ours):
        achievement = ours.rows[Achievement]

        save(as_ours, change_page(achievement), conditions_text="[{Subject:0, Count:5}]")

        version = RuleVersion.objects.get(achievement=achievement, number=2)
        assert version.created_by == ours.administrator
        assert "[{Subject:0, Count:5}]" in words(as_ours.get(change_page(achievement)))

    def test_the_rule_is_shown_in_words(self, as_ours, ours):
        text = f"[{{LabProfileIds:[{ours.rows[Lab].pk}]}}, {{Subject:40, Points:500}}]"
        achievement = AchievementFactory(organization=ours.organization, conditions_text=text)

        page = words(as_ours.get(change_page(achievement)))

        assert "<li>Launch the lab “Ours lab”</li><li>Collect 500 points</li>" in page
        assert "Rule in words" not in words(as_ours.get(address(Achievement, "add")))

    def test_making_it_global_needs_the_supplemental_role(self, as_ours, ours):
        achievement = ours.rows[Achievement]

        save(as_ours, change_page(achievement), is_global="on")
        achievement.refresh_from_db()
        assert achievement.is_global is False
        RoleAssignment.objects.create(user=ours.administrator, role=Role.GLOBAL_ACHIEVEMENTS)
        save(as_ours, change_page(achievement), is_global="on")

        achievement.refresh_from_db()
        assert achievement.is_global is True

    def test_the_list_counts_how_often_each_was_earned(self, as_ours, ours):
        [row] = as_ours.get(address(Achievement, "changelist")).context["cl"].result_list

        assert admin.site._registry[Achievement].times_earned(row) == 1

    @pytest.mark.parametrize(
        ("state", "sentence"),
        [
            ({"last_error": "The rule is too slow."}, "The rule is too slow."),
            ({"gone": {"LabProfileIds": [12]}, "paused_at": PAST}, "what no longer exists: lab 12."),
        ],
    )
    def test_why_a_rule_is_not_evaluated_is_told(self, as_ours, ours, state, sentence):
        achievement = ours.rows[Achievement]
        assert "Problem:" not in words(as_ours.get(change_page(achievement)))

        Achievement.objects.filter(pk=achievement.pk).update(**state)

        assert sentence in words(as_ours.get(change_page(achievement)))
        assert sentence in words(as_ours.get(address(Achievement, "changelist")))

    def test_what_was_earned_shows_its_evidence(self, as_ours, ours):
        page = words(as_ours.get(change_page(ours.rows[EarnedAchievement])))

        assert "&quot;needed&quot;: 1" in page
