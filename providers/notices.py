"""What administrators are told about their accounts: that one is paused, and that a token ends."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from django.conf import settings
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from providers.health import ending, token_warning
from providers.models import BadgeProvider
from tms.access import Action
from tms.models import Notification
from tms.notifying.outbox import tell_administrators
from tms.notifying.topics import Group, Notice, Topic

Kind = Notification.Kind
# A token is told when its end comes near, again when it is close, and when it has come.
STAGES = {"soon": timedelta(days=30), "close": timedelta(days=7), "ended": timedelta()}


def tell_paused(provider_id: int, *, at: datetime) -> None:
    """That the system paused an account; a pause by a person is known to whoever made it."""
    owners = dict(BadgeProvider.objects.filter(pk=provider_id).values_list("pk", "organization"))
    tell_administrators(owners, kind=Kind.ACCOUNT_PAUSED, occasion=at)


def tell_ending_tokens() -> int:
    """Each stage of each token once; how many accounts there are to tell of."""
    if not settings.BADGES_ENABLED:
        return 0
    now, count = timezone.now(), 0
    accounts = BadgeProvider.objects.filter(ending(now=now), is_enabled=True)
    for provider in accounts.defer("token", "webhook_secret").order_by("pk"):
        ends_at = provider.token_ends_at
        if ends_at is None:
            continue
        stage = min(
            (name for name, left in STAGES.items() if ends_at <= now + left), key=lambda name: STAGES[name]
        )
        tell_administrators(
            {provider.pk: provider.organization_id},
            kind=Kind.TOKEN_ENDS,
            occasion=f"{ends_at.date().isoformat()} {stage}",
        )
        count += 1
    return count


def _read(rows: Sequence[Notification]) -> dict[int, Notice]:
    """What has not been put right since, of accounts that their reader still sees."""
    found: dict[int, Notice | None] = {}
    for reader in {row.user_id: row.user for row in rows}.values():
        own = [row for row in rows if row.user_id == reader.pk]
        seen = BadgeProvider.objects.for_user(reader, Action.SEE).filter(pk__in={row.key for row in own})
        accounts = {provider.pk: provider for provider in seen.defer("token", "webhook_secret")}
        found |= {row.pk: _notice(row, accounts[row.key]) for row in own if row.key in accounts}
    return {pk: notice for pk, notice in found.items() if notice}


def _notice(row: Notification, provider: BadgeProvider) -> Notice | None:
    url = reverse("badge-provider", args=[provider.pk])
    if row.kind == Kind.ACCOUNT_PAUSED:
        if provider.paused_at is None:
            return None
        return Notice(
            title=_("The badge provider %(account)s is paused") % {"account": provider},
            text=_("Nothing is issued through it until this is put right: %(reason)s")
            % {"reason": provider.pause_reason},
            url=url,
        )
    warning = token_warning(provider)
    if not warning:
        return None
    title = _("The token of the badge provider %(account)s ends") % {"account": provider}
    return Notice(title=title, text=warning, url=url)


def _counted(count: int) -> str:
    text = ngettext("%(count)d badge provider needs you", "%(count)d badge providers need you", count)
    return text % {"count": count}


NOTICES = (
    Topic(
        kinds=(Kind.ACCOUNT_PAUSED, Kind.TOKEN_ENDS),
        group=Group.ADMINISTRATION,
        icon="plug",
        read=_read,
        counted=_counted,
    ),
)
