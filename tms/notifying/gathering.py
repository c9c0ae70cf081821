"""From what waits in the outbox to mails: what is due for one person becomes one message.

A person's first notification waits a little (NOTICE_WAIT_SECONDS), so that the awards of one evaluation are
told together. What no mail should tell says why, and stays in the list on the site; who switches mail on
again is not told a year at once.

Two processes may gather at once: rows that one has locked are passed over by the other, and a row is bound
once. A process that dies in between leaves everything waiting.
"""

from __future__ import annotations

import logging
import math
from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime, timedelta
from time import monotonic

from django.conf import settings
from django.db import DatabaseError, transaction
from django.db.models import OuterRef, Subquery
from django.db.models.functions import Coalesce
from django.utils import timezone

from tms.models import Mail, Notification, User
from tms.notifying.choices import wants
from tms.notifying.outbox import waiting
from tms.notifying.topics import Group, Notice, in_words, topic_of

log = logging.getLogger(__name__)
Unmailed = Notification.Unmailed

PEOPLE = 250
ROWS = 1_000
# What has waited longer, because nothing was sent meanwhile, is no news any more.
NEWS_FOR = timedelta(days=3)


def gather(*, now: datetime | None = None, seconds: float = math.inf) -> int:
    """Bind what is due to mails, so many people a transaction, for `seconds` at most; how many are new."""
    now, count, ends_at = now or timezone.now(), 0, monotonic() + seconds
    while settings.BADGES_ENABLED and monotonic() < ends_at and (people := _due(now)):
        made = _gather(people, now=now)
        if made is None:
            break
        count += made
    return count


def _due(now: datetime) -> list[int]:
    """Those whose oldest notification has waited long enough, the oldest first."""
    limit = now - timedelta(seconds=settings.NOTICE_WAIT_SECONDS)
    oldest = waiting().filter(created_at__lte=limit).order_by("created_at")
    return list(dict.fromkeys(oldest.values_list("user", flat=True)[:ROWS]))[:PEOPLE]


def _gather(people: Sequence[int], *, now: datetime) -> int | None:
    """Together; where that fails each alone, so that none stops another. None: others have all of it."""
    try:
        with transaction.atomic():
            return _bind(people, now=now)
    except DatabaseError:
        raise
    except Exception:
        log.exception("What %s people are to be told cannot be gathered together", len(people))
        if len(people) > 1:
            return sum(_gather([person], now=now) or 0 for person in people)
        waiting().filter(user=people[0]).update(unmailed=Unmailed.UNREADABLE)
        return 0


def _bind(people: Sequence[int], *, now: datetime) -> int | None:
    locked = waiting().filter(user__in=people).select_for_update(skip_locked=True, of=("self",))
    rows = list(locked.select_related("user__organization", "user__mail_choices").order_by("pk"))
    if not rows:
        return None
    notices = in_words(rows)
    to_mail: list[Notification] = []
    kept: dict[str, list[int]] = defaultdict(list)
    for row in rows:
        if why := _obstacle(row, notices[row.pk], now=now):
            kept[why].append(row.pk)
        else:
            to_mail.append(row)
    for why, ids in kept.items():
        _keep(ids, why=why, now=now)
    return _bind_to_mails(to_mail)


def _obstacle(row: Notification, notice: Notice, *, now: datetime) -> str:
    """Why no mail tells it; empty when one does."""
    group = topic_of(row.kind).group
    if why := obstacle_for(row.user, group):
        return why
    if notice.unmailed:
        return notice.unmailed
    return Unmailed.OLD if row.created_at < now - NEWS_FOR else ""


def obstacle_for(user: User, group: Group) -> str:
    """Why this person gets no mail about such things, whatever it tells; empty when she does."""
    if not settings.MAIL_ENABLED:
        return Unmailed.NO_MAIL
    if not user.is_active:
        return Unmailed.INACTIVE
    if group == Group.ACHIEVEMENTS and not user.participate_in_achievements:
        return Unmailed.NOT_PARTICIPATING
    return "" if wants(user, group) else Unmailed.MUTED


def _keep(ids: Sequence[int], *, why: str, now: datetime) -> None:
    """Old news are no reason for a sign on every page either."""
    rows = Notification.objects.filter(pk__in=ids)
    if why == Unmailed.OLD:
        rows.update(unmailed=why, read_at=Coalesce("read_at", now))
    else:
        rows.update(unmailed=why)


def _bind_to_mails(rows: Sequence[Notification]) -> int:
    people = sorted({row.user_id for row in rows})
    if not people:
        return 0
    mails = Mail.objects.bulk_create([Mail(user_id=person) for person in people])
    new = Mail.objects.filter(pk__in=[mail.pk for mail in mails], user=OuterRef("user")).order_by()
    bound = Notification.objects.filter(pk__in=[row.pk for row in rows])
    bound.update(mail=Subquery(new.values("pk")[:1]))
    return len(mails)
