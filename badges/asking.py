"""What answers say of the account that was asked, whatever it was asked for.

It holds for everybody who calls the account from then on: that it is refused, asked to wait, or that nobody
is there (providers.turns). So it is learned here, in one place, from whoever has asked.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from django.utils.translation import gettext as _

from providers import accounts, breaker, limits
from providers.base import NotPublished, OutcomeUnknown, ProviderError, Transient
from providers.connections import clock

if TYPE_CHECKING:
    from providers.models import BadgeProvider

log = logging.getLogger(__name__)


class Unexpected(OutcomeUnknown):
    """An error of ours. It says nothing of the provider, and leaves open what had been sent by then."""


@dataclass(frozen=True, slots=True)
class Heard:
    """What came back: an error, or whatever was asked for. `calls`: how many requests it took."""

    answer: object
    calls: int = 0

    @property
    def is_somebody_there(self) -> bool | None:
        """None when it says nothing of the provider."""
        if not self.calls or isinstance(self.answer, Unexpected):
            return None
        if isinstance(self.answer, Transient):
            return self.asks_to_wait
        return not isinstance(self.answer, OutcomeUnknown) or isinstance(self.answer, NotPublished)

    @property
    def asks_to_wait(self) -> bool:
        """It answered (429), where any other passing failure is one to connect."""
        return isinstance(self.answer, Transient) and self.answer.status is not None

    @property
    def stops_account(self) -> bool:
        is_refused = isinstance(self.answer, ProviderError) and self.answer.is_account_wide
        return is_refused or self.asks_to_wait


def ask(question: Callable[[], object]) -> Heard:
    """Ask in this thread, which then speaks HTTP alone; errors are values."""
    before = clock.calls
    answer: object
    try:
        answer = question()
    except ProviderError as error:
        answer = error
    except Exception as error:
        log.exception("Unexpected failure while a provider was asked")
        answer = Unexpected(_("Unexpected error: %(error)s") % {"error": type(error).__name__})
    return Heard(answer, calls=clock.calls - before)


@contextmanager
def asking(provider: BadgeProvider, *, turns: int = 0, pauses: bool = True) -> Iterator[Callable[[], None]]:
    """Whatever is asked inside is learned from, also when it raises. `turns` were taken for it before.

    Yields what counts the calls made so far, for those who ask for long: others notice at once. Without
    `pauses` a refusal is none of the account, as where it may speak of reading alone.
    """
    before = clock.calls
    counted = turns
    answer: object = None

    def count() -> None:
        nonlocal counted
        calls = clock.calls - before
        limits.charge(provider, max(calls - counted, 0))
        counted = max(calls, counted)

    try:
        yield count
    except ProviderError as error:
        answer = error if pauses or not error.is_account_wide else None
        raise
    finally:
        learn(provider, [Heard(answer, calls=clock.calls - before)], turns=counted)


def learn(provider: BadgeProvider, heard: Sequence[Heard], *, turns: int | None = None) -> set[int]:
    """Write down what answers say of their account, in the order of their ends; the accounts that are to be
    left alone now, by id. `turns` were taken for them (providers.turns): one for each unless it is said."""
    stopped: set[int] = set()
    for one in heard:
        error = one.answer
        if isinstance(error, ProviderError) and error.is_account_wide:
            accounts.pause(provider, reason=error.provider_message or error.message)
            stopped.add(provider.pk)
        elif isinstance(error, Transient) and one.asks_to_wait:
            stopped |= limits.close(provider, seconds=error.retry_after)
    if turns is None:
        beyond = sum(max(one.calls - 1, 0) for one in heard)
    else:
        beyond = max(sum(one.calls for one in heard) - turns, 0)
    limits.charge(provider, beyond)
    told = [there for one in heard if (there := one.is_somebody_there) is not None]
    if told and breaker.record(provider, told):
        stopped.add(provider.pk)
    elif not told and provider.broken_until is not None:
        breaker.give_back(provider)
    return stopped
