"""What a digest says of badges: which were issued, and what failed and waits for somebody."""

from __future__ import annotations

from collections import Counter
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from django.db.models import Count, Exists, F, OuterRef
from django.urls import reverse
from django.utils.http import urlencode
from django.utils.translation import ngettext

from badges.failures import in_words
from badges.models import IssuedBadge, IssuingEvent
from badges.status import Status
from tms.access import Action, may, reachable
from tms.notifying.digests import DigestPart, Line, Section

if TYPE_CHECKING:
    from django.db.models import QuerySet

    from tms.models import User

# Whoever waited longer to be issued is not looked for: what bounds the search is when it was recorded.
LONGEST_WAIT = timedelta(days=14)


def issued(user: User, since: datetime, until: datetime) -> Section | None:
    rows = _told_to(user).filter(
        created_at__gte=since - LONGEST_WAIT, issued_at__gte=since, issued_at__lt=until
    )
    counted = rows.order_by().values(name=F("badge__name"), about=F("badge")).annotate(count=Count("pk"))
    found = list(counted.order_by("-count", "name"))
    if not found:
        return None
    total = sum(row["count"] for row in found)
    title = ngettext("%(count)d badge issued", "%(count)d badges issued", total) % {"count": total}
    lines = [
        Line(
            title=row["name"],
            text=_learners(row["count"]),
            url=_find(user, badge=row["about"]),
        )
        for row in found
    ]
    return Section(title=title, lines=lines, count=len(found))


def failed(user: User, since: datetime, until: datetime) -> Section | None:
    """What failed in these days and still waits, by its reason."""
    failure = IssuingEvent.objects.filter(
        issued_badge=OuterRef("pk"), to_status=Status.FAILED, at__gte=since, at__lt=until
    )
    rows = _told_to(user).filter(Exists(failure), status=Status.FAILED)
    counts = Counter(dict(rows.order_by().values_list("failure_code").annotate(Count("pk"))))
    if not counts:
        return None
    total = counts.total()
    title = ngettext("%(count)d badge failed and waits", "%(count)d badges failed and wait", total) % {
        "count": total
    }
    lines = [
        Line(title=in_words(code), text=_learners(count), url=_find(user, reason=code))
        for code, count in counts.most_common()
    ]
    return Section(title=title, lines=lines, count=len(lines))


def _told_to(user: User) -> QuerySet[IssuedBadge]:
    """What administrators see, and what instructors see of those who are in their classes."""
    seen = reachable(IssuedBadge, user, Action.SEE) | reachable(IssuedBadge, user, Action.TEACH)
    return IssuedBadge.objects.filter(seen)


def _find(user: User, **asked: str | int) -> str:
    """Only administrators have the page that finds them."""
    return f"{reverse('find-issued-badges')}?{urlencode(asked)}" if may(user, Action.SEE) else ""


def _learners(count: int) -> str:
    return ngettext("%(count)d learner", "%(count)d learners", count) % {"count": count}


DIGESTS = (DigestPart(read=issued, order=20), DigestPart(read=failed, order=30))
