"""The collection of badge providers, with their synchronization, and the history of that."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.utils.translation import gettext_lazy as _
from drf_spectacular.utils import extend_schema, extend_schema_field
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.response import Response

from badges.models import Synchronization
from badges.synchronization import PATIENCE, Change, summary, synchronize
from providers.api import Accounts
from tms.api.collection import Collection
from tms.api.external import Reference
from tms.api.filtering import filters_for
from tms.api.strict import FactSerializer, Strict
from tms.errors import Unanswered

if TYPE_CHECKING:
    from rest_framework.request import Request

    Serializer = serializers.Serializer[Any]
else:
    Serializer = serializers.Serializer


class ChangeSerializer(Serializer):
    """`details` maps a field to its value before and after; `badge` is null for one that a dry run found."""

    change = serializers.ChoiceField(choices=Change.choices)
    template_id = serializers.CharField()
    name = serializers.CharField()
    badge = serializers.IntegerField(allow_null=True)
    details = serializers.DictField(child=serializers.ListField(), help_text=_("field: [before, after]"))


class SynchronizationSerializer(FactSerializer):
    badge_provider = Reference(read_only=True)
    actor = Reference(read_only=True, allow_null=True)
    summary = serializers.SerializerMethodField()
    changes = ChangeSerializer(many=True, read_only=True)

    class Meta:
        model = Synchronization
        fields = (
            "id",
            "badge_provider",
            "actor",
            "is_dry_run",
            "at",
            "seconds",
            "seen",
            "summary",
            "changes",
            "problem",
        )
        read_only_fields = fields

    @extend_schema_field(serializers.CharField(help_text=_("In the language of the request.")))
    def get_summary(self, row: Synchronization) -> str:
        return summary(row)


class Synchronizations(Collection):
    """Every synchronization there was, and what it changed or, as a dry run, would have changed."""

    model = Synchronization
    serializer_class = SynchronizationSerializer
    filterset_class = filters_for(SynchronizationSerializer)


class SyncSerializer(Strict):
    dry_run = serializers.BooleanField(
        default=False, help_text=_("Only tell what would change. Nothing is written.")
    )


class BadgeProviders(Accounts):
    __doc__ = Accounts.__doc__

    @extend_schema(request=SyncSerializer, responses={200: SynchronizationSerializer})
    @action(detail=True, methods=["post"])
    def sync(self, request: Request, id: str) -> Response:
        """Make the badges of the account like its templates at the provider.

        The answer tells what changed. When the provider refuses or does not answer, nothing is changed, and
        the error (502) says why; `data.synchronization` is the id of its record.
        """
        row = self.get_object()
        dry_run = self.body(SyncSerializer)["dry_run"]
        record = synchronize(row, actor=self._actor, dry_run=dry_run, seconds=PATIENCE)
        if record.problem:
            raise Unanswered("not_synchronized", record.problem, data={"synchronization": record.pk})
        context = self.get_serializer_context()
        return Response(SynchronizationSerializer(record, context=context).data)
