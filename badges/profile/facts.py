"""What is told of one badge besides its own fields."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from django.db.models import Count

from badges import addresses
from badges.differences import waiting
from badges.models import Badge, Difference, IssuedBadge
from badges.status import Status
from tms.access import Action
from tms.contributions import contributed

if TYPE_CHECKING:
    from tms.models import Organization, User

TEXTS = ("name", "description", "image_url")


@dataclass(frozen=True, slots=True, kw_only=True)
class BadgePanel:
    """What an app above shows on a badge's page; `read` gives its template's `data`, by queries of the
    viewer's own reach."""

    template: str
    read: Callable[[Badge, User], dict[str, Any]]


@dataclass(frozen=True, slots=True, kw_only=True)
class StatusCount:
    """How many there are in one status, and where they are listed."""

    status: str
    label: str
    count: int
    url: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Edited:
    """A text that is not the template's."""

    label: str
    ours: str
    theirs: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    counts: Sequence[StatusCount]
    total: int
    differences: int
    edited: Sequence[Edited]
    available_to: Sequence[Organization]
    panels: Sequence[tuple[str, dict[str, Any]]]


def facts_of(badge: Badge, *, viewer: User) -> Facts:
    issued = IssuedBadge.objects.for_user(viewer, Action.SEE).filter(badge=badge)
    tally = dict(issued.order_by().values_list("status").annotate(Count("pk")))
    differences = waiting(Difference.objects.for_user(viewer, Action.SEE).filter(badge=badge))
    panels: Iterable[BadgePanel] = contributed("badge_panels")
    return Facts(
        counts=[
            StatusCount(
                status=status.value,
                label=str(status.label),
                count=tally[status.value],
                url=addresses.issued_badges(badge=badge.pk, status=status.value),
            )
            for status in Status
            if status.value in tally
        ],
        total=sum(tally.values()),
        differences=differences.count(),
        edited=list(_edited(badge)),
        available_to=list(badge.available_to.all()),
        panels=[(panel.template, panel.read(badge, viewer)) for panel in panels],
    )


def _edited(badge: Badge) -> Iterable[Edited]:
    for name in TEXTS:
        ours, theirs = getattr(badge, name), badge.template_data.get(name, "")
        if theirs and ours != theirs:
            label = str(Badge._meta.get_field(name).verbose_name)  # type: ignore[union-attr]
            yield Edited(label=label, ours=ours, theirs=theirs)
