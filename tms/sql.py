"""Composable SQL text with its parameters, and the few words that differ between our two databases.

For set-based statements that the ORM cannot say (INSERT … SELECT, windows over unions). Values always
travel as parameters; only names and constants of our own are text.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from django.db import connection, models


@dataclass(frozen=True, slots=True)
class Sql:
    text: str
    parameters: tuple[Any, ...] = field(default=())

    def __add__(self, other: Sql) -> Sql:
        return Sql(self.text + other.text, self.parameters + other.parameters)


def sql(template: str, *parts: Sql) -> Sql:
    """`template` with each {} replaced by a part, parameters kept in order of appearance."""
    text = template.format(*(part.text for part in parts))
    return Sql(text, tuple(parameter for part in parts for parameter in part.parameters))


def join(separator: str, parts: Iterable[Sql]) -> Sql:
    listed = list(parts)
    return Sql(
        separator.join(part.text for part in listed),
        tuple(parameter for part in listed for parameter in part.parameters),
    )


class Steps:
    """Subqueries side by side, each by its name, instead of one inside the other.

    SQLite's parser has a stack of a hundred, and so has the reader; PostgreSQL unfolds a step that is used
    once as if it had been written in place.
    """

    def __init__(self, prefix: str = "step") -> None:
        """`prefix` tells names apart from those of statements inside, which would hide them."""
        self._prefix = prefix
        self._named: list[tuple[Sql, Sql]] = []

    def add(self, template: str, *parts: Sql) -> Sql:
        """Define the next step; its name, for use in later ones. What was defined before keeps its name."""
        step = sql(template, *parts)
        for name, known in self._named:
            if known == step:
                return name
        name = Sql(f"{self._prefix}{len(self._named)}")
        self._named.append((name, step))
        return name

    def end(self, template: str, *parts: Sql) -> Sql:
        """The whole statement, whose last step this is."""
        named = [sql("{} AS ({})", name, step) for name, step in self._named]
        return sql("WITH {} {}", join(", ", named), sql(template, *parts))


def value(parameter: Any) -> Sql:
    if isinstance(parameter, datetime):
        parameter = connection.ops.adapt_datetimefield_value(parameter)
    return Sql("%s", (parameter,))


def in_list(column: str, ids: Sequence[int]) -> Sql:
    """`column` is one of `ids`: one parameter whatever their number, so the statement text stays the same."""
    if connection.vendor == "postgresql":
        return Sql(f"{column} = ANY(%s)", (list(ids),))
    return Sql(f"{column} IN (SELECT value FROM json_each(%s))", ("[" + ",".join(map(str, ids)) + "]",))


def unsought(column: str) -> str:
    """`column`, by an index of which SQLite is not to look: it cannot tell how much that would give."""
    return column if connection.vendor == "postgresql" else f"+{column}"


def not_in_list(column: str, ids: Sequence[int]) -> Sql:
    """`column` is none of `ids`, or NULL: as an anti-join, or by an index that is made once."""
    if connection.vendor == "postgresql":
        text = f"NOT EXISTS (SELECT 1 FROM unnest(%s::bigint[]) AS given(id) WHERE given.id = {column})"
        return Sql(text, (list(ids),))
    inside = in_list(column, ids)
    return Sql(f"({column} IS NULL OR NOT {inside.text})", inside.parameters)


def between(column: str, ids: range) -> Sql:
    return Sql(f"{column} BETWEEN %s AND %s", (ids.start, ids.stop - 1))


def relation(columns: Sequence[str], rows: Sequence[Sequence[int]]) -> Sql:
    """A table of whole numbers made of parameters, in parentheses; its text depends on the columns alone."""
    if connection.vendor == "postgresql":
        arrays = [list(column) for column in zip(*rows, strict=True)] or [[] for _ in columns]
        given = ", ".join("%s::bigint[]" for _ in columns)
        return Sql(f"(SELECT * FROM unnest({given}) AS given({', '.join(columns)}))", tuple(arrays))
    picked = ", ".join(f"json_extract(value, '$[{place}]') AS {name}" for place, name in enumerate(columns))
    text = json.dumps([list(row) for row in rows])
    return Sql(f"(SELECT {picked} FROM json_each(%s))", (text,))


def records(rows: Sequence[dict[str, Any]], *, kinds: dict[str, str]) -> Sql:
    """The table `given` of these rows and types of columns: one parameter, whatever the number of rows."""
    parameter = json.dumps(rows, default=_as_stored)
    if connection.vendor == "postgresql":
        columns = ", ".join(f"{name} {kind}" for name, kind in kinds.items())
        return Sql(f"jsonb_to_recordset(%s) AS given ({columns})", (parameter,))
    columns = ", ".join(f"json_extract(value, '$.{name}') AS {name}" for name in kinds)
    return Sql(f"(SELECT {columns} FROM json_each(%s)) AS given", (parameter,))


def _as_stored(item: Any) -> Any:
    if isinstance(item, datetime):
        return str(connection.ops.adapt_datetimefield_value(item))
    if isinstance(item, UUID):
        return str(item)
    raise TypeError(f"{item!r} cannot be stored.")


def column_kinds(model: type[models.Model], names: Iterable[str]) -> dict[str, str]:
    """The types of some columns of a model, for `records`."""
    columns = {column.attname: column for column in model._meta.concrete_fields}
    return {name: str(columns[name].db_type(connection)) for name in names}


def table(model: type[models.Model]) -> Sql:
    return Sql(connection.ops.quote_name(model._meta.db_table))


def next_id(model: type[models.Model]) -> Sql:
    """An id that no row of the model has or will get, for a row that is written later in the transaction and
    referred to before. NULL on SQLite, which gives ids to rows alone."""
    if connection.vendor != "postgresql":
        return Sql("NULL")
    # Asked once for a statement, not for every row.
    return sql("nextval((SELECT pg_get_serial_sequence({}, 'id')::regclass))", value(table(model).text))


def json_array(expression: str) -> str:
    return (
        f"jsonb_agg({expression})" if connection.vendor == "postgresql" else f"json_group_array({expression})"
    )


def json_object(pairs: str) -> str:
    name = "jsonb_build_object" if connection.vendor == "postgresql" else "json_object"
    return f"{name}({pairs})"


def moment_of(stored: Any) -> datetime:
    """A moment that a raw statement gave: SQLite gives the text it keeps, or that without its zone, UTC."""
    moment = stored if isinstance(stored, datetime) else datetime.fromisoformat(stored)
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def plan_for_sets(*, in_order: bool = False) -> None:
    """Tell the planner, until the transaction ends, that its statements go through many rows by indexes.

    Compiling such a statement takes longer than running it, and no server that keeps its data on other than
    spinning disks pays four times as much for a page out of order. Sorts of a chunk stay in memory. Who goes
    through everybody `in_order` of an index groups as the rows come, where a table of all groups would spill.
    """
    if connection.vendor == "postgresql":
        settings = {"jit": "off", "random_page_cost": "1.1", "work_mem": "64MB"}
        settings["max_parallel_workers_per_gather"] = "0"
        if in_order:
            settings["enable_hashagg"] = "off"
        execute(Sql("; ".join(f"SET LOCAL {name} = '{chosen}'" for name, chosen in settings.items())))


@contextmanager
def time_limit(seconds: float) -> Iterator[None]:
    """Statements inside end with an OperationalError when one of them takes longer. Only in a transaction."""
    if connection.vendor == "postgresql":
        execute(Sql(f"SET LOCAL statement_timeout = {int(seconds * 1000)}"))
        yield
        execute(Sql("SET LOCAL statement_timeout = DEFAULT"))
        return
    connection.ensure_connection()
    ends_at = time.monotonic() + seconds
    connection.connection.set_progress_handler(lambda: time.monotonic() > ends_at, 20_000)
    try:
        yield
    finally:
        connection.connection.set_progress_handler(None, 0)


def execute(statement: Sql) -> int:
    """Run a statement; the number of rows it wrote."""
    with connection.cursor() as cursor:
        cursor.execute(statement.text, statement.parameters)
        return int(cursor.rowcount)


def fetch(statement: Sql) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(statement.text, statement.parameters)
        return list(cursor.fetchall())
