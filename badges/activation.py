"""When a badge may be active, and what follows when it no longer is.

An inactive badge is ignored while achievements are processed: they are earned, and their badges wait or are
not asked for. Activating it issues what was earned meanwhile (badges.catalogue sends the hint).
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from badges.lifecycle import move_all
from badges.models import Badge, IssuedBadge
from badges.status import HELD_BADGE_INACTIVE, Status
from providers.base import ProviderError
from providers.health import in_words
from providers.registry import adapter_for
from tms.contributions import contributed
from tms.errors import DomainError

if TYPE_CHECKING:
    from providers.base import Template
    from tms.models import User

TemplateState = Badge.TemplateState


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """What the provider said of one template, when it was asked.

    Without a `template` there is none of this id, unless a `problem` says why that is not known.
    """

    badge_provider_id: int
    template_id: str
    template: Template | None = None
    problem: str = ""

    @property
    def state(self) -> Badge.TemplateState | None:
        """None when the provider could not be asked."""
        if self.problem:
            return None
        if self.template is None:
            return TemplateState.GONE
        return state_of(self.template)

    def is_of(self, badge: Badge) -> bool:
        return (self.badge_provider_id, self.template_id) == (badge.badge_provider_id, badge.template_id)


def state_of(template: Template) -> Badge.TemplateState:
    """What is there and cannot be issued counts as archived, whatever the provider calls it."""
    if template.state == "deleted":
        return TemplateState.GONE
    return TemplateState.LIVE if template.state == "active" else TemplateState.ARCHIVED


def look(badge: Badge) -> Look:
    """Ask the provider about a badge's template. One or two requests; no transaction may be open."""
    answered = partial(Look, badge_provider_id=badge.badge_provider_id, template_id=badge.template_id)
    try:
        return answered(template=adapter_for(badge.badge_provider).template(badge.template_id))
    except ProviderError as error:
        return answered(problem=in_words(error))


def needs_look(badge: Badge) -> bool:
    """Whether `badge`, as it is about to be saved, would be activated on a template that nobody saw alive."""
    if not badge.is_active or not badge.badge_provider.is_enabled:
        return False
    before = Badge.objects.filter(pk=badge.pk).first()
    if before is None or not is_same_template(before, badge):
        return True
    return not before.is_active and before.template_state != TemplateState.LIVE


def could_not_ask(seen: Look) -> str:
    return _("The provider could not be asked whether the template is active. %(problem)s") % {
        "problem": seen.problem
    }


@dataclass(frozen=True, slots=True, kw_only=True)
class Foreseen:
    """What activating a badge would issue: what waits on its record, and what was earned and has none yet."""

    waiting: int
    earned: int

    @property
    def total(self) -> int:
        return self.waiting + self.earned

    @property
    def sentence(self) -> str:
        if not self.total:
            return _("Nobody waits for it: activating it issues nothing yet.")
        return ngettext(
            "Activating it issues %(count)d badge, which was earned or asked for meanwhile.",
            "Activating it issues %(count)d badges, which were earned or asked for meanwhile.",
            self.total,
        ) % {"count": self.total}


def foresee(badge: Badge) -> Foreseen:
    """Achievements lie above this app: each app offers what it counts as AWAITED in its module `awaited`."""
    held = IssuedBadge.objects.filter(badge=badge, status=Status.HELD, hold_reason=HELD_BADGE_INACTIVE)
    return Foreseen(waiting=held.count(), earned=sum(count(badge) for count in contributed("awaited")))


def is_same_template(one: Badge, other: Badge) -> bool:
    return (one.badge_provider_id, one.template_id) == (other.badge_provider_id, other.template_id)


def require_enabled_account(badge: Badge) -> None:
    """Raise DomainError where nothing can be issued through the account of an active badge."""
    if not badge.badge_provider.is_enabled:
        _refuse(
            "provider_disabled",
            _("The badge provider %(name)s is disabled.") % {"name": badge.badge_provider},
        )


def require_live_template(badge: Badge, *, seen: Look | None) -> None:
    """Raise DomainError, in a sentence, where the provider would refuse every badge of the template.

    A template that nobody could ask about is let pass: the provider may be away for an hour, and the next
    synchronization finds out.
    """
    word = seen.template.state if seen and seen.template else "archived"
    facts = {"kind": badge.badge_provider.get_kind_display(), "id": badge.template_id, "word": word}
    if badge.template_state == TemplateState.GONE:
        sentence = _("%(kind)s has no template %(id)s in this account, so the badge cannot be active.")
    elif badge.template_state == TemplateState.ARCHIVED:
        sentence = _("The template is not active at %(kind)s (%(word)s), so the badge cannot be either.")
    else:
        return
    message = sentence % facts
    if seen and seen.problem:
        message += " " + _("It was to be asked again: %(problem)s") % {"problem": seen.problem}
    _refuse("template_not_live", message)


def _refuse(code: str, message: str) -> None:
    raise DomainError(code, message, fields={"is_active": [message]})


def hold_waiting(badge_ids: Collection[int], *, actor: User | None = None) -> int:
    """Hold what waits for badges that are no longer active, and say why; how many."""
    return move_all(
        IssuedBadge.objects.filter(badge__in=badge_ids, badge__is_active=False),
        from_status=Status.QUEUED,
        to_status=Status.HELD,
        reason=HELD_BADGE_INACTIVE,
        actor=actor,
        hold_reason=HELD_BADGE_INACTIVE,
    )
