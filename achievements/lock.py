"""One evaluation at a time: a rule over points must see every award before it, whichever worker made it."""

from __future__ import annotations

from django.db import connection

from tms.sql import execute, sql, value

_LOCK = 7_202_601  # any number that no other advisory lock of this database uses


def one_at_a_time() -> None:
    """Held until the transaction ends. On SQLite the transaction itself is the lock."""
    if connection.vendor == "postgresql":
        execute(sql("SELECT pg_advisory_xact_lock({})", value(_LOCK)))
