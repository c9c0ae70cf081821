"""What answers say of the account that was asked, whatever it was asked for.

It holds for everybody who calls the account from then on: that it is refused, asked to wait, or that nobody
is there (providers.turns). What is sent to providers learns the same in badges.exchange.
"""

from __future__ import annotations

from collections.abc import Iterable

from providers import accounts, breaker, limits
from providers.base import OutcomeUnknown, ProviderError, Transient
from providers.models import BadgeProvider


class Unexpected(OutcomeUnknown):
    """An error of ours, which says nothing of the provider."""


def learn(provider: BadgeProvider, answers: Iterable[object]) -> None:
    """`answers` in the order of their ends: errors, or whatever else came back."""
    told = []
    for answer in answers:
        if isinstance(answer, Unexpected):
            continue
        told.append(_is_somebody_there(answer))
        if not isinstance(answer, ProviderError):
            continue
        if answer.is_account_wide:
            accounts.pause(provider.pk, reason=answer.provider_message or answer.message)
        elif _asks_to_wait(answer) and isinstance(answer, Transient):
            limits.close(provider, seconds=answer.retry_after)
    if told:
        breaker.record(provider, told)


def _is_somebody_there(answer: object) -> bool:
    if isinstance(answer, Transient):
        return _asks_to_wait(answer)
    return not isinstance(answer, OutcomeUnknown)


def _asks_to_wait(error: ProviderError) -> bool:
    """It answered (429), where any other passing failure is one to connect."""
    return isinstance(error, Transient) and error.status is not None
