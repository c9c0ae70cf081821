"""The collections of instructor-led training: classes and enrollments."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from django.db import models
from drf_spectacular.utils import OpenApiExample, extend_schema
from rest_framework import serializers
from rest_framework.decorators import action

from tms import coursework, progress
from tms.access import Action
from tms.api.collection import WritableCollection
from tms.api.external import Reference
from tms.api.filtering import filters_for
from tms.api.strict import FactSerializer, Moment, PercentComplete, Strict
from tms.models import Class, Enrollment, User

if TYPE_CHECKING:
    from rest_framework.request import Request
    from rest_framework.response import Response


class ClassSerializer(FactSerializer):
    class Meta:
        model = Class
        fields = (
            "id",
            "external_id",
            "name",
            "course",
            "organization",
            "starts_at",
            "ends_at",
            "time_zone",
            "status",
            "minimum",
            "maximum",
            "instructors",
        )


class Classes(WritableCollection):
    """Scheduled classes. Cancelling one takes its enrollments out of what counts."""

    model = Class
    serializer_class = ClassSerializer
    filterset_class = filters_for(ClassSerializer)
    prefetched = ("instructors",)

    def write(self, row: Class, *, instructors: Sequence[User] | None = None, **more: Any) -> None:
        progress.save_class(row)
        if instructors is not None:
            row.instructors.set(instructors)


class EnrollmentSerializer(FactSerializer):
    # The name is a word of Python's, so it cannot be assigned to.
    locals()["class"] = Reference(source="training_class", to=Class)
    percent_complete = PercentComplete()

    class Meta:
        model = Enrollment
        fields = (
            "id",
            "external_id",
            "user",
            "class",
            "status",
            "completion_status",
            "enrolled_at",
            "completed_at",
            "subscription",
            "percent_complete",
        )


class CompletionStatusSerializer(Strict):
    completion_status = serializers.ChoiceField(choices=Enrollment.Completion.choices)
    at = Moment(required=False)


class Enrollments(WritableCollection):
    """One learner in one class. Only the Enrolled have a completion status."""

    model = Enrollment
    serializer_class = EnrollmentSerializer
    filterset_class = filters_for(EnrollmentSerializer)
    reading = Action.SEE_OWN

    def get_queryset(self) -> models.QuerySet[Any]:
        return coursework.with_percent_complete(super().get_queryset())

    def write(self, row: Enrollment, **more: Any) -> None:
        progress.save(row)

    @extend_schema(
        request=CompletionStatusSerializer,
        responses=EnrollmentSerializer,
        examples=[
            OpenApiExample(
                "complete",
                value={"completion_status": "complete", "at": "2026-03-06T16:00:00Z"},
                request_only=True,
            )
        ],
    )
    @action(detail=True, methods=["post"], url_path="completion-status")
    def completion_status(self, request: Request, id: str) -> Response:
        """Say what became of an enrollment. Achievements that this completes are earned at once."""
        enrollment = self.get_object()
        values = self.body(CompletionStatusSerializer)
        progress.set_completion_status(enrollment, **values)
        return self.shown(self.get_object())
