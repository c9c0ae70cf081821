"""What the provider tells of some of its badges, reflected in our records.

Records follow the provider's word (badges.standing), and what does not fit together is written down
(badges.differences). Events, polls and comparisons all come here; `refresh` asks about one record when a
person wants to know. No transaction is open while the provider is asked.

Strangers are told of active badges of ours only: an account may serve other purposes too.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import TYPE_CHECKING, Any, TypeVar
from uuid import UUID

from django.db import transaction
from django.db.models import Q
from django.utils.translation import gettext as _

from badges import differences, standing
from badges.asking import asking
from badges.differences import Found
from badges.models import Badge, Difference, IssuedBadge
from badges.sending import request_for
from badges.status import AT_PROVIDER, LIVE, Status
from providers.base import ProviderError
from providers.health import in_words
from providers.registry import adapter_for
from tms.access import Action, organization_tree, require
from tms.errors import Conflict, Unanswered
from tms.models import User
from tms.models.people import normalize_email

if TYPE_CHECKING:
    from django.db.models import QuerySet

    from badges.standing import Pair
    from providers.base import ProviderBadge
    from providers.models import BadgeProvider

log = logging.getLogger(__name__)

Item = TypeVar("Item")
Kind = Difference.Kind
ID_LENGTH = 100  # of external_uuid; what is longer is no id of a provider that we know


@dataclass(slots=True)
class Reflected:
    """`rows` are the records that the badges stand for, `moved` those of them that followed."""

    rows: set[int] = field(default_factory=set)
    moved: set[int] = field(default_factory=set)


def reflect(
    provider: BadgeProvider, told: Sequence[ProviderBadge], *, reason: str, actor: User | None = None
) -> Reflected:
    """Bring our records to what the provider tells of some of its badges, and note what disagrees.

    Stands or falls together, in as many statements for many as for one.
    """
    told = [badge for badge in told if 0 < len(badge.external_id) <= ID_LENGTH]
    ids = [badge.external_id for badge in told]
    with transaction.atomic():
        linked = {row.external_uuid: row for row in rows_of(provider).filter(external_uuid__in=ids)}
        pairs = [(linked[badge.external_id], badge) for badge in told if badge.external_id in linked]
        strangers = [badge for badge in told if badge.external_id not in linked and badge.is_live]
        # Before records follow, for they are compared as they were read.
        renewed = _being_renewed(pairs)
        found = [item for row, badge in pairs if row.pk not in renewed for item in _disagreements(row, badge)]
        strange = _recognize(provider, strangers)
        moved = standing.follow(pairs, reason=reason, actor=actor)
        moved |= standing.link(strange.awaited, reason=reason, actor=actor)
        moved |= standing.replace(strange.replacing, reason=reason)
        differences.note(provider, [*found, *strange.found], about=ids)
    rows = {row.pk for row, _badge in [*pairs, *strange.awaited, *strange.replacing]}
    return Reflected(rows, moved)


def reflect_each(provider: BadgeProvider, told: Sequence[ProviderBadge], *, reason: str) -> Reflected:
    """Together; where that fails each by itself, so that one badge that cannot be stored stops no other."""
    try:
        return reflect(provider, told, reason=reason)
    except Exception:
        log.exception("%s badges of %s cannot be reflected together", len(told), provider)
    done = Reflected()
    for badge in told:
        try:
            one = reflect(provider, [badge], reason=reason)
        except Exception:
            log.exception("Badge %s of %s cannot be reflected", badge.external_id, provider)
        else:
            done.rows |= one.rows
            done.moved |= one.moved
    return done


def chunks(items: Iterable[Item], size: int) -> Iterator[list[Item]]:
    rest = iter(items)
    while chunk := list(islice(rest, size)):
        yield chunk


def rows_of(provider: BadgeProvider) -> QuerySet[IssuedBadge]:
    return IssuedBadge.objects.filter(badge__badge_provider=provider)


def _being_renewed(pairs: Sequence[Pair]) -> set[int]:
    """Expired records whose badges the provider has prolonged for successors that wait for its word."""
    prolonged = [
        row.pk for row, badge in pairs if row.status == Status.EXPIRED and not standing.agree(row, badge)
    ]
    successors = IssuedBadge.objects.filter(replaces__in=prolonged, status__in=LIVE)
    return {pk for pk in successors.values_list("replaces", flat=True) if pk} if prolonged else set()


def _disagreements(row: IssuedBadge, there: ProviderBadge) -> Iterator[Found]:
    """Of a record and the badge that it stands for; a state that the record follows is none."""
    if not standing.destination(row, there) and not standing.agree(row, there):
        yield _about_record(Kind.STATE, row, there, status=row.status)
    address, ours = normalize_email(there.email), row.recipient_email
    if there.is_live and address and ours and address != ours and not row.correction_due_at:
        yield _about_record(Kind.PERSON, row, there, address=masked(address))


def _about_record(kind: Kind, row: IssuedBadge, there: ProviderBadge, **more: str) -> Found:
    return Found(
        kind=kind,
        external_uuid=there.external_id,
        issued_badge_id=row.pk,
        badge_id=row.badge_id,
        learner_id=row.learner_id,
        details={**_told(there), **more},
    )


def _told(there: ProviderBadge) -> dict[str, Any]:
    return {
        "state": there.state,
        "standing": there.standing.value,
        "url": there.url,
        "accept_url": there.accept_url,
        "created_at": there.created_at and there.created_at.isoformat(),
        "expires_at": there.expires_at and there.expires_at.isoformat(),
    }


def masked(address: str) -> str:
    """Enough of an e-mail address to recognize it by, if one knows it."""
    name, _at, domain = address.rpartition("@")
    return f"{name[:1]}…@{domain}" if name else "…"


# --- Strangers ----------------------------------------------------------------------------------------------


@dataclass(slots=True)
class Strange:
    """Live badges that no record stands for: those that a record waits for, those that took the place of a
    record's badge, and what the others are."""

    awaited: list[Pair] = field(default_factory=list)
    replacing: list[Pair] = field(default_factory=list)
    found: list[Found] = field(default_factory=list)


