"""Being here: one activity `session` for each local day on which a person opened a page or launched
something.

Derivation and storage; tms.progress calls `write` in the transaction of the launch or visit itself.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime

from tms import records, sql
from tms.models import Activity

# user id, moment, the user's zone then
Sighting = tuple[int, datetime, str]


def write(sightings: Iterable[Sighting]) -> set[int]:
    """Store the sessions of these moments with their records; the ids of those who gained by it.

    A day has one session, at its first moment: one that arrives late dates an existing session back.
    """
    first: dict[tuple[int, str], tuple[datetime, str]] = {}
    for user_id, moment, zone in sightings:
        day = (user_id, records.local_day(moment, zone).isoformat())
        first[day] = min(first.get(day, (moment, zone)), (moment, zone))
    sessions = [
        Activity(
            user_id=user_id, kind=Activity.Kind.SESSION, occasion=day, occurred_at=moment, occurred_zone=zone
        )
        for (user_id, day), (moment, zone) in sorted(first.items())  # in one order: writers never cross
    ]
    gained: set[int] = set()
    for start in range(0, len(sessions), records.CHUNK):
        written = _store(sessions[start : start + records.CHUNK])
        records.write(written)
        gained.update(session.user_id for session in written)
    return gained


def _store(sessions: Sequence[Activity]) -> list[Activity]:
    """Insert or date back in one statement, safe against another writer; only those that it touched."""
    rows = [
        sql.sql(
            "({}, {}, {}, {}, {})",
            sql.value(session.user_id),
            sql.value(session.kind),
            sql.value(session.occasion),
            sql.value(session.occurred_at),
            sql.value(session.occurred_zone),
        )
        for session in sessions
    ]
    statement = sql.sql(
        "INSERT INTO {} AS stored (user_id, kind, occasion, occurred_at, occurred_zone) VALUES {}"
        " ON CONFLICT (user_id, kind, occasion) DO UPDATE"
        " SET occurred_at = excluded.occurred_at, occurred_zone = excluded.occurred_zone"
        " WHERE excluded.occurred_at < stored.occurred_at"
        " RETURNING user_id, occasion, id",
        sql.table(Activity),
        sql.join(", ", rows),
    )
    touched = {(user_id, occasion): pk for user_id, occasion, pk in sql.fetch(statement)}
    for session in sessions:
        session.pk = touched.get((session.user_id, session.occasion))
    return [session for session in sessions if session.pk]
