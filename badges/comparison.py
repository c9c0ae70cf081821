"""A whole account against our records, both ways.

`compare` reads every badge that the provider lists, page by page, and reflects it in our records
(badges.reflection); then it asks which of ours were not listed. It goes once a night, and whenever a person
asks. A run is a row, so that two never read one account, and one that ended early tells why.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import timedelta
from typing import TYPE_CHECKING, TypeVar

from django.conf import settings
from django.db import IntegrityError, transaction
from django.db.models import F, Q
from django.utils import timezone
from django.utils.translation import gettext as _

from badges import differences
from badges.asking import Heard, learn
from badges.models import Badge, Comparison, Difference, IssuedBadge
from badges.reflection import (
    chunks,
    look,
    note_missing,
    reflect,
    reflect_each,
    rows_of,
)
from badges.status import AT_PROVIDER, Status
from providers import limits
from providers.base import ProviderError
from providers.connections import clock
from providers.health import in_words
from providers.models import BadgeProvider
from providers.registry import adapter_class, adapter_for
from tms.access import Action, require
from tms.errors import Conflict, DomainError, Unanswered
from tms.hint import hint

if TYPE_CHECKING:
    from django.db.models import QuerySet

    from tms.models import User

log = logging.getLogger(__name__)

Item = TypeVar("Item")
Progress = Callable[[str, int, int], None]

COMPARE = "badges.compare"
CHUNK = 250  # badges brought up to date in one transaction
LOOKED_UP = 50  # of those not listed, so many are asked for one by one before they are called missing
SUSPICIOUS = 20  # so many issued here and none of them listed: another account rather than a loss
LISTED_AFTER = timedelta(minutes=10)  # what was issued later than that may not be listed yet
REST = timedelta(hours=18)  # between two comparisons by the schedule
LOST_AFTER = timedelta(minutes=15)


def compare_due() -> list[Comparison]:
    """Compare the accounts that have not been compared for a while; one that fails stops no other.

    One after the other, whoever asks: an account may take an hour, and workers have other work. Whoever comes
    while a comparison is under way leaves the rest to it.
    """
    runs: list[Comparison] = []
    tried: set[int] = set()
    while settings.BADGES_ENABLED and not _is_somebody_comparing():
        provider = next((due for due in due_for_comparison() if due.pk not in tried), None)
        if provider is None:
            break
        tried.add(provider.pk)
        if run := _compare_alone(provider):
            runs.append(run)
    return runs


def _is_somebody_comparing() -> bool:
    alive = Comparison.objects.filter(active_at__gte=timezone.now() - LOST_AFTER)
    return alive.filter(finished_at=None).exists()


def due_for_comparison() -> list[BadgeProvider]:
    due = comparable().filter(Q(compared_at=None) | Q(compared_at__lt=timezone.now() - REST))
    return list(due.order_by(F("compared_at").asc(nulls_first=True), "pk"))  # those asked for first


def comparable() -> QuerySet[BadgeProvider]:
    """Accounts that can be asked and from which something could have been issued."""
    accounts_in_use = BadgeProvider.objects.filter(
        is_enabled=True, paused_at=None, pk__in=Badge.objects.values("badge_provider")
    )
    silent = [kind for kind in BadgeProvider.Kind.values if adapter_class(kind) is None]
    return accounts_in_use.exclude(kind__in=silent)


def _compare_alone(provider: BadgeProvider) -> Comparison | None:
    try:
        return compare(provider)
    except DomainError as refusal:
        log.info("%s is not compared: %s", provider, refusal.message)
    except Exception:
        log.exception("%s cannot be compared", provider)
    return None


def ask(provider: BadgeProvider, *, actor: User | None) -> None:
    """Have an account compared in the background, as soon as may be (next: compare_due)."""
    require(actor, Action.MANAGE, provider)
    if not comparable().filter(pk=provider.pk).exists():
        raise Conflict(
            "not_comparable",
            _("%(provider)s cannot be compared: it is disabled, paused or has no badges.")
            % {"provider": provider},
        )
    BadgeProvider.objects.filter(pk=provider.pk).update(compared_at=None)
    hint(COMPARE)


def compare(
    provider: BadgeProvider, *, actor: User | None = None, progress: Progress | None = None
) -> Comparison:
    """Hold every badge that the provider lists against our records, and our records against the list.

    What the provider could not tell is in the run's `problem`; what was read until then counts. Raises
    Conflict while another comparison of the account is under way.
    """
    require(actor, Action.MANAGE, provider)
    run = _begin(provider, actor=actor)
    try:
        seen = _read(run, progress=progress)
        _close(run, problem=_missing(run, seen=seen))
    except ProviderError as error:
        learn(provider, [Heard(error, calls=1)])
        _close(run, problem=in_words(error))
    except Unanswered as trouble:
        _close(run, problem=trouble.message)
    except Conflict:  # somebody else has closed it
        raise
    except Exception as error:
        _close(run, problem=type(error).__name__)
        raise
    return run


def _begin(provider: BadgeProvider, *, actor: User | None) -> Comparison:
    now = timezone.now()
    open_runs = Comparison.objects.filter(badge_provider=provider, finished_at=None)
    open_runs.filter(active_at__lt=now - LOST_AFTER).update(
        finished_at=now, problem=_("The worker did not come back.")
    )
    try:
        with transaction.atomic():
            return Comparison.objects.create(
                badge_provider=provider, actor=actor, started_at=now, active_at=now
            )
    except IntegrityError:
        raise Conflict(
            "being_compared", _("%(provider)s is being compared already.") % {"provider": provider}
        ) from None


def _read(run: Comparison, *, progress: Progress | None) -> set[int]:
    """The records whose badges the provider lists."""
    provider = run.badge_provider
    rows: set[int] = set()
    reason = _("Found so when the account was compared.")
    expected = rows_of(provider).filter(status__in=AT_PROVIDER).count() if progress else 0
    calls = clock.calls
    for chunk in chunks(adapter_for(provider).badges(), CHUNK):
        # No turns are taken for the pages of a list, which come one after the other; but others notice.
        limits.charge(provider, clock.calls - calls)
        calls = clock.calls
        reflected = reflect_each(provider, chunk, reason=reason)
        rows |= reflected.rows
        run.seen += len(chunk)
        run.matched = len(rows)
        run.followed += len(reflected.moved)
        _still_ours(run)
        if progress:
            progress(str(provider), run.seen, max(expected, run.seen))
    learn(provider, [Heard(rows, calls=max(clock.calls - calls, 1))], turns=0)
    return rows


def _still_ours(run: Comparison) -> None:
    """Say that the run goes on; it ends here when somebody has given it up."""
    run.active_at = timezone.now()
    counts = {name: getattr(run, name) for name in ("seen", "matched", "followed", "active_at")}
    if not Comparison.objects.filter(pk=run.pk, finished_at=None).update(**counts):
        raise Conflict("given_up", _("This comparison was given up: it had not gone on for too long."))


def _close(run: Comparison, *, problem: str) -> None:
    provider = run.badge_provider
    if not problem:
        differences.resolve_unseen(provider, since=run.started_at)
        BadgeProvider.objects.filter(pk=provider.pk).update(compared_at=run.started_at)
    run.finished_at, run.problem = timezone.now(), problem
    run.differences = differences.waiting(Difference.objects.filter(badge_provider=provider)).count()
    run.save(update_fields=["finished_at", "problem", "differences", "seen", "matched", "followed"])


# --- What was not listed ------------------------------------------------------------------------------------


def _missing(run: Comparison, *, seen: set[int]) -> str:
    """Note the records whose badges the provider did not list. The answer is what speaks against doing so."""
    provider = run.badge_provider
    expected = rows_of(provider).filter(
        Q(issued_at=None) | Q(issued_at__lt=run.started_at - LISTED_AFTER),
        status__in=[status for status in AT_PROVIDER if status != Status.REVOKING],
    )
    ids = expected.exclude(external_uuid="").order_by().values_list("pk", flat=True)
    unlisted = [pk for pk in ids.iterator(chunk_size=5_000) if pk not in seen]
    if not seen and len(unlisted) >= SUSPICIOUS:
        return _(
            "%(provider)s lists none of the %(count)d badges that were issued here. Does the account still "
            "name the same organization?"
        ) % {"provider": provider.get_kind_display(), "count": len(unlisted)}
    for chunk in chunks(sorted(unlisted), CHUNK):
        rows = IssuedBadge.objects.filter(pk__in=chunk).select_related(
            "badge__badge_provider", "badge__organization", "learner"
        )
        missing = [row for row in rows if len(unlisted) > LOOKED_UP or not _is_found(row)]
        note_missing(provider, missing)
        _still_ours(run)
    return ""


def _is_found(row: IssuedBadge) -> bool:
    """Whether it is there after all: pages move while they are read, and a badge may slip between two."""
    told = look(row)
    if row.external_uuid not in {there.external_id for there in told}:
        return False
    reflect(row.badge.badge_provider, told, reason=_("Found so when the account was compared."))
    return True
