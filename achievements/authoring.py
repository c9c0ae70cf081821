"""Saving an achievement: its rule is read, checked against what exists, and versioned."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.db import models, transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from achievements.conditions import language
from achievements.conditions.things import REFERENCED
from achievements.hints import rule_with_hints
from achievements.models import Achievement, RuleVersion
from achievements.progress.looks import ask_about
from tms import audit
from tms.access import Action, Role, reachable, require
from tms.errors import DomainError, NotPermitted
from tms.hint import hint

if TYPE_CHECKING:
    from achievements.conditions.language import Rule
    from tms.models import Organization, User

MOST_TIMES = 1_000


def save_achievement(achievement: Achievement, *, actor: User | None = None) -> Rule:
    """Store an achievement and return its rule with hints and notices.

    Raises DomainError("conditions") with the place of each mistake in data["remarks"]. A rule that is new,
    edited or enabled is evaluated over everybody soon (achievements.backfill.award_due); a badge linked or
    changed is issued to everybody who has earned the achievement (intents.issue_earned).
    """
    rule = read_rule(achievement.conditions_text)
    with transaction.atomic():
        before = Achievement.objects.select_for_update().filter(pk=achievement.pk).first()
        require(actor, Action.MANAGE, achievement.organization)
        if before:
            require(actor, Action.MANAGE, before)
        _check_global(achievement, before=before, actor=actor)
        _check_badge(achievement)
        if achievement.enabled and not rule.conditions:
            message = _("An enabled achievement needs conditions; without any, everybody would earn it.")
            raise DomainError("conditions", message, fields={"conditions": [message]})
        _check_frequency(achievement, rule)
        _check_renewable(achievement)
        _check_things(achievement, rule, actor=actor)
        if before:
            _carry_over(achievement, before)
        achievement.conditions = language.canonical(rule)
        achievement.language_version = language.LANGUAGE_VERSION
        edited = before is None or achievement.conditions != before.conditions
        if edited:
            achievement.rule_version += 1
        # Whoever saves a paused rule wants it tried again; an edited one has not failed yet.
        afresh = edited or achievement.paused_at is not None
        if afresh:
            achievement.paused_at, achievement.failed_runs, achievement.gone = None, 0, {}
            achievement.last_error, achievement.last_error_at = "", None
        came_alive = achievement.enabled and (before is None or not before.enabled)
        reaches_more = before is not None and (
            achievement.is_global > before.is_global
            or achievement.organization_id != before.organization_id
            # Of Per Day, a smaller one: fewer days are closed to others.
            or achievement.frequency != before.frequency
            or achievement.frequency_type != before.frequency_type
            or achievement.is_renewable > before.is_renewable
        )
        if afresh or came_alive or reaches_more:
            achievement.full_run_due_at = timezone.now()
        if before is None or achievement.badge_id != before.badge_id:
            achievement.issuing_due_at = timezone.now() if achievement.badge_id else None
        achievement.full_clean()
        achievement.save()
        if edited:
            _keep_version(achievement, actor=actor)
        if afresh or came_alive or reaches_more:
            ask_about(achievement, rule)
        audit.record_saved(before, achievement, kind=audit.Kind.ACHIEVEMENT, actor=actor)
        hint("achievements.award_changes")
        return rule_with_hints(achievement)


def check_conditions(draft: Achievement, *, actor: User | None = None) -> Rule:
    """The rule of a draft with hints and notices, checked as saving checks it; raises what saving would raise
    about the conditions. Nothing is stored, and the rest of the draft need not be complete."""
    _check_things(draft, read_rule(draft.conditions_text), actor=actor)
    return rule_with_hints(draft)


def _check_things(achievement: Achievement, rule: Rule, *, actor: User | None) -> None:
    """What the rule names: that it is there, and does not wait for this achievement itself."""
    check_references(
        rule,
        text=achievement.conditions_text,
        organization=achievement.organization,
        actor=actor,
    )
    _check_cycle(achievement, rule)


def _carry_over(achievement: Achievement, before: Achievement) -> None:
    """What others write, perhaps since this copy was read."""
    for name in (
        "rule_version",
        "full_run_due_at",
        "issuing_due_at",
        "last_error",
        "last_error_at",
        "failed_runs",
        "paused_at",
        "gone",
    ):
        setattr(achievement, name, getattr(before, name))


def read_rule(text: str) -> Rule:
    """The rule of a text, or DomainError with line, column and remedy of every mistake."""
    try:
        return language.read(text)
    except language.ConditionError as error:
        raise _refused(error) from error


def _refused(error: language.ConditionError) -> DomainError:
    return DomainError(
        "conditions",
        str(error),
        fields={"conditions": [remark.message for remark in error.remarks]},
        data={"remarks": [describe(remark) for remark in error.remarks], "corrected": error.corrected},
    )


def describe(remark: language.Remark) -> dict[str, Any]:
    return {
        "code": remark.code,
        "message": remark.message,
        "line": remark.line,
        "column": remark.column,
        "pointer": remark.pointer,
    }


def check_references(rule: Rule, *, text: str, organization: Organization, actor: User | None = None) -> None:
    """Refuse ids that name nothing, with their places in the text."""
    unknown: dict[str, frozenset[int]] = {}
    used = language.referenced_ids(rule)
    line = ancestry(organization) if used and actor else []
    for key, ids in used.items():
        rows = nameable(REFERENCED[key], line=line, actor=actor).filter(pk__in=ids)
        if missing := ids - set(rows.values_list("pk", flat=True)):
            unknown[key] = missing
    if unknown:
        raise _refused(language.unknown_ids(text, unknown))


def nameable(model: type[models.Model], *, line: list[int], actor: User | None) -> models.QuerySet[Any]:
    """What a rule may name. `line`: the achievement's organization and those above it (`ancestry`).

    For an administrator that is what lies in her own reach or above the achievement's organization, whose
    content it may use: a rule in words must not tell the names of strangers' things.
    """
    rows: models.QuerySet[Any] = model._default_manager.all()
    if actor is None:
        return rows
    return rows.filter(reachable(model, actor, Action.SEE) | models.Q(organization__in=line))


def ancestry(organization: Organization) -> list[int]:
    """Ids of an organization and of those above it."""
    line: list[int] = []
    above: Organization | None = organization
    while above is not None:
        line.append(above.pk)
        above = above.parent
    return line


def _check_frequency(achievement: Achievement, rule: Rule) -> None:
    """More than once for each user needs a rule whose parts can be counted on: so many times each."""
    if achievement.frequency_type != Achievement.FrequencyType.PER_USER or achievement.frequency <= 1:
        return
    if achievement.frequency > MOST_TIMES:
        message = _("A user may earn it up to %(most)d times.") % {"most": MOST_TIMES}
        raise DomainError("frequency", message, fields={"frequency": [message]})
    once = any(
        isinstance(part, language.Group) or part.single_day or part.within_days or part.days
        for part in rule.conditions
    )
    if once:
        message = _("A rule with groups, SingleDay, WithinDays or streaks can be earned once by each user.")
        raise DomainError("frequency", message, fields={"frequency": [message]})


def _check_renewable(achievement: Achievement) -> None:
    """Renewing follows the one badge that a learner has; counting several awards has its own order."""
    once = achievement.frequency == 1 and achievement.frequency_type == Achievement.FrequencyType.PER_USER
    if not achievement.is_renewable or once:
        return
    message = _("A renewable achievement is earned once at a time: Per User, with a frequency of 1.")
    raise DomainError("renewable", message, fields={"is_renewable": [message]})


def _check_global(achievement: Achievement, *, before: Achievement | None, actor: User | None) -> None:
    newly_global = achievement.is_global and not (before and before.is_global)
    if not newly_global or actor is None or actor.is_superuser:
        return
    if Role.GLOBAL_ACHIEVEMENTS not in actor.active_roles:
        raise NotPermitted(
            "not_permitted", _("Making an achievement global needs the supplemental role for it.")
        )


def _check_badge(achievement: Achievement) -> None:
    """Own badges, and those made available to the achievement's organization."""
    badge = achievement.badge
    if badge is None or badge.organization_id == achievement.organization_id:
        return
    if badge.available_to.filter(pk=achievement.organization_id).exists():
        return
    message = _("The badge %(name)s is not available to this organization.") % {"name": badge}
    raise DomainError("badge_not_available", message, fields={"badge": [message]})


