"""A published badge: what everybody may know of it, read from our records at this moment.

It is there from the learner's act until she takes that back, hides the badge, or the badge is erased. That
she leaves or is disabled, stops taking part in achievements, or that her organization switches them off ends
nothing: whoever finds the address in a CV must still learn whether the certificate counts. Told are names,
days and what it took; never an address of hers, and never why a badge was revoked, since a reason is written
for her and may name what is nobody else's business.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from django.conf import settings
from django.urls import reverse
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext as _

from badges.models import BadgeArtwork, BadgePresentation, IssuedBadge, IssuingEvent
from badges.sharing.criteria import Asked, rule_behind
from badges.sharing.pictures import Picture
from badges.status import Status

if TYPE_CHECKING:
    from datetime import datetime
    from uuid import UUID

    from tms.models import User

# What there is to verify. What she declined at the provider is hers no longer, and the rest never was.
VERIFIABLE = [
    Status.ISSUED,
    Status.ACCEPTED,
    Status.REVOKING,
    Status.REVOKED,
    Status.EXPIRED,
    Status.SUPERSEDED,
]
_READ = (
    "issued_badge__badge__badge_provider",
    "issued_badge__badge__artwork",
    "issued_badge__badge__organization",
    "issued_badge__learner",
)
_UNREAD = (
    "issued_badge__badge__template_data",
    "issued_badge__badge__badge_provider__token",
    "issued_badge__badge__badge_provider__webhook_secret",
    "issued_badge__badge__artwork__content",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """Whether it counts: a word and a sentence. `tone` is a color of the parts."""

    counts: bool
    tone: str
    word: str
    sentence: str


def find(public_id: UUID) -> SharedBadge | None:
    """None for what is private, gone or never was: nobody is told which."""
    rows = BadgePresentation.objects.filter(
        public_id=public_id,
        published_at__isnull=False,
        issued_badge__status__in=VERIFIABLE,
        issued_badge__erasure_due_at=None,
    )
    found = rows.select_related(*_READ).defer(*_UNREAD).first()
    return SharedBadge(found, timezone.now()) if found else None


def published_by(learner: User) -> list[IssuedBadge]:
    """What everybody can see of hers now, the newest first."""
    rows = IssuedBadge.objects.filter(
        learner=learner,
        presentation__published_at__isnull=False,
        status__in=VERIFIABLE,
        erasure_due_at=None,
    )
    return list(rows.select_related("badge", "presentation").order_by("-earned_at", "-pk"))


def public_url(row: IssuedBadge) -> str:
    """The address of its public page; empty while it has none."""
    presentation: BadgePresentation | None = getattr(row, "presentation", None)
    if presentation is None or presentation.published_at is None:
        return ""
    if row.status not in VERIFIABLE or row.erasure_due_at:
        return ""
    return absolute("shared-badge", presentation.public_id)


def absolute(url_name: str, public_id: UUID) -> str:
    return settings.PUBLIC_URL + reverse(url_name, args=[public_id])


@dataclass(frozen=True)
class SharedBadge:
    """Everything that may be public of a badge; whether it is, `find` decides."""

    presentation: BadgePresentation
    now: datetime

    @property
    def row(self) -> IssuedBadge:
        return self.presentation.issued_badge

    @property
    def public_id(self) -> str:
        return str(self.presentation.public_id)

    @property
    def name(self) -> str:
        """In the reader's language."""
        return self.row.badge.name_here

    @property
    def plain_name(self) -> str:
        """The one that the provider knows, for what is the same for all readers."""
        return self.row.badge.name

    @property
    def earner(self) -> str:
        """Never her address, which stands for a person without a name elsewhere."""
        return self.row.learner.get_full_name() or _("Somebody without a name")

    @property
    def issuer(self) -> str:
        return self.row.badge.organization.name

    @property
    def issued_day(self) -> str:
        return _day(self.issued_on)

    @property
    def expiry_day(self) -> str:
        return _day(self.expires_on) if self.expires_on else ""

    @property
    def checked(self) -> str:
        """When it was read, with the zone, since readers are in others."""
        moment = timezone.localtime(self.now, self.zone)
        return f"{date_format(moment, 'DATETIME_FORMAT')} ({moment.tzname()})"

    @property
    def zone(self) -> ZoneInfo:
        """The issuer's, in which every reader sees the same days."""
        return ZoneInfo(self.row.badge.organization.time_zone)

    @property
    def issued_on(self) -> datetime:
        """As the provider was told."""
        return timezone.localtime(self.row.earned_at, self.zone)

    @property
    def expires_on(self) -> datetime | None:
        return self.row.expires_at and timezone.localtime(self.row.expires_at, self.zone)

    @cached_property
    def rule(self) -> Asked | None:
        return rule_behind(self.row)

    @cached_property
    def verdict(self) -> Verdict:
        status, issuer = self.row.status, self.issuer
        if status == Status.REVOKING:
            text = _("%(issuer)s is taking this badge back.") % {"issuer": issuer}
            return Verdict(counts=False, tone="danger", word=_("Being revoked"), sentence=text)
        if status == Status.REVOKED:
            text = _("%(issuer)s took this badge back on %(day)s. It does not count any more.")
            return self._ended("danger", _("Revoked"), text)
        if status == Status.SUPERSEDED:
            return self._ended("info", _("Replaced"), _("A newer badge took its place on %(day)s."))
        if status == Status.EXPIRED or (self.row.expires_at and self.row.expires_at <= self.now):
            if self.expires_on:
                text = _("It was valid until %(day)s.") % {"day": self.expiry_day}
                return Verdict(counts=False, tone="warning", word=_("Expired"), sentence=text)
            return self._ended("warning", _("Expired"), _("It was valid until %(day)s."))
        text = _("%(issuer)s issued it to %(earner)s and stands by it.")
        return Verdict(
            counts=True,
            tone="success",
            word=_("Valid"),
            sentence=text % {"issuer": issuer, "earner": self.earner},
        )

    def _ended(self, tone: str, word: str, text: str) -> Verdict:
        told = text % {"issuer": self.issuer, "day": _day(self._ended_on)}
        return Verdict(counts=False, tone=tone, word=word, sentence=told)

    @cached_property
    def _ended_on(self) -> datetime:
        """When it came to the status that it has."""
        moves = IssuingEvent.objects.filter(issued_badge=self.row, to_status=self.row.status)
        at = moves.exclude(from_status=self.row.status).order_by("-pk").values_list("at", flat=True).first()
        return timezone.localtime(at or self.now, self.zone)

    @cached_property
    def newer(self) -> str:
        """The page of the badge that took its place, if she published that one, too."""
        if self.row.status not in {Status.EXPIRED, Status.SUPERSEDED}:
            return ""
        successors = IssuedBadge.objects.filter(
            replaces=self.row, presentation__published_at__isnull=False, status__in=VERIFIABLE
        )
        newest = successors.select_related("presentation").order_by("-pk").first()
        return public_url(newest) if newest else ""

    @property
    def provider(self) -> str:
        return str(self.row.badge.badge_provider.get_kind_display())

    @property
    def provider_url(self) -> str:
        """Where else it can be verified. Until she accepts it there, the provider shows it to nobody."""
        return "" if self.row.external_state == "pending" else self.row.external_url

    @property
    def url(self) -> str:
        return absolute("shared-badge", self.presentation.public_id)

    @property
    def card_url(self) -> str:
        return absolute("shared-badge-card", self.presentation.public_id)

    @property
    def image_url(self) -> str:
        return absolute("shared-badge-image", self.presentation.public_id)

    @property
    def art(self) -> str:
        """The digest of the copy of its picture; empty where its medal is shown."""
        copy: BadgeArtwork | None = getattr(self.row.badge, "artwork", None)
        return copy.digest if copy and copy.address == self.row.badge.image_url else ""

    @property
    def alternative(self) -> str:
        """What a picture of it says to those who do not see it."""
        text = _("Badge “%(name)s”, earned by %(earner)s on %(day)s")
        return text % {"name": self.name, "earner": self.earner, "day": self.issued_day}

    @property
    def summary(self) -> str:
        """What stands under the name where a link to it is shown."""
        text = _("%(earner)s earned this badge of %(issuer)s on %(day)s.")
        return text % {"earner": self.earner, "issuer": self.issuer, "day": self.issued_day}

    @property
    def picture(self) -> Picture:
        return Picture(number=self.row.badge_id, name=self.plain_name, art=self.art)

    @property
    def card(self) -> Picture:
        return replace(self.picture, earner=self.earner, issuer=self.issuer)


def _day(moment: datetime) -> str:
    return date_format(moment, "DATE_FORMAT")
