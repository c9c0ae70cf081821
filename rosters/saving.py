"""Completion statuses, as the form of the roster sends them and as they come back when some were refused."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from rosters.roster import enrollments_of
from tms import progress
from tms.progress import Decided

if TYPE_CHECKING:
    from collections.abc import Mapping

    from django.http import QueryDict

    from tms.errors import DomainError
    from tms.models import Class, User

_FIELD = re.compile(r"completion-(\d{1,18})")


@dataclass(frozen=True, kw_only=True)
class Saved:
    """How many were stored; and of the others, by enrolment, why not and what was chosen."""

    count: int = 0
    refused: Mapping[int, DomainError] = field(default_factory=dict)
    chosen: Mapping[int, str] = field(default_factory=dict)


def read(given: QueryDict) -> dict[int, Decided]:
    """Those that were changed: `completion-ID` is the choice, `seen-ID` what was there before it."""
    found = {}
    for name, chosen in given.items():
        match = _FIELD.fullmatch(name)
        seen = given.get(f"seen-{match[1]}", "") if match else ""
        if match and str(chosen) != seen:
            found[int(match[1])] = Decided(seen, str(chosen))
    return found


def save(training_class: Class, decided: Mapping[int, Decided], *, actor: User) -> Saved:
    refused = progress.set_completion_statuses(enrollments_of(training_class, viewer=actor), decided)
    return Saved(
        count=len(decided) - len(refused),
        refused=refused,
        chosen={pk: decided[pk].chosen for pk in refused},
    )
