"""The account of an organization at a badge provider."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any, ClassVar
from urllib.parse import urlsplit

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _

from providers.base import Account, RevokeBy
from providers.secrets import EncryptedTextField
from tms.access import ScopedQuerySet
from tms.models import Organization
from tms.models.base import Fact

# An authorization token of Credly ends so long after it was made, says its documentation.
CREDLY_TOKEN_LIFETIME = timedelta(days=180)


class BadgeProvider(Fact):
    """Written by providers.accounts, which also pauses and resumes it.

    `paused_at` is set by the system when the provider refuses the account, or by a person (`paused_by`);
    `is_enabled` by people. A paused account waits for a person; one whose provider does not answer is left
    alone until `broken_until` and then tried with one call (providers.breaker).

    What is not editable is written by the system: `save_provider` leaves it alone.
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
    paused_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.SET_NULL,
        null=True,
        editable=False,
        related_name="+",
        verbose_name=_("paused by"),
    )
    available_to = models.ManyToManyField(
        Organization, blank=True, related_name="+", verbose_name=_("availability")
    )
    calls_per_minute = models.PositiveIntegerField(
        _("calls per minute"),
        null=True,
        blank=True,
        help_text=_("The most calls of this account in a minute. Empty: what the provider documents."),
    )
    revoke_by = models.CharField(
        _("revoke by"),
        max_length=10,
        choices=[
            (RevokeBy.EXPIRE.value, _("expiring: its page stays and says so")),
            (RevokeBy.UNPUBLISH.value, _("unpublishing: its page is hidden")),
            (RevokeBy.DELETE.value, _("deleting")),
        ],
        default=RevokeBy.EXPIRE.value,
        help_text=_("Accredible has no revocation of its own; Credly has, and ignores this."),
    )

    token_set_at = models.DateTimeField(_("token stored"), null=True, editable=False)
    token_expires_at = models.DateTimeField(_("token expires"), null=True, editable=False)
    checked_at = models.DateTimeField(_("checked"), null=True, editable=False)
    check_problem = models.TextField(_("result of the check"), blank=True, editable=False)
    failures_in_a_row = models.PositiveIntegerField(default=0, editable=False)
    broken_until = models.DateTimeField(_("not called until"), null=True, editable=False)
    closed_until = models.DateTimeField(_("asked to wait until"), null=True, editable=False)

    # The last part of the address that the provider calls, and its digest, by which the account is found.
    webhook_secret = EncryptedTextField(blank=True, editable=False)
    webhook_digest = models.CharField(max_length=64, null=True, unique=True, editable=False)
    events_read_to = models.DateTimeField(_("events read to"), null=True, editable=False)
    compared_at = models.DateTimeField(_("compared"), null=True, editable=False)

    # Set by save_provider on the row it was given: it speaks to the provider in a way it did not before.
    is_changed = False

    class Meta:
        verbose_name = _("badge provider")
        verbose_name_plural = _("badge providers")
        ordering = ["name", "id"]

    def __str__(self) -> str:
        return self.name

    @property
    def account(self) -> Account:
        return Account(
            api_url=self.api_url,
            organization_id=self.provider_organization_id,
            token=self.token,
            revoke_by=RevokeBy(self.revoke_by),
        )

    @property
    def host(self) -> str:
        """Host and port of the API URL, as typed but for the letters' size."""
        return urlsplit(self.api_url).netloc.lower()

    def neighbours(self) -> set[int]:
        """This vendor's accounts at this host, this one among them: an id there means one thing to all."""
        accounts = BadgeProvider.objects.filter(kind=self.kind).only("api_url")
        return {account.pk for account in accounts if account.host == self.host}

    def as_asked(self) -> models.QuerySet[BadgeProvider]:
        """This account, unless its provider has been called in another way since it was read: what came back
        says nothing of the token or the address that took the place of those that were asked with."""
        return BadgeProvider.objects.filter(
            pk=self.pk,
            kind=self.kind,
            api_url=self.api_url,
            provider_organization_id=self.provider_organization_id,
            token_set_at=self.token_set_at,
        )

    @property
    def is_usable(self) -> bool:
        return self.is_enabled and self.paused_at is None

    @property
    def token_ends_at(self) -> datetime | None:
        """As the provider told, else what its documentation lets expect; None when nothing is known."""
        if self.token_expires_at or self.kind != self.Kind.CREDLY or self.token_set_at is None:
            return self.token_expires_at
        return self.token_set_at + CREDLY_TOKEN_LIFETIME

    @property
    def is_unchecked(self) -> bool:
        """Nobody has asked the provider since the account was made, or since its address or token changed."""
        return self.is_enabled and self.kind != self.Kind.OPEN_BADGES and self.checked_at is None

    @property
    def is_to_be_checked(self) -> bool:
        return self.is_unchecked and self.is_changed

    @property
    def webhook_address(self) -> str:
        """Where the provider sends its events; whoever knows it may claim to be the provider."""
        if not self.webhook_secret:
            return ""
        return f"{settings.PUBLIC_URL}/webhooks/{self.kind}/{self.webhook_secret}/"


class CallRate(models.Model):
    """How fast a place may be called: a host, or an account with a limit of its own (providers.limits).

    One row for all workers. Nothing is waited for beyond `free_at`; a call that is taken moves it onward.
    """

    place = models.CharField(max_length=300, unique=True)
    free_at = models.DateTimeField()

    def __str__(self) -> str:
        return self.place


class _CredlyManager(models.Manager.from_queryset(ScopedQuerySet)):  # type: ignore[misc]
    def get_queryset(self) -> ScopedQuerySet[CredlyOrganization]:
        rows: ScopedQuerySet[CredlyOrganization] = super().get_queryset()
        return rows.filter(kind=BadgeProvider.Kind.CREDLY)


class CredlyOrganization(BadgeProvider):
    """An account at Credly, as the back office lists them."""

    objects: ClassVar[Any] = _CredlyManager()

    class Meta:
        proxy = True
        verbose_name = _("Credly Organization")
        verbose_name_plural = _("Credly Organizations")


class _AccredibleManager(models.Manager.from_queryset(ScopedQuerySet)):  # type: ignore[misc]
    def get_queryset(self) -> ScopedQuerySet[AccredibleConfig]:
        rows: ScopedQuerySet[AccredibleConfig] = super().get_queryset()
        return rows.filter(kind=BadgeProvider.Kind.ACCREDIBLE)


class AccredibleConfig(BadgeProvider):
    """An account at Accredible, as the back office lists them."""

    objects: ClassVar[Any] = _AccredibleManager()

    class Meta:
        proxy = True
        verbose_name = _("Accredible API Config")
        verbose_name_plural = _("Accredible API Configs")
