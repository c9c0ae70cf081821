"""The page of one issued badge, and what is done to it there."""

from __future__ import annotations

from datetime import timedelta
from uuid import uuid4

import pytest
from django.urls import reverse
from django.utils import timezone

from achievements import evaluation
from badges.by_hand import issue_by_hand
from badges.lifecycle import Move, move
from badges.models import IssuedBadge
from badges.sharing import choices
from badges.status import Status
from providers.models import BadgeProvider
from tests.factories import (
    AchievementFactory,
    AdministratorFactory,
    BadgeFactory,
    BadgeProviderFactory,
    ClassFactory,
    EnrollmentFactory,
    IssuedBadgeFactory,
    LabInstanceFactory,
    UserFactory,
)

pytestmark = pytest.mark.django_db
HX = {"HX-Request": "true"}


@pytest.fixture
def badge():
    return BadgeFactory(name="Cloud Foundations", enable_manual_issuance=True)


@pytest.fixture
def office(client, badge):
    client.force_login(AdministratorFactory(organization=badge.organization, last_name="Boss"))
    client.get("/")  # the first page of a day is written down
    return client


def fail(row, **failure):
    """Sent once, and refused."""
    move(Move(issued_badge_id=row.pk, from_status=Status.QUEUED, to_status=Status.SENDING))
    step = Move(
        issued_badge_id=row.pk,
        from_status=Status.SENDING,
        to_status=Status.FAILED,
        reason="The provider refused it.",
        data={"status": 422, "body": {"message": "<b>No such template</b>"}},
        changes={
            "failure_code": "rejected",
            "failure_message": "The provider refused it.",
            "provider_message": "No such template",
            "attempts": 1,
        }
        | failure,
    )
    assert move(step)
    row.refresh_from_db()
    return row


def page(client, row):
    response = client.get(reverse("issued-badge", args=[row.pk]))
    assert response.status_code == 200
    return response.content.decode()


def act(client, row, verb, **given):
    return client.post(reverse("act-on-issued-badge", args=[row.pk, verb]), given, follow=True)


def test_it_tells_what_happened_why_and_what_the_provider_answered(
    office, badge, django_assert_max_num_queries
):
    row = fail(IssuedBadgeFactory(badge=badge, reason="Hackathon", evidence=[{"name": "Talk", "url": ""}]))
    with django_assert_max_num_queries(18):
        html = page(office, row)
    assert "Refused by the provider" in html
    assert "No such template" in html
    assert "&lt;b&gt;No such template&lt;/b&gt;" in html
    assert "Hackathon" in html
    assert "Talk" in html
    assert "hx-trigger" not in html  # nothing will happen by itself
    assert [verb.name for verb in office.get(f"/issued-badges/{row.pk}/").context["record"].verbs] == [
        "retry",
        "cancel",
    ]
    assert reverse("admin:badges_issuedbadge_change", args=[row.pk]) in html
    office_page = office.get(reverse("admin:badges_issuedbadge_change", args=[row.pk]))
    assert f'href="/issued-badges/{row.pk}/"' in office_page.content.decode()


def test_while_something_is_under_way_it_asks_again_and_is_told_only_what_is_new(office, badge):
    row = IssuedBadgeFactory(badge=badge)
    response = office.get(f"/issued-badges/{row.pk}/")
    assert "every 3s" in response.content.decode()
    seen = {"seen": response.context["record"].fingerprint}
    assert office.get(f"/issued-badges/{row.pk}/", seen).status_code == 204
    fail(row)
    assert "Refused by the provider" in office.get(f"/issued-badges/{row.pk}/", seen).content.decode()


def test_it_names_what_led_to_it(office, badge):
    learner = UserFactory(organization=badge.organization)
    AchievementFactory(name="Lab hero", organization=badge.organization, badge=badge)
    LabInstanceFactory(user=learner)
    evaluation.award_changes()
    html = page(office, IssuedBadge.objects.get(learner=learner))
    assert "Lab hero" in html

    training_class = ClassFactory(organization=badge.organization, name="Spring class")
    student = EnrollmentFactory(training_class=training_class, user__organization=badge.organization).user
    issue_by_hand(
        [badge],
        [student],
        actor=UserFactory(is_superuser=True, last_name="Root"),
        source=IssuedBadge.Source.ROSTER,
        source_key=str(training_class.pk),
        token=uuid4(),
        reason="Best talk",
    )
    html = page(office, IssuedBadge.objects.get(learner=student))
    assert f'href="{reverse("roster", args=[training_class.pk])}"' in html
    for words in ("Spring class", "Best talk", "Root"):
        assert words in html


