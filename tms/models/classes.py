"""Instructor-led training: classes and the enrolments in them."""

from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from tms.models.base import Fact, validate_time_zone
from tms.models.courses import Course
from tms.models.organizations import Organization
from tms.models.people import User
from tms.models.subscriptions import Subscription


class Class(Fact):
    """A scheduled event of a course. None of the enrolments of a cancelled class counts."""

    class Status(models.TextChoices):
        REQUESTED = "requested", _("Requested")
        TENTATIVE = "tentative", _("Tentative")
        SCHEDULED = "scheduled", _("Scheduled")
        GUARANTEED = "guaranteed", _("Guaranteed to run")
        RESCHEDULED = "rescheduled", _("Rescheduled")
        COMPLETED = "completed", _("Completed")
        CANCELLED = "cancelled", pgettext_lazy("training", "Cancelled")
        DENIED = "denied", _("Denied")

    name = models.CharField(_("name"), max_length=200)
    course = models.ForeignKey(Course, models.PROTECT, related_name="classes", verbose_name=_("course"))
    organization = models.ForeignKey(Organization, models.PROTECT, verbose_name=_("organization"))
    starts_at = models.DateTimeField(_("starts"))
    ends_at = models.DateTimeField(_("ends"))
    time_zone = models.CharField(
        _("time zone"),
        max_length=64,
        blank=True,
        validators=[validate_time_zone],
        help_text=_("Empty: the organization's."),
    )
    status = models.CharField(_("status"), max_length=20, choices=Status.choices, default=Status.SCHEDULED)
    minimum = models.PositiveIntegerField(_("minimum students"), default=0)
    maximum = models.PositiveIntegerField(_("maximum students"), null=True, blank=True)
    instructors = models.ManyToManyField(
        User, blank=True, related_name="classes_taught", verbose_name=_("instructors")
    )

    class Meta:
        verbose_name = _("class")
        verbose_name_plural = _("classes")
        ordering = ["-starts_at", "id"]
        constraints = [
            models.CheckConstraint(
                condition=models.Q(ends_at__gte=models.F("starts_at")),
                name="class_ends_after_start",
                violation_error_message=_("A class ends after it starts."),
            )
        ]

    def __str__(self) -> str:
        return self.name

    def clean(self) -> None:
        super().clean()
        if self._state.adding and self.course_id:
            self.course.require_schedulable()


class Enrollment(Fact):
    """One learner in one class. Only Enrolled and Audit give access and count.

    `started_zone` and `completed_zone` keep the learner's time zone at the moment, so that the local
    day of the fact can be told again after the learner has moved.
    """

    class Status(models.TextChoices):
        REQUESTED = "requested", _("Requested")
        CANCELLED = "cancelled", pgettext_lazy("training", "Cancelled")
        WAIT_LISTED = "wait_listed", _("Wait-Listed")
        APPROVED = "approved", _("Approved")
        DENIED = "denied", _("Denied")
        AUDIT = "audit", pgettext_lazy("enrollment", "Audit")
        ENROLLED = "enrolled", _("Enrolled")

    class Completion(models.TextChoices):
        UNKNOWN = "unknown", _("Unknown")
        ATTENDING = "attending", _("Attending")
        COMPLETE = "complete", _("Complete")
        INCOMPLETE = "incomplete", _("Incomplete")
        NO_SHOW = "no_show", _("No Show")
        FAILED = "failed", pgettext_lazy("training", "Failed")

    user = models.ForeignKey(User, models.PROTECT, related_name="enrollments", verbose_name=_("student"))
    training_class = models.ForeignKey(
        Class, models.PROTECT, related_name="enrollments", verbose_name=_("class")
    )
    status = models.CharField(_("status"), max_length=20, choices=Status.choices, default=Status.ENROLLED)
    completion_status = models.CharField(
        _("completion status"), max_length=20, choices=Completion.choices, default=Completion.UNKNOWN
    )
    enrolled_at = models.DateTimeField(_("enrolled"))
    completed_at = models.DateTimeField(_("completed"), null=True, blank=True)
    subscription = models.ForeignKey(
        Subscription,
        models.PROTECT,
        null=True,
        blank=True,
        related_name="enrollments",
        verbose_name=_("subscription"),
        help_text=_("The one that pays for it."),
    )
    started_zone = models.CharField(max_length=64, editable=False)
    completed_zone = models.CharField(max_length=64, blank=True, editable=False)

    class Meta:
        verbose_name = _("enrollment")
        verbose_name_plural = _("enrollments")
        ordering = ["-enrolled_at", "id"]
        constraints = [
            models.UniqueConstraint(
                fields=["user", "training_class"],
                name="one_enrollment_in_a_class",
                violation_error_message=_("This student is already in this class."),
            ),
            models.CheckConstraint(
                condition=models.Q(completion_status="unknown") | models.Q(status="enrolled"),
                name="completion_only_for_enrolled",
                violation_error_message=_("Only Enrolled students have a completion status."),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.user} – {self.training_class}"

    def clean(self) -> None:
        super().clean()
        if self.subscription:
            self.subscription.require_holder(self.user_id)
