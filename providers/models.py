"""The account of an organization at a badge provider."""

from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _

from providers.base import Account
from providers.secrets import EncryptedTextField
from tms.models import Organization
from tms.models.base import Fact


class BadgeProvider(Fact):
    """Written by providers.accounts, which also pauses and resumes it.

    `paused_at` is set by the system when the provider refuses the account, `is_enabled` by people.
    """

    class Kind(models.TextChoices):
        CREDLY = "credly", "Credly"
        ACCREDIBLE = "accredible", "Accredible"
        OPEN_BADGES = "open_badges", "Open Badges"

    name = models.CharField(_("name"), max_length=200)
    description = models.TextField(_("description"), blank=True)
    organization = models.ForeignKey(Organization, models.PROTECT, verbose_name=_("organization"))
    kind = models.CharField(
        _("badge provider type"), max_length=20, choices=Kind.choices, default=Kind.CREDLY
    )
    provider_organization_id = models.CharField(
        _("badge provider organization ID"), max_length=200, blank=True
    )
    token = EncryptedTextField(_("badge provider API authentication token"), blank=True)
    api_url = models.URLField(_("API URL"), max_length=500, blank=True)
    is_enabled = models.BooleanField(_("enabled"), default=True)
    paused_at = models.DateTimeField(_("paused"), null=True, editable=False)
    pause_reason = models.TextField(_("reason of the pause"), blank=True, editable=False)
    available_to = models.ManyToManyField(
        Organization, blank=True, related_name="+", verbose_name=_("availability")
    )

    class Meta:
        verbose_name = _("badge provider")
        verbose_name_plural = _("badge providers")
        ordering = ["name", "id"]

    def __str__(self) -> str:
        return self.name

    @property
    def account(self) -> Account:
        return Account(api_url=self.api_url, organization_id=self.provider_organization_id, token=self.token)

    @property
    def is_usable(self) -> bool:
        return self.is_enabled and self.paused_at is None
