"""Self-paced training: course assignments, and the lab instances that learners launch."""

from __future__ import annotations

from django.core.exceptions import ValidationError
from django.db import models
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from tms.models.base import Fact
from tms.models.classes import Enrollment
from tms.models.courses import Course, Lab
from tms.models.people import User
from tms.models.subscriptions import Subscription


class CourseAssignment(Fact):
    """One learner, one course, from `started_at` until `expires_at` (180 days unless told).

    `completed_by_itself`: nobody said so, its required activities are finished (tms.coursework).
    """

    class Status(models.TextChoices):
        ACTIVE = "active", _("Active")
        CANCELLED = "cancelled", pgettext_lazy("training", "Cancelled")

    user = models.ForeignKey(
        User, models.PROTECT, related_name="course_assignments", verbose_name=_("student")
    )
    course = models.ForeignKey(Course, models.PROTECT, related_name="assignments", verbose_name=_("course"))
    status = models.CharField(_("status"), max_length=20, choices=Status.choices, default=Status.ACTIVE)
    started_at = models.DateTimeField(_("started"))
    completed_at = models.DateTimeField(_("completed"), null=True, blank=True)
    expires_at = models.DateTimeField(_("expires"), null=True, blank=True)
    target_completion = models.DateTimeField(_("target completion"), null=True, blank=True)
    subscription = models.ForeignKey(
        Subscription,
        models.PROTECT,
        null=True,
        blank=True,
        related_name="course_assignments",
        verbose_name=_("subscription"),
        help_text=_("The one that it was started from, or that pays for it."),
    )
    completed_by_itself = models.BooleanField(default=False, editable=False)
    from_on_demand = models.BooleanField(_("started from the On-Demand browser"), default=False)
    started_zone = models.CharField(max_length=64, editable=False)
    completed_zone = models.CharField(max_length=64, blank=True, editable=False)

    class Meta:
        verbose_name = _("course assignment")
        verbose_name_plural = _("course assignments")
        ordering = ["-started_at", "id"]

    def __str__(self) -> str:
        return f"{self.user} – {self.course}"

    def clean(self) -> None:
        super().clean()
        if self._state.adding and self.course_id:
            self.course.require_schedulable()
        if self.subscription:
            self.subscription.require_holder(self.user_id)


class LabInstance(Fact):
    """One launch of a lab. `minutes` is time in session, not the time the lab was running."""

    class Status(models.TextChoices):
        SCHEDULED = "scheduled", _("Scheduled")
        CANCELLED = "cancelled", pgettext_lazy("training", "Cancelled")
        NOT_STARTED = "not_started", _("Not Started")
        INCOMPLETE = "incomplete", _("Incomplete")
        COMPLETE = "complete", _("Complete")
        STORAGE_PROVISIONING_FAILED = "storage_provisioning_failed", _("Storage Provisioning Failed")
        LAB_CREATION_FAILED = "lab_creation_failed", _("Lab Creation Failed")
        RESUME_FAILED = "resume_failed", _("Resume Failed")
        SAVE_FAILED = "save_failed", _("Save Failed")
        SUBMITTED_FOR_GRADING = "submitted_for_grading", _("Submitted For Grading")
        GRADING_IN_PROGRESS = "grading_in_progress", _("Grading In Progress")

    # The lab never came up for the learner, or not yet: no launch. A failed resume or save had one before.
    NOT_LAUNCHED = (
        Status.SCHEDULED,
        Status.CANCELLED,
        Status.NOT_STARTED,
        Status.STORAGE_PROVISIONING_FAILED,
        Status.LAB_CREATION_FAILED,
    )

    user = models.ForeignKey(User, models.PROTECT, related_name="lab_instances", verbose_name=_("student"))
    lab = models.ForeignKey(Lab, models.PROTECT, related_name="instances", verbose_name=_("lab"))
    course_assignment = models.ForeignKey(
        CourseAssignment,
        models.PROTECT,
        null=True,
        blank=True,
        related_name="lab_instances",
        verbose_name=_("course assignment"),
    )
    enrollment = models.ForeignKey(
        Enrollment,
        models.PROTECT,
        null=True,
        blank=True,
        related_name="lab_instances",
        verbose_name=_("enrollment"),
    )
    status = models.CharField(_("status"), max_length=32, choices=Status.choices, default=Status.INCOMPLETE)
    started_at = models.DateTimeField(_("started"))
    completed_at = models.DateTimeField(_("completed"), null=True, blank=True)
    minutes = models.FloatField(_("minutes in session"), default=0)
    passed = models.BooleanField(_("passed"), null=True, blank=True)
    score_percent = models.FloatField(_("score percent"), null=True, blank=True)
    started_zone = models.CharField(max_length=64, editable=False)
    completed_zone = models.CharField(max_length=64, blank=True, editable=False)

    class Meta:
        verbose_name = _("lab instance")
        verbose_name_plural = _("lab instances")
        ordering = ["-started_at", "id"]
        constraints = [
            models.CheckConstraint(
                condition=models.Q(course_assignment__isnull=True) | models.Q(enrollment__isnull=True),
                name="lab_taken_one_way",
                violation_error_message=_("A lab is taken through an assignment or an enrollment, not both."),
            ),
            models.CheckConstraint(
                condition=models.Q(minutes__gte=0),
                name="lab_minutes_not_negative",
                violation_error_message=_("Minutes cannot be negative."),
            ),
            models.CheckConstraint(
                condition=models.Q(score_percent__isnull=True)
                | models.Q(score_percent__gte=0, score_percent__lte=100),
                name="lab_score_is_a_percentage",
                violation_error_message=_("A score lies between 0 and 100 percent."),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.user} – {self.lab}"

    def clean(self) -> None:
        super().clean()
        for name in ("course_assignment", "enrollment"):
            taken_through = getattr(self, name)
            if taken_through and taken_through.user_id != self.user_id:
                raise ValidationError({name: _("This belongs to another student.")}, code="another_student")
