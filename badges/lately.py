"""The badges that were issued lately, as the home of administrators counts them.

What is asked is bounded by days, and by look-ups that read the learner only where the badge is not enough.
"""

from __future__ import annotations

from datetime import date, datetime, time, timedelta
from typing import TYPE_CHECKING

from django.db.models import Q
from django.utils import timezone

from badges.models import Badge, IssuedBadge
from tms.access import Action
from tms.models import User

if TYPE_CHECKING:
    from django.db.models import QuerySet

LATELY = timedelta(days=28)
# Whoever waited longer is not looked for: what bounds the search is when a badge was recorded.
LONGEST_WAIT = timedelta(days=14)


def seen_by(viewer: User) -> QuerySet[IssuedBadge]:
    """What Find Issued Badges shows to an administrator."""
    seen = Q(badge__in=Badge.objects.for_user(viewer, Action.SEE)) | Q(
        learner__in=User.objects.for_user(viewer, Action.SEE)
    )
    return IssuedBadge.objects.filter(seen).order_by()


def last_days() -> tuple[date, date]:
    """The first and the last of the reader's days that are meant."""
    last = timezone.localdate()
    return last - LATELY + timedelta(days=1), last


def issued_lately(viewer: User) -> QuerySet[IssuedBadge]:
    """Those that a provider got on one of the last days."""
    first, last = last_days()
    start, end = _midnight(first), _midnight(last + timedelta(days=1))
    return seen_by(viewer).filter(
        created_at__gte=start - LONGEST_WAIT, issued_at__gte=start, issued_at__lt=end
    )


def _midnight(day: date) -> datetime:
    return timezone.make_aware(datetime.combine(day, time.min))
