"""Asking accounts what happened, for sites that no provider can reach and for what was lost on the way.

A vendor that tells events is asked for those since the last ones, which are stored and settled like received
ones (badges.provider_events). Of a vendor that tells none, what changed since is reflected at once. The
moment up to which an account was read moves only over what is stored, and reading begins some minutes before
it: an event that is told late, or a crash anywhere, loses nothing.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING

from django.conf import settings
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext as _

from badges.asking import Heard, asking
from badges.lifecycle import lease
from badges.models import ProviderEvent
from badges.provider_events import KIND_LENGTH, act_on
from badges.reflection import ID_LENGTH, chunks, reflect_each
from providers import turns
from providers.base import Ability, ProviderError
from providers.health import in_words
from providers.models import BadgeProvider
from providers.reading import plausible
from providers.registry import abilities_of, adapter_for

if TYPE_CHECKING:
    from badges.provider_events import Read
    from providers.base import Event

log = logging.getLogger(__name__)

AT_ONCE = 100
FIRST_LOOK_BACK = timedelta(days=1)  # what happened before, the first comparison tells
OVERLAP = timedelta(minutes=10)


def poll(ability: Ability, *, connections: int | None = None) -> int:
    """Ask every account whose vendor has it what happened (EVENTS) or changed (CHANGES); how much there was.

    What the provider cannot tell now is asked for again next time: the moment read to moves only over what
    is stored. An account that fails stops no other.
    """
    if not settings.BADGES_ENABLED:
        return 0
    kinds = [kind for kind in BadgeProvider.Kind.values if ability in abilities_of(kind)]
    ids = BadgeProvider.objects.filter(kind__in=kinds).order_by("events_read_to").values_list("pk", flat=True)
    taken = turns.take(dict.fromkeys(ids, 1))
    taken.settle(dict.fromkeys(taken.allowed, 1))
    read = _read_events if ability is Ability.EVENTS else _read_changes
    count = 0
    with ThreadPoolExecutor(connections or settings.DELIVERY_CONNECTIONS, "events") as pool:
        for provider in BadgeProvider.objects.filter(pk__in=taken.allowed):
            count += _poll_alone(provider, partial(read, provider, pool=pool))
    return count


def _poll_alone(provider: BadgeProvider, read: Callable[[], int]) -> int:
    try:
        with asking(provider, turns=1):
            return read()
    except ProviderError as error:
        log.warning("%s tells no events: %s", provider, in_words(error))
    except Exception:
        log.exception("The events of %s cannot be read", provider)
    return 0


def _read_events(provider: BadgeProvider, *, pool: ThreadPoolExecutor) -> int:
    """Store and settle the feed's new events, oldest first; how many there were.

    They have been read with our own token just now, so they need not be read back.
    """
    count = 0
    for events in chunks(adapter_for(provider).events(since=_read_to(provider)), AT_ONCE):
        new = _take_in(provider, [event for event in events if 0 < len(event.external_id) <= ID_LENGTH])
        act_on(new, pool=pool)
        count += len(new)
        moments = [moment for event in events if (moment := plausible(event.occurred_at))]
        _move_on(provider, to=max(moments, default=None))
    return count


def _take_in(provider: BadgeProvider, events: Sequence[Event]) -> list[Read]:
    """Store those that we have not heard of, claimed already; a crash now leaves them to `process`."""
    ids = {event.external_id: event for event in events}
    rows = ProviderEvent.objects.filter(badge_provider=provider, external_id__in=ids)
    known = set(rows.values_list("external_id", flat=True))
    now = timezone.now()
    claimed = {"received_at": now, "due_at": now + 4 * lease(), "attempts": 1}
    new = [
        ProviderEvent(
            badge_provider=provider,
            external_id=external_id,
            kind=event.kind[:KIND_LENGTH],
            occurred_at=plausible(event.occurred_at),
            **claimed,
        )
        for external_id, event in ids.items()
        if external_id not in known
    ]
    if not new:
        return []
    ProviderEvent.objects.bulk_create(new, ignore_conflicts=True)
    ours = rows.filter(**claimed, external_id__in=[row.external_id for row in new]).select_related(
        "badge_provider"
    )
    return [(row, Heard(ids[row.external_id])) for row in ours]


def _read_changes(provider: BadgeProvider, *, pool: ThreadPoolExecutor) -> int:
    """Reflect what changed at a vendor that tells no events; how many badges that were."""
    started, count = timezone.now(), 0
    for badges in chunks(adapter_for(provider).badges(changed_since=_read_to(provider)), AT_ONCE):
        reflect_each(provider, badges, reason=_("Changed at the provider."))
        count += len(badges)
    _move_on(provider, to=started)
    return count


def _read_to(provider: BadgeProvider) -> datetime:
    """From where on to read: some minutes before what was read, since a feed may tell late."""
    return (provider.events_read_to or timezone.now() - FIRST_LOOK_BACK) - OVERLAP


def _move_on(provider: BadgeProvider, *, to: datetime | None) -> None:
    """Never back, and never beyond now, whatever a provider's clock says."""
    if to is None:
        return
    moment = min(to, timezone.now())
    behind = Q(events_read_to=None) | Q(events_read_to__lt=moment)
    BadgeProvider.objects.filter(behind, pk=provider.pk).update(events_read_to=moment)
