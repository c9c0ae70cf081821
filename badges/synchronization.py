"""Synchronization: every template of an account becomes a badge, and stays like it.

    read      all templates of the account, over HTTP and with no transaction open; whatever fails here ends
              it, and nothing is changed
    compare   with the badges of this account and no other; a dry run ends here
    write     everything or nothing, in one transaction and a number of statements that does not grow

A new template becomes an inactive badge of the account's organization. A badge whose template is archived or
gone is deactivated and flagged, never deleted, so that no rule loses it; it is not activated again by itself.
Name, description and image follow the template; what somebody edited here stays until the provider changes
that very text. Everything else of a badge (whether it is active, manual issuance, its organization, its
availability) belongs to its administrators.
"""

from __future__ import annotations

import logging
import math
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from time import monotonic
from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.db import models, transaction
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext_lazy

from badges.activation import hold_waiting, state_of
from badges.asking import asking
from badges.models import Badge, Synchronization
from providers.base import ProviderError
from providers.connections import clock
from providers.health import in_words
from providers.models import BadgeProvider
from providers.reading import storable
from providers.registry import adapter_for
from tms import audit
from tms.access import Action, require
from tms.errors import DomainError

if TYPE_CHECKING:
    from providers.base import Template
    from tms.models import User

log = logging.getLogger(__name__)
Progress = Callable[[str, int, int], None]
State = Badge.TemplateState

# Templates that are missing from the list are asked about one by one, as long as they are few: that tells
# archived from gone, and a list that moved while its pages were read from a template that is no more.
LOOKUPS = 20
# The texts of a template that a badge takes over, until somebody edits its own.
TEXTS = ("name", "description", "image_url")
COMPARED = (*TEXTS, "template_url", "allows_duplicates")
WRITTEN = (*COMPARED, "template_state", "template_data", "synchronized_at")
# What decides whose templates are read.
CONNECTION = ("kind", "api_url", "provider_organization_id", "token_set_at")
# How long a page or a request waits for it.
PATIENCE = 60.0
LONGEST_ID = LONGEST_NAME = 200
LONGEST_ADDRESS = 500


class Change(models.TextChoices):
    """What a synchronization does to a badge."""

    NEW = "new", gettext_lazy("New")
    CHANGED = "changed", gettext_lazy("Changed")
    RETURNED = "returned", gettext_lazy("There again")
    ARCHIVED = "archived", gettext_lazy("Archived")
    GONE = "gone", gettext_lazy("Gone")


class Unusable(Exception):
    """What was read must not be acted on; the text says why."""


@dataclass(slots=True)
class Found:
    """What the provider told: live templates by their id, and the state of those that are no longer."""

    live: dict[str, Template] = field(default_factory=dict)
    ended: dict[str, Badge.TemplateState] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """What becomes of one badge: as it is, as it is to be, and what people are told of the change, if any."""

    before: Badge | None
    after: Badge
    change: Change | None = None
    details: dict[str, list[Any]] = field(default_factory=dict)

    @property
    def deactivates(self) -> bool:
        return self.before is not None and self.before.is_active and not self.after.is_active

    @property
    def told(self) -> dict[str, Any]:
        return {
            "change": self.change and self.change.value,
            "template_id": self.after.template_id,
            "name": self.after.name,
            "badge": self.before.pk if self.before else self.after.pk,
            "details": self.details,
        }


def synchronize(
    provider: BadgeProvider,
    *,
    actor: User | None = None,
    dry_run: bool = False,
    seconds: float = math.inf,
) -> Synchronization:
    """Make the badges of an account like its templates; the record of it, with what changed or would.

    `problem` of the record says in a sentence why nothing was changed, also when reading took longer than
    `seconds`. No transaction may be open. Raises DomainError for an account that is disabled, or whose kind
    has no templates.
    """
    require(actor, Action.MANAGE, provider)
    _require_templates(provider)
    started, read_at = monotonic(), timezone.now()
    record = Synchronization(badge_provider=provider, actor=actor, is_dry_run=dry_run)
    latest = _latest(provider)
    try:
        found = _read(provider, seconds=seconds)
        record.seen = len(found.live)
        record.seconds = round(monotonic() - started, 3)
        if dry_run:
            record.changes = _told(compare(_badges(provider), found, provider=provider))
            record.save()
        else:
            _write(provider, found, record=record, latest=latest, read_at=read_at)
    except Unusable as error:
        record.problem, record.changes = str(error), []
        record.seconds = round(monotonic() - started, 3)
        record.save()
    return record


