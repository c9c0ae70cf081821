"""Giving and taking roles. What each role may do is tms.access's table."""

from __future__ import annotations

from django.db import transaction
from django.utils.translation import gettext as _

from tms.access import Role
from tms.errors import NotPermitted
from tms.models import User


def set_roles(user: User, roles: set[Role], *, actor: User) -> None:
    """Make these the roles in force. One that stays keeps its dates; the supplemental one is passed on or
    taken away only by somebody who has it."""
    present = user.active_roles
    if Role.GLOBAL_ACHIEVEMENTS in present ^ roles and not (
        actor.is_superuser or Role.GLOBAL_ACHIEVEMENTS in actor.active_roles
    ):
        raise NotPermitted("not_permitted", _("Only who has this supplemental role can give or take it."))
    with transaction.atomic():
        user.role_assignments.filter(role__in=present - roles).delete()
        for role in sorted(roles - present):
            user.role_assignments.update_or_create(role=role, defaults={"starts_at": None, "ends_at": None})
