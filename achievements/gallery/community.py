"""What a learner did with others, and the days on which she was there: one query for both.

Others are counted as people, each once, and nobody is somebody else to herself.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from django.db.models import Count, F, Min, Q
from django.utils.translation import ngettext

from achievements.gallery.days import first_day
from tms.models import Activity, LearningRecord

if TYPE_CHECKING:
    from datetime import date

    from tms.models import User

Kind = Activity.Kind
SOCIAL = (Kind.POST_PUBLISHED, Kind.COMMENT_ADDED, Kind.REACTION_RECEIVED, Kind.LEARNER_HELPED)


@dataclass(frozen=True)
class Deed:
    """How often something was done, and with how many others."""

    kind: str
    count: int
    people: int

    @property
    def label(self) -> str:
        return {
            Kind.POST_PUBLISHED: ngettext("Post", "Posts", self.number),
            Kind.COMMENT_ADDED: ngettext("Comment", "Comments", self.number),
            Kind.REACTION_RECEIVED: ngettext("Reaction", "Reactions", self.number),
            Kind.LEARNER_HELPED: ngettext("Person helped", "People helped", self.number),
        }[Kind(self.kind)]

    @property
    def icon(self) -> str:
        return {
            Kind.POST_PUBLISHED: "square-pen",
            Kind.COMMENT_ADDED: "message-circle",
            Kind.REACTION_RECEIVED: "heart",
            Kind.LEARNER_HELPED: "hand-helping",
        }[Kind(self.kind)]

    @property
    def number(self) -> int:
        """Who helps the same person twice has helped one."""
        return self.people if self.kind == Kind.LEARNER_HELPED else self.count

    @property
    def note(self) -> str:
        if self.kind != Kind.REACTION_RECEIVED or not self.people:
            return ""
        text = ngettext("from %(count)d person", "from %(count)d people", self.people)
        return text % {"count": self.people}


@dataclass(frozen=True)
class Doings:
    deeds: Sequence[Deed]
    days: Sequence[date]

    @property
    def is_social(self) -> bool:
        return any(deed.count for deed in self.deeds)


def doings(learner: User, *, today: date) -> Doings:
    others = Q(other__isnull=False) & ~Q(other=F("learner"))
    by_herself = Q(kind=Kind.REACTION_RECEIVED, other=F("learner"))
    lately = Q(kind=Kind.SESSION, started_day__range=(first_day(today), today))
    rows = LearningRecord.objects.filter(
        Q(kind__in=SOCIAL) & ~by_herself | lately, learner=learner, subject=LearningRecord.Subject.ACTIVITY
    )
    # Of sessions a row for each day, which they have one of; of the others what they come to.
    social = (
        rows.filter(kind__in=SOCIAL)
        .order_by()
        .values("kind")
        .annotate(
            day=Min("started_day"), count=Count("pk"), people=Count("other", filter=others, distinct=True)
        )
    )
    sessions = (
        rows.filter(kind=Kind.SESSION)
        .order_by()
        .values("kind", "started_day")
        .annotate(count=Count("pk"), people=Count("other", filter=others, distinct=True))
    )
    found = social.values_list("kind", "day", "count", "people").union(
        sessions.values_list("kind", "started_day", "count", "people"), all=True
    )
    told = {kind: (count, people) for kind, _day, count, people in found if kind != Kind.SESSION}
    days = [day for kind, day, _count, _people in found if kind == Kind.SESSION]
    return Doings([Deed(kind, *told.get(kind, (0, 0))) for kind in SOCIAL], days)
