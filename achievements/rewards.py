"""What a learner has to show: earned achievements and badges, as one person may see them."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING

from django.db.models import OuterRef, Q, QuerySet, Subquery

from achievements.conditions.explain import Outline, outlines
from achievements.models import EarnedAchievement, RuleVersion
from badges.models import IssuedBadge
from badges.sharing.order import featured_first
from badges.status import Status
from badges.wording import Told, told
from tms.access import Action
from tms.models import ProgressChange

if TYPE_CHECKING:
    from badges.models import BadgePresentation
    from tms.models import User

# Never reached the learner, or is no longer what she holds.
NOT_SHOWN = (Status.CANCELLED, Status.SUPERSEDED, Status.REMOVED)
UNDER_WAY = (Status.QUEUED, Status.SENDING, Status.UNKNOWN, Status.REVOKING)


class Participation(Enum):
    YES = "yes"
    OPTED_OUT = "opted_out"
    NOT_CHOSEN = "not_chosen"  # an administrator left the tick away
    NOT_OFFERED = "not_offered"  # the organization has achievements switched off


def participation(learner: User) -> Participation:
    if learner.organization is None or not learner.organization.enable_achievements:
        return Participation.NOT_OFFERED
    if learner.opted_out_at:
        return Participation.OPTED_OUT
    return Participation.YES if learner.participate_in_achievements else Participation.NOT_CHOSEN


def earned_by(learner: User, *, viewer: User) -> QuerySet[EarnedAchievement]:
    """Newest first."""
    return (
        EarnedAchievement.objects.for_user(viewer, Action.SEE_OWN)
        .filter(learner=learner, withdrawn_at__isnull=True)
        .select_related("achievement")
        .order_by("-earned_at", "-id")
    )


def explained(rows: QuerySet[EarnedAchievement]) -> list[Earned]:
    """With the rules that were met in words; six queries at most."""
    version = RuleVersion.objects.filter(achievement=OuterRef("achievement"), number=OuterRef("rule_version"))
    found = list(rows.annotate(conditions=Subquery(version.values("conditions")[:1])))
    rules = {(row.achievement_id, row.rule_version): row.conditions for row in found}
    told = dict(zip(rules, outlines(rules.values()), strict=True))
    return [Earned(row, told[row.achievement_id, row.rule_version]) for row in found]


def badges_of(learner: User, *, viewer: User) -> QuerySet[IssuedBadge]:
    """Those she features first, then the newest; also what she hides from others."""
    return featured_first(
        IssuedBadge.objects.for_user(viewer, Action.SEE_OWN)
        .filter(learner=learner)
        .exclude(status__in=NOT_SHOWN)
        .select_related("badge__badge_provider")
    )


def by_hand(rows: QuerySet[IssuedBadge]) -> QuerySet[IssuedBadge]:
    return rows.exclude(source_kind=IssuedBadge.Source.ACHIEVEMENT)


@dataclass(frozen=True)
class Earned:
    """An earned achievement and what had to be done for it."""

    row: EarnedAchievement
    rule: Outline

    @property
    def rule_in_words(self) -> str:
        return self.rule.sentence


@dataclass(frozen=True)
class Shown:
    """An issued badge and what its learner is told about it."""

    row: IssuedBadge
    told: Told

    @property
    def chosen(self) -> str:
        """What she has chosen about it (badges.sharing)."""
        chosen: BadgePresentation | None = getattr(self.row, "presentation", None)
        if chosen is None:
            return ""
        return f"{chosen.is_featured}{chosen.is_hidden}{bool(chosen.published_at)}"


@dataclass(frozen=True)
class Rewards:
    achievements: list[Earned]
    badges: list[Shown]
    # Something is still being evaluated or sent, so that looking again soon is worth it.
    is_moving: bool

    @property
    def points(self) -> int:
        return sum(earned.row.points for earned in self.achievements)

    @property
    def fingerprint(self) -> str:
        """Changes when anything on the page would."""
        parts = [
            *(f"a{earned.row.pk}" for earned in self.achievements),
            *(f"b{shown.row.pk}:{shown.row.issued_status}:{shown.chosen}" for shown in self.badges),
            str(self.is_moving),
        ]
        return hashlib.sha256("|".join(parts).encode()).hexdigest()[:16]


def rewards_of(learner: User, *, viewer: User) -> Rewards:
    """All there is to show, in a number of queries that does not depend on how much it is."""
    badges = _latest_of_each_badge(badges_of(learner, viewer=viewer))
    return Rewards(
        achievements=explained(earned_by(learner, viewer=viewer)),
        badges=badges,
        is_moving=any(shown.row.status in UNDER_WAY for shown in badges)
        or ProgressChange.objects.filter(learner=learner).exists(),
    )


def issued_by_hand_to(learner: User, *, viewer: User) -> Rewards:
    """What administrators see of somebody who does not participate."""
    badges = _latest_of_each_badge(by_hand(badges_of(learner, viewer=viewer)))
    moving = any(shown.row.status in UNDER_WAY for shown in badges)
    return Rewards(achievements=[], badges=badges, is_moving=moving)


def _latest_of_each_badge(rows: QuerySet[IssuedBadge]) -> list[Shown]:
    """One entry for a badge that was taken back and issued again: the newer."""
    latest: dict[int, IssuedBadge] = {}
    for row in rows:
        known = latest.get(row.badge_id)
        if known is None or known.pk < row.pk:
            latest[row.badge_id] = row
    return [Shown(row, told(row)) for row in latest.values()]


def on_display(rows: QuerySet[IssuedBadge]) -> QuerySet[IssuedBadge]:
    """Those fit for the dashboard: what the learner has, or is about to have."""
    return rows.exclude(Q(status__in=[Status.FAILED, Status.REJECTED, Status.REVOKED, Status.EXPIRED]))
