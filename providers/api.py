"""The collection of badge providers: accounts, without their tokens."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.utils.translation import gettext_lazy as _
from rest_framework import serializers

from providers.accounts import save_provider
from providers.models import BadgeProvider
from tms.api.collection import WritableCollection
from tms.api.filtering import filters_for
from tms.api.strict import FactSerializer

if TYPE_CHECKING:
    from tms.models import User


class BadgeProviderSerializer(FactSerializer):
    type = serializers.ChoiceField(source="kind", choices=BadgeProvider.Kind.choices, required=False)
    token = serializers.CharField(
        source="new_token",
        write_only=True,
        required=False,
        max_length=4_000,
        help_text=_("Stored encrypted and never shown again. Left out: the stored one stays."),
    )

    class Meta:
        model = BadgeProvider
        fields = (
            "id",
            "external_id",
            "name",
            "description",
            "organization",
            "type",
            "provider_organization_id",
            "api_url",
            "token",
            "is_enabled",
            "paused_at",
            "pause_reason",
        )
        read_only_fields = ("paused_at", "pause_reason")


class BadgeProviders(WritableCollection):
    """Accounts at badge providers. A new token or address ends a pause."""

    model = BadgeProvider
    serializer_class = BadgeProviderSerializer
    filterset_class = filters_for(BadgeProviderSerializer)

    def write(self, row: BadgeProvider, *, new_token: str | None = None, **more: Any) -> None:
        actor: User = self.request.user  # type: ignore[assignment]
        save_provider(row, new_token=new_token, actor=actor)
