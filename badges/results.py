"""What has become of an act by hand by now: for the page that watches it, and for whoever comes back.

Nothing is called issued before the provider has it, nor revoked before the provider has revoked it. What it
had before we asked counts as issued and is shown among the failures as well, in its own words.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from django.db import models
from django.db.models import Case, Count, Prefetch, Q, QuerySet, Value, When
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from badges.models import ActOutcome, Badge
from badges.status import HAD_ALREADY, Status

if TYPE_CHECKING:
    from badges.models import IssuedBadge, IssuingAct


class State(models.TextChoices):
    UNDER_WAY = "under_way", gettext_lazy("Issuing…")
    ISSUED = "issued", gettext_lazy("Issued")
    FAILED = "failed", gettext_lazy("Not issued")
    CANCELLED = "cancelled", gettext_lazy("Cancelled")
    REVOKING = "revoking", gettext_lazy("Being taken back")
    REVOKED = "revoked", gettext_lazy("Revoked")


ACCEPTED = "queued"
# Also what is on its way back.
TAKEN_BACK = (State.CANCELLED, State.REVOKING, State.REVOKED)
STATES: dict[Status, State] = {
    Status.QUEUED: State.UNDER_WAY,
    Status.HELD: State.UNDER_WAY,
    Status.SENDING: State.UNDER_WAY,
    Status.UNKNOWN: State.UNDER_WAY,
    Status.FAILED: State.FAILED,
    Status.ISSUED: State.ISSUED,
    Status.ACCEPTED: State.ISSUED,
    Status.REJECTED: State.ISSUED,
    Status.SUPERSEDED: State.ISSUED,
    Status.EXPIRED: State.ISSUED,
    Status.REVOKING: State.REVOKING,
    Status.REVOKED: State.REVOKED,
    Status.REMOVED: State.REVOKED,
    Status.CANCELLED: State.CANCELLED,
}
# The same as `_result`, for the database.
_STATE = Case(
    When(~Q(code=ACCEPTED) | Q(issued_badge=None), then=Value(State.FAILED)),
    When(issued_badge__status=Status.EXPIRED, issued_badge__issued_at=None, then=Value(State.FAILED)),
    *(When(issued_badge__status=status, then=Value(state)) for status, state in STATES.items()),
)


@dataclass(frozen=True, slots=True)
class Result:
    """One pair of an act, as it is now."""

    outcome: ActOutcome
    state: State
    # Why it was not issued: the provider's words as it said them, else ours. Empty where it was.
    words: str

    @property
    def badge(self) -> Badge:
        return self.outcome.badge

    @property
    def learner(self) -> object:
        return self.outcome.learner

    @property
    def issued_badge(self) -> IssuedBadge | None:
        return self.outcome.issued_badge

    @property
    def is_issued(self) -> bool:
        return self.state == State.ISSUED

    @property
    def is_under_way(self) -> bool:
        return self.state == State.UNDER_WAY

    @property
    def is_failure(self) -> bool:
        """Also where the provider has it, if it had it before."""
        return bool(self.words)

    @property
    def sentence(self) -> str:
        """A failure as the page tells it."""
        return _("Badge: %(badge)s was not issued to %(student)s because of this error: %(words)s") % {
            "badge": self.badge,
            "student": self.learner,
            "words": self.words,
        }

    @property
    def label(self) -> str:
        """The state in one word or two; while it is under way, what it waits for."""
        row = self.issued_badge
        return str(row.issued_status if row and self.outcome.code == ACCEPTED else self.state.label)


@dataclass(frozen=True)
class Results:
    act: IssuingAct
    all: tuple[Result, ...]

    @cached_property
    def issued(self) -> list[Result]:
        return [result for result in self.all if result.is_issued]

    @cached_property
    def failures(self) -> list[Result]:
        return [result for result in self.all if result.is_failure]

    @cached_property
    def under_way(self) -> list[Result]:
        return [result for result in self.all if result.is_under_way]

    @cached_property
    def taken_back(self) -> list[Result]:
        return [result for result in self.all if result.state in TAKEN_BACK]

    @property
    def is_settled(self) -> bool:
        """Everything is issued or not."""
        return not self.under_way

    @property
    def is_moving(self) -> bool:
        """Something will change by itself: a page asks again."""
        return any(result.state in {State.UNDER_WAY, State.REVOKING} for result in self.all)


@dataclass(frozen=True, slots=True, kw_only=True)
class Tally:
    """How many pairs of an act are in each state, and how many are told as failures."""

    total: int = 0
    under_way: int = 0
    held: int = 0  # of those under way
    issued: int = 0
    failed: int = 0
    cancelled: int = 0
    revoking: int = 0
    revoked: int = 0
    failures: int = 0

    @property
    def settled(self) -> int:
        return self.total - self.under_way

    @property
    def taken_back(self) -> int:
        return self.cancelled + self.revoking + self.revoked

    @property
    def is_settled(self) -> bool:
        return not self.under_way

    @property
    def is_moving(self) -> bool:
        return bool(self.under_way or self.revoking)

    @property
    def percent(self) -> int:
        return 100 * self.settled // self.total if self.total else 100


def results_of(act: IssuingAct) -> Results:
    """Every pair in the order of the act, in a number of queries that does not depend on theirs."""
    return Results(act=act, all=tuple(told(outcomes_of(act))))


def outcomes_of(act: IssuingAct | QuerySet[IssuingAct]) -> QuerySet[ActOutcome]:
    """The pairs of an act in its order, for a page that shows a part of them, or those of several; `now` is
    the state of each."""
    badges = Badge.objects.select_related("badge_provider").defer("badge_provider__token")
    of = "act__in" if isinstance(act, QuerySet) else "act"
    found = ActOutcome.objects.filter(**{of: act}).select_related("learner", "issued_badge")
    return found.prefetch_related(Prefetch("badge", badges)).annotate(now=_STATE).order_by("position", "pk")


def badges_of(act: IssuingAct) -> QuerySet[Badge]:
    """Those that were asked for."""
    asked = ActOutcome.objects.filter(act=act).order_by()
    return Badge.objects.filter(pk__in=asked.values("badge")).order_by("name", "pk")


def succeeding(outcomes: QuerySet[ActOutcome]) -> QuerySet[ActOutcome]:
    """Those that the provider has."""
    return outcomes.filter(Q(now=State.ISSUED))


def failing(outcomes: QuerySet[ActOutcome]) -> QuerySet[ActOutcome]:
    """Those that are told as failures."""
    had = Q(now=State.ISSUED) & ~Q(issued_badge__already_there="")
    return outcomes.filter(Q(now=State.FAILED) | had)


def under_way(outcomes: QuerySet[ActOutcome]) -> QuerySet[ActOutcome]:
    return outcomes.filter(Q(now=State.UNDER_WAY))


def taken_back(outcomes: QuerySet[ActOutcome]) -> QuerySet[ActOutcome]:
    return outcomes.filter(Q(now__in=TAKEN_BACK))


def told(outcomes: Iterable[ActOutcome]) -> list[Result]:
    return [_result(outcome) for outcome in outcomes]


def _result(outcome: ActOutcome) -> Result:
    row = outcome.issued_badge
    if row:
        row.badge = outcome.badge
    if outcome.code != ACCEPTED or row is None:
        return Result(outcome, State.FAILED, outcome.message)
    state = STATES[Status(row.status)]
    if row.status == Status.EXPIRED and row.issued_at is None:
        return Result(outcome, State.FAILED, _("It would have expired before it was sent."))
    if state == State.FAILED:
        return Result(outcome, state, row.provider_message or row.failure_message or row.failure_code)
    words = row.already_there if state == State.ISSUED else ""
    return Result(outcome, state, _(HAD_ALREADY) if words == HAD_ALREADY else words)


def tally(act: IssuingAct) -> Tally:
    """In one query, for a page that looks often."""
    return tallies([act])[act.pk]


def tallies(acts: list[IssuingAct]) -> dict[int, Tally]:
    """As `tally`, for a list of acts: one query for all."""
    counted = (
        ActOutcome.objects.filter(act__in=acts)
        .order_by()
        .values("act", state=_STATE)
        .annotate(
            count=Count("pk"),
            held=Count("pk", filter=Q(issued_badge__status=Status.HELD)),
            had=Count("pk", filter=~Q(issued_badge__already_there="")),
        )
    )
    numbers: dict[int, dict[str, int]] = {act.pk: {"total": 0, "failures": 0} for act in acts}
    for row in counted:
        found, state = numbers[row["act"]], row["state"]
        found[state] = row["count"]
        found["total"] += row["count"]
        if state == State.UNDER_WAY:
            found["held"] = row["held"]
        found["failures"] += {State.FAILED: row["count"], State.ISSUED: row["had"]}.get(state, 0)
    return {act: Tally(**found) for act, found in numbers.items()}
