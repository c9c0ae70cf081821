"""Bodies are taken at their word: no field is dropped, no moment lacks its zone, every number is finite."""

from __future__ import annotations

import math
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, ClassVar

from django.core.exceptions import ValidationError
from django.db import models
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from rest_framework import serializers
from rest_framework.validators import UniqueValidator

from tms.api.external import Reference
from tms.models.base import require_bounds

if TYPE_CHECKING:
    Serializer = serializers.Serializer[Any]
    ModelSerializer = serializers.ModelSerializer[Any]
else:
    Serializer = serializers.Serializer
    ModelSerializer = serializers.ModelSerializer


class Moment(serializers.DateTimeField):
    """A time with its zone; shown in UTC."""

    default_error_messages = {
        "naive": gettext_lazy("Give the zone too, as in 2026-03-02T09:00:00Z or 2026-03-02T10:00:00+01:00."),
    }

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(default_timezone=UTC, **kwargs)

    def enforce_timezone(self, value: datetime) -> Any:
        if timezone.is_naive(value):
            self.fail("naive")
        return super().enforce_timezone(value)

    def to_internal_value(self, value: Any) -> datetime:
        moment = super().to_internal_value(value)
        try:
            require_bounds(moment)
        except ValidationError as error:
            raise serializers.ValidationError(error.messages) from error
        return moment


class Number(serializers.FloatField):
    def to_internal_value(self, data: Any) -> float:
        number = super().to_internal_value(data)
        if isinstance(data, bool) or not math.isfinite(number):
            self.fail("invalid")
        return number


class PercentComplete(serializers.IntegerField):
    """Of the required activities of the course (tms.coursework adds it to the rows)."""

    def __init__(self, **kwargs: Any) -> None:
        help_text = gettext_lazy("Finished of the required activities; null where none is required.")
        super().__init__(read_only=True, allow_null=True, help_text=help_text, **kwargs)


# Comments here, not docstrings: the description of the API would repeat them at every collection.


# Refuses, by name, what it does not know or does not let be written.
class Strict(Serializer):
    def to_internal_value(self, data: Any) -> Any:
        surplus = self._surplus(data) if isinstance(data, Mapping) else {}
        try:
            values = super().to_internal_value(data)
        except serializers.ValidationError as error:
            if surplus and isinstance(error.detail, dict):
                raise serializers.ValidationError({**surplus, **error.detail}) from error
            raise
        if surplus:
            raise serializers.ValidationError(surplus)
        return values

    def _surplus(self, data: Mapping[str, Any]) -> dict[str, list[str]]:
        surplus = {}
        for name in data:
            if name not in self.fields:
                surplus[name] = [_("There is no such field here.")]
            elif self.fields[name].read_only:
                surplus[name] = [_("This field can only be read.")]
        return surplus


# The fields of a row. What they must be together is checked where the row is stored, and only there.
class FactSerializer(Strict, ModelSerializer):
    serializer_field_mapping: ClassVar[dict[type[Any], type[Any]]] = {
        **serializers.ModelSerializer.serializer_field_mapping,
        models.DateTimeField: Moment,
        models.FloatField: Number,
    }
    serializer_related_field = Reference

    def build_standard_field(
        self, field_name: str, model_field: models.Field[Any, Any]
    ) -> tuple[Any, dict[str, Any]]:
        field_class, kwargs = super().build_standard_field(field_name, model_field)
        if "validators" in kwargs:
            kwargs["validators"] = [
                check for check in kwargs["validators"] if not isinstance(check, UniqueValidator)
            ]
        return field_class, kwargs

    def get_validators(self) -> list[Any]:
        return []

    @property
    def names(self) -> dict[str, str]:
        """What the domain calls a field → what the API calls it, where the two differ."""
        return {
            str(field.source): name
            for name, field in self.fields.items()
            if not field.read_only and field.source != name
        }
