"""Closing an account: whatever is personal goes, for good, and nobody signs in to it any more.

What was done and earned stays as the record of nobody in particular, so that numbers, rosters and the audit
remain true. Every app says in its module `closing` what becomes of its own part (CLOSING), also of what it
has told others.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from django.contrib.admin.models import LogEntry
from django.contrib.contenttypes.models import ContentType
from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import pgettext

from tms import audit
from tms.contributions import contributed
from tms.errors import Conflict, DomainError, NotFound
from tms.members.profile import forget_profile
from tms.models import User
from tms.people import managed_by

if TYPE_CHECKING:
    from collections.abc import Iterator

# Of a user, what is hers alone: rows that other rows do not need.
_OWN = ("saved_searches", "notifications", "mails", "role_assignments")


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """What closing an account comes to in one app. `foresee` yields sentences about a user; `close` does it,
    in the transaction of close_account, while the user still has a name and an address."""

    foresee: Callable[[User], Iterable[str]]
    close: Callable[[User], None]


def consequences(user: User) -> Iterator[str]:
    """What closing this account would come to beyond the account itself, in sentences."""
    for part in contributed("closing"):
        yield from part.foresee(user)


def close_account(user: User, *, reason: str = "", actor: User) -> User:
    """Take everything personal away from a user. That cannot be undone.

    Users may close their own account; whoever manages a user needs a reason, which the audit keeps. Raises
    NotFound for who is out of reach, DomainError for superusers, and Conflict where it is closed already.
    """
    _refuse(user, reason=reason, actor=actor)
    with transaction.atomic():
        held: User = User.objects.select_for_update().get(pk=user.pk)
        if held.closed_at:
            raise Conflict("account_closed", _("This account is closed already."))
        for part in contributed("closing"):
            part.close(held)
        forget_profile(held)
        for name in _OWN:
            getattr(held, name).all().delete()
        for name in ("mail_choices", "auth_token"):
            if row := getattr(held, name, None):
                row.delete()
        _make_anonymous(held)
        audit.record(
            audit.Act.CLOSE, held, kind=audit.Kind.USER, actor=actor, reason=reason.strip() or _("Own wish")
        )
    return held


def _refuse(user: User, *, reason: str, actor: User) -> None:
    if actor.pk != user.pk:
        if not managed_by(actor).filter(pk=user.pk).exists():
            raise NotFound("not_found", _("Not found."))
        audit.require_reason(reason)
    if user.is_superuser:
        raise DomainError(
            "superuser",
            _("This account may do everything here. Take that right away first, then close the account."),
        )


def _make_anonymous(user: User) -> None:
    """The address can receive no mail (RFC 2606), and the days of what was done are kept as they were."""
    now = timezone.now()
    user.first_name = pgettext("first name of a closed account", "Closed")
    user.last_name = pgettext("last name of a closed account", "account %(number)d") % {"number": user.pk}
    user.email = f"closed-{user.pk}@closed.invalid"
    user.external_id = None
    user.time_zone = user.language = ""
    user.is_active = user.participate_in_achievements = False
    user.opted_out_at = user.closed_at = now
    user.last_login = None
    user.set_unusable_password()
    user.save()
    people = ContentType.objects.get_for_model(User)
    LogEntry.objects.filter(content_type=people, object_id=str(user.pk)).update(object_repr=str(user))
