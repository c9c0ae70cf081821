"""What a mail says: one is named, several are counted."""

from __future__ import annotations

from typing import Any

import pytest
from django.utils import timezone

from achievements.models import Achievement
from badges.models import IssuedBadge
from badges.status import Status
from tests.factories import AchievementFactory, AdministratorFactory, IssuedBadgeFactory, UserFactory
from tests.tms.notifying.conftest import earn
from tms.models import Mail, Notification, User
from tms.notifying.choices import read_token
from tms.notifying.composing import compose, sender
from tms.notifying.gathering import gather

pytestmark = pytest.mark.django_db


def mail_to(user: User) -> Any:
    gather()
    message = compose(Mail.objects.get(user=user))
    assert message is not None
    return message


def html_of(message: Any) -> str:
    [(html, kind)] = message.alternatives
    assert kind == "text/html"
    return str(html)


def test_one_achievement_is_named() -> None:
    row = earn(UserFactory(first_name="Ada"), "Cloud Explorer")

    message = mail_to(row.user)

    assert message.subject == "You earned Cloud Explorer"
    assert message.body.startswith("Hello Ada,\n\nYou earned Cloud Explorer\n\nIt gives you 10 points.\n")
    assert f"See it: https://badges.example.org/notifications/{row.pk}/" in message.body
    assert "You earned Cloud Explorer" in html_of(message)


def test_several_are_counted_and_listed() -> None:
    ada = UserFactory()
    for number in range(12):
        earn(ada, f"Level {number:02}")

    message = mail_to(ada)

    assert message.subject == "You earned 12 achievements"
    assert "- You earned Level 09" in message.body
    assert "Level 10" not in message.body
    assert "- and 2 more" in message.body
    assert "https://badges.example.org/notifications/" in message.body


def test_what_differs_is_counted_as_messages_and_listed_by_what_it_is() -> None:
    ada = AdministratorFactory()
    earn(ada, "One")
    earn(ada, "Two")
    rule = AchievementFactory(organization=ada.organization, name="Broken")
    type(rule).objects.filter(pk=rule.pk).update(paused_at=timezone.now(), last_error="no such column")
    Notification.objects.create(user=ada, kind=Notification.Kind.RULE_PAUSED, key=rule.pk)

    message = mail_to(ada)

    assert message.subject == "3 new messages"
    assert "You earned 2 achievements:" in message.body
    assert "1 rule is paused:" in message.body
    assert "no such column" in message.body


def test_a_failed_badge_is_told_with_its_achievement() -> None:
    issued = IssuedBadgeFactory(status=Status.FAILED, source_kind=IssuedBadge.Source.ACHIEVEMENT)
    earn(issued.learner, issued_badge=issued)
    body = mail_to(issued.learner).body
    assert f"Your badge “{issued.badge}”: It could not be sent to {issued.learner.email}." in body


def test_a_mail_speaks_its_readers_language_and_names_things_in_it() -> None:
    row = earn(UserFactory(first_name="Ada", language="de"), "Cloud Explorer")
    Achievement.objects.update(translations={"de": {"name": "Wolkenkunde"}})
    message = mail_to(row.user)
    assert "Wolkenkunde" in message.subject
    assert "You earned" not in message.body
    assert '<html lang="de"' in html_of(message)


def test_the_subject_is_one_line_of_bearable_length() -> None:
    row = earn(UserFactory(), "Two\nlines " + "and more " * 20)
    subject = mail_to(row.user).subject
    assert subject.startswith("You earned Two lines and more")
    assert "\n" not in subject
    assert len(subject) == 150


def test_names_are_text_in_both_parts() -> None:
    row = earn(UserFactory(first_name="<b>Ada</b>"), "<script>alert(1)</script> & Co")
    message = mail_to(row.user)
    assert "<script>" not in html_of(message)
    assert "<script>alert(1)</script> & Co" in message.body


def test_the_html_needs_nothing_from_elsewhere() -> None:
    html = html_of(mail_to(earn(UserFactory()).user))
    for word in ("<table", "<img", "<script", "<link", 'src="'):
        assert word not in html


def test_the_last_link_names_the_reader_and_what_it_was_about() -> None:
    row = earn(UserFactory())
    header = mail_to(row.user).extra_headers["List-Unsubscribe"]
    token = header.strip("<>").rstrip("/").rpartition("/")[2]
    assert read_token(token) == (row.user, ["achievements"])


def test_the_sender_has_the_name_of_the_site_unless_it_has_one(settings: Any) -> None:
    settings.DEFAULT_FROM_EMAIL = "badges@example.org"
    assert sender() == "TMS Badging <badges@example.org>"
    settings.DEFAULT_FROM_EMAIL = "Academy <badges@example.org>"
    assert sender() == "Academy <badges@example.org>"


def test_the_number_of_queries_does_not_grow(django_assert_max_num_queries: Any) -> None:
    ada = UserFactory()
    for number in range(30):
        earn(ada, f"Level {number}")
    gather()
    mail = Mail.objects.select_related("user__organization").get()
    with django_assert_max_num_queries(4):
        compose(mail)
