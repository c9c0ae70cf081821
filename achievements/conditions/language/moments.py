"""Dates and times as they are written in conditions."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, time, timedelta

# ISO 8601 in its extended form, or with a space for the T; T and Z in capitals.
_ISO_MOMENT = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}"
    r"(?P<time>[T ][0-9]{2}:[0-9]{2}(?::[0-9]{2}(?:[.,][0-9]{1,9})?)?(?:Z|[+-][0-9]{2}(?::?[0-9]{2})?)?)?"
)


def moment_from(text: str) -> date | datetime:
    """Raises ValueError where this is neither a date nor a time, OverflowError where the calendar ends."""
    text = text.strip().upper()
    match = _ISO_MOMENT.fullmatch(text)
    if match is None:
        raise ValueError(text)
    if not match["time"]:
        return date.fromisoformat(text)
    moment = datetime.fromisoformat(text)
    return moment.astimezone(UTC) if moment.tzinfo else moment


def is_over_before_it_starts(after: date | datetime, before: date | datetime) -> bool:
    """Sure of it only a day later where one of them is in a zone that is not known here."""
    start = after if isinstance(after, datetime) else datetime.combine(after, time.min)
    end = before if isinstance(before, datetime) else datetime.combine(before, time.max)
    if (start.tzinfo is None) == (end.tzinfo is None):
        return end < start
    return end.replace(tzinfo=None) + timedelta(days=1) < start.replace(tzinfo=None)
