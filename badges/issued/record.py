"""One issued badge as its page shows it: what it is, how it came to be, and all that has happened to it."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from django.utils.translation import gettext as _

from badges import failures
from badges.differences import waiting
from badges.ending import tells_reason
from badges.evidence import with_evidence
from badges.issued.verbs import Verb, verbs_for
from badges.models import Badge, Difference, IssuedBadge, IssuingAct
from badges.origins import Origin, origins_of
from badges.sharing.public import public_url
from badges.status import Status
from badges.wording import Told, told
from tms.access import Action
from tms.models import User

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from django.db.models import QuerySet

    from badges.models import IssuingEvent

# A page takes no more; the back office lists all.
MOST_EVENTS = 100
MOST_ACTS = 5
# Something happens by itself while it is in one of these.
MOVING = (Status.QUEUED, Status.SENDING, Status.UNKNOWN, Status.REVOKING)


@dataclass(frozen=True, slots=True, kw_only=True)
class Happening:
    """A line of the timeline. `reply` is what the provider answered, redacted when it was stored."""

    at: datetime
    status: str
    label: str
    who: str
    reason: str
    reply: str


@dataclass(frozen=True)
class Record:
    row: IssuedBadge
    viewer: User

    @cached_property
    def may_manage(self) -> bool:
        return IssuedBadge.objects.for_user(self.viewer, Action.MANAGE).filter(pk=self.row.pk).exists()

    @cached_property
    def verbs(self) -> list[Verb]:
        return verbs_for(self.row) if self.may_manage else []

    @property
    def wish(self) -> str:
        """What somebody asked for and is not done yet."""
        wishes = (
            (self.row.revoke_asked_at, _("It is revoked as soon as its outcome is known.")),
            (self.row.correction_due_at, _("It is being corrected at the provider.")),
            (self.row.erasure_due_at, _("It is being erased at the provider.")),
        )
        return " ".join(text for asked, text in wishes if asked)

    @property
    def is_moving(self) -> bool:
        return self.row.status in MOVING or bool(self.wish)

    @cached_property
    def fingerprint(self) -> str:
        """Another one where the page would show something else."""
        last = self.row.events.order_by("-pk").values_list("pk", flat=True).first()
        return f"{last or 0}-{self.row.status}-{len(self.wish)}"

    @cached_property
    def sees_learner(self) -> bool:
        return bool(
            User.objects.for_user(self.viewer, Action.SEE_OWN).filter(pk=self.row.learner_id).exists()
        )

    @cached_property
    def sees_badge(self) -> bool:
        return Badge.objects.for_user(self.viewer, Action.SEE).filter(pk=self.row.badge_id).exists()

    @property
    def public_url(self) -> str:
        """Empty unless the learner has published it."""
        return public_url(self.row)

    @property
    def told(self) -> Told:
        return told(self.row)

    @property
    def failure(self) -> str:
        """Why it failed, in plain words; what the provider said stands beside it."""
        return failures.in_words(self.row.failure_code) if self.row.failure_code else ""

    @property
    def tells_reason(self) -> bool:
        return tells_reason(self.row.badge.badge_provider.kind)

    @cached_property
    def origins(self) -> list[Origin]:
        return origins_of(self.row, viewer=self.viewer)

    @cached_property
    def acts(self) -> QuerySet[IssuingAct]:
        """Those by hand that asked for it, the latest first."""
        acts = IssuingAct.objects.for_user(self.viewer, Action.SEE_OWN)
        acts = acts.filter(outcomes__issued_badge=self.row, outcomes__code="queued")
        return acts.select_related("actor").order_by("-pk")[:MOST_ACTS]

    @cached_property
    def evidence(self) -> list[dict[str, str]]:
        """As the provider is told, or will be."""
        evidence: list[dict[str, str]] = with_evidence([self.row])[0].evidence
        return evidence

    @cached_property
    def differences(self) -> QuerySet[Difference]:
        found = Difference.objects.for_user(self.viewer, Action.MANAGE).filter(issued_badge=self.row)
        return waiting(found)

    @cached_property
    def timeline(self) -> list[Happening]:
        """The latest first."""
        newest = self.row.events.select_related("actor").order_by("-pk")[: MOST_EVENTS + 1]
        return _happenings(list(newest)[:MOST_EVENTS])

    @property
    def is_whole(self) -> bool:
        return len(self.timeline) < MOST_EVENTS


def _happenings(events: Sequence[IssuingEvent]) -> list[Happening]:
    return [
        Happening(
            at=event.at,
            status=event.to_status,
            label=str(Status(event.to_status).label) if event.from_status != event.to_status else "",
            who=str(event.actor) if event.actor else "",
            reason=_(event.reason) if event.reason else "",
            reply=json.dumps(event.data, ensure_ascii=False, indent=2) if event.data else "",
        )
        for event in events
    ]
