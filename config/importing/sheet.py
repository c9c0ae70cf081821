"""How the rows of any file land: batch by batch, new or changed ones only, and a bad one alone stays out.

Each file is a Sheet (people, teaching, activity, rewards), which says what its columns are and stores
through the writers of the product. Nothing here writes a table itself.
"""

from __future__ import annotations

import copy
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar, cast

from django.core.exceptions import NON_FIELD_ERRORS, ValidationError
from django.core.management.color import no_style
from django.db import DataError, IntegrityError, connection, models, transaction
from django.utils.translation import gettext as _

from config.importing.cells import shown
from config.importing.columns import NUMBER, Column, Entry
from config.importing.report import Outcome
from tms.csv_file import Row
from tms.errors import DomainError
from tms.models.base import Fact

FactT = TypeVar("FactT", bound=Fact)
BATCH = 1_000


@dataclass(slots=True)
class Draft(Generic[FactT]):
    """A row on its way: what is stored, and what shall be. `lists` holds the many-to-many values, as keys."""

    entry: Entry
    before: FactT | None
    fact: FactT
    lists_before: dict[str, frozenset[Any]] = field(default_factory=dict)
    lists: dict[str, frozenset[Any]] = field(default_factory=dict)
    is_changed: bool = True

    @property
    def values(self) -> dict[str, Any]:
        return self.entry.values

    @property
    def changed_lists(self) -> dict[str, frozenset[Any]]:
        nothing: frozenset[Any] = frozenset()
        return {
            name: keys for name, keys in self.lists.items() if keys != self.lists_before.get(name, nothing)
        }

    def compare(self) -> None:
        before = self.before
        self.is_changed = (
            before is None
            or bool(self.changed_lists)
            or any(
                getattr(before, column.attname) != getattr(self.fact, column.attname)
                for column in before._meta.concrete_fields
            )
        )

    @property
    def is_due(self) -> bool:
        return self.is_changed and not self.entry.problems

    @property
    def outcome(self) -> Outcome:
        if self.entry.problems:
            return Outcome.REFUSED
        if self.before is None:
            return Outcome.CREATED
        return Outcome.UPDATED if self.is_changed else Outcome.UNCHANGED


class Sheet(Generic[FactT]):
    """One file of the folder.

    `waits`: rows may need other rows of the same file to be stored first. `batch`: 1 where a row is stored by
    a function of its own.
    """

    name: str
    model: type[FactT]
    columns: tuple[Column, ...]
    waits = False
    batch = BATCH

    def order(self, rows: Iterator[Row]) -> Iterable[Row]:
        """Rows that ask for a number of their own come before those that take the next free one."""
        if NUMBER not in self.columns:
            return rows
        return sorted(rows, key=lambda row: not row.cells.get(NUMBER.name))

    def stored(self) -> models.QuerySet[FactT]:
        rows: Any = self.model._default_manager.all()
        return cast("models.QuerySet[FactT]", rows)

    def stored_lists(self, row: FactT) -> dict[str, frozenset[Any]]:
        return {
            column.field: frozenset(item.pk for item in getattr(row, column.field).all())
            for column in self.columns
            if column.is_list
        }

    def apply(self, draft: Draft[FactT]) -> None:
        """Give the row its values; what follows from them is filled in by those who override this."""
        for column in self.columns:
            if column.name not in draft.values or not column.field:
                continue
            value = draft.values[column.name]
            if column.is_list:
                draft.lists[column.field] = frozenset(item.pk for item in value)
            else:
                setattr(draft.fact, column.field, value)

    def check(self, drafts: Sequence[Draft[FactT]]) -> None:
        """Refuse what may not be stored, with queries for the whole batch only."""

    def store(self, drafts: Sequence[Draft[FactT]]) -> None:
        """Write new and changed rows, inside a transaction."""
        raise NotImplementedError

    def land(self, entries: Sequence[Entry]) -> None:
        """Store entries and tell each its outcome. What the database refuses is halved until it is alone."""
        for entry in entries:
            entry.problems.clear()
        try:
            with transaction.atomic():
                drafts = self._drafts(entries)
                self.check([draft for draft in drafts if draft.is_due])
                if due := [draft for draft in drafts if draft.is_due]:
                    self.store(due)
        except (DomainError, ValidationError, IntegrityError, DataError) as error:
            if len(entries) > 1:
                middle = len(entries) // 2
                self.land(entries[:middle])
                self.land(entries[middle:])
                return
            for column, message in self._complaints(error):
                entries[0].refuse(message, column=column)
            return
        for draft in drafts:
            draft.entry.outcome = draft.outcome

    def _drafts(self, entries: Sequence[Entry]) -> list[Draft[FactT]]:
        stored = {
            row.external_id: row
            for row in self.stored().filter(external_id__in=[entry.external_id for entry in entries])
        }
        drafts = []
        for entry in entries:
            before = stored.get(entry.external_id)
            draft = Draft(entry, before, copy.copy(before) if before else self.model())
            if before:
                draft.lists_before = self.stored_lists(before)
            self.apply(draft)
            draft.compare()
            drafts.append(draft)
        self._claim_numbers([draft for draft in drafts if NUMBER.name in draft.values])
        return drafts

    def _claim_numbers(self, drafts: Sequence[Draft[FactT]]) -> None:
        if not drafts:
            return
        claimed = [draft.values[NUMBER.name] for draft in drafts]
        holders = dict(self.model._default_manager.filter(pk__in=claimed).values_list("pk", "external_id"))
        for draft, number in zip(drafts, claimed, strict=True):
            if draft.before is None and number not in holders:
                draft.fact.pk = number
                holders[number] = draft.entry.external_id
            elif draft.before is None:
                _refuse_taken(draft.entry, number, holder=holders[number])
            elif draft.before.pk != number:
                draft.entry.refuse(
                    _("%(found)d is found, but this row is stored under %(stored)d and keeps that.")
                    % {"found": number, "stored": draft.before.pk},
                    column=NUMBER.name,
                )

    def _complaints(self, error: Exception) -> Iterator[tuple[str | None, str]]:
        """An error in words, each with the column that it is about."""
        if isinstance(error, DomainError):
            by_field = error.fields or {NON_FIELD_ERRORS: [error.message]}
        elif isinstance(error, ValidationError):
            by_field = (
                error.message_dict if hasattr(error, "error_dict") else {NON_FIELD_ERRORS: error.messages}
            )
        else:
            by_field = {NON_FIELD_ERRORS: [self._told(error)]}
        names = {column.field or column.name: column.name for column in self.columns}
        names |= {column.name: column.name for column in self.columns}  # as a DomainError may say it
        for name, messages in by_field.items():
            for message in messages:
                yield names.get(name), str(message)

    def _told(self, error: Exception) -> str:
        """The sentence of the broken constraint, or what the database says."""
        for constraint in self.model._meta.constraints:
            if constraint.name in str(error):
                return str(constraint.violation_error_message)
        return _("The database refuses this row: %(reason)s.") % {"reason": str(error).partition("\n")[0]}


