"""The collections of self-paced training: course assignments and lab instances."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.db import models
from drf_spectacular.utils import OpenApiExample, extend_schema, extend_schema_view
from rest_framework import serializers
from rest_framework.decorators import action

from tms import coursework, progress
from tms.access import Action
from tms.api.collection import WritableCollection
from tms.api.filtering import filters_for
from tms.api.strict import FactSerializer, Moment, Number, PercentComplete, Strict
from tms.models import CourseAssignment, LabInstance

if TYPE_CHECKING:
    from rest_framework.request import Request
    from rest_framework.response import Response


class CourseAssignmentSerializer(FactSerializer):
    percent_complete = PercentComplete()

    class Meta:
        model = CourseAssignment
        fields = (
            "id",
            "external_id",
            "user",
            "course",
            "status",
            "started_at",
            "completed_at",
            "expires_at",
            "target_completion",
            "subscription",
            "from_on_demand",
            "percent_complete",
        )


class AssignmentCompletionSerializer(Strict):
    at = Moment(required=False)


class CourseAssignments(WritableCollection):
    """One learner, one course, in her own time. Expires after 180 days unless `expires_at` is given."""

    model = CourseAssignment
    serializer_class = CourseAssignmentSerializer
    filterset_class = filters_for(CourseAssignmentSerializer)
    reading = Action.SEE_OWN

    def get_queryset(self) -> models.QuerySet[Any]:
        return coursework.with_percent_complete(super().get_queryset())

    def write(self, row: CourseAssignment, **more: Any) -> None:
        progress.save(row)

    @extend_schema(request=AssignmentCompletionSerializer, responses=CourseAssignmentSerializer)
    @action(detail=True, methods=["post"])
    def complete(self, request: Request, id: str) -> Response:
        """Mark a course assignment complete, now unless `at` is given. Repeating it is harmless."""
        assignment = self.get_object()
        values = self.body(AssignmentCompletionSerializer)
        progress.complete_assignment(assignment, **values)
        return self.shown(self.get_object())


class LabInstanceSerializer(FactSerializer):
    class Meta:
        model = LabInstance
        fields = (
            "id",
            "external_id",
            "user",
            "lab",
            "course_assignment",
            "enrollment",
            "status",
            "started_at",
            "completed_at",
            "minutes",
            "passed",
            "score_percent",
        )


class LabCompletionSerializer(Strict):
    at = Moment(required=False)
    minutes = Number(required=False, min_value=0)
    passed = serializers.BooleanField(required=False)
    score_percent = Number(required=False, min_value=0, max_value=100)


@extend_schema_view(
    create=extend_schema(
        examples=[
            OpenApiExample(
                "launch",
                value={
                    "external_id": "launch-9001",
                    "user": "ext:u-1001",
                    "lab": "ext:azure-101",
                    "started_at": "2026-03-02T09:00:00Z",
                },
                request_only=True,
            )
        ]
    )
)
class LabInstances(WritableCollection):
    """Launches of labs. `minutes` is the time in session."""

    model = LabInstance
    serializer_class = LabInstanceSerializer
    filterset_class = filters_for(LabInstanceSerializer)
    reading = Action.SEE_OWN

    def write(self, row: LabInstance, **more: Any) -> None:
        progress.save(row)

    @extend_schema(
        request=LabCompletionSerializer,
        responses=LabInstanceSerializer,
        examples=[
            OpenApiExample(
                "exam passed",
                value={
                    "at": "2026-03-02T10:15:00Z",
                    "minutes": 72.5,
                    "passed": True,
                    "score_percent": 88,
                },
                request_only=True,
            )
        ],
    )
    @action(detail=True, methods=["post"])
    def complete(self, request: Request, id: str) -> Response:
        """Mark a launch complete, now unless `at` is given. Repeating it is harmless."""
        launch = self.get_object()
        values = self.body(LabCompletionSerializer)
        return self.shown(progress.complete_lab(launch, **values))
