"""The spelling of the CSV folder: its files, their columns, and how a value becomes a cell."""

from __future__ import annotations

import csv
from collections.abc import Iterable
from datetime import datetime
from keyword import iskeyword
from pathlib import Path

from config.demo.entities import Demo, Entity

COLUMNS: dict[str, tuple[str, ...]] = {
    "organizations": (
        "external_id",
        "name",
        "parent",
        "time_zone",
        "enable_achievements",
        "participate_in_global_achievements",
    ),
    "users": (
        "external_id",
        "email",
        "first_name",
        "last_name",
        "organization",
        "time_zone",
        "participate_in_achievements",
        "roles",
        "is_disabled",
    ),
    "course_tags": ("id", "external_id", "name", "organization"),
    "labs": ("id", "external_id", "name", "organization", "is_exam"),
    "courses": (
        "id",
        "external_id",
        "name",
        "organization",
        "content_provider",
        "publishing_group",
        "tags",
        "labs",
        "achievements_for_outside_organizations",
    ),
    "classes": (
        "external_id",
        "name",
        "course",
        "organization",
        "starts_at",
        "ends_at",
        "status",
        "minimum",
        "maximum",
        "instructors",
    ),
    "enrollments": (
        "external_id",
        "user",
        "class",
        "status",
        "completion_status",
        "enrolled_at",
        "completed_at",
    ),
    "course_assignments": (
        "external_id",
        "user",
        "course",
        "started_at",
        "completed_at",
        "expires_at",
        "target_completion",
        "status",
        "from_on_demand",
    ),
    "lab_instances": (
        "external_id",
        "user",
        "lab",
        "course_assignment",
        "enrollment",
        "started_at",
        "completed_at",
        "minutes",
        "passed",
        "score_percent",
        "status",
    ),
    "activities": ("external_id", "user", "kind", "occurred_at", "course", "other_user"),
    "badge_providers": (
        "external_id",
        "name",
        "organization",
        "type",
        "provider_organization_id",
        "api_url",
        "token_env",
    ),
    "badges": (
        "external_id",
        "name",
        "organization",
        "badge_provider",
        "template_id",
        "description",
        "enable_manual_issuance",
        "is_active",
        "name_de",
        "description_de",
    ),
    "achievements": (
        "external_id",
        "name",
        "description",
        "organization",
        "category",
        "points",
        "frequency",
        "frequency_type",
        "badge",
        "is_global",
        "enabled",
        "conditions",
        "name_de",
        "description_de",
    ),
}


def cell(value: object) -> str:
    match value:
        case None:
            text = ""
        case bool():
            text = "true" if value else "false"
        case float():
            text = f"{value:g}"
        case datetime():
            text = value.isoformat(timespec="seconds")
        case Entity():
            text = value.external_id
        case tuple():
            text = ";".join(cell(item) for item in value)
        case _:
            text = str(value)
    return text


def write_folder(folder: Path, demo: Demo) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for name, columns in COLUMNS.items():
        write_file(folder / f"{name}.csv", columns, getattr(demo, name))


def write_file(path: Path, columns: tuple[str, ...], rows: Iterable[Entity]) -> None:
    # A column called like a Python keyword ("class") is an attribute with an underscore behind it.
    attributes = [f"{column}_" if iskeyword(column) else column for column in columns]
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(columns)
        writer.writerows([cell(getattr(row, attribute)) for attribute in attributes] for row in rows)
