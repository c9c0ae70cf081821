"""What every collection of the API does: list, show, create and change rows that the asker reaches.

A collection says which model it shows, through which serializer, and, in `write`, which function of the
domain stores a row. Whether the asker may do that is tms.access's business.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, ClassVar

from django.core.exceptions import NON_FIELD_ERRORS, FieldDoesNotExist, ValidationError
from django.db import models, transaction
from django.utils.translation import gettext as _
from rest_framework import mixins, permissions, serializers, status, viewsets
from rest_framework.response import Response
from rest_framework.reverse import reverse

from tms.access import Action, may
from tms.api import external
from tms.api.schema import Schema
from tms.api.strict import FactSerializer
from tms.errors import DomainError, NotFound

if TYPE_CHECKING:
    from rest_framework.request import Request
    from rest_framework.views import APIView

    from tms.access import ScopedQuerySet

    GenericViewSet = viewsets.GenericViewSet[Any]
else:
    GenericViewSet = viewsets.GenericViewSet


class RoleAllows(permissions.BasePermission):
    """403 where no role of the user allows the action at all; a row out of reach is 404 (see `find`)."""

    def has_permission(self, request: Request, view: APIView) -> bool:
        if not isinstance(view, Scoped) or view.action is None:  # nobody may do what there is not: 405
            return True
        return may(request.user, view.needed(request))  # type: ignore[arg-type]


class Scoped(GenericViewSet):
    """Whatever is asked of a model starts from the rows that the asker reaches."""

    model: ClassVar[type[models.Model]]
    reading: ClassVar[Action] = Action.SEE
    writing: ClassVar[Action] = Action.MANAGE
    # Relations that showing a row reads.
    joined: ClassVar[tuple[str, ...]] = ()
    prefetched: ClassVar[tuple[str, ...]] = ()
    deferred: ClassVar[tuple[str, ...]] = ()

    permission_classes = (permissions.IsAuthenticated, RoleAllows)
    schema = Schema()
    lookup_url_kwarg = "id"
    lookup_value_regex = "[^/]+"

    def needed(self, request: Request) -> Action:
        return self.reading if request.method in permissions.SAFE_METHODS else self.writing

    def get_queryset(self) -> models.QuerySet[Any]:
        rows: ScopedQuerySet[Any] = self.model._default_manager.for_user(  # type: ignore[attr-defined]
            self.request.user, self.needed(self.request)
        )
        rows = rows.select_related(*self.joined).prefetch_related(*self.prefetched).defer(*self.deferred)
        return rows.order_by("pk")

    def get_object(self) -> Any:
        return self.find(self.get_queryset())

    def find(self, rows: models.QuerySet[Any]) -> Any:
        """The row of the address; NotFound in the same words whether it does not exist or is not theirs."""
        reference = self.kwargs["id"]
        row = external.find(rows, reference)
        if row is None:
            raise NotFound("not_found", external.missing(self.model, reference))
        return row

    def shown(self, row: Any, *, status: int = status.HTTP_200_OK) -> Response:
        return Response(self.get_serializer(row).data, status=status)

    def body(self, serializer_class: type[serializers.Serializer[Any]]) -> dict[str, Any]:
        """The values of a verb's body."""
        serializer = serializer_class(data=self.request.data, context=self.get_serializer_context())
        serializer.is_valid(raise_exception=True)
        values: dict[str, Any] = serializer.validated_data
        return values


class Collection(mixins.ListModelMixin, mixins.RetrieveModelMixin, Scoped):
    """Rows that can be read."""


class WritableCollection(Collection):
    """Rows that can be created and changed too."""

    def write(self, row: Any, **more: Any) -> None:
        """Store a filled row; `more` is what the body gave besides its columns. Here a plain row."""
        row.full_clean()
        row.save()

    def create(self, request: Request) -> Response:
        with transaction.atomic():
            row = self._store(self.model(), data=request.data)
        answer = self.shown(row, status=status.HTTP_201_CREATED)
        answer["Location"] = reverse(f"{self.basename}-detail", [row.pk], request=request)
        return answer

    def partial_update(self, request: Request, id: str) -> Response:
        with transaction.atomic():
            # Held until it is stored: the columns not in the body are written back as they were read.
            row = self.find(self.get_queryset().select_for_update(of=("self",)))
            row = self._store(row, data=request.data, partial=True)
        return self.shown(row)

    def _store(self, row: models.Model, *, data: Any, partial: bool = False) -> models.Model:
        given = row if partial else None
        serializer: Any = self.get_serializer(given, data=data, partial=partial)
        serializer.is_valid(raise_exception=True)
        more = fill(row, serializer.validated_data)
        with in_the_words_of(serializer):
            self.write(row, **more)
        # Read again, as it is stored. And wherever the body moved it: it cannot leave the writer's reach.
        stored: models.Model | None = self.get_queryset().filter(pk=row.pk).first()
        if stored is None:
            raise NotFound("not_found", _("This would move the row out of your reach."))
        return stored


def fill(row: models.Model, values: dict[str, Any]) -> dict[str, Any]:
    """Set the columns of `row`; the values that are none are returned."""
    more = {}
    for name, value in values.items():
        try:
            column = row._meta.get_field(name)
        except FieldDoesNotExist:
            more[name] = value
        else:
            if column.many_to_many:
                more[name] = value
            else:
                setattr(row, name, value)
    return more


@contextmanager
def in_the_words_of(serializer: FactSerializer) -> Iterator[None]:
    """Let a refusal of the domain name the fields as the API does."""
    names = serializer.names
    try:
        yield
    except DomainError as error:
        error.fields = {names.get(name, name): messages for name, messages in error.fields.items()}
        raise
    except ValidationError as error:
        found = error.message_dict if hasattr(error, "error_dict") else {NON_FIELD_ERRORS: error.messages}
        raise serializers.ValidationError(
            {names.get(name, name): messages for name, messages in found.items()}
        ) from error
