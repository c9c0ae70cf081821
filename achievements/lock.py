"""What only one worker does at a time.

One evaluation: a rule over points must see every award before it, whichever worker made it. One working out
of progress: what was counted earlier must not be stored over what was counted later.
"""

from __future__ import annotations

from django.db import connection

from tms.sql import execute, sql, value

# Any numbers that no other advisory lock of this database uses.
_EVALUATION = 7_202_601
_PROGRESS = 7_202_602


def one_at_a_time() -> None:
    """Held until the transaction ends. On SQLite the transaction itself is the lock."""
    _hold(_EVALUATION)


def one_progress_at_a_time() -> None:
    """As `one_at_a_time`, and in nobody else's way."""
    _hold(_PROGRESS)


def _hold(lock: int) -> None:
    if connection.vendor == "postgresql":
        execute(sql("SELECT pg_advisory_xact_lock({})", value(lock)))
