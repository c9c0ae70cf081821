"""What stands behind a badge that an achievement led to, told to the provider when the badge is sent.

From the award's snapshot: the labs, courses, activities and achievements that met its rule, and when. Least
data: nothing about the learner but that, the last few where there are many, and no more than so many letters.
Days are the learner's own. badges.evidence asks, for all rows of a claim at once.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from typing import TYPE_CHECKING, TypeVar

from django.db.models import Model, OuterRef, QuerySet, Subquery
from django.utils.formats import date_format
from django.utils.text import Truncator
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from achievements.conditions.explain import stored_rule
from achievements.conditions.language import Subject
from achievements.models import EarnedAchievement, RuleVersion
from badges.evidence import NAME_LENGTH, Behind
from badges.models import IssuedBadge
from providers.base import Evidence
from tms.models import Activity, LearningRecord

if TYPE_CHECKING:
    from datetime import date

Row = TypeVar("Row", bound=Model)
MOST_NAMED = 3
LENGTH = 500


def behind(keys: Collection[str]) -> dict[str, Evidence]:
    """What stands behind awards, by the text of their ids; three queries at most."""
    named = EarnedAchievement.objects.filter(pk__in=[int(key) for key in keys if key.isdecimal()])
    awards = list(with_conditions(named.select_related("achievement")))
    proofs = {award.pk: list(proofs_of(award)) for award in awards}
    every = [proof for found in proofs.values() for proof in found]
    records = _named(LearningRecord.objects.select_related("lab", "course"), every, are_awards=False)
    earned = _named(EarnedAchievement.objects.select_related("achievement"), every, are_awards=True)
    return {
        str(award.pk): Evidence(
            name=Truncator(award.achievement.name).chars(NAME_LENGTH),
            description=_description(proofs[award.pk], records=records, earned=earned),
        )
        for award in awards
    }


EVIDENCE = (Behind(source=IssuedBadge.Source.ACHIEVEMENT, read=behind),)

# The ids that met one condition, oldest first, and whether they are those of awards.
Proof = tuple[list[int], bool]


def with_conditions(awards: QuerySet[EarnedAchievement]) -> QuerySet[EarnedAchievement]:
    """With the rule that was met, as `conditions`, for proofs_of."""
    version = RuleVersion.objects.filter(achievement=OuterRef("achievement"), number=OuterRef("rule_version"))
    return awards.annotate(conditions=Subquery(version.values("conditions")[:1]))


def proofs_of(award: EarnedAchievement) -> Iterator[Proof]:
    leaves = list(stored_rule(award.conditions or []).leaves())  # type: ignore[attr-defined]
    lines = award.snapshot.get("conditions", [])
    for leaf, line in zip(leaves, lines, strict=False):
        yield list(line.get("records", [])), leaf.subject is Subject.ACHIEVEMENT


def _named(rows: QuerySet[Row], proofs: Collection[Proof], *, are_awards: bool) -> Mapping[int, Row]:
    ids = {pk for found, of_awards in proofs if of_awards is are_awards for pk in found[-MOST_NAMED:]}
    return rows.in_bulk(ids) if ids else {}


def _description(
    proofs: Collection[Proof],
    *,
    records: Mapping[int, LearningRecord],
    earned: Mapping[int, EarnedAchievement],
) -> str:
    sentences: dict[str, None] = {}
    unnamed = 0
    for ids, are_awards in proofs:
        for pk in ids[-MOST_NAMED:]:
            if are_awards and pk in earned:
                sentences[_of_award(earned[pk])] = None
            elif not are_awards and pk in records:
                sentences[_of_record(records[pk])] = None
        unnamed += max(len(ids) - MOST_NAMED, 0)
    told = list(sentences)
    if told and unnamed:
        told.append(ngettext("And %(count)d more.", "And %(count)d more.", unnamed) % {"count": unnamed})
    return Truncator(" ".join(told)).chars(LENGTH)


def _of_award(award: EarnedAchievement) -> str:
    return _("Earned the achievement %(name)s on %(day)s.") % {
        "name": award.achievement.name,
        "day": _written(award.earned_day),
    }


def _of_record(record: LearningRecord) -> str:
    day = {"day": _written(record.completed_day or record.started_day)}
    if record.subject == LearningRecord.Subject.ACTIVITY:
        kinds = dict(Activity.Kind.choices)
        return _("%(activity)s on %(day)s.") % {"activity": kinds.get(record.kind, record.kind), **day}
    if record.lab:
        if record.passed:
            text = _("Passed %(name)s on %(day)s.")
        elif record.completed_day:
            text = _("Completed the lab %(name)s on %(day)s.")
        else:
            text = _("Launched the lab %(name)s on %(day)s.")
        return text % {"name": record.lab.name, **day}
    text = _("Completed the course %(name)s on %(day)s.")
    if not record.completed_day:
        text = _("Began the course %(name)s on %(day)s.")
    return text % {"name": record.course.name if record.course else "–", **day}


def _written(day: date) -> str:
    return date_format(day, "DATE_FORMAT")
