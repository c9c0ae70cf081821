"""The transcript that conditions read, and the queue of learners whose transcript changed."""

from __future__ import annotations

from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from tms.access import ScopedQuerySet
from tms.models.courses import Course, Lab
from tms.models.people import User
from tms.models.subscriptions import Subscription


class LearningRecord(models.Model):
    """One row for each lab instance, enrolment, assignment or activity that counts; nothing else is here.

    Derived from the entities by tms.records and never written otherwise, so it can be rebuilt
    (`manage.py rebuild_records`). A fact that does not count (cancelled, No Show, a failed launch) has no
    row. `started_day` and `completed_day` are the learner's own days, and `utc_offset` is how many minutes
    east of UTC the learner's clocks stood at `started_at`. For a lab, `course` is the course it was taken
    through. `subscription` is set where the record counts as taken through one; whether it was current at
    that moment is for the reader to ask. `kind` and `other` (the other person) are an activity's.
    """

    class Subject(models.IntegerChoices):
        LAB = 0, _("Lab")
        COURSE = 10, _("Course")
        ACTIVITY = 50, _("Activity")

    class Source(models.IntegerChoices):
        LAB_INSTANCE = 1
        ENROLLMENT = 2
        COURSE_ASSIGNMENT = 3
        ACTIVITY = 4

    learner = models.ForeignKey(User, models.CASCADE, related_name="learning_records", db_index=False)
    subject = models.SmallIntegerField(choices=Subject.choices)
    lab = models.ForeignKey(Lab, models.CASCADE, null=True, related_name="+", db_index=False)
    course = models.ForeignKey(Course, models.CASCADE, null=True, related_name="+", db_index=False)
    kind = models.CharField(max_length=60, blank=True)
    subscription = models.ForeignKey(
        Subscription, models.CASCADE, null=True, related_name="+", db_index=False
    )
    other = models.ForeignKey(User, models.CASCADE, null=True, related_name="+", db_index=False)
    started_at = models.DateTimeField()
    completed_at = models.DateTimeField(null=True)
    started_day = models.DateField()
    completed_day = models.DateField(null=True)
    utc_offset = models.SmallIntegerField(null=True)
    passed = models.BooleanField(null=True)
    score = models.FloatField(null=True)
    minutes = models.FloatField(null=True)
    source_kind = models.SmallIntegerField(choices=Source.choices)
    source_id = models.BigIntegerField()

    objects = ScopedQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["source_kind", "source_id"], name="one_record_of_a_fact")
        ]
        # Each answers a kind of condition by itself, in the order in which its rows are numbered: what a rule
        # reads besides is included (PostgreSQL; SQLite goes on to the row).
        indexes = [
            models.Index(
                fields=["learner", "subject", "completed_at", "id"],
                include=["completed_day", "lab", "course"],
                name="record_completions",
                condition=models.Q(completed_at__isnull=False),
            ),
            models.Index(
                fields=["learner", "subject", "started_at", "id"],
                include=["started_day", "lab", "course"],
                name="record_starts",
            ),
            models.Index(
                fields=["lab", "learner", "completed_at", "id"],
                include=["subject", "started_at"],
                name="record_of_lab",
                condition=models.Q(lab__isnull=False),
            ),
            models.Index(
                fields=["course", "learner", "completed_at", "id"],
                include=["subject", "started_at"],
                name="record_of_course",
                condition=models.Q(course__isnull=False),
            ),
            models.Index(
                fields=["learner", "subject", "lab"],
                include=["completed_at", "started_at", "minutes", "id"],
                name="record_passes",
                condition=models.Q(passed=True),
            ),
            models.Index(
                fields=["subscription", "learner"],
                name="record_of_subscription",
                condition=models.Q(subscription__isnull=False),
            ),
            models.Index(
                fields=["learner", "subject", "kind", "started_at"],
                name="record_activities",
                condition=models.Q(subject=50),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.get_source_kind_display()} {self.source_id}"


class ProgressChange(models.Model):
    """“This learner may now earn more.” Written in the transaction of the change itself, read and deleted by
    achievements.evaluation.

    Append-only on purpose: a watermark on ids would skip a row whose transaction commits late.
    """

    learner = models.ForeignKey(User, models.CASCADE, related_name="+", db_index=False)
    at = models.DateTimeField(default=timezone.now)

    def __str__(self) -> str:
        return f"{self.learner_id} @ {self.at:%Y-%m-%d %H:%M:%S}"
