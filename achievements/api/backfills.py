"""The collection of backfills: looks of a rule at everybody, and the verbs that start, steer and undo one."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from django.utils.translation import gettext_lazy as _
from drf_spectacular.utils import OpenApiExample, extend_schema
from rest_framework import serializers, status
from rest_framework.decorators import action
from rest_framework.response import Response
from rest_framework.reverse import reverse

from achievements import backfill
from achievements.api.foresight import PreviewSerializer
from achievements.models import Achievement, Backfill
from achievements.preview import preview_backfill
from tms.access import Action
from tms.api.collection import Collection
from tms.api.external import Reference
from tms.api.filtering import filters_for
from tms.api.strict import FactSerializer, Strict

if TYPE_CHECKING:
    from rest_framework.request import Request

    from tms.models import User

    Serializer = serializers.Serializer[Any]
else:
    Serializer = serializers.Serializer


class BackfillSerializer(FactSerializer):
    earned = serializers.IntegerField(
        read_only=True, help_text=_("Awards that came from it and stand: `awarded` less `withdrawn`.")
    )
    badges = serializers.IntegerField(
        source="intents", read_only=True, help_text=_("Badges to issue that it led to.")
    )

    class Meta:
        model = Backfill
        fields = (
            "id",
            "achievement",
            "rule_version",
            "notification",
            "state",
            "learners",
            "looked_at",
            "earned",
            "awarded",
            "withdrawn",
            "badges",
            "requested_by",
            "asked_at",
            "created_at",
            "finished_at",
            "undone_at",
            "undone_by",
            "undo_reason",
        )
        read_only_fields = fields


class StartSerializer(Strict):
    achievement = Reference(to=Achievement, action=Action.MANAGE)
    notification = serializers.ChoiceField(
        choices=Backfill.Notification.choices,
        default=Backfill.Notification.SUMMARY,
        help_text=_("`silent` also asks the provider for no mail."),
    )


class UndoSerializer(Strict):
    reason = serializers.CharField(
        max_length=1_000, help_text=_("Kept with every badge that is cancelled or revoked.")
    )
    revoke_issued = serializers.BooleanField(
        default=False,
        help_text=_("Also revoke what the provider has. Earners are told the reason where it does so."),
    )


class UndoneSerializer(Serializer):
    """What undoing came to: `kept` are the awards that stay because their badge has been sent; badges that
    are `awaited` are under way, and revoked as soon as their outcome is known."""

    backfill = BackfillSerializer()
    message = serializers.CharField(source="sentence")
    withdrawn = serializers.IntegerField()
    cancelled = serializers.IntegerField()
    kept = serializers.IntegerField()
    revoking = serializers.IntegerField()
    awaited = serializers.IntegerField()


START = OpenApiExample(
    "without any mail", value={"achievement": "ext:a-explorer", "notification": "silent"}, request_only=True
)


class Backfills(Collection):
    """Looks of a rule at everybody: how far each is, what it gave, and how learners are told."""

    model = Backfill
    serializer_class = BackfillSerializer
    filterset_class = filters_for(BackfillSerializer)
    joined = ("achievement",)

    @extend_schema(request=StartSerializer, responses={201: BackfillSerializer}, examples=[START])
    def create(self, request: Request) -> Response:
        """Let a rule look at everybody. One that is already under way starts anew with this choice."""
        run = backfill.start(**self.body(StartSerializer), actor=self.actor)
        answer = self.shown(run, status=status.HTTP_201_CREATED)
        answer["Location"] = reverse(f"{self.basename}-detail", [run.pk], request=request)
        return answer

    @extend_schema(request=StartSerializer, responses=PreviewSerializer, examples=[START])
    @action(detail=False, methods=["post"])
    def preview(self, request: Request) -> Response:
        """Who would earn the achievement, and how many messages and calls that makes. Nothing is stored."""
        found = preview_backfill(**self.body(StartSerializer), actor=self.actor)
        return Response(PreviewSerializer(asdict(found)).data)

    @extend_schema(request=None, responses=BackfillSerializer)
    @action(detail=True, methods=["post"])
    def pause(self, request: Request, id: str) -> Response:
        """Look at nobody further until it is resumed."""
        return self._switched(backfill.pause)

    @extend_schema(request=None, responses=BackfillSerializer)
    @action(detail=True, methods=["post"])
    def resume(self, request: Request, id: str) -> Response:
        """Go on where it was paused."""
        return self._switched(backfill.resume)

    def _switched(self, switch: Callable[..., Backfill]) -> Response:
        run = self.get_object()
        self.body(Strict)
        return self.shown(switch(run, actor=self.actor))

    @extend_schema(request=UndoSerializer, responses=UndoneSerializer)
    @action(detail=True, methods=["post"])
    def undo(self, request: Request, id: str) -> Response:
        """Take back what has not been sent and, if asked, what has; and end it."""
        run = self.get_object()
        undone = backfill.undo(run, **self.body(UndoSerializer), actor=self.actor)
        return Response(UndoneSerializer(undone).data)

    @property
    def actor(self) -> User:
        return self.request.user  # type: ignore[return-value]
