"""What one pass of evaluation has in common, and what it comes to."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

from achievements.models import Backfill

CHUNK = 5_000  # learners of one transaction


@dataclass(slots=True)
class Report:
    """What a pass did: learners looked at, awards and intents written, rules that failed."""

    learners: int = 0
    awards: int = 0
    intents: int = 0
    failed: set[int] = field(default_factory=set)

    def __iadd__(self, other: Report) -> Report:
        self.learners += other.learners
        self.awards += other.awards
        self.intents += other.intents
        self.failed |= other.failed
        return self


@dataclass(frozen=True, slots=True, kw_only=True)
class Pass:
    """What one pass has in common: its moment, its report, whether every rule is to be logged, and the
    backfills that its awards belong to (none: whatever is awarded is live)."""

    now: datetime
    report: Report
    full: bool
    backfills: Sequence[Backfill]

    @property
    def notification(self) -> str:
        return self.backfills[0].notification if self.backfills else Backfill.Notification.NORMAL
