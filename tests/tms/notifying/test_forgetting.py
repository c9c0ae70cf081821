"""What people were told is forgotten after a year, with the mails that told it."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone

from tests.factories import UserFactory
from tms.models import Mail, Notification
from tms.notifying.forgetting import KEPT, forget
from tms.notifying.gathering import gather

pytestmark = pytest.mark.django_db
NOW = timezone.now()
OLD, NEW = NOW - KEPT - timedelta(days=1), NOW - KEPT + timedelta(days=1)
State = Mail.State


def told(key: int, *, at: object, mail: Mail | None = None) -> Notification:
    return Notification.objects.create(
        user=mail.user if mail else UserFactory(),
        kind=Notification.Kind.RULE_PAUSED,
        key=key,
        created_at=at,
        mail=mail,
    )


def mailed(state: Mail.State, *, at: object) -> Mail:
    return Mail.objects.create(user=UserFactory(), state=state, created_at=at)


def test_old_news_go_with_their_mail_and_the_others_stay() -> None:
    told(1, at=OLD, mail=mailed(State.SENT, at=OLD))
    new = told(2, at=NEW, mail=mailed(State.SENT, at=NEW))
    assert forget() == 2
    assert list(Notification.objects.all()) == [new]
    assert list(Mail.objects.all()) == [new.mail]


def test_a_mail_that_still_tells_something_stays_and_is_not_told_again(settings) -> None:
    settings.MAIL_ENABLED = True
    new = told(1, at=NEW, mail=mailed(State.SENT, at=OLD))
    assert forget() == 0
    assert gather() == 0
    new.refresh_from_db()
    assert new.mail


@pytest.mark.parametrize(
    ("state", "left"), [(State.SENT, 0), (State.FAILED, 0), (State.DROPPED, 0), (State.WAITING, 1)]
)
def test_mails_that_have_ended_are_forgotten(state: Mail.State, left: int) -> None:
    mailed(state, at=OLD)
    forget()
    assert Mail.objects.count() == left