def _require_templates(provider: BadgeProvider) -> None:
    if provider.kind == BadgeProvider.Kind.OPEN_BADGES:
        message = _("Badges of %(name)s are made here, so there is nothing to synchronize.")
        raise DomainError("no_templates", message % {"name": provider})
    if not provider.is_enabled:
        message = _("The badge provider %(name)s is disabled.")
        raise DomainError("provider_disabled", message % {"name": provider})


def synchronize_all(*, dry_run: bool = False, progress: Progress | None = None) -> list[Synchronization]:
    """Every account that can be used; none stops the others, in whatever way it fails.

    `progress` is told after each account how many are done, of how many.
    """
    usable = BadgeProvider.objects.filter(is_enabled=True, paused_at__isnull=True)
    providers = list(usable.exclude(kind=BadgeProvider.Kind.OPEN_BADGES).order_by("pk"))
    records = []
    for provider in providers:
        records.append(_synchronize_or_record(provider, dry_run=dry_run))
        if progress:
            progress(_("Accounts"), len(records), len(providers))
    return records


def synchronize_nightly() -> list[Synchronization]:
    """As the schedule does: a site that is switched off calls nobody by itself."""
    return synchronize_all() if settings.BADGES_ENABLED else []


def _synchronize_or_record(provider: BadgeProvider, *, dry_run: bool) -> Synchronization:
    try:
        return synchronize(provider, dry_run=dry_run)
    except Exception as error:
        log.exception("Badge provider %s cannot be synchronized", provider.pk)
        problem = _("It cannot be synchronized: %(error)s.") % {"error": type(error).__name__}
        return Synchronization.objects.create(badge_provider=provider, is_dry_run=dry_run, problem=problem)


def take_in(provider: BadgeProvider, template: Template) -> list[dict[str, Any]]:
    """Bring the badge of one template up to date, as when the provider told that it changed; what changed.

    Raises Unusable for what is no template.
    """
    found = Found()
    if (state := state_of(template)) == State.LIVE:
        found.live[template.external_id] = template
    else:
        found.ended[template.external_id] = state
    _require_ids(found)
    with transaction.atomic():
        return _told(_bring_up_to_date(provider, found, actor=None, read_at=timezone.now()))


# --- Reading ------------------------------------------------------------------------------------------------


def _read(provider: BadgeProvider, *, seconds: float) -> Found:
    """Everything there is, or Unusable."""
    clock.not_after = monotonic() + seconds
    try:
        return _read_all(provider)
    except ProviderError as error:
        if monotonic() < clock.not_after:
            raise Unusable(in_words(error)) from None
        sentence = _(
            "To read the templates takes longer than anybody waits here (%(seconds)d seconds): nothing was "
            "changed. The synchronization of every night takes its time, and so does the command."
        )
        raise Unusable(sentence % {"seconds": seconds}) from None
    except Unusable:
        raise
    except Exception as error:
        log.exception("The templates of badge provider %s cannot be read", provider.pk)
        reason = _("The templates cannot be read: %(error)s.") % {"error": type(error).__name__}
        raise Unusable(reason) from None
    finally:
        clock.not_after = math.inf


def _read_all(provider: BadgeProvider) -> Found:
    """A refusal pauses nothing: a token may be allowed to issue, and not to read templates."""
    with asking(provider, pauses=False) as count:
        return _read_and_look_up(provider, count=count)


def _read_and_look_up(provider: BadgeProvider, *, count: Callable[[], None]) -> Found:
    adapter, found = adapter_for(provider), Found()
    for template in adapter.templates():
        found.live[template.external_id] = template
        count()
    known = Badge.objects.filter(badge_provider=provider, template_state__in=[State.LIVE, State.UNSEEN])
    template_ids = known.order_by("pk").values_list("template_id", flat=True)
    missing = [template_id for template_id in template_ids if template_id not in found.live]
    overlooked = 0
    for template_id in missing[:LOOKUPS]:
        there = adapter.template(template_id)
        count()
        state = state_of(there) if there else State.GONE
        if there and state == State.LIVE:
            found.live[template_id] = there
            overlooked += 1
        else:
            found.ended[template_id] = state
    if overlooked and len(missing) > LOOKUPS:
        sentence = _(
            "The provider's list leaves out templates that the provider still has: nothing was changed."
        )
        raise Unusable(sentence)
    found.ended |= dict.fromkeys(missing[LOOKUPS:], State.GONE)
    _require_ids(found)
    return found


