"""What a course is made of, and how far a learner has come in it."""

from __future__ import annotations

from datetime import datetime

from django.core.exceptions import ValidationError
from django.db import models
from django.utils.translation import gettext_lazy as _

from tms.models.assignments import CourseAssignment
from tms.models.base import Fact
from tms.models.classes import Enrollment
from tms.models.courses import Course, Lab
from tms.models.people import User


class CourseSection(Fact):
    """A module of a course: some of its activities under one heading."""

    course = models.ForeignKey(Course, models.PROTECT, related_name="sections", verbose_name=_("course"))
    name = models.CharField(_("name"), max_length=200)
    position = models.PositiveIntegerField(_("position"), default=1)

    class Meta:
        verbose_name = _("course section")
        verbose_name_plural = _("course sections")
        ordering = ["course", "position", "id"]

    def __str__(self) -> str:
        return self.name


class CourseActivity(Fact):
    """A lesson of a course. Whoever finishes the required ones has finished the course."""

    class Kind(models.TextChoices):
        LAB = "lab", _("Lab")
        VIDEO = "video", _("Video")
        SCORM = "scorm", _("SCORM")
        LTI = "lti", _("LTI")
        EXTERNAL_LINK = "external_link", _("External link")
        ASSESSMENT = "assessment", _("Assessment")
        DOCUMENT = "document", _("Document")

    # Nothing is reported back from these: to open one is to finish it.
    FINISHED_BY_LAUNCH = (Kind.VIDEO, Kind.EXTERNAL_LINK, Kind.DOCUMENT)

    section = models.ForeignKey(
        CourseSection, models.PROTECT, related_name="activities", verbose_name=_("section")
    )
    name = models.CharField(_("name"), max_length=200)
    kind = models.CharField(_("kind"), max_length=20, choices=Kind.choices)
    position = models.PositiveIntegerField(_("position"), default=1)
    is_required = models.BooleanField(_("Required for course completion"), default=True)
    lab = models.ForeignKey(
        Lab, models.PROTECT, null=True, blank=True, related_name="course_activities", verbose_name=_("lab")
    )

    class Meta:
        verbose_name = _("course activity")
        verbose_name_plural = _("course activities")
        ordering = ["section", "position", "id"]
        constraints = [
            models.CheckConstraint(
                condition=models.Q(kind="lab", lab__isnull=False)
                | (~models.Q(kind="lab") & models.Q(lab__isnull=True)),
                name="activity_names_its_lab",
                violation_error_message=_("A lab activity names its lab, and no other activity names one."),
            )
        ]

    def __str__(self) -> str:
        return self.name


class ActivityResult(Fact):
    """How far one learner is with one course activity within one assignment or enrolment.

    The zones are the learner's own at the moment, as everywhere. For a lab this follows from its instances.
    """

    user = models.ForeignKey(
        User, models.PROTECT, related_name="activity_results", editable=False, verbose_name=_("student")
    )
    course_activity = models.ForeignKey(
        CourseActivity, models.PROTECT, related_name="results", verbose_name=_("course activity")
    )
    course_assignment = models.ForeignKey(
        CourseAssignment,
        models.PROTECT,
        null=True,
        blank=True,
        related_name="activity_results",
        verbose_name=_("course assignment"),
    )
    enrollment = models.ForeignKey(
        Enrollment,
        models.PROTECT,
        null=True,
        blank=True,
        related_name="activity_results",
        verbose_name=_("enrollment"),
    )
    launched_at = models.DateTimeField(_("launched"))
    completed_at = models.DateTimeField(_("completed"), null=True, blank=True)
    launched_zone = models.CharField(max_length=64, editable=False)
    completed_zone = models.CharField(max_length=64, blank=True, editable=False)

    class Meta:
        verbose_name = _("activity result")
        verbose_name_plural = _("activity results")
        ordering = ["-launched_at", "id"]
        constraints = [
            models.CheckConstraint(
                condition=models.Q(course_assignment__isnull=False, enrollment__isnull=True)
                | models.Q(course_assignment__isnull=True, enrollment__isnull=False),
                name="activity_taken_one_way",
                violation_error_message=_(
                    "A course activity is taken through an assignment or an enrollment, and not both."
                ),
            ),
            models.UniqueConstraint(
                fields=["course_assignment", "course_activity"], name="one_result_in_an_assignment"
            ),
            models.UniqueConstraint(
                fields=["enrollment", "course_activity"], name="one_result_in_an_enrollment"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.user} – {self.course_activity}"

    def clean(self) -> None:
        super().clean()
        if self.taking is None or not self.course_activity_id:
            return
        if self.course_activity.kind == CourseActivity.Kind.LAB:
            message = _("The result of a lab follows from its lab instances.")
            raise ValidationError({"course_activity": message}, code="lab")
        if self.course_activity.section.course_id != self.course_id:
            message = _("This activity belongs to another course.")
            raise ValidationError({"course_activity": message}, code="another_course")

    @property
    def taking(self) -> CourseAssignment | Enrollment | None:
        """What it was taken through."""
        return self.course_assignment or self.enrollment

    @property
    def course_id(self) -> int | None:
        if self.course_assignment:
            return self.course_assignment.course_id
        return self.enrollment.training_class.course_id if self.enrollment else None

    @property
    def finished_at(self) -> datetime | None:
        """When this counted as done: at its launch, or for what reports back, at its completion."""
        if self.course_activity.kind in CourseActivity.FINISHED_BY_LAUNCH:
            return self.launched_at
        return self.completed_at

    @property
    def finished_zone(self) -> str:
        if self.course_activity.kind in CourseActivity.FINISHED_BY_LAUNCH:
            return self.launched_zone
        return self.completed_zone
