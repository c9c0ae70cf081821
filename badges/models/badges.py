"""What can be issued."""

from __future__ import annotations

from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.utils.translation import gettext_lazy as _

from providers.models import BadgeProvider
from tms.models import Organization, Translated
from tms.models.base import Fact


class Badge(Translated, Fact):
    """One template of one provider account. Written by badges.catalogue; archived rather than deleted."""

    class TemplateState(models.TextChoices):
        UNSEEN = "unseen", _("Not synchronized yet")
        LIVE = "live", _("Active at the provider")
        ARCHIVED = "archived", _("Archived at the provider")
        GONE = "gone", _("Gone at the provider")

    name = models.CharField(_("name"), max_length=200)
    description = models.TextField(_("description"), blank=True)
    organization = models.ForeignKey(Organization, models.PROTECT, verbose_name=_("organization"))
    badge_provider = models.ForeignKey(
        BadgeProvider, models.PROTECT, related_name="badges", verbose_name=_("badge provider")
    )
    template_id = models.CharField(_("badge provider template ID"), max_length=200)
    image_url = models.URLField(_("image"), max_length=500, blank=True)
    is_active = models.BooleanField(_("Is active"), default=False)
    enable_manual_issuance = models.BooleanField(_("Enable Manual Issuance"), default=False)
    expires_after_days = models.PositiveIntegerField(
        _("expires after (days)"),
        null=True,
        blank=True,
        validators=[MinValueValidator(1), MaxValueValidator(36_500)],
        help_text=_("Counted from the day it was earned. Empty: as the provider's template says."),
    )
    available_to = models.ManyToManyField(
        Organization, blank=True, related_name="+", verbose_name=_("availability")
    )

    # What the last synchronization saw.
    template_state = models.CharField(
        _("template"),
        max_length=10,
        choices=TemplateState.choices,
        default=TemplateState.UNSEEN,
        editable=False,
    )
    template_url = models.URLField(_("page of the template"), max_length=500, blank=True, editable=False)
    template_data = models.JSONField(default=dict, blank=True, editable=False)
    allows_duplicates = models.BooleanField(_("template allows duplicates"), default=False, editable=False)
    synchronized_at = models.DateTimeField(_("synchronized"), null=True, editable=False)

    class Meta:
        verbose_name = _("badge")
        verbose_name_plural = _("badges")
        ordering = ["name", "id"]
        constraints = [
            models.UniqueConstraint(
                fields=["badge_provider", "template_id"],
                name="one_badge_of_a_template",
                violation_error_message=_("This provider account already has a badge of this template."),
            )
        ]

    def __str__(self) -> str:
        return self.name


class BadgeArtwork(models.Model):
    """A copy of the picture that lies at a badge's address. Written by badges.artwork.

    `content` is a PNG; empty where there is none that can be kept, and `problem` says why.
    """

    badge = models.OneToOneField(
        Badge, models.CASCADE, primary_key=True, related_name="artwork", verbose_name=_("badge")
    )
    address = models.URLField(_("address"), max_length=500)
    content = models.BinaryField(default=b"")
    digest = models.CharField(max_length=64, blank=True)
    problem = models.TextField(_("problem"), blank=True)
    looked_at = models.DateTimeField(_("looked at"))

    class Meta:
        verbose_name = _("picture of a badge")
        verbose_name_plural = _("pictures of badges")

    def __str__(self) -> str:
        return self.address
