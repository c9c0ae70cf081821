"""Two verbs of the achievements' collection that change nothing: what saving would do, and why not yet."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from django.utils.translation import gettext_lazy as _
from drf_spectacular.utils import OpenApiExample, OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.response import Response

from achievements.authoring import describe
from achievements.explanation import as_data, explain
from achievements.models import Achievement
from achievements.preview import preview
from tms.access import Action
from tms.api import external
from tms.api.collection import Scoped, fill, in_the_words_of
from tms.errors import DomainError
from tms.models import User

if TYPE_CHECKING:
    from rest_framework.request import Request

    Serializer = serializers.Serializer[Any]
else:
    Serializer = serializers.Serializer


class GainSerializer(Serializer):
    user = serializers.IntegerField(source="learner_id")
    name = serializers.CharField()
    occurrence = serializers.IntegerField()
    earned_at = serializers.DateTimeField()


class PreviewSerializer(Serializer):
    """What saving would lead to; for an edit, who gains."""

    awards = serializers.IntegerField()
    learners = serializers.IntegerField()
    sample = GainSerializer(many=True, help_text=_("The newest of them."))
    blocked = serializers.DictField(
        child=serializers.IntegerField(),
        help_text=_("By gate (organization, participation, reach): who meets the rule and is held back."),
    )
    waiting_for = serializers.ListField(child=serializers.CharField())
    messages = serializers.IntegerField(help_text=_("Messages of ours that learners would get."))
    calls = serializers.IntegerField(help_text=_("Badges that the provider would be asked to issue."))
    seconds = serializers.FloatField()
    owed = serializers.IntegerField(
        help_text=_("Who has earned it before and would be issued its badge now; among `calls`.")
    )
    owed_sample = GainSerializer(many=True)
    hints = serializers.ListField(child=serializers.DictField())


class ExplanationSerializer(Serializer):
    """Gate by gate and condition by condition."""

    achievement = serializers.IntegerField()
    user = serializers.IntegerField()
    summary = serializers.CharField()
    earned = serializers.ListField(child=serializers.DictField())
    through_ticked_courses = serializers.BooleanField()
    gates = serializers.ListField(child=serializers.DictField())
    conditions = serializers.ListField(child=serializers.DictField())


class Foresight(Scoped):
    """Mixed into the collection of achievements."""

    @extend_schema(
        responses=PreviewSerializer,
        examples=[
            OpenApiExample(
                "a draft",
                value={
                    "name": "Explorer",
                    "organization": "ext:north",
                    "conditions": "[{Subject:0, Count:3}]",
                },
                request_only=True,
            )
        ],
    )
    @action(detail=False, methods=["post"])
    def preview(self, request: Request) -> Response:
        """Who would earn an achievement if it were saved: a new one by its fields, or `achievement` with
        those that change."""
        known, body = self._draft(request.data)
        serializer: Any = self.get_serializer(known, data=body, partial=known is not None)
        serializer.is_valid(raise_exception=True)
        row = known or Achievement()
        fill(row, serializer.validated_data)
        viewer: User = request.user  # type: ignore[assignment]
        with in_the_words_of(serializer):
            found = preview(row, actor=viewer)
        told = {**asdict(found), "hints": [describe(hint) for hint in found.hints]}
        return Response({**PreviewSerializer(told).data, "hints": told["hints"]})

    def _draft(self, body: Any) -> tuple[Achievement | None, Any]:
        """The achievement that a body names, if it does, and the fields that it gives."""
        if not isinstance(body, Mapping):
            return None, body
        fields = dict(body)
        reference = fields.pop("achievement", None)
        return (None if reference is None else self._known(reference)), fields

    def _known(self, reference: object) -> Achievement:
        rows = self.get_queryset().select_related("organization", "badge")
        row: Achievement | None = external.find(rows, str(reference))
        if row is None:
            text = external.missing(Achievement, str(reference))
            raise DomainError("invalid", text, fields={"achievement": [text]})
        return row

    @extend_schema(
        responses=ExplanationSerializer,
        parameters=[OpenApiParameter("user", str, required=True, description="An id, or ext:VALUE.")],
    )
    @action(detail=True, methods=["get"], filterset_class=None, pagination_class=None)
    def explain(self, request: Request, id: str) -> Response:
        """Why a user has the achievement, or why not yet: every gate, and every condition with numbers."""
        viewer: User = request.user  # type: ignore[assignment]
        achievement = self.find(self.get_queryset().select_related("organization"))
        reference = request.query_params.get("user", "")
        learners = User.objects.for_user(viewer, Action.SEE).select_related("organization")
        learner = external.find(learners, reference) if reference else None
        if learner is None:
            unnamed = _("Name the user, as in ?user=ext:u-17.")
            text = external.missing(User, reference) if reference else str(unnamed)
            raise DomainError("invalid", text, fields={"user": [text]})
        return Response(as_data(explain(achievement, learner, actor=viewer)))
