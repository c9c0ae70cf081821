"""The outbox of messages to people. Delivery is a later reader of these rows."""

from __future__ import annotations

from django.db import models
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _

from tms.models.people import User


class Notification(models.Model):
    """One thing to tell one person. (kind, key) names the event, so telling it twice is impossible."""

    class Kind(models.TextChoices):
        ACHIEVEMENT_EARNED = "achievement_earned", _("Achievement earned")
        ACHIEVEMENTS_EARNED_SUMMARY = "achievements_earned_summary", _("Achievements earned in a backfill")

    user = models.ForeignKey(User, models.CASCADE, related_name="notifications")
    kind = models.CharField(max_length=40, choices=Kind.choices)
    key = models.BigIntegerField(help_text=_("Id of the row that the message is about."))
    created_at = models.DateTimeField(db_default=Now())
    sent_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["user", "kind", "key"], name="told_once")]
        indexes = [
            models.Index(
                fields=["created_at"], name="notifications_to_send", condition=models.Q(sent_at__isnull=True)
            )
        ]

    def __str__(self) -> str:
        return f"{self.user}: {self.kind} {self.key}"
