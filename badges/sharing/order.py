"""In which order badges are shown, and which of them to others: the one place that says so."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.db.models import BooleanField, F, Value
from django.db.models.functions import Coalesce

if TYPE_CHECKING:
    from django.db.models import QuerySet

    from badges.models import IssuedBadge


def featured_first(rows: QuerySet[IssuedBadge]) -> QuerySet[IssuedBadge]:
    """What she features, then the newest; each row comes with what she chose about it."""
    is_featured = Coalesce(F("presentation__is_featured"), Value(False), output_field=BooleanField())
    return rows.select_related("presentation").order_by(is_featured.desc(), "-earned_at", "-id")


def shown_to_others(rows: QuerySet[IssuedBadge]) -> QuerySet[IssuedBadge]:
    """Without what she hides, in the same order."""
    return featured_first(rows.exclude(presentation__is_hidden=True))
