"""What a person's act on many issued badges reaches, and what it comes to."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from django.db.models import QuerySet

from badges.lifecycle import BATCH
from badges.models import IssuedBadge
from tms import audit
from tms.access import Action, reachable
from tms.errors import Conflict, DomainError

if TYPE_CHECKING:
    from tms.models import User


@dataclass(frozen=True, slots=True, kw_only=True)
class Refused:
    """Why so many badges are left as they are. `is_state`: they are not in a state for it, now."""

    count: int
    code: str
    message: str
    is_state: bool = False

    def as_error(self) -> DomainError:
        kind = Conflict if self.is_state else DomainError
        return kind(self.code, self.message)


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """So many wait to be done at the provider now, and so many are refused, each kind with its reason."""

    asked: int = 0
    refused: tuple[Refused, ...] = ()

    def __add__(self, other: Asked) -> Asked:
        return Asked(asked=self.asked + other.asked, refused=self.refused + other.refused)


def managed(rows: QuerySet[IssuedBadge], *, actor: User | None) -> QuerySet[IssuedBadge]:
    """Those of a query that the actor may do something to; the system may to all."""
    return rows if actor is None else rows.filter(reachable(IssuedBadge, actor, Action.MANAGE))


def record_one(act: audit.Act, row: IssuedBadge, *, actor: User | None, reason: str = "") -> None:
    """Write down what somebody did to one issued badge (tms.audit)."""
    audit.record(
        act,
        row,
        kind=audit.Kind.ISSUED_BADGE,
        actor=actor,
        reason=reason,
        about=row.learner_id,
    )


@dataclass(frozen=True, slots=True)
class Aim:
    """What the audit tells of the badges that an act is aimed at: whose they are, and where it is only one,
    which."""

    owners: list[int]
    only: IssuedBadge | None


def aim(rows: QuerySet[IssuedBadge], *, actor: User | None) -> Aim:
    """For `record_many`; to be read before the act changes what the query finds."""
    if actor is None:
        return Aim([], None)
    first = list(rows.select_related("badge").order_by("pk")[:2])
    if len(first) == 1:
        return Aim([], first[0])
    return Aim(audit.owners_of(rows, actor=actor), None)


def record_many(act: audit.Act, count: int, *, at: Aim, actor: User | None, reason: str = "") -> None:
    """As `record_one`, for one act on however many there were."""
    if at.only and count:
        record_one(act, at.only, actor=actor, reason=reason)
        return
    audit.record_many(
        act, kind=audit.Kind.ISSUED_BADGE, count=count, owners=at.owners, actor=actor, reason=reason
    )


def refuse(rows: QuerySet[IssuedBadge], code: str, message: str, *, is_state: bool = False) -> Asked:
    """All of a query, if there are any."""
    count = rows.count()
    refused = Refused(count=count, code=code, message=message, is_state=is_state)
    return Asked(refused=(refused,) if count else ())


def batches(rows: QuerySet[IssuedBadge]) -> Iterator[list[int]]:
    """The ids of a query, so many at a time as one transaction takes. What it finds may move meanwhile."""
    rows, last = rows.order_by("pk"), 0
    while ids := list(rows.filter(pk__gt=last).values_list("pk", flat=True)[:BATCH]):
        yield ids
        last = ids[-1]


def status_of_one(rows: QuerySet[IssuedBadge]) -> str:
    """What people read of the only row of a query; empty where there are several."""
    found = list(rows.select_related("badge__badge_provider")[:2])
    return str(found[0].issued_status) if len(found) == 1 else ""
