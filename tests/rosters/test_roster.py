"""Who is on a roster, and which badges may be issued from it."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from rosters.roster import (
    classes_of,
    enrollments_of,
    roster_badges,
    roster_learners,
    sees_colleagues_alone,
)
from tests.factories import (
    AchievementFactory,
    AdministratorFactory,
    BadgeFactory,
    ClassFactory,
    CourseFactory,
    CourseTagFactory,
    EnrollmentFactory,
    LabFactory,
    OrganizationFactory,
    UserFactory,
)
from tms.access import Role
from tms.models import Class, Enrollment

pytestmark = pytest.mark.django_db


@pytest.fixture
def training_class():
    return ClassFactory()


@pytest.fixture
def administrator(training_class):
    return AdministratorFactory(organization=training_class.organization)


def teacher_of(training_class, role=Role.INSTRUCTOR):
    home = training_class.organization if role is Role.INSTRUCTOR else OrganizationFactory()
    teacher = UserFactory(organization=home, roles=[role])
    training_class.instructors.add(teacher)
    return teacher


def enroll(training_class, **fields):
    fields = {"user__organization": training_class.organization, **fields}
    return EnrollmentFactory(training_class=training_class, **fields)


def own_badge(training_class, **fields):
    return BadgeFactory(organization=training_class.organization, **fields)


def names(rows) -> list[str]:
    return [row.name for row in rows]


def test_the_classes_one_may_open_come_latest_first(training_class, administrator):
    later = ClassFactory(
        course=training_class.course,
        starts_at=training_class.starts_at.replace(month=4),
        ends_at=training_class.ends_at.replace(month=4),
    )
    ClassFactory()
    assert list(classes_of(administrator)) == [later, training_class]
    assert list(classes_of(teacher_of(training_class))) == [training_class]


def test_badges_go_to_the_enrolled_and_to_auditors_alone(training_class, administrator):
    rows = {
        status: enroll(training_class, status=status, completion_status="unknown")
        for status in Enrollment.Status
    }
    issuable = {rows[Enrollment.Status.ENROLLED], rows[Enrollment.Status.AUDIT]}
    assert set(enrollments_of(training_class, viewer=administrator)) == set(rows.values())
    assert set(roster_learners(training_class, viewer=administrator)) == issuable


def test_who_learns_elsewhere_is_seen_by_contract_instructors_and_administrators(
    training_class, administrator
):
    enroll(training_class, user__last_name="of the house")
    enroll(training_class, user__organization=OrganizationFactory(), user__last_name="of another")
    inside, outside = (
        teacher_of(training_class, role) for role in (Role.INSTRUCTOR, Role.CONTRACT_INSTRUCTOR)
    )
    found = {
        viewer: [row.user.last_name for row in roster_learners(training_class, viewer=viewer)]
        for viewer in (administrator, inside, outside)
    }
    assert found == {
        administrator: ["of another", "of the house"],
        inside: ["of the house"],
        outside: ["of another", "of the house"],
    }
    narrowed = {viewer: sees_colleagues_alone(training_class, viewer=viewer) for viewer in found}
    assert narrowed == {administrator: False, inside: True, outside: False}


@pytest.mark.parametrize("status", [Class.Status.CANCELLED, Class.Status.DENIED])
def test_nobody_is_issued_a_badge_from_a_class_that_does_not_take_place(
    training_class, administrator, status
):
    enrollment = enroll(training_class)
    training_class.status = status
    training_class.save()
    assert list(enrollments_of(training_class, viewer=administrator)) == [enrollment]
    assert not roster_learners(training_class, viewer=administrator).exists()


@pytest.mark.parametrize("role", [None, Role.INSTRUCTOR, Role.CONTRACT_INSTRUCTOR])
def test_the_badges_are_those_that_may_be_issued_by_hand_and_belong_to_the_organization_of_the_class(
    training_class, administrator, role
):
    viewer = teacher_of(training_class, role) if role else administrator
    own_badge(training_class, name="Guest Speaker")
    own_badge(training_class, name="Automatic only", enable_manual_issuance=False)
    own_badge(training_class, name="Not active", is_active=False)
    own_badge(training_class, name="Disabled account", badge_provider__is_enabled=False)
    child = OrganizationFactory(parent=training_class.organization)
    shared = BadgeFactory(name="Of a child", organization=child)
    shared.available_to.add(training_class.organization)
    BadgeFactory(name="Of the instructor's own organization", organization=viewer.organization) if (
        role is Role.CONTRACT_INSTRUCTOR
    ) else None
    assert names(roster_badges(training_class, viewer=viewer)) == ["Guest Speaker"]


def test_a_teacher_of_another_class_finds_no_badges_here(training_class):
    own_badge(training_class)
    stranger = teacher_of(ClassFactory())
    assert not roster_badges(training_class, viewer=stranger).exists()


class TestTheCoursesBadgesComeFirst:
    def order(self, training_class, viewer, conditions, **fields):
        linked = own_badge(training_class, name="Zenith")
        own_badge(training_class, name="Apex")
        AchievementFactory(
            organization=training_class.organization, badge=linked, conditions_text=conditions, **fields
        )
        return [(row.name, row.is_of_course) for row in roster_badges(training_class, viewer=viewer)]

    FIRST = [("Zenith", True), ("Apex", False)]
    BY_NAME = [("Apex", False), ("Zenith", False)]

    def test_by_an_achievement_that_names_the_course(self, training_class, administrator):
        rule = f"[{{Subject:10, Count:1, CourseIds:[{training_class.course_id}], Complete:True}}]"
        assert self.order(training_class, administrator, rule) == self.FIRST

    def test_by_a_tag_of_the_course(self, training_class, administrator):
        tag = CourseTagFactory(organization=training_class.organization)
        training_class.course.tags.add(tag)
        rule = f"[{{Subject:20, Count:1, CourseTagIds:[{tag.pk}], Complete:True}}]"
        assert self.order(training_class, administrator, rule) == self.FIRST

    def test_by_a_lab_of_the_course_inside_a_group(self, training_class, administrator):
        lab = LabFactory(organization=training_class.organization)
        training_class.course.labs.add(lab)
        rule = f"[{{Any:[{{Subject:0, Count:1, LabProfileIds:[{lab.pk}]}}, {{Subject:40, Points:5}}]}}]"
        assert self.order(training_class, administrator, rule) == self.FIRST

    def test_but_not_by_a_rule_that_excludes_it_or_names_another(self, training_class, administrator):
        course = CourseFactory(organization=training_class.organization)
        rule = f"[{{Subject:10, Count:1, CourseIds:[{course.pk}]}}]"
        assert self.order(training_class, administrator, rule) == self.BY_NAME

    def test_but_not_by_an_achievement_that_is_switched_off(self, training_class, administrator):
        rule = f"[{{Subject:10, Count:1, CourseIds:[{training_class.course_id}]}}]"
        assert self.order(training_class, administrator, rule, enabled=False) == self.BY_NAME


def test_the_number_of_queries_for_the_badges_does_not_grow(
    training_class, administrator, django_assert_num_queries
):
    for number in range(3):
        badge = own_badge(training_class)
        AchievementFactory(
            organization=training_class.organization,
            badge=badge,
            conditions_text=f"[{{Subject:10, Count:{number + 1}, CourseIds:[{training_class.course_id}]}}]",
        )
    viewer = type(administrator).objects.get(pk=administrator.pk)
    training_class = Class.objects.select_related("course").get(pk=training_class.pk)
    with django_assert_num_queries(6):  # roles; ids; rules, tags and labs; the badges
        assert len(roster_badges(training_class, viewer=viewer)) == 3


class TestFindingAClass:
    def rows(self, client, viewer, query="") -> list[str]:
        client.force_login(viewer)
        return [row.name for row in client.get(f"/classes/{query}").context["page"]]

    def test_by_the_words_of_its_name_its_course_or_its_organization(
        self, client, training_class, administrator
    ):
        training_class.course.name = "Incident Response"
        training_class.course.save()
        ClassFactory(name="Forensics", organization=training_class.organization)
        assert len(self.rows(client, administrator)) == 2
        assert self.rows(client, administrator, "?q=response+incident") == [training_class.name]
        assert self.rows(client, administrator, "?q=response+forensics") == []
        assert self.rows(client, administrator, f"?q={training_class.name}") == [training_class.name]
        assert self.rows(client, administrator, f"?q=%00{training_class.name}") == [training_class.name]

    @pytest.mark.parametrize(
        ("when", "found"),
        [("running", "now"), ("to_come", "soon"), ("past", "long ago"), ("nonsense", "soon now long ago")],
    )
    def test_by_its_time(self, client, training_class, administrator, when, found):
        now, day = timezone.now(), timedelta(days=1)
        times = {"long ago": (-9, -8), "now": (-1, 1), "soon": (8, 9)}
        for name, (starts, ends) in times.items():
            ClassFactory(
                name=name,
                course=training_class.course,
                starts_at=now + starts * day,
                ends_at=now + ends * day,
            )
        training_class.delete()
        assert " ".join(self.rows(client, administrator, f"?when={when}")) == found

    def test_the_students_counted_are_those_that_the_viewer_sees(self, client, training_class, administrator):
        enroll(training_class)
        enroll(training_class, user__organization=OrganizationFactory())
        enroll(training_class, status=Enrollment.Status.CANCELLED)
        inside = teacher_of(training_class)
        counted = {}
        for viewer in (administrator, inside):
            client.force_login(viewer)
            counted[viewer] = client.get("/classes/").context["page"][0].students
        assert counted == {administrator: 2, inside: 1}

    def test_the_number_of_queries_does_not_grow(self, client, training_class, administrator):
        client.force_login(administrator)
        client.get("/classes/")
        counts = []
        for _ in range(2):
            with CaptureQueriesContext(connection) as queries:
                client.get("/classes/")
            counts.append(len(queries))
            for _more in range(3):
                enroll(ClassFactory(course=training_class.course))
        assert counts[0] == counts[1]

    def test_a_learner_finds_none(self, client, training_class):
        assert self.rows(client, enroll(training_class).user) == []


class TestTheDashboardOfWhoTeaches:
    def test_tells_what_comes_next_and_what_was_last(self, client, training_class):
        teacher = teacher_of(training_class, Role.CONTRACT_INSTRUCTOR)
        now = timezone.now()
        soon = ClassFactory(name="Soon", starts_at=now + timedelta(1), ends_at=now + timedelta(2))
        running = ClassFactory(name="Running", starts_at=now - timedelta(1), ends_at=now + timedelta(2))
        for taught in (soon, running):
            taught.instructors.set([teacher, UserFactory()])
        ClassFactory(name="Not taught")
        client.force_login(teacher)
        page = client.get("/").content.decode()
        places = [page.index(f"/classes/{row.pk}/roster/") for row in (running, soon, training_class)]
        assert places == sorted(places)
        assert "Running now" in page
        assert "Not taught" not in page

    @pytest.mark.parametrize("make", [AdministratorFactory, UserFactory])
    def test_is_for_nobody_else(self, client, make):
        client.force_login(make())
        assert "Your classes" not in client.get("/").content.decode()


class TestTheFrame:
    def page(self, client, viewer, training_class):
        client.force_login(viewer)
        return client.get(f"/classes/{training_class.pk}/roster/").content.decode()

    def test_edit_is_there_for_who_manages_the_class(self, client, training_class, administrator):
        link = f"/admin/tms/class/{training_class.pk}/change/"
        assert link in self.page(client, administrator, training_class)
        assert link not in self.page(client, teacher_of(training_class), training_class)

    def test_the_event_is_told(self, client, training_class, administrator):
        page = self.page(client, administrator, training_class)
        for told in ("Event:", training_class.name, training_class.course.name, "March 2, 2026"):
            assert told in page
