"""What is told of one account besides its own fields."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from django.db.models import Count, OuterRef, Subquery
from django.db.models.functions import Coalesce
from django.utils.translation import gettext as _

from badges import addresses
from badges.differences import waiting
from badges.models import Badge, Difference, Synchronization
from badges.status import Status
from badges.synchronization import summary
from badges.workload import Workload, workload_of
from providers import accounts, health
from providers.models import BadgeProvider
from providers.registry import adapter_class
from tms.access import Action
from tms.profiles.counts import Line

if TYPE_CHECKING:
    from django.db.models import QuerySet

    from tms.models import Organization, User

SHOWN = (Status.QUEUED, Status.HELD, Status.SENDING, Status.UNKNOWN, Status.REVOKING, Status.FAILED)
LATEST = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class StateCount:
    """How many there are in one state, and where they are listed."""

    status: str
    label: str
    count: int
    url: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """A synchronization in a line of the history."""

    record: Synchronization
    sentence: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile:
    """`may_…`: what makes sense for the account as it is. `badges` counts its badges: all, those that are
    active, and by what became of their templates."""

    health: health.Health
    work: Workload
    counts: Sequence[StateCount]
    badges: Sequence[Line]
    history: Sequence[Told]
    differences: int
    available_to: Sequence[Organization]
    may_sync: bool
    may_pause: bool
    may_resume: bool
    is_calling: bool


def profiled(viewer: User) -> QuerySet[BadgeProvider]:
    """The accounts whose profile `viewer` may see, each with what the profile needs of its own row."""
    differences = waiting(Difference.objects.for_user(viewer, Action.SEE)).order_by()
    of_account = differences.filter(badge_provider=OuterRef("pk")).values("badge_provider")
    counted = of_account.annotate(count=Count("pk")).values("count")
    rows = BadgeProvider.objects.for_user(viewer, Action.SEE).select_related("organization", "paused_by")
    return rows.annotate(open_differences=Coalesce(Subquery(counted), 0))


def profile_of(provider: BadgeProvider, *, viewer: User) -> Profile:
    """Of one of `profiled`."""
    work = workload_of(provider)
    history = Synchronization.objects.for_user(viewer, Action.SEE).filter(badge_provider=provider)
    speaks = adapter_class(provider.kind) is not None
    return Profile(
        health=health.health_of(provider),
        work=work,
        counts=[
            StateCount(
                status=status.value,
                label=str(status.label),
                count=work.counts[status],
                url=addresses.issued_badges(provider=provider.pk, status=status.value),
            )
            for status in SHOWN
            if status in work.counts
        ],
        badges=_badges_of(provider, viewer=viewer),
        history=[
            Told(record=record, sentence=summary(record))
            for record in history.select_related("actor", "badge_provider")[:LATEST]
        ],
        differences=provider.open_differences,  # type: ignore[attr-defined]
        available_to=list(provider.available_to.all()),
        may_sync=speaks and provider.is_enabled,
        may_pause=provider.is_enabled and provider.paused_at is None,
        may_resume=bool(provider.paused_at or provider.broken_until),
        is_calling=provider.kind in accounts.CALLING,
    )


def _badges_of(provider: BadgeProvider, *, viewer: User) -> list[Line]:
    own = Badge.objects.for_user(viewer, Action.SEE).filter(badge_provider=provider)
    tally = own.order_by().values_list("template_state", "is_active").annotate(count=Count("pk"))
    by_state: dict[str, int] = {}
    active = 0
    for state, is_active, count in tally:
        by_state[state] = by_state.get(state, 0) + count
        active += count if is_active else 0
    if not by_state:
        return []
    pk = provider.pk
    return [
        Line(label=_("All"), count=sum(by_state.values()), url=addresses.badges(provider=pk)),
        Line(label=_("Active"), count=active, url=addresses.badges(provider=pk, active="is")),
        *(
            Line(
                label=state.label,
                count=by_state[state],
                url=addresses.badges(provider=pk, template=state.value),
            )
            for state in Badge.TemplateState
            if state in by_state
        ),
    ]
