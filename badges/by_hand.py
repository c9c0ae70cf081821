"""Acts by hand: many badges for many learners, asked for once, and kept with what became of each pair.

An act is a row of its own, so that a page can be left and come back to (badges.results) and be taken back as
one (badges.undoing). What is refused and why is decided in badges.issuing; the intents and the outcomes are
written together.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import IntegrityError, transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from badges.evidence import to_keep
from badges.issuing import Outcome, Pair, issue_pairs
from badges.models import ActOutcome, Badge, IssuingAct
from badges.refusals import Among
from badges.typed import require_fit
from providers.base import Evidence
from tms import audit
from tms.errors import Conflict, DomainError, NotFound
from tms.models import User
from tms.sql import column_kinds, execute, records, sql, table, value

MOST_PAIRS = 20_000
# Of a list, whose rows may each have one of their own.
MOST_REASONS = 3


def issue_by_hand(
    badges: Sequence[Badge],
    learners: Sequence[User],
    *,
    actor: User | None,
    source: str,
    token: UUID,
    source_key: str = "",
    among: Among | None = None,
    reason: str = "",
    issued_at: datetime | None = None,
    expires_at: datetime | None = None,
    evidence: Sequence[Evidence] = (),
) -> IssuingAct:
    """Issue each of some badges to each of some learners, as one act; asking twice with a token is one act.

    Every pair is accepted or refused alone (badges.issuing.issue_pairs), badge by badge in the order given.
    Raises Conflict("other_act") when this act was about other pairs, and NotFound when it is somebody else's.
    """
    pairs = [
        Pair(
            badge=badge,
            learner=learner,
            reason=reason,
            issued_at=issued_at,
            expires_at=expires_at,
            evidence=evidence,
        )
        for badge in badges
        for learner in learners
    ]
    return act_on(
        pairs,
        actor=actor,
        source=source,
        source_key=source_key,
        token=token,
        among=among,
        reason=reason,
        issued_at=issued_at,
        expires_at=expires_at,
        evidence=to_keep(evidence),
    )


def act_on(
    pairs: Sequence[Pair],
    *,
    actor: User | None,
    source: str,
    token: UUID,
    source_key: str = "",
    among: Among | None = None,
    positions: Sequence[int] = (),
    **given: Any,
) -> IssuingAct:
    """As issue_by_hand, for pairs that each have a reason, a date and evidence of their own. `positions` are
    their numbers in a list; `given` is what the act itself keeps."""
    _check_number(pairs)
    for reason in {pair.reason for pair in pairs}:
        require_fit(reason, field="reason")
    with transaction.atomic():
        act = _begun(
            token,
            actor=actor,
            organization_id=_organization_of(pairs, actor=actor),
            source_kind=source,
            source_key=source_key,
            **given,
        )
        if act is not None:
            outcomes = issue_pairs(pairs, actor=actor, source=source, source_key=source_key, among=among)
            _keep(act, outcomes, numbers=_numbers(pairs, positions))
            accepted = sum(outcome.accepted for outcome in outcomes)
            if accepted:
                reason = " · ".join(sorted({pair.reason for pair in pairs if pair.reason})[:MOST_REASONS])
                audit.record(
                    audit.Act.ISSUE,
                    act,
                    kind=audit.Kind.ISSUING_ACT,
                    actor=actor,
                    reason=reason,
                    count=accepted,
                )
    return act or _again(token, pairs, actor=actor)


def act_of(token: UUID, *, actor: User | None) -> IssuingAct | None:
    """The act of a token, if this person has asked for it already."""
    return IssuingAct.objects.filter(token=token, actor=actor).first()


def _check_number(pairs: Sequence[Pair]) -> None:
    if not pairs:
        raise DomainError("nothing_chosen", _("Choose at least one badge and one learner."))
    if len(pairs) > MOST_PAIRS:
        raise DomainError(
            "too_many",
            _("%(found)d badges are asked for at once; at most %(most)d are allowed.")
            % {"found": len(pairs), "most": MOST_PAIRS},
        )


def _begun(token: UUID, **given: Any) -> IssuingAct | None:
    """The new act; None where the token has one. Whoever asks at the same moment waits here for the first."""
    try:
        with transaction.atomic():
            return IssuingAct.objects.create(token=token, created_at=timezone.now(), **given)
    except IntegrityError:
        return None


def _organization_of(pairs: Sequence[Pair], *, actor: User | None) -> int | None:
    owners = {pair.badge.organization_id for pair in pairs}
    if len(owners) == 1:
        return owners.pop()
    return actor.organization_id if actor else None


def _numbers(pairs: Sequence[Pair], positions: Sequence[int]) -> dict[tuple[int, int], int]:
    """Pair → its number; of those that are named twice the first counts, as in issue_pairs."""
    numbers: dict[tuple[int, int], int] = {}
    for pair, number in zip(pairs, positions or range(1, len(pairs) + 1), strict=True):
        numbers.setdefault(pair.key, number)
    return numbers


def _keep(act: IssuingAct, outcomes: Sequence[Outcome], *, numbers: dict[tuple[int, int], int]) -> None:
    """In one statement, whatever their number."""
    columns = ("position", "badge_id", "learner_id", "issued_badge_id", "code", "message", "is_retry")
    rows = [
        {
            "position": numbers[outcome.badge.pk, outcome.learner.pk],
            "badge_id": outcome.badge.pk,
            "learner_id": outcome.learner.pk,
            "issued_badge_id": outcome.issued_badge.pk if outcome.issued_badge else None,
            "code": outcome.code,
            "message": outcome.message,
            "is_retry": outcome.is_retry,
        }
        for outcome in outcomes
    ]
    statement = sql(
        f"INSERT INTO {{}} (act_id, {', '.join(columns)}) SELECT {{}}, {', '.join(columns)} FROM {{}}",  # noqa: S608 - names of our own
        table(ActOutcome),
        value(act.pk),
        records(rows, kinds=column_kinds(ActOutcome, columns)),
    )
    execute(statement)


def _again(token: UUID, pairs: Sequence[Pair], *, actor: User | None) -> IssuingAct:
    act = act_of(token, actor=actor)
    if act is None:
        raise NotFound("not_found", _("Not found."))
    done = set(ActOutcome.objects.filter(act=act).values_list("badge_id", "learner_id"))
    if not {pair.key for pair in pairs} <= done:
        raise Conflict(
            "other_act",
            _("This page has issued other badges already. Open it anew to issue more."),
            data={"act": act.pk},
        )
    return act
