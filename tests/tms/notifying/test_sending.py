"""Claimed, composed, sent and settled: what a crash, a refusal and a server that is away come to."""

from __future__ import annotations

import smtplib
import socket
import threading
from collections.abc import Iterator
from datetime import timedelta
from email import message_from_bytes, policy
from typing import Any

import pytest
import time_machine
from django.core import mail as outbox
from django.db import connection
from django.utils import timezone

from tests.factories import UserFactory
from tests.tms.notifying.conftest import earn
from tms import gates
from tms.models import Mail, MailChoices, Notification
from tms.notifying import sending
from tms.notifying.gathering import gather
from tms.notifying.sending import MAX_ATTEMPTS, claim, lease, notify, send_due, settle

pytestmark = pytest.mark.django_db


def waiting_mail() -> Mail:
    earn(UserFactory())
    gather()
    return Mail.objects.latest("pk")


def again(mail: Mail) -> Mail:
    return Mail.objects.get(pk=mail.pk)


def failing_with(error: Exception, monkeypatch: pytest.MonkeyPatch, *, at: str = "send_messages") -> None:
    from django.core.mail.backends.locmem import EmailBackend

    def fail(*_args: Any) -> None:
        raise error

    monkeypatch.setattr(EmailBackend, at, fail)


def test_the_mail_leaves_and_both_rows_say_so() -> None:
    row = earn(UserFactory(email="ada@example.org"))

    assert notify() == 1

    [message] = outbox.outbox
    assert message.to == ["ada@example.org"]
    mail = Mail.objects.get()
    assert (mail.state, mail.attempts, mail.claim_token) == ("sent", 1, None)
    row.refresh_from_db()
    assert row.mail == mail
    assert row.sent_at == mail.sent_at
    assert notify() == 0
    assert len(outbox.outbox) == 1


def test_nothing_leaves_while_badges_are_switched_off(settings: Any) -> None:
    waiting_mail()
    settings.BADGES_ENABLED = False
    assert send_due() == 0
    assert not outbox.outbox


@pytest.mark.django_db(transaction=True)
def test_no_transaction_is_open_while_the_server_is_spoken_to(monkeypatch: pytest.MonkeyPatch) -> None:
    from django.core.mail.backends.locmem import EmailBackend

    waiting_mail()
    inside: list[bool] = []
    whole = EmailBackend.send_messages

    def send(self: Any, messages: Any) -> Any:
        inside.append(connection.in_atomic_block)
        return whole(self, messages)

    monkeypatch.setattr(EmailBackend, "send_messages", send)
    assert send_due() == 1
    assert inside == [False]


