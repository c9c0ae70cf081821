"""What is asked for by hand."""

from __future__ import annotations

from uuid import uuid4

from django.conf import settings
from django.db import models
from django.db.models.functions import Now
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from badges.models.badges import Badge
from badges.models.issued_badges import IssuedBadge
from tms.access import ScopedQuerySet
from tms.models import Organization


class IssuingAct(models.Model):
    """What somebody asked for by hand at once: some badges for some learners. Written by badges.by_hand.

    `token` is chosen by whoever asks before asking, so that asking twice is one act. `organization` is the
    badges' own where they have one in common, else that of the actor: its administrators may undo the act.
    """

    token = models.UUIDField(unique=True, editable=False)
    actor = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.SET_NULL, null=True, related_name="+", verbose_name=_("issued by")
    )
    organization = models.ForeignKey(
        Organization, models.PROTECT, null=True, related_name="+", verbose_name=_("organization")
    )
    source_kind = models.CharField(_("source"), max_length=20, choices=IssuedBadge.Source.choices)
    source_key = models.CharField(max_length=60, blank=True)
    file_name = models.CharField(_("file"), max_length=200, blank=True)
    reason = models.TextField(_("note"), blank=True)
    issued_at = models.DateTimeField(_("date of issue"), null=True)
    expires_at = models.DateTimeField(_("expires"), null=True)
    evidence = models.JSONField(_("evidence"), default=list)
    created_at = models.DateTimeField(_("asked for"), db_default=Now())
    undone_at = models.DateTimeField(_("undone"), null=True)
    undone_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.SET_NULL,
        null=True,
        related_name="+",
        db_index=False,
        verbose_name=_("undone by"),
    )
    undo_reason = models.TextField(_("reason of undoing it"), blank=True)

    objects = ScopedQuerySet.as_manager()

    class Meta:
        verbose_name = _("act of issuing")
        verbose_name_plural = _("acts of issuing")
        ordering = ["-id"]
        indexes = [models.Index(fields=["source_kind", "source_key"], name="acts_by_source")]

    def __str__(self) -> str:
        return f"{self.get_source_kind_display()} {timezone.localtime(self.created_at):%Y-%m-%d %H:%M}"


class ActOutcome(models.Model):
    """What an act came to for one pair, as a value of badges.issuing.Outcome. Append-only.

    `issued_badge` is what the pair has, also where it was there before the act and refused it: whether the
    act itself stands behind it, `code` says.
    """

    act = models.ForeignKey(IssuingAct, models.CASCADE, related_name="outcomes", db_index=False)
    # Its place in the act; the number of the row where it came from a list.
    position = models.PositiveIntegerField(_("row"))
    badge = models.ForeignKey(Badge, models.PROTECT, related_name="+", verbose_name=_("badge"))
    learner = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.CASCADE, related_name="+", verbose_name=_("learner")
    )
    issued_badge = models.ForeignKey(
        IssuedBadge,
        models.SET_NULL,
        null=True,
        related_name="outcomes",
        verbose_name=_("issued badge"),
    )
    code = models.CharField(_("outcome"), max_length=40)
    message = models.TextField(_("message"), blank=True)
    # The act tried again what had failed before it: it did not bring the row about.
    is_retry = models.BooleanField(default=False, db_default=False, editable=False)

    class Meta:
        verbose_name = _("outcome")
        verbose_name_plural = _("outcomes")
        ordering = ["act", "position", "id"]
        constraints = [
            models.UniqueConstraint(fields=["act", "badge", "learner"], name="one_outcome_of_a_pair")
        ]

    def __str__(self) -> str:
        return f"{self.badge} – {self.learner}"


class IssuingList(models.Model):
    """A list that somebody issues from, until and after it is an act (badges.lists).

    `text` is what was pasted or uploaded, `mapping` says which column means what, and `badge`, `issued_at`
    (as it was typed) and `note` count for rows that do not say otherwise. `refusals` are the rows that did
    not become part of the act, each [number, code, message], as they were told when it was confirmed. Both
    `text` and these are emptied in time (badges.forgetting).
    """

    token = models.UUIDField(unique=True, default=uuid4, editable=False)
    actor = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="+")
    organization = models.ForeignKey(Organization, models.PROTECT, null=True, related_name="+")
    file_name = models.CharField(_("file"), max_length=200, blank=True)
    text = models.TextField(_("list"))
    mapping = models.JSONField(_("columns"), default=dict)
    badge = models.ForeignKey(Badge, models.PROTECT, null=True, blank=True, related_name="+")
    issued_at = models.CharField(_("date of issue"), max_length=40, blank=True)
    note = models.TextField(_("note"), blank=True)
    created_at = models.DateTimeField(_("created"), db_default=Now())
    act = models.OneToOneField(IssuingAct, models.SET_NULL, null=True, related_name="list")
    refusals = models.JSONField(default=list)

    objects = ScopedQuerySet.as_manager()

    class Meta:
        verbose_name = _("list")
        verbose_name_plural = _("lists")
        ordering = ["-id"]

    def __str__(self) -> str:
        return self.file_name or f"{timezone.localtime(self.created_at):%Y-%m-%d %H:%M}"
