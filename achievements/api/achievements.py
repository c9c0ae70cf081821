"""The collections of achievements and earned achievements, and what one learner has to show."""

from __future__ import annotations

import json
from functools import cached_property
from typing import TYPE_CHECKING, Any

from django.utils.translation import gettext_lazy as _
from drf_spectacular.extensions import OpenApiSerializerFieldExtension
from drf_spectacular.utils import OpenApiExample, extend_schema, extend_schema_field, extend_schema_view
from rest_framework import serializers
from rest_framework.response import Response

from achievements.api.foresight import Foresight
from achievements.authoring import describe, save_achievement
from achievements.conditions.explain import in_words
from achievements.hints import remarks
from achievements.models import Achievement, EarnedAchievement
from achievements.references import problem_of
from achievements.rewards import badges_of, earned_by, explained
from badges.api.issued_badges import IssuedBadges, IssuedBadgeSerializer
from badges.models import Badge
from tms.access import Action
from tms.api.collection import Collection, Scoped, WritableCollection
from tms.api.external import Reference
from tms.api.filtering import filters_for
from tms.api.strict import FactSerializer, Moment
from tms.models import User

if TYPE_CHECKING:
    from drf_spectacular.openapi import AutoSchema
    from drf_spectacular.utils import Direction
    from rest_framework.request import Request

    from achievements.conditions.language import Remark

    Serializer = serializers.Serializer[Any]
else:
    Serializer = serializers.Serializer


class RemarkSerializer(Serializer):
    """Something about one place of the conditions; line and column count from 1."""

    code = serializers.CharField()
    message = serializers.CharField()
    line = serializers.IntegerField()
    column = serializers.IntegerField()
    pointer = serializers.CharField(help_text=_("A JSON pointer into the conditions."))


class ConditionsField(serializers.CharField):
    """The text of a rule, which a program may give as the JSON that it stands for."""

    def to_internal_value(self, data: Any) -> str:
        if isinstance(data, list | dict):
            return json.dumps(data, ensure_ascii=False)
        return super().to_internal_value(data)


class ConditionsInSchema(OpenApiSerializerFieldExtension):  # type: ignore[no-untyped-call]
    target_class = ConditionsField

    def map_serializer_field(self, auto_schema: AutoSchema, direction: Direction) -> dict[str, Any]:
        if direction == "response":
            return {"type": "string"}
        return {"oneOf": [{"type": "string"}, {"type": "array", "items": {"type": "object"}}]}


class AchievementSerializer(FactSerializer):
    badge = Reference(to=Badge, shared=True, required=False, allow_null=True)
    conditions = ConditionsField(
        source="conditions_text",
        required=False,
        allow_blank=True,
        trim_whitespace=False,
        help_text=_("The text as typed. It may also be given as JSON instead of text."),
    )
    rule = serializers.JSONField(
        source="conditions", read_only=True, help_text=_("The conditions as understood, in canonical form.")
    )
    rule_in_words = serializers.SerializerMethodField()
    hints = serializers.SerializerMethodField()
    problem = serializers.SerializerMethodField()

    class Meta:
        model = Achievement
        fields = (
            "id",
            "external_id",
            "name",
            "description",
            "translations",
            "organization",
            "category",
            "points",
            "frequency",
            "frequency_type",
            "badge",
            "is_renewable",
            "is_global",
            "enabled",
            "conditions",
            "rule",
            "rule_in_words",
            "rule_version",
            "hints",
            "problem",
            "paused_at",
        )
        read_only_fields = ("rule_version", "paused_at")

    def get_rule_in_words(self, achievement: Achievement) -> str:
        """What a learner has to do, as a sentence."""
        return self._words[achievement.pk]

    def get_problem(self, achievement: Achievement) -> str:
        """Why the rule is not evaluated, or failed when it last was; empty where all is well."""
        return problem_of(achievement)

    @cached_property
    def _words(self) -> dict[int, str]:
        rows = self._shown
        return dict(zip((row.pk for row in rows), in_words(row.conditions for row in rows), strict=True))

    @extend_schema_field(RemarkSerializer(many=True))
    def get_hints(self, achievement: Achievement) -> list[dict[str, Any]]:
        """What is allowed and probably not meant."""
        return [describe(remark) for remark in self._remarks[achievement.pk]]

    @cached_property
    def _remarks(self) -> dict[int, tuple[Remark, ...]]:
        return dict(zip((row.pk for row in self._shown), remarks(self._shown), strict=True))

    @property
    def _shown(self) -> list[Achievement]:
        """All rows that are shown together, so that a list looks up what they name at once."""
        shown: Any = self.root.instance
        return [shown] if isinstance(shown, Achievement) else list(shown)


