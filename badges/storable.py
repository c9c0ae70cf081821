"""What comes from outside, as any database takes it: a single value that cannot be stored must not keep the
rest from being stored."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
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
