"""Looks at the templates of an account."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models.functions import Now
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from providers.models import BadgeProvider
from tms.access import ScopedQuerySet


class Synchronization(models.Model):
    """One look at all templates of an account, and what it changed or would change. Append-only.

    `changes` is a list of {"change", "template_id", "name", "badge", "details"}; `problem` says why it ended
    early, in which case nothing was changed.
    """

    badge_provider = models.ForeignKey(BadgeProvider, models.CASCADE, related_name="synchronizations")
    actor = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, related_name="+")
    is_dry_run = models.BooleanField(_("dry run"), default=False)
    at = models.DateTimeField(_("time"), db_default=Now())
    seconds = models.FloatField(_("seconds"), default=0)
    seen = models.PositiveIntegerField(_("templates seen"), default=0)
    changes = models.JSONField(_("changes"), default=list)
    problem = models.TextField(_("problem"), blank=True)

    objects = ScopedQuerySet.as_manager()

    class Meta:
        verbose_name = _("synchronization")
        verbose_name_plural = _("synchronizations")
        ordering = ["-id"]

    def __str__(self) -> str:
        return f"{self.badge_provider} {timezone.localtime(self.at):%Y-%m-%d %H:%M}"
