"""The collection of organizations."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tms import gates
from tms.api.collection import WritableCollection
from tms.api.filtering import filters_for
from tms.api.strict import FactSerializer
from tms.models import Organization

if TYPE_CHECKING:
    from tms.models import User


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
    """Organizations in a tree. A new one starts with its parent's preferences, but for those given."""

    model = Organization
    serializer_class = OrganizationSerializer
    filterset_class = filters_for(OrganizationSerializer)

    def write(self, row: Organization, **more: Any) -> None:
        actor: User = self.request.user  # type: ignore[assignment]
        gates.save_organization(row, actor=actor, said=self.request.data)
