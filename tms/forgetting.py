"""Deleting what is kept for some time and not for ever, a little at a time, so that nobody waits for it.

What is forgotten, and when, each app says itself: tms.notifying.forgetting, badges.forgetting,
achievements.forgetting.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from django.db.models import QuerySet

BATCH = 1_000
MOST = 50_000  # of each kind in one night


def delete(old: QuerySet[Any], *, most: int | None = None) -> int:
    """Delete these rows, the first of them up to `most`; how many there were, with what hangs on them."""
    deleted, limit = 0, MOST if most is None else most
    while deleted < limit and (ids := list(old.order_by("pk").values_list("pk", flat=True)[:BATCH])):
        deleted += old.filter(pk__in=ids).delete()[0]
    return deleted
