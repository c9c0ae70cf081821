"""What becomes of somebody's badges when the account is closed.

What has not been sent is given up, what a provider has is erased there wherever it offers that, and every
public page is gone at once. Addresses are needed until then: badges.forgetting empties them afterwards.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from django.db.models import Count, Value
from django.db.models.functions import Replace
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from badges.ending import UNSENT, cancel_all
from badges.erasing import erase_all, is_there
from badges.forgetting import forget_closed
from badges.models import (
    ActOutcome,
    BadgePresentation,
    IssuedBadge,
    IssuingEvent,
    IssuingList,
    ProviderEvent,
)
from providers.base import Ability
from providers.models import BadgeProvider
from providers.registry import abilities_of
from tms.audit import HIDDEN
from tms.closing import Part

if TYPE_CHECKING:
    from django.db.models import QuerySet

    from tms.models import User


def _foresee(user: User) -> Iterator[str]:
    rows = IssuedBadge.objects.filter(learner=user)
    if unsent := rows.filter(status__in=UNSENT).exclude(is_there()).count():
        yield ngettext(
            "%(count)d badge that has not been sent is cancelled.",
            "%(count)d badges that have not been sent are cancelled.",
            unsent,
        ) % {"count": unsent}
    there = rows.filter(is_there()).order_by().values_list("badge__badge_provider__kind")
    for kind, count in sorted(there.annotate(Count("pk"))):
        numbers = {"count": count, "provider": BadgeProvider.Kind(kind).label}
        if Ability.DELETE in abilities_of(kind):
            yield (
                ngettext(
                    "%(count)d badge is erased at %(provider)s, with the page that others may have seen.",
                    "%(count)d badges are erased at %(provider)s, with the pages that others may have seen.",
                    count,
                )
                % numbers
            )
        else:
            yield (
                ngettext(
                    "%(count)d badge stays at %(provider)s, which offers no way to erase it: ask there.",
                    "%(count)d badges stay at %(provider)s, which offers no way to erase them: ask there.",
                    count,
                )
                % numbers
            )


def _close(user: User) -> None:
    rows, reason = IssuedBadge.objects.filter(learner=user), _("The account was closed.")
    BadgePresentation.objects.filter(issued_badge__learner=user).delete()
    erase_all(rows, reason=reason, actor=None)
    cancel_all(rows.filter(erasure_due_at=None), reason=reason, actor=None)
    events = ProviderEvent.objects.filter(issued_badge__learner=user, processed_at__isnull=False)
    events.update(told={}, read={})
    for address in {user.email, *rows.values_list("recipient_email", flat=True)} - {""}:
        _hide(address, rows=rows, user=user)
    forget_closed(rows)


def _hide(address: str, *, rows: QuerySet[IssuedBadge], user: User) -> None:
    """In sentences that are kept, ours and those of providers, and in lists that badges were issued from."""
    said: tuple[tuple[QuerySet[Any], tuple[str, ...]], ...] = (
        (rows, ("failure_message", "provider_message", "correction_problem", "already_there")),
        (IssuingEvent.objects.filter(issued_badge__learner=user), ("reason",)),
        (ActOutcome.objects.filter(learner=user), ("message",)),
    )
    for found, names in said:
        found.update(**{name: Replace(name, Value(address), Value(HIDDEN)) for name in names})
    however_typed = re.compile(re.escape(address), re.IGNORECASE)
    for kept in IssuingList.objects.filter(text__icontains=address).select_for_update():
        kept.text = however_typed.sub(HIDDEN, kept.text)
        kept.refusals = json.loads(however_typed.sub(HIDDEN, json.dumps(kept.refusals, ensure_ascii=False)))
        kept.save(update_fields=["text", "refusals"])


CLOSING = [Part(foresee=_foresee, close=_close)]
