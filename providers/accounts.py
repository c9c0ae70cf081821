"""The life of an account: saved by people, paused by the system, resumed by people."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from providers.models import BadgeProvider
from tms.access import Action, require
from tms.errors import DomainError
from tms.hint import hint

if TYPE_CHECKING:
    from tms.models import User


def save_provider(
    provider: BadgeProvider, *, new_token: str | None = None, actor: User | None = None
) -> BadgeProvider:
    """Store an account. The token is written only when `new_token` is given, and read by adapters alone.

    A new token, address or organization id ends a pause: the cause may be cured, and if it is not, the next
    call pauses the account again.
    """
    with transaction.atomic():
        before = BadgeProvider.objects.select_for_update().filter(pk=provider.pk).first()
        require(actor, Action.MANAGE, provider.organization)
        if before:
            require(actor, Action.MANAGE, before)
            # Written elsewhere, perhaps since this form was opened.
            provider.token = before.token
            provider.paused_at, provider.pause_reason = before.paused_at, before.pause_reason
        if new_token:
            provider.token = new_token.strip()
        if provider.is_enabled and provider.kind != BadgeProvider.Kind.OPEN_BADGES:
            _require_address(provider)
        if before and _address(before) != _address(provider):
            provider.paused_at, provider.pause_reason = None, ""
        provider.full_clean()
        provider.save()
        hint("badges.sweep")
    return provider


def _require_address(provider: BadgeProvider) -> None:
    needed = {
        "api_url": _("An enabled account needs the API URL."),
        "provider_organization_id": _("An enabled account needs the provider's organization ID."),
        "token": _("An enabled account needs an authentication token."),
    }
    missing = {name: [message] for name, message in needed.items() if not getattr(provider, name)}
    if missing:
        raise DomainError("incomplete_account", _("This account is not complete."), fields=missing)


def _address(provider: BadgeProvider) -> tuple[str, str, str, str, bool]:
    return (
        provider.kind,
        provider.api_url,
        provider.provider_organization_id,
        provider.token,
        provider.is_enabled,
    )


def pause(provider_id: int, *, reason: str) -> bool:
    """Stop issuing through an account that the provider refuses; False when it was paused already."""
    paused = BadgeProvider.objects.filter(pk=provider_id, paused_at__isnull=True).update(
        paused_at=timezone.now(), pause_reason=reason
    )
    return bool(paused)


def resume(provider: BadgeProvider, *, actor: User | None = None) -> None:
    """Go on with an account. Its held badges are queued again by the next sweep (badges.delivery)."""
    require(actor, Action.MANAGE, provider)
    BadgeProvider.objects.filter(pk=provider.pk).update(paused_at=None, pause_reason="")
    hint("badges.sweep")