def _check_cycle(achievement: Achievement, rule: Rule) -> None:
    """Only AchievementIds can form a cycle; points never do, since awards only add."""
    names: dict[int, str] = {}
    needs: dict[int, set[int]] = {}
    for pk, name, conditions in Achievement.objects.values_list("pk", "name", "conditions"):
        names[pk] = name
        stored = language.from_canonical(conditions)
        needs[pk] = set(language.referenced_ids(stored).get("AchievementIds", ()))
    own = set(language.referenced_ids(rule).get("AchievementIds", ()))
    path = _path_back(achievement.pk, own, needs) if achievement.pk else None
    if path is None:
        return
    chain = " → ".join(names.get(pk, achievement.name) for pk in path)
    message = _("These achievements would wait for each other: %(chain)s.") % {"chain": chain}
    raise DomainError("cycle", message, fields={"conditions": [message]}, data={"path": path})


def _path_back(start: int, own: set[int], needs: dict[int, set[int]]) -> list[int] | None:
    waiting = [(pk, [start, pk]) for pk in sorted(own)]
    seen: set[int] = set()
    while waiting:
        pk, path = waiting.pop()
        if pk == start:
            return path
        if pk not in seen:
            seen.add(pk)
            waiting += [(onward, [*path, onward]) for onward in sorted(needs.get(pk, ()))]
    return None


def _keep_version(achievement: Achievement, *, actor: User | None) -> None:
    RuleVersion.objects.create(
        achievement=achievement,
        number=achievement.rule_version,
        text=achievement.conditions_text,
        conditions=achievement.conditions,
        language_version=achievement.language_version,
        created_by=actor,
    )
