"""What a learner has to show: earned achievements and badges, as one person may see them."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from enum import Enum
from typing import TYPE_CHECKING, Any

from django.core.paginator import Page, Paginator
from django.db.models import Count, Exists, OuterRef, Q, QuerySet, Sum, Window

from achievements.conditions.explain import Outline, outline, stored_rule
from achievements.conditions.names import names_of
from achievements.evidence import with_conditions
from achievements.models import EarnedAchievement
from achievements.progress.looks import Known, look
from achievements.progress.standing import Near, nearest
from badges.models import IssuedBadge
from badges.sharing.order import featured_first
from badges.status import AT_PROVIDER, LIVE, Status
from badges.wording import Told, told
from providers.models import BadgeProvider
from tms.access import Action

if TYPE_CHECKING:
    from badges.models import BadgePresentation
    from tms.models import User

# Of each list on a learner's page. Somebody has hundreds of badges: pictures of all would be slow on a phone.
ON_A_PAGE = 24
MOST_LINKED = 12
MOST_DIGITS = 7

# Never reached the learner, or is no longer what she holds.
NOT_SHOWN = (Status.CANCELLED, Status.SUPERSEDED, Status.REMOVED)
# What she has, or is about to have.
ON_DISPLAY = [status for status in LIVE if status not in {Status.FAILED, Status.REJECTED}]
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
    """With the rules that were met in words; two queries."""
    earned, _near = _in_words(list(with_conditions(rows)), ())
    return earned


def _in_words(
    found: Sequence[EarnedAchievement], near: Sequence[Near]
) -> tuple[list[Earned], list[tuple[Near, Outline]]]:
    """What was met (`found` comes with its conditions), and what is asked of what is near; one query."""
    rules = {
        (row.achievement_id, row.rule_version): stored_rule(row.conditions)  # type: ignore[attr-defined]
        for row in found
    }
    names = names_of([*rules.values(), *(each.standing.rule for each in near)])
    told = {key: outline(rule, names) for key, rule in rules.items()}
    earned = [Earned(row, told[row.achievement_id, row.rule_version]) for row in found]
    return earned, [(each, outline(each.standing.rule, names)) for each in near]


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
    """One page of each list, and what they come to as a whole."""

    achievements: list[Earned]
    badges: list[Shown]
    achievement_pages: Page[EarnedAchievement]
    badge_pages: Page[IssuedBadge]
    points: int
    # Those of them that she has or is about to have, as the dashboard counts them.
    badges_on_display: int
    # Something is still being evaluated, worked out or sent, so that looking again soon is worth it.
    is_moving: bool
    # How many badges each kind of provider has, by its name.
    at_providers: Mapping[str, int]
    # How far she is with what is not earned yet, and as of when; of somebody who takes no part nothing.
    known: Known | None = None
    near: Sequence[tuple[Near, Outline]] = ()

    @property
    def fingerprint(self) -> str:
        """Changes when anything on the page would."""
        parts = [
            *(f"a{earned.row.pk}" for earned in self.achievements),
            *(f"b{shown.row.pk}:{shown.row.issued_status}:{shown.chosen}" for shown in self.badges),
            *(f"n{near.achievement.pk}:{near.standing.have}" for near, _rule in self.near),
            f"{self.achievement_pages.paginator.count}:{self.badge_pages.paginator.count}:{self.points}",
            str(self.is_moving),
        ]
        return hashlib.sha256("|".join(parts).encode()).hexdigest()[:16]


def rewards_of(learner: User, *, viewer: User, asked: Mapping[str, str] | None = None) -> Rewards:
    """All there is to show, in a number of queries that does not depend on how much it is. `asked`: the pages
    of the lists that were turned to."""
    known = look(learner)
    rewards = _rewards(
        earned_by(learner, viewer=viewer),
        badges_of(learner, viewer=viewer),
        near=nearest(learner),
        asked=asked or {},
    )
    return replace(rewards, known=known, is_moving=rewards.is_moving or known.is_moving)


def issued_by_hand_to(learner: User, *, viewer: User, asked: Mapping[str, str] | None = None) -> Rewards:
    """What administrators see of somebody who does not participate."""
    badges = by_hand(badges_of(learner, viewer=viewer))
    return _rewards(EarnedAchievement.objects.none(), badges, near=(), asked=asked or {})


def _rewards(
    earned: QuerySet[EarnedAchievement],
    badges: QuerySet[IssuedBadge],
    *,
    near: Sequence[Near],
    asked: Mapping[str, str],
) -> Rewards:
    badges = latest_of_each_badge(badges)
    kinds = (
        badges.order_by()
        .values("badge__badge_provider__kind")
        .annotate(
            count=Count("pk"),
            moving=Count("pk", filter=Q(status__in=UNDER_WAY)),
            held=Count("pk", filter=Q(status__in=AT_PROVIDER)),
            shown=Count("pk", filter=Q(status__in=ON_DISPLAY)),
        )
    )
    by_kind = list(kinds)
    achievement_pages, points = _of_achievements(earned, asked.get("achievements"))
    badge_pages = _turned(badges, sum(row["count"] for row in by_kind), asked.get("badges"))
    achievements, near_in_words = _in_words(list(achievement_pages.object_list), near)
    return Rewards(
        achievements=achievements,
        badges=[Shown(row, told(row)) for row in badge_pages.object_list],
        achievement_pages=achievement_pages,
        badge_pages=badge_pages,
        points=points,
        near=near_in_words,
        badges_on_display=sum(row["shown"] for row in by_kind),
        is_moving=any(row["moving"] for row in by_kind),
        at_providers={
            BadgeProvider.Kind(row["badge__badge_provider__kind"]).label: row["held"]
            for row in by_kind
            if row["held"]
        },
    )


def _of_achievements(
    earned: QuerySet[EarnedAchievement], number: str | None
) -> tuple[Page[EarnedAchievement], int]:
    """A page with the conditions, and the points of all: one query, unless there is no such page."""
    rows: QuerySet[Any] = with_conditions(earned).annotate(
        in_all=Window(Count("pk")), points_in_all=Window(Sum("points"))
    )
    turned = int(number) if number and number.isdecimal() and len(number) < MOST_DIGITS else 1
    found = list(rows[(turned - 1) * ON_A_PAGE : turned * ON_A_PAGE]) if turned else []
    if not found and turned != 1:
        turned, found = 1, list(rows[:ON_A_PAGE])
    paginator = Paginator(earned, ON_A_PAGE)
    paginator.count = found[0].in_all if found else 0
    return Page(found, turned, paginator), found[0].points_in_all if found else 0


def _turned(rows: QuerySet[Any], count: int, number: str | None) -> Page[Any]:
    paginator = Paginator(rows, ON_A_PAGE)
    paginator.count = count
    return paginator.get_page(number)


def latest_of_each_badge(rows: QuerySet[IssuedBadge]) -> QuerySet[IssuedBadge]:
    """One entry for a badge that was taken back and issued again: the newer."""
    newer = rows.order_by().select_related(None)
    return rows.exclude(Exists(newer.filter(badge=OuterRef("badge"), pk__gt=OuterRef("pk"))))


@dataclass(frozen=True)
class Remainder:
    """What of a learner's badges a kind of provider keeps: some of them with where they are to be seen."""

    provider: str
    count: int
    badges: Sequence[tuple[str, str]]

    @property
    def left_out(self) -> int:
        return self.count - len(self.badges)


def remaining(learner: User, *, viewer: User) -> list[Remainder]:
    """What stays at the providers of whoever no longer takes part."""
    rows = badges_of(learner, viewer=viewer).filter(status__in=AT_PROVIDER)
    found: dict[str, list[tuple[str, str]]] = defaultdict(list)
    for row in rows:
        provider = row.badge.badge_provider.get_kind_display()
        found[provider].append((row.badge.name_here, row.external_url or row.accept_url))
    return [
        Remainder(provider, len(badges), badges[:MOST_LINKED]) for provider, badges in sorted(found.items())
    ]


def on_display(rows: QuerySet[IssuedBadge]) -> QuerySet[IssuedBadge]:
    """Those fit for the dashboard and a profile. They are live, so that there is one of a badge at most."""
    return rows.filter(status__in=ON_DISPLAY)
