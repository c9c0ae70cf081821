"""Every field of a collection that is a column is a filter of its list, under the same name."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from django import forms
from django.core.exceptions import FieldDoesNotExist
from django.db import models
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django_filters import rest_framework as filters
from django_filters.fields import IsoDateTimeField, RangeField
from django_filters.widgets import DateRangeWidget, SuffixedMultiWidget
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema_field
from rest_framework import relations, serializers

from tms.api.external import ReferenceFilter

if TYPE_CHECKING:
    from tms.api.strict import FactSerializer

PAGING = frozenset({"page", "page_size"})
LONG_TEXT = (models.TextField, models.URLField, models.JSONField)


class Filters(filters.FilterSet):  # type: ignore[misc]
    """Refuses parameters it does not know: one that is mistyped must not return everything."""

    def is_valid(self) -> bool:
        super().is_valid()
        for name in sorted(set(self.data) - self._known() - PAGING):
            self.errors[name] = self.form.error_class([_("There is no such filter.")])
        return not self.errors

    def _known(self) -> set[str]:
        known: set[str] = set()
        for name, field in self.form.fields.items():
            widget = field.widget
            suffixes = widget.suffixes if isinstance(widget, SuffixedMultiWidget) else [None]
            known.update(f"{name}_{suffix}" if suffix else name for suffix in suffixes)
        return known


@extend_schema_field(OpenApiTypes.BOOL)
class YesNoFilter(filters.TypedChoiceFilter):  # type: ignore[misc]
    """The stock one takes anything but true and false for “not given”."""

    def __init__(self, **kwargs: Any) -> None:
        choices = [("true", gettext_lazy("yes")), ("false", gettext_lazy("no"))]
        super().__init__(choices=choices, coerce=lambda text: text == "true", **kwargs)


class _NumberRangeField(RangeField):  # type: ignore[misc]
    def __init__(self, *args: Any, **kwargs: Any) -> None:
        # Not DecimalField: turning 1e999999999 into an integer takes all memory there is.
        super().__init__(fields=(forms.FloatField(), forms.FloatField()), *args, **kwargs)  # noqa: B026


class NumberRangeFilter(filters.RangeFilter):  # type: ignore[misc]
    field_class = _NumberRangeField


class _MomentField(IsoDateTimeField):  # type: ignore[misc]
    """A time that is one in UTC too: the calendar ends."""

    def to_python(self, value: Any) -> datetime | None:
        moment: datetime | None = super().to_python(value)
        try:
            return moment and moment.astimezone(UTC)
        except OverflowError as error:
            raise forms.ValidationError(self.error_messages["invalid"], code="invalid") from error


class _MomentRangeField(RangeField):  # type: ignore[misc]
    widget = DateRangeWidget

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(fields=(_MomentField(), _MomentField()), *args, **kwargs)  # noqa: B026


class MomentRangeFilter(filters.IsoDateTimeFromToRangeFilter):  # type: ignore[misc]
    field_class = _MomentRangeField


# The kind of a field → its filter.
FILTERS: tuple[tuple[Any, type[filters.Filter]], ...] = (
    (relations.RelatedField | relations.ManyRelatedField, ReferenceFilter),
    (serializers.BooleanField, YesNoFilter),
    (serializers.DateTimeField, MomentRangeFilter),
    (serializers.IntegerField | serializers.FloatField, NumberRangeFilter),
    (serializers.CharField, filters.CharFilter),
)


def filters_for(serializer_class: type[FactSerializer]) -> type[Filters]:
    model = serializer_class.Meta.model
    found = {
        name: made
        for name, field in serializer_class().fields.items()
        if not field.write_only and (made := _filter_of(model, field))
    }
    meta = type("Meta", (), {"model": model, "fields": []})
    return type(f"{model.__name__}Filters", (Filters,), {**found, "Meta": meta})


def _filter_of(model: type[models.Model], field: serializers.Field[Any, Any, Any, Any]) -> Any:
    name = str(field.source)
    try:
        column = model._meta.get_field(name)
    except FieldDoesNotExist:
        return None
    if isinstance(column, LONG_TEXT):
        return None
    if getattr(column, "primary_key", False):
        return ReferenceFilter(field_name=name)
    if isinstance(field, serializers.ChoiceField):
        return filters.ChoiceFilter(field_name=name, choices=list(field.choices.items()))
    for kinds, make in FILTERS:
        if isinstance(field, kinds):
            return make(field_name=name, exclude=getattr(field, "inverted", False))
    return None
