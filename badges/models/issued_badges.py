"""The life of each issued badge."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar
from uuid import UUID, uuid5

from django.conf import settings
from django.db import models
from django.db.models.functions import Now
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from badges.models.badges import Badge
from badges.status import (
    ACCOUNT_CLOSED,
    ACCOUNT_SILENT,
    AT_PROVIDER,
    HELD_ACCOUNT_PAUSED,
    LIVE,
    PRESENTABLE,
    Status,
    label,
)
from providers.models import BadgeProvider
from tms.access import ScopedQuerySet

if TYPE_CHECKING:
    from django.utils.functional import _StrPromise


class IssuedBadge(models.Model):
    """One learner, one badge: the intent to issue it, and what became of it.

    `status` is written by badges.lifecycle alone. `source_kind` and `source_key` name what led to it
    without a foreign key, since achievements and rosters lie above this app.
    """

    class Priority(models.IntegerChoices):
        MANUAL = 0, _("by hand")
        LIVE = 10, _("earned")
        BACKFILL = 20, _("backfill")

    class Source(models.TextChoices):
        ACHIEVEMENT = "achievement", _("Achievement")
        ROSTER = "roster", _("Class roster")
        COURSE_ASSIGNMENT = "course_assignment", _("Course assignment")
        LIST = "list", _("List")
        BACK_OFFICE = "back_office", _("Back office")
        API = "api", _("API")
        COMMAND = "command", _("Command")

    # No index of its own: without statistics PostgreSQL finds a pair by it, and reads every learner's row.
    badge = models.ForeignKey(
        Badge, models.PROTECT, related_name="issued_badges", db_index=False, verbose_name=_("badge")
    )
    learner = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, related_name="issued_badges", verbose_name=_("learner")
    )
    status = models.CharField(_("status"), max_length=12, choices=Status.choices, default=Status.QUEUED)
    hold_reason = models.CharField(max_length=200, blank=True)

    source_kind = models.CharField(_("source"), max_length=20, choices=Source.choices)
    source_key = models.CharField(max_length=60, blank=True)
    issued_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.SET_NULL, null=True, related_name="+", verbose_name=_("issued by")
    )
    reason = models.TextField(_("reason"), blank=True)
    priority = models.SmallIntegerField(_("priority"), choices=Priority.choices, default=Priority.LIVE)
    suppress_notification = models.BooleanField(default=False)

    earned_at = models.DateTimeField(_("earned"))
    expires_at = models.DateTimeField(_("expires"), null=True, blank=True)
    # [{"name", "description", "url"}], given by whoever issued it by hand.
    evidence = models.JSONField(_("evidence"), default=list, blank=True)
    # The one that it takes the place of: renewed after it had expired.
    replaces = models.ForeignKey(
        "self", models.SET_NULL, null=True, related_name="replaced_by", verbose_name=_("replaces")
    )
    recipient_email = models.CharField(_("recipient"), max_length=254)
    created_at = models.DateTimeField(_("created"), db_default=Now())
    issued_at = models.DateTimeField(_("issued"), null=True)

    external_uuid = models.CharField(_("external UUID"), max_length=100, blank=True)
    external_state = models.CharField(_("external state"), max_length=40, blank=True)
    external_url = models.URLField(max_length=500, blank=True)
    accept_url = models.URLField(max_length=500, blank=True)

    due_at = models.DateTimeField(db_default=Now())
    attempts = models.PositiveIntegerField(_("attempts"), default=0)
    claim_token = models.UUIDField(null=True)
    lease_until = models.DateTimeField(null=True)
    lookups_missed = models.PositiveSmallIntegerField(default=0)
    lookups_failed = models.PositiveSmallIntegerField(default=0)
    # Set while the names, address or expiry of today have yet to reach the provider.
    correction_due_at = models.DateTimeField(null=True)
    correction_includes_email = models.BooleanField(default=False, db_default=False)
    correction_problem = models.TextField(_("result of the correction"), blank=True)
    # Set while the provider is to erase what it has (badges.errands).
    erasure_due_at = models.DateTimeField(null=True)
    # A wish to take it back, until it can be: a row that is being sent waits for its outcome (badges.ending).
    revoke_asked_at = models.DateTimeField(_("to be revoked since"), null=True)
    revoke_asked_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.SET_NULL, null=True, related_name="+", db_index=False
    )
    ended_reason = models.TextField(_("reason of the end"), blank=True)
    # Cancelled because all that had led to it was taken back: it stands in the way of no other.
    was_undone = models.BooleanField(default=False, db_default=False, editable=False)

    failure_code = models.CharField(_("failure code"), max_length=40, blank=True)
    failure_message = models.TextField(_("failure"), blank=True)
    provider_message = models.TextField(_("provider's words"), blank=True)
    # Set where the provider had it before we asked: why it would not issue it, in its own words or ours.
    already_there = models.TextField(_("there already"), blank=True, db_default="")

    objects = ScopedQuerySet.as_manager()

    class Meta:
        verbose_name = _("issued badge")
        verbose_name_plural = _("issued badges")
        ordering = ["-created_at", "-id"]
        constraints = [
            # Exactly once, part one: one intent. Part two is the look-up before any resend (badges.lookups).
            models.UniqueConstraint(
                fields=["badge", "learner"], name="one_live_issue", condition=models.Q(status__in=LIVE)
            ),
            # One badge at the provider stands for one row of ours, also where two processes look at once.
            models.UniqueConstraint(
                fields=["badge", "external_uuid"],
                name="one_row_of_a_provider_badge",
                condition=~models.Q(external_uuid=""),
            ),
        ]
        indexes = [
            models.Index(fields=["badge", "learner"], name="issued_pairs"),
            # Whose turn it is: see badges.fairness.
            models.Index(
                fields=["status", "badge", "priority", "due_at", "id"],
                name="issues_in_line",
                condition=models.Q(status__in=[Status.QUEUED, Status.UNKNOWN, Status.REVOKING]),
            ),
            models.Index(
                fields=["status", "due_at"],
                name="issues_open",
                condition=models.Q(status__in=[Status.SENDING, Status.UNKNOWN, Status.REVOKING, Status.HELD]),
            ),
            models.Index(
                fields=["failure_code"], name="issues_failed", condition=models.Q(status=Status.FAILED)
            ),
            models.Index(fields=["external_uuid"], name="issued_by_external_uuid"),
            # The newest first, as people look for them, and how many there are of each badge (badges.finds).
            models.Index(fields=["created_at", "id"], name="issued_by_time"),
            models.Index(
                fields=["badge"], name="issued_of_badge", condition=models.Q(status__in=AT_PROVIDER)
            ),
            models.Index(
                fields=["correction_due_at"],
                name="issues_to_correct",
                condition=models.Q(correction_due_at__isnull=False),
            ),
            *(
                models.Index(fields=[moment], name=name, condition=models.Q(**{f"{moment}__isnull": False}))
                for moment, name in (
                    ("erasure_due_at", "issues_to_erase"),
                    ("revoke_asked_at", "issues_to_revoke"),
                )
            ),
            models.Index(
                fields=["expires_at"],
                name="issues_to_expire",
                condition=models.Q(expires_at__isnull=False, status__in=[Status.ISSUED, Status.ACCEPTED]),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.badge} – {self.learner}"

    @property
    def reference(self) -> UUID:
        """Our stable id of this intent for providers that store one."""
        return uuid5(self.learner.earner_id, str(self.pk))

    @property
    def issued_status(self) -> _StrPromise | str:
        return label(
            Status(self.status),
            provider=self.badge.badge_provider.get_kind_display(),
            hold_reason=self.hold_reason,
            external_state=self.external_state,
            attempts=self.attempts,
            obstacle=self._obstacle(),
        )

    @property
    def is_presentable(self) -> bool:
        """Whether its learner may show it to others as hers."""
        return self.status in PRESENTABLE and self.erasure_due_at is None

    def _obstacle(self) -> str:
        """Why the account is not called now; empty when it is."""
        provider = self.badge.badge_provider
        if provider.paused_at:
            return HELD_ACCOUNT_PAUSED
        if provider.broken_until:
            return ACCOUNT_SILENT
        if provider.closed_until and provider.closed_until > timezone.now():
            return ACCOUNT_CLOSED
        return ""


class _CredlyBadges(models.Manager.from_queryset(ScopedQuerySet)):  # type: ignore[misc]
    def get_queryset(self) -> ScopedQuerySet[CredlyBadge]:
        rows: ScopedQuerySet[CredlyBadge] = super().get_queryset()
        return rows.filter(badge__badge_provider__kind=BadgeProvider.Kind.CREDLY)


class CredlyBadge(IssuedBadge):
    """A badge issued through Credly, as the back office lists them."""

    objects: ClassVar[Any] = _CredlyBadges()

    class Meta:
        proxy = True
        verbose_name = _("Credly badge")
        verbose_name_plural = _("Credly badges")


class _AccredibleBadges(models.Manager.from_queryset(ScopedQuerySet)):  # type: ignore[misc]
    def get_queryset(self) -> ScopedQuerySet[AccredibleBadge]:
        rows: ScopedQuerySet[AccredibleBadge] = super().get_queryset()
        return rows.filter(badge__badge_provider__kind=BadgeProvider.Kind.ACCREDIBLE)


class AccredibleBadge(IssuedBadge):
    """A badge issued through Accredible, as the back office lists them."""

    objects: ClassVar[Any] = _AccredibleBadges()

    class Meta:
        proxy = True
        verbose_name = _("Accredible badge")
        verbose_name_plural = _("Accredible badges")


class IssuingEvent(models.Model):
    """One move of an issued badge: its timeline and the audit. Append-only; written by lifecycle.move."""

    issued_badge = models.ForeignKey(IssuedBadge, models.CASCADE, related_name="events")
    at = models.DateTimeField(db_default=Now())
    from_status = models.CharField(max_length=12, choices=Status.choices)
    to_status = models.CharField(max_length=12, choices=Status.choices)
    actor = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, related_name="+")
    reason = models.TextField(blank=True)
    data = models.JSONField(default=dict, blank=True)

    class Meta:
        verbose_name = _("event")
        verbose_name_plural = _("timeline")
        ordering = ["id"]

    def __str__(self) -> str:
        return f"{self.get_from_status_display()} → {self.get_to_status_display()}"
