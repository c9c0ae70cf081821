"""What an administrator does to a user. The learner's own decisions are tms.gates's business."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from django.db import transaction
from django.utils.translation import gettext as _

from tms import gates, language, roles
from tms.access import Action, Role
from tms.errors import NotFound
from tms.models import User
from tms.roles import Term

if TYPE_CHECKING:
    from django.db.models import QuerySet


def managed_by(actor: User) -> QuerySet[User]:
    """Whom `actor` may change. A superuser is changed by superusers alone: that login could be taken over."""
    rows: QuerySet[User] = User.objects.for_user(actor, Action.MANAGE)
    return rows if actor.is_superuser else rows.filter(is_superuser=False)


def save_person(
    user: User,
    *,
    terms: Mapping[Role, Term] | None = None,
    new_password: str = "",
    actor: User,
) -> User:
    """Store a user as it was filled in and, where given, all of its roles and a password; all or nothing.

    A name or an address that changed is on badges that are issued from now on, and is written to those at a
    provider by badges.corrections.
    """
    if user.is_superuser and not actor.is_superuser:
        raise NotFound("not_found", _("Not found."))
    with transaction.atomic():
        if new_password:
            user.set_password(new_password)
        gates.save_user(user, actor=actor)
        if terms is not None:
            roles.assign(user, terms, actor=actor)
    return user


def choose_language(user: User, code: str) -> None:
    """The user's own choice; of a language that is not offered, nothing."""
    if code in dict(language.choices()):
        User.objects.filter(pk=user.pk).update(language=code)
