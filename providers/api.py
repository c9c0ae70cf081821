"""The collection of badge providers: accounts, without their tokens.

Served by badges.api.accounts, which adds what accounts have to do with badges.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from django.utils.translation import gettext_lazy as _
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.response import Response

from providers import accounts, health
from providers.models import BadgeProvider
from tms.access import Action
from tms.api.collection import WritableCollection
from tms.api.external import Reference
from tms.api.filtering import filters_for
from tms.api.strict import FactSerializer, Moment, Strict
from tms.models import Organization

if TYPE_CHECKING:
    from rest_framework.request import Request

    from tms.models import User

    Serializer = serializers.Serializer[Any]
else:
    Serializer = serializers.Serializer


class BadgeProviderSerializer(FactSerializer):
    type = serializers.ChoiceField(source="kind", choices=BadgeProvider.Kind.choices, required=False)
    token = serializers.CharField(
        source="new_token",
        write_only=True,
        required=False,
        max_length=4_000,
        help_text=_("Stored encrypted and never shown again. Left out: the stored one stays."),
    )
    available_to = Reference(
        many=True,
        to=Organization,
        action=Action.MANAGE,
        required=False,
        help_text=_("Organizations below its own that may use the account for their badges."),
    )
    token_ends_at = Moment(
        read_only=True,
        allow_null=True,
        help_text=_("As the provider tells, else as it documents; null when neither does."),
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
            "calls_per_minute",
            "revoke_by",
            "available_to",
            "paused_at",
            "pause_reason",
            "paused_by",
            "broken_until",
            "checked_at",
            "check_problem",
            "token_set_at",
            "token_ends_at",
        )
        read_only_fields = (
            "paused_at",
            "pause_reason",
            "paused_by",
            "broken_until",
            "checked_at",
            "check_problem",
            "token_set_at",
        )


class CheckupSerializer(Serializer):
    """Whether the provider takes our calls: `name` is what it calls the organization, `problem` why not."""

    works = serializers.BooleanField()
    name = serializers.CharField()
    problem = serializers.CharField()


class PauseSerializer(Strict):
    reason = serializers.CharField(max_length=1_000)


class Accounts(WritableCollection):
    """Accounts at badge providers. A new token or address ends a pause, unless a person paused the account.

    An account whose address or token changed is checked at once; `check_problem` tells what does not work.
    """

    model = BadgeProvider
    serializer_class = BadgeProviderSerializer
    filterset_class = filters_for(BadgeProviderSerializer)
    prefetched = ("available_to",)

    def write(
        self,
        row: BadgeProvider,
        *,
        new_token: str | None = None,
        available_to: Sequence[Organization] | None = None,
        **more: Any,
    ) -> None:
        accounts.save_provider(row, new_token=new_token, available_to=available_to, actor=self._actor)
        self._to_be_checked = row.is_to_be_checked

    def create(self, request: Request) -> Response:
        answer = super().create(request)
        return self._with_its_checkup(answer, pk=answer.data["id"])

    def partial_update(self, request: Request, id: str) -> Response:
        answer = super().partial_update(request, id)
        return self._with_its_checkup(answer, pk=answer.data["id"])

    def _with_its_checkup(self, answer: Response, *, pk: int) -> Response:
        """The provider is asked after the transaction of the save, which stands whatever it answers."""
        if self._to_be_checked:
            row = self.get_queryset().get(pk=pk)
            health.check(row, actor=self._actor)
            answer.data = self.get_serializer(row).data
        return answer

    @property
    def _actor(self) -> User:
        return self.request.user  # type: ignore[return-value]

    @extend_schema(request=None, responses=CheckupSerializer)
    @action(detail=True, methods=["post"])
    def check(self, request: Request, id: str) -> Response:
        """Ask the provider whether the account works, and keep the answer."""
        row = self.get_object()
        self.body(Strict)
        return Response(CheckupSerializer(health.check(row, actor=self._actor)).data)

    @extend_schema(request=PauseSerializer, responses=BadgeProviderSerializer)
    @action(detail=True, methods=["post"])
    def pause(self, request: Request, id: str) -> Response:
        """Send nothing through the account until somebody resumes it."""
        row = self.get_object()
        reason = self.body(PauseSerializer)["reason"]
        accounts.pause_by_hand(row, reason=reason, actor=self._actor)
        return self.shown(self.get_object())

    @extend_schema(request=None, responses=BadgeProviderSerializer)
    @action(detail=True, methods=["post"])
    def resume(self, request: Request, id: str) -> Response:
        """Go on with an account that was paused. What waited for it is sent."""
        row = self.get_object()
        self.body(Strict)
        accounts.resume(row, actor=self._actor)
        return self.shown(self.get_object())
