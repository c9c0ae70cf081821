"""The collections of what is taught: labs, course tags and courses."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from tms import gates
from tms.api.collection import WritableCollection
from tms.api.filtering import filters_for
from tms.api.strict import FactSerializer
from tms.models import Course, CourseTag, Lab


class LabSerializer(FactSerializer):
    class Meta:
        model = Lab
        fields = ("id", "external_id", "name", "organization", "is_exam")


class Labs(WritableCollection):
    """Lab profiles; each launch of one is a lab instance."""

    model = Lab
    serializer_class = LabSerializer
    filterset_class = filters_for(LabSerializer)


class CourseTagSerializer(FactSerializer):
    class Meta:
        model = CourseTag
        fields = ("id", "external_id", "name", "organization")


class CourseTags(WritableCollection):
    """Tags that courses carry and conditions name."""

    model = CourseTag
    serializer_class = CourseTagSerializer
    filterset_class = filters_for(CourseTagSerializer)


class CourseSerializer(FactSerializer):
    class Meta:
        model = Course
        fields = (
            "id",
            "external_id",
            "name",
            "organization",
            "content_provider",
            "publishing_group",
            "tags",
            "labs",
            "achievements_for_outside_organizations",
        )


class Courses(WritableCollection):
    """Courses. `tags` and `labs` replace what was there."""

    model = Course
    serializer_class = CourseSerializer
    filterset_class = filters_for(CourseSerializer)
    prefetched = ("tags", "labs")

    def write(
        self,
        row: Course,
        *,
        tags: Sequence[CourseTag] | None = None,
        labs: Sequence[Lab] | None = None,
        **more: Any,
    ) -> None:
        gates.save_course(row, tags=tags)
        if labs is not None:
            row.labs.set(labs)
