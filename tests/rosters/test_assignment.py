"""The page of a course assignment, and issuing a badge from it."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from badges.delivery import deliver
from badges.models import IssuedBadge, IssuingAct
from badges.status import Status
from tests.factories import (
    ActivityResultFactory,
    AdministratorFactory,
    BadgeFactory,
    BadgeProviderFactory,
    CourseActivityFactory,
    CourseAssignmentFactory,
    CourseFactory,
    CourseSectionFactory,
    IssuedBadgeFactory,
    LabFactory,
    LabInstanceFactory,
    OrganizationFactory,
    SubscriptionFactory,
    UserFactory,
)
from tests.rosters.test_one_badge import told, watching, words
from tms import gates
from tms.access import Role
from tms.models import CourseActivity, CourseAssignment

pytestmark = pytest.mark.django_db
HX = {"HX-Request": "true"}


@pytest.fixture
def learner(badge):
    return UserFactory(organization=badge.organization, first_name="Zoë", last_name="Marchetti")


@pytest.fixture
def assignment(learner):
    course = CourseFactory(name="Cloud Foundations", organization=learner.organization)
    return CourseAssignmentFactory(user=learner, course=course)


@pytest.fixture
def administrator(learner, client):
    administrator = AdministratorFactory(organization=learner.organization)
    client.force_login(administrator)
    return administrator


@pytest.fixture
def page(client, assignment):
    def page(of=assignment):
        return client.get(f"/course-assignments/{of.pk}/")

    return page


@pytest.fixture
def dialog(client, assignment):
    def dialog(**query):
        return client.get(f"/course-assignments/{assignment.pk}/issue-a-badge/", query, headers=HX)

    return dialog


@pytest.fixture
def select(client, assignment):
    def select(badge):
        sent = {"confirm": "yes", "chosen": badge.pk}
        return client.post(f"/course-assignments/{assignment.pk}/issue-a-badge/", sent, headers=HX)

    return select


def fact(response, label: str) -> str:
    """What stands beside a label."""
    found = re.search(rf"<dt>{label}</dt>\s*<dd[^>]*>(.*?)</dd>", words(response), re.DOTALL)
    return " ".join(re.sub(r"<[^>]+>", " ", found[1]).split())


class TestTheFacts:
    def test_of_one_that_goes_on(self, administrator, assignment, page):
        CourseAssignment.objects.update(expires_at=timezone.now() + timedelta(days=30))
        shown = page()
        assert fact(shown, "Student") == "Zoë Marchetti"
        assert fact(shown, "Course") == "Cloud Foundations"
        assert fact(shown, "Started").startswith("March 2, 2026")
        assert fact(shown, "Completed") == "Not yet"
        assert "Expired" not in fact(shown, "Expires")
        assert 'class="past"' not in words(shown)
        assert fact(shown, "Target Completion") == "Never"
        assert fact(shown, "Include Labs") == "No"
        assert fact(shown, "Subscription") == "–"

    def test_of_one_that_is_over(self, administrator, assignment, page):
        subscription = SubscriptionFactory(
            user=assignment.user, subscription_profile__name="Everything", starts_at=assignment.started_at
        )
        assignment.course.labs.add(LabFactory(organization=assignment.course.organization))
        CourseAssignment.objects.update(
            completed_at=assignment.started_at + timedelta(days=2),
            expires_at=timezone.now() - timedelta(days=14),
            target_completion=assignment.started_at + timedelta(days=9),
            subscription=subscription,
        )
        shown = page()
        assert fact(shown, "Completed").startswith("March 4, 2026")
        assert "Expired 2 weeks ago" in fact(shown, "Expires")
        assert '<dd class="past">' in words(shown)
        assert fact(shown, "Target Completion") == "March 11, 2026"
        assert fact(shown, "Include Labs") == "Yes"
        assert fact(shown, "Subscription") == "Everything"

    def test_one_without_an_end_never_expires(self, administrator, page):
        CourseAssignment.objects.update(expires_at=None)
        assert fact(page(), "Expires") == "Never"


class TestTheActivities:
    def test_in_their_sections_with_how_far_each_is(self, administrator, assignment, page):
        section = CourseSectionFactory(course=assignment.course, name="First steps")
        film = CourseActivityFactory(section=section, name="A film", kind=CourseActivity.Kind.VIDEO)
        begun = CourseActivityFactory(section=section, name="A game")
        CourseActivityFactory(section=section, name="A test", is_required=False)
        for activity in (film, begun):
            ActivityResultFactory(course_activity=activity, course_assignment=assignment)
        text = told(page())
        assert "First steps A film required Completed · March 2, 2026 A game required In progress" in text
        assert "A test Not started" in text
        assert fact(page(), "Completed") == "Not yet 50%"

    def test_of_a_course_without_sections_its_labs(self, administrator, assignment, page):
        done, failed, never = (
            LabFactory(name=name, organization=assignment.course.organization)
            for name in ("Done", "Failed", "Other")
        )
        assignment.course.labs.add(done, failed, never)
        taken = {"user": assignment.user, "course_assignment": assignment}
        LabInstanceFactory(lab=done, **taken)
        LabInstanceFactory(lab=done, completed_at=timezone.now(), score_percent=82, **taken)
        LabInstanceFactory(lab=failed, status="lab_creation_failed", **taken)
        text = told(page())
        assert "Done Completed" in text
        assert "Failed Not started" in text
        assert "Other Not started" in text
        assert "Done Complete · 82%" in text

    def test_the_number_of_queries_does_not_grow(
        self, client, administrator, assignment, badge, select, page
    ):
        counts = []
        for number in range(2):
            section = CourseSectionFactory(course=assignment.course)
            activity = CourseActivityFactory(section=section)
            ActivityResultFactory(course_activity=activity, course_assignment=assignment)
            lab = LabFactory(organization=assignment.course.organization)
            LabInstanceFactory(lab=lab, user=assignment.user, course_assignment=assignment)
            one = BadgeFactory(name=f"Badge {number}", organization=badge.organization)
            IssuedBadgeFactory(badge=one, learner=assignment.user, status=Status.SENDING)
            by_hand = BadgeFactory(
                name=f"By hand {number}",
                organization=badge.organization,
                badge_provider=BadgeProviderFactory(organization=badge.organization),
            )
            select(by_hand)
            page()
            with CaptureQueriesContext(connection) as queries:
                page()
            counts.append(len(queries))
        assert counts[0] == counts[1]
        assert counts[0] <= 14


class TestTheBadges:
    def test_that_were_issued_are_shown(self, administrator, assignment, badge, page):
        IssuedBadgeFactory(
            badge=badge, learner=assignment.user, status=Status.ISSUED, issued_by=administrator
        )
        text = told(page())
        assert badge.name in text
        assert f"Issued by {administrator}" in text

    def test_are_watched_while_they_are_under_way(self, client, administrator, assignment, badge, page):
        issued = IssuedBadgeFactory(badge=badge, learner=assignment.user, status=Status.SENDING)
        seen = re.search(r"\?seen=(\w+)", words(page()))[1]
        assert "every 2s" in words(page())
        url = f"/course-assignments/{assignment.pk}/?seen={seen}"
        assert client.get(url, headers=HX).status_code == 204
        IssuedBadge.objects.filter(pk=issued.pk).update(status=Status.ISSUED)
        news = words(client.get(url, headers=HX))
        assert "every 2s" not in news
        assert "<h1" not in news

    def test_tell_the_note_and_the_words_of_a_failure_to_administrators_and_never_to_the_learner(
        self, client, administrator, assignment, badge, page
    ):
        IssuedBadgeFactory(
            badge=badge,
            learner=assignment.user,
            issued_by=assignment.user,
            status=Status.FAILED,
            reason="Between us: barely passed",
            provider_message="Recipient email is blocked",
        )
        text = told(page())
        assert "Between us: barely passed" in text
        assert "Recipient email is blocked" in text
        client.force_login(assignment.user)
        text = told(page())
        assert badge.name in text
        assert "Between us" not in text
        assert "Recipient email" not in text

    def test_are_not_on_the_own_page_of_who_does_not_participate(self, client, assignment, badge, page):
        IssuedBadgeFactory(badge=badge, learner=assignment.user, status=Status.ISSUED)
        client.force_login(assignment.user)
        assert badge.name in told(page())
        gates.opt_out(assignment.user)
        assert badge.name not in told(page())


class TestIssuing:
    def test_is_in_the_quick_access_bar_of_administrators_alone(
        self, client, administrator, assignment, page
    ):
        assert "Issue a Badge" in told(page())
        client.force_login(assignment.user)
        own = page()
        assert own.status_code == 200
        assert "Issue a Badge" not in told(own)
        assert "/admin/" not in words(own).partition("<main")[2]

    @pytest.mark.parametrize("role", [Role.INSTRUCTOR, Role.CONTRACT_INSTRUCTOR])
    def test_is_nothing_for_instructors(self, client, assignment, badge, role, page, select):
        client.force_login(UserFactory(organization=badge.organization, roles=[role]))
        assert page().status_code == 404
        assert select(badge).status_code == 404
        assert not IssuedBadge.objects.exists()

    def test_is_not_offered_without_a_badge_or_for_a_cancelled_assignment(
        self, administrator, badge, assignment, page
    ):
        CourseAssignment.objects.update(status="cancelled")
        assert "Issue a Badge" not in told(page())
        assert "Cancelled" in fact(page(), "Status")
        CourseAssignment.objects.update(status="active")
        type(badge).objects.update(enable_manual_issuance=False)
        assert "Issue a Badge" not in told(page())

    def test_offers_badges_of_the_organization_and_its_children_under_locked_filters(
        self, administrator, badge, dialog
    ):
        child = OrganizationFactory(parent=badge.organization)
        for name, organization, by_hand in (
            ("Of a child", child, True),
            ("Of a child, automatic", child, False),
            ("Of another", OrganizationFactory(), True),
        ):
            BadgeFactory(name=name, organization=organization, enable_manual_issuance=by_hand)
        text = told(dialog())
        assert f"Belongs to {badge.organization}, Include Children" in text
        assert "Is Enabled for Manual Issuance" in text
        assert "2 Results Found" in text
        assert "Of a child" in text
        assert "automatic" not in text
        assert "Of another" not in text

    def test_reaches_the_provider_and_the_page(
        self, sandbox, administrator, assignment, badge, dialog, select, page
    ):
        again = watching(select(badge))
        deliver()
        assert "Successfully Issued Badge" in told(dialog(**again))
        assert [there["recipient_email"] for there in sandbox.badges()] == [assignment.user.email]
        row = IssuedBadge.objects.get()
        assert (row.source_kind, row.source_key) == ("course_assignment", str(assignment.pk))
        assert badge.name in told(page())

    def test_of_a_cancelled_assignment_is_refused(self, sandbox, administrator, badge, select):
        CourseAssignment.objects.update(status="cancelled")
        assert "Badges cannot be issued from this course assignment." in told(select(badge))
        deliver()
        assert sandbox.badges() == []

    @pytest.mark.parametrize("place", ["parent", "elsewhere"])
    def test_of_a_badge_of_an_organization_above_or_beside_is_refused(
        self, sandbox, administrator, badge, select, place
    ):
        home, parent = badge.organization, OrganizationFactory()
        home.parent = parent
        home.save()
        other = BadgeFactory(organization=parent if place == "parent" else OrganizationFactory())
        assert "Choose one of the badges that are listed." in told(select(other))
        assert not IssuedBadge.objects.exists()

    def test_by_the_learner_or_an_administrator_elsewhere_is_not_found(
        self, client, assignment, badge, select, dialog
    ):
        below = OrganizationFactory(parent=badge.organization)
        for person in (
            assignment.user,
            AdministratorFactory(),
            AdministratorFactory(organization=below),
        ):
            client.force_login(person)
            assert select(badge).status_code == 404
            assert dialog().status_code == 404
        assert not IssuedBadge.objects.exists()


class TestTakingBack:
    def test_each_act_is_offered_alone_and_returns_to_the_page(
        self, client, administrator, assignment, badge, select, page
    ):
        other = BadgeFactory(
            name="Second", organization=badge.organization, badge_provider=badge.badge_provider
        )
        for each in (badge, other):
            select(each)
        first, second = IssuingAct.objects.order_by("pk")
        html = words(page())
        assert html.count('<dialog id="undo"') == 1
        assert re.findall(r'id="undo-act-(\d+)"', html) == [str(second.pk), str(first.pk)]  # the latest first
        address = re.search(rf'hx-get="(/issuing-acts/{first.pk}/undo/[^"]+)"', html)[1]
        dialog = told(client.get(address, headers=HX))
        assert f"{badge} · {assignment.user} 1 badge that has not been sent is cancelled." in dialog
        where = f"/course-assignments/{assignment.pk}/"
        answer = client.post(address, {"reason": "The wrong one", "next": where}, headers=HX)
        assert answer["HX-Redirect"] == where
        shown = page()
        assert "1 badge that had not been sent was cancelled." in told(shown)
        assert f"Undone by {administrator} on" in told(shown)
        assert ": The wrong one" in told(shown)
        assert f'id="undo-act-{first.pk}"' not in words(shown)
        assert f'id="undo-act-{second.pk}"' in words(shown)
        assert IssuedBadge.objects.get(badge=other).status == Status.QUEUED

    def test_acts_are_told_to_who_administers_them_alone(
        self, client, administrator, assignment, badge, select, page
    ):
        elsewhere = CourseAssignmentFactory(user=assignment.user, course=assignment.course)
        select(badge)
        select(badge)  # it is refused, and brings nothing about
        assert "Issued from here by hand" in told(page())
        assert words(page()).count("/undo/") == 1
        assert "Issued from here by hand" not in told(page(elsewhere))
        client.force_login(assignment.user)
        assert badge.name in told(page())
        assert "Issued from here by hand" not in told(page())
        assert "/undo/" not in words(page())


def test_links_lead_there_from_the_dashboard_and_the_back_office(client, assignment, administrator):
    url = f"/course-assignments/{assignment.pk}/"
    assert url in words(client.get(f"/admin/tms/courseassignment/{assignment.pk}/change/"))
    client.force_login(assignment.user)
    assert url in words(client.get("/"))