def test_each_act_goes_through_its_one_function_and_is_in_the_timeline(office, badge):
    row = fail(IssuedBadgeFactory(badge=badge))
    assert "It is sent again." in act(office, row, "retry").content.decode()
    row.refresh_from_db()
    assert (row.status, row.attempts) == (Status.QUEUED, 0)
    assert row.events.latest("pk").actor.last_name == "Boss"

    assert "Only a failed badge can be sent again" in act(office, row, "retry").content.decode()
    act(office, row, "cancel", reason="Not needed")
    row.refresh_from_db()
    assert (row.status, row.ended_reason) == (Status.CANCELLED, "Not needed")
    assert "Not needed" in page(office, row)


def test_a_badge_is_revoked_with_a_reason_and_what_was_typed_stays(office, badge):
    row = IssuedBadgeFactory(badge=badge, status=Status.ISSUED, external_uuid="u-1")
    url = reverse("act-on-issued-badge", args=[row.pk, "revoke"])
    assert "Revoke?" in office.get(url, headers=HX).content.decode()
    assert "<html" in office.get(url).content.decode()  # a page of its own without script

    refused = office.post(url, {"reason": "  "}, headers=HX).content.decode()
    assert "A reason is required" in refused
    refused = office.post(url, {"reason": "x" * 2_001}, headers=HX).content.decode()
    assert "is longer than 2000 characters" in refused
    assert "x" * 2_001 in refused
    row.refresh_from_db()
    assert row.status == Status.ISSUED

    answer = office.post(url, {"reason": "Wrong person"}, headers=HX)
    assert answer["HX-Redirect"] == f"/issued-badges/{row.pk}/"
    row.refresh_from_db()
    assert (row.status, row.ended_reason) == (Status.REVOKING, "Wrong person")


def test_what_a_provider_cannot_do_is_refused_with_a_sentence(office, badge):
    row = IssuedBadgeFactory(badge=badge, status=Status.ISSUED, external_uuid="u-1")
    row.learner.email = "new@example.org"
    row.learner.save()
    html = act(office, row, "correct").content.decode()
    assert "Credly keeps the address that a badge was issued to." in html
    row.refresh_from_db()
    assert row.correction_due_at is None

    account = BadgeProviderFactory(kind=BadgeProvider.Kind.ACCREDIBLE, organization=badge.organization)
    other = IssuedBadgeFactory(
        badge=BadgeFactory(organization=badge.organization, badge_provider=account),
        status=Status.ISSUED,
        external_uuid="7",
    )
    assert "It is being corrected at the provider." in act(office, other, "correct").content.decode()


def test_a_record_of_ones_learner_is_seen_and_not_changed(office, badge):
    """The badge is another organization's: its administrators alone manage it."""
    row = IssuedBadgeFactory(
        learner=UserFactory(organization=badge.organization), status=Status.ISSUED, external_uuid="u"
    )
    assert "Revoke" not in page(office, row)
    assert act(office, row, "revoke", reason="Mine").status_code == 404
    assert act(office, row, "nothing").status_code == 404
    row.refresh_from_db()
    assert row.status == Status.ISSUED


def test_of_a_long_story_the_latest_is_shown(office, badge, monkeypatch):
    monkeypatch.setattr("badges.issued.record.MOST_EVENTS", 3)
    row = IssuedBadgeFactory(badge=badge, earned_at=timezone.now() - timedelta(days=1))
    for _round in "123":
        move(Move(issued_badge_id=row.pk, from_status=Status.QUEUED, to_status=Status.SENDING))
        move(Move(issued_badge_id=row.pk, from_status=Status.SENDING, to_status=Status.QUEUED))
    response = office.get(f"/issued-badges/{row.pk}/")
    assert len(response.context["record"].timeline) == 3
    assert "Only the latest are shown" in response.content.decode()


def test_where_the_learner_has_published_it_is_a_link(office, badge):
    row = IssuedBadgeFactory(badge=badge, status=Status.ACCEPTED)
    assert "Public page" not in page(office, row)

    presentation = choices.publish(row, actor=row.learner)

    assert f"/shared-badges/{presentation.public_id}/" in page(office, row)
