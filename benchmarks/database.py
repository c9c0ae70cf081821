"""A database of the benchmark's own on the server that DATABASE_URL names, removed at the end."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from django.db import connection, connections
from environ import Env


@contextmanager
def own_database(name: str) -> Iterator[None]:
    if connection.vendor != "postgresql":
        raise SystemExit("Speed is measured on PostgreSQL: give DATABASE_URL (make bench does).")
    connection.settings_dict["TEST"]["NAME"] = name
    before = connection.settings_dict["NAME"]
    connection.creation.create_test_db(verbosity=0, autoclobber=True, serialize=False)
    try:
        yield
    finally:
        connection.creation.destroy_test_db(before, verbosity=0)


def work_on(url: str) -> None:
    """From now on this process works on that database, whatever DATABASE_URL said at its start."""
    connections.close_all()
    connections.settings = connections.configure_settings({"default": Env.db_url_config(url)})
    del connections["default"]


def analyze() -> None:
    """What autovacuum does within a minute of such an amount of work."""
    with connection.cursor() as cursor:
        cursor.execute("VACUUM ANALYZE")
