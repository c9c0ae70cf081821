"""What can be issued at the sandbox: Credly's badge templates and Accredible's groups, described alike.

organization_id, name             needed
id                                made of both when it is missing: a UUID, or a number for a group
description, state                "" and "active"; a group has no state, so its is not looked at
allow_duplicate_badges            whether one person may have it twice
provider                          "accredible" for a group of an account that only this row names
course_name, course_link          a group's
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any
from uuid import NAMESPACE_URL, uuid5

if TYPE_CHECKING:
    from pathlib import Path

    from providers.sandbox.store import Vendor

SAMPLES = ("First Lab", "Lab Explorer", "Course Champion", "Exam Ace", "Community Helper")


def read(path: Path) -> list[dict[str, Any]]:
    """The rows of a file; ValueError says what is wrong with them."""
    rows = json.loads(path.read_text(encoding="utf-8"))
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise ValueError(f"{path} must hold a JSON list of objects.")
    return rows


def complete(row: dict[str, Any], *, vendor: Vendor) -> dict[str, Any]:
    missing = [name for name in ("organization_id", "name") if not row.get(name)]
    if missing:
        raise ValueError(f"A template lacks {' and '.join(missing)}: {row}")
    made = uuid5(NAMESPACE_URL, f"{row['organization_id']}/{row['name']}")
    identity = str(row.get("id") or (made if vendor == "credly" else 100_000 + made.int % 900_000))
    if vendor == "accredible" and not identity.isdecimal():
        raise ValueError(f"The id of a group must be a number: {row}")
    return {"description": "", "state": "active", **row, "id": identity}
