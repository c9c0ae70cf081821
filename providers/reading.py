"""What a provider told, read leniently: unknown fields are left alone, absent ones empty, ids are text.

And as any database takes it: a single value that cannot be stored must not keep the rest from being stored.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, date, datetime
from email.utils import parsedate_to_datetime
from math import isfinite
from typing import Any


def storable(value: Any) -> Any:
    """A JSON value without NUL, halves of characters and numbers that are none."""
    if isinstance(value, float) and not isfinite(value):
        return str(value)
    if isinstance(value, str):
        return value.replace("\0", "\ufffd").encode("utf-8", "replace").decode()
    if isinstance(value, Mapping):
        return {storable(str(name)): storable(item) for name, item in value.items()}
    return [storable(item) for item in value] if isinstance(value, list) else value


def plausible(moment: datetime | None) -> datetime | None:
    """A moment that every column holds in every zone; None for what nobody can have meant."""
    return moment if moment and 2000 <= moment.year < 2200 else None


def text(row: Any, name: str) -> str:
    """A scalar as text, storable; what is absent, or not a scalar, is the empty text."""
    value = row.get(name) if isinstance(row, dict) else None
    return "" if value is None or isinstance(value, dict | list) else str(storable(value))


def part(row: Any, name: str) -> dict[str, Any]:
    """An object inside the row; an empty one when there is none."""
    value = row.get(name) if isinstance(row, dict) else None
    return value if isinstance(value, dict) else {}


def moment(row: Any, name: str) -> datetime | None:
    """An aware moment, in ISO 8601 or the form of mail headers, else None. In UTC where no zone is told."""
    written = text(row, name)
    found: datetime | None
    try:
        found = datetime.fromisoformat(written)
    except ValueError:
        found = _from_header(written)
    if found is None or found.tzinfo:
        return found
    return found.replace(tzinfo=UTC)


def day(row: Any, name: str) -> date | None:
    """A date, in ISO 8601, whatever follows it, or as in "Sat, 23 Aug 2025"."""
    written = text(row, name)
    try:
        return date.fromisoformat(written[:10])
    except ValueError:
        # The form of mail headers needs a time, which a date has not.
        found = _from_header(written) or _from_header(f"{written} 00:00:00")
        return found.date() if found else None


def _from_header(written: str) -> datetime | None:
    try:
        return parsedate_to_datetime(written)
    except (ValueError, OverflowError):
        return None
