"""Training bought as a whole: subscription profiles, who holds them, and paths through their courses."""

from __future__ import annotations

from datetime import datetime

from django.core.exceptions import ValidationError
from django.db import models
from django.utils.translation import gettext_lazy as _

from tms.models.base import Fact
from tms.models.courses import Course
from tms.models.organizations import Organization
from tms.models.people import User


class SubscriptionProfile(Fact):
    """The courses that a subscription opens. Conditions name profiles as ClubIds, their former name."""

    name = models.CharField(_("name"), max_length=200)
    organization = models.ForeignKey(Organization, models.PROTECT, verbose_name=_("organization"))
    courses = models.ManyToManyField(
        Course, blank=True, related_name="subscription_profiles", verbose_name=_("courses")
    )

    class Meta:
        verbose_name = _("subscription profile")
        verbose_name_plural = _("subscription profiles")
        ordering = ["name", "id"]

    def __str__(self) -> str:
        return self.name


class Subscription(Fact):
    """One learner's hold on a profile, current from `starts_at` until `expires_at` (none: for ever)."""

    user = models.ForeignKey(User, models.PROTECT, related_name="subscriptions", verbose_name=_("student"))
    subscription_profile = models.ForeignKey(
        SubscriptionProfile,
        models.PROTECT,
        related_name="subscriptions",
        verbose_name=_("subscription profile"),
    )
    starts_at = models.DateTimeField(_("starts"))
    expires_at = models.DateTimeField(_("expires"), null=True, blank=True)

    class Meta:
        verbose_name = _("subscription")
        verbose_name_plural = _("subscriptions")
        ordering = ["-starts_at", "id"]
        constraints = [
            models.CheckConstraint(
                condition=models.Q(expires_at__isnull=True) | models.Q(expires_at__gte=models.F("starts_at")),
                name="subscription_expires_after_start",
                violation_error_message=_("A subscription expires after it starts."),
            )
        ]

    def __str__(self) -> str:
        return f"{self.user} – {self.subscription_profile}"

    def clean(self) -> None:
        super().clean()
        starts_at: datetime | None = self.starts_at  # None while a form is incomplete
        if starts_at and self.expires_at and self.expires_at < starts_at:
            raise ValidationError({"expires_at": _("A subscription expires after it starts.")}, code="period")

    def require_holder(self, user_id: int) -> None:
        """Refuse training of anybody else that names this subscription."""
        if self.user_id != user_id:
            message = _("This subscription is another student's.")
            raise ValidationError({"subscription": message}, code="subscription")


class LearningPath(Fact):
    """Some courses of a subscription profile in a recommended order; learners may take them in any."""

    name = models.CharField(_("name"), max_length=200)
    organization = models.ForeignKey(Organization, models.PROTECT, verbose_name=_("organization"))
    subscription_profile = models.ForeignKey(
        SubscriptionProfile,
        models.PROTECT,
        related_name="learning_paths",
        verbose_name=_("subscription profile"),
    )
    is_enabled = models.BooleanField(_("enabled"), default=True)
    courses = models.ManyToManyField(
        Course,
        through="LearningPathCourse",
        blank=True,
        related_name="learning_paths",
        verbose_name=_("courses"),
    )

    class Meta:
        verbose_name = _("learning path")
        verbose_name_plural = _("learning paths")
        ordering = ["name", "id"]

    def __str__(self) -> str:
        return self.name


class LearningPathCourse(models.Model):
    """The place of a course in a path, counted from 1."""

    learning_path = models.ForeignKey(LearningPath, models.CASCADE, related_name="steps")
    course = models.ForeignKey(Course, models.PROTECT, related_name="+", verbose_name=_("course"))
    position = models.PositiveIntegerField(_("position"))

    class Meta:
        verbose_name = _("course of a learning path")
        verbose_name_plural = _("courses of a learning path")
        ordering = ["position", "id"]
        constraints = [
            models.UniqueConstraint(
                fields=["learning_path", "course"],
                name="course_once_in_a_path",
                violation_error_message=_("A course stands in a learning path once."),
            )
        ]

    def __str__(self) -> str:
        return f"{self.position}. {self.course}"
