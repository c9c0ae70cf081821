"""A summary every day or week, for those who teach or manage and want one.

A digest is a Mail with a period of its own, so that there is one at most for each person and period. It
covers what happened since the one before; whether there is anything to say is found out when it is composed,
and one without a word is not sent. What it says comes from the apps (DIGESTS in a module `digests`).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from django.conf import settings
from django.db.models import Max
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext as _

from tms.access import Action, may
from tms.contributions import contributed
from tms.hint import hint
from tms.models import Enrollment, Mail, MailChoices, User
from tms.notifying.choices import choices_of
from tms.notifying.outbox import NOTIFY

if TYPE_CHECKING:
    from django.db.models import QuerySet

HOUR = 7
# What is being recorded just now belongs to the next one, for its transaction may end after this was read.
STILL_BEING_WRITTEN = timedelta(minutes=10)
LENGTHS = {MailChoices.Digest.DAILY: timedelta(days=1), MailChoices.Digest.WEEKLY: timedelta(days=7)}
# A digest after a long time without one does not tell all of it.
LONGEST = timedelta(days=8)
TAKING_PART = (Enrollment.Status.ENROLLED, Enrollment.Status.AUDIT)


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """`url` is a path of this site, or empty."""

    title: str
    text: str = ""
    url: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Section:
    """`count` lines there are, of which these come first."""

    title: str
    lines: Sequence[Line]
    count: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Digest:
    title: str
    covers: str
    sections: Sequence[Section]


@dataclass(frozen=True, kw_only=True)
class DigestPart:
    """`read` gives what one person reads of what happened from one moment to another; None for nothing."""

    read: Callable[[User, datetime, datetime], Section | None]
    order: int = 50


def may_have_digests(user: User) -> bool:
    return may(user, Action.TEACH)


def plan(*, now: datetime | None = None) -> int:
    """Write down the digests of the periods that have begun, from seven in the morning of each reader's day
    on; how many were looked at."""
    if not (settings.BADGES_ENABLED and settings.MAIL_ENABLED):
        return 0
    now = now or timezone.now()
    wanted = MailChoices.objects.exclude(digest=MailChoices.Digest.OFF).filter(user__is_active=True)
    last = Max("user__mails__covers_until")
    new: list[Mail] = []
    for choice in wanted.select_related("user__organization").annotate(told_until=last):
        user, digest = choice.user, MailChoices.Digest(choice.digest)
        local = now.astimezone(user.zone)
        if local.hour < HOUR or not may_have_digests(user):
            continue
        until = now - STILL_BEING_WRITTEN
        since = max(choice.told_until or until - LENGTHS[digest], until - LONGEST)
        new.append(
            Mail(
                user=user,
                purpose=Mail.Purpose.DIGEST,
                period=period_of(digest, local),
                covers_from=since,
                covers_until=until,
            )
        )
    # One of a period that there is already stays as it is.
    Mail.objects.bulk_create(new, ignore_conflicts=True)
    hint(NOTIFY)
    return len(new)


def period_of(digest: MailChoices.Digest, local: datetime) -> str:
    """The name of the day or week, by the calendar of the reader."""
    if digest == MailChoices.Digest.WEEKLY:
        year, week, _day = local.isocalendar()
        return f"{year}-W{week:02}"
    return local.date().isoformat()


def read(mail: Mail) -> Digest | None:
    """What a digest says, in the active language and zone; None where there is nothing, or nobody to read."""
    user, since, until = mail.user, mail.covers_from, mail.covers_until
    is_wanted = choices_of(user).digest != MailChoices.Digest.OFF
    if since is None or until is None or not (is_wanted and may_have_digests(user)):
        return None
    parts = sorted(contributed("digests"), key=lambda part: part.order)
    sections = [section for part in parts if (section := part.read(user, since, until))]
    if not sections:
        return None
    title = _("Your week in badges") if "W" in mail.period else _("Your day in badges")
    spoken = {
        "first": date_format(timezone.localtime(since), "DATETIME_FORMAT"),
        "last": date_format(timezone.localtime(until), "DATETIME_FORMAT"),
    }
    return Digest(
        title=title, covers=_("What happened from %(first)s to %(last)s.") % spoken, sections=sections
    )


def taught_by(user: User) -> QuerySet[Enrollment]:
    """The enrolments of those who take part in a class that the reader teaches or manages."""
    return Enrollment.objects.for_user(user, Action.TEACH).filter(status__in=TAKING_PART).order_by()
