"""One act on many issued badges, with one reason: what it will come to, and what it came to, told truly.

The verb's own function (badges.issued.verbs) acts on those that are in a state for it and that the actor
manages. The others are counted here, each kind with why.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from django.db.models import Count
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from badges.acts import managed
from badges.ending import require_reason, silent_about_reasons
from badges.issued.verbs import MANY_STATUSES, Came
from badges.status import Status

if TYPE_CHECKING:
    from collections.abc import Mapping

    from django.db.models import QuerySet

    from badges.issued.verbs import Verb
    from badges.models import IssuedBadge
    from tms.models import User

TOLD = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Foreseen:
    """Of `chosen` badges it will be done to `fit`; `left` are sentences about the others."""

    chosen: int
    fit: int
    left: tuple[str, ...]
    names: tuple[str, ...]
    silent: tuple[str, ...]

    @property
    def more(self) -> int:
        return self.fit - len(self.names)


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    count: int
    sentence: str
    left: tuple[str, ...]


def foresee(verb: Verb, rows: QuerySet[IssuedBadge], *, actor: User) -> Foreseen:
    fit, left, chosen = _sorted_out(verb, rows, actor=actor)
    reached = managed(rows, actor=actor).filter(status__in=_statuses(verb))
    few = reached.order_by("pk")[:TOLD].values_list(
        "badge__name", "learner__first_name", "learner__last_name"
    )
    return Foreseen(
        chosen=chosen,
        fit=fit,
        left=left,
        names=tuple(f"{badge} – {first} {last}".strip() for badge, first, last in few),
        silent=tuple(silent_about_reasons(reached)) if verb.name == "revoke" else (),
    )


def act(verb: Verb, rows: QuerySet[IssuedBadge], *, reason: str, actor: User) -> Result:
    """Raises DomainError for a reason that is missing."""
    if verb.asks_reason:
        require_reason(reason)
    if verb.many is None:
        raise TypeError(f"{verb.name} is done to one at a time")
    fit, left, _chosen = _sorted_out(verb, rows, actor=actor)
    came = verb.many(rows, reason.strip(), actor)
    return Result(
        count=came.count, sentence=came.sentence if came.count else "", left=(*left, *_lost(came, fit))
    )


def _lost(came: Came, fit: int) -> list[str]:
    """Of those that were fit: whom the function refused, and what moved in between."""
    of_states = sum(refused.count for refused in came.refused.refused if not refused.is_state)
    told = [f"{refused.count}: {refused.message}" for refused in came.refused.refused if not refused.is_state]
    if moved := max(fit - came.count - of_states, 0):
        text = ngettext("%(count)d had moved on by then.", "%(count)d had moved on by then.", moved)
        told.append(text % {"count": moved})
    return told


def _statuses(verb: Verb) -> tuple[Status, ...]:
    return MANY_STATUSES.get(verb.name, verb.statuses)


def _sorted_out(verb: Verb, rows: QuerySet[IssuedBadge], *, actor: User) -> tuple[int, tuple[str, ...], int]:
    """How many it can be done to, why not to the others, and how many there are: two queries."""
    counts: Mapping[str, int] = dict(
        managed(rows, actor=actor).order_by().values_list("status").annotate(Count("pk"))
    )
    chosen, reached = rows.count(), sum(counts.values())
    statuses = _statuses(verb)
    left = []
    for status in Status:
        if status in counts and status not in statuses:
            text = ngettext(
                "%(count)d is left as it is: %(status)s.",
                "%(count)d are left as they are: %(status)s.",
                counts[status],
            )
            left.append(text % {"count": counts[status], "status": status.label})
    if strangers := chosen - reached:
        text = ngettext(
            "%(count)d belongs to an organization that you do not manage.",
            "%(count)d belong to organizations that you do not manage.",
            strangers,
        )
        left.append(text % {"count": strangers})
    return sum(counts.get(status, 0) for status in statuses), tuple(left), chosen


def nothing() -> str:
    return _("Select at least one issued badge.")
