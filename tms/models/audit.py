"""Who did what, when and why. Written by tms.audit; nothing is changed or taken away afterwards."""

from __future__ import annotations

from typing import Any, NoReturn

from django.apps import apps
from django.core.exceptions import FieldDoesNotExist
from django.db import models
from django.db.models.functions import Now
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from tms.access import ScopedQuerySet
from tms.models.organizations import Organization
from tms.models.people import User

_PAGES = {
    "issued_badge": "issued-badge",
    "badge": "badge",
    "badge_provider": "badge-provider",
    "achievement": "achievement",
    "organization": "organization",
    "user": "user",
    "issuing_act": "admin:badges_issuingact_change",
    "backfill": "admin:achievements_backfill_change",
}
# Apps above are named, not imported.
_MODELS = {
    "badge": "badges.Badge",
    "badge_provider": "providers.BadgeProvider",
    "achievement": "achievements.Achievement",
    "organization": "tms.Organization",
    "user": "tms.User",
    "profile_card": "tms.ProfileCard",
}


class AuditQuerySet(ScopedQuerySet["AuditEntry"]):
    def update(self, **changes: Any) -> NoReturn:
        raise TypeError("The audit is only added to.")

    def delete(self) -> NoReturn:
        raise TypeError("The audit is only added to.")


class AuditEntry(models.Model):
    """One act of one person, however many things it was done to (`count`).

    `kind` and `key` name the thing; `name` is what it was called then, and empty for people, whose names live
    on their accounts alone (`about`). `changes` is {field: [before, after]}. `organization` is that of the
    thing: its administrators read it.
    """

    class Act(models.TextChoices):
        CREATE = "create", _("Created")
        CHANGE = "change", _("Changed")
        ACTIVATE = "activate", _("Activated")
        DEACTIVATE = "deactivate", _("Deactivated")
        PAUSE = "pause", _("Paused")
        RESUME = "resume", _("Resumed")
        RENEW = "renew", _("Renewed the webhook address")
        SYNCHRONIZE = "synchronize", _("Synchronized")
        ISSUE = "issue", _("Issued by hand")
        RETRY = "retry", _("Retried")
        CANCEL = "cancel", _("Cancelled")
        REVOKE = "revoke", _("Revoked")
        CORRECT = "correct", _("Corrected at the provider")
        ERASE = "erase", _("Erased at the provider")
        UNDO = "undo", _("Undone")
        ADOPT = "adopt", _("Adopted from the provider")
        REMOVE = "remove", _("Marked as removed at the provider")
        IGNORE = "ignore", _("Ignored")
        BACKFILL = "backfill", _("Started a backfill")
        ROLES = "roles", _("Changed roles")
        RESEND = "resend", _("Sent a message again")
        CLOSE = "close", _("Closed the account")

    class Kind(models.TextChoices):
        ISSUED_BADGE = "issued_badge", _("Issued badge")
        ISSUING_ACT = "issuing_act", _("Act of issuing")
        BADGE = "badge", _("Badge")
        BADGE_PROVIDER = "badge_provider", _("Badge provider")
        ACHIEVEMENT = "achievement", _("Achievement")
        BACKFILL = "backfill", _("Backfill")
        DIFFERENCE = "difference", _("Difference with a provider")
        ORGANIZATION = "organization", _("Organization")
        USER = "user", _("User")
        PROFILE_CARD = "profile_card", _("Profile card")

    at = models.DateTimeField(_("time"), db_default=Now())
    actor = models.ForeignKey(
        User, models.SET_NULL, null=True, related_name="+", db_index=False, verbose_name=_("who")
    )
    act = models.CharField(_("what"), max_length=12, choices=Act.choices)
    kind = models.CharField(_("kind"), max_length=16, choices=Kind.choices)
    key = models.BigIntegerField(null=True)
    name = models.CharField(_("name"), max_length=200, blank=True)
    about = models.ForeignKey(
        User, models.SET_NULL, null=True, related_name="+", db_index=False, verbose_name=_("student")
    )
    organization = models.ForeignKey(
        Organization, models.PROTECT, null=True, related_name="+", verbose_name=_("organization")
    )
    count = models.PositiveIntegerField(_("count"), default=1)
    reason = models.TextField(_("reason"), blank=True)
    changes = models.JSONField(_("changes"), default=dict, blank=True)

    objects = AuditQuerySet.as_manager()

    class Meta:
        verbose_name = _("audit entry")
        verbose_name_plural = _("audit")
        ordering = ["-id"]
        indexes = [models.Index(fields=["kind", "key"], name="audit_of_a_thing")]

    def __str__(self) -> str:
        return f"{self.get_act_display()}: {self.get_kind_display()}"

    def save(self, **given: Any) -> None:
        if not self._state.adding:
            raise TypeError("The audit is only added to.")
        super().save(**given)

    def delete(self, *args: Any, **given: Any) -> NoReturn:
        raise TypeError("The audit is only added to.")

    @property
    def told_name(self) -> str:
        return self.name or str(self.about or "")

    @property
    def page(self) -> str:
        """The name of the address of the thing's own page; an app above may have it."""
        return _PAGES.get(self.kind, "")

    @property
    def told_changes(self) -> list[tuple[str, str, str]]:
        """Field, before and after, as people read them."""
        return [
            (_label(self.kind, name), _in_words(before), _in_words(after))
            for name, (before, after) in self.changes.items()
        ]


def _label(kind: str, name: str) -> str:
    """What forms call a field; its name where there is no such field (any more)."""
    try:
        field: Any = apps.get_model(_MODELS[kind])._meta.get_field(name)
    except (KeyError, LookupError, FieldDoesNotExist):
        return name
    if field.is_relation and field.auto_created:  # what leads here is called as its own model is
        return str(field.related_model._meta.verbose_name_plural)
    return str(field.verbose_name)


def _in_words(value: Any) -> str:
    if value is None or value == "":
        return "–"
    if isinstance(value, bool):
        return gettext("Yes") if value else gettext("No")
    return str(value)