def _require_ids(found: Found) -> None:
    for template_id in found.live:
        if not template_id or len(template_id) > LONGEST_ID or storable(template_id) != template_id:
            raise Unusable(_("The id of a template is not one: %(id)r.") % {"id": template_id[:LONGEST_ID]})


# --- Comparing ----------------------------------------------------------------------------------------------


def _badges(provider: BadgeProvider) -> dict[str, Badge]:
    return {badge.template_id: badge for badge in Badge.objects.filter(badge_provider=provider)}


def compare(badges: Mapping[str, Badge], found: Found, *, provider: BadgeProvider) -> list[Step]:
    """What is to become of each badge; `badges` are those of the account, by the id of their template."""
    steps = [_like(template, badges.get(pk), provider=provider) for pk, template in found.live.items()]
    return steps + [_ended(badges[pk], state) for pk, state in found.ended.items() if pk in badges]


def _like(template: Template, badge: Badge | None, *, provider: BadgeProvider) -> Step:
    """A badge as its template has it now."""
    after = _copy(badge) if badge else Badge(organization_id=provider.organization_id)
    after.badge_provider, after.template_id = provider, template.external_id
    texts = _texts(template)
    for name, text in texts.items():
        if text and not (badge and badge.template_data.get(name) == text):
            setattr(after, name, text)
    after.template_data = texts
    after.template_state = State.LIVE
    after.template_url = _address(template.url)
    after.allows_duplicates = template.allows_duplicates
    if badge is None:
        details = {"allows_duplicates": [False, True]} if after.allows_duplicates else {}
        return Step(before=None, after=after, change=Change.NEW, details=details)
    details = {
        name: [getattr(badge, name), getattr(after, name)]
        for name in COMPARED
        if getattr(badge, name) != getattr(after, name)
    }
    is_back = badge.template_state in {State.ARCHIVED, State.GONE}
    change = Change.RETURNED if is_back else Change.CHANGED if details else None
    return Step(before=badge, after=after, change=change, details=details)


def _ended(badge: Badge, state: Badge.TemplateState) -> Step:
    """A badge whose template is archived or gone."""
    after = _copy(badge)
    after.template_state, after.is_active = state, False
    if badge.template_state == state and not badge.is_active:
        return Step(before=badge, after=after)
    details = {"is_active": [True, False]} if badge.is_active else {}
    return Step(before=badge, after=after, change=Change(state.value), details=details)


def _copy(badge: Badge) -> Badge:
    """Without its id: it is written by account and template."""
    columns = [column.attname for column in Badge._meta.concrete_fields if not column.primary_key]
    return Badge(**{name: getattr(badge, name) for name in columns})


def _texts(template: Template) -> dict[str, str]:
    """The texts as our columns can hold them."""
    name = storable(template.name).strip() or template.external_id
    return {
        "name": name if len(name) <= LONGEST_NAME else name[: LONGEST_NAME - 1] + "…",
        "description": storable(template.description).strip(),
        "image_url": _address(template.image_url),
    }


def _address(url: str) -> str:
    """A web address that a page may link to and a column can hold, or nothing."""
    is_one = url.startswith(("https://", "http://")) and len(url) <= LONGEST_ADDRESS
    return url if is_one and storable(url) == url else ""


# --- Writing ------------------------------------------------------------------------------------------------


def _latest(provider: BadgeProvider) -> int | None:
    """The last synchronization that was written, whether it found changes or not."""
    written = Synchronization.objects.filter(badge_provider=provider, is_dry_run=False, problem="")
    return written.order_by("-pk").values_list("pk", flat=True).first()


