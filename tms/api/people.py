"""The collection of users."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from django_filters import rest_framework as filters
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.decorators import action

from tms import people
from tms.access import Action, Role
from tms.api.collection import WritableCollection
from tms.api.filtering import filters_for
from tms.api.strict import FactSerializer, Moment, Strict
from tms.closing import close_account
from tms.models import User
from tms.roles import in_force_from_now, one_of_in_force, terms_of

if TYPE_CHECKING:
    from rest_framework.request import Request
    from rest_framework.response import Response


class Inverted(serializers.BooleanField):
    """True where the column is false."""

    inverted = True

    def to_internal_value(self, data: Any) -> bool:
        return not super().to_internal_value(data)

    def to_representation(self, value: Any) -> bool:
        return not value


class RolesInForce(serializers.ListField):
    child = serializers.ChoiceField(choices=Role.choices)

    def get_attribute(self, instance: User) -> list[Role]:
        now = timezone.now()
        return sorted(role for role, term in terms_of(instance).items() if term.is_in_force(now))


class UserSerializer(FactSerializer):
    roles = RolesInForce(required=False)
    is_disabled = Inverted(source="is_active", required=False)
    opted_out_at = Moment(read_only=True)
    closed_at = Moment(read_only=True)

    class Meta:
        model = User
        fields = (
            "id",
            "external_id",
            "email",
            "first_name",
            "last_name",
            "organization",
            "time_zone",
            "language",
            "participate_in_achievements",
            "opted_out_at",
            "roles",
            "is_disabled",
            "closed_at",
        )
        extra_kwargs = {"organization": {"required": True, "allow_null": False}}


class UserFilters(filters_for(UserSerializer)):  # type: ignore[misc]
    roles = filters.ChoiceFilter(choices=Role.choices, method="in_role")

    def in_role(self, rows: models.QuerySet[User], name: str, role: str) -> models.QuerySet[User]:
        return rows.filter(one_of_in_force([role]))


class CloseSerializer(Strict):
    reason = serializers.CharField(
        max_length=1_000, help_text=_("Kept in the audit. Write nothing personal: it stays.")
    )


class Users(WritableCollection):
    """Users: learners, and by their roles instructors and administrators. Learners see themselves."""

    model = User
    serializer_class = UserSerializer
    filterset_class = UserFilters
    reading = Action.SEE_OWN
    prefetched = ("role_assignments",)

    def get_queryset(self) -> models.QuerySet[Any]:
        rows = super().get_queryset()
        if self.needed(self.request) is Action.MANAGE:
            return rows.filter(pk__in=people.managed_by(self.actor).values("pk"))
        return rows

    @property
    def actor(self) -> User:
        actor: Any = self.request.user
        return actor  # type: ignore[no-any-return]

    def write(self, row: User, *, roles: Sequence[str] | None = None, **more: Any) -> None:
        terms = None if roles is None else in_force_from_now(row, {Role(role) for role in roles})
        people.save_person(row, terms=terms, actor=self.actor)

    @extend_schema(request=CloseSerializer, responses=UserSerializer)
    @action(detail=True, methods=["post"])
    def close(self, request: Request, id: str) -> Response:
        """Close an account, for good: everything personal is deleted, badges that have not been sent are
        cancelled, and those that a provider has are erased there. What was earned stays without a name. Not
        for superusers."""
        return self.shown(close_account(self.get_object(), **self.body(CloseSerializer), actor=self.actor))
