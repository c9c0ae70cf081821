"""What every fact has in common: a scoped manager and the id that another system gave it."""

from __future__ import annotations

from zoneinfo import available_timezones

from django.core.exceptions import ValidationError
from django.db import models
from django.utils.translation import gettext_lazy as _

from tms.access import ScopedQuerySet


class Fact(models.Model):
    """A row that integrators may name by their own id (`ext:VALUE` in the API)."""

    external_id = models.CharField(_("external ID"), max_length=200, unique=True, null=True, blank=True)

    objects = ScopedQuerySet.as_manager()

    class Meta:
        abstract = True

    def clean(self) -> None:
        super().clean()
        self.external_id = self.external_id or None


def validate_time_zone(name: str) -> None:
    if name not in available_timezones():
        raise ValidationError(
            _("%(name)s is not a time zone. Use a name such as Europe/Berlin or America/Chicago."),
            params={"name": name},
            code="time_zone",
        )