@transaction.atomic
def _write(
    provider: BadgeProvider,
    found: Found,
    *,
    record: Synchronization,
    latest: int | None,
    read_at: datetime,
) -> None:
    """Everything, with the record of it, or nothing.

    Raises Unusable where what was read is no longer the last word: the account was changed meanwhile, or
    another synchronization, which may have read later, was written.
    """
    # The weaker lock: whoever writes a badge of the account need not wait.
    locked = BadgeProvider.objects.select_for_update(no_key=True).get(pk=provider.pk)
    if any(getattr(locked, name) != getattr(provider, name) for name in CONNECTION):
        raise Unusable(_("The account was changed while its templates were read: nothing was changed."))
    if _latest(provider) != latest:
        sentence = _(
            "Another synchronization of this account ended meanwhile: nothing was changed by this one."
        )
        raise Unusable(sentence)
    record.changes = _told(_bring_up_to_date(provider, found, actor=record.actor, read_at=read_at))
    record.save()
    audit.record(
        audit.Act.SYNCHRONIZE,
        provider,
        kind=audit.Kind.BADGE_PROVIDER,
        actor=record.actor,
        changes={"badges": ["", summary(record)]},
    )


def _bring_up_to_date(
    provider: BadgeProvider, found: Found, *, actor: User | None, read_at: datetime
) -> list[Step]:
    """Write what was read from `read_at` on. What the provider told of a single template since is newer."""
    badges = Badge.objects.select_for_update().filter(badge_provider=provider)
    known = {badge.template_id: badge for badge in badges.order_by("pk")}
    steps = [
        step
        for step in compare(known, found, provider=provider)
        if not (step.before and step.before.synchronized_at and step.before.synchronized_at > read_at)
    ]
    now = timezone.now()
    for step in steps:
        step.after.synchronized_at = now
    Badge.objects.bulk_create(
        [step.after for step in steps if step.after.template_state == State.LIVE],
        update_conflicts=True,
        unique_fields=["badge_provider", "template_id"],
        update_fields=WRITTEN,
    )
    for state in (State.ARCHIVED, State.GONE):
        ended = [step.before.pk for step in steps if step.before and step.after.template_state == state]
        Badge.objects.filter(pk__in=ended).update(template_state=state, is_active=False, synchronized_at=now)
    hold_waiting([step.before.pk for step in steps if step.before and step.deactivates], actor=actor)
    return steps


def _told(steps: Iterable[Step]) -> list[dict[str, Any]]:
    return [step.told for step in steps if step.change]


# --- In words -----------------------------------------------------------------------------------------------


def summary(record: Synchronization) -> str:
    """What one synchronization did, or would do, in a sentence."""
    if record.problem:
        return record.problem
    counts = Counter(change["change"] for change in record.changes)
    is_accredible = record.badge_provider.kind == BadgeProvider.Kind.ACCREDIBLE
    parts = [
        (_GROUPS if is_accredible else _TEMPLATES) % record.seen,
        *(part % counts[change] for change, part in _PARTS.items() if counts[change]),
    ]
    return (
        ", ".join(parts) if len(parts) > 1 else _("%(templates)s, nothing changed") % {"templates": parts[0]}
    )


_TEMPLATES = ngettext_lazy("%d template", "%d templates")
_GROUPS = ngettext_lazy("%d group", "%d groups")
_PARTS = {
    Change.NEW: ngettext_lazy("%d new badge", "%d new badges"),
    Change.CHANGED: ngettext_lazy("%d changed", "%d changed"),
    Change.RETURNED: ngettext_lazy("%d there again", "%d there again"),
    Change.ARCHIVED: ngettext_lazy("%d archived", "%d archived"),
    Change.GONE: ngettext_lazy("%d gone", "%d gone"),
}


@dataclass(frozen=True, slots=True)
class Described:
    """One change for people: what happens to which badge, each detail as (what, before, after)."""

    label: str
    change: str
    name: str
    template_id: str
    badge: int | None
    details: list[tuple[str, str, str]]


def described(record: Synchronization) -> list[Described]:
    return [
        Described(
            label=str(Change(told["change"]).label),
            change=told["change"],
            name=told["name"],
            template_id=told["template_id"],
            badge=told["badge"],
            details=[
                (_label(name), _shown(before), _shown(after))
                for name, (before, after) in told["details"].items()
            ],
        )
        for told in record.changes
    ]


def _label(name: str) -> str:
    column = next(column for column in Badge._meta.concrete_fields if column.name == name)
    return str(column.verbose_name)


def _shown(value: Any) -> str:
    if isinstance(value, bool):
        return _("yes") if value else _("no")
    return str(value)
