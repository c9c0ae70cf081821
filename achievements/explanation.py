"""Why, or why not yet: one learner and one achievement, gate by gate and condition by condition.

The numbers come from the statements that award (conditions.query), with the scope of one learner.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING, Any

from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from achievements.conditions.counted import counted
from achievements.conditions.explain import sentence
from achievements.conditions.language import Condition, Group, Rule, Subject
from achievements.conditions.names import names_of
from achievements.conditions.query import Scope, countings_of, progress
from achievements.evaluation import active_rule, free_from, places_taken
from achievements.models import Achievement, EarnedAchievement
from achievements.references import gone, told
from badges.status import TIMED_OUT
from tms.access import Action, require
from tms.models import LearningRecord
from tms.sql import fetch, join, moment_of, sql, value

if TYPE_CHECKING:
    from achievements.conditions.query import ActiveRule
    from tms.models import User


@dataclass(frozen=True, slots=True, kw_only=True)
class Gate:
    """What must hold besides the rule; `code` is stable, `sentence` for people."""

    code: str
    open: bool
    sentence: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """A learning record, or an award where achievements are counted, that met a condition."""

    record_id: int
    what: str
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """One condition: how much of it there is, when it was met, and what met it, oldest first. Of a group each
    condition is told, though not all of them need hold."""

    sentence: str
    needed: int
    have: int
    met_at: datetime | None
    evidence: tuple[Evidence, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Explanation:
    achievement: Achievement
    learner: User
    earned: tuple[EarnedAchievement, ...]
    gates: tuple[Gate, ...]
    conditions: tuple[Standing, ...]
    # Which conditions and groups of the list hold.
    parts: tuple[bool, ...]
    # Per Day: the first day that is free, where nothing done so far earns it then.
    waits_until: date | None
    through_ticked_courses: bool

    @property
    def is_earned(self) -> bool:
        return bool(self.earned)

    @property
    def awaits_renewal(self) -> bool:
        """Whether all that was earned has expired, and the conditions count towards earning it anew."""
        return self.achievement.is_renewable and all(_is_over(award) for award in self.earned)

    @property
    def summary(self) -> str:
        if self.earned and not self.awaits_renewal:
            return _("%(learner)s has earned %(achievement)s.") % self._names
        if self.earned:
            return (
                _("%(learner)s has earned %(achievement)s. Its badge has expired, and can be earned anew.")
                % self._names
            )
        if closed := [gate.sentence for gate in self.gates if not gate.open]:
            return " ".join(closed)
        if not all(self.parts):
            numbers = {"met": sum(self.parts), "all": len(self.parts)}
            return (
                ngettext(
                    "Not yet: %(met)d of %(all)d condition is met.",
                    "Not yet: %(met)d of %(all)d conditions are met.",
                    len(self.parts),
                )
                % numbers
            )
        if self.waits_until:
            return told_to_wait(self.waits_until)
        return _("Everything holds; it is awarded with the next evaluation, within seconds.")

    @property
    def _names(self) -> dict[str, str]:
        return {"learner": str(self.learner), "achievement": str(self.achievement)}


def explain(achievement: Achievement, learner: User, *, actor: User | None = None) -> Explanation:
    """The whole truth about one learner and one rule, without evaluating or writing anything.

    The actor must manage the achievement and see the learner; learners ask about themselves.
    """
    if actor is not None and actor.pk != learner.pk:
        require(actor, Action.MANAGE, achievement)
        require(actor, Action.SEE, learner)
    active = active_rule(achievement)
    inside = is_inside(achievement, learner)
    outside = not inside and active.outsiders and active.names_courses
    earned = achievement.earned.filter(learner=learner, withdrawn_at__isnull=True)
    awards = tuple(earned.select_related("issued_badge").order_by("occurrence"))
    held = not all(_is_over(award) for award in awards)
    gates = [*_gates(achievement, learner, reached=inside or outside), _evaluated(active)]
    if achievement.frequency_type == Achievement.FrequencyType.PER_ACHIEVEMENT and not awards:
        gates.append(_places(achievement))
    conditions = _standings(active, learner, outside=outside, held=held)
    are_met = iter([condition.met_at is not None for condition in conditions])
    return Explanation(
        achievement=achievement,
        learner=learner,
        earned=awards,
        gates=tuple(gates),
        conditions=tuple(conditions),
        parts=tuple(_holds(part, are_met) for part in active.rule.conditions),
        waits_until=first_free_day(active, learner, outside=outside) if active.is_daily else None,
        through_ticked_courses=outside,
    )


def _holds(part: Condition | Group, are_met: Iterator[bool]) -> bool:
    """`are_met`: the conditions of this part and of those that follow, in text order."""
    if isinstance(part, Group):
        return sum([_holds(inner, are_met) for inner in part.parts]) >= part.least
    return next(are_met)


def first_free_day(active: ActiveRule, learner: User, *, outside: bool) -> date | None:
    """None where something that the learner has done by then, or may do any day, earns it."""
    if not active.rule.conditions:
        return None
    free = free_from(active)
    only = Scope(learners=[learner.pk])
    counts = [
        sql("SELECT 1 FROM ({}) AS later WHERE moment >= {}", counted(counting, scope=only), value(free))
        for counting in countings_of(active, outside=outside)
    ]
    return None if fetch(join(" UNION ALL ", counts)) else free.date()


def told_to_wait(day: date) -> str:
    return _(
        "Everything holds, but it is somebody else's until %(day)s: what counts from then on earns it."
    ) % {"day": date_format(day)}


def _places(achievement: Achievement) -> Gate:
    taken, _last = places_taken(achievement)
    left = achievement.frequency - taken
    if left > 0:
        message = ngettext("%(count)d place is left.", "%(count)d places are left.", left)
        return Gate(code="places", open=True, sentence=message % {"count": left})
    message = ngettext("The only place is taken.", "All %(count)d places are taken.", achievement.frequency)
    return Gate(code="places", open=False, sentence=message % {"count": achievement.frequency})


def _is_over(award: EarnedAchievement) -> bool:
    return award.issued_badge is not None and award.issued_badge.status in TIMED_OUT


def is_inside(achievement: Achievement, learner: User) -> bool:
    home = learner.organization
    if home is None:
        return False
    return home.pk == achievement.organization_id or (
        achievement.is_global and home.participate_in_global_achievements
    )


def _gates(achievement: Achievement, learner: User, *, reached: bool) -> list[Gate]:
    home = learner.organization
    names = {"learner": learner, "home": home, "owner": achievement.organization}
    tests: list[tuple[str, bool, str, str]] = [
        ("enabled", achievement.enabled, _("The achievement is enabled."), _("The achievement is disabled.")),
        (
            "owner_organization",
            achievement.organization.enable_achievements,
            _("%(owner)s has achievements enabled."),
            _("%(owner)s, which owns the achievement, has not enabled achievements."),
        ),
        (
            "organization",
            bool(home and home.enable_achievements),
            _("%(home)s has achievements enabled."),
            _("%(home)s, the learner's organization, has not enabled achievements."),
        ),
        (
            "participation",
            learner.participate_in_achievements and learner.opted_out_at is None,
            _("%(learner)s participates in achievements."),
            _("%(learner)s does not participate in achievements."),
        ),
        (
            "reach",
            reached,
            _("The achievement reaches learners of %(home)s."),
            _(
                "The achievement belongs to %(owner)s and does not reach %(home)s: it is not global there,"
                " and names no course that is open to outside organizations."
            ),
        ),
    ]
    return [
        Gate(code=code, open=held, sentence=(yes if held else no) % names) for code, held, yes, no in tests
    ]


def _evaluated(active: ActiveRule) -> Gate:
    achievement = active.achievement
    missing = gone({achievement.pk: active.rule})
    if missing:
        sentence = told(missing[achievement.pk])
    elif achievement.paused_at:
        sentence = _("The rule failed too often and is paused: %(error)s") % {"error": achievement.last_error}
    else:
        return Gate(code="rule", open=True, sentence=_("The rule is evaluated."))
    return Gate(code="rule", open=False, sentence=sentence)


def _standings(active: ActiveRule, learner: User, *, outside: bool, held: bool) -> list[Standing]:
    leaves = list(active.rule.leaves())
    if not leaves:
        return []
    names = names_of([active.rule])
    found = fetch(progress(active, learner.pk, outside=outside, held=held))
    rows: dict[int, Any] = {row[0]: row for row in found}
    met_by = {place: json.loads(row[3]) if row[2] else [] for place, row in rows.items()}
    told = _evidence(leaves, met_by)
    return [
        Standing(
            sentence=sentence(Rule((leaf,)), names),
            needed=leaf.needed,
            have=int(rows[place][1]),
            met_at=moment_of(rows[place][2]) if rows[place][2] else None,
            evidence=tuple(told[place]),
        )
        for place, leaf in enumerate(leaves)
    ]


def _evidence(leaves: Sequence[Condition], met_by: Mapping[int, Sequence[int]]) -> dict[int, list[Evidence]]:
    """What met each condition, oldest first; two queries whatever the number of conditions."""
    over_awards = {place for place, leaf in enumerate(leaves) if leaf.subject is Subject.ACHIEVEMENT}
    award_ids = {pk for place in over_awards for pk in met_by[place]}
    record_ids = {pk for place in met_by.keys() - over_awards for pk in met_by[place]}
    awards = EarnedAchievement.objects.select_related("achievement").in_bulk(award_ids)
    records = LearningRecord.objects.select_related("lab", "course").in_bulk(record_ids)
    return {
        place: [
            _of_award(awards[pk]) if place in over_awards else _of_record(records[pk], leaves[place])
            for pk in ids
            if pk in (awards if place in over_awards else records)
        ]
        for place, ids in met_by.items()
    }


def _of_award(award: EarnedAchievement) -> Evidence:
    return Evidence(record_id=award.pk, what=award.achievement.name, at=award.earned_at)


def _of_record(record: LearningRecord, leaf: Condition) -> Evidence:
    """At the moment that counts for this condition."""
    what = record.lab or record.course
    asks_result = leaf.passed or leaf.min_score is not None or leaf.min_minutes
    at = record.started_at
    if leaf.complete or asks_result:
        at = record.completed_at or record.started_at + timedelta(minutes=record.minutes or 0)
    return Evidence(record_id=record.pk, what=str(what) if what else record.kind, at=at)


def as_data(found: Explanation) -> dict[str, Any]:
    """The explanation for programs: the API and --json."""
    return {
        "achievement": found.achievement.pk,
        "user": found.learner.pk,
        "earned": [{"occurrence": award.occurrence, "earned_at": award.earned_at} for award in found.earned],
        "summary": found.summary,
        "through_ticked_courses": found.through_ticked_courses,
        "gates": [asdict(gate) for gate in found.gates],
        "conditions": [asdict(condition) for condition in found.conditions],
    }
