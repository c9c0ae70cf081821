"""How an account is: whether its provider takes our calls, and how long its token lasts.

To look never changes what is sent: an account is paused by a badge that the provider refuses
(badges.sending), since a token may be allowed to read and not to issue, or the other way round.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from django.conf import settings
from django.db import models
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from providers.base import Checked, ProviderError
from providers.models import CREDLY_TOKEN_LIFETIME, BadgeProvider
from providers.registry import adapter_for
from tms.access import Action, require

if TYPE_CHECKING:
    from tms.models import User

log = logging.getLogger(__name__)
# Long enough before the end of a token for somebody on holiday to come back and renew it.
WARN_BEFORE = timedelta(days=30)


@dataclass(frozen=True, slots=True, kw_only=True)
class Checkup:
    """`name` is the organization's at the provider; `problem` says in a sentence what does not work."""

    provider: BadgeProvider
    name: str = ""
    problem: str = ""

    @property
    def works(self) -> bool:
        return not self.problem

    @property
    def sentence(self) -> str:
        if self.problem:
            return f"{self.provider}: {self.problem}"
        facts = {
            "account": self.provider,
            "kind": self.provider.get_kind_display(),
            "name": self.name or "–",
        }
        return _("%(account)s: the connection works; %(kind)s calls it “%(name)s”.") % facts


def check(provider: BadgeProvider, *, actor: User | None = None) -> Checkup:
    """Ask the provider whether it takes our calls, and store what it says. No transaction may be open."""
    require(actor, Action.MANAGE, provider)
    try:
        answer = adapter_for(provider).check()
    except ProviderError as error:
        checkup = Checkup(provider=provider, problem=in_words(error))
        told = None
    else:
        checkup = Checkup(provider=provider, name=answer.name)
        told = answer
    _record(checkup, told=told)
    return checkup


def in_words(error: ProviderError) -> str:
    """What we say and, where there is one, the provider's own sentence."""
    return " ".join(filter(None, [error.message, error.provider_message.replace("\0", "")]))


def _record(checkup: Checkup, *, told: Checked | None) -> None:
    """Written only to the account as it was asked about: its token may have been exchanged meanwhile."""
    provider = checkup.provider
    found: dict[str, object] = {"checked_at": timezone.now(), "check_problem": checkup.problem}
    if told and told.token_expires_at:
        found["token_expires_at"] = told.token_expires_at
    if provider.as_asked().update(**found):
        for name, value in found.items():
            setattr(provider, name, value)


def check_all() -> list[Checkup]:
    """Check every enabled account; one that fails in a way that nobody foresaw does not stop the others."""
    if not settings.BADGES_ENABLED:
        return []
    found = []
    for provider in BadgeProvider.objects.filter(is_enabled=True).exclude(
        kind=BadgeProvider.Kind.OPEN_BADGES
    ):
        try:
            found.append(check(provider))
        except Exception:
            log.exception("Badge provider %s cannot be checked", provider.pk)
    return found


# --- Tokens that end ----------------------------------------------------------------------------------------


def ending(*, now: datetime | None = None) -> models.Q:
    """Accounts whose token ends soon or has ended, as far as that is known."""
    soon = (now or timezone.now()) + WARN_BEFORE
    expected = models.Q(
        token_expires_at=None,
        kind=BadgeProvider.Kind.CREDLY,
        token_set_at__lte=soon - CREDLY_TOKEN_LIFETIME,
    )
    return models.Q(token_expires_at__lte=soon) | expected


def token_warning(provider: BadgeProvider, *, now: datetime | None = None) -> str:
    """What to know of the end of a token; empty while it is far away or unknown."""
    now = now or timezone.now()
    ends_at = provider.token_ends_at
    if ends_at is None or ends_at > now + WARN_BEFORE:
        return ""
    day = date_format(timezone.localtime(ends_at), "DATE_FORMAT")
    if ends_at <= now:
        return _("The token ended on %(day)s. Make a new one at the provider and enter it here.") % {
            "day": day
        }
    days = (ends_at - now).days
    if not days:
        return _("The token ends within a day. Make a new one at the provider and enter it here.")
    sentence = ngettext(
        "The token ends in %(days)d day, on %(day)s. Make a new one at the provider and enter it here.",
        "The token ends in %(days)d days, on %(day)s. Make a new one at the provider and enter it here.",
        days,
    )
    return sentence % {"days": days, "day": day}


# --- In one sentence ----------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Health:
    """`level` is one of ok, quiet, warning and error; the sentence is for people."""

    level: str
    sentence: str


def health_of(provider: BadgeProvider, *, now: datetime | None = None) -> Health:
    """The one thing to know about an account: what stops it, else what will, else that it works."""
    return next(_findings(provider, now=now or timezone.now()), Health("ok", _("Works")))


def _findings(provider: BadgeProvider, *, now: datetime) -> Iterator[Health]:
    """What there is to say, the gravest first."""
    if not provider.is_enabled:
        yield Health("quiet", _("Disabled"))
    if provider.paused_at:
        yield Health("error", _("Paused: %(reason)s") % {"reason": provider.pause_reason})
    if provider.check_problem:
        yield Health("error", _("Does not work: %(reason)s") % {"reason": provider.check_problem})
    if provider.broken_until and provider.broken_until > now:
        moment = date_format(timezone.localtime(provider.broken_until), "TIME_FORMAT")
        yield Health("warning", _("Does not answer; called again at %(moment)s") % {"moment": moment})
    if provider.closed_until and provider.closed_until > now:
        moment = date_format(timezone.localtime(provider.closed_until), "TIME_FORMAT")
        yield Health("warning", _("Asked us to wait; called again at %(moment)s") % {"moment": moment})
    if warning := token_warning(provider, now=now):
        yield Health("warning", warning)
    if provider.is_unchecked:
        yield Health("quiet", _("Not checked yet"))
