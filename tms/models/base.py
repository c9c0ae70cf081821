"""What every fact has in common: a scoped manager and the id that another system gave it."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any
from zoneinfo import available_timezones

from django.core.exceptions import ValidationError
from django.core.validators import MaxValueValidator
from django.db import models
from django.utils.translation import gettext_lazy as _

from tms.access import ScopedQuerySet

# Outside of these years the local day of a learner may not exist.
FIRST_YEAR, LAST_YEAR = 1900, 2999
# Of a number that PostgreSQL keeps as an integer, and of an id that a condition can name.
LARGEST = 2**31 - 1
_AT_MOST = MaxValueValidator(LARGEST)


class Fact(models.Model):
    """A row that integrators may name by their own id (`ext:VALUE` in the API)."""

    external_id = models.CharField(_("external ID"), max_length=200, unique=True, null=True, blank=True)

    objects = ScopedQuerySet.as_manager()

    class Meta:
        abstract = True

    def clean_fields(self, exclude: Iterable[str] | None = None) -> None:
        """Moments and numbers are such as every database keeps and can reckon with, whichever this one is."""
        passed_over = set(exclude or ())
        super().clean_fields(exclude=passed_over)
        refused: dict[str, ValidationError] = {}
        for column in self._meta.concrete_fields:
            if column.name in passed_over or column.primary_key or column.is_relation:
                continue
            try:
                require_bounds(getattr(self, column.attname))
            except ValidationError as error:
                refused[column.name] = error
        if refused:
            raise ValidationError(refused)

    def clean(self) -> None:
        super().clean()
        self.external_id = self.external_id or None


def is_storable(text: str) -> bool:
    """Neither NUL, which PostgreSQL refuses, nor half a surrogate pair, which has no encoding."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return "\0" not in text


def require_bounds(value: Any) -> None:
    """Raise ValidationError for a moment or a number that no column should hold."""
    if isinstance(value, int | float):
        _AT_MOST(value)
    elif isinstance(value, datetime) and not FIRST_YEAR <= value.year <= LAST_YEAR:
        raise ValidationError(
            _("The year lies between %(first)d and %(last)d."),
            params={"first": FIRST_YEAR, "last": LAST_YEAR},
            code="year",
        )


def validate_time_zone(name: str) -> None:
    if name not in available_timezones():
        raise ValidationError(
            _("%(name)s is not a time zone. Use a name such as Europe/Berlin or America/Chicago."),
            params={"name": name},
            code="time_zone",
        )
