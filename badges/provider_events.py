"""What providers tell us happened: stored as it comes in, then acted on.

    receive   what a provider posted becomes a row, and nothing else is done (badges.webhooks is the door)
    process   each row is read back with our own token, and only what was read is acted on: a badge is
              reflected in our records (next: badges.reflection), a template in the catalogue
    act_on    the same for events that were read already, from an account's feed (badges.polling)

A row waits until it is processed, and a claim is a moment before which nobody else takes it: a crash, an
event told twice, or one that can never be read costs time and nothing else. Events come in any order, so one
that contradicts what was learned after it happened is not believed until the badge has been looked at.
"""

from __future__ import annotations

import logging
import math
import random
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial
from math import ceil
from time import monotonic
from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.db import transaction
from django.db.models import Exists, F, OuterRef, Subquery
from django.utils import timezone
from django.utils.translation import gettext as _

from badges import differences, standing, synchronization
from badges.asking import Heard, ask, learn
from badges.lifecycle import Move, lease, move
from badges.models import Difference, IssuedBadge, IssuingEvent, ProviderEvent
from badges.reflection import reflect, rows_of
from badges.sending import request_for
from badges.status import AT_PROVIDER, Status
from providers import accounts, turns
from providers.base import (
    Event,
    ProviderBadge,
    ProviderError,
    Rejected,
    Template,
    Transient,
)
from providers.health import in_words
from providers.models import BadgeProvider
from providers.reading import plausible, storable
from providers.registry import adapter_for
from tms.access import Action, require
from tms.hint import hint

if TYPE_CHECKING:
    from django.db.models import QuerySet

    from tms.models import User

log = logging.getLogger(__name__)

PROCESS = "badges.process_events"
Outcome = ProviderEvent.Outcome

# Credly's words, the only vendor's that tells events.
DELETED = "badge.deleted"
BADGE_KINDS = frozenset({"badge.created", "badge.state.changed", "badge.privacy.changed", DELETED})
TEMPLATE_KINDS = frozenset({"badge_template.created", "badge_template.changed", "badge_template.deleted"})

NO_SUCH_EVENT = frozenset({404, 410})
MOST_ATTEMPTS = 72  # two days and a half, as the pauses go
ATTEMPTS_TO_FIND = 5  # an event may be posted a moment before it can be read
LONGEST_PAUSE = 3600.0
KIND_LENGTH = 60

# What came back when it was read: an Event, or why there is none.
Read = tuple[ProviderEvent, Heard]


# --- Receiving ----------------------------------------------------------------------------------------------


def account_of(kind: BadgeProvider.Kind, webhook_secret: str) -> BadgeProvider | None:
    """The account whose provider knows this secret.

    Found by its digest, so that how long it takes tells nothing about how much of a guess was right.
    """
    digest = accounts.digest(webhook_secret)
    return BadgeProvider.objects.filter(kind=kind, webhook_digest=digest).first()


def receive(
    provider: BadgeProvider,
    external_id: str,
    *,
    kind: str,
    occurred_at: datetime | None,
    organization_id: str,
    told: dict[str, Any],
) -> None:
    """Store what was posted to us, once however often it is repeated (next: process).

    What names another organization than the account's is kept and never acted on.
    """
    event = ProviderEvent(
        badge_provider=provider,
        external_id=external_id,
        kind=kind,
        occurred_at=occurred_at,
        received_at=timezone.now(),
        told=told,
    )
    if organization_id and organization_id != provider.provider_organization_id:
        event.processed_at, event.outcome = timezone.now(), Outcome.IGNORED
        event.result = _("It names another organization than this account does.")
    with transaction.atomic():
        ProviderEvent.objects.bulk_create([event], ignore_conflicts=True)
        hint(PROCESS)


# --- Processing ---------------------------------------------------------------------------------------------


