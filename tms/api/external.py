"""How a row is named from outside: by its id, or as `ext:VALUE` by the id that another system gave it.

The same spelling stands in addresses, in bodies and in filters. A row out of the asker's reach is answered
word for word like one that does not exist.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

from django import forms
from django.db import models
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django_filters import rest_framework as filters
from rest_framework import relations, serializers

from tms.access import Action, reachable
from tms.models import Organization
from tms.models.base import Fact, is_storable

if TYPE_CHECKING:
    RelatedField = relations.RelatedField[Any, Any, Any]
else:
    RelatedField = relations.RelatedField

RowT = TypeVar("RowT", bound=models.Model)

PREFIX = "ext:"
DESCRIPTION = gettext_lazy("An id, or `ext:` and the external id.")
_DIGITS = 18  # of the largest number that surely fits a key column
_SHOWN = 100


def key_of(reference: object) -> tuple[str, int | str] | None:
    """The column that a reference speaks of and the value looked for; None when it is not a reference."""
    if isinstance(reference, int) and not isinstance(reference, bool):
        reference = str(reference)
    if not isinstance(reference, str):
        return None
    if reference.startswith(PREFIX):
        value = reference.removeprefix(PREFIX)
        return ("external_id", value) if value and is_storable(value) else None
    if reference.isascii() and reference.isdecimal() and len(reference) <= _DIGITS:
        return "pk", int(reference)
    return None


def has_external_id(model: type[models.Model]) -> bool:
    """What the product itself records, such as issued badges, comes from no other system."""
    return issubclass(model, Fact)


def find(rows: models.QuerySet[RowT], reference: object) -> RowT | None:
    return find_all(rows, [reference]).get(key_of(reference))


def find_all(
    rows: models.QuerySet[RowT], references: Sequence[object]
) -> Mapping[tuple[str, int | str] | None, RowT]:
    """key_of(reference) → row, for those that exist among `rows`; a query for each of the two spellings."""
    found: dict[tuple[str, int | str] | None, RowT] = {}
    keys = [key for key in map(key_of, references) if key]
    for column in ("pk", "external_id") if has_external_id(rows.model) else ("pk",):
        values = {value for spelling, value in keys if spelling == column}
        if values:
            by_value = rows.in_bulk(values, field_name=column)
            found |= {(column, value): row for value, row in by_value.items()}
    return found


def missing(model: type[models.Model], reference: object) -> str:
    """The sentence for a reference that leads nowhere, whatever the reason."""
    text = str(reference)
    return _("No %(kind)s %(reference)s.") % {
        "kind": model._meta.verbose_name,
        "reference": text if len(text) <= _SHOWN else f"{text[:_SHOWN]}…",
    }


class Reference(RelatedField):
    """A row in a body: written as a reference to what the asker can see, read as its id.

    With `shared`, rows that their owner made available to an organization of the asker's can be named too.
    """

    default_error_messages = {"not_a_reference": gettext_lazy("Give an id, or “ext:” and an external id.")}

    def __init__(
        self,
        *,
        to: type[models.Model] | None = None,
        action: Action = Action.SEE,
        shared: bool = False,
        **kwargs: Any,
    ) -> None:
        rows = kwargs.pop("queryset", None)  # given by serializers that find out for themselves
        self.to = rows.model if rows is not None else to
        self.action = action
        self.shared = shared
        super().__init__(**kwargs)

    @classmethod
    def many_init(cls, *args: Any, **kwargs: Any) -> References:
        passed_on = {name: kwargs[name] for name in relations.MANY_RELATION_KWARGS if name in kwargs}
        return References(child_relation=cls(*args, **kwargs), **passed_on)

    def use_pk_only_optimization(self) -> bool:
        return True

    def get_queryset(self) -> models.QuerySet[Any]:
        model: Any = self.to
        user = self.context["request"].user
        if not self.shared:
            rows: models.QuerySet[Any] = model._default_manager.for_user(user, self.action)
            return rows
        managed = Organization.objects.for_user(user, Action.MANAGE)
        nameable = reachable(model, user, self.action) | models.Q(available_to__in=managed)
        shared: models.QuerySet[Any] = model._default_manager.filter(nameable)
        return shared

    def to_internal_value(self, data: object) -> Any:
        return self.resolve([data])[0]

    def resolve(self, references: Sequence[object]) -> list[Any]:
        """The rows, in the order asked for; an error names every reference that leads nowhere."""
        visible = self.get_queryset()
        found = find_all(visible, references)
        errors = []
        for reference in references:
            if key_of(reference) is None:
                errors.append(str(self.error_messages["not_a_reference"]))
            elif key_of(reference) not in found:
                errors.append(missing(visible.model, reference))
        if errors:
            raise serializers.ValidationError(list(dict.fromkeys(errors)))
        return [found[key_of(reference)] for reference in references]

    def to_representation(self, value: Any) -> Any:
        return value.pk


class References(relations.ManyRelatedField):
    """A list of rows: found together, shown as their ids in ascending order."""

    def __init__(self, *args: Any, max_length: int = 1_000, **kwargs: Any) -> None:
        self.max_length = max_length
        super().__init__(*args, **kwargs)

    def to_internal_value(self, data: Any) -> list[Any]:
        if not isinstance(data, list):
            self.fail("not_a_list", input_type=type(data).__name__)
        if not self.allow_empty and not data:
            self.fail("empty")
        if len(data) > self.max_length:
            text = _("At most %(number)d items can be given at once.") % {"number": self.max_length}
            raise serializers.ValidationError([text])
        one: Any = self.child_relation
        rows: list[Any] = one.resolve(data)
        return rows

    def to_representation(self, iterable: Any) -> list[Any]:
        return sorted(row.pk for row in iterable)


class _ReferenceFormField(forms.CharField):
    def clean(self, value: Any) -> Any:
        text = super().clean(value)
        if not text:
            return None
        key = key_of(text)
        if key is None:
            raise forms.ValidationError(str(Reference.default_error_messages["not_a_reference"]))
        return key


class ReferenceFilter(filters.CharFilter):  # type: ignore[misc]
    """Rows that point to the row named, or that row itself. What does not exist is pointed to by none."""

    field_class = _ReferenceFormField

    def filter(self, qs: models.QuerySet[Any], value: tuple[str, int | str] | None) -> models.QuerySet[Any]:
        if value is None:
            return qs
        column, wanted = value
        field = qs.model._meta.get_field(self.field_name)
        if column == "external_id" and not has_external_id(field.related_model or qs.model):
            return qs.none()
        path = f"{self.field_name}__{column}" if field.is_relation else column
        return qs.filter(**{path: wanted})
