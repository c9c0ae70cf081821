"""The collections of what courses are made of, and of what learners did with it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from drf_spectacular.utils import OpenApiExample, extend_schema, extend_schema_view
from rest_framework.decorators import action

from tms import content, progress
from tms.access import Action
from tms.api.collection import WritableCollection
from tms.api.filtering import filters_for
from tms.api.strict import FactSerializer, Moment, Strict
from tms.models import ActivityResult, CourseActivity, CourseSection

if TYPE_CHECKING:
    from rest_framework.request import Request
    from rest_framework.response import Response


class CourseSectionSerializer(FactSerializer):
    class Meta:
        model = CourseSection
        fields = ("id", "external_id", "course", "name", "position")


class CourseSections(WritableCollection):
    """The modules of a course."""

    model = CourseSection
    serializer_class = CourseSectionSerializer
    filterset_class = filters_for(CourseSectionSerializer)

    def write(self, row: CourseSection, **more: Any) -> None:
        content.save_section(row)


class CourseActivitySerializer(FactSerializer):
    class Meta:
        model = CourseActivity
        fields = ("id", "external_id", "section", "name", "kind", "position", "is_required", "lab")


class CourseActivities(WritableCollection):
    """The lessons of a course. Labs, SCORM, LTI and assessments are finished when they are completed; videos,
    documents and external links when they are launched."""

    model = CourseActivity
    serializer_class = CourseActivitySerializer
    filterset_class = filters_for(CourseActivitySerializer)

    def write(self, row: CourseActivity, **more: Any) -> None:
        content.save_activity(row)


class ActivityResultSerializer(FactSerializer):
    class Meta:
        model = ActivityResult
        fields = (
            "id",
            "external_id",
            "user",
            "course_activity",
            "course_assignment",
            "enrollment",
            "launched_at",
            "completed_at",
        )


class ActivityCompletionSerializer(Strict):
    at = Moment(required=False)


@extend_schema_view(
    create=extend_schema(
        examples=[
            OpenApiExample(
                "launch",
                value={
                    "external_id": "scorm-77",
                    "course_activity": "ext:welcome",
                    "course_assignment": "ext:ca-1",
                    "launched_at": "2026-03-02T09:00:00Z",
                },
                request_only=True,
            )
        ]
    )
)
class ActivityResults(WritableCollection):
    """How far a learner is with a course activity in an assignment or an enrollment. Those of labs follow
    from the lab instances. When all that is required is finished, the assignment completes by itself."""

    model = ActivityResult
    serializer_class = ActivityResultSerializer
    filterset_class = filters_for(ActivityResultSerializer)
    reading = Action.SEE_OWN

    def write(self, row: ActivityResult, **more: Any) -> None:
        progress.save(row)

    @extend_schema(request=ActivityCompletionSerializer, responses=ActivityResultSerializer)
    @action(detail=True, methods=["post"])
    def complete(self, request: Request, id: str) -> Response:
        """Mark a course activity complete, now unless `at` is given. Repeating it is harmless."""
        result = self.get_object()
        values = self.body(ActivityCompletionSerializer)
        return self.shown(progress.complete_activity(result, **values))
