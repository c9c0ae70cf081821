"""The collection of users."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.db import models
from django.utils import timezone
from django.utils.translation import gettext as _
from rest_framework import serializers

from tms import gates
from tms.access import Action, Role
from tms.api.collection import WritableCollection
from tms.api.filtering import filters_for
from tms.api.strict import FactSerializer, Moment
from tms.models import User
from tms.roles import set_roles


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
        return sorted(
            Role(row.role)
            for row in instance.role_assignments.all()
            if (row.starts_at is None or row.starts_at <= now) and (row.ends_at is None or row.ends_at > now)
        )


class UserSerializer(FactSerializer):
    roles = RolesInForce(required=False)
    is_disabled = Inverted(source="is_active", required=False)
    opted_out_at = Moment(read_only=True)

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
            "participate_in_achievements",
            "opted_out_at",
            "roles",
            "is_disabled",
        )
        extra_kwargs = {"organization": {"required": True, "allow_null": False}}

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        opted_out = self.instance is not None and self.instance.opted_out_at is not None
        if opted_out and attrs.get("participate_in_achievements"):
            text = _("This learner has opted out, and that decision is the learner's own.")
            raise serializers.ValidationError({"participate_in_achievements": [text]})
        return attrs


class Users(WritableCollection):
    """Users: learners, and by their roles instructors and administrators. Learners see themselves."""

    model = User
    serializer_class = UserSerializer
    filterset_class = filters_for(UserSerializer)
    reading = Action.SEE_OWN
    prefetched = ("role_assignments",)

    def get_queryset(self) -> models.QuerySet[Any]:
        rows = super().get_queryset()
        user: Any = self.request.user
        if self.needed(self.request) is Action.MANAGE and not user.is_superuser:
            return rows.filter(is_superuser=False)  # or their login could be taken over
        return rows

    def write(self, row: User, *, roles: Sequence[str] | None = None, **more: Any) -> None:
        gates.save_user(row)
        if roles is not None:
            actor: User = self.request.user  # type: ignore[assignment]
            set_roles(row, {Role(role) for role in roles}, actor=actor)
