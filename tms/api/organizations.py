"""The collection of organizations."""

from __future__ import annotations

from typing import Any

from django.utils.translation import gettext as _
from rest_framework import serializers

from tms import gates
from tms.api.collection import WritableCollection
from tms.api.filtering import filters_for
from tms.api.strict import FactSerializer
from tms.models import Organization


class OrganizationSerializer(FactSerializer):
    class Meta:
        model = Organization
        fields = (
            "id",
            "external_id",
            "name",
            "parent",
            "time_zone",
            "enable_achievements",
            "participate_in_global_achievements",
            "created_at",
        )

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """A top of a tree belongs to nobody's reach but a superuser's."""
        untouched = self.instance is not None and "parent" not in attrs
        if not untouched and attrs.get("parent") is None and not self.context["request"].user.is_superuser:
            raise serializers.ValidationError({"parent": [_("Name an organization that you manage.")]})
        return attrs


class Organizations(WritableCollection):
    """Organizations in a tree. A new one starts with its parent's preferences."""

    model = Organization
    serializer_class = OrganizationSerializer
    filterset_class = filters_for(OrganizationSerializer)

    def write(self, row: Organization, **more: Any) -> None:
        gates.save_organization(row)
