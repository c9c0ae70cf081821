"""What it took to be issued a badge, as its public page tells it.

Rules lie in the apps above, so each offers, as CRITERIA in its module `criteria`, how to read the one behind
an issued badge: `issued badge → rule in words, or None`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol

from badges.models import IssuedBadge
from tms.contributions import contributed


class Asked(Protocol):
    """What was asked, or what introduces its parts (templates/_rule.html)."""

    @property
    def text(self) -> str: ...
    @property
    def parts(self) -> Sequence[Asked]: ...


Read = Callable[[IssuedBadge], "Asked | None"]


def rule_behind(row: IssuedBadge) -> Asked | None:
    """None for a badge that nobody earned by a rule: issued by hand, or what led to it was withdrawn."""
    found = (read(row) for read in contributed("criteria"))
    return next((rule for rule in found if rule), None)
