"""What a person can do to issued badges, to one or to many, wherever it is offered.

Each verb names the one function that does it and the words in which it is asked and told. What a badge's
provider cannot do is refused by that function, with a sentence.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from badges import corrections, ending, erasing, reflection, reminding, retrying
from badges.acts import Asked
from badges.status import Status

if TYPE_CHECKING:
    from django.db.models import QuerySet
    from django.utils.functional import _StrPromise

    from badges.models import IssuedBadge
    from tms.models import User


@dataclass(frozen=True, kw_only=True)
class Came:
    """What an act on many came to: how many it was done to, in which words, and why others were refused where
    the function itself says so."""

    count: int
    sentence: str
    refused: Asked = field(default_factory=Asked)


@dataclass(frozen=True, kw_only=True)
class Verb:
    """`statuses` are those in which it can be done at all. `explanation` says what it comes to, and is read
    before it is done; `asks_reason`: nor is it done without a reason."""

    name: str
    label: _StrPromise
    icon: str
    title: _StrPromise
    explanation: _StrPromise
    button: _StrPromise
    statuses: tuple[Status, ...]
    one: Callable[[IssuedBadge, str, User], object]
    done: _StrPromise
    many: Callable[[QuerySet[IssuedBadge], str, User], Came] | None = None
    asks_reason: bool = False
    is_final: bool = False
    needs_uuid: bool = False

    def fits(self, row: IssuedBadge) -> bool:
        return row.status in self.statuses and bool(row.external_uuid or not self.needs_uuid)


def verbs_for(row: IssuedBadge) -> list[Verb]:
    """Those that can be done to a badge as it is now."""
    return [verb for verb in VERBS.values() if verb.fits(row)]


def _retry_all(rows: QuerySet[IssuedBadge], _reason: str, actor: User) -> Came:
    count = retrying.retry_all(rows, actor=actor)
    text = ngettext("%(count)d badge is sent again.", "%(count)d badges are sent again.", count)
    return Came(count=count, sentence=text % {"count": count})


def _cancel_all(rows: QuerySet[IssuedBadge], reason: str, actor: User) -> Came:
    count = ending.cancel_all(rows, reason=reason, actor=actor)
    text = ngettext("%(count)d badge was cancelled.", "%(count)d badges were cancelled.", count)
    return Came(count=count, sentence=text % {"count": count})


def _revoke_all(rows: QuerySet[IssuedBadge], reason: str, actor: User) -> Came:
    ended = ending.revoke_all(rows, reason=reason, actor=actor)
    return Came(count=ended.total, sentence=ended.sentence)


def _correct_all(rows: QuerySet[IssuedBadge], _reason: str, actor: User) -> Came:
    asked = corrections.correct_all(rows, email=True, actor=actor)
    text = ngettext(
        "%(count)d badge is being corrected at the provider.",
        "%(count)d badges are being corrected at the provider.",
        asked.asked,
    )
    return Came(count=asked.asked, sentence=text % {"count": asked.asked}, refused=asked)


def _remind_all(rows: QuerySet[IssuedBadge], _reason: str, actor: User) -> Came:
    asked = reminding.remind_all(rows, actor=actor)
    text = ngettext(
        "The learner is written to about %(count)d badge.",
        "The learners are written to about %(count)d badges.",
        asked.asked,
    )
    return Came(count=asked.asked, sentence=text % {"count": asked.asked}, refused=asked)


def _revoke(row: IssuedBadge, reason: str, actor: User) -> Any:
    return ending.revoke(row, reason=reason, actor=actor)


VERBS: dict[str, Verb] = {
    verb.name: verb
    for verb in (
        Verb(
            name="retry",
            label=_("Retry"),
            icon="rotate-cw",
            title=_("Send again?"),
            explanation=_("What failed is sent once more, to the learner’s address of today."),
            button=_("Retry"),
            statuses=(Status.FAILED,),
            one=lambda row, _reason, actor: retrying.retry(row, actor=actor),
            many=_retry_all,
            done=_("It is sent again."),
        ),
        Verb(
            name="refresh",
            label=_("Refresh from provider"),
            icon="refresh-cw",
            title=_("Refresh from provider?"),
            explanation=_("The badge is read at the provider now, and its record follows."),
            button=_("Refresh"),
            statuses=tuple(status for status in Status if status != Status.CANCELLED),
            needs_uuid=True,
            one=lambda row, _reason, actor: reflection.refresh(row, actor=actor),
            done=_("It was read again at the provider."),
        ),
        Verb(
            name="correct",
            label=_("Correct at the provider"),
            icon="pen-line",
            title=_("Correct at the provider?"),
            explanation=_(
                "The learner’s name and address of today are written to the badge, as far as the provider "
                "can change a badge that is issued."
            ),
            button=_("Correct"),
            statuses=corrections.CORRECTABLE,
            needs_uuid=True,
            one=lambda row, _reason, actor: corrections.correct(row, actor=actor),
            many=_correct_all,
            done=_("It is being corrected at the provider."),
        ),
        Verb(
            name="resend",
            label=_("Resend message"),
            icon="mail",
            title=_("Write to the learner again?"),
            explanation=_(
                "A mail of ours tells the learner which badge is there, and leads to where it is accepted. "
                "The provider, which does not send its own message twice, is asked for nothing."
            ),
            button=_("Send"),
            statuses=reminding.REMINDABLE,
            one=lambda row, _reason, actor: reminding.remind(row, actor=actor),
            many=_remind_all,
            done=_("The learner is written to."),
        ),
        Verb(
            name="revoke",
            label=_("Revoke…"),
            icon="undo-2",
            title=_("Revoke?"),
            explanation=_(
                "The provider takes back what it has, and what has not been sent is cancelled. What was "
                "earned stays, with its points; nothing issues the badge again by itself. This cannot be "
                "undone."
            ),
            button=_("Revoke"),
            statuses=(*ending.AT_REST, *ending.UNDER_WAY),
            one=_revoke,
            many=_revoke_all,
            done=_("It is being revoked."),
            asks_reason=True,
            is_final=True,
        ),
        Verb(
            name="cancel",
            label=_("Cancel…"),
            icon="circle-x",
            title=_("Cancel issuing?"),
            explanation=_(
                "What has not been sent is given up, and nothing issues it again by itself. Badges that the "
                "provider has are revoked instead. This cannot be undone."
            ),
            button=_("Cancel issuing"),
            statuses=ending.UNSENT,
            one=lambda row, reason, actor: ending.cancel(row, reason=reason, actor=actor),
            many=_cancel_all,
            done=_("It was cancelled."),
            asks_reason=True,
            is_final=True,
        ),
        Verb(
            name="erase",
            label=_("Erase at the provider…"),
            icon="eraser",
            title=_("Erase at the provider?"),
            explanation=_(
                "The provider deletes the badge with all that it tells about the person; the record here "
                "stays. To take a badge back, revoke it instead. This cannot be undone."
            ),
            button=_("Erase"),
            statuses=(*erasing.ERASABLE, *erasing.UNDER_WAY),
            one=lambda row, reason, actor: erasing.erase(row, reason=reason, actor=actor),
            done=_("It is being erased at the provider."),
            asks_reason=True,
            is_final=True,
            needs_uuid=True,
        ),
    )
}
# What revoking many reaches besides what one alone can be revoked from: the unsent are cancelled with them.
MANY_STATUSES: dict[str, tuple[Status, ...]] = {"revoke": tuple(ending.TO_END)}
