"""Recording the intent to issue: by hand for people, set-based for achievements.

Nothing here speaks to a provider; a row is written and badges.delivery finds it (next: delivery.deliver).
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import transaction
from django.db.models import QuerySet
from django.db.models.expressions import RawSQL
from django.utils import timezone
from django.utils.translation import gettext as _

from badges.evidence import to_keep
from badges.hints import DELIVER, RECONCILE
from badges.intents import never_had, record
from badges.lifecycle import Move, move_each
from badges.models import Badge, IssuedBadge
from badges.refusals import Among, Key, Reason, already, obstacle, recipient_problem, refusals_of
from badges.retrying import MAY_EXIST, renewed
from badges.status import LIVE, Status
from providers.base import Ability, Evidence
from providers.registry import abilities_of, adapter_class
from tms.access import Action, require
from tms.errors import Conflict, DomainError
from tms.hint import hint
from tms.models import User
from tms.sql import (
    Sql,
    column_kinds,
    next_id,
    records,
    relation,
    sql,
    table,
    value,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What became of one (badge, learner) of an act: accepted and on its way, or refused with a reason.

    `is_retry`: its row was there before, and had failed.
    """

    badge: Badge
    learner: User
    issued_badge: IssuedBadge | None
    code: str
    message: str
    is_retry: bool = False

    @property
    def accepted(self) -> bool:
        return self.code == "queued"


@dataclass(frozen=True, slots=True, kw_only=True)
class Pair:
    """One badge for one learner, as somebody asks for it by hand.

    `issued_at` is now and `expires_at` as the badge says unless they are given; `evidence` is shown by the
    provider, `reason` is kept.
    """

    badge: Badge
    learner: User
    reason: str = ""
    issued_at: datetime | None = None
    expires_at: datetime | None = None
    evidence: Sequence[Evidence] = ()

    @property
    def key(self) -> tuple[int, int]:
        return self.badge.pk, self.learner.pk


def issue(
    badge: Badge,
    learners: Sequence[User],
    *,
    actor: User | None,
    source: str,
    source_key: str = "",
    reason: str = "",
    issued_at: datetime | None = None,
    expires_at: datetime | None = None,
    evidence: Sequence[Evidence] = (),
) -> list[Outcome]:
    """Issue one badge by hand to many, as `issue_pairs` does.

    Raises NotFound when the actor does not reach the badge.
    """
    require(actor, Action.ISSUE, badge)
    asked = [
        Pair(
            badge=badge,
            learner=learner,
            reason=reason,
            issued_at=issued_at,
            expires_at=expires_at,
            evidence=evidence,
        )
        for learner in learners
    ]
    return issue_pairs(asked, actor=actor, source=source, source_key=source_key)


def issue_pairs(
    asked: Sequence[Pair],
    *,
    actor: User | None,
    source: str,
    source_key: str = "",
    among: Among | None = None,
) -> list[Outcome]:
    """Issue many badges by hand to many. Each pair is accepted or refused alone; none stops the others.

    Outcomes come in the order of the pairs; of those that name the same badge and learner, the first counts.
    A failed row of ours is tried again by this act. What the actor does not reach, or the place does not
    hold, is refused as `not_permitted`. The number of queries does not depend on that of the pairs. Raises
    DomainError for dates and evidence that no provider takes.
    """
    pairs: dict[Key, Pair] = {}
    for pair in asked:
        pairs.setdefault(pair.key, pair)
    now = timezone.now()
    kept = _checked(pairs, now=now)
    with transaction.atomic():
        existing = _by_pair(_rows(pairs).filter(status__in=LIVE), pairs)
        refusals = refusals_of(pairs, existing, actor=actor, among=among)
        failed = {key: row for key, row in existing.items() if key not in refusals}
        refusals |= _held_by_others(failed)
        failed = {key: row for key, row in failed.items() if key not in refusals}
        accepted = {key: pair for key, pair in pairs.items() if key not in refusals}
        origin = {"source_kind": source, "source_key": source_key}
        retried = _try_again(failed, pairs, kept, origin=origin, actor=actor, now=now)
        fresh = {key: pair for key, pair in accepted.items() if key not in failed}
        new = set(_record_pairs(fresh, kept, actor=actor, source=source, source_key=source_key, now=now))
        rows = _by_pair(_rows(accepted), accepted)
    return [
        _refused(pair.badge, pair.learner, existing.get(key), *refusals[key])
        if key in refusals
        else _accepted(pair.badge, pair.learner, rows[key], new=new, retried=retried)
        for key, pair in pairs.items()
    ]