def process(*, connections: int | None = None, seconds: float = math.inf) -> int:
    """Read back and act on every event that is due; how many were tried.

    After `seconds` a hint lets another worker go on with the rest: an organization that issues forty thousand
    badges is told of each, and evaluation waits in the same line.
    """
    if not settings.BADGES_ENABLED:
        return 0
    size = connections or settings.DELIVERY_CONNECTIONS
    ends_at, count = monotonic() + seconds, 0
    with ThreadPoolExecutor(size, thread_name_prefix="events") as pool:
        while events := claim(size):
            answers = pool.map(_read, events)
            act_on(list(zip(events, answers, strict=True)), pool=pool)
            count += len(events)
            if monotonic() >= ends_at:
                hint(PROCESS)
                break
    return count


def claim(limit: int, *, now: datetime | None = None) -> list[ProviderEvent]:
    """Take due events for reading, some of each account that may be called, until the end of a long lease.

    Where more accounts wait than there are places the dice decide: any other order would serve the same ones
    each time.
    """
    now = now or timezone.now()
    due = ProviderEvent.objects.filter(processed_at=None, due_at__lte=now)
    waiting = BadgeProvider.objects.filter(Exists(due.filter(badge_provider=OuterRef("pk"))))
    accounts_waiting = list(waiting.values_list("pk", flat=True))
    if not accounts_waiting:
        return []
    taken = turns.take(dict.fromkeys(accounts_waiting, limit), now=now)
    share = ceil(limit / max(len(taken.allowed), 1))
    events: list[ProviderEvent] = []
    with transaction.atomic():
        for account in random.sample(list(taken.allowed), len(taken.allowed)):
            most = min(share, taken.allowed[account].calls, limit - len(events))
            rows = due.filter(badge_provider=account).order_by("due_at", "pk")
            rows = rows.select_related("badge_provider").select_for_update(skip_locked=True, of=("self",))
            events += rows[:most]
        _hold(events, now=now)
    taken.settle(Counter(event.badge_provider_id for event in events))
    return events


def _hold(events: Sequence[ProviderEvent], *, now: datetime) -> None:
    until = now + 4 * lease()
    ids = [event.pk for event in events]
    ProviderEvent.objects.filter(pk__in=ids).update(due_at=until, attempts=F("attempts") + 1)
    for event in events:
        event.due_at, event.attempts = until, event.attempts + 1


def _read(row: ProviderEvent) -> Heard:
    return ask(lambda: adapter_for(row.badge_provider).event(row.external_id))


def act_on(read: Sequence[Read], *, pool: ThreadPoolExecutor) -> None:
    """Settle claimed events of which the provider has told what happened, each by itself."""
    questions = _second_looks(read)
    looks = dict(zip(questions, pool.map(ask, questions.values()), strict=True))
    _learn(read, looks)
    for row, heard in read:
        look = looks.get(row.pk)
        if look and isinstance(look.answer, ProviderError):
            _settle_alone(row, look.answer)
        else:
            _settle_alone(row, heard.answer, look=look)


def _learn(read: Sequence[Read], looks: Mapping[int, Heard]) -> None:
    """For each account: an event that was read back had its turn, and a second look had none. That an account
    cannot be asked at all, as without a token, is learned as well."""
    of_account: dict[BadgeProvider, list[Heard]] = {}
    for row, heard in read:
        asked = [one for one in (heard, looks.get(row.pk)) if one and (one.calls or one.stops_account)]
        of_account.setdefault(row.badge_provider, []).extend(asked)
    for provider, answers in of_account.items():
        taken = sum(bool(heard.calls) for row, heard in read if row.badge_provider == provider)
        if answers:
            learn(provider, answers, turns=taken)


