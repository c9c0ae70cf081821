"""What learners are told about their badges: issued by hand, to be accepted, taken back, no longer valid.

A badge that was earned is told with its achievement (achievements.notices). One that failed is not told: its
page says so, and who can do something about it are administrators.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from datetime import timedelta
from typing import TYPE_CHECKING

from django.conf import settings
from django.db.models import Q
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext_lazy, ngettext

from badges.mailed import provider_writes
from badges.models import IssuedBadge
from badges.status import AT_PROVIDER, Status
from badges.wording import told
from tms.models import Notification
from tms.notifying.topics import Group, Notice, Topic
from tms.sql import execute, in_list, sql, table, value

if TYPE_CHECKING:
    from django.utils.functional import _StrPromise

    from badges.lifecycle import Move

Kind = Notification.Kind
ON_SITE = Notification.Unmailed.ON_SITE

# The provider reminds by mail itself; who has not accepted for a week may have missed it.
REMINDED_AFTER = timedelta(days=7)
REMINDED_WITHIN = timedelta(days=60)


# --- Writing them down --------------------------------------------------------------------------------------


def tell_issued(rows: Iterable[IssuedBadge]) -> None:
    """Of those that somebody issued by hand, in the transaction that settles them."""
    by_hand = [
        row.pk
        for row in rows
        if row.source_kind != IssuedBadge.Source.ACHIEVEMENT and not row.suppress_notification
    ]
    _tell(by_hand, kind=Kind.BADGE_ISSUED)


def tell_moves(steps: Sequence[Move]) -> None:
    """Of those that the learner had and has no more. What was silent, and is undone, stays silent."""
    for status, kind in ((Status.REVOKED, Kind.BADGE_REVOKED), (Status.EXPIRED, Kind.BADGE_EXPIRED)):
        moved = [
            step.issued_badge_id
            for step in steps
            if step.to_status == status and step.from_status in AT_PROVIDER
        ]
        _tell(moved, kind=kind)


def remind_to_accept() -> int:
    """Tell learners of badges that have waited to be accepted for a week; how many are looked at."""
    if not settings.BADGES_ENABLED:
        return 0
    now = timezone.now()
    waiting = IssuedBadge.objects.filter(
        status=Status.ISSUED,
        external_state="pending",
        issued_at__gt=now - REMINDED_WITHIN,
        issued_at__lte=now - REMINDED_AFTER,
        suppress_notification=False,
    )
    ids = list(waiting.order_by("pk").values_list("pk", flat=True))
    _tell(ids, kind=Kind.BADGE_TO_ACCEPT)
    return len(ids)


def _tell(ids: Sequence[int], *, kind: Notification.Kind) -> None:
    if not ids:
        return
    execute(
        sql(
            "INSERT INTO {} (user_id, kind, key, created_at)"
            " SELECT issued.learner_id, {}, issued.id, {} FROM {} AS issued"
            " WHERE {} AND NOT (issued.suppress_notification AND issued.was_undone)"
            " ON CONFLICT DO NOTHING",
            table(Notification),
            value(kind.value),
            value(timezone.now()),
            table(IssuedBadge),
            in_list("issued.id", ids),
        )
    )


# --- Reading them -------------------------------------------------------------------------------------------

_TITLES: dict[str, _StrPromise] = {
    Kind.BADGE_ISSUED: gettext_lazy("You got the badge %(badge)s"),
    Kind.BADGE_TO_ACCEPT: gettext_lazy("Your badge %(badge)s waits to be accepted"),
    Kind.BADGE_REVOKED: gettext_lazy("Your badge %(badge)s was taken back"),
    Kind.BADGE_EXPIRED: gettext_lazy("Your badge %(badge)s is no longer valid"),
}
_HOLDS: dict[str, Callable[[IssuedBadge], bool]] = {
    Kind.BADGE_ISSUED: lambda issued: issued.status not in {Status.CANCELLED, Status.REMOVED},
    Kind.BADGE_TO_ACCEPT: lambda issued: (
        issued.status == Status.ISSUED and issued.external_state == "pending"
    ),
    Kind.BADGE_REVOKED: lambda issued: issued.status in {Status.REVOKED, Status.REMOVED},
    Kind.BADGE_EXPIRED: lambda issued: issued.status != Status.REMOVED,
}


def _read(rows: Sequence[Notification]) -> dict[int, Notice]:
    keys = Q(pk__in={row.key for row in rows})
    badges = IssuedBadge.objects.filter(keys).select_related("badge__badge_provider")
    found = {issued.pk: issued for issued in badges.defer(*_SECRETS)}
    return {
        row.pk: _notice(row, issued)
        for row in rows
        if (issued := found.get(row.key)) and _HOLDS[row.kind](issued)
    }


_SECRETS = ("badge__badge_provider__token", "badge__badge_provider__webhook_secret")


def _notice(row: Notification, issued: IssuedBadge) -> Notice:
    """Mail only of what came by hand, where its provider writes none."""
    participates = row.user.participate_in_achievements
    is_mailed = row.kind == Kind.BADGE_ISSUED and not provider_writes(issued)
    why = Notification.Unmailed.PROVIDER if row.kind == Kind.BADGE_ISSUED else ON_SITE
    return Notice(
        title=str(_TITLES[row.kind]) % {"badge": issued.badge.name_here},
        text=told(issued).sentence,
        url=f"{reverse('own-achievements')}#badges" if participates else "",
        unmailed="" if is_mailed else why,
    )


def _counted(count: int) -> str:
    text = ngettext("%(count)d message about your badges", "%(count)d messages about your badges", count)
    return text % {"count": count}


NOTICES = (
    Topic(
        kinds=(Kind.BADGE_ISSUED, Kind.BADGE_TO_ACCEPT, Kind.BADGE_REVOKED, Kind.BADGE_EXPIRED),
        group=Group.BADGES,
        icon="medal",
        read=_read,
        counted=_counted,
    ),
)
