"""The life of an account: saved by people, paused by people or the system, resumed by people."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from hashlib import sha256
from secrets import token_urlsafe
from typing import TYPE_CHECKING

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from providers import addresses
from providers.availability import make_available
from providers.models import BadgeProvider
from providers.notices import tell_paused
from providers.secrets import EncryptedTextField
from tms import audit
from tms.access import Action, require
from tms.errors import DomainError
from tms.hint import hint

if TYPE_CHECKING:
    from tms.models import Organization, User

Kind = BadgeProvider.Kind
# Kinds whose providers call us with what happened.
CALLING = frozenset({Kind.CREDLY})


def save_provider(
    provider: BadgeProvider,
    *,
    new_token: str | None = None,
    available_to: Iterable[Organization] | None = None,
    actor: User | None = None,
) -> BadgeProvider:
    """Store an account. The token is written only when `new_token` is given, and read by adapters alone.

    A new token, address or organization id ends a pause by the system: the cause may be cured, and if it is
    not, the next call pauses the account again. They also make the account one that nobody has checked
    (next: providers.health.check, which speaks to the provider and so comes after the transaction).
    """
    with transaction.atomic():
        before = BadgeProvider.objects.select_for_update().filter(pk=provider.pk).first()
        require(actor, Action.MANAGE, provider.organization)
        if before:
            require(actor, Action.MANAGE, before)
            _keep_what_the_system_wrote(before, provider)
        token = (new_token or "").strip()
        if token and not (before and before.token == token):
            provider.token = token
            provider.token_set_at, provider.token_expires_at = timezone.now(), None
        provider.full_clean()
        _check(provider)
        if before is None or _connection(before) != _connection(provider):
            _forget_the_past(provider)
        changed = {"token"} if token else set()
        if before is None or before.kind != provider.kind:
            _renew_secret(provider)
            changed.add("webhook_secret")
        _store(provider, secrets=changed)
        given = {} if available_to is None else make_available(provider, available_to, actor=actor)
        audit.record_saved(before, provider, kind=audit.Kind.BADGE_PROVIDER, actor=actor, more=given)
        hint("badges.sweep")
    return provider


def _keep_what_the_system_wrote(before: BadgeProvider, provider: BadgeProvider) -> None:
    """It may have been written since this form was opened."""
    provider.token = before.token
    for column in provider._meta.concrete_fields:
        if not column.editable and not column.primary_key:
            setattr(provider, column.attname, getattr(before, column.attname))


def _check(provider: BadgeProvider) -> None:
    if provider.api_url and (problem := addresses.problem_of(provider.api_url)):
        raise DomainError("unusable_address", problem, fields={"api_url": [problem]})
    if not provider.is_enabled:
        return
    if missing := missing_of(provider):
        sentences = {
            "api_url": _("An enabled account needs the API URL."),
            "provider_organization_id": _("An enabled account needs the provider's organization ID."),
            "token": _("An enabled account needs an authentication token."),
        }
        fields = {name: [sentences[name]] for name in missing}
        raise DomainError("incomplete_account", _("This account is not complete."), fields=fields)


def missing_of(provider: BadgeProvider) -> list[str]:
    """The fields that an account of this kind cannot work without, and that are empty."""
    needed = {
        # Accredible knows the account by its key alone.
        Kind.ACCREDIBLE: ["api_url", "token"],
        Kind.OPEN_BADGES: [],
    }.get(Kind(provider.kind), ["api_url", "provider_organization_id", "token"])
    return [name for name in needed if not getattr(provider, name)]


def _connection(provider: BadgeProvider) -> tuple[object, ...]:
    """What decides whether the provider takes our calls."""
    return (
        provider.kind,
        provider.api_url,
        provider.provider_organization_id,
        provider.token,
        provider.is_enabled,
    )


def _forget_the_past(provider: BadgeProvider) -> None:
    """What was found out about another address or token says nothing about these."""
    provider.is_changed = True
    provider.checked_at, provider.check_problem = None, ""
    provider.failures_in_a_row, provider.broken_until, provider.closed_until = 0, None, None
    if provider.paused_by_id is None:
        provider.paused_at, provider.pause_reason = None, ""


def _store(provider: BadgeProvider, *, secrets: Collection[str]) -> None:
    """Write every column but the secrets that did not change: one whose key is lost reads as empty, and must
    not be stored so."""
    if provider._state.adding:
        provider.save()
        return
    columns = [column for column in provider._meta.concrete_fields if not column.primary_key]
    provider.save(
        update_fields=[
            column.name
            for column in columns
            if not isinstance(column, EncryptedTextField) or column.name in secrets
        ]
    )


def pause(provider: BadgeProvider, *, reason: str) -> bool:
    """Stop issuing through an account that the provider refuses, and tell its administrators; False when it
    was paused already, or was refused with a token or an address that it has no longer."""
    now = timezone.now()
    with transaction.atomic():
        working = provider.as_asked().filter(paused_at__isnull=True)
        paused = bool(working.update(paused_at=now, pause_reason=reason))
        if paused:
            tell_paused(provider.pk, at=now)
    return paused


def pause_by_hand(provider: BadgeProvider, *, reason: str, actor: User) -> None:
    """Stop issuing through an account until somebody resumes it. A pause of the system becomes hers."""
    require(actor, Action.MANAGE, provider)
    if not reason.strip():
        message = _("A reason is required: it is shown to everybody who asks why nothing is sent.")
        raise DomainError("reason_required", message, fields={"reason": [message]})
    with transaction.atomic():
        BadgeProvider.objects.filter(pk=provider.pk).update(
            paused_at=timezone.now(), pause_reason=reason.strip(), paused_by=actor
        )
        _record(audit.Act.PAUSE, provider, actor=actor, reason=reason.strip())
    hint("badges.sweep")


def resume(provider: BadgeProvider, *, actor: User | None = None) -> None:
    """Go on with an account. Its held badges are queued again by the next sweep (badges.sweeping)."""
    require(actor, Action.MANAGE, provider)
    with transaction.atomic():
        BadgeProvider.objects.filter(pk=provider.pk).update(
            paused_at=None,
            pause_reason="",
            paused_by=None,
            failures_in_a_row=0,
            broken_until=None,
            closed_until=None,
        )
        _record(audit.Act.RESUME, provider, actor=actor)
    hint("badges.sweep")


def _record(act: audit.Act, provider: BadgeProvider, *, actor: User | None, reason: str = "") -> None:
    audit.record(act, provider, kind=audit.Kind.BADGE_PROVIDER, actor=actor, reason=reason)


def renew_webhook_address(provider: BadgeProvider, *, actor: User | None = None) -> None:
    """From now on only the new address is answered; the provider has to be told it."""
    require(actor, Action.MANAGE, provider)
    if provider.kind not in CALLING:
        raise DomainError(
            "no_webhook",
            _("%(kind)s does not send events, so there is no address for them.")
            % {"kind": provider.get_kind_display()},
        )
    _renew_secret(provider)
    with transaction.atomic():
        provider.save(update_fields=["webhook_secret", "webhook_digest"])
        _record(audit.Act.RENEW, provider, actor=actor)


def _renew_secret(provider: BadgeProvider) -> None:
    provider.webhook_secret, provider.webhook_digest = "", None
    if provider.kind in CALLING:
        provider.webhook_secret = token_urlsafe(32)
        provider.webhook_digest = digest(provider.webhook_secret)


def digest(webhook_secret: str) -> str:
    """What an account is found by when the provider calls: the secret itself is not searchable."""
    return sha256(webhook_secret.encode()).hexdigest()
