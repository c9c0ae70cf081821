"""What administrators see of issuing on their dashboard: how the hour is kept, what failed and why."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from django.db.models import Count, F, Min, OuterRef, Q, Subquery, TextField, Value
from django.db.models.functions import Coalesce
from django.urls import reverse
from django.utils import timezone
from django.utils.http import urlencode

from badges import addresses, failures
from badges.differences import waiting
from badges.lately import LATELY, issued_lately, last_days, seen_by
from badges.models import Comparison, Difference, IssuedBadge
from badges.punctuality import WINDOW, not_evaluated_since, punctuality
from badges.status import Status
from providers.health import ending, health_of
from providers.models import BadgeProvider
from tms.access import Action, may
from tms.durations import short
from tms.panels import Panel, Place

if TYPE_CHECKING:
    from tms.models import User

SHOWN = 9
TOP = 5
OPEN = (Status.QUEUED, Status.HELD, Status.SENDING, Status.UNKNOWN, Status.REVOKING)
IN_LINE = [Status.QUEUED, Status.UNKNOWN, Status.REVOKING]
# What punctuality() looks at, as Find Issued Badges asks for it.
SAMPLED: dict[str, str | int] = {
    "source": IssuedBadge.Source.ACHIEVEMENT.value,
    "issued": "within",
    "issued-n": WINDOW.days,
    "issued-unit": "days",
    "earned": "within",
    "earned-n": WINDOW.days,
    "earned-unit": "days",
}


@dataclass(frozen=True, slots=True)
class Waiting:
    count: int
    oldest: datetime

    def __add__(self, other: Waiting) -> Waiting:
        return Waiting(self.count + other.count, min(self.oldest, other.oldest))


def issuing(user: User) -> dict[str, Any] | None:
    """How the hour is kept, what is on the way, and what failed and why: what this person can do about."""
    if not may(user, Action.MANAGE):
        return None
    now = timezone.now()
    managed = IssuedBadge.objects.for_user(user, Action.MANAGE).order_by()
    # Spelled as their indexes are, each of which holds a part of these.
    unsettled = Q(status__in=IN_LINE) | Q(status__in=[Status.SENDING, Status.HELD]) | Q(status=Status.FAILED)
    counted = managed.filter(unsettled).values_list("status", "failure_code")
    on_the_way: dict[str, Waiting] = {}
    failed: dict[str, int] = {}
    for status, code, count, oldest in counted.annotate(Count("pk"), Min("created_at")):
        if status == Status.FAILED:
            failed[code] = count
        else:
            on_the_way[status] = on_the_way.get(status, Waiting(0, oldest)) + Waiting(count, oldest)
    lately = punctuality(seen_by(user), now=now)
    not_evaluated = not_evaluated_since(user)
    waits = [*(each.oldest for each in on_the_way.values()), *([not_evaluated] if not_evaluated else [])]
    return {
        "punctuality": lately,
        "median": lately and short(lately.median),
        "most": lately and short(lately.most),
        "oldest": short(now - min(waits)) if waits else "",
        "oldest_url": _list(user, *(("status", status.value) for status in OPEN), ("sort", "created")),
        "lately_url": addresses.issued_badges(**SAMPLED),
        "window": WINDOW.days,
        "open": [
            {
                "status": status.value,
                "label": status.label,
                "count": on_the_way[status].count,
                "oldest": short(now - on_the_way[status].oldest),
                "url": _list(user, ("status", status.value)),
            }
            for status in OPEN
            if status in on_the_way
        ],
        "failed": [
            {
                "reason": failures.in_words(code),
                "count": count,
                "url": _list(user, ("status", Status.FAILED.value), *_because(code)),
            }
            for code, count in sorted(failed.items(), key=lambda row: -row[1])
        ],
    }


def _because(code: str) -> list[tuple[str, str]]:
    if code in failures.REASONS:
        return [("reason", code)]
    return [("failure", code)] if code else []


def _list(user: User, *asked: tuple[str, str]) -> str:
    """Find Issued Badges: those of the badges that this person manages, as they are counted."""
    own: list[tuple[str, str]] = []
    if not user.is_superuser and user.organization_id:
        own = [("organization", str(user.organization_id)), ("organization-children", "on")]
    return f"{reverse('find-issued-badges')}?{urlencode([*asked, *own])}"


def most_issued(user: User) -> dict[str, Any] | None:
    if not may(user, Action.MANAGE):
        return None
    first, last = last_days()
    named = issued_lately(user).values_list("badge", "badge__name", "badge__image_url")
    most = named.annotate(count=Count("pk")).order_by("-count", "badge__name")
    badges = [
        {
            "pk": pk,
            "name": name,
            "image": image,
            "count": count,
            "url": addresses.issued_between(first=first, last=last, badge=pk),
        }
        for pk, name, image, count in most[:TOP]
    ]
    return {"badges": badges, "days": LATELY.days} if badges else None


def care(user: User) -> dict[str, Any] | None:
    """The accounts that need somebody: those that are paused or do not work, those whose token ends soon, and
    those of which nobody knows whether they agree with our records, because the look failed."""
    if not may(user, Action.MANAGE):
        return None
    now = timezone.now()
    runs = Comparison.objects.for_user(user, Action.MANAGE).filter(badge_provider=OuterRef("pk"))
    latest = runs.exclude(finished_at=None).order_by("-pk").values("problem")[:1]
    in_trouble = Q(paused_at__isnull=False) | ~Q(check_problem="") | Q(broken_until__gt=now) | ending(now=now)
    rows = (
        BadgeProvider.objects.for_user(user, Action.MANAGE)
        .filter(is_enabled=True)
        .annotate(not_compared=Coalesce(Subquery(latest), Value(""), output_field=TextField()))
        .filter(in_trouble | ~Q(not_compared=""))
        .defer("token", "webhook_secret")
        .order_by(F("paused_at").asc(nulls_last=True), "name", "pk")
    )
    # One more than is shown tells whether there are more.
    found = [
        {"provider": row, "health": health_of(row, now=now), "not_compared": _not_compared(row)}
        for row in rows[: SHOWN + 1]
    ]
    return {"accounts": found[:SHOWN], "more": len(found) > SHOWN} if found else None


def _not_compared(provider: Any) -> str:
    """Of a paused account it goes without saying."""
    return "" if provider.paused_at else provider.not_compared


def differences(user: User) -> dict[str, Any] | None:
    """Where accounts disagree with our records."""
    if not may(user, Action.MANAGE):
        return None
    rows = waiting(Difference.objects.for_user(user, Action.MANAGE)).order_by().values_list("kind")
    counts = dict(rows.annotate(Count("pk")))
    url = reverse("admin:badges_difference_changelist")
    found = [
        {"label": kind.label, "count": counts[kind], "url": f"{url}?kind__exact={kind.value}"}
        for kind in Difference.Kind
        if kind in counts
    ]
    return {"found": found} if found else None


PANELS = (
    Panel(place=Place.MAIN, template="badges/_issuing.html", read=issuing, order=10),
    Panel(place=Place.MAIN, template="badges/_care.html", read=care, order=12),
    Panel(place=Place.MAIN, template="badges/_differences.html", read=differences, order=13),
    Panel(place=Place.SIDE, template="badges/_most_issued.html", read=most_issued, order=10),
)
