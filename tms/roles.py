"""Giving and taking roles. What each role may do is tms.access's table."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from django.db import transaction
from django.db.models import Exists, OuterRef, Q
from django.utils import timezone
from django.utils.translation import gettext as _

from tms import audit
from tms.access import Role
from tms.errors import DomainError, NotPermitted
from tms.models import RoleAssignment

if TYPE_CHECKING:
    from datetime import datetime

    from tms.models import User


@dataclass(frozen=True, slots=True, kw_only=True)
class Term:
    """From when until when a role is held; permanent where neither is given."""

    starts_at: datetime | None = None
    ends_at: datetime | None = None

    def has_begun(self, moment: datetime) -> bool:
        return self.starts_at is None or self.starts_at <= moment

    def is_in_force(self, moment: datetime) -> bool:
        return self.has_begun(moment) and (self.ends_at is None or self.ends_at > moment)


PERMANENT = Term()


def terms_of(user: User) -> dict[Role, Term]:
    """Every role that is given to `user`, in force or not."""
    rows = user.role_assignments.all() if user.pk else ()
    return {Role(row.role): Term(starts_at=row.starts_at, ends_at=row.ends_at) for row in rows}


def one_of_in_force(roles: Collection[str]) -> Q:
    """Of users: those who hold one of these now."""
    held = RoleAssignment.objects.in_force(timezone.now()).filter(user=OuterRef("pk"), role__in=roles)
    return Q(Exists(held))


def may_give(actor: User | None, role: Role) -> bool:
    """A supplemental role is passed on, changed or taken away only by somebody who has it."""
    return (
        role != Role.GLOBAL_ACHIEVEMENTS or actor is None or actor.is_superuser or role in actor.active_roles
    )


def assign(user: User, terms: Mapping[Role, Term], *, actor: User | None) -> None:
    """Make these the roles of `user`, all of them."""
    present = terms_of(user)
    changed = [role for role in Role if present.get(role) != terms.get(role)]
    if not all(may_give(actor, role) for role in changed):
        raise NotPermitted("not_permitted", _("Only who has this supplemental role can give or take it."))
    for role in changed:
        _refuse_backwards(role, terms.get(role, PERMANENT))
    with transaction.atomic():
        user.role_assignments.filter(role__in=[role for role in changed if role not in terms]).delete()
        for role in changed:
            if role in terms:
                term = terms[role]
                dates = {"starts_at": term.starts_at, "ends_at": term.ends_at}
                user.role_assignments.update_or_create(role=role, defaults=dates)
        if changed:
            told = [_in_words(present), _in_words(terms)]
            audit.record(audit.Act.ROLES, user, kind=audit.Kind.USER, actor=actor, changes={"roles": told})
    user.__dict__.pop("active_roles", None)  # read before


def _in_words(terms: Mapping[Role, Term]) -> str:
    """As the audit keeps it: the roles by their words in programs, with their dates."""
    told = []
    for role, term in sorted(terms.items()):
        dates = [f"{moment:%Y-%m-%d}" if moment else "" for moment in (term.starts_at, term.ends_at)]
        told.append(f"{role.value} ({'–'.join(dates)})" if any(dates) else role.value)
    return ", ".join(told)


def _refuse_backwards(role: Role, term: Term) -> None:
    if term.starts_at and term.ends_at and term.ends_at <= term.starts_at:
        text = _("The role %(role)s would expire before it starts.") % {"role": role.label}
        raise DomainError("role_ends_first", text, fields={f"{role.value}_ends_at": [text]})


def in_force_from_now(user: User, roles: set[Role]) -> dict[Role, Term]:
    """The terms that make `roles` those in force: one that is in force keeps its dates, another becomes
    permanent, and what is neither in force nor named stays as it is."""
    now = timezone.now()
    present = terms_of(user)
    in_force = {role for role, term in present.items() if term.is_in_force(now)}
    kept = {role: term for role, term in present.items() if role in roles or role not in in_force}
    return kept | dict.fromkeys(roles - in_force, PERMANENT)
