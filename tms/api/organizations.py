"""The collection of organizations."""

from __future__ import annotations

from typing import Any

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


class Organizations(WritableCollection):
    """Organizations in a tree. A new one starts with its parent's preferences."""

    model = Organization
    serializer_class = OrganizationSerializer
    filterset_class = filters_for(OrganizationSerializer)

    def write(self, row: Organization, **more: Any) -> None:
        gates.save_organization(row, actor=self.request.user)  # type: ignore[arg-type]
