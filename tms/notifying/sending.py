"""From a mail that waits to the mail server: claim, compose, send, settle.

A mail is claimed in a short transaction under a token and a lease; no transaction is open while the server is
spoken to; what came of it is settled by comparing the token.

At least once: a process that dies after the server took a mail, and before that was settled, leaves it to be
sent again when its lease has passed. People look at these mails, and one that never comes is worse than one
that comes twice; its Message-ID is the same, by which most mailboxes show it once. How often is bounded: each
claim counts as an attempt.

A server that cannot be reached is no mail's fault: nothing is counted, everything waits, for three days at
most. What the server refuses for one address is tried again with growing pauses, or given up at once where
the refusal is final; the others go on.
"""

from __future__ import annotations

import logging
import math
import smtplib
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from time import monotonic
from typing import Any
from uuid import uuid4

from django.conf import settings
from django.core.mail import get_connection
from django.db import transaction
from django.db.models import F, Q, QuerySet
from django.utils import timezone
from django.utils.translation import gettext as _

from tms.hint import hint
from tms.models import Mail, Notification
from tms.notifying.composing import compose
from tms.notifying.gathering import gather
from tms.notifying.outbox import NOTIFY

log = logging.getLogger(__name__)
State = Mail.State

# So long a task claims before it leaves the worker to other tasks.
TASK_SECONDS = 20.0
BATCH = 20
MAX_ATTEMPTS = 6
FIRST_PAUSE = timedelta(minutes=1)
LONGEST_PAUSE = timedelta(hours=6)
SERVER_PAUSE = timedelta(minutes=1)
GIVEN_UP_AFTER = timedelta(days=3)
PERMANENT = 500


class ServerAway(Exception):
    """The mail server cannot be reached, or takes no mail of ours at all: nothing of one mail's making."""


@dataclass(frozen=True, slots=True)
class Sent:
    pass


@dataclass(frozen=True, slots=True)
class NothingToTell:
    pass


@dataclass(frozen=True, slots=True)
class Refused:
    problem: str
    is_final: bool = False


Answer = Sent | NothingToTell | Refused


def notify(*, seconds: float = math.inf) -> int:
    """Gather what has waited long enough, and send what is due; how many mails left. After `seconds` another
    task goes on with the rest, so that none keeps a worker from its other work."""
    started = monotonic()
    gather(seconds=seconds / 2)
    count = send_due(seconds=seconds / 2)
    if monotonic() - started >= seconds:
        hint(NOTIFY)
    return count


def send_due(*, seconds: float = math.inf) -> int:
    """Send every mail that is due, for `seconds` at most; how many left."""
    if not settings.BADGES_ENABLED:
        return 0
    give_up()
    ends_at, count = monotonic() + seconds, 0
    with _line() as line:
        while monotonic() < ends_at and (mails := claim(BATCH)):
            try:
                count += _send_each(mails, line)
            except ServerAway as away:
                log.warning("The mail server is left alone for a while: %s", away)
                _put_back(mails, problem=str(away))
                break
    return count


def lease() -> timedelta:
    """For a whole batch: each of its mails may take as long as the server is waited for."""
    return timedelta(seconds=2 * BATCH * settings.EMAIL_TIMEOUT)


def claim(limit: int, *, now: datetime | None = None) -> list[Mail]:
    """Take up to `limit` due mails under one token and one lease, the longest due first."""
    now, token = now or timezone.now(), uuid4()
    free = _due(now).filter(attempts__lt=MAX_ATTEMPTS).order_by("due_at", "pk")
    with transaction.atomic():
        ids = list(free.select_for_update(skip_locked=True).values_list("pk", flat=True)[:limit])
        Mail.objects.filter(pk__in=ids).update(
            claim_token=token, lease_until=now + lease(), attempts=F("attempts") + 1
        )
    return list(Mail.objects.filter(claim_token=token, pk__in=ids).select_related("user__organization"))


def _due(now: datetime) -> QuerySet[Mail]:
    unclaimed = Q(lease_until=None) | Q(lease_until__lt=now)
    return Mail.objects.filter(unclaimed, state=State.WAITING, due_at__lte=now)


def give_up(*, now: datetime | None = None) -> int:
    """Mails that killed whoever sent them too often, and those that nobody took for days."""
    now = now or timezone.now()
    due = _due(now)
    killed = due.filter(attempts__gte=MAX_ATTEMPTS)
    count = killed.update(state=State.FAILED, problem=_("Whoever sent it did not come back."), **_UNCLAIMED)
    # What a person asked for waits for as long as it takes.
    stale = due.filter(created_at__lt=now - GIVEN_UP_AFTER).exclude(purpose=Mail.Purpose.RESENT)
    count += stale.filter(problem="").update(problem=_("The mail server could not be reached."))
    return count + stale.update(state=State.FAILED, **_UNCLAIMED)