def foresee(asked: Sequence[Pair], *, actor: User | None, among: Among | None = None) -> dict[Key, Reason]:
    """(badge, learner) → code and sentence of what `issue_pairs` would refuse now. Nothing is written."""
    pairs = {pair.key: pair for pair in asked}
    existing = _by_pair(_rows(pairs).filter(status__in=LIVE), pairs)
    return refusals_of(pairs, existing, actor=actor, among=among)


def _checked(pairs: dict[Key, Pair], *, now: datetime) -> dict[Key, Any]:
    """The evidence of each pair as a row keeps it. Raises DomainError for what no provider takes."""
    kept: dict[Key, Any] = {}
    known: dict[tuple[Evidence, ...], list[dict[str, str]]] = {}
    for key, pair in pairs.items():
        _check_expiry(pair.badge, issued_at=pair.issued_at or now, expires_at=pair.expires_at)
        given = tuple(pair.evidence)
        if given not in known:
            known[given] = to_keep(given)
        kept[key] = known[given]
    return kept


def _check_expiry(badge: Badge, *, issued_at: datetime, expires_at: datetime | None) -> None:
    if expires_at is None:
        return
    provider = badge.badge_provider
    if Ability.EXPIRE not in abilities_of(provider.kind):
        message = _("%(provider)s knows no expiry of a single badge.") % {
            "provider": provider.get_kind_display()
        }
    elif expires_at <= max(issued_at, timezone.now()):
        message = _("It must lie in the future, and after the date of issue.")
    else:
        return
    raise DomainError("expires_at", message, fields={"expires_at": [message]})


def _rows(keys: Collection[Key]) -> QuerySet[IssuedBadge]:
    """What these learners have of these badges, the latest last."""
    statement = sql(
        """
        SELECT known.id FROM {} AS asked
        JOIN {} AS known ON known.badge_id = asked.badge_id AND known.learner_id = asked.learner_id
        """,
        relation(("badge_id", "learner_id"), list(keys)),
        table(IssuedBadge),
    )
    found = IssuedBadge.objects.filter(pk__in=RawSQL(statement.text, statement.parameters))  # noqa: S611
    return found.select_related("issued_by").order_by("pk")


def _by_pair(rows: QuerySet[IssuedBadge], pairs: Mapping[Key, Pair]) -> dict[Key, IssuedBadge]:
    """Each with the badge that is in memory already, and with it its account."""
    found = {}
    for row in rows:
        key = row.badge_id, row.learner_id
        row.badge = pairs[key].badge
        found[key] = row
    return found


def _held_by_others(failed: dict[Key, IssuedBadge]) -> dict[Key, Reason]:
    """Hold failed rows until the end of the transaction; those that somebody else holds, with what is told.

    Nobody is waited for: an act holds many rows, and whoever waits for one while holding others may be
    waited for. Rows that are not written are not held, for workers are settling them.
    """
    if not failed:
        return {}
    rows = _rows(failed).filter(status=Status.FAILED)
    free = rows.select_for_update(skip_locked=True, of=("self",), no_key=True)
    held = set(free.values_list("badge_id", "learner_id"))
    message = _("Somebody else is changing this badge at this moment. Try again.")
    return {key: ("being_changed", message) for key in failed if key not in held}


def _try_again(
    failed: dict[Key, IssuedBadge],
    pairs: dict[Key, Pair],
    kept: dict[Key, Any],
    *,
    origin: dict[str, Any],
    actor: User | None,
    now: datetime,
) -> set[int]:
    """Send failed rows again, with what was given now; their ids.

    What an achievement led to stays that achievement's, and is dated as it was earned.
    """
    steps = []
    for key, row in failed.items():
        pair = pairs[key]
        again = renewed() | {"recipient_email": pair.learner.email, "due_at": now}
        again |= {"issued_by_id": actor and actor.pk, "reason": pair.reason}
        given = {"expires_at": pair.expires_at, "evidence": kept[key]}
        if row.source_kind != IssuedBadge.Source.ACHIEVEMENT:
            again |= origin
            given["earned_at"] = pair.issued_at
        steps.append(
            Move(
                issued_badge_id=row.pk,
                from_status=Status.FAILED,
                to_status=Status.UNKNOWN if row.failure_code in MAY_EXIST else Status.QUEUED,
                reason=pair.reason,
                changes=again
                | {"priority": IssuedBadge.Priority.MANUAL.value}
                | {name: item for name, item in given.items() if item},
            )
        )
    moved = move_each(steps, actor=actor)
    goes_to = {step.to_status for step in steps}
    if Status.UNKNOWN in goes_to:
        hint(RECONCILE)
    if Status.QUEUED in goes_to:
        hint(DELIVER)
    return moved


