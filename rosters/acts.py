"""Acts by hand on a class, and what a page shows of one while it is under way and after."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from django.core.paginator import Paginator
from django.db.models import Max
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from badges.models import IssuedBadge, IssuingAct
from badges.results import (
    ACCEPTED,
    badges_of,
    failing,
    outcomes_of,
    succeeding,
    taken_back,
    tally,
    told,
    under_way,
)
from rosters import patience
from rosters.parts import Part
from rosters.roster import enrollments_of, with_page
from tms.access import Action

if TYPE_CHECKING:
    from django.db.models import QuerySet
    from django.http import QueryDict

    from badges.models import ActOutcome, Badge
    from badges.results import Result, Tally
    from tms.models import Class, User

ON_A_PAGE = 50
WHILE_WATCHED = 2
QUARTERS = 4


def acts_on_roster(training_class: Class, *, viewer: User) -> QuerySet[IssuingAct]:
    """A person's own acts in this class, and everybody's for whoever administers it; the latest first."""
    acts = IssuingAct.objects.for_user(viewer, Action.SEE_OWN).filter(
        source_kind=IssuedBadge.Source.ROSTER, source_key=str(training_class.pk)
    )
    return acts.select_related("actor", "undone_by").order_by("-pk")


class Outcomes(Part["ActOutcome"]):
    @cached_property
    def results(self) -> list[Result]:
        """Those that are shown."""
        return told(self.page.object_list)


PARTS = ("under_way", "issued", "failed", "taken_back")


@dataclass(frozen=True)
class Issued:
    """A badge that was issued. `place` is the learner's row on the roster; `has_page`: the viewer may open
    the learner's own page."""

    result: Result
    place: int | None
    has_page: bool


@dataclass(frozen=True, kw_only=True)
class Watched:
    """An act as a page shows it to somebody. `asked` are the pages of its lists that somebody turned to.

    However large the act is, what is loaded of it is what the page shows; `counts` tells the rest.
    """

    act: IssuingAct
    training_class: Class
    viewer: User
    asked: QueryDict

    @cached_property
    def counts(self) -> Tally:
        return tally(self.act)

    @cached_property
    def badges(self) -> list[Badge]:
        return list(badges_of(self.act))

    @cached_property
    def learners(self) -> int:
        return self.act.outcomes.order_by().values("learner").distinct().count()

    @cached_property
    def issued(self) -> Outcomes:
        return self._part("issued", succeeding(outcomes_of(self.act)))

    @cached_property
    def issued_rows(self) -> list[Issued]:
        """Those that are shown."""
        learners = [result.outcome.learner_id for result in self.issued.results]
        on_roster = enrollments_of(self.training_class, viewer=self.viewer).filter(user__in=learners)
        places = dict(on_roster.order_by().values_list("user", "pk"))
        pages = with_page(learners, viewer=self.viewer)
        return [
            Issued(result, places.get(learner), has_page=learner in pages)
            for result, learner in zip(self.issued.results, learners, strict=True)
        ]

    @cached_property
    def failed(self) -> Outcomes:
        return self._part("failed", failing(outcomes_of(self.act)))

    @cached_property
    def under_way(self) -> Outcomes:
        return self._part("under_way", under_way(outcomes_of(self.act)))

    @cached_property
    def taken_back(self) -> Outcomes:
        return self._part("taken_back", taken_back(outcomes_of(self.act)))

    def _part(self, name: str, outcomes: QuerySet[ActOutcome]) -> Outcomes:
        page = Paginator(outcomes, ON_A_PAGE).get_page(self.asked.get(name))
        return Outcomes(name, page, self.asked, PARTS)

    @property
    def may_be_left(self) -> bool:
        return patience.is_over(self.act)

    @property
    def is_moving(self) -> bool:
        """Whether something will change by itself: the page asks again."""
        return self.counts.is_moving

    @property
    def interval(self) -> int:
        """Seconds until the page asks again."""
        is_held = self.counts.under_way == self.counts.held and not self.counts.revoking
        return patience.interval(self.act, at_first=WHILE_WATCHED, is_held=is_held)

    @cached_property
    def fingerprint(self) -> str:
        """Another as soon as the page would show something else."""
        accepted = self.act.outcomes.filter(code=ACCEPTED).order_by()
        event = accepted.aggregate(latest=Max("issued_badge__events"))["latest"]
        flags = f"{self.may_be_left:d}{self.act.undone_at is not None:d}"
        return f"{event or 0}.{self.counts.settled}.{self.counts.failures}.{flags}"

    @property
    def quarters(self) -> int:
        """How much is settled, in quarters."""
        return QUARTERS * self.counts.settled // self.counts.total if self.counts.total else QUARTERS

    @property
    def news(self) -> str:
        """What is said aloud: the end, and until then whenever a quarter more is done."""
        if not self.counts.is_settled:
            return _("Issuing… %(percent)d%% are done.") % {"percent": self.quarters * 100 // QUARTERS}
        issued, failed = self.counts.issued, self.counts.failures
        issued_news = ngettext(
            "%(count)d badge was successfully issued.", "%(count)d badges were successfully issued.", issued
        ) % {"count": issued}
        return " ".join([issued_news, *([_("Not issued: %(count)d.") % {"count": failed}] if failed else [])])
