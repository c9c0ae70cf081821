"""What a provider recorded against what we did: whether each intent came to exactly one badge, or to none for
a true reason.

Nothing here asks the product what happened at the provider. Its rows are held against the badges that the
sandbox made and the requests that it received, as the sandbox's own file tells them.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from badges.models import IssuedBadge
from badges.status import Status
from providers.base import Rejected

# Of the refusals these are none: they ask to wait, or leave open what had arrived.
NOT_REFUSED = frozenset({408, 429})
MINUTE = timedelta(minutes=1)
LAST = datetime.max.replace(tzinfo=UTC)
LIVE = frozenset({"pending", "accepted", "published"})

# One learner's badge of one template, as both sides name it.
Key = tuple[str, str]


@dataclass(slots=True)
class Record:
    """The sandbox's file, read to its end."""

    live: dict[Key, list[str]] = field(default_factory=dict)
    statuses: dict[Key, list[int]] = field(default_factory=dict)  # of the requests to issue, in their order
    requests: Counter[str] = field(default_factory=Counter)
    faults: Counter[str] = field(default_factory=Counter)
    moments: dict[str, list[datetime]] = field(default_factory=dict)  # of the requests of each account
    until: datetime = LAST  # requests and faults are counted so long

    @classmethod
    def read(cls, path: Path, *, until: datetime) -> Record:
        """`until`: when the faults ceased."""
        record, made = cls(until=until), dict[str, tuple[Key, str]]()
        for row in _rows(path):
            match row["kind"]:
                case "badge":
                    # A change is written whole.
                    made[row["id"]] = (row["badge_template_id"], row["issuer_earner_id"]), row["state"]
                case "credential":
                    state = "published" if row["approve"] else "unpublished"
                    made[row["id"]] = (row["group_id"], row["recipient_id"]), state
                case "deleted":
                    made.pop(row["id"], None)
                case "request":
                    record._note(row)
        for external_id, (key, state) in made.items():
            if state in LIVE:
                record.live.setdefault(key, []).append(external_id)
        return record

    def _note(self, row: dict[str, Any]) -> None:
        asks = "look" if row["method"] == "GET" or row["path"].endswith("/search") else "issue"
        at = datetime.fromisoformat(row["at"])
        self.moments.setdefault(row["account"], []).append(at)
        if at <= self.until:
            self.requests[asks] += 1
            if fault := row.get("fault"):
                self.faults[f"status {row['status']}" if fault == "status" else fault] += 1
        if asks == "issue" and (key := _asked_for(row)):
            self.statuses.setdefault(key, []).append(row["status"])

    def most_in_a_minute(self, account: str) -> int:
        """The most requests of an account in any minute."""
        moments, first, most = self.moments.get(account, []), 0, 0
        for last, moment in enumerate(moments):
            while moment - moments[first] >= MINUTE:
                first += 1
            most = max(most, last - first + 1)
        return most


def _rows(path: Path) -> Iterator[dict[str, Any]]:
    with path.open("rb") as file:
        for line in file:
            yield json.loads(line)


def _asked_for(row: dict[str, Any]) -> Key | None:
    try:
        given = json.loads(row.get("body", ""))
    except ValueError:
        return None
    if "credential" in given:
        return str(given["credential"]["group_id"]), given["credential"]["recipient"]["id"]
    return given["badge_template_id"], given["issuer_earner_id"]


@dataclass(slots=True)
class Verdict:
    """`reasons`: why intents failed, where the record says the same; the others are `unexplained`."""

    intents: int = 0
    issued: int = 0
    open: int = 0
    duplicates: int = 0
    reasons: Counter[str] = field(default_factory=Counter)
    lost: list[str] = field(default_factory=list)
    unexplained: list[str] = field(default_factory=list)

    @property
    def failed(self) -> int:
        return self.reasons.total()

    @property
    def holds(self) -> bool:
        """Nothing twice, nothing lost, nothing that nobody can explain, and nobody forgotten."""
        is_whole = self.issued + self.failed == self.intents
        return is_whole and not (self.duplicates or self.lost or self.unexplained or self.open)


def judge(record: Record, *, intents: int) -> Verdict:
    verdict = Verdict(intents=intents)
    rows = IssuedBadge.objects.select_related("badge", "learner")
    known: set[str] = set()
    for row in rows.iterator(chunk_size=2_000):
        key = (row.badge.template_id, str(row.learner.earner_id))
        there = record.live.get(key, [])
        known.update(there)
        asked = record.statuses.get(key, [])
        told = f"issued badge {row.pk} ({row.status} {row.failure_code}, answered with {asked})"
        verdict.duplicates += max(len(there) - 1, 0)
        if row.status == Status.ISSUED:
            verdict.issued += 1
            if row.external_uuid not in there:
                verdict.lost.append(f"{told}: {row.external_uuid} is not at the provider")
        elif row.status != Status.FAILED:
            verdict.open += 1
            verdict.lost.append(f"{told}: has not come to its end")
        elif there:
            verdict.unexplained.append(f"{told}: the provider has it all the same, as {there}")
        elif reason := _true_reason(row, asked):
            verdict.reasons[reason] += 1
        else:
            verdict.unexplained.append(f"{told}: {row.failure_message}")
    strangers = {external_id for ids in record.live.values() for external_id in ids} - known
    verdict.unexplained += [f"badge {external_id} at the provider is nobody's" for external_id in strangers]
    return verdict


def _true_reason(row: IssuedBadge, statuses: list[int]) -> str:
    """The reason of a failure, if what the provider received says the same; else nothing."""
    if row.failure_code == "no_name":
        is_true = not statuses and not row.learner.first_name
        return "the learner has no name, and nothing was asked" if is_true else ""
    last = statuses[-1] if statuses else 0
    is_refusal = 400 <= last < 500 and last not in NOT_REFUSED
    is_true = row.failure_code == Rejected.code and is_refusal and f"({last})" in row.failure_message
    return f"the last request was refused with {last}" if is_true else ""
