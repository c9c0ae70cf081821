"""Badge Progress: who is how far, and why."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from achievements import evaluation
from achievements.evaluation import active_rule
from achievements.explanation import explain
from achievements.progress.learners import learners
from tests.factories import (
    AchievementFactory,
    AdministratorFactory,
    BadgeFactory,
    CourseAssignmentFactory,
    CourseFactory,
    LabFactory,
    LabInstanceFactory,
    OrganizationFactory,
    UserFactory,
)
from tms import gates

pytestmark = pytest.mark.django_db
URL = "/badge-progress/"


@pytest.fixture
def academy():
    return OrganizationFactory(name="Academy")


@pytest.fixture
def office(client, academy):
    client.force_login(AdministratorFactory(organization=academy, last_name="Zzz"))
    client.get("/")
    return client


def rewarded(academy, text, **given):
    badge = BadgeFactory(name="Cloud", organization=academy)
    return AchievementFactory(name="Hero", organization=academy, badge=badge, conditions_text=text, **given)


def learner(academy, name, *, labs=(), **given):
    person = UserFactory(organization=academy, first_name="L", last_name=name, **given)
    for lab in labs:
        LabInstanceFactory(user=person, lab=lab, started_at=datetime(2026, 3, 1, tzinfo=UTC))
    return person


def shown(response):
    """Name → (words, percent) of the page."""
    return {
        line.row.last_name: tuple(cell.value for cell in line.cells[1:3])
        for line in response.context["found"].lines
    }


def test_it_asks_for_an_achievement_and_lists_who_has_begun_it(
    office, academy, django_assert_max_num_queries
):
    labs = LabFactory.create_batch(4, organization=academy)
    achievement = rewarded(academy, "[{Subject:0, Count:4, Distinct:true}]")
    learner(academy, "One", labs=labs[:1])
    learner(academy, "Three", labs=[*labs[:3], labs[0]])
    done = learner(academy, "Done", labs=labs)
    learner(academy, "None")
    learner(OrganizationFactory(enable_achievements=True), "Stranger", labs=labs[:1])
    gates.opt_out(learner(academy, "Private", labs=labs[:2]))
    evaluation.award_changes()

    assert "Choose an achievement above" in office.get(URL).content.decode()
    with django_assert_max_num_queries(12):
        response = office.get(URL, {"achievement": achievement.pk, "begun": "is"})

    assert shown(response) == {"Done": ("Earned", 100), "One": ("1 of 4", 25), "Three": ("3 of 4", 75)}
    order = office.get(URL, {"achievement": achievement.pk, "begun": "is", "sort": "-percent"})
    assert list(shown(order)) == ["Done", "Three", "One"]
    assert set(shown(office.get(URL, {"achievement": achievement.pk, "earned": "not"}))) == {
        "None",
        "One",
        "Three",
        "Zzz",
    }
    few = office.get(URL, {"achievement": achievement.pk, "percent": "50", "percent-to": "99"})
    assert set(shown(few)) == {"Three"}
    csv = b"".join(
        office.get(URL, {"achievement": achievement.pk, "begun": "is", "format": "csv", "column": "percent"})
    )
    assert csv.decode("utf-8-sig").split() == ["Percent", "100", "25", "75"]
    assert reverse("explain-progress", args=[achievement.pk, done.pk]) in response.content.decode()


def test_one_achievement_is_chosen_in_a_dialog(office, academy):
    achievement = rewarded(academy, "[{Subject:0, Count:4}]")
    url = reverse("choose-for-filter", args=["badge-progress", "achievement"])
    assert 'type="radio"' in office.get(url).content.decode()
    answer = office.post(url, {"chosen": [achievement.pk], "confirm": "yes"})
    assert f'name="achievement" value="{achievement.pk}"' in answer.content.decode()


def test_a_page_costs_the_same_however_many_it_shows(office, academy, django_assert_num_queries):
    lab = LabFactory(organization=academy)
    achievement = rewarded(academy, "[{Subject:0, Count:4}]")
    asked = {"achievement": achievement.pk, "begun": "is"}
    learner(academy, "First", labs=[lab])
    with CaptureQueriesContext(connection) as one:
        assert len(shown(office.get(URL, asked))) == 1
    for number in range(5):
        learner(academy, f"L{number}", labs=[lab])
    with django_assert_num_queries(len(one)):
        assert len(shown(office.get(URL, asked))) == 6


@pytest.mark.parametrize(
    ("rule", "percents"),
    [
        ("[{Subject:0, Count:2, LabProfileIds:[%(a)s]}, {Subject:0, Count:1, LabProfileIds:[%(b)s]}]", (25, 75)),
        ("[{Any:[{Subject:0, Count:2, LabProfileIds:[%(a)s]}, {Subject:0, Count:4, LabProfileIds:[%(b)s]}]}]", (50, 50)),
        ("[{Subject:0, Count:3, SingleDay:true}]", (33, 66)),
        ("[{Subject:0, MinMinutesSpent:10, Count:2}]", (0, 0)),
    ],
)  # fmt: skip
def test_a_rule_of_several_parts_is_the_mean_of_them(academy, rule, percents):
    a, b = LabFactory.create_batch(2, organization=academy)
    achievement = rewarded(academy, rule % {"a": a.pk, "b": b.pk})
    one = learner(academy, "One", labs=[a])
    two = learner(academy, "Two", labs=[a, b])
    rows = {
        row.pk: row
        for row in learners(active_rule(achievement), viewer=AdministratorFactory(organization=academy))
    }
    assert tuple(int(rows[person.pk].percent + 1e-6) for person in (one, two)) == percents
    for person in (one, two):
        met = sum(explain(achievement, person).parts)
        assert rows[person.pk].met == met


def test_of_learners_of_other_organizations_only_open_courses_count(academy):
    opened = CourseFactory(organization=academy, achievements_for_outside_organizations=True)
    closed = CourseFactory(organization=academy)
    achievement = rewarded(
        academy, f"[{{Subject:10, Count:2, Distinct:true, CourseIds:[{opened.pk},{closed.pk}]}}]"
    )
    outsider = learner(OrganizationFactory(enable_achievements=True, parent=academy), "Out")
    insider = learner(academy, "In")
    for person in (outsider, insider):
        for course in (opened, closed):
            CourseAssignmentFactory(user=person, course=course)
    viewer = AdministratorFactory(organization=academy)
    percents = {row.last_name: row.percent for row in learners(active_rule(achievement), viewer=viewer)}
    assert (percents["Out"], percents["In"]) == (50, 100)


def test_it_is_explained_with_numbers_and_evidence(office, academy):
    lab = LabFactory(organization=academy, name="Alpha")
    achievement = rewarded(
        academy, f"[{{Subject:0, Count:1, LabProfileIds:[{lab.pk}]}}, {{Subject:0, Count:3}}]"
    )
    person = learner(academy, "One", labs=[lab])
    html = office.get(reverse("explain-progress", args=[achievement.pk, person.pk])).content.decode()
    assert "Not yet: 1 of 2 conditions is met." in html or "Not yet: 1 of 2 conditions are met." in html
    assert "Alpha" in html
    assert "1 of 3" in html
    stranger = learner(OrganizationFactory(), "Other")
    assert office.get(reverse("explain-progress", args=[achievement.pk, stranger.pk])).status_code == 404


def test_an_achievement_that_one_does_not_see_is_none(office):
    elsewhere = OrganizationFactory()
    achievement = rewarded(elsewhere, "[{Subject:0, Count:1}]")
    learner(elsewhere, "Out", labs=[LabFactory(organization=elsewhere)])
    response = office.get(URL, {"achievement": achievement.pk, "begun": "is"})
    assert shown(response) == {}
    assert "Hero" not in response.content.decode()
