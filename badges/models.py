"""What can be issued, and the life of each issued badge."""

from __future__ import annotations

from typing import TYPE_CHECKING
from uuid import UUID, uuid5

from django.conf import settings
from django.db import models
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _

from badges.status import LIVE, Status, label
from providers.models import BadgeProvider
from tms.access import ScopedQuerySet
from tms.models import Organization
from tms.models.base import Fact

if TYPE_CHECKING:
    from django.utils.functional import _StrPromise


class Badge(Fact):
    """One template of one provider account. Written by badges.catalogue; archived rather than deleted."""

    name = models.CharField(_("name"), max_length=200)
    description = models.TextField(_("description"), blank=True)
    organization = models.ForeignKey(Organization, models.PROTECT, verbose_name=_("organization"))
    badge_provider = models.ForeignKey(
        BadgeProvider, models.PROTECT, related_name="badges", verbose_name=_("badge provider")
    )
    template_id = models.CharField(_("badge provider template ID"), max_length=200)
    image_url = models.URLField(_("image"), max_length=500, blank=True)
    is_active = models.BooleanField(_("Is active"), default=False)
    enable_manual_issuance = models.BooleanField(_("Enable Manual Issuance"), default=False)
    available_to = models.ManyToManyField(
        Organization, blank=True, related_name="+", verbose_name=_("availability")
    )

    class Meta:
        verbose_name = _("badge")
        verbose_name_plural = _("badges")
        ordering = ["name", "id"]
        constraints = [
            models.UniqueConstraint(
                fields=["badge_provider", "template_id"],
                name="one_badge_of_a_template",
                violation_error_message=_("This provider account already has a badge of this template."),
            )
        ]

    def __str__(self) -> str:
        return self.name


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
    ended_reason = models.TextField(_("reason of the end"), blank=True)

    failure_code = models.CharField(_("failure code"), max_length=40, blank=True)
    failure_message = models.TextField(_("failure"), blank=True)
    provider_message = models.TextField(_("provider's words"), blank=True)

    objects = ScopedQuerySet.as_manager()

    class Meta:
        verbose_name = _("issued badge")
        verbose_name_plural = _("issued badges")
        ordering = ["-created_at", "-id"]
        constraints = [
            # Exactly once, part one: one intent. Part two is the look-up before any resend (badges.delivery).
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
            models.Index(
                fields=["priority", "due_at", "id"],
                name="issues_to_send",
                condition=models.Q(status=Status.QUEUED),
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
        )


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
