"""The transcript of a learner: what is on it, which badges stand where, and who may see it."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from achievements.evaluation import award_full
from badges.models import IssuedBadge
from badges.status import Status
from tests.factories import (
    PAST,
    AchievementFactory,
    AdministratorFactory,
    BadgeFactory,
    BadgeProviderFactory,
    ClassFactory,
    CourseAssignmentFactory,
    CourseFactory,
    EnrollmentFactory,
    IssuedBadgeFactory,
    LabFactory,
    LabInstanceFactory,
    OrganizationFactory,
    UserFactory,
)
from tests.rosters.test_one_badge import told, words
from tms import gates, progress

pytestmark = pytest.mark.django_db
HX = {"HX-Request": "true"}


@pytest.fixture
def learner():
    organization = OrganizationFactory(enable_achievements=True)
    return UserFactory(organization=organization, first_name="Zoë", last_name="Marchetti")


@pytest.fixture
def provider(learner):
    return BadgeProviderFactory(organization=learner.organization)


@pytest.fixture
def badge(learner, provider):
    def badge(name):
        return BadgeFactory(name=name, organization=learner.organization, badge_provider=provider)

    return badge


@pytest.fixture
def page(client, learner):
    def page(query="", *, as_=None, **headers):
        client.force_login(as_ or learner)
        return client.get(f"/users/{learner.pk}/transcript/{query}", headers=headers)

    return page


def row(response, name: str) -> str:
    """What the row of a class, a course or a lab says."""
    rows = re.findall(r"<tr>.*?</tr>", words(response), re.DOTALL)
    found = [" ".join(re.sub(r"<[^>]+>", " ", each).split()) for each in rows if name in each]
    assert len(found) == 1, found
    return found[0]


def test_it_lists_classes_assignments_and_labs_with_how_far_each_is(learner, page):
    course = CourseFactory(name="Cloud Foundations", organization=learner.organization)
    training_class = ClassFactory(name="Spring Class", course=course)
    EnrollmentFactory(
        user=learner, training_class=training_class, completion_status="complete", completed_at=PAST
    )
    EnrollmentFactory(user=learner, training_class=ClassFactory(name="Waiting"), status="wait_listed")
    assignment = CourseAssignmentFactory(user=learner, course=course, completed_at=PAST)
    CourseAssignmentFactory(user=learner, course=CourseFactory(name="Never Mind"), status="cancelled")
    lab = LabFactory(name="First Lab", organization=learner.organization)
    LabInstanceFactory(
        user=learner, lab=lab, course_assignment=assignment, score_percent=82, passed=True, status="complete"
    )
    LabInstanceFactory(user=learner, lab=LabFactory(name="Second Lab"), passed=False)
    LabInstanceFactory(user=UserFactory(organization=learner.organization), lab=LabFactory(name="Not hers"))
    shown = page()
    assert "Complete March 2, 2026" in row(shown, "Spring Class")
    assert "Wait-Listed" in row(shown, "Waiting")
    assert "Unknown" not in row(shown, "Waiting")
    html = words(shown)
    assert f'href="/course-assignments/{assignment.pk}/"' in html
    assert row(shown, "Never Mind").endswith("Cancelled")
    assert "First Lab Cloud Foundations" in row(shown, "First Lab")
    assert "Complete 82% Passed" in row(shown, "First Lab")
    assert "Not passed" in row(shown, "Second Lab")
    assert "Not hers" not in html
    assert "/roster/" not in html  # she does not teach
    administrator = AdministratorFactory(organization=course.organization)
    assert f"/classes/{training_class.pk}/roster/" in words(page(as_=administrator))


def test_a_badge_stands_where_it_came_from(learner, page, badge):
    course = CourseFactory(name="Cloud Foundations", organization=learner.organization)
    training_class = ClassFactory(name="Spring Class", course=course)
    EnrollmentFactory(user=learner, training_class=training_class)
    assignment = CourseAssignmentFactory(user=learner, course=CourseFactory(name="Self-Paced"))
    lab = LabFactory(name="Hard Lab", organization=learner.organization)
    LabFactory(name="Easy Lab", organization=learner.organization)
    for name, kind, key in (
        ("Of the class", "roster", training_class.pk),
        ("Of the assignment", "course_assignment", assignment.pk),
        ("Of another class", "roster", ClassFactory().pk),
        ("Of a list", "list", ""),
    ):
        IssuedBadgeFactory(
            badge=badge(name), learner=learner, status=Status.ISSUED, source_kind=kind, source_key=str(key)
        )
    AchievementFactory(
        organization=learner.organization,
        badge=badge("Of the lab"),
        conditions_text=f"[{{Subject:0, Count:1, LabProfileIds:[{lab.pk}], Complete:True}}]",
    )
    AchievementFactory(
        organization=learner.organization,
        badge=badge("Of points"),
        conditions_text="[{Subject:40, Points:1}]",
    )
    progress.complete_lab(LabInstanceFactory(user=learner, lab=lab))
    award_full()
    shown = page()
    assert "Of the class" in row(shown, "Spring Class")
    assert "Of the assignment" in row(shown, "Self-Paced")
    assert "Of the lab" in row(shown, "Hard Lab")
    text = told(shown)
    for name in ("Of the class", "Of the assignment", "Of the lab"):
        assert text.count(name) == 1
    elsewhere = text.split("Other badges")[1]
    for name in ("Of another class", "Of a list", "Of points"):
        assert name in elsewhere


def test_who_sees_it(client, learner, page, badge):
    IssuedBadgeFactory(badge=badge("Secret"), learner=learner, reason="Between us", status=Status.ISSUED)
    above = OrganizationFactory()
    learner.organization.parent = above
    learner.organization.save()
    own = page()
    assert "Secret" in told(own)
    assert "Between us" not in told(own)
    assert "/admin/" not in words(own).partition("<main")[2]
    for place in (learner.organization, above):
        seen = page(as_=AdministratorFactory(organization=place))
        assert "Zoë Marchetti" in told(seen)
        assert "Between us" in told(seen)
    for person in (AdministratorFactory(), UserFactory(organization=learner.organization)):
        assert page(as_=person).status_code == 404
    gates.opt_out(learner)
    learner.refresh_from_db()
    assert "Secret" not in told(page())
    assert "Secret" in told(page(as_=AdministratorFactory(organization=above)))


def test_while_nothing_is_there_it_says_what_will_be(page):
    assert "stand here once there are any" in told(page())


def test_long_lists_are_turned_apart(learner, page, monkeypatch):
    monkeypatch.setattr("rosters.transcript.ON_A_PAGE", 1)
    for number in range(3):
        lab = LabFactory(name=f"Lab {number}", organization=learner.organization)
        LabInstanceFactory(user=learner, lab=lab, started_at=PAST + timedelta(days=number))
        course = CourseFactory(name=f"Course {number}", organization=learner.organization)
        CourseAssignmentFactory(user=learner, course=course, started_at=PAST + timedelta(days=number))
    shown = page("?lab=2&assignment=3")
    assert row(shown, "Lab 1")
    assert row(shown, "Course 0")
    assert "2–2 of 3" in told(shown)
    html = words(shown)
    assert 'href="?assignment=3&amp;lab=3#lab"' in html
    assert 'href="?assignment=2&amp;lab=2#assignment"' in html


def test_what_is_under_way_is_watched_on_its_row(learner, page, badge):
    assignment = CourseAssignmentFactory(user=learner)
    issued = IssuedBadgeFactory(
        badge=badge("Moving"),
        learner=learner,
        status=Status.SENDING,
        source_kind="course_assignment",
        source_key=str(assignment.pk),
    )
    html = words(page())
    assert "every 2s" in html
    query = "?" + re.search(r'hx-get="[^"?]+\?([^"]+)"', html)[1].replace("&amp;", "&")
    assert page(query, **HX).status_code == 204
    IssuedBadge.objects.filter(pk=issued.pk).update(status=Status.ISSUED)
    news = words(page(query, **HX))
    assert "<h1" not in news
    assert "every 2s" not in news
    assert "Moving" in news.split(f'id="held-assignment-{assignment.pk}"')[1].split('id="held-')[0]
    forged = words(page("?rows=assignment-9,lab-x,<b>,other", **HX))
    assert re.findall(r'id="held-([^"]+)"', forged) == ["assignment-9", "other"]
    assert "Moving" not in forged


def test_it_takes_few_queries_however_much_there_is(client, learner, page, badge):
    training_class = ClassFactory()
    EnrollmentFactory(user=learner, training_class=training_class)
    administrator = AdministratorFactory(organization=learner.organization)
    counts = []
    for number in range(2):
        for each in range(2 * number + 1):
            EnrollmentFactory(user=learner, training_class=ClassFactory())
            assignment = CourseAssignmentFactory(user=learner)
            launch = LabInstanceFactory(user=learner, course_assignment=assignment)
            IssuedBadgeFactory(
                badge=badge(f"By hand {number}.{each}"),
                learner=learner,
                status=Status.ISSUED,
                source_kind="roster",
                source_key=str(training_class.pk),
            )
            AchievementFactory(
                organization=learner.organization,
                badge=badge(f"Earned {number}.{each}"),
                conditions_text=f"[{{Subject:0, Count:1, LabProfileIds:[{launch.lab_id}]}}]",
            )
            progress.complete_lab(launch)
        award_full()
        page(as_=administrator)
        with CaptureQueriesContext(connection) as queries:
            assert "By hand" in told(client.get(f"/users/{learner.pk}/transcript/"))
        counts.append(len(queries))
    assert counts[0] == counts[1]
    assert counts[0] <= 12


def test_links_lead_there(client, learner, page):
    assignment = CourseAssignmentFactory(user=learner)
    client.force_login(learner)
    for place in ("/", "/achievements/", f"/course-assignments/{assignment.pk}/"):
        assert f'href="/users/{learner.pk}/transcript/"' in words(client.get(place))


def test_she_reads_names_in_her_language_and_others_those_that_they_issue_by(learner, page, badge):
    administrator = AdministratorFactory(organization=learner.organization)
    for reader in (learner, administrator):
        reader.language = "de"
        reader.save()
    practiced = badge("Practised")
    practiced.translations = {"de": {"name": "Geübt"}}
    practiced.save()
    IssuedBadgeFactory(learner=learner, badge=practiced, status=Status.ACCEPTED)

    own, seen = told(page()), told(page(as_=administrator))

    assert "Geübt" in own
    assert "Practised" not in own
    assert "Practised" in seen
    assert "Geübt" not in seen


def test_administrators_come_from_the_pages_of_people_and_go_back_there(learner, page):
    found = words(page(as_=AdministratorFactory(organization=learner.organization)))

    assert f'<a href="/users/{learner.pk}/"' in found
    assert "/admin/tms/user/" not in found
