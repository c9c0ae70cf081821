"""The badges that learners have, or will have, as rows of a page show them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from zlib import crc32

from django.db.models import Exists, OuterRef

from badges.models import IssuedBadge
from badges.status import AT_PROVIDER, ENDED, Status
from tms.access import Action

if TYPE_CHECKING:
    from django.db.models import QuerySet

    from tms.models import Class, Enrollment, User

# What changes by itself, so that looking again soon is worth it.
MOVING = (Status.QUEUED, Status.SENDING, Status.UNKNOWN, Status.REVOKING)


@dataclass(frozen=True)
class Held:
    """One issued badge as a row of the roster shows it to somebody; `is_administered` by whoever looks."""

    row: IssuedBadge
    viewer: User
    is_administered: bool

    @property
    def is_moving(self) -> bool:
        return self.row.status in MOVING

    @property
    def is_settled(self) -> bool:
        """She has it, and nothing about it needs to be looked at."""
        return self.row.status in {Status.ISSUED, Status.ACCEPTED}

    @property
    def is_at_provider(self) -> bool:
        return self.row.status in AT_PROVIDER

    @property
    def is_by_achievement(self) -> bool:
        return self.row.source_kind == IssuedBadge.Source.ACHIEVEMENT

    @property
    def is_own(self) -> bool:
        return self.row.learner_id == self.viewer.pk

    @property
    def note(self) -> str:
        """It is internal: for administrators and whoever wrote it, and never for the learner."""
        may_see = self.is_administered or self.row.issued_by_id == self.viewer.pk
        return self.row.reason if may_see and not self.is_own else ""

    @property
    def failure(self) -> str:
        """Why it was not issued: the provider's words if there are any. They are not for the learner."""
        if self.row.status != Status.FAILED or self.is_own:
            return ""
        return self.row.provider_message or self.row.failure_message or self.row.failure_code

    @property
    def text(self) -> str:
        return f"{self.row.badge} ({self.row.issued_status})"


def held_by(learners: Collection[int], *, training_class: Class, viewer: User) -> Mapping[int, list[Held]]:
    """learner → badges of exactly the organization of a class, those that are not settled first, then by
    name; one query."""
    reached = IssuedBadge.objects.for_user(viewer, Action.TEACH)
    rows = reached.filter(learner__in=learners, badge__organization=training_class.organization_id)
    found: dict[int, list[Held]] = defaultdict(list)
    for held in in_order(rows, viewer=viewer):
        found[held.row.learner_id].append(held)
    return found


def held_of(learner: User, *, viewer: User) -> list[Held]:
    """All that somebody has or will have, as far as the viewer may see it.

    Whoever does not participate sees none of them on pages of her own.
    """
    if learner.pk == viewer.pk and not _participates(learner):
        return []
    rows = IssuedBadge.objects.for_user(viewer, Action.SEE_OWN).filter(learner=learner)
    return in_order(rows, viewer=viewer)


def _participates(learner: User) -> bool:
    organization = learner.organization
    return bool(
        organization
        and organization.enable_achievements
        and learner.participate_in_achievements
        and learner.opted_out_at is None
    )


def in_order(rows: QuerySet[IssuedBadge], *, viewer: User) -> list[Held]:
    """Those that have not ended: what is not settled first, then by name."""
    administered = IssuedBadge.objects.for_user(viewer, Action.MANAGE).filter(pk=OuterRef("pk"))
    shown = (
        rows.exclude(status__in=ENDED)
        .select_related("badge__badge_provider", "issued_by")
        .defer("badge__badge_provider__token", "badge__badge_provider__webhook_secret")
        .annotate(is_administered=Exists(administered))
        .order_by("badge__name", "pk")
    )
    held = (Held(row, viewer, is_administered=row.is_administered) for row in shown)
    return sorted(held, key=lambda held: held.is_settled)


@dataclass(frozen=True)
class Live:
    """The badges of some rows, by enrolment or by another key of the row, as a page watches them."""

    cells: Mapping[Any, Sequence[Held]]

    @property
    def rows(self) -> str:
        """For an address."""
        return ",".join(map(str, self.cells))

    @property
    def is_moving(self) -> bool:
        return any(held.is_moving for held in self._all())

    @property
    def fingerprint(self) -> str:
        """Another as soon as something else would be shown."""
        told = [(held.row.pk, str(held.row.issued_status), held.failure) for held in self._all()]
        return f"{crc32(repr(sorted(told)).encode()):08x}"

    def _all(self) -> Iterator[Held]:
        for cell in self.cells.values():
            yield from cell


def watched(enrollments: QuerySet[Enrollment], *, training_class: Class, viewer: User) -> Live:
    """In two queries, however many they are."""
    learners = dict(enrollments.order_by().values_list("pk", "user_id"))
    held = held_by(learners.values(), training_class=training_class, viewer=viewer)
    return Live({pk: held.get(learner, []) for pk, learner in learners.items()})
