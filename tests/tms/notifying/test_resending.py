"""A message that has gone astray is sent again, by an administrator."""

from __future__ import annotations

import pytest
from django.core import mail as outbox
from django.test import Client
from django.urls import reverse

from tests.factories import AdministratorFactory, UserFactory
from tests.tms.notifying.conftest import earn
from tms.errors import Conflict, DomainError, NotFound
from tms.models import AuditEntry, Mail, MailChoices, Notification, User
from tms.notifying.resending import resend, retry
from tms.notifying.sending import notify, send_due

pytestmark = pytest.mark.django_db


@pytest.fixture
def row() -> Notification:
    return earn(UserFactory())


@pytest.fixture
def boss(row: Notification) -> User:
    administrator: User = AdministratorFactory(organization=row.user.organization)
    return administrator


def test_it_is_a_mail_of_its_own_and_written_down(row: Notification, boss: User) -> None:
    notify()
    mail = resend(row, actor=boss)
    assert send_due() == 1
    first, second = outbox.outbox
    assert first.subject == second.subject
    assert first.extra_headers["Message-ID"] != second.extra_headers["Message-ID"]
    row.refresh_from_db()
    assert row.mail == mail
    entry = AuditEntry.objects.get()
    assert (entry.act, entry.about, entry.actor) == ("resend", row.user, boss)


def test_what_no_mail_told_can_be_sent(row: Notification, boss: User) -> None:
    Notification.objects.update(unmailed="provider")
    resend(row, actor=boss)
    assert send_due() == 1


def test_not_while_one_is_on_its_way(row: Notification, boss: User) -> None:
    resend(row, actor=boss)
    with pytest.raises(Conflict):
        resend(row, actor=boss)
    assert Mail.objects.count() == 1


def test_not_to_who_wants_no_such_mail(row: Notification, boss: User) -> None:
    MailChoices.objects.create(user=row.user, achievements=False)
    with pytest.raises(DomainError, match="wants no such mail"):
        resend(row, actor=boss)


def test_not_by_another_organization(row: Notification) -> None:
    with pytest.raises(NotFound):
        resend(row, actor=AdministratorFactory())


def test_a_mail_that_was_given_up_is_tried_again(row: Notification, boss: User) -> None:
    notify()
    mail = Mail.objects.get()
    with pytest.raises(Conflict):
        retry(mail, actor=boss)
    Mail.objects.update(state="failed", attempts=6, problem="550 No such user")
    retry(mail, actor=boss)
    assert send_due() == 1
    mail.refresh_from_db()
    assert (mail.state, mail.problem) == ("sent", "")


def test_a_digest_is_of_its_day(boss: User) -> None:
    mail = Mail.objects.create(user=boss, purpose="digest", period="2026-12-01", state="failed")
    with pytest.raises(Conflict):
        retry(mail, actor=boss)


class TestBackOffice:
    def act(self, client: Client, model: str, action: str, pk: int) -> str:
        address = reverse(f"admin:tms_{model}_changelist")
        answer = client.post(address, {"action": action, "_selected_action": [pk]}, follow=True)
        return answer.content.decode()

    def test_an_administrator_sends_a_message_again_from_the_list(
        self, client: Client, row: Notification, boss: User
    ) -> None:
        client.force_login(boss)
        assert "1 message is sent again." in self.act(client, "notification", "resend", row.pk)
        assert "A mail about it is on its way." in self.act(client, "notification", "resend", row.pk)

    def test_mails_show_their_state_and_what_went_wrong(
        self, client: Client, row: Notification, boss: User
    ) -> None:
        notify()
        Mail.objects.update(state="failed", problem="550 No such user")
        client.force_login(boss)
        assert "550 No such user" in client.get(reverse("admin:tms_mail_changelist")).content.decode()
        assert "1 mail is sent again." in self.act(client, "mail", "retry", Mail.objects.get().pk)
