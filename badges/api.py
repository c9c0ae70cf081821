"""The collection of issued badges."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.utils.translation import gettext_lazy as _
from drf_spectacular.utils import OpenApiExample, extend_schema, extend_schema_field
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.response import Response

from badges import ending, issuing, reflection
from badges.models import Badge, IssuedBadge
from tms.access import Action
from tms.api.collection import Collection
from tms.api.external import Reference
from tms.api.filtering import filters_for
from tms.api.strict import FactSerializer, Strict
from tms.models import User

if TYPE_CHECKING:
    from rest_framework.request import Request

    Serializer = serializers.Serializer[Any]
else:
    Serializer = serializers.Serializer


class FailureSerializer(Serializer):
    """Why the badge is not at the provider: our code and words, and the provider's own."""

    code = serializers.CharField(source="failure_code")
    message = serializers.CharField(source="failure_message")
    provider_message = serializers.CharField()


class IssuedBadgeSerializer(FactSerializer):
    user = Reference(source="learner", read_only=True)
    source = serializers.ChoiceField(  # type: ignore[assignment]
        source="source_kind", choices=IssuedBadge.Source.choices, read_only=True
    )
    issued_status = serializers.CharField(
        read_only=True, help_text=_("The status as people read it, in the language of the request.")
    )
    failure = serializers.SerializerMethodField()

    class Meta:
        model = IssuedBadge
        fields = (
            "id",
            "badge",
            "user",
            "status",
            "issued_status",
            "external_uuid",
            "external_state",
            "external_url",
            "accept_url",
            "source",
            "source_key",
            "issued_by",
            "reason",
            "earned_at",
            "created_at",
            "issued_at",
            "attempts",
            "failure",
        )
        read_only_fields = fields

    @extend_schema_field(FailureSerializer(allow_null=True))
    def get_failure(self, row: IssuedBadge) -> dict[str, str] | None:
        return FailureSerializer(row).data if row.failure_code else None


class IssueSerializer(Strict):
    badge = Reference(to=Badge, action=Action.ISSUE)
    users = Reference(many=True, to=User, action=Action.ISSUE, allow_empty=False)
    reason = serializers.CharField(required=False, allow_blank=True, max_length=1_000)


class OutcomeSerializer(Serializer):
    """What became of one user: `queued`, or refused with a code and a sentence."""

    user = Reference(source="learner", read_only=True)
    code = serializers.CharField()
    message = serializers.CharField()
    issued_badge = Reference(read_only=True, allow_null=True)


class RevokeSerializer(Strict):
    reason = serializers.CharField(max_length=1_000, help_text=_("The earner is told it."))


class IssuedBadges(Collection):
    """One badge, one learner: on its way, at the provider, or ended. Learners see their own."""

    model = IssuedBadge
    serializer_class = IssuedBadgeSerializer
    filterset_class = filters_for(IssuedBadgeSerializer)
    reading = Action.SEE_OWN
    writing = Action.ISSUE
    joined = ("badge__badge_provider",)
    deferred = ("badge__badge_provider__token",)

    @extend_schema(
        request=IssueSerializer,
        responses={200: OutcomeSerializer(many=True)},
        examples=[
            OpenApiExample(
                "two learners",
                value={"badge": "ext:b-azure", "users": [17, "ext:u-1001"], "reason": "Hackathon winners"},
                request_only=True,
            ),
        ],
    )
    def create(self, request: Request) -> Response:
        """Issue one badge by hand to many. Each is accepted or refused alone; badges go out soon after."""
        values = self.body(IssueSerializer)
        actor: User = request.user  # type: ignore[assignment]
        outcomes = issuing.issue(
            values["badge"],
            values["users"],
            actor=actor,
            source=IssuedBadge.Source.API,
            reason=values.get("reason", ""),
        )
        return Response(OutcomeSerializer(outcomes, many=True).data)

    @extend_schema(request=None, responses=IssuedBadgeSerializer)
    @action(detail=True, methods=["post"])
    def retry(self, request: Request, id: str) -> Response:
        """Send a failed badge again, to the learner's address of today."""
        row = self.get_object()
        self.body(Strict)
        return self.shown(issuing.retry(row, actor=request.user))  # type: ignore[arg-type]

    @extend_schema(request=None, responses=IssuedBadgeSerializer)
    @action(detail=True, methods=["post"])
    def refresh(self, request: Request, id: str) -> Response:
        """Read the badge at the provider now, and bring its record to where it is there."""
        row = self.get_object()
        self.body(Strict)
        return self.shown(reflection.refresh(row, actor=request.user))  # type: ignore[arg-type]

    @extend_schema(request=RevokeSerializer, responses=IssuedBadgeSerializer)
    @action(detail=True, methods=["post"])
    def revoke(self, request: Request, id: str) -> Response:
        """Ask the provider to take a badge back."""
        row = self.get_object()
        reason = self.body(RevokeSerializer)["reason"]
        return self.shown(ending.revoke(row, reason=reason, actor=request.user))  # type: ignore[arg-type]