def _recognize(provider: BadgeProvider, strangers: Sequence[ProviderBadge]) -> Strange:
    strange = Strange()
    if not strangers:
        return strange
    badges = {
        badge.template_id: badge
        for badge in Badge.objects.filter(
            badge_provider=provider,
            is_active=True,
            template_id__in={stranger.template_id for stranger in strangers},
        )
    }
    strangers = [stranger for stranger in strangers if stranger.template_id in badges]
    by_id, by_address = _learners(provider, strangers)
    rows = _live_rows(badges.values(), [*by_id.values(), *by_address.values()])
    for there in strangers:
        badge = badges[there.template_id]
        known = by_id.get(there.earner_id)
        learner = known or by_address.get(normalize_email(there.email))
        row = rows.get((badge.pk, learner)) if learner else None
        if row and known and standing.may_be_there(row):
            strange.awaited.append((row, there))
            row.external_uuid = there.external_id  # no longer free for the next
        elif row is None or row.status == Status.FAILED:
            strange.found.append(_about_stranger(there, badge, learner))
        elif there.replaces_id and there.replaces_id == row.external_uuid:
            strange.replacing.append((row, there))
        elif row.external_uuid:
            strange.found.append(_about_record(Kind.TWICE, row, there, other=row.external_uuid))
        # Else it is on its way, and whoever sends it will find out.
    return strange


def _learners(
    provider: BadgeProvider, strangers: Sequence[ProviderBadge]
) -> tuple[dict[str, int], dict[str, int]]:
    """Whose they are: by the id that we sent along, and by address among the people of the account."""
    earner_ids = {badge.earner_id for badge in strangers if _is_uuid(badge.earner_id)}
    addresses = {normalize_email(badge.email) for badge in strangers if badge.email}
    of_account = Q(organization__in=organization_tree(provider.organization_id))
    people = User.objects.filter(Q(earner_id__in=earner_ids) | of_account & Q(email__in=addresses))
    by_id: dict[str, int] = {}
    by_address: dict[str, int] = {}
    for pk, earner_id, address in people.values_list("pk", "earner_id", "email"):
        if str(earner_id) in earner_ids:
            by_id[str(earner_id)] = pk
        if address in addresses:
            by_address[address] = pk
    return by_id, by_address


def _is_uuid(text: str) -> bool:
    try:
        return str(UUID(text)) == text
    except ValueError:
        return False


def _live_rows(badges: Iterable[Badge], learners: Iterable[int]) -> dict[tuple[int, int], IssuedBadge]:
    rows = IssuedBadge.objects.filter(badge__in=list(badges), learner__in=set(learners), status__in=LIVE)
    rows = rows.select_related("badge__organization")
    return {(row.badge_id, row.learner_id): row for row in rows}


def _about_stranger(there: ProviderBadge, badge: Badge, learner: int | None) -> Found:
    return Found(
        kind=Kind.UNEXPECTED,
        external_uuid=there.external_id,
        badge_id=badge.pk,
        learner_id=learner,
        details={**_told(there), "address": masked(normalize_email(there.email))},
    )


# --- One record ---------------------------------------------------------------------------------------------


def refresh(issued_badge: IssuedBadge, *, actor: User | None = None) -> IssuedBadge:
    """Read a badge at the provider and bring its record there.

    Raises Conflict for a record that stands for no badge, or whose badge the provider does not show (which is
    then among the differences), and Unanswered when the provider cannot be asked.
    """
    require(actor, Action.MANAGE, issued_badge)
    row = IssuedBadge.objects.select_related("badge__badge_provider", "badge__organization", "learner").get(
        pk=issued_badge.pk
    )
    if not row.external_uuid:
        raise Conflict(
            "not_at_provider",
            _("Only a badge that the provider has can be read there; this one is: %(status)s.")
            % {"status": row.issued_status},
        )
    provider = row.badge.badge_provider
    told = look(row)
    if row.external_uuid not in {there.external_id for there in told}:
        if row.status in AT_PROVIDER:
            note_missing(provider, [row])
        raise Conflict(
            "missing_at_provider",
            _("%(provider)s does not show this badge.") % {"provider": provider.get_kind_display()},
        )
    reflect(provider, told, reason=_("Read again at the provider."), actor=actor)
    row.refresh_from_db()
    return row


def look(row: IssuedBadge) -> list[ProviderBadge]:
    """What the provider has for this badge and learner. Raises Unanswered."""
    provider = row.badge.badge_provider
    try:
        with asking(provider):
            return adapter_for(provider).find(request_for(row))
    except ProviderError as error:
        raise Unanswered(error.code, in_words(error)) from error


def note_missing(provider: BadgeProvider, rows: Sequence[IssuedBadge]) -> None:
    """Write down that the provider does not have these of its badges any more."""
    found = [
        Found(
            kind=Kind.MISSING,
            external_uuid=row.external_uuid,
            issued_badge_id=row.pk,
            badge_id=row.badge_id,
            learner_id=row.learner_id,
            details={"status": row.status},
        )
        for row in rows
    ]
    differences.note(provider, found, about=[row.external_uuid for row in rows])
