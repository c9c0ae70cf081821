"""Where an account and our record of it disagree."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _

from badges.models.badges import Badge
from badges.models.issued_badges import IssuedBadge
from providers.models import BadgeProvider
from tms.access import ScopedQuerySet


class Comparison(models.Model):
    """One look at all badges of an account, and how many of them agree with ours. Append-only.

    `active_at` moves with every page, so that one whose worker died is told from one that takes long. A
    `problem` says why it ended early: what it had not reached by then is as the comparison before left it.
    """

    badge_provider = models.ForeignKey(
        BadgeProvider, models.CASCADE, related_name="comparisons", verbose_name=_("badge provider")
    )
    actor = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.SET_NULL, null=True, related_name="+", verbose_name=_("asked for by")
    )
    started_at = models.DateTimeField(_("started"))
    active_at = models.DateTimeField(_("active"))
    finished_at = models.DateTimeField(_("finished"), null=True)
    seen = models.PositiveIntegerField(_("badges at the provider"), default=0)
    matched = models.PositiveIntegerField(_("of them issued here"), default=0)
    followed = models.PositiveIntegerField(_("brought up to date"), default=0)
    differences = models.PositiveIntegerField(_("differences"), default=0)
    problem = models.TextField(_("problem"), blank=True)

    objects = ScopedQuerySet.as_manager()

    class Meta:
        verbose_name = _("comparison")
        verbose_name_plural = _("comparisons")
        ordering = ["-id"]
        constraints = [
            models.UniqueConstraint(
                fields=["badge_provider"],
                name="one_comparison_at_a_time",
                condition=models.Q(finished_at__isnull=True),
            )
        ]

    def __str__(self) -> str:
        return f"{self.badge_provider} {self.started_at:%Y-%m-%d %H:%M}"


class Difference(models.Model):
    """Where an account and our record of it disagree, until both say the same (badges.comparison).

    `external_uuid` names the provider's badge. `badge` and `learner` are whose it is as far as we know them;
    `details` tell what the provider has, without naming anybody. One that a person ignored stays open and
    is not shown, until both agree.
    """

    class Kind(models.TextChoices):
        MISSING = "missing", _("Issued here, not at the provider")
        UNEXPECTED = "unexpected", _("At the provider, not issued here")
        STATE = "state", _("Another state at the provider")
        PERSON = "person", _("Another address at the provider")
        TWICE = "twice", _("More than once at the provider")

    badge_provider = models.ForeignKey(
        BadgeProvider, models.CASCADE, related_name="differences", verbose_name=_("badge provider")
    )
    kind = models.CharField(_("kind"), max_length=12, choices=Kind.choices)
    badge = models.ForeignKey(Badge, models.CASCADE, null=True, related_name="+", verbose_name=_("badge"))
    learner = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.SET_NULL, null=True, related_name="+", verbose_name=_("learner")
    )
    issued_badge = models.ForeignKey(
        IssuedBadge,
        models.CASCADE,
        null=True,
        related_name="differences",
        verbose_name=_("issued badge"),
    )
    external_uuid = models.CharField(_("external UUID"), max_length=100, blank=True)
    details = models.JSONField(_("details"), default=dict)
    found_at = models.DateTimeField(_("found"), db_default=Now())
    seen_at = models.DateTimeField(_("seen last"), db_default=Now())
    ignored_at = models.DateTimeField(_("ignored"), null=True)
    resolved_at = models.DateTimeField(_("resolved"), null=True)
    decided_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.SET_NULL, null=True, related_name="+", verbose_name=_("decided by")
    )
    # Why it is ignored, or how it ended.
    decision = models.TextField(_("decision"), blank=True)

    objects = ScopedQuerySet.as_manager()

    class Meta:
        verbose_name = _("difference")
        verbose_name_plural = _("differences")
        ordering = ["-id"]
        constraints = [
            models.UniqueConstraint(
                fields=["issued_badge", "kind", "external_uuid"],
                name="one_open_difference",
                condition=models.Q(resolved_at__isnull=True),
            ),
            models.UniqueConstraint(
                fields=["badge_provider", "kind", "external_uuid"],
                name="one_open_difference_of_a_stranger",
                condition=models.Q(resolved_at__isnull=True, issued_badge__isnull=True),
            ),
        ]
        indexes = [
            models.Index(
                fields=["badge_provider", "external_uuid"],
                name="differences_open",
                condition=models.Q(resolved_at__isnull=True),
            )
        ]

    def __str__(self) -> str:
        return f"{self.get_kind_display()} {self.external_uuid}"
