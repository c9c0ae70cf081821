"""The list on the site of what a person was told, and the number of it that is still unread."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from django.db.models import Count, OuterRef, QuerySet, Subquery
from django.db.models.functions import Coalesce
from django.utils import timezone

from tms.models import Notification, User
from tms.notifying.topics import Group, Notice, in_words, kinds_of, topic_of

if TYPE_CHECKING:
    from django.db.models.expressions import Combinable


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    row: Notification
    notice: Notice
    icon: str

    @property
    def at(self) -> datetime:
        return self.notice.at or self.row.created_at


def shown_to(user: User) -> QuerySet[Notification]:
    """Newest first. Who does not participate in achievements is shown nothing of them."""
    return _shown(user.notifications.all()).order_by("-created_at", "-pk")


def _shown(rows: QuerySet[Notification]) -> QuerySet[Notification]:
    return rows.exclude(kind__in=kinds_of(Group.ACHIEVEMENTS), user__participate_in_achievements=False)


def entries(rows: Sequence[Notification]) -> list[Entry]:
    """Rows of `shown_to` in words; of those that were written down together, the latest to happen first."""
    words = in_words(rows)
    found = [Entry(row=row, notice=words[row.pk], icon=topic_of(row.kind).icon) for row in rows]
    return sorted(found, key=lambda entry: (entry.row.created_at, entry.at), reverse=True)


def read_all(user: User, *, up_to: int) -> int:
    """Mark as read what a person has seen: up to this id, for more may have come meanwhile."""
    unread = user.notifications.filter(read_at=None, pk__lte=up_to)
    return unread.update(read_at=timezone.now())


def open_one(row: Notification) -> Notice:
    """Mark one as read; its notice, which says where it leads."""
    Notification.objects.filter(pk=row.pk, read_at=None).update(read_at=timezone.now())
    return in_words([row])[row.pk]


# --- How many are unread: on every page ---------------------------------------------------------------------


def unread_count() -> Combinable:
    """For whoever reads a user from the database anyway (tms.sign_in), so that no page asks for it alone."""
    unread = _shown(Notification.objects.filter(user=OuterRef("pk"), read_at=None)).order_by()
    counted = unread.values("user").annotate(count=Count("pk")).values("count")
    return Coalesce(Subquery(counted), 0)


def unread_of(user: User) -> Callable[[], int]:
    """How many, when it is asked: read with the user where it was, and else then."""

    def count() -> int:
        known = getattr(user, "unread_notifications", None)
        return shown_to(user).filter(read_at=None).count() if known is None else int(known)

    return count
