"""What a digest says of achievements: which were earned, and by how many of those whom its reader follows."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from django.db.models import Count, F, Q
from django.urls import reverse
from django.utils.http import urlencode
from django.utils.translation import ngettext

from achievements.models import EarnedAchievement
from tms.access import Action, may, reachable
from tms.notifying.digests import DigestPart, Line, Section, taught_by

if TYPE_CHECKING:
    from tms.models import User


def earned(user: User, since: datetime, until: datetime) -> Section | None:
    """By when they were recorded: what was done long ago and is found today is news today."""
    awards = EarnedAchievement.objects.filter(
        _told_to(user), created_at__gte=since, created_at__lt=until, withdrawn_at=None
    )
    counted = (
        awards.order_by()
        .values(name=F("achievement__name"), about=F("achievement"))
        .annotate(awards=Count("pk"), learners=Count("learner", distinct=True))
        .order_by("-awards", "name")
    )
    found = list(counted)
    if not found:
        return None
    total = sum(row["awards"] for row in found)
    title = ngettext("%(count)d achievement earned", "%(count)d achievements earned", total)
    sees = may(user, Action.SEE)
    return Section(
        title=title % {"count": total},
        lines=[
            Line(
                title=row["name"],
                text=_learners(row["learners"]),
                url=f"{reverse('find-users')}?{urlencode({'achievement': row['about']})}" if sees else "",
            )
            for row in found
        ],
        count=len(found),
    )


def _told_to(user: User) -> Q:
    """What administrators see anyway; and of those who are in a class of the reader's, what the class's
    organization gives."""
    taught = taught_by(user)
    in_class = Q(
        learner__in=taught.values("user"),
        achievement__organization__in=taught.values("training_class__organization"),
    )
    return reachable(EarnedAchievement, user, Action.SEE) | in_class


def _learners(count: int) -> str:
    return ngettext("%(count)d learner", "%(count)d learners", count) % {"count": count}


DIGESTS = (DigestPart(read=earned, order=10),)
