"""Figures about accounts for monitoring; accounts are named by their id."""

from __future__ import annotations

from django.utils import timezone

from providers.models import BadgeProvider
from tms.metrics import Metric

STATES = ("working", "failing", "paused", "disabled")
Series = list[tuple[dict[str, str], float]]


def _by_state() -> Series:
    counts = dict.fromkeys(STATES, 0)
    for provider in _accounts():
        counts[_state_of(provider)] += 1
    return [({"state": state}, count) for state, count in counts.items()]


def _state_of(provider: BadgeProvider) -> str:
    if not provider.is_enabled:
        return "disabled"
    if provider.paused_at:
        return "paused"
    is_silent = provider.broken_until is not None and provider.broken_until > timezone.now()
    return "failing" if provider.check_problem or is_silent else "working"


def _token_left() -> Series:
    now = timezone.now()
    return [
        ({"account": str(provider.pk), "kind": provider.kind}, (provider.token_ends_at - now).total_seconds())
        for provider in _accounts()
        if provider.is_enabled and provider.token_ends_at
    ]


def _accounts() -> list[BadgeProvider]:
    return list(BadgeProvider.objects.defer("token", "webhook_secret").order_by("pk"))


METRICS = (
    Metric(
        name="providers_accounts",
        help="Accounts at badge providers by state.",
        read=_by_state,
    ),
    Metric(
        name="providers_token_left_seconds",
        help="How long the token of an account lasts, as far as that is known; below zero it has ended.",
        read=_token_left,
    ),
)
