"""The rules that learners may earn by now, with what about others bears on them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from achievements.conditions import language
from achievements.conditions.query import ActiveRule
from achievements.models import Achievement, Backfill
from tms.models import Course


def active_rules() -> list[ActiveRule]:
    """Enabled achievements of organizations that have achievements enabled, with their rules; none paused."""
    enabled = (
        Achievement.objects.filter(
            enabled=True, paused_at__isnull=True, organization__enable_achievements=True
        )
        .exclude(conditions=[])
        .select_related("organization")
        .order_by("pk")
    )
    return _active(list(enabled))


def active_rule(achievement: Achievement) -> ActiveRule:
    """One achievement's rule as if it were active: for looking ahead and for explaining."""
    [active] = _active([achievement])
    return active


def _active(achievements: Sequence[Achievement]) -> list[ActiveRule]:
    """The rules, with what about others bears on them; two queries."""
    ticked = Course.objects.filter(achievements_for_outside_organizations=True)
    open_to_others = set(ticked.values_list("organization_id", flat=True).distinct())
    something_undone = Backfill.objects.undone().exists()
    rules = []
    for achievement in achievements:
        rule = language.from_canonical(achievement.conditions)
        active = ActiveRule(achievement, rule, outsiders=achievement.organization_id in open_to_others)
        # Withdrawn awards stand in nobody's way after an edit: of this rule, or of one it follows from.
        may_be_free = active.reads_awards or achievement.rule_version > 1
        rules.append(replace(active, given_back=something_undone and may_be_free))
    return rules
