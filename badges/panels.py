"""What administrators see of issuing on their dashboard: what waits, what failed and why, who is paused."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.db.models import Count, OuterRef, Subquery
from django.urls import reverse
from django.utils.http import urlencode

from badges import failures
from badges.differences import waiting
from badges.models import Comparison, Difference, IssuedBadge
from badges.status import Status
from providers.models import BadgeProvider
from tms.access import Action, may
from tms.panels import Panel, Place

if TYPE_CHECKING:
    from tms.models import User

SHOWN = 9
OPEN = (Status.QUEUED, Status.HELD, Status.SENDING, Status.UNKNOWN, Status.REVOKING)


def issuing(user: User) -> dict[str, Any] | None:
    if not may(user, Action.MANAGE):
        return None
    rows = IssuedBadge.objects.for_user(user, Action.MANAGE).order_by()
    on_the_way = dict(rows.filter(status__in=OPEN).values_list("status").annotate(Count("pk")))
    failed = rows.filter(status=Status.FAILED).values_list("failure_code").annotate(Count("pk"))
    paused = (
        BadgeProvider.objects.for_user(user, Action.MANAGE)
        .filter(is_enabled=True, paused_at__isnull=False)
        .order_by("paused_at")
    )
    return {
        "open": [
            {
                "status": status.value,
                "label": status.label,
                "count": on_the_way[status],
                "url": _list_url(status__exact=status.value),
            }
            for status in OPEN
            if status in on_the_way
        ],
        "failed": [
            {
                "reason": failures.in_words(code),
                "count": count,
                "url": _list_url(status__exact=Status.FAILED.value, failure_code=code),
            }
            for code, count in sorted(failed, key=lambda row: -row[1])
        ],
        "paused": list(paused),
    }


def differences(user: User) -> dict[str, Any] | None:
    """Where accounts disagree with our records, and those of which nobody knows because the look failed."""
    if not may(user, Action.MANAGE):
        return None
    rows = waiting(Difference.objects.for_user(user, Action.MANAGE)).order_by().values_list("kind")
    counts = dict(rows.annotate(Count("pk")))
    runs = Comparison.objects.for_user(user, Action.MANAGE).filter(badge_provider=OuterRef("pk"))
    latest = runs.exclude(finished_at=None).order_by("-pk")
    failed = (
        BadgeProvider.objects.for_user(user, Action.MANAGE)
        .filter(is_enabled=True, paused_at=None)
        .annotate(problem=Subquery(latest.values("problem")[:1]))
        .exclude(problem="")
        .exclude(problem=None)
        .defer("token", "webhook_secret")
        .order_by("name", "pk")
    )
    found = [
        {
            "label": kind.label,
            "count": counts[kind],
            "url": f"{reverse('admin:badges_difference_changelist')}?kind__exact={kind.value}",
        }
        for kind in Difference.Kind
        if kind in counts
    ]
    not_compared = list(failed[:SHOWN])
    return {"found": found, "failed": not_compared} if found or not_compared else None


def _list_url(**filters: str) -> str:
    return f"{reverse('admin:badges_issuedbadge_changelist')}?{urlencode(filters)}"


PANELS = (
    Panel(place=Place.MAIN, template="badges/_issuing.html", read=issuing, order=10),
    Panel(place=Place.MAIN, template="badges/_differences.html", read=differences, order=13),
)
