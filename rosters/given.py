"""What may go with badges that are issued by hand: a note for us, and evidence for the provider."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from providers.base import Evidence

if TYPE_CHECKING:
    from django.http import QueryDict


@dataclass(frozen=True, kw_only=True)
class Given:
    """As a form sent it."""

    note: str
    evidence_name: str
    evidence_url: str

    @classmethod
    def of(cls, sent: QueryDict) -> Given:
        return cls(
            note=sent.get("note", "").strip(),
            evidence_name=sent.get("evidence_name", "").strip(),
            evidence_url=sent.get("evidence_url", "").strip(),
        )

    @property
    def evidence(self) -> list[Evidence]:
        evidence = Evidence(name=self.evidence_name, url=self.evidence_url)
        return [evidence] if evidence != Evidence() else []
