"""What the OpenAPI description says of every operation: how rows are named, and the one shape of errors."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.utils.translation import gettext_lazy as _
from drf_spectacular.extensions import OpenApiSerializerFieldExtension
from drf_spectacular.openapi import AutoSchema
from drf_spectacular.plumbing import build_parameter_type
from drf_spectacular.utils import OpenApiExample, OpenApiParameter, OpenApiResponse, inline_serializer
from rest_framework import serializers

from tms.api.external import DESCRIPTION, PREFIX, Reference

if TYPE_CHECKING:
    from drf_spectacular.utils import Direction


ERROR = inline_serializer(
    "Error",
    {
        "code": serializers.CharField(help_text=_("Stable, for programs.")),
        "message": serializers.CharField(help_text=_("A sentence for people that says all that is wrong.")),
        "fields": serializers.DictField(
            child=serializers.ListField(child=serializers.CharField()),
            required=False,
            help_text=_("A field of the request → what is wrong with it."),
        ),
        "data": serializers.DictField(required=False, help_text=_("Details for programs, by code.")),
    },
)
INVALID = OpenApiExample(
    "invalid",
    value={
        "code": "invalid",
        "message": "lab: No lab ext:azure-101. minutes: A valid number is required.",
        "fields": {"lab": ["No lab ext:azure-101."], "minutes": ["A valid number is required."]},
    },
    response_only=True,
    status_codes=["400"],
)
NOT_FOUND = OpenApiExample(
    "not_found",
    value={"code": "not_found", "message": "No lab instance 17."},
    response_only=True,
    status_codes=["404"],
)
ERRORS = {
    "400": OpenApiResponse(ERROR, _("The request is not right."), examples=[INVALID]),
    "401": OpenApiResponse(ERROR, _("Nobody is signed in.")),
    "403": OpenApiResponse(ERROR, _("No role of the user allows this.")),
    "404": OpenApiResponse(
        ERROR, _("There is no such row, or it is another organization's."), examples=[NOT_FOUND]
    ),
    "409": OpenApiResponse(ERROR, _("The row is not in the state that this needs.")),
}


class Schema(AutoSchema):
    def _get_paginator(self) -> Any:
        is_list = getattr(self.view, "action", None) == "list"
        return super()._get_paginator() if is_list else None  # type: ignore[no-untyped-call]

    def _resolve_path_parameters(self, variables: list[str]) -> list[dict[str, Any]]:
        return [
            build_parameter_type(
                name=name,
                location=OpenApiParameter.PATH,
                schema={"type": "string"},
                description=str(DESCRIPTION),
            )
            for name in variables
        ]

    def _get_response_bodies(self, direction: Direction = "response") -> dict[str, Any]:
        bodies: dict[str, Any] = super()._get_response_bodies(direction)
        for status, response in ERRORS.items():
            if status not in bodies and self._may_answer(status):
                bodies[status] = self._get_response_for_code(response, status)  # type: ignore[no-untyped-call]
        return bodies

    def _may_answer(self, status: str) -> bool:
        if status == "404":
            return "{" in self.path
        if status == "409":
            return self.method != "GET"
        return True


class ReferenceInSchema(OpenApiSerializerFieldExtension):  # type: ignore[no-untyped-call]
    target_class = Reference

    def map_serializer_field(self, auto_schema: AutoSchema, direction: Direction) -> dict[str, Any]:
        if direction == "response":
            return {"type": "integer"}
        return {
            "oneOf": [
                {"type": "integer", "minimum": 1},
                {"type": "string", "pattern": rf"^(\d+|{PREFIX}.+)$"},
            ]
        }
