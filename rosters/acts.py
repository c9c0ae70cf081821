"""Acts by hand on a class, and what a page shows of one while it is under way and after."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING
from urllib.parse import urlencode
from zlib import crc32

from django.core.paginator import Page, Paginator
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from badges.models import IssuedBadge, IssuingAct
from badges.results import Results, results_of
from rosters import patience
from rosters.roster import enrollments_of
from tms.access import Action

if TYPE_CHECKING:
    from django.db.models import QuerySet
    from django.http import QueryDict

    from badges.models import Badge
    from badges.results import Result
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


@dataclass(frozen=True)
class Part:
    """One of several lists on a page: what is shown, and the addresses of what comes before and after."""

    name: str
    page: Page[Result]
    asked: QueryDict

    @property
    def earlier(self) -> str:
        return self._turned(self.page.previous_page_number()) if self.page.has_previous() else ""

    @property
    def later(self) -> str:
        return self._turned(self.page.next_page_number()) if self.page.has_next() else ""

    def _turned(self, number: int) -> str:
        others = {name: self.asked[name] for name in PARTS if name in self.asked}
        return f"?{urlencode({**others, self.name: number})}#{self.name}"


PARTS = ("under_way", "issued", "failed", "taken_back")


@dataclass(frozen=True)
class Watched:
    """An act as a page shows it. `asked` are the pages of its lists that somebody turned to; `places` are the
    rows of the roster, by learner."""

    results: Results
    asked: QueryDict
    places: dict[int, int]

    @property
    def act(self) -> IssuingAct:
        return self.results.act

    @property
    def total(self) -> int:
        return len(self.results.all)

    @property
    def settled(self) -> int:
        return self.total - len(self.results.under_way)

    @cached_property
    def badges(self) -> list[Badge]:
        return list({result.badge.pk: result.badge for result in self.results.all}.values())

    @cached_property
    def learners(self) -> int:
        return len({result.outcome.learner_id for result in self.results.all})

    @cached_property
    def issued(self) -> Part:
        return self._part("issued", self.results.issued)

    @property
    def issued_rows(self) -> list[tuple[Result, int | None]]:
        """Those that are shown, with the row of each on the roster."""
        return [(result, self.places.get(result.outcome.learner_id)) for result in self.issued.page]

    @cached_property
    def failed(self) -> Part:
        return self._part("failed", self.results.failures)

    @cached_property
    def under_way(self) -> Part:
        return self._part("under_way", self.results.under_way)

    @cached_property
    def taken_back(self) -> Part:
        return self._part("taken_back", self.results.taken_back)

    def _part(self, name: str, results: list[Result]) -> Part:
        return Part(name, Paginator(results, ON_A_PAGE).get_page(self.asked.get(name)), self.asked)

    @property
    def may_be_left(self) -> bool:
        return patience.is_over(self.act)

    @property
    def is_moving(self) -> bool:
        """Whether something will change by itself: the page asks again."""
        return self.results.is_moving

    @property
    def interval(self) -> int:
        """Seconds until the page asks again."""
        return patience.WHILE_LEFT if self.may_be_left else WHILE_WATCHED

    @cached_property
    def fingerprint(self) -> str:
        """Another as soon as the page would show something else."""
        told = [(result.label, result.words) for result in self.results.all]
        return f"{crc32(repr((told, self.may_be_left, self.act.undone_at)).encode()):08x}"

    @property
    def quarters(self) -> int:
        """How much is settled, in quarters."""
        return QUARTERS * self.settled // self.total if self.total else QUARTERS

    @property
    def news(self) -> str:
        """What is said aloud: the end, and until then whenever a quarter more is done."""
        if not self.results.is_settled:
            return _("Issuing… %(percent)d%% are done.") % {"percent": self.quarters * 100 // QUARTERS}
        issued = len(self.results.issued)
        told = ngettext(
            "%(count)d badge was successfully issued.", "%(count)d badges were successfully issued.", issued
        ) % {"count": issued}
        failed = len(self.results.failures)
        return " ".join([told, *([_("Not issued: %(count)d.") % {"count": failed}] if failed else [])])


def watch(act: IssuingAct, training_class: Class, *, viewer: User, asked: QueryDict) -> Watched:
    """In a number of queries that does not depend on the size of the act."""
    on_roster = enrollments_of(training_class, viewer=viewer).order_by().values_list("user", "pk")
    return Watched(results_of(act), asked, dict(on_roster))
