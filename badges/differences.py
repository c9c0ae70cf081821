"""Where an account and our record of it disagree, written down.

`note` is given all that is known about some badges at once, so that a disagreement appears, stays and ends
without anybody looking after it (badges.comparison finds them; badges.remedies is what people do about them).
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any

from django.db import transaction
from django.db.models import Case, F, QuerySet, TextField, Value, When
from django.utils import timezone
from django.utils.translation import gettext as _

from badges.models import Difference

if TYPE_CHECKING:
    from providers.models import BadgeProvider
    from tms.models import User


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """A disagreement about the provider's badge `external_uuid`. `details` name nobody."""

    kind: Difference.Kind
    external_uuid: str
    issued_badge_id: int | None = None
    badge_id: int | None = None
    learner_id: int | None = None
    details: dict[str, Any] = field(default_factory=dict)

    @property
    def key(self) -> tuple[str, str, int | None]:
        return self.kind.value, self.external_uuid, self.issued_badge_id


def note(provider: BadgeProvider, found: Sequence[Found], *, about: Collection[str]) -> None:
    """Write down how things stand with the provider's badges `about`, of which `found` disagree with ours.

    Open differences about them that were not found again have resolved themselves. Takes the same number of
    statements however many there are.
    """
    now = timezone.now()
    opened = Difference.objects.filter(
        badge_provider=provider, resolved_at__isnull=True, external_uuid__in=about
    )
    with transaction.atomic():
        known = {(row.kind, row.external_uuid, row.issued_badge_id): row for row in opened}
        again, changed, new = [], [], []
        for item in found:
            row = known.pop(item.key, None)
            if row is None:
                new.append(_new(provider, item, now=now))
                continue
            again.append(row.pk)
            if _tell(row, item):
                changed.append(row)
        if known:
            resolve(Difference.objects.filter(pk__in=[row.pk for row in known.values()]))
        if again:
            Difference.objects.filter(pk__in=again).update(seen_at=now)
        if changed:
            Difference.objects.bulk_update(changed, ["details", "badge", "learner"])
        if new:
            # Left out where somebody else has found the same in this moment.
            Difference.objects.bulk_create(new, ignore_conflicts=True)


def _new(provider: BadgeProvider, item: Found, *, now: datetime) -> Difference:
    row = Difference(badge_provider=provider, found_at=now, seen_at=now)
    row.kind, row.external_uuid, row.issued_badge_id = item.key
    _tell(row, item)
    return row


def _tell(row: Difference, item: Found) -> bool:
    """Write what was found now; whether that is something else than before."""
    before = row.badge_id, row.learner_id, row.details
    row.badge_id, row.learner_id, row.details = item.badge_id, item.learner_id, item.details
    return before != (item.badge_id, item.learner_id, item.details)


def resolve(rows: QuerySet[Difference], *, decision: str = "", actor: User | None = None) -> int:
    """End open differences because both sides agree, or because of what a person did; how many.

    What somebody wrote about one when ignoring it stays, if nothing is to be said now.
    """
    told = Value(decision or _("Both say the same now."), output_field=TextField())
    written = told if decision else Case(When(decision="", then=told), default=F("decision"))
    changes: dict[str, Any] = {"decided_by": actor} if actor else {}
    return rows.filter(resolved_at__isnull=True).update(
        resolved_at=timezone.now(), decision=written, **changes
    )


def resolve_unseen(provider: BadgeProvider, *, since: datetime) -> int:
    """End what a look at the whole account that began then did not find again; how many."""
    return resolve(Difference.objects.filter(badge_provider=provider, seen_at__lt=since))


def waiting(rows: QuerySet[Difference]) -> QuerySet[Difference]:
    """Those that somebody has to look at."""
    return rows.filter(resolved_at__isnull=True, ignored_at__isnull=True)
