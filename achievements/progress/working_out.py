"""How far learners are with everything within their reach that they have not earned: worked out and stored.

For all who are due at once, and never rule by rule for one learner: the conditions of all rules that reach an
organization are counted together for its learners, those of one shape by one statement (`partial.tallies`).
800 rules of the usual kinds are some sixty statements, for one learner (0.3 s, on two busy cores) as for 200
(9 s, of whom each has begun 375 achievements). One transaction for each chunk of learners: who dies in it has
stored nothing, and the learners are still due.

Who looked last comes first, and a call ends after some chunks, so that everybody else's work has its turn
where one edited rule made thousands due.
"""

from __future__ import annotations

import logging
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from math import floor
from typing import TYPE_CHECKING

from django.conf import settings
from django.db import DatabaseError, transaction
from django.db.models import F
from django.utils import timezone

from achievements.conditions.partial import how_far, tallies
from achievements.conditions.query import Scope, countings_of
from achievements.evaluation import active_rules
from achievements.lock import one_progress_at_a_time
from achievements.models import Begun, EarnedAchievement, Look
from tms.models import Organization, User
from tms.sql import execute, fetch, plan_for_sets, relation, sql, table, time_limit, value

if TYPE_CHECKING:
    from datetime import datetime

    from achievements.conditions.query import ActiveRule

log = logging.getLogger(__name__)

CHUNK = 100
CHUNKS_A_CALL = 2
# learner, achievement
Pair = tuple[int, int]
# rule version, percent, have
Standing = tuple[int, int, list[int]]


def work_out(*, chunks: int = CHUNKS_A_CALL) -> int:
    """Answer what was asked about learners at whom somebody looks; how many were answered."""
    answered = 0
    for _chunk in range(chunks):
        count = _answer_some()
        answered += count
        if count < CHUNK:
            break
    return answered


def _answer_some() -> int:
    with transaction.atomic():
        one_progress_at_a_time()
        now = timezone.now()
        due = Look.objects.filter(asked__gt=F("answered")).order_by("-looked_at")
        asked = dict(due.values_list("learner_id", "asked")[:CHUNK])
        if not asked:
            return 0
        plan_for_sets()
        found = dict(_standings(sorted(asked)))
        _store(found, asked=asked, now=now)
        return len(asked)


# ── worked out ───────────────────────────────────────────────────────────────────────────────────────────


def _standings(learners: Sequence[int]) -> Iterator[tuple[Pair, Standing]]:
    """Of every rule that these learners may earn, have not, and have anything for."""
    rules = active_rules()
    earned = set(
        EarnedAchievement.objects.filter(learner__in=learners, withdrawn_at__isnull=True).values_list(
            "learner_id", "achievement_id"
        )
    )
    for home, members in _homes(learners).items():
        inside = [rule for rule in rules if _reaches(rule, home)]
        outside = [rule for rule in rules if not _reaches(rule, home) and True in rule.kinds_of_learners]
        for chosen, are_outsiders in ((inside, False), (outside, True)):
            for pair, standing in _of(chosen, members, outside=are_outsiders):
                if pair not in earned:
                    yield pair, standing


def _homes(learners: Sequence[int]) -> Mapping[Organization, list[int]]:
    """The organizations of those who participate."""
    people = User.objects.filter(
        pk__in=learners,
        participate_in_achievements=True,
        opted_out_at__isnull=True,
        organization__enable_achievements=True,
    )
    homes: dict[Organization, list[int]] = defaultdict(list)
    for person in people.select_related("organization"):
        if person.organization is not None:
            homes[person.organization].append(person.pk)
    return homes


def _reaches(rule: ActiveRule, home: Organization) -> bool:
    achievement = rule.achievement
    return achievement.organization_id == home.pk or (
        achievement.is_global and home.participate_in_global_achievements
    )


def _of(
    rules: Sequence[ActiveRule], members: Sequence[int], *, outside: bool
) -> Iterator[tuple[Pair, Standing]]:
    """What these learners have for each condition of these rules, where it is anything."""
    countings = [countings_of(rule, outside=outside) for rule in rules]
    places = [(which, nth) for which, of_rule in enumerate(countings) for nth in range(len(of_rule))]
    have: dict[tuple[int, int], dict[int, int]] = defaultdict(dict)
    unknown: set[int] = set()
    for tally in tallies([each for of_rule in countings for each in of_rule], scope=Scope(learners=members)):
        try:
            with transaction.atomic(), time_limit(settings.EVALUATION_SECONDS):
                rows = fetch(tally.statement)
        except DatabaseError:
            # What is not known is not told; evaluation has its own record of rules that fail.
            failed = {places[place][0] for place in tally.places}
            log.warning("No progress for %d rules that fail", len(failed), exc_info=True)
            unknown |= failed
            continue
        for place, learner_id, number in rows:
            for twin in tally.twins[place]:
                which, nth = places[twin]
                have[learner_id, which][nth] = floor(number)
    for (learner_id, which), numbers in have.items():
        rule = rules[which]
        listed = [numbers.get(nth, 0) for nth in range(len(countings[which]))]
        if which in unknown or not any(listed):
            continue
        share, _met = how_far(rule.rule, listed)
        # 100 only where nothing is missing, whatever thirds add up to.
        standing = rule.achievement.rule_version, floor(share * 100 + 1e-6), listed
        yield (learner_id, rule.achievement.pk), standing


# ── stored ───────────────────────────────────────────────────────────────────────────────────────────────


def _store(found: Mapping[Pair, Standing], *, asked: Mapping[int, int], now: datetime) -> None:
    """Write what has changed, and that so much has been answered; what was asked since stays to be."""
    learners = sorted(asked)
    # In the order in which it is asked.
    held = Look.objects.filter(pk__in=learners).order_by("pk").select_for_update()
    list(held.values_list("pk"))
    known: dict[Pair, tuple[int, Standing]] = {
        (row.learner_id, row.achievement_id): (row.pk, (row.rule_version, row.percent, row.have))
        for row in Begun.objects.filter(learner__in=learners)
    }
    Begun.objects.filter(pk__in=[pk for pair, (pk, _old) in known.items() if pair not in found]).delete()
    fresh = _rows(found[pair] + pair for pair in found if pair not in known)
    Begun.objects.bulk_create(fresh, batch_size=1_000)
    other = _rows(found[pair] + pair for pair in found if pair in known and known[pair][1] != found[pair])
    Begun.objects.bulk_create(
        other,
        batch_size=1_000,
        update_conflicts=True,
        unique_fields=["learner", "achievement"],
        update_fields=["rule_version", "percent", "have"],
    )
    execute(
        sql(
            "UPDATE {} SET answered = given.asked, as_of = {} FROM {} AS given WHERE learner_id = given.id",
            table(Look),
            value(now),
            relation(("id", "asked"), list(asked.items())),
        )
    )


def _rows(standings: Iterable[tuple[int, int, list[int], int, int]]) -> list[Begun]:
    return [
        Begun(
            learner_id=learner_id,
            achievement_id=achievement_id,
            rule_version=rule_version,
            percent=percent,
            have=have,
        )
        for rule_version, percent, have, learner_id, achievement_id in standings
    ]
