"""The outbox: what people are to be told, the mail that tells it, and who wants no mail about what."""

from __future__ import annotations

from uuid import uuid4

from django.db import models
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _

from tms.access import ScopedQuerySet
from tms.models.people import User


class MailChoices(models.Model):
    """What a person wants to be told by mail. Whoever has no row never chose: mail of every group, no digest.

    Written by tms.notifying.choices. The list on the site shows everything, whatever is chosen here.
    """

    class Digest(models.TextChoices):
        OFF = "", _("No digest")
        DAILY = "daily", _("Every day")
        WEEKLY = "weekly", _("Every week")

    user = models.OneToOneField(User, models.CASCADE, primary_key=True, related_name="mail_choices")
    achievements = models.BooleanField(_("Achievements"), default=True)
    badges = models.BooleanField(_("Badges"), default=True)
    administration = models.BooleanField(_("Administration"), default=True)
    digest = models.CharField(_("Digest"), max_length=8, choices=Digest.choices, blank=True, default="")

    class Meta:
        verbose_name = _("choice of mail")
        verbose_name_plural = _("choices of mail")

    def __str__(self) -> str:
        return str(self.user)


class Mail(models.Model):
    """One message to one person: to be sent, sent, or given up. Written by tms.notifying alone.

    What it says is composed when it is sent, from the notifications that name it or, for a digest, from what
    happened between `covers_from` and `covers_until`; it is kept nowhere. `message_id` stays the same however
    often it is tried, so that a mailbox that gets it twice can tell.
    """

    class Purpose(models.TextChoices):
        NEWS = "news", _("News")
        RESENT = "resent", _("Sent again")
        DIGEST = "digest", _("Digest")

    class State(models.TextChoices):
        WAITING = "waiting", _("Waiting")
        SENT = "sent", _("Sent")
        FAILED = "failed", _("Given up")
        DROPPED = "dropped", _("Nothing to tell")

    user = models.ForeignKey(User, models.CASCADE, related_name="mails", verbose_name=_("user"))
    purpose = models.CharField(_("purpose"), max_length=8, choices=Purpose.choices, default=Purpose.NEWS)
    message_id = models.UUIDField(_("message ID"), default=uuid4, unique=True, editable=False)
    period = models.CharField(_("period"), max_length=20, blank=True, db_default="")
    covers_from = models.DateTimeField(_("covers from"), null=True)
    covers_until = models.DateTimeField(_("covers until"), null=True)
    state = models.CharField(
        _("state"), max_length=8, choices=State.choices, default=State.WAITING, db_default=State.WAITING
    )
    created_at = models.DateTimeField(_("created"), db_default=Now())
    due_at = models.DateTimeField(_("due"), db_default=Now())
    attempts = models.PositiveSmallIntegerField(_("attempts"), default=0, db_default=0)
    claim_token = models.UUIDField(null=True, editable=False)
    lease_until = models.DateTimeField(null=True, editable=False)
    problem = models.TextField(_("problem"), blank=True, db_default="")
    sent_at = models.DateTimeField(_("sent"), null=True)

    objects = ScopedQuerySet.as_manager()

    class Meta:
        verbose_name = _("mail")
        verbose_name_plural = _("mails")
        ordering = ["-id"]
        constraints = [
            models.UniqueConstraint(
                fields=["user", "period"], name="one_digest_of_a_period", condition=~models.Q(period="")
            )
        ]
        indexes = [
            models.Index(fields=["due_at"], name="mails_to_send", condition=models.Q(state="waiting")),
            models.Index(fields=["created_at"], name="mails_given_up", condition=models.Q(state="failed")),
        ]

    def __str__(self) -> str:
        return f"{self.get_purpose_display()}: {self.user}"


class Notification(models.Model):
    """One thing to tell one person. (kind, key, occasion) names it, so telling it twice is impossible.

    `key` is the id of the row that it is about, and `occasion` tells events of one row apart where there may
    be several. It waits until it is bound to a mail, or until it says why no mail tells it (`unmailed`);
    either way it stays in the person's list on the site. The words are tms.notifying.topics' business.
    """

    class Kind(models.TextChoices):
        ACHIEVEMENT_EARNED = "achievement_earned", _("Achievement earned")
        ACHIEVEMENTS_EARNED_SUMMARY = "achievements_earned_summary", _("Achievements earned in a backfill")
        BADGE_ISSUED = "badge_issued", _("Badge issued by hand")
        BADGE_TO_ACCEPT = "badge_to_accept", _("Badge waits to be accepted")
        BADGE_REVOKED = "badge_revoked", _("Badge taken back")
        BADGE_EXPIRED = "badge_expired", _("Badge expired")
        ACCOUNT_PAUSED = "account_paused", _("Badge provider paused")
        TOKEN_ENDS = "token_ends", _("Token of a badge provider ends")
        RULE_PAUSED = "rule_paused", _("Rule paused")

    class Unmailed(models.TextChoices):
        ON_SITE = "on_site", _("Told on the site alone")
        PROVIDER = "provider", _("The badge provider writes itself")
        MUTED = "muted", _("The person wants no such mail")
        NOT_PARTICIPATING = "not_participating", _("The person does not participate")
        INACTIVE = "inactive", _("The account is disabled")
        OLD = "old", _("It was old when it was found")
        OVER = "over", _("It no longer held")
        NO_MAIL = "no_mail", _("No mail is set up")
        UNREADABLE = "unreadable", _("It could not be put into words")
        BEFORE = "before", _("From before there was mail")

    user = models.ForeignKey(User, models.CASCADE, related_name="notifications", verbose_name=_("user"))
    kind = models.CharField(_("kind"), max_length=40, choices=Kind.choices)
    key = models.BigIntegerField(help_text=_("Id of the row that the message is about."))
    occasion = models.CharField(max_length=60, blank=True, db_default="")
    created_at = models.DateTimeField(_("created"), db_default=Now())
    read_at = models.DateTimeField(_("read"), null=True)
    unmailed = models.CharField(
        _("not mailed"), max_length=20, choices=Unmailed.choices, blank=True, db_default=""
    )
    # The latest mail that tells it.
    mail = models.ForeignKey(
        Mail,
        models.SET_NULL,
        null=True,
        related_name="notifications",
        db_index=False,
        verbose_name=_("mail"),
    )
    sent_at = models.DateTimeField(_("sent"), null=True)

    objects = ScopedQuerySet.as_manager()

    class Meta:
        verbose_name = _("notification")
        verbose_name_plural = _("notifications")
        constraints = [models.UniqueConstraint(fields=["user", "kind", "key", "occasion"], name="told_once")]
        indexes = [
            models.Index(
                fields=["created_at"],
                name="notifications_to_send",
                condition=models.Q(mail__isnull=True, sent_at__isnull=True, unmailed=""),
            ),
            models.Index(
                fields=["mail"], name="notifications_of_mail", condition=models.Q(mail__isnull=False)
            ),
        ]

    def __str__(self) -> str:
        return f"{self.user}: {self.kind} {self.key}"
