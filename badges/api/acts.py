"""The collection of acts by hand: what was asked for at once, what became of it, and taking it back."""

from __future__ import annotations

from dataclasses import asdict
from functools import cached_property
from typing import TYPE_CHECKING, Any

from drf_spectacular.utils import extend_schema, extend_schema_field, extend_schema_view
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.response import Response

from badges import ending, undoing
from badges.api.issued_badges import EndedSerializer, EvidenceSerializer, RevokeSerializer
from badges.models import IssuedBadge, IssuingAct
from badges.results import State, Tally, results_of, tallies
from tms.access import Action
from tms.api.collection import Collection
from tms.api.external import Reference
from tms.api.filtering import filters_for
from tms.api.strict import FactSerializer

if TYPE_CHECKING:
    from rest_framework.request import Request

    from tms.models import User

    Serializer = serializers.Serializer[Any]
else:
    Serializer = serializers.Serializer


class TallySerializer(Serializer):
    """How many pairs are in each state; `failures` also counts what the provider had already."""

    total = serializers.IntegerField()
    under_way = serializers.IntegerField()
    issued = serializers.IntegerField()
    failed = serializers.IntegerField()
    cancelled = serializers.IntegerField()
    revoking = serializers.IntegerField()
    revoked = serializers.IntegerField()
    failures = serializers.IntegerField()


class ActSerializer(FactSerializer):
    source = serializers.ChoiceField(  # type: ignore[assignment]
        source="source_kind", choices=IssuedBadge.Source.choices, read_only=True
    )
    evidence = EvidenceSerializer(many=True, read_only=True)
    counts = serializers.SerializerMethodField()

    class Meta:
        model = IssuingAct
        fields: tuple[str, ...] = (
            "id",
            "token",
            "actor",
            "organization",
            "source",
            "source_key",
            "file_name",
            "reason",
            "issued_at",
            "expires_at",
            "evidence",
            "created_at",
            "counts",
            "undone_at",
            "undone_by",
            "undo_reason",
        )
        read_only_fields = fields

    @extend_schema_field(TallySerializer)
    def get_counts(self, act: IssuingAct) -> dict[str, int]:
        return TallySerializer(self._tallies[act.pk]).data

    @cached_property
    def _tallies(self) -> dict[int, Tally]:
        """Those of all acts that are shown together, counted at once."""
        shown: Any = self.root.instance
        return tallies([shown] if isinstance(shown, IssuingAct) else list(shown))


class ResultSerializer(Serializer):
    """One pair as it is now. `message` is why it was not issued, in the provider's words or ours; it is there
    as well for a badge that the provider had before it was asked."""

    row = serializers.IntegerField(source="outcome.position")
    badge = Reference(read_only=True)
    user = Reference(source="learner", read_only=True)
    code = serializers.CharField(source="outcome.code")
    state = serializers.ChoiceField(choices=State.choices)
    issued_badge = Reference(read_only=True, allow_null=True)
    message = serializers.CharField(source="words")


class WholeActSerializer(ActSerializer):
    outcomes = serializers.SerializerMethodField()

    class Meta(ActSerializer.Meta):
        fields = (*ActSerializer.Meta.fields, "outcomes")
        read_only_fields = fields

    @extend_schema_field(ResultSerializer(many=True))
    def get_outcomes(self, act: IssuingAct) -> Any:
        return ResultSerializer(results_of(act).all, many=True).data


@extend_schema_view(retrieve=extend_schema(responses=WholeActSerializer))
class IssuingActs(Collection):
    """What was asked for by hand at once: many badges for many learners. Everybody sees their own acts."""

    model = IssuingAct
    serializer_class = ActSerializer
    filterset_class = filters_for(ActSerializer)
    reading = Action.SEE_OWN

    def retrieve(self, request: Request, *args: Any, **named: Any) -> Response:
        """An act with what has become of each pair by now."""
        context = self.get_serializer_context()
        return Response(WholeActSerializer(self.get_object(), context=context).data)

    @extend_schema(request=RevokeSerializer, responses=EndedSerializer)
    @action(detail=True, methods=["post"])
    def undo(self, request: Request, id: str) -> Response:
        """Take back all that an act brought about: cancel what is unsent, revoke what the provider has."""
        act = self.get_object()
        reason = self.body(RevokeSerializer)["reason"]
        silent = ending.silent_about_reasons(undoing.brought_about(act))
        actor: User = request.user  # type: ignore[assignment]
        ended = undoing.undo(act, reason=reason, actor=actor)
        told = {**asdict(ended), "sentence": ended.sentence, "reason_not_told_by": silent}
        return Response(EndedSerializer(told).data)