def _second_looks(read: Sequence[Read]) -> dict[int, Callable[[], object]]:
    """Event → what to ask besides: how a template is now, and the badge of an event that is doubtful.

    Each question is made where it is asked, so that whatever is wrong with one record is only that record's.
    """
    told = [(row, heard.answer) for row, heard in read if isinstance(heard.answer, Event)]
    questions: dict[int, Callable[[], object]] = {
        row.pk: partial(adapter_for(row.badge_provider).template, event.template.external_id)
        for row, event in told
        if event.kind in TEMPLATE_KINDS and event.template
    }
    badges = {
        row.pk: (row, event.badge, event.occurred_at)
        for row, event in told
        if event.kind in BADGE_KINDS - {DELETED} and event.badge
    }
    records = _records([badge.external_id for _row, badge, _at in badges.values()])
    for pk, (row, badge, occurred_at) in badges.items():
        record = records.get((row.badge_provider_id, badge.external_id))
        if record and _is_doubtful(record, badge, occurred_at=occurred_at):
            questions[pk] = partial(_look, row.badge_provider, record)
    return questions


def _look(provider: BadgeProvider, record: IssuedBadge) -> list[ProviderBadge]:
    return adapter_for(provider).find(request_for(record))


def _records(external_uuids: Sequence[str]) -> dict[tuple[int, str], Any]:
    """Account and external UUID → the record, with the moment of its last move as `moved_at`."""
    moves = IssuingEvent.objects.filter(issued_badge=OuterRef("pk")).order_by("-pk")
    rows = (
        IssuedBadge.objects.filter(external_uuid__in=external_uuids)
        .annotate(moved_at=Subquery(moves.values("at")[:1]))
        .select_related("badge__badge_provider", "badge__organization", "learner")
    )
    return {(row.badge.badge_provider_id, row.external_uuid): row for row in rows}


def _is_doubtful(record: Any, badge: ProviderBadge, *, occurred_at: datetime | None) -> bool:
    """Whether the event contradicts what we learned after it happened: it may be late."""
    if standing.agree(record, badge) or record.moved_at is None:
        return False
    return occurred_at is None or occurred_at <= record.moved_at


# --- Settling -----------------------------------------------------------------------------------------------


def _settle_alone(row: ProviderEvent, answer: object, *, look: Heard | None = None) -> None:
    """An event that cannot be settled waits and is tried again: it stops no other."""
    try:
        with transaction.atomic():
            if isinstance(answer, Event):
                _settle(row, answer, look=look)
            elif isinstance(answer, ProviderError):
                _not_read(row, answer)
            else:
                raise TypeError(f"{answer!r} settles nothing")
    except Overtaken:
        _postpone(row, reason="", pause=timedelta(0))
    except Exception as error:
        log.exception("Event %s of %s cannot be settled", row.external_id, row.badge_provider)
        _postpone(row, reason=type(error).__name__)


def _settle(row: ProviderEvent, event: Event, *, look: Heard | None) -> None:
    provider, now = row.badge_provider, look and look.answer
    outcome, record = Outcome.DONE, None
    if event.kind == DELETED and event.badge:
        result, record = _badge_deleted(provider, event.badge.external_id)
    elif event.kind in BADGE_KINDS and event.badge:
        told = now if isinstance(now, list) else [event.badge]
        result, record = _badge_told(provider, told, external_uuid=event.badge.external_id)
    elif event.kind in TEMPLATE_KINDS and event.template and look:
        result = _template_told(provider, event.template, now=now if isinstance(now, Template) else None)
    else:
        outcome, result = Outcome.IGNORED, _("Nothing is done about such an event.")
    _finish(row, outcome, result, event=event, record=record)


def _badge_told(
    provider: BadgeProvider, told: Sequence[ProviderBadge], *, external_uuid: str
) -> tuple[str, IssuedBadge | None]:
    reason = _("Told by %(provider)s.") % {"provider": provider.get_kind_display()}
    reflected = reflect(provider, told, reason=reason)
    record = rows_of(provider).filter(external_uuid=external_uuid).first()
    if record is None:
        open_ones = differences.waiting(Difference.objects.filter(badge_provider=provider))
        if open_ones.filter(external_uuid=external_uuid).exists():
            return _("It was not issued here: see the differences."), None
        return _("It is none of the badges that are issued here."), None
    if record.pk not in reflected.moved:
        return _("Nothing new."), record
    return str(Status(record.status).label), record


