"""Writing down who did what, when and why: called by the verbs themselves, in their transaction.

Only what a person did. What the system does by itself stands where it happens: the timeline of an issued
badge, a run, a synchronization. One act on many things is one entry with their number; each issued badge has
its own line of it in its timeline (badges.lifecycle).
"""

from __future__ import annotations

from functools import reduce
from typing import TYPE_CHECKING, Any

from django.db import models
from django.utils.translation import gettext as _

from tms.access import owner_path
from tms.errors import DomainError
from tms.models import AuditEntry, User

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

Act = AuditEntry.Act
Kind = AuditEntry.Kind

# Values that are nobody's to read here: it is only told that they changed.
HIDDEN = "•••"
_PERSONAL = frozenset({"email", "first_name", "last_name", "password", "external_id"})
_SILENT = frozenset({"last_login"})


def record(
    act: AuditEntry.Act,
    row: models.Model,
    *,
    kind: AuditEntry.Kind,
    actor: User | None,
    reason: str = "",
    changes: Mapping[str, Any] | None = None,
    count: int = 1,
    about: int | None = None,
) -> None:
    """What `actor` did to one thing; nothing for the system itself."""
    if actor is None:
        return
    is_person = isinstance(row, User)
    AuditEntry.objects.create(
        act=act,
        kind=kind,
        key=row.pk,
        name="" if is_person or about else str(row)[:200],
        about_id=row.pk if is_person else about,
        organization_id=_owner(row),
        actor=actor,
        reason=reason,
        changes=dict(changes or {}),
        count=count,
    )


def record_many(
    act: AuditEntry.Act,
    *,
    kind: AuditEntry.Kind,
    count: int,
    owners: Collection[int],
    actor: User | None,
    reason: str = "",
) -> None:
    """What `actor` did to many things at once; nothing where it was none. `owners` are their organizations:
    the one that they have in common reads it, or else the actor's."""
    if actor is None or not count:
        return
    organization = next(iter(owners)) if len(owners) == 1 else actor.organization_id
    AuditEntry.objects.create(
        act=act, kind=kind, organization_id=organization, actor=actor, reason=reason, count=count
    )


def require_reason(reason: str) -> str:
    """A reason that is kept here, trimmed. Raises DomainError("reason_required") for an empty one."""
    if not (kept := reason.strip()):
        message = _("A reason is required: it is kept in the audit.")
        raise DomainError("reason_required", message, fields={"reason": [message]})
    return kept


def owners_of(rows: models.QuerySet[Any], *, actor: User | None) -> list[int]:
    """The organizations of many things, for `record_many`; two are as good as all. Ask before they change."""
    if actor is None:
        return []
    return list(rows.order_by().values_list(owner_path(rows.model), flat=True).distinct()[:2])


def record_saved(
    before: models.Model | None,
    row: models.Model,
    *,
    kind: AuditEntry.Kind,
    actor: User | None,
    more: Mapping[str, list[Any]] | None = None,
) -> None:
    """That `actor` made a thing, or what was changed in it; nothing where nothing was. `more`: changes that
    stand in no column of its own."""
    if actor is None:
        return
    if before is None:
        record(Act.CREATE, row, kind=kind, actor=actor, changes=more)
    elif changes := {**changed_fields(before, row), **(more or {})}:
        record(_saving(changes), row, kind=kind, actor=actor, changes=changes)


def _saving(changes: Mapping[str, Any]) -> AuditEntry.Act:
    if set(changes) == {"is_active"}:
        return Act.ACTIVATE if changes["is_active"][1] else Act.DEACTIVATE
    return Act.CHANGE


def changed_fields(before: models.Model, after: models.Model) -> dict[str, list[Any]]:
    """field → [before, after] of what people edit. Secrets and what is personal are told without values."""
    changes: dict[str, list[Any]] = {}
    for field in after._meta.concrete_fields:
        old, new = getattr(before, field.attname), getattr(after, field.attname)
        if old == new or not field.editable or field.name in _SILENT:
            continue
        if _is_hidden(field, after):
            changes[field.name] = [HIDDEN, HIDDEN]
        elif isinstance(field, models.ForeignKey):
            changes[field.name] = [_name(getattr(before, field.name)), _name(getattr(after, field.name))]
        else:
            changes[field.name] = [_plain(old), _plain(new)]
    return changes


def _is_hidden(field: models.Field[Any, Any], row: models.Model) -> bool:
    is_secret = type(field).__name__ == "EncryptedTextField"
    return is_secret or (isinstance(row, User) and field.name in _PERSONAL)


def _name(row: models.Model | None) -> str:
    return "" if row is None else str(row)


def _plain(value: Any) -> Any:
    return value if value is None or isinstance(value, bool | int | str) else str(value)


def _owner(row: models.Model) -> int | None:
    *way, last = owner_path(type(row)).split("__")
    holder: Any = reduce(getattr, way, row)
    owner: int | None = holder.pk if last == "pk" else getattr(holder, f"{last}_id")
    return owner
