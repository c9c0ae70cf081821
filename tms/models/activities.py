"""What people do besides training proper: visits, finished lessons, their profile, the community."""

from __future__ import annotations

from django.core.validators import RegexValidator
from django.db import models
from django.utils.translation import gettext_lazy as _

from tms.models.base import Fact
from tms.models.courses import Course
from tms.models.people import User

KIND = RegexValidator(
    r"\A[a-z][a-z0-9]*(_[a-z0-9]+)*\Z",
    _("Write a kind as lower-case words joined by underscores, such as post_published."),
)


class Activity(Fact):
    """One thing that one person did once. Integrations may send kinds of their own.

    Those with an `occasion` the product wrote itself: it names what the activity was about (the local day of
    a session, the lesson of an assignment), so that one occasion is written once.
    """

    class Kind(models.TextChoices):
        """The kinds that the product and its manual know."""

        PROFILE_PICTURE_ADDED = "profile_picture_added", _("Profile picture added")
        BIO_COMPLETED = "bio_completed", _("Bio completed")
        SOCIAL_LINK_ADDED = "social_link_added", _("Social link added")
        PROFILE_COMPLETED = "profile_completed", _("Profile completed")
        LESSON_COMPLETED = "lesson_completed", _("Lesson completed")
        MODULE_COMPLETED = "module_completed", _("Module completed")
        POST_PUBLISHED = "post_published", _("Post published")
        COMMENT_ADDED = "comment_added", _("Comment added")
        REACTION_RECEIVED = "reaction_received", _("Reaction received")
        LEARNER_HELPED = "learner_helped", _("Learner helped")
        SESSION = "session", _("Session")

    user = models.ForeignKey(User, models.PROTECT, related_name="activities", verbose_name=_("person"))
    kind = models.CharField(_("kind"), max_length=60, validators=[KIND])
    occurred_at = models.DateTimeField(_("occurred"))
    course = models.ForeignKey(
        Course,
        models.PROTECT,
        null=True,
        blank=True,
        related_name="activities",
        verbose_name=_("course"),
    )
    other_user = models.ForeignKey(
        User,
        models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
        verbose_name=_("other person"),
        help_text=_("Who was helped, who reacted."),
    )
    occasion = models.CharField(max_length=80, null=True, editable=False)
    occurred_zone = models.CharField(max_length=64, editable=False)

    class Meta:
        verbose_name = _("activity")
        verbose_name_plural = _("activities")
        ordering = ["-occurred_at", "id"]
        constraints = [
            models.UniqueConstraint(fields=["user", "kind", "occasion"], name="one_activity_of_an_occasion")
        ]

    def __str__(self) -> str:
        return f"{self.user} – {self.kind}"