def _badge_deleted(provider: BadgeProvider, external_uuid: str) -> tuple[str, IssuedBadge | None]:
    differences.note(provider, [], about=[external_uuid])
    record = rows_of(provider).filter(external_uuid=external_uuid).first()
    if record is None:
        return _("It is none of the badges that are issued here."), None
    if record.status not in AT_PROVIDER:
        return _("Nothing new."), record
    step = Move(
        issued_badge_id=record.pk,
        from_status=Status(record.status),
        to_status=Status.REMOVED,
        reason=_("Told by %(provider)s: deleted there.") % {"provider": provider.get_kind_display()},
    )
    if not move(step):
        raise Overtaken
    return str(Status.REMOVED.label), record


def _template_told(provider: BadgeProvider, told: Template, *, now: Template | None) -> str:
    """The catalogue follows the template as it is now, whatever the event says of it."""
    changes = synchronization.take_in(provider, now or replace(told, state="deleted"))
    return _("The catalogue follows.") if changes else _("Nothing new.")


class Overtaken(Exception):
    """Somebody else has changed the row meanwhile: look again."""


def _not_read(row: ProviderEvent, error: ProviderError) -> None:
    provider = row.badge_provider
    reason = in_words(error)
    if error.is_account_wide:
        _postpone(row, reason=reason, pause=timedelta(0))
    elif isinstance(error, Rejected) and error.status in NO_SUCH_EVENT and row.attempts >= ATTEMPTS_TO_FIND:
        result = _("%(provider)s knows no such event.") % {"provider": provider.get_kind_display()}
        _finish(row, Outcome.IGNORED, result)
    else:
        wait = error.retry_after if isinstance(error, Transient) else None
        _postpone(row, reason=reason, pause=timedelta(seconds=wait) if wait else None)


def _postpone(row: ProviderEvent, *, reason: str, pause: timedelta | None = None) -> None:
    if row.attempts >= MOST_ATTEMPTS:
        _finish(row, Outcome.GIVEN_UP, reason)
        return
    wait = _backoff(row.attempts) if pause is None else pause
    _held(row).update(due_at=timezone.now() + wait, result=reason)


def _finish(
    row: ProviderEvent,
    outcome: str,
    result: str,
    *,
    event: Event | None = None,
    record: IssuedBadge | None = None,
) -> None:
    """The end of an event, in the transaction of what it led to; raises Overtaken when the claim is lost."""
    changes: dict[str, Any] = {"processed_at": timezone.now(), "outcome": outcome, "result": result}
    if event:
        changes |= {"kind": event.kind[:KIND_LENGTH], "read": storable(event.raw)}
        occurred_at = plausible(event.occurred_at) or row.occurred_at
        changes |= {"occurred_at": occurred_at, "issued_badge": record}
    if not _held(row).update(**changes):
        raise Overtaken


def _held(row: ProviderEvent) -> QuerySet[ProviderEvent]:
    return ProviderEvent.objects.filter(pk=row.pk, attempts=row.attempts, processed_at=None)


def _backoff(attempts: int) -> timedelta:
    """Doubling from two seconds, with jitter so that events do not come back together."""
    seconds = min(2.0 ** min(attempts, 16), LONGEST_PAUSE)
    return timedelta(seconds=seconds * random.uniform(0.5, 1.0))  # noqa: S311 - jitter, not a secret


# --- What people and time do --------------------------------------------------------------------------------


def process_again(event: ProviderEvent, *, actor: User | None) -> None:
    """Read an event back once more, whatever became of it."""
    require(actor, Action.MANAGE, event)
    ProviderEvent.objects.filter(pk=event.pk).update(
        processed_at=None, outcome="", result="", attempts=0, due_at=timezone.now()
    )
    hint(PROCESS)
