"""What providers tell."""

from __future__ import annotations

from django.db import models
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _

from badges.models.issued_badges import IssuedBadge
from providers.models import BadgeProvider
from tms.access import ScopedQuerySet


class ProviderEvent(models.Model):
    """What a provider told us happened, stored before anything is done with it (badges.provider_events).

    `told` is what arrived, `read` what we fetched back with our own token: only the latter is acted on. It
    waits until `processed_at` is set. `due_at` is also the end of a claim, and `attempts` tells a claim from
    the next.
    """

    class Outcome(models.TextChoices):
        DONE = "done", _("Done")
        IGNORED = "ignored", _("Ignored")
        GIVEN_UP = "given_up", _("Given up")

    badge_provider = models.ForeignKey(BadgeProvider, models.CASCADE, related_name="events")
    external_id = models.CharField(_("event ID"), max_length=100)
    kind = models.CharField(_("kind"), max_length=60)
    occurred_at = models.DateTimeField(_("occurred"), null=True)
    received_at = models.DateTimeField(_("received"), db_default=Now())
    told = models.JSONField(default=dict)
    read = models.JSONField(default=dict)
    due_at = models.DateTimeField(db_default=Now())
    attempts = models.PositiveSmallIntegerField(_("attempts"), default=0)
    processed_at = models.DateTimeField(_("processed"), null=True)
    outcome = models.CharField(_("outcome"), max_length=10, choices=Outcome.choices, blank=True)
    result = models.TextField(_("result"), blank=True)
    issued_badge = models.ForeignKey(
        IssuedBadge,
        models.SET_NULL,
        null=True,
        related_name="provider_events",
        verbose_name=_("issued badge"),
    )

    objects = ScopedQuerySet.as_manager()

    class Meta:
        verbose_name = _("provider event")
        verbose_name_plural = _("provider events")
        ordering = ["-id"]
        constraints = [
            models.UniqueConstraint(
                fields=["badge_provider", "external_id"], name="one_row_of_a_provider_event"
            )
        ]
        indexes = [
            models.Index(
                fields=["badge_provider", "due_at"],
                name="events_to_process",
                condition=models.Q(processed_at__isnull=True),
            )
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.external_id}"
