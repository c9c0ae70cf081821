"""What is told about achievements: to learners that they earned some, to administrators that a rule rests."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from datetime import timedelta

from django.db.models import Q
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from achievements.models import Achievement, EarnedAchievement
from achievements.references import problem_of
from badges.mailed import provider_writes
from badges.models import IssuedBadge
from badges.wording import told
from tms.access import Action
from tms.models import Notification
from tms.notifying.topics import Group, Notice, Topic

Kind = Notification.Kind
Unmailed = Notification.Unmailed

# What was earned longer ago than that when it was found (imported history, a gate that opened) is no news.
NEWS_FOR = timedelta(days=7)
_SECRETS = tuple(f"issued_badge__badge__badge_provider__{name}" for name in ("token", "webhook_secret"))


# --- Learners -----------------------------------------------------------------------------------------------


def _read_earned(rows: Sequence[Notification]) -> dict[int, Notice]:
    """One query for awards that are told one by one and those that are told together, of a backfill."""
    single = [row for row in rows if row.kind == Kind.ACHIEVEMENT_EARNED]
    summaries = [row for row in rows if row.kind == Kind.ACHIEVEMENTS_EARNED_SUMMARY]
    awards = _awards(single=single, summaries=summaries)
    by_id = {award.pk: award for award in awards}
    of_runs: dict[tuple[int | None, int], list[EarnedAchievement]] = defaultdict(list)
    for earned in awards:
        of_runs[earned.backfill_id, earned.learner_id].append(earned)
    found = {row.pk: _earned(award, row) for row in single if (award := by_id.get(row.key))}
    found |= {row.pk: _summary(own) for row in summaries if (own := of_runs.get((row.key, row.user_id)))}
    return found


def _awards(*, single: Sequence[Notification], summaries: Sequence[Notification]) -> list[EarnedAchievement]:
    told_alone = Q(pk__in={row.key for row in single})
    told_together = Q(
        backfill__in={row.key for row in summaries}, learner__in={row.user_id for row in summaries}
    )
    awards = EarnedAchievement.objects.filter(told_alone | told_together, withdrawn_at=None)
    related = awards.select_related("achievement", "issued_badge__badge__badge_provider").defer(*_SECRETS)
    return list(related.order_by("earned_at", "pk"))


def _earned(award: EarnedAchievement, row: Notification) -> Notice:
    is_old = award.backfill_id is None and award.earned_at < row.created_at - NEWS_FOR
    why: str = Unmailed.PROVIDER if _is_told_by_provider(award) else ""
    if is_old:
        why = Unmailed.OLD
    return Notice(title=_title([award]), text=_text(award), url=_page(), at=award.earned_at, unmailed=why)


def _summary(awards: Sequence[EarnedAchievement]) -> Notice:
    """Chosen by whoever started the backfill, so that it is told however old it is."""
    told_elsewhere = all(_is_told_by_provider(award) for award in awards)
    return Notice(
        title=_title(awards),
        text=_text(awards[0]) if len(awards) == 1 else _("For what you did before."),
        url=_page(),
        count=len(awards),
        unmailed=Unmailed.PROVIDER if told_elsewhere else "",
    )


def _title(awards: Sequence[EarnedAchievement]) -> str:
    if len(awards) == 1:
        return _("You earned %(achievement)s") % {"achievement": awards[0].achievement.name_here}
    return _counted(len(awards))


def _text(award: EarnedAchievement) -> str:
    """What it gives, and how far its badge is."""
    points = ngettext("It gives you %(count)d point.", "It gives you %(count)d points.", award.points) % {
        "count": award.points
    }
    issued = award.issued_badge
    badge = (
        _("Your badge “%(badge)s”: %(sentence)s")
        % {"badge": issued.badge.name_here, "sentence": told(issued).sentence}
        if issued
        else ""
    )
    return " ".join(filter(None, [points if award.points else "", badge]))


def _is_told_by_provider(award: EarnedAchievement) -> bool:
    """Only of the award that led to the badge: later ones of the same badge are ours to tell."""
    issued = award.issued_badge
    if issued is None or issued.source_kind != IssuedBadge.Source.ACHIEVEMENT:
        return False
    return issued.source_key == str(award.pk) and provider_writes(issued)


def _page() -> str:
    return reverse("own-achievements")


def _counted(count: int) -> str:
    text = ngettext("You earned %(count)d achievement", "You earned %(count)d achievements", count)
    return text % {"count": count}


# --- Administrators -----------------------------------------------------------------------------------------


def _read_rules(rows: Sequence[Notification]) -> dict[int, Notice]:
    """Those that are still paused, and that their reader still sees."""
    found: dict[int, Notice] = {}
    for reader in {row.user_id: row.user for row in rows}.values():
        own = [row for row in rows if row.user_id == reader.pk]
        seen = Achievement.objects.for_user(reader, Action.SEE).filter(paused_at__isnull=False)
        rules = {rule.pk: rule for rule in seen.filter(pk__in={row.key for row in own})}
        found |= {row.pk: _paused(rules[row.key]) for row in own if row.key in rules}
    return found


def _paused(achievement: Achievement) -> Notice:
    return Notice(
        title=_("The rule of %(achievement)s is paused") % {"achievement": achievement.name},
        text=_("Nobody earns it until this is put right: %(reason)s") % {"reason": problem_of(achievement)},
        url=reverse("achievement", args=[achievement.pk]),
    )


def _counted_rules(count: int) -> str:
    text = ngettext("%(count)d rule is paused", "%(count)d rules are paused", count)
    return text % {"count": count}


NOTICES = (
    Topic(
        kinds=(Kind.ACHIEVEMENT_EARNED, Kind.ACHIEVEMENTS_EARNED_SUMMARY),
        group=Group.ACHIEVEMENTS,
        icon="trophy",
        read=_read_earned,
        counted=_counted,
    ),
    Topic(
        kinds=(Kind.RULE_PAUSED,),
        group=Group.ADMINISTRATION,
        icon="list-x",
        read=_read_rules,
        counted=_counted_rules,
    ),
)