class TestCrashes:
    def test_between_sending_and_settling_it_is_sent_again_and_can_be_told(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        waiting_mail()

        def die(*_args: Any) -> None:
            raise KeyboardInterrupt

        with monkeypatch.context() as patch:
            patch.setattr(sending, "settle", die)
            with pytest.raises(KeyboardInterrupt):
                send_due()
        assert send_due() == 0  # its lease holds
        with time_machine.travel(timezone.now() + lease() + timedelta(seconds=1)):
            assert send_due() == 1
        first, second = outbox.outbox
        assert first.extra_headers["Message-ID"] == second.extra_headers["Message-ID"]

    def test_whatever_kills_its_sender_is_given_up_at_last(self) -> None:
        mail, now = waiting_mail(), timezone.now()
        for attempt in range(MAX_ATTEMPTS):
            later = now + attempt * (lease() + timedelta(seconds=1))
            assert claim(1, now=later) == [mail]
        later = now + MAX_ATTEMPTS * (lease() + timedelta(seconds=1))
        assert claim(1, now=later) == []
        assert sending.give_up(now=later) == 1
        assert again(mail).state == "failed"

    def test_who_wakes_late_settles_nothing(self) -> None:
        waiting_mail()
        [late] = claim(1)
        [mail] = claim(1, now=timezone.now() + 2 * lease())
        assert settle(late, sending.Sent()) is False
        assert again(late).state == "waiting"
        assert settle(mail, sending.Sent()) is True

    def test_who_sleeps_too_long_leaves_the_rest_to_others(self) -> None:
        waiting_mail()
        mails = claim(5)
        for mail in mails:
            mail.lease_until = timezone.now() + lease() / 5
        assert sending._send_each(mails, outbox.get_connection()) == 0
        assert not outbox.outbox


class TestRefusals:
    def test_a_final_one_gives_up_with_the_servers_words(self, monkeypatch: pytest.MonkeyPatch) -> None:
        mail = waiting_mail()
        refused = smtplib.SMTPRecipientsRefused({"x": (550, b"No such user")})
        failing_with(refused, monkeypatch)
        send_due()
        assert (again(mail).state, again(mail).problem) == ("failed", "550 No such user")

    def test_one_that_may_pass_is_tried_again_with_growing_pauses(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        mail = waiting_mail()
        failing_with(smtplib.SMTPRecipientsRefused({"x": (451, b"Try later")}), monkeypatch)
        now = timezone.now()
        for _ in range(MAX_ATTEMPTS):
            with time_machine.travel(now, tick=False):
                send_due()
                stored = again(mail)
                if stored.state == "failed":
                    break
                assert stored.due_at - now == sending.pause_after(stored.attempts)
                now = stored.due_at
        assert (again(mail).state, again(mail).attempts) == ("failed", MAX_ATTEMPTS)

    def test_a_poisoned_address_stops_nobody_else(self, monkeypatch: pytest.MonkeyPatch) -> None:
        from django.core.mail.backends.locmem import EmailBackend

        bad = UserFactory(email="bad@example.org")
        earn(bad)
        for _ in range(3):
            earn(UserFactory())
        whole = EmailBackend.send_messages

        def send(self: Any, messages: Any) -> Any:
            if messages[0].to == ["bad@example.org"]:
                raise smtplib.SMTPServerDisconnected("gone")
            return whole(self, messages)

        monkeypatch.setattr(EmailBackend, "send_messages", send)
        assert notify() == 3
        assert Mail.objects.get(user=bad).problem == "SMTPServerDisconnected: gone"

    def test_what_cannot_be_put_into_words_stops_nobody_else(self, monkeypatch: pytest.MonkeyPatch) -> None:
        bad = earn(UserFactory())
        earn(UserFactory())
        whole = sending.compose

        def compose(mail: Mail) -> Any:
            if mail.user == bad.user:
                raise KeyError("name")
            return whole(mail)

        monkeypatch.setattr(sending, "compose", compose)
        assert notify() == 1
        assert Mail.objects.get(user=bad.user).state == "waiting"

    @pytest.mark.parametrize(
        ("error", "at"),
        [
            (ConnectionRefusedError("refused"), "open"),
            (smtplib.SMTPAuthenticationError(535, b"Who are you?"), "open"),
            (smtplib.SMTPSenderRefused(550, b"Not from here", "badges@example.org"), "send_messages"),
        ],
    )
    def test_a_server_that_takes_nothing_is_no_mails_fault(
        self, error: Exception, at: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        mails = [waiting_mail() for _ in range(3)]
        with monkeypatch.context() as patch:
            failing_with(error, patch, at=at)
            assert send_due() == 0
        assert {(again(mail).state, again(mail).attempts) for mail in mails} == {("waiting", 0)}
        assert again(mails[0]).problem
        assert send_due() == 0  # left alone for a minute
        with time_machine.travel(timezone.now() + timedelta(minutes=2)):
            assert send_due() == 3

    def test_after_three_days_without_a_server_nobody_is_told_old_news(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        mail = waiting_mail()
        with time_machine.travel(timezone.now() + timedelta(days=3, minutes=1)):
            assert send_due() == 0
        assert (again(mail).state, again(mail).problem) == ("failed", "The mail server could not be reached.")


class TestWhatChangedSinceItWasGathered:
    @pytest.mark.parametrize("change", ["muted", "opted out", "disabled", "untold"])
    def test_nothing_is_sent(self, change: str) -> None:
        mail = waiting_mail()
        if change == "muted":
            MailChoices.objects.create(user=mail.user, achievements=False)
        elif change == "opted out":
            gates.opt_out(mail.user)
        elif change == "disabled":
            type(mail.user).objects.update(is_active=False)
        else:
            Notification.objects.all().delete()
        assert send_due() == 0
        assert not outbox.outbox
        assert again(mail).state == "dropped"


# --- A server on a socket -----------------------------------------------------------------------------------


class SmtpServer(threading.Thread):
    """Enough of SMTP to take mails, one connection after the other."""

    def __init__(self) -> None:
        super().__init__(daemon=True)
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.port = self._socket.getsockname()[1]
        self.taken: list[bytes] = []

    def run(self) -> None:
        while True:
            try:
                client, _address = self._socket.accept()
            except OSError:
                return
            with client, client.makefile("rwb") as stream:
                self._converse(stream)

    def _converse(self, stream: Any) -> None:
        def say(line: str) -> None:
            stream.write(f"{line}\r\n".encode())
            stream.flush()

        say("220 here")
        for raw in stream:
            verb = raw.decode().upper().split()[0] if raw.strip() else ""
            if verb == "QUIT":
                say("221 bye")
                return
            if verb == "RCPT" and b"nobody@" in raw:
                say("550 no such user")
                continue
            if verb != "DATA":
                say("250 yes")
                continue
            say("354 go on")
            lines = []
            for line in stream:
                if line == b".\r\n":
                    break
                lines.append(line)
            self.taken.append(b"".join(lines))
            say("250 taken")

    def close(self) -> None:
        self._socket.close()


@pytest.fixture
def server(settings: Any) -> Iterator[SmtpServer]:
    server = SmtpServer()
    server.start()
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", server.port
    settings.EMAIL_HOST_USER = settings.EMAIL_HOST_PASSWORD = ""
    settings.EMAIL_USE_TLS = settings.EMAIL_USE_SSL = False
    yield server
    server.close()


def test_a_real_server_gets_what_mailboxes_need(server: SmtpServer) -> None:
    earn(UserFactory(email="nobody@example.org"), "Refused")
    earn(UserFactory(email="ada@example.org"), "Größte Klasse")

    assert notify() == 1

    [raw] = server.taken
    message = message_from_bytes(raw, policy=policy.default)
    assert message["To"] == "ada@example.org"
    assert message["Subject"] == "You earned Größte Klasse"
    assert message["Message-ID"] == f"<{Mail.objects.get(state='sent').message_id}@badges.example.org>"
    assert message["Auto-Submitted"] == "auto-generated"
    assert message["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    link = message["List-Unsubscribe"].strip()  # longer than a line, so that it was folded
    assert link.startswith("<https://badges.example.org/notifications/unsubscribe/")
    assert [part.get_content_type() for part in message.walk()] == [
        "multipart/alternative",
        "text/plain",
        "text/html",
    ]
    assert Mail.objects.get(state="failed").problem == "550 no such user"


def test_a_server_that_is_not_there_keeps_everything_waiting(settings: Any) -> None:
    with socket.create_server(("127.0.0.1", 0)) as nobody:
        port = nobody.getsockname()[1]
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", port
    mail = waiting_mail()
    assert send_due() == 0
    assert (again(mail).state, again(mail).attempts) == ("waiting", 0)
    assert "ConnectionRefusedError" in again(mail).problem
