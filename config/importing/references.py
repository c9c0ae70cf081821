"""From the external ids that rows name to the stored rows: one query for each column of a batch."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from django.utils.translation import gettext as _

from config.importing.cells import shown
from config.importing.columns import Column, Entry
from tms.models import Enrollment, User
from tms.models.base import Fact

# What the writers read of a row that is referred to, so that they need not ask for it one by one.
_READ_TOGETHER: dict[type[Fact], tuple[str, ...]] = {
    User: ("organization",),
    Enrollment: ("training_class",),
}


class References:
    """Looks up external ids, and remembers which rows of this import were refused to say so."""

    def __init__(self) -> None:
        self._refused: dict[tuple[type[Fact], str], tuple[str, int]] = {}

    def remember_refused(self, model: type[Fact], external_id: str, *, file: str, line: int) -> None:
        self._refused.setdefault((model, external_id), (file, line))

    def look_up(self, entries: Sequence[Entry], columns: Iterable[Column]) -> None:
        """Put rows in the place of the external ids; an entry that names an unknown one is refused."""
        for column in columns:
            model = column.refers_to
            if model is None:
                continue
            naming = [entry for entry in entries if entry.values.get(column.name)]
            named = {name for entry in naming for name in _named(entry, column)}
            rows = _stored(model, named) if named else {}
            for entry in naming:
                self._put(entry, column, model, rows)

    def _put(self, entry: Entry, column: Column, model: type[Fact], rows: dict[str, Any]) -> None:
        names = _named(entry, column)
        for name in names:
            if name not in rows:
                entry.refuse(self._unknown(model, name), column=column.name)
        found = [rows[name] for name in names if name in rows]
        entry.values[column.name] = found if column.is_list else next(iter(found), None)

    def _unknown(self, model: type[Fact], external_id: str) -> str:
        thing = model._meta.verbose_name
        place = self._refused.get((model, external_id))
        if place is None:
            return _("No %(thing)s has the external ID %(found)s.") % {
                "thing": thing,
                "found": shown(external_id),
            }
        return _("The %(thing)s %(found)s was refused (%(file)s, line %(line)d).") % {
            "thing": thing,
            "found": shown(external_id),
            "file": place[0],
            "line": place[1],
        }


def _named(entry: Entry, column: Column) -> list[str]:
    value = entry.values[column.name]
    return value if column.is_list else [value]


def _stored(model: type[Fact], external_ids: set[str]) -> dict[str, Any]:
    rows = model._default_manager.select_related(*_READ_TOGETHER.get(model, ()))
    # list() since in_bulk() splits what one statement cannot hold
    return rows.in_bulk(list(external_ids), field_name="external_id")