@extend_schema_view(
    create=extend_schema(
        examples=[
            OpenApiExample(
                "four different labs",
                value={
                    "external_id": "a-explorer",
                    "name": "Explorer",
                    "organization": "ext:north",
                    "points": 50,
                    "badge": "ext:b-azure",
                    "conditions": '[{"Subject": 0, "Count": 4, "Distinct": true, "Complete": true}]',
                },
                request_only=True,
            )
        ]
    )
)
class Achievements(Foresight, WritableCollection):
    """What can be earned, by which conditions, and the badge that follows."""

    model = Achievement
    serializer_class = AchievementSerializer
    filterset_class = filters_for(AchievementSerializer)

    def write(self, row: Achievement, **more: Any) -> None:
        actor: User = self.request.user  # type: ignore[assignment]
        save_achievement(row, actor=actor)


class EarnedAchievementSerializer(FactSerializer):
    user = Reference(source="learner", read_only=True)

    class Meta:
        model = EarnedAchievement
        fields = (
            "id",
            "user",
            "achievement",
            "occurrence",
            "earned_at",
            "points",
            "rule_version",
            "issued_badge",
            "withdrawn_at",
            "created_at",
        )
        read_only_fields = fields


class EarnedAchievements(Collection):
    """Who earned what, and when. Learners see their own."""

    model = EarnedAchievement
    serializer_class = EarnedAchievementSerializer
    filterset_class = filters_for(EarnedAchievementSerializer)
    reading = Action.SEE_OWN


class ShownAchievementSerializer(Serializer):
    id = serializers.IntegerField(source="row.id")
    achievement = Reference(source="row.achievement", read_only=True)
    name = serializers.CharField(source="row.achievement.name")
    description = serializers.CharField(source="row.achievement.description")
    category = serializers.CharField(source="row.achievement.category")
    rule_in_words = serializers.CharField(help_text=_("What had to be done for it, as a sentence."))
    points = serializers.IntegerField(source="row.points")
    earned_at = Moment(source="row.earned_at")
    badge = serializers.IntegerField(source="row.achievement.badge_id", allow_null=True)
    issued_badge = Reference(source="row.issued_badge", read_only=True, allow_null=True)


class LearnerSerializer(Serializer):
    """What a learner has earned and holds; points are those of awards that were not withdrawn."""

    user = serializers.IntegerField()
    points = serializers.IntegerField()
    achievements = ShownAchievementSerializer(many=True)
    issued_badges = IssuedBadgeSerializer(many=True)


class LearnerAchievements(Scoped):
    """A user's achievements."""

    model = User
    serializer_class = LearnerSerializer
    reading = Action.SEE_OWN

    def retrieve(self, request: Request, id: str) -> Response:
        """Everything a user has earned, newest first, with the points together and the issued badges."""
        learner = self.get_object()
        viewer: User = request.user  # type: ignore[assignment]
        achievements = explained(earned_by(learner, viewer=viewer))
        return self.shown(
            {
                "user": learner.pk,
                "points": sum(earned.row.points for earned in achievements),
                "achievements": achievements,
                "issued_badges": badges_of(learner, viewer=viewer).defer(*IssuedBadges.deferred),
            }
        )