def _record_pairs(
    pairs: dict[Key, Pair],
    kept: dict[Key, Any],
    *,
    actor: User | None,
    source: str,
    source_key: str,
    now: datetime,
) -> list[int]:
    columns = ("badge_id", "learner_id", "earned_at", "expires_at", "reason", "evidence")
    asked = [
        {
            "badge_id": pair.badge.pk,
            "learner_id": pair.learner.pk,
            "earned_at": pair.issued_at or now,
            "expires_at": pair.expires_at,
            "reason": pair.reason,
            "evidence": kept[key],
        }
        for key, pair in pairs.items()
    ]
    if not asked:
        return []
    return record(
        sql(
            f"SELECT {', '.join(columns)}, {{}} AS source_key FROM {{}}",
            value(source_key),
            records(asked, kinds=column_kinds(IssuedBadge, columns)),
        ),
        priority=IssuedBadge.Priority.MANUAL,
        source_kind=source,
        issued_by=actor,
        reason=Sql("earned.reason"),
        expires_at=Sql("earned.expires_at"),
        evidence=Sql("earned.evidence"),
    )


def issue_anew(lost: IssuedBadge, *, reason: str, actor: User | None) -> IssuedBadge:
    """Ask once more for a badge that the provider has lost, as it was asked for then; to today's address.

    `lost` has ended. Whether the badge is set up to be issued by hand is not asked, for it had been issued.
    Raises DomainError for what stands in the way.
    """
    require(actor, Action.ISSUE, lost.badge)
    problem = obstacle(lost.badge) or recipient_problem(lost.learner, email=lost.learner.email)
    if problem:
        raise DomainError(*problem)
    again = Pair(
        badge=lost.badge,
        learner=lost.learner,
        reason=reason,
        issued_at=lost.earned_at,
        expires_at=lost.expires_at,
    )
    with transaction.atomic():
        new = _record_pairs(
            {again.key: again},
            {again.key: lost.evidence},
            actor=actor,
            source=lost.source_kind,
            source_key=lost.source_key,
            now=timezone.now(),
        )
    rows = _rows([again.key]).select_related("badge__badge_provider")
    if not new:
        existing = rows.filter(status__in=LIVE).last()
        raise Conflict("already_issued", already(existing) if existing else _("Try again."))
    return rows.get(pk=new[0])


def problem_of_silence(badge: Badge) -> str:
    """Why this badge cannot be issued without the provider's mail, in a sentence; empty when it can."""
    provider = badge.badge_provider
    adapter = adapter_class(provider.kind)
    if adapter is None or Ability.SUPPRESS in adapter.abilities:
        return ""
    return _(
        "%(provider)s tells every earner of a new badge and cannot be asked not to, so that “%(badge)s” "
        "cannot be issued silently."
    ) % {"provider": provider.get_kind_display(), "badge": badge}


def _refused(badge: Badge, learner: User, row: IssuedBadge | None, code: str, message: str) -> Outcome:
    return Outcome(badge=badge, learner=learner, issued_badge=row, code=code, message=message)


def _accepted(badge: Badge, learner: User, row: IssuedBadge, *, new: set[int], retried: set[int]) -> Outcome:
    if row.pk not in new and row.pk not in retried:
        # Somebody else was faster by the width of this transaction; the constraint decided.
        return _refused(badge, learner, row, "already_issued", already(row))
    message = _("On its way to %(email)s.") % {"email": row.recipient_email}
    return Outcome(
        badge=badge,
        learner=learner,
        issued_badge=row,
        code="queued",
        message=message,
        is_retry=row.pk in retried,
    )


def issue_earned(
    select: Sql,
    *,
    now: datetime,
    learners: range | None = None,
    backfill: bool = False,
    silent: bool = False,
) -> list[int]:
    """Issue badges for many at once, inside the caller's transaction; the ids of the intents that are new.

    `select` yields what `record` and `never_had` read, perhaps of `learners` in a range of ids, and
    `reserved`, the id that is kept for the intent, or null (tms.sql.next_id). Whoever ever had the badge from
    us keeps what there is: after a revoke or a cancel nothing issues it again by itself. Rows are written
    whatever the learner's address looks like; delivery refuses a bad one on the row, where people see it.
    Those of a `backfill` are sent after all others; a `silent` one asks the provider for no mail.
    """
    return record(
        never_had(select, learners=learners),
        now=now,
        priority=IssuedBadge.Priority.BACKFILL if backfill else IssuedBadge.Priority.LIVE,
        source_kind=IssuedBadge.Source.ACHIEVEMENT,
        silent=silent,
        new_id=sql("COALESCE(earned.reserved, {})", next_id(IssuedBadge)),
    )
