"""Telling administrators that the system paused rules; the words are in achievements.notices."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime

from achievements.models import Achievement
from tms.models import Notification
from tms.notifying.outbox import tell_administrators


def tell_paused(ids: Collection[int], *, at: datetime) -> None:
    """They failed too often, or name what is gone; in the transaction that pauses them."""
    if not ids:
        return
    owners = dict(Achievement.objects.filter(pk__in=ids).values_list("pk", "organization"))
    tell_administrators(owners, kind=Notification.Kind.RULE_PAUSED, occasion=at)
