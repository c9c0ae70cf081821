"""The collection of activities: the way in for integrations of profiles and communities."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import OpenApiExample, extend_schema, extend_schema_view

from tms import progress
from tms.access import Action
from tms.api.collection import WritableCollection
from tms.api.filtering import filters_for
from tms.api.strict import FactSerializer
from tms.models import Activity


class ActivitySerializer(FactSerializer):
    class Meta:
        model = Activity
        fields = ("id", "external_id", "user", "kind", "occurred_at", "course", "other_user")


@extend_schema_view(
    create=extend_schema(
        examples=[
            OpenApiExample(
                "someone was helped",
                value={
                    "external_id": "answer-512",
                    "user": "ext:u-1001",
                    "kind": "learner_helped",
                    "occurred_at": "2026-03-02T09:00:00Z",
                    "other_user": "ext:u-1002",
                },
                request_only=True,
            )
        ]
    )
)
class Activities(WritableCollection):
    """What people did besides training proper. A kind is one of ours or any other, in lower-case words joined
    by underscores. Sessions, finished lessons and modules are written by the system itself and cannot be
    changed."""

    model = Activity
    serializer_class = ActivitySerializer
    filterset_class = filters_for(ActivitySerializer)
    reading = Action.SEE_OWN

    def write(self, row: Activity, **more: Any) -> None:
        progress.save(row)
