"""Learners are written to once more about badges that wait for them."""

from __future__ import annotations

import pytest
from django.core import mail as outbox

from badges.models import IssuedBadge
from badges.reminding import remind, remind_all
from badges.status import Status
from tests.badges.conftest import timeline
from tests.factories import AdministratorFactory, BadgeFactory, IssuedBadgeFactory, UserFactory
from tms.errors import Conflict, DomainError, NotFound
from tms.models import AuditEntry, Mail, MailChoices
from tms.notifying.sending import notify

pytestmark = pytest.mark.django_db


@pytest.fixture
def badge():
    return BadgeFactory(name="Cloud")


@pytest.fixture
def boss(badge):
    return AdministratorFactory(organization=badge.organization)


@pytest.fixture
def learner(badge):
    return UserFactory(organization=badge.organization, email="ada@example.org")


def issued(badge, learner, **more):
    given = {"status": Status.ISSUED, "external_uuid": f"u-{badge.name}", "external_state": "pending"}
    return IssuedBadgeFactory(badge=badge, learner=learner, **given | more)


def test_the_learner_gets_one_mail_that_leads_to_where_the_badge_is_accepted(badge, boss, learner):
    row = issued(badge, learner)
    assert remind(row, actor=boss) == row
    notify()
    [message] = outbox.outbox
    assert (message.to, message.subject) == (["ada@example.org"], "Your badge Cloud waits to be accepted")
    assert "Accept the badge" in message.body
    entry = AuditEntry.objects.get()
    assert (entry.act, entry.kind, entry.count, entry.actor) == ("resend", "issued_badge", 1, boss)
    assert timeline(row) == ["issued → issued"]


def test_a_second_click_sends_no_second_mail_and_a_later_act_does(badge, boss, learner):
    row = issued(badge, learner)
    remind(row, actor=boss)
    with pytest.raises(Conflict) as refusal:
        remind(row, actor=boss)
    assert refusal.value.code == "on_its_way"
    notify()
    remind(row, actor=boss)
    notify()
    assert len(outbox.outbox) == 2


def test_several_badges_of_one_learner_are_one_mail(badge, boss, learner):
    other = BadgeFactory(name="Data", organization=badge.organization)
    issued(badge, learner), issued(other, learner, external_state="accepted")
    issued(badge, UserFactory(organization=badge.organization), external_uuid="x")
    assert remind_all(IssuedBadge.objects.all(), actor=boss).asked == 3
    notify()
    assert sorted(message.subject for message in outbox.outbox) == [
        "2 messages about your badges",
        "Your badge Cloud waits to be accepted",
    ]


def test_whoever_wants_no_such_mail_gets_none_and_the_others_do(badge, boss, learner):
    MailChoices.objects.create(user=learner, badges=False)
    muted = issued(badge, learner)
    issued(badge, UserFactory(organization=badge.organization), external_uuid="x")
    with pytest.raises(DomainError) as refusal:
        remind(muted, actor=boss)
    assert (refusal.value.code, refusal.value.message) == ("no_mail", "The person wants no such mail.")
    done = remind_all(IssuedBadge.objects.all(), actor=boss)
    assert (done.asked, [(refused.count, refused.code) for refused in done.refused]) == (1, [(1, "no_mail")])
    assert Mail.objects.count() == 1


def test_what_is_not_issued_and_what_is_others_is_left_alone(badge, boss, learner):
    waiting = IssuedBadgeFactory(badge=badge, learner=learner)
    with pytest.raises(Conflict) as refusal:
        remind(waiting, actor=boss)
    assert refusal.value.code == "not_issued"
    with pytest.raises(NotFound):
        remind(issued(BadgeFactory(), UserFactory()), actor=boss)
    assert remind_all(IssuedBadge.objects.all(), actor=boss).asked == 0
    assert not Mail.objects.exists()
