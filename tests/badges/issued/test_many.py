"""What is done to many issued badges on Find Issued Badges."""

from __future__ import annotations

import pytest
from django.urls import reverse

from badges.models import IssuedBadge
from badges.status import Status
from tests.factories import (
    AdministratorFactory,
    BadgeFactory,
    ClassFactory,
    CourseAssignmentFactory,
    EnrollmentFactory,
    IssuedBadgeFactory,
    UserFactory,
)
from tms.models import Enrollment

pytestmark = pytest.mark.django_db
HX = {"HX-Request": "true"}
URL = "/issued-badges/act/"


@pytest.fixture
def badge():
    return BadgeFactory(name="Cloud")


@pytest.fixture
def office(client, badge):
    client.force_login(AdministratorFactory(organization=badge.organization))
    client.get("/")
    return client


@pytest.fixture
def rows(badge):
    """Some of each kind, and one that is seen and not managed."""
    stranger = IssuedBadgeFactory(
        learner=UserFactory(organization=badge.organization), status=Status.ISSUED, external_uuid="s"
    )
    made = {
        status: IssuedBadgeFactory(badge=badge, status=status) for status in (Status.QUEUED, Status.REVOKED)
    }
    made |= {
        f"issued {n}": IssuedBadgeFactory(badge=badge, status=Status.ISSUED, external_uuid=f"u{n}")
        for n in "123"
    }
    failed = {"status": Status.FAILED, "failure_code": "rejected"}
    made |= {f"failed {n}": IssuedBadgeFactory(badge=badge, **failed) for n in "12"}
    return made | {"stranger": stranger}


def statuses(rows):
    found = dict(IssuedBadge.objects.values_list("pk", "status"))
    return {name: found[row.pk] for name, row in rows.items()}


def chosen(*rows):
    return [row.pk for row in rows]


def told(response):
    return [str(message) for message in response.context["messages"]]


def test_what_is_ticked_is_revoked_as_one_act_with_a_reason_after_it_was_shown(office, rows):
    ticked = {"act": "revoke", "query": "status=issued", "chosen": chosen(*rows.values())}
    before = statuses(rows)

    asked = office.post(URL, ticked, headers=HX).content.decode()

    assert "6 issued badges" in asked
    assert "1 is left as it is: Revoked." in asked
    assert "1 belongs to an organization that you do not manage." in asked
    assert (
        "A reason is required" in office.post(URL, ticked | {"confirm": "yes"}, headers=HX).content.decode()
    )
    assert statuses(rows) == before

    done = office.post(URL, ticked | {"confirm": "yes", "reason": "By mistake"}, follow=True)

    assert done.redirect_chain[0][0] == "/issued-badges/?status=issued"
    after = statuses(rows)
    assert {after[f"issued {n}"] for n in "123"} == {Status.REVOKING}
    assert {after[name] for name in ("failed 1", "failed 2", Status.QUEUED)} == {Status.CANCELLED}
    assert (after["stranger"], after[Status.REVOKED]) == (Status.ISSUED, Status.REVOKED)
    assert told(done) == [
        "3 badges are being revoked. 3 badges that had not been sent were cancelled.",
        "1 is left as it is: Revoked.",
        "1 belongs to an organization that you do not manage.",
    ]
    reasons = IssuedBadge.objects.filter(status=Status.REVOKING).values_list("ended_reason", flat=True)
    assert set(reasons) == {"By mistake"}


def test_what_failed_is_sent_again_at_once_and_the_rest_is_told(office, rows):
    ticked = {"act": "retry", "query": "", "chosen": chosen(rows["failed 1"], rows["issued 1"])}
    done = office.post(URL, ticked, follow=True)
    assert told(done) == ["1 badge is sent again.", "1 is left as it is: Issued."]
    assert statuses(rows)["failed 1"] == Status.QUEUED
    assert statuses(rows)["failed 2"] == Status.FAILED


def test_learners_are_written_to_again(office, rows):
    ticked = {"act": "resend", "query": "", "chosen": chosen(rows["failed 1"], rows["issued 1"])}
    done = office.post(URL, ticked, follow=True)
    assert told(done) == ["The learner is written to about 1 badge.", "1 is left as it is: Failed."]


def test_all_that_are_found_are_meant_as_they_were_when_it_was_asked(office, rows, badge):
    all_found = {"act": "cancel", "query": "status=failed&status=queued", "all": "1"}
    asked = office.post(URL, all_found, headers=HX)
    assert "3 issued badges" in asked.content.decode()
    until = asked.context["until"]
    late = IssuedBadgeFactory(badge=badge)

    done = office.post(URL, all_found | {"until": until, "confirm": "yes", "reason": "Stop"}, follow=True)

    assert told(done) == ["3 badges were cancelled."]
    late.refresh_from_db()
    assert late.status == Status.QUEUED
    assert statuses(rows)["issued 1"] == Status.ISSUED


def test_a_retry_of_all_that_are_found_is_asked_first(office, rows):
    office.post(URL, {"act": "retry", "query": "", "all": "1"}, headers=HX)
    assert statuses(rows)["failed 1"] == Status.FAILED


def test_nothing_ticked_is_said(office, rows):
    done = office.post(URL, {"act": "retry", "query": ""}, follow=True)
    assert told(done) == ["Select at least one issued badge."]
    assert office.post(URL, {"act": "refresh", "chosen": chosen(rows["issued 1"])}).status_code == 404


def test_what_is_ticked_is_exported_with_the_columns_of_the_search(office, rows):
    ticked = {"act": "csv", "query": "column=badge&column=status", "chosen": chosen(rows["failed 1"])}
    lines = b"".join(office.post(URL, ticked)).decode("utf-8-sig").splitlines()
    assert lines == ["Badge,Issued Status", "Cloud,Failed"]
    every = office.post(URL, {"act": "csv", "query": "status=failed", "all": "1"})
    assert len(b"".join(every).splitlines()) == 3
    assert office.post(URL, ticked | {"act": "xlsx"})["Content-Type"].endswith("sheet")


def test_they_are_found_by_the_class_and_the_course_of_their_learners_and_by_the_reason(office, badge, rows):
    training_class = ClassFactory(organization=badge.organization, course__organization=badge.organization)
    enrolled = rows["failed 1"].learner
    EnrollmentFactory(training_class=training_class, user=enrolled)
    gone = EnrollmentFactory(training_class=training_class, user=rows["failed 2"].learner)
    Enrollment.objects.filter(pk=gone.pk).update(status="cancelled")
    alone = CourseAssignmentFactory(user=rows["issued 1"].learner, course=training_class.course).user

    def found(**asked):
        lines = office.get(reverse("find-issued-badges"), asked).context["found"].lines
        return {line.row.learner for line in lines}

    assert found(**{"class": training_class.pk}) == {enrolled}
    assert found(course=training_class.course_id) == {enrolled, alone}
    assert found(reason="rejected") == {rows["failed 1"].learner, rows["failed 2"].learner}
    assert found(reason="no_name") == set()
