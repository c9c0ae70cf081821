"""The collection of issued badges."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from django.db import models
from django.utils.translation import gettext_lazy as _
from drf_spectacular.utils import OpenApiExample, extend_schema, extend_schema_field
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.response import Response

from badges import corrections, ending, erasing, reflection, retrying
from badges.by_hand import issue_by_hand
from badges.models import Badge, IssuedBadge
from badges.sharing.public import public_url
from providers.base import Evidence
from tms.access import Action
from tms.api.collection import Collection
from tms.api.external import Reference
from tms.api.filtering import PAGING, filters_for
from tms.api.strict import FactSerializer, Moment, Strict
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


class EvidenceSerializer(Strict):
    """What stands behind a badge: at least a name or an address."""

    name = serializers.CharField(required=False, allow_blank=True, default="")
    description = serializers.CharField(required=False, allow_blank=True, default="")
    url = serializers.CharField(required=False, allow_blank=True, default="")


NO_FILTER = _("There is no such filter.")
# What can be asked for and waits, with the column that says so.
ASKED = {"revoke": "revoke_asked_at", "correct": "correction_due_at", "erase": "erasure_due_at"}


class IssuedBadgeSerializer(FactSerializer):
    user = Reference(source="learner", read_only=True)
    source = serializers.ChoiceField(  # type: ignore[assignment]
        source="source_kind", choices=IssuedBadge.Source.choices, read_only=True
    )
    issued_status = serializers.CharField(
        read_only=True, help_text=_("The status as people read it, in the language of the request.")
    )
    failure = serializers.SerializerMethodField()
    evidence = EvidenceSerializer(many=True, read_only=True)
    asked = serializers.SerializerMethodField(
        help_text=_("What somebody asked for and is not done yet: `revoke`, `correct`, `erase`.")
    )
    tells_reason = serializers.SerializerMethodField(
        help_text=_("Whether the provider tells the earner why it is revoked; where not, tell it yourself.")
    )

    public_url = serializers.SerializerMethodField(
        help_text=_("The page that the learner has opened to everybody; null while she has not.")
    )

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
            "public_url",
            "source",
            "source_key",
            "issued_by",
            "reason",
            "evidence",
            "earned_at",
            "created_at",
            "issued_at",
            "expires_at",
            "replaces",
            "attempts",
            "failure",
            "asked",
            "correction_problem",
            "ended_reason",
            "tells_reason",
        )
        read_only_fields = fields

    def get_public_url(self, row: IssuedBadge) -> str | None:
        return public_url(row) or None

    def get_tells_reason(self, row: IssuedBadge) -> bool:
        return ending.tells_reason(row.badge.badge_provider.kind)

    @extend_schema_field(FailureSerializer(allow_null=True))
    def get_failure(self, row: IssuedBadge) -> dict[str, str] | None:
        return FailureSerializer(row).data if row.failure_code else None

    @extend_schema_field(serializers.ListField(child=serializers.ChoiceField(choices=list(ASKED))))
    def get_asked(self, row: IssuedBadge) -> list[str]:
        return [verb for verb, column in ASKED.items() if getattr(row, column)]


class IssueSerializer(Strict):
    badge = Reference(to=Badge, action=Action.ISSUE)
    users = Reference(many=True, to=User, action=Action.ISSUE, allow_empty=False)
    reason = serializers.CharField(
        required=False, allow_blank=True, max_length=1_000, help_text=_("Kept with the badge.")
    )
    issued_at = Moment(required=False, help_text=_("The date of issue that the provider shows; else now."))
    expires_at = Moment(
        required=False, allow_null=True, help_text=_("Else as the badge or the provider's template says.")
    )
    evidence = EvidenceSerializer(many=True, required=False)
    token = serializers.UUIDField(
        required=False,
        help_text=_("Chosen by you: a request that is sent again with it is the same act, not a second one."),
    )


class OutcomeSerializer(Serializer):
    """What became of one user: `queued`, or refused with a code and a sentence. `act` is the same for all of
    a request: see the collection of issuing acts, where it can be undone."""

    user = Reference(source="learner", read_only=True)
    code = serializers.CharField()
    message = serializers.CharField()
    issued_badge = Reference(read_only=True, allow_null=True)
    act = Reference(read_only=True)


class ReasonSerializer(Strict):
    reason = serializers.CharField(max_length=1_000, help_text=_("Kept with the badge."))


class RevokeSerializer(Strict):
    reason = serializers.CharField(
        max_length=1_000,
        help_text=_("Kept, and told to the earner where the provider does so."),
    )


class RevokeManySerializer(RevokeSerializer):
    """Those that are listed, or all that a filter finds: one of the two."""

    issued_badges = Reference(
        many=True, to=IssuedBadge, action=Action.MANAGE, required=False, allow_empty=False
    )
    filter = serializers.DictField(
        child=serializers.CharField(),
        required=False,
        allow_empty=False,
        help_text=_("As the filters of the list: the name of a field → its value."),
    )

    def validate(self, values: dict[str, Any]) -> dict[str, Any]:
        if ("issued_badges" in values) == ("filter" in values):
            message = _("Give either a list of issued badges or a filter.")
            raise serializers.ValidationError({"issued_badges": [message]})
        return values


class EndedSerializer(Serializer):
    """What became of the badges: `revoking` at the provider; `cancelled`, since they had not been sent;
    `awaited`, being sent or looked for, and revoked as soon as their outcome is known. Others had ended."""

    message = serializers.CharField(source="sentence")
    revoking = serializers.IntegerField()
    cancelled = serializers.IntegerField()
    awaited = serializers.IntegerField()
    reason_not_told_by = serializers.ListField(
        child=serializers.CharField(),
        help_text=_("Providers that tell no earner the reason; tell it yourself."),
    )


class CorrectSerializer(Strict):
    email = serializers.BooleanField(
        required=False,
        allow_null=True,
        help_text=_("Also the address. By default if it is another one than the badge was issued to."),
    )


class IssuedBadges(Collection):
    """One badge, one learner: on its way, at the provider, or ended. Learners see their own."""

    model = IssuedBadge
    serializer_class = IssuedBadgeSerializer
    filterset_class = filters_for(IssuedBadgeSerializer)
    reading = Action.SEE_OWN
    writing = Action.ISSUE
    joined = ("badge__badge_provider", "presentation")
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
            OpenApiExample(
                "with evidence, for a year",
                value={
                    "badge": "ext:b-azure",
                    "users": [17],
                    "expires_at": "2027-11-30T00:00:00Z",
                    "evidence": [{"name": "Talk", "url": "https://example.org/talks/17"}],
                },
                request_only=True,
            ),
        ],
    )
    def create(self, request: Request) -> Response:
        """Issue one badge by hand to many. Each is accepted or refused alone; badges go out soon after."""
        values = self.body(IssueSerializer)
        evidence = [Evidence(**item) for item in values.pop("evidence", [])]
        act = issue_by_hand(
            [values.pop("badge")],
            values.pop("users"),
            token=values.pop("token", uuid4()),
            **values,
            evidence=evidence,
            source=IssuedBadge.Source.API,
            actor=self.actor,
        )
        outcomes = act.outcomes.select_related("learner", "issued_badge", "act").order_by("position")
        return Response(OutcomeSerializer(outcomes, many=True).data)

    @extend_schema(request=None, responses=IssuedBadgeSerializer)
    @action(detail=True, methods=["post"])
    def retry(self, request: Request, id: str) -> Response:
        """Send a failed badge again, to the learner's address of today."""
        row = self.get_object()
        self.body(Strict)
        return self.shown(retrying.retry(row, actor=self.actor))

    @extend_schema(request=None, responses=IssuedBadgeSerializer)
    @action(detail=True, methods=["post"])
    def refresh(self, request: Request, id: str) -> Response:
        """Read the badge at the provider now, and bring its record to where it is there."""
        row = self.get_object()
        self.body(Strict)
        return self.shown(reflection.refresh(row, actor=self.actor))

    @extend_schema(request=ReasonSerializer, responses=IssuedBadgeSerializer)
    @action(detail=True, methods=["post"])
    def cancel(self, request: Request, id: str) -> Response:
        """Give up a badge that has not been sent."""
        row = self.get_object()
        return self.shown(ending.cancel(row, **self.body(ReasonSerializer), actor=self.actor))

    @extend_schema(request=RevokeSerializer, responses=IssuedBadgeSerializer)
    @action(detail=True, methods=["post"])
    def revoke(self, request: Request, id: str) -> Response:
        """Ask the provider to take a badge back. One that is under way is taken back when it is there."""
        row = self.get_object()
        return self.shown(ending.revoke(row, **self.body(RevokeSerializer), actor=self.actor))

    @extend_schema(
        operation_id="issued_badges_revoke_many",
        request=RevokeManySerializer,
        responses=EndedSerializer,
        examples=[
            OpenApiExample(
                "listed", value={"issued_badges": [17, 18], "reason": "Issued by mistake"}, request_only=True
            ),
            OpenApiExample(
                "all of a badge since a date",
                value={
                    "filter": {"badge": "ext:b-azure", "created_at_after": "2026-11-20T00:00:00Z"},
                    "reason": "Wrong rule",
                },
                request_only=True,
            ),
        ],
    )
    @action(detail=False, methods=["post"], url_path="revoke", url_name="revoke-many")
    def revoke_many(self, request: Request) -> Response:
        """Take back many as one act: revoke what the provider has, cancel what has not been sent."""
        values = self.body(RevokeManySerializer)
        managed = IssuedBadge.objects.for_user(self.actor, Action.MANAGE)
        if "filter" in values:
            rows = self._filtered(managed, values["filter"])
        else:
            rows = managed.filter(pk__in=[row.pk for row in values["issued_badges"]])
        silent = ending.silent_about_reasons(rows)
        ended = ending.revoke_all(rows, reason=values["reason"], actor=self.actor)
        told = {**asdict(ended), "sentence": ended.sentence, "reason_not_told_by": silent}
        return Response(EndedSerializer(told).data)

    def _filtered(self, rows: models.QuerySet[Any], given: dict[str, str]) -> models.QuerySet[Any]:
        """As the list of this collection would be; a page of it is no filter."""
        if paging := sorted(PAGING & given.keys()):
            raise serializers.ValidationError({f"filter.{name}": [NO_FILTER] for name in paging})
        filters = self.filterset_class(given, queryset=rows, request=self.request)
        if not filters.is_valid():
            raise serializers.ValidationError(
                {f"filter.{name}": told for name, told in filters.errors.items()}
            )
        found: models.QuerySet[Any] = filters.qs
        return found

    @extend_schema(request=CorrectSerializer, responses=IssuedBadgeSerializer)
    @action(detail=True, methods=["post"])
    def correct(self, request: Request, id: str) -> Response:
        """Write the learner's name of today, and perhaps the address, to the badge at the provider."""
        row = self.get_object()
        email = self.body(CorrectSerializer).get("email")
        return self.shown(corrections.correct(row, email=email, actor=self.actor))

    @extend_schema(request=ReasonSerializer, responses=IssuedBadgeSerializer)
    @action(detail=True, methods=["post"])
    def erase(self, request: Request, id: str) -> Response:
        """Erase the badge at the provider with what it tells about the person. That cannot be undone."""
        row = self.get_object()
        return self.shown(erasing.erase(row, **self.body(ReasonSerializer), actor=self.actor))

    @property
    def actor(self) -> User:
        return self.request.user  # type: ignore[return-value]