# --- Speaking to the server ---------------------------------------------------------------------------------


@contextmanager
def _line() -> Iterator[Any]:
    """One connection for many mails, opened with the first of them."""
    connection = get_connection()
    try:
        yield connection
    finally:
        _hang_up(connection)


def _hang_up(connection: Any) -> None:
    with suppress(OSError, smtplib.SMTPException):
        connection.close()


def _send_each(mails: list[Mail], line: Any) -> int:
    count = 0
    for mail in mails:
        left = (mail.lease_until or timezone.now()) - timezone.now()
        if left < lease() / 4:
            # This process slept, and somebody else may take it any moment.
            break
        answer = _send(mail, line)
        settle(mail, answer)
        count += isinstance(answer, Sent)
    return count


def _send(mail: Mail, line: Any) -> Answer:
    """What came of it; whatever goes wrong with one mail is that mail's, but for ServerAway."""
    try:
        message = compose(mail)
    except Exception as error:
        log.exception("Mail %s cannot be composed", mail.pk)
        return Refused(_("It cannot be put into words: %(error)s.") % {"error": type(error).__name__})
    if message is None:
        return NothingToTell()
    try:
        line.open()
    except (OSError, smtplib.SMTPException) as error:
        _hang_up(line)
        raise ServerAway(_told(error)) from error
    try:
        line.send_messages([message])
    except smtplib.SMTPSenderRefused as error:
        raise ServerAway(_told(error)) from error
    except smtplib.SMTPRecipientsRefused as error:
        code, words = next(iter(error.recipients.values()), (0, b""))
        return Refused(_answer(code, words), is_final=code >= PERMANENT)
    except Exception as error:
        # Also where the line broke, when nobody knows whether the server took it.
        log.warning("Mail %s was not taken", mail.pk, exc_info=True)
        _hang_up(line)
        return Refused(_told(error))
    return Sent()


def _told(error: BaseException) -> str:
    if isinstance(error, smtplib.SMTPResponseException):
        return _answer(error.smtp_code, error.smtp_error)
    return f"{type(error).__name__}: {error}"[:500]


def _answer(code: int, words: bytes | str) -> str:
    text = words.decode(errors="replace") if isinstance(words, bytes) else words
    return f"{code} {text}".replace("\0", "")[:500]


# --- Settling -----------------------------------------------------------------------------------------------

_UNCLAIMED: dict[str, Any] = {"claim_token": None, "lease_until": None}


def settle(mail: Mail, answer: Answer) -> bool:
    """Write down what came of a claimed mail; False when somebody else has claimed it since."""
    now = timezone.now()
    held = Mail.objects.filter(pk=mail.pk, state=State.WAITING, claim_token=mail.claim_token)
    with transaction.atomic():
        if not held.update(**_outcome(mail, answer, now=now), **_UNCLAIMED):
            log.warning("Mail %s was claimed by somebody else.", mail.pk)
            return False
        if isinstance(answer, Sent):
            Notification.objects.filter(mail=mail).update(sent_at=now)
    return True


def _outcome(mail: Mail, answer: Answer, *, now: datetime) -> dict[str, Any]:
    if isinstance(answer, Sent):
        return {"state": State.SENT, "sent_at": now, "problem": ""}
    if isinstance(answer, NothingToTell):
        return {"state": State.DROPPED, "problem": ""}
    if answer.is_final or mail.attempts >= MAX_ATTEMPTS:
        return {"state": State.FAILED, "problem": answer.problem}
    return {"due_at": now + pause_after(mail.attempts), "problem": answer.problem}


def pause_after(attempts: int) -> timedelta:
    """A minute at first, then four times as long each time, up to six hours."""
    return min(FIRST_PAUSE * 4.0 ** max(attempts - 1, 0), LONGEST_PAUSE)


def _put_back(mails: list[Mail], *, problem: str) -> None:
    """Uncounted, and with everything else that is due, for a server that is away is away for all."""
    now = timezone.now()
    token = mails[0].claim_token
    with transaction.atomic():
        held = Mail.objects.filter(state=State.WAITING, claim_token=token)
        held.update(attempts=F("attempts") - 1, problem=problem, **_UNCLAIMED)
        _due(now).update(due_at=now + SERVER_PAUSE)