def validate(draft: Draft[Any], *, columns: tuple[Column, ...]) -> None:
    """Check what the file gave, without a query: references were looked up and time zones read already."""
    fact = draft.fact
    given = {column.field for column in columns if not column.refers_to} - {"time_zone"}
    names = {column.field: column.name for column in columns}
    try:
        fact.clean_fields(exclude={item.name for item in fact._meta.fields if item.name not in given})
        fact.clean()
    except ValidationError as error:
        by_field = error.message_dict if hasattr(error, "error_dict") else {"": error.messages}
        for name, messages in by_field.items():
            for message in messages:
                draft.entry.refuse(message, column=names.get(name))


def create(drafts: Sequence[Draft[Any]]) -> None:
    """Insert new rows and their lists. Those with a number go first, and numbering goes on behind them."""
    if not drafts:
        return
    model: Any = type(drafts[0].fact)
    numbered = [draft.fact for draft in drafts if draft.fact.pk is not None]
    others = [draft.fact for draft in drafts if draft.fact.pk is None]
    model._default_manager.bulk_create(numbered, batch_size=BATCH)
    if numbered:
        continue_numbering(model)
    model._default_manager.bulk_create(others, batch_size=BATCH)
    for name in {name for draft in drafts for name in draft.lists}:
        _link(model, name, drafts)


def _link(model: Any, name: str, drafts: Sequence[Draft[Any]]) -> None:
    relation = model._meta.get_field(name)
    through = relation.remote_field.through
    own, other = relation.m2m_column_name(), relation.m2m_reverse_name()
    through._default_manager.bulk_create(
        [
            through(**{own: draft.fact.pk, other: key})
            for draft in drafts
            for key in sorted(draft.lists.get(name, ()))
        ],
        batch_size=BATCH,
    )


def continue_numbering(model: type[models.Model]) -> None:
    """Let the next free number lie above those that rows brought along (PostgreSQL does not notice them)."""
    with connection.cursor() as cursor:
        for statement in connection.ops.sequence_reset_sql(no_style(), [model]):
            cursor.execute(statement)


def _refuse_taken(entry: Entry, number: int, *, holder: str | None) -> None:
    if holder:
        message = _("The number %(found)d is taken by %(holder)s.") % {
            "found": number,
            "holder": shown(holder),
        }
    else:
        message = _("The number %(found)d is taken by a row that has no external ID.") % {"found": number}
    entry.refuse(message, column=NUMBER.name)
